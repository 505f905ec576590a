/*
 * mail: a body with a right signature, as a mail to the owner and to a customer, in English and
 * German. A first byte below 16 chooses what the ledger decided of it.
 *
 * Whatever the body holds, the mail is ASCII with CRLF line ends, and has each header once, of
 * those that bookspool writes, with the recipient that was asked for.
 */
#include "fuzz.h"

#include "event/event.h"
#include "mail/compose.h"
#include "mail/message.h"
#include "provider/provider.h"

#define ID "0123456789abcdef0123456789abcdef"

static struct templates *language[2];

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char *const names[] = {"en", "de"};
    struct buf why = {0};
    (void)argc, (void)argv;
    message_setup();
    for (int i = 0; i < 2; i++)
        REQUIRE(language[i] = templates_open(NULL, names[i], &why), "%s", buf_text(&why));
    buf_free(&why);
    return 0;
}

/* ---- the message ---- */

static const char *const known_headers[] = {"Date", "From", "To", "Reply-To", "Subject",
    "Message-ID", "Message-Id", "References", "In-Reply-To", "X-Entity-Ref-ID", "X-Bookspool-Id",
    "Auto-Submitted", "X-Auto-Response-Suppress", "MIME-Version", "Mime-Version", "Content-Type",
    "Content-Transfer-Encoding"};

static void check_headers(const struct buf *mail, const char *recipient)
{
    enum { COUNT = sizeof known_headers / sizeof *known_headers };
    bool seen[COUNT] = {false};
    const char *line = mail->data, *end = strstr(line, "\r\n\r\n");
    REQUIRE(end, "no end of the headers");
    for (; line < end; line = strstr(line, "\r\n") + 2) {
        size_t i = 0, len = strcspn(line, ":\r");
        if (*line == ' ' || *line == '\t')
            continue;
        while (
            i < COUNT && (strlen(known_headers[i]) != len || memcmp(known_headers[i], line, len)))
            i++;
        REQUIRE(i < COUNT && !seen[i], "header %.60s", line);
        seen[i] = true;
        if (strcmp(known_headers[i], "To") == 0)
            REQUIRE(strncmp(line + 4, recipient, strlen(recipient)) == 0 &&
                        line[4 + strlen(recipient)] == '\r',
                "%.80s", line);
    }
}

static void check_message(const struct buf *mail, const char *recipient)
{
    for (size_t i = 0; i < mail->len; i++) {
        unsigned char c = (unsigned char)mail->data[i];
        REQUIRE(c < 0x80 && c != 0, "byte %zu is %u", i, c);
        REQUIRE(c != '\n' || (i > 0 && mail->data[i - 1] == '\r'), "LF alone at %zu", i);
        REQUIRE(c != '\r' || mail->data[i + 1] == '\n', "CR alone at %zu", i);
    }
    REQUIRE(mail->len <= 2 << 20, "%zu bytes", mail->len);
    check_headers(mail, recipient);
}

/* ---- the target ---- */

static void set_decision(struct decision *decision, unsigned mode)
{
    decision_init(decision);
    decision->calendar = (enum calendar_change)(mode & 3);
    decision->calendar_uid = "uid-1@bookspool";
    decision->sequence = mode;
    decision->calendar_written = mode & 4;
    decision->late = mode & 8;
    if (mode & 1)
        decision->previous_start = INT64_C(1795255200000);
}

static void compose(const struct event *event, const struct record *record, unsigned mode, int who)
{
    static const char *const recipient[] = {"owner@example.org", "ada@example.com"};
    struct decision decision;
    struct buf first = {0}, second = {0}, why = {0};
    const struct composer composer = {.from = "bookspool@example.net",
        .templates = language[(mode + (unsigned)who) & 1],
        .calendar = ENTRY_INVITE,
        .customer_calendar = CUSTOMER_INVITE};
    const struct notice notice = {.event = event,
        .decision = &decision,
        .record = record,
        .name = ID "-0123456789ab",
        .recipient = recipient[who],
        .audience = who == 0 ? AUDIENCE_OWNER : AUDIENCE_CUSTOMER};
    set_decision(&decision, mode);
    REQUIRE(compose_message(&composer, &notice, &first, &why), "%s", buf_text(&why));
    check_message(&first, recipient[who]);
    REQUIRE(compose_message(&composer, &notice, &second, &why), "%s", buf_text(&why));
    REQUIRE(first.len == second.len && memcmp(first.data, second.data, first.len) == 0,
        "made twice, the mail differs");
    decision_free(&decision);
    buf_free(&first);
    buf_free(&second);
    buf_free(&why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned mode = size && data[0] < 16 ? data[0] : 1;
    size_t skip = size && data[0] < 16;
    struct record record = {.kind = RECORD_EVENT, .received = INT64_C(1795255200000), .id = ID};
    struct event event;
    char *body = fuzz_copy(data + skip, size - skip);
    record.body = body;
    record.length = size - skip;
    for (record.provider = 0;; record.provider++) {
        REQUIRE(record_map(&record, &event), "out of memory");
        if (event.known || record.provider + 1 == PROVIDERS)
            break;
        event_free(&event);
    }
    compose(&event, &record, mode, 0);
    compose(&event, &record, mode, 1);
    event_free(&event);
    free(body);
    return 0;
}
