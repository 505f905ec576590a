#include "mail/agenda.h"

#include <stdio.h>
#include <string.h>

#include "mail/cut.h"
#include "mail/message.h"
#include "mail/view_parts.h"
#include "provider/provider.h"

/* Characters of a text, and items of a list. */
enum { TEXT_MAX = 120, ITEMS_MAX = 100, ONE_DAY_HOURS = 26 };

/* ---- what the templates see ---- */

static void add_clipped(struct view *view, struct value *object, const char *name, const char *text)
{
    size_t len = text ? cut_length(text, TEXT_MAX) : 0;
    if (text && text[len])
        text = arena_printf(view->arena, "%.*s...", (int)len, text);
    view_text(view, object, name, text);
}

/* A place that is one of the provider's own words is said in the language; a link as a link. */
static void add_place(struct view *view, struct value *object, const struct agenda_item *item)
{
    char key[VIEW_KEY];
    snprintf(key, sizeof key, "place_%s", item->place_word ? item->place_word : "");
    const char *word = item->place_word ? templates_word(view->templates, key) : NULL;
    bool is_link = item->place && strstr(item->place, "://");
    view_text(view, object, "link", item->link ? item->link : is_link ? item->place : NULL);
    if (word)
        view_say(view, object, "place", key, object);
    else if (!is_link)
        add_clipped(view, object, "place", item->place);
}

static void add_item(struct view *view, struct value *list, const struct agenda_item *item,
    const struct agenda_mail *mail, bool with_host)
{
    static const char *const changes[AGENDA_CHANGES] = {[AGENDA_NEW] = "new",
        [AGENDA_MOVED] = "moved",
        [AGENDA_CHANGED] = "changed",
        [AGENDA_CANCELLED] = "cancelled",
        [AGENDA_DECLINED] = "declined"};
    struct value *object = view_append(view, list);
    enum provider provider;
    day_number day;
    add_clipped(view, object, "who", item->who);
    if (item->others)
        value_add_number(view->arena, object, "others", (double)item->others);
    add_clipped(view, object, "what", item->title);
    add_place(view, object, item);
    if (with_host)
        add_clipped(view, object, "host", item->organizer);
    if (provider_parse(item->provider, &provider))
        view_text(view, object, "provider_name", provider_title(item->provider));
    if (item->request)
        view_flag(view, object, "request");
    if (item->overlaps)
        view_flag(view, object, "overlaps");
    if (item->change != AGENDA_CHANGES)
        view_flag(view, view_object(view, object, "is"), changes[item->change]);
    if (item->start == TIME_NONE)
        return;
    view_add_span(view, object, item->start, item->end);
    view_add_short_span(view, object, "when", item->start, item->end);
    if (!day_of(&view->zone, item->start, &day) || day != mail->day)
        view_flag(view, object, "other_day");
    if (item->previous_start != TIME_NONE)
        view_add_short_span(view, object, "previously", item->previous_start, TIME_NONE);
}

static bool has_several_hosts(const struct agenda *agenda)
{
    const struct agenda_list *lists[] = {&agenda->bookings, &agenda->requests, &agenda->changes};
    const char *first = NULL;
    for (size_t l = 0; l < sizeof lists / sizeof *lists; l++)
        for (size_t i = 0; i < lists[l]->count; i++) {
            const char *host = lists[l]->item[i].organizer;
            if (host && first && strcmp(host, first) != 0)
                return true;
            first = host ? host : first;
        }
    return false;
}

/* NAME: the items; NAME_count, NAME_one, NAME_more: how many in all, only one, how many are not
 * shown. */
static void add_list(struct view *view, const char *name, const struct agenda_list *from,
    const struct agenda_mail *mail, bool with_host)
{
    if (!from->count)
        return;
    struct value *list = view_list(view, view->context, name);
    for (size_t i = 0; i < from->count && i < ITEMS_MAX; i++)
        add_item(view, list, &from->item[i], mail, with_host);
    value_add_number(view->arena, view->context, arena_printf(view->arena, "%s_count", name),
        (double)from->count);
    if (from->count == 1)
        view_flag(view, view->context, arena_printf(view->arena, "%s_one", name));
    if (from->count > ITEMS_MAX)
        value_add_number(view->arena, view->context, arena_printf(view->arena, "%s_more", name),
            (double)(from->count - ITEMS_MAX));
}

static void add_day(struct view *view, const struct agenda_mail *mail)
{
    struct value *context = view->context;
    int64_t noon = day_instant(&view->zone, mail->day, MINUTES_OF_DAY / 2);
    struct value *moment = value_root(view->arena), *day = view_object(view, context, "day");
    view_add_pieces(view, day, noon);
    view_say(view, context, "heading", "date_long", day);
    view_text(view, context, "zone_name", view->zone.name);
    view_add_pieces(view, moment, mail->since);
    view_say(view, context, "since", "moment", moment);
    if (mail->since > mail->date - ONE_DAY_HOURS * INT64_C(3600) * MS_PER_SECOND)
        view_flag(view, context, "since_yesterday");
}

static bool render_parts(const struct composer *composer, const struct agenda_mail *mail,
    struct buf parts[TEMPLATE_PARTS], struct buf *why)
{
    struct arena arena = {0};
    const struct agenda *agenda = mail->agenda;
    const struct view_options options = {.audience = AUDIENCE_OWNER, .recipient = mail->recipient};
    struct view view = {.templates = composer->templates,
        .options = &options,
        .zone = *mail->zone,
        .arena = &arena,
        .context = value_root(&arena),
        .why = why};
    bool with_host = has_several_hosts(agenda), overlaps = false;
    view_flag(&view, view_object(&view, view.context, "tone"), "moved");
    add_day(&view, mail);
    add_list(&view, "bookings", &agenda->bookings, mail, with_host);
    add_list(&view, "requests", &agenda->requests, mail, with_host);
    add_list(&view, "changes", &agenda->changes, mail, with_host);
    for (size_t i = 0; i < agenda->bookings.count; i++)
        overlaps |= agenda->bookings.item[i].overlaps;
    if (overlaps)
        view_flag(&view, view.context, "has_overlaps");
    for (size_t i = 0; i < agenda->bookings.count; i++)
        if (agenda->bookings.item[i].start >= day_instant(mail->zone, mail->day, 0)) {
            view_add_pieces(
                &view, view_object(&view, view.context, "first"), agenda->bookings.item[i].start);
            break;
        }
    bool ok = !view.failed && !arena.failed;
    for (enum template_part part = 0; ok && part < TEMPLATE_PARTS; part++)
        ok = templates_render_agenda(composer->templates, part, view.context, &parts[part], why);
    arena_free(&arena);
    return ok;
}

/* ---- without templates ---- */

static void add_bare_list(
    struct buf *text, const char *title, const struct agenda_list *list, const struct zone *zone)
{
    if (list->count)
        buf_printf(text, "\n%s:\n", title);
    for (size_t i = 0; i < list->count && i < ITEMS_MAX; i++) {
        const struct agenda_item *item = &list->item[i];
        const char *who = item->who ? item->who : "", *what = item->title ? item->title : "";
        struct zone_time at;
        if (item->start != TIME_NONE && zone_local(zone, item->start, &at))
            buf_printf(text, "%04d-%02d-%02d %02d:%02d %s  ", at.year, at.month, at.day, at.hour,
                at.minute, at.abbreviation);
        buf_printf(text, "%.*s, %.*s%s\n", (int)cut_length(who, TEXT_MAX), who,
            (int)cut_length(what, TEXT_MAX), what,
            item->change == AGENDA_CANCELLED ? " (cancelled)" : "");
    }
}

static void add_bare_facts(
    const struct agenda_mail *mail, const char *why, struct buf parts[TEMPLATE_PARTS])
{
    struct buf *text = &parts[PART_TEXT];
    char day[DAY_TEXT];
    day_format(mail->day, day);
    for (enum template_part part = 0; part < TEMPLATE_PARTS; part++)
        buf_free(&parts[part]);
    buf_printf(&parts[PART_SUBJECT], "Agenda: %s", day);
    buf_printf(text, "No template could be used for this mail, so it has only the facts:\n%.*s\n",
        (int)cut_length(why, 1000), why);
    add_bare_list(text, day, &mail->agenda->bookings, mail->zone);
    add_bare_list(text, "Open requests", &mail->agenda->requests, mail->zone);
    add_bare_list(text, "Changes", &mail->agenda->changes, mail->zone);
}

/* ---- the message ---- */

bool agenda_compose(const struct composer *composer, const struct agenda_mail *mail,
    struct buf *out, struct buf *why)
{
    struct buf parts[TEMPLATE_PARTS] = {{0}};
    if (!render_parts(composer, mail, parts, why))
        add_bare_facts(mail, buf_text(why), parts);
    const struct buf *html = &parts[PART_HTML];
    const struct message message = {.name = mail->name,
        .id = mail->id,
        .from = composer->from,
        .from_name = composer->from_name,
        .to = mail->recipient,
        .reply_to = composer->reply_to,
        .date = mail->date,
        .subject = buf_text(&parts[PART_SUBJECT]),
        .text = buf_text(&parts[PART_TEXT]),
        .html = html->len ? buf_text(html) : NULL};
    bool ok = !parts[PART_TEXT].failed && message_compose(&message, out);
    for (enum template_part part = 0; part < TEMPLATE_PARTS; part++)
        buf_free(&parts[part]);
    return ok;
}
