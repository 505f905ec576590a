/* bookspool render: the mail that would be made of an event. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/address.h"
#include "base/nearest.h"
#include "ledger/known.h"
#include "ledger/ledger.h"
#include "mail/compose.h"
#include "mail/message.h"
#include "mail/template_files.h"
#include "provider/provider.h"
#include "tool/find.h"
#include "tool/ledger_view.h"
#include "tool/output.h"
#include "tool/samples.h"

static const char usage[] =
    "render ID [OPTION...]\n"
    "       bookspool render PROVIDER/SAMPLE | FILE [OPTION...]\n"
    "       bookspool render --built-in [NAME]\n"
    "\n"
    "Shows the mail that is made of an event: one in the spool, a sample of\n"
    "bookspool post such as calcom/created, or an event file, whose name must hold\n"
    "a slash. Nothing is stored or sent. This prints personal data.\n"
    "\n"
    "  --text            the text alone; without an option, subject and text\n"
    "  --html            the HTML part\n"
    "  --eml             the complete message, RFC 5322\n"
    "  --customer        as the customer gets it\n"
    "  --to ADDRESS      for that recipient\n"
    "  --templates DIR   with these templates instead of BOOKSPOOL_TEMPLATES\n"
    "  --language NAME   in that language instead of BOOKSPOOL_LANGUAGE\n"
    "  --built-in        lists the templates and languages that are built in, or\n"
    "                    prints the one of that name, to begin one's own with\n"
    "  --provider NAME   FILE is the bare body of a webhook of calcom or calendly\n"
    "\n"
    "Exit status: 0 shown, 65 no intact event, 66 nowhere, 78 a template is wrong.\n";

struct render {
    struct tool *tool;
    /* what is asked for */
    bool text, html, eml, customer;
    const char *provider;             /* of a file that holds a bare body; NULL: the file says it */
    const char *templates, *language; /* instead of the settings; NULL: as they say */
    const char *to;
    /* the event and its mail */
    struct spool_file file;
    struct event event;
    struct decision decision;
    char name[MAIL_NAME_SIZE], recipient[ADDRESS_SIZE];
    struct notice notice;
};

/* ---- the event ---- */

/* A bare body becomes the record that the receiver would store of it now. */
static void set_record(struct render *render, enum provider provider)
{
    struct record *record = &render->file.record;
    struct envelope envelope;
    *record = (struct record){.kind = RECORD_EVENT,
        .provider = provider,
        .received = render->tool->now,
        .body = buf_text(&render->file.data),
        .length = render->file.data.len};
    if (render->file.data.failed ||
        !digest_hex(&(struct digest_part){record->body, record->length}, 1, record->sha256) ||
        !id_make(provider_name(provider), record->sha256, TIME_NONE, record->id) ||
        !provider_envelope(provider, "", record->body, record->length, &envelope))
        tool_no_memory();
    snprintf(record->event, sizeof record->event, "%s", envelope.event);
}

/*
 * PROVIDER/SAMPLE is a sample of bookspool post; another operand that contains a slash is a file;
 * all others are ids of events in the spool.
 */
static int read_event(struct render *render, const char *operand)
{
    struct tool *tool = render->tool;
    struct spool_file *file = &render->file;
    const char *slash = strchr(operand, '/');
    if (!slash) {
        struct pattern pattern;
        struct places places = {0};
        int code = tool_look(tool);
        if (code == EX_OK)
            code = find_one(tool, operand, &pattern, &places);
        if (code == EX_OK && !find_event(tool, places.item[0].parsed.id, file)) {
            tool_say(tool, "no intact event of %s is left", operand);
            code = EX_DATAERR;
        }
        places_free(&places);
        return code;
    }
    tool_settings(tool);
    char name[32];
    enum provider provider;
    snprintf(name, sizeof name, "%.*s", (int)(slash - operand), operand);
    if (provider_parse(name, &provider)) {
        const struct sample *sample = sample_find(tool, provider, slash + 1);
        buf_add(&file->data, sample->data, sample->len);
        set_record(render, provider);
        return EX_OK;
    }
    int code = tool_read(tool, operand, &file->data);
    if (code != EX_OK)
        return code;
    if (render->provider) {
        set_record(render, tool_provider(tool, render->provider));
        return EX_OK;
    }
    const char *wrong = record_decode(buf_text(&file->data), file->data.len, &file->record);
    if (!wrong && file->record.kind != RECORD_EVENT)
        wrong = "it is a mail";
    if (!wrong)
        return EX_OK;
    tool_say(tool, "%s is not a stored event: %s; --provider says whose bare body it is", operand,
        wrong);
    return EX_DATAERR;
}

/*
 * The decision of the ledger, or where it has none, that of an empty ledger. Without either the
 * event is shown as a new fact.
 */
static void take_decision(struct render *render)
{
    struct buf why = {0};
    if (ledger_view_decision(render->tool, render->event.id, &render->decision))
        return;
    decision_free(&render->decision);
    struct ledger *ledger = ledger_open("sqlite::memory:", 0, &why);
    bool ok =
        ledger && ledger_begin(ledger) &&
        ledger_decide(ledger, &render->event, render->event.received_at, 0, &render->decision);
    if (ledger && !ok)
        buf_puts(&why, ledger_failure(ledger));
    ledger_close(ledger);
    if (!ok)
        decision_free(&render->decision);
    if (why.len)
        tool_say(render->tool, "the ledger cannot be asked: %s", buf_text(&why));
    buf_free(&why);
}

static int make_notice(struct render *render, const char *operand)
{
    int code = read_event(render, operand);
    if (code != EX_OK)
        return code;
    const struct record *record = &render->file.record;
    if (record->forgotten) {
        tool_say(render->tool, "%s: %s", operand, RECORD_FORGOTTEN);
        return EX_DATAERR;
    }
    if (!record_map(record, &render->event))
        tool_no_memory();
    take_decision(render);
    ledger_complete(&render->decision, &render->event);
    const struct booking *booking = &render->event.booking;
    const char *to = render->to;
    if (!to && render->customer) {
        to = booking->attendee_count ? booking->attendees[0].email : NULL;
        if (!to) {
            tool_say(render->tool, "the event names no customer's address; --to names one");
            return EX_DATAERR;
        }
    }
    to = to ? to : conf_text(&render->tool->conf, SET_MAIL_TO);
    to = to ? to : LOCAL_ADDRESS;
    snprintf(render->recipient, sizeof render->recipient, "%.*s", (int)strcspn(to, ", "), to);
    if (!address_valid(render->recipient))
        tool_usage(render->tool, "%s is no bare mail address", to);
    if (!name_of_mail(record->id, render->recipient, render->name))
        tool_no_memory();
    render->notice = (struct notice){.event = &render->event,
        .decision = &render->decision,
        .record = record,
        .name = render->name,
        .recipient = render->recipient,
        .audience = render->customer ? AUDIENCE_CUSTOMER : AUDIENCE_OWNER};
    return EX_OK;
}

/* ---- its mail ---- */

static void replace_setting(struct conf *conf, enum setting which, const char *value)
{
    if (!value)
        return;
    char *copy = strdup(value);
    if (!copy)
        tool_no_memory();
    free(conf->value[which].text);
    conf->value[which].text = copy;
}

/* One part; TEMPLATE_PARTS: the complete message. */
static int print_part(
    const struct render *render, const struct composer *composer, enum template_part part)
{
    struct buf out = {0}, why = {0};
    bool ok = part == TEMPLATE_PARTS ? compose_message(composer, &render->notice, &out, &why)
                                     : compose_part(composer, &render->notice, part, &out, &why);
    bool subject = part == PART_SUBJECT;
    if (ok) {
        fputs(subject ? "Subject: " : "", stdout);
        output_bytes(buf_text(&out), out.len);
        fputs(subject ? "\n\n" : "", stdout);
    } else
        tool_say(render->tool, "%s", buf_text(&why));
    buf_free(&out);
    buf_free(&why);
    return ok ? EX_OK : EX_CONFIG;
}

static int print_form(const struct render *render)
{
    struct conf *conf = &render->tool->conf;
    struct composer composer;
    struct buf why = {0};
    int code = EX_OK;
    replace_setting(conf, SET_TEMPLATES, render->templates);
    replace_setting(conf, SET_LANGUAGE, render->language);
    bool ok = composer_open(&composer, conf, &why);
    tool_say_lines(render->tool, "", &why);
    buf_free(&why);
    if (!ok)
        return EX_CONFIG;
    composer.one_language = render->language != NULL;
    if (render->eml) {
        message_setup();
        code = print_part(render, &composer, TEMPLATE_PARTS);
    } else if (render->html)
        code = print_part(render, &composer, PART_HTML);
    else {
        if (!render->text)
            code = print_part(render, &composer, PART_SUBJECT);
        if (code == EX_OK)
            code = print_part(render, &composer, PART_TEXT);
    }
    composer_close(&composer);
    return code;
}

/* ---- what is built in ---- */

/* The names of all templates and languages, or the text of one. */
static int print_built_in(struct tool *tool, const char *name)
{
    struct nearest nearest = {.wanted = name ? name : ""};
    for (const struct template_built_in *one = templates_built_in; one->name; one++) {
        if (!name)
            printf("%s\n", one->name);
        else if (strcmp(one->name, name) == 0) {
            fwrite(one->data, 1, one->len, stdout);
            return EX_OK;
        }
        nearest_try(&nearest, one->name);
    }
    if (!name)
        return EX_OK;
    tool_say(tool, "%s is not built in%s%s; --built-in alone lists what is", name,
        nearest.best ? "; the nearest is " : "", nearest.best ? nearest.best : "");
    return EX_NOINPUT;
}

static int run(struct tool *tool, int argc, char **argv)
{
    char **operands;
    bool built_in = false;
    struct render render = {.tool = tool};
    const struct tool_option options[] = {
        {"text", &render.text, NULL},
        {"html", &render.html, NULL},
        {"eml", &render.eml, NULL},
        {"customer", &render.customer, NULL},
        {"built-in", &built_in, NULL},
        {"to", NULL, &render.to},
        {"templates", NULL, &render.templates},
        {"language", NULL, &render.language},
        {"provider", NULL, &render.provider},
        {0},
    };
    int count = tool_parse(tool, argc, argv, options, &operands);
    if (built_in && count <= 1)
        return print_built_in(tool, count ? operands[0] : NULL);
    if (count != 1)
        tool_usage(tool, "name one event, sample or file");
    if (tool->json)
        tool_usage(tool, "a mail has no JSON form");
    if (render.text + render.html + render.eml > 1)
        tool_usage(tool, "--text, --html and --eml exclude one another");
    int code = make_notice(&render, operands[0]);
    if (code == EX_OK)
        code = print_form(&render);
    decision_free(&render.decision);
    event_free(&render.event);
    spool_file_free(&render.file);
    return code;
}

const struct command command_render = {"render", "the mail made of an event", usage, run};
