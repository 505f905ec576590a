/* Settings: files, environment, NAME_FILE, and errors that help. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/address.h"
#include "base/conf.h"

static char folder[] = "/tmp/bookspool-conf-XXXXXX";
static struct conf conf;

static void path_of(char out[128], const char *name)
{
    snprintf(out, 128, "%s/%s", folder, name);
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    char path[128];
    path_of(path, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static int up(void **state)
{
    (void)state;
    char path[128];
    const char *output = getenv("CMOCKA_MESSAGE_OUTPUT");
    clearenv();
    if (output)
        setenv("CMOCKA_MESSAGE_OUTPUT", output, 1);
    path_of(path, "bookspool.conf");
    setenv("BOOKSPOOL_CONF", path, 1);
    write_file("bookspool.conf", "", 0644);
    return 0;
}

static int down(void **state)
{
    (void)state;
    static const char *const names[] = {"bookspool.conf", "receive.env", "drain.env", "value"};
    conf_free(&conf);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[128];
        path_of(path, names[i]);
        unlink(path);
    }
    return 0;
}

static void assert_error(enum conf_program program, const char *words)
{
    bool ok = conf_load(&conf, program);
    if (ok || !strstr(buf_text(&conf.errors), words)) {
        fprintf(stderr, "wanted \"%s\", got: %s\n", words, buf_text(&conf.errors));
        fail();
    }
    conf_free(&conf);
}

static void defaults(void **state)
{
    (void)state;
    assert_true(conf_load(&conf, CONF_DRAIN));
    assert_string_equal(conf_text(&conf, SET_SPOOL), "/var/spool/bookspool");
    assert_string_equal(conf_text(&conf, SET_TRANSPORT), "maildir:/var/lib/bookspool/Maildir");
    assert_int_equal(conf_number(&conf, SET_RETRY_MAX), 3600000);
    assert_int_equal(conf_number(&conf, SET_RETENTION), INT64_C(30) * 86400000);
    assert_null(conf_text(&conf, SET_MAIL_TO));
    assert_false(conf.value[SET_SPOOL].given);
}

static void receiver_defaults(void **state)
{
    (void)state;
    assert_true(conf_load(&conf, CONF_RECEIVE));
    assert_int_equal(conf_number(&conf, SET_MAX_BODY), 1 << 20);
    assert_int_equal(conf_number(&conf, SET_RESERVE), 64 << 20);
    assert_int_equal(conf.value[SET_RESERVE].second, 1000);
    assert_int_equal(conf_number(&conf, SET_CALENDLY_WINDOW), 300000);
    assert_int_equal(conf_number(&conf, SET_CALCOM_WINDOW), 1800000);
    assert_int_equal(conf_number(&conf, SET_LOG_LEVEL), 2);
    assert_null(conf_text(&conf, SET_TRANSPORT));
}

static void files_then_environment(void **state)
{
    (void)state;
    write_file("bookspool.conf",
        "# comment\n\n BOOKSPOOL_STATE = /s \nBOOKSPOOL_MAIL_TO=\"a@example.org, "
        "b@example.org\"\r\n"
        "BOOKSPOOL_DEADLINE=2m\nBOOKSPOOL_TIMEZONE='Europe/Berlin'\n; another\n",
        0644);
    setenv("BOOKSPOOL_TIMEZONE", "UTC", 1);
    setenv("BOOKSPOOL_LEDGER", "sqlite:$STATE/l.db", 1);
    assert_true(conf_load(&conf, CONF_TOOL));
    assert_string_equal(conf_text(&conf, SET_LEDGER), "sqlite:/s/l.db");
    assert_string_equal(conf_text(&conf, SET_MAIL_TO), "a@example.org, b@example.org");
    assert_string_equal(conf_text(&conf, SET_TIMEZONE), "UTC");
    assert_string_equal(conf_text(&conf, SET_TRANSPORT), "maildir:/s/Maildir");
    assert_int_equal(conf_number(&conf, SET_DEADLINE), 120000);
}

static void secrets_stay_with_their_program(void **state)
{
    (void)state;
    write_file("receive.env", "CALCOM_WEBHOOK_SECRET=one\n", 0640);
    write_file("drain.env", "BOOKSPOOL_SMTP_PASSWORD=two\nBOOKSPOOL_SMTP_USER=u\n", 0600);
    setenv("CALENDLY_WEBHOOK_SIGNING_KEY", "three", 1);
    assert_true(conf_load(&conf, CONF_DRAIN));
    assert_null(conf_text(&conf, SET_CALCOM_SECRET));
    assert_null(conf_text(&conf, SET_CALENDLY_KEY));
    assert_string_equal(conf_text(&conf, SET_SMTP_PASSWORD), "two");
    assert_string_equal(getenv("CALENDLY_WEBHOOK_SIGNING_KEY"), ""); /* blanked */
    conf_wipe_secrets(&conf);
    assert_null(conf_text(&conf, SET_SMTP_PASSWORD));
    conf_free(&conf);
    setenv("CALENDLY_WEBHOOK_SIGNING_KEY", "three", 1);
    assert_true(conf_load(&conf, CONF_RECEIVE));
    assert_string_equal(conf_text(&conf, SET_CALCOM_SECRET), "one");
    assert_string_equal(conf_text(&conf, SET_CALENDLY_KEY), "three");
    assert_null(conf_text(&conf, SET_SMTP_PASSWORD));
}

static void key_file(void **state)
{
    (void)state;
    char path[128];
    path_of(path, "value");
    write_file("value", "se\"cret = #1\n", 0600);
    setenv("CALCOM_WEBHOOK_SECRET_FILE", path, 1);
    assert_true(conf_load(&conf, CONF_RECEIVE));
    assert_string_equal(conf_text(&conf, SET_CALCOM_SECRET), "se\"cret = #1");
    conf_free(&conf);
    write_file("value", "one\ntwo\n", 0600);
    assert_error(CONF_RECEIVE, "must hold one line");
    write_file("value", "\n", 0600); /* an empty secret must not pass for one */
    assert_error(CONF_RECEIVE, "must hold one line");
    write_file("value", "one", 0604);
    assert_error(CONF_RECEIVE, "open to others (mode 604): chmod o-rwx");
    assert_int_equal(unlink(path), 0);
    assert_error(CONF_RECEIVE, "cannot read its file");
}

/* A token's file is read again; a value that stands in the settings is what it was. */
static void reread(void **state)
{
    (void)state;
    char line[200];
    struct buf value = {0}, why = {0};
    snprintf(line, sizeof line,
        "BOOKSPOOL_SMTP_USER=u\nBOOKSPOOL_SMTP_TOKEN_FILE=%s/value\nSENDGRID_API_KEY=key\n",
        folder);
    write_file("value", "one\n", 0600);
    write_file("drain.env", line, 0600);
    assert_true(conf_load(&conf, CONF_DRAIN));
    write_file("value", "two\r\n", 0600);
    assert_true(conf_reread(&conf, SET_SMTP_TOKEN, &value, &why));
    assert_string_equal(buf_text(&value), "two");
    buf_clear(&value);
    assert_true(conf_reread(&conf, SET_SENDGRID_API_KEY, &value, &why));
    assert_string_equal(buf_text(&value), "key");
    buf_clear(&value);
    assert_true(conf_reread(&conf, SET_SMTP_PASSWORD, &value, &why));
    assert_int_equal(value.len, 0);
    write_file("value", "three\n", 0644);
    assert_false(conf_reread(&conf, SET_SMTP_TOKEN, &value, &why));
    assert_non_null(strstr(buf_text(&why), "BOOKSPOOL_SMTP_TOKEN: its file"));
    assert_null(strstr(buf_text(&why), "three"));
    buf_free(&value);
    buf_free(&why);
}

static void a_key_and_its_file_are_one_too_many(void **state)
{
    (void)state;
    char path[128];
    path_of(path, "value");
    write_file("value", "secret\n", 0600);
    setenv("CALCOM_WEBHOOK_SECRET_FILE", path, 1);
    setenv("CALCOM_WEBHOOK_SECRET", "other", 1);
    assert_error(CONF_RECEIVE, "CALCOM_WEBHOOK_SECRET: is set twice here");
    setenv("CALCOM_WEBHOOK_SECRET_FILE", path, 1);
    setenv("CALCOM_WEBHOOK_SECRET", "", 1); /* as a container passes on what is not set */
    assert_true(conf_load(&conf, CONF_RECEIVE));
    assert_string_equal(conf_text(&conf, SET_CALCOM_SECRET), "secret");
}

static void a_nul_does_not_end_a_file(void **state)
{
    (void)state;
    char path[128];
    path_of(path, "bookspool.conf");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fwrite("BOOKSPOOL_STATE=/s\n\0NONSENSE=1\n", 1, 31, file);
    assert_int_equal(fclose(file), 0);
    assert_error(CONF_DRAIN, "a NUL byte: is not allowed in a settings file");
}

static void an_empty_secret_is_none(void **state)
{
    (void)state;
    setenv("CALCOM_WEBHOOK_SECRET", "", 1);
    assert_true(conf_load(&conf, CONF_RECEIVE));
    assert_null(conf_text(&conf, SET_CALCOM_SECRET));
    assert_false(conf.value[SET_CALCOM_SECRET].given);
}

struct wrong_line {
    const char *line, *words;
};

static void senders_may_have_a_name(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name, *address; /* NULL: it is none */
    } rows[] = {{"b@example.org", "", "b@example.org"},
        {"Bob <b@example.org>", "Bob", "b@example.org"},
        {"\"Bob, Ltd\"<b@example.org>", "Bob, Ltd", "b@example.org"},
        {"  B\xc3\xb6"
         "b B \t<b@example.org>",
            "B\xc3\xb6"
            "b B",
            "b@example.org"},
        {"<b@example.org>", "", "b@example.org"}, {"Bob <b@example.org> x", NULL, NULL},
        {"Bob <b@ex ample.org>", NULL, NULL}, {"B>b <b@example.org>", NULL, NULL},
        {"a\nb <b@example.org>", NULL, NULL}, {"Bob <>", NULL, NULL}, {"Bob <", NULL, NULL},
        {"", NULL, NULL}, {"<", NULL, NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mailbox mailbox;
        bool right = mailbox_parse(rows[i].text, &mailbox);
        if (right != (rows[i].name != NULL))
            fail_msg("\"%s\"", rows[i].text);
        if (right) {
            assert_string_equal(mailbox.name, rows[i].name);
            assert_string_equal(mailbox.address, rows[i].address);
        }
    }
    char text[300];
    memset(text, 'n', sizeof text);
    strcpy(text + 129, " <b@example.org>");
    assert_false(mailbox_parse(text, &(struct mailbox){0}));
    assert_true(mailbox_parse(text + 1, &(struct mailbox){0}));
}

static void wrong_lines_are_explained(void **state)
{
    (void)state;
    static const struct wrong_line cases[] = {
        {"BOOKSPOOL_SPOL=/x", "bookspool.conf:2: BOOKSPOOL_SPOL: is not a setting; did you mean "
                              "BOOKSPOOL_SPOOL?"},
        {"FROBNICATE=1", "bookspool.conf(5) lists them all"},
        {"BOOKSPOOL_DEADLINE=10", "\"10\" must be a duration with s, m, h or d, from 1s to 5m"},
        {"BOOKSPOOL_DEADLINE=99999999999999999999s", "must be a duration"},
        {"BOOKSPOOL_DEADLINE=9223372036854775807d", "must be a duration"},
        {"BOOKSPOOL_DEADLINE=-1s", "must be a duration"},
        {"BOOKSPOOL_RETENTION=6d", "from 7d to 3650d"},
        {"BOOKSPOOL_MAX_BODY=2T", "must be a size in bytes or with K, M or G, from 1K to 64M"},
        {"BOOKSPOOL_DEADLINE=16196412099902854d", "must be a duration"}, /* 10,240 ms modulo 2^64 */
        {"BOOKSPOOL_RESERVE=64M,x", "64M or 64M,1000"},
        {"BOOKSPOOL_RESERVE=64M,1K", "64M or 64M,1000"},
        {"BOOKSPOOL_SYNC=\33[2Jnever\177", "\"?[2Jnever?\" must be one of"},
        {"BOOKSPOOL_\33[2J=x", "BOOKSPOOL_?[2J: is not a setting"},
        {"BOOKSPOOL_SYNC=never", "must be one of: auto fsync"},
        {"BOOKSPOOL_MAIL_ATTENDEE=maybe", "must be yes or no"},
        {"BOOKSPOOL_SPOOL=spool", "must be an absolute path"},
        {"BOOKSPOOL_MAIL_TO=Bob <b@example.org>", "must be mail addresses"},
        {"BOOKSPOOL_MAIL_TO=a@example.org,,b@example.org", "must be mail addresses"},
        {"BOOKSPOOL_MAIL_FROM=Bob <b@example.org", "Bookings <bookings@example.org>"},
        {"BOOKSPOOL_MAIL_FROM=Bob b@example.org", "Bookings <bookings@example.org>"},
        {"BOOKSPOOL_REPLY_TO=Bob <b@example.org>", "must be one mail address"},
        {"CALCOM_WEBHOOK_ENDPOINT=api/x", "must be a path such as /api/hook"},
        {"CALCOM_WEBHOOK_ENDPOINT=/api/x/", "must be a path such as /api/hook"},
        {"CALCOM_WEBHOOK_ENDPOINT=/api/webhooks/calendly", "must not be the same path"},
        {"CALCOM_WEBHOOK_ENDPOINT=/api/health", "/api/health and /metrics are taken"},
        {"CALCOM_WEBHOOK_ENDPOINT=/api/health/x", "/api/health and /metrics are taken"},
        {"CALENDLY_WEBHOOK_REPLAY_PROTECTION_WINDOW=1", "must be seconds"},
        {"BOOKSPOOL_RETRY_MIN=2h", "must not be above BOOKSPOOL_RETRY_MAX"},
        {"CALCOM_WEBHOOK_SECRET=x", "move it to receive.env beside it"},
        {"SENDGRID_API_KEY=x", "move it to drain.env beside it"},
        {"BOOKSPOOL_SPOOL", "must be NAME=VALUE"},
        {"BOOKSPOOL_SPOOL=\"/x", "a quote at both ends or at none"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[200];
        snprintf(text, sizeof text, "\n%s\n", cases[i].line);
        write_file("bookspool.conf", text, 0644);
        assert_error(CONF_TOOL, cases[i].words);
    }
}

static void values_in_all_their_forms(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum setting setting;
        int64_t value;
    } cases[] = {
        {"BOOKSPOOL_DEADLINE=1s", SET_DEADLINE, 1000},
        {"BOOKSPOOL_DEADLINE=5m", SET_DEADLINE, 300000},
        {"BOOKSPOOL_RUN_LIMIT=1d", SET_RUN_LIMIT, 86400000},
        {"CALCOM_WEBHOOK_REPLAY_WINDOW=90", SET_CALCOM_WINDOW, 90000},
        {"CALCOM_WEBHOOK_REPLAY_WINDOW=90s", SET_CALCOM_WINDOW, 90000},
        {"CALCOM_WEBHOOK_REPLAY_WINDOW=5m", SET_CALCOM_WINDOW, 300000},
        {"CALCOM_WEBHOOK_REPLAY_WINDOW=2h", SET_CALCOM_WINDOW, 7200000},
        {"CALCOM_WEBHOOK_REPLAY_WINDOW=7d", SET_CALCOM_WINDOW, 604800000},
        {"BOOKSPOOL_MAX_BODY=2000", SET_MAX_BODY, 2000},
        {"BOOKSPOOL_MAX_BODY=1K", SET_MAX_BODY, 1024},
        {"BOOKSPOOL_MAX_BODY=64M", SET_MAX_BODY, 64 << 20},
        {"BOOKSPOOL_RESERVE=1G", SET_RESERVE, 1 << 30},
        {"BOOKSPOOL_RETRY_MIN=1h", SET_RETRY_MIN, 3600000}, /* BOOKSPOOL_RETRY_MAX */
        {"BOOKSPOOL_MAIL_ATTENDEE=yes", SET_MAIL_ATTENDEE, true},
        {"BOOKSPOOL_MAIL_ATTENDEE=1", SET_MAIL_ATTENDEE, true},
        {"BOOKSPOOL_MAIL_ATTENDEE=no", SET_MAIL_ATTENDEE, false},
        {"BOOKSPOOL_MAIL_ATTENDEE=0", SET_MAIL_ATTENDEE, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_file("bookspool.conf", cases[i].line, 0644);
        assert_true(conf_load(&conf, CONF_TOOL));
        assert_int_equal(conf_number(&conf, cases[i].setting), cases[i].value);
        conf_free(&conf);
    }
}

static void secrets_are_never_echoed(void **state)
{
    (void)state;
    write_file("receive.env", "CALCOM_WEBHOOK_SECRET=hush\n", 0644);
    assert_false(conf_load(&conf, CONF_RECEIVE));
    assert_non_null(strstr(buf_text(&conf.errors), "open to others (mode 644)"));
    assert_null(strstr(buf_text(&conf.errors), "hush"));
}

static void a_setting_in_the_wrong_own_file(void **state)
{
    (void)state;
    write_file("receive.env", "BOOKSPOOL_MAIL_TO=a@example.org\n", 0640);
    assert_error(CONF_RECEIVE, "receive.env:1: BOOKSPOOL_MAIL_TO: has no effect here");
}

/* Settings choose the program that delivers mail: no file that any user could have written counts.
 */
static void files_for_everybody_to_write_are_refused(void **state)
{
    (void)state;
    char path[128], words[400];
    path_of(path, "value");
    write_file("value", "maildir:/a", 0646);
    setenv("BOOKSPOOL_TRANSPORT_FILE", path, 1);
    snprintf(words, sizeof words, "value is writable by everybody: chmod o-w %s", path);
    assert_error(CONF_DRAIN, "BOOKSPOOL_TRANSPORT: its file");
    assert_error(CONF_DRAIN, "is writable by everybody: chmod o-w");
    unsetenv("BOOKSPOOL_TRANSPORT_FILE");

    static const char *const names[] = {"receive.env", "drain.env", "bookspool.conf"};
    static const enum conf_program readers[] = {CONF_RECEIVE, CONF_DRAIN, CONF_TOOL};
    for (size_t i = 0; i < 3; i++) {
        path_of(path, names[i]);
        write_file(names[i], "BOOKSPOOL_LOG_LEVEL=debug\n", 0666);
        snprintf(words, sizeof words, "%s: is writable by everybody: chmod o-w %s", path, path);
        assert_error(readers[i], words);
        assert_int_equal(chmod(path, 0664), 0);
        assert_true(conf_load(&conf, readers[i]));
        assert_int_equal(conf_number(&conf, SET_LOG_LEVEL), 3);
        conf_free(&conf);
    }

    assert_int_equal(chmod(folder, 0777), 0);
    snprintf(words, sizeof words,
        "bookspool.conf: its directory is writable by everybody: chmod o-w %s", folder);
    assert_error(CONF_DRAIN, words);
    assert_int_equal(chmod(folder, 01777), 0);
    assert_true(conf_load(&conf, CONF_DRAIN)); /* ours: the sticky bit protects it */
    conf_free(&conf);
    if (geteuid() == 0) {
        path_of(path, "bookspool.conf");
        assert_int_equal(chown(path, 65534, 65534), 0);
        assert_error(CONF_DRAIN, "belongs to another user (uid 65534)");
    }
    assert_int_equal(chmod(folder, 0755), 0);
    conf_load(&conf, CONF_DRAIN);
    assert_int_equal(conf_number(&conf, SET_LOG_LEVEL), 3); /* whose it is, is root's choice */
}

/* Who can change a link, or where it leads, has changed the file. */
static void links_are_followed_to_their_directories(void **state)
{
    (void)state;
    char real[128], link[128], middle[128], words[500];
    static const char text[] = "BOOKSPOOL_LOG_LEVEL=debug\n";
    path_of(real, "open");
    path_of(link, "bookspool.conf");
    path_of(middle, "open/middle");
    assert_int_equal(mkdir(real, 0755), 0);
    write_file("open/real.conf", text, 0644);
    assert_int_equal(unlink(link), 0);
    assert_int_equal(symlink("open/real.conf", link), 0);
    assert_true(conf_load(&conf, CONF_DRAIN));
    conf_free(&conf);
    assert_int_equal(chmod(real, 0777), 0);
    snprintf(words, sizeof words,
        "its directory is writable by everybody: chmod o-w %s (%s is a link to there)", real, link);
    assert_error(CONF_DRAIN, words);

    /* the file is safe, and so is the first link; another one on the way is not */
    write_file("safe.conf", text, 0644);
    assert_int_equal(symlink("../safe.conf", middle), 0);
    assert_int_equal(unlink(link), 0);
    assert_int_equal(symlink(middle, link), 0);
    assert_error(CONF_DRAIN, words);
    assert_int_equal(chmod(real, 0755), 0);
    assert_true(conf_load(&conf, CONF_DRAIN));
    assert_int_equal(conf_number(&conf, SET_LOG_LEVEL), 3);
    conf_free(&conf);
    assert_int_equal(chmod(real, 01777), 0);
    if (geteuid() == 0) {
        assert_int_equal(lchown(middle, 65534, 65534), 0);
        assert_error(CONF_DRAIN, "belongs to another user (uid 65534)");
    }

    /* NAME_FILE is judged by the same rule */
    assert_int_equal(chmod(real, 0777), 0);
    unlink(link);
    write_file("bookspool.conf", "", 0644);
    path_of(link, "value");
    assert_int_equal(symlink("open/real.conf", link), 0);
    setenv("BOOKSPOOL_TRANSPORT_FILE", link, 1);
    assert_error(CONF_DRAIN, "BOOKSPOOL_TRANSPORT: its file");
    assert_error(CONF_DRAIN, "is a link to there");
    unlink(middle);
    path_of(middle, "open/real.conf");
    unlink(middle);
    path_of(middle, "safe.conf");
    unlink(middle);
    assert_int_equal(rmdir(real), 0);
}

static void a_state_directory_for_everybody_is_refused(void **state)
{
    (void)state;
    static const enum conf_program all[] = {CONF_RECEIVE, CONF_DRAIN, CONF_TOOL};
    char words[200];
    path_of(words, "state");
    setenv("BOOKSPOOL_STATE", words, 1);
    assert_int_equal(mkdir(words, 0777), 0);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(chmod(words, 01777), 0);
        assert_error(all[i], "is writable by everybody: chmod o-w");
        assert_error(all[i], "BOOKSPOOL_STATE: the directory");
        assert_int_equal(chmod(words, 0770), 0);
        assert_true(conf_load(&conf, all[i]));
        conf_free(&conf);
    }
    assert_int_equal(rmdir(words), 0);
}

static void mails_are_remembered_as_long_as_events(void **state)
{
    (void)state;
    const int64_t day = INT64_C(86400000);
    write_file("bookspool.conf", "BOOKSPOOL_RETENTION=60d\n", 0644);
    assert_true(conf_load(&conf, CONF_DRAIN));
    assert_int_equal(conf_number(&conf, SET_RETENTION_SENT), 60 * day);
    conf_free(&conf);
    write_file("bookspool.conf", "BOOKSPOOL_RETENTION=7d\n", 0644);
    assert_true(conf_load(&conf, CONF_DRAIN));
    assert_int_equal(conf_number(&conf, SET_RETENTION_SENT), 30 * day);
    conf_free(&conf);
    write_file("bookspool.conf", "BOOKSPOOL_RETENTION=8d\nBOOKSPOOL_RETENTION_SENT=8d\n", 0644);
    assert_true(conf_load(&conf, CONF_DRAIN));
    conf_free(&conf);
    write_file("bookspool.conf", "BOOKSPOOL_RETENTION=9d\nBOOKSPOOL_RETENTION_SENT=8d\n", 0644);
    assert_error(
        CONF_DRAIN, "BOOKSPOOL_RETENTION_SENT: must not be below BOOKSPOOL_RETENTION: an event");
    assert_true(conf_load(&conf, CONF_RECEIVE)); /* which knows the one alone */
}

/* What is wrong together is found in one go, beside what is wrong alone, and says where. */
static void rules_are_checked_beside_errors(void **state)
{
    (void)state;
    write_file("bookspool.conf",
        "BOOKSPOOL_DEADLINE=soon\nBOOKSPOOL_RETENTION=40d\nBOOKSPOOL_RETENTION_SENT=20d\n"
        "BOOKSPOOL_RETRY_MAX=30s\nCALENDLY_WEBHOOK_ENDPOINT_PREFIX=/api/calcom-webhook\n",
        0644);
    assert_error(CONF_TOOL, "bookspool.conf:1: BOOKSPOOL_DEADLINE: \"soon\" must be");
    assert_error(CONF_TOOL, "bookspool.conf:3: BOOKSPOOL_RETENTION_SENT: must not be below");
    assert_error(
        CONF_TOOL, "bookspool.conf:4: BOOKSPOOL_RETRY_MAX: must not be below BOOKSPOOL_RE");
    assert_error(CONF_TOOL, "bookspool.conf:5: CALENDLY_WEBHOOK_ENDPOINT_PREFIX: must not be the "
                            "same path as CALCOM_WEBHOOK_ENDPOINT: the provider");

    /* of a setting that is wrong alone nothing else is said */
    static const char *const alone[] = {
        "BOOKSPOOL_RETRY_MIN=never\nBOOKSPOOL_RETRY_MAX=30s\n",
        "BOOKSPOOL_RETENTION=40\nBOOKSPOOL_RETENTION_SENT=9d\n",
        "BOOKSPOOL_RETRY_MIN_FILE=/nowhere/at/all\nBOOKSPOOL_RETRY_MAX=30s\n",
    };
    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++) {
        write_file("bookspool.conf", alone[i], 0644);
        assert_false(conf_load(&conf, CONF_DRAIN));
        assert_ptr_equal(
            strchr(buf_text(&conf.errors), '\n') + 1, buf_text(&conf.errors) + conf.errors.len);
        conf_free(&conf);
    }
}

static void environment_errors(void **state)
{
    (void)state;
    setenv("BOOKSPOOL_SPOOLS", "/x", 1);
    assert_error(CONF_RECEIVE, "environment: BOOKSPOOL_SPOOLS: is not a setting");
    unsetenv("BOOKSPOOL_SPOOLS");
    setenv("SOMEBODY_ELSES", "x", 1);
    setenv("BOOKSPOOL_CONF", "/nonexistent/bookspool.conf", 1);
    assert_error(CONF_RECEIVE, "/nonexistent/bookspool.conf: cannot be read");
}

/* A setting appears when the feature behind it does. */
static void settings_without_a_feature_are_unknown(void **state)
{
    (void)state;
    write_file("bookspool.conf", "\nCALCOM_CACHE_TTL=300\n", 0644);
    assert_error(CONF_DRAIN, "bookspool.conf:2: CALCOM_CACHE_TTL: is not a setting");
    write_file("bookspool.conf", "", 0644);
    setenv("CALCOM_CACHE_TTL", "300", 1); /* another program's, maybe */
    assert_true(conf_load(&conf, CONF_DRAIN));
}

int main(void)
{
#define CONF_TEST(f) cmocka_unit_test_setup_teardown(f, up, down)
    const struct CMUnitTest tests[] = {
        CONF_TEST(defaults),
        CONF_TEST(receiver_defaults),
        CONF_TEST(files_then_environment),
        CONF_TEST(secrets_stay_with_their_program),
        CONF_TEST(key_file),
        CONF_TEST(reread),
        CONF_TEST(a_key_and_its_file_are_one_too_many),
        CONF_TEST(a_nul_does_not_end_a_file),
        CONF_TEST(an_empty_secret_is_none),
        cmocka_unit_test(senders_may_have_a_name),
        CONF_TEST(wrong_lines_are_explained),
        CONF_TEST(values_in_all_their_forms),
        CONF_TEST(secrets_are_never_echoed),
        CONF_TEST(a_setting_in_the_wrong_own_file),
        CONF_TEST(files_for_everybody_to_write_are_refused),
        CONF_TEST(links_are_followed_to_their_directories),
        CONF_TEST(a_state_directory_for_everybody_is_refused),
        CONF_TEST(mails_are_remembered_as_long_as_events),
        CONF_TEST(rules_are_checked_beside_errors),
        CONF_TEST(environment_errors),
        CONF_TEST(settings_without_a_feature_are_unknown),
    };
    if (!mkdtemp(folder))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return rmdir(folder) == 0 ? failed : 1;
}
