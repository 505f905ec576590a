/*
 * story: events of a few bookings in any order, through the ledger, as mails and as an agenda.
 *
 * Each event is made of EVENT_BYTES bytes, and the last one is mailed. An event that is entered
 * again gets the same decision; the mails and the agenda of whatever story can be made, and are
 * ASCII with CRLF line ends.
 */
#include "fuzz.h"

#include "base/clock.h"
#include "ledger/ledger.h"
#include "mail/agenda.h"
#include "mail/compose.h"
#include "mail/message.h"
#include "mail/zone.h"

enum { EVENT_BYTES = 8, EVENTS_MAX = 12, HOUR = 3600 * 1000, DAY = 24 * HOUR };
#define BEGINNING INT64_C(1795255200000)
#define ID        "0123456789abcdef0123456789abcdef"

static struct templates *templates;

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct buf why = {0};
    (void)argc, (void)argv;
    message_setup();
    REQUIRE(templates = templates_open(NULL, "en", &why), "%s", buf_text(&why));
    buf_free(&why);
    return 0;
}

/* One of a few names, or NULL. */
static const char *pick(unsigned bits, const char *const *names, unsigned count)
{
    return bits % (count + 1) == count ? NULL : names[bits % (count + 1)];
}

struct scene {
    struct event event;
    struct person host, other, guest;
    struct answer answer;
};

static void make_event(const uint8_t *from, int number, struct scene *s)
{
    static const char *const uids[] = {"u1", "u2", "u3", "u4"}, *const groups[] = {"g1", "g2"};
    static const char *const persons[] = {"ada@example.com", "bob@example.com", "eve@example.com"};
    static const char *const places[] = {"Room 5", "https://meet.example.org/1"};
    static const char *const seats[] = {"seat1", "seat2"};
    *s = (struct scene){
        .host = {.name = "Host", .email = "host@example.org", .timezone = "Europe/Berlin"},
        .other = {.name = "Other", .email = "other@example.org"},
        .guest = {.name = "Guest", .email = pick(from[1] >> 6, persons, 3)},
        .event = {.provider = from[0] & 64 ? "calendly" : "calcom",
            .kind = (enum event_kind)(from[0] % KINDS),
            .known = true,
            .received_at = BEGINNING + number * INT64_C(60000),
            .sent_at = from[0] & 128 ? TIME_NONE : BEGINNING + (from[5] & 31) * INT64_C(1000)}};
    struct booking *b = &s->event.booking;
    int64_t start = BEGINNING + (from[2] & 15) * INT64_C(1800000);
    snprintf(s->event.id, sizeof s->event.id, "%032x", number + 1);
    s->event.name = event_kind_name(s->event.kind);
    b->uid = pick(from[1], uids, 4);
    b->previous_uid = pick(from[1] >> 3, uids, 4);
    b->group_uid = from[3] & 1 ? pick(from[3] >> 1, groups, 2) : NULL;
    b->seat = from[3] & 8 ? seats[from[3] >> 4 & 1] : NULL;
    b->in_series = from[3] & 32;
    b->series_count = b->in_series ? from[3] >> 6 : 0;
    b->series_frequency = b->in_series ? "weekly" : NULL;
    b->whole_series = from[4] & 1;
    b->asked_to_rebook = from[4] & 2;
    b->calendar_written = from[4] & 4;
    b->status = from[4] & 8 ? "pending" : from[4] & 16 ? "accepted" : NULL;
    b->ical_uid = from[4] & 32 ? "ical@example.org" : NULL;
    b->reason = from[4] & 64 ? "two\nlines" : NULL;
    b->title = from[4] & 128 ? "A title" : NULL;
    b->start = from[2] & 16 ? TIME_NONE : start;
    b->end = from[2] & 32 ? TIME_NONE : start + (from[2] >> 6) * INT64_C(1800000);
    b->previous_start = from[5] & 32 ? start - HOUR : TIME_NONE;
    b->previous_end = from[5] & 64 ? start - HOUR / 2 : TIME_NONE;
    b->location = pick(from[6], places, 2);
    b->previous_location = pick(from[6] >> 2, places, 2);
    b->sequence = from[6] >> 4 & 3;
    b->hide_details = from[6] & 64;
    b->hide_organizer_email = from[6] & 128;
    b->organizer = from[7] & 1 ? s->host : (struct person){0};
    b->hosts = from[7] & 2 ? &s->other : &s->host;
    b->host_count = from[7] >> 2 & 1;
    b->attendees = &s->guest;
    b->attendee_count = from[7] >> 3 & 1;
    b->answers = &s->answer;
    b->answer_count = from[7] >> 4 & 1;
    s->answer = (struct answer){.question = "Why?", .answer = "Because"};
    b->places = from[7] >> 5;
    b->previous_uid =
        b->previous_uid && b->uid && strcmp(b->uid, b->previous_uid) == 0 ? NULL : b->previous_uid;
}

static void require_mail(const struct buf *mail)
{
    for (size_t i = 0; i < mail->len; i++) {
        unsigned char c = (unsigned char)mail->data[i];
        REQUIRE(c && c < 0x80 && (c != '\n' || (i && mail->data[i - 1] == '\r')), "byte %zu", i);
    }
}

static const struct composer *composer(void)
{
    static struct composer made = {.from = "bookspool@example.net",
        .calendar = ENTRY_INVITE,
        .customer_calendar = CUSTOMER_INVITE};
    made.templates = templates;
    return &made;
}

static void mail(const struct event *event, const struct decision *decision)
{
    static const struct record record = {.body = "{}", .length = 2, .id = ID};
    for (enum audience who = 0; who < AUDIENCES; who++) {
        struct buf out = {0}, why = {0};
        const struct notice notice = {.event = event,
            .decision = decision,
            .record = &record,
            .name = ID "-0123456789ab",
            .recipient = who == AUDIENCE_OWNER ? "owner@example.org" : "ada@example.com",
            .audience = who};
        REQUIRE(compose_message(composer(), &notice, &out, &why), "%s", buf_text(&why));
        REQUIRE(why.len == 0, "%s", buf_text(&why));
        require_mail(&out);
        buf_free(&out);
        buf_free(&why);
    }
}

static void enter(struct ledger *ledger, const struct event *event, struct decision *decision)
{
    decision_init(decision);
    REQUIRE(ledger_begin(ledger) &&
                ledger_decide(ledger, event, event->received_at, INT64_C(600000), decision) &&
                ledger_commit(ledger),
        "%s", ledger_failure(ledger));
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static void agenda(struct ledger *ledger)
{
    struct agenda all, own;
    struct zone zone;
    struct buf out = {0}, why = {0};
    const struct agenda_span span = {.start = BEGINNING - 10 * HOUR,
        .end = BEGINNING + 14 * HOUR,
        .now = BEGINNING,
        .since = BEGINNING - DAY};
    REQUIRE(ledger_agenda(ledger, &span, &all), "%s", ledger_failure(ledger));
    REQUIRE(agenda_of_organizer(&all, "host@example.org", &own), "out of memory");
    zone_open(&zone, "Europe/Berlin");
    const struct agenda_mail one = {.agenda = &all,
        .zone = &zone,
        .day = 20778,
        .since = span.since,
        .date = BEGINNING,
        .name = ID "-0123456789ab",
        .id = ID,
        .recipient = "owner@example.org"};
    REQUIRE(agenda_compose(composer(), &one, &out, &why) && why.len == 0, "%s", buf_text(&why));
    require_mail(&out);
    agenda_free(&own);
    agenda_free(&all);
    zone_close(&zone);
    buf_free(&out);
    buf_free(&why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf why = {0};
    struct ledger *ledger = ledger_open("sqlite::memory:", 0, &why);
    REQUIRE(ledger, "%s", buf_text(&why));
    for (int i = 0; i < EVENTS_MAX && (size_t)(i + 1) * EVENT_BYTES <= size; i++) {
        struct scene scene;
        struct decision first, again;
        make_event(data + (size_t)i * EVENT_BYTES, i, &scene);
        enter(ledger, &scene.event, &first);
        enter(ledger, &scene.event, &again);
        REQUIRE(first.result == again.result && same_text(first.calendar_uid, again.calendar_uid) &&
                    first.calendar == again.calendar && first.sequence == again.sequence &&
                    first.meaning == again.meaning && first.late == again.late,
            "event %d, again: %s %s, then %s %s", i, decision_result_name(first.result),
            first.reason, decision_result_name(again.result), again.reason);
        bool last = (size_t)(i + 2) * EVENT_BYTES > size || i + 1 == EVENTS_MAX;
        if (last && first.result == DECISION_NOTIFY)
            mail(&scene.event, &first);
        decision_free(&first);
        decision_free(&again);
    }
    agenda(ledger);
    ledger_close(ledger);
    buf_free(&why);
    return 0;
}
