#include "deliver/transport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "deliver/maildir.h"
#include "deliver/outcome.h"
#include "deliver/sendgrid.h"
#include "deliver/sendmail.h"
#include "deliver/smtp.h"

const struct transport_kind transport_kinds[] = {
    {.scheme = "maildir:",
        .form = TARGET_PATH,
        .example = "maildir:/absolute/path",
        .local = true,
        .open = maildir_open,
        .check = maildir_check,
        .send = maildir_send,
        .close = maildir_close},
    {.scheme = "smtp://",
        .form = TARGET_SERVER,
        .example = "smtp://HOST[:PORT]",
        .url_scheme = "smtp://",
        .port = 25,
        .open = smtp_open,
        .send = smtp_send,
        .close = smtp_close},
    {.scheme = "smtps://",
        .form = TARGET_SERVER,
        .example = "smtps://HOST[:PORT]",
        .url_scheme = "smtps://",
        .port = 465,
        .open = smtp_open,
        .send = smtp_send,
        .close = smtp_close},
    {.scheme = "smtp+plain://",
        .form = TARGET_SERVER,
        .example = "smtp+plain://HOST[:PORT]",
        .url_scheme = "smtp://",
        .port = 25,
        .no_tls = true,
        .open = smtp_open,
        .send = smtp_send,
        .close = smtp_close},
    {.scheme = "sendgrid:",
        .form = TARGET_NOTHING,
        .example = "sendgrid:",
        .open = sendgrid_open,
        .send = sendgrid_send,
        .close = sendgrid_close},
    {.scheme = "sendmail:",
        .form = TARGET_PATH,
        .example = "sendmail:/absolute/path",
        .open = sendmail_open,
        .check = sendmail_check,
        .send = sendmail_send,
        .close = sendmail_close},
};
const size_t transport_kind_count = sizeof transport_kinds / sizeof transport_kinds[0];

enum { FIRST, SECOND };

struct transport {
    struct target_list targets;
    void *state[TARGETS_MAX];
    int used;
};

const char *outcome_name(enum outcome outcome)
{
    static const char *const names[] = {
        [OUTCOME_SENT] = "sent",
        [OUTCOME_RETRY] = "retry",
        [OUTCOME_NEVER] = "never",
        [OUTCOME_UNKNOWN] = "unknown",
        [OUTCOME_BLOCKED] = "blocked",
    };
    return names[outcome];
}

void delivery_add_local(const struct delivery *delivery, struct buf *out)
{
    const char *data = delivery->data, *end = data + delivery->len;
    while (data < end) {
        const char *cr = memchr(data, '\r', (size_t)(end - data));
        const char *stop = cr ? cr : end;
        buf_add(out, data, (size_t)(stop - data));
        data = cr ? cr + 1 : end;
    }
}

/* ---- settings ---- */

/* Two transports may report the same fault of a setting that they share. */
static void add_new_lines(struct buf *why, const char *lines)
{
    while (*lines) {
        size_t len = strcspn(lines, "\n");
        len += lines[len] == '\n';
        if (!why->len || !memmem(why->data, why->len, lines, len))
            buf_add(why, lines, len);
        lines += len;
    }
}

struct transport *transport_open(const struct conf *conf, struct buf *why)
{
    struct transport *transport = calloc(1, sizeof *transport);
    if (!transport) {
        conf_fault(conf, SET_TRANSPORT, why, "out of memory");
        return NULL;
    }
    struct target_list *targets = &transport->targets;
    size_t before = why->len;
    bool ok = target_list_read(conf, targets, why), leaves = false;
    for (size_t i = 0; ok && i < targets->count; i++)
        leaves = leaves || !targets->item[i].kind->local;
    /* mail that leaves this machine needs addresses of the user's own */
    if (leaves && !conf_text(conf, SET_MAIL_TO))
        conf_fault(conf, SET_MAIL_TO, why, "is required: the address that mails go to");
    if (leaves && !conf_text(conf, SET_MAIL_FROM))
        conf_fault(conf, SET_MAIL_FROM, why,
            "is required: the address that mails come from, one that your mail server lets you "
            "use");
    bool usable = ok && why->len == before && !why->failed;
    for (size_t i = 0; ok && i < targets->count; i++) {
        const struct target *target = &targets->item[i];
        struct buf faults = {0};
        transport->state[i] = target->kind->open(conf, target, &faults);
        usable = usable && transport->state[i];
        if (faults.len || faults.failed)
            add_new_lines(why, buf_text(&faults));
        buf_free(&faults);
    }
    if (usable)
        return transport;
    transport_close(transport);
    return NULL;
}

void transport_close(struct transport *transport)
{
    if (!transport)
        return;
    for (size_t i = 0; i < transport->targets.count; i++)
        if (transport->state[i])
            transport->targets.item[i].kind->close(transport->state[i]);
    target_list_free(&transport->targets);
    free(transport);
}

enum transport_state transport_check(const struct conf *conf, struct buf *why)
{
    const char *ca = conf_text(conf, SET_TLS_CA);
    size_t before = why->len;
    struct transport *transport = transport_open(conf, why);
    if (!transport)
        return TRANSPORT_WRONG;
    for (size_t i = 0; i < transport->targets.count; i++) {
        const struct target *target = &transport->targets.item[i];
        if (target->kind->check)
            target->kind->check(conf, target, why);
    }
    if (ca && euidaccess(ca, R_OK) < 0)
        conf_fault(conf, SET_TLS_CA, why, "%s: %s", ca, strerrordesc_np(errno));
    transport_close(transport);
    return why->len == before ? TRANSPORT_USABLE : TRANSPORT_BLOCKED;
}

/* ---- sending ---- */

void transport_send(
    struct transport *transport, const struct delivery *delivery, struct delivery_result *result)
{
    const struct target *target = transport->targets.item;
    if (transport->used == FIRST) {
        target[FIRST].kind->send(transport->state[FIRST], delivery, result);
        bool out_of_order =
            result->outcome == OUTCOME_BLOCKED ||
            (result->outcome == OUTCOME_RETRY && (result->unreachable || result->exhausted));
        if (transport->targets.count <= SECOND || !out_of_order)
            return;
        transport->used = SECOND;
        log_warn(NULL, "second-transport", "%s%s%s; the rest of this run goes to %s...",
            result->reason, *result->words ? ": " : "", result->words, target[SECOND].kind->scheme);
    }
    if (delivery->repeat) {
        *result = (struct delivery_result){0};
        outcome_set(result, OUTCOME_RETRY, "second-not-used");
        outcome_say(result, "it may have arrived by the first transport");
    } else {
        target[SECOND].kind->send(transport->state[SECOND], delivery, result);
    }
}

bool transport_has_second(const struct conf *conf)
{
    struct target_list list;
    struct buf why = {0};
    bool second = target_list_read(conf, &list, &why) && list.count > 1;
    target_list_free(&list);
    buf_free(&why);
    return second;
}
