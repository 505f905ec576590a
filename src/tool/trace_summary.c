#include <string.h>

#include "spool/queue.h"
#include "tool/output.h"
#include "tool/trace.h"

/* A drain runs every minute; what waits longer than this is late. */
#define SLOW (INT64_C(5) * 60 * MS_PER_SECOND)

/* How many mails are where, with the time and reason that matter for each. */
struct mails {
    size_t waiting, unknown, accepted, broken, sent, recipients, failed;
    int64_t next, last_sent;
    const char *why;
};

static const struct trace_file *in(const struct trace *trace, enum spool_dir dir)
{
    for (size_t i = 0; i < trace->count; i++)
        if (trace->file[i].place->dir == dir && !trace->file[i].gone &&
            !place_is_mail(trace->file[i].place))
            return &trace->file[i];
    return NULL;
}

static void count_waiting(const struct trace_file *file, struct mails *mails)
{
    const struct place *place = file->place;
    mails->waiting++;
    mails->broken += file->torn != NULL;
    mails->accepted += (place->mode & QUEUE_SENT) != 0;
    mails->unknown += (place->mode & QUEUE_UNKNOWN) != 0 && !(place->mode & QUEUE_SENT);
    if (mails->next == TIME_NONE || place->mtime < mails->next)
        mails->next = place->mtime;
}

/* A replayed event has mailed the same recipient more than once. */
static bool is_first_to(const struct trace *trace, size_t mail)
{
    const char *recipient = trace->file[mail].place->parsed.recipient;
    for (size_t i = 0; i < mail; i++)
        if (trace->file[i].place->dir == DIR_SENT && !trace->file[i].gone &&
            strcmp(trace->file[i].place->parsed.recipient, recipient) == 0)
            return false;
    return true;
}

static struct mails count_mails(const struct trace *trace)
{
    struct mails mails = {.next = TIME_NONE, .last_sent = TIME_NONE};
    for (size_t i = 0; i < trace->count; i++) {
        const struct trace_file *file = &trace->file[i];
        if (!place_is_mail(file->place) || file->gone)
            continue;
        if (file->place->dir == DIR_OUT)
            count_waiting(file, &mails);
        if (file->place->dir == DIR_FAILED) {
            mails.failed++;
            mails.why = file->why ? file->why : mails.why;
        }
        if (file->place->dir == DIR_SENT) {
            mails.sent++;
            mails.recipients += is_first_to(trace, i);
            if (file->place->mtime > mails.last_sent)
                mails.last_sent = file->place->mtime;
        }
    }
    return mails;
}

/* Begins the next part of the summary. */
static void part(struct buf *out)
{
    if (out->len)
        buf_puts(out, "; ");
}

static const char *s(size_t count)
{
    return count == 1 ? "" : "s";
}

static void say_new(const struct trace *trace, const struct trace_file *file, struct buf *out)
{
    char ago[AGE_TEXT];
    int64_t mtime = file->place->mtime;
    part(out);
    output_ago(mtime, trace->now, ago);
    if (in(trace, DIR_DONE))
        buf_puts(out, "a late duplicate is in new/: the next drain drops it");
    else if (file->torn)
        buf_printf(out,
            "the file in new/ is not intact (%s): the drain moves it to bad/ after an hour",
            file->torn);
    else if (!tool_due(trace->conf, DIR_NEW, mtime, trace->now))
        buf_printf(out, "waits for the other half of a move, or to be tried again %s", ago);
    else if (trace->now - mtime > SLOW)
        buf_puts(out, "waits for the drain: is bookspool-drain run by cron or a timer?");
    else
        buf_puts(out, "accepted, and waits for the next run of bookspool-drain");
}

static void say_held(const struct trace *trace, struct buf *out)
{
    part(out);
    if (in(trace, DIR_DONE))
        buf_puts(out, "a copy held as stale is left: the next drain drops it");
    else
        buf_printf(out,
            "held: signature right, but outside the replay window; bookspool release %s lets it "
            "go on",
            trace->id);
}

static void say_bad(const struct trace *trace, const struct trace_file *file, struct buf *out)
{
    const char *reason = file->why ? file->why : file->torn ? file->torn : "it is intact now";
    part(out);
    buf_printf(out, "set aside in bad/: %s", reason);
    if (!file->torn && !in(trace, DIR_DONE))
        buf_puts(out, "; the next drain takes it up again");
}

static void say_waiting(const struct trace *trace, const struct mails *mails, struct buf *out)
{
    char next[AGE_TEXT];
    if (!mails->waiting)
        return;
    output_ago(mails->next, trace->now, next);
    bool due = tool_due(trace->conf, DIR_OUT, mails->next, trace->now);
    part(out);
    buf_printf(out, "%zu mail%s waiting, next attempt %s", mails->waiting, s(mails->waiting),
        due ? "with the next drain" : next);
    if (due && trace->now - mails->next > SLOW)
        buf_puts(out, " (is bookspool-drain run by cron or a timer?)");
    if (mails->unknown)
        buf_printf(out, ", %zu with an unknown outcome: it may have arrived, and %s",
            mails->unknown,
            trace->park ? "is kept for a person; chmod a-x on the file in out/ sends it again"
                        : "another attempt may be a repeat");
    if (mails->accepted)
        buf_printf(out, ", %zu accepted already and only to be moved to sent/", mails->accepted);
    if (mails->broken)
        buf_printf(out, ", %zu not intact", mails->broken);
}

static void say_mails(const struct trace *trace, const struct mails *mails, struct buf *out)
{
    char ago[AGE_TEXT];
    if (mails->sent) {
        output_ago(mails->last_sent, trace->now, ago);
        part(out);
        buf_printf(
            out, "mailed to %zu recipient%s %s", mails->recipients, s(mails->recipients), ago);
        if (mails->sent > mails->recipients)
            buf_printf(out, ", %zu mails in all", mails->sent);
    }
    say_waiting(trace, mails, out);
    if (mails->failed) {
        part(out);
        buf_printf(out, "%zu mail%s given up: %s", mails->failed, s(mails->failed),
            mails->why ? mails->why : "the reason is not there any more");
    }
    if (in(trace, DIR_DONE) && mails->sent + mails->waiting + mails->failed == 0) {
        part(out);
        buf_puts(out, "done, and no mail of it is left: it was not mailed, or its mails were "
                      "forgotten or removed");
    }
}

void trace_summary(const struct trace *trace, struct buf *out)
{
    const struct trace_file *file;
    struct mails mails = count_mails(trace);
    size_t start = out->len;
    if (trace->count == 0) {
        buf_puts(out, "unknown here: never accepted, or older than the retention");
        return;
    }
    if ((file = in(trace, DIR_NEW)))
        say_new(trace, file, out);
    if (in(trace, DIR_HELD))
        say_held(trace, out);
    if ((file = in(trace, DIR_BAD)))
        say_bad(trace, file, out);
    if (in(trace, DIR_REPLAY)) {
        part(out);
        buf_puts(out, "the next drain mails it again, as an operator asked");
    }
    say_mails(trace, &mails, out);
    if (out->len == start)
        buf_puts(out, "being moved at this moment: ask again");
}
