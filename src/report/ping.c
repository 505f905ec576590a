#include "report/ping.h"

#include <string.h>

void ping_url(const char *url, bool good, struct buf *out)
{
    size_t path = strcspn(url, "?#"), all = strcspn(url, "#");
    bool kuma = memmem(url, path, "/api/push/", strlen("/api/push/")) != NULL;
    while (path && url[path - 1] == '/')
        path--;
    if (kuma) { /* it shows the address with a query of its own to copy, which says status=up */
        buf_add(out, url, path);
        buf_puts(out, good ? "?status=up&msg=OK" : "?status=down&msg=the+drain+failed");
        return;
    }
    buf_add(out, url, path);
    if (!good)
        buf_puts(out, "/fail");
    size_t query = strcspn(url, "?#");
    buf_add(out, url + query, all - query);
}
