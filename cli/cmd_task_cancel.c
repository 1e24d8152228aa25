#include "cli/cmd.h"
#include "cli/view.h"

static int run(struct vc_cli *cli)
{
    json_t *request = json_pack("{s:s, s:s*}", "task_id", vc_cli_operand(cli), "reason",
                                vc_cli_get(cli, "reason"));
    json_t *reply;
    int rc = vc_cli_request(cli, "task.cancel", request, &reply);
    if (rc)
        return rc;
    if (vc_cli_json(cli))
        vc_cli_print_json(reply);
    else
        vc_view_say("%s %s", vc_view_text(reply, "task_id"), vc_view_text(reply, "state"));
    json_decref(reply);
    return VC_EXIT_OK;
}

static const struct vc_option options[] = {
    {"reason", 0, "TEXT", "why, for the record", false, false},
    VC_OPTIONS_ONLINE,
    {0},
};

const struct vc_command vc_command_task_cancel = {
    .name = "task cancel",
    .summary = "Cancel a task; the agent that works on it is told to stop",
    .operand = "TASK_ID",
    .examples = "$ vapora-coord task cancel t1 --reason 'no longer needed'\n",
    .options = options,
    .run = run,
};
