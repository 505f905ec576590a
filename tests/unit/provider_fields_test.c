/* The fields of real bodies, of both providers: each kind with values of its own. */
#include "provider_body.h"

#define UID "exampleBooking11111111"

#define SAMPLE(name, ...)                                                                          \
    sample_check(PROVIDER_CALCOM, "calcom/" name, (const struct fact[]){__VA_ARGS__, {NULL, NULL}})
#define TEXT(body, ...)                                                                            \
    text_check(PROVIDER_CALCOM, body, (const struct fact[]){__VA_ARGS__, {NULL, NULL}})
#define EVENT(name, members) "{\"triggerEvent\":\"" name "\",\"payload\":{" members "}}"
#define CREATED(members)     EVENT("BOOKING_CREATED", members)
#define WHO                  "\"attendees\":[{\"name\":\"A\",\"email\":\"a@example.com\"}]"

static void a_full_booking(void **state)
{
    (void)state;
    SAMPLE("booking_created_full.json", {"kind", "created"}, {"known", "true"},
        {"booking.notes", "null"}, {"booking.description", "Bring what is broken."},
        {"booking.location", "+15550102"}, {"booking.location_word", "phone_call_by_host"},
        {"booking.series.count", "3"}, {"booking.series.frequency", "weekly"},
        {"booking.series.interval", "1"}, {"booking.series.whole", "false"},
        {"booking.calendar_written", "true"}, {"booking.private.organizer_email", "true"},
        {"booking.private.notes", "true"}, {"booking.private.details", "true"},
        {"booking.reply_to", "desk@example.org"}, {"booking.team", "Intros"},
        {"booking.organizer.language", "en"}, {"booking.organizer.clock", "24"},
        {"booking.hosts.0.email", "olga@example.org"}, {"booking.hosts.1.name", "Otto Example"},
        {"booking.hosts.1.language", "de"}, {"booking.hosts.2", "(nothing)"},
        {"booking.attendees.0.phone", "+15550102"}, {"booking.attendees.0.language", "pt-BR"},
        {"booking.attendees.0.clock", "null"}, {"booking.answers.0.word", "about"},
        {"booking.answers.0.question", "What is this meeting about?"},
        {"booking.answers.0.answer", "A broken clock"}, {"booking.answers.1.word", "null"},
        {"booking.answers.2", "(nothing)"},
        {"booking.reschedule_url", "https://cal.com/reschedule/" UID},
        {"booking.cancel_url", "https://cal.com/booking/" UID "?cancel=true"},
        {"booking.manage_url", "null"});
    SAMPLE("booking_created.json", {"booking.series", "null"},
        {"booking.calendar_written", "false"}, {"booking.private.organizer_email", "false"},
        {"booking.private.notes", "false"}, {"booking.reply_to", "null"}, {"booking.team", "null"},
        {"booking.places", "null"}, {"booking.location_word", "cal_video"},
        {"booking.hosts.1", "(nothing)"}, {"booking.attendees.0.phone", "null"});
}

static void words_of_the_customer(void **state)
{
    (void)state;
    TEXT(CREATED("\"description\":\"Free tea!\",\"eventDescription\":\"Free tea!\","
                 "\"additionalNotes\":\"I come by bike\\nfrom the lake\""),
        {"booking.notes", "I come by bike\nfrom the lake"}, {"booking.description", "Free tea!"});
    TEXT(CREATED("\"description\":\"Bro\",\"additionalNotes\":\"Bro\",\"eventDescription\":\"\""),
        {"booking.notes", "Bro"}, {"booking.description", "null"});
    TEXT(CREATED("\"responses\":{\"notes\":{\"label\":\"additional_notes\",\"value\":\"N\"}}"),
        {"booking.notes", "N"}, {"booking.answers", "[]"});
    TEXT(CREATED("\"responses\":{\"notes\":\"N\"},\"additionalNotes\":\"M\""),
        {"booking.notes", "M"}, {"booking.answers.0.word", "notes"},
        {"booking.answers.0.answer", "N"});
    TEXT(CREATED("\"description\":\"D\""), {"booking.notes", "null"}, {"booking.description", "D"});
    TEXT(CREATED("\"description\":\"D\",\"additionalNotes\":\"\",\"eventDescription\":\"E\""),
        {"booking.notes", "null"}, {"booking.description", "D"});
    TEXT(EVENT("BOOKING_CANCELLED", "\"description\":\"N\",\"eventDescription\":\"E\""),
        {"booking.notes", "N"}, {"booking.description", "E"});
    TEXT(EVENT("BOOKING_CANCELLED", "\"description\":\"E\",\"eventDescription\":\"E\""),
        {"booking.notes", "null"}, {"booking.description", "E"});
    TEXT("{\"triggerEvent\":\"MEETING_STARTED\",\"uid\":\"u\",\"description\":\"N\"}",
        {"booking.notes", "N"}, {"booking.description", "null"});
    /* an answer of the same words to a question of the host stays */
    TEXT(CREATED("\"additionalNotes\":\"no\",\"responses\":{\"q\":{\"label\":\"Pets?\",\"value\":"
                 "\"no\"}}"),
        {"booking.answers.0.answer", "no"});
}

static void phones(void **state)
{
    (void)state;
    TEXT(CREATED("\"attendees\":[{\"name\":\"A\",\"phoneNumber\":\"+44 20 7946 0000\"}],"
                 "\"responses\":{\"attendeePhoneNumber\":{\"label\":\"phone_number\",\"value\":"
                 "\"+442079460000\"}}"),
        {"booking.attendees.0.phone", "+44 20 7946 0000"}, {"booking.answers", "[]"});
    TEXT(CREATED(WHO ",\"responses\":{\"attendeePhoneNumber\":{\"label\":\"phone_number\","
                     "\"value\":\"+15550103\"}}"),
        {"booking.attendees.0.phone", "+15550103"}, {"booking.answers", "[]"});
    TEXT(CREATED(WHO ",\"smsReminderNumber\":\"+15550104\""),
        {"booking.attendees.0.phone", "+15550104"});
    TEXT(CREATED(WHO ",\"responses\":{\"smsReminderNumber\":{\"label\":\"number_text_notifications"
                     "\",\"value\":\"+15550105\"},\"attendeePhoneNumber\":\"+15550106\"}"),
        {"booking.attendees.0.phone", "+15550106"}, {"booking.answers.0.word", "phone"},
        {"booking.answers.0.question", "Phone number"}, {"booking.answers.0.answer", "+15550105"},
        {"booking.answers.1", "(nothing)"});
    TEXT(CREATED("\"attendees\":[{\"name\":\"A\",\"email\":\"15550107@sms.cal.com\"}]"),
        {"booking.attendees.0.phone", "+15550107"}, {"booking.attendees.0.email", "null"},
        {"booking.attendees.0.written_email", "null"});
    TEXT(CREATED(WHO ",\"responses\":{\"location\":{\"label\":\"location\",\"value\":{\"value\":"
                     "\"phone\",\"optionValue\":\"+15550108\"}}}"),
        {"booking.attendees.0.phone", "+15550108"});
}

static void phones_by_label(void **state)
{
    (void)state;
    TEXT(CREATED(WHO ",\"responses\":{\"tel\":{\"label\":\"phone_number\",\"value\":\"+15550112\"},"
                     "\"q\":{\"label\":\"Phone of a friend\",\"value\":\"+15550113\"}}"),
        {"booking.attendees.0.phone", "+15550112"},
        {"booking.answers.0.question", "Phone of a friend"}, {"booking.answers.1", "(nothing)"});
    TEXT(CREATED(WHO ",\"responses\":{\"tel\":{\"label\":\"phone_number\"}}"),
        {"booking.attendees.0.phone", "null"}, {"booking.answers", "[]"});
}

static void answers_of_forms(void **state)
{
    (void)state;
    TEXT(EVENT("FORM_SUBMITTED",
             "\"responses\":{\"A\":{\"response\":[{\"label\":\"Sales\",\"id\":\"1\"},{\"label\":"
             "\"Help\"}]},\"B\":{\"response\":\"text\"},\"C\":{\"value\":\"old\",\"response\":"
             "\"new\"}}"),
        {"booking.answers.0.answer", "Sales, Help"}, {"booking.answers.1.answer", "text"},
        {"booking.answers.2.answer", "old"});
}

static void labels_become_words(void **state)
{
    (void)state;
    TEXT(CREATED("\"responses\":{\"title\":{\"label\":\"title\",\"value\":\"T\"},\"x\":{\"label\":"
                 "\"What about it?\",\"value\":\"X\"}}"),
        {"booking.answers.0.word", "about"}, {"booking.answers.0.answer", "T"},
        {"booking.answers.1.question", "What about it?"}, {"booking.answers.1.word", "null"});
    TEXT("{\"triggerEvent\":\"FORM_SUBMITTED\",\"payload\":{\"responses\":{\"title\":{\"value\":"
         "\"Dr\"},\"email\":{\"value\":\"a@example.com\"}}}}",
        {"booking.answers.0.question", "title"}, {"booking.answers.0.word", "null"},
        {"booking.answers.1.question", "email"});
}

static void places_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *members, *place, *word;
    } rows[] = {
        {"\"location\":\"inPerson\"", "In person", "in_person"},
        {"\"location\":\"attendeeInPerson\"", "In person, at the customer's place",
            "in_person_at_customer"},
        {"\"location\":\"attendeeInPerson\",\"responses\":{\"location\":{\"value\":{\"value\":"
         "\"attendeeInPerson\",\"optionValue\":\"2 Dyke Road\"}}}",
            "2 Dyke Road", "null"},
        {"\"location\":\"phone\"", "Phone call to the customer", "phone_call_by_host"},
        {"\"location\":\"userPhone\"", "Phone call to the host", "phone_call_by_customer"},
        {"\"location\":\"+1 555 0109\",\"responses\":{\"location\":{\"value\":{\"value\":"
         "\"userPhone\",\"optionValue\":\"\"}}}",
            "+1 555 0109", "phone_call_by_customer"},
        {"\"location\":\"The red house\",\"responses\":{\"location\":{\"value\":{\"value\":"
         "\"phone\",\"optionValue\":\"+15550110\"}}}",
            "The red house", "null"},
        {"\"location\":\"conferencing\"", "Video call", "video"},
        {"\"location\":\"link\"", "By link", "link"},
        {"\"location\":\"somewhereElse\"", "Somewhere else", "somewhere_else"},
        {"\"location\":\"integrations:office365_video\"", "Microsoft Teams", "microsoft_teams"},
        {"\"location\":\"integrations:foo_bar_video\"", "Foo Bar", "null"},
        {"\"location\":\"integrations:huddle01\"", "Huddle01", "null"},
        {"\"location\":\"integrations:video\"", "Video", "null"},
        {"\"location\":\"integrations: and more\"", "integrations: and more", "null"},
        {"\"location\":\"inperson\"", "inperson", "null"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[512];
        snprintf(body, sizeof body, CREATED("%s"), rows[i].members);
        TEXT(body, {"booking.location", rows[i].place}, {"booking.location_word", rows[i].word});
    }
    SAMPLE("booking_location_updated.json", {"kind", "location_changed"}, {"known", "true"},
        {"booking.location", "null"}, {"booking.location_word", "null"},
        {"booking.join_url", "https://meet.example.org/new-room"},
        {"booking.previous_location", "Cal Video"}, {"booking.previous_location_word", "cal_video"},
        {"booking.sequence", "1"});
    TEXT(EVENT("BOOKING_LOCATION_UPDATED",
             "\"location\":\"3 Quay\",\"previousLocation\":\"https://m.example/old\""),
        {"booking.location", "3 Quay"}, {"booking.previous_location", "https://m.example/old"},
        {"booking.previous_location_word", "null"});
}

static void hosts(void **state)
{
    (void)state;
    TEXT(CREATED(
             "\"organizer\":{\"name\":\"O\",\"email\":\"o@example.org\",\"timeFormat\":12},"
             "\"team\":{\"name\":\"T\",\"members\":[{\"name\":\"O\",\"email\":\"O@example.org\"},"
             "{\"name\":\"P\"},{\"name\":\"P\"},{\"name\":\"Q\",\"email\":\"q@example.org\"},7]}"),
        {"booking.hosts.0.clock", "12"}, {"booking.hosts.1.name", "P"},
        {"booking.hosts.2.email", "q@example.org"}, {"booking.hosts.3", "(nothing)"});
    TEXT("{\"triggerEvent\":\"MEETING_ENDED\",\"uid\":\"u\",\"user\":{\"name\":\"O\",\"email\":"
         "null},"
         "\"userPrimaryEmail\":\"o@example.org\"}",
        {"booking.organizer.name", "O"}, {"booking.organizer.email", "o@example.org"},
        {"booking.hosts.0.email", "o@example.org"});
    TEXT(CREATED("\"organizer\":{\"name\":\"Nameless\",\"email\":\"Email-less\"}"),
        {"booking.organizer.written_email", "null"}, {"booking.hosts", "[]"});
    SAMPLE("booking_reassigned.json", {"kind", "reassigned"}, {"known", "true"},
        {"booking.organizer.email", "otto@example.org"}, {"booking.sequence", "1"},
        {"booking.previous_start", "null"}, {"booking.previous_organizer.name", "null"});
    TEXT(EVENT("OOO_CREATED", "\"oooEntry\":{\"user\":{\"email\":\"o@example.org\"},\"toUser\":{"
                              "\"name\":\"Pia\",\"email\":\"p@example.org\"}}"),
        {"booking.organizer.email", "o@example.org"}, {"booking.stand_in.name", "Pia"},
        {"booking.stand_in.email", "p@example.org"});
}

static void absences(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"ooo_reasons_vacation", "Vacation"},
        {"ooo_reasons_sick_leave", "Sick Leave"}, {"Moving house", "Moving house"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[256];
        snprintf(body, sizeof body,
            EVENT("OOO_CREATED", "\"oooEntry\":{\"reason\":{\"reason\":\"%s\"}}"), rows[i][0]);
        TEXT(body, {"booking.reason", rows[i][1]});
    }
}

static void clocks(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"\"h:mma\"", "12"}, {"\"HH:mm\"", "24"}, {"12", "12"},
        {"24", "24"}, {"\"12\"", "12"}, {"\"24\"", "24"}, {"13", "null"}, {"\"\"", "null"},
        {"null", "null"}, {"\"mm\"", "null"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[256];
        snprintf(body, sizeof body, CREATED("\"organizer\":{\"name\":\"O\",\"timeFormat\":%s}"),
            rows[i][0]);
        TEXT(body, {"booking.organizer.clock", rows[i][1]});
    }
    TEXT(CREATED("\"attendees\":[{\"name\":\"A\",\"locale\":\"fr\"},{\"name\":\"B\",\"language\":{"
                 "\"locale\":\"x\"}},{\"name\":\"C\",\"language\":{\"locale\":\"de_DE\"}}]"),
        {"booking.attendees.0.language", "fr"}, {"booking.attendees.1.language", "null"},
        {"booking.attendees.2.language", "null"});
}

static void addresses(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"a@example.com", "a@example.com", "null"},
        {" A@Example.com ", "A@Example.com", "null"},
        {"j\\u00f8rn@fj\\u00f8rd.example", "null", "j\xc3\xb8rn@fj\xc3\xb8rd.example"},
        {"jorn@fj\\u00f8rd.example", "jorn@xn--fjrd-hra.example", "jorn@fj\xc3\xb8rd.example"},
        {"a@STRASSE.\\u00d6rtlich.example", "a@strasse.xn--rtlich-vxa.example",
            "a@STRASSE.\xc3\x96rtlich.example"},
        {"a@\\u4f8b\\u3048.example", "a@xn--r8jz45g.example", "a@\xe4\xbe\x8b\xe3\x81\x88.example"},
        {"a..b@example.com", "null", "a..b@example.com"},
        {"a@", "null", "a@"},
        {"nobody", "null", "nobody"},
        {"a@b\\u00f8..example", "null", "a@b\xc3\xb8..example"},
        {"", "null", "null"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[256];
        snprintf(body, sizeof body, CREATED("\"attendees\":[{\"name\":\"A\",\"email\":\"%s\"}]"),
            rows[i][0]);
        TEXT(body, {"booking.attendees.0.email", rows[i][1]},
            {"booking.attendees.0.written_email", rows[i][2]});
    }
    /* whoever gave nothing else is still shown; a guest is a participant then */
    TEXT(CREATED("\"attendees\":[{\"name\":\"A\",\"email\":\"a@example.com\"},{\"name\":\"\","
                 "\"email\":\"b@\"}],\"responses\":{\"guests\":[\"b@\",\"c@k\\u00f8.example\"]}"),
        {"booking.attendees.1.written_email", "b@"},
        {"booking.guests", "[\"c@xn--k-5ga.example\"]"});
    TEXT(CREATED("\"customReplyToEmail\":\"desk@b\\u00fccher.example\""),
        {"booking.reply_to", "desk@xn--bcher-kva.example"});
}

static void series_and_seats(void **state)
{
    (void)state;
#define SERIES "\"recurringEvent\":{\"freq\":3,\"count\":5,\"interval\":2}"
    TEXT(CREATED(SERIES ",\"requiresConfirmation\":true"), {"booking.series.whole", "true"},
        {"booking.series.frequency", "daily"}, {"booking.series.interval", "2"});
    TEXT(CREATED(SERIES ",\"requiresConfirmation\":false"), {"booking.series.whole", "false"});
    TEXT(EVENT("BOOKING_REQUESTED", SERIES ",\"requiresConfirmation\":true"),
        {"booking.series.whole", "false"}, {"booking.series.count", "5"});
    TEXT(EVENT("BOOKING_CANCELLED", SERIES), {"booking.series.whole", "true"});
    TEXT(EVENT("BOOKING_REJECTED", SERIES), {"booking.series.whole", "true"});
    TEXT(EVENT("BOOKING_CANCELLED", "\"uid\":\"u\",\"recurringEvent\":null"),
        {"booking.series", "null"});
    TEXT("{\"triggerEvent\":\"MEETING_STARTED\",\"uid\":\"u\",\"recurringEventId\":\"r1\"}",
        {"booking.series.count", "null"}, {"booking.series.whole", "false"});
    TEXT(CREATED("\"recurringEvent\":{\"freq\":9,\"count\":-1}"),
        {"booking.series.frequency", "null"}, {"booking.series.count", "null"});
    TEXT(CREATED("\"seatsPerTimeSlot\":6"), {"booking.places", "6"},
        {"booking.places_taken", "null"});
}

static void who_wrote_the_calendar(void **state)
{
    (void)state;
#define GOOGLE "{\"type\":\"google_calendar\",\"success\":1,\"failures\":0}"
    static const char *const rows[][2] = {
        {"\"destinationCalendar\":{\"id\":1},\"appsStatus\":[" GOOGLE "]", "true"},
        {"\"destinationCalendar\":[{\"id\":1}],\"appsStatus\":[{\"type\":\"daily_video\","
         "\"success\":1},{\"type\":\"office365_calendar\",\"success\":2}]",
            "true"},
        {"\"destinationCalendar\":[{\"id\":1}],\"appsStatus\":[{\"appName\":\"google-calendar\","
         "\"success\":1}]",
            "true"},
        {"\"destinationCalendar\":[],\"appsStatus\":[" GOOGLE "]", "false"},
        {"\"destinationCalendar\":null,\"appsStatus\":[" GOOGLE "]", "false"},
        {"\"destinationCalendar\":[{\"id\":1}],\"appsStatus\":[{\"type\":\"google_calendar\","
         "\"success\":0,\"failures\":1}]",
            "false"},
        {"\"destinationCalendar\":[{\"id\":1}],\"appsStatus\":[{\"type\":\"daily_video\","
         "\"success\":1}]",
            "false"},
        {"\"destinationCalendar\":[{\"id\":1}]", "false"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[512];
        snprintf(body, sizeof body, CREATED("%s"), rows[i][0]);
        TEXT(body, {"booking.calendar_written", rows[i][1]});
    }
}

static void links(void **state)
{
    (void)state;
#define AT(base) "\"uid\":\"u1\",\"bookerUrl\":\"" base "\""
#define VIDEO    "\"metadata\":{\"videoCallUrl\":\"https://cal.acme.example/video/u1\"}"
    TEXT(EVENT("BOOKING_REQUESTED", AT("https://acme.cal.com/")),
        {"booking.reschedule_url", "https://acme.cal.com/reschedule/u1"},
        {"booking.cancel_url", "https://acme.cal.com/booking/u1?cancel=true"},
        {"booking.manage_url", "https://app.cal.com/bookings/unconfirmed"});
    TEXT(EVENT("BOOKING_REQUESTED", AT("https://cal.eu")),
        {"booking.manage_url", "https://app.cal.eu/bookings/unconfirmed"});
    TEXT(EVENT("BOOKING_REQUESTED", AT("https://notcal.com")),
        {"booking.manage_url", "https://notcal.com/bookings/unconfirmed"});
    TEXT(EVENT("BOOKING_REQUESTED", AT("https://book.acme.example") "," VIDEO),
        {"booking.cancel_url", "https://book.acme.example/booking/u1?cancel=true"},
        {"booking.manage_url", "https://cal.acme.example/bookings/unconfirmed"});
    TEXT(CREATED("\"uid\":\"u1\"," VIDEO), {"booking.manage_url", "null"},
        {"booking.reschedule_url", "https://cal.acme.example/reschedule/u1"});
    TEXT(CREATED(AT("https://cal.com") ",\"attendeeSeatId\":\"s-1\""),
        {"booking.reschedule_url", "https://cal.com/reschedule/s-1"},
        {"booking.cancel_url", "https://cal.com/booking/u1?cancel=true&seatReferenceUid=s-1"});
    TEXT(CREATED("\"uid\":\"u2\"," VIDEO), {"booking.reschedule_url", "null"});
    TEXT(EVENT("BOOKING_REASSIGNED",
             "\"uid\":\"u1\",\"location\":\"https://cal.acme.example/video/u1\""),
        {"booking.reschedule_url", "https://cal.acme.example/reschedule/u1"});
    TEXT(CREATED("\"uid\":\"u1\""), {"booking.reschedule_url", "null"});
    TEXT(CREATED("\"bookingId\":7,\"bookerUrl\":\"https://cal.com\""), {"booking.uid", "7"},
        {"booking.cancel_url", "null"});
    TEXT(CREATED("\"uid\":\"u/../1\",\"bookerUrl\":\"https://cal.com\""),
        {"booking.cancel_url", "null"});
    TEXT(CREATED(AT("javascript:x")), {"booking.cancel_url", "null"});
    TEXT(CREATED(AT("https://cal.com/?x=")), {"booking.cancel_url", "null"});
    TEXT(CREATED(AT("https://cal.com") ",\"platformClientId\":\"p\""),
        {"booking.cancel_url", "null"});
    TEXT(CREATED(AT("https://cal.com") ",\"disableCancelling\":true"),
        {"booking.cancel_url", "null"},
        {"booking.reschedule_url", "https://cal.com/reschedule/u1"});
    TEXT(CREATED(AT("https://cal.com") ",\"disableRescheduling\":true"),
        {"booking.reschedule_url", "null"});
    TEXT(EVENT("BOOKING_CANCELLED", AT("https://cal.com")), {"booking.cancel_url", "null"},
        {"booking.reschedule_url", "null"});
    TEXT(EVENT("BOOKING_CANCELLED", AT("https://cal.com") ",\"requestReschedule\":true"),
        {"booking.cancel_url", "null"},
        {"booking.reschedule_url",
            "https://cal.com/reschedule/u1?allowRescheduleForCancelledBooking=true"});
    TEXT(
        EVENT("BOOKING_NO_SHOW_UPDATED", "\"bookingUid\":\"u1\",\"bookerUrl\":\"https://cal.com\""),
        {"booking.cancel_url", "null"});
}

static void instant_meetings(void **state)
{
    (void)state;
    SAMPLE("instant_meeting_plain.json", {"kind", "instant"}, {"known", "true"},
        {"booking.uid", UID}, {"booking.title", "Instant call"},
        {"booking.link", "https://app.cal.com/connect-and-join?token=invented-token"},
        {"booking.attendees.0.name", "Ada Example"},
        {"booking.attendees.0.email", "ada@example.com"}, {"booking.attendees.1", "(nothing)"},
        {"booking.notes", "Zo\xc3\xab says: 15 minutes would do."},
        {"booking.guests", "[\"gus@example.com\"]"}, {"booking.answers", "[]"},
        {"booking.start", "null"});
    SAMPLE("instant_meeting.json", {"kind", "instant"}, {"booking.uid", UID},
        {"booking.title", "Instant call"}, {"booking.attendees.0.email", "ada@example.com"},
        {"booking.answers.0.answer", "Example & Sons"}, {"booking.answers.1", "(nothing)"});
    SAMPLE("instant_meeting_accepted.json", {"kind", "created"}, {"known", "true"},
        {"booking.uid", UID}, {"booking.join_url", "https://app.cal.com/video/" UID},
        {"booking.start", "2026-11-24T15:00:00Z"}, {"booking.organizer.name", "Olga Example"});
}

static void who_did_not_come(void **state)
{
    (void)state;
    SAMPLE("after_hosts_cal_video_no_show.json", {"kind", "host_no_show"}, {"known", "true"},
        {"booking.organizer.email", "olga@example.org"},
        {"booking.hosts.0.email", "olga@example.org"}, {"booking.notes", "null"},
        {"booking.description",
            "Host with email olga@example.org didn't join the call or didn't join before the "
            "expected time"});
    SAMPLE("after_guests_cal_video_no_show.json", {"kind", "no_show"}, {"known", "true"},
        {"booking.organizer.email", "null"}, {"booking.attendees.0.name", "Ada Example"});
}

static void reports(void **state)
{
    (void)state;
    SAMPLE("wrong_assignment_report.json", {"kind", "report"}, {"known", "true"},
        {"booking.uid", UID}, {"booking.status", "wrong_assignment"},
        {"booking.start", "2026-11-24T15:00:00Z"}, {"booking.event_type", "intro-call"},
        {"booking.organizer.name", "Olga Example"},
        {"booking.notes", "Should have gone to the sales team"},
        {"booking.details.0.word", "reported_by"},
        {"booking.details.0.text", "Mia Example <mia@example.org>"},
        {"booking.details.1.word", "assigned_to"},
        {"booking.details.1.text", "Olga Example <olga@example.org>"},
        {"booking.details.2.word", "correct_assignee"},
        {"booking.details.2.text", "otto@example.org"},
        {"booking.details.3.word", "routing_reason"}, {"booking.details.4.word", "guest"},
        {"booking.details.4.text", "ada@example.com"}, {"booking.details.5", "(nothing)"});
    SAMPLE("wrong_assignment_report_older.json", {"kind", "report"}, {"booking.uid", UID},
        {"booking.status", "wrong_assignment"},
        {"booking.notes", "Should have gone to the sales team"}, {"booking.details", "[]"});
    SAMPLE("delegation_credential_secret_rotated.json", {"kind", "report"},
        {"booking.status", "credential_rotated"}, {"booking.details.0.text", "example.org"},
        {"booking.details.1.text", "google"}, {"booking.details.2.word", "expires"},
        {"booking.details.2.text", "null"}, {"booking.details.2.when", "2026-12-24T00:00:00Z"});
    SAMPLE("delegation_credential_rotation_required.json", {"known", "true"},
        {"booking.status", "credential_rotation_required"});
    SAMPLE("delegation_credential_secret_rotation_failed.json",
        {"booking.status", "credential_rotation_failed"}, {"booking.details.2.word", "error"},
        {"booking.details.2.text", "The service account may not make keys (permission_denied)"},
        {"booking.details.3.word", "expires"});
}

static void an_unknown_event(void **state)
{
    (void)state;
    SAMPLE("unknown_event.json", {"kind", "other"}, {"known", "false"}, {"booking.uid", UID},
        {"booking.start", "2026-11-24T15:00:00Z"}, {"booking.attendees.0.name", "Ada Example"},
        {"booking.answers.0.question", "applause.hands"}, {"booking.answers.0.answer", "2"},
        {"booking.answers.1.question", "applause.standing"}, {"booking.answers.1.answer", "yes"},
        {"booking.answers.2.question", "applause.words"}, {"booking.answers.2.answer", "Bravo"},
        {"booking.answers.3", "(nothing)"});
    TEXT(EVENT("TOMORROW",
             "\"booking\":{\"uid\":\"u\",\"title\":\"T\",\"mood\":\"good\"},\"list\":[1,{\"a\":"
             "\"x\"}],\"clientSecret\":\"s\",\"join\":\"https://v.example/?pwd=p\",\"n\":null"),
        {"booking.uid", "u"}, {"booking.title", "T"}, {"booking.answers.0.question", "mood"},
        {"booking.answers.1.question", "list.0"}, {"booking.answers.2.question", "list.1.a"},
        {"booking.answers.3.question", "join"},
        {"booking.answers.3.answer", "https://v.example/?pwd=(removed)"},
        {"booking.answers.4", "(nothing)"});
    SAMPLE("booking_payment_initiated.json", {"known", "true"});
    SAMPLE("template_flat.json", {"known", "false"}, {"booking.answers", "[]"});
    SAMPLE("template_foreign.json", {"known", "false"}, {"booking.answers", "[]"});
}

/* No list of members is longer than the answers of a form may be. */
static void an_unknown_event_ends(void **state)
{
    (void)state;
    struct buf body = {0};
    buf_puts(&body, "{\"triggerEvent\":\"TOMORROW\",\"payload\":{\"uid\":\"u\"");
    for (int i = 0; i < 2000; i++)
        buf_printf(&body, ",\"m%d\":{\"a\":1}", i);
    buf_puts(&body, "}}");
    cJSON *json = body_map(PROVIDER_CALCOM, body.data, body.len);
    assert_in_range(cJSON_GetArraySize(fact_find(json, "booking.answers")), 200, 500);
    cJSON_Delete(json);
    buf_free(&body);
}

static void reasons_keep_their_lines(void **state)
{
    (void)state;
    TEXT(EVENT("BOOKING_CANCELLED", "\"cancellationReason\":\"Ill.\\r\\nSorry!\""),
        {"booking.reason", "Ill.\nSorry!"});
    TEXT(EVENT("BOOKING_REJECTED", "\"rejectionReason\":\"No.\\nNever.\""),
        {"booking.reason", "No.\nNever."});
    TEXT(EVENT("BOOKING_RESCHEDULED", "\"responses\":{\"rescheduleReason\":{\"label\":\"x\","
                                      "\"value\":\"a\\nb\"}}"),
        {"booking.reason", "a\nb"});
    text_check(PROVIDER_CALENDLY,
        "{\"event\":\"invitee.canceled\",\"payload\":{\"cancellation\":{\"reason\":\"a\\nb\"}}}",
        (const struct fact[]){{"booking.reason", "a\nb"}, {NULL, NULL}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_booking),
        cmocka_unit_test(words_of_the_customer),
        cmocka_unit_test(phones),
        cmocka_unit_test(phones_by_label),
        cmocka_unit_test(answers_of_forms),
        cmocka_unit_test(labels_become_words),
        cmocka_unit_test(places_in_words),
        cmocka_unit_test(hosts),
        cmocka_unit_test(absences),
        cmocka_unit_test(clocks),
        cmocka_unit_test(addresses),
        cmocka_unit_test(series_and_seats),
        cmocka_unit_test(who_wrote_the_calendar),
        cmocka_unit_test(links),
        cmocka_unit_test(instant_meetings),
        cmocka_unit_test(who_did_not_come),
        cmocka_unit_test(reports),
        cmocka_unit_test(an_unknown_event),
        cmocka_unit_test(an_unknown_event_ends),
        cmocka_unit_test(reasons_keep_their_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
