#include "cli/frame.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND_WORD 32 /* bytes of one word of a command's name */

#define VC_COMMAND(name) extern const struct vc_command name;
#include "cli/commands.def"
#undef VC_COMMAND

const struct vc_command *const vc_commands[] = {
#define VC_COMMAND(name) &name,
#include "cli/commands.def"
#undef VC_COMMAND
    NULL,
};

const struct vc_command *vc_command_find(int argc, char **argv, int *used)
{
    for (int words = argc > 1 ? 2 : 1; words > 0; words--) {
        VC_AUTO_BUF struct vc_buf name = {0};
        vc_buf_puts(&name, argv[0]);
        if (words == 2)
            vc_buf_printf(&name, " %s", argv[1]);
        for (size_t i = 0; vc_commands[i]; i++) {
            if (strcmp(vc_commands[i]->name, vc_buf_text(&name)) == 0) {
                *used = words;
                return vc_commands[i];
            }
        }
    }
    return NULL;
}

bool vc_command_group(const char *group)
{
    size_t len = strlen(group);
    for (size_t i = 0; vc_commands[i]; i++)
        if (strncmp(vc_commands[i]->name, group, len) == 0 && vc_commands[i]->name[len] == ' ')
            return true;
    return false;
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Levenshtein's distance, one row at a time; words longer than a row are simply far away. */
static size_t distance(const char *a, const char *b)
{
    size_t row[64], n = strlen(b);
    if (n >= sizeof row / sizeof *row || strlen(a) >= sizeof row / sizeof *row)
        return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t above = row[j];
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[n];
}

void vc_nearest_offer(struct vc_nearest *nearest, const char *word, const char *name)
{
    size_t d = distance(word, name);
    /* A name of which more than half would have to change is no suggestion but noise. */
    if (d > (strlen(name) + 1) / 2 || (nearest->name && d >= nearest->distance))
        return;
    *nearest = (struct vc_nearest){name, d};
}

/* The first word of @command's name into @word: "task" of "task submit". */
static void first_word(const struct vc_command *command, char word[COMMAND_WORD])
{
    vc_copy(word, COMMAND_WORD, command->name);
    word[strcspn(word, " ")] = '\0';
}

/* The nearest of all first words; each is compared in a buffer of its own lifetime, so the best is
 * copied to @best. */
static void nearest_first_word(const char *word, char best[COMMAND_WORD])
{
    struct vc_nearest nearest = {0};
    best[0] = '\0';
    for (size_t i = 0; vc_commands[i]; i++) {
        char name[COMMAND_WORD];
        first_word(vc_commands[i], name);
        vc_nearest_offer(&nearest, word, name);
        if (nearest.name != name)
            continue;
        vc_copy(best, COMMAND_WORD, name);
        nearest.name = best;
    }
}

int vc_command_unknown(int argc, char **argv)
{
    bool group = vc_command_group(argv[0]);
    VC_AUTO_BUF struct vc_buf asked = {0}, shown = {0};
    vc_buf_puts(&asked, argv[0]);
    if (argc > 1 && argv[1][0] != '-')
        vc_buf_printf(&asked, " %s", argv[1]);
    struct vc_nearest nearest = {0};
    char word[COMMAND_WORD];
    for (size_t i = 0; vc_commands[i]; i++)
        vc_nearest_offer(&nearest, vc_buf_text(&asked), vc_commands[i]->name);
    nearest_first_word(argv[0], word);
    if (!nearest.name && !group && *word)
        nearest.name = word;
    vc_buf_show(&shown, vc_buf_text(&asked));
    fprintf(stderr, "vapora-coord: no command \"%s\"", vc_buf_text(&shown));
    if (nearest.name)
        fprintf(stderr, "; did you mean \"%s\"?\n", nearest.name);
    else
        fprintf(stderr, "; \"vapora-coord help\" lists them\n");
    return VC_EXIT_USAGE;
}

void vc_cli_fini(struct vc_cli *cli)
{
    vc_cli_disconnect(cli);
    free(cli->given);
    free(cli->operands);
    *cli = (struct vc_cli){0};
}

static void error_line(const struct vc_cli *cli, const char *text)
{
    VC_AUTO_BUF struct vc_buf shown = {0};
    vc_buf_show(&shown, text);
    fflush(stdout);
    fprintf(stderr, "vapora-coord %s: %s\n", cli->command->name, vc_buf_text(&shown));
}

static int exit_of(enum vc_rc rc)
{
    switch (rc) {
    case VC_OK:
        return VC_EXIT_OK;
    case VC_E_INVALID:
        return VC_EXIT_USAGE;
    case VC_E_NOT_FOUND:
        return VC_EXIT_NOT_FOUND;
    case VC_E_CONFLICT:
    case VC_E_BUSY:
        return VC_EXIT_CONFLICT;
    case VC_E_UNREACHABLE:
    case VC_E_DENIED:
    case VC_E_TIMEOUT:
        return VC_EXIT_NOT_CONNECTED;
    case VC_E_LIMIT:
    case VC_E_IO:
    case VC_E_CORRUPT:
    case VC_E_NEWER:
    case VC_E_FULL:
        return VC_EXIT_FAILURE;
    }
    return VC_EXIT_FAILURE;
}

int vc_cli_fail(const struct vc_cli *cli, const struct vc_err *err)
{
    error_line(cli, err->text);
    return exit_of(err->rc);
}

int vc_cli_usage(const struct vc_cli *cli, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    error_line(cli, text);
    fprintf(stderr, "see \"vapora-coord %s -h\"\n", cli->command->name);
    return VC_EXIT_USAGE;
}

int vc_cli_print_json(const json_t *value)
{
    VC_AUTO_FREE char *text = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY);
    VC_AUTO_BUF struct vc_buf shown = {0};
    vc_buf_show_json(&shown, text);
    puts(vc_buf_text(&shown));
    return VC_EXIT_OK;
}
