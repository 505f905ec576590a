/*
 * record: a file of the spool, as it is, and once more with the right Length and Sha256 at the end
 * of its header.
 *
 * What is read as intact is written again as an intact file that says the same.
 */
#include "fuzz.h"

#include "event/event.h"
#include "spool/record.h"

static bool same(const struct record *a, const struct record *b)
{
    return a->kind == b->kind && strcmp(a->id, b->id) == 0 && a->received == b->received &&
           a->received_us == b->received_us && a->length == b->length &&
           memcmp(a->body, b->body, a->length) == 0 && strcmp(a->sha256, b->sha256) == 0 &&
           (a->kind == RECORD_MAIL
                   ? strcmp(a->from, b->from) == 0 && strcmp(a->to, b->to) == 0 &&
                         a->queued == b->queued
                   : a->provider == b->provider && strcmp(a->event, b->event) == 0 &&
                         strcmp(a->signature, b->signature) == 0 &&
                         strcmp(a->version, b->version) == 0 &&
                         strcmp(a->content_type, b->content_type) == 0 &&
                         strcmp(a->secret_used, b->secret_used) == 0);
}

static void read_file(const char *file, size_t len)
{
    static struct record record, again; /* large */
    struct buf out = {0};
    struct event event;
    int64_t arrival, queued;
    const char *why = record_decode(file, len, &record);
    bool has_arrival = record_arrival(file, len, &arrival);
    record_queued(file, len, &queued);
    if (why) {
        REQUIRE(fuzz_is_printable(why) && *why, "%s", why);
        return;
    }
    REQUIRE(has_arrival, "an intact file without arrival");
    REQUIRE(record.body >= file && record.body + record.length == file + len, "body");
    REQUIRE(record_encode(&record, &out), "encoding");
    why = record_decode(out.data, out.len, &again);
    REQUIRE(!why && same(&record, &again), "%s: %s", why ? why : "differs", buf_text(&out));
    if (record.kind == RECORD_EVENT) {
        REQUIRE(record_map(&record, &event), "out of memory");
        event_free(&event);
    }
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *file = fuzz_copy(data, size), hex[DIGEST_HEX + 1];
    struct buf sealed = {0};
    const char *end = memmem(file, size, "\n\n", 2);
    read_file(file, size);
    if (end) {
        const char *body = end + 2;
        size_t len = size - (size_t)(body - file);
        REQUIRE(digest_hex(&(struct digest_part){body, len}, 1, hex), "libcrypto");
        buf_add(&sealed, file, (size_t)(end + 1 - file));
        buf_printf(&sealed, "Length: %zu\nSha256: %s\n\n", len, hex);
        buf_add(&sealed, body, len);
        char *exact = fuzz_copy(sealed.data, sealed.len);
        read_file(exact, sealed.len);
        free(exact);
    }
    buf_free(&sealed);
    free(file);
    return 0;
}
