/*
 * api_scene: a client of an API, with a peer (peer.h) in place of the provider.
 */
#ifndef TESTS_API_SCENE_H
#define TESTS_API_SCENE_H

#include "peer.h"

#include "api/api.h"

/* An answer with a body. */
static inline const char *answer_text(const char *status, const char *headers, const char *body)
{
    static char texts[64][8192];
    static int next;
    char *text = texts[next++ % 64];
    snprintf(text, sizeof texts[0], "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", status,
        headers, strlen(body), body);
    return text;
}

#define ME answer_text("200 OK", "", "{\"resource\":{\"uri\":\"u\"}}")
#define DENIED                                                                                     \
    answer_text("401 Unauthorized", "",                                                            \
        "{\"title\":\"Unauthenticated\",\"message\":\"The access token was revoked\"}")

struct scene {
    struct peer peer;
    struct conf conf;
    struct api *api;
    struct api_answer answer;
};

/* One token, or two; no ledger. */
static inline void scene_open(void **state, struct scene *scene, enum provider provider,
    const char *second, const char *const *answers)
{
    bool calendly = provider == PROVIDER_CALENDLY;
    struct buf why = {0};
    *scene = (struct scene){0};
    peer_start(&scene->peer, answers);
    scratch_settings(*state, "");
    setenv(calendly ? "CALENDLY_API_BASE" : "CALCOM_API_BASE", scene->peer.base, 1);
    setenv(calendly ? "CALENDLY_API_TOKEN" : "CALCOM_API_KEY", "first-token", 1);
    if (second)
        setenv(calendly ? "CALENDLY_API_TOKEN_SECONDARY" : "CALCOM_API_KEY_SECONDARY", second, 1);
    else
        unsetenv(calendly ? "CALENDLY_API_TOKEN_SECONDARY" : "CALCOM_API_KEY_SECONDARY");
    if (!conf_load(&scene->conf, CONF_TOOL))
        fail_msg("%s", buf_text(&scene->conf.errors));
    scene->api = api_open(&scene->conf, provider, NULL, &why);
    if (!scene->api)
        fail_msg("%s", buf_text(&why));
    buf_free(&why);
}

static inline void scene_close(struct scene *scene)
{
    api_answer_free(&scene->answer);
    api_close(scene->api);
    conf_free(&scene->conf);
    peer_stop(&scene->peer);
}

static inline enum api_result scene_get(struct scene *scene, const char *path)
{
    api_answer_free(&scene->answer);
    return api_get(scene->api, path, &scene->answer);
}

static inline void scene_says(const struct scene *scene, const char *text)
{
    if (!strstr(scene->answer.error, text))
        fail_msg("\"%s\" is not in: %s", text, scene->answer.error);
    assert_null(strstr(scene->answer.error, "first-token"));
    assert_null(strstr(scene->answer.error, "second-token"));
}

#endif
