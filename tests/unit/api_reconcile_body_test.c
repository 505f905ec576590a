/* What the APIs say of a booking becomes the webhook that should have come: same booking, same
 * step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/reconcile_body.h"
#include "base/json.h"
#include "ledger/fact.h"
#include "ledger/step.h"
#include "provider/provider.h"

static void body_read(const char *name, struct buf *body)
{
    char path[1024];
    snprintf(path, sizeof path, "examples/bodies/%s", name);
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s cannot be opened", path);
    for (int c; (c = getc(file)) != EOF;)
        buf_putc(body, (char)c);
    fclose(file);
}

enum { MOST = 4 };

struct bodies {
    enum provider provider;
    char *text[MOST];
    enum reconcile_need need[MOST];
    struct event event[MOST];
    size_t count;
};

static bool keep(void *context, enum reconcile_need need, const cJSON *body)
{
    struct bodies *b = context;
    assert_true(b->count < MOST);
    b->need[b->count] = need;
    char *text = cJSON_PrintUnformatted(body);
    assert_non_null(text);
    b->text[b->count] = text;
    const struct webhook webhook = {b->provider, "", 1, text, strlen(text)};
    assert_true(provider_map(&webhook, &b->event[b->count++]));
    return true;
}

static void drop(struct bodies *b)
{
    for (size_t i = 0; i < b->count; i++) {
        event_free(&b->event[i]);
        cJSON_free(b->text[i]);
    }
}

static cJSON *parsed(const char *text)
{
    cJSON *json = json_parse(text, strlen(text));
    assert_non_null(json);
    return json;
}

/* ---- Calendly ---- */

/* A webhook's payload is the invitee of the API with the scheduled event in it. */
static void calendly_of(
    const char *sample, struct bodies *bodies, struct event *webhook, struct buf *body)
{
    body_read(sample, body);
    const struct webhook came = {PROVIDER_CALENDLY, "", 1, body->data, body->len};
    assert_true(provider_map(&came, webhook));
    cJSON *root = json_parse(body->data, body->len);
    cJSON *invitee = cJSON_GetObjectItemCaseSensitive(root, "payload");
    cJSON *scheduled = cJSON_DetachItemFromObjectCaseSensitive(invitee, "scheduled_event");
    assert_non_null(scheduled);
    *bodies = (struct bodies){.provider = PROVIDER_CALENDLY};
    assert_true(reconcile_calendly(scheduled, invitee, keep, bodies));
    cJSON_Delete(scheduled);
    cJSON_Delete(root);
}

static void calendly_bodies_say_what_the_webhook_says(void **state)
{
    (void)state;
    static const struct {
        const char *sample;
        size_t count;
        enum reconcile_need need; /* of the last */
    } samples[] = {
        {"calendly/invitee_created.json", 1, RECONCILE_ALWAYS},
        {"calendly/invitee_canceled.json", 1, RECONCILE_ALWAYS},
        {"calendly/invitee_created_moved.json", 1, RECONCILE_ALWAYS},
        {"calendly/invitee_canceled_moved.json", 1, RECONCILE_OWN_LIVE},
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct bodies bodies;
        struct event webhook;
        struct buf body = {0};
        struct arena arena = {0};
        struct fact is, wanted;
        calendly_of(samples[i].sample, &bodies, &webhook, &body);
        assert_int_equal(bodies.count, samples[i].count);
        assert_int_equal(bodies.need[0], samples[i].need);
        assert_string_equal(bodies.event[0].name, webhook.name);
        assert_true(fact_of(&webhook, &arena, &wanted));
        assert_true(fact_of(&bodies.event[0], &arena, &is));
        assert_string_equal(is.digest, wanted.digest); /* nothing of it is lost */
        assert_true(step_of(&webhook, &arena, &wanted));
        assert_true(step_of(&bodies.event[0], &arena, &is));
        assert_true(step_equal(&is, &wanted));
        arena_free(&arena);
        drop(&bodies);
        event_free(&webhook);
        buf_free(&body);
    }
}

/* A booking that replaced another one, and was cancelled then. */
static void calendly_of_a_move_that_ended_has_its_beginning(void **state)
{
    (void)state;
    cJSON *scheduled =
        parsed("{\"uri\":\"https://x/e2\",\"status\":\"canceled\",\"name\":\"Intro\","
               "\"start_time\":\"2027-01-01T10:00:00Z\"}");
    cJSON *invitee = parsed(
        "{\"uri\":\"https://x/e2/invitees/i2\",\"status\":\"canceled\",\"rescheduled\":false,"
        "\"old_invitee\":\"https://x/e1/invitees/i1\",\"new_invitee\":null,"
        "\"email\":\"ada@example.com\",\"created_at\":\"2026-12-01T10:00:00Z\","
        "\"updated_at\":\"2026-12-03T10:00:00Z\","
        "\"cancellation\":{\"reason\":\"ill\",\"created_at\":\"2026-12-02T10:00:00Z\"}}");
    struct bodies bodies = {.provider = PROVIDER_CALENDLY};
    assert_true(reconcile_calendly(scheduled, invitee, keep, &bodies));
    assert_int_equal(bodies.count, 2);
    const struct event *began = &bodies.event[0], *ended = &bodies.event[1];
    assert_int_equal(bodies.need[0], RECONCILE_PREVIOUS_LIVE);
    assert_int_equal(began->kind, KIND_RESCHEDULED);
    assert_string_equal(began->booking.previous_uid, "https://x/e1/invitees/i1");
    assert_string_equal(began->booking.status, "active");
    assert_null(began->booking.reason);
    assert_int_equal(began->sent_at, INT64_C(1796119200000)); /* when it was booked */
    assert_int_equal(bodies.need[1], RECONCILE_ALWAYS);
    assert_int_equal(ended->kind, KIND_CANCELLED);
    assert_string_equal(ended->booking.reason, "ill");
    assert_int_equal(ended->sent_at, INT64_C(1796205600000)); /* when it was cancelled */
    drop(&bodies);
    cJSON_Delete(scheduled);
    cJSON_Delete(invitee);
}

/* ---- Cal.com ---- */

#define HOSTS                                                                                      \
    "\"hosts\":[{\"id\":101,\"name\":\"Olga Example\",\"email\":\"olga@example.org\","             \
    "\"displayEmail\":\"olga@example.org\",\"username\":\"olga\",\"timeZone\":\"Europe/Berlin\"}," \
    "{\"id\":102,\"name\":\"Otto Example\",\"email\":\"otto@example.org\","                        \
    "\"timeZone\":\"Europe/Berlin\"}],"
#define ADA                                                                                        \
    "{\"name\":\"Ada Example\",\"email\":\"ada@example.com\",\"displayEmail\":"                    \
    "\"ada@example.com\",\"timeZone\":\"America/Los_Angeles\",\"language\":\"pt-BR\","             \
    "\"absent\":false,\"phoneNumber\":\"+15550102\"}"
#define BOOKING(status, more)                                                                      \
    "{\"id\":1001,\"uid\":\"exampleBooking11111111\",\"title\":\"Intro call\","                    \
    "\"description\":\"Bring it.\"," HOSTS "\"status\":\"" status                                  \
    "\",\"start\":\"2026-11-24T15:00:00.000Z\",\"end\":\"2026-11-24T15:30:00.000Z\","              \
    "\"duration\":30,\"eventTypeId\":501,\"eventType\":{\"id\":501,\"slug\":\"intro-call\"},"      \
    "\"meetingUrl\":\"https://app.cal.com/video/x\",\"location\":\"integrations:daily\","          \
    "\"absentHost\":false,\"createdAt\":\"2026-11-21T10:00:00.000Z\","                             \
    "\"updatedAt\":\"2026-11-22T10:00:00.000Z\",\"metadata\":{\"a\":\"b\"},"                       \
    "\"icsUid\":\"exampleBooking11111111@Cal.com\"," more "}"
#define PERSONS                                                                                    \
    "\"attendees\":[" ADA "],\"guests\":[\"gus@example.com\"],"                                    \
    "\"bookingFieldsResponses\":{\"email\":\"ada@example.com\",\"name\":\"Ada Example\","          \
    "\"guests\":[\"gus@example.com\"],\"Company\":\"Example & Sons\",\"notes\":\"Hello\"}"

static void calcom_of(const char *text, struct bodies *bodies)
{
    cJSON *booking = parsed(text);
    *bodies = (struct bodies){.provider = PROVIDER_CALCOM};
    assert_true(reconcile_calcom(booking, keep, bodies));
    cJSON_Delete(booking);
}

static void calcom_booking_is_that_of_the_webhook(void **state)
{
    (void)state;
    struct bodies bodies;
    struct event webhook;
    struct buf body = {0};
    struct fact is, wanted;
    calcom_of(BOOKING("accepted", PERSONS), &bodies);
    assert_int_equal(bodies.count, 1);
    struct event *event = &bodies.event[0];
    const struct booking *b = &event->booking;
    assert_string_equal(event->name, "BOOKING_CREATED");
    assert_int_equal(event->sent_at, INT64_C(1795255200000));
    assert_string_equal(b->title, "Intro call");
    assert_string_equal(b->event_type, "intro-call");
    assert_string_equal(b->status, "accepted");
    assert_string_equal(b->ical_uid, "exampleBooking11111111@Cal.com");
    assert_string_equal(b->organizer.email, "olga@example.org");
    assert_string_equal(b->organizer.timezone, "Europe/Berlin");
    assert_int_equal(b->host_count, 2);
    assert_string_equal(b->hosts[1].email, "otto@example.org");
    assert_int_equal(b->attendee_count, 1);
    assert_string_equal(b->attendees[0].email, "ada@example.com");
    assert_string_equal(b->attendees[0].phone, "+15550102");
    assert_string_equal(b->attendees[0].language, "pt-BR");
    assert_int_equal(b->guest_count, 1);
    assert_string_equal(b->join_url, "https://app.cal.com/video/x");
    assert_string_equal(b->notes, "Hello");
    assert_int_equal(b->answer_count, 1);
    assert_string_equal(b->answers[0].question, "Company");
    assert_string_equal(b->answers[0].answer, "Example & Sons");
    body_read("calcom/booking_created.json", &body);
    const struct webhook came = {PROVIDER_CALCOM, "", 1, body.data, body.len};
    assert_true(provider_map(&came, &webhook));
    assert_true(step_of(&webhook, &webhook.arena, &wanted));
    assert_true(step_of(event, &event->arena, &is));
    assert_true(step_equal(&is, &wanted));
    event_free(&webhook);
    buf_free(&body);
    drop(&bodies);
}

static void calcom_states_become_events(void **state)
{
    (void)state;
    static const struct {
        const char *booking, *names[2];
        enum reconcile_need need[2];
        const char *previous, *reason, *by;
    } cases[] = {
        {BOOKING("pending", PERSONS), {"BOOKING_REQUESTED"}, {0}, NULL, NULL, NULL},
        {BOOKING("accepted", "\"rescheduledFromUid\":\"old\",\"reschedulingReason\":\"ill\","
                             "\"rescheduledByEmail\":\"ada@example.com\"," PERSONS),
            {"BOOKING_RESCHEDULED"}, {0}, "old", "ill", "ada@example.com"},
        {BOOKING("cancelled",
             "\"cancellationReason\":\"ill\",\"cancelledByEmail\":\"a@example.com\"," PERSONS),
            {"BOOKING_CANCELLED"}, {0}, NULL, "ill", "a@example.com"},
        {BOOKING("rejected", "\"cancellationReason\":\"full\"," PERSONS), {"BOOKING_REJECTED"}, {0},
            NULL, "full", NULL},
        /* moved on: the other one says so */
        {BOOKING("cancelled", "\"rescheduledToUid\":\"new\"," PERSONS), {NULL}, {0}, NULL, NULL,
            NULL},
        {BOOKING(
             "cancelled", "\"rescheduledFromUid\":\"old\",\"rescheduledToUid\":\"new\"," PERSONS),
            {"BOOKING_RESCHEDULED"}, {RECONCILE_PREVIOUS_LIVE}, "old", NULL, NULL},
        {BOOKING("cancelled", "\"rescheduledFromUid\":\"old\"," PERSONS),
            {"BOOKING_RESCHEDULED", "BOOKING_CANCELLED"},
            {RECONCILE_PREVIOUS_LIVE, RECONCILE_ALWAYS}, "old", NULL, NULL},
        {BOOKING("something-new", PERSONS), {NULL}, {0}, NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bodies bodies;
        calcom_of(cases[i].booking, &bodies);
        assert_int_equal(bodies.count, !!cases[i].names[0] + !!cases[i].names[1]);
        for (size_t n = 0; n < bodies.count; n++) {
            assert_string_equal(bodies.event[n].name, cases[i].names[n]);
            assert_int_equal(bodies.need[n], cases[i].need[n]);
        }
        const struct booking *b = &bodies.event[0].booking;
        const char *const is[] = {b->previous_uid, b->reason, b->by};
        const char *const wanted[] = {cases[i].previous, cases[i].reason, cases[i].by};
        for (size_t n = 0; bodies.count && n < 3; n++)
            if (wanted[n])
                assert_string_equal(is[n], wanted[n]);
            else
                assert_null(is[n]);
        drop(&bodies);
    }
}

#define SEATS                                                                                      \
    BOOKING("accepted", "\"recurringBookingUid\":\"series\",\"attendees\":["                       \
                        "{\"name\":\"Ada\",\"email\":\"ada@example.com\",\"seatUid\":\"s1\","      \
                        "\"bookingFieldsResponses\":{\"Company\":\"One\"}},"                       \
                        "{\"name\":\"Bea\",\"email\":\"bea@example.com\",\"seatUid\":\"s2\","      \
                        "\"bookingFieldsResponses\":{\"Company\":\"Two\"}}]")

static void calcom_seats_become_an_event_each(void **state)
{
    (void)state;
    struct bodies bodies;
    calcom_of(SEATS, &bodies);
    assert_int_equal(bodies.count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct booking *b = &bodies.event[i].booking;
        assert_string_equal(b->seat, i ? "s2" : "s1");
        assert_int_equal(b->attendee_count, 1);
        assert_string_equal(b->attendees[0].name, i ? "Bea" : "Ada");
        assert_string_equal(b->answers[0].answer, i ? "Two" : "One");
        assert_true(b->in_series);
        assert_null(b->title); /* it may name the other one */
    }
    drop(&bodies);
}

/* As Cal.com's webhook of a host who moves them: one event without a seat, at the time of the move.
 */
static void calcom_seats_that_moved_become_one_event(void **state)
{
    (void)state;
    struct bodies bodies = {.provider = PROVIDER_CALCOM};
    cJSON *booking = parsed(SEATS), *seats = parsed("[\"s2\",\"s3\",4]");
    cJSON_AddStringToObject(booking, "rescheduledFromUid", "earlier");
    assert_true(reconcile_calcom_move(booking, seats, keep, &bodies));
    assert_int_equal(bodies.count, 1);
    const struct event *event = &bodies.event[0];
    assert_string_equal(event->name, "BOOKING_RESCHEDULED");
    assert_int_equal(event->sent_at, INT64_C(1795341600000)); /* updatedAt */
    assert_null(event->booking.seat);
    assert_null(event->booking.previous_uid);
    assert_int_equal(event->booking.attendee_count, 1);
    assert_string_equal(event->booking.attendees[0].name, "Bea");
    drop(&bodies);
    cJSON_Delete(booking);
    cJSON_Delete(seats);
}

/* Whatever an answer has in these places, nothing breaks. */
static void strange_answers_become_nothing_or_less(void **state)
{
    (void)state;
    static const char *const strange[] = {"{}", "[]", "null", "1", "{\"uid\":1,\"status\":2}",
        ("{\"uid\":\"u\",\"status\":\"accepted\",\"hosts\":{},\"attendees\":7,\"metadata\":[],"
         "\"meetingUrl\":\"https://x\",\"bookingFieldsResponses\":[1]}"),
        "{\"uri\":\"u\",\"status\":\"active\",\"event_memberships\":{}}"};
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        cJSON *json = parsed(strange[i]);
        struct bodies bodies = {.provider = PROVIDER_CALCOM};
        reconcile_calcom(json, keep, &bodies);
        drop(&bodies);
        bodies = (struct bodies){.provider = PROVIDER_CALENDLY};
        reconcile_calendly(json, json, keep, &bodies);
        drop(&bodies);
        cJSON_Delete(json);
    }
}

/* ---- what no booking above has ---- */

static void assert_payload(const char *booking, const char *member, const char *wanted)
{
    cJSON *json = parsed(booking), *payload = reconcile_calcom_payload(json);
    const cJSON *found = json_path(payload, member);
    char *print = found ? cJSON_PrintUnformatted(found) : NULL;
    if (wanted ? !print || strcmp(print, wanted) != 0 : print != NULL)
        fail_msg("%s: %s, wanted %s", member, print ? print : "none", wanted ? wanted : "none");
    cJSON_free(print);
    cJSON_Delete(payload);
    cJSON_Delete(json);
}

static void a_payload_alone(void **state)
{
    (void)state;
    assert_payload("{}", "status", "\"\"");
    assert_payload("{\"status\":\"pending\"}", "status", "\"PENDING\"");
    assert_payload("{\"guests\":[\"g@example.net\"]}", "responses.guests",
        "{\"label\":\"guests\",\"value\":[\"g@example.net\"]}");
    assert_payload("{\"guests\":[1],\"bookingFieldsResponses\":{\"guests\":[2],\"gone\":null}}",
        "responses", "{\"guests\":{\"label\":\"guests\",\"value\":[2]}}");
    assert_payload(
        "{\"reschedulingReason\":\"ill\"}", "responses.rescheduleReason.value", "\"ill\"");
    assert_payload("{\"reschedulingReason\":\"ill\",\"bookingFieldsResponses\":"
                   "{\"rescheduleReason\":\"late\"}}",
        "responses.rescheduleReason.value", "\"late\"");
    assert_payload("{\"title\":null}", "title", NULL);
    assert_payload("{\"meetingUrl\":\"a room\"}", "metadata", NULL);
    assert_payload("{\"meetingUrl\":\"https://x\",\"metadata\":{\"videoCallUrl\":\"https://y\"}}",
        "metadata", "{\"videoCallUrl\":\"https://y\"}");
    assert_payload("{\"meetingUrl\":\"https://x\",\"metadata\":{\"a\":1}}", "metadata",
        "{\"a\":1,\"videoCallUrl\":\"https://x\"}");
    assert_payload(
        "{\"status\":\"rejected\",\"rejectionReason\":\"no\"}", "rejectionReason", "\"no\"");
}

/* ---- memory that ends ---- */

static struct {
    bool counting;
    long count, at; /* the number of the allocation that fails */
    long live;
} memory;

static void *allocate(size_t size)
{
    if (memory.counting && ++memory.count == memory.at)
        return NULL;
    void *new = malloc(size);
    memory.live += new != NULL;
    return new;
}

static void release(void *old)
{
    memory.live -= old != NULL;
    free(old);
}

/* Each body as a line. */
static bool write_down(void *context, enum reconcile_need need, const cJSON *body)
{
    bool counting = memory.counting;
    memory.counting = false;
    char *text = cJSON_PrintUnformatted(body);
    buf_printf(context, "%d %s\n", (int)need, text);
    cJSON_free(text);
    memory.counting = counting;
    return true;
}

/* json_parse has hooks of its own. */
static void begin_counting(void)
{
    cJSON_Hooks hooks = {allocate, release};
    cJSON_InitHooks(&hooks);
    memory.count = 0;
    memory.counting = true;
}

/* True: all bodies were handed over. */
static bool run(const cJSON *booking, const cJSON *invitee, struct buf *out)
{
    begin_counting();
    bool ok = invitee ? reconcile_calendly(booking, invitee, write_down, out)
                      : reconcile_calcom(booking, write_down, out);
    memory.counting = false;
    return ok;
}

/* No body is handed over that lacks something, and nothing leaks. */
static void fail_each(const cJSON *booking, const cJSON *invitee)
{
    struct buf all = {0};
    memory.at = 0;
    assert_true(run(booking, invitee, &all));
    long steps = memory.count, live = memory.live;
    assert_true(steps > 10);
    for (long at = 1; at <= steps; at++) {
        struct buf some = {0};
        memory.at = at;
        if (run(booking, invitee, &some))
            fail_msg("allocation %ld failed, and nothing says so", at);
        assert_true(some.len < all.len);
        assert_memory_equal(buf_text(&some), all.data, some.len);
        if (memory.live != live)
            fail_msg("allocation %ld: %ld leak", at, memory.live - live);
        buf_free(&some);
    }
    buf_free(&all);
}

static void memory_that_ends(void **state)
{
    static const char *const bookings[] = {
        BOOKING("accepted", "\"recurringBookingUid\":\"series\",\"attendees\":["
                            "{\"name\":\"Ada\",\"seatUid\":\"s1\",\"language\":\"de\"},"
                            "{\"name\":\"Bea\",\"seatUid\":\"s2\"}]"),
        BOOKING("cancelled",
            "\"rescheduledFromUid\":\"old\",\"cancellationReason\":\"ill\","
            "\"guests\":[\"g@example.net\"],\"reschedulingReason\":\"r\"," PERSONS),
        BOOKING("rejected", "\"rejectionReason\":\"no\"," PERSONS),
    };
    (void)state;
    for (size_t i = 0; i < sizeof bookings / sizeof *bookings; i++) {
        cJSON *booking = parsed(bookings[i]);
        fail_each(booking, NULL);
        cJSON *payload = NULL;
        for (memory.at = 1; !payload; memory.at++) {
            long live = memory.live;
            begin_counting();
            payload = reconcile_calcom_payload(booking);
            memory.counting = false;
            assert_true(payload || memory.live == live);
        }
        assert_true(memory.at > 20);
        cJSON_Delete(payload);
        cJSON_Delete(booking);
    }
    cJSON *scheduled = parsed("{\"uri\":\"https://x/e\",\"status\":\"canceled\","
                              "\"event_memberships\":[{\"user\":\"https://x/u\"}]}");
    cJSON *invitee = parsed("{\"uri\":\"https://x/i\",\"status\":\"canceled\","
                            "\"old_invitee\":\"https://x/o\",\"updated_at\":"
                            "\"2026-12-03T10:00:00Z\"}");
    fail_each(scheduled, invitee);
    cJSON_Delete(scheduled);
    cJSON_Delete(invitee);
    cJSON_InitHooks(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calendly_bodies_say_what_the_webhook_says),
        cmocka_unit_test(calendly_of_a_move_that_ended_has_its_beginning),
        cmocka_unit_test(calcom_booking_is_that_of_the_webhook),
        cmocka_unit_test(calcom_states_become_events),
        cmocka_unit_test(calcom_seats_become_an_event_each),
        cmocka_unit_test(calcom_seats_that_moved_become_one_event),
        cmocka_unit_test(strange_answers_become_nothing_or_less),
        cmocka_unit_test(a_payload_alone),
        cmocka_unit_test(memory_that_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
