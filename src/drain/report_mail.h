/*
 * report_mail: alarms as mails. They enter out/ by the rules of mail_file
 * (drain/mail_file.h), under the id of their report, and leave with the next run.
 */
#ifndef DRAIN_REPORT_MAIL_H
#define DRAIN_REPORT_MAIL_H

#include "drain/run.h"
#include "report/alarm.h"

/* Removes the reports from the book whose mails are durable. */
void report_mail_alarms(struct run *run, struct alarm_book *book);

#endif
