#include "deliver/smtp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <curl/curl.h>

#include "base/address.h"
#include "base/clock.h"
#include "deliver/smtp_outcome.h"
#include "deliver/smtp_url.h"

/* What one call of curl_easy_perform is about and has seen. */
struct session {
    const struct delivery *delivery;
    size_t given; /* bytes of the message that libcurl has got */
    struct smtp_attempt attempt;
    bool settled;                /* the deciding reply has come: what follows belongs to QUIT */
    char reply[DETAIL_SIZE_MAX]; /* the last reply that matters, its lines joined */
    size_t reply_len;
    bool in_reply; /* more lines of it follow */
};

struct smtp {
    CURL *easy;
    CURLM *multi;   /* keeps the connection */
    bool abandoned; /* the transfer that runs is to end at once */
    bool wants_login;
    bool logged_in; /* on the kept connection */
    char error[CURL_ERROR_SIZE];
    struct session session;
};

/* ---- replies ---- */

static int reply_code(const char *line, size_t len)
{
    int code = 0;
    for (size_t i = 0; i < 3; i++) {
        if (i >= len || line[i] < '0' || line[i] > '9')
            return 0;
        code = code * 10 + (line[i] - '0');
    }
    return code;
}

/* Words of the server end in .why files and on terminals: printable ASCII only. */
static void keep_line(struct session *session, const char *line, size_t len)
{
    if (!session->in_reply)
        session->reply_len = 0;
    else if (session->reply_len + 1 < sizeof session->reply)
        session->reply[session->reply_len++] = ' ';
    for (size_t i = 0; i < len && session->reply_len + 1 < sizeof session->reply; i++)
        if (line[i] != '\r' && line[i] != '\n')
            session->reply[session->reply_len++] = line[i] < ' ' || line[i] > '~' ? '?' : line[i];
    session->reply[session->reply_len] = '\0';
}

/*
 * Before MAIL the number of replies depends on TLS and login, so EHLO stands for all of them, and a
 * refusal is kept until another reply of that kind: a QUIT may follow it. From MAIL on there is
 * one reply a step.
 */
static void count_reply(struct session *session, int code)
{
    struct smtp_attempt *attempt = &session->attempt;
    attempt->code = code;
    attempt->replied = attempt->waiting;
    if (attempt->waiting == STEP_GREETING)
        attempt->waiting = STEP_EHLO;
    else if (attempt->waiting >= STEP_MAIL)
        attempt->waiting++;
    session->settled =
        attempt->waiting == STEP_END || (attempt->replied != STEP_EHLO && code >= 400);
}

/* CURLOPT_HEADERFUNCTION: called with each line that the server says. */
static size_t on_reply(char *line, size_t size, size_t count, void *context)
{
    struct smtp *smtp = context;
    struct session *session = &smtp->session;
    size_t len = size * count;
    int code = reply_code(line, len);
    if (session->settled || code == 0 || code == 221)
        return len;
    keep_line(session, line, len);
    session->in_reply = len > 3 && line[3] == '-';
    if (session->in_reply)
        return len;
    if (code == 235 && session->attempt.waiting == STEP_EHLO)
        smtp->logged_in = true;
    count_reply(session, code);
    return len;
}

/* CURLOPT_SOCKOPTFUNCTION: a new connection begins. */
static int on_connect(void *context, curl_socket_t fd, curlsocktype purpose)
{
    (void)fd;
    (void)purpose;
    struct smtp *smtp = context;
    smtp->logged_in = false;
    smtp->session.attempt.waiting = STEP_GREETING;
    return CURL_SOCKOPT_OK;
}

/* CURLOPT_PREREQFUNCTION: connected, TLS and login are done or were left out; MAIL is next. */
static int on_ready(void *context, char *remote, char *local, int remote_port, int local_port)
{
    (void)remote, (void)local, (void)remote_port, (void)local_port;
    struct smtp *smtp = context;
    smtp->session.attempt.waiting = STEP_MAIL;
    smtp->session.attempt.code = 0;
    smtp->session.attempt.not_authenticated = smtp->wants_login && !smtp->logged_in;
    return smtp->session.attempt.not_authenticated ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* CURLOPT_READFUNCTION. With a known size libcurl may not call again after the last byte. */
static size_t on_body(char *out, size_t size, size_t count, void *context)
{
    struct session *session = &((struct smtp *)context)->session;
    const struct delivery *delivery = session->delivery;
    size_t room = size * count, rest = delivery->len - session->given;
    size_t len = rest < room ? rest : room;
    if (len == rest && !session->attempt.end_given) {
        if (!delivery->before_end(delivery->context)) {
            session->attempt.given_up = true;
            return CURL_READFUNC_ABORT;
        }
        session->attempt.end_given = true;
    }
    memcpy(out, delivery->data + session->given, len);
    session->given += len;
    return len;
}

/*
 * CURLOPT_XFERINFOFUNCTION: called at least once a second, also while a reply is waited for. What
 * it gives back other than 0 ends the transfer.
 */
static int on_time(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    const struct smtp *smtp = context;
    const struct delivery *delivery = smtp->session.delivery;
    if (delivery && delivery->waiting)
        delivery->waiting(delivery->context);
    return smtp->abandoned;
}

/* ---- setting up ---- */

/*
 * libcurl allocates twice its upload buffer for each read, to escape dots in it: so little that the
 * heap keeps it, and yet a whole mail.
 */
enum { BUFFER_SIZE = 32 << 10 };

struct option {
    CURLoption name;
    long value;
};

static bool set_text(CURL *easy, CURLoption name, const char *text)
{
    return !text || curl_easy_setopt(easy, name, text) == CURLE_OK;
}

static bool set_numbers(CURL *easy, const struct option *options, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (curl_easy_setopt(easy, options[i].name, options[i].value) != CURLE_OK)
            return false;
    return true;
}

static bool set_policy(CURL *easy, const struct conf *conf, bool plain)
{
    long connect_ms = (long)conf_number(conf, SET_CONNECT_TIMEOUT);
    long reply_s =
        (long)((conf_number(conf, SET_REPLY_TIMEOUT) + MS_PER_SECOND - 1) / MS_PER_SECOND);
    const struct option options[] = {
        {CURLOPT_USE_SSL, plain ? CURLUSESSL_NONE : CURLUSESSL_ALL},
        {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_SSL_VERIFYPEER, 1},
        {CURLOPT_SSL_VERIFYHOST, 2},
        {CURLOPT_CONNECTTIMEOUT_MS, connect_ms},
        {CURLOPT_SERVER_RESPONSE_TIMEOUT, reply_s},
        {CURLOPT_LOW_SPEED_LIMIT, 1}, /* a server that stops reading the message */
        {CURLOPT_LOW_SPEED_TIME, reply_s},
        {CURLOPT_UPLOAD, 1},
        {CURLOPT_TCP_KEEPALIVE, 1},
        {CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
        {CURLOPT_NOSIGNAL, 1}, /* SIGPIPE is ignored by the program, so not around each write */
        {CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_SIZE},
    };
    return set_numbers(easy, options, sizeof options / sizeof options[0]) &&
           set_text(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps") &&
           set_text(easy, CURLOPT_NOPROXY, plain ? "*" : NULL) &&
           set_text(easy, CURLOPT_CAINFO, conf_text(conf, SET_TLS_CA)) &&
           set_text(easy, CURLOPT_USERNAME, conf_text(conf, SET_SMTP_USER)) &&
           set_text(easy, CURLOPT_PASSWORD, conf_text(conf, SET_SMTP_PASSWORD));
}

static bool set_callbacks(struct smtp *smtp)
{
    CURL *easy = smtp->easy;
    return curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, smtp->error) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_reply) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, smtp) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_connect) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, smtp) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_ready) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQDATA, smtp) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_time) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_XFERINFODATA, smtp) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_READDATA, smtp) == CURLE_OK;
}

/* conf.c sees to it that a user comes with a password or a token. */
static bool check_login(const struct conf *conf, bool plain, struct buf *why)
{
    if (plain && conf_text(conf, SET_SMTP_USER))
        buf_puts(why, "BOOKSPOOL_TRANSPORT: smtp+plain:// takes no login, the password would go in "
                      "clear; use smtp:// or smtps://, or unset BOOKSPOOL_SMTP_USER");
    return why->len == 0;
}

/* The line of a token goes into the login as it is: nothing may be in it that ends one. */
static bool is_graphic(const char *text)
{
    while (*text > ' ' && *text <= '~')
        text++;
    return *text == '\0';
}

/*
 * An OAuth 2 access token lives about an hour, so its file is read again for each run. Without the
 * options libcurl would offer the user with an empty password to a server that knows no tokens.
 */
static bool set_token(CURL *easy, const struct conf *conf, struct buf *why)
{
    struct buf token = {0};
    bool ok = true;
    if (!conf_text(conf, SET_SMTP_TOKEN))
        return true;
    if (!conf_reread(conf, SET_SMTP_TOKEN, &token, why))
        ok = false;
    else if (token.len == 0 || !is_graphic(token.data))
        buf_puts(why, "BOOKSPOOL_SMTP_TOKEN: expected one word of printable ASCII");
    else
        ok = set_text(easy, CURLOPT_XOAUTH2_BEARER, token.data) &&
             set_text(easy, CURLOPT_LOGIN_OPTIONS, "AUTH=XOAUTH2;AUTH=OAUTHBEARER");
    if (token.data)
        explicit_bzero(token.data, token.len);
    buf_free(&token);
    return ok && why->len == 0;
}

void *smtp_open(const struct conf *conf, const char *value, struct buf *why)
{
    bool plain = smtp_url_is_plain(value);
    struct buf url = {0};
    struct smtp *smtp = NULL;
    if (!check_login(conf, plain, why) || !smtp_url(value, conf_text(conf, SET_EHLO), &url, why)) {
        buf_free(&url);
        return NULL;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK && (smtp = calloc(1, sizeof *smtp))) {
        smtp->easy = curl_easy_init();
        smtp->multi = curl_multi_init();
    }
    bool ready = smtp && smtp->easy && smtp->multi && set_text(smtp->easy, CURLOPT_URL, url.data) &&
                 set_policy(smtp->easy, conf, plain) && set_token(smtp->easy, conf, why) &&
                 set_callbacks(smtp);
    buf_free(&url);
    if (ready) {
        smtp->wants_login = conf_text(conf, SET_SMTP_USER) != NULL;
        return smtp;
    }
    if (why->len == 0)
        buf_puts(why, "libcurl cannot be set up for SMTP");
    smtp_close(smtp);
    return NULL;
}

void smtp_close(void *state)
{
    struct smtp *smtp = state;
    if (smtp) {
        curl_easy_cleanup(smtp->easy);
        curl_multi_cleanup(smtp->multi); /* says QUIT on the kept connection */
    }
    free(smtp);
}

/* ---- sending ---- */

/*
 * libcurl keeps a connection on which the answer to the final dot did not come, and would take a
 * late one for the next mail's. Shut down, it counts as dead and is neither used again nor told
 * QUIT.
 */
static void drop_unanswered(struct smtp *smtp)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (smtp->session.attempt.curl != CURLE_OK && smtp->session.attempt.waiting < STEP_END &&
        curl_easy_getinfo(smtp->easy, CURLINFO_ACTIVESOCKET, &fd) == CURLE_OK &&
        fd != CURL_SOCKET_BAD)
        shutdown(fd, SHUT_RDWR);
}

/*
 * As curl_easy_perform, which must not be used: where it cannot wait (poll fails with ENOMEM) it
 * ends the message with the final dot, however much of it was given, and the server takes what
 * there is.
 */
static CURLcode transfer(struct smtp *smtp)
{
    int running = 0, left;
    CURLMcode code;
    smtp->abandoned = false;
    do {
        code = curl_multi_perform(smtp->multi, &running);
        if (running && curl_multi_poll(smtp->multi, NULL, 0, MS_PER_SECOND, NULL) != CURLM_OK)
            smtp->abandoned = true;
    } while (code == CURLM_OK && running);
    const CURLMsg *message = curl_multi_info_read(smtp->multi, &left);
    return message ? message->data.result : CURLE_OUT_OF_MEMORY;
}

static void perform(struct smtp *smtp, const struct delivery *delivery, bool fresh)
{
    struct curl_slist *to = curl_slist_append(NULL, delivery->to);
    CURL *easy = smtp->easy;
    smtp->error[0] = '\0';
    smtp->session = (struct session){.delivery = delivery};
    CURLcode code = CURLE_OUT_OF_MEMORY;
    if (to && curl_easy_setopt(easy, CURLOPT_MAIL_FROM, delivery->from) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, to) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)delivery->len) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, (long)fresh) == CURLE_OK &&
        curl_multi_add_handle(smtp->multi, easy) == CURLM_OK)
        code = transfer(smtp);
    smtp->session.attempt.curl = (int)code;
    drop_unanswered(smtp);
    curl_multi_remove_handle(smtp->multi, easy);
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, NULL);
    curl_slist_free_all(to);
    smtp->session.delivery = NULL;
    smtp->session.settled = true;
}

/* The kept connection was closed by the server, with or without a 421, and nothing was handed over.
 */
static bool was_stale(const struct smtp *smtp)
{
    const struct session *session = &smtp->session;
    long connects = 1;
    curl_easy_getinfo(smtp->easy, CURLINFO_NUM_CONNECTS, &connects);
    if (connects != 0 || session->given || session->attempt.end_given)
        return false;
    return session->attempt.code == 421 ||
           (session->attempt.code == 0 && (session->attempt.curl == CURLE_SEND_ERROR ||
                                              session->attempt.curl == CURLE_RECV_ERROR));
}

static void describe(const struct smtp *smtp, struct delivery_result *result)
{
    const struct session *session = &smtp->session;
    const char *own =
        smtp->error[0] ? smtp->error : curl_easy_strerror((CURLcode)session->attempt.curl);
    bool reply_decides = result->outcome == OUTCOME_SENT || session->attempt.code >= 400;
    if (session->attempt.not_authenticated)
        own = "the server offered no login";
    snprintf(result->detail, sizeof result->detail, "%s",
        reply_decides && session->reply_len ? session->reply : own);
}

void smtp_send(void *state, const struct delivery *delivery, struct delivery_result *result)
{
    struct smtp *smtp = state;
    *result = (struct delivery_result){.outcome = OUTCOME_NEVER};
    if (!address_valid(delivery->from) || !address_valid(delivery->to) || delivery->len == 0) {
        snprintf(result->reason, sizeof result->reason, "smtp-invalid");
        snprintf(result->detail, sizeof result->detail, "not a bare address, or an empty message");
        return;
    }
    perform(smtp, delivery, false);
    if (was_stale(smtp))
        perform(smtp, delivery, true);
    smtp_classify(&smtp->session.attempt, result);
    describe(smtp, result);
}
