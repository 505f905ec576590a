#include "deliver/smtp.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/clock.h"
#include "deliver/outcome.h"
#include "deliver/smtp_outcome.h"
#include "http/handle.h"

enum {
    HOST_SIZE = 256,
    NAME_SIZE = HOST_SIZE + 8, /* HOST:PORT */
    REPLY_SIZE = 2048,         /* of a reply with all its lines; what is longer is cut off */
    /*
     * libcurl allocates twice its upload buffer for each read, to escape dots in it: so little that
     * the heap keeps it, and yet enough for most mails.
     */
    BUFFER_SIZE = 32 << 10
};

/* One transaction, and what it has seen. */
struct session {
    struct smtp_attempt attempt;
    size_t given;           /* bytes of the message that libcurl got */
    bool settled;           /* the deciding reply has come: what follows belongs to QUIT */
    char reply[REPLY_SIZE]; /* the last reply that matters, its lines joined */
    size_t reply_len;
    unsigned offered; /* mechanisms for a login */
    bool in_reply;    /* more lines of it follow */
};

struct smtp {
    CURL *easy;
    CURLM *multi; /* keeps the connection */
    struct handle_upload upload;
    char name[NAME_SIZE];
    enum smtp_tls tls;
    enum smtp_login login;
    bool logged_in;   /* on the kept connection */
    unsigned usable;  /* mechanisms that may still be tried */
    unsigned allowed; /* those that libcurl may use */
    char error[CURL_ERROR_SIZE];
    struct session session;
};

/* ---- what libcurl calls ---- */

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

/* CURLOPT_HEADERFUNCTION: called with each line that the server sends. */
static size_t on_reply(char *line, size_t size, size_t count, void *context)
{
    struct smtp *smtp = context;
    struct session *session = &smtp->session;
    struct smtp_attempt *attempt = &session->attempt;
    size_t len = size * count, text_len = len;
    int code = reply_code(line, len);
    if (session->settled || code == 0 || code == 221)
        return len;
    while (text_len && (line[text_len - 1] == '\r' || line[text_len - 1] == '\n'))
        text_len--;
    session->reply_len = smtp_join_reply(session->reply, sizeof session->reply,
        session->in_reply ? session->reply_len : 0, line, text_len);
    if (attempt->waiting == STEP_EHLO && code == 250 && !session->in_reply)
        session->offered = 0; /* a second EHLO, after STARTTLS, may offer others */
    if (attempt->waiting == STEP_EHLO)
        session->offered |= smtp_mechanisms_offered(line, text_len);
    session->in_reply = len > 3 && line[3] == '-';
    if (session->in_reply)
        return len;
    if (code == 235 && attempt->waiting == STEP_EHLO)
        smtp->logged_in = true;
    /*
     * Before MAIL the number of replies depends on TLS and login, so EHLO covers all of them, and a
     * refusal is kept until another reply of that kind: a QUIT may follow it. From MAIL on there is
     * one reply a step.
     */
    attempt->code = code;
    attempt->replied = attempt->waiting;
    if (attempt->waiting == STEP_GREETING)
        attempt->waiting = STEP_EHLO;
    else if (attempt->waiting >= STEP_MAIL)
        attempt->waiting++;
    session->settled =
        attempt->waiting == STEP_END || (attempt->replied != STEP_EHLO && code >= 400);
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
    smtp->session.attempt.not_authenticated = smtp->login && !smtp->logged_in;
    return smtp->session.attempt.not_authenticated ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* ---- setting up ---- */

static bool check_login(const struct conf *conf, bool plain, struct buf *why)
{
    size_t before = why->len;
    const char *user = conf_text(conf, SET_SMTP_USER),
               *password = conf_text(conf, SET_SMTP_PASSWORD),
               *token = conf_text(conf, SET_SMTP_TOKEN);
    if (plain && user)
        conf_fault(conf, SET_SMTP_USER, why,
            "smtp+plain:// takes no login, because the password would go in clear: use smtp:// or "
            "smtps://, or unset this");
    if (user && !password && !token)
        conf_fault(conf, SET_SMTP_USER, why,
            "needs BOOKSPOOL_SMTP_PASSWORD or BOOKSPOOL_SMTP_TOKEN in drain.env");
    if (!user && (password || token))
        conf_fault(conf, SET_SMTP_USER, why, "is required, because BOOKSPOOL_SMTP_%s is set",
            password ? "PASSWORD" : "TOKEN");
    if (password && token)
        conf_fault(conf, SET_SMTP_TOKEN, why,
            "and BOOKSPOOL_SMTP_PASSWORD are both set: remove one of them");
    return why->len == before;
}

/* The name for EHLO: the setting, else the host's name with its domain where it has one. */
static bool ehlo_name(const struct conf *conf, char name[HOST_SIZE], struct buf *why)
{
    /* a domain or an address literal, RFC 5321 section 4.1.1.1 */
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:[]";
    const char *setting = conf_text(conf, SET_EHLO);
    if (setting) {
        if (strlen(setting) >= HOST_SIZE || setting[strspn(setting, allowed)] != '\0') {
            conf_fault(conf, SET_EHLO, why,
                "must be a host name of letters, digits, dots and hyphens, or an address in "
                "brackets");
            return false;
        }
        memcpy(name, setting, strlen(setting) + 1);
        return true;
    }
    struct addrinfo hints = {.ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM}, *found = NULL;
    if (gethostname(name, HOST_SIZE) < 0)
        name[0] = '\0';
    name[HOST_SIZE - 1] = '\0';
    if (!strchr(name, '.') && getaddrinfo(name, NULL, &hints, &found) == 0) {
        const char *full = found->ai_canonname;
        if (full && strchr(full, '.') && strlen(full) < HOST_SIZE)
            memcpy(name, full, strlen(full) + 1);
        freeaddrinfo(found);
    }
    if (name[0] == '\0' || name[strspn(name, allowed)] != '\0')
        memcpy(name, "localhost", sizeof "localhost");
    return true;
}

/* The token becomes a part of a line: nothing in it may end that. */
static bool set_token(CURL *easy, const struct conf *conf, struct buf *why)
{
    struct buf token = {0}, wrong = {0};
    bool ok = true;
    if (!conf_text(conf, SET_SMTP_TOKEN))
        return true;
    if (!conf_reread(conf, SET_SMTP_TOKEN, &token, &wrong)) {
        conf_fault(conf, SET_SMTP_TOKEN, why, "%s", buf_text(&wrong));
        ok = false;
    } else if (!target_is_word(buf_text(&token))) {
        conf_fault(conf, SET_SMTP_TOKEN, why, "must be one word of printable ASCII");
        ok = false;
    }
    ok = ok && handle_set_text(easy, CURLOPT_XOAUTH2_BEARER, token.data);
    if (token.data)
        explicit_bzero(token.data, token.len);
    buf_free(&token);
    buf_free(&wrong);
    return ok;
}

/* Tells libcurl of these mechanisms alone: by itself it takes the strongest that is offered, though
 * it may not work for the account, and offers a user with an empty password where a token is set.
 */
static bool allow_mechanisms(struct smtp *smtp, unsigned set)
{
    struct buf options = {0};
    for (int i = 0; i < MECHANISMS; i++)
        if (set >> i & 1)
            buf_printf(&options, "%sAUTH=%s", options.len ? ";" : "", smtp_mechanism_names[i]);
    smtp->allowed = set;
    bool ok = !options.failed && handle_set_text(smtp->easy, CURLOPT_LOGIN_OPTIONS, options.data);
    buf_free(&options);
    return ok;
}

/* The mechanisms that the settings allow; false, with a line in `why`: BOOKSPOOL_SMTP_AUTH names
 * none of them. */
static bool choose_mechanisms(const struct conf *conf, struct smtp *smtp, struct buf *why)
{
    const char *chosen = conf_text(conf, SET_SMTP_AUTH);
    unsigned all = smtp->login == SMTP_TOKEN      ? MECHANISMS_OF_TOKEN
                   : smtp->login == SMTP_PASSWORD ? MECHANISMS_OF_PASSWORD
                                                  : 0;
    if (!chosen || strcasecmp(chosen, "auto") == 0 || !all) {
        smtp->usable = all;
        return !all || allow_mechanisms(smtp, all & MECHANISMS_FIRST);
    }
    smtp->usable = smtp_mechanism_find(chosen, strlen(chosen)) & all;
    if (smtp->usable)
        return allow_mechanisms(smtp, smtp->usable);
    struct buf names = {0};
    for (int i = 0; i < MECHANISMS; i++)
        if (all >> i & 1)
            buf_printf(&names, "%s%s", names.len ? ", " : "", smtp_mechanism_names[i]);
    conf_fault(conf, SET_SMTP_AUTH, why, "\"%s\" must be auto or, with a %s, one of %s", chosen,
        smtp->login == SMTP_TOKEN ? "token" : "password", buf_text(&names));
    buf_free(&names);
    return false;
}

void *smtp_open(const struct conf *conf, const struct target *target, struct buf *why)
{
    char ehlo[HOST_SIZE];
    size_t before = why->len;
    bool plain = target->kind->no_tls;
    bool login = check_login(conf, plain, why), named = ehlo_name(conf, ehlo, why);
    if (!login || !named)
        return NULL;
    int64_t reply_ms = conf_number(conf, SET_REPLY_TIMEOUT);
    const struct handle_policy policy = {.protocols = "smtp,smtps",
        .ca = conf_text(conf, SET_TLS_CA),
        .no_proxy = plain,
        .connect_ms = conf_number(conf, SET_CONNECT_TIMEOUT),
        .silence_ms = reply_ms};
    const struct handle_number numbers[] = {
        {CURLOPT_USE_SSL, plain ? CURLUSESSL_NONE : CURLUSESSL_ALL},
        {CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)((reply_ms + MS_PER_SECOND - 1) / MS_PER_SECOND)},
        {CURLOPT_UPLOAD, 1},
        {CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_SIZE},
    };
    /* libcurl takes the name for EHLO from the path, where a bracket is to be escaped */
    struct buf url = {0};
    buf_puts(&url, target->url);
    for (const char *c = ehlo; *c; c++)
        buf_printf(&url, *c == '[' || *c == ']' ? "%%%02X" : "%c", (unsigned char)*c);
    struct smtp *smtp = calloc(1, sizeof *smtp);
    CURL *easy = smtp ? smtp->easy = handle_open(&policy, smtp->error) : NULL;
    if (smtp) {
        snprintf(smtp->name, sizeof smtp->name, "%s:%u", target->host, target->port);
        smtp->tls = plain                                               ? SMTP_NO_TLS
                    : strcmp(target->kind->url_scheme, "smtps://") == 0 ? SMTP_TLS_FIRST
                                                                        : SMTP_STARTTLS;
        smtp->login = conf_text(conf, SET_SMTP_TOKEN)  ? SMTP_TOKEN
                      : conf_text(conf, SET_SMTP_USER) ? SMTP_PASSWORD
                                                       : SMTP_NO_LOGIN;
    }
    bool ready = easy && !url.failed && (smtp->multi = curl_multi_init()) &&
                 handle_set_numbers(easy, numbers, sizeof numbers / sizeof numbers[0]) &&
                 handle_set_text(easy, CURLOPT_URL, url.data) &&
                 handle_set_text(easy, CURLOPT_USERNAME, conf_text(conf, SET_SMTP_USER)) &&
                 handle_set_text(easy, CURLOPT_PASSWORD, conf_text(conf, SET_SMTP_PASSWORD)) &&
                 set_token(easy, conf, why) && choose_mechanisms(conf, smtp, why) &&
                 handle_set_upload(easy, &smtp->upload) &&
                 curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_reply) == CURLE_OK &&
                 curl_easy_setopt(easy, CURLOPT_HEADERDATA, smtp) == CURLE_OK &&
                 curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_connect) == CURLE_OK &&
                 curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, smtp) == CURLE_OK &&
                 curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_ready) == CURLE_OK &&
                 curl_easy_setopt(easy, CURLOPT_PREREQDATA, smtp) == CURLE_OK;
    buf_free(&url);
    if (ready)
        return smtp;
    if (why->len == before)
        conf_fault(conf, SET_TRANSPORT, why, "libcurl cannot be set up for SMTP (out of memory?)");
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
 * One transaction; on a new connection, if `fresh`. Not by curl_easy_perform: where that cannot
 * wait (poll fails with ENOMEM) it ends the message with the final dot, however much of it was
 * given, and the server takes what there is.
 */
static void transact(struct smtp *smtp, const struct delivery *delivery, bool fresh)
{
    CURL *easy = smtp->easy;
    CURLcode code = CURLE_OUT_OF_MEMORY;
    curl_socket_t fd = CURL_SOCKET_BAD;
    int running = 1, left;
    smtp->error[0] = '\0';
    smtp->session = (struct session){0};
    smtp->upload = (struct handle_upload){.data = delivery->data,
        .len = delivery->len,
        .before_end = delivery->before_end,
        .waiting = delivery->waiting,
        .context = delivery->context};
    struct curl_slist *to = curl_slist_append(NULL, delivery->to);
    if (to && curl_easy_setopt(easy, CURLOPT_MAIL_FROM, delivery->from) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, to) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)delivery->len) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, (long)fresh) == CURLE_OK &&
        curl_multi_add_handle(smtp->multi, easy) == CURLM_OK) {
        while (running && curl_multi_perform(smtp->multi, &running) == CURLM_OK)
            if (running && curl_multi_poll(smtp->multi, NULL, 0, MS_PER_SECOND, NULL) != CURLM_OK)
                smtp->upload.abandon = true;
        const CURLMsg *message = curl_multi_info_read(smtp->multi, &left);
        if (message)
            code = message->data.result;
    }
    struct session *session = &smtp->session;
    session->attempt.curl = (int)code;
    session->attempt.end_given = smtp->upload.end_given;
    session->attempt.given_up = smtp->upload.given_up;
    session->given = smtp->upload.given;
    session->attempt.reply = session->reply_len ? session->reply : NULL;
    session->attempt.from = delivery->from;
    session->attempt.to = delivery->to;
    session->attempt.tls = smtp->tls;
    session->attempt.login = smtp->login;
    struct outcome_peer *peer = &session->attempt.peer;
    peer->name = smtp->name;
    peer->setting = "BOOKSPOOL_TRANSPORT";
    handle_get_connection(easy, &peer->connected, &peer->os_error, &peer->verify);
    peer->connected |= session->attempt.waiting != STEP_GREETING; /* the kept one */
    /*
     * libcurl keeps a connection on which the answer to the final dot did not come, and would take
     * a late one for the next mail's. Shut down, it counts as dead and is neither used again nor
     * sent QUIT.
     */
    if (code != CURLE_OK && session->attempt.waiting < STEP_END &&
        curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd) == CURLE_OK && fd != CURL_SOCKET_BAD)
        shutdown(fd, SHUT_RDWR);
    curl_multi_remove_handle(smtp->multi, easy);
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, NULL);
    curl_slist_free_all(to);
    smtp->upload = (struct handle_upload){0};
    session->settled = true;
}

/*
 * After a login that was refused for good, or for which libcurl knew no mechanism: allows the next
 * one that the server offers. False: there is none.
 */
static bool next_mechanism(struct smtp *smtp)
{
    struct smtp_attempt *attempt = &smtp->session.attempt;
    unsigned offered = smtp->session.offered;
    if (attempt->curl != CURLE_LOGIN_DENIED || (attempt->code >= 400 && attempt->code < 500))
        return false;
    unsigned tried = smtp->allowed & offered;
    smtp->usable &= ~(tried ? 1U << smtp_mechanism_first(tried) : 0);
    attempt->no_mechanism = !tried && !(smtp->usable & offered);
    unsigned next = smtp->usable & offered;
    return next && allow_mechanisms(smtp, 1U << smtp_mechanism_first(next));
}

void smtp_send(void *state, const struct delivery *delivery, struct delivery_result *result)
{
    struct smtp *smtp = state;
    const struct session *session = &smtp->session;
    *result = (struct delivery_result){0};
    if (!address_valid(delivery->from) || !address_valid(delivery->to) || delivery->len == 0) {
        outcome_set(result, OUTCOME_NEVER, "smtp-invalid");
        outcome_add_detail(result, "not a bare address, or an empty message");
        return;
    }
    transact(smtp, delivery, false);
    /* had the server closed the kept connection, with or without a 421, and got no byte of it? */
    long connects = 1;
    curl_easy_getinfo(smtp->easy, CURLINFO_NUM_CONNECTS, &connects);
    int curl = session->attempt.curl, code = session->attempt.code;
    bool closed =
        code == 421 || (code == 0 && (curl == CURLE_SEND_ERROR || curl == CURLE_RECV_ERROR));
    if (connects == 0 && closed && !session->given && !session->attempt.end_given)
        transact(smtp, delivery, true);
    while (next_mechanism(smtp))
        transact(smtp, delivery, true);
    smtp_classify(&session->attempt, result);
    if (session->attempt.not_authenticated)
        outcome_add_detail(result, "the server offered no login");
    else if (session->reply_len &&
             (result->outcome == OUTCOME_SENT || session->attempt.code >= 400))
        outcome_add_detail(result, session->reply);
    else
        outcome_add_detail(result, handle_error((CURLcode)session->attempt.curl, smtp->error));
}
