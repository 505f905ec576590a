/* Each row of the table of facts about libcurl and SMTP replies: what it means for a mail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "deliver/smtp.h"

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
                      .end_given = row->end_given},
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
    struct smtp_attempt attempt = {.curl = CURLE_ABORTED_BY_CALLBACK, .not_authenticated = true};
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row),
        cmocka_unit_test(only_the_dot_is_a_yes),
        cmocka_unit_test(only_silence_is_unreachable),
        cmocka_unit_test(stopped_by_ourselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
