#include "cli/cmd.h"
#include "cli/lines.h"
#include "cli/submission.h"
#include "cli/view.h"
#include "cli/wait.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/str.h"
#include "nats-bridge/client.h"
#include "nats-bridge/messages.h"
#include "nats-bridge/subjects.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX            "vapora"
#define STORED_WITHIN_MS  (5 * VC_SECOND_MS)
#define PROGRESS_EVERY_MS 200

/* What one run submitted, for the summary and for --wait. */
struct batch {
    struct vc_cli *cli;
    char **ids;
    size_t len, cap;
    size_t refused;
    bool durable;
};

static void batch_fini(struct batch *batch)
{
    for (size_t i = 0; i < batch->len; i++)
        free(batch->ids[i]);
    free(batch->ids);
}

/* Through the stream: kept while no coordinator runs, and known to it a moment later. */
static enum vc_rc submit_durable(struct vc_cli *cli, json_t *body, json_t **receipt,
                                 struct vc_err *err)
{
    VC_AUTO_FREE char *id = vc_xstrdup(vc_submission_id(body));
    char subject[VC_SUBJECT_MAX];
    VC_AUTO_FREE char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    if (!vc_subject_build(subject, PREFIX, VC_SUBJECT_SUBMIT, id))
        return vc_fail(err, VC_E_INVALID, "\"%s\" is no task id: 1 to %d of A-Z a-z 0-9 _ -", id,
                       VC_ID_MAX);
    if (strlen(text) > VC_BODY_MAX)
        return vc_fail(err, VC_E_INVALID, "task %s: a submission holds at most %d bytes, not %zu",
                       id, VC_BODY_MAX, strlen(text));
    struct vc_client *client;
    enum vc_rc rc = vc_cli_open(cli, &client, err);
    if (rc == VC_OK)
        rc = vc_client_publish_stored(client, subject, id, text, strlen(text), STORED_WITHIN_MS,
                                      err);
    if (rc == VC_OK)
        *receipt = json_pack("{s:s, s:s, s:b}", "task_id", id, "state", "submitted", "durable", 1);
    return rc;
}

static enum vc_rc submit(struct batch *batch, json_t *body, json_t **receipt, struct vc_err *err)
{
    enum vc_rc rc = batch->durable ? submit_durable(batch->cli, body, receipt, err)
                                   : vc_cli_ask(batch->cli, "task.submit", body, receipt, err);
    if (rc != VC_OK)
        return rc;
    VC_GROW(batch->ids, batch->len, batch->cap);
    batch->ids[batch->len++] = vc_xstrdup(vc_view_text(*receipt, "task_id"));
    return VC_OK;
}

/* The id alone on stdout, for scripts; the rest is for people. */
static void show_receipt(const json_t *receipt)
{
    vc_view_say("%s", vc_view_text(receipt, "task_id"));
    fflush(stdout);
    VC_AUTO_BUF struct vc_buf line = {0}, shown = {0};
    vc_buf_puts(&line, vc_view_text(receipt, "state"));
    if (json_is_string(json_object_get(receipt, "task_type")))
        vc_buf_printf(&line, ", type %s (%s, confidence %.2f)", vc_view_text(receipt, "task_type"),
                      vc_view_text(receipt, "method"), vc_view_real(receipt, "confidence"));
    vc_buf_show(&shown, vc_buf_text(&line));
    fprintf(stderr, "%s\n", vc_buf_text(&shown));
}

static int wait_for(struct batch *batch, json_t **tasks)
{
    struct vc_wait wait = {.task_ids = (const char *const *)batch->ids,
                           .n = batch->len,
                           .may_be_missing = batch->durable};
    return vc_wait_tasks(batch->cli, &wait, tasks);
}

static int submit_one(struct batch *batch)
{
    struct vc_cli *cli = batch->cli;
    if (!vc_cli_get(cli, "title"))
        return vc_cli_usage(cli, "it needs --title T, or --jsonl FILE");
    json_t *body, *receipt = NULL, *tasks = NULL;
    int rc = vc_submission_build(cli, &body);
    if (rc)
        return rc;
    struct vc_err err = {0};
    if (submit(batch, body, &receipt, &err) != VC_OK)
        return vc_cli_fail(cli, &err);
    if (!vc_cli_json(cli))
        show_receipt(receipt);
    if (vc_cli_has(cli, "wait"))
        rc = wait_for(batch, &tasks);
    if (json_array_size(tasks))
        json_object_set(receipt, "task", json_array_get(tasks, 0));
    if (vc_cli_json(cli))
        vc_cli_print_json(receipt);
    json_decref(tasks);
    json_decref(receipt);
    return rc;
}

static void refuse_line(struct batch *batch, uint64_t number, const char *why)
{
    VC_AUTO_BUF struct vc_buf shown = {0};
    vc_buf_show(&shown, why);
    fprintf(stderr, "line %llu: %s\n", (unsigned long long)number, vc_buf_text(&shown));
    batch->refused++;
}

/* One line of the file. Other than VC_OK only when going on makes no sense. */
static enum vc_rc submit_line(struct batch *batch, const struct vc_line *line, struct vc_err *err)
{
    json_error_t error;
    json_t *body =
        line->too_long ? NULL : json_loadb(line->text, line->len, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(body)) {
        refuse_line(batch, line->number,
                    line->too_long ? "longer than a submission may be"
                    : body         ? "not a JSON object"
                                   : error.text);
        json_decref(body);
        return VC_OK;
    }
    json_t *receipt = NULL;
    enum vc_rc rc = submit(batch, body, &receipt, err);
    if (rc == VC_E_UNREACHABLE || rc == VC_E_DENIED || rc == VC_E_TIMEOUT)
        return vc_fail_in(err, rc, "line %llu", (unsigned long long)line->number);
    if (rc != VC_OK) {
        refuse_line(batch, line->number, err->text);
        return VC_OK;
    }
    if (vc_cli_json(batch->cli)) {
        json_dumpf(receipt, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
        putchar('\n');
    } else {
        vc_view_say("%s", vc_view_text(receipt, "task_id"));
    }
    json_decref(receipt);
    return VC_OK;
}

/* On a terminal only, and only when stdout goes elsewhere: there the ids are progress enough. */
static void progress(const struct batch *batch, int64_t *next_ms)
{
    if (!isatty(STDERR_FILENO) || isatty(STDOUT_FILENO) || vc_mono_now().ms < *next_ms)
        return;
    fprintf(stderr, "\r%zu submitted, %zu refused", batch->len, batch->refused);
    *next_ms = vc_mono_now().ms + PROGRESS_EVERY_MS;
}

static enum vc_rc submit_lines(struct batch *batch, struct vc_lines *lines, struct vc_err *err)
{
    struct vc_line line = {0};
    int64_t next_ms = vc_mono_now().ms + PROGRESS_EVERY_MS, first_ms = next_ms;
    for (bool more = true; more;) {
        enum vc_rc rc = vc_lines_next(lines, &line, &more, err);
        if (rc == VC_OK && more && !line.blank)
            rc = submit_line(batch, &line, err);
        if (rc != VC_OK)
            return rc;
        progress(batch, &next_ms);
    }
    if (next_ms != first_ms)
        fputc('\n', stderr);
    return VC_OK;
}

static int submit_file(struct batch *batch, const char *path)
{
    struct vc_cli *cli = batch->cli;
    const char *option = vc_submission_option(cli);
    if (option)
        return vc_cli_usage(cli, "--%s and --jsonl exclude each other: each line says it", option);
    struct vc_err err = {0};
    struct vc_lines lines;
    if (vc_lines_open(path, &lines, &err) != VC_OK)
        return vc_cli_fail(cli, &err);
    enum vc_rc rc = submit_lines(batch, &lines, &err);
    vc_lines_close(&lines);
    fflush(stdout);
    fprintf(stderr, "submitted %zu, refused %zu\n", batch->len, batch->refused);
    if (rc != VC_OK)
        return vc_cli_fail(cli, &err);
    json_t *tasks = NULL;
    int waited = vc_cli_has(cli, "wait") && batch->len ? wait_for(batch, &tasks) : VC_EXIT_OK;
    json_decref(tasks);
    return waited == VC_EXIT_OK && batch->refused ? VC_EXIT_FAILURE : waited;
}

static int run(struct vc_cli *cli)
{
    struct batch batch = {.cli = cli, .durable = vc_cli_has(cli, "durable")};
    const char *path = vc_cli_get(cli, "jsonl");
    int rc = path ? submit_file(&batch, path) : submit_one(&batch);
    batch_fini(&batch);
    return rc;
}

static const struct vc_option options[] = {
    VC_OPTIONS_SUBMISSION,
    {"jsonl", 0, "FILE|-", "one submission a line, instead of the options above", false, false},
    {"durable", 0, NULL, "through the stream, which takes it also while no coordinator runs", false,
     false},
    {"wait", 'w', NULL, "wait until it has ended; 0 only when completed", false, false},
    VC_OPTIONS_ONLINE,
    {0},
};

const struct vc_command vc_command_task_submit = {
    .name = "task submit",
    .summary = "Submit a task, or a file of them",
    .about =
        "Prints the task's id. By default the answer comes when the coordinator has the task on\n"
        "disk. With --durable the task is left in the coordinator's mailbox instead, which\n"
        "also works while the coordinator is away and its NATS server (--nats-url) is not.\n"
        "With --jsonl a line that is refused is reported and the rest goes on; the exit code\n"
        "is 1 then.",
    .examples = "$ vapora-coord task submit --title 'Fix the login test' --wait\n"
                "$ vapora-coord task submit --title Summarise --input @report.json --requires pdf\n"
                "$ vapora-coord task submit --jsonl tasks.jsonl\n",
    .options = options,
    .run = run,
};
