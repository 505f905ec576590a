/*
 * The protocol of bookspool-spool(5) as a model: what it supposes, and all there is in its world.
 *
 * receive.c, drain.c, mails.c and operator.c are that page's steps as small programs. Two
 * receivers, two drains and an operator run them on one event with one recipient, whose provider
 * delivers it again as long as the numbers in main.c allow. Between any two steps another may
 * take one, a process may die, or the power may fail.
 *
 * What is supposed of Linux and its file systems
 *   - Names are entries, files are inodes. An entry has what processes see (cur) and what the disk
 *     has for sure (disk); `pending` are the changes between the two. A power cut keeps any subset
 *     of them that is closed under dependency: no change survives without the earlier changes of
 *     the same names. The prefixes that a journal keeps are among these subsets.
 *   - A rename within one directory is one change. Of a rename between two directories a power cut
 *     may keep the new name alone, so that one file has both names (Btrfs, after a sync of the new
 *     directory), but never the removal of the old name alone. rename(2) between two names of one
 *     file does nothing.
 *   - The contents of a file are torn after a power cut unless they were synced (or by luck). A
 *     sync of a file makes no name durable, one of a directory no contents.
 *   - A failed sync of contents leaves the file intact in memory, clean, and lost. It is reported
 *     once to each process that had the file (or, for a sync of all, the file system) open, and
 *     never to one that opens it later.
 *   - After a failed sync of a directory its changes are still pending; a later sync may succeed.
 *   - A reader of a file sees whether it is intact. Locks go with their process.
 *
 * What is left out: times (whatever may be due is due, an hour may be over at any moment, and
 * nothing is pruned), the write probe, .why files, files of other owners, the ledger, and file
 * systems that cannot rename without replacing. The x bit never outlives a power cut.
 *
 * The promise is in world.c: check_now holds in every state, check_end once nothing goes wrong any
 * more and the drain has run until nothing is left to do.
 */
#ifndef MODEL_STATE_H
#define MODEL_STATE_H

#include <stdbool.h>
#include <stdint.h>

enum { MAILS = 3 /* the event's, and of two replays */, INODES = 14, PENDING_MAX = 16 };

enum entry {
    NO_ENTRY,
    NEW,
    DONE,
    HELD,
    BAD,
    COPY,   /* replay/x */
    CLAIM1, /* replay/ID.1 */
    CLAIM2,
    OUT,
    SENT = OUT + MAILS,
    FAILED = SENT + MAILS,
    ENTRIES = FAILED + MAILS
};

enum data {
    FREE,
    PART,  /* being copied: torn for every reader */
    TORN,  /* after a power cut */
    DIRTY, /* intact in memory; the disk may have it */
    LOST,  /* intact in memory, clean, not on the disk, and no sync will report it again */
    INTACT /* and on the disk */
};

/* Marks of an inode: what processes see, and what the disk has. */
enum { MARK_X = 1, MARK_OWED = 2, DISK_OWED = 4 };

struct inode {
    uint8_t data, marks;
};

struct change {
    uint8_t from, to, inode; /* from: NO_ENTRY unless a rename; inode 0: `to` is removed */
};

enum actor { RECEIVER1, RECEIVER2, DRAIN1, DRAIN2, OPERATOR, PROCS, POWER = PROCS, DEATH, ACTORS };

struct process {
    uint16_t line; /* where it goes on; 0 with program 0: it does nothing */
    uint8_t program;
    uint8_t inode;  /* a file it holds open, or whose contents it has read */
    uint8_t from;   /* the entry it works on */
    uint8_t mail;   /* 0: the event's; 1, 2: of a replay */
    uint8_t listed; /* what it has found in the directories */
    uint8_t flags;
};

enum {
    UNKNOWN_BEFORE = 1, /* drain: the mail had its x bit before this attempt */
    FAILED_SYNC = 2,
    REPORT_FILE = 4, /* its next sync reports a write error of its open file */
    REPORT_ALL = 8,  /* likewise for a sync of the file system */
    OPEN = 16,       /* it has the spool open */
    LOCKED = 32,
    MADE = 64,      /* drain: the mail was made by this run; sent ones wait for their sync */
    IN_WINDOW = 128 /* drain: the mail was accepted, and is not renamed yet */
};

/* How often each may still happen. */
enum budget {
    REQUESTS,
    STALES,   /* requests outside the window */
    RUNS,     /* of the drain */
    ACTIONS,  /* of the operator */
    REFUSALS, /* a refusal of the mail server */
    FAULTS,   /* of those below, all together */
    CUTS,
    DEATHS,
    BAD_SYNCS, /* syncs that fail */
    BREAKS,    /* connections lost after the last byte */
    IO_ERRORS, /* writes and renames that fail; events that cannot be made into mail */
    BUDGETS
};

struct state {
    uint8_t cur[ENTRIES], disk[ENTRIES];
    struct inode inode[INODES];
    struct change pending[PENDING_MAX];
    struct process process[PROCS];
    uint8_t count; /* of pending */
    uint8_t left[BUDGETS];

    /* What was promised and what happened, which no program sees. */
    uint8_t answered;        /* a request was answered 200 */
    uint8_t held;            /* a request was answered 403 held */
    uint8_t released;        /* an operator read that a held event goes on */
    uint8_t copies, copied;  /* files put into replay/; those of which success was reported */
    uint8_t accepted[MAILS]; /* by the mail server */
    uint8_t allowed[MAILS];  /* repeats that the promise excuses */
    uint8_t window[MAILS];   /* accepted, and the rename to sent/ not durable yet */
    uint8_t excused[MAILS];  /* the next attempt need not say that it may be a repeat */
};

/* ---- the rules, each of which can be left out ---- */

enum rule {
    KEEP_ALL,
    SYNC_BEFORE_ANSWER,
    SYNC_FILE,
    SYNC_NAME,
    NAME_WITHOUT_REPLACING,
    NEVER_TRUST_A_NAME_IN_NEW,
    SYNC_BEFORE_NAMING_OVER,
    NEVER_REMOVE_A_NAME,
    SYNC_DONE_FOR_DUPLICATE,
    HELD_IS_NOT_KNOWN,
    HELD_IS_SYNCED,
    RELEASE_WITHOUT_REPLACING,
    RELEASE_BY_COPY,
    RELEASE_IS_SYNCED,
    REPLAY_IS_SYNCED,
    RESTORE_BAD,
    RESTORE_WITHOUT_REPLACING,
    ONE_DRAIN,
    SYNC_AFTER_LISTING,
    DROP_LATE_DUPLICATES,
    TORN_IN_OUT_IS_REPLACED,
    MAIL_IN_SENT_EXISTS,
    MAIL_IN_FAILED_EXISTS,
    SYNC_BATCH,
    UNMAKE_BATCH,
    RENEW_FOUND_MAIL,
    MAKE_CLAIM,
    SYNC_CLAIM,
    FREE_REPLAY_NUMBER,
    SYNC_BEFORE_DROPPING_HELD,
    ONLY_INTACT_IS_SENT,
    MARK_BEFORE_END,
    RENAME_AFTER_YES,
    OLD_NAME_GOES,
    SAME_FILE_WAS_SENT,
    SAME_FILE_IS_TRIED,
    SYNC_SENT,
    RECORD_OWED_RENAME,
    OWED_UNTIL_DURABLE,
    RULES
};

extern enum rule left_out;

static inline bool rule(enum rule r)
{
    return left_out != r;
}

/* ---- the disk: each of these is one step ---- */

bool intact(const struct state *s, unsigned entry);
uint8_t file_new(struct state *s, enum data data);
void name(struct state *s, unsigned entry, uint8_t inode); /* replaces */
void move(struct state *s, unsigned from, unsigned to);    /* replaces */
bool same_file(const struct state *s, unsigned entry, unsigned other);
void drop(struct state *s, unsigned entry);
const char *entry_name(unsigned entry);

/* False: it failed, or an earlier failure is reported now. */
bool sync_file(struct state *s, struct process *p);
bool sync_dir(struct state *s, unsigned entry); /* the directory that the entry is in */
bool sync_all(struct state *s, struct process *p);

void power_cut(struct state *s);
/* The same state has one form: files are counted anew, forgotten ones freed. */
void disk_tidy(struct state *s);

/* Does it happen now? If so, it is taken from what is left. */
bool fault(struct state *s, enum budget kind);

/* ---- the programs and the promise ---- */

/* False when the actor has nothing to do. */
bool actor_step(struct state *s, unsigned actor);
void state_tidy(struct state *s);
/* Asked of each new state. */
void promise_check(const struct state *s);
/* The story's names of the actors, as they were in the beginning. */
void story_begins(void);

#endif
