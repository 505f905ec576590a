/*
 * conf_value: the text of one setting as its number, checked against the table. Internal to conf.
 */
#ifndef BASE_CONF_VALUE_H
#define BASE_CONF_VALUE_H

#include "base/conf.h"

/* NULL when right; else what would be right, in words that follow "must be". `hint` is scratch. */
const char *conf_value_check(
    const struct setting_info *info, const char *text, struct conf_value *value, struct buf *hint);

#endif
