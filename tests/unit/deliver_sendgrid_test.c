/* SendGrid: what each answer means for a mail, and what a stored message becomes as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <glib.h>

#include "base/json.h"
#include "deliver/sendgrid.h"
#include "deliver/sendgrid_body.h"
#include "mail/message.h"

/* ---- outcomes ---- */

static const struct {
    const char *what;
    int curl;
    long status;
    const char *field;
    bool connected, end_given;
    enum outcome outcome;
    const char *reason;
} rows[] = {
    {"accepted", CURLE_OK, 202, NULL, true, true, OUTCOME_SENT, "sendgrid-202"},
    {"accepted, and then cut off", CURLE_RECV_ERROR, 202, NULL, true, true, OUTCOME_SENT,
        "sendgrid-202"},
    {"sandbox", CURLE_OK, 200, NULL, true, true, OUTCOME_BLOCKED, "sendgrid-200"},
    {"another yes", CURLE_OK, 201, NULL, true, true, OUTCOME_UNKNOWN, "sendgrid-201"},
    {"redirect", CURLE_OK, 301, NULL, true, true, OUTCOME_BLOCKED, "sendgrid-301"},
    {"bad recipient", CURLE_OK, 400, "personalizations.0.to.0.email", true, true, OUTCOME_NEVER,
        "sendgrid-400-personalizations"},
    {"bad request", CURLE_OK, 400, NULL, true, true, OUTCOME_NEVER, "sendgrid-400"},
    {"field that is not one", CURLE_OK, 400, "\nInjected: line", true, true, OUTCOME_NEVER,
        "sendgrid-400"},
    {"bad sender", CURLE_OK, 400, "from.email", true, true, OUTCOME_BLOCKED, "sendgrid-400-from"},
    {"bad reply-to", CURLE_OK, 400, "reply_to", true, true, OUTCOME_BLOCKED,
        "sendgrid-400-reply_to"},
    {"wrong id, or no credits", CURLE_OK, 401, NULL, true, true, OUTCOME_BLOCKED, "sendgrid-401"},
    {"sender not verified", CURLE_OK, 403, "from", true, true, OUTCOME_BLOCKED, "sendgrid-403"},
    {"wrong place", CURLE_OK, 404, NULL, true, true, OUTCOME_BLOCKED, "sendgrid-404"},
    {"accept", CURLE_OK, 406, NULL, true, true, OUTCOME_BLOCKED, "sendgrid-406"},
    {"timeout of theirs", CURLE_OK, 408, NULL, true, true, OUTCOME_RETRY, "sendgrid-408"},
    {"too large", CURLE_OK, 413, NULL, true, true, OUTCOME_NEVER, "sendgrid-413"},
    {"too large, said early", CURLE_SEND_ERROR, 413, NULL, true, false, OUTCOME_NEVER,
        "sendgrid-413"},
    {"media type", CURLE_OK, 415, NULL, true, true, OUTCOME_BLOCKED, "sendgrid-415"},
    {"rate", CURLE_OK, 429, NULL, true, true, OUTCOME_RETRY, "sendgrid-429"},
    {"region", CURLE_OK, 451, NULL, true, true, OUTCOME_BLOCKED, "sendgrid-451"},
    {"broken", CURLE_OK, 500, NULL, true, true, OUTCOME_RETRY, "sendgrid-500"},
    {"gateway", CURLE_OK, 502, NULL, true, true, OUTCOME_UNKNOWN, "sendgrid-502"},
    {"busy", CURLE_OK, 503, NULL, true, true, OUTCOME_RETRY, "sendgrid-503"},
    {"gateway timeout", CURLE_OK, 504, NULL, true, true, OUTCOME_UNKNOWN, "sendgrid-504"},
    {"no status at all", CURLE_OK, 999, NULL, true, true, OUTCOME_UNKNOWN, "sendgrid-999"},

    {"cut off after the last byte", CURLE_GOT_NOTHING, 0, NULL, true, true, OUTCOME_UNKNOWN,
        "sendgrid-lost"},
    {"a repeat that libcurl could not do", CURLE_SEND_FAIL_REWIND, 0, NULL, true, true,
        OUTCOME_UNKNOWN, "sendgrid-lost"},
    {"silence after it", CURLE_OPERATION_TIMEDOUT, 0, NULL, true, true, OUTCOME_UNKNOWN,
        "sendgrid-timeout"},
    {"cut off before it", CURLE_SEND_ERROR, 0, NULL, true, false, OUTCOME_RETRY, "sendgrid-lost"},
    {"silence before it", CURLE_OPERATION_TIMEDOUT, 0, NULL, true, false, OUTCOME_RETRY,
        "sendgrid-timeout"},
    {"name", CURLE_COULDNT_RESOLVE_HOST, 0, NULL, false, false, OUTCOME_RETRY, "sendgrid-dns-6"},
    {"no server there", CURLE_COULDNT_CONNECT, 0, NULL, false, false, OUTCOME_RETRY,
        "sendgrid-connect-7"},
    {"silence at connect", CURLE_OPERATION_TIMEDOUT, 0, NULL, false, false, OUTCOME_RETRY,
        "sendgrid-timeout"},
    {"certificate", CURLE_PEER_FAILED_VERIFICATION, 0, NULL, false, false, OUTCOME_BLOCKED,
        "sendgrid-tls-60"},
};

static void each_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct delivery_result result = {0};
        sendgrid_classify(&(struct sendgrid_attempt){.curl = rows[i].curl,
                              .status = rows[i].status,
                              .field = rows[i].field,
                              .connected = rows[i].connected,
                              .end_given = rows[i].end_given,
                              .peer = {.name = "api.sendgrid.com"}},
            0, &result);
        print_message("# %s\n", rows[i].what);
        assert_string_equal(outcome_name(result.outcome), outcome_name(rows[i].outcome));
        assert_string_equal(result.reason, rows[i].reason);
        assert_int_equal(result.unreachable, result.outcome == OUTCOME_RETRY && !rows[i].connected);
        assert_int_equal(result.wait_ms > 0, rows[i].status == 429);
    }
}

/* Used-up credits come as 401, a sender that is not verified as 403 or 400. */
static void the_message_decides(void **state)
{
    (void)state;
    static const struct {
        long status;
        const char *message;
        enum outcome outcome;
        const char *reason, *words;
    } cases[] = {
        {401, "Maximum credits exceeded", OUTCOME_RETRY, "sendgrid-401-limit", "used up"},
        {403, "You have exceeded your daily limit of 100 messages", OUTCOME_RETRY,
            "sendgrid-403-limit", "used up"},
        {403,
            "The from address does not match a verified Sender Identity. Mail cannot be sent "
            "until this error is resolved.",
            OUTCOME_BLOCKED, "sendgrid-403-sender", "BOOKSPOOL_MAIL_FROM"},
        {400, "The from email is not a verified sender", OUTCOME_BLOCKED, "sendgrid-400-sender",
            "BOOKSPOOL_MAIL_FROM"},
        {401, "The provided authorization grant is invalid, expired, or revoked", OUTCOME_BLOCKED,
            "sendgrid-401", "refused SENDGRID_API_KEY: check drain.env"},
        {403, "access forbidden", OUTCOME_BLOCKED, "sendgrid-403", "SENDGRID_API_KEY"},
        {400, "Does not contain a valid address.", OUTCOME_NEVER, "sendgrid-400", "refused"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct delivery_result result = {0};
        sendgrid_classify(&(struct sendgrid_attempt){.status = cases[i].status,
                              .message = cases[i].message,
                              .connected = true,
                              .end_given = true,
                              .peer = {.name = "api.sendgrid.com"}},
            0, &result);
        print_message("# %s\n", cases[i].message);
        assert_string_equal(outcome_name(result.outcome), outcome_name(cases[i].outcome));
        assert_string_equal(result.reason, cases[i].reason);
        assert_ptr_equal(strstr(result.words, "api.sendgrid.com "), result.words);
        assert_non_null(strstr(result.words, cases[i].words));
        assert_int_equal(result.exhausted, result.outcome == OUTCOME_RETRY);
        assert_int_equal(result.wait_ms > 3600000, result.exhausted);
    }
}

static void a_rate_limit_says_when_it_is_over(void **state)
{
    (void)state;
    static const struct {
        int64_t reset, now, wait;
    } limits[] = {
        {1000, 990500, 9500}, {0, 990500, 60000}, {-5, 990500, 60000}, {INT64_MAX, 990500, 60000},
        {1, INT64_C(1795341600123), 1000}, /* over already, or clocks that differ */
    };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct delivery_result result = {0};
        sendgrid_classify(&(struct sendgrid_attempt){.status = 429,
                              .reset = limits[i].reset,
                              .end_given = true,
                              .peer = {.name = "api.sendgrid.com"}},
            limits[i].now, &result);
        assert_int_equal(result.wait_ms, limits[i].wait);
    }
}

/* An acceptance of what it cannot have: the mail is sent again. A refusal is one at any time. */
static void an_answer_comes_before_the_request(void **state)
{
    (void)state;
    static const struct {
        long status;
        enum outcome outcome;
        const char *reason;
    } cases[] = {
        {202, OUTCOME_RETRY, "sendgrid-202-early"},
        {204, OUTCOME_RETRY, "sendgrid-204-early"},
        {502, OUTCOME_RETRY, "sendgrid-502-early"},
        {401, OUTCOME_BLOCKED, "sendgrid-401"},
        {413, OUTCOME_NEVER, "sendgrid-413"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct delivery_result result = {0};
        sendgrid_classify(
            &(struct sendgrid_attempt){
                .status = cases[i].status, .connected = true, .peer = {.name = "api.sendgrid.com"}},
            0, &result);
        assert_string_equal(outcome_name(result.outcome), outcome_name(cases[i].outcome));
        assert_string_equal(result.reason, cases[i].reason);
        assert_false(result.exhausted);
        assert_int_equal(result.wait_ms, 0);
    }
}

static void stopped_by_ourselves(void **state)
{
    (void)state;
    struct delivery_result result = {0};
    sendgrid_classify(
        &(struct sendgrid_attempt){.curl = CURLE_ABORTED_BY_CALLBACK, .given_up = true}, 0,
        &result);
    assert_int_equal(result.outcome, OUTCOME_RETRY);
    assert_false(result.unreachable);
    assert_string_equal(result.reason, "sendgrid-before-end");
}

/* ---- the body ---- */

static const struct message usual = {
    .name = "0123456789abcdef0123456789abcdef-0123456789ab",
    .id = "0123456789abcdef0123456789abcdef",
    .from = "bookspool@example.org",
    .to = "owner@example.org",
    .reply_to = "ada@example.com",
    .date = INT64_C(1795341600123),
    .subject = "New booking: Zo\xc3\xab \xe2\x9c\x93 \"quoted\" \\ and so on",
    .text = "Line one\nZo\xc3\xab \"x\" \\ \t.\n.\n",
};

/* The JSON of the message, parsed; NULL where there is none. The caller frees. */
static cJSON *json_of(const struct message *message)
{
    struct buf mail = {0}, json = {0};
    assert_true(message_compose(message, &mail));
    struct delivery delivery = {.name = message->name,
        .from = "envelope@example.org",
        .to = "recipient@example.org",
        .data = mail.data,
        .len = mail.len};
    cJSON *root = sendgrid_body(&delivery, &json) ? json_parse(json.data, json.len) : NULL;
    buf_free(&mail);
    buf_free(&json);
    return root;
}

static const cJSON *item(const cJSON *root, const char *array, int index)
{
    return cJSON_GetArrayItem(json_get(root, array), index);
}

static void assert_json_text(const cJSON *object, const char *path, const char *want)
{
    const char *got = json_text(object, path);
    if (!want) {
        assert_null(got);
        return;
    }
    assert_non_null(got);
    assert_string_equal(got, want);
}

static void the_usual_mail(void **state)
{
    (void)state;
    cJSON *root = json_of(&usual);
    const cJSON *one = item(root, "personalizations", 0);
    assert_int_equal(cJSON_GetArraySize(json_get(root, "personalizations")), 1);
    assert_int_equal(cJSON_GetArraySize(json_get(one, "to")), 1);
    assert_json_text(item(one, "to", 0), "email", "recipient@example.org");
    assert_json_text(one, "custom_args.bookspool_mail", usual.name);
    assert_json_text(root, "from.email", "envelope@example.org");
    assert_json_text(root, "reply_to.email", usual.reply_to);
    assert_json_text(root, "subject", usual.subject);
    assert_json_text(json_get(root, "headers"), "X-Bookspool-Id", usual.id);
    assert_json_text(json_get(root, "headers"), "Auto-Submitted", "auto-generated");
    assert_json_text(json_get(root, "headers"), "Message-ID",
        "<0123456789abcdef0123456789abcdef-0123456789ab@example.org>");
    assert_json_text(json_get(root, "headers"), "X-Auto-Response-Suppress", "OOF, AutoReply");
    assert_json_text(json_get(root, "headers"), "X-Entity-Ref-ID", usual.id);
    assert_int_equal(cJSON_GetArraySize(json_get(root, "headers")), 5);
    assert_int_equal(cJSON_GetArraySize(json_get(root, "content")), 1);
    assert_json_text(item(root, "content", 0), "type", "text/plain");
    assert_json_text(
        item(root, "content", 0), "value", "Line one\r\nZo\xc3\xab \"x\" \\ \t.\r\n.\r\n");
    assert_null(json_get(root, "attachments"));
    cJSON_Delete(root);
}

static void names_and_threads_go_along(void **state)
{
    (void)state;
    struct message message = usual;
    message.from_name = "B\xc3\xbc"
                        "cher, Ltd; Bookings";
    message.reply_to_name = "Zo\xc3\xab Example";
    message.thread = "booking-77@example.org";
    cJSON *root = json_of(&message);
    assert_json_text(root, "from.name",
        "B\xc3\xbc"
        "cher  Ltd  Bookings");
    assert_json_text(root, "from.email", "envelope@example.org");
    assert_json_text(root, "reply_to.name", "Zo\xc3\xab Example");
    assert_json_text(json_get(root, "headers"), "References", "<booking-77@example.org>");
    assert_json_text(json_get(root, "headers"), "In-Reply-To", "<booking-77@example.org>");
    assert_null(json_get(json_get(root, "headers"), "X-Entity-Ref-ID"));
    cJSON_Delete(root);
}

static void a_mail_with_everything(void **state)
{
    (void)state;
    struct message message = usual;
    message.reply_to = NULL;
    message.html = "<p>Zo\xc3\xab</p>";
    message.calendar = "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n";
    message.calendar_method = "REQUEST";
    message.attachment = "{}";
    message.attachment_len = 2;
    message.attachment_name = "bo;dy,.json";
    cJSON *root = json_of(&message);
    assert_null(json_get(root, "reply_to"));
    assert_int_equal(cJSON_GetArraySize(json_get(root, "content")), 2);
    assert_json_text(item(root, "content", 0), "type", "text/plain");
    assert_json_text(item(root, "content", 1), "type", "text/html");
    assert_json_text(item(root, "content", 1), "value", "<p>Zo\xc3\xab</p>");
    assert_int_equal(cJSON_GetArraySize(json_get(root, "attachments")), 2);
    const cJSON *invite = item(root, "attachments", 0), *body = item(root, "attachments", 1);
    assert_json_text(invite, "type", "application/ics");
    assert_json_text(invite, "filename", "invite.ics");
    assert_json_text(invite, "disposition", "attachment");
    assert_json_text(invite, "content", "QkVHSU46VkNBTEVOREFSDQpFTkQ6VkNBTEVOREFSDQo=");
    assert_json_text(body, "type", "application/octet-stream");
    assert_json_text(body, "filename", "body.json");
    assert_json_text(body, "content", "e30=");
    cJSON_Delete(root);
}

/* An empty text would be refused; a mail without any text cannot be handed over. */
static void empty_texts_are_left_out(void **state)
{
    (void)state;
    struct message message = usual;
    message.text = "";
    message.html = "<p>x</p>";
    cJSON *root = json_of(&message);
    assert_int_equal(cJSON_GetArraySize(json_get(root, "content")), 1);
    assert_json_text(item(root, "content", 0), "type", "text/html");
    cJSON_Delete(root);
    message.html = NULL;
    assert_null(json_of(&message));
    message.text = "x";
    message.subject = "";
    root = json_of(&message);
    assert_json_text(root, "subject", "-");
    cJSON_Delete(root);
}

/* What a person put into out/ by hand is read as far as it can be. */
static void other_messages(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "\r\n", "no header\r\n", "Subject: x\r\n\r\n",
        "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n",
        "Content-Type: text/plain; charset=nonsense\r\n\r\n\xff\xfe\r\n",
        "Subject: =?utf-8?B?//8=?=\r\nContent-Type: text/plain\r\n\r\nbody\xff\r\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct buf json = {0};
        struct delivery delivery = {.name = usual.name,
            .from = "a@example.org",
            .to = "b@example.org",
            .data = texts[i],
            .len = strlen(texts[i])};
        if (sendgrid_body(&delivery, &json)) {
            cJSON *root = json_parse(json.data, json.len);
            assert_non_null(root);
            assert_true(cJSON_GetArraySize(json_get(root, "content")) > 0);
            cJSON_Delete(root);
        }
        buf_free(&json);
    }
}

static int setup(void **state)
{
    (void)state;
    message_setup();
    g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row),
        cmocka_unit_test(the_message_decides),
        cmocka_unit_test(a_rate_limit_says_when_it_is_over),
        cmocka_unit_test(an_answer_comes_before_the_request),
        cmocka_unit_test(stopped_by_ourselves),
        cmocka_unit_test(the_usual_mail),
        cmocka_unit_test(names_and_threads_go_along),
        cmocka_unit_test(a_mail_with_everything),
        cmocka_unit_test(empty_texts_are_left_out),
        cmocka_unit_test(other_messages),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
