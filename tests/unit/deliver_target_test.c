/* The grammar of BOOKSPOOL_TRANSPORT, and what the transports need besides it. */
#include "scratch.h"

#include "deliver/target.h"

static struct conf conf;

static int up(void **state)
{
    return scratch_up(state);
}

static int down(void **state)
{
    conf_free(&conf);
    return scratch_down(state);
}

/* Settings with BOOKSPOOL_TRANSPORT in the third line, after those of the scratch spool. */
static void load(struct scratch *s, const char *transport, const char *more)
{
    char text[700];
    snprintf(text, sizeof text, "BOOKSPOOL_TRANSPORT=%s\n%s\n", transport, more);
    conf_free(&conf);
    scratch_settings(s, text);
    if (!conf_load(&conf, CONF_DRAIN))
        fail_msg("%s: %s", transport, buf_text(&conf.errors));
}

static const char addresses[] =
    "BOOKSPOOL_MAIL_TO=owner@example.org\nBOOKSPOOL_MAIL_FROM=bookspool@example.org";

static void each_form_is_read(void **state)
{
    static const struct {
        const char *value, *scheme, *path, *host;
        unsigned port;
        const char *url;
    } rows[] = {
        {"maildir:/var/mail/x", "maildir:", "/var/mail/x", NULL, 0, NULL},
        {"maildir:/a@b", "maildir:", "/a@b", NULL, 0, NULL},
        {"sendmail:/usr/sbin/sendmail", "sendmail:", "/usr/sbin/sendmail", NULL, 0, NULL},
        {"sendgrid:", "sendgrid:", NULL, NULL, 0, NULL},
        {"smtp://mail.example.org", "smtp://", NULL, "mail.example.org", 25,
            "smtp://mail.example.org/"},
        {"smtp://mail.example.org/", "smtp://", NULL, "mail.example.org", 25,
            "smtp://mail.example.org/"},
        {"smtp://mail.example.org:587", "smtp://", NULL, "mail.example.org", 587,
            "smtp://mail.example.org:587/"},
        {"smtps://mail.example.org", "smtps://", NULL, "mail.example.org", 465,
            "smtps://mail.example.org/"},
        {"smtps://[2001:db8::1]:465", "smtps://", NULL, "[2001:db8::1]", 465,
            "smtps://[2001:db8::1]:465/"},
        {"smtp+plain://127.0.0.1:2525", "smtp+plain://", NULL, "127.0.0.1", 2525,
            "smtp://127.0.0.1:2525/"},
        {"smtp+plain://127.255.0.9", "smtp+plain://", NULL, "127.255.0.9", 25,
            "smtp://127.255.0.9/"},
        {"smtp+plain://127.1", "smtp+plain://", NULL, "127.0.0.1", 25, "smtp://127.0.0.1/"},
        {"smtp+plain://[::1]:25", "smtp+plain://", NULL, "[::1]", 25, "smtp://[::1]:25/"},
        {"smtp+plain://localhost", "smtp+plain://", NULL, "localhost", 25, "smtp://localhost/"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct target_list list;
        struct buf why = {0};
        load(*state, rows[i].value, "");
        print_message("# %s\n", rows[i].value);
        if (!target_list_read(&conf, &list, &why))
            fail_msg("%s", buf_text(&why));
        assert_int_equal(list.count, 1);
        const struct target *target = &list.item[0];
        assert_string_equal(target->kind->scheme, rows[i].scheme);
        assert_int_equal(target->port, rows[i].port);
        assert_int_equal(target->path != NULL, rows[i].path != NULL);
        assert_int_equal(target->host != NULL, rows[i].host != NULL);
        if (rows[i].path)
            assert_string_equal(target->path, rows[i].path);
        if (rows[i].host) {
            assert_string_equal(target->host, rows[i].host);
            assert_string_equal(target->url, rows[i].url);
        }
        target_list_free(&list);
        buf_free(&why);
    }
}

static void two_are_read_in_order(void **state)
{
    struct target_list list;
    struct buf why = {0};
    load(*state, "smtp://mail.example.org:587 ,\tmaildir:$STATE/Second", "");
    assert_true(target_list_read(&conf, &list, &why));
    assert_int_equal(list.count, 2);
    assert_int_equal(list.item[0].port, 587);
    assert_non_null(strstr(list.item[1].path, "/Second"));
    assert_int_equal(list.item[1].path[0], '/');
    target_list_free(&list);
    load(*state, "maildir:$STATE/First, maildir:$STATE/Second", "");
    assert_true(target_list_read(&conf, &list, &why));
    assert_int_equal(list.item[0].path[0], '/');
    assert_int_equal(list.item[1].path[0], '/');
    target_list_free(&list);
    buf_free(&why);
}

/* What is wrong is said with the place of the setting, and with what would be right. */
static void faults_are_explained(void **state)
{
    static const struct {
        const char *value, *more, *words;
    } rows[] = {
        {"mail.example.org", "",
            "\"mail.example.org\" must be one of maildir:/absolute/path, smtp:"},
        {"http://example.org", "", "must be one of maildir:/absolute/path"},
        {"Maildir:/x", "", "must be one of"},
        {"maildir:rel", "", "must be maildir:/absolute/path"},
        {"maildir:", "", "must be maildir:/absolute/path"},
        {"sendmail:sendmail", "", "must be sendmail:/absolute/path"},
        {"sendgrid:x", "", "must be sendgrid:"},
        {"maildir:/a,", "", "\"\" must be one of"},
        {"maildir:/a, maildir:/b, maildir:/c", "", "at most two separated by a comma"},
        {"smtp://", "", "must be smtp://HOST[:PORT]: there is no host"},
        {"smtp://:25", "", "must be smtp://HOST[:PORT]: there is no host"},
        {"smtp://two words", "", "must be smtp://HOST[:PORT]: there is no host"},
        {"smtp://host:port", "", "its port must be a number from 1 to 65535"},
        {"smtp://host:99999", "", "its port must be a number from 1 to 65535"},
        {"smtp://host:0", "", "its port must be a number from 1 to 65535"},
        {"smtp://host:-1", "", "its port must be a number from 1 to 65535"},
        {"smtps://example.org/path", "", "nothing may follow the host and its port"},
        {"smtp://example.org?query", "", "nothing may follow the host and its port"},
        {"smtp://example.org#x", "", "nothing may follow the host and its port"},
        {"smtp+plain://128.0.0.1", "", "it has no TLS and is for 127.0.0.1"},
        {"smtp+plain://[::2]", "", "it has no TLS and is for 127.0.0.1"},
        {"smtp+plain://localhost.example.org", "", "it has no TLS and is for 127.0.0.1"},
        {"smtp+plain://127.0.0.1.example.org", "", "it has no TLS and is for 127.0.0.1"},
        {"smtp://robot:hush@example.org", "", "HOST:PORT after the scheme, without a login"},
        {"smtp+plain://127.0.0.1@example.org", "", "without a login"},
        {"robot:hush@example.org", "", "without a login"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct target_list list;
        struct buf why = {0};
        load(*state, rows[i].value, rows[i].more);
        print_message("# %s\n", rows[i].value);
        assert_false(target_list_read(&conf, &list, &why));
        if (!strstr(buf_text(&why), rows[i].words) ||
            !strstr(buf_text(&why), "/bookspool.conf:3: BOOKSPOOL_TRANSPORT: "))
            fail_msg("got: %s", buf_text(&why));
        assert_null(strstr(buf_text(&why), "hush"));
        assert_ptr_equal(strchr(buf_text(&why), '\n'), buf_text(&why) + why.len - 1);
        target_list_free(&list);
        assert_int_equal(transport_check(&conf, &why), TRANSPORT_WRONG);
        buf_free(&why);
    }
}

/* What the transports need besides the setting itself. */
static void needs_are_explained(void **state)
{
    static const struct {
        const char *value, *more, *words;
    } rows[] = {
        {"smtp://example.org", "", "BOOKSPOOL_MAIL_TO: is required"},
        {"maildir:/a, smtps://b", "BOOKSPOOL_MAIL_TO=a@b.org", "BOOKSPOOL_MAIL_FROM: is required"},
        {"sendmail:/bin/true", "", "BOOKSPOOL_MAIL_FROM: is required"},
        {"sendgrid:", addresses, "SENDGRID_API_KEY: is required with sendgrid:"},
        {"maildir:/a,sendgrid:", addresses, "SENDGRID_API_KEY: is required with sendgrid:"},
        {"smtp://example.org", "BOOKSPOOL_SMTP_USER=robot",
            "conf:4: BOOKSPOOL_SMTP_USER: needs BOOKSPOOL_SMTP_PASSWORD or"},
        {"smtp://example.org", "BOOKSPOOL_EHLO=two words", "BOOKSPOOL_EHLO: must be a host name"},
        {"smtp+plain://localhost", "BOOKSPOOL_SMTP_USER=robot", "smtp+plain:// takes no login"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf why = {0};
        load(*state, rows[i].value, rows[i].more);
        print_message("# %s with %s\n", rows[i].value, rows[i].more);
        assert_int_equal(transport_check(&conf, &why), TRANSPORT_WRONG);
        if (!strstr(buf_text(&why), rows[i].words))
            fail_msg("got: %s", buf_text(&why));
        assert_null(transport_open(&conf, &why));
        buf_free(&why);
    }
}

/* Files and directories that cannot be used now: nothing is wrong with the settings. */
static void places_are_looked_at(void **state)
{
    struct scratch *s = *state;
    static const struct {
        const char *value, *more, *words; /* NULL: usable */
    } rows[] = {
        {"maildir:$STATE/fresh", "", NULL},
        {"maildir:$STATE/box", "", NULL},
        {"maildir:/nowhere/at/all", "", "Maildir /nowhere/at/all cannot be used: /nowhere/at: No "},
        {"maildir:$STATE/bookspool.conf", "", "bookspool.conf: Not a directory"},
        {"maildir:$STATE/half", "", "half/cur: Not a directory"},
        {"sendmail:/bin/true", addresses, NULL},
        {"sendmail:/nowhere/sendmail", addresses,
            "sendmail /nowhere/sendmail cannot be started: No "},
        {"sendmail:/etc/passwd", addresses, "cannot be started: Permission denied"},
        {"sendmail:/etc", addresses, "cannot be started: is no program"},
        {"maildir:$STATE/fresh,sendmail:/etc", addresses, "is no program"},
        {"smtp://example.org", addresses, NULL},
        {"smtp://example.org", "BOOKSPOOL_TLS_CA=/nowhere/ca.pem",
            "BOOKSPOOL_TLS_CA: /nowhere/ca.pem: No such file"},
    };
    char path[128];
    for (const char *const *name = (const char *const[]){"box", "box/tmp", "half", NULL}; *name;
         name++) {
        snprintf(path, sizeof path, "%s/%s", s->path, *name);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    scratch_write(s, "half/cur", "", 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf why = {0};
        char more[400];
        snprintf(more, sizeof more, "%s%s%s", rows[i].more, rows[i].more == addresses ? "" : "\n",
            rows[i].more == addresses ? "" : addresses);
        load(s, rows[i].value, more);
        print_message("# %s\n", rows[i].value);
        assert_int_equal(
            transport_check(&conf, &why), rows[i].words ? TRANSPORT_BLOCKED : TRANSPORT_USABLE);
        if (rows[i].words && !strstr(buf_text(&why), rows[i].words))
            fail_msg("got: %s", buf_text(&why));
        assert_int_equal(why.len > 0, rows[i].words != NULL);
        buf_free(&why);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_form_is_read),
        TEST(two_are_read_in_order),
        TEST(faults_are_explained),
        TEST(needs_are_explained),
        TEST(places_are_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
