/*
 * scratch: a spool in a temp directory of its own, for unit tests. Taken away by scratch_down.
 */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "spool/spool.h"

struct scratch {
    char path[64];
    struct spool spool;
};

static inline int scratch_up(void **state)
{
    struct scratch *s = calloc(1, sizeof *s);
    struct buf why = {0};
    strcpy(s->path, "/tmp/bookspool-unit-XXXXXX");
    if (!mkdtemp(s->path) || !spool_open(&s->spool, s->path, &why)) {
        fprintf(stderr, "%s\n", buf_text(&why));
        return -1;
    }
    buf_free(&why);
    *state = s;
    return 0;
}

static inline int scratch_remove(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static inline int scratch_down(void **state)
{
    struct scratch *s = *state;
    spool_close(&s->spool);
    int rc = nftw(s->path, scratch_remove, 8, FTW_DEPTH | FTW_PHYS);
    free(s);
    return rc;
}

static const char scratch_id[] = "0123456789abcdef0123456789abcdef";
static const char scratch_id2[] = "fedcba9876543210fedcba9876543210";

/* A whole event file of that body. */
static inline void scratch_event(const char *id, const char *body, struct buf *out)
{
    struct record record = {.kind = RECORD_EVENT,
        .provider = PROVIDER_CALCOM,
        .event = "BOOKING_CREATED",
        .received = INT64_C(1800000000123),
        .secret_used = "primary",
        .body = body,
        .length = strlen(body)};
    strcpy(record.id, id);
    assert_true(record_encode(&record, out));
}

/* Puts a file there without any ceremony. */
static inline void scratch_write(struct scratch *s, const char *name, const void *data, size_t len)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", s->path, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* A second name of the same file, as a power cut may leave it. */
static inline void scratch_link(struct scratch *s, const char *name, const char *other)
{
    assert_int_equal(linkat(s->spool.root, name, s->spool.root, other, 0), 0);
}

/* No setting but those of `text`, the spool, and what is put into the environment after. */
static inline void scratch_settings(struct scratch *s, const char *text)
{
    char path[128], all[1024];
    const char *output = getenv("CMOCKA_MESSAGE_OUTPUT");
    clearenv();
    if (output)
        setenv("CMOCKA_MESSAGE_OUTPUT", output, 1);
    snprintf(path, sizeof path, "%s/bookspool.conf", s->path);
    setenv("BOOKSPOOL_CONF", path, 1);
    int len = snprintf(
        all, sizeof all, "BOOKSPOOL_SPOOL=%s\nBOOKSPOOL_STATE=%s\n%s", s->path, s->path, text);
    assert_true(len > 0 && (size_t)len < sizeof all);
    scratch_write(s, "bookspool.conf", all, (size_t)len);
}

static inline size_t scratch_count(struct scratch *s, enum spool_dir dir)
{
    struct spool_list list;
    assert_true(spool_list(&s->spool, dir, &list));
    size_t count = list.count;
    spool_list_free(&list);
    return count;
}

#endif
