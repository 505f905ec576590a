/*
 * sign: signing as a provider does, with the secrets of the settings.
 */
#ifndef TOOL_SIGN_H
#define TOOL_SIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "provider/provider.h"
#include "tool/tool.h"

enum secret_choice {
    SECRET_PRIMARY,
    SECRET_SECONDARY,
    SECRET_FORGED /* random: a signature that must be refused */
};

/* Was receive.env not readable? */
bool sign_secrets_unread(const struct conf *conf);

enum { SIGNATURE_LINE_SIZE = 256 };

/*
 * The header line "Name: value" that signs the body at that time. The settings must be loaded.
 * EX_OK, or the exit status after a message (EX_CONFIG: there is no such secret).
 */
int sign_body(struct tool *tool, enum provider provider, enum secret_choice choice,
    const struct buf *body, int64_t at, char line[SIGNATURE_LINE_SIZE]);

/* The provider that an operand names; ends the program when it names none. */
enum provider sign_provider(const struct tool *tool, const char *name);

#endif
