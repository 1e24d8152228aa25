/* Command lines: each line of the input is one word. */
#include "base/time.h"
#include "cli/frame.h"
#include "tests/fuzz/stderr.h"

#include <limits.h>
#include <stdlib.h>

#define WORDS_MAX 64

static int split(char *text, char *words[WORDS_MAX])
{
    int n = 0;
    for (char *word = text; word && n < WORDS_MAX; n++) {
        char *end = strchr(word, '\n');
        if (end)
            *end++ = '\0';
        words[n] = word;
        word = end;
    }
    return n;
}

static bool of_table(const struct vc_option *options, const struct vc_option *option)
{
    for (; options && options->name; options++)
        if (options == option)
            return true;
    return false;
}

static void check_given(const struct vc_cli *cli)
{
    const struct vc_command *command = cli->command;
    for (size_t i = 0; i < cli->given_len; i++) {
        const struct vc_given *g = &cli->given[i];
        VC_CHECK(of_table(command->options, g->option) || of_table(vc_options_common, g->option));
        VC_CHECK(g->value && (g->option->value || !*g->value));
    }
    for (const struct vc_option *o = command->options; o && o->name && !cli->help; o++) {
        size_t n = vc_cli_count(cli, o->name);
        VC_CHECK(n <= 1 || o->repeatable);
        VC_CHECK(n >= 1 || !o->required);
        VC_CHECK(vc_cli_has(cli, o->name) == (n > 0));
        VC_CHECK(!vc_cli_nth(cli, o->name, n));
    }
    if (!cli->help)
        VC_CHECK(command->operand || cli->operands_len == 0);
}

/* What a command would make of the values; their complaints are checked as lines. */
static void read_values(const struct vc_cli *cli)
{
    for (const struct vc_option *o = cli->command->options; o && o->name; o++) {
        int64_t number = 7, ms = 7;
        if (vc_cli_number(cli, o->name, -3, 1000, &number))
            VC_CHECK(number >= -3 && number <= 1000);
        else
            VC_CHECK(number == 7);
        if (vc_cli_duration(cli, o->name, &ms))
            VC_CHECK(ms >= 0 && ms <= 3650 * VC_DAY_MS);
        else
            VC_CHECK(ms == 7);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), *words[WORDS_MAX];
    int n = split(text, words), used = 0, rc = VC_EXIT_USAGE;
    struct vc_cli cli = {.command = vc_command_find(n, words, &used)};
    struct fuzz_stderr said;
    fuzz_stderr_catch(&said);
    if (cli.command)
        rc = vc_cli_parse(&cli, n - used, words + used);
    else
        rc = vc_command_unknown(n, words);
    size_t lines = fuzz_stderr_release(&said);
    VC_CHECK((rc == VC_EXIT_OK && lines == 0) || (rc == VC_EXIT_USAGE && lines >= 1));
    if (cli.command && rc == VC_EXIT_OK) {
        check_given(&cli);
        fuzz_stderr_catch(&said);
        read_values(&cli);
        fuzz_stderr_release(&said);
    }
    vc_cli_fini(&cli);
    free(text);
    return 0;
}
