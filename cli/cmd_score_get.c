#include "cli/cmd.h"
#include "cli/view.h"

#include <inttypes.h>

static void show(const struct vc_cli *cli, const json_t *c)
{
    char text[VC_VIEW_TEXT];
    vc_view_line("agent", "%s", vc_cli_get(cli, "agent"));
    vc_view_line("type", "%s", vc_cli_get(cli, "task-type"));
    vc_view_field("gate", c, "gate");
    vc_view_line("score", "%s", vc_view_ratio(c, "score", text));
    vc_view_line("base", "%s", vc_view_ratio(c, "base", text));
    vc_view_line("expertise", "%s", vc_view_ratio(c, "expertise", text));
    vc_view_line("confidence", "%s", vc_view_ratio(c, "confidence", text));
    vc_view_line("executions", "%" PRId64, vc_view_int(c, "n"));
    vc_view_line("success", "%s", vc_view_ratio(c, "success_rate", text));
    vc_view_line("recent", "%s", vc_view_ratio(c, "recent_success_rate", text));
    vc_view_line("load", "%s", vc_view_ratio(c, "load", text));
}

static int run(struct vc_cli *cli)
{
    json_t *request = json_pack("{s:s, s:s}", "agent_id", vc_cli_get(cli, "agent"), "task_type",
                                vc_cli_get(cli, "task-type"));
    json_t *reply;
    int rc = vc_cli_request(cli, "score.get", request, &reply);
    if (rc)
        return rc;
    if (vc_cli_json(cli))
        vc_cli_print_json(reply);
    else
        show(cli, reply);
    json_decref(reply);
    return VC_EXIT_OK;
}

static const struct vc_option options[] = {
    {"agent", 0, "ID", "whose score", true, false},
    {"task-type", 't', "T", "in which task type", true, false},
    VC_OPTIONS_ONLINE,
    {0},
};

const struct vc_command vc_command_score_get = {
    .name = "score get",
    .summary = "Show the score of one agent in one task type, part by part",
    .examples = "$ vapora-coord score get --agent alice --task-type coding\n",
    .options = options,
    .run = run,
};
