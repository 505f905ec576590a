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

static void set_broken(struct fcgi_check *check, const char *reason)
{
    check->state = FCGI_CHECK_BROKEN;
    check->reason = reason;
}

/* ---- name-value pairs ---- */

/* Lengths are one byte, or four with the highest bit set. */
static void take_length(struct fcgi_check_pair *p, unsigned char c)
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
static size_t take_name_or_value(struct fcgi_check_pair *p, const unsigned char *data, size_t len)
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
static void pair_end(struct fcgi_check *check)
{
    if (!check->method_seen && strcmp(check->pair.name, "REQUEST_METHOD") == 0) {
        check->method_seen = true;
        check->cap = request_body_max(check->pair.value, check->cap);
    }
    if (!check->length_seen && strcmp(check->pair.name, "CONTENT_LENGTH") == 0) {
        check->length_seen = true;
        check->length_kind = request_parse_length(check->pair.value, &check->length);
        if (check->length_kind == LENGTH_DECLARED && check->pair.length[1] >= FCGI_CHECK_VALUE_KEPT)
            check->length = UINT64_MAX;
    }
    check->pair = (struct fcgi_check_pair){0};
}

static void walk_params(struct fcgi_check *check, const unsigned char *data, size_t len)
{
    struct fcgi_check_pair *p = &check->pair;
    while (len > 0) {
        size_t taken = 1;
        if (p->part < PART_NAME)
            take_length(p, *data);
        else
            taken = take_name_or_value(p, data, len);
        data += taken;
        len -= taken;
        if (p->length[0] > FCGI_CHECK_PARAMS_MAX || p->length[1] > FCGI_CHECK_PARAMS_MAX) {
            set_broken(check, "params-length");
            return;
        }
        /* a name or a value may be empty: several parts can end with one byte */
        if (p->part == PART_NAME && p->done == p->length[0]) {
            p->part = PART_VALUE;
            p->done = 0;
        }
        if (p->part == PART_VALUE && p->done == p->length[1])
            pair_end(check);
    }
}

/* ---- records ---- */

/* NULL, or the reason why the request must not reach libfcgi. */
static const char *header_fault(struct fcgi_check *check, const unsigned char *h)
{
    unsigned id = (unsigned)h[2] << 8 | h[3];
    if (h[0] != VERSION)
        return "record-version";
    if (id == 0)
        return "management-record";
    if (check->stage == STAGE_BEGIN)
        check->id = (uint16_t)id;
    else if (id != check->id)
        return "request-id";
    check->type = h[1];
    check->content_left = (size_t)h[4] << 8 | h[5];
    check->padding_left = h[6];
    switch (check->type) {
    case TYPE_BEGIN:
        if (check->stage != STAGE_BEGIN)
            return "second-begin";
        if (check->content_left != BEGIN_LENGTH)
            return "begin-length";
        return check->padding_left ? "begin-padding" : NULL;
    case TYPE_PARAMS:
        if (check->stage != STAGE_PARAMS)
            return "record-order";
        if (check->content_left == 0 && check->padding_left)
            return "params-padding";
        if (check->content_left == 0 &&
            (check->pair.part != PART_NAME_LENGTH || check->pair.length_bytes_left > 0))
            return "params-cut";
        check->params_len += check->content_left;
        return check->params_len > FCGI_CHECK_PARAMS_MAX ? "params-size" : NULL;
    case TYPE_STDIN:
        check->stdin_len += check->content_left;
        return check->stage == STAGE_STDIN ? NULL : "record-order";
    case TYPE_ABORT:
        return check->stage == STAGE_BEGIN ? "record-order" : NULL;
    default:
        return "record-type";
    }
}

static void walk_header(struct fcgi_check *check, const unsigned char *h)
{
    const char *fault = header_fault(check, h);
    check->at += FCGI_CHECK_HEADER;
    if (fault) {
        set_broken(check, fault);
    } else if (check->type == TYPE_ABORT) {
        check->state = FCGI_CHECK_ABORTED;
    } else if (check->type == TYPE_STDIN && check->stdin_len > check->cap) {
        check->state = FCGI_CHECK_TOO_LARGE;
    } else if (check->type == TYPE_PARAMS && check->content_left == 0) {
        check->stage = STAGE_STDIN;
        check->params_end = check->at;
        if (check->length > check->cap)
            check->state = FCGI_CHECK_TOO_LARGE;
    } else if (check->type == TYPE_STDIN && check->content_left == 0) {
        check->stage = STAGE_END;
        check->end = check->at; /* libfcgi does not read the padding that may follow */
    }
}

/* Takes a header, or as much content or padding as there is. False: more bytes are needed. */
static bool step(struct fcgi_check *check, const unsigned char *data, size_t len)
{
    const unsigned char *here = data + check->at;
    size_t left = len - check->at;
    if (check->content_left > 0 && check->type == TYPE_BEGIN) {
        if (left < BEGIN_LENGTH)
            return false;
        check->keep = here[2] & FLAG_KEEP;
        check->stage = STAGE_PARAMS;
        check->content_left = 0;
        check->at += BEGIN_LENGTH;
        if (((unsigned)here[0] << 8 | here[1]) != ROLE_RESPONDER)
            set_broken(check, "role");
    } else if (check->content_left > 0) {
        size_t count = left < check->content_left ? left : check->content_left;
        if (check->type == TYPE_PARAMS)
            walk_params(check, here, count);
        check->content_left -= count;
        check->at += count;
        return count > 0;
    } else if (check->padding_left > 0) {
        size_t count = left < check->padding_left ? left : check->padding_left;
        check->padding_left -= count;
        check->at += count;
        return count > 0;
    } else if (check->stage == STAGE_END) {
        check->state = FCGI_CHECK_COMPLETE;
    } else {
        if (left < FCGI_CHECK_HEADER)
            return false;
        walk_header(check, here);
    }
    return true;
}

enum fcgi_check_state fcgi_check_walk(struct fcgi_check *check, const void *data, size_t len)
{
    while (check->state == FCGI_CHECK_MORE && step(check, data, len))
        ;
    if (check->state == FCGI_CHECK_MORE && check->at > 2 * check->cap + RAW_SLACK)
        set_broken(check, "records-size");
    return check->state;
}

void fcgi_check_stdin_end(const struct fcgi_check *check, unsigned char out[FCGI_CHECK_HEADER])
{
    const unsigned char record[FCGI_CHECK_HEADER] = {
        VERSION, TYPE_STDIN, (unsigned char)(check->id >> 8), (unsigned char)check->id};
    memcpy(out, record, FCGI_CHECK_HEADER);
}
