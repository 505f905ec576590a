/*
 * message_part: leaf parts of a mail. Internal to message.
 *
 * Text that is ASCII in lines of at most 998 characters stands as it is (7bit), everything else in
 * base64: such a mail is a quarter smaller, can be read in the spool, and costs filters no doubt.
 * Content is encoded when it is set, by GMime's encoder, and written as it then stands.
 * GMimePart itself takes it through an encoder and a line end filter while it is written, byte by
 * byte in pieces of 4 KB, and that takes longer than all other work on a mail.
 *
 * A part may be filled anew for the next mail: its headers stay as they were first written, with
 * the line ends asked for then. Where memory was short, writing it fails.
 */
#ifndef MAIL_MESSAGE_PART_H
#define MAIL_MESSAGE_PART_H

#include <stddef.h>

#include <gmime/gmime.h>

/* text/SUBTYPE in UTF-8. The caller unrefs, here and below. */
GMimeObject *part_new_text(const char *subtype);
/* application/SUBTYPE, as an attachment of that name. */
GMimeObject *part_new_attachment(const char *subtype, const char *name);

/* A parameter of its type. */
void part_set_parameter(GMimeObject *part, const char *name, const char *value);

/* In base64. */
void part_set_data(GMimeObject *part, const void *data, size_t len);
/* Line ends become CR LF, what is not UTF-8 U+FFFD. */
void part_set_text(GMimeObject *part, const char *text);
/* The same, in base64 whatever it holds. */
void part_set_encoded_text(GMimeObject *part, const char *text);
/* The same content as another part has. */
void part_set_same(GMimeObject *part, GMimeObject *other);

#endif
