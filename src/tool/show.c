/* bookspool show: one event or mail, readable. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/text.h"
#include "ledger/known.h"
#include "provider/place.h"
#include "provider/provider.h"
#include "tool/find.h"
#include "tool/ledger_view.h"
#include "tool/output.h"
#include "tool/tool.h"

static const char usage[] =
    "show ID [--json | --raw | --body] [--spool DIR]\n"
    "\n"
    "Shows a booking event, completed by what the ledger knew of its booking; ID-r,\n"
    "a mail's name, shows that mail. This prints personal data.\n"
    "\n"
    "  --json   the event as templates and reports read it, one JSON object\n"
    "  --raw    the file as it is in the spool, header and body\n"
    "  --body   the body alone, byte by byte: the webhook's, or the mail message\n"
    "\n"
    "Exit status: 0 shown, 65 not intact or not unique, 66 nowhere.\n";

enum { LABEL_WIDTH = 14 };

static void print_field(const char *label, const char *value)
{
    if (!value || !*value)
        return;
    printf("%-*s ", LABEL_WIDTH, label);
    int len;
    for (const char *line, *at = value; (line = text_line(&at, &len));)
        printf("%*s%.*s\n", line == value ? 0 : LABEL_WIDTH + 1, "", len, line);
}

static void print_time(const char *label, int64_t when)
{
    char text[TIME_TEXT];
    if (when == TIME_NONE)
        return;
    time_format(when, text);
    print_field(label, text);
}

static void print_person(const char *label, const struct person *person)
{
    struct buf text = {0};
    if (person->name)
        buf_puts(&text, person->name);
    const char *address = person->email ? person->email : person->written_email;
    if (address)
        buf_printf(&text, "%s<%s>", text.len ? " " : "", address);
    if (address && !person->email)
        buf_puts(&text, " (cannot be mailed)");
    if (person->phone)
        buf_printf(&text, "%s%s", text.len ? ", " : "", person->phone);
    if (person->timezone)
        buf_printf(&text, "%s%s", text.len ? ", " : "", person->timezone);
    if (text.failed)
        tool_no_memory();
    print_field(label, buf_text(&text));
    buf_free(&text);
}

/* The English text of a word is in the place already, unless a number was typed. */
static void print_where(const char *label, const char *place, const char *word)
{
    struct buf text = {0};
    const char *meant = place_text(word);
    if (meant && place && strcmp(meant, place) != 0)
        buf_printf(&text, "%s: ", meant);
    buf_puts(&text, place ? place : "");
    if (text.failed)
        tool_no_memory();
    print_field(label, buf_text(&text));
    buf_free(&text);
}

static void print_answers(const struct booking *booking)
{
    for (size_t i = 0; i < booking->answer_count; i++) {
        print_field("Question", booking->answers[i].question);
        print_field("Answer", booking->answers[i].answer);
    }
    for (size_t i = 0; i < booking->detail_count; i++) {
        const struct detail *detail = &booking->details[i];
        print_field("Detail", detail->word);
        print_field("", detail->text);
        print_time("", detail->when);
    }
}

static void print_event(const struct event *event, const struct record *record)
{
    const struct booking *booking = &event->booking;
    print_field("ID", event->id);
    print_field("Provider", event->provider);
    print_field("Event", event->name);
    print_field("Kind", event_kind_name(event->kind));
    print_time("Received", event->received_at);
    print_time("Sent", event->sent_at);
    print_field("Secret used", record->secret_used);
    print_field("Source", record->source);
    print_field("Version", record->version);
    print_field("Title", booking->title);
    print_field("Event type", booking->event_type);
    print_field("Status", booking->status);
    print_field("Booking", booking->uid);
    print_field("Previously", booking->previous_uid);
    print_field("Calendar UID", booking->ical_uid);
    print_field("Seat", booking->seat);
    print_time("Start", booking->start);
    print_time("End", booking->end);
    print_time("Was from", booking->previous_start);
    print_time("Was to", booking->previous_end);
    print_field("Time zone", booking->timezone);
    print_where("Where", booking->location, booking->location_word);
    print_where("Was at", booking->previous_location, booking->previous_location_word);
    print_field("Join", booking->join_url);
    print_field("Link", booking->link);
    print_field("Reason", booking->reason);
    print_field("By", booking->by);
    print_field("Payment", booking->payment);
    print_field("Notes", booking->notes);
    print_field("Host's notes", booking->host_notes);
    print_field("Description", booking->description);
    if (booking->asked_to_rebook)
        print_field("Rebook", "the customer was asked to choose another time");
    print_field("Team", booking->team);
    print_person("Organizer", &booking->organizer);
    for (size_t i = 1; i < booking->host_count; i++)
        print_person("Host", &booking->hosts[i]);
    print_person("Stand-in", &booking->stand_in);
    for (size_t i = 0; i < booking->attendee_count; i++)
        print_person("Attendee", &booking->attendees[i]);
    for (size_t i = 0; i < booking->guest_count; i++)
        print_field("Guest", booking->guests[i]);
    print_answers(booking);
}

static int show_file(struct tool *tool, const struct place *place, const struct spool_file *file,
    bool raw, bool body)
{
    const struct record *record = &file->record;
    if (raw) {
        output_bytes(buf_text(&file->data), file->data.len);
        return file->torn ? EX_DATAERR : EX_OK;
    }
    if (file->torn) {
        tool_say(tool, "%s/%s is not intact: %s; --raw shows what there is",
            spool_dir_name(place->dir), place->name, file->torn);
        return EX_DATAERR;
    }
    if (body || (record->kind == RECORD_MAIL && !tool->json)) {
        output_bytes(record->body, record->length);
        return EX_OK;
    }
    if (record->kind == RECORD_MAIL) {
        tool_say(tool, "%s is a mail: it has no JSON form", place->name);
        return EX_USAGE;
    }
    if (record->forgotten) {
        tool_say(tool, "%s/%s: %s; --raw shows what is left", spool_dir_name(place->dir),
            place->name, RECORD_FORGOTTEN);
        return EX_DATAERR;
    }
    struct event event = {0};
    struct decision decision;
    if (!record_map(record, &event))
        tool_no_memory();
    ledger_view_decision(tool, record->id, &decision);
    ledger_complete(&decision, &event);
    if (tool->json)
        json_print(event_to_json(&event), JSON_INDENTED);
    else
        print_event(&event, record);
    event_free(&event);
    decision_free(&decision);
    return EX_OK;
}

/* The event, or the one mail that was asked for. */
static const struct place *choose_place(
    struct tool *tool, const struct pattern *pattern, const struct places *places)
{
    const struct place *first = &places->item[0];
    if (!*pattern->recipient) {
        const struct place *event = places_event(places, SPOOL_DIRS);
        if (!event)
            tool_say(tool, "only mails of %s are left, such as %s", first->parsed.id, first->name);
        return event;
    }
    for (size_t i = 1; i < places->count; i++)
        if (strcmp(places->item[i].name, first->name) != 0) {
            tool_say(tool, "more than one mail: %s and %s", first->name, places->item[i].name);
            return NULL;
        }
    return first;
}

static int run(struct tool *tool, int argc, char **argv)
{
    bool raw = false, body = false;
    char **ids;
    const struct tool_option options[] = {{"raw", &raw, NULL}, {"body", &body, NULL}, {0}};
    if (tool_parse(tool, argc, argv, options, &ids) != 1)
        tool_usage(tool, "name one event or mail");
    if (raw + body + tool->json > 1)
        tool_usage(tool, "--json, --raw and --body exclude one another");
    int code = tool_look(tool);
    if (code != EX_OK)
        return code;
    struct pattern pattern;
    struct places places;
    struct spool_file file;
    code = find_one(tool, ids[0], &pattern, &places);
    if (code == EX_OK) {
        const struct place *place = choose_place(tool, &pattern, &places);
        if (!place)
            code = EX_DATAERR;
        else if (!spool_read(&tool->spool, place->dir, place->name, &file))
            code = tool_spool_failed(tool);
        else {
            code = show_file(tool, place, &file, raw, body);
            spool_file_free(&file);
        }
    }
    places_free(&places);
    return code;
}

const struct command command_show = {"show", "one booking event or mail", usage, run};
