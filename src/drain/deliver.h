/*
 * deliver: the second stage, from mails in out/ that are due to the transport.
 *
 * Per mail: set mark x just before the last byte can leave; on acceptance rename to sent/ at once,
 * before anything else, and sync after 64 renames, a second, or at the end. A refusal for now sets
 * the next attempt; one for good (drain/outbox.h says when), or an age beyond BOOKSPOOL_GIVE_UP,
 * moves it to failed/ with its .why. An unknown outcome leaves x. A blocked transport ends the run
 * and leaves the mail as it was.
 *
 * A mail that is the same file as in sent/ was sent before a power cut: only its rename is
 * completed.
 *
 * If the rename fails after acceptance, the mail is marked as sent and synced, and the run ends
 * with an alarm; otherwise every run would send it again.
 *
 * While the answer to a mail is awaited, the next one is read and its digest computed. That copy is
 * used within a second; after a longer wait the mail is read again.
 *
 * Mails leave in the order in which their events arrived (drain/waiting.h). BOOKSPOOL_CONNECTIONS
 * processes share out/ by recipient, each with one kept connection, under the parent's lock.
 */
#ifndef DRAIN_DELIVER_H
#define DRAIN_DELIVER_H

#include "drain/run.h"

enum run_result deliver_run(struct run *run);

#endif
