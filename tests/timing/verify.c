/*
 * verify: does checking a signature tell by its time where a wrong one differs, or which secret it
 * is nearly right for?
 *
 *     verify count          calls `measured` once for each case and prints the cases' names, for
 *                           callgrind to count what each did
 *     verify welch RUNS     times pairs of cases RUNS times each, in random order, and prints
 *                           Welch's t of each pair at several crops, as dudect does (Reparaz et
 *                           al., "Dude, is my code constant time?", 2017)
 *
 * The pair and the cases called `leaky` compare with a loop that ends at the first difference: a
 * measurement that does not notice them notices nothing.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "provider/provider.h"

enum { DIGITS = 64, HEADER_SIZE = 128, CROPS = 5, PRIMARY = 0, SECONDARY = 1 };
enum { RIGHT = -1, NEITHER = -2 };

static const char body[] = "{\"triggerEvent\":\"PING\"}";
static const char *const secret[PROVIDER_SECRETS] = {"the primary secret", "the secondary secret"};
static struct provider_secrets ring;

/* What one run does: `header` to be checked for `provider`; or the leaky comparison. */
struct input {
    bool leaky;
    enum provider provider;
    char header[HEADER_SIZE];
};

static char right_hex[HEADER_SIZE];

static bool leaky_verify(const char *header)
{
    for (size_t i = 0; i < DIGITS; i++)
        if (header[i] != right_hex[i])
            return false;
    return true;
}

/* Not static, or it would have no name to count by. */
bool measured(const struct input *input);

__attribute__((noinline)) bool measured(const struct input *input)
{
    int which;
    if (input->leaky)
        return leaky_verify(input->header);
    return provider_verify(input->provider, &ring, input->header, body, sizeof body - 1, &which) ==
           SIGNATURE_RIGHT;
}

/*
 * The header that the secret `which` makes, with another digit at `digit`; RIGHT: as it is;
 * NEITHER: with all digits changed. A letter stays a letter, so that the pairs differ in nothing
 * but what is compared.
 */
static struct input make(bool leaky, enum provider provider, int which, int digit)
{
    struct input input = {.leaky = leaky, .provider = provider};
    if (!provider_sign(provider, ring.hmac[which], body, sizeof body - 1, INT64_C(1795255200000),
            input.header, sizeof input.header))
        exit(70);
    char *hex = input.header + strlen(input.header) - DIGITS;
    for (int i = 0; i < DIGITS; i++)
        if (i == digit || digit == NEITHER)
            hex[i] = (char)(hex[i] == '9' ? '0' : hex[i] == 'f' ? 'a' : hex[i] + 1);
    return input;
}

/* ---- counting ---- */

static int count_cases(void)
{
    static const int digits[] = {0, 1, 2, 15, 16, 31, 32, 47, 62, 63, NEITHER, RIGHT};
    static const char *const names[] = {"primary", "secondary"};
    for (enum provider p = 0; p <= PROVIDERS; p++)
        for (int which = PRIMARY; which <= SECONDARY; which++)
            for (size_t i = 0; i < sizeof digits / sizeof *digits; i++) {
                bool leaky = p == PROVIDERS;
                const struct input input =
                    make(leaky, leaky ? PROVIDER_CALCOM : p, leaky ? PRIMARY : which, digits[i]);
                bool right = measured(&input);
                if (right != (digits[i] == RIGHT))
                    return 1;
                printf("%s %s %d\n", leaky ? "leaky" : provider_name(p), names[which], digits[i]);
            }
    return 0;
}

/* ---- timing ---- */

static uint64_t ticks(void)
{
#if defined(__x86_64__)
    unsigned low, high, core;
    __asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(core)::"memory");
    return (uint64_t)high << 32 | low;
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
#endif
}

/* Welford's running mean and variance. */
struct series {
    double n, mean, squares;
};

static void series_add(struct series *s, double value)
{
    double before = value - s->mean;
    s->n++;
    s->mean += before / s->n;
    s->squares += before * (value - s->mean);
}

static double welch_t(const struct series *a, const struct series *b)
{
    if (a->n < 2 || b->n < 2)
        return 0;
    double spread = a->squares / (a->n - 1) / a->n + b->squares / (b->n - 1) / b->n;
    return spread > 0 ? (a->mean - b->mean) / sqrt(spread) : 0;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct pair {
    const char *name;
    struct input of[2];
};

/* The largest |t| of all crops: interrupts make the slowest runs, which say nothing. */
static double time_pair(const struct pair *pair, size_t runs, double *taken, unsigned char *class)
{
    static const double kept[CROPS] = {1.0, 0.99, 0.95, 0.8, 0.5};
    double worst = 0, *sorted = malloc(runs * sizeof *sorted);
    if (!sorted)
        exit(71);
    for (size_t i = 0; i < runs; i++) {
        struct input input;
        class[i] = (unsigned char)(random() & 1);
        memcpy(&input, &pair->of[class[i]], sizeof input); /* both from one place in memory */
        uint64_t start = ticks();
        measured(&input);
        taken[i] = (double)(ticks() - start);
    }
    memcpy(sorted, taken, runs * sizeof *sorted);
    qsort(sorted, runs, sizeof *sorted, by_value);
    for (int c = 0; c < CROPS; c++) {
        struct series s[2] = {{.n = 0}, {.n = 0}};
        double limit = sorted[(size_t)((double)(runs - 1) * kept[c])];
        for (size_t i = runs / 100; i < runs; i++) /* the first ones warm up */
            if (taken[i] <= limit)
                series_add(&s[class[i]], taken[i]);
        double t = welch_t(&s[0], &s[1]);
        worst = fabs(t) > worst ? fabs(t) : worst;
    }
    printf("%-40s %8.2f   median %.0f ticks\n", pair->name, worst, sorted[runs / 2]);
    free(sorted);
    return worst;
}

static int time_pairs(size_t runs)
{
    const enum provider cal = PROVIDER_CALCOM, calendly = PROVIDER_CALENDLY;
    const struct pair pairs[] = {
        {"leaky first digit, last digit",
            {make(true, cal, PRIMARY, 0), make(true, cal, PRIMARY, DIGITS - 1)}},
        {"calcom first digit, last digit",
            {make(false, cal, PRIMARY, 0), make(false, cal, PRIMARY, DIGITS - 1)}},
        {"calcom nearly primary, neither",
            {make(false, cal, PRIMARY, DIGITS - 1), make(false, cal, PRIMARY, NEITHER)}},
        {"calcom nearly primary, nearly secondary",
            {make(false, cal, PRIMARY, DIGITS - 1), make(false, cal, SECONDARY, DIGITS - 1)}},
        {"calcom primary, secondary",
            {make(false, cal, PRIMARY, RIGHT), make(false, cal, SECONDARY, RIGHT)}},
        {"calendly first digit, last digit",
            {make(false, calendly, PRIMARY, 0), make(false, calendly, PRIMARY, DIGITS - 1)}},
        {"calendly nearly primary, neither",
            {make(false, calendly, PRIMARY, DIGITS - 1), make(false, calendly, PRIMARY, NEITHER)}},
        {"calendly nearly primary, nearly secondary",
            {make(false, calendly, PRIMARY, DIGITS - 1),
                make(false, calendly, SECONDARY, DIGITS - 1)}},
        {"calendly primary, secondary",
            {make(false, calendly, PRIMARY, RIGHT), make(false, calendly, SECONDARY, RIGHT)}},
    };
    double *taken = malloc(runs * sizeof *taken);
    unsigned char *class = malloc(runs);
    if (!taken || !class)
        return 71;
    srandom((unsigned)time(NULL));
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        time_pair(&pairs[i], runs, taken, class);
    free(taken);
    free(class);
    return 0;
}

int main(int argc, char **argv)
{
    if (!provider_secrets_open(&ring, secret[0], secret[1]) ||
        !provider_sign(
            PROVIDER_CALCOM, ring.hmac[0], body, sizeof body - 1, 0, right_hex, sizeof right_hex))
        return 70;
    struct input warm = make(false, PROVIDER_CALENDLY, PRIMARY, RIGHT);
    int which;
    if (provider_verify(warm.provider, &ring, warm.header, body, sizeof body - 1, &which) !=
        SIGNATURE_RIGHT)
        return 70;
    int code = 64;
    if (argc == 2 && strcmp(argv[1], "count") == 0)
        code = count_cases();
    else if (argc == 3 && strcmp(argv[1], "welch") == 0 && atol(argv[2]) > 100)
        code = time_pairs((size_t)atol(argv[2]));
    else
        fprintf(stderr, "usage: verify count | verify welch RUNS\n");
    provider_secrets_close(&ring);
    return code;
}
