/*
 * handle: what every libcurl handle of bookspool has in common, for HTTP and for SMTP: certificates
 * are verified, TLS is 1.2 or later, each wait has a limit, redirects are not followed, and a body
 * is given to libcurl piece by piece.
 */
#ifndef HTTP_HANDLE_H
#define HTTP_HANDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

struct handle_policy {
    const char *protocols; /* "https", as CURLOPT_PROTOCOLS_STR has it */
    const char *ca;        /* a file of certificates to trust instead of the system's; or NULL */
    bool no_proxy;
    int64_t connect_ms; /* limit for a connection with its TLS; 0: libcurl's own, 300 s */
    int64_t silence_ms; /* no byte moves for so long: given up; 0: no limit */
};

/* NULL when libcurl cannot do this or memory ran out. `error` must live as long as the handle. */
CURL *handle_open(const struct handle_policy *policy, char error[CURL_ERROR_SIZE]);

struct handle_number {
    CURLoption name;
    long value;
};

bool handle_set_numbers(CURL *easy, const struct handle_number *numbers, size_t count);
/* NULL leaves libcurl's default. */
bool handle_set_text(CURL *easy, CURLoption name, const char *text);

/*
 * A body on its way. libcurl asks for it piece by piece, so that it is known whether the last byte
 * was given away, and so that libcurl cannot send it again by itself.
 */
struct handle_upload {
    const char *data;
    size_t len, given;
    /* Called once, just before the last piece is given. False: abandon before it. May be NULL. */
    bool (*before_end)(void *context);
    /* Called about once a second while something is waited for. May be NULL. */
    void (*waiting)(void *context);
    void *context;
    bool end_given; /* libcurl has the last byte */
    bool given_up;  /* before_end said so */
    bool abandon;   /* set by the caller: the transfer ends at once */
};

/* `upload` is read during each transfer: the caller fills it anew before each. */
bool handle_set_upload(CURL *easy, struct handle_upload *upload);

/* Does a URL have this part? A path of "/" is none: libcurl adds it. */
bool handle_url_has(CURLU *url, CURLUPart part);

/* After a transfer: did TCP connect, with which errno did it not, and what became of the
 * certificate (CURLINFO_SSL_VERIFYRESULT). */
void handle_get_connection(CURL *easy, bool *reached, int *os_error, long *verify);

/* What went wrong, in libcurl's words: those of the handle's buffer, else those of the code. */
const char *handle_error(CURLcode code, const char *error);

#endif
