/* A written calendar object, read back by libical's own parser and looked at byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libical/ical.h>

#include "base/clock.h"
#include "event/clean.h"
#include "mail/calendar.h"

static const struct person customer = {.name = "Ada Example", .email = "ada@example.com"};

static const struct calendar usual = {
    .method = METHOD_PUBLISH,
    .uid = "0123456789abcdef@example.org",
    .sequence = 3,
    .stamp = INT64_C(1795255200123),
    .start = INT64_C(1795532400000),
    .end = INT64_C(1795534200000),
    .summary = "Intro call with Ada",
    .description = "Who: Ada\n\nWhere: over there; or, here\\there",
    .location = "https://meet.example.com/a?b=c,d",
    .url = "https://cal.example.com/booking/1",
    .organizer = {.name = "Olga Owner", .email = "olga@example.org"},
};

/* A calendar as it comes from an event: what was given has gone through the event's cleaning. */
static struct calendar cleaned(struct arena *arena, const struct calendar *given)
{
    struct calendar calendar = *given;
    calendar.uid = clean_line(arena, given->uid);
    calendar.summary = clean_line(arena, given->summary);
    calendar.description = clean_text(arena, given->description);
    calendar.location = clean_line(arena, given->location);
    calendar.url = clean_url(arena, given->url);
    calendar.organizer = (struct person){.name = clean_line(arena, given->organizer.name),
        .email = clean_address(arena, given->organizer.email)};
    return calendar;
}

static void assert_nothing(const struct calendar *calendar)
{
    struct buf out = {0};
    assert_true(calendar_write(calendar, 1, &out));
    assert_int_equal(out.len, 0);
    buf_free(&out);
}

static struct buf written(const struct calendar *calendar)
{
    struct buf out = {0};
    assert_true(calendar_write(calendar, 1, &out));
    return out;
}

static icalcomponent *parsed(const struct buf *text)
{
    icalcomponent *object = icalcomponent_new_from_string(text->data);
    assert_non_null(object);
    assert_int_equal(icalcomponent_count_errors(object), 0);
    assert_true(icalrestriction_check(object));
    return object;
}

static icalcomponent *event_of(icalcomponent *object)
{
    assert_int_equal(icalcomponent_count_components(object, ICAL_ANY_COMPONENT), 1);
    return icalcomponent_get_first_component(object, ICAL_VEVENT_COMPONENT);
}

/* Only complete lines of at most 75 octets, of valid UTF-8, and only known properties. */
static void assert_wire_form(const struct buf *text)
{
    static const char *const known[] = {"BEGIN:V", "END:V",
        "VERSION:", "PRODID:", "METHOD:", "UID:", "SEQUENCE:", "DTSTAMP:", "DTSTART:", "DTEND:",
        "SUMMARY:", "DESCRIPTION:", "LOCATION:", "URL", "STATUS:", "TRANSP:", "ORGANIZER",
        "ATTENDEE", " "};
    const char *line = text->data;
    for (const char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        bool is_known = false;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            is_known = is_known || strncmp(line, known[i], strlen(known[i])) == 0;
        assert_true(is_known);
        assert_true(end - line <= 76);
        assert_int_equal(end[-1], '\r');
        assert_true(end - line > 1 + (line[0] == ' ')); /* no line, and no fold, of nothing */
        for (const char *c = line; c < end - 1; c++)
            assert_true((unsigned char)*c >= ' ' && *c != 0x7f);
        assert_int_not_equal((unsigned char)line[line[0] == ' '] & 0xc0, 0x80);
    }
    assert_int_equal(*line, '\0');
}

static void assert_time(icaltimetype got, int64_t want)
{
    assert_true(icaltime_is_utc(got));
    assert_int_equal(icaltime_as_timet(got), want / MS_PER_SECOND);
}

static const char *cn_of(icalcomponent *event, icalproperty_kind kind)
{
    icalproperty *person = icalcomponent_get_first_property(event, kind);
    icalparameter *name = icalproperty_get_first_parameter(person, ICAL_CN_PARAMETER);
    return name ? icalparameter_get_cn(name) : NULL;
}

static icalproperty *property(icalcomponent *event, icalproperty_kind kind)
{
    return icalcomponent_get_first_property(event, kind);
}

static void all_values_survive(void **state)
{
    (void)state;
    struct buf text = written(&usual);
    assert_wire_form(&text);
    icalcomponent *object = parsed(&text), *event = event_of(object);
    assert_string_equal(icalcomponent_get_uid(event), usual.uid);
    assert_int_equal(icalcomponent_get_sequence(event), 3);
    assert_string_equal(icalcomponent_get_summary(event), usual.summary);
    assert_string_equal(icalcomponent_get_description(event), usual.description);
    assert_string_equal(icalcomponent_get_location(event), usual.location);
    assert_string_equal(icalproperty_get_url(property(event, ICAL_URL_PROPERTY)), usual.url);
    assert_string_equal(icalproperty_get_organizer(property(event, ICAL_ORGANIZER_PROPERTY)),
        "mailto:olga@example.org");
    assert_string_equal(cn_of(event, ICAL_ORGANIZER_PROPERTY), "Olga Owner");
    assert_time(icalcomponent_get_dtstamp(event), usual.stamp);
    assert_time(icalcomponent_get_dtstart(event), usual.start);
    assert_time(icalcomponent_get_dtend(event), usual.end);
    assert_int_equal(icalcomponent_count_components(event, ICAL_VALARM_COMPONENT), 0);
    icalcomponent_free(object);
    buf_free(&text);
}

/* Each method, with and without an attendee: what is in it, and whether it may be at all. */
static void methods_as_rfc_5546_says(void **state)
{
    (void)state;
    static const struct {
        enum calendar_method method;
        bool attendee, tentative, ok;
        icalproperty_method ical;
        icalproperty_status status;
        int attendees;
    } rows[] = {
        {METHOD_PUBLISH, false, false, true, ICAL_METHOD_PUBLISH, ICAL_STATUS_CONFIRMED, 0},
        {METHOD_PUBLISH, true, false, true, ICAL_METHOD_PUBLISH, ICAL_STATUS_CONFIRMED, 0},
        {METHOD_PUBLISH, false, true, true, ICAL_METHOD_PUBLISH, ICAL_STATUS_TENTATIVE, 0},
        {METHOD_REQUEST, true, false, true, ICAL_METHOD_REQUEST, ICAL_STATUS_CONFIRMED, 1},
        {METHOD_REQUEST, true, true, true, ICAL_METHOD_REQUEST, ICAL_STATUS_TENTATIVE, 1},
        {METHOD_REQUEST, false, false, false, ICAL_METHOD_NONE, ICAL_STATUS_NONE, 0},
        {METHOD_CANCEL, false, true, true, ICAL_METHOD_CANCEL, ICAL_STATUS_CANCELLED, 0},
        {METHOD_CANCEL, true, false, true, ICAL_METHOD_CANCEL, ICAL_STATUS_CANCELLED, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct calendar calendar = usual;
        struct buf out = {0};
        calendar.method = rows[i].method;
        calendar.tentative = rows[i].tentative;
        calendar.attendee = rows[i].attendee ? &customer : NULL;
        assert_true(calendar_write(&calendar, 1, &out));
        assert_int_equal(out.len > 0, rows[i].ok);
        if (!rows[i].ok)
            continue;
        assert_wire_form(&out);
        icalcomponent *object = parsed(&out), *event = event_of(object);
        assert_int_equal(icalcomponent_get_method(object), rows[i].ical);
        assert_int_equal(icalcomponent_get_status(event), rows[i].status);
        assert_int_equal(
            icalcomponent_count_properties(event, ICAL_ATTENDEE_PROPERTY), rows[i].attendees);
        char method[64];
        snprintf(method, sizeof method, "METHOD:%s\r\n", calendar_method_name(rows[i].method));
        assert_non_null(strstr(out.data, method));
        icalcomponent_free(object);
        buf_free(&out);
    }
}

static void an_attendee_need_not_answer(void **state)
{
    (void)state;
    struct calendar calendar = usual;
    calendar.method = METHOD_REQUEST;
    calendar.attendee = &customer;
    struct buf text = written(&calendar);
    icalcomponent *object = parsed(&text);
    icalproperty *attendee = property(event_of(object), ICAL_ATTENDEE_PROPERTY);
    assert_string_equal(icalproperty_get_attendee(attendee), "mailto:ada@example.com");
    assert_string_equal(icalproperty_get_parameter_as_string(attendee, "PARTSTAT"), "ACCEPTED");
    assert_string_equal(icalproperty_get_parameter_as_string(attendee, "RSVP"), "FALSE");
    icalcomponent_free(object);
    buf_free(&text);
}

/* What a customer wrote, and what a reader of the calendar sees of it: as one line, as a text. */
static const struct {
    const char *given, *line, *text, *name; /* NULL: nothing at all; name NULL: as line */
} words[] = {
    {"Zo\xc3\xab; O'Brien, \\o/ : x", "Zo\xc3\xab; O'Brien, \\o/ : x",
        "Zo\xc3\xab; O'Brien, \\o/ : x", NULL},
    {"a\r\nATTENDEE:mailto:evil@example.net", "a ATTENDEE:mailto:evil@example.net",
        "a\nATTENDEE:mailto:evil@example.net", NULL},
    {"a\rb\nc\td\x01"
     "e\x7f\xc2\x85"
     "f",
        "a b c d"
        "e f",
        "a\nb\nc d"
        "e\nf",
        NULL},
    {"a\\nb \\, \\;", "a\\nb \\, \\;", "a\\nb \\, \\;", NULL},
    {"say \"hi\" ^_^ ^n^'^^", "say \"hi\" ^_^ ^n^'^^", "say \"hi\" ^_^ ^n^'^^",
        "say 'hi' \xcb\x86_\xcb\x86 \xcb\x86n\xcb\x86'\xcb\x86\xcb\x86"},
    {"\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xe2\x80\xae"
     "evil",
        "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d evil", "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d evil", NULL},
    {"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb", "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb",
        "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb", NULL},
    {"bad \xff utf", "bad \xef\xbf\xbd utf", "bad \xef\xbf\xbd utf", NULL},
    {"END:VEVENT\r\nEND:VCALENDAR\r\nBEGIN:VCALENDAR", "END:VEVENT END:VCALENDAR BEGIN:VCALENDAR",
        "END:VEVENT\nEND:VCALENDAR\nBEGIN:VCALENDAR", NULL},
    {" \r\n\t\x01 ", NULL, NULL, NULL},
    {"", NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL},
};

static void assert_text(const char *got, const char *want)
{
    if (want)
        assert_string_equal(got, want);
    else
        assert_null(got);
}

static void words_survive_or_are_harmless(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        const char *given = words[i].given;
        struct arena arena = {0};
        struct calendar calendar = usual;
        calendar.organizer.name = given;
        calendar.summary = calendar.description = calendar.location = calendar.url = given;
        calendar = cleaned(&arena, &calendar);
        struct person attendee = {.name = calendar.organizer.name, .email = "ada@example.com"};
        calendar.method = METHOD_REQUEST;
        calendar.attendee = &attendee;
        struct buf text = written(&calendar);
        assert_wire_form(&text);
        icalcomponent *object = parsed(&text), *event = event_of(object);
        const char *name = words[i].name ? words[i].name : words[i].line;
        assert_text(icalcomponent_get_summary(event), words[i].line ? words[i].line : "-");
        assert_text(icalcomponent_get_location(event), words[i].line);
        assert_text(icalcomponent_get_description(event), words[i].text);
        assert_null(property(event, ICAL_URL_PROPERTY));
        assert_text(cn_of(event, ICAL_ORGANIZER_PROPERTY), name);
        assert_text(cn_of(event, ICAL_ATTENDEE_PROPERTY), name);
        assert_int_equal(icalcomponent_count_properties(event, ICAL_ATTENDEE_PROPERTY), 1);
        icalcomponent_free(object);
        buf_free(&text);
        arena_free(&arena);
    }
}

/* Characters of each length, at each place of a line: folding splits none of them. */
static void folding_splits_no_character(void **state)
{
    (void)state;
    static const char *const characters[] = {"x", "\xc3\xab", "\xe4\xbc\x9a", "\xf0\x9f\x98\x80"};
    enum { COUNT = 200 };
    for (size_t which = 0; which < 4; which++)
        for (size_t shift = 0; shift < 4; shift++) {
            char value[8 + 4 * COUNT] = "";
            size_t len = strlen(characters[which]);
            memset(value, 'y', shift);
            for (size_t i = 0; i < COUNT; i++)
                memcpy(value + shift + i * len, characters[which], len);
            struct calendar calendar = usual;
            calendar.summary = calendar.description = calendar.organizer.name = value;
            struct buf text = written(&calendar);
            assert_wire_form(&text);
            icalcomponent *object = parsed(&text), *event = event_of(object);
            assert_string_equal(icalcomponent_get_summary(event), value);
            assert_string_equal(icalcomponent_get_description(event), value);
            assert_string_equal(cn_of(event, ICAL_ORGANIZER_PROPERTY), value);
            icalcomponent_free(object);
            buf_free(&text);
        }
}

/* Values of every length: a line that ends where it would be folded has one end, and no other. */
static void lines_of_every_length(void **state)
{
    (void)state;
    char value[400] = "";
    for (size_t len = 1; len < sizeof value - 1; len++) {
        memset(value, 'w', len);
        struct calendar calendar = usual;
        calendar.summary = calendar.description = calendar.location = value;
        calendar.organizer.name = value;
        struct buf text = written(&calendar);
        assert_wire_form(&text);
        icalcomponent *object = parsed(&text), *event = event_of(object);
        assert_string_equal(icalcomponent_get_summary(event), value);
        assert_string_equal(icalcomponent_get_description(event), value);
        assert_string_equal(icalcomponent_get_location(event), value);
        assert_string_equal(cn_of(event, ICAL_ORGANIZER_PROPERTY), value);
        icalcomponent_free(object);
        buf_free(&text);
    }
}

static void long_values_are_clipped(void **state)
{
    (void)state;
    char endless[40001];
    memset(endless, 'w', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    struct calendar calendar = usual;
    calendar.summary = calendar.description = calendar.location = endless;
    calendar.organizer.name = endless;
    struct arena arena = {0};
    calendar = cleaned(&arena, &calendar);
    struct buf text = written(&calendar);
    assert_wire_form(&text);
    icalcomponent *object = parsed(&text), *event = event_of(object);
    assert_int_equal(strlen(icalcomponent_get_summary(event)), 1003);
    assert_int_equal(strlen(cn_of(event, ICAL_ORGANIZER_PROPERTY)), 1003);
    assert_int_equal(strlen(icalcomponent_get_description(event)), 20003);
    icalcomponent_free(object);
    buf_free(&text);
    arena_free(&arena);
}

/* "javascript:..." and "https://a\r\nATTENDEE:..." are no URLs, nor is an address with a line. */
static void urls_and_addresses_are_checked(void **state)
{
    (void)state;
    static const char *const no_urls[] = {"javascript:alert(1)", "ftp://example.org/",
        "https://example.org/\r\nATTENDEE:mailto:evil@example.net", "https://example.org/ x"};
    static const char *const no_addresses[] = {"a@example.org\r\nATTENDEE:mailto:b@example.net",
        "Ada <a@example.org>", "a@example.org,b@example.net", "", NULL};
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof no_urls / sizeof no_urls[0]; i++) {
        struct calendar calendar = usual;
        calendar.url = no_urls[i];
        calendar = cleaned(&arena, &calendar);
        struct buf text = written(&calendar);
        assert_null(strstr(text.data, "URL"));
        assert_null(strstr(text.data, "evil"));
        buf_free(&text);
    }
    for (size_t i = 0; i < sizeof no_addresses / sizeof no_addresses[0]; i++) {
        struct calendar calendar = usual;
        calendar.organizer.email = no_addresses[i];
        calendar = cleaned(&arena, &calendar);
        assert_nothing(&calendar);
        struct person attendee = {.email = calendar.organizer.email};
        calendar = usual;
        calendar.method = METHOD_CANCEL;
        calendar.attendee = &attendee;
        assert_nothing(&calendar);
    }
    arena_free(&arena);
}

static void what_is_needed(void **state)
{
    (void)state;
    struct calendar calendar = usual;
    calendar.start = TIME_NONE;
    assert_nothing(&calendar);
    calendar = usual;
    calendar.uid = NULL;
    assert_nothing(&calendar);
    struct arena arena = {0};
    calendar.uid = "\r\n";
    calendar = cleaned(&arena, &calendar);
    assert_nothing(&calendar);
    arena_free(&arena);
}

/* RFC 5545 3.3.4: a year has four digits. A later start has no entry, a later end is left out. */
static void years_have_four_digits(void **state)
{
    (void)state;
    struct calendar calendar = usual;
    int64_t last, day = INT64_C(86400) * MS_PER_SECOND;
    assert_true(time_parse("9999-12-31T12:00:00Z", &last));
    calendar.start = last;
    calendar.end = last + day;
    struct buf text = written(&calendar);
    assert_non_null(strstr(text.data, "\r\nDTSTART:99991231T120000Z\r\n"));
    assert_null(strstr(text.data, "DTEND"));
    buf_free(&text);
    calendar.start = last + day;
    calendar.end = last + 2 * day;
    assert_nothing(&calendar);
}

/* An end that is absent, or not after the start, is left out. */
static void ends_are_ends(void **state)
{
    (void)state;
    const int64_t ends[] = {TIME_NONE, usual.start, usual.start - 1, usual.start + 999};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct calendar calendar = usual;
        calendar.end = ends[i];
        struct buf text = written(&calendar);
        assert_null(strstr(text.data, "DTEND"));
        icalcomponent_free(parsed(&text));
        buf_free(&text);
    }
}

/* libical 3.0 makes zeros of times that are far away. */
static void far_times_are_written(void **state)
{
    (void)state;
    struct calendar calendar = usual;
    calendar.end = INT64_C(253402300799000);
    struct buf text = written(&calendar);
    assert_non_null(strstr(text.data, "\r\nDTEND:99991231T235959Z\r\n"));
    buf_free(&text);
}

static void sequences_stay_numbers(void **state)
{
    (void)state;
    static const struct {
        int64_t given;
        int want;
    } rows[] = {{0, 0}, {-5, 0}, {INT64_C(2147483647), 2147483647}, {INT64_MAX, 2147483647}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct calendar calendar = usual;
        calendar.sequence = rows[i].given;
        struct buf text = written(&calendar);
        icalcomponent *object = parsed(&text);
        assert_int_equal(icalcomponent_get_sequence(event_of(object)), rows[i].want);
        icalcomponent_free(object);
        buf_free(&text);
    }
}

static void same_arguments_same_bytes(void **state)
{
    (void)state;
    struct buf one = written(&usual), two = written(&usual);
    assert_string_equal(one.data, two.data);
    buf_free(&one);
    buf_free(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_values_survive),
        cmocka_unit_test(methods_as_rfc_5546_says),
        cmocka_unit_test(an_attendee_need_not_answer),
        cmocka_unit_test(words_survive_or_are_harmless),
        cmocka_unit_test(folding_splits_no_character),
        cmocka_unit_test(lines_of_every_length),
        cmocka_unit_test(long_values_are_clipped),
        cmocka_unit_test(urls_and_addresses_are_checked),
        cmocka_unit_test(what_is_needed),
        cmocka_unit_test(years_have_four_digits),
        cmocka_unit_test(ends_are_ends),
        cmocka_unit_test(far_times_are_written),
        cmocka_unit_test(sequences_stay_numbers),
        cmocka_unit_test(same_arguments_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
