#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/conf.h"
#include "base/counters.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/version.h"
#include "confine/limits.h"
#include "deliver/transport.h"
#include "drain/compose.h"
#include "drain/pass.h"
#include "drain/sandbox.h"
#include "drain/watch.h"
#include "mail/message.h"
#include "shared/shared.h"
#include "spool/owner.h"

static const char usage[] =
    "usage: bookspool-drain [--dry-run | --watch]\n"
    "\n"
    "Turns the events that wait in the spool into mail, once, and ends. Made for\n"
    "cron or a timer: a second one that starts during a run ends at once.\n"
    "\n"
    "  -w, --watch     stay, and drain whenever something arrives or is due\n"
    "  -n, --dry-run   print the mails that wait as text, send and change nothing\n"
    "  -V, --version   print the version\n"
    "  -h, --help      print this\n"
    "\n"
    "Exit: 0 done, or another drain is running; 74 a step in the spool or the ledger\n"
    "failed; 75 nothing can be sent at present; 78 a setting is wrong; 71 the sandbox\n"
    "cannot be set up; 64 usage.\n"
    "Settings: bookspool.conf(5); to check them: bookspool check\n";

struct options {
    bool dry_run, watch;
};

/* -1: go on; else the exit code. */
static int parse_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"dry-run", no_argument, NULL, 'n'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {"watch", no_argument, NULL, 'w'},
        {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "nhVw", known, NULL)) != -1;) {
        if (c == 'n')
            options->dry_run = true;
        else if (c == 'w')
            options->watch = true;
        else if (c == 'V')
            return puts("bookspool-drain " BOOKSPOOL_VERSION) < 0 ? EX_IOERR : EX_OK;
        else {
            fputs(usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? EX_OK : EX_USAGE;
        }
    }
    if (options->dry_run && options->watch) {
        fputs("bookspool-drain: --dry-run and --watch exclude each other\n", stderr);
        return EX_USAGE;
    }
    if (optind == argc)
        return -1;
    fprintf(stderr, "bookspool-drain: takes no argument \"%s\"\n%s", argv[optind], usage);
    return EX_USAGE;
}

/*
 * Checked before anything is changed, so that a wrong setting ends the run. A file or directory
 * that cannot be used now is only reported: events still become mails, and it may be usable when
 * they are delivered.
 */
static bool transport_usable(const struct conf *conf)
{
    struct buf why = {0};
    enum transport_state state = transport_check(conf, &why);
    log_lines(state == TRANSPORT_WRONG ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "transport",
        buf_text(&why));
    buf_free(&why);
    return state != TRANSPORT_WRONG;
}

/* After the last step that is not possible any more in it; `watches`: for longer than one run. */
static bool confine(const struct conf *conf, bool watches)
{
    struct buf why = {0};
    bool ok = sandbox_enter(conf, watches, &why);
    if (!ok)
        log_error(NULL, "sandbox-failed",
            "%s; BOOKSPOOL_SANDBOX=off starts without it, until that is corrected", buf_text(&why));
    buf_free(&why);
    return ok;
}

static int dry_run(struct run *run)
{
    struct buf why = {0};
    if (!transport_usable(run->conf))
        return EX_CONFIG;
    if (!confine(run->conf, false))
        return EX_OSERR;
    const char *ledger = conf_text(run->conf, SET_LEDGER);
    bool ok = shared_is(ledger)
                  ? shared_open(&run->spool, ledger, conf_text(run->conf, SET_NODE), false, &why)
                  : spool_open_readonly(&run->spool, conf_text(run->conf, SET_SPOOL), &why);
    if (ok)
        run->ledger = ledger_open_readonly(ledger, &why);
    if (ok && !why.len)
        compose_preview(run);
    else
        log_error(NULL, "unusable", "%s", buf_text(&why));
    ok = ok && !why.len;
    spool_close(&run->spool);
    buf_free(&why);
    return ok ? EX_OK : EX_CONFIG;
}

static int run_drain(const struct conf *conf, const struct options *options)
{
    struct run run;
    struct buf why = {0};
    int code = EX_CONFIG;
    if (!run_init(&run, conf, &why))
        log_lines(LOG_LEVEL_ERROR, "settings", buf_text(&why));
    else if (options->dry_run)
        code = dry_run(&run);
    else if (!spool_become_owner(conf_text(conf, SET_SPOOL)))
        log_error(NULL, "owner", "cannot become the owner of the spool: %s", strerror(errno));
    else if (transport_usable(conf)) {
        if (!counters_open(conf_text(conf, SET_STATE)))
            log_warn(NULL, "counters-in-memory", "%s/counters: %s%s", conf_text(conf, SET_STATE),
                strerror(errno), owner_hint(errno));
        run_stop_on_signals();
        if (!confine(conf, options->watch))
            code = EX_OSERR;
        else
            code = options->watch ? watch(&run) : pass_once(&run);
    }
    run_free(&run);
    buf_free(&why);
    return code;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct conf conf;
    int code = parse_options(argc, argv, &options);
    if (code >= 0)
        return code;
    notify_open();
    limits_begin(007);
    message_setup();
    code =
        conf_start(&conf, CONF_DRAIN, "bookspool-drain") ? run_drain(&conf, &options) : EX_CONFIG;
    conf_free(&conf);
    return code;
}
