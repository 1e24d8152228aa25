#include "cli/frame.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/time.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const struct vc_option vc_options_common[] = {
    {"output-format", 'o', "F", "table (default), for people, or json", false, false},
    {"help", 'h', NULL, "this help", false, false},
    {0},
};

static const struct vc_option no_options[] = {{0}};

static const struct vc_option *options_of(const struct vc_command *command)
{
    return command->options ? command->options : no_options;
}

static const struct vc_option *find_in(const struct vc_option *options, const char *name,
                                       size_t len)
{
    for (const struct vc_option *o = options; o->name; o++)
        if (strlen(o->name) == len && strncmp(o->name, name, len) == 0)
            return o;
    return NULL;
}

static const struct vc_option *find_letter(const struct vc_option *options, char letter)
{
    for (const struct vc_option *o = options; o->name; o++)
        if (o->letter == letter)
            return o;
    return NULL;
}

static int unknown_option(const struct vc_cli *cli, const char *word)
{
    VC_AUTO_FREE char *name = vc_xmemdup(word, strcspn(word, "="));
    struct vc_nearest nearest = {0};
    const char *bare = name + strspn(name, "-");
    for (const struct vc_option *o = options_of(cli->command); o->name; o++)
        vc_nearest_offer(&nearest, bare, o->name);
    for (const struct vc_option *o = vc_options_common; o->name; o++)
        vc_nearest_offer(&nearest, bare, o->name);
    if (nearest.name)
        return vc_cli_usage(cli, "no option %s; did you mean --%s?", name, nearest.name);
    return vc_cli_usage(cli, "no option %s", name);
}

static const struct vc_given *given(const struct vc_cli *cli, const struct vc_option *option)
{
    for (size_t i = 0; i < cli->given_len; i++)
        if (cli->given[i].option == option)
            return &cli->given[i];
    return NULL;
}

static int set_format(struct vc_cli *cli, const char *value)
{
    cli->json = strcmp(value, "json") == 0;
    if (cli->json || strcmp(value, "table") == 0)
        return VC_EXIT_OK;
    return vc_cli_usage(cli, "-o takes table or json, not \"%s\"", value);
}

static int take(struct vc_cli *cli, const struct vc_option *option, const char *value)
{
    if (option->letter == 'h' && !option->value) {
        cli->help = true;
        return VC_EXIT_OK;
    }
    if (option == &vc_options_common[0])
        return set_format(cli, value);
    if (!option->repeatable && given(cli, option))
        return vc_cli_usage(cli, "--%s is given twice", option->name);
    VC_GROW(cli->given, cli->given_len, cli->given_cap);
    cli->given[cli->given_len++] = (struct vc_given){option, value};
    return VC_EXIT_OK;
}

/* An option and its value, which is @attached ("=x" or "-ox"; NULL = not) or the next word.
 * @used counts the words taken. */
static int take_with_value(struct vc_cli *cli, const struct vc_option *option, const char *attached,
                           int argc, char **argv, int *used)
{
    *used = 1;
    if (!option->value)
        return attached ? vc_cli_usage(cli, "--%s takes no value", option->name)
                        : take(cli, option, "");
    if (attached)
        return take(cli, option, attached);
    bool optional = option->value[0] == '[';
    bool follows = argc > 1 && !(optional && argv[1][0] == '-' && argv[1][1]);
    if (!follows)
        return optional ? take(cli, option, "")
                        : vc_cli_usage(cli, "--%s needs a value: --%s %s", option->name,
                                       option->name, option->value);
    *used = 2;
    return take(cli, option, argv[1]);
}

static int parse_long(struct vc_cli *cli, int argc, char **argv, int *used)
{
    const char *name = argv[0] + 2;
    const char *equals = strchr(name, '=');
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    const struct vc_option *option = find_in(options_of(cli->command), name, len);
    if (!option)
        option = find_in(vc_options_common, name, len);
    if (!option)
        return unknown_option(cli, argv[0]);
    return take_with_value(cli, option, equals ? equals + 1 : NULL, argc, argv, used);
}

static int parse_letter(struct vc_cli *cli, int argc, char **argv, int *used)
{
    const struct vc_option *option = find_letter(options_of(cli->command), argv[0][1]);
    if (!option)
        option = find_letter(vc_options_common, argv[0][1]);
    if (!option)
        return unknown_option(cli, argv[0]);
    return take_with_value(cli, option, argv[0][2] ? argv[0] + 2 : NULL, argc, argv, used);
}

static void take_operand(struct vc_cli *cli, char *word)
{
    VC_GROW(cli->operands, cli->operands_len, cli->operands_cap);
    cli->operands[cli->operands_len++] = word;
}

static int check_operands(const struct vc_cli *cli)
{
    const char *operand = cli->command->operand;
    size_t n = cli->operands_len;
    if (!operand)
        return n ? vc_cli_usage(cli, "it takes no operand: \"%s\"", cli->operands[0]) : VC_EXIT_OK;
    if (n == 0 && operand[0] != '[')
        return vc_cli_usage(cli, "it needs %s", operand);
    bool many = strlen(operand) > 3 && strcmp(operand + strlen(operand) - 3, "...") == 0;
    if (n > 1 && !many)
        return vc_cli_usage(cli, "one %s, not also \"%s\"", operand, cli->operands[1]);
    return VC_EXIT_OK;
}

static int check_required(const struct vc_cli *cli)
{
    for (const struct vc_option *o = options_of(cli->command); o->name; o++)
        if (o->required && !given(cli, o))
            return vc_cli_usage(cli, "it needs --%s %s", o->name, o->value ? o->value : "");
    return VC_EXIT_OK;
}

int vc_cli_parse(struct vc_cli *cli, int argc, char **argv)
{
    bool options_ended = false;
    for (int i = 0, used = 1; i < argc; i += used, used = 1) {
        int rc = VC_EXIT_OK;
        if (options_ended || argv[i][0] != '-' || !argv[i][1])
            take_operand(cli, argv[i]);
        else if (strcmp(argv[i], "--") == 0)
            options_ended = true;
        else if (argv[i][1] == '-')
            rc = parse_long(cli, argc - i, argv + i, &used);
        else
            rc = parse_letter(cli, argc - i, argv + i, &used);
        if (rc != VC_EXIT_OK || cli->help)
            return rc;
    }
    int rc = check_operands(cli);
    return rc == VC_EXIT_OK ? check_required(cli) : rc;
}

const char *vc_cli_operand(const struct vc_cli *cli)
{
    return cli->operands_len ? cli->operands[0] : NULL;
}

size_t vc_cli_operands(const struct vc_cli *cli)
{
    return cli->operands_len;
}

const char *vc_cli_operand_nth(const struct vc_cli *cli, size_t i)
{
    VC_CHECK(i < cli->operands_len);
    return cli->operands[i];
}

static const struct vc_option *own_option(const struct vc_cli *cli, const char *name)
{
    const struct vc_option *option = find_in(options_of(cli->command), name, strlen(name));
    VC_CHECK(option);
    return option;
}

const char *vc_cli_get(const struct vc_cli *cli, const char *option)
{
    const struct vc_given *g = given(cli, own_option(cli, option));
    return g ? g->value : NULL;
}

bool vc_cli_has(const struct vc_cli *cli, const char *option)
{
    return vc_cli_get(cli, option);
}

size_t vc_cli_count(const struct vc_cli *cli, const char *option)
{
    const struct vc_option *wanted = own_option(cli, option);
    size_t n = 0;
    for (size_t i = 0; i < cli->given_len; i++)
        n += cli->given[i].option == wanted;
    return n;
}

const char *vc_cli_nth(const struct vc_cli *cli, const char *option, size_t i)
{
    const struct vc_option *wanted = own_option(cli, option);
    for (size_t j = 0; j < cli->given_len; j++)
        if (cli->given[j].option == wanted && i-- == 0)
            return cli->given[j].value;
    return NULL;
}

bool vc_cli_json(const struct vc_cli *cli)
{
    return cli->json;
}

bool vc_cli_number(const struct vc_cli *cli, const char *option, int64_t min, int64_t max,
                   int64_t *out)
{
    const char *text = vc_cli_get(cli, option);
    if (!text)
        return true;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    bool whole = end != text && !*end && strchr("+-0123456789", text[0]);
    if (whole && errno == 0 && value >= min && value <= max) {
        *out = value;
        return true;
    }
    vc_cli_usage(cli, "--%s takes a whole number from %" PRId64 " to %" PRId64 ", not \"%s\"",
                 option, min, max, text);
    return false;
}

bool vc_cli_duration(const struct vc_cli *cli, const char *option, int64_t *out_ms)
{
    const char *text = vc_cli_get(cli, option);
    struct vc_err err;
    if (!text || vc_duration_parse(text, out_ms, &err) == VC_OK)
        return true;
    vc_cli_usage(cli, "--%s: %s", option, err.text);
    return false;
}
