/* Where a booking takes place, and what is to be opened or pressed. */
#include <stdio.h>
#include <string.h>

#include "mail/view_parts.h"

enum { SHORT_URL_MAX = 45 };

static bool is_url(const char *text)
{
    return text && (strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0);
}

const char *view_short_url(struct view *view, const char *url)
{
    const char *host = strstr(url, "://");
    host = host ? host + strlen("://") : url;
    size_t len = strcspn(host, "/?#");
    if (strlen(host) <= SHORT_URL_MAX || !host[len])
        return host;
    return arena_printf(view->arena, "%.*s/...", (int)len, host);
}

/* The word and what was typed: "In person: 5 Main Street". The English text of the word, which a
 * provider module gives where nothing was typed, is no more than the word. */
static const char *place_said(struct view *view, const char *place, const char *word)
{
    char key[VIEW_KEY];
    snprintf(key, sizeof key, "place_%s", word ? word : "");
    const char *said =
        word && templates_word(view->templates, key) ? view_word(view, key, view->context) : NULL;
    const char *english = said ? templates_english(view->templates, key) : NULL;
    if (!said || !place)
        return said ? said : place;
    if (strcmp(place, said) == 0 || (english && strcmp(place, english) == 0))
        return said;
    return arena_printf(view->arena, "%s: %s", said, place);
}

/* ---- buttons ---- */

/* A link that the text of the mail has as a fact. `word` is what the button says. */
static void add_button(struct view *view, struct value *buttons, const char *word, const char *href)
{
    struct value *button = view_append(view, buttons);
    view_text(view, button, "href", href);
    view_text(view, button, "short", view_short_url(view, href));
    view_say(view, button, "text", word, view->context);
}

/* What a customer may do is in the provider's own pages; so is the answer to a request. */
static void add_choices(struct view *view, struct value *facts)
{
    const struct booking *booking = &view->event->booking;
    if (view->off || view->decision->late)
        return;
    if (!view_for_customer(view)) {
        if (view->event->kind != KIND_REQUESTED || !booking->manage_url)
            return;
        add_button(view, view->buttons, "manage_button", booking->manage_url);
        view_add_fact(view, facts, "label_manage", booking->manage_url, FACT_MAIN);
        return;
    }
    if (booking->reschedule_url) {
        add_button(view, view->choices, "reschedule_button", booking->reschedule_url);
        view_add_fact(view, facts, "label_reschedule", booking->reschedule_url, FACT_MAIN);
    }
    if (booking->cancel_url) {
        add_button(view, view->choices, "cancel_button", booking->cancel_url);
        view_add_fact(view, facts, "label_cancel", booking->cancel_url, FACT_MAIN);
    }
}

/* ---- places ---- */

/* A place that is the link to join is no place beside it. What was cancelled, is over or is out of
 * date has no link to join. */
void view_add_places(struct view *view)
{
    static const bool over[KINDS] = {[KIND_NO_SHOW] = true,
        [KIND_HOST_NO_SHOW] = true,
        [KIND_MEETING_ENDED] = true,
        [KIND_RECORDING] = true};
    const struct booking *booking = &view->event->booking;
    bool useless = view->off || view->decision->late || over[view->event->kind];
    const char *join = useless ? NULL : booking->join_url;
    const char *where = place_said(view, booking->location, booking->location_word);
    const char *before =
        place_said(view, booking->previous_location, booking->previous_location_word);
    bool is_link = where && ((booking->join_url && strcmp(where, booking->join_url) == 0) ||
                                (!join && is_url(where)));
    if (where && !is_link)
        view_text(view, view->context, "where", where);
    if (before && !(where && strcmp(where, before) == 0))
        view_text(view, view->context, "previous_where", before);
    view_text(view, view->context, "join_url", join);
    view_text(view, view->context, "link", booking->link);
}

/* The link is one fact among others, except where a meeting may be about to begin: there it is a
 * button. */
static void add_join(struct view *view, struct value *facts, const char *join)
{
    static const bool may_begin[KINDS] = {[KIND_CREATED] = true,
        [KIND_RESCHEDULED] = true,
        [KIND_PAID] = true,
        [KIND_LOCATION_CHANGED] = true,
        [KIND_REASSIGNED] = true,
        [KIND_MEETING_STARTED] = true};
    bool joinable = join && may_begin[view->event->kind];
    if (joinable) {
        view_flag(view, view->context, "joinable");
        add_button(view, view->buttons, "join_button", join);
    }
    view_add_fact(view, facts, "label_join", join, joinable ? FACT_MAIN : FACT_DETAIL);
}

void view_add_place_facts(struct view *view, struct value *facts)
{
    const struct value *context = view->context;
    const char *link = value_text_of(context, "link");
    view->buttons = view_list(view, view->context, "buttons");
    view->choices = view_list(view, view->context, "choices");
    view_add_fact(view, facts, "label_where", value_text_of(context, "where"), FACT_DETAIL);
    view_add_fact(
        view, facts, "label_previous_where", value_text_of(context, "previous_where"), FACT_DETAIL);
    add_join(view, facts, value_text_of(context, "join_url"));
    if (link)
        add_button(view, view->buttons, "link_button", link);
    view_add_fact(view, facts, "label_link", link, FACT_MAIN);
    add_choices(view, facts);
    if (view->choices && view->choices->first)
        view_flag(view, view->context, "has_choices");
}
