/* bookspool check: what mail goes to whom, from whom and by what, and whether it can. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/hex.h"
#include "base/text.h"
#include "deliver/transport.h"
#include "ledger/ledger.h"
#include "ledger/server.h"
#include "mail/compose.h"
#include "mail/message.h"
#include "mail/recipients.h"
#include "mail/schedule.h"
#include "tool/check.h"

/* ---- settings of mail ---- */

/* The setting that a fault is about: "NAME: ..." after the place of it, if there is one. */
static enum setting setting_of_fault(const char *line, int len)
{
    enum setting which = 0;
    for (; which < SETTINGS; which++) {
        char name[80];
        int name_len = snprintf(name, sizeof name, "%s: ", settings[which].name);
        const char *found = memmem(line, (size_t)len, name, (size_t)name_len);
        if (found && (found == line || found[-1] == ' '))
            break;
    }
    return which;
}

/*
 * What is wrong with a value is reported already, and what is not set may be in a file that this
 * user may not read: neither is a fault of its own.
 */
static void add_transport_faults(struct report *report, struct buf *why)
{
    const struct conf *conf = &report->tool->conf;
    struct buf left = {0};
    int len;
    for (const char *line, *at = buf_text(why); (line = text_line(&at, &len));) {
        enum setting which = setting_of_fault(line, len);
        bool known = which == SETTINGS || report_knows(report, which);
        bool unseen = which < SETTINGS && report->drain_env_unread && !conf->value[which].place;
        if (known && !unseen)
            buf_printf(&left, "%.*s\n", len, line);
    }
    buf_free(why);
    add_faults(report, LEVEL_FAIL, &left);
}

/* The password or key that drain.env must be assumed to hold, so that the rest can be judged. */
static void assume_secret(struct conf *conf, enum setting which)
{
    if (!conf->value[which].text)
        conf->value[which].text = strdup("assumed");
}

static bool check_transport(struct report *report)
{
    struct conf *conf = &report->tool->conf;
    struct buf why = {0};
    if (report->drain_env_unread) {
        assume_secret(conf, SET_SENDGRID_API_KEY);
        if (conf_text(conf, SET_SMTP_USER) && !conf_text(conf, SET_SMTP_TOKEN))
            assume_secret(conf, SET_SMTP_PASSWORD);
    }
    bool usable = report_knows(report, SET_TRANSPORT) && report_knows(report, SET_STATE) &&
                  transport_check(conf, &why) == TRANSPORT_USABLE;
    add_transport_faults(report, &why);
    const char *transport = conf_text(conf, SET_TRANSPORT);
    const char *smtps = strstr(transport, "smtps://"), *smtp = strstr(transport, "smtp://");
    if (usable && smtps && strstr(smtps, ":587")) {
        add_finding(report, LEVEL_WARN, "smtps:// on port 587, which usually begins without TLS");
        add_remedy(report, "smtp://HOST:587 (STARTTLS), or smtps://HOST:465");
    }
    if (usable && smtp && strstr(smtp, ":465")) {
        add_finding(report, LEVEL_WARN, "smtp:// on port 465, which usually begins with TLS");
        add_remedy(report, "smtps://HOST:465, or smtp://HOST:587 (STARTTLS)");
    }
    return usable;
}

static bool leaves_machine(const char *transport)
{
    char *copy = strdup(transport), *rest = copy;
    bool leaves = false;
    if (!copy)
        tool_no_memory();
    for (const char *item; (item = conf_next_item(&rest));)
        leaves = leaves || strncmp(item, "maildir:", 8) != 0;
    free(copy);
    return leaves;
}

/* RFC 2606: domains that belong to nobody, as in examples/bookspool.conf. */
static bool has_sample_domain(const char *text)
{
    static const char *const domains[] = {"@example.org", "@example.com", "@example.net"};
    for (size_t i = 0; text && i < sizeof domains / sizeof *domains; i++)
        if (strcasestr(text, domains[i]))
            return true;
    return false;
}

static void check_samples(struct report *report)
{
    static const enum setting which[] = {
        SET_MAIL_TO, SET_MAIL_FROM, SET_REPLY_TO, SET_NOTIFY, SET_SMTP_USER};
    const struct conf *conf = &report->tool->conf;
    bool leaves = leaves_machine(conf_text(conf, SET_TRANSPORT));
    for (size_t i = 0; i < sizeof which / sizeof *which; i++) {
        struct buf fault = {0};
        if (!has_sample_domain(conf_text(conf, which[i])))
            continue;
        conf_fault(conf, which[i], &fault, "is still an address of the examples: %s",
            conf_text(conf, which[i]));
        add_faults(report, leaves ? LEVEL_FAIL : LEVEL_WARN, &fault);
        add_remedy(report, "set it to an address of your own");
    }
}

/* One line that says it all. */
static void describe(struct report *report)
{
    const struct conf *conf = &report->tool->conf;
    const char *to = conf_text(conf, SET_MAIL_TO), *from = conf_text(conf, SET_MAIL_FROM),
               *user = conf_text(conf, SET_SMTP_USER), *rules = conf_text(conf, SET_NOTIFY);
    bool attendee = conf_number(conf, SET_MAIL_ATTENDEE) != 0;
    add_finding(report, LEVEL_PASS, "mail goes to %s, from %s, by %s%s%s", to ? to : LOCAL_ADDRESS,
        from ? from : LOCAL_ADDRESS, conf_text(conf, SET_TRANSPORT), user ? ", logged in as " : "",
        user ? user : "");
    if (rules)
        add_finding(report, LEVEL_PASS, "but by BOOKSPOOL_NOTIFY: %s", rules);
    if (attendee)
        add_finding(report, LEVEL_PASS, "and customers get a mail of their own");
}

static void check_words(struct report *report)
{
    const struct conf *conf = &report->tool->conf;
    struct buf why = {0};
    struct composer composer;
    struct recipients *recipients = recipients_open(conf, LOCAL_ADDRESS, &why);
    recipients_close(recipients);
    add_faults(report, LEVEL_FAIL, &why);
    struct schedule schedule;
    if (schedule_open(&schedule, conf, LOCAL_ADDRESS, &why) && schedule.on)
        add_finding(report, LEVEL_PASS, "the agenda is mailed at %02d:%02d", schedule.minutes / 60,
            schedule.minutes % 60);
    schedule_free(&schedule);
    add_faults(report, LEVEL_FAIL, &why);
    const char *templates = conf_text(conf, SET_TEMPLATES);
    why = (struct buf){0};
    if (composer_open(&composer, conf, &why) && templates)
        add_finding(report, LEVEL_PASS, "templates of %s", templates);
    composer_close(&composer);
    /* the composer names its files, or the language; either is the value of a setting */
    int len;
    for (const char *line, *at = buf_text(&why); (line = text_line(&at, &len));) {
        struct buf fault = {0};
        bool of_files = templates && memmem(line, (size_t)len, templates, strlen(templates));
        conf_fault(conf, of_files ? SET_TEMPLATES : SET_LANGUAGE, &fault, "%.*s", len, line);
        add_faults(report, LEVEL_FAIL, &fault);
    }
    buf_free(&why);
}

static void add_ledger_finding(
    void *context, enum ledger_level level, const char *text, const char *remedy)
{
    static const enum level levels[] = {
        [LEDGER_GOOD] = LEVEL_PASS, [LEDGER_DOUBTFUL] = LEVEL_WARN, [LEDGER_WRONG] = LEVEL_FAIL};
    struct report *report = context;
    struct buf fault = {0};
    if (level == LEDGER_GOOD)
        add_finding(report, LEVEL_PASS, "ledger %s", text);
    else if (strncmp(text, "BOOKSPOOL_LEDGER: ", 18) == 0) {
        buf_puts(&fault, text);
        add_faults(report, levels[level], &fault);
    } else {
        conf_fault(&report->tool->conf, SET_LEDGER, &fault, "%s", text);
        add_faults(report, levels[level], &fault);
    }
    if (remedy)
        add_remedy(report, "%s", remedy);
}

/* A password in a file that others can read: a setting is no secret, but this part of it is. */
static void check_password(struct report *report, const char *value)
{
    const char *place = report->tool->conf.value[SET_LEDGER].place;
    const char *end = place ? strrchr(place, '/') : NULL;
    char path[PATH_MAX];
    struct stat st;
    end = end ? strchr(end, ':') : NULL;
    if (!end || !ledger_has_password(value))
        return;
    snprintf(path, sizeof path, "%.*s", (int)(end - place), place);
    if (stat(path, &st) == 0 && st.st_mode & 007)
        add_ledger_finding(report, LEDGER_DOUBTFUL,
            "has a password, in a file that is open to others",
            "move the line to drain.env, or put the password into a file that passfile= names");
}

static void check_ledger(struct report *report)
{
    const struct conf *conf = &report->tool->conf;
    struct buf why = {0}, fault = {0};
    const char *where = conf_text(conf, SET_LEDGER);
    if (!where || !report_knows(report, SET_LEDGER) || !report_knows(report, SET_STATE))
        return;
    if (ledger_is_on_server(where)) {
        check_password(report, where);
        ledger_examine(where, add_ledger_finding, report);
        return;
    }
    struct ledger *ledger = ledger_open_readonly(where, &why);
    if (ledger)
        add_finding(report, LEVEL_PASS, "ledger %s", where);
    ledger_close(ledger);
    if (strncmp(buf_text(&why), "BOOKSPOOL_LEDGER: ", 18) == 0)
        add_faults(report, LEVEL_FAIL, &why);
    else if (*buf_text(&why)) {
        conf_fault(conf, SET_LEDGER, &fault, "%s", buf_text(&why));
        add_faults(report, LEVEL_FAIL, &fault);
        add_remedy(report, "bookspool rebuild makes it anew from the spool");
    }
    buf_free(&why);
}

/* ---- a connection, and a test mail ---- */

struct attempt {
    bool send;    /* the message as well */
    bool reached; /* the point before its last byte */
};

static bool before_end(void *context)
{
    struct attempt *attempt = context;
    attempt->reached = true;
    return attempt->send;
}

static void make_message(struct report *report, const char *to, char name[80], struct buf *out)
{
    const struct conf *conf = &report->tool->conf;
    unsigned char dice[16] = {0};
    char id[2 * sizeof dice + 1];
    const char *from = conf_text(conf, SET_MAIL_FROM);
    if (getrandom(dice, sizeof dice, 0) != (ssize_t)sizeof dice)
        dice[0] = (unsigned char)report->tool->now;
    hex_encode(dice, sizeof dice, id);
    snprintf(name, 80, "%s-000000000000", id);
    message_setup();
    const struct message message = {.name = name,
        .id = id,
        .from = from ? from : LOCAL_ADDRESS,
        .to = to,
        .date = report->tool->now,
        .subject = "bookspool: a test mail",
        .text = "This is a test mail of bookspool, sent by \"bookspool check --mail\".\r\n"
                "Mails about bookings come from this address, in the same way.\r\n"};
    if (!message_compose(&message, out))
        tool_no_memory();
}

static void add_result(struct report *report, const char *target, const char *to,
    const struct attempt *attempt, const struct delivery_result *result)
{
    bool sent = attempt->send && result->outcome == OUTCOME_SENT;
    if (sent) {
        add_finding(report, LEVEL_PASS, "%s: a test mail to %s was accepted: %s", target, to,
            result->detail);
        return;
    }
    if (!attempt->send && attempt->reached) {
        bool sendgrid = strncmp(target, "sendgrid:", 9) == 0;
        add_finding(report, LEVEL_PASS, "%s: %s", target,
            sendgrid ? "reached; whether it takes the key, only --mail ADDRESS can say"
                     : "ready for a mail: it takes sender and recipient");
        return;
    }
    bool later = result->outcome == OUTCOME_RETRY && !result->unreachable;
    add_finding(report, later ? LEVEL_WARN : LEVEL_FAIL, "%s: %s (%s)%s%s", target,
        outcome_name(result->outcome), result->reason, *result->detail ? ": " : "", result->detail);
    add_remedy(report, "%s",
        *result->words ? result->words
        : later        ? "refused for now: try again in a few minutes"
                       : "bookspool-drain(8), DIAGNOSTICS, says what the reason means");
}

/* Each transport by itself, so that a first one that works does not hide the second. */
static void try_transport(struct report *report, const char *target, const char *to)
{
    struct conf *conf = &report->tool->conf;
    char name[80], *before = conf->value[SET_TRANSPORT].text, *one = strdup(target);
    const char *from = conf_text(conf, SET_MAIL_FROM);
    struct buf message = {0}, why = {0};
    struct attempt attempt = {.send = report->mail_to != NULL};
    struct delivery_result result = {0};
    if (!one)
        tool_no_memory();
    make_message(report, to, name, &message);
    conf->value[SET_TRANSPORT].text = one;
    struct transport *transport = transport_open(conf, &why);
    if (transport) {
        transport_send(transport,
            &(struct delivery){.name = name,
                .from = from ? from : LOCAL_ADDRESS,
                .to = to,
                .data = message.data,
                .len = message.len,
                .before_end = before_end,
                .context = &attempt},
            &result);
        add_result(report, target, to, &attempt, &result);
    }
    transport_close(transport);
    conf->value[SET_TRANSPORT].text = before;
    add_faults(report, LEVEL_FAIL, &why);
    buf_free(&message);
    free(one);
}

static void try_mail(struct report *report)
{
    const struct conf *conf = &report->tool->conf;
    const char *list = conf_text(conf, SET_MAIL_TO);
    char *targets = strdup(conf_text(conf, SET_TRANSPORT)), *rest = targets;
    char *owners = strdup(list ? list : LOCAL_ADDRESS), *rest_of_owners = owners;
    if (!targets || !owners)
        tool_no_memory();
    const char *to = report->mail_to ? report->mail_to : conf_next_item(&rest_of_owners);
    for (const char *item; (item = conf_next_item(&rest));)
        try_transport(report, item, to);
    free(targets);
    free(owners);
}

void check_mail(struct report *report)
{
    const struct conf *conf = &report->tool->conf;
    report->area = "mail";
    if (conf->incomplete) /* reported: a default in place of a setting misleads */
        return;
    bool usable = check_transport(report);
    if (usable)
        describe(report);
    check_samples(report);
    check_words(report);
    check_ledger(report);
    if (!report->mail)
        return;
    if (report->drain_env_unread || !usable) {
        add_finding(report, LEVEL_FAIL, "no mail server was tried: %s",
            usable ? "drain.env cannot be read" : "the settings are wrong");
        add_remedy(report, usable ? "run this as root" : "correct them first");
    } else
        try_mail(report);
}
