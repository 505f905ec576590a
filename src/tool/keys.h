/*
 * keys: signing as a provider does, with the keys of the settings.
 */
#ifndef TOOL_KEYS_H
#define TOOL_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "provider/provider.h"
#include "tool/tool.h"

enum key_choice {
    KEY_PRIMARY,
    KEY_SECONDARY,
    KEY_FORGED /* random: a signature that must be refused */
};

/* The setting that holds this key; a forged one stands in for the primary. */
enum setting key_setting(enum provider provider, enum key_choice choice);

enum { SIGNATURE_LINE_SIZE = 256 };

/*
 * The header line "Name: value" that signs the body at that time. The settings must be loaded.
 * EX_OK, or the exit status after a complaint (EX_CONFIG: there is no such key).
 */
int key_sign(struct tool *tool, enum provider provider, enum key_choice choice,
    const struct buf *body, int64_t at, char line[SIGNATURE_LINE_SIZE]);

/* For an operand; ends the program when it names no provider. */
enum provider key_provider(const struct tool *tool, const char *name);

#endif
