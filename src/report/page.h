/*
 * page: the status page, one self-contained HTML file.
 *
 * No script, nothing loaded: its Content-Security-Policy allows its own style and nothing else. It
 * works in light and dark, on a phone and a desktop, with the keyboard and a screen reader: each
 * plot has its numbers in a table. Texts of bookings are escaped. It holds names of customers, in
 * the next bookings and the overlaps, so it belongs behind authentication
 * (nginx/bookspool-status.conf).
 */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include <stdbool.h>

#include "base/buf.h"
#include "report/overview.h"

/* Pure. out->failed when memory was short. */
void page_write(const struct overview *overview, struct buf *out);

/* Makes the page and replaces the file in one step, mode 0640. False, with what is wrong in `why`.
 */
bool page_save(const struct overview *overview, const char *path, struct buf *why);

/* "all is well", "something needs attention", "something fails" */
const char *page_headline(enum health_state state);

#endif
