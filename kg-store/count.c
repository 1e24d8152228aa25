#include "kg-store/kg.h"

#include "kg-store/store.h"

#include <string.h>

struct count_sink {
    vc_kg_count_fn *each;
    void *ctx;
};

static enum vc_rc on_count(void *ctx, sqlite3_stmt *row, struct vc_err *err)
{
    const struct count_sink *sink = ctx;
    enum vc_rc rc = vc_row_complete(row, 2, err);
    if (rc != VC_OK)
        return rc;
    sink->each(sink->ctx, vc_row_text(row, 0), (uint64_t)sqlite3_column_int64(row, 1));
    return VC_OK;
}

enum vc_rc vc_kg_count_tasks(struct vc_kg *kg, vc_kg_count_fn *each, void *ctx, struct vc_err *err)
{
    struct count_sink sink = {each, ctx};
    return vc_stmt_each(kg, VC_STMT_COUNT_TASKS, VC_NO_VALUES, on_count, &sink, NULL, err);
}

enum vc_rc vc_kg_count_rows(struct vc_kg *kg, vc_kg_count_fn *each, void *ctx, struct vc_err *err)
{
    struct count_sink sink = {each, ctx};
    return vc_stmt_each(kg, VC_STMT_COUNT_ROWS, VC_NO_VALUES, on_count, &sink, NULL, err);
}

struct type_sink {
    vc_kg_type_fn *each;
    void *ctx;
};

static enum vc_rc on_type(void *ctx, sqlite3_stmt *row, struct vc_err *err)
{
    const struct type_sink *sink = ctx;
    enum vc_rc rc = vc_row_complete(row, 2, err);
    if (rc != VC_OK)
        return rc;
    sink->each(sink->ctx, vc_row_text(row, 0), (uint64_t)sqlite3_column_int64(row, 1),
               (uint64_t)sqlite3_column_int64(row, 2));
    return VC_OK;
}

enum vc_rc vc_kg_types(struct vc_kg *kg, vc_kg_type_fn *each, void *ctx, struct vc_err *err)
{
    struct type_sink sink = {each, ctx};
    return vc_stmt_each(kg, VC_STMT_TYPES, VC_NO_VALUES, on_type, &sink, NULL, err);
}

/* Rows come newest first and fill the array from its end. */
struct day_sink {
    struct vc_curve_day *out;
    size_t left;
};

static enum vc_rc on_day(void *ctx, sqlite3_stmt *row, struct vc_err *err)
{
    (void)err;
    struct day_sink *sink = ctx;
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
