/*
 * key: the names of events and mails.
 *
 * An event's key is its name for its whole life: the first 32 hex digits of
 * SHA-256 over the provider's name, a zero byte and the raw body. Only signed
 * material goes in, so nobody without the key can choose a name, and a
 * provider's byte-identical retry meets the same name again.
 *
 * A body that carries neither time nor booking (a template that collapsed to
 * `false`) would hide all later ones of its kind. Its key also covers a zero
 * byte and the hour of arrival (decimal, hours since 1970): key_of_hour.
 *
 * A mail is KEY-r: r is the first 12 hex digits of SHA-256 over the recipient's
 * address in lower case, so a changed list of recipients neither skips nor
 * repeats anyone. A replayed event has a generation, KEY.g, and mails KEY.g-r;
 * g is in UTC seconds.
 */
#ifndef EVENT_KEY_H
#define EVENT_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    KEY_LEN = 32,
    KEY_SIZE = KEY_LEN + 1,
    RECIPIENT_LEN = 12,
    GENERATION_LEN = 20,
    /* KEY.g-r and its NUL */
    MAIL_NAME_SIZE = KEY_LEN + 1 + GENERATION_LEN + 1 + RECIPIENT_LEN + 1
};

/* False only when libcrypto fails. */
bool key_of(const char *provider, const void *body, size_t len, char key[KEY_SIZE]);
bool key_of_hour(
    const char *provider, const void *body, size_t len, int64_t arrival, char key[KEY_SIZE]);

bool key_valid(const char *text);

/* event_name is KEY or KEY.g. */
bool mail_name(const char *event_name, const char *recipient, char name[MAIL_NAME_SIZE]);

/* What a file name says; generation is 0 where there is none, recipient "" for an event. */
struct spool_name {
    char key[KEY_SIZE];
    int64_t generation;
    char recipient[RECIPIENT_LEN + 1];
};

/* False when the text is not exactly KEY, KEY.g, KEY-r or KEY.g-r. */
bool name_parse(const char *text, struct spool_name *name);

#endif
