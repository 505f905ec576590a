/* mail_view: an event, and what the built-in English templates make of it. */
#ifndef TESTS_MAIL_VIEW_H
#define TESTS_MAIL_VIEW_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "mail/view.h"

#define ID "0123456789abcdef0123456789abcdef"

static inline int64_t at(const char *text)
{
    int64_t when;
    assert_true(time_parse(text, &when));
    return when;
}

static struct person ada = {
    .name = "Ada Example", .email = "ada@example.com", .timezone = "America/Los_Angeles"};

static inline struct event event_of(enum event_kind kind)
{
    struct event event = {.provider = "calcom",
        .name = "BOOKING_CREATED",
        .kind = kind,
        .received_at = at("2026-11-21T10:00:00Z"),
        .sent_at = TIME_NONE,
        .booking = {.uid = "uid-1",
            .title = "Intro call",
            .start = at("2026-11-24T15:00:00Z"),
            .end = at("2026-11-24T15:30:00Z"),
            .previous_start = TIME_NONE,
            .previous_end = TIME_NONE,
            .organizer = {.name = "Bob Owner",
                .email = "bob@example.org",
                .timezone = "Europe/Berlin"},
            .attendees = &ada,
            .attendee_count = 1}};
    strcpy(event.id, ID);
    return event;
}

struct rendered {
    struct buf subject, text;
};

static struct templates *templates; /* the built-in ones, English */

static inline int open_templates(void **state)
{
    (void)state;
    struct buf why = {0};
    templates = templates_open(NULL, "en", &why);
    if (!templates)
        print_error("%s\n", buf_text(&why));
    buf_free(&why);
    return templates ? 0 : -1;
}

static inline int close_templates(void **state)
{
    (void)state;
    templates_close(templates);
    return 0;
}

static inline void render_part(const struct event *event, const struct decision *decision,
    const struct templates *set, const struct view_options *options, enum template_part part,
    struct buf *out)
{
    struct buf why = {0};
    struct arena arena = {0};
    const struct value *view = view_make(&arena, event, decision, set, options, &why);
    if (!view || !templates_render(
                     set, view_kind(event, decision), options->audience, part, view, out, &why))
        fail_msg("%s", buf_text(&why));
    arena_free(&arena);
    buf_free(&why);
}

/* All that templates see. */
static inline cJSON *view_json(
    const struct event *event, const struct decision *decision, const struct view_options *options)
{
    struct buf why = {0};
    struct arena arena = {0};
    const struct value *view = view_make(&arena, event, decision, templates, options, &why);
    cJSON *json = view ? value_to_json(view) : NULL;
    assert_non_null(json);
    arena_free(&arena);
    return json;
}

static inline struct rendered render_as(
    const struct event *event, const struct decision *decision, const struct view_options *options)
{
    struct rendered mail = {0};
    render_part(event, decision, templates, options, PART_SUBJECT, &mail.subject);
    render_part(event, decision, templates, options, PART_TEXT, &mail.text);
    assert_null(strchr(buf_text(&mail.subject), '\n'));
    assert_null(strstr(buf_text(&mail.text), " \n"));
    assert_null(strstr(buf_text(&mail.text), "\n\n\n"));
    return mail;
}

static inline struct rendered render_in(const struct event *event, const char *zone_name)
{
    struct decision decision;
    const struct view_options options = {.timezone = zone_name, .audience = AUDIENCE_OWNER};
    decision_init(&decision);
    return render_as(event, &decision, &options);
}

static inline void rendered_free(struct rendered *mail)
{
    buf_free(&mail->subject);
    buf_free(&mail->text);
}

static inline void assert_subject(const struct event *event, const char *expected)
{
    struct rendered mail = render_in(event, NULL);
    assert_string_equal(buf_text(&mail.subject), expected);
    rendered_free(&mail);
}

static inline void assert_text(
    const struct event *event, const char *zone_name, const char *expected)
{
    struct rendered mail = render_in(event, zone_name);
    assert_string_equal(buf_text(&mail.text), expected);
    rendered_free(&mail);
}

static inline void assert_says(const struct event *event, const char *zone_name, const char *part)
{
    struct rendered mail = render_in(event, zone_name);
    if (!strstr(buf_text(&mail.text), part))
        fail_msg("missing: %s\nin: %s", part, buf_text(&mail.text));
    rendered_free(&mail);
}

static inline void assert_silent(const struct event *event, const char *zone_name, const char *part)
{
    struct rendered mail = render_in(event, zone_name);
    if (strstr(buf_text(&mail.text), part))
        fail_msg("unwanted: %s\nin: %s", part, buf_text(&mail.text));
    rendered_free(&mail);
}

static inline struct decision decided(void)
{
    struct decision decision;
    decision_init(&decision);
    return decision;
}

static const struct view_options owner = {.audience = AUDIENCE_OWNER};

static inline void assert_part(const struct rendered *mail, const char *part)
{
    if (!strstr(buf_text(&mail->text), part))
        fail_msg("missing: %s\nin: %s", part, buf_text(&mail->text));
}

#endif
