/*
 * check: what the parts of `bookspool check` share. Each part adds findings to the report, in the
 * order in which things depend on each other; a finding that is no pass is followed by what to do.
 */
#ifndef TOOL_CHECK_H
#define TOOL_CHECK_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "report/site.h"
#include "tool/tool.h"

enum level { LEVEL_PASS, LEVEL_WARN, LEVEL_FAIL, LEVELS };

struct report {
    struct tool *tool; /* its conf: the settings, read by the user who called */
    cJSON *findings;   /* NULL: printed as they come */
    cJSON *latest;     /* the last of them */
    bool colour;
    const char *area; /* what the findings are about: a word of JSON */
    size_t count[LEVELS];

    bool was_root;
    bool drain_env_unread, receive_env_unread; /* by this user: what is in there is not known */

    /* of the command line */
    const char *url, *cacert, *nginx, *socket;
    bool mail, api;
    const char *mail_to;

    /* read while this was still root */
    enum site_nginx nginx_state;
    struct buf nginx_text;
};

void add_finding(struct report *report, enum level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What to do about the latest finding. */
void add_remedy(struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/*
 * One finding for each line; frees the text. A line that begins with the name of a setting gets the
 * place where that was set before it.
 */
void add_faults(struct report *report, enum level level, struct buf *lines);

/* Is the value of this setting known, and one that the programs accept? */
bool report_knows(const struct report *report, enum setting which);

/* Root reads nginx's configuration first, and then becomes the owner of the spool, as whom all else
 * is checked. */
void check_settings(struct report *report);
void check_secrets(struct report *report);
void check_spool(struct report *report);
void check_state(struct report *report);
void check_receiver(struct report *report);
void check_url(struct report *report);
void check_mail(struct report *report);
void check_api(struct report *report);
void check_watching(struct report *report);
void check_machine(struct report *report);
/* One file of the spool; an exit status. */
int check_file(struct report *report, const char *path);

#endif
