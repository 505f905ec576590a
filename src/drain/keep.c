#include "drain/keep.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "report/history.h"
#include "report/overview.h"
#include "report/page.h"
#include "spool/owner.h"

static void keep_page(struct run *run, const char *path, struct overview *overview)
{
    struct buf why = {0};
    overview_gather(overview, run->conf, &run->spool, overview->facts.now);
    if (!page_save(overview, path, &why))
        log_warn(NULL, "status-page-failed", "%s", buf_text(&why));
    overview_free(overview);
    buf_free(&why);
}

void keep_overview(struct run *run)
{
    static struct overview overview; /* static: it is large */
    struct health_limits limits;
    struct history_sample sample;
    struct buf why = {0};
    const char *state = conf_text(run->conf, SET_STATE),
               *page = conf_text(run->conf, SET_STATUS_PAGE);
    overview = (struct overview){0};
    health_limits_read(run->conf, &limits, &why); /* what is wrong was reported at the start */
    buf_free(&why);
    health_gather(&limits, &run->spool, true, clock_now(), &overview.facts);
    history_make(&overview.facts, &sample);
    if (!history_add(state, &sample))
        log_warn(
            NULL, "history-failed", "%s/history: %s%s", state, strerror(errno), owner_hint(errno));
    if (page)
        keep_page(run, page, &overview);
}
