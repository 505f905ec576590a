#include "deliver/smtp_outcome.h"

#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "base/clock.h"

/* ---- replies ---- */

/* The length of "5.7.1" with what separates it from the words that follow; 0: there is none. */
static size_t enhanced_len(const char *text, size_t len)
{
    size_t n = 0, dots = 0;
    if (len < 5 || text[0] < '2' || text[0] > '5' || text[1] != '.')
        return 0;
    for (; n < len && ((text[n] >= '0' && text[n] <= '9') || text[n] == '.'); n++)
        dots += text[n] == '.';
    if (dots != 2 || text[n - 1] == '.')
        return 0;
    while (n < len && (text[n] == ' ' || text[n] == ':'))
        n++;
    return n;
}

size_t smtp_join_reply(char *reply, size_t size, size_t at, const char *line, size_t len)
{
    enum { CODE = 4 }; /* "550-" */
    size_t skip = 0;
    if (at >= CODE && len > CODE) {
        size_t ours = enhanced_len(line + CODE, len - CODE),
               first = enhanced_len(reply + CODE, at - CODE);
        bool same = ours && first && strncmp(line + CODE, reply + CODE, ours - 1) == 0;
        skip = CODE + (same ? ours : 0);
    } else if (at >= CODE) {
        skip = len;
    }
    if (skip < len && at && at + 1 < size)
        reply[at++] = ' ';
    at = outcome_add_words(reply, size, at, line + skip, len - skip);
    if (at >= CODE && reply[CODE - 1] == '-')
        reply[CODE - 1] = ' ';
    return at;
}

/* Is one of the items of `list`, separated by '|', an enhanced code of the reply? "5.7." is any
 * that begins so. */
static bool has_code(const char *reply, const char *list)
{
    const char *code = strlen(reply) > 4 ? reply + 4 : "";
    code += *code == '#'; /* "550 #5.1.0" */
    for (size_t len; *list; list += len + (list[len] == '|')) {
        len = strcspn(list, "|");
        if (strncmp(code, list, len) == 0 &&
            (list[len - 1] == '.' || !strchr("0123456789.", code[len]) || !code[len]))
            return true;
    }
    return false;
}

/* ---- what is refused ---- */

/* A quota that is used up is not there again in a minute. */
#define LIMIT_WAIT (INT64_C(4) * 3600 * MS_PER_SECOND)

#define SET_A_LOGIN "set BOOKSPOOL_SMTP_USER, and BOOKSPOOL_SMTP_PASSWORD in drain.env"

#define LOGIN_WORDS "does not take the mails of this login: check BOOKSPOOL_SMTP_USER and drain.env"
#define RECIPIENT_WORDS                                                                            \
    "says that this recipient cannot be reached: if it is one of BOOKSPOOL_MAIL_TO or "            \
    "BOOKSPOOL_NOTIFY, correct it there"
#define SENDER_WORDS                                                                               \
    "refused the sender: BOOKSPOOL_MAIL_FROM must be an address that BOOKSPOOL_SMTP_USER may "     \
    "send as, and that is verified there"
#define SENDER_WORDS_NO_LOGIN                                                                      \
    "refused the sender: BOOKSPOOL_MAIL_FROM must be an address that it takes from this machine; " \
    "or it wants a login (BOOKSPOOL_SMTP_USER)"

struct refusal_row {
    enum smtp_step first, last;
    int low, high;       /* reply codes */
    const char *codes;   /* one of these enhanced codes, or */
    const char *phrases; /* one of these phrases; both NULL: the sender's address */
    enum outcome outcome;
    const char *cause;   /* ends the reason */
    const char *words;   /* what it means and what to do, after the server's name */
    const char *without; /* the same where no login is set; NULL: as above */
};

/*
 * The first row that fits decides. Beside each: where such replies were seen. What a recipient's
 * own server says comes first, and so does what a relay quotes from it: the words of one customer's
 * server must not block the mails of others.
 */
/* clang-format off */
static const struct refusal_row refusals[] = {
    /* Gmail, of a mailbox that gets too much at once */
    {STEP_RCPT, STEP_DOT, 500, 599, NULL,
        "receiving mail at a rate|receiving mail too quickly",
        OUTCOME_RETRY, "recipient", "says that the recipient gets too many mails at present", NULL},

    /* Gmail's "over quota"; RFC 5321 section 4.5.3.1.10: as 452 */
    {STEP_RCPT, STEP_RCPT, 552, 552, "5.2.2",
        "mailbox|over quota|is full",
        OUTCOME_RETRY, "recipient", "says that the recipient's mailbox is full", NULL},

    /* RFC 3463 section 3.2 and 3.3, RFC 7505, RFC 7293; the recipient's own rules at Exchange
     * Online (5.7.12x, 5.7.13x); callouts of Exim, address verification of Postfix */
    {STEP_RCPT, STEP_DOT, 500, 599,
        "5.1.1|5.1.2|5.1.3|5.1.4|5.1.6|5.1.10|5.2.1|5.2.2|5.2.4|5.7.2|5.7.17|5.7.18|5.7.124|"
        "5.7.129|5.7.133|5.7.134|5.7.135|5.7.136",
        "callout|callback|undeliverable address|unrouteable|unroutable|while verifying <",
        OUTCOME_NEVER, "recipient", RECIPIENT_WORDS, NULL},

    /* Gmail's 5.4.5; Exchange Online's SubmissionQuotaExceededException, 5.1.90 and 5.7.23x; "has
     * exceeded the max emails per hour" of Exim with cPanel; Amazon SES, Zoho, Yandex, OVH.
     * PHPMailer#2113, gen_smtp#140, OfficeDocs-Support#1150 */
    {STEP_MAIL, STEP_DOT, 400, 599, "5.4.5|5.1.90|5.7.28|5.7.232|5.7.233",
        "sending limit|sending quota|sending rate|sending activity|submissionquota|"
        "submission quota|submissionlimit|daily limit|daily user|daily message|daily mail|"
        "daily email|daily quota|daily sending|per day|per hour|hourly|message quota|"
        "messages quota|quota exceeded for sender|sender quota|sender has exceeded|"
        "sender exceeded|outgoing quota|outbound quota|outgoing limit|max emails|max messages|"
        "rate limit|ratelimit|rate exceeded|too many messages|too many emails|too many mails|"
        "message limit|messages limit|email limit|mails limit|maximum credits|credits exceeded|"
        "throttl",
        OUTCOME_RETRY, "limit",
        "says that a sending limit or quota of this account is used up: the mails wait until it "
        "is there again", NULL},

    /* RFC 4954 section 6: 530 asks for a login or for TLS wherever it comes */
    {STEP_MAIL, STEP_DOT, 530, 538, NULL, "",
        OUTCOME_BLOCKED, "login", LOGIN_WORDS,
        "wants a login or TLS: " SET_A_LOGIN ", with smtp:// or smtps://"},

    /* RFC 5248; Exchange's 5.7.3 and 5.7.57; Postfix's "not logged in" */
    {STEP_MAIL, STEP_DOT, 500, 599, "5.7.3|5.7.8|5.7.9|5.7.11|5.7.57",
        "not logged in|authentication required|authentication is required|must authenticate|"
        "please authenticate|not authenticated|need to authenticate|smtp auth|log in first|"
        "must log in",
        OUTCOME_BLOCKED, "login", LOGIN_WORDS, "wants a login: " SET_A_LOGIN},

    /* Postfix (454 by its default, defer_unauth_destination), Exchange (5.7.64), Sendmail, Exim,
     * Zoho */
    {STEP_MAIL, STEP_DOT, 400, 599, "5.7.64",
        "relay access denied|relaying denied|relay denied|relay not|relaying not|not relay|"
        "not permitted to relay|unable to relay|cannot relay|relaying disallowed|relaying is |"
        "relaying prohibited|no relay|open relay|not a relay",
        OUTCOME_BLOCKED, "relay",
        "does not relay for this login: BOOKSPOOL_TRANSPORT must name the server that sends for "
        "the domain of BOOKSPOOL_MAIL_FROM",
        "does not relay without a login: " SET_A_LOGIN ", or name the server in "
        "BOOKSPOOL_TRANSPORT that sends for this machine"},

    /* Exchange's SendAsDenied (5.2.252, 5.7.60) and banned senders (5.7.50x); 5.1.8; the results of
     * SPF, DKIM and DMARC (RFC 7372, Gmail's and Exchange's own); Postfix's "Sender address
     * rejected", at RCPT by smtpd_delay_reject; SendGrid's "verified Sender Identity"; "not
     * verified" of Amazon SES; Postmark's "Sender Signature". gophish#2900, rss2email#147,
     * MailKit#1176, mailcow#253, docker-mailserver#1168, chatwoot#9188 */
    {STEP_MAIL, STEP_DOT, 500, 599,
        "5.1.7|5.1.8|5.2.252|5.7.20|5.7.21|5.7.22|5.7.23|5.7.24|5.7.26|5.7.27|5.7.29|5.7.60|"
        "5.7.501|5.7.502|5.7.503|5.7.509|5.7.515|5.7.705|5.7.750",
        "sender address|sendasdenied|send as|sending as|send on behalf|sent on behalf|send from|"
        "sent from|not owned by|sender identity|sender signature|sender domain|sender rejected|"
        "sender denied|sender verif|sender not|sender is not|sender must|invalid sender|"
        "bad sender|from address|from: address|from header|from domain|from field|envelope from|"
        "envelope sender|mail from|return path|return-path|to send mail|to send email|"
        "permission to send|permissions to send|as this sender|not verified|unverified|dmarc|"
        "spf check|spf fail|spf record|dkim|unauthenticated email|sandbox subdomain",
        OUTCOME_BLOCKED, "sender", SENDER_WORDS, SENDER_WORDS_NO_LOGIN},

    /* block lists and access rules of Postfix, Gmail, Exchange (5.7.511, 5.7.708) */
    {STEP_MAIL, STEP_DOT, 500, 599, "5.7.25|5.7.511|5.7.708",
        "client host|blocked using|block list|blocklist|blacklist|denylist|spamhaus|barracuda|"
        "spamcop|your ip|this ip|ip address|reverse dns|rdns|ptr record|reputation|"
        "account is suspended|account suspended|account is disabled|account has been disabled|"
        "account is blocked|account has been blocked|account is locked",
        OUTCOME_BLOCKED, "policy",
        "refuses this machine or account (block list, no reverse DNS, suspended): bookspool trace "
        "shows its reply; ask its operator", NULL},

    /* RFC 3463 section 3.7, and what filters say */
    {STEP_DATA, STEP_DOT, 500, 599, "5.6.|5.3.4|5.2.3",
        "spam|virus|malware|phish|unsolicited|content|attachment|too large|too big|message size|"
        "size limit|line too long",
        OUTCOME_NEVER, "content", "refused what this mail holds", NULL},

    {STEP_MAIL, STEP_DOT, 500, 599, NULL, NULL, /* the sender's address is in the reply */
        OUTCOME_BLOCKED, "sender", SENDER_WORDS, SENDER_WORDS_NO_LOGIN},

    {STEP_RCPT, STEP_RCPT, 500, 599, NULL,
        "recipient address rejected|recipient rejected|user unknown|unknown user|no such user|"
        "no such recipient|mailbox|does not exist|doesn't exist|recipient unknown|"
        "unknown recipient|recipient not found|invalid recipient|valid recipient|to this recipient",
        OUTCOME_NEVER, "recipient", RECIPIENT_WORDS, NULL},

    /* RFC 3463 section 3.8: a rule of the server, and nothing says that it is the recipient's */
    {STEP_RCPT, STEP_DOT, 500, 599, "5.7.", NULL,
        OUTCOME_BLOCKED, "policy",
        "refused the mail by a rule that names neither recipient nor content: bookspool trace "
        "shows its reply; check BOOKSPOOL_MAIL_FROM, or ask its operator",
        "refused the mail by a rule that names neither recipient nor content: " SET_A_LOGIN
        " if it wants one; bookspool trace shows its reply"},
};
/* clang-format on */

/* Does the reply speak of the sender's address, and of it alone? */
static bool names_sender(const struct smtp_attempt *attempt)
{
    const char *from = attempt->from, *to = attempt->to;
    return from && *from && strcasestr(attempt->reply, from) && to && strcasecmp(from, to) != 0 &&
           !strcasestr(attempt->reply, to);
}

static bool row_fits(
    const struct refusal_row *row, const struct smtp_attempt *attempt, enum smtp_step step)
{
    if (step < row->first || step > row->last || attempt->code < row->low ||
        attempt->code > row->high)
        return false;
    if (!row->codes && !row->phrases)
        return names_sender(attempt);
    return (row->codes && has_code(attempt->reply, row->codes)) ||
           (row->phrases && (!*row->phrases || outcome_has_phrase(attempt->reply, row->phrases)));
}

static const struct refusal_row *find_refusal(
    const struct smtp_attempt *attempt, enum smtp_step step)
{
    for (size_t i = 0; attempt->reply && i < sizeof refusals / sizeof *refusals; i++)
        if (row_fits(&refusals[i], attempt, step))
            return &refusals[i];
    return NULL;
}

/*
 * What a reply means whose words are not known. The first row that fits decides. Refusals that
 * concern the installation and not the message are blocked: the greeting, EHLO, STARTTLS, the
 * login, and the sender's address. A message that is too big is refused at MAIL already (RFC 1870
 * section 6.1); 552 at RCPT once meant "too many recipients" and is to be taken as 452 (RFC 5321
 * section 4.5.3.1.10); 530 asks for a login or for TLS wherever it comes.
 */
static const struct {
    enum smtp_step first, last;
    int low, high;
    enum outcome outcome;
    const char *words;
} replies[] = {
    {STEP_DOT, STEP_DOT, 200, 299, OUTCOME_SENT, NULL},
    {STEP_GREETING, STEP_DOT, 400, 499, OUTCOME_RETRY, "takes no mail for now"},
    {STEP_GREETING, STEP_RCPT, 530, 530, OUTCOME_BLOCKED, "wants a login or TLS: " SET_A_LOGIN},
    {STEP_MAIL, STEP_MAIL, 552, 552, OUTCOME_NEVER, "says that the mail is too large"},
    {STEP_GREETING, STEP_GREETING, 500, 599, OUTCOME_BLOCKED,
        "turns this machine away at the greeting (block list?): ask its operator, or send through "
        "another server"},
    {STEP_EHLO, STEP_EHLO, 500, 599, OUTCOME_BLOCKED,
        "refused the greeting or STARTTLS: check BOOKSPOOL_EHLO, it should be this machine's full "
        "name"},
    {STEP_AUTH, STEP_AUTH, 500, 599, OUTCOME_BLOCKED, NULL}, /* explain_login */
    {STEP_MAIL, STEP_MAIL, 500, 599, OUTCOME_BLOCKED,
        "refused the sender: BOOKSPOOL_MAIL_FROM must be an address that it lets this login use"},
    {STEP_RCPT, STEP_RCPT, 552, 552, OUTCOME_RETRY, "takes no mail for this recipient for now"},
    {STEP_RCPT, STEP_RCPT, 500, 599, OUTCOME_NEVER, "refused the recipient"},
    {STEP_DATA, STEP_DOT, 500, 599, OUTCOME_NEVER, "refused the mail"},
};

static const char *const step_names[] = {
    "greeting", "ehlo", "auth", "mail", "rcpt", "data", "dot", "end"};

static void explain_login(const struct smtp_attempt *attempt, struct delivery_result *result)
{
    const char *name = attempt->peer.name, *reply = attempt->reply ? attempt->reply : "";
    if (has_code(reply, "5.7.30|5.7.139") ||
        outcome_has_phrase(reply, "basic authentication|is disabled"))
        outcome_say(result,
            "%s takes no password for this account (basic authentication is off): switch "
            "authenticated SMTP on there, or use BOOKSPOOL_SMTP_TOKEN",
            name);
    else if (outcome_has_phrase(reply, "application-specific|application specific|app password"))
        outcome_say(result,
            "%s wants a password made for this program (an app password): put it into drain.env",
            name);
    else
        outcome_say(result,
            "%s refused the login of BOOKSPOOL_SMTP_USER: check drain.env, it must hold %s", name,
            attempt->login == SMTP_TOKEN ? "a token that is still valid"
                                         : "the password of this user");
}

/* Where no reply of the server decided. */
static void explain_failure(const struct smtp_attempt *attempt, struct delivery_result *result)
{
    const char *name = attempt->peer.name;
    bool greeting = attempt->waiting == STEP_GREETING && attempt->peer.connected;
    if (attempt->curl == CURLE_USE_SSL_FAILED)
        outcome_say(result,
            "%s offers no STARTTLS, and mail goes out encrypted only: try smtps:// (usually port "
            "465), or the port for STARTTLS (587)",
            name);
    else if (attempt->curl == CURLE_SSL_CONNECT_ERROR && attempt->tls == SMTP_TLS_FIRST)
        outcome_say(result,
            "%s does not speak TLS from the first byte: use smtp:// for STARTTLS (usually port "
            "587), or the port for smtps:// (465)",
            name);
    else if (attempt->curl == CURLE_LOGIN_DENIED)
        explain_login(attempt, result);
    else if (greeting && attempt->tls == SMTP_STARTTLS)
        outcome_say(result,
            "%s took the connection and did not greet: a port for TLS from the first byte (usually "
            "465) needs smtps://",
            name);
    else if (!outcome_explain_curl(result, &attempt->peer, attempt->curl))
        outcome_say(result, "%s %s", name,
            attempt->curl == CURLE_OPERATION_TIMEDOUT
                ? "did not answer within BOOKSPOOL_REPLY_TIMEOUT"
            : attempt->curl == CURLE_WEIRD_SERVER_REPLY ? "does not speak SMTP"
                                                        : "closed the connection");
}

static void classify_reply(
    const struct smtp_attempt *attempt, enum smtp_step step, struct delivery_result *result)
{
    const struct refusal_row *row = find_refusal(attempt, step);
    const char *name = attempt->peer.name;
    size_t i = 0, count = sizeof replies / sizeof replies[0];
    if (row) {
        outcome_set(
            result, row->outcome, "smtp-%s-%d-%s", step_names[step], attempt->code, row->cause);
        bool none = attempt->login == SMTP_NO_LOGIN && row->without;
        outcome_say(result, "%s %s", name, none ? row->without : row->words);
        result->doubtful = row->outcome == OUTCOME_BLOCKED && step >= STEP_RCPT;
        result->exhausted = attempt->code >= 500 && strcmp(row->cause, "limit") == 0;
        if (result->exhausted)
            result->wait_ms = LIMIT_WAIT;
        return;
    }
    while (i < count && (step < replies[i].first || step > replies[i].last ||
                            attempt->code < replies[i].low || attempt->code > replies[i].high))
        i++;
    if (i == count)
        return;
    outcome_set(result, replies[i].outcome, "smtp-%s-%d", step_names[step], attempt->code);
    if (step == STEP_AUTH && replies[i].outcome == OUTCOME_BLOCKED)
        explain_login(attempt, result);
    else if (replies[i].words)
        outcome_say(result, "%s %s", name, replies[i].words);
}

void smtp_classify(const struct smtp_attempt *attempt, struct delivery_result *result)
{
    const char *name = attempt->peer.name;
    enum smtp_step step = attempt->curl == CURLE_LOGIN_DENIED ? STEP_AUTH : attempt->replied;
    const char *failure = attempt->curl == CURLE_OPERATION_TIMEDOUT   ? "timeout"
                          : attempt->curl == CURLE_WEIRD_SERVER_REPLY ? "garbled"
                                                                      : "lost";
    *result->reason = '\0';
    if (attempt->not_authenticated) {
        outcome_set(result, OUTCOME_BLOCKED, "smtp-no-auth");
        outcome_say(result,
            "%s offers no login, but BOOKSPOOL_SMTP_USER is set: use the port for mail programs "
            "(usually 587 or 465), or unset it",
            name);
        return;
    }
    if (attempt->no_mechanism) {
        outcome_set(result, OUTCOME_BLOCKED, "smtp-no-mechanism");
        outcome_say(result,
            "%s offers none of the login mechanisms that may be used: check BOOKSPOOL_SMTP_AUTH, "
            "and whether it takes a %s",
            name, attempt->login == SMTP_TOKEN ? "password, not a token" : "token, not a password");
        return;
    }
    if (attempt->given_up) {
        outcome_set(result, OUTCOME_RETRY, "smtp-before-end");
        return;
    }
    if (attempt->curl == CURLE_OK) {
        outcome_set(result, OUTCOME_SENT, "smtp-dot-%d", attempt->code);
        return;
    }
    classify_reply(attempt, step, result);
    if (*result->reason == '\0') {
        bool late = attempt->curl == CURLE_OPERATION_TIMEDOUT && !attempt->peer.connected;
        if (attempt->end_given)
            outcome_set(
                result, OUTCOME_UNKNOWN, "smtp-%s-%s", step_names[attempt->waiting], failure);
        else if (late && attempt->waiting == STEP_GREETING)
            outcome_set(result, OUTCOME_RETRY, "smtp-connect-%d", attempt->curl);
        else if (!outcome_by_curl(result, "smtp", attempt->curl))
            outcome_set(result, OUTCOME_RETRY, "smtp-%s-%s", step_names[attempt->waiting], failure);
        explain_failure(attempt, result);
    }
    result->unreachable =
        result->outcome == OUTCOME_RETRY && attempt->code == 0 && attempt->waiting == STEP_GREETING;
}

/* ---- mechanisms ---- */

const char *const smtp_mechanism_names[MECHANISMS] = {
    "PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "NTLM", "OAUTHBEARER", "XOAUTH2"};

unsigned smtp_mechanism_find(const char *name, size_t len)
{
    for (int i = 0; i < MECHANISMS; i++)
        if (strlen(smtp_mechanism_names[i]) == len &&
            strncasecmp(smtp_mechanism_names[i], name, len) == 0)
            return 1U << i;
    return 0;
}

unsigned smtp_mechanisms_offered(const char *line, size_t len)
{
    static const char separators[] = " \t\r\n";
    unsigned offered = 0;
    const char *end = line + len;
    if (len < 9 || strncasecmp(line + 4, "AUTH", 4) != 0 || !strchr(" =", line[8]))
        return 0;
    for (const char *at = line + 9; at < end;) {
        const char *word = at;
        while (at < end && !strchr(separators, *at))
            at++;
        offered |= smtp_mechanism_find(word, (size_t)(at - word));
        at += at < end;
    }
    return offered;
}

enum smtp_mechanism smtp_mechanism_first(unsigned set)
{
    unsigned i = 0;
    while (i < MECHANISMS && !(set >> i & 1))
        i++;
    return (enum smtp_mechanism)i;
}
