/* The ledger's statements, and where the words of the back ends differ. */
#include <string.h>

#include "ledger/backend.h"
#include "ledger/erase.h"
#include "ledger/tables.h"

#define BOOKING                                                                                    \
    "uid, state, stamp, start, finish, organizer, title, who, previous_uid, replaced_by,"          \
    " calendar_uid, sequence, ical_uid, group_uid, series, born, changed, calendar_written, hosts"
#define BOOKING_VALUES "?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21"
#define BOOKING_REPLACE                                                                            \
    " ON CONFLICT(uid, provider) DO UPDATE SET "                                                   \
    "meeting = excluded.meeting, state = excluded.state, stamp = excluded.stamp, "                 \
    "start = excluded.start, finish = excluded.finish, "                                           \
    "organizer = excluded.organizer, title = excluded.title, who = excluded.who, "                 \
    "previous_uid = excluded.previous_uid, replaced_by = excluded.replaced_by, "                   \
    "calendar_uid = excluded.calendar_uid, sequence = excluded.sequence, "                         \
    "ical_uid = excluded.ical_uid, group_uid = excluded.group_uid, "                               \
    "series = excluded.series, born = excluded.born, changed = excluded.changed, "                 \
    "calendar_written = excluded.calendar_written, hosts = excluded.hosts"

/* Back ends disagree on where SQL's NULL sorts. */
#define NULL_FIRST(column) "coalesce(" column ", -9223372036854775807)"
#define IS_FORGOTTEN       "(substr(person, 1, 10) = '" FORGOTTEN "')"
#define NO_BOOKING(table)                                                                          \
    "NOT EXISTS(SELECT 1 FROM booking b WHERE b.uid = " table ".uid AND b.provider = " table       \
    ".provider)"
#define NO_DECISION(table) "NOT EXISTS(SELECT 1 FROM decision d WHERE d.id = " table ".id)"

/* What an agenda needs of a booking; the number of persons is 0 where only one was ever in it. */
#define AGENDA_ITEM                                                                                \
    "SELECT b.provider, b.uid, b.meeting, b.title, b.who, b.organizer, b.start, b.finish, "        \
    "b.state,"                                                                                     \
    " b.calendar_uid, (SELECT count(*) FROM person p"                                              \
    "  WHERE p.uid = b.uid AND p.provider = b.provider AND p.present <> 0),"                       \
    " w.place, w.word, w.link, coalesce(b.hosts, b.organizer)"
#define AGENDA_FROM " FROM booking b LEFT JOIN place w ON w.uid = b.uid AND w.provider = b.provider"
/* The events of booking b that were mailed. */
#define AGENDA_EVENTS                                                                              \
    " FROM notice n JOIN decision d ON d.id = n.id"                                                \
    " WHERE n.uid = b.uid AND n.provider = b.provider"

static const char *const sql[SQL_STATEMENTS] = {
    [SQL_DECISION_GET] = "SELECT result, reason, meaning, late, previous_start, previous_finish,"
                         " calendar, calendar_uid, sequence, \"overlaps\", taken, calendar_written,"
                         " unconfirmed, grouped, entries, known FROM decision WHERE id = ?1",
    [SQL_DECISION_PUT] = "INSERT INTO decision VALUES"
                         "(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18)",
    [SQL_DECISION_GROW] = "UPDATE decision SET entries = entries + 1,"
                          " \"overlaps\" = \"overlaps\" + ?2 WHERE id = ?1",
    [SQL_ENTRIES_GET] =
        "SELECT role, calendar_uid, uid, calendar, sequence, start, finish, taken,"
        " owner, customer FROM entry WHERE id = ?1"
        " ORDER BY role, " NULL_FIRST("CASE role WHEN 'occurrence' THEN start END") ", place",
    [SQL_ENTRY_PUT] = "INSERT INTO entry VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)",
    [SQL_SHARED_GET] =
        "SELECT coalesce((SELECT sequence FROM shared WHERE uid = ?1 AND provider = ?2), -1),"
        " (SELECT count(*) FROM booking WHERE group_uid = ?1 AND provider = ?2 AND " LIVE
        "  AND uid <> ?3)",
    [SQL_SHARED_PUT] = "INSERT INTO shared VALUES(?1,?2,?3)"
                       " ON CONFLICT(uid, provider) DO UPDATE SET sequence = excluded.sequence",
    [SQL_DETAIL_GET] = "SELECT text, person FROM detail WHERE uid = ?1 AND provider = ?2"
                       " ORDER BY person = ?3 DESC, stamp DESC, person LIMIT 1",
    [SQL_DETAIL_PUT] = "INSERT INTO detail VALUES(?1,?2,?3,?4,?5)"
                       " ON CONFLICT(uid, provider, person) DO UPDATE SET text = excluded.text,"
                       " stamp = CASE WHEN excluded.stamp > detail.stamp THEN excluded.stamp"
                       "  ELSE detail.stamp END",
    [SQL_HOST_GET] = "SELECT zone FROM host WHERE address = ?1",
    [SQL_HOST_PUT] = "INSERT INTO host VALUES(?1,?2,?3) ON CONFLICT(address) DO UPDATE"
                     " SET zone = excluded.zone, stamp = excluded.stamp"
                     " WHERE excluded.stamp >= host.stamp",
    [SQL_OVERLAPS_GET] = "SELECT provider, uid, title, who, start, finish FROM overlap"
                         " WHERE id = ?1 ORDER BY place",
    [SQL_OVERLAP_PUT] = "INSERT INTO overlap VALUES(?1,?2,?3,?4,?5,?6,?7,?8)",
    [SQL_BOOKING_GET] = "SELECT " BOOKING " FROM booking WHERE uid = ?1 AND provider = ?2",
    [SQL_ENTRY_BOOKING_GET] = "SELECT " BOOKING " FROM booking WHERE calendar_uid = ?1"
                              " AND provider = ?2 AND uid <> ?3"
                              " ORDER BY " NULL_FIRST("stamp") " DESC, uid LIMIT 1",
    [SQL_SERIES_GET] = "SELECT " BOOKING " FROM booking WHERE series = ?1 AND provider = ?2"
                       " AND uid <> ?3 AND " LIVE " AND coalesce(abs(born - ?4), 0) <= ?5"
                       " ORDER BY " NULL_FIRST("start") ", uid LIMIT ?6",
    [SQL_BOOKING_PUT] =
        "INSERT INTO booking(" BOOKING_COLUMNS ") VALUES(" BOOKING_VALUES ")" BOOKING_REPLACE,
    [SQL_BOOKING_ADD] = "INSERT INTO booking(" BOOKING_COLUMNS ") VALUES(" BOOKING_VALUES ")"
                        " ON CONFLICT DO NOTHING",
    [SQL_PERSON_GET] =
        "SELECT present, stamp FROM person WHERE uid = ?1 AND provider = ?2 AND person = ?3",
    [SQL_PERSON_PUT] =
        "INSERT INTO person VALUES(?1,?2,?3,?4,?5) ON CONFLICT(uid, provider, person) DO UPDATE"
        " SET present = excluded.present, stamp = excluded.stamp"
        " WHERE excluded.stamp >= person.stamp",
    [SQL_OTHERS_GET] =
        "SELECT count(*) FROM"
        " (SELECT person FROM person WHERE uid = ?1 AND provider = ?2"
        "  UNION SELECT person FROM notice WHERE uid = ?1 AND provider = ?2 AND person <> '') o"
        " WHERE person <> ?3 AND NOT " IS_FORGOTTEN " AND person NOT IN"
        " (SELECT person FROM person WHERE uid = ?1 AND provider = ?2 AND present = 0)",
    [SQL_SEATS_FIND] = "SELECT count(*), count(CASE WHEN " IS_FORGOTTEN " THEN 1 END) FROM person"
                       " WHERE uid = ?1 AND provider = ?2 AND present <> 0",
    [SQL_NOTICES_GET] = "SELECT stamp, fact FROM notice WHERE uid = ?1 AND provider = ?2"
                        " AND person = ?3 AND name = ?4 AND stamp BETWEEN ?5 AND ?6 ORDER BY stamp",
    [SQL_NOTICE_FIND] =
        "SELECT 1 FROM notice WHERE uid = ?1 AND provider = ?2 AND name = ?3 LIMIT 1",
    [SQL_NOTICE_PUT] = "INSERT INTO notice VALUES(?1,?2,?3,?4,?5,?6,?7) ON CONFLICT DO NOTHING",
    [SQL_OVERLAPS_FIND] =
        "SELECT provider, uid, title, who, start, finish, coalesce(hosts, organizer) FROM booking"
        " WHERE " LIVE " AND start < coalesce(?2, ?1 + 1800000) AND busy > ?1"
        " AND start > ?1 - coalesce((SELECT busy - start FROM booking WHERE " LIVE " AND " LONG
        "  ORDER BY busy - start DESC LIMIT 1), " BRIEF ")"
        " AND calendar_uid <> ?3 AND meeting <> ?4 ORDER BY start, uid, provider",
    [SQL_UPCOMING_FIND] = "SELECT provider, uid, title, who, start, finish FROM booking"
                          " WHERE " LIVE " AND start >= ?1 ORDER BY start, uid LIMIT ?2",
    [SQL_COUNT_FIND] = "SELECT count(*), count(CASE WHEN " LIVE " THEN 1 END) FROM booking"
                       " WHERE provider = ?1 AND state <> 'named' AND uid >= ?2 AND uid < ?3",
    [SQL_CONFLICTS_FIND] =
        "SELECT a.provider, a.uid, a.title, a.who, a.start, a.finish,"
        " b.provider, b.uid, b.title, b.who, b.start, b.finish, coalesce(a.organizer, b.organizer),"
        " coalesce(a.hosts, a.organizer), coalesce(b.hosts, b.organizer)"
        " FROM booking a CROSS JOIN booking b WHERE a." LIVE " AND b." LIVE
        " AND b.start >= a.start AND b.start < a.busy AND a.busy > ?1 AND b.busy > ?1"
        " AND (b.start, b.uid, b.provider) > (a.start, a.uid, a.provider)"
        " AND (a.hosts IS NOT NULL OR b.hosts IS NOT NULL OR a.organizer IS NULL"
        "  OR b.organizer IS NULL OR lower(a.organizer) = lower(b.organizer))"
        " AND a.calendar_uid <> b.calendar_uid"
        " AND a.meeting <> b.meeting ORDER BY a.start, a.uid, b.start, b.uid",
    [SQL_AGENDA_DAY] =
        AGENDA_ITEM AGENDA_FROM " WHERE " LIVE " AND start < ?2 AND (start >= ?1 OR busy > ?1)"
                                " ORDER BY start, b.uid, b.provider",
    [SQL_AGENDA_REQUESTS] = AGENDA_ITEM AGENDA_FROM " WHERE state = 'pending' AND busy > ?1"
                                                    " ORDER BY start, b.uid, b.provider",
    [SQL_AGENDA_CHANGES] = AGENDA_ITEM
    ", CASE WHEN EXISTS(SELECT 1" AGENDA_EVENTS " AND d.arrived > ?2 AND d.arrived <= ?3"
    "  AND d.calendar <> 'untouched') THEN 1 ELSE 0 END" AGENDA_FROM
    " WHERE state IN ('accepted', 'cancelled', 'rejected')"
    " AND (start >= ?1 OR busy > ?1)"
    " AND EXISTS(SELECT 1" AGENDA_EVENTS "  AND d.arrived > ?2 AND d.arrived <= ?3 AND d.late = 0)"
    " ORDER BY start, b.uid, b.provider",
    [SQL_AGENDA_LINK] = "SELECT b.previous_uid, b.start, (SELECT min(d.arrived)" AGENDA_EVENTS ")"
                        " FROM booking b WHERE b.uid = ?1 AND b.provider = ?2",
    [SQL_AGENDA_KNOWN] = "SELECT 1 FROM agenda WHERE id = ?1",
    [SQL_AGENDA_MARK] = "INSERT INTO agenda VALUES(?1,?2,?3,?4) ON CONFLICT DO NOTHING",
    [SQL_PLACE_PUT] = "INSERT INTO place VALUES(?1,?2,?3,?4,?5,?6)"
                      " ON CONFLICT(uid, provider) DO UPDATE SET place = excluded.place,"
                      " word = excluded.word, link = excluded.link, stamp = excluded.stamp"
                      " WHERE excluded.stamp >= place.stamp",
    [SQL_AGENDA_FORGET] = "DELETE FROM agenda WHERE made < ?1",
    [SQL_FORGET] =
        "DELETE FROM booking WHERE coalesce(busy, ?1 - 1) < ?1 AND coalesce(stamp, 0) < ?1",
    [SQL_FORGET + 1] = "DELETE FROM person WHERE " NO_BOOKING("person"),
    [SQL_FORGET + 2] = "DELETE FROM notice WHERE stamp < ?1 AND " NO_BOOKING("notice"),
    [SQL_FORGET + 3] = "DELETE FROM decision WHERE arrived < ?1",
    [SQL_FORGET + 4] = "DELETE FROM overlap WHERE " NO_DECISION("overlap"),
    [SQL_FORGET + 5] = "DELETE FROM entry WHERE " NO_DECISION("entry"),
    [SQL_FORGET + 6] = "DELETE FROM detail WHERE " NO_BOOKING("detail"),
    [SQL_FORGET + 7] = "DELETE FROM shared WHERE NOT EXISTS(SELECT 1 FROM booking b"
                       " WHERE b.group_uid = shared.uid AND b.provider = shared.provider)",
    [SQL_FORGET + 8] = "DELETE FROM place WHERE " NO_BOOKING("place"),
    [SQL_FORGET + 9] = "DELETE FROM answer WHERE stored < ?1",
};

/* `busy` is a column like others there: not every server that speaks PostgreSQL generates it. */
#define BOOKING_INSERT                                                                             \
    "INSERT INTO booking(" BOOKING_COLUMNS ", busy) VALUES(" BOOKING_VALUES                        \
    ", coalesce(?7, ?6 + 1800000))"

const char *store_sql(enum store_statement which)
{
    return sql[which];
}

const char *store_sql_postgres(enum store_statement which)
{
    if (which == SQL_BOOKING_PUT)
        return BOOKING_INSERT BOOKING_REPLACE ", busy = excluded.busy";
    return which == SQL_BOOKING_ADD ? BOOKING_INSERT " ON CONFLICT DO NOTHING" : sql[which];
}

bool store_has_parameter(enum store_statement which)
{
    return strstr(sql[which], "?1") != NULL;
}
