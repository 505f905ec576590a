/*
 * smtp_server: a mail server's side of a conversation with libcurl and deliver/smtp.c; see peer.h.
 *
 * The mail counts as sent only where the server has said 2yz, and after the message was given.
 */
#include "own_settings.h"
#include "peer.h"

#include <curl/curl.h>

#include "base/conf.h"
#include "deliver/outcome.h"
#include "deliver/smtp.h"
#include "deliver/target.h"

static struct conf conf;
static struct target_list targets;

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char transport[64];
    struct buf why = {0};
    (void)argc, (void)argv;
    own_settings_open();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    peer_start(true);
    snprintf(transport, sizeof transport, "smtp+plain://127.0.0.1:%u", peer.port);
    setenv("BOOKSPOOL_TRANSPORT", transport, 1);
    setenv("BOOKSPOOL_MAIL_FROM", "bookspool@example.org", 1);
    setenv("BOOKSPOOL_MAIL_TO", "owner@example.org", 1);
    setenv("BOOKSPOOL_EHLO", "host.example.org", 1);
    REQUIRE(conf_load(&conf, CONF_DRAIN), "%s", buf_text(&conf.errors));
    REQUIRE(target_list_read(&conf, &targets, &why), "%s", buf_text(&why));
    return 0;
}

static bool before_end(void *context)
{
    *(bool *)context = true;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char message[] = "To: ada@example.com\r\n\r\n.a dot\r\n";
    bool ended = false;
    struct buf why = {0};
    struct delivery_result result;
    const struct delivery delivery = {.name = "0123456789abcdef0123456789abcdef-0123456789ab",
        .from = "bookspool@example.org",
        .to = "ada@example.com",
        .data = message,
        .len = sizeof message - 1,
        .before_end = before_end,
        .context = &ended};
    peer_set(data, size);
    void *smtp = smtp_open(&conf, &targets.item[0], &why);
    REQUIRE(smtp, "%s", buf_text(&why));
    smtp_send(smtp, &delivery, &result);
    smtp_close(smtp);
    REQUIRE(fuzz_is_code(result.reason) && fuzz_is_printable(result.words) &&
                fuzz_is_printable(result.detail),
        "%s: %s (%s)", result.reason, result.words, result.detail);
    if (result.outcome == OUTCOME_SENT)
        REQUIRE(ended && memchr(data, '2', size), "sent, but who said so?");
    if (result.outcome == OUTCOME_UNKNOWN)
        REQUIRE(ended, "unknown before the end: %s", result.reason);
    buf_free(&why);
    return 0;
}
