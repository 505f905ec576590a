#include "provider_body.h"

#define API "https://api.calendly.com/"
#define INV1                                                                                       \
    API "scheduled_events/00000000-0000-4000-8000-00000000e001/invitees/"                          \
        "00000000-0000-4000-8000-00000000a001"
#define INV2                                                                                       \
    API "scheduled_events/00000000-0000-4000-8000-00000000e002/invitees/"                          \
        "00000000-0000-4000-8000-00000000a002"

#define SAMPLE(name, ...)                                                                          \
    sample_check(PROVIDER_CALENDLY, "calendly/" name ".json",                                      \
        (const struct fact[]){__VA_ARGS__, {NULL, NULL}})
#define TEXT(body, ...)                                                                            \
    text_check(PROVIDER_CALENDLY, body, (const struct fact[]){__VA_ARGS__, {NULL, NULL}})

static void created(void **state)
{
    (void)state;
    SAMPLE("invitee_created", {"event", "invitee.created"}, {"kind", "created"},
        {"sent_at", "2026-11-21T10:00:00.000Z"}, {"booking.uid", INV1},
        {"booking.previous_uid", "null"}, {"booking.status", "active"},
        {"booking.title", "Intro call"}, {"booking.start", "2026-11-24T15:00:00Z"},
        {"booking.end", "2026-11-24T15:30:00Z"}, {"booking.timezone", "America/Los_Angeles"},
        {"booking.location", "Zoom"}, {"booking.join_url", "https://zoom.example.com/j/1234567890"},
        {"booking.organizer.name", "Olga Example"}, {"booking.organizer.email", "olga@example.org"},
        {"booking.attendees.0.name", "Ada Example"},
        {"booking.attendees.0.email", "ada@example.com"},
        {"booking.guests", "[\"gus@example.com\"]"},
        {"booking.answers.0.question", "What shall we talk about?"},
        {"booking.answers.0.answer", "Prices\nDelivery"},
        {"booking.answers.1.answer", "Example & Sons"}, {"booking.payment", "null"},
        {"booking.reason", "null"});
    SAMPLE("invitee_created_paid", {"booking.payment", "49.50 EUR, paid"});
    SAMPLE("invitee_created_pending_link", {"booking.attendees.0.name", "Ada Example"},
        {"booking.timezone", "America/New_York"},
        {"booking.attendees.0.timezone", "America/New_York"}, {"booking.location", "Zoom"},
        {"booking.join_url", "null"});
    SAMPLE("invitee_created_phone", {"booking.location", "+1 555-0100"},
        {"booking.location_word", "phone_call_by_host"}, {"booking.guests", "[]"});
    SAMPLE("invitee_created_physical", {"booking.location", "1 Example Street (Ring twice)"});
    SAMPLE("invitee_created_no_location", {"booking.location", "null"}, {"booking.title", "null"},
        {"booking.attendees.0.name", "null"}, {"booking.attendees.0.email", "ada@example.com"},
        {"booking.timezone", "null"}, {"booking.answers", "[]"});
    SAMPLE("v1_like", {"kind", "created"}, {"booking.uid", "CCCCCCCCCCCCCCCC"},
        {"booking.start", "2026-11-24T23:00:00Z"}, {"booking.end", "2026-11-24T23:30:00Z"},
        {"booking.location", "1 Example Street"}, {"booking.attendees.0.email", "ada@example.com"});
}

static void moves_and_ends(void **state)
{
    (void)state;
    SAMPLE("invitee_created_moved", {"kind", "rescheduled"}, {"booking.uid", INV2},
        {"booking.previous_uid", INV1}, {"booking.start", "2026-11-26T09:00:00Z"});
    SAMPLE("invitee_canceled", {"kind", "cancelled"}, {"booking.status", "canceled"},
        {"booking.reason", "Caught a cold"}, {"booking.by", "Ada Example"},
        {"booking.asked_to_rebook", "false"});
    SAMPLE("invitee_canceled_moved", {"kind", "cancelled"}, {"booking.uid", INV1},
        {"booking.previous_uid", "null"}, {"booking.status", "moved"});
    TEXT("{\"event\":\"invitee.canceled\",\"payload\":{\"uri\":\"a\",\"rescheduled\":true,"
         "\"old_invitee\":\"b\"}}",
        {"booking.status", "moved"}, {"booking.previous_uid", "null"});
    TEXT("{\"event\":\"invitee.canceled\",\"payload\":{\"uri\":\"a\",\"new_invitee\":\"b\"}}",
        {"booking.status", "moved"});
    TEXT("{\"event\":\"invitee.rescheduled\",\"payload\":{\"uri\":\"a\",\"old_invitee\":\"b\"}}",
        {"kind", "rescheduled"}, {"booking.previous_uid", "b"});
    SAMPLE("invitee_no_show_created", {"kind", "no_show"}, {"booking.status", "no_show"},
        {"booking.uid", INV1});
    SAMPLE("invitee_no_show_deleted", {"kind", "no_show"}, {"booking.status", "no_show_cleared"});
}

static void forms(void **state)
{
    (void)state;
    SAMPLE("routing_form_submission_created", {"kind", "form"}, {"booking.uid", "null"},
        {"booking.link", "https://www.example.org/thanks"}, {"booking.attendees", "[]"},
        {"booking.answers.0.question", "Your e-mail"},
        {"booking.answers.0.answer", "ada@example.com"},
        {"booking.answers.1.answer", "Example & Sons"}, {"booking.answers.2", "(nothing)"});
    SAMPLE("routing_form_submission_created_message", {"booking.link", "null"},
        {"booking.description", "Thank you\n\nWe shall write to you."});
    SAMPLE("routing_form_submission_created_event_type", {"kind", "form"}, {"booking.link", "null"},
        {"booking.description", "null"});
}

static void resources(void **state)
{
    (void)state;
    SAMPLE("event_type_created", {"kind", "other"}, {"event", "event_type.created"},
        {"booking.title", "Intro call"}, {"booking.uid", "null"});
    SAMPLE("contact_created", {"kind", "other"}, {"booking.title", "Ada Example"});
    SAMPLE("contact_deleted", {"kind", "other"},
        {"booking.title", API "contacts/00000000-0000-4000-8000-00000000ca01"});
    SAMPLE("meeting_recap_created", {"booking.title", "Recap of Intro call"});
    SAMPLE("meeting_recap_deleted", {"kind", "other"},
        {"booking.title", API "meeting_recaps/00000000-0000-4000-8000-00000000cb01"});
    TEXT("{\"event\":\"invitee.applauded\",\"payload\":{\"uri\":\"a\",\"email\":\"a@example.com\","
         "\"scheduled_event\":{\"name\":\"Intro\"}}}",
        {"kind", "other"}, {"event", "invitee.applauded"}, {"booking.uid", "a"},
        {"booking.title", "Intro"});
}

static void every_place(void **state)
{
    (void)state;
    static const struct {
        const char *location, *place, *url;
    } rows[] = {
        {"{\"type\":\"physical\"}", "In person", "null"},
        {"{\"type\":\"inbound_call\",\"location\":\"+1 555 0100\"}", "+1 555 0100", "null"},
        {"{\"type\":\"outbound_call\",\"location\":null}", "Phone call to the customer", "null"},
        {"{\"type\":\"custom\",\"location\":\"At the caf\xc3\xa9\"}", "At the caf\xc3\xa9", "null"},
        {"{\"type\":\"custom\",\"location\":null}", "null", "null"},
        {"{\"type\":\"ask_invitee\",\"location\":\"https://example.com/me\"}", "null",
            "https://example.com/me"},
        {"{\"type\":\"google_conference\",\"join_url\":\"https://example.com/g\"}", "Google Meet",
            "https://example.com/g"},
        {"{\"type\":\"zoom_conference\",\"join_url\":null}", "Zoom", "null"},
        {"{\"type\":\"microsoft_teams_conference\"}", "Microsoft Teams", "null"},
        {"{\"type\":\"webex_conference\"}", "Webex", "null"},
        {"{\"type\":\"gotomeeting\"}", "GoTo Meeting", "null"},
        {"{\"type\":\"hologram\"}", "Hologram", "null"},
        {"{\"type\":7,\"location\":[]}", "null", "null"},
        {"\"A room\"", "A room", "null"},
        {"\"https://example.com/x\"", "null", "https://example.com/x"},
        {"[]", "null", "null"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[512];
        snprintf(body, sizeof body,
            "{\"event\":\"invitee.created\",\"payload\":{\"scheduled_event\":{\"location\":%s}}}",
            rows[i].location);
        TEXT(body, {"booking.location", rows[i].place}, {"booking.join_url", rows[i].url});
    }
}

static void words_of_places(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"{\"type\":\"physical\"}", "In person", "in_person"},
        {"{\"type\":\"physical\",\"location\":\"4 Wharf\"}", "4 Wharf", "null"},
        {"{\"type\":\"inbound_call\",\"location\":\"+15550111\",\"additional_info\":\"ext. 3\"}",
            "+15550111 (ext. 3)", "phone_call_by_customer"},
        {"{\"type\":\"outbound_call\"}", "Phone call to the customer", "phone_call_by_host"},
        {"{\"type\":\"google_conference\"}", "Google Meet", "google_meet"},
        {"{\"type\":\"zoom_conference\"}", "Zoom", "zoom"},
        {"{\"type\":\"gotomeeting\"}", "GoTo Meeting", "goto_meeting"},
        {"{\"type\":\"pigeon_post\"}", "Pigeon Post", "null"},
        {"\"4 Wharf\"", "4 Wharf", "null"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[512];
        snprintf(body, sizeof body,
            "{\"event\":\"invitee.created\",\"payload\":{\"scheduled_event\":{\"location\":%s}}}",
            rows[i][0]);
        TEXT(body, {"booking.location", rows[i][1]}, {"booking.location_word", rows[i][2]});
    }
}

#define COUNTER(total, active, limit)                                                              \
    "{\"event\":\"invitee.canceled\",\"payload\":{\"uri\":\"i\",\"event\":\"e\",\"scheduled_"      \
    "event\":"                                                                                     \
    "{\"uri\":\"s\",\"invitees_counter\":{\"total\":" #total ",\"active\":" #active                \
    ",\"limit\":" #limit "}}}}"

static void groups_and_hosts(void **state)
{
    (void)state;
    SAMPLE("invitee_created_group", {"known", "true"}, {"booking.uid", INV1},
        {"booking.group_uid", API "scheduled_events/00000000-0000-4000-8000-00000000e001"},
        {"booking.places", "6"}, {"booking.places_taken", "2"},
        {"booking.attendees.0.phone", "+1 503-555-0102"}, {"booking.host_notes", "Pays late"},
        {"booking.description", "null"}, {"booking.notes", "null"},
        {"booking.calendar_written", "true"}, {"booking.organizer.email", "olga@example.org"},
        {"booking.hosts.0.name", "Olga Example"}, {"booking.hosts.1.email", "otto@example.org"},
        {"booking.hosts.2", "(nothing)"},
        {"booking.cancel_url",
            "https://calendly.com/cancellations/00000000-0000-4000-8000-00000000a001"},
        {"booking.reschedule_url",
            "https://calendly.com/reschedulings/00000000-0000-4000-8000-00000000a001"});
    SAMPLE("invitee_created", {"booking.group_uid", "null"}, {"booking.places", "null"},
        {"booking.places_taken", "null"}, {"booking.calendar_written", "false"},
        {"booking.attendees.0.phone", "null"});
    SAMPLE("invitee_canceled", {"booking.cancel_url", "null"}, {"booking.reschedule_url", "null"});
    SAMPLE("invitee_canceled_moved", {"booking.reschedule_url", "null"});
    TEXT(COUNTER(4, 0, 9), {"booking.group_uid", "s"}, {"booking.places", "9"},
        {"booking.places_taken", "null"});
    TEXT(COUNTER(1, 1, 1), {"booking.group_uid", "null"});
    TEXT("{\"event\":\"invitee.created\",\"payload\":{\"event\":\"e\",\"scheduled_event\":{\"event_"
         "type\":"
         "{\"kind\":\"group\"}}}}",
        {"booking.group_uid", "e"});
    TEXT("{\"event\":\"invitee.created\",\"payload\":{\"email\":\"a@k\xc3\xb8.example\","
         "\"scheduled_event\":{\"event_guests\":[{\"email\":\"b..c@example.com\"},{\"email\":"
         "\"d@k\xc3\xb8.example\"}]}}}",
        {"booking.attendees.0.email", "a@xn--k-5ga.example"},
        {"booking.attendees.0.written_email", "a@k\xc3\xb8.example"},
        {"booking.attendees.1.written_email", "b..c@example.com"},
        {"booking.guests", "[\"d@xn--k-5ga.example\"]"});
}

static void what_is_known(void **state)
{
    (void)state;
    static const char *const known[] = {"invitee.created", "invitee_no_show.deleted",
        "event_type.updated", "contact.deleted", "meeting_recap.created",
        "routing_form_submission.created"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char body[128];
        snprintf(body, sizeof body, "{\"event\":\"%s\",\"payload\":{}}", known[i]);
        TEXT(body, {"known", "true"});
    }
    SAMPLE("event_type_created", {"booking.answers.0.question", "active"},
        {"booking.answers.0.answer", "yes"}, {"booking.answers.1.answer", "intro-call"});
    TEXT("{\"event\":\"invitee.applauded\",\"payload\":{\"uri\":\"a\",\"hands\":2,\"token\":\"t\","
         "\"cancel_url\":\"https://c.example/"
         "\",\"scheduled_event\":{\"name\":\"I\",\"mood\":\"good\"}}}",
        {"known", "false"}, {"booking.answers.0.question", "hands"},
        {"booking.answers.1.question", "scheduled_event.mood"}, {"booking.answers.2", "(nothing)"},
        {"booking.cancel_url", "null"});
    SAMPLE("v1_like", {"known", "true"});
}

static void payments(void **state)
{
    (void)state;
    static const struct {
        const char *payment, *text;
    } rows[] = {
        {"{\"amount\":20,\"currency\":\"USD\",\"successful\":true}", "20.00 USD, paid"},
        {"{\"amount\":20.5,\"currency\":\"usd\",\"successful\":false}", "20.50 USD, not paid"},
        {"{\"amount\":5000,\"currency\":\"JPY\",\"successful\":true}", "5000 JPY, paid"},
        {"{\"amount\":0,\"currency\":\"USD\",\"successful\":true}", "null"},
        {"{\"amount\":-1,\"currency\":\"USD\"}", "null"},
        {"{\"amount\":1e300,\"currency\":\"USD\"}", "null"},
        {"{\"amount\":\"20\",\"currency\":\"USD\"}", "null"},
        {"{\"amount\":20,\"currency\":\"US\\n\"}", "null"},
        {"null", "null"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[256];
        snprintf(body, sizeof body, "{\"event\":\"invitee.created\",\"payload\":{\"payment\":%s}}",
            rows[i].payment);
        TEXT(body, {"booking.payment", rows[i].text});
    }
}

/* Passwords of meetings stay where they were. */
static void secrets_stay_out(void **state)
{
    (void)state;
    struct buf body = {0};
    body_read("calendly/invitee_created.json", &body);
    cJSON *json = body_map(PROVIDER_CALENDLY, body.data, body.len);
    char *text = cJSON_PrintUnformatted(json);
    assert_null(strstr(text, "password"));
    free(text);
    cJSON_Delete(json);
    buf_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(created),
        cmocka_unit_test(moves_and_ends),
        cmocka_unit_test(forms),
        cmocka_unit_test(resources),
        cmocka_unit_test(every_place),
        cmocka_unit_test(words_of_places),
        cmocka_unit_test(groups_and_hosts),
        cmocka_unit_test(what_is_known),
        cmocka_unit_test(payments),
        cmocka_unit_test(secrets_stay_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
