/*
 * conf_rules: rules between settings. Internal to conf.
 */
#ifndef BASE_CONF_RULES_H
#define BASE_CONF_RULES_H

#include "base/conf.h"

/* Adds a line to conf->errors for each rule that is broken. */
void conf_check_together(struct conf *conf);

#endif
