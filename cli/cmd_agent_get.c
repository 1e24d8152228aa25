#include "cli/cmd.h"
#include "cli/view.h"

#include "base/mem.h"

#include <inttypes.h>

static void show_running(const json_t *running)
{
    size_t i;
    const json_t *lease;
    if (json_array_size(running))
        vc_view_heading("works on");
    json_array_foreach(running, i, lease) vc_view_say(
        "%s (epoch %" PRId64 ")", vc_view_text(lease, "task_id"), vc_view_int(lease, "epoch"));
}

static void show_agent(const json_t *agent)
{
    char text[VC_VIEW_TEXT], rate[VC_VIEW_TEXT];
    VC_AUTO_FREE char *capabilities = vc_view_list(json_object_get(agent, "capabilities"));
    VC_AUTO_FREE char *types = vc_view_list(json_object_get(agent, "task_types"));
    vc_view_field("agent", agent, "agent_id");
    vc_view_field("state", agent, "state");
    vc_view_field("role", agent, "role");
    vc_view_field("version", agent, "version");
    vc_view_line("busy", "%" PRId64 " of %" PRId64, vc_view_int(agent, "in_flight"),
                 vc_view_int(agent, "capacity"));
    vc_view_line("heartbeat", "%s ago", vc_view_duration(agent, "heartbeat_age_ms", text));
    vc_view_line("can", "%s", capabilities);
    vc_view_line("claims", "%s", types);
    vc_view_field("registered", agent, "registered_at");
    vc_view_line("record", "%" PRId64 " executions, success rate %s",
                 vc_view_int(agent, "executions"), vc_view_ratio(agent, "success_rate", rate));
    show_running(json_object_get(agent, "running"));
}

static int run(struct vc_cli *cli)
{
    json_t *reply;
    json_t *request = json_pack("{s:s}", "agent_id", vc_cli_operand(cli));
    int rc = vc_cli_request(cli, "agent.get", request, &reply);
    if (rc)
        return rc;
    if (vc_cli_json(cli)) {
        vc_cli_print_json(reply);
        json_decref(reply);
        return VC_EXIT_OK;
    }
    show_agent(json_object_get(reply, "agent"));
    const json_t *types = json_object_get(reply, "types");
    if (json_array_size(types)) {
        vc_view_heading("what it has shown");
        vc_view_cells(types);
    }
    json_decref(reply);
    return VC_EXIT_OK;
}

static const struct vc_option options[] = {VC_OPTIONS_ONLINE, {0}};

const struct vc_command vc_command_agent_get = {
    .name = "agent get",
    .summary = "Show one agent and what it has shown in each task type",
    .operand = "AGENT_ID",
    .examples = "$ vapora-coord agent get alice\n",
    .options = options,
    .run = run,
};
