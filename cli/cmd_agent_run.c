#include "cli/cmd.h"

#include "base/id.h"
#include "base/mem.h"
#include "cli/agent.h"
#include "nats-bridge/messages.h"

#define TIMEOUT_DEFAULT_MS (10 * VC_MINUTE_MS)
#define OUTPUT_DEFAULT     32768
#define OUTPUT_MAX         49152

static const struct vc_option options[] = {
    {"id", 0, "ID", "the agent's name, the same after a restart", true, false},
    {"exec", 0, "CMD", "what to run for a task, by sh -c", true, false},
    {"capacity", 0, "N", "tasks at the same time (default 1)", false, false},
    {"capability", 0, "C", "something it can do, for tasks that require it", false, true},
    {"role", 0, "R", "its role, for tasks that ask for one", false, false},
    {"task-type", 0, "T", "a type it is made for", false, true},
    {"version", 0, "V", "its version, for people", false, false},
    {"timeout", 0, "D", "how long one task may take (default 10m)", false, false},
    {"max-output", 0, "BYTES", "bytes of standard output to keep (default 32768)", false, false},
    {"max-tasks", 0, "N", "exit after N tasks", false, false},
    {"once", 0, NULL, "exit after one task", false, false},
    {"url", 0, "URL", "NATS server of the coordinator (else VAPORA_COORD_URL, NATS_URL)", false,
     false},
    {"data-dir", 0, "DIR", "take the URL from DIR/nats.url (default ./vapora-data)", false, false},
    {0},
};

/* All values of a repeatable option, NULL-terminated. free() the array. */
static const char **all_of(const struct vc_cli *cli, const char *option)
{
    size_t n = vc_cli_count(cli, option);
    const char **all = vc_xcalloc(n + 1, sizeof *all);
    for (size_t i = 0; i < n; i++)
        all[i] = vc_cli_nth(cli, option, i);
    return all;
}

static int check_names(const struct vc_cli *cli)
{
    const char *id = vc_cli_get(cli, "id");
    size_t types = vc_cli_count(cli, "task-type");
    if (!vc_id_ok(id))
        return vc_cli_usage(cli, "--id takes 1 to %d of A-Z a-z 0-9 _ -, not \"%s\"", VC_ID_MAX,
                            id);
    if (types > VC_LIST_MAX || vc_cli_count(cli, "capability") > VC_LIST_MAX)
        return vc_cli_usage(cli, "at most %d of --task-type and of --capability", VC_LIST_MAX);
    for (size_t i = 0; i < types; i++)
        if (!vc_task_type_ok(vc_cli_nth(cli, "task-type", i)))
            return vc_cli_usage(cli, "--task-type takes 1 to %d of a-z 0-9 _ -, not \"%s\"",
                                VC_TASK_TYPE_MAX, vc_cli_nth(cli, "task-type", i));
    return VC_EXIT_OK;
}

static int read_numbers(const struct vc_cli *cli, struct vc_agent_conf *conf)
{
    if (!vc_cli_number(cli, "capacity", 1, VC_CAPACITY_MAX, &conf->capacity) ||
        !vc_cli_number(cli, "max-output", 1, OUTPUT_MAX, &conf->max_output) ||
        !vc_cli_number(cli, "max-tasks", 1, INT64_MAX, &conf->max_tasks) ||
        !vc_cli_duration(cli, "timeout", &conf->timeout_ms))
        return VC_EXIT_USAGE;
    if (conf->timeout_ms == 0)
        return vc_cli_usage(cli, "--timeout takes more than 0ms");
    return VC_EXIT_OK;
}

static int run(struct vc_cli *cli)
{
    struct vc_agent_conf conf = {
        .agent_id = vc_cli_get(cli, "id"),
        .command = vc_cli_get(cli, "exec"),
        .role = vc_cli_get(cli, "role"),
        .version = vc_cli_get(cli, "version"),
        .capacity = 1,
        .timeout_ms = TIMEOUT_DEFAULT_MS,
        .max_output = OUTPUT_DEFAULT,
        .max_tasks = vc_cli_has(cli, "once"),
    };
    int usage = check_names(cli);
    if (usage == VC_EXIT_OK)
        usage = read_numbers(cli, &conf);
    if (usage != VC_EXIT_OK)
        return usage;
    VC_AUTO_FREE char *url = vc_cli_url(cli, true);
    if (!url)
        return VC_EXIT_NOT_CONNECTED;
    VC_AUTO_FREE const char **capabilities = all_of(cli, "capability");
    VC_AUTO_FREE const char **task_types = all_of(cli, "task-type");
    conf.url = url;
    conf.capabilities = capabilities;
    conf.task_types = task_types;
    struct vc_err err;
    return vc_agent_serve(&conf, &err) == VC_OK ? VC_EXIT_OK : vc_cli_fail(cli, &err);
}

const struct vc_command vc_command_agent_run = {
    .name = "agent run",
    .summary = "Make any command an agent",
    .about =
        "For each task CMD runs by sh -c in a process group of its own. It finds the assignment "
        "as\n"
        "JSON on standard input, and VAPORA_TASK_ID, VAPORA_TASK_TYPE, VAPORA_EPOCH and\n"
        "VAPORA_ATTEMPT in its environment. What it prints is the result: JSON if it is JSON, "
        "else\n"
        "text. Exit code 0 is a success, 124 a timeout, any other a failure, whose message is the\n"
        "end of standard error. When CMD has ended, what it left running is killed.\n"
        "A NATS server or coordinator that is away is waited for. TERM or INT end the agent: "
        "tasks\n"
        "that run get 10 s, their results are still delivered. The exit code tells nothing of the\n"
        "tasks; it is not 0 when results could not be delivered or the agent is refused.",
    .examples =
        "$ vapora-coord agent run --id alice --exec './solve.sh'\n"
        "$ vapora-coord agent run --id bob --exec 'jq -r .title' --capacity 4 --timeout 30s\n",
    .options = options,
    .run = run,
};
