/*
 * request: what a request costs before it is stored, for callgrind to count.
 *
 *     request PART PROVIDER FILE
 *
 * Does PART with the body in FILE once to warm up, then TIMES times within `measured`. PART is
 * hash, or one of the steps of receive/responder.c (verify, envelope, id, encode), or request: all
 * of them; or count: all that is counted and timed of an accepted request.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/counters.h"
#include "base/digest.h"
#include "base/io.h"
#include "provider/provider.h"
#include "receive/count.h"
#include "spool/record.h"

#include <fcntl.h>

enum { TIMES = 20, BODY_MAX = 1024 * 1024 };
#define NOW INT64_C(1795255200000)

static const char secret[] = "thirty-two bytes of a signing key";

static struct {
    enum provider provider;
    struct provider_secrets ring;
    char signature[128];
    struct buf body, file;
    struct record record;
} on;

static bool verify(void)
{
    int which;
    return provider_verify(on.provider, &on.ring, on.signature, on.body.data, on.body.len,
               &which) == SIGNATURE_RIGHT;
}

static bool envelope(void)
{
    struct envelope found;
    return provider_envelope(on.provider, on.signature, on.body.data, on.body.len, &found) &&
           found.clock == CLOCK_SENT;
}

/* The price of one digest of the body is libcrypto's affair. */
static bool hash(void)
{
    return digest_hex(&(struct digest_part){on.body.data, on.body.len}, 1, on.record.sha256);
}

static bool id(void)
{
    return hash() && id_make(provider_name(on.provider), on.record.sha256, TIME_NONE, on.record.id);
}

static bool encode(void)
{
    buf_clear(&on.file);
    return record_encode(&on.record, &on.file);
}

static bool request(void)
{
    return verify() && envelope() && id() && encode();
}

/* The clock is read around three steps: verify, write, sync. */
static bool count(void)
{
    static const enum counter steps[] = {COUNT_VERIFY_TIME, COUNT_WRITE_TIME, COUNT_SYNC_TIME};
    const struct judgment judgment = {.reply.status = REPLY_ACCEPTED,
        .route = {ROUTE_WEBHOOK, on.provider},
        .bytes = on.body.len,
        .dated = true,
        .age = 250};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        int64_t start = clock_microseconds();
        counter_observe(steps[i], clock_microseconds() - start + 400);
    }
    count_answer(&judgment, clock_now());
    return counter_get(COUNT_REQUESTS_END) == 0;
}

static const struct part {
    const char *name;
    bool (*run)(void);
} parts[] = {{"hash", hash}, {"verify", verify}, {"envelope", envelope}, {"id", id},
    {"encode", encode}, {"request", request}, {"count", count}};

static const struct part *find(const char *name)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcmp(parts[i].name, name) == 0)
            return &parts[i];
    return NULL;
}

/* Not static, or it would have no name to count by. */
bool measured(const struct part *part);

__attribute__((noinline)) bool measured(const struct part *part)
{
    bool ok = true;
    for (int i = 0; i < TIMES; i++)
        ok = part->run() && ok;
    return ok;
}

static bool prepare(const char *file)
{
    if (!io_read_file(AT_FDCWD, file, &on.body, BODY_MAX, NULL) ||
        !provider_secrets_open(&on.ring, secret, NULL) ||
        !provider_sign(on.provider, on.ring.hmac[0], on.body.data, on.body.len, NOW, on.signature,
            sizeof on.signature))
        return false;
    on.record = (struct record){.kind = RECORD_EVENT,
        .provider = on.provider,
        .received = NOW,
        .body = on.body.data,
        .length = on.body.len,
        .event = "BOOKING_CREATED",
        .secret_used = "primary",
        .content_type = "application/json"};
    snprintf(on.record.signature, sizeof on.record.signature, "%s", on.signature);
    return id();
}

int main(int argc, char **argv)
{
    const struct part *part = argc == 4 ? find(argv[1]) : NULL;
    if (!part || !provider_parse(argv[2], &on.provider)) {
        fprintf(stderr,
            "usage: request hash|verify|envelope|id|encode|request|count calcom|calendly FILE\n");
        return 64;
    }
    bool ok = prepare(argv[3]) && part->run() && measured(part);
    printf("%d times %s of %zu bytes: %s\n", TIMES, part->name, on.body.len, ok ? "ok" : "FAILED");
    provider_secrets_close(&on.ring);
    buf_free(&on.body);
    buf_free(&on.file);
    return ok ? 0 : 1;
}
