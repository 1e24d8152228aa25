#include "cli/wait.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/view.h"

#include <string.h>
#include <unistd.h>

#define PAUSE_MIN_MS 20
#define PAUSE_MAX_MS 1000

struct waiting {
    struct vc_cli *cli;
    const struct vc_wait *wait;
    json_t **found; /* the final TASK of each id, NULL while it goes on */
    size_t left;
    char last_state[VC_VIEW_TEXT]; /* of the task looked at last, for the line when time runs out */
    char last_reason[256];
    bool answered; /* the coordinator has answered at least once */
    int64_t silent_since_ms;
};

static bool ended(const char *state)
{
    static const char *const final[] = {"completed", "failed", "canceled",
                                        "expired",   "dead",   "rejected"};
    for (size_t i = 0; i < sizeof final / sizeof *final; i++)
        if (strcmp(state, final[i]) == 0)
            return true;
    return false;
}

static void say_end(const json_t *task)
{
    const char *error = vc_view_text(task, "error");
    VC_AUTO_BUF struct vc_buf line = {0};
    vc_buf_printf(&line, "%s %s", vc_view_text(task, "task_id"), vc_view_text(task, "state"));
    if (json_is_string(json_object_get(task, "agent_id")))
        vc_buf_printf(&line, " by %s", vc_view_text(task, "agent_id"));
    if (strcmp(error, "-") != 0)
        vc_buf_printf(&line, ": %s", error);
    VC_AUTO_BUF struct vc_buf shown = {0};
    vc_buf_show(&shown, vc_buf_text(&line));
    fprintf(stderr, "%s\n", vc_buf_text(&shown));
}

/* An outage is forgiven once the coordinator has been heard: it restarts and remembers. */
static int forgive(struct waiting *w, const struct vc_err *err)
{
    if (err->rc == VC_E_NOT_FOUND && w->wait->may_be_missing)
        return VC_EXIT_OK;
    bool outage = err->rc == VC_E_UNREACHABLE || err->rc == VC_E_TIMEOUT;
    if (!outage || !w->answered)
        return vc_cli_fail(w->cli, err);
    vc_cli_disconnect(w->cli);
    int64_t now = vc_mono_now().ms;
    if (!w->silent_since_ms)
        w->silent_since_ms = now;
    return now - w->silent_since_ms < VC_WAIT_OUTAGE_MS ? VC_EXIT_OK : vc_cli_fail(w->cli, err);
}

static int look(struct waiting *w, size_t i)
{
    struct vc_err err = {0};
    json_t *reply = NULL;
    json_t *request = json_pack("{s:s}", "task_id", w->wait->task_ids[i]);
    if (vc_cli_ask(w->cli, "task.get", request, &reply, &err) != VC_OK)
        return forgive(w, &err);
    w->answered = true;
    w->silent_since_ms = 0;
    json_t *task = json_object_get(reply, "task");
    /* Whoever waits wants what came out of it. */
    const json_t *executions = json_object_get(reply, "executions");
    for (size_t k = 0; k < json_array_size(executions); k++)
        if (json_is_true(json_object_get(json_array_get(executions, k), "winning")))
            json_object_set(task, "output",
                            json_object_get(json_array_get(executions, k), "output"));
    vc_copy(w->last_state, sizeof w->last_state, vc_view_text(task, "state"));
    vc_copy(w->last_reason, sizeof w->last_reason, vc_view_text(task, "waiting_for"));
    if (ended(w->last_state)) {
        w->found[i] = json_incref(task);
        w->left--;
        say_end(task);
    }
    json_decref(reply);
    return VC_EXIT_OK;
}

static int time_is_up(const struct waiting *w)
{
    VC_AUTO_BUF struct vc_buf text = {0};
    vc_buf_printf(&text, "time is up: %zu of %zu not ended", w->left, w->wait->n);
    if (w->left == 1 && *w->last_state)
        vc_buf_printf(&text, ", still %s", w->last_state);
    if (w->left == 1 && *w->last_reason && strcmp(w->last_reason, "-") != 0)
        vc_buf_printf(&text, " (%s)", w->last_reason);
    struct vc_err err = {.rc = VC_E_TIMEOUT};
    vc_copy(err.text, sizeof err.text, vc_buf_text(&text));
    vc_cli_fail(w->cli, &err);
    return VC_EXIT_FAILURE;
}

static int wait_for_all(struct waiting *w)
{
    int64_t start = vc_mono_now().ms, timeout = w->wait->timeout_ms;
    for (int64_t pause = PAUSE_MIN_MS;;
         pause = pause < PAUSE_MAX_MS / 2 ? 2 * pause : PAUSE_MAX_MS) {
        for (size_t i = 0; i < w->wait->n; i++) {
            int rc = w->found[i] ? VC_EXIT_OK : look(w, i);
            if (rc != VC_EXIT_OK)
                return rc;
        }
        if (w->left == 0)
            return VC_EXIT_OK;
        int64_t left_ms = timeout ? start + timeout - vc_mono_now().ms : pause;
        if (left_ms <= 0)
            return time_is_up(w);
        usleep((useconds_t)(1000 * (left_ms < pause ? left_ms : pause)));
    }
}

int vc_wait_tasks(struct vc_cli *cli, const struct vc_wait *wait, json_t **tasks)
{
    VC_AUTO_FREE json_t **found = vc_xcalloc(wait->n, sizeof *found);
    struct waiting w = {.cli = cli, .wait = wait, .found = found, .left = wait->n};
    int rc = wait_for_all(&w);
    *tasks = json_array();
    for (size_t i = 0; i < wait->n; i++) {
        if (!found[i])
            continue;
        if (rc == VC_EXIT_OK && strcmp(vc_view_text(found[i], "state"), "completed") != 0)
            rc = VC_EXIT_FAILURE;
        json_array_append_new(*tasks, found[i]);
    }
    return rc;
}
