/* bookspool forget: takes a person out of spool and ledger. */
#include "spool/forget.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/array.h"
#include "base/text.h"
#include "deliver/attempts.h"
#include "event/mention.h"
#include "ledger/agenda.h"
#include "ledger/erase.h"
#include "mail/message.h"
#include "mail/reading.h"
#include "spool/ids.h"
#include "spool/queue.h"
#include "tool/ledger_view.h"
#include "tool/output.h"
#include "tool/tool.h"

static const char usage[] =
    "forget ADDRESS [--dry-run] [--json] [--spool DIR]\n"
    "\n"
    "Takes a person out of spool and ledger: the bodies of all events in which the\n"
    "address is, their mails, what is held, given up or torn, and what the ledger\n"
    "knows of the person. The names of events in done/ stay, so that a retry is still\n"
    "recognised and nothing is mailed again. What still waits (new/, replay/, out/)\n"
    "is reported and left alone: run it again after it was mailed. Then it says\n"
    "which other places may have the person. Takes the drain's lock; the receiver\n"
    "goes on.\n"
    "\n"
    "  --dry-run   only count\n"
    "\n"
    "Exit status: 0 nothing is left in spool and ledger, 64 no address, or one of a\n"
    "host or of the settings, 75 something waits, or a drain is at work: try again.\n";

enum { NAME_LEN_MIN = 3 };

struct forgetting {
    struct tool *tool;
    struct mention mention;
    bool dry;
    struct ledger *ledger;              /* NULL: there is none */
    struct ids in_play, events, others; /* others: their mails name a booking of the person */
    struct arena arena;
    const char **name; /* that bodies give the person */
    size_t names, name_room;
    size_t hosted, waiting;
    size_t count[SPOOL_DIRS];
    enum spool_dir dir; /* that is walked */
    bool events_wait;
    bool reached; /* nothing failed: there is something to report */
    struct erased erased;
    size_t attempts;
};

/* ---- what is the person's ---- */

static void add_name(struct forgetting *f, const char *name)
{
    if (!name || strlen(name) < NAME_LEN_MIN)
        return;
    void *grown = array_room(f->name, f->names, &f->name_room, sizeof *f->name);
    if (!grown)
        tool_no_memory();
    f->name = grown;
    f->name[f->names++] = arena_strdup(&f->arena, name);
}

static bool is_person(struct forgetting *f, const struct person *person)
{
    const char *address = person->email ? person->email : person->written_email;
    return address && mention_in(&f->mention, address, strlen(address));
}

/* The person's own bookings go from the ledger, others that mention the person only lose that. */
static bool note_event(struct forgetting *f, const struct record *record)
{
    struct event event;
    bool own = false, ok = ids_add(&f->events, record->id);
    if (!ok || !record_map(record, &event))
        tool_no_memory();
    const struct booking *b = &event.booking;
    bool host = is_person(f, &b->organizer);
    for (size_t i = 0; i < b->host_count; i++)
        host |= is_person(f, &b->hosts[i]);
    f->hosted += host;
    for (size_t i = 0; i < b->attendee_count; i++)
        if (is_person(f, &b->attendees[i])) {
            own = true;
            add_name(f, b->attendees[i].name);
        }
    if (f->ledger)
        ok = ledger_erase_event(f->ledger, record->id) &&
             (!own || !b->uid || ledger_erase_booking(f->ledger, event.provider, b->uid)) &&
             (!own || !b->previous_uid ||
                 ledger_erase_booking(f->ledger, event.provider, b->previous_uid));
    event_free(&event);
    return ok;
}

static bool find_in_file(void *context, const struct spool_item *item)
{
    struct forgetting *f = context;
    struct spool_file file;
    if (queue_is_why(item->name))
        return true;
    if (!spool_read(&f->tool->spool, f->dir, item->name, &file))
        return errno == ENOENT;
    const struct record *record = &file.record;
    bool ok = true, event = !file.torn && record->kind == RECORD_EVENT;
    if (event && !record->forgotten && mention_in_body(&f->mention, record->body, record->length)) {
        bool waits = f->dir == DIR_NEW || f->dir == DIR_REPLAY;
        f->waiting += waits;
        f->events_wait |= waits;
        ok = note_event(f, record);
    }
    spool_file_free(&file);
    return ok;
}

static bool walk(struct forgetting *f, enum spool_dir dir, spool_visit *visit)
{
    f->dir = dir;
    return spool_walk(&f->tool->spool, dir, visit, f);
}

static bool note_other(void *context, const char *id)
{
    struct forgetting *f = context;
    return ids_add(&f->others, id);
}

/* ---- mails ---- */

static bool has_name(const struct forgetting *f, const char *text)
{
    for (size_t i = 0; i < f->names; i++)
        if (strstr(text, f->name[i]))
            return true;
    return false;
}

/* An agenda has names where it has no addresses. */
static bool says_person(struct forgetting *f, const struct spool_file *file)
{
    struct buf text = {0};
    const struct record *record = &file->record;
    bool agenda = false;
    if (file->torn || record->kind != RECORD_MAIL)
        return mention_in(&f->mention, buf_text(&file->data), file->data.len);
    if (mention_in(&f->mention, record->to, strlen(record->to)))
        return true;
    if (!message_read(record->body, record->length, &text) && text.failed)
        tool_no_memory();
    if (f->names && f->ledger && !ledger_agenda_known(f->ledger, record->id, &agenda))
        agenda = false;
    bool says = mention_in(&f->mention, buf_text(&text), text.len) ||
                (agenda && has_name(f, buf_text(&text)));
    buf_free(&text);
    return says;
}

/* Sets *mine; false: the file cannot be read, and is not gone. */
static bool is_mine(struct forgetting *f, const char *name, const char *id, bool *mine)
{
    struct spool_file file;
    *mine = id && (ids_have(&f->events, id) || ids_have(&f->others, id));
    if (*mine)
        return true;
    if (!spool_read(&f->tool->spool, f->dir, name, &file))
        return errno == ENOENT;
    *mine = says_person(f, &file);
    spool_file_free(&file);
    return true;
}

static bool count_waiting(void *context, const struct spool_item *item)
{
    struct forgetting *f = context;
    struct spool_name parsed;
    bool mine,
        ok = is_mine(f, item->name, name_parse(item->name, &parsed) ? parsed.id : NULL, &mine);
    f->waiting += ok && mine;
    return ok;
}

/* Of sent/, failed/, held/ and bad/. */
static bool forget_item(void *context, const struct spool_item *item)
{
    struct forgetting *f = context;
    struct spool_name parsed;
    bool mine, named = name_parse(item->name, &parsed);
    if (f->dir != DIR_BAD && named && ids_have(&f->in_play, parsed.id))
        return true;
    if (!is_mine(f, item->name, named ? parsed.id : NULL, &mine))
        return false;
    if (!mine)
        return true;
    f->count[f->dir] += !queue_is_why(item->name);
    return f->dry || forget_file(&f->tool->spool, f->dir, item->name);
}

static bool forget_bodies(struct forgetting *f)
{
    struct spool *spool = &f->tool->spool;
    for (size_t i = 0; i < f->events.count; i++) {
        struct spool_file file;
        const char *id = f->events.id[i];
        if ((i && strcmp(id, f->events.id[i - 1]) == 0) || ids_have(&f->in_play, id))
            continue;
        if (!spool_read(spool, DIR_DONE, id, &file)) {
            if (errno != ENOENT)
                return false;
            continue;
        }
        bool ok = true, body = !queue_objection(&file, RECORD_EVENT, id);
        f->count[DIR_DONE] += body;
        if (body && !f->dry)
            ok = forget_body(spool, id, &file, f->tool->now);
        spool_file_free(&file);
        if (!ok)
            return false;
    }
    return true;
}

/* ---- the last errors of mails that wait ---- */

struct kept_notes {
    struct forgetting *f;
    const struct attempts *attempts;
};

static bool names_person(struct forgetting *f, const struct attempt_note *note)
{
    return note && (mention_in(&f->mention, note->words, strlen(note->words)) ||
                       mention_in(&f->mention, note->detail, strlen(note->detail)));
}

static bool keeps_note(void *context, const char *name)
{
    const struct kept_notes *kept = context;
    return !names_person(kept->f, attempts_find(kept->attempts, name));
}

static void forget_attempts(struct forgetting *f)
{
    const char *state = conf_text(&f->tool->conf, SET_STATE);
    struct attempts attempts;
    attempts_read(state, &attempts);
    for (size_t i = 0; i < attempts.count; i++)
        f->attempts += names_person(f, &attempts.item[i]);
    const struct attempt_note *run = attempts_find(&attempts, ATTEMPTS_RUN);
    if (f->attempts && !f->dry)
        attempts_keep(
            state, keeps_note, &(struct kept_notes){f, &attempts}, run && !names_person(f, run));
    attempts_free(&attempts);
}

/* ---- the order ---- */

static int ledger_failed(struct forgetting *f)
{
    tool_say(f->tool, "%s", ledger_failure(f->ledger));
    return EX_IOERR;
}

static int find_events(struct forgetting *f)
{
    static const enum spool_dir playing[] = {DIR_NEW, DIR_REPLAY, DIR_OUT};
    static const enum spool_dir searched[] = {DIR_NEW, DIR_REPLAY, DIR_HELD, DIR_BAD, DIR_DONE};
    int64_t hosted = 0;
    for (size_t i = 0; i < sizeof playing / sizeof *playing; i++)
        if (!ids_add_dir(&f->in_play, &f->tool->spool, playing[i]))
            return tool_spool_failed(f->tool);
    ids_sort(&f->in_play);
    if (f->ledger && !ledger_erase_begin(f->ledger, &f->mention))
        return ledger_failed(f);
    for (size_t i = 0; i < sizeof searched / sizeof *searched; i++)
        if (!walk(f, searched[i], find_in_file))
            return f->ledger && *ledger_failure(f->ledger) ? ledger_failed(f)
                                                           : tool_spool_failed(f->tool);
    ids_sort(&f->events);
    if (f->ledger && !ledger_erase_hosted(f->ledger, &hosted))
        return ledger_failed(f);
    if (f->hosted || hosted) {
        tool_say(f->tool,
            "that is the address of a host: %zu events and %lld bookings of customers have it. "
            "They leave with the retention; forget is for customers",
            f->hosted, (long long)hosted);
        return EX_USAGE;
    }
    return EX_OK;
}

/*
 * Whatever ends this early, the next call finds the rest: the bodies in done/, which lead to
 * bookings and mails, go last.
 */
static int forget_all(struct forgetting *f)
{
    static const enum spool_dir dirs[] = {DIR_SENT, DIR_FAILED, DIR_HELD, DIR_BAD};
    struct tool *tool = f->tool;
    struct spool *spool = &tool->spool;
    bool ledger = f->ledger && !f->events_wait;
    if (ledger && !ledger_erase(f->ledger, tool->now, note_other, f, &f->erased))
        return ledger_failed(f);
    ids_sort(&f->others);
    if (!f->dry && !forget_begin(spool))
        return tool_spool_failed(tool);
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
        if (!walk(f, dirs[i], forget_item))
            return tool_spool_failed(tool);
    if (!walk(f, DIR_OUT, count_waiting))
        return tool_spool_failed(tool);
    if (ledger && !f->dry && !ledger_commit(f->ledger))
        return ledger_failed(f);
    if (f->ledger && (f->dry || !ledger))
        ledger_rollback(f->ledger);
    if (!forget_bodies(f) || (!f->dry && !forget_end(spool)))
        return tool_spool_failed(tool);
    forget_attempts(f);
    if (ledger && !f->dry && f->erased.rows && !ledger_erase_end(f->ledger))
        return ledger_failed(f);
    if (ledger && !f->dry)
        ledger_drop_copies(f->ledger, INT64_MAX); /* they may know the person, too */
    f->reached = true;
    return f->waiting ? EX_TEMPFAIL : EX_OK;
}

/* ---- what is said ---- */

static void list_elsewhere(const struct conf *conf, struct buf *out)
{
    const char *transport = conf_text(conf, SET_TRANSPORT),
               *page = conf_text(conf, SET_STATUS_PAGE);
    if (transport && strstr(transport, "maildir:"))
        buf_printf(out, "the delivered mails of %s\n", transport);
    buf_puts(out, "mailboxes and mail servers that got the mails, and the lists of SendGrid or "
                  "another relay\n"
                  "Cal.com or Calendly: delete the person there, or they send it again\n"
                  "backups, snapshots and replicas of spool and ledger\n"
                  "logs of mail servers; bookspool's own logs name events, never persons\n");
    if (page)
        buf_printf(out, "%s, until the next run of the drain\n", page);
}

static void print_json(const struct forgetting *f, const struct buf *elsewhere)
{
    int len;
    cJSON *object = json_object(), *spool = json_put_object(object, "spool");
    json_put_bool(object, "dry_run", f->dry);
    json_put_number(object, "waiting", (int64_t)f->waiting);
    for (enum spool_dir dir = 0; dir < SPOOL_DIRS; dir++)
        if (dir == DIR_DONE || dir == DIR_SENT || dir == DIR_FAILED || dir == DIR_HELD ||
            dir == DIR_BAD)
            json_put_number(spool, spool_dir_name(dir), (int64_t)f->count[dir]);
    cJSON *ledger = json_put_object(object, "ledger");
    json_put_number(ledger, "bookings", f->erased.bookings);
    json_put_number(ledger, "upcoming", f->erased.upcoming);
    json_put_number(ledger, "rows", f->erased.rows);
    json_put_number(object, "attempts", (int64_t)f->attempts);
    cJSON *list = json_put_array(object, "elsewhere");
    for (const char *line, *at = buf_text(elsewhere); (line = text_line(&at, &len));)
        json_append_text(list, line, len);
    json_print(object, JSON_INDENTED);
}

static void print_text(const struct forgetting *f, const struct buf *elsewhere)
{
    int len;
    printf(
        "%s: bodies in done/ %zu, mails in sent/ %zu, in failed/ %zu, files in held/ %zu, in bad/ "
        "%zu, bookings of the ledger %lld\n",
        f->dry ? "would forget" : "forgot", f->count[DIR_DONE], f->count[DIR_SENT],
        f->count[DIR_FAILED], f->count[DIR_HELD], f->count[DIR_BAD], (long long)f->erased.bookings);
    if (f->waiting)
        printf("still here: files in new/, replay/ or out/ that wait to be mailed: %zu%s; run it "
               "again after that\n",
            f->waiting, f->events_wait ? ", and what the ledger has for them" : "");
    if (f->erased.upcoming)
        printf(
            "bookings that are still to come: %lld; what the provider sends about them is stored "
            "and mailed as ever\n",
            (long long)f->erased.upcoming);
    puts("not in bookspool's reach:");
    for (const char *line, *at = buf_text(elsewhere); (line = text_line(&at, &len));)
        printf("- %.*s\n", len, line);
}

/* ---- the command ---- */

static bool is_of_settings(struct forgetting *f)
{
    static const enum setting settings_with_addresses[] = {SET_MAIL_TO, SET_MAIL_FROM, SET_NOTIFY};
    for (size_t i = 0; i < sizeof settings_with_addresses / sizeof *settings_with_addresses; i++) {
        enum setting which = settings_with_addresses[i];
        const char *text = conf_text(&f->tool->conf, which);
        if (text && mention_in(&f->mention, text, strlen(text))) {
            tool_say(f->tool, "%s has this address: take it out there first", settings[which].name);
            return true;
        }
    }
    return false;
}

static int open_all(struct forgetting *f)
{
    struct tool *tool = f->tool;
    struct buf why = {0};
    int code = tool_open(tool);
    if (code == EX_OK && is_of_settings(f))
        code = EX_USAGE;
    if (code == EX_OK)
        code = tool_lock(tool);
    if (code == EX_OK)
        code = ledger_view_open(tool, &f->ledger);
    if (code != EX_OK || !f->ledger)
        return code;
    ledger_close(f->ledger); /* there is one */
    f->ledger = ledger_open(
        conf_text(&tool->conf, SET_LEDGER), conf_number(&tool->conf, SET_RESERVE), &why);
    if (!f->ledger)
        tool_say(tool, "%s", buf_text(&why));
    buf_free(&why);
    return f->ledger ? EX_OK : EX_CONFIG;
}

static int run(struct tool *tool, int argc, char **argv)
{
    struct forgetting f = {.tool = tool};
    struct buf elsewhere = {0};
    char **operands;
    const struct tool_option options[] = {{"dry-run", &f.dry, NULL}, {0}};
    if (tool_parse(tool, argc, argv, options, &operands) != 1)
        tool_usage(tool, "name one mail address");
    if (!mention_of(operands[0], &f.mention))
        tool_usage(tool, "%s is not a mail address", operands[0]);
    message_setup();
    int code = open_all(&f);
    if (code == EX_OK)
        code = find_events(&f);
    if (code == EX_OK)
        code = forget_all(&f);
    if (f.mention.failed || f.arena.failed)
        tool_no_memory();
    if (f.reached) {
        list_elsewhere(&tool->conf, &elsewhere);
        if (tool->json)
            print_json(&f, &elsewhere);
        else
            print_text(&f, &elsewhere);
    }
    ledger_close(f.ledger);
    buf_free(&elsewhere);
    ids_free(&f.in_play);
    ids_free(&f.events);
    ids_free(&f.others);
    free(f.name);
    arena_free(&f.arena);
    queue_unlock(&tool->spool);
    return code;
}

const struct command command_forget = {
    "forget", "take a person out of spool and ledger", usage, run};
