/*
 * preview: the mails that the waiting events would become, printed. Touches nothing, needs no lock.
 */
#ifndef DRAIN_PREVIEW_H
#define DRAIN_PREVIEW_H

#include "drain/run.h"

void preview(struct run *run);

#endif
