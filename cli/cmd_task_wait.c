#include "cli/cmd.h"
#include "cli/view.h"
#include "cli/wait.h"

#include "base/mem.h"

static int run(struct vc_cli *cli)
{
    struct vc_wait wait = {.n = vc_cli_operands(cli)};
    if (!vc_cli_duration(cli, "timeout", &wait.timeout_ms))
        return VC_EXIT_USAGE;
    VC_AUTO_FREE const char **ids = vc_xcalloc(wait.n, sizeof *ids);
    for (size_t i = 0; i < wait.n; i++)
        ids[i] = vc_cli_operand_nth(cli, i);
    wait.task_ids = ids;
    json_t *tasks = NULL;
    int rc = vc_wait_tasks(cli, &wait, &tasks);
    bool worked = rc == VC_EXIT_OK || rc == VC_EXIT_FAILURE;
    if (worked && vc_cli_json(cli)) {
        json_t *out = json_pack("{s:O}", "tasks", tasks);
        vc_cli_print_json(out);
        json_decref(out);
    } else if (worked && json_array_size(tasks)) {
        vc_view_tasks(tasks);
    }
    json_decref(tasks);
    return rc;
}

static const struct vc_option options[] = {
    {"timeout", 0, "D", "give up after this long, with exit code 1 (default: never)", false, false},
    VC_OPTIONS_ONLINE,
    {0},
};

const struct vc_command vc_command_task_wait = {
    .name = "task wait",
    .summary = "Wait until tasks have ended; 0 only when all are completed",
    .operand = "TASK_ID...",
    .about = "Exit code 0: all completed. 1: one ended otherwise, or the time was up.\n"
             "A coordinator that restarts meanwhile is waited for, up to a minute.",
    .examples = "$ vapora-coord task wait t1 t2 --timeout 5m\n",
    .options = options,
    .run = run,
};
