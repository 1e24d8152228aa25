#include "cli/cmd.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/import_file.h"
#include "coordinator/lock.h"
#include "kg-store/kg.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PRIORITY_DEFAULT     5
#define MAX_ATTEMPTS_DEFAULT 3
#define PROGRESS_EVERY       16384 /* tasks */

static const struct vc_option options[] = {
    {"db", 0, "PATH", "the database to import into; made when absent", true, false},
    {"skip-bad", 0, NULL, "leave bad lines out and import the rest", false, false},
    {0},
};

struct import {
    struct vc_import_file file;
    struct vc_kg *kg;
    struct vc_wall now;
    uint64_t imported, known;
};

/* The rows of one task by epoch, and what the database knows of it. */
struct group {
    struct vc_import_row *rows;
    size_t n;
    bool exists, open, has_winner;
    char state[VC_NAME_MAX], error[256], agent_id[VC_ID_MAX + 1], decision_id[VC_ID_MAX + 1];
    uint32_t epoch, attempt, max_attempts, stored;
    struct vc_wall finished_at;
    size_t fresh;                       /* rows that are new */
    const struct vc_import_row *winner; /* of the fresh ones; NULL = none wins */
};

static int by_task_and_epoch(const void *a, const void *b)
{
    const struct vc_import_row *x = a, *y = b;
    if (x->task != y->task)
        return x->task < y->task ? -1 : 1;
    if (x->epoch != y->epoch)
        return x->epoch < y->epoch ? -1 : 1;
    return x->line < y->line ? -1 : 1;
}

/* The second line for the same (task, epoch) says nothing new. */
static void mark_repeated(struct vc_import_file *file)
{
    for (size_t i = 1; i < file->len; i++)
        file->rows[i].known = file->rows[i].task == file->rows[i - 1].task &&
                              file->rows[i].epoch == file->rows[i - 1].epoch;
}

/* -- agents -------------------------------------------------------------------------------------
 */

struct agents_known {
    const struct vc_names *names;
    bool *known; /* by number */
};

static void note_agent(void *ctx, const struct vc_kg_agent *agent)
{
    struct agents_known *agents = ctx;
    uint32_t i = vc_map_get(&agents->names->by_name, agent->agent_id);
    if (i != VC_MAP_NONE)
        agents->known[i] = true;
}

/* An agent that is there keeps its card; one that only bad lines name is not made. */
static enum vc_rc put_agents(struct import *im, struct vc_err *err)
{
    const struct vc_names *names = &im->file.agents;
    VC_AUTO_FREE bool *known = vc_xcalloc(names->len, sizeof *known);
    struct agents_known agents = {names, known};
    memset(known, true, names->len * sizeof *known);
    for (size_t i = 0; i < im->file.len; i++)
        known[im->file.rows[i].agent] = false;
    enum vc_rc rc = vc_kg_agents(im->kg, note_agent, &agents, err);
    for (size_t i = 0; i < names->len && rc == VC_OK; i++) {
        if (known[i])
            continue;
        struct vc_kg_agent agent = {
            .agent_id = names->at[i], .card = "{}", .capacity = 1, .registered_at = im->now};
        rc = vc_kg_put_agent(im->kg, &agent, err);
    }
    return rc;
}

/* -- one task ------------------------------------------------------------------------------------
 */

static void choose_winner(struct group *g)
{
    g->fresh = 0;
    g->winner = NULL;
    for (size_t i = 0; i < g->n; i++) {
        if (g->rows[i].known)
            continue;
        g->fresh++;
        if (!g->has_winner && !g->winner && g->rows[i].outcome == VC_OUTCOME_SUCCESS)
            g->winner = &g->rows[i];
    }
}

static void describe_end(const struct vc_import_row *row, char *out, size_t cap)
{
    snprintf(out, cap, "%s: %s", vc_outcome_name(row->outcome),
             vc_error_class_name(row->error_class));
}

static struct vc_wall submitted_at(const struct group *g)
{
    int64_t first = VC_WALL_MAX_MS;
    for (size_t i = 0; i < g->n; i++) {
        int64_t began = g->rows[i].finished_at.ms - g->rows[i].duration_ms;
        first = began < first ? began : first;
    }
    return (struct vc_wall){first > 0 ? first : 0};
}

/* Stored as 0 a finish would mean "still open". */
static struct vc_wall task_finish(struct vc_wall at)
{
    return (struct vc_wall){at.ms > 0 ? at.ms : 1};
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static enum vc_rc put_new_task(struct import *im, const struct group *g, struct vc_err *err)
{
    const struct vc_import_row *last = g->winner ? g->winner : &g->rows[g->n - 1];
    char error[128];
    describe_end(last, error, sizeof error);
    struct vc_wall finished_at = task_finish(last->finished_at);
    struct vc_kg_task task = {
        .task_id = im->file.tasks.at[last->task],
        .title = im->file.tasks.at[last->task],
        .task_type = im->file.types.at[last->type],
        .type_method = "explicit",
        .type_confidence = 1,
        .state = g->winner ? "completed" : "failed",
        .priority = PRIORITY_DEFAULT,
        .epoch = g->rows[g->n - 1].epoch,
        .attempt = (uint32_t)g->fresh,
        .max_attempts = larger(MAX_ATTEMPTS_DEFAULT, (uint32_t)g->fresh),
        .agent_id = im->file.agents.at[last->agent],
        .error = g->winner ? NULL : error,
        .via = "import",
        .submitted_at = submitted_at(g),
        .updated_at = finished_at,
        .finished_at = finished_at,
    };
    return vc_kg_put_task(im->kg, &task, err);
}

static void copy_text(char *out, size_t cap, const char *text)
{
    vc_copy(out, cap, text ? text : "");
}

static void note_task(void *ctx, const struct vc_kg_task *task)
{
    struct group *g = ctx;
    g->exists = true;
    g->open = task->finished_at.ms == 0;
    copy_text(g->state, sizeof g->state, task->state);
    copy_text(g->error, sizeof g->error, task->error);
    copy_text(g->agent_id, sizeof g->agent_id, task->agent_id);
    copy_text(g->decision_id, sizeof g->decision_id, task->decision_id);
    g->epoch = task->epoch;
    g->attempt = task->attempt;
    g->max_attempts = task->max_attempts;
    g->finished_at = task->finished_at;
}

static void note_execution(void *ctx, const struct vc_kg_execution *execution)
{
    struct group *g = ctx;
    g->stored++;
    g->has_winner |= execution->winning;
    for (size_t i = 0; i < g->n; i++)
        if (g->rows[i].epoch == execution->epoch)
            g->rows[i].known = true;
}

static enum vc_rc look_up(struct import *im, struct group *g, const char *task_id,
                          struct vc_err *err)
{
    enum vc_rc rc = vc_kg_get_task(im->kg, task_id, note_task, g, err);
    if (rc == VC_OK)
        rc = vc_kg_task_executions(im->kg, task_id, note_execution, g, err);
    choose_winner(g);
    return rc;
}

static const char *or_null(const char *text)
{
    return text[0] ? text : NULL;
}

/* A task that is there gets the new attempts; a success completes one that had none. */
static enum vc_rc move_known_task(struct import *im, const struct group *g, const char *task_id,
                                  struct vc_err *err)
{
    struct vc_kg_move move = {
        .task_id = task_id,
        .state = g->state,
        .epoch = larger(g->epoch, g->rows[g->n - 1].epoch),
        .attempt = g->attempt + (uint32_t)g->fresh,
        .max_attempts = larger(g->max_attempts, g->attempt + (uint32_t)g->fresh),
        .agent_id = or_null(g->agent_id),
        .decision_id = or_null(g->decision_id),
        .error = or_null(g->error),
        .at = g->finished_at,
        .final = true,
    };
    if (g->winner) {
        move.state = "completed";
        move.agent_id = im->file.agents.at[g->winner->agent];
        move.error = NULL;
        move.at = task_finish(g->winner->finished_at);
    }
    return vc_kg_move_task(im->kg, &move, err);
}

static enum vc_rc put_row(struct import *im, const struct vc_import_row *row, uint32_t attempt,
                          bool winning, struct vc_err *err)
{
    int64_t began = row->finished_at.ms - row->duration_ms;
    struct vc_kg_execution execution = {
        .task_id = im->file.tasks.at[row->task],
        .epoch = row->epoch,
        .attempt = attempt,
        .agent_id = im->file.agents.at[row->agent],
        .task_type = im->file.types.at[row->type],
        .outcome = row->outcome,
        .error_class = row->error_class,
        .value = row->outcome == VC_OUTCOME_SUCCESS ? 1 : 0,
        .counted = vc_outcome_counts(row->outcome, row->error_class),
        .winning = winning,
        .started_at = {began > 0 && row->duration_ms > 0 ? began : 0},
        .finished_at = row->finished_at,
        .duration_ms = row->duration_ms,
    };
    return vc_kg_put_execution(im->kg, &execution, err);
}

static enum vc_rc put_rows(struct import *im, const struct group *g, struct vc_err *err)
{
    enum vc_rc rc = VC_OK;
    uint32_t attempt = g->stored;
    for (size_t i = 0; i < g->n && rc == VC_OK; i++)
        if (!g->rows[i].known)
            rc = put_row(im, &g->rows[i], ++attempt, &g->rows[i] == g->winner, err);
    im->imported += g->fresh;
    im->known += g->n - g->fresh;
    return rc;
}

static void refuse_open(struct import *im, const struct group *g, const char *task_id)
{
    char why[160];
    snprintf(why, sizeof why,
             "task %s is still open in this database; its end is its agent's to tell", task_id);
    for (size_t i = 0; i < g->n; i++)
        if (!g->rows[i].known)
            vc_import_bad(&im->file, g->rows[i].line, why);
    im->known += g->n - g->fresh;
}

static enum vc_rc put_group(struct import *im, struct vc_import_row *rows, size_t n,
                            struct vc_err *err)
{
    struct group g = {.rows = rows, .n = n};
    const char *task_id = im->file.tasks.at[rows[0].task];
    choose_winner(&g);
    enum vc_rc rc = put_new_task(im, &g, err);
    if (rc == VC_E_CONFLICT) {
        rc = look_up(im, &g, task_id, err);
        if (rc == VC_OK && g.open && g.fresh > 0) {
            refuse_open(im, &g, task_id);
            return VC_OK;
        }
        if (rc == VC_OK && g.fresh > 0)
            rc = move_known_task(im, &g, task_id, err);
    }
    return rc == VC_OK ? put_rows(im, &g, err) : rc;
}

/* -- the whole file
 * -------------------------------------------------------------------------------- */

static enum vc_rc put_all(struct import *im, struct vc_err *err)
{
    struct vc_import_file *file = &im->file;
    enum vc_rc rc = put_agents(im, err);
    for (size_t from = 0, n, groups = 0; from < file->len && rc == VC_OK; from += n, groups++) {
        for (n = 1; from + n < file->len && file->rows[from + n].task == file->rows[from].task;)
            n++;
        rc = put_group(im, &file->rows[from], n, err);
        if (file->progress && groups % PROGRESS_EVERY == 0)
            fprintf(stderr, "\rimported %zu of %zu", from + n, file->len);
    }
    if (file->progress)
        fputs("\r\033[K", stderr);
    return rc;
}

/* One transaction: a file is in the database as a whole or not at all. */
static enum vc_rc write_store(struct import *im, bool skip_bad, struct vc_err *err)
{
    enum vc_rc rc = vc_kg_begin(im->kg, err);
    if (rc == VC_OK)
        rc = put_all(im, err);
    if (rc == VC_OK && (im->file.bad == 0 || skip_bad))
        return vc_kg_commit(im->kg, err);
    vc_kg_rollback(im->kg);
    im->imported = 0;
    return rc;
}

static enum vc_rc store(struct import *im, const char *path, bool skip_bad, struct vc_err *err)
{
    int lock = -1;
    if (im->file.len > 1)
        qsort(im->file.rows, im->file.len, sizeof *im->file.rows, by_task_and_epoch);
    mark_repeated(&im->file);
    enum vc_rc rc = vc_lock_take(path, &lock, err);
    if (rc != VC_OK)
        return rc;
    rc = vc_kg_open(path, VC_KG_OWN, &im->kg, err);
    if (rc == VC_OK)
        rc = write_store(im, skip_bad, err);
    vc_kg_close(&im->kg);
    close(lock);
    return rc;
}

static int report(const struct vc_cli *cli, const struct import *im, bool skip_bad)
{
    uint64_t bad = im->file.bad;
    if (bad > VC_IMPORT_BAD_SHOWN)
        fprintf(stderr, "... and %" PRIu64 " more bad lines\n", bad - VC_IMPORT_BAD_SHOWN);
    if (bad && !skip_bad)
        fputs("nothing was imported: mend the lines, or leave them out with --skip-bad\n", stderr);
    if (vc_cli_json(cli)) {
        json_t *summary = json_pack("{s:I, s:I, s:I}", "imported", (json_int_t)im->imported,
                                    "already_there", (json_int_t)im->known, "bad", (json_int_t)bad);
        vc_cli_print_json(summary);
        json_decref(summary);
    } else {
        fprintf(stderr, "imported %" PRIu64 ", already there %" PRIu64 ", bad %" PRIu64 "\n",
                im->imported, im->known, bad);
    }
    return bad && !skip_bad ? VC_EXIT_FAILURE : VC_EXIT_OK;
}

static int run(struct vc_cli *cli)
{
    struct vc_err err;
    bool skip_bad = vc_cli_has(cli, "skip-bad");
    struct import im = {.now = vc_wall_now(), .file.progress = isatty(STDERR_FILENO)};
    enum vc_rc rc = vc_import_file_read(&im.file, vc_cli_operand(cli), &err);
    if (rc == VC_OK && (im.file.bad == 0 || skip_bad))
        rc = store(&im, vc_cli_get(cli, "db"), skip_bad, &err);
    int exit = rc == VC_OK ? report(cli, &im, skip_bad) : vc_cli_fail(cli, &err);
    vc_import_file_fini(&im.file);
    return exit;
}

const struct vc_command vc_command_execution_import = {
    .name = "execution import",
    .summary = "Take executions of the past into a database, to learn from",
    .operand = "FILE.jsonl|-",
    .about =
        "One execution a line: {\"task_id\",\"epoch\",\"agent_id\",\"task_type\",\"outcome\",\n"
        "\"error_class\"?,\"finished_at\",\"duration_ms\"}. outcome is success, failure, "
        "declined,\n"
        "canceled or timeout; finished_at is RFC 3339 text or milliseconds since 1970. Agents and\n"
        "tasks that the database does not know are made. What is there already is left alone, so\n"
        "that a file may be imported again. A bad line stops the import before anything is "
        "stored.\n"
        "No coordinator may run on the database at the same time (exit code 4).",
    .examples = "$ vapora-coord execution import history.jsonl --db graph.db\n"
                "$ zcat old.jsonl.gz | vapora-coord execution import - --db graph.db --skip-bad\n",
    .options = options,
    .run = run,
};
