#include "provider_body.h"

#define SENT      INT64_C(1795255200123) /* 2026-11-21T10:00:00.123Z */
#define STARTS    INT64_C(1795532400000) /* 2026-11-24T15:00:00Z */
#define ENDS      INT64_C(1795534200000)
#define CREATED   "\"createdAt\":\"2026-11-21T10:00:00.123Z\""
#define ENVELOPE  "{\"triggerEvent\":\"BOOKING_CREATED\"," CREATED
#define ROW       CREATED ",\"startTime\":\"2026-11-24T15:00:00Z\",\"endTime\":\"2026-11-24T15:30:00Z\"}"
#define T_HEADER  "t=1795255200,v1=00"
#define T_SECONDS INT64_C(1795255200000)

static const struct {
    enum provider provider;
    const char *header, *body, *event;
    enum replay_clock clock;
    int64_t at;
    bool ping, anonymous;
} rows[] = {
    {PROVIDER_CALCOM, "", ENVELOPE ",\"payload\":{}}", "BOOKING_CREATED", CLOCK_SENT, SENT, false,
        false},
    {PROVIDER_CALCOM, "", ENVELOPE ",\"payload\":{\"createdAt\":\"\",} }", "BOOKING_CREATED",
        CLOCK_SENT, SENT, false, false},
    {PROVIDER_CALCOM, "", "{\"triggerEvent\":\"PING\"," CREATED ",\"payload\":{}}", "PING",
        CLOCK_SENT, SENT, true, false},
    {PROVIDER_CALCOM, "", "{\"triggerEvent\":\"MEETING_STARTED\"," ROW, "MEETING_STARTED",
        CLOCK_SCHEDULED, STARTS, false, false},
    {PROVIDER_CALCOM, "", "{\"triggerEvent\":\"MEETING_ENDED\"," ROW, "MEETING_ENDED",
        CLOCK_SCHEDULED, ENDS, false, false},
    {PROVIDER_CALCOM, "", "{\"triggerEvent\":\"MEETING_ENDED\"," CREATED "}", "MEETING_ENDED",
        CLOCK_NONE, TIME_NONE, false, false},
    {PROVIDER_CALCOM, "", "{\"triggerEvent\":\"MEETING_ENDED\"," CREATED ",\"payload\":{}}",
        "MEETING_ENDED", CLOCK_SENT, SENT, false, false},
    {PROVIDER_CALCOM, "", "{" ROW, "-", CLOCK_NONE, TIME_NONE, false, false},
    {PROVIDER_CALCOM, "", "{\"triggerEvent\":7," ROW, "-", CLOCK_NONE, TIME_NONE, false, false},
    {PROVIDER_CALCOM, "",
        "{\"triggerEvent\":\"BOOKING_CREATED\",\"createdAt\":\"yesterday\",\"uid\":\"a\"}",
        "BOOKING_CREATED", CLOCK_NONE, TIME_NONE, false, false},
    {PROVIDER_CALCOM, "",
        "{\"createdAt\":\"1999-01-01T00:00:00Z\",\"triggerEvent\":\"FORM_SUBMITTED\"," CREATED "}",
        "FORM_SUBMITTED", CLOCK_SENT, SENT, false, false},
    {PROVIDER_CALCOM, "", "{\"triggerEvent\":\"a\\nb\",\"triggerevent\":\"PING\"," CREATED "}", "-",
        CLOCK_SENT, SENT, false, false},
    {PROVIDER_CALCOM, "", "false", "-", CLOCK_NONE, TIME_NONE, false, true},
    {PROVIDER_CALCOM, "", "{}", "-", CLOCK_NONE, TIME_NONE, false, true},
    {PROVIDER_CALCOM, "", "", "-", CLOCK_NONE, TIME_NONE, false, true},
    {PROVIDER_CALCOM, "", "{", "-", CLOCK_NONE, TIME_NONE, false, true},
    {PROVIDER_CALCOM, "", "{\"text\":\"A new booking\"}", "-", CLOCK_NONE, TIME_NONE, false, true},
    {PROVIDER_CALCOM, "", "{\"text\":\"A booking at 2026-11-24 15:00\"}", "-", CLOCK_NONE,
        TIME_NONE, false, false},
    {PROVIDER_CALCOM, "", "title=A&start=2026-11-24T15:00:00Z", "-", CLOCK_NONE, TIME_NONE, false,
        false},
    {PROVIDER_CALCOM, "", "title=A&start=2026-11-24", "-", CLOCK_NONE, TIME_NONE, false, true},
    {PROVIDER_CALCOM, "", "{\"bookingId\":12}", "-", CLOCK_NONE, TIME_NONE, false, false},
    {PROVIDER_CALCOM, "", "{\"id\":12345678901234567890}", "-", CLOCK_NONE, TIME_NONE, false,
        false},
    {PROVIDER_CALCOM, "", "{\"uid\":\"\",\"bookingId\":null}", "-", CLOCK_NONE, TIME_NONE, false,
        true},
    {PROVIDER_CALCOM, "", "{\"payload\":{\"bookingUid\":\"a\"}}", "-", CLOCK_NONE, TIME_NONE, false,
        false},
    {PROVIDER_CALCOM, "", "{\"payload\":{\"UID\":\"a\"}}", "-", CLOCK_NONE, TIME_NONE, false, true},
    {PROVIDER_CALENDLY, T_HEADER,
        "{\"event\":\"invitee.created\",\"created_at\":\"2020-01-01T00:00:00Z\"}",
        "invitee.created", CLOCK_SENT, T_SECONDS, false, false},
    {PROVIDER_CALENDLY, T_HEADER, "{}", "-", CLOCK_SENT, T_SECONDS, false, true},
    {PROVIDER_CALENDLY, T_HEADER, "{\"event\":\"PING\",\"triggerEvent\":\"PING\"}", "PING",
        CLOCK_SENT, T_SECONDS, false, true},
    {PROVIDER_CALENDLY, "t=999999999999999,v1=0", "{}", "-", CLOCK_SENT,
        INT64_C(999999999999999000), false, true},
    {PROVIDER_CALENDLY, NULL, "{}", "-", CLOCK_NONE, TIME_NONE, false, true},
};

static void bodies_have_their_envelope(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct envelope envelope;
        provider_envelope(
            rows[i].provider, rows[i].header, rows[i].body, strlen(rows[i].body), &envelope);
        if (strcmp(envelope.event, rows[i].event) != 0 || envelope.clock != rows[i].clock ||
            envelope.at != rows[i].at || envelope.ping != rows[i].ping ||
            envelope.anonymous != rows[i].anonymous)
            fail_msg("%s: %s clock %d at %lld ping %d anonymous %d", rows[i].body, envelope.event,
                (int)envelope.clock, (long long)envelope.at, envelope.ping, envelope.anonymous);
    }
}

static bool fresh(enum replay_clock clock, int64_t at, int64_t now, int64_t window)
{
    const struct envelope envelope = {.clock = clock, .at = at};
    return envelope_in_window(&envelope, now, window);
}

static void windows_reach_both_ways(void **state)
{
    (void)state;
    const int64_t window = 300 * MS_PER_SECOND;
    assert_true(fresh(CLOCK_SENT, SENT, SENT + window, window));
    assert_true(fresh(CLOCK_SENT, SENT, SENT - window, window));
    assert_false(fresh(CLOCK_SENT, SENT, SENT + window + 1, window));
    assert_false(fresh(CLOCK_SENT, SENT, SENT - window - 1, window));
    assert_true(fresh(CLOCK_SENT, SENT, SENT, 0));
    assert_true(fresh(CLOCK_SCHEDULED, SENT, SENT + MS_PER_DAY, 0));
    assert_true(fresh(CLOCK_SCHEDULED, SENT, SENT - MS_PER_DAY, 0));
    assert_false(fresh(CLOCK_SCHEDULED, SENT, SENT + MS_PER_DAY + 1, INT64_MAX));
    assert_true(fresh(CLOCK_NONE, TIME_NONE, SENT, 0));
}

static void absurd_times_do_not_wrap(void **state)
{
    (void)state;
    assert_false(fresh(CLOCK_SENT, INT64_MIN, INT64_MAX, 1000));
    assert_false(fresh(CLOCK_SENT, INT64_MAX, INT64_MIN, INT64_MAX));
    assert_false(fresh(CLOCK_SCHEDULED, INT64_MIN, SENT, 1000));
    assert_true(fresh(CLOCK_SENT, INT64_MAX, INT64_MAX, 0));
    assert_false(fresh(CLOCK_SENT, SENT, SENT, -1));
}

static void samples_have_the_clock_of_their_kind(void **state)
{
    (void)state;
    static const struct {
        const char *name, *event;
        enum replay_clock clock;
        int64_t at;
        bool anonymous;
    } samples[] = {
        {"calcom/booking_created.json", "BOOKING_CREATED", CLOCK_SENT, SENT, false},
        {"calcom/form_submitted.json", "FORM_SUBMITTED", CLOCK_SENT, SENT, false},
        {"calcom/meeting_started.json", "MEETING_STARTED", CLOCK_SCHEDULED, STARTS, false},
        {"calcom/meeting_ended.json", "MEETING_ENDED", CLOCK_SCHEDULED, ENDS, false},
        {"calcom/template_envelope.json", "BOOKING_CREATED", CLOCK_SENT, SENT, false},
        {"calcom/template_flat.json", "-", CLOCK_NONE, TIME_NONE, false},
        {"calcom/template_foreign.json", "-", CLOCK_NONE, TIME_NONE, true},
        {"calcom/template_false.json", "-", CLOCK_NONE, TIME_NONE, true},
        {"calcom/template_form.txt", "-", CLOCK_NONE, TIME_NONE, false},
        {"calcom/empty.json", "-", CLOCK_NONE, TIME_NONE, true},
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct buf body = {0};
        struct envelope envelope;
        body_read(samples[i].name, &body);
        provider_envelope(PROVIDER_CALCOM, "00", body.data, body.len, &envelope);
        assert_string_equal(envelope.event, samples[i].event);
        assert_int_equal(envelope.clock, samples[i].clock);
        assert_true(envelope.at == samples[i].at);
        assert_int_equal(envelope.anonymous, samples[i].anonymous);
        buf_free(&body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_have_their_envelope),
        cmocka_unit_test(windows_reach_both_ways),
        cmocka_unit_test(absurd_times_do_not_wrap),
        cmocka_unit_test(samples_have_the_clock_of_their_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
