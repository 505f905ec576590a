/* Each row of the tables of facts about libcurl and SMTP replies: what it means for a mail, and
 * what to do. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "deliver/smtp_outcome.h"

struct row {
    const char *what;
    int curl;
    enum smtp_step waiting;
    int code;
    enum smtp_step replied;
    bool end_given;
    enum outcome outcome;
    const char *reason;
};

#define REPLY(curl, step, code) curl, step + 1, code, step
#define NOTHING(curl, step)     curl, step, 0, STEP_GREETING

static const struct row rows[] = {
    {"accepted", REPLY(CURLE_OK, STEP_DOT, 250), true, OUTCOME_SENT, "smtp-dot-250"},
    {"another yes", REPLY(CURLE_WEIRD_SERVER_REPLY, STEP_DOT, 251), true, OUTCOME_SENT,
        "smtp-dot-251"},
    {"late yes", REPLY(CURLE_OPERATION_TIMEDOUT, STEP_DOT, 250), true, OUTCOME_SENT,
        "smtp-dot-250"},

    {"busy", REPLY(CURLE_WEIRD_SERVER_REPLY, STEP_GREETING, 421), false, OUTCOME_RETRY,
        "smtp-greeting-421"},
    {"unwanted", REPLY(CURLE_WEIRD_SERVER_REPLY, STEP_GREETING, 554), false, OUTCOME_BLOCKED,
        "smtp-greeting-554"},
    {"EHLO refused", CURLE_REMOTE_ACCESS_DENIED, STEP_EHLO, 550, STEP_EHLO, false, OUTCOME_BLOCKED,
        "smtp-ehlo-550"},
    {"EHLO later", CURLE_REMOTE_ACCESS_DENIED, STEP_EHLO, 450, STEP_EHLO, false, OUTCOME_RETRY,
        "smtp-ehlo-450"},
    {"STARTTLS later", CURLE_USE_SSL_FAILED, STEP_EHLO, 454, STEP_EHLO, false, OUTCOME_RETRY,
        "smtp-ehlo-454"},

    {"no STARTTLS", CURLE_USE_SSL_FAILED, STEP_EHLO, 250, STEP_EHLO, false, OUTCOME_BLOCKED,
        "smtp-tls-64"},
    {"certificate", CURLE_PEER_FAILED_VERIFICATION, STEP_EHLO, 220, STEP_EHLO, false,
        OUTCOME_BLOCKED, "smtp-tls-60"},
    {"no TLS there", NOTHING(CURLE_SSL_CONNECT_ERROR, STEP_GREETING), false, OUTCOME_BLOCKED,
        "smtp-tls-35"},
    {"issuer", NOTHING(CURLE_SSL_ISSUER_ERROR, STEP_GREETING), false, OUTCOME_BLOCKED,
        "smtp-tls-83"},
    {"own certificate", NOTHING(CURLE_SSL_CERTPROBLEM, STEP_GREETING), false, OUTCOME_BLOCKED,
        "smtp-tls-58"},
    {"cipher", NOTHING(CURLE_SSL_CIPHER, STEP_GREETING), false, OUTCOME_BLOCKED, "smtp-tls-59"},
    {"CA file", NOTHING(CURLE_SSL_CACERT_BADFILE, STEP_GREETING), false, OUTCOME_BLOCKED,
        "smtp-tls-77"},

    {"wrong password", CURLE_LOGIN_DENIED, STEP_EHLO, 535, STEP_EHLO, false, OUTCOME_BLOCKED,
        "smtp-auth-535"},
    {"weak mechanism", CURLE_LOGIN_DENIED, STEP_EHLO, 534, STEP_EHLO, false, OUTCOME_BLOCKED,
        "smtp-auth-534"},
    {"login needed", CURLE_LOGIN_DENIED, STEP_EHLO, 530, STEP_EHLO, false, OUTCOME_BLOCKED,
        "smtp-auth-530"},
    {"encryption needed", CURLE_LOGIN_DENIED, STEP_EHLO, 538, STEP_EHLO, false, OUTCOME_BLOCKED,
        "smtp-auth-538"},
    {"login later", CURLE_LOGIN_DENIED, STEP_EHLO, 454, STEP_EHLO, false, OUTCOME_RETRY,
        "smtp-auth-454"},
    {"no mechanism in common", CURLE_LOGIN_DENIED, STEP_EHLO, 250, STEP_EHLO, false,
        OUTCOME_BLOCKED, "smtp-auth-67"},

    {"sender later", REPLY(CURLE_SEND_ERROR, STEP_MAIL, 451), false, OUTCOME_RETRY,
        "smtp-mail-451"},
    {"sender refused", REPLY(CURLE_SEND_ERROR, STEP_MAIL, 550), false, OUTCOME_BLOCKED,
        "smtp-mail-550"},
    {"login needed for MAIL", REPLY(CURLE_SEND_ERROR, STEP_MAIL, 530), false, OUTCOME_BLOCKED,
        "smtp-mail-530"},
    {"too big", REPLY(CURLE_SEND_ERROR, STEP_MAIL, 552), false, OUTCOME_NEVER, "smtp-mail-552"},

    {"mailbox busy", REPLY(CURLE_SEND_ERROR, STEP_RCPT, 450), false, OUTCOME_RETRY,
        "smtp-rcpt-450"},
    {"no mailbox", REPLY(CURLE_SEND_ERROR, STEP_RCPT, 550), false, OUTCOME_NEVER, "smtp-rcpt-550"},
    {"not local", REPLY(CURLE_SEND_ERROR, STEP_RCPT, 551), false, OUTCOME_NEVER, "smtp-rcpt-551"},
    {"mailbox name", REPLY(CURLE_SEND_ERROR, STEP_RCPT, 553), false, OUTCOME_NEVER,
        "smtp-rcpt-553"},
    {"no relay", REPLY(CURLE_SEND_ERROR, STEP_RCPT, 554), false, OUTCOME_NEVER, "smtp-rcpt-554"},
    {"too many recipients", REPLY(CURLE_SEND_ERROR, STEP_RCPT, 552), false, OUTCOME_RETRY,
        "smtp-rcpt-552"},
    {"login needed for RCPT", REPLY(CURLE_SEND_ERROR, STEP_RCPT, 530), false, OUTCOME_BLOCKED,
        "smtp-rcpt-530"},

    {"DATA later", REPLY(CURLE_SEND_ERROR, STEP_DATA, 451), false, OUTCOME_RETRY, "smtp-data-451"},
    {"DATA refused", REPLY(CURLE_SEND_ERROR, STEP_DATA, 554), false, OUTCOME_NEVER,
        "smtp-data-554"},

    {"dot later", REPLY(CURLE_WEIRD_SERVER_REPLY, STEP_DOT, 452), true, OUTCOME_RETRY,
        "smtp-dot-452"},
    {"dot refused", REPLY(CURLE_WEIRD_SERVER_REPLY, STEP_DOT, 554), true, OUTCOME_NEVER,
        "smtp-dot-554"},
    {"dot garbled", REPLY(CURLE_WEIRD_SERVER_REPLY, STEP_DOT, 354), true, OUTCOME_UNKNOWN,
        "smtp-end-garbled"},
    {"drop after the last byte", REPLY(CURLE_RECV_ERROR, STEP_DATA, 354), true, OUTCOME_UNKNOWN,
        "smtp-dot-lost"},
    {"silence after it", REPLY(CURLE_OPERATION_TIMEDOUT, STEP_DATA, 354), true, OUTCOME_UNKNOWN,
        "smtp-dot-timeout"},
    {"the last byte not sent for sure", REPLY(CURLE_SEND_ERROR, STEP_DATA, 354), true,
        OUTCOME_UNKNOWN, "smtp-dot-lost"},
    {"drop before it", REPLY(CURLE_RECV_ERROR, STEP_DATA, 354), false, OUTCOME_RETRY,
        "smtp-dot-lost"},
    {"silence before it", REPLY(CURLE_OPERATION_TIMEDOUT, STEP_DATA, 354), false, OUTCOME_RETRY,
        "smtp-dot-timeout"},

    {"name", NOTHING(CURLE_COULDNT_RESOLVE_HOST, STEP_GREETING), false, OUTCOME_RETRY,
        "smtp-dns-6"},
    {"no server there", NOTHING(CURLE_COULDNT_CONNECT, STEP_GREETING), false, OUTCOME_RETRY,
        "smtp-connect-7"},
    {"drop at connect", NOTHING(CURLE_RECV_ERROR, STEP_GREETING), false, OUTCOME_RETRY,
        "smtp-greeting-lost"},
    {"drop at MAIL", NOTHING(CURLE_RECV_ERROR, STEP_MAIL), false, OUTCOME_RETRY, "smtp-mail-lost"},
    {"silence at connect", NOTHING(CURLE_OPERATION_TIMEDOUT, STEP_GREETING), false, OUTCOME_RETRY,
        "smtp-greeting-timeout"},
    {"not SMTP", NOTHING(CURLE_WEIRD_SERVER_REPLY, STEP_GREETING), false, OUTCOME_RETRY,
        "smtp-greeting-garbled"},
    {"proxy", NOTHING(CURLE_COULDNT_RESOLVE_PROXY, STEP_GREETING), false, OUTCOME_RETRY,
        "smtp-proxy-5"},
};

static struct delivery_result classify(const struct row *row)
{
    struct delivery_result result = {0};
    smtp_classify(&(struct smtp_attempt){.curl = row->curl,
                      .waiting = row->waiting,
                      .code = row->code,
                      .replied = row->replied,
                      .end_given = row->end_given,
                      .peer = {.name = "mail.example.org:587", .connected = true}},
        &result);
    return result;
}

static void each_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct delivery_result result = classify(&rows[i]);
        print_message("# %s\n", rows[i].what);
        assert_string_equal(outcome_name(result.outcome), outcome_name(rows[i].outcome));
        assert_string_equal(result.reason, rows[i].reason);
    }
}

/* A reply of 2yz or 3yz from an earlier step must never pass for a yes. */
static void only_the_dot_is_a_yes(void **state)
{
    (void)state;
    for (int step = STEP_GREETING; step < STEP_DOT; step++)
        for (int code = 200; code < 400; code++) {
            struct row row = {
                "", CURLE_RECV_ERROR, STEP_DOT, code, (enum smtp_step)step, false, 0, ""};
            assert_int_equal(classify(&row).outcome, OUTCOME_RETRY);
            row.end_given = true;
            assert_int_equal(classify(&row).outcome, OUTCOME_UNKNOWN);
        }
}

static void only_silence_is_unreachable(void **state)
{
    (void)state;
    struct row no_server = {"", NOTHING(CURLE_COULDNT_CONNECT, STEP_GREETING), false, 0, ""};
    struct row busy = {"", REPLY(CURLE_WEIRD_SERVER_REPLY, STEP_GREETING, 421), false, 0, ""};
    struct row later = {"", REPLY(CURLE_SEND_ERROR, STEP_RCPT, 450), false, 0, ""};
    assert_true(classify(&no_server).unreachable);
    assert_false(classify(&busy).unreachable);
    assert_false(classify(&later).unreachable);
}

static void stopped_by_ourselves(void **state)
{
    (void)state;
    struct delivery_result result = {0};
    struct smtp_attempt attempt = {.curl = CURLE_ABORTED_BY_CALLBACK,
        .not_authenticated = true,
        .peer = {.name = "mail.example.org:587"}};
    smtp_classify(&attempt, &result);
    assert_int_equal(result.outcome, OUTCOME_BLOCKED);
    assert_string_equal(result.reason, "smtp-no-auth");
    attempt = (struct smtp_attempt){.curl = CURLE_ABORTED_BY_CALLBACK,
        .given_up = true,
        .waiting = STEP_DOT,
        .code = 354,
        .replied = STEP_DATA};
    smtp_classify(&attempt, &result);
    assert_int_equal(result.outcome, OUTCOME_RETRY);
    assert_string_equal(result.reason, "smtp-before-end");
}

/* ---- who or what is refused ---- */

#define FROM "bookings@example.org"
#define TO   "owner@example.org"

static struct delivery_result read_reply(
    enum smtp_step step, enum smtp_login login, const char *reply)
{
    struct delivery_result result = {0};
    smtp_classify(&(struct smtp_attempt){.curl = step == STEP_DOT ? CURLE_WEIRD_SERVER_REPLY
                                                                  : CURLE_SEND_ERROR,
                      .waiting = step + 1,
                      .code = atoi(reply),
                      .replied = step,
                      .end_given = step == STEP_DOT,
                      .reply = reply,
                      .from = FROM,
                      .to = TO,
                      .login = login,
                      .peer = {.name = "mail.example.org:587", .connected = true}},
        &result);
    return result;
}

static const struct {
    enum smtp_step step;
    const char *reply;
    enum outcome outcome;
    const char *reason;
} wordings[] = {
    /* the sender */
    {STEP_DOT, "554 5.2.252 SendAsDenied; robot@example.org not allowed to send as " FROM,
        OUTCOME_BLOCKED, "smtp-dot-554-sender"},
    {STEP_DOT, "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
        OUTCOME_BLOCKED, "smtp-dot-550-sender"},
    {STEP_RCPT, "553 5.7.1 <" FROM ">: Sender address rejected: not owned by user robot",
        OUTCOME_BLOCKED, "smtp-rcpt-553-sender"},
    {STEP_DOT,
        "550 The from address does not match a verified Sender Identity. Mail cannot be "
        "sent until this error is resolved.",
        OUTCOME_BLOCKED, "smtp-dot-550-sender"},
    {STEP_DOT, "554 Message rejected: Email address is not verified.", OUTCOME_BLOCKED,
        "smtp-dot-554-sender"},
    {STEP_RCPT, "550 5.7.1 From address is not one of your Sender Signatures", OUTCOME_BLOCKED,
        "smtp-rcpt-550-sender"},
    {STEP_RCPT, "550 Sender verify failed", OUTCOME_BLOCKED, "smtp-rcpt-550-sender"},
    {STEP_RCPT,
        "550 Requested action not taken: mailbox unavailable; Sender address is not "
        "allowed.",
        OUTCOME_BLOCKED, "smtp-rcpt-550-sender"},
    {STEP_DOT,
        "550 5.7.26 Unauthenticated email from example.org is not accepted due to domain's "
        "DMARC policy.",
        OUTCOME_BLOCKED, "smtp-dot-550-sender"},
    {STEP_DOT, "550 <Bookings@Example.org> may not be used here", OUTCOME_BLOCKED,
        "smtp-dot-550-sender"},
    {STEP_MAIL, "550 5.1.8 bad sender's system address", OUTCOME_BLOCKED, "smtp-mail-550-sender"},
    {STEP_MAIL, "551 no", OUTCOME_BLOCKED, "smtp-mail-551"},

    /* us: relaying, login, access */
    {STEP_RCPT, "554 5.7.1 <" TO ">: Relay access denied", OUTCOME_BLOCKED, "smtp-rcpt-554-relay"},
    {STEP_RCPT, "454 4.7.1 <" TO ">: Relay access denied", OUTCOME_BLOCKED, "smtp-rcpt-454-relay"},
    {STEP_RCPT, "451 4.7.1 <" TO ">: Recipient address rejected: Greylisted", OUTCOME_RETRY,
        "smtp-rcpt-451"},
    {STEP_RCPT, "550 5.7.1 Unable to relay", OUTCOME_BLOCKED, "smtp-rcpt-550-relay"},
    {STEP_RCPT, "550 5.7.64 TenantAttribution; Relay Access Denied", OUTCOME_BLOCKED,
        "smtp-rcpt-550-relay"},
    {STEP_RCPT, "553 Relaying disallowed as " FROM, OUTCOME_BLOCKED, "smtp-rcpt-553-relay"},
    {STEP_RCPT, "550 relay not permitted", OUTCOME_BLOCKED, "smtp-rcpt-550-relay"},
    {STEP_RCPT, "553 5.7.1 <" FROM ">: Sender address rejected: not logged in", OUTCOME_BLOCKED,
        "smtp-rcpt-553-login"},
    {STEP_DATA, "530 5.7.57 Client not authenticated to send mail", OUTCOME_BLOCKED,
        "smtp-data-530-login"},
    {STEP_RCPT, "550 5.7.1 Authentication required", OUTCOME_BLOCKED, "smtp-rcpt-550-login"},
    {STEP_RCPT,
        "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using "
        "zen.spamhaus.org",
        OUTCOME_BLOCKED, "smtp-rcpt-554-policy"},
    {STEP_RCPT, "554 5.7.1 <unknown[192.0.2.7]>: Client host rejected: Access denied",
        OUTCOME_BLOCKED, "smtp-rcpt-554-policy"},
    {STEP_RCPT, "550 5.7.1 we do not like you", OUTCOME_BLOCKED, "smtp-rcpt-550-policy"},
    {STEP_DOT, "554 5.7.0 Policy 123", OUTCOME_BLOCKED, "smtp-dot-554-policy"},
    {STEP_DOT, "550 5.7.708 Access denied, traffic not accepted from this IP", OUTCOME_BLOCKED,
        "smtp-dot-550-policy"},

    /* how many */
    {STEP_DATA, "550 5.4.5 Daily user sending limit exceeded.", OUTCOME_RETRY,
        "smtp-data-550-limit"},
    {STEP_DOT, "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed",
        OUTCOME_RETRY, "smtp-dot-554-limit"},
    {STEP_RCPT,
        "550 Domain example.org has exceeded the max emails per hour (25/25 (100%)) "
        "allowed.  Message discarded.",
        OUTCOME_RETRY, "smtp-rcpt-550-limit"},
    {STEP_MAIL, "550 5.7.1 Quota exceeded for sender", OUTCOME_RETRY, "smtp-mail-550-limit"},
    {STEP_RCPT, "554 5.7.1 You have sent too many messages today", OUTCOME_RETRY,
        "smtp-rcpt-554-limit"},
    {STEP_DOT, "550 5.4.6 Unusual sending activity detected. Please try after sometime",
        OUTCOME_RETRY, "smtp-dot-550-limit"},
    {STEP_DOT, "552 5.7.0 Your daily quota of mails is used up", OUTCOME_RETRY,
        "smtp-dot-552-limit"},
    {STEP_MAIL, "452 4.5.3 sender rate limit exceeded", OUTCOME_RETRY, "smtp-mail-452-limit"},

    /* the recipient, also where his own server's words are quoted */
    {STEP_RCPT, "550 5.1.1 <" TO ">: Recipient address rejected: User unknown", OUTCOME_NEVER,
        "smtp-rcpt-550-recipient"},
    {STEP_RCPT, "550 No such user here", OUTCOME_NEVER, "smtp-rcpt-550-recipient"},
    {STEP_DOT, "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found", OUTCOME_NEVER,
        "smtp-dot-550-recipient"},
    {STEP_RCPT, "550 5.2.1 The email account that you tried to reach is disabled.", OUTCOME_NEVER,
        "smtp-rcpt-550-recipient"},
    {STEP_RCPT, "554 5.2.2 <" TO ">: mailbox is over quota: 100 messages per day", OUTCOME_NEVER,
        "smtp-rcpt-554-recipient"},
    {STEP_RCPT, "550 5.7.1 <" TO ">: Recipient address rejected: Access denied", OUTCOME_NEVER,
        "smtp-rcpt-550-recipient"},
    {STEP_RCPT,
        "550 5.1.1 <" TO ">: undeliverable address: host mx.example.com said: 550 5.7.1 "
        "Sender address rejected, relay access denied",
        OUTCOME_NEVER, "smtp-rcpt-550-recipient"},
    {STEP_RCPT, "550 Callout verification failed: 550 5.7.1 sender address rejected", OUTCOME_NEVER,
        "smtp-rcpt-550-recipient"},
    {STEP_RCPT, "550 #5.1.0 Address rejected.", OUTCOME_NEVER, "smtp-rcpt-550"},
    {STEP_RCPT, "550 no", OUTCOME_NEVER, "smtp-rcpt-550"},
    {STEP_DOT, "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; not permitted",
        OUTCOME_NEVER, "smtp-dot-550-recipient"},
    {STEP_RCPT, "552 mailbox full", OUTCOME_RETRY, "smtp-rcpt-552-recipient"},
    {STEP_RCPT, "552 5.2.2 The email account that you tried to reach is over quota", OUTCOME_RETRY,
        "smtp-rcpt-552-recipient"},
    {STEP_RCPT, "552 too many recipients", OUTCOME_RETRY, "smtp-rcpt-552"},

    /* the message */
    {STEP_DOT, "554 5.7.1 Message rejected as spam", OUTCOME_NEVER, "smtp-dot-554-content"},
    {STEP_DOT, "552 5.3.4 Message size exceeds fixed limit", OUTCOME_NEVER, "smtp-dot-552-content"},
    {STEP_DOT, "554 5.6.0 bad header", OUTCOME_NEVER, "smtp-dot-554-content"},
    {STEP_DOT, "554 Transaction failed", OUTCOME_NEVER, "smtp-dot-554"},
};

static void the_words_decide(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wordings / sizeof wordings[0]; i++) {
        struct delivery_result result =
            read_reply(wordings[i].step, SMTP_PASSWORD, wordings[i].reply);
        bool limit = strstr(wordings[i].reason, "-limit"), later = wordings[i].reply[0] == '5';
        print_message("# %s\n", wordings[i].reply);
        assert_string_equal(result.reason, wordings[i].reason);
        assert_string_equal(outcome_name(result.outcome), outcome_name(wordings[i].outcome));
        assert_int_equal(result.exhausted, limit && later);
        assert_int_equal(result.wait_ms > 3600000, limit && later);
        assert_int_equal(result.doubtful,
            wordings[i].step >= STEP_RCPT && wordings[i].outcome == OUTCOME_BLOCKED);
        /* the words name the server, and nothing that it said */
        assert_ptr_equal(strstr(result.words, "mail.example.org:587 "), result.words);
        assert_null(strchr(result.words, '@'));
        assert_true(strlen(result.words) < WORDS_SIZE - 1);
    }
}

/* The owner may mail to himself: his address in a reply is the recipient's, then. */
static void an_address_that_is_both(void **state)
{
    (void)state;
    struct delivery_result result = {0};
    struct smtp_attempt attempt = {.curl = CURLE_SEND_ERROR,
        .waiting = STEP_DATA,
        .code = 550,
        .replied = STEP_RCPT,
        .reply = "550 <owner@example.org> is not here",
        .from = TO,
        .to = TO,
        .peer = {.name = "mail.example.org:587"}};
    smtp_classify(&attempt, &result);
    assert_string_equal(result.reason, "smtp-rcpt-550");
    attempt.from = "Owner@Example.org";
    smtp_classify(&attempt, &result);
    assert_string_equal(result.reason, "smtp-rcpt-550");
}

/* ---- what to do ---- */

static void words_say_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct smtp_attempt attempt;
        const char *reason, *words;
    } cases[] = {
        {"password", {.curl = CURLE_LOGIN_DENIED, .code = 535, .login = SMTP_PASSWORD},
            "smtp-auth-535",
            "587 refused the login of BOOKSPOOL_SMTP_USER: check drain.env, it must hold the pass"},
        {"token", {.curl = CURLE_LOGIN_DENIED, .code = 535, .login = SMTP_TOKEN}, "smtp-auth-535",
            "587 refused the login of BOOKSPOOL_SMTP_USER: check drain.env, it must hold a token"},
        {"no passwords",
            {.curl = CURLE_LOGIN_DENIED,
                .code = 535,
                .login = SMTP_PASSWORD,
                .reply = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is "
                         "disabled for the Tenant."},
            "smtp-auth-535", "587 takes no password for this account"},
        {"app password",
            {.curl = CURLE_LOGIN_DENIED,
                .code = 534,
                .login = SMTP_PASSWORD,
                .reply = "534 5.7.9 Application-specific password required"},
            "smtp-auth-534", "587 wants a password made for this program (an app password)"},
        {"no login offered", {.curl = CURLE_ABORTED_BY_CALLBACK, .not_authenticated = true},
            "smtp-no-auth", "587 offers no login, but BOOKSPOOL_SMTP_USER is set"},
        {"no mechanism", {.curl = CURLE_LOGIN_DENIED, .code = 250, .no_mechanism = true},
            "smtp-no-mechanism",
            "587 offers none of the login mechanisms that may be used: check "
            "BOOKSPOOL_SMTP_AUTH"},
        {"login wanted", {.curl = CURLE_SEND_ERROR, .code = 530, .replied = STEP_MAIL},
            "smtp-mail-530", "587 wants a login or TLS: set BOOKSPOOL_SMTP_USER, and"},
        {"no relaying without a login",
            {.curl = CURLE_SEND_ERROR,
                .code = 554,
                .replied = STEP_RCPT,
                .reply = "554 5.7.1 Relay access denied"},
            "smtp-rcpt-554-relay", "587 does not relay without a login: set BOOKSPOOL_SMTP"},
        {"no STARTTLS", {.curl = CURLE_USE_SSL_FAILED, .code = 250, .replied = STEP_EHLO},
            "smtp-tls-64",
            "587 offers no STARTTLS, and mail goes out encrypted only: try smtps://"},
        {"plain port", {.curl = CURLE_SSL_CONNECT_ERROR, .tls = SMTP_TLS_FIRST}, "smtp-tls-35",
            "587 does not speak TLS from the first byte: use smtp:// for STARTTLS"},
        {"TLS port", {.curl = CURLE_OPERATION_TIMEDOUT, .peer.connected = true},
            "smtp-greeting-timeout", "needs smtps://"},
        {"TLS port that hangs up", {.curl = CURLE_RECV_ERROR, .peer.connected = true},
            "smtp-greeting-lost", "needs smtps://"},
        {"old TLS", {.curl = CURLE_SSL_CONNECT_ERROR, .waiting = STEP_EHLO}, "smtp-tls-35",
            "587 and this machine agree on no TLS: it must take TLS 1.2"},
        {"name of another", {.curl = CURLE_PEER_FAILED_VERIFICATION}, "smtp-tls-60",
            "the certificate of mail.example.org:587 is for another name"},
        {"name of another, as 7.88 has it",
            {.curl = CURLE_PEER_FAILED_VERIFICATION, .peer.verify = 1}, "smtp-tls-60",
            "the certificate of mail.example.org:587 is for another name: put the name that is in "
            "it into BOOKSPOOL_TRANSPORT"},
        {"expired", {.curl = CURLE_PEER_FAILED_VERIFICATION, .peer.verify = 10}, "smtp-tls-60",
            "the certificate of mail.example.org:587 has expired or is not valid yet"},
        {"own authority", {.curl = CURLE_PEER_FAILED_VERIFICATION, .peer.verify = 20},
            "smtp-tls-60",
            "the certificate of mail.example.org:587 is not trusted (unable to get local issuer"},
        {"authorities", {.curl = CURLE_SSL_CACERT_BADFILE}, "smtp-tls-77", "BOOKSPOOL_TLS_CA"},
        {"no name", {.curl = CURLE_COULDNT_RESOLVE_HOST}, "smtp-dns-6",
            "the name of mail.example.org:587 cannot be resolved: check BOOKSPOOL_TRANSPORT"},
        {"closed port", {.curl = CURLE_COULDNT_CONNECT, .peer.os_error = ECONNREFUSED},
            "smtp-connect-7", "587 refused the connection: nothing listens on that port"},
        {"no way", {.curl = CURLE_COULDNT_CONNECT, .peer.os_error = EHOSTUNREACH}, "smtp-connect-7",
            "587 cannot be reached (No route to host): check BOOKSPOOL_TRANSPORT"},
        {"dropped", {.curl = CURLE_OPERATION_TIMEDOUT}, "smtp-connect-28",
            "no answer from mail.example.org:587 within BOOKSPOOL_CONNECT_TIMEOUT"},
        {"slow", {.curl = CURLE_OPERATION_TIMEDOUT, .waiting = STEP_RCPT, .peer.connected = true},
            "smtp-rcpt-timeout", "587 did not answer within BOOKSPOOL_REPLY_TIMEOUT"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct smtp_attempt attempt = cases[i].attempt;
        struct delivery_result result = {0};
        attempt.peer.name = "mail.example.org:587";
        attempt.peer.setting = "BOOKSPOOL_TRANSPORT";
        if (attempt.code && attempt.curl != CURLE_SEND_ERROR)
            attempt.waiting = attempt.replied = STEP_EHLO;
        smtp_classify(&attempt, &result);
        print_message("# %s: %s\n", cases[i].what, result.words);
        assert_string_equal(result.reason, cases[i].reason);
        assert_non_null(strstr(result.words, cases[i].words));
        assert_non_null(strstr(result.words, "mail.example.org:587") ||
                                strcmp(cases[i].what, "authorities") == 0
                            ? result.words
                            : NULL);
        assert_true(strlen(result.words) < WORDS_SIZE - 1);
    }
}

/* ---- lines of a reply ---- */

static size_t join(char *reply, size_t size, const char *const *line)
{
    size_t len = 0;
    for (; *line; line++)
        len = smtp_join_reply(reply, size, len, *line, strlen(*line));
    return len;
}

static void lines_are_joined(void **state)
{
    (void)state;
    static const struct {
        const char *line[5], *joined;
    } cases[] = {
        {{"550 5.1.1 no"}, "550 5.1.1 no"},
        {{"550-5.4.5 Daily user sending", "550-5.4.5 limit", "550 5.4.5 exceeded x - gsmtp"},
            "550 5.4.5 Daily user sending limit exceeded x - gsmtp"},
        {{"554-mx.example.org", "554 5.7.1 go away"}, "554 mx.example.org 5.7.1 go away"},
        {{"550-5.7.1 one", "550 5.7.26 other"}, "550 5.7.1 one 5.7.26 other"},
        {{"550-5.7.1", "550-", "550"}, "550 5.7.1"},
        {{"220-a\tb", "220 \xc3\xa9"}, "220 a?b ??"},
    };
    char reply[200];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = join(reply, sizeof reply, cases[i].line);
        assert_string_equal(reply, cases[i].joined);
        assert_int_equal(len, strlen(reply));
    }
    /* words that the line break divides are found; what has no room is cut off */
    join(reply, sizeof reply, cases[1].line);
    assert_string_equal(read_reply(STEP_DOT, SMTP_NO_LOGIN, reply).reason, "smtp-dot-550-limit");
    char small[12];
    assert_int_equal(join(small, sizeof small, cases[1].line), sizeof small - 1);
    assert_string_equal(small, "550 5.4.5 D");
}

/* ---- mechanisms ---- */

static void mechanisms_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        unsigned offered;
        enum smtp_mechanism first;
    } cases[] = {
        {"250 AUTH GSSAPI NTLM LOGIN", 1 << MECHANISM_NTLM | 1 << MECHANISM_LOGIN, MECHANISM_LOGIN},
        {"250-AUTH CRAM-MD5 PLAIN", 1 << MECHANISM_CRAM_MD5 | 1 << MECHANISM_PLAIN,
            MECHANISM_PLAIN},
        {"250-AUTH=DIGEST-MD5", 1 << MECHANISM_DIGEST_MD5, MECHANISM_DIGEST_MD5},
        {"250-auth xoauth2 oauthbearer", MECHANISMS_OF_TOKEN, MECHANISM_OAUTHBEARER},
        {"250 AUTH PLAINTEXT GSSAPI", 0, MECHANISMS},
        {"250-AUTHOR PLAIN", 0, MECHANISMS},
        {"250 AUTH ", 0, MECHANISMS},
        {"250 SIZE 1000", 0, MECHANISMS},
        {"250", 0, MECHANISMS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned offered = smtp_mechanisms_offered(cases[i].line, strlen(cases[i].line));
        print_message("# %s\n", cases[i].line);
        assert_int_equal(offered, cases[i].offered);
        assert_int_equal(smtp_mechanism_first(offered), cases[i].first);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row),
        cmocka_unit_test(only_the_dot_is_a_yes),
        cmocka_unit_test(only_silence_is_unreachable),
        cmocka_unit_test(stopped_by_ourselves),
        cmocka_unit_test(the_words_decide),
        cmocka_unit_test(an_address_that_is_both),
        cmocka_unit_test(words_say_what_to_do),
        cmocka_unit_test(lines_are_joined),
        cmocka_unit_test(mechanisms_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
