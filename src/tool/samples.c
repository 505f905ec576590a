#include "tool/samples.h"

#include <stdio.h>
#include <string.h>

#include "provider/provider.h"
#include "tool/tool.h"

enum event_kind sample_kind(const struct sample *sample, char event_name[65])
{
    struct event event = {0};
    const struct webhook webhook = {.provider = sample->provider,
        .id = "",
        .body = (const char *)sample->data,
        .length = sample->len};
    if (!provider_map(&webhook, &event))
        tool_no_memory();
    enum event_kind kind = event.kind;
    snprintf(event_name, 65, "%s", event.name ? event.name : "-");
    event_free(&event);
    return kind;
}

const struct sample *sample_find(enum provider provider, const char *name)
{
    enum event_kind kind;
    char event_name[65];
    for (const struct sample *s = samples; s->name; s++)
        if (s->provider == provider && strcmp(s->name, name) == 0)
            return s;
    if (!event_kind_parse(name, &kind))
        return NULL;
    for (const struct sample *s = samples; s->name; s++)
        if (s->provider == provider && sample_kind(s, event_name) == kind)
            return s;
    return NULL;
}
