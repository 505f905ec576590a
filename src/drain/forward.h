/*
 * forward: what this node's spool holds goes to the shared one, where every node's drain finds it.
 *
 * Of each event in new/: it is put into the shared new/, unless any node did so before; that commit
 * is durable; then done/ here gets its name, on a file without content, to recognise a retry. A
 * drain that dies between the two forwards it again, and the shared spool knows its id. Held events
 * and files in replay/ move over as well, so they are listed, released and mailed from every node;
 * and mails that wait in out/ since this machine was alone.
 *
 * While the shared spool cannot be reached, everything waits here, and the receiver accepts.
 */
#ifndef DRAIN_FORWARD_H
#define DRAIN_FORWARD_H

#include "drain/run.h"

/* From run->local to run->spool. */
enum run_result forward_run(struct run *run);

#endif
