/* bookspool render: the mail that would be made of an event. */
#include <stdio.h>
#include <sysexits.h>

#include "mail/message.h"
#include "tool/output.h"
#include "tool/preview.h"

static const char usage[] =
    "render ID [OPTION...]\n"
    "       bookspool render PROVIDER/SAMPLE | FILE [OPTION...]\n"
    "\n"
    "Shows the mail that is made of an event: one in the spool, a sample of\n"
    "bookspool post such as calcom/created, or an event file, whose name must hold\n"
    "a slash. Nothing is stored or sent. This prints personal data.\n"
    "\n"
    "  --text            the text alone; without an option, subject and text\n"
    "  --html            the HTML part\n"
    "  --eml             the whole message, RFC 5322\n"
    "  --customer        as the customer gets it\n"
    "  --to ADDRESS      for that recipient\n"
    "  --templates DIR   with these templates instead of BOOKSPOOL_TEMPLATES\n"
    "  --language NAME   in that language instead of BOOKSPOOL_LANGUAGE\n"
    "  --provider NAME   FILE is the bare body of a webhook of calcom or calendly\n"
    "\n"
    "Exit status: 0 shown, 65 no intact event, 66 nowhere, 78 a template is wrong.\n";

struct render_form {
    bool text, html, eml;
};

static int show_part(struct tool *tool, const struct preview *preview,
    const struct composer *composer, enum template_part part)
{
    struct buf out = {0};
    int code = preview_part(tool, preview, composer, part, &out);
    if (code == EX_OK && part == PART_SUBJECT)
        printf("Subject: ");
    if (code == EX_OK)
        output_bytes(buf_text(&out), out.len);
    if (code == EX_OK && part == PART_SUBJECT)
        printf("\n\n");
    buf_free(&out);
    return code;
}

static int show_message(
    struct tool *tool, const struct preview *preview, const struct composer *composer)
{
    struct buf out = {0}, why = {0};
    message_setup();
    bool ok = compose_message(composer, &preview->notice, &out, &why);
    if (ok)
        output_bytes(buf_text(&out), out.len);
    else
        tool_say(tool, "%s", buf_text(&why));
    buf_free(&out);
    buf_free(&why);
    return ok ? EX_OK : EX_CONFIG;
}

static int show(struct tool *tool, const struct preview *preview, const struct render_form *form)
{
    struct composer composer;
    int code = preview_open_composer(tool, preview->templates, preview->language, &composer);
    if (code != EX_OK)
        return code;
    if (form->eml)
        code = show_message(tool, preview, &composer);
    else if (form->html)
        code = show_part(tool, preview, &composer, PART_HTML);
    else {
        if (!form->text)
            code = show_part(tool, preview, &composer, PART_SUBJECT);
        if (code == EX_OK)
            code = show_part(tool, preview, &composer, PART_TEXT);
    }
    composer_close(&composer);
    return code;
}

static int run(struct tool *tool, int argc, char **argv)
{
    char **operands;
    struct render_form form = {0};
    struct preview preview = {0};
    const struct tool_option options[] = {
        {"text", &form.text, NULL},
        {"html", &form.html, NULL},
        {"eml", &form.eml, NULL},
        {"customer", &preview.customer, NULL},
        {"to", NULL, &preview.to},
        {"templates", NULL, &preview.templates},
        {"language", NULL, &preview.language},
        {"provider", NULL, &preview.provider},
        {0},
    };
    if (tool_parse(tool, argc, argv, options, &operands) != 1)
        tool_usage(tool, "name one event, sample or file");
    if (tool->json)
        tool_usage(tool, "a mail has no JSON form");
    if (form.text + form.html + form.eml > 1)
        tool_usage(tool, "--text, --html and --eml exclude one another");
    int code = preview_read(tool, operands[0], &preview);
    if (code == EX_OK)
        code = show(tool, &preview, &form);
    preview_free(&preview);
    return code;
}

const struct command command_render = {"render", "the mail made of an event", usage, run};
