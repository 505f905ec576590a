#include "receive/responder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/log.h"
#include "receive/health.h"
#include "spool/owner.h"

static const char *const secret_names[PROVIDER_SECRETS] = {"primary", "secondary"};

bool responder_init(
    struct responder *r, const struct conf *conf, struct spool *spool, struct accept_batch *batch)
{
    *r = (struct responder){
        .spool = spool, .batch = batch, .max_body = (size_t)conf_number(conf, SET_MAX_BODY)};
    for (int i = 0; i < PROVIDERS; i++) {
        const struct provider_row *row = provider_table[i];
        r->endpoint[i] = conf_text(conf, row->endpoint);
        r->window[i] = conf_number(conf, row->window);
        if (!provider_secrets_open(
                &r->secrets[i], conf_text(conf, row->secret[0]), conf_text(conf, row->secret[1])))
            return false;
    }
    return true;
}

void responder_close(struct responder *r)
{
    for (int i = 0; i < PROVIDERS; i++)
        provider_secrets_close(&r->secrets[i]);
    buf_free(&r->file);
}

/* ---- before the body ---- */

static void set(struct judgment *v, enum reply_status status, const char *reason)
{
    v->reply.status = status;
    v->reply.reason = reason;
}

static void refuse_method(struct judgment *v, const char *allow)
{
    set(v, REPLY_METHOD, NULL);
    v->reply.allow = allow;
}

static bool admit_webhook(
    const struct responder *r, const struct request *request, struct judgment *v)
{
    if (!request_is(request, "POST"))
        refuse_method(v, "POST");
    else if (request->length_kind == LENGTH_ABSENT)
        set(v, REPLY_LENGTH_REQUIRED, NULL);
    else if (request->length_kind == LENGTH_NONSENSE)
        set(v, REPLY_MALFORMED, "length-not-a-number");
    else if (request->length > r->max_body)
        set(v, REPLY_TOO_LARGE, NULL);
    else
        return true;
    return false;
}

static void admit_probe(struct responder *r, const struct request *request, struct judgment *v)
{
    if (!v->reply.head && !request_is(request, "GET"))
        refuse_method(v, "GET, HEAD");
    else if (request->length > 0)
        set(v, REPLY_TOO_LARGE, NULL);
    else
        health_answer(r, v->route.provider, &v->reply);
}

bool responder_admit(struct responder *r, const struct request *request, struct judgment *judgment)
{
    *judgment = (struct judgment){.which = -1};
    judgment->reply.head = request_is(request, "HEAD");
    judgment->route = route_find(request->path, r->endpoint);
    if (judgment->route.kind == ROUTE_WEBHOOK)
        return admit_webhook(r, request, judgment);
    if (judgment->route.kind == ROUTE_NONE)
        set(judgment, REPLY_NOT_FOUND, NULL);
    else
        admit_probe(r, request, judgment);
    return false;
}

/* ---- with the body ---- */

static bool verify_signature(const struct responder *r, const struct request *request,
    const void *body, size_t len, struct judgment *v)
{
    enum provider provider = v->route.provider;
    enum signature_result s = provider_verify(
        provider, &r->secrets[provider], request->signature[provider], body, len, &v->which);
    if (s == SIGNATURE_RIGHT)
        return true;
    v->which = -1;
    if (s == SIGNATURE_NO_SECRET)
        set(v, REPLY_UNAVAILABLE, "no-secret");
    else
        set(v, REPLY_SIGNATURE, signature_reason(s));
    return false;
}

static bool make_record(struct responder *r, const struct request *request, const void *body,
    size_t len, const char *sha256, int64_t now_us, const struct judgment *v)
{
    struct record record = {.kind = RECORD_EVENT,
        .provider = v->route.provider,
        .received = now_us / US_PER_MS,
        .received_us = now_us,
        .body = body,
        .length = len};
    const char *signature = request->signature[v->route.provider];
    snprintf(record.sha256, sizeof record.sha256, "%s", sha256);
    snprintf(record.id, sizeof record.id, "%s", v->reply.id);
    snprintf(record.event, sizeof record.event, "%s", v->event);
    snprintf(record.secret_used, sizeof record.secret_used, "%s", secret_names[v->which]);
    snprintf(record.signature, sizeof record.signature, "%s", signature ? signature : "");
    snprintf(record.content_type, sizeof record.content_type, "%s", request->content_type);
    buf_reuse(&r->file);
    return record_encode(&record, &r->file) && !r->file.failed;
}

/* Checked once a turn. */
static const char *no_room(struct responder *r)
{
    if (!r->room_checked) {
        r->room_checked = true;
        r->no_room = health_no_room(r->batch);
        if (r->no_room)
            log_error(NULL, r->no_room, "%s: %s", r->spool->step, strerror(errno));
    }
    return r->no_room;
}

static void store_event(struct responder *r, bool in_window, struct judgment *v)
{
    if (no_room(r)) {
        set(v, REPLY_UNAVAILABLE, r->no_room);
        return;
    }
    enum accept_result result = in_window ? accept_put(r->batch, v->reply.id, &r->file)
                                          : accept_hold(r->batch, v->reply.id, &r->file);
    if (result == ACCEPT_FAILED) {
        log_error(v->reply.id, "spool-failed", "%s: %s%s", r->spool->step, strerror(errno),
            owner_hint(errno));
        set(v, REPLY_UNAVAILABLE, "spool-failed");
        return;
    }
    bool stored = result == ACCEPT_STORED;
    v->waits = true;
    r->waiting++;
    v->held = !in_window && stored;
    if (in_window)
        set(v, stored ? REPLY_ACCEPTED : REPLY_DUPLICATE, NULL);
    else
        set(v, REPLY_STALE, stored ? "held" : "known");
}

/* For a body whose signature is right. */
static void process_genuine(struct responder *r, const struct request *request, const void *body,
    size_t len, struct judgment *v)
{
    enum provider provider = v->route.provider;
    struct envelope envelope;
    int64_t now_us = clock_now_us(), now = now_us / US_PER_MS;
    if (!provider_envelope(provider, request->signature[provider], body, len, &envelope)) {
        set(v, REPLY_UNAVAILABLE, "no-memory");
        return;
    }
    snprintf(v->event, sizeof v->event, "%s", envelope.event);
    if (envelope.ping) {
        set(v, REPLY_PONG, NULL);
        return;
    }
    /* the one digest of the body: for its id, and for its file */
    char sha256[DIGEST_HEX + 1];
    if (!digest_hex(&(struct digest_part){body, len}, 1, sha256) ||
        !id_make(
            provider_name(provider), sha256, envelope.anonymous ? now : TIME_NONE, v->reply.id) ||
        !make_record(r, request, body, len, sha256, now_us, v)) {
        v->reply.id[0] = '\0';
        set(v, REPLY_UNAVAILABLE, "no-memory");
        return;
    }
    v->age = envelope.clock == CLOCK_NONE ? 0 : now - envelope.at;
    store_event(r, envelope_in_window(&envelope, now, r->window[provider]), v);
}

void responder_judge(struct responder *r, const struct request *request, const void *body,
    size_t len, struct judgment *judgment)
{
    judgment->bytes = len;
    if (len < request->length)
        set(judgment, REPLY_MALFORMED, "body-short");
    else if (len > request->length)
        set(judgment, REPLY_MALFORMED, "body-long");
    else if (verify_signature(r, request, body, len, judgment))
        process_genuine(r, request, body, len, judgment);
}

/* ---- the end of a turn ---- */

bool responder_commit(struct responder *r)
{
    bool nothing = r->waiting == 0;
    r->room_checked = false;
    r->waiting = 0;
    if (nothing)
        return true;
    if (accept_sync(r->batch)) {
        counter_add(COUNT_SYNCS, 1);
        return true;
    }
    log_error(NULL, "sync-failed", "%s: %s", r->spool->step, strerror(errno));
    return false;
}

void responder_finish(struct judgment *judgment, bool committed)
{
    if (judgment->waits && !committed) {
        set(judgment, REPLY_UNAVAILABLE, "sync-failed");
        judgment->held = false;
    }
    judgment->waits = false;
}
