#include "cli/frame.h"

#include "base/str.h"

#include <string.h>

static size_t max(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void list_commands(FILE *out, const char *group)
{
    size_t len = group ? strlen(group) : 0, width = 0;
    for (size_t i = 0; vc_commands[i]; i++)
        width = max(width, strlen(vc_commands[i]->name));
    for (size_t i = 0; vc_commands[i]; i++) {
        const struct vc_command *c = vc_commands[i];
        if (!group || (strncmp(c->name, group, len) == 0 && c->name[len] == ' '))
            fprintf(out, "  %-*s  %s\n", (int)width, c->name, c->summary);
    }
}

static const char program_about[] =
    "vapora-coord coordinates a fleet of agents over NATS and learns from every finished task\n"
    "who should get the next one.\n";

static const char program_examples[] =
    "  $ vapora-coord serve --data-dir ./vapora-data\n"
    "  $ vapora-coord agent run --id alice --exec './solve.sh'\n"
    "  $ vapora-coord task submit --title 'Fix the login test' --wait\n"
    "  $ vapora-coord task explain TASK_ID\n";

static const char program_exits[] =
    "  0 it worked, 1 it failed, 2 the command line was wrong, 3 not found, 4 conflict,\n"
    "  5 not connected\n";

void vc_help_program(FILE *out)
{
    fprintf(out, "usage: vapora-coord COMMAND [OPTION...]\n\n%s\ncommands:\n", program_about);
    list_commands(out, NULL);
    fprintf(out, "\nexamples:\n%s\nexit codes:\n%s\n", program_examples, program_exits);
    fputs("\"vapora-coord COMMAND -h\" tells more about one.\n", out);
}

void vc_help_group(FILE *out, const char *group)
{
    fprintf(out, "usage: vapora-coord %s COMMAND [OPTION...]\n\ncommands:\n", group);
    list_commands(out, group);
    fprintf(out, "\n\"vapora-coord %s COMMAND -h\" tells more about one.\n", group);
}

/* The left column: "-o, --output-format table|json", "    --title T". */
static void option_left(const struct vc_option *o, struct vc_buf *out)
{
    vc_buf_reset(out);
    if (o->letter)
        vc_buf_printf(out, "-%c, --%s", o->letter, o->name);
    else
        vc_buf_printf(out, "    --%s", o->name);
    if (o->value)
        vc_buf_printf(out, " %s", o->value);
}

static size_t options_width(const struct vc_option *options)
{
    VC_AUTO_BUF struct vc_buf left = {0};
    size_t width = 0;
    for (const struct vc_option *o = options; o && o->name; o++) {
        option_left(o, &left);
        width = max(width, left.len);
    }
    return width;
}

static void list_options(FILE *out, const struct vc_option *options, size_t width)
{
    VC_AUTO_BUF struct vc_buf left = {0};
    for (const struct vc_option *o = options; o && o->name; o++) {
        option_left(o, &left);
        fprintf(out, "  %-*s  %s", (int)width, vc_buf_text(&left), o->text);
        if (o->required)
            fputs(" (required)", out);
        if (o->repeatable)
            fputs(" (may be repeated)", out);
        putc('\n', out);
    }
}

static void examples(FILE *out, const char *text)
{
    fputs("\nexamples:\n", out);
    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        fprintf(out, "  %.*s\n", (int)len, line);
        line += len + (line[len] == '\n');
    }
}

void vc_help_command(FILE *out, const struct vc_command *command)
{
    fprintf(out, "usage: vapora-coord %s [OPTION...]", command->name);
    if (command->operand)
        fprintf(out, " %s", command->operand);
    fprintf(out, "\n\n%s\n", command->summary);
    if (command->about) {
        size_t len = strlen(command->about);
        fprintf(out, "\n%s%s", command->about, len && command->about[len - 1] == '\n' ? "" : "\n");
    }
    size_t width = max(options_width(command->options), options_width(vc_options_common));
    fputs("\noptions:\n", out);
    list_options(out, command->options, width);
    list_options(out, vc_options_common, width);
    if (command->examples)
        examples(out, command->examples);
}
