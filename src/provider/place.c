#include "provider/place.h"

#include <stdbool.h>
#include <string.h>

static const struct {
    const char *word, *text;
} places[] = {
    {"in_person", "In person"},
    {"in_person_at_customer", "In person, at the customer's place"},
    {"phone_call_by_host", "Phone call to the customer"},
    {"phone_call_by_customer", "Phone call to the host"},
    {"video", "Video call"},
    {"link", "By link"},
    {"somewhere_else", "Somewhere else"},
    {"cal_video", "Cal Video"},
    {"google_meet", "Google Meet"},
    {"zoom", "Zoom"},
    {"microsoft_teams", "Microsoft Teams"},
    {"webex", "Webex"},
    {"goto_meeting", "GoTo Meeting"},
};

const char *place_text(const char *word)
{
    for (size_t i = 0; word && i < sizeof places / sizeof *places; i++)
        if (strcmp(places[i].word, word) == 0)
            return places[i].text;
    return NULL;
}

const char *place_readable(struct arena *arena, const char *key)
{
    static const char suffix[] = "video";
    char *text = arena_strdup(arena, key);
    if (!text)
        return NULL;
    size_t len = strlen(text), end = len < sizeof suffix ? 0 : len - (sizeof suffix - 1);
    if (end && strchr("_-:", text[end - 1]) && strcmp(text + end, suffix) == 0)
        text[end - 1] = '\0';
    bool first = true;
    for (char *p = text; *p; p++) {
        if (first && *p >= 'a' && *p <= 'z')
            *p = (char)(*p - 'a' + 'A');
        first = strchr("_-:", *p) != NULL;
        if (first)
            *p = ' ';
    }
    return text;
}
