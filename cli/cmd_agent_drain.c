#include "cli/cmd.h"
#include "cli/view.h"

static int run(struct vc_cli *cli)
{
    json_t *request = json_pack("{s:s}", "agent_id", vc_cli_operand(cli));
    if (vc_cli_has(cli, "off"))
        json_object_set_new(request, "off", json_true());
    json_t *reply;
    int rc = vc_cli_request(cli, "agent.drain", request, &reply);
    if (rc)
        return rc;
    if (vc_cli_json(cli))
        vc_cli_print_json(reply);
    else
        vc_view_say("%s %s", vc_view_text(reply, "agent_id"), vc_view_text(reply, "state"));
    json_decref(reply);
    return VC_EXIT_OK;
}

static const struct vc_option options[] = {
    {"off", 0, NULL, "give it tasks again", false, false},
    VC_OPTIONS_ONLINE,
    {0},
};

const struct vc_command vc_command_agent_drain = {
    .name = "agent drain",
    .summary = "Give an agent no new tasks; it finishes those it has",
    .operand = "AGENT_ID",
    .examples = "$ vapora-coord agent drain alice\n$ vapora-coord agent drain alice --off\n",
    .options = options,
    .run = run,
};
