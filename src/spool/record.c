#include "spool/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/digest.h"
#include "base/hex.h"

enum { FIELD_NAME_MAX = 40 };

/* ---- writing ---- */

static void put_field(struct buf *out, const char *name, const char *value)
{
    if (!*value)
        return;
    buf_puts(out, name);
    buf_puts(out, ": ");
    size_t from = out->len;
    buf_add(out, value, strnlen(value, RECORD_VALUE_MAX));
    for (size_t i = from; i < out->len; i++)
        if (out->data[i] < ' ' || out->data[i] > '~')
            out->data[i] = '?';
    buf_puts(out, "\n");
}

static void put_time_field(struct buf *out, const char *name, int64_t when)
{
    char text[TIME_TEXT];
    time_format_ms(when, text);
    put_field(out, name, text);
}

static void put_received_field(struct buf *out, const struct record *record)
{
    char text[TIME_TEXT];
    if (!record->received_us) {
        put_time_field(out, "Received", record->received);
        return;
    }
    time_format_us(record->received_us, text);
    put_field(out, "Received", text);
}

bool record_encode(const struct record *record, struct buf *out)
{
    char computed[DIGEST_HEX + 1];
    const char *sha256 = record->sha256;
    if (!*sha256) {
        if (!digest_hex(&(struct digest_part){record->body, record->length}, 1, computed))
            return false;
        sha256 = computed;
    }
    buf_reserve(out, record->length + 1024);
    if (record->kind == RECORD_EVENT) {
        put_field(out, "Bookspool", "1");
        put_field(out, "Id", record->id);
        put_field(out, "Provider", provider_name(record->provider));
        put_field(out, "Event", record->event);
        put_received_field(out, record);
        put_field(out, "Secret-Used", record->secret_used);
        put_field(out, "Signature", record->signature);
        put_field(out, "Payload-Version", record->version);
        put_field(out, "Content-Type", record->content_type);
        if (record->forgotten)
            put_time_field(out, "Forgotten", record->forgotten);
        put_field(out, "Source", record->source);
    } else {
        put_field(out, "Bookspool-Mail", "1");
        put_field(out, "Id", record->id);
        put_field(out, "From", record->from);
        put_field(out, "To", record->to);
        if (record->received)
            put_received_field(out, record);
        put_time_field(out, "Queued", record->queued);
    }
    buf_printf(out, "Length: %zu\nSha256: %s\n\n", record->length, sha256);
    buf_add(out, record->body, record->length);
    return !out->failed;
}

/* ---- reading ---- */

/* Fields of the header as text, before they are parsed. */
struct header {
    char version[8], mail_version[8];
    char id[ID_SIZE], provider[16], received[TIME_TEXT], queued[TIME_TEXT], forgotten[TIME_TEXT];
    char length[24];
};

struct field {
    const char *name;
    char *value;
    size_t size;
};

/* One "Name: value" line of len bytes. A field that is not in the table is skipped. */
static const char *parse_line(const struct field *field, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    size_t name_len = colon ? (size_t)(colon - line) : 0;
    bool valid = name_len > 0 && name_len <= FIELD_NAME_MAX;
    for (size_t i = 0; i < len; i++)
        valid = valid && line[i] >= ' ' && line[i] <= '~';
    if (!valid)
        return "its header has a line that is not 'Name: value'";
    const char *value = colon + 1, *end = line + len;
    while (value < end && *value == ' ')
        value++;
    while (field->name &&
           (strlen(field->name) != name_len || strncasecmp(field->name, line, name_len) != 0))
        field++;
    if (!field->name)
        return NULL;
    if (*field->value)
        return "a field of its header is there twice";
    if ((size_t)(end - value) >= field->size)
        return "a field of its header is too long";
    memcpy(field->value, value, (size_t)(end - value));
    field->value[end - value] = '\0';
    return NULL;
}

/* Sets *data to the byte after the empty line. */
static const char *parse_lines(const struct field *fields, const char **data, const char *end)
{
    const char *limit = end - *data > RECORD_HEADER_MAX ? *data + RECORD_HEADER_MAX : end;
    for (;;) {
        const char *newline = memchr(*data, '\n', (size_t)(limit - *data));
        if (!newline)
            return "its header has no end";
        const char *line = *data;
        *data = newline + 1;
        if (newline == line)
            return NULL;
        const char *wrong = parse_line(fields, line, (size_t)(newline - line));
        if (wrong)
            return wrong;
    }
}

static bool parse_decimal(const char *text, size_t *value)
{
    char *end;
    if (*text < '0' || *text > '9' || strlen(text) > 18)
        return false;
    *value = (size_t)strtoull(text, &end, 10);
    return *end == '\0';
}

static bool parse_received(const char *text, struct record *record)
{
    if (!time_parse_us(text, &record->received_us))
        return false;
    record->received = record->received_us / US_PER_MS;
    return true;
}

static bool is_later(const char *version)
{
    size_t number;
    return parse_decimal(version, &number) && number > 1;
}

static const char *parse_header(const struct header *header, struct record *record)
{
    bool event = strcmp(header->version, "1") == 0;
    if (!event && strcmp(header->mail_version, "1") != 0)
        return is_later(header->version) || is_later(header->mail_version)
                   ? "a later version of bookspool wrote it, in a form that this one does not know"
                   : "it is neither 'Bookspool: 1' nor 'Bookspool-Mail: 1'";
    record->kind = event ? RECORD_EVENT : RECORD_MAIL;
    if (event && !provider_parse(header->provider, &record->provider))
        return "its Provider is not known";
    if (event && !parse_received(header->received, record))
        return "its Received is not a time";
    if (event && *header->forgotten && !time_parse(header->forgotten, &record->forgotten))
        return "its Forgotten is not a time";
    if (!event && (!address_valid(record->from) || !address_valid(record->to)))
        return "its From or To is not a mail address";
    if (!event && !time_parse(header->queued, &record->queued))
        return "its Queued is not a time";
    if (!event && !parse_received(*header->received ? header->received : header->queued, record))
        return "its Received is not a time";
    if (!id_valid(header->id))
        return "its Id is not 32 lower-case hex digits";
    memcpy(record->id, header->id, ID_SIZE);
    return parse_decimal(header->length, &record->length) ? NULL : "its Length is not a number";
}

static const char *check_body(const struct record *record, size_t len)
{
    char digest[DIGEST_HEX + 1];
    if (len != record->length)
        return len < record->length ? "its body is shorter than Length says"
                                    : "its body is longer than Length says";
    if (!digest_hex(&(struct digest_part){record->body, len}, 1, digest))
        return RECORD_NO_DIGEST;
    return strcmp(digest, record->sha256) == 0 ? NULL : "its body does not match Sha256";
}

const char *record_decode(const char *data, size_t len, struct record *record)
{
    struct header header = {0};
    *record = (struct record){0};
    const struct field fields[] = {
        {"Bookspool", header.version, sizeof header.version},
        {"Bookspool-Mail", header.mail_version, sizeof header.mail_version},
        {"Id", header.id, sizeof header.id},
        {"Provider", header.provider, sizeof header.provider},
        {"Event", record->event, sizeof record->event},
        {"Received", header.received, sizeof header.received},
        {"Secret-Used", record->secret_used, sizeof record->secret_used},
        {"Signature", record->signature, sizeof record->signature},
        {"Payload-Version", record->version, sizeof record->version},
        {"Content-Type", record->content_type, sizeof record->content_type},
        {"Forgotten", header.forgotten, sizeof header.forgotten},
        {"Source", record->source, sizeof record->source},
        {"From", record->from, sizeof record->from},
        {"To", record->to, sizeof record->to},
        {"Queued", header.queued, sizeof header.queued},
        {"Length", header.length, sizeof header.length},
        {"Sha256", record->sha256, sizeof record->sha256},
        {NULL, NULL, 0},
    };
    const char *end = data + len;
    const char *wrong = parse_lines(fields, &data, end);
    if (!wrong)
        wrong = parse_header(&header, record);
    record->body = data;
    return wrong ? wrong : check_body(record, (size_t)(end - data));
}

bool record_arrival(const char *data, size_t len, int64_t *microseconds)
{
    char received[TIME_TEXT] = "", queued[TIME_TEXT] = "";
    const struct field fields[] = {{"Received", received, sizeof received},
        {"Queued", queued, sizeof queued}, {NULL, NULL, 0}};
    return !parse_lines(fields, &data, data + len) &&
           time_parse_us(*received ? received : queued, microseconds);
}

bool record_queued(const char *data, size_t len, int64_t *when)
{
    char queued[TIME_TEXT] = "";
    const struct field fields[] = {{"Queued", queued, sizeof queued}, {NULL, NULL, 0}};
    return !parse_lines(fields, &data, data + len) && time_parse(queued, when);
}

bool record_map(const struct record *record, struct event *event)
{
    const struct webhook webhook = {
        record->provider, record->id, record->received, record->body, record->length};
    bool ok = provider_map(&webhook, event);
    event->reconciled = strcmp(record->source, RECORD_RECONCILE) == 0;
    return ok;
}
