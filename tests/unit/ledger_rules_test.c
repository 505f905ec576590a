/* The rules of ledger/rules.h and ledger/fact.h, scene by scene. */
#include "ledger_scene.h"

#define CONFIRMED .calendar = CALENDAR_CONFIRMED
#define TENTATIVE .calendar = CALENDAR_TENTATIVE
#define CANCELLED .calendar = CALENDAR_CANCELLED
#define MOVED     .moved = true

/* clang-format off */
static const struct step life[] = {
    {KIND_CREATED, "a", .sent = 1, .start = 9, CONFIRMED, .sequence = 0},
    {KIND_RESCHEDULED, "b", "a", .sent = 2, .start = 11, .number = 1, CONFIRMED, .sequence = 1, MOVED, .old = 9},
    {KIND_RESCHEDULED, "c", "b", .sent = 3, .start = 13, .number = 7, CONFIRMED, .sequence = 7, MOVED, .old = 11},
    {KIND_MEETING_STARTED, "c", .sent = 4},
    {KIND_CANCELLED, "c", .sent = 5, .start = 13, CANCELLED, .sequence = 8},
    {0}};

static const struct step backwards[] = {
    {KIND_CANCELLED, "a", .sent = 3, .start = 9, .number = 2, CANCELLED, .sequence = 2},
    {KIND_CREATED, "a", .sent = 1, .came = 4, .start = 9, .because = "late"},
    {KIND_PAID, "a", .sent = 2, .came = 5, .start = 9, .because = "late"},
    {KIND_CANCELLED, "a", .sent = 6, .start = 9, .reason = "again"},
    {KIND_CANCELLED, "x", .sent = 7, .start = 9, CANCELLED, .sequence = 1},
    {0}};

/* The link of a chain that comes last takes the first entry away, which is still valid. */
static const struct step chain_out_of_order[] = {
    {KIND_CREATED, "a", .sent = 1, .start = 9, CONFIRMED},
    {KIND_RESCHEDULED, "c", "b", .sent = 3, .start = 13, .old_start = 11, CONFIRMED, .sequence = 1, MOVED, .old = 11, .overlap = 0},
    {KIND_RESCHEDULED, "b", "a", .sent = 2, .came = 5, .start = 11, .because = "late", CANCELLED, .sequence = 1, MOVED, .old = 9},
    {KIND_CREATED, "d", .sent = 6, .start = 9, CONFIRMED},
    {KIND_CREATED, "e", .sent = 7, .start = 13, CONFIRMED, .overlap = 1},
    {0}};

static const struct step old_times_never_return[] = {
    {KIND_CREATED, "a", .sent = 5, .start = 9, CONFIRMED},
    {KIND_RESCHEDULED, "a", .sent = 9, .start = 12, CONFIRMED, .sequence = 1, .old = 9},
    {KIND_RESCHEDULED, "a", .sent = 7, .came = 10, .start = 11, .because = "late", .old = 12},
    {KIND_RESCHEDULED, "a", .sent = 8, .came = 10, .start = 10, .because = "late", .old = 12},
    {KIND_CREATED, "b", .sent = 11, .start = 12, CONFIRMED, .overlap = 1},
    {0}};

/* ---- the same fact ---- */

static const struct step two_subscriptions[] = {
    {KIND_CREATED, "a", .name = "N", .sent = 1, .start = 9, CONFIRMED},
    {KIND_CREATED, "a", .name = "N", .sent = 2, .start = 9, .because = "repeated-fact"},
    {KIND_CANCELLED, "a", .name = "C", .sent = 100, .start = 9, CANCELLED, .sequence = 1},
    {KIND_CREATED, "a", .name = "N", .sent = 2, .came = 101, .start = 9, .reason = "other", .because = "late"},
    {KIND_CANCELLED, "a", .name = "C", .sent = 100, .came = 9999, .start = 9, .because = "repeated-fact"},
    {0}};

static const struct step no_show_thrice[] = {
    {KIND_NO_SHOW, "a", .status = "no_show", .sent = 10},
    {KIND_NO_SHOW, "a", .status = "no_show", .sent = 11, .because = "repeated-fact"},
    {KIND_NO_SHOW, "a", .status = "no_show_cleared", .sent = 20},
    {KIND_NO_SHOW, "a", .status = "no_show_cleared", .sent = 21, .because = "repeated-fact"},
    {KIND_NO_SHOW, "a", .status = "no_show", .sent = 30},
    {KIND_NO_SHOW, "a", .status = "no_show", .sent = 31, .because = "repeated-fact"},
    {KIND_NO_SHOW, "a", .status = "no_show", .who = "other@example.org", .sent = 32},
    {KIND_NO_SHOW, "b", .status = "no_show", .sent = 33},
    {0}};

/* The second subscription's delivery comes after the provider went on. */
static const struct step no_show_late_copy[] = {
    {KIND_NO_SHOW, "a", .status = "no_show_cleared", .sent = 20},
    {KIND_NO_SHOW, "a", .status = "no_show", .sent = 10, .came = 40},
    {KIND_NO_SHOW, "a", .status = "no_show", .sent = 11, .came = 41, .because = "repeated-fact"},
    {KIND_NO_SHOW, "a", .status = "no_show_cleared", .sent = 21, .came = 42, .because = "repeated-fact"},
    {0}};

static const struct step without_uid[] = {
    {KIND_FORM, .name = "F", .sent = 1},
    {KIND_FORM, .name = "F", .sent = 11, .because = "repeated-fact"},
    {KIND_FORM, .name = "F", .sent = 12},
    {KIND_FORM, .name = "F", .reason = "other", .sent = 12},
    {KIND_OTHER, "a", .name = "O", .sent = 13},
    {KIND_OTHER, "a", .name = "O", .sent = 14, .because = "repeated-fact"},
    {KIND_OTHER, "a", .name = "O", .sent = 30},
    {KIND_CREATED, .name = "N", .start = 9, .sent = 31},
    {KIND_PING, .name = "PING", .sent = 32},
    {0}};

/* ---- moves at Calendly ---- */

#define HALF KIND_CANCELLED, .calendly = true, .status = "moved"

static const struct step created_half_first[] = {
    {KIND_CREATED, "a", .calendly = true, .sent = 1, .start = 9, CONFIRMED},
    {KIND_RESCHEDULED, "b", "a", .calendly = true, .sent = 3, .start = 11, CONFIRMED, .sequence = 1, MOVED, .old = 9},
    {HALF, .uid = "a", .sent = 2, .came = 4, .start = 9, .because = "joined"},
    {HALF, .uid = "a", .sent = 3, .came = 4, .start = 9, .because = "joined"},
    {KIND_CANCELLED, "b", .calendly = true, .sent = 8, .start = 11, CANCELLED, .sequence = 2},
    {0}};

static const struct step canceled_half_first[] = {
    {HALF, .uid = "a", .sent = 2, .start = 9, .because = "partner-awaited"},
    {KIND_RESCHEDULED, "b", "a", .calendly = true, .sent = 3, .start = 11, CONFIRMED, .sequence = 1, MOVED, .old = 9},
    {.again = 1, .came = 61, .because = "joined"},
    {0}};

static const struct step half_alone[] = {
    {KIND_CREATED, "a", .calendly = true, .sent = 1, .start = 9, CONFIRMED},
    {HALF, .uid = "a", .sent = 2, .start = 9, .because = "partner-awaited"},
    {HALF, .uid = "a", .sent = 2, .came = 3, .start = 9, .because = "partner-awaited"},
    {.again = 2, .came = 61, .because = "partner-awaited"},
    {.again = 2, .came = 62, .because = "partner-missing", CANCELLED, .sequence = 1},
    {.again = 3, .came = 63, .because = "repeated-fact"},
    {KIND_RESCHEDULED, "b", "a", .calendly = true, .sent = 3, .came = 99, .start = 11, CONFIRMED, .sequence = 2, MOVED, .old = 9},
    {KIND_CREATED, "c", .calendly = true, .sent = 100, .start = 9, CONFIRMED},
    {0}};

/* Its arrival lies further ahead than it could wait: the clock was ahead then. */
static const struct step half_from_the_future[] = {
    {KIND_CREATED, "a", .calendly = true, .sent = 1, .start = 9, CONFIRMED},
    {HALF, .uid = "a", .sent = 2, .came = 1000, .start = 9, .because = "partner-awaited"},
    {.again = 2, .came = 10, .because = "partner-missing", CANCELLED, .sequence = 1},
    {0}};

static const struct step moved_twice[] = {
    {KIND_CREATED, "a", .calendly = true, .sent = 1, .start = 9, CONFIRMED},
    {KIND_RESCHEDULED, "c", "b", .calendly = true, .sent = 5, .start = 13, CONFIRMED, .sequence = 1, MOVED},
    {HALF, .uid = "b", .previous = "a", .sent = 4, .came = 6, .start = 11, .because = "joined"},
    {KIND_RESCHEDULED, "b", "a", .calendly = true, .sent = 3, .came = 7, .start = 11, .because = "late", CANCELLED, .sequence = 1, MOVED, .old = 9},
    {HALF, .uid = "a", .sent = 2, .came = 8, .start = 9, .because = "joined"},
    {0}};

/* ---- moves at Cal.com ---- */

static const struct step rebook[] = {
    {KIND_CREATED, "a", .sent = 1, .start = 9, CONFIRMED},
    {KIND_CANCELLED, "a", .sent = 2, .start = 9, CANCELLED, .sequence = 1},
    {KIND_CREATED, "b", "a", .sent = 3, .start = 11, CONFIRMED, .sequence = 2, MOVED, .old = 9},
    {0}};

static const struct step unknown_old[] = {
    {KIND_RESCHEDULED, "b", "a", .sent = 3, .start = 11, .old_start = 9, CONFIRMED, .sequence = 1, MOVED, .old = 9},
    {KIND_CREATED, "a", .sent = 1, .came = 5, .start = 9, .because = "late"},
    {KIND_CANCELLED, "a", .sent = 6, .start = 9, .because = "late"},
    {0}};

/* The event's own word for the old time: the end that is known belongs to another. */
static const struct step old_time_named[] = {
    {KIND_CREATED, "a", .sent = 1, .start = 9, CONFIRMED},
    {KIND_RESCHEDULED, "b", "a", .sent = 2, .start = 13, .old_start = 11, CONFIRMED, .sequence = 1, MOVED, .old = 11},
    {0}};

static const struct step granted_move[] = {
    {KIND_CREATED, "a", .sent = 1, .start = 9, CONFIRMED},
    {KIND_REQUESTED, "b", "a", .sent = 2, .start = 11, .old = 9},
    {KIND_CREATED, "x", .sent = 3, .start = 9, CONFIRMED, .overlap = 1},
    {KIND_CREATED, "y", .sent = 3, .start = 11, CONFIRMED, .overlap = 1},
    {KIND_CREATED, "b", .sent = 4, .start = 11, CONFIRMED, .sequence = 1, MOVED, .old = 9, .overlap = 1},
    {KIND_CREATED, "z", .sent = 5, .start = 9, CONFIRMED, .overlap = 1},
    {0}};

static const struct step refused_move[] = {
    {KIND_CREATED, "a", .sent = 1, .start = 9, CONFIRMED},
    {KIND_REQUESTED, "b", "a", .sent = 2, .start = 11, .old = 9},
    {KIND_REJECTED, "b", .sent = 3, .start = 11},
    {KIND_REQUESTED, "c", "a", .sent = 4, .start = 12, .old = 9},
    {KIND_CANCELLED, "c", .sent = 5, .start = 12},
    {KIND_REJECTED, "d", "a", .sent = 6, .start = 13},
    {KIND_RESCHEDULED, "e", "a", .sent = 7, .start = 14, CONFIRMED, .sequence = 1, MOVED, .old = 9},
    {0}};

static const struct step request[] = {
    {KIND_REQUESTED, "a", .sent = 1, .start = 9, TENTATIVE, .sequence = 0},
    {KIND_CREATED, "a", .sent = 2, .start = 9, CONFIRMED, .sequence = 1},
    {KIND_REQUESTED, "a", .sent = 1, .came = 9, .reason = "copy", .start = 9, .because = "late"},
    {KIND_REQUESTED, "b", .sent = 10, .start = 15, TENTATIVE, .sequence = 0},
    {KIND_REJECTED, "b", .sent = 11, .start = 15, CANCELLED, .sequence = 1},
    {KIND_CREATED, "b", .sent = 12, .start = 15, .because = "late"},
    {0}};

/* ---- payment ---- */

static const struct step paid_after[] = {
    {KIND_CREATED, "a", .sent = 1, .start = 9, CONFIRMED},
    {KIND_PAID, "a", .sent = 2, .start = 9},
    {KIND_REQUESTED, "b", .sent = 3, .start = 11, TENTATIVE},
    {KIND_PAID, "b", .sent = 4, .start = 11},
    {KIND_CREATED, "b", .sent = 5, .start = 11, CONFIRMED, .sequence = 1},
    {0}};

static const struct step paid_before[] = {
    {KIND_PAID, "a", .sent = 1, .start = 9, CONFIRMED},
    {KIND_CREATED, "a", .sent = 0, .came = 2, .start = 9, CONFIRMED, .sequence = 1},
    {KIND_PAID, "b", .status = "pending", .sent = 3, .start = 9, TENTATIVE, .overlap = 1},
    {0}};

/* ---- seats ---- */

static const struct step seats[] = {
    {KIND_CREATED, "a", .seat = "s1", .who = "one@example.org", .sent = 1, .start = 9, CONFIRMED},
    {KIND_CREATED, "a", .seat = "s2", .who = "Two@example.org", .sent = 2, .start = 9, CONFIRMED, .sequence = 1},
    {KIND_CANCELLED, "a", .seat = "7", .who = "two@example.org", .sent = 4, .start = 9, CONFIRMED, .sequence = 2},
    {KIND_CANCELLED, "a", .seat = "7", .who = "two@example.org", .sent = 4, .came = 5, .start = 9, .reason = "again"},
    {KIND_CREATED, "x", .sent = 5, .start = 9, CONFIRMED, .overlap = 1},
    {KIND_CANCELLED, "a", .sent = 6, .start = 9, CANCELLED, .sequence = 3},
    {KIND_CANCELLED, "a", .seat = "8", .who = "three@example.org", .sent = 7, .start = 9, .because = "late"},
    {0}};

static const struct step seat_given_up_first[] = {
    {KIND_CANCELLED, "a", .seat = "7", .who = "two@example.org", .sent = 4, .start = 9, .number = 3, CONFIRMED, .sequence = 3},
    {KIND_CREATED, "a", .seat = "s2", .who = "two@example.org", .sent = 2, .came = 5, .start = 9, .because = "late"},
    {KIND_CREATED, "a", .seat = "s1", .who = "one@example.org", .sent = 1, .came = 6, .start = 9, CONFIRMED, .sequence = 4},
    {KIND_CREATED, "a", .seat = "s3", .who = "two@example.org", .sent = 8, .start = 9, CONFIRMED, .sequence = 5},
    {0}};

/* Of two events of one moment the later one counts. */
static const struct step seat_taken_at_once[] = {
    {KIND_CREATED, "a", .seat = "s1", .who = "one@example.org", .sent = 1, .start = 9, CONFIRMED},
    {KIND_CANCELLED, "a", .seat = "7", .who = "one@example.org", .sent = 4, .start = 9, CANCELLED, .sequence = 1},
    {KIND_CREATED, "a", .seat = "s2", .who = "one@example.org", .sent = 4, .came = 5, .start = 9, CONFIRMED, .sequence = 2},
    {0}};

/* One moves; the booking, its entry and the other stay. */
static const struct step seat_moves[] = {
    {KIND_CREATED, "a", .seat = "s1", .who = "one@example.org", .sent = 1, .start = 9, CONFIRMED},
    {KIND_CREATED, "a", .seat = "s2", .who = "two@example.org", .sent = 2, .start = 9, CONFIRMED, .sequence = 1},
    {KIND_RESCHEDULED, "b", "a", .seat = "s3", .who = "two@example.org", .sent = 3, .start = 11, CONFIRMED, .sequence = 1, MOVED, .old = 9},
    {KIND_CREATED, "x", .sent = 4, .start = 9, CONFIRMED, .overlap = 1},
    {KIND_RESCHEDULED, "c", "a", .seat = "s4", .who = "one@example.org", .sent = 5, .start = 13, CONFIRMED, .sequence = 3, MOVED, .old = 9},
    {KIND_CREATED, "y", .sent = 6, .start = 9, CONFIRMED, .overlap = 1},
    {0}};

/* ---- overlaps ---- */

#define GROUP "https://api.calendly.com/scheduled_events/E/invitees/"

static const struct step overlaps[] = {
    {KIND_CREATED, "a", .sent = 1, .start = 9, .minutes = 60, CONFIRMED},
    {KIND_CREATED, "b", .sent = 2, .start = 10, .minutes = 60, CONFIRMED},
    {KIND_CREATED, "c", .sent = 3, .start = 9, .minutes = 90, .organizer = "OWNER@example.org", .calendly = true, CONFIRMED, .overlap = 2},
    {KIND_CREATED, "d", .sent = 4, .start = 9, .organizer = "other@example.org", CONFIRMED},
    {KIND_CANCELLED, "a", .sent = 5, .start = 9, CANCELLED, .sequence = 1},
    {KIND_CREATED, "e", .sent = 6, .start = 9, .minutes = -1, CONFIRMED, .overlap = 1},
    {KIND_RESCHEDULED, "f", "e", .sent = 7, .start = 10, .minutes = 15, CONFIRMED, .sequence = 1, MOVED, .old = 9, .overlap = 2},
    {KIND_CREATED, GROUP "1", .calendly = true, .sent = 8, .start = 20, CONFIRMED},
    {KIND_CREATED, GROUP "2", .calendly = true, .sent = 9, .start = 20, CONFIRMED},
    {KIND_CREATED, "long", .sent = 10, .start = 1, .minutes = 20000, .organizer = "long@example.org", CONFIRMED},
    {KIND_CREATED, "in-it", .sent = 11, .start = 300, .organizer = "long@example.org", CONFIRMED, .overlap = 1},
    {KIND_CREATED, "untimed", .sent = 12, CONFIRMED},
    {KIND_CREATED, "two-hours", .sent = 13, .start = 9, .minutes = 120, .organizer = "busy@example.org", CONFIRMED},
    {KIND_CREATED, "in-both", .sent = 14, .start = 10, .minutes = 120, .organizer = "busy@example.org", CONFIRMED, .overlap = 1},
    {KIND_CREATED, "after-one", .sent = 15, .start = 11, .organizer = "busy@example.org", CONFIRMED, .overlap = 1},
    {KIND_CREATED, "longer", .sent = 16, .start = 29, .minutes = 121, .organizer = "busy@example.org", CONFIRMED},
    {KIND_CREATED, "at-its-end", .sent = 17, .start = 31, .organizer = "busy@example.org", CONFIRMED, .overlap = 1},
    {0}};

static const struct step many_overlaps[] = {
    {KIND_CREATED, "1", .sent = 1, .start = 9, CONFIRMED}, {KIND_CREATED, "2", .sent = 1, .start = 9, CONFIRMED, .overlap = 1},
    {KIND_CREATED, "3", .sent = 1, .start = 9, CONFIRMED, .overlap = 2}, {KIND_CREATED, "4", .sent = 1, .start = 9, CONFIRMED, .overlap = 3},
    {KIND_CREATED, "5", .sent = 1, .start = 9, CONFIRMED, .overlap = 4}, {KIND_CREATED, "6", .sent = 1, .start = 9, CONFIRMED, .overlap = 5},
    {KIND_CREATED, "7", .sent = 1, .start = 9, CONFIRMED, .overlap = 6}, {KIND_CREATED, "8", .sent = 1, .start = 9, CONFIRMED, .overlap = 7},
    {KIND_CREATED, "9", .sent = 1, .start = 9, CONFIRMED, .overlap = 8}, {KIND_CREATED, "10", .sent = 1, .start = 9, CONFIRMED, .overlap = 8},
    {0}};
/* clang-format on */

static const struct {
    const char *name;
    const struct step *steps;
} scenes[] = {
#define SCENE(steps)                                                                               \
    {                                                                                              \
#steps, steps                                                                              \
    }
    SCENE(life),
    SCENE(backwards),
    SCENE(chain_out_of_order),
    SCENE(old_times_never_return),
    SCENE(two_subscriptions),
    SCENE(no_show_thrice),
    SCENE(no_show_late_copy),
    SCENE(without_uid),
    SCENE(created_half_first),
    SCENE(canceled_half_first),
    SCENE(half_alone),
    SCENE(half_from_the_future),
    SCENE(moved_twice),
    SCENE(rebook),
    SCENE(unknown_old),
    SCENE(old_time_named),
    SCENE(granted_move),
    SCENE(refused_move),
    SCENE(request),
    SCENE(paid_after),
    SCENE(paid_before),
    SCENE(seats),
    SCENE(seat_given_up_first),
    SCENE(seat_taken_at_once),
    SCENE(seat_moves),
    SCENE(overlaps),
    SCENE(many_overlaps),
};

static void scenes_end_as_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++)
        scene_run(scenes[i].name, scenes[i].steps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scenes_end_as_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
