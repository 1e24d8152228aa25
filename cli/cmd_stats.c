#include "cli/cmd.h"
#include "cli/view.h"

#include "base/str.h"

#include <inttypes.h>

/* An object of counts as "3 queued, 120 completed"; what is zero is left out. */
static void show_counts(const char *label, json_t *counts)
{
    VC_AUTO_BUF struct vc_buf out = {0};
    const char *key;
    json_t *value;
    json_object_foreach(counts, key, value) if (json_integer_value(value)) vc_buf_printf(
        &out, "%s%" JSON_INTEGER_FORMAT " %s", out.len ? ", " : "", json_integer_value(value), key);
    vc_view_line(label, "%s", out.len ? vc_buf_text(&out) : "none");
}

static int run(struct vc_cli *cli)
{
    json_t *reply;
    int rc = vc_cli_request(cli, "stats.get", json_object(), &reply);
    if (rc)
        return rc;
    if (vc_cli_json(cli)) {
        vc_cli_print_json(reply);
        json_decref(reply);
        return VC_EXIT_OK;
    }
    char text[VC_VIEW_TEXT];
    vc_view_line("coordinator", "version %s, up for %s", vc_view_text(reply, "version"),
                 vc_view_duration(reply, "uptime_ms", text));
    show_counts("tasks", json_object_get(reply, "tasks"));
    show_counts("agents", json_object_get(reply, "agents"));
    show_counts("executions", json_object_get(reply, "executions"));
    vc_view_line("outbox", "%" PRId64 " events not yet relayed", vc_view_int(reply, "outbox"));
    json_decref(reply);
    return VC_EXIT_OK;
}

static const struct vc_option options[] = {VC_OPTIONS_ONLINE, {0}};

const struct vc_command vc_command_stats = {
    .name = "stats",
    .summary = "Count tasks, agents and executions",
    .examples = "$ vapora-coord stats\n$ vapora-coord stats -o json | jq .tasks.queued\n",
    .options = options,
    .run = run,
};
