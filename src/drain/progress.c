#include "drain/progress.h"

#include <stdio.h>
#include <unistd.h>

enum { BAR = 30 };

void progress_draw(const struct run *run)
{
    const struct totals *t = run->totals;
    char line[160], bar[BAR + 1];
    if (!run->progress || !t->due)
        return;
    unsigned tried = t->tried < t->due ? t->tried : t->due;
    for (unsigned i = 0; i < BAR; i++)
        bar[i] = i < tried * BAR / t->due ? '#' : '.';
    bar[BAR] = '\0';
    int len = snprintf(line, sizeof line, "\r[%s] %u of %u mails: %u sent, %u later, %u given up ",
        bar, tried, t->due, t->sent, t->retried + t->unknown, t->failed);
    /* one write: several senders draw on the same line */
    if (write(STDERR_FILENO, line, (size_t)len) < 0)
        return;
}

void progress_clear(const struct run *run)
{
    if (run->progress && write(STDERR_FILENO, "\r\033[K", 4) < 0)
        return;
}

void progress_end(const struct run *run)
{
    if (run->progress && run->totals->tried)
        fputc('\n', stderr);
}
