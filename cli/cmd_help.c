#include "cli/frame.h"

static int run(struct vc_cli *cli)
{
    if (vc_cli_operands(cli) == 0) {
        vc_help_program(stdout);
        return VC_EXIT_OK;
    }
    int n = (int)cli->operands_len, used = 0;
    char **words = cli->operands;
    const struct vc_command *command = vc_command_find(n, words, &used);
    if (command)
        vc_help_command(stdout, command);
    else if (n == 1 && vc_command_group(words[0]))
        vc_help_group(stdout, words[0]);
    else
        return vc_command_unknown(n, words);
    return VC_EXIT_OK;
}

const struct vc_command vc_command_help = {
    .name = "help",
    .summary = "Help for all commands, a group of them, or one",
    .operand = "[COMMAND]...",
    .examples = "$ vapora-coord help task\n$ vapora-coord help task submit\n",
    .run = run,
};
