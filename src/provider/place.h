/*
 * place: where a meeting is held, in our own words. Providers' keys for places become one of these
 * words, which the language files have as place_WORD:
 *
 *     in_person               at the host's place or one that both know
 *     in_person_at_customer   the host comes to the customer
 *     phone_call_by_host      the host calls; a number beside it is the customer's
 *     phone_call_by_customer  the customer calls; a number beside it is the host's
 *     video                   a video call, by an app that the body does not name
 *     link                    a link that the host gave
 *     somewhere_else          a place that the customer proposed
 *     cal_video google_meet zoom microsoft_teams webex goto_meeting
 *
 * Other apps have names of their own, which are the same in every language and need no word.
 */
#ifndef PROVIDER_PLACE_H
#define PROVIDER_PLACE_H

#include "base/arena.h"

/* The English text of a word: "In person". NULL: there is no such word. */
const char *place_text(const char *word);

/*
 * A key that nobody here knows, as text: the parts between its _ - and : with capitals, without
 * "video" at the end: "foo_bar_video" is "Foo Bar". `key` is one clean line.
 */
const char *place_readable(struct arena *arena, const char *key);

#endif
