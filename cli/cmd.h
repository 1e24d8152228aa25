/* cmd.h - the frame of every command: one file cmd_<name>.c and one entry in commands.def each.
 *
 * A command declares its options as a table; the frame parses them, prints help at every level with
 * examples, and refuses what it does not know with the nearest name. Results go to stdout, words
 * for people to stderr. */
#ifndef VC_CLI_CMD_H
#define VC_CLI_CMD_H

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes, the same for every command; docs/cli.md lists them. */
enum vc_exit {
    VC_EXIT_OK = 0,
    VC_EXIT_FAILURE = 1,
    VC_EXIT_USAGE = 2,
    VC_EXIT_NOT_FOUND = 3,
    VC_EXIT_CONFLICT = 4,
    VC_EXIT_NOT_CONNECTED = 5,
};

struct vc_option {
    const char *name; /* "task-type", used as --task-type */
    char letter;      /* 0 = none */
    const char
        *value; /* placeholder in help, "T"; NULL for a switch; "[X]": may be left out, then "" */
    const char *text; /* one line of help */
    bool required, repeatable;
};

struct vc_cli;    /* one parsed command line */
struct vc_client; /* nats-bridge/client.h */

struct vc_command {
    const char *name;     /* "task submit" */
    const char *summary;  /* one line */
    const char *operand;  /* "TASK_ID", "FILE.jsonl|-"; NULL = none taken; "[X]" = may be left out,
                           * "X..." = one or more, "[X]..." = any number */
    const char *about;    /* paragraphs, or NULL */
    const char *examples; /* "$ vapora-coord ...\n" lines */
    const struct vc_option
        *options;                   /* ends with {0}; NULL = none; -o table|json and -h are added */
    int (*run)(struct vc_cli *cli); /* an enum vc_exit */
};

/* The table of all commands, from commands.def: VC_COMMAND(vc_command_task_submit) each. */
extern const struct vc_command *const vc_commands[]; /* ends with NULL */

/* -- what a running command asks of its command line ----------------------------------------- */

const char *vc_cli_operand(const struct vc_cli *cli); /* the first; NULL when not given */
size_t vc_cli_operands(const struct vc_cli *cli);
const char *vc_cli_operand_nth(const struct vc_cli *cli, size_t i);
/* The options of one's own table by name, "task-type"; another name is a mistake of ours. */
const char *vc_cli_get(const struct vc_cli *cli, const char *option); /* NULL when not given */
bool vc_cli_has(const struct vc_cli *cli, const char *option);
size_t vc_cli_count(const struct vc_cli *cli, const char *option); /* of a repeatable one */
const char *vc_cli_nth(const struct vc_cli *cli, const char *option, size_t i);
bool vc_cli_json(const struct vc_cli *cli); /* -o json */

/* A number option within [min, max]; @out keeps its value when the option is absent. False after
 * an error line, so that `return VC_EXIT_USAGE` follows. */
bool vc_cli_number(const struct vc_cli *cli, const char *option, int64_t min, int64_t max,
                   int64_t *out);
/* The same for a duration: "250ms", "30s", "5m", "2h", "7d". */
bool vc_cli_duration(const struct vc_cli *cli, const char *option, int64_t *out_ms);

/* -- how it answers -------------------------------------------------------------------------- */

/* One line "vapora-coord task get: <text>" on stderr, names escaped; returns the exit code that
 * fits @err->rc: 2 invalid, 3 not found, 4 conflict or busy, 5 unreachable, denied or timed out,
 * 1 the rest. */
int vc_cli_fail(const struct vc_cli *cli, const struct vc_err *err);
/* The same line from @fmt, with a pointer to the command's help; returns VC_EXIT_USAGE. */
int vc_cli_usage(const struct vc_cli *cli, const char *fmt, ...) VC_PRINTF(2, 3);

/* Print @value as indented JSON and a line break; returns VC_EXIT_OK. */
int vc_cli_print_json(const json_t *value);

/* Ask the running coordinator. --url, --data-dir (its nats.url), VAPORA_COORD_URL, NATS_URL and
 * ./vapora-data/nats.url say where, in that order. 0 when @reply was filled (caller
 * json_decref()s), else an exit code after the error line. @request is stolen. @verb is the part of
 * the subject behind "vapora.api.". The connection is kept for the command's next request. */
int vc_cli_request(struct vc_cli *cli, const char *verb, json_t *request, json_t **reply);

/* The same without the error line; @reply is NULL on failure. */
VC_MUST_CHECK enum vc_rc vc_cli_ask(struct vc_cli *cli, const char *verb, json_t *request,
                                    json_t **reply, struct vc_err *err);

/* The command's connection, opened at first use and closed by the frame when the command returns.
 * 0 when @client was filled, else an exit code after the error line. */
int vc_cli_connect(struct vc_cli *cli, struct vc_client **client);
/* The same without the error line. */
VC_MUST_CHECK enum vc_rc vc_cli_open(struct vc_cli *cli, struct vc_client **client,
                                     struct vc_err *err);

/* Close the connection; the next request looks for the URL afresh, since a coordinator that starts
 * again may have written another one. */
void vc_cli_disconnect(struct vc_cli *cli);

/* Where the coordinator's NATS is, as a URL; NULL after an error line. free() it. With @wait a
 * nats.url that is not there yet is waited for, after one line that says so. */
char *vc_cli_url(struct vc_cli *cli, bool wait);

/* @text, or with "@FILE" the first line of FILE: a password on a command line can be read by
 * everybody on the machine. NULL with @err; free() it. */
char *vc_cli_url_of(const char *text, struct vc_err *err);

/* A URL without its user and password, for messages. free() it. */
char *vc_url_shown(const char *url);

/* The options that every online command shares. --answer-within is not called --timeout, because a
 * task and a wait have a --timeout of their own. */
#define VC_OPTIONS_ONLINE                                                                          \
    {"url", 0,    "URL", "NATS server of the coordinator (else VAPORA_COORD_URL, NATS_URL)",       \
     false, false},                                                                                \
        {"data-dir", 0,    "DIR", "take the URL from DIR/nats.url (default ./vapora-data)",        \
         false,      false},                                                                       \
    {                                                                                              \
        "answer-within", 0, "D", "how long to wait for an answer (default 5s)", false, false       \
    }

/* -- tables for people ----------------------------------------------------------------------- */

struct vc_table;

/* Columns by name; a name that begins with '>' is right-aligned. Ends with NULL. The array is
 * borrowed until the table is printed. */
struct vc_table *vc_table_create(const char *const *columns);
void vc_table_cell(struct vc_table *table, const char *text); /* fills rows from left to right */
void vc_table_cellf(struct vc_table *table, const char *fmt, ...) VC_PRINTF(2, 3);
/* Show the row of the latest cell in bold, where there is colour. */
void vc_table_bold(struct vc_table *table);
/* Print to stdout, names escaped, then free; sets *table to NULL. */
void vc_table_print(struct vc_table **table);

/* Whether stdout takes colour: a terminal, NO_COLOR unset or empty, TERM not dumb. */
bool vc_colour(void);

#endif
