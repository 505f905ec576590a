#include "receive/fcgi_check.h"

#include <string.h>

enum { VERSION = 1, ROLE_RESPONDER = 1, FLAG_KEEP = 1, BEGIN_LENGTH = 8 };
enum { TYPE_BEGIN = 1, TYPE_ABORT = 2, TYPE_PARAMS = 4, TYPE_STDIN = 5 };
enum { STAGE_BEGIN, STAGE_PARAMS, STAGE_STDIN, STAGE_END };
enum { PART_NAME_LENGTH, PART_VALUE_LENGTH, PART_NAME, PART_VALUE };

/* Records may be of any size, but headers and padding must not outgrow their content. */
enum { RAW_SLACK = 4 * FCGI_CHECK_PARAMS_MAX };

void fcgi_check_reset(struct fcgi_check *check, size_t cap)
{
    *check = (struct fcgi_check){.cap = cap};
}

static void broken(struct fcgi_check *g, const char *reason)
{
    g->state = FCGI_CHECK_BROKEN;
    g->reason = reason;
}

/* ---- name-value pairs ---- */

/* Lengths are one byte, or four with the highest bit set. */
static void length_byte(struct fcgi_check_pair *p, unsigned char c)
{
    uint32_t *length = &p->length[p->part];
    if (p->length_bytes_left > 0) {
        *length = *length << 8 | c;
        p->length_bytes_left--;
    } else if (c & 0x80) {
        *length = c & 0x7f;
        p->length_bytes_left = 3;
    } else {
        *length = c;
    }
    if (p->length_bytes_left == 0)
        p->part++;
}

/* Takes as much of the name or value as there is. Returns the number of bytes. */
static size_t take_text(struct fcgi_check_pair *p, const unsigned char *data, size_t len)
{
    bool is_name = p->part == PART_NAME;
    char *kept = is_name ? p->name : p->value;
    size_t room = is_name ? FCGI_CHECK_NAME_KEPT - 1 : FCGI_CHECK_VALUE_KEPT - 1;
    size_t left = p->length[is_name ? 0 : 1] - p->done;
    size_t taken = left < len ? left : len;
    if (p->done < room)
        memcpy(kept + p->done, data, taken < room - p->done ? taken : room - p->done);
    p->done += (uint32_t)taken;
    return taken;
}

/* Of several variables of one name the first counts, as for FCGX_GetParam. */
static void pair_end(struct fcgi_check *g)
{
    if (!g->method_seen && strcmp(g->pair.name, "REQUEST_METHOD") == 0) {
        g->method_seen = true;
        g->cap = request_body_max(g->pair.value, g->cap);
    }
    if (!g->length_seen && strcmp(g->pair.name, "CONTENT_LENGTH") == 0) {
        g->length_seen = true;
        g->length_kind = request_parse_length(g->pair.value, &g->length);
        if (g->length_kind == LENGTH_DECLARED && g->pair.length[1] >= FCGI_CHECK_VALUE_KEPT)
            g->length = UINT64_MAX;
    }
    g->pair = (struct fcgi_check_pair){0};
}

/* A name or a value may be empty: several parts can end with one byte. */
static void pair_advance(struct fcgi_check *g)
{
    struct fcgi_check_pair *p = &g->pair;
    if (p->part == PART_NAME && p->done == p->length[0]) {
        p->part = PART_VALUE;
        p->done = 0;
    }
    if (p->part == PART_VALUE && p->done == p->length[1])
        pair_end(g);
}

static void walk_params(struct fcgi_check *g, const unsigned char *data, size_t len)
{
    while (len > 0) {
        size_t taken = 1;
        if (g->pair.part < PART_NAME)
            length_byte(&g->pair, *data);
        else
            taken = take_text(&g->pair, data, len);
        data += taken;
        len -= taken;
        if (g->pair.length[0] > FCGI_CHECK_PARAMS_MAX ||
            g->pair.length[1] > FCGI_CHECK_PARAMS_MAX) {
            broken(g, "params-length");
            return;
        }
        pair_advance(g);
    }
}

static bool between_pairs(const struct fcgi_check_pair *p)
{
    return p->part == PART_NAME_LENGTH && p->length_bytes_left == 0;
}

/* ---- records ---- */

static const char *begin_fault(const struct fcgi_check *g)
{
    if (g->stage != STAGE_BEGIN)
        return "second-begin";
    if (g->content_left != BEGIN_LENGTH)
        return "begin-length";
    return g->padding_left ? "begin-padding" : NULL;
}

static const char *params_fault(struct fcgi_check *g)
{
    if (g->stage != STAGE_PARAMS)
        return "record-order";
    if (g->content_left == 0 && g->padding_left)
        return "params-padding";
    if (g->content_left == 0 && !between_pairs(&g->pair))
        return "params-cut";
    g->params_len += g->content_left;
    return g->params_len > FCGI_CHECK_PARAMS_MAX ? "params-size" : NULL;
}

static const char *record_fault(struct fcgi_check *g)
{
    switch (g->type) {
    case TYPE_BEGIN:
        return begin_fault(g);
    case TYPE_PARAMS:
        return params_fault(g);
    case TYPE_STDIN:
        g->stdin_len += g->content_left;
        return g->stage == STAGE_STDIN ? NULL : "record-order";
    case TYPE_ABORT:
        return g->stage == STAGE_BEGIN ? "record-order" : NULL;
    default:
        return "record-type";
    }
}

static const char *header_fault(struct fcgi_check *g, const unsigned char *h)
{
    unsigned id = (unsigned)h[2] << 8 | h[3];
    if (h[0] != VERSION)
        return "record-version";
    if (id == 0)
        return "management-record";
    if (g->stage == STAGE_BEGIN)
        g->id = (uint16_t)id;
    else if (id != g->id)
        return "request-id";
    g->type = h[1];
    g->content_left = (size_t)h[4] << 8 | h[5];
    g->padding_left = h[6];
    return record_fault(g);
}

static void end_of_stream(struct fcgi_check *g)
{
    if (g->type == TYPE_PARAMS) {
        g->stage = STAGE_STDIN;
        g->params_end = g->at;
        if (g->length > g->cap)
            g->state = FCGI_CHECK_TOO_LARGE;
    } else if (g->type == TYPE_STDIN) {
        g->stage = STAGE_END;
        g->end = g->at; /* libfcgi does not read the padding that may follow */
    }
}

static void walk_header(struct fcgi_check *g, const unsigned char *h)
{
    const char *fault = header_fault(g, h);
    g->at += FCGI_CHECK_HEADER;
    if (fault)
        broken(g, fault);
    else if (g->type == TYPE_ABORT)
        g->state = FCGI_CHECK_ABORTED;
    else if (g->type == TYPE_STDIN && g->stdin_len > g->cap)
        g->state = FCGI_CHECK_TOO_LARGE;
    else if (g->content_left == 0)
        end_of_stream(g);
}

static void walk_begin(struct fcgi_check *g, const unsigned char *body)
{
    if (((unsigned)body[0] << 8 | body[1]) != ROLE_RESPONDER) {
        broken(g, "role");
        return;
    }
    g->keep = body[2] & FLAG_KEEP;
    g->stage = STAGE_PARAMS;
    g->content_left = 0;
    g->at += BEGIN_LENGTH;
}

static void walk_content(struct fcgi_check *g, const unsigned char *data, size_t len)
{
    size_t count = len < g->content_left ? len : g->content_left;
    if (g->type == TYPE_PARAMS)
        walk_params(g, data, count);
    g->content_left -= count;
    g->at += count;
}

/* False when the next step needs more bytes. */
static bool step(struct fcgi_check *g, const unsigned char *data, size_t len)
{
    size_t left = len - g->at;
    if (g->content_left > 0) {
        if (g->type == TYPE_BEGIN ? left < BEGIN_LENGTH : left == 0)
            return false;
        (g->type == TYPE_BEGIN) ? walk_begin(g, data + g->at) : walk_content(g, data + g->at, left);
    } else if (g->padding_left > 0) {
        size_t count = left < g->padding_left ? left : g->padding_left;
        g->padding_left -= count;
        g->at += count;
        return count > 0;
    } else if (g->stage == STAGE_END) {
        g->state = FCGI_CHECK_COMPLETE;
    } else {
        if (left < FCGI_CHECK_HEADER)
            return false;
        walk_header(g, data + g->at);
    }
    return true;
}

enum fcgi_check_state fcgi_check_walk(struct fcgi_check *check, const void *data, size_t len)
{
    while (check->state == FCGI_CHECK_MORE && step(check, data, len))
        ;
    if (check->state == FCGI_CHECK_MORE && check->at > 2 * check->cap + RAW_SLACK)
        broken(check, "records-size");
    return check->state;
}

void fcgi_check_stdin_end(const struct fcgi_check *check, unsigned char out[FCGI_CHECK_HEADER])
{
    const unsigned char record[FCGI_CHECK_HEADER] = {
        VERSION, TYPE_STDIN, (unsigned char)(check->id >> 8), (unsigned char)check->id};
    memcpy(out, record, FCGI_CHECK_HEADER);
}
