/*
 * Memory that ends: each allocation from an arena, and each of a buffer, fails once, on the way
 * from a body to its mail. Nothing breaks, nothing leaks, and afterwards the mail is the same as
 * before.
 *
 * The linker puts the functions here in the place of arena_grow and malloc (Makefile). An arena
 * gets just enough for one allocation at a time, so each of them asks for more, and can fail.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/json.h"
#include "ledger/fact.h"
#include "ledger/ledger.h"
#include "mail/compose.h"
#include "mail/message.h"
#include "provider/provider.h"
#include "provider/redact.h"

#define ID "0123456789abcdef0123456789abcdef"

enum { STEPS_MAX = 60, BODY_MAX = 65536 };

static struct templates *templates;
static struct ledger *ledger; /* empty: what is entered is rolled back */

/* ---- failing ---- */

static struct {
    bool counting;
    long count, at; /* the number of the allocation that fails; 0: none */
} memory;

static bool fails(void)
{
    return memory.counting && ++memory.count == memory.at;
}

bool __real_arena_grow(struct arena *a, size_t size);
bool __wrap_arena_grow(struct arena *a, size_t size);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

bool __wrap_arena_grow(struct arena *a, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    if (fails()) {
        a->failed = true;
        a->room = 0;
        return false;
    }
    bool counting = memory.counting; /* the block's own malloc is no step of its own */
    memory.counting = false;
    bool grown = __real_arena_grow(a, size);
    memory.counting = counting;
    if (grown && counting)
        a->room = (size + align - 1) / align * align + 1;
    return grown;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

/* ---- the way of a body ---- */

/* True when nothing failed; `out` has the mails. */
static bool whole_way(enum provider provider, const struct buf *body, struct buf *out)
{
    const struct webhook webhook = {provider, ID, INT64_C(1795255200000), body->data, body->len};
    struct record record = {.kind = RECORD_EVENT,
        .provider = provider,
        .received = INT64_C(1795255200000),
        .id = ID,
        .body = body->data,
        .length = body->len};
    const struct composer composer = {.from = "bookspool@example.net",
        .templates = templates,
        .calendar = ENTRY_INVITE,
        .customer_calendar = CUSTOMER_INVITE};
    struct event event;
    struct fact fact;
    struct arena arena = {0};
    struct decision decision;
    struct buf why = {0};
    bool ok = provider_map(&webhook, &event);
    decision_init(&decision);
    bool begun = ledger_begin(ledger);
    ok = ok && begun && ledger_decide(ledger, &event, event.received_at, 1000, &decision);
    if (begun && ok)
        ledger_rollback(ledger);
    cJSON *json = ok ? event_to_json(&event) : NULL;
    ok = ok && json && fact_of(&event, &arena, &fact);
    body_redacted(&arena, body->data, body->len);
    for (enum audience who = 0; who < AUDIENCES; who++) {
        const char *to = who == AUDIENCE_CUSTOMER && event.booking.attendee_count
                             ? event.booking.attendees[0].email
                             : NULL;
        const struct notice notice = {.event = &event,
            .decision = &decision,
            .record = &record,
            .name = ID "-0123456789ab",
            .recipient = to ? to : "owner@example.org",
            .audience = who};
        ok = ok && compose_message(&composer, &notice, out, &why);
    }
    ok = ok && !arena.failed && why.len == 0 && !why.failed && !out->failed;
    cJSON_Delete(json);
    arena_free(&arena);
    event_free(&event);
    decision_free(&decision);
    buf_free(&why);
    return ok;
}

static void try_each_step(const char *path, enum provider provider)
{
    struct buf body = {0}, before = {0}, after = {0};
    assert_true(io_read_file(AT_FDCWD, path, &body, BODY_MAX, NULL));
    memory.counting = true;
    memory.count = memory.at = 0;
    assert_true(whole_way(provider, &body, &before));
    long steps = memory.count, stride = steps / STEPS_MAX + 1;
    assert_true(steps > 20);
    for (long at = 1 + (long)(body.len % (size_t)stride); at <= steps; at += stride) {
        memory.count = 0;
        memory.at = at;
        bool ok = whole_way(provider, &body, &after);
        if (ok && (after.len != before.len || memcmp(after.data, before.data, after.len) != 0))
            fail_msg("%s: without allocation %ld another mail, and no word of it", path, at);
        buf_free(&after);
        after = (struct buf){0};
    }
    memory.at = 0;
    assert_true(whole_way(provider, &body, &after));
    memory.counting = false;
    assert_int_equal(after.len, before.len);
    assert_memory_equal(after.data, before.data, after.len);
    buf_free(&body);
    buf_free(&before);
    buf_free(&after);
}

static void calcom_bodies(void **state)
{
    (void)state;
    static const char *const names[] = {"booking_created_full", "booking_rescheduled",
        "booking_cancelled_seat", "booking_reassigned", "booking_paid", "form_submitted",
        "ooo_created", "unknown_event", "template_flat", "booking_no_show_updated",
        "wrong_assignment_report", "recording_ready"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "examples/bodies/calcom/%s.json", names[i]);
        try_each_step(path, PROVIDER_CALCOM);
    }
}

static void calendly_bodies(void **state)
{
    (void)state;
    static const char *const names[] = {"invitee_created_paid", "invitee_canceled_moved",
        "invitee_created_group", "invitee_created_phone", "routing_form_submission_created",
        "contact_created", "meeting_recap_created"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "examples/bodies/calendly/%s.json", names[i]);
        try_each_step(path, PROVIDER_CALENDLY);
    }
}

static int up(void **state)
{
    (void)state;
    struct buf why = {0};
    message_setup();
    templates = templates_open(NULL, "en", &why);
    ledger = ledger_open("sqlite::memory:", 0, &why);
    buf_free(&why);
    return templates && ledger ? 0 : -1;
}

static int down(void **state)
{
    (void)state;
    templates_close(templates);
    ledger_close(ledger);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calcom_bodies),
        cmocka_unit_test(calendly_bodies),
    };
    return cmocka_run_group_tests(tests, up, down);
}
