#include "cli/cmd.h"
#include "cli/view.h"

static int run(struct vc_cli *cli)
{
    json_t *reply;
    json_t *request = json_pack("{s:s}", "agent_id", vc_cli_operand(cli));
    int rc = vc_cli_request(cli, "agent.remove", request, &reply);
    if (rc)
        return rc;
    if (vc_cli_json(cli))
        vc_cli_print_json(reply);
    else
        vc_view_say("%s %s", vc_view_text(reply, "agent_id"), vc_view_text(reply, "state"));
    json_decref(reply);
    return VC_EXIT_OK;
}

static const struct vc_option options[] = {VC_OPTIONS_ONLINE, {0}};

const struct vc_command vc_command_agent_remove = {
    .name = "agent remove",
    .summary = "Take an agent off the list; what it has done is kept",
    .operand = "AGENT_ID",
    .about = "It gets no task any more. One that registers again is back, with its record.",
    .examples = "$ vapora-coord agent remove alice\n",
    .options = options,
    .run = run,
};
