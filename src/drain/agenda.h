/*
 * agenda: the daily agenda, as BOOKSPOOL_AGENDA says (mail/schedule.h).
 *
 * A step of each run, after the compose stage, so that it has what that entered. When a mailing is
 * due, each reader gets one mail, once: its name derives from the day and the reader, it enters
 * out/ by the rules of drain/mail_file.h, and the ledger remembers it. The order:
 *
 *   1. the mails are made in out/, unless they are in out/, sent/ or failed/;
 *   2. one sync;
 *   3. the ledger's mark for each reader, committed.
 *
 * A run that dies before 3 repeats it and finds the mails. Afterwards the mark alone is enough,
 * though the spool were restored from a backup; and sent/ is, though the ledger were rebuilt.
 *
 * A mailing more than AGENDA_LATE after its time is skipped, logged and marked; so is one about an
 * empty day, unless the setting has the word `always`. While events cannot be composed it waits.
 */
#ifndef DRAIN_AGENDA_H
#define DRAIN_AGENDA_H

#include "base/clock.h"
#include "drain/run.h"

#define AGENDA_LATE (INT64_C(6) * 3600 * MS_PER_SECOND)

enum run_result agenda_run(struct run *run);

#endif
