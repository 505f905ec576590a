/*
 * zone_links: the present names of time zones that have been renamed.
 *
 * Browsers and platforms still write Asia/Calcutta or US/Pacific. Debian 13 moved the files of such
 * names from tzdata to tzdata-legacy, which few machines have.
 */
#ifndef MAIL_ZONE_LINKS_H
#define MAIL_ZONE_LINKS_H

/* NULL: the name is none of the old ones. */
const char *zone_link(const char *name);

#endif
