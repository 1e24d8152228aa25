#include "cli/cmd.h"
#include "cli/view.h"

#include <inttypes.h>

static void show_output(const json_t *executions)
{
    size_t i;
    const json_t *e;
    json_array_foreach(executions, i, e)
    {
        const json_t *output = json_object_get(e, "output");
        if (!json_is_true(json_object_get(e, "winning")) || !output || json_is_null(output))
            continue;
        vc_view_heading("output");
        if (json_is_string(output))
            vc_view_block(json_string_value(output));
        else
            vc_cli_print_json(output);
    }
}

static void show_task(const json_t *task)
{
    char text[VC_VIEW_TEXT];
    vc_view_field("task", task, "task_id");
    vc_view_field("title", task, "title");
    vc_view_field("state", task, "state");
    vc_view_field("waits for", task, "waiting_for");
    vc_view_field("error", task, "error");
    vc_view_line("type", "%s (%s, confidence %.2f)", vc_view_text(task, "task_type"),
                 vc_view_text(task, "type_method"), vc_view_real(task, "type_confidence"));
    vc_view_field("agent", task, "agent_id");
    vc_view_line("attempt", "%" PRId64 " of %" PRId64 ", priority %" PRId64,
                 vc_view_int(task, "attempt"), vc_view_int(task, "max_attempts"),
                 vc_view_int(task, "priority"));
    vc_view_field("parent", task, "parent_task_id");
    vc_view_field("context", task, "context_id");
    vc_view_line("submitted", "%s (%s)", vc_view_text(task, "submitted_at"),
                 vc_view_age(task, "submitted_at", text));
    vc_view_field("deadline", task, "deadline_at");
    vc_view_field("finished", task, "finished_at");
    const char *description = json_string_value(json_object_get(task, "description"));
    if (description && *description) {
        vc_view_heading("description");
        vc_view_block(description);
    }
}

static void show_decisions(const json_t *decisions)
{
    size_t i;
    const json_t *decision;
    if (json_array_size(decisions))
        vc_view_heading("decisions");
    json_array_foreach(decisions, i, decision)
        vc_view_say("attempt %" PRId64 ": %s", vc_view_int(decision, "attempt"),
                    vc_view_text(decision, "sentence"));
}

static int run(struct vc_cli *cli)
{
    json_t *reply;
    json_t *request = json_pack("{s:s}", "task_id", vc_cli_operand(cli));
    int rc = vc_cli_request(cli, "task.get", request, &reply);
    if (rc)
        return rc;
    if (vc_cli_json(cli)) {
        vc_cli_print_json(reply);
        json_decref(reply);
        return VC_EXIT_OK;
    }
    const json_t *executions = json_object_get(reply, "executions");
    show_task(json_object_get(reply, "task"));
    show_decisions(json_object_get(reply, "decisions"));
    if (json_array_size(executions)) {
        vc_view_heading("executions");
        vc_view_executions(executions);
    }
    show_output(executions);
    json_decref(reply);
    return VC_EXIT_OK;
}

static const struct vc_option options[] = {VC_OPTIONS_ONLINE, {0}};

const struct vc_command vc_command_task_get = {
    .name = "task get",
    .summary = "Show one task, its executions and its result",
    .operand = "TASK_ID",
    .examples =
        "$ vapora-coord task get t1\n"
        "$ vapora-coord task get t1 -o json | jq '.executions[] | select(.winning).output'\n",
    .options = options,
    .run = run,
};
