#include "provider_body.h"

#define UID  "exampleBooking11111111"
#define UID2 "exampleBooking22222222"

#define SAMPLE(name, ...)                                                                          \
    sample_check(PROVIDER_CALCOM, "calcom/" name, (const struct fact[]){__VA_ARGS__, {NULL, NULL}})
#define TEXT(body, ...)                                                                            \
    text_check(PROVIDER_CALCOM, body, (const struct fact[]){__VA_ARGS__, {NULL, NULL}})

static void created(void **state)
{
    (void)state;
    SAMPLE("booking_created.json", {"id", "00112233445566778899aabbccddeeff"},
        {"provider", "calcom"}, {"event", "BOOKING_CREATED"}, {"kind", "created"},
        {"received_at", "2026-11-21T10:00:00.123Z"}, {"sent_at", "2026-11-21T10:00:00.123Z"},
        {"booking.uid", UID}, {"booking.previous_uid", "null"},
        {"booking.ical_uid", UID "@Cal.com"}, {"booking.sequence", "0"},
        {"booking.status", "accepted"}, {"booking.seat", "null"},
        {"booking.title", "Intro call between Olga Example and Ada Example"},
        {"booking.event_type", "intro-call"},
        {"booking.notes", "Zo\xc3\xab says: 15 minutes would do."},
        {"booking.description", "Half an hour to get to know each other"}, {"booking.link", "null"},
        {"booking.start", "2026-11-24T15:00:00Z"}, {"booking.end", "2026-11-24T15:30:00Z"},
        {"booking.timezone", "America/Los_Angeles"}, {"booking.previous_start", "null"},
        {"booking.location", "Cal Video"}, {"booking.join_url", "https://app.cal.com/video/" UID},
        {"booking.reason", "null"}, {"booking.by", "null"}, {"booking.payment", "null"},
        {"booking.organizer.name", "Olga Example"}, {"booking.organizer.email", "olga@example.org"},
        {"booking.organizer.timezone", "Europe/Berlin"},
        {"booking.attendees.0.name", "Ada Example"},
        {"booking.attendees.0.email", "ada@example.com"}, {"booking.attendees.1", "(nothing)"},
        {"booking.guests", "[\"gus@example.com\"]"},
        {"booking.answers.0.question", "Which company are you with?"},
        {"booking.answers.0.answer", "Example & Sons"}, {"booking.answers.1", "(nothing)"});
    SAMPLE("booking_created_seat.json", {"kind", "created"},
        {"booking.seat", "00000000-0000-4000-8000-000000000002"}, {"booking.title", "Intro call"});
}

static void moved(void **state)
{
    (void)state;
    SAMPLE("booking_rescheduled.json", {"kind", "rescheduled"}, {"booking.uid", UID2},
        {"booking.previous_uid", UID}, {"booking.ical_uid", UID "@Cal.com"},
        {"booking.sequence", "1"}, {"booking.start", "2026-11-26T09:00:00Z"},
        {"booking.previous_start", "2026-11-24T15:00:00Z"},
        {"booking.previous_end", "2026-11-24T15:30:00Z"},
        {"booking.reason", "A dentist's appointment"}, {"booking.by", "ada@example.com"});
    SAMPLE("booking_requested.json", {"kind", "requested"}, {"booking.status", "pending"},
        {"booking.previous_uid", "null"}, {"booking.reason", "null"});
    SAMPLE("booking_requested_move.json", {"kind", "requested"}, {"booking.previous_uid", UID},
        {"booking.previous_start", "2026-11-24T15:00:00Z"},
        {"booking.reason", "A dentist's appointment"});
}

static void ended(void **state)
{
    (void)state;
    SAMPLE("booking_rejected.json", {"kind", "rejected"}, {"booking.status", "rejected"},
        {"booking.reason", "That day is a holiday here"}, {"booking.location", "null"},
        {"booking.start", "2026-11-24T15:00:00Z"});
    SAMPLE("booking_cancelled.json", {"kind", "cancelled"}, {"booking.uid", UID},
        {"booking.start", "2026-11-24T15:00:00Z"}, {"booking.status", "cancelled"},
        {"booking.sequence", "1"}, {"booking.reason", "Caught a cold"},
        {"booking.by", "ada@example.com"}, {"booking.seat", "null"},
        {"booking.asked_to_rebook", "false"});
    SAMPLE("booking_cancelled_rebook.json", {"kind", "cancelled"},
        {"booking.asked_to_rebook", "true"}, {"booking.reason", "The room is taken that day"},
        {"booking.by", "olga@example.org"});
    SAMPLE("booking_cancelled_rebook_older.json", {"booking.asked_to_rebook", "true"},
        {"booking.reason", "null"}, {"booking.status", "null"}, {"booking.seat", "null"});
    SAMPLE("booking_cancelled_seat.json", {"kind", "cancelled"}, {"booking.seat", "7001"},
        {"booking.status", "cancelled"}, {"booking.uid", UID}, {"booking.asked_to_rebook", "false"},
        {"booking.attendees.0.name", "Ada Example"});
}

#define CANCELLED(members) "{\"triggerEvent\":\"BOOKING_CANCELLED\",\"payload\":{" members "}}"

static void cancelled_in_every_way(void **state)
{
    (void)state;
    TEXT(CANCELLED(
             "\"status\":\"CANCELLED\",\"cancellationReason\":\"Please reschedule. I am ill\""),
        {"booking.asked_to_rebook", "false"}, {"booking.reason", "Please reschedule. I am ill"});
    TEXT(CANCELLED("\"requestReschedule\":true,\"cancellationReason\":\"Please reschedule.\""),
        {"booking.asked_to_rebook", "true"}, {"booking.reason", "null"});
    TEXT(CANCELLED("\"requestReschedule\":true,\"cancellationReason\":null"),
        {"booking.asked_to_rebook", "true"}, {"booking.reason", "null"});
    TEXT(CANCELLED("\"requestReschedule\":\"true\",\"status\":\"CANCELLED\""),
        {"booking.asked_to_rebook", "false"});
    TEXT(CANCELLED("\"responses\":{\"rescheduleReason\":{\"label\":\"x\",\"value\":\"of a former "
                   "move\"}}"),
        {"booking.reason", "null"}, {"booking.answers", "[]"});
    TEXT(CANCELLED("\"seatsPerTimeSlot\":2,\"cancelledBy\":\"a@example.com\",\"attendees\":[{"
                   "\"id\":1,\"email\":\"a@example.com\"}]"),
        {"booking.seat", "null"});
    TEXT(CANCELLED("\"seatsPerTimeSlot\":null,\"attendees\":[{\"id\":1}]"),
        {"booking.seat", "null"});
    TEXT(CANCELLED("\"seatsPerTimeSlot\":2,\"attendees\":[{\"name\":\"A\"}]"),
        {"booking.seat", "null"});
    TEXT(CANCELLED("\"seatsPerTimeSlot\":2,\"attendeeSeatId\":\"s1\",\"attendees\":[{\"id\":1}]"),
        {"booking.seat", "s1"});
}

static void paid(void **state)
{
    (void)state;
    SAMPLE("booking_paid.json", {"kind", "paid"}, {"booking.payment", "49.00 EUR, paid"});
    SAMPLE("booking_payment_initiated.json", {"kind", "other"},
        {"event", "BOOKING_PAYMENT_INITIATED"}, {"booking.payment", "49.00 EUR, not paid yet"},
        {"booking.uid", UID}, {"booking.attendees.0.name", "Ada Example"});
    TEXT("{\"triggerEvent\":\"BOOKING_PAID\",\"payload\":{\"price\":5000,\"currency\":\"jpy\"}}",
        {"booking.payment", "5000 JPY, paid"});
    TEXT("{\"triggerEvent\":\"BOOKING_PAID\",\"payload\":{\"price\":1505,\"currency\":\"usd\"}}",
        {"booking.payment", "15.05 USD, paid"});
    TEXT("{\"triggerEvent\":\"BOOKING_PAID\",\"payload\":{}}", {"booking.payment", "paid"});
    TEXT("{\"triggerEvent\":\"BOOKING_CREATED\",\"payload\":{\"price\":100,\"currency\":\"kwd\"}}",
        {"booking.payment", "0.100 KWD"});
}

static void meetings(void **state)
{
    (void)state;
    SAMPLE("meeting_started.json", {"kind", "meeting_started"}, {"sent_at", "null"},
        {"booking.uid", UID}, {"booking.start", "2026-11-24T15:00:00Z"},
        {"booking.organizer.email", "olga@example.org"},
        {"booking.attendees.0.email", "ada@example.com"}, {"booking.answers.0.question", "Company"},
        {"booking.answers.0.answer", "Example & Sons"}, {"booking.answers.1", "(nothing)"},
        {"booking.join_url", "https://app.cal.com/video/" UID});
    SAMPLE(
        "meeting_ended.json", {"kind", "meeting_ended"}, {"booking.end", "2026-11-24T15:30:00Z"});
    SAMPLE("recording_ready.json", {"kind", "recording"}, {"booking.uid", UID},
        {"booking.link", "https://app.cal.com/api/video/recording?token=invented"});
    SAMPLE("recording_transcription_generated.json", {"kind", "recording"},
        {"booking.link", "https://video.example.org/transcript.json"});
    SAMPLE("booking_no_show_updated.json", {"kind", "no_show"}, {"booking.uid", UID},
        {"booking.status", "no_show"}, {"booking.attendees.0.email", "ada@example.com"},
        {"booking.description", "ada@example.com marked as no-show"});
    SAMPLE(
        "booking_no_show_cleared.json", {"kind", "no_show"}, {"booking.status", "no_show_cleared"});
    SAMPLE("after_hosts_cal_video_no_show.json", {"kind", "host_no_show"},
        {"booking.status", "no_show"}, {"booking.uid", UID},
        {"booking.start", "2026-11-24T15:00:00Z"});
    SAMPLE("after_guests_cal_video_no_show.json", {"kind", "no_show"});
}

static void forms(void **state)
{
    (void)state;
    static const char *const samples[] = {"calcom/form_submitted.json",
        "calcom/form_submitted_no_event.json", "calcom/routing_form_fallback_hit.json"};
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        sample_check(PROVIDER_CALCOM, samples[i],
            (const struct fact[]){{"kind", "form"}, {"sent_at", "2026-11-21T10:00:00.123Z"},
                {"booking.title", "First contact"}, {"booking.answers.0.question", "Your name"},
                {"booking.answers.0.answer", "Ada Example"},
                {"booking.answers.1.answer", "Sales, Support"}, {"booking.answers.2", "(nothing)"},
                {NULL, NULL}});
    TEXT(
        "{\"payload\":\"mine\",\"triggerEvent\":\"mine\",\"createdAt\":\"mine\",\"uid\":\"mine\","
        "\"triggerEvent\":\"FORM_SUBMITTED\",\"createdAt\":\"2026-11-21T10:00:00.123Z\","
        "\"payload\":{\"formName\":\"F\",\"responses\":{\"email\":{\"value\":\"a@example.com\"}}}}",
        {"kind", "form"}, {"sent_at", "2026-11-21T10:00:00.123Z"}, {"booking.title", "F"},
        {"booking.uid", "null"}, {"booking.answers.0.question", "email"},
        {"booking.answers.0.answer", "a@example.com"});
}

static void the_rest(void **state)
{
    (void)state;
    SAMPLE("ooo_created.json", {"kind", "out_of_office"}, {"booking.start", "2026-12-24T00:00:00Z"},
        {"booking.end", "2026-12-31T23:59:59Z"}, {"booking.reason", "Vacation"},
        {"booking.description", "Back in the new year"},
        {"booking.organizer.email", "olga@example.org"});
    SAMPLE("delegation_credential_error.json", {"kind", "report"},
        {"booking.status", "credential_error"}, {"booking.organizer.email", "olga@example.org"},
        {"booking.details.0.word", "platform"}, {"booking.details.0.text", "google-calendar"},
        {"booking.details.1.word", "error"},
        {"booking.details.1.text",
            "The calendar refused the delegated credential (CredentialError)"});
    SAMPLE("wrong_assignment_report.json", {"kind", "report"}, {"booking.uid", UID},
        {"booking.status", "wrong_assignment"},
        {"booking.notes", "Should have gone to the sales team"});
    SAMPLE("ping.json", {"kind", "ping"}, {"booking.title", "Test trigger event"});
    TEXT("{\"triggerEvent\":\"BOOKING_CONFIRMED\",\"payload\":{\"uid\":\"u\",\"title\":\"T\"}}",
        {"kind", "other"}, {"event", "BOOKING_CONFIRMED"}, {"booking.uid", "u"},
        {"booking.title", "T"}, {"booking.description", "null"});
}

static void templates(void **state)
{
    (void)state;
    SAMPLE("template_flat.json", {"kind", "other"}, {"event", "null"}, {"booking.uid", "1001"},
        {"booking.start", "2026-11-24T15:00:00Z"}, {"booking.status", "accepted"},
        {"booking.notes", "15 minutes would do"}, {"booking.organizer.name", "null"});
    SAMPLE("template_envelope.json", {"kind", "created"}, {"booking.uid", UID});
    SAMPLE("template_foreign.json", {"kind", "other"},
        {"booking.description",
            "{\"text\":\"New booking: Intro call, 24 November at 15:00 UTC\"}"});
    SAMPLE("template_false.json", {"kind", "other"}, {"booking.description", "null"});
    SAMPLE("empty.json", {"kind", "other"}, {"booking.description", "null"});
    SAMPLE("template_form.txt", {"kind", "other"},
        {"booking.description",
            "title=Intro call between Olga Example &amp; Ada "
            "Example&start=2026-11-24T15:00:00Z&email=ada+calls@example.com&note="});
    TEXT("\"Booked:\\r\\nIntro\"", {"kind", "other"}, {"booking.description", "Booked:\nIntro"});
    TEXT("{\"user\":{\"name\":\"Olga\",\"email\":\"olga@example.org\"},\"eventType\":{\"title\":"
         "\"Intro\"},\"uid\":\"u\"}",
        {"booking.organizer.name", "Olga"}, {"booking.event_type", "Intro"});
}

#define CREATED(members) "{\"triggerEvent\":\"BOOKING_CREATED\",\"payload\":{" members "}}"

static void people(void **state)
{
    (void)state;
    TEXT(CREATED("\"organizer\":{\"name\":\"Nameless\",\"email\":\"Email-less\"},\"attendees\":[{"
                 "\"name\":{\"firstName\":\"Ada\",\"lastName\":\"Example\"},\"email\":\"x\"},{"
                 "\"firstName\":\"Bob\",\"name\":\"\"},{\"email\":\"15550100@sms.cal.com\","
                 "\"name\":\"Cyd\"},{\"email\":\"15550101@SMS.CAL.COM\",\"name\":\"Dee\"},"
                 "{},7,null]"),
        {"booking.organizer.name", "null"}, {"booking.organizer.email", "null"},
        {"booking.attendees.0.name", "Ada Example"}, {"booking.attendees.0.email", "null"},
        {"booking.attendees.1.name", "Bob"}, {"booking.attendees.2.name", "Cyd"},
        {"booking.attendees.2.email", "null"}, {"booking.attendees.3.name", "Dee"},
        {"booking.attendees.3.email", "null"}, {"booking.attendees.4", "(nothing)"});
    TEXT(CREATED("\"responses\":{\"guests\":[\"a@example.com\",\"b@example.com\",7]},\"attendees\":"
                 "[{\"name\":\"\",\"email\":\"A@example.com\"},{\"name\":\"\",\"email\":"
                 "\"B@example.com\"},{\"name\":\"\",\"email\":\"c@example.com\"}]"),
        {"booking.guests", "[\"a@example.com\",\"b@example.com\"]"},
        {"booking.attendees.0.email", "A@example.com"},
        {"booking.attendees.1.email", "c@example.com"}, {"booking.attendees.2", "(nothing)"});
    TEXT(
        CREATED(
            "\"responses\":{\"guests\":{\"label\":\"guests\",\"value\":[\"b@example.com\"]}},"
            "\"attendees\":[{\"name\":\"A\",\"email\":\"a@example.com\"},{\"name\":\"B\",\"email\":"
            "\"b@example.com\"}]"),
        {"booking.guests", "[\"b@example.com\"]"}, {"booking.attendees.1", "(nothing)"});
}

#define ANSWER_MEMBERS(question, answer, word)                                                     \
    "{\"question\":\"" question "\",\"word\":null,\"answer\":\"" answer "\",\"answer_word\":" word \
    "}"
#define ANSWER(question, answer) ANSWER_MEMBERS(question, answer, "null")
#define TICK(question, answer)   ANSWER_MEMBERS(question, answer, "\"" answer "\"")

static void answers(void **state)
{
    (void)state;
    TEXT(
        CREATED("\"responses\":{\"a\":{\"label\":\"A\",\"value\":\"1\"},\"b\":{\"label\":\"B\"},"
                "\"c\":{\"label\":\"C\",\"value\":\"x\",\"isHidden\":true},\"d\":\"raw\",\"e\":12,"
                "\"f\":[\"x\",\"y\",3],\"g\":true,\"o\":{\"label\":\"O\",\"value\":false},\"p\":"
                "\"yes\",\"h\":{\"firstName\":\"F\",\"lastName\":\"L\"},"
                "\"i\":{\"value\":\"phone\",\"optionValue\":\"+1\"},\"j\":{\"label\":\"J\","
                "\"value\":{\"value\":\"attendeeInPerson\",\"optionValue\":\"\"}},\"k\":null,"
                "\"l\":{},\"a\":{\"label\":\"A\",\"value\":\"2\"}},"
                "\"userFieldsResponses\":{\"a\":{\"label\":\"A\",\"value\":\"2\"},\"c\":{\"label\":"
                "\"C\",\"value\":\"x\"},\"m\":{\"label\":\"M\",\"value\":\"m\"}},"
                "\"customInputs\":{\"m\":\"again\",\"n\":\"legacy\"}"),
        {"booking.answers",
            "[" ANSWER("d", "raw") "," ANSWER("e", "12") "," ANSWER("f", "x, y") "," TICK(
                "g", "yes") "," TICK("O", "no") "," ANSWER("p", "yes") "," ANSWER("h",
                "F L") "," ANSWER("i", "+1") "," ANSWER("J", "attendeeInPerson") "," ANSWER("A",
                "2") "," ANSWER("M", "m") "," ANSWER("n", "legacy") "]"});
}

/* The title of a booking that people share may name one of them. */
static void titles(void **state)
{
    (void)state;
    TEXT(CREATED("\"title\":\"Class between O and A\",\"eventTitle\":\"Class\","
                 "\"seatsPerTimeSlot\":4"),
        {"booking.title", "Class"});
    TEXT(CREATED("\"title\":\"Class between O and A\",\"seatsPerTimeSlot\":4"),
        {"booking.title", "Class between O and A"});
    TEXT(CREATED("\"title\":\"Talk between O and A\",\"eventTitle\":\"Talk\","
                 "\"seatsPerTimeSlot\":null"),
        {"booking.title", "Talk between O and A"});
}

static void places(void **state)
{
    (void)state;
    static const struct {
        const char *members, *place, *url;
    } rows[] = {
        {"\"location\":\"integrations:google:meet\"", "Google Meet", "null"},
        {"\"location\":\"integrations:zoom\",\"videoCallData\":{\"url\":\"https://z.example/\"}",
            "Zoom", "https://z.example/"},
        {"\"location\":\"integrations:hologram_video\"", "Hologram", "null"},
        {"\"location\":\"https://a.example/\"", "null", "https://a.example/"},
        {"\"location\":\"https://a.example/\",\"metadata\":{\"videoCallUrl\":\"https://b.example/"
         "\"}",
            "null", "https://b.example/"},
        {"\"location\":\"1 Example Street\"", "1 Example Street", "null"},
        {"\"location\":\"1 Example Street\",\"videoCallData\":{\"url\":\"https://old.example/\"}",
            "1 Example Street", "null"},
        {"\"videoCallData\":{\"url\":\"https://v.example/\"}", "null", "https://v.example/"},
        {"\"location\":\"\",\"metadata\":[]", "null", "null"},
        {"\"location\":\"javascript:alert(1)\"", "javascript:alert(1)", "null"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[512];
        snprintf(body, sizeof body, "{\"triggerEvent\":\"BOOKING_CREATED\",\"payload\":{%s}}",
            rows[i].members);
        TEXT(body, {"booking.location", rows[i].place}, {"booking.join_url", rows[i].url});
    }
}

static void uids(void **state)
{
    (void)state;
    TEXT(CREATED("\"id\":1,\"bookingId\":2,\"bookingUid\":\"b\",\"uid\":\"a\""),
        {"booking.uid", "a"});
    TEXT(CREATED("\"id\":1,\"bookingId\":2,\"bookingUid\":\"b\",\"uid\":null"),
        {"booking.uid", "b"});
    TEXT(CREATED("\"id\":1,\"bookingId\":2,\"uid\":\"\""), {"booking.uid", "2"});
    TEXT(CREATED("\"id\":1"), {"booking.uid", "1"});
    TEXT(CREATED("\"id\":9007199254740993"), {"booking.uid", "9007199254740993"});
    TEXT(CREATED("\"id\":9007199254740991.0"), {"booking.uid", "9007199254740991"});
    TEXT(CREATED("\"id\":9007199254740992.0"), {"booking.uid", "null"}); /* or one more */
    TEXT(CREATED("\"id\":123456789012345"), {"booking.uid", "123456789012345"});
    TEXT(CREATED("\"id\":18446744073709551617"), {"booking.uid", "18446744073709551617"});
    TEXT(CREATED("\"id\":1.5"), {"booking.uid", "null"});
    TEXT(CREATED("\"id\":-1"), {"booking.uid", "null"});
    TEXT(CREATED("\"id\":1e400"), {"booking.uid", "null"});
    TEXT(CREATED("\"UID\":\"a\""), {"booking.uid", "null"});
}

static void secrets_stay_out(void **state)
{
    (void)state;
    static const char *const samples[] = {
        "calcom/booking_created.json", "calcom/meeting_started.json"};
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct buf body = {0};
        body_read(samples[i], &body);
        assert_non_null(strstr(body.data, "invented-join-credential"));
        cJSON *json = body_map(PROVIDER_CALCOM, body.data, body.len);
        char *text = cJSON_PrintUnformatted(json);
        assert_null(strstr(text, "credential"));
        assert_null(strstr(text, "password"));
        free(text);
        cJSON_Delete(json);
        buf_free(&body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(created),
        cmocka_unit_test(moved),
        cmocka_unit_test(ended),
        cmocka_unit_test(cancelled_in_every_way),
        cmocka_unit_test(paid),
        cmocka_unit_test(meetings),
        cmocka_unit_test(forms),
        cmocka_unit_test(the_rest),
        cmocka_unit_test(templates),
        cmocka_unit_test(people),
        cmocka_unit_test(answers),
        cmocka_unit_test(titles),
        cmocka_unit_test(places),
        cmocka_unit_test(uids),
        cmocka_unit_test(secrets_stay_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
