/*
 * conf_check: is the text of a setting right, and do the settings agree? Internal to conf.
 */
#ifndef BASE_CONF_CHECK_H
#define BASE_CONF_CHECK_H

#include "base/conf.h"

/*
 * Checks the text of one setting against the table and sets the numbers of `value`. NULL when
 * right; else what would be right, in words that follow "must be". `hint` is scratch.
 */
const char *conf_value_check(
    const struct setting_info *info, const char *text, struct conf_value *value, struct buf *hint);

/*
 * Adds a line to conf->errors for each rule between settings that is broken. Rules about a setting
 * that is wrong by itself (not conf_value.parsed) are left out.
 */
void conf_check_together(struct conf *conf);

/* May the program that loads have this setting? */
static inline bool conf_may_have(const struct conf *conf, enum setting which)
{
    return settings[which].programs & conf->program;
}

#endif
