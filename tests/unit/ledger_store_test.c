/* The ledger's file, and what is kept in it. */
#include "ledger_scene.h"

#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

struct place {
    char dir[64], path[128], value[160];
};

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static int up(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    snprintf(place->dir, sizeof place->dir, "/tmp/bookspool-unit-XXXXXX");
    if (!mkdtemp(place->dir))
        return -1;
    snprintf(place->path, sizeof place->path, "%s/ledger.db", place->dir);
    snprintf(place->value, sizeof place->value, "sqlite:%s", place->path);
    *state = place;
    ledger_server_empty();
    return 0;
}

static int down(void **state)
{
    struct place *place = *state;
    int rc = nftw(place->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(place);
    return rc;
}

static struct ledger *opened(const struct place *place)
{
    return ledger_server_open(place->value);
}

/* Opening fails, and the words hold `part`; "" : there are no words. */
static void refused(const char *value, bool readonly, const char *part)
{
    struct buf why = {0};
    struct ledger *ledger =
        readonly ? ledger_open_readonly(value, &why) : ledger_open(value, 0, &why);
    assert_null(ledger);
    if (!strstr(buf_text(&why), part) || !*part != !*buf_text(&why))
        fail_msg("\"%s\" does not say \"%s\"", buf_text(&why), part);
    buf_free(&why);
}

static void sql(const struct place *place, const char *text)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(place->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void scribble(const struct place *place, long at, const char *text, int times)
{
    FILE *file = fopen(place->path, at ? "r+" : "w");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    while (times--)
        fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void what_is_no_ledger_is_refused_in_words(void **state)
{
    struct place *place = *state;
    if (ledger_server()) /* about the file */
        return;
    char value[200];
    refused("ledger.db", false, "is not sqlite:PATH");
    refused("sqlite:", false, "is not sqlite:PATH");
    refused("postgresql:///x?host=/none", false, "No such file or directory");
    refused("postgresql://x:secret@@/?y", false, "is not a URI that libpq understands");
    refused("mysql://x:secret@y/z", false, "BOOKSPOOL_LEDGER: mysql is not sqlite:PATH");
    snprintf(value, sizeof value, "sqlite:%s/none/ledger.db", place->dir);
    refused(value, false, "its directory does not exist");
    refused(value, true, "");
    refused(place->value, true, "");
    scribble(place, 0, "This is no database at all.\n", 200);
    refused(place->value, false, "move it away and run bookspool rebuild");
    refused(place->value, true, "move it away and run bookspool rebuild");
}

static void another_version_is_refused(void **state)
{
    struct place *place = *state;
    if (ledger_server()) /* about the file */
        return;
    sql(place, "CREATE TABLE theirs(x)");
    refused(place->value, false, "something else");
    sql(place, "DROP TABLE theirs");
    refused(place->value, true, "the next drain");
    ledger_close(opened(place));
    sql(place, "PRAGMA user_version = 99");
    refused(place->value, false, "has version 99, of a newer bookspool");
    refused(place->value, true, "has version 99, of a newer bookspool");
}

static const struct step one[] = {
    {KIND_CREATED, "a", .sent = 1, .start = 9, .calendar = CALENDAR_CONFIRMED}, {0}};

static void enter_one(struct ledger *ledger, int number, const struct step *step)
{
    struct event event;
    struct decision decision;
    scene_event(step, number, &event);
    scene_enter(ledger, &event, event.received_at, &decision);
    decision_free(&decision);
    event_free(&event);
}

static bool recalled(struct ledger *ledger, int number, struct decision *decision)
{
    char id[ID_SIZE];
    bool found;
    snprintf(id, sizeof id, "%032x", number);
    assert_true(ledger_recall(ledger, id, decision, &found));
    return found;
}

static void what_was_committed_is_there_again(void **state)
{
    struct place *place = *state;
    struct ledger *ledger = opened(place);
    struct decision decision;
    struct stat st;
    enter_one(ledger, 1, &one[0]);
    if (!ledger_server()) {
        assert_int_equal(stat(place->path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0660);
    }
    ledger_close(ledger);
    struct buf why = {0};
    ledger = ledger_open_readonly(ledger_server() ? ledger_server() : place->value, &why);
    assert_non_null(ledger);
    assert_true(recalled(ledger, 1, &decision));
    assert_int_equal(decision.calendar, CALENDAR_CONFIRMED);
    decision_free(&decision);
    assert_false(recalled(ledger, 2, &decision));
    assert_int_equal(decision.result, DECISION_NOTIFY);
    decision_free(&decision);
    ledger_close(ledger);
    buf_free(&why);
}

/* As PATH.1, with all that was in it, until copies of that age are dropped. */
static void assert_earlier_one_is_kept(struct ledger *ledger, const struct place *place)
{
    struct place copy;
    struct stat st;
    snprintf(copy.path, sizeof copy.path, "%s/ledger.db.1", place->dir);
    assert_int_equal(stat(copy.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    sql(&copy, "SELECT verdict, key FROM decision WHERE verdict = 'speaks';"
               "CREATE TABLE right_version(x CHECK (x = 1));"
               "INSERT INTO right_version SELECT user_version FROM pragma_user_version;"
               "INSERT INTO right_version SELECT count(*) FROM booking");
    ledger_drop_copies(ledger, time_from_timespec(st.st_mtim));
    assert_int_equal(stat(copy.path, &st), 0);
    ledger_drop_copies(ledger, time_from_timespec(st.st_mtim) + 1);
    assert_int_equal(stat(copy.path, &st), -1);
}

/* Its index knew of no booking of five hours. */
static void a_ledger_of_version_1_is_brought_up_to_date(void **state)
{
    struct place *place = *state;
    if (ledger_server()) /* about the file */
        return;
    struct ledger *ledger = opened(place);
    struct buf before = {0}, after = {0};
    enter_one(ledger, 1, &(struct step){KIND_CREATED, "a", .sent = 1, .start = 9, .minutes = 300});
    /* which no older version kept */
    assert_true(store_exec(
        ledger, "UPDATE booking SET born = NULL; DELETE FROM detail; DELETE FROM host", "empty"));
    scene_dump(ledger, &before);
    ledger_close(ledger);
    sql(place, "DROP TABLE agenda; DROP TABLE place; DROP TABLE token; DROP TABLE answer;"
               "DROP INDEX booking_long; CREATE INDEX booking_long ON booking(busy - start)"
               " WHERE state IN ('pending', 'accepted') AND busy - start > 86400000;"
               "ALTER TABLE notice RENAME COLUMN id TO key;"
               "ALTER TABLE overlap RENAME COLUMN id TO key;"
               "ALTER TABLE decision RENAME COLUMN id TO key;"
               "ALTER TABLE decision RENAME COLUMN result TO verdict;"
               "UPDATE decision SET verdict = 'speaks' WHERE verdict = 'notify';"
               "DROP TABLE entry; DROP TABLE shared; DROP TABLE detail; DROP TABLE host;"
               "DROP INDEX booking_entry; DROP INDEX booking_group; DROP INDEX booking_series;"
               "ALTER TABLE booking DROP COLUMN ical_uid;"
               "ALTER TABLE booking DROP COLUMN group_uid;"
               "ALTER TABLE booking DROP COLUMN series;"
               "ALTER TABLE booking DROP COLUMN hosts;"
               "ALTER TABLE booking DROP COLUMN born;"
               "ALTER TABLE booking DROP COLUMN changed;"
               "ALTER TABLE booking DROP COLUMN calendar_written;"
               "ALTER TABLE decision DROP COLUMN taken;"
               "ALTER TABLE decision DROP COLUMN calendar_written;"
               "ALTER TABLE decision DROP COLUMN unconfirmed;"
               "ALTER TABLE decision DROP COLUMN grouped;"
               "ALTER TABLE decision DROP COLUMN entries;"
               "ALTER TABLE decision DROP COLUMN known;"
               "PRAGMA user_version = 1");
    refused(place->value, true, "the next drain");
    ledger = opened(place);
    scene_dump(ledger, &after);
    assert_string_equal(buf_text(&before), buf_text(&after));
    assert_earlier_one_is_kept(ledger, place);
    ledger_close(ledger);
    sql(place, "SELECT uid FROM booking INDEXED BY booking_long"
               " WHERE state IN ('pending', 'accepted') AND busy - start > 7200000");
    buf_free(&before);
    buf_free(&after);
}

static void nothing_is_entered_outside_a_transaction(void **state)
{
    struct ledger *ledger = opened(*state);
    struct event event;
    struct decision decision;
    scene_event(&one[0], 1, &event);
    assert_false(ledger_decide(ledger, &event, 0, 0, &decision));
    assert_non_null(strstr(ledger_failure(ledger), "transaction"));
    scene_enter(ledger, &event, event.received_at, &decision);
    decision_free(&decision);
    event_free(&event);
    ledger_close(ledger);
}

/* A ledger that breaks while it is used says so, and a failed transaction leaves nothing. */
static void a_failure_takes_all_of_the_transaction_back(void **state)
{
    struct place *place = *state;
    struct ledger *ledger = opened(place);
    struct event event;
    struct decision decision;
    enter_one(ledger, 1, &one[0]);
    if (ledger_server())
        assert_true(store_exec(ledger,
            "ALTER TABLE decision ADD CONSTRAINT \"broken on purpose\" CHECK(id NOT LIKE '%3')",
            ""));
    else
        sql(place, "CREATE TRIGGER broken BEFORE INSERT ON decision WHEN new.id LIKE '%3'"
                   " BEGIN SELECT raise(ABORT, 'broken on purpose'); END");
    assert_true(ledger_begin(ledger));
    scene_event(&(struct step){KIND_CREATED, "b", .sent = 2, .start = 9}, 2, &event);
    assert_true(ledger_decide(ledger, &event, 0, 0, &decision));
    decision_free(&decision);
    event_free(&event);
    scene_event(&(struct step){KIND_CREATED, "c", .sent = 2, .start = 9}, 3, &event);
    assert_false(ledger_decide(ledger, &event, 0, 0, &decision));
    decision_free(&decision);
    assert_non_null(strstr(ledger_failure(ledger), "broken on purpose"));
    assert_non_null(strstr(ledger_failure(ledger), ledger->path));
    assert_false(ledger_decide(ledger, &event, 0, 0, &decision));
    decision_free(&decision);
    event_free(&event);
    assert_false(ledger_commit(ledger));
    assert_true(ledger_begin(ledger));
    assert_true(recalled(ledger, 1, &decision));
    decision_free(&decision);
    assert_false(recalled(ledger, 2, &decision));
    decision_free(&decision);
    ledger_rollback(ledger);
    if (ledger_server())
        assert_true(
            store_exec(ledger, "ALTER TABLE decision DROP CONSTRAINT \"broken on purpose\"", ""));
    ledger_close(ledger);
}

static void old_things_are_forgotten(void **state)
{
    struct ledger *ledger = opened(*state);
    struct buf dump = {0};
    /* The second lies ahead; the third was replaced, and heard of only so. */
    enter_one(
        ledger, 1, &(struct step){KIND_CREATED, "past", .sent = 1, .start = -200, .seat = "s"});
    enter_one(ledger, 2, &(struct step){KIND_CREATED, "ahead", .sent = 1, .start = 9});
    enter_one(ledger, 3, &(struct step){KIND_RESCHEDULED, "n", "m", .sent = 99, .start = -100});
    enter_one(ledger, 4, &(struct step){KIND_FORM, .name = "F", .sent = 1});
    assert_true(ledger_begin(ledger));
    assert_true(ledger_forget(ledger, SCENE_START + 50 * 1000));
    assert_true(ledger_commit(ledger));
    scene_dump(ledger, &dump);
    assert_null(strstr(buf_text(&dump), "past"));
    assert_null(strstr(buf_text(&dump), "notice uid= "));
    assert_non_null(strstr(buf_text(&dump), "booking uid=ahead"));
    assert_non_null(strstr(buf_text(&dump), "notice uid=ahead"));
    assert_non_null(strstr(buf_text(&dump), "booking uid=m"));
    assert_null(strstr(buf_text(&dump), "decision id=00000000000000000000000000000002"));
    assert_non_null(strstr(buf_text(&dump), "decision id=00000000000000000000000000000003"));
    buf_clear(&dump);
    assert_true(ledger_begin(ledger));
    assert_true(ledger_clear(ledger));
    assert_true(ledger_commit(ledger));
    scene_dump(ledger, &dump);
    assert_string_equal(buf_text(&dump), "");
    buf_free(&dump);
    ledger_close(ledger);
}

static bool print_conflict(void *context, const struct ledger_conflict *conflict)
{
    buf_printf(context, "%s %s/%s %s/%s;", conflict->organizer, conflict->first.provider,
        conflict->first.uid, conflict->second.provider, conflict->second.uid);
    return true;
}

static void conflicts_come_in_order_of_time(void **state)
{
    struct ledger *ledger = opened(*state);
    struct buf said = {0};
    enter_one(ledger, 1, &(struct step){KIND_CREATED, "late", .sent = 1, .start = 15});
    enter_one(ledger, 2, &(struct step){KIND_REQUESTED, "ask", .sent = 1, .start = 15});
    enter_one(ledger, 3, &(struct step){KIND_CREATED, "a", .sent = 1, .start = 9, .minutes = 120});
    enter_one(
        ledger, 4, &(struct step){KIND_CREATED, "b", .sent = 1, .start = 10, .calendly = true});
    enter_one(ledger, 5, &(struct step){KIND_CREATED, "c", .sent = 1, .start = 11});
    enter_one(ledger, 6, &(struct step){KIND_CREATED, "old1", .sent = 1, .start = 2});
    enter_one(ledger, 7, &(struct step){KIND_CREATED, "old2", .sent = 1, .start = 2});
    assert_true(ledger_conflicts(ledger, scene_hour(5), print_conflict, &said));
    assert_string_equal(buf_text(&said),
        "owner@example.org calcom/a calendly/b;owner@example.org calcom/ask calcom/late;");
    buf_free(&said);
    ledger_close(ledger);
}

int main(void)
{
#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, up, down)
    const struct CMUnitTest tests[] = {
        STORE_TEST(what_is_no_ledger_is_refused_in_words),
        STORE_TEST(another_version_is_refused),
        STORE_TEST(a_ledger_of_version_1_is_brought_up_to_date),
        STORE_TEST(what_was_committed_is_there_again),
        STORE_TEST(nothing_is_entered_outside_a_transaction),
        STORE_TEST(a_failure_takes_all_of_the_transaction_back),
        STORE_TEST(old_things_are_forgotten),
        STORE_TEST(conflicts_come_in_order_of_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
