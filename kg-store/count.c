#include "kg-store/kg.h"

#include "base/str.h"
#include "kg-store/store.h"

#include <stdio.h>
#include <string.h>

struct count_sink {
    vc_kg_count_fn *each;
    void *ctx;
};

static enum vc_rc on_count(void *ctx, sqlite3_stmt *row, struct vc_err *err)
{
    (void)err;
    const struct count_sink *sink = ctx;
    sink->each(sink->ctx, vc_row_text(row, 0), (uint64_t)sqlite3_column_int64(row, 1));
    return VC_OK;
}

/* Counted from an index alone, which carries no checksum: its states must be ours and ascend, and
 * be as many as there are tasks. */
struct state_sink {
    struct count_sink count;
    char last[VC_NAME_MAX];
    int64_t total;
};

static enum vc_rc on_state(void *ctx, sqlite3_stmt *row, struct vc_err *err)
{
    struct state_sink *sink = ctx;
    if (!sqlite3_column_int(row, 2))
        return vc_fail(err, VC_E_CORRUPT, "the index of states has one that is none of ours");
    const char *state = vc_row_text(row, 0);
    if (strcmp(sink->last, state) >= 0)
        return vc_fail(err, VC_E_CORRUPT, "the index of states is out of order");
    vc_copy(sink->last, sizeof sink->last, state);
    sink->total += sqlite3_column_int64(row, 1);
    return on_count(&sink->count, row, err);
}

static enum vc_rc count_tasks(struct vc_kg *kg, struct state_sink *sink, struct vc_err *err)
{
    int64_t last = 0;
    enum vc_rc rc = vc_stmt_each(kg, VC_STMT_COUNT_TASKS, VC_NO_VALUES, on_state, sink, NULL, err);
    if (rc == VC_OK)
        rc = vc_stmt_int(kg, VC_STMT_LAST_TASK, &last, err);
    if (rc != VC_OK || last == sink->total)
        return rc;
    char why[96];
    snprintf(why, sizeof why, "%lld tasks were accepted and %lld are in the index of states",
             (long long)last, (long long)sink->total);
    return vc_kg_damaged(kg, "count tasks", why, err);
}

enum vc_rc vc_kg_count_tasks(struct vc_kg *kg, vc_kg_count_fn *each, void *ctx, struct vc_err *err)
{
    bool held;
    struct state_sink sink = {.count = {each, ctx}};
    enum vc_rc rc = vc_store_hold(kg, &held, err);
    if (rc == VC_OK)
        rc = count_tasks(kg, &sink, err);
    vc_store_let_go(kg, held);
    return rc;
}

enum vc_rc vc_kg_count_rows(struct vc_kg *kg, vc_kg_count_fn *each, void *ctx, struct vc_err *err)
{
    struct count_sink sink = {each, ctx};
    return vc_stmt_each(kg, VC_STMT_COUNT_ROWS, VC_NO_VALUES, on_count, &sink, NULL, err);
}

struct type_sink {
    vc_kg_type_fn *each;
    void *ctx;
    char last[VC_TASK_TYPE_MAX + 1];
};

static enum vc_rc on_type(void *ctx, sqlite3_stmt *row, struct vc_err *err)
{
    struct type_sink *sink = ctx;
    enum vc_rc rc = vc_row_sound(row, "task type", err);
    if (rc != VC_OK)
        return rc;
    const char *task_type = vc_row_text(row, 0);
    if (strcmp(sink->last, task_type) >= 0)
        return vc_fail(err, VC_E_CORRUPT, "task type '%s' is out of order", task_type);
    vc_copy(sink->last, sizeof sink->last, task_type);
    sink->each(sink->ctx, task_type, (uint64_t)sqlite3_column_int64(row, 1),
               (uint64_t)sqlite3_column_int64(row, 2));
    return VC_OK;
}

static enum vc_rc types(struct vc_kg *kg, struct type_sink *sink, struct vc_err *err)
{
    int64_t unknown = 0;
    enum vc_rc rc = vc_stmt_each(kg, VC_STMT_TYPES, VC_NO_VALUES, on_type, sink, NULL, err);
    if (rc == VC_OK)
        rc = vc_stmt_int(kg, VC_STMT_UNKNOWN_TYPES, &unknown, err);
    if (rc != VC_OK || unknown == 0)
        return rc;
    return vc_kg_damaged(kg, "list task types", "some that were learnt in are missing", err);
}

enum vc_rc vc_kg_types(struct vc_kg *kg, vc_kg_type_fn *each, void *ctx, struct vc_err *err)
{
    bool held;
    struct type_sink sink = {.each = each, .ctx = ctx};
    enum vc_rc rc = vc_store_hold(kg, &held, err);
    if (rc == VC_OK)
        rc = types(kg, &sink, err);
    vc_store_let_go(kg, held);
    return rc;
}

/* Rows come newest first and fill the array from its end. */
struct day_sink {
    struct vc_curve_day *out;
    size_t left;
};

static enum vc_rc on_day(void *ctx, sqlite3_stmt *row, struct vc_err *err)
{
    struct day_sink *sink = ctx;
    enum vc_rc rc = vc_row_sound(row, "day", err);
    if (rc != VC_OK)
        return rc;
    sink->out[--sink->left] =
        (struct vc_curve_day){.day = sqlite3_column_int64(row, 0),
                              .executions = (uint64_t)sqlite3_column_int64(row, 1),
                              .value_sum = sqlite3_column_double(row, 2),
                              .duration_ms = (uint64_t)sqlite3_column_int64(row, 3),
                              .cost_micros = sqlite3_column_int64(row, 4)};
    return VC_OK;
}

enum vc_rc vc_kg_curve(struct vc_kg *kg, const char *agent_id, const char *task_type,
                       struct vc_curve_day *out, size_t cap, size_t *n, struct vc_err *err)
{
    struct day_sink sink = {out, cap};
    enum vc_rc rc = vc_stmt_each(
        kg, VC_STMT_CURVE,
        VC_VALUES(vc_value_text(agent_id), vc_value_text(task_type), vc_value_int((int64_t)cap)),
        on_day, &sink, NULL, err);
    if (rc != VC_OK)
        return rc;
    *n = cap - sink.left;
    memmove(out, out + sink.left, *n * sizeof *out);
    return VC_OK;
}
