#include "report/page.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/version.h"
#include "mail/escape.h"
#include "report/page_style.h"
#include "report/plot.h"

#define TARGET 99.5 /* percent of mails that must arrive */

enum { FILE_MODE = 0640 };

/* ---- small parts ---- */

static void add_text(struct buf *out, const char *text)
{
    escape_html(text, strlen(text), out);
}

/* "2026-11-24 16:00" on the clocks of the zone. */
static void format_time(const struct overview *o, int64_t when, char text[PLOT_LABEL * 2])
{
    struct zone_time at;
    if (when != TIME_NONE && zone_local(&o->zone, when, &at))
        snprintf(text, PLOT_LABEL * 2, "%04d-%02d-%02d %02d:%02d", at.year, at.month, at.day,
            at.hour, at.minute);
    else
        snprintf(text, PLOT_LABEL * 2, "-");
}

static void format_day(const struct overview *o, int64_t when, char text[PLOT_LABEL])
{
    struct zone_time at;
    text[0] = '\0';
    if (zone_local(&o->zone, when, &at))
        snprintf(text, PLOT_LABEL, "%02d-%02d", at.month, at.day);
}

static void format_hour(const struct overview *o, int64_t when, char text[PLOT_LABEL])
{
    struct zone_time at;
    text[0] = '\0';
    if (zone_local(&o->zone, when, &at))
        snprintf(text, PLOT_LABEL, "%02d:%02d", at.hour, at.minute);
}

/* "5 s", "15 m", "1 h" */
static void format_length(int64_t ms, char text[TIME_TEXT])
{
    if (ms < MS_PER_SECOND)
        snprintf(text, TIME_TEXT, "%lld ms", (long long)ms);
    else
        time_format_age(ms, text);
}

static void add_ago(struct buf *out, const struct overview *o, int64_t when)
{
    char age[TIME_TEXT];
    if (when == TIME_NONE) {
        buf_puts(out, "never");
        return;
    }
    time_format_age(o->now > when ? o->now - when : 0, age);
    buf_printf(out, "%s ago", age);
}

/* A table that may be wider than the screen: it scrolls by itself, with the keyboard too. */
static void begin_table(struct buf *out, const char *caption, const char *const *heads)
{
    buf_puts(out, "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"");
    add_text(out, caption);
    buf_puts(out, "\"><table><caption>");
    add_text(out, caption);
    buf_puts(out, "</caption><thead><tr>");
    for (; *heads; heads++) {
        bool number = **heads == '#'; /* a column of numbers */
        buf_printf(out, "<th scope=\"col\"%s>", number ? " class=\"n\"" : "");
        add_text(out, *heads + number);
        buf_puts(out, "</th>");
    }
    buf_puts(out, "</tr></thead><tbody>\n");
}

static void end_table(struct buf *out)
{
    buf_puts(out, "</tbody></table></div>\n");
}

static void begin_details(struct buf *out, const char *summary)
{
    buf_puts(out, "<details><summary>");
    add_text(out, summary);
    buf_puts(out, "</summary>\n");
}

/* ---- the head ---- */

/* The page's own style is all that it may use, by its digest. */
static void add_head(struct buf *out)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    unsigned char base64[64];
    SHA256((const unsigned char *)page_style, strlen(page_style), digest);
    EVP_EncodeBlock(base64, digest, sizeof digest);
    buf_printf(out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
        "style-src 'sha256-%s'; base-uri 'none'; form-action 'none'\">\n"
        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
        "<meta name=\"robots\" content=\"noindex\">\n"
        "<meta name=\"referrer\" content=\"no-referrer\">\n"
        "<title>bookspool</title>\n<style>%s</style>\n</head>\n<body>\n",
        base64, page_style);
}

const char *page_headline(enum health_state state)
{
    static const char *const texts[] = {
        "all is well", "something needs attention", "something fails"};
    return texts[state];
}

static void add_header(const struct overview *o, struct buf *out)
{
    char time[PLOT_LABEL * 2];
    const char *state = health_state_name(o->state), *headline = page_headline(o->state);
    format_time(o, o->now, time);
    buf_printf(out,
        "<header>\n<h1>bookspool</h1>\n<p class=\"state %s\">%c%s"
        "<small>Written %s (%s). The drain writes this at the end of each run: if that is long "
        "ago, "
        "no drain runs, whatever it says.</small></p>\n</header>\n<main>\n",
        state, headline[0] - 'a' + 'A', headline + 1, time, o->zone.known ? o->zone.name : "UTC");
}

static void add_check(const struct health_check *check, struct buf *out)
{
    const char *state = health_state_name(check->state);
    buf_printf(out, "<li><b class=\"%s\">%s</b> ", state, state);
    add_text(out, check->text);
    if (check->advice) {
        buf_puts(out, "<span>");
        add_text(out, check->advice);
        buf_puts(out, "</span>");
    }
    buf_puts(out, "</li>\n");
}

/* What does not pass, with what to do; the rest is folded away. */
static void add_checks(const struct overview *o, struct buf *out)
{
    size_t passed = 0;
    bool any = false;
    for (size_t i = 0; i < o->checks; i++) {
        passed += o->check[i].state == HEALTH_PASS;
        any = any || o->check[i].state != HEALTH_PASS;
    }
    buf_printf(out, "<section aria-labelledby=\"checks\">\n<h2 id=\"checks\">%s</h2>\n",
        any ? "What to look at" : "Checks");
    if (any)
        buf_puts(out, "<ul class=\"checks\">\n");
    for (enum health_state state = HEALTH_FAIL; any && state > HEALTH_PASS; state--)
        for (size_t i = 0; i < o->checks; i++)
            if (o->check[i].state == state)
                add_check(&o->check[i], out);
    if (any)
        buf_puts(out, "</ul>\n");
    char summary[64];
    snprintf(summary, sizeof summary, "%zu check%s pass%s", passed, passed == 1 ? "" : "s",
        passed == 1 ? "es" : "");
    begin_details(out, summary);
    buf_puts(out, "<ul class=\"checks\">\n");
    for (size_t i = 0; i < o->checks; i++)
        if (o->check[i].state == HEALTH_PASS)
            add_check(&o->check[i], out);
    buf_puts(out, "</ul></details></section>\n");
}

/* ---- numbers ---- */

static void add_tiles(const struct overview *o, struct buf *out)
{
    static const char *const names[] = {"last hour", "last 24 hours", "last 7 days"};
    const struct survey *survey = &o->facts.survey;
    char within[TIME_TEXT] = "-";
    int64_t half = overview_mailed_within(o, 50);
    double success = overview_success(&o->total[3]);
    buf_puts(out, "<ul class=\"tiles\">\n");
    for (size_t i = 0; o->history_known && i < sizeof names / sizeof *names; i++)
        buf_printf(out, "<li><strong>%llu</strong>webhook%s in the %s; %llu mail%s sent</li>\n",
            (unsigned long long)o->total[i].accepted, o->total[i].accepted == 1 ? "" : "s",
            names[i], (unsigned long long)o->total[i].sent, o->total[i].sent == 1 ? "" : "s");
    if (success >= 0)
        buf_printf(out, "<li><strong class=\"%s\">%.4g %%</strong>of mails arrived, 30 days; ",
            success >= TARGET ? "pass" : "fail", success);
    else
        buf_puts(out, "<li><strong>-</strong>of mails arrived, 30 days; ");
    buf_printf(out, "the aim is %.4g %%</li>\n", TARGET);
    if (half == INT64_MAX)
        snprintf(within, sizeof within, "hours");
    else if (half >= 0)
        format_length(half, within);
    buf_printf(out, "<li><strong>%s%s</strong>from webhook to mail, for half of the mails</li>\n",
        half < 0 ? "" : "&le; ", within);
    buf_printf(out, "<li><strong>%lld</strong>waiting now, %lld set aside for you</li>\n</ul>\n",
        (long long)(survey->count[DIR_NEW] + survey->count[DIR_REPLAY] + survey->count[DIR_OUT]),
        (long long)(survey->count[DIR_HELD] + survey->count[DIR_BAD] + survey->count[DIR_FAILED]));
}

/* ---- plots ---- */

static void add_key(struct buf *out, const char *const *names, size_t count)
{
    buf_puts(out, "<ul class=\"key\">");
    for (size_t i = 0; i < count; i++) {
        buf_printf(out,
            "<li><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"s%zu\" width=\"10\" "
            "height=\"10\" rx=\"2\"/></svg>",
            i);
        add_text(out, names[i]);
        buf_puts(out, "</li>");
    }
    buf_puts(out, "</ul>\n");
}

static void begin_figure(struct buf *out, const char *caption, const char *text)
{
    buf_puts(out, "<figure><figcaption>");
    add_text(out, caption);
    buf_puts(out, "</figcaption><p>");
    add_text(out, text);
    buf_puts(out, "</p>\n");
}

/* Every fifth day has its date below it, the last one too. */
static void add_day_labels(const struct overview *o, struct plot_point *point)
{
    for (size_t i = 0; i < OVERVIEW_DAYS; i++)
        if ((OVERVIEW_DAYS - 1 - i) % 6 == 0)
            format_day(o, o->month[i].begin, point[i].label);
}

static void plot_kinds(const struct overview *o, struct buf *out)
{
    static const char *const names[] = {"new", "moved", "cancelled", "other"};
    struct plot_point point[OVERVIEW_DAYS] = {0};
    char text[128], day[PLOT_LABEL];
    uint64_t sums[KIND_GROUPS] = {0};
    for (size_t i = 0; i < OVERVIEW_DAYS; i++)
        for (size_t k = 0; k < KIND_GROUPS; k++) {
            point[i].value[k] = (double)o->month[i].events[k];
            sums[k] += o->month[i].events[k];
        }
    add_day_labels(o, point);
    snprintf(text, sizeof text, "%llu new, %llu moved, %llu cancelled, %llu other in 30 days",
        (unsigned long long)sums[0], (unsigned long long)sums[1], (unsigned long long)sums[2],
        (unsigned long long)sums[3]);
    begin_figure(out, "Bookings by day", text);
    plot_bars(&(struct plot){.id = "kinds",
                  .title = "Bookings by day and kind",
                  .text = text,
                  .unit = "",
                  .point = point,
                  .points = OVERVIEW_DAYS,
                  .series = KIND_GROUPS,
                  .target = -1},
        out);
    add_key(out, names, KIND_GROUPS);
    begin_details(out, "Numbers");
    begin_table(out, "Bookings by day and kind",
        (const char *const[]){"Day", "#new", "#moved", "#cancelled", "#other", NULL});
    for (size_t i = OVERVIEW_DAYS; i-- > 0;) {
        const struct overview_span *span = &o->month[i];
        if (!overview_events(span))
            continue;
        format_day(o, span->begin, day);
        buf_printf(out, "<tr><th scope=\"row\">%s</th>", day);
        for (size_t k = 0; k < KIND_GROUPS; k++)
            buf_printf(out, "<td class=\"n\">%llu</td>", (unsigned long long)span->events[k]);
        buf_puts(out, "</tr>\n");
    }
    end_table(out);
    buf_puts(out, "</details></figure>\n");
}

/* Neighbouring bounds of the histogram are one row here. */
static void plot_times(const struct overview *o, struct buf *out)
{
    struct plot_point point[HISTOGRAM_BOUNDS + 1] = {0};
    const int64_t *bounds = overview_mailed_bounds();
    char text[160], half[TIME_TEXT], most[TIME_TEXT];
    int64_t within = overview_mailed_within(o, 50), nearly = overview_mailed_within(o, 95);
    size_t last = 0;
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++) {
        char bound[TIME_TEXT];
        format_length(bounds[i < HISTOGRAM_BOUNDS ? i : HISTOGRAM_BOUNDS - 1], bound);
        snprintf(point[i].label, sizeof point[i].label, "%s %.14s",
            i < HISTOGRAM_BOUNDS ? "\u2264" : ">", bound);
        point[i].value[0] = (double)o->mailed[i];
        if (o->mailed[i])
            last = i;
    }
    if (within < 0)
        snprintf(text, sizeof text, "no mail was sent in 30 days");
    else {
        format_length(within == INT64_MAX ? bounds[HISTOGRAM_BOUNDS - 1] : within, half);
        format_length(nearly == INT64_MAX ? bounds[HISTOGRAM_BOUNDS - 1] : nearly, most);
        snprintf(text, sizeof text, "half of the mails within %s, 95 %% within %s%s", half,
            nearly == INT64_MAX ? "more than " : "", most);
    }
    begin_figure(out, "Time from webhook to mail", text);
    plot_rows(&(struct plot){.id = "times",
                  .title = "Mails of 30 days by the time from webhook to mail",
                  .text = text,
                  .unit = "",
                  .point = point,
                  .points = last < 4 ? 5 : last + 1,
                  .series = 1,
                  .target = -1},
        out);
    buf_puts(out, "</figure>\n");
}

/* Part of the axis, where it matters: a day below that ends at its edge. */
static void plot_success(const struct overview *o, struct buf *out)
{
    struct plot_point point[OVERVIEW_DAYS] = {0};
    char text[128], day[PLOT_LABEL];
    double all = overview_success(&o->total[3]), low = 98;
    size_t below = 0;
    for (size_t i = 0; i < OVERVIEW_DAYS; i++) {
        double success = overview_success(&o->month[i]);
        point[i].value[0] = success;
        below += success >= 0 && success < TARGET;
        if (success >= 0 && success < low)
            low = success < 90 ? 0 : 90;
    }
    add_day_labels(o, point);
    if (all < 0)
        snprintf(text, sizeof text, "no mail was sent in 30 days");
    else
        snprintf(text, sizeof text, "%.4g %% in 30 days; on %zu day%s below %.4g %%", all, below,
            below == 1 ? "" : "s", TARGET);
    begin_figure(out, "Mails that arrived", text);
    plot_lines(&(struct plot){.id = "success",
                   .title = "Share of mails that arrived, by day, in percent",
                   .text = text,
                   .unit = "%",
                   .point = point,
                   .points = OVERVIEW_DAYS,
                   .series = 1,
                   .low = low,
                   .high = 100,
                   .target = TARGET},
        out);
    begin_details(out, "Numbers");
    begin_table(out, "Mails that arrived, by day",
        (const char *const[]){"Day", "#sent", "#given up", "#percent", NULL});
    for (size_t i = OVERVIEW_DAYS; i-- > 0;) {
        const struct overview_span *span = &o->month[i];
        if (overview_success(span) < 0)
            continue;
        format_day(o, span->begin, day);
        buf_printf(out,
            "<tr><th scope=\"row\">%s</th><td class=\"n\">%llu</td><td class=\"n\">%llu</td>"
            "<td class=\"n\">%.4g</td></tr>\n",
            day, (unsigned long long)span->sent, (unsigned long long)span->given_up,
            overview_success(span));
    }
    end_table(out);
    buf_puts(out, "</details></figure>\n");
}

static void plot_queue(const struct overview *o, struct buf *out)
{
    static const char *const names[] = {
        "waiting for the drain or the mail server", "set aside for you"};
    struct plot_point point[OVERVIEW_QUEUE] = {0};
    char text[128], hour[PLOT_LABEL];
    int64_t most = 0;
    for (size_t i = 0; i < OVERVIEW_QUEUE; i++) {
        const struct overview_span *span = &o->queue[i];
        struct zone_time at;
        point[i].value[0] = span->known ? (double)span->waiting : -1;
        point[i].value[1] = span->known ? (double)span->aside : -1;
        most = span->waiting > most ? span->waiting : most;
        if (zone_local(&o->zone, span->begin, &at) && at.minute == 0 && at.hour % 6 == 0 && i)
            format_hour(o, span->begin, point[i].label);
    }
    snprintf(text, sizeof text, "at most %lld at once in 24 hours", (long long)most);
    begin_figure(out, "What waited", text);
    plot_lines(&(struct plot){.id = "queue",
                   .title = "Files that waited in the spool, in 24 hours",
                   .text = text,
                   .unit = "",
                   .point = point,
                   .points = OVERVIEW_QUEUE,
                   .series = 2,
                   .target = -1},
        out);
    add_key(out, names, 2);
    begin_details(out, "Numbers");
    begin_table(out, "The most that waited, by hour",
        (const char *const[]){"From", "#waiting", "#set aside", NULL});
    for (size_t i = OVERVIEW_DAY; i-- > 0;) {
        if (!o->day[i].known)
            continue;
        format_hour(o, o->day[i].begin, hour);
        buf_printf(out,
            "<tr><th scope=\"row\">%s</th><td class=\"n\">%lld</td><td "
            "class=\"n\">%lld</td></tr>\n",
            hour, (long long)o->day[i].waiting, (long long)o->day[i].aside);
    }
    end_table(out);
    buf_puts(out, "</details></figure>\n");
}

/* ---- tables ---- */

static void add_booking(
    const struct overview *o, const struct overview_booking *booking, struct buf *out)
{
    char when[PLOT_LABEL * 2];
    format_time(o, booking->start, when);
    buf_printf(out, "<tr><td class=\"t\">%s</td><td>", when);
    add_text(out, booking->who ? booking->who : "-");
    buf_puts(out, "</td><td>");
    add_text(out, booking->title ? booking->title : "-");
    buf_puts(out, "</td><td class=\"t\">");
    add_text(out, provider_title(booking->provider));
    buf_puts(out, "</td></tr>\n");
}

static void add_bookings(const struct overview *o, struct buf *out)
{
    static const char *const heads[] = {"Start", "Who", "What", "By", NULL};
    buf_puts(out, "<section aria-labelledby=\"next\">\n<h2 id=\"next\">Next bookings</h2>\n");
    if (o->ledger_trouble) {
        buf_puts(out, "<p class=\"fail\">The ledger cannot be read: ");
        add_text(out, o->ledger_trouble);
        buf_puts(out, "</p>\n");
    } else if (!o->bookings)
        buf_puts(out, "<p class=\"note\">No booking is ahead.</p>\n");
    else {
        begin_table(out, "The bookings that begin next", heads);
        for (size_t i = 0; i < o->bookings; i++)
            add_booking(o, &o->next[i], out);
        end_table(out);
    }
    buf_puts(out, "</section>\n");
    if (!o->pairs)
        return;
    buf_puts(out,
        "<section aria-labelledby=\"pairs\">\n<h2 id=\"pairs\" class=\"warn\">Two bookings "
        "at the same time</h2>\n");
    begin_table(out, "Bookings of one organizer that overlap, two and two", heads);
    for (size_t i = 0; i < o->pairs; i++) {
        add_booking(o, &o->pair[i].first, out);
        add_booking(o, &o->pair[i].second, out);
    }
    end_table(out);
    if (o->more_pairs)
        buf_puts(out, "<p class=\"note\">And more: <code>bookspool list --conflicts</code></p>\n");
    buf_puts(out, "</section>\n");
}

static void add_troubles(const struct overview *o, struct buf *out)
{
    static const char *const todo[SPOOL_DIRS] = {
        [DIR_HELD] = "bookspool show ID, then bookspool release ID or rm",
        [DIR_BAD] = "bookspool trace ID, then bookspool replay FILE or rm",
        [DIR_FAILED] = "bookspool trace ID, then mv failed/NAME out/ or rm"};
    char since[PLOT_LABEL * 2];
    if (!o->troubles)
        return;
    buf_puts(out, "<section aria-labelledby=\"aside\">\n<h2 id=\"aside\">Set aside for you</h2>\n");
    begin_table(out, "Events and mails that wait for a person",
        (const char *const[]){"Where", "Since", "Why", "Name", "What to do", NULL});
    for (size_t i = 0; i < o->troubles; i++) {
        const struct overview_trouble *trouble = &o->trouble[i];
        format_time(o, trouble->since, since);
        buf_printf(out, "<tr><td>%s/</td><td class=\"t\">%s</td><td>", spool_dir_name(trouble->dir),
            since);
        add_text(out, *trouble->reason           ? trouble->reason
                      : trouble->dir == DIR_HELD ? "outside the replay window"
                                                 : "-");
        buf_puts(out, "</td><td><code>");
        add_text(out, trouble->name);
        buf_printf(out, "</code></td><td>%s</td></tr>\n", todo[trouble->dir]);
    }
    end_table(out);
    if (o->more_troubles)
        buf_printf(out, "<p class=\"note\">And %zu more: <code>bookspool list</code></p>\n",
            o->more_troubles);
    buf_puts(out, "</section>\n");
}

static void add_secrets(const struct overview *o, struct buf *out)
{
    static const char *const names[] = {"primary", "secondary"};
    buf_puts(out, "<section aria-labelledby=\"secrets\">\n<h2 id=\"secrets\">Secrets</h2>\n");
    begin_table(out, "When each secret last signed a webhook",
        (const char *const[]){"Provider", "Secret", "Last used", "#Webhooks", NULL});
    for (enum provider p = 0; p < PROVIDERS; p++)
        for (size_t slot = 0; slot < PROVIDER_SECRETS; slot++) {
            uint64_t used = o->facts.counters.value[counter_at(COUNT_SECRET_USED, p, slot)];
            if (slot && !used)
                continue;
            buf_printf(
                out, "<tr><td>%s</td><td>%s</td><td>", provider_table[p]->title, names[slot]);
            add_ago(out, o, health_time(&o->facts, counter_at(COUNT_SECRET_USED_AT, p, slot)));
            buf_printf(out, "</td><td class=\"n\">%llu</td></tr>\n", (unsigned long long)used);
        }
    end_table(out);
    buf_puts(out, "</section>\n");
}

static void add_spool(const struct overview *o, struct buf *out)
{
    buf_puts(out, "<section aria-labelledby=\"spool\">\n<h2 id=\"spool\">Spool</h2>\n");
    begin_table(out, "What waits in which directory",
        (const char *const[]){"Directory", "#Files", "Oldest", NULL});
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++) {
        if (!survey_covers(dir))
            continue;
        buf_printf(out, "<tr><td>%s/</td><td class=\"n\">%lld</td><td>", spool_dir_name(dir),
            (long long)o->facts.survey.count[dir]);
        if (o->facts.survey.count[dir])
            add_ago(out, o, o->facts.survey.oldest[dir]);
        buf_puts(out, "</td></tr>\n");
    }
    end_table(out);
    buf_puts(out, "</section>\n");
}

/* ---- all of it ---- */

void page_write(const struct overview *o, struct buf *out)
{
    add_head(out);
    add_header(o, out);
    add_checks(o, out);
    add_tiles(o, out);
    if (o->history_known) {
        buf_puts(out, "<div class=\"grid\">\n");
        plot_kinds(o, out);
        plot_success(o, out);
        plot_times(o, out);
        plot_queue(o, out);
        buf_puts(out, "</div>\n");
    } else
        buf_puts(out, "<section><p class=\"note\">Plots appear when the drain has run for a "
                      "while.</p></section>\n");
    add_bookings(o, out);
    add_troubles(o, out);
    buf_puts(out, "<div class=\"grid\">\n");
    add_secrets(o, out);
    add_spool(o, out);
    buf_puts(out,
        "</div>\n</main>\n<footer><p>This page names customers, in the next bookings and in "
        "those that overlap: it belongs behind authentication.</p>"
        "<p>bookspool " BOOKSPOOL_VERSION ". The same on a terminal: <code>bookspool status"
        "</code>. If mail did not come: <code>man bookspool</code>, MAIL DID NOT COME.</p>"
        "</footer>\n</body>\n</html>\n");
}

bool page_save(const struct overview *overview, const char *path, struct buf *why)
{
    struct buf page = {0};
    page_write(overview, &page);
    errno = ENOMEM;
    bool ok = !page.failed && io_replace_file(path, page.data, page.len, FILE_MODE);
    if (!ok)
        buf_printf(why, "%s: %s", path, strerror(errno));
    buf_free(&page);
    return ok;
}
