#include "tool/preview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/address.h"
#include "ledger/ledger.h"
#include "provider/provider.h"
#include "tool/find.h"
#include "tool/samples.h"
#include "tool/sign.h"

/* ---- where it comes from ---- */

/* A bare body becomes what the receiver would have stored of it just now. */
static int as_record(struct tool *tool, enum provider provider, struct preview *preview)
{
    struct record *record = &preview->file.record;
    struct envelope envelope;
    *record = (struct record){.kind = RECORD_EVENT,
        .provider = provider,
        .received = tool->now,
        .body = buf_text(&preview->file.data),
        .length = preview->file.data.len};
    if (preview->file.data.failed ||
        !digest_hex(&(struct digest_part){record->body, record->length}, 1, record->sha256) ||
        !id_make(provider_name(provider), record->sha256, TIME_NONE, record->id) ||
        !provider_envelope(provider, "", record->body, record->length, &envelope))
        tool_no_memory();
    snprintf(record->event, sizeof record->event, "%s", envelope.event);
    return EX_OK;
}

static int read_sample(struct tool *tool, const char *operand, struct preview *preview)
{
    char name[32];
    enum provider provider;
    const char *slash = strchr(operand, '/');
    snprintf(name, sizeof name, "%.*s", slash ? (int)(slash - operand) : 0, operand);
    if (!slash || !provider_parse(name, &provider))
        return EX_NOINPUT;
    const struct sample *sample = sample_find(provider, slash + 1);
    if (!sample)
        tool_usage(
            tool, "no such sample: %s; bookspool post %s --list names them", slash + 1, name);
    buf_add(&preview->file.data, sample->data, sample->len);
    return as_record(tool, provider, preview);
}

static int read_file(struct tool *tool, const char *path, struct preview *preview)
{
    struct buf *data = &preview->file.data;
    int code = tool_read(tool, path, data);
    if (code != EX_OK)
        return code;
    if (preview->provider)
        return as_record(tool, secret_provider(tool, preview->provider), preview);
    const char *wrong = record_decode(buf_text(data), data->len, &preview->file.record);
    if (!wrong && preview->file.record.kind != RECORD_EVENT)
        wrong = "it is a mail";
    if (!wrong)
        return EX_OK;
    tool_say(tool, "%s is no stored event: %s; --provider says whose bare body it is", path, wrong);
    return EX_DATAERR;
}

static int read_spool(struct tool *tool, const char *text, struct preview *preview)
{
    struct pattern pattern;
    struct places places;
    int code = tool_look(tool);
    if (code != EX_OK)
        return code;
    code = find_one(tool, text, &pattern, &places);
    if (code == EX_OK && !find_event(tool, places.item[0].parsed.id, &preview->file)) {
        tool_say(tool, "no intact event of %s is left", text);
        code = EX_DATAERR;
    }
    places_free(&places);
    return code;
}

/* ---- what is known of it ---- */

static bool ask_empty_ledger(struct preview *preview, struct buf *why)
{
    struct ledger *ledger = ledger_open("sqlite::memory:", why);
    bool ok =
        ledger && ledger_begin(ledger) &&
        ledger_decide(ledger, &preview->event, preview->event.received_at, 0, &preview->decision);
    if (ledger && !ok)
        buf_puts(why, ledger_failure(ledger));
    ledger_close(ledger);
    return ok;
}

/* Without a decision of the ledger the preview shows the event as a new fact. */
static void ask_ledger(struct tool *tool, struct preview *preview)
{
    struct buf why = {0};
    bool found = false;
    const char *where = conf_text(&tool->conf, SET_LEDGER);
    struct ledger *ledger = where ? ledger_open_readonly(where, &why) : NULL;
    if (ledger && !ledger_recall(ledger, preview->event.id, &preview->decision, &found))
        buf_puts(&why, ledger_failure(ledger));
    ledger_close(ledger);
    if (!found && !ask_empty_ledger(preview, &why))
        decision_init(&preview->decision);
    if (why.len)
        tool_say(tool, "the ledger cannot be asked: %s", buf_text(&why));
    buf_free(&why);
}

/* ---- the recipient ---- */

static int choose_recipient(struct tool *tool, struct preview *preview)
{
    const struct booking *booking = &preview->event.booking;
    const char *to = preview->to;
    if (!to && preview->customer)
        to = booking->attendee_count ? booking->attendees[0].email : NULL;
    else if (!to)
        to = conf_text(&tool->conf, SET_MAIL_TO);
    if (!to && preview->customer) {
        tool_say(tool, "the event names no customer's address; --to names one");
        return EX_DATAERR;
    }
    to = to ? to : LOCAL_ADDRESS;
    snprintf(preview->recipient, sizeof preview->recipient, "%.*s", (int)strcspn(to, ", "), to);
    if (!address_valid(preview->recipient))
        tool_usage(tool, "%s is no bare mail address", to);
    return EX_OK;
}

int preview_read(struct tool *tool, const char *operand, struct preview *preview)
{
    const char *slash = strchr(operand, '/');
    if (slash)
        tool_settings(tool); /* the other way, tool_look does it */
    int code = slash ? read_sample(tool, operand, preview) : read_spool(tool, operand, preview);
    if (slash && code == EX_NOINPUT)
        code = read_file(tool, operand, preview);
    if (code != EX_OK)
        return code;
    const struct record *record = &preview->file.record;
    if (!record_map(record, &preview->event))
        tool_no_memory();
    decision_init(&preview->decision);
    ask_ledger(tool, preview);
    code = choose_recipient(tool, preview);
    if (code == EX_OK && !mail_name(record->id, preview->recipient, preview->name))
        tool_no_memory();
    preview->notice = (struct notice){.event = &preview->event,
        .decision = &preview->decision,
        .record = record,
        .name = preview->name,
        .recipient = preview->recipient,
        .audience = preview->customer ? AUDIENCE_CUSTOMER : AUDIENCE_OWNER};
    return code;
}

void preview_free(struct preview *preview)
{
    decision_free(&preview->decision);
    event_free(&preview->event);
    spool_file_free(&preview->file);
}

/* ---- its mail ---- */

static void replace(struct conf *conf, enum setting which, const char *value)
{
    if (!value)
        return;
    char *copy = strdup(value);
    if (!copy)
        tool_no_memory();
    free(conf->value[which].text);
    conf->value[which].text = copy;
}

int preview_open_composer(
    struct tool *tool, const char *templates, const char *language, struct composer *composer)
{
    struct buf why = {0};
    replace(&tool->conf, SET_TEMPLATES, templates);
    replace(&tool->conf, SET_LANGUAGE, language);
    bool ok = composer_open(composer, &tool->conf, &why);
    tool_say_lines(tool, "", &why);
    buf_free(&why);
    return ok ? EX_OK : EX_CONFIG;
}

int preview_part(struct tool *tool, const struct preview *preview, const struct composer *composer,
    enum template_part part, struct buf *out)
{
    struct buf why = {0};
    bool ok = compose_part(composer, &preview->notice, part, out, &why);
    if (!ok)
        tool_say(tool, "%s", buf_text(&why));
    buf_free(&why);
    return ok ? EX_OK : EX_CONFIG;
}
