#include "http/handle.h"

#include <string.h>

#include "base/clock.h"

#if LIBCURL_VERSION_NUM < 0x075100
#error "libcurl 7.81 or later is needed"
#elif LIBCURL_VERSION_NUM >= 0x075500
static bool set_protocols(CURL *easy, const char *names)
{
    return handle_set_text(easy, CURLOPT_PROTOCOLS_STR, names);
}
#else
static bool set_protocols(CURL *easy, const char *names)
{
    static const struct {
        const char *names;
        long bits;
    } all[] = {
        {"https", CURLPROTO_HTTPS},
        {"http,https", CURLPROTO_HTTP | CURLPROTO_HTTPS},
        {"smtp,smtps", CURLPROTO_SMTP | CURLPROTO_SMTPS},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(names, all[i].names) == 0)
            return curl_easy_setopt(easy, CURLOPT_PROTOCOLS, all[i].bits) == CURLE_OK;
    return false;
}
#endif

CURL *handle_open(const struct handle_policy *policy, char error[CURL_ERROR_SIZE])
{
    const struct handle_number numbers[] = {
        {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_SSL_VERIFYPEER, 1},
        {CURLOPT_SSL_VERIFYHOST, 2},
        {CURLOPT_FOLLOWLOCATION, 0},
        {CURLOPT_CONNECTTIMEOUT_MS, (long)policy->connect_ms},
        {CURLOPT_LOW_SPEED_LIMIT, 1}, /* also while an answer is waited for */
        {CURLOPT_LOW_SPEED_TIME, (long)((policy->silence_ms + MS_PER_SECOND - 1) / MS_PER_SECOND)},
        {CURLOPT_TCP_KEEPALIVE, 1},
        {CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
        {CURLOPT_NOSIGNAL, 1}, /* SIGPIPE is ignored by the program, so not around each write */
#if LIBCURL_VERSION_NUM >= 0x075700 /* else a slow resolver holds up curl_easy_cleanup */
        {CURLOPT_QUICK_EXIT, 1},
#endif
    };
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return NULL;
    CURL *easy = curl_easy_init();
    if (easy && handle_set_numbers(easy, numbers, sizeof numbers / sizeof numbers[0]) &&
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error) == CURLE_OK &&
        set_protocols(easy, policy->protocols) &&
        handle_set_text(easy, CURLOPT_CAINFO, policy->ca) &&
        handle_set_text(easy, CURLOPT_NOPROXY, policy->no_proxy ? "*" : NULL))
        return easy;
    curl_easy_cleanup(easy);
    return NULL;
}

bool handle_set_numbers(CURL *easy, const struct handle_number *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (curl_easy_setopt(easy, numbers[i].name, numbers[i].value) != CURLE_OK)
            return false;
    return true;
}

bool handle_set_text(CURL *easy, CURLoption name, const char *text)
{
    return !text || curl_easy_setopt(easy, name, text) == CURLE_OK;
}

/* CURLOPT_READFUNCTION. With a known size libcurl may not call again after the last byte. */
static size_t give_piece(char *out, size_t size, size_t count, void *context)
{
    struct handle_upload *upload = context;
    size_t room = size * count, rest = upload->len - upload->given;
    size_t len = rest < room ? rest : room;
    if (len == rest && !upload->end_given) {
        if (upload->before_end && !upload->before_end(upload->context)) {
            upload->given_up = true;
            return CURL_READFUNC_ABORT;
        }
        upload->end_given = true;
    }
    if (len)
        memcpy(out, upload->data + upload->given, len);
    upload->given += len;
    return len;
}

/* CURLOPT_XFERINFOFUNCTION: called at least once a second, also while an answer is waited for. */
static int report_waiting(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    const struct handle_upload *upload = context;
    if (upload->waiting)
        upload->waiting(upload->context);
    return upload->abandon;
}

bool handle_set_upload(CURL *easy, struct handle_upload *upload)
{
    return curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_piece) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_READDATA, upload) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, report_waiting) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_XFERINFODATA, upload) == CURLE_OK;
}

bool handle_url_has(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK;
    has = has && !(part == CURLUPART_PATH && strcmp(text, "/") == 0);
    curl_free(text);
    return has;
}

void handle_get_connection(CURL *easy, bool *reached, int *os_error, long *verify)
{
    curl_off_t connect_us = 0;
    long number = 0;
    curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connect_us);
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
    *reached = connect_us > 0;
    *os_error = (int)number;
    *verify = 0;
    curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, verify);
}

const char *handle_error(CURLcode code, const char *error)
{
    return error[0] ? error : curl_easy_strerror(code);
}
