/*
 * http_server: the answer of SendGrid's interface to libcurl, http/http.c and deliver/sendgrid.c;
 * see peer.h.
 *
 * The mail counts as sent only where the answer says 202.
 */
#include "own_settings.h"
#include "peer.h"

#include <curl/curl.h>

#include "base/conf.h"
#include "deliver/sendgrid.h"
#include "mail/message.h"

static struct conf conf;

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char base[64];
    (void)argc, (void)argv;
    own_settings_open();
    message_setup();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    peer_start(false);
    snprintf(base, sizeof base, "http://127.0.0.1:%u", peer.port);
    setenv("SENDGRID_API_BASE", base, 1);
    setenv("SENDGRID_API_KEY", "SG.key", 1);
    setenv("BOOKSPOOL_TRANSPORT", "sendgrid:", 1);
    REQUIRE(conf_load(&conf, CONF_DRAIN), "%s", buf_text(&conf.errors));
    return 0;
}

static bool before_end(void *context)
{
    *(bool *)context = true;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char message[] = "From: bookspool@example.org\r\nTo: ada@example.com\r\n"
                                  "Subject: A booking\r\nMIME-Version: 1.0\r\n"
                                  "Content-Type: text/plain; charset=utf-8\r\n\r\nHello\r\n";
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
    void *sendgrid = sendgrid_open(&conf, NULL, &why);
    REQUIRE(sendgrid, "%s", buf_text(&why));
    sendgrid_send(sendgrid, &delivery, &result);
    sendgrid_close(sendgrid);
    REQUIRE(fuzz_is_code(result.reason) && fuzz_is_printable(result.words) &&
                fuzz_is_printable(result.detail) && result.wait_ms >= 0,
        "%s: %s (%s)", result.reason, result.words, result.detail);
    if (result.outcome == OUTCOME_SENT)
        REQUIRE(ended && memmem(data, size, "202", 3), "sent, but who said so?");
    if (result.outcome == OUTCOME_UNKNOWN)
        REQUIRE(ended, "unknown before the end: %s", result.reason);
    buf_free(&why);
    return 0;
}
