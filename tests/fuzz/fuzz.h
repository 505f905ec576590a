/*
 * fuzz: what the fuzz targets share. A target is NAME.c with LLVMFuzzerTestOneInput; it ends the
 * process when a promise of the code under test is broken. `make fuzz` links it with libFuzzer;
 * replay.c feeds it the files of corpus/NAME, which is what `make check` runs.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* `...` is what to print beside the condition, as for printf. */
#define REQUIRE(condition, ...)                                                                    \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not true: %s: ", __FILE__, __LINE__, #condition);              \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* A copy with a NUL after it, no byte longer, so that ASan sees each read past its end. */
static inline char *fuzz_copy(const void *data, size_t size)
{
    char *copy = malloc(size + 1);
    REQUIRE(copy, "out of memory");
    if (size)
        memcpy(copy, data, size);
    copy[size] = '\0';
    return copy;
}

/* Valid UTF-8 without controls; line feeds where `lines` says so (event/clean.h). */
static inline bool fuzz_is_clean(const char *text, bool lines)
{
    const unsigned char *c = (const unsigned char *)text;
    while (*c) {
        uint32_t code = *c++;
        int more = code < 0x80 ? 0 : code < 0xc2 ? -1 : code < 0xe0 ? 1 : code < 0xf0 ? 2 : 3;
        if (more < 0 || code > 0xf4)
            return false;
        code &= more ? 0x3fU >> more : 0x7fU;
        for (int i = 0; i < more; i++, c++) {
            if ((*c & 0xc0) != 0x80)
                return false;
            code = code << 6 | (*c & 0x3f);
        }
        if ((more == 2 && code < 0x800) || (more == 3 && code < 0x10000) || code > 0x10ffff ||
            (code >= 0xd800 && code < 0xe000))
            return false;
        if ((code < 0x20 && !(lines && code == '\n')) || (code >= 0x7f && code < 0xa0) ||
            (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069))
            return false;
    }
    return true;
}

/* Lower-case letters, digits and hyphens: a reason code of a log line. */
static inline bool fuzz_is_code(const char *text)
{
    return *text && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_")] == '\0';
}

static inline bool fuzz_is_printable(const char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            return false;
    return true;
}

#endif
