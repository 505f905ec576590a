/*
 * smtp_outcome: what the end of an SMTP transaction means for the mail. Pure.
 *
 * libcurl's error code seldom distinguishes temporary from permanent, and a reply code alone does
 * not say what it answered; so the outcome rests on the last reply, the step that it answered, and
 * whether the last byte of the message was given away. Replies: RFC 5321 section 4.2 and 4.3.2,
 * RFC 4954 section 6 (AUTH), RFC 3207 section 4 (STARTTLS).
 *
 * A reply of 5yz to the recipient or the message need not be about them: servers use it for senders
 * that they do not let through and for used-up quotas, too. So the reply's enhanced code (RFC 3463)
 * and its words are looked up in one table, which says who or what is refused: the recipient, the
 * content, the sender, the login, relaying, this machine (policy), or the number of mails (limit).
 *
 * Reasons: smtp-STEP-CODE where a reply decides ("smtp-rcpt-550"), followed by what is refused
 * where the table knows ("smtp-rcpt-553-sender"); smtp-STEP-lost, -timeout and -garbled where no
 * usable one came; smtp-dns-N, smtp-connect-N, smtp-tls-N and so on where libcurl's code N decides;
 * smtp-no-auth, smtp-no-mechanism; smtp-before-end. `words` begin with the server's name and port
 * and end with what to do; they hold nothing that the server said.
 */
#ifndef DELIVER_SMTP_OUTCOME_H
#define DELIVER_SMTP_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>

#include "deliver/outcome.h"
#include "deliver/transport.h"

/* What the server is expected to answer next; libcurl does not pipeline. */
enum smtp_step {
    STEP_GREETING,
    STEP_EHLO, /* EHLO, HELO and STARTTLS */
    STEP_AUTH,
    STEP_MAIL,
    STEP_RCPT,
    STEP_DATA,
    STEP_DOT,
    STEP_END
};

enum smtp_tls { SMTP_STARTTLS, SMTP_TLS_FIRST, SMTP_NO_TLS };
enum smtp_login { SMTP_NO_LOGIN, SMTP_PASSWORD, SMTP_TOKEN };

struct smtp_attempt {
    int curl;               /* CURLcode */
    enum smtp_step waiting; /* the step whose reply had not come */
    int code;               /* of the last reply; 0: there was none */
    enum smtp_step replied; /* the step that it answered */
    bool end_given;         /* libcurl has got the last byte of the message */
    bool not_authenticated; /* stopped because a login was wanted and none took place */
    bool no_mechanism;      /* the server offers logins, but none that can be used */
    bool given_up;          /* stopped by before_end */
    const char *reply;      /* the last reply, as smtp_join_reply makes it; NULL: none */
    const char *from, *to;  /* of the envelope; NULL is allowed */
    enum smtp_tls tls;
    enum smtp_login login;
    struct outcome_peer peer;
};

/* Sets outcome, unreachable, doubtful, wait_ms, reason and words; leaves detail alone. */
void smtp_classify(const struct smtp_attempt *attempt, struct delivery_result *result);

/*
 * Appends a line of a reply to `reply`, which holds `at` bytes of `size`; the new length. Lines
 * after the first lose their code, and an enhanced code that the first has too, so that words that
 * continue on the next line can be read and found. What is not printable ASCII becomes '?'.
 */
size_t smtp_join_reply(char *reply, size_t size, size_t at, const char *line, size_t len);

/*
 * The mechanisms for a login that libcurl has, in the order in which they are tried: inside TLS
 * nothing speaks against PLAIN and LOGIN, and they work with passwords that are stored hashed.
 */
enum smtp_mechanism {
    MECHANISM_PLAIN,
    MECHANISM_LOGIN,
    MECHANISM_CRAM_MD5,
    MECHANISM_DIGEST_MD5,
    MECHANISM_NTLM,
    MECHANISM_OAUTHBEARER,
    MECHANISM_XOAUTH2,
    MECHANISMS
};

extern const char *const smtp_mechanism_names[MECHANISMS];

/* Sets of mechanisms: bits 1 << enum smtp_mechanism. */
enum {
    MECHANISMS_OF_PASSWORD = (1 << MECHANISM_OAUTHBEARER) - 1,
    MECHANISMS_OF_TOKEN = 1 << MECHANISM_OAUTHBEARER | 1 << MECHANISM_XOAUTH2,
    /* libcurl takes the first of these that is offered, in our order */
    MECHANISMS_FIRST = 1 << MECHANISM_PLAIN | 1 << MECHANISM_LOGIN | MECHANISMS_OF_TOKEN
};

/* The set with that name alone, in any case of letters; 0: there is none. */
unsigned smtp_mechanism_find(const char *name, size_t len);

/* Those that a line of the reply to EHLO offers: "250-AUTH PLAIN LOGIN"; 0 for other lines. */
unsigned smtp_mechanisms_offered(const char *line, size_t len);

/* The first of a set, MECHANISMS when it is empty. */
enum smtp_mechanism smtp_mechanism_first(unsigned set);

#endif
