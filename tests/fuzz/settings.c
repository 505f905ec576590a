/*
 * settings: a file of settings, read by each program, and what the drain makes of the larger ones:
 * transports, recipients. The first byte chooses the program.
 *
 * Wrong settings have a line that names the file, and no program starts without one.
 */
#include "own_settings.h"

#include "base/conf.h"
#include "deliver/target.h"
#include "mail/recipients.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    own_settings_open();
    return 0;
}

/* Each line says something, and nothing in it can move a cursor or forge another line. */
static void check_lines(const struct buf *lines)
{
    for (const char *line = buf_text(lines); *line; line += strcspn(line, "\n") + 1) {
        REQUIRE(*line != '\n', "an empty line");
        for (const char *c = line; *c && *c != '\n'; c++)
            REQUIRE((unsigned char)*c >= ' ' && *c != 0x7f, "%.200s", line);
        if (!line[strcspn(line, "\n")])
            break;
    }
}

static void use(const struct conf *conf)
{
    struct target_list targets;
    struct buf why = {0};
    if (!target_list_read(conf, &targets, &why))
        REQUIRE(why.len, "a transport is refused without a reason");
    target_list_free(&targets);
    buf_clear(&why);
    struct recipients *recipients = recipients_open(conf, "owner@example.org", &why);
    REQUIRE(recipients || why.len, "recipients are refused without a reason");
    recipients_close(recipients);
    buf_free(&why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum conf_program programs[] = {CONF_RECEIVE, CONF_DRAIN, CONF_TOOL};
    enum conf_program program = programs[size ? data[0] % 3 : 0];
    struct conf conf;
    own_settings_write(data + (size > 0), size - (size > 0));
    bool right = conf_load(&conf, program);
    REQUIRE(right == (conf.errors.len == 0), "%s", buf_text(&conf.errors));
    check_lines(&conf.errors);
    check_lines(&conf.warnings);
    if (right && program == CONF_DRAIN)
        use(&conf);
    conf_wipe_secrets(&conf);
    conf_free(&conf);
    return 0;
}
