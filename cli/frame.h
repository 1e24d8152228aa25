/* frame.h - what the frame's own files share: the parsed command line, and help. Commands use
 * cmd.h alone. */
#ifndef VC_CLI_FRAME_H
#define VC_CLI_FRAME_H

#include "cli/cmd.h"

#include <stdio.h>

struct vc_given {
    const struct vc_option *option;
    const char *value; /* "" for a switch */
};

struct vc_cli {
    const struct vc_command *command;
    struct vc_given *given; /* in the order of the command line; strings are argv's */
    size_t given_len, given_cap;
    char **operands;
    size_t operands_len, operands_cap;
    bool json, help;
    struct vc_client *client; /* NULL until the first request */
    char *url;                /* of client, or of the attempt that failed */
};

/* Parse the @argc words behind the command's name into @cli, whose command is set. 0, or
 * VC_EXIT_USAGE after an error line. -h stops the parsing: help asks for nothing else. */
int vc_cli_parse(struct vc_cli *cli, int argc, char **argv);

/* Close the connection and free what parsing took. */
void vc_cli_fini(struct vc_cli *cli);

/* The command named by the first of @argc words; @used = how many words its name takes.
 * NULL when there is none. */
const struct vc_command *vc_command_find(int argc, char **argv, int *used);

/* Whether some command's name begins with the word @group and has a second one. */
bool vc_command_group(const char *group);

/* Say that no command is called so, with the nearest name; returns VC_EXIT_USAGE. */
int vc_command_unknown(int argc, char **argv);

/* Help for the program, for one group ("task") or for one command. */
void vc_help_program(FILE *out);
void vc_help_group(FILE *out, const char *group);
void vc_help_command(FILE *out, const struct vc_command *command);

/* The options that the frame adds to every command; ends with {0}. */
extern const struct vc_option vc_options_common[];

/* Of the names seen so far, the one nearest to a word: zero-initialise, offer each, read `name`. */
struct vc_nearest {
    const char *name; /* NULL while nothing was near enough to suggest */
    size_t distance;
};
void vc_nearest_offer(struct vc_nearest *nearest, const char *word, const char *name);

#endif
