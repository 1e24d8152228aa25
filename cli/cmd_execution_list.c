#include "cli/cmd.h"
#include "cli/view.h"

#define LIMIT_MAX     1000
#define LIMIT_DEFAULT 100

static int run(struct vc_cli *cli)
{
    int64_t limit = LIMIT_DEFAULT;
    if (!vc_cli_number(cli, "limit", 1, LIMIT_MAX, &limit))
        return VC_EXIT_USAGE;
    json_t *request =
        json_pack("{s:I, s:s*, s:s*}", "limit", (json_int_t)limit, "agent_id",
                  vc_cli_get(cli, "agent"), "task_type", vc_cli_get(cli, "task-type"));
    json_t *reply;
    int rc = vc_cli_request(cli, "execution.list", request, &reply);
    if (rc)
        return rc;
    if (vc_cli_json(cli))
        vc_cli_print_json(reply);
    else
        vc_view_executions(json_object_get(reply, "executions"));
    json_decref(reply);
    return VC_EXIT_OK;
}

static const struct vc_option options[] = {
    {"agent", 0, "ID", "only those of this agent", false, false},
    {"task-type", 't', "T", "only those of this task type", false, false},
    {"limit", 'n', "N", "at most this many (default 100, at most 1000)", false, false},
    VC_OPTIONS_ONLINE,
    {0},
};

const struct vc_command vc_command_execution_list = {
    .name = "execution list",
    .summary = "List executions, newest first: who did what, and how it went",
    .about =
        "COUNTED says whether the agent's record learns from it: a declined, canceled or lost\n"
        "execution says nothing about skill.",
    .examples = "$ vapora-coord execution list --agent alice -n 20\n",
    .options = options,
    .run = run,
};
