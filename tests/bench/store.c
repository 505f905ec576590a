/*
 * store SPOOL: the command that adnanh/webhook runs for each request, once it has verified the
 * signature. The body comes in the environment variable BODY. Linked with libc alone, because the
 * start of the command is most of what webhook costs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "durable.h"

int main(int argc, char **argv)
{
    const char *body = getenv("BODY");
    if (argc != 2 || !body) {
        fprintf(stderr, "usage: BODY=... store SPOOL\n");
        return 64;
    }
    if (durable_store(argv[1], body, strlen(body))) {
        perror("store");
        return 75;
    }
    return 0;
}
