#include "cli/cmd.h"
#include "cli/view.h"

static int run(struct vc_cli *cli)
{
    json_t *reply;
    json_t *request = json_pack("{s:s}", "task_id", vc_cli_operand(cli));
    int rc = vc_cli_request(cli, "task.retry", request, &reply);
    if (rc)
        return rc;
    if (vc_cli_json(cli))
        vc_cli_print_json(reply);
    else
        vc_view_say("%s %s", vc_view_text(reply, "task_id"), vc_view_text(reply, "state"));
    json_decref(reply);
    return VC_EXIT_OK;
}

static const struct vc_option options[] = {VC_OPTIONS_ONLINE, {0}};

const struct vc_command vc_command_task_retry = {
    .name = "task retry",
    .summary = "Queue a task again that failed, is dead, was canceled or expired",
    .operand = "TASK_ID",
    .examples = "$ vapora-coord task retry t1\n",
    .options = options,
    .run = run,
};
