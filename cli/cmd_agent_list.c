#include "cli/cmd.h"
#include "cli/view.h"

#include "base/mem.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdlib.h>

static void add_row(struct vc_table *table, const json_t *agent)
{
    char text[VC_VIEW_TEXT];
    VC_AUTO_FREE char *capabilities = vc_view_list(json_object_get(agent, "capabilities"));
    VC_AUTO_FREE char *types = vc_view_list(json_object_get(agent, "task_types"));
    vc_table_cell(table, vc_view_text(agent, "agent_id"));
    vc_table_cell(table, vc_view_text(agent, "state"));
    vc_table_cell(table, vc_view_text(agent, "role"));
    vc_table_cellf(table, "%" PRId64 "/%" PRId64, vc_view_int(agent, "in_flight"),
                   vc_view_int(agent, "capacity"));
    vc_table_cell(table, vc_view_duration(agent, "heartbeat_age_ms", text));
    vc_table_cell(table, vc_view_count(agent, "executions", text));
    vc_table_cell(table, vc_view_ratio(agent, "success_rate", text));
    vc_table_cell(table, types);
    vc_table_cell(table, capabilities);
}

static void show(const json_t *agents)
{
    static const char *const columns[] = {"AGENT", "STATE",    "ROLE",  ">BUSY",        ">HEARD",
                                          ">DONE", ">SUCCESS", "TYPES", "CAPABILITIES", NULL};
    struct vc_table *table = vc_table_create(columns);
    size_t i;
    const json_t *agent;
    json_array_foreach(agents, i, agent) add_row(table, agent);
    vc_table_print(&table);
}

static int run(struct vc_cli *cli)
{
    json_t *reply;
    int rc = vc_cli_request(cli, "agent.list", json_object(), &reply);
    if (rc)
        return rc;
    if (vc_cli_json(cli))
        vc_cli_print_json(reply);
    else
        show(json_object_get(reply, "agents"));
    json_decref(reply);
    return VC_EXIT_OK;
}

static const struct vc_option options[] = {VC_OPTIONS_ONLINE, {0}};

const struct vc_command vc_command_agent_list = {
    .name = "agent list",
    .summary = "List the agents: state, load, and how they have done",
    .about = "BUSY is tasks in work of the agent's capacity, HEARD the age of its last heartbeat,\n"
             "DONE its counted executions, SUCCESS the part of them that succeeded.",
    .examples = "$ vapora-coord agent list\n",
    .options = options,
    .run = run,
};
