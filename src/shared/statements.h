/*
 * statements: the SQL of the shared spool. Of a change of a file, $1 is its directory, $2 its name,
 * and $3 the run that asks, "" for a tool. Times are in ms, as in spool.h.
 *
 * A drain changes a file only while its own lease lasts and no other run with a lease holds it. All
 * is decided by one statement and the server's clock, so a drain that was stopped at any moment
 * finds out with its next step.
 */
#ifndef SHARED_STATEMENTS_H
#define SHARED_STATEMENTS_H

enum statement {
    SQL_LOOK,
    SQL_READ,
    SQL_WALK,
    SQL_WALK_START,
    SQL_PUT,
    SQL_PUT_OVER,
    SQL_MOVE,
    SQL_REMOVE,
    SQL_FORGET_EVENT,
    SQL_FORGET_KEYS,
    SQL_SET_TIME,
    SQL_MARK,
    SQL_TURN,
    SQL_TAKE_EVENTS,
    SQL_TAKE_MAILS,
    SQL_SYNC,
    SQL_STAMP_GET,
    SQL_STAMP_SET,
    SQL_RUN_BEGIN,
    SQL_RUN_END,
    SQL_RUNS_FORGET,
    SQL_RELEASE,
    SQL_RELEASE_OVER,
    SQL_FORWARD,
    SQL_STATEMENTS
};

extern const char *const shared_sql[SQL_STATEMENTS];

#endif
