#include "cli/cmd.h"
#include "cli/view.h"

#define LIMIT_MAX     1000 /* of the API, for one page */
#define LIMIT_DEFAULT 100

static json_t *request_of(const struct vc_cli *cli, int64_t limit)
{
    static const struct {
        const char *option, *field;
    } filters[] = {
        {"state", "state"}, {"task-type", "task_type"}, {"agent", "agent_id"},
        {"text", "text"},   {"cursor", "cursor"},
    };
    json_t *request = json_pack("{s:I}", "limit", (json_int_t)limit);
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        const char *value = vc_cli_get(cli, filters[i].option);
        if (value)
            json_object_set_new(request, filters[i].field, json_string(value));
    }
    return request;
}

static int run(struct vc_cli *cli)
{
    int64_t limit = LIMIT_DEFAULT;
    if (!vc_cli_number(cli, "limit", 1, LIMIT_MAX, &limit))
        return VC_EXIT_USAGE;
    json_t *reply;
    int rc = vc_cli_request(cli, "task.list", request_of(cli, limit), &reply);
    if (rc)
        return rc;
    if (vc_cli_json(cli)) {
        vc_cli_print_json(reply);
    } else {
        vc_view_tasks(json_object_get(reply, "tasks"));
        const char *next = json_string_value(json_object_get(reply, "next_cursor"));
        if (next)
            fprintf(stderr, "more: --cursor %s\n", next);
    }
    json_decref(reply);
    return VC_EXIT_OK;
}

static const struct vc_option options[] = {
    {"state", 0, "STATE", "only tasks in this state: queued, working, completed, ...", false,
     false},
    {"task-type", 't', "T", "only tasks of this type", false, false},
    {"agent", 0, "ID", "only tasks that this agent has or had last", false, false},
    {"text", 0, "WORDS", "only tasks whose title or description holds these words", false, false},
    {"limit", 'n', "N", "at most this many (default 100, at most 1000)", false, false},
    {"cursor", 0, "C", "go on where the list before ended", false, false},
    VC_OPTIONS_ONLINE,
    {0},
};

const struct vc_command vc_command_task_list = {
    .name = "task list",
    .summary = "List tasks, newest first",
    .examples = "$ vapora-coord task list --state queued\n"
                "$ vapora-coord task list --agent alice -n 20 -o json\n",
    .options = options,
    .run = run,
};
