/*
 * curl_loop URL DIR: what bookspool-drain is measured against: all mails of a spool's out/ by a
 * bare loop of curl_easy_perform on one reused handle, and so over one kept connection. The files
 * are read before the clock starts, and nothing becomes of them: no mark, no rename, no sync, no
 * log.
 *
 * Prints one line: MAILS WALL USER SYSTEM, in seconds. Exit 1: a mail was not accepted.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include <curl/curl.h>

struct mail {
    char *from, *to;
    const char *body;
    size_t len, given;
};

/* ---- the mails ---- */

static char *read_file(const char *dir, const char *name, size_t *len)
{
    char path[4096];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "rb");
    if (!file || fstat(fileno(file), &st) < 0)
        return NULL;
    char *data = malloc((size_t)st.st_size + 1);
    *len = data ? fread(data, 1, (size_t)st.st_size, file) : 0;
    fclose(file);
    if (data)
        data[*len] = '\0';
    return data;
}

static char *field(const char *head, const char *name)
{
    const char *at = strstr(head, name);
    return at ? strndup(at + strlen(name), strcspn(at + strlen(name), "\n")) : NULL;
}

static int read_mail(const char *dir, const char *name, struct mail *mail)
{
    size_t len;
    char *data = read_file(dir, name, &len);
    char *end = data ? strstr(data, "\n\n") : NULL;
    if (!end)
        return 0;
    *end = '\0';
    *mail = (struct mail){field(data, "\nFrom: "), field(data, "\nTo: "), end + 2, 0, 0};
    mail->len = len - (size_t)(mail->body - data);
    return mail->from && mail->to;
}

static struct mail *read_all(const char *path, size_t *count)
{
    struct mail *mails = NULL;
    struct dirent *entry;
    DIR *dir = opendir(path);
    *count = 0;
    while (dir && (entry = readdir(dir))) {
        if (entry->d_name[0] == '.')
            continue;
        mails = realloc(mails, (*count + 1) * sizeof *mails);
        if (!mails || !read_mail(path, entry->d_name, &mails[(*count)++]))
            exit(2);
    }
    if (dir)
        closedir(dir);
    return mails;
}

/* ---- sending ---- */

static size_t on_body(char *out, size_t size, size_t count, void *context)
{
    struct mail *mail = context;
    size_t rest = mail->len - mail->given, len = rest < size * count ? rest : size * count;
    memcpy(out, mail->body + mail->given, len);
    mail->given += len;
    return len;
}

static int send_mail(CURL *easy, struct mail *mail)
{
    struct curl_slist *to = curl_slist_append(NULL, mail->to);
    curl_easy_setopt(easy, CURLOPT_MAIL_FROM, mail->from);
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, to);
    curl_easy_setopt(easy, CURLOPT_READDATA, mail);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)mail->len);
    int sent = curl_easy_perform(easy) == CURLE_OK;
    curl_slist_free_all(to);
    return sent;
}

static double seconds(struct timeval tv)
{
    return (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int measure(CURL *easy, struct mail *mails, size_t count)
{
    struct rusage before, after;
    size_t sent = 0;
    getrusage(RUSAGE_SELF, &before);
    double begin = now();
    for (size_t i = 0; i < count; i++)
        sent += (size_t)send_mail(easy, &mails[i]);
    double wall = now() - begin;
    getrusage(RUSAGE_SELF, &after);
    printf("%zu %.6f %.6f %.6f\n", sent, wall, seconds(after.ru_utime) - seconds(before.ru_utime),
        seconds(after.ru_stime) - seconds(before.ru_stime));
    return sent == count ? 0 : 1;
}

int main(int argc, char **argv)
{
    size_t count;
    if (argc != 3)
        return 64;
    struct mail *mails = read_all(argv[2], &count);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, argv[1]);
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_body);
    int code = measure(easy, mails, count);
    curl_easy_cleanup(easy);
    return code; /* the mails go with the process */
}
