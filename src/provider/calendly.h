/*
 * calendly: the webhooks of Calendly (API v2).
 *
 * {created_at, created_by, event, payload}. An invitee is one person's booking; its URI is the
 * booking's uid. A move is two deliveries in no promised order: invitee.canceled with new_invitee,
 * which becomes KIND_CANCELLED with status "moved", and invitee.created with old_invitee, which
 * becomes KIND_RESCHEDULED (developer.calendly.com, "See how webhook payloads change when invitees
 * reschedule events"). A no-show that is cleared has the status "no_show_cleared". The links to
 * cancel and to reschedule work for everyone who has them: they are for the customer.
 *
 * The signature is `t=<digits>,v1=<64 hex>`: v1 is the HMAC of t, a dot and the body. Only that one
 * form is documented. Blanks around commas and equals signs, any order, several v1, empty elements
 * (RFC 9110 5.6.1.2) and unknown fields are accepted, since the HMAC decides. What could make the
 * time that is checked differ from the one that is signed is not: two different t, signs, more
 * digits than a time has.
 */
#ifndef PROVIDER_CALENDLY_H
#define PROVIDER_CALENDLY_H

#include "provider/provider.h"

extern const struct provider_row calendly_provider;

#endif
