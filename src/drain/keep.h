/*
 * keep: what a run leaves for those who watch: a sample in the history (report/history.h), and the
 * status page of BOOKSPOOL_STATUS_PAGE. Neither is worth a run: a failure is logged.
 */
#ifndef DRAIN_KEEP_H
#define DRAIN_KEEP_H

#include "drain/run.h"

/* At the end of a run, when it was counted; under the lock, so that two drains never write at once.
 */
void keep_overview(struct run *run);

#endif
