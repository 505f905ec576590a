/* tables: words that the schemas and the statements share. Internal to the ledger. */
#ifndef LEDGER_TABLES_H
#define LEDGER_TABLES_H

/* A booking without an end takes up half an hour. */
#define BUSY_UNTIL "coalesce(finish, start + 1800000)"
#define LIVE       "state IN ('pending', 'accepted')"
#define BRIEF      "7200000" /* two hours: nearly no booking is longer */
#define LONG       "busy - start > " BRIEF

/* In the order in which SQL_BOOKING_PUT takes them. */
#define BOOKING_COLUMNS                                                                            \
    "uid, provider, meeting, state, stamp, start, finish, organizer, title, who, "                 \
    "previous_uid, replaced_by, calendar_uid, sequence, ical_uid, group_uid, series, "             \
    "born, changed, calendar_written, hosts"

#endif
