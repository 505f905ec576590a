/*
 * deliver: stage 2, from mails in out/ that are due to the transport.
 *
 * Per mail: mark x just before the last byte can go; on a clear yes rename to
 * sent/ at once, before anything else, and sync after 64 renames, a second, or
 * at the end. A clear no for now sets the next attempt; one for good, or an age beyond
 * BOOKSPOOL_GIVE_UP, moves it to failed/ with its .why (drain/refusals.h says when). Unknown
 * leaves x. A hold stops the run and leaves the mail as it was.
 *
 * A mail that is the same file as in sent/ was sent before a power cut: only the rename is
 * completed.
 *
 * If the rename fails after a yes, the mail is marked as sent and synced, and
 * the run stops with an alarm: the alternative is a mail a minute.
 *
 * While the answer to a whole mail is awaited, the next one is read and its digest computed. It
 * counts as read in its turn for a second; after a longer wait it is read anew.
 *
 * Mails leave in the order in which their events arrived (drain/waiting.h). BOOKSPOOL_CONNECTIONS
 * processes share out/ by recipient, each with one kept connection, under the parent's lock.
 */
#ifndef DRAIN_DELIVER_H
#define DRAIN_DELIVER_H

#include "drain/run.h"

enum run_result deliver_run(struct run *run);

#endif
