/*
 * replay: feeds each file of a corpus to one target, without a fuzzer. Prints TAP.
 *
 *     replay NAME [FILE...]       the files of tests/fuzz/corpus/NAME, or these
 */
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>

#include "base/io.h"

enum { FILE_MAX_SIZE = 4 << 20 };

int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static void feed(const char *path)
{
    struct buf content = {0};
    char *copy;
    if (!io_read_file(AT_FDCWD, path, &content, FILE_MAX_SIZE, NULL)) {
        fprintf(stderr, "replay: cannot read %s\n", path);
        exit(66);
    }
    /* as libFuzzer does it: no byte may be read after the last one */
    copy = malloc(content.len ? content.len : 1);
    REQUIRE(copy, "out of memory");
    if (content.len)
        memcpy(copy, content.data, content.len);
    LLVMFuzzerTestOneInput((const uint8_t *)copy, content.len);
    free(copy);
    buf_free(&content);
}

static int feed_all(const char *name)
{
    char folder[256], path[1024];
    int count = 0;
    snprintf(folder, sizeof folder, "tests/fuzz/corpus/%s", name);
    DIR *dir = opendir(folder);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        feed(path);
        count++;
    }
    if (dir)
        closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: replay NAME [FILE...]\n");
        return 64;
    }
    if (LLVMFuzzerInitialize)
        LLVMFuzzerInitialize(&argc, &argv);
    int count = argc - 2;
    if (count == 0)
        count = feed_all(argv[1]);
    for (int i = 2; i < argc; i++)
        feed(argv[i]);
    printf("%sok 1 - %d files of %s\n1..1\n", count ? "" : "not ", count, argv[1]);
    return count == 0;
}
