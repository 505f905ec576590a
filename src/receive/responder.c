#include "receive/responder.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/counters.h"
#include "receive/health.h"

static const char *const secret_names[PROVIDER_SECRETS] = {"primary", "secondary"};

bool responder_init(struct responder *r, const struct conf *conf, struct spool *spool,
    struct accept_batch *batch, struct buf *why)
{
    const char *token = conf_text(conf, SET_HEALTH_TOKEN);
    *r = (struct responder){.spool = spool,
        .batch = batch,
        .max_body = (size_t)conf_number(conf, SET_MAX_BODY),
        .replicated = conf_number(conf, SET_COMMIT) == COMMIT_REPLICATED};
    for (int i = 0; i < PROVIDERS; i++) {
        const struct provider_row *row = provider_table[i];
        r->endpoint[i] = conf_text(conf, row->endpoint);
        r->window[i] = conf_number(conf, row->window);
        if (!provider_secrets_open(
                &r->secrets[i], conf_text(conf, row->secret[0]), conf_text(conf, row->secret[1])))
            return false;
    }
    return health_limits_read(conf, &r->limits, why) &&
           (!token || digest_hex(&(struct digest_part){token, strlen(token)}, 1, r->token));
}

void responder_close(struct responder *r)
{
    for (int i = 0; i < PROVIDERS; i++)
        provider_secrets_close(&r->secrets[i]);
    buf_free(&r->file);
    buf_free(&r->page);
}

/* ---- before the body ---- */

static void set(struct judgment *j, enum reply_status status, const char *reason)
{
    j->reply.status = status;
    j->reply.reason = reason;
}

bool responder_admit(struct responder *r, const struct request *request, struct judgment *j)
{
    *j = (struct judgment){.which = -1};
    const char *method = request->method;
    j->reply.head = strcmp(method, "HEAD") == 0;
    j->route = route_find(request->path, r->endpoint);
    bool webhook = j->route.kind == ROUTE_WEBHOOK;
    if (j->route.kind == ROUTE_NONE) {
        set(j, REPLY_NOT_FOUND, NULL);
    } else if (!(webhook ? strcmp(method, "POST") == 0
                         : j->reply.head || strcmp(method, "GET") == 0)) {
        set(j, REPLY_METHOD, NULL);
        j->reply.allow = webhook ? "POST" : "GET, HEAD";
    } else if (webhook && request->length_kind == LENGTH_ABSENT) {
        set(j, REPLY_LENGTH_REQUIRED, NULL);
    } else if (webhook && request->length_kind == LENGTH_NONSENSE) {
        set(j, REPLY_MALFORMED, "length-not-a-number");
    } else if (request->length > request_body_max(method, r->max_body)) {
        set(j, REPLY_TOO_LARGE, NULL);
    } else if (webhook) {
        return true;
    } else {
        health_admit(r, request, j);
    }
    return false;
}

/* ---- with the body ---- */

static bool make_record(struct responder *r, const struct request *request, const void *body,
    size_t len, const char *sha256, int64_t now_us, const struct judgment *j)
{
    struct record record = {.kind = RECORD_EVENT,
        .provider = j->route.provider,
        .received = now_us / US_PER_MS,
        .received_us = now_us,
        .body = body,
        .length = len};
    const char *signature = request->signature[j->route.provider];
    const char *version = request->version[j->route.provider];
    snprintf(record.sha256, sizeof record.sha256, "%s", sha256);
    snprintf(record.id, sizeof record.id, "%s", j->reply.id);
    snprintf(record.event, sizeof record.event, "%s", j->event);
    snprintf(record.secret_used, sizeof record.secret_used, "%s", secret_names[j->which]);
    snprintf(record.signature, sizeof record.signature, "%s", signature ? signature : "");
    snprintf(record.version, sizeof record.version, "%s", version ? version : "");
    snprintf(record.content_type, sizeof record.content_type, "%s", request->content_type);
    buf_reuse(&r->file);
    return record_encode(&record, &r->file) && !r->file.failed;
}

static void store_event(struct responder *r, bool in_window, struct judgment *j)
{
    if (!r->room_checked) { /* once a turn */
        r->room_checked = true;
        r->no_room = health_no_room(r->batch);
        if (r->no_room)
            responder_log_step(r, NULL, r->no_room);
    }
    if (r->no_room) {
        set(j, REPLY_UNAVAILABLE, r->no_room);
        return;
    }
    int64_t start = clock_microseconds();
    enum accept_result result = in_window ? accept_put(r->batch, j->reply.id, &r->file)
                                          : accept_hold(r->batch, j->reply.id, &r->file);
    counter_observe(COUNT_WRITE_TIME, clock_microseconds() - start);
    if (result == ACCEPT_FAILED) {
        responder_log_step(r, j->reply.id, "spool-failed");
        set(j, REPLY_UNAVAILABLE, "spool-failed");
        return;
    }
    bool stored = result == ACCEPT_STORED;
    j->waits = true;
    r->waiting++;
    j->held = !in_window && stored;
    if (in_window)
        set(j, stored ? REPLY_ACCEPTED : REPLY_DUPLICATE, NULL);
    else
        set(j, REPLY_STALE, stored ? "held" : "known");
}

/* A body whose signature is right. */
static void process_genuine(struct responder *r, const struct request *request, const void *body,
    size_t len, struct judgment *j)
{
    enum provider provider = j->route.provider;
    struct envelope envelope;
    int64_t now_us = clock_now_us(), now = now_us / US_PER_MS;
    if (!provider_envelope(provider, request->signature[provider], body, len, &envelope)) {
        set(j, REPLY_UNAVAILABLE, "no-memory");
        return;
    }
    snprintf(j->event, sizeof j->event, "%s", envelope.event);
    if (envelope.ping) {
        set(j, REPLY_PONG, NULL);
        return;
    }
    /* digested once: for the id and for the file */
    char sha256[DIGEST_HEX + 1];
    if (!digest_hex(&(struct digest_part){body, len}, 1, sha256) ||
        !id_make(
            provider_name(provider), sha256, envelope.anonymous ? now : TIME_NONE, j->reply.id) ||
        !make_record(r, request, body, len, sha256, now_us, j)) {
        j->reply.id[0] = '\0';
        set(j, REPLY_UNAVAILABLE, "no-memory");
        return;
    }
    j->dated = envelope.clock == CLOCK_SENT;
    j->age = envelope.clock == CLOCK_NONE ? 0 : now - envelope.at;
    store_event(r, envelope_in_window(&envelope, now, r->window[provider]), j);
}

void responder_judge(struct responder *r, const struct request *request, const void *body,
    size_t len, struct judgment *j)
{
    enum provider provider = j->route.provider;
    j->bytes = len;
    if (len < request->length) {
        set(j, REPLY_MALFORMED, "body-short");
        return;
    }
    if (len > request->length) {
        set(j, REPLY_MALFORMED, "body-long");
        return;
    }
    int64_t start = clock_microseconds();
    enum signature_result s = provider_verify(
        provider, &r->secrets[provider], request->signature[provider], body, len, &j->which);
    counter_observe(COUNT_VERIFY_TIME, clock_microseconds() - start);
    if (s == SIGNATURE_RIGHT) {
        process_genuine(r, request, body, len, j);
        return;
    }
    j->which = -1;
    if (s == SIGNATURE_NO_SECRET)
        set(j, REPLY_UNAVAILABLE, "no-secret");
    else
        set(j, REPLY_SIGNATURE, signature_reason(s));
}

/* ---- the end of a turn ---- */

bool responder_awaits_forward(const struct responder *r, const struct judgment *j)
{
    bool stored = j->reply.status == REPLY_ACCEPTED || j->reply.status == REPLY_DUPLICATE;
    return r->replicated && stored;
}

bool responder_forwarded(const struct responder *r, const struct judgment *j)
{
    return spool_exists(r->spool, DIR_DONE, j->reply.id);
}

void responder_not_forwarded(struct judgment *j)
{
    set(j, REPLY_UNAVAILABLE, "not-forwarded");
}

void responder_write(struct responder *r, struct judgment *j, struct buf *out)
{
    bool page = j->reply.status == REPLY_PASS || j->reply.status == REPLY_METRICS;
    if (page)
        health_answer(r, j);
    reply_write(&j->reply, page ? &r->page : NULL, out);
}

bool responder_commit(struct responder *r)
{
    bool nothing = r->waiting == 0;
    r->room_checked = false;
    r->waiting = 0;
    if (nothing)
        return true;
    int64_t start = clock_microseconds();
    bool synced = accept_sync(r->batch);
    counter_observe(COUNT_SYNC_TIME, clock_microseconds() - start);
    if (synced)
        return true;
    responder_log_step(r, NULL, "sync-failed");
    return false;
}

void responder_finish(struct judgment *j, bool committed)
{
    if (j->waits && !committed) {
        set(j, REPLY_UNAVAILABLE, "sync-failed");
        j->held = false;
    }
    j->waits = false;
}
