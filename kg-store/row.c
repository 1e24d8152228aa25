#include "kg-store/store.h"

const char *vc_row_text(sqlite3_stmt *row, int column)
{
    return (const char *)sqlite3_column_text(row, column);
}

uint32_t vc_row_u32(sqlite3_stmt *row, int column)
{
    return (uint32_t)sqlite3_column_int64(row, column);
}

struct vc_wall vc_row_when(sqlite3_stmt *row, int column)
{
    return (struct vc_wall){sqlite3_column_int64(row, column)};
}

/* The last column says whether the row's checksum fits. */
static bool sound(sqlite3_stmt *row)
{
    return sqlite3_column_int(row, sqlite3_column_count(row) - 1);
}

enum vc_rc vc_row_sound(sqlite3_stmt *row, const char *what, struct vc_err *err)
{
    if (sound(row))
        return VC_OK;
    const char *name = vc_row_text(row, 0);
    return vc_fail(err, VC_E_CORRUPT, "the checksum of %s '%.64s' does not fit", what,
                   name ? name : "");
}

/* A name in a damaged row may be anything. */
static const char *named(sqlite3_stmt *row, int column)
{
    const char *text = vc_row_text(row, column);
    return text ? text : "";
}

enum vc_rc vc_row_task(void *task_sink, sqlite3_stmt *row, struct vc_err *err)
{
    if (!sound(row))
        return vc_fail(err, VC_E_CORRUPT, "the checksum of task '%.64s' (seq %lld) does not fit",
                       named(row, 1), (long long)sqlite3_column_int64(row, 0));
    const struct vc_task_sink *sink = task_sink;
    int c = 0;
    struct vc_kg_task task = {0};
    task.seq = sqlite3_column_int64(row, c++);
    task.task_id = vc_row_text(row, c++);
    task.state = vc_row_text(row, c++);
    task.epoch = vc_row_u32(row, c++);
    task.attempt = vc_row_u32(row, c++);
    task.max_attempts = vc_row_u32(row, c++);
    task.priority = vc_row_u32(row, c++);
    task.submitted_at = vc_row_when(row, c++);
    task.updated_at = vc_row_when(row, c++);
    task.deadline_at = vc_row_when(row, c++);
    task.finished_at = vc_row_when(row, c++);
    task.task_type = vc_row_text(row, c++);
    task.type_method = vc_row_text(row, c++);
    task.type_rule = vc_row_text(row, c++);
    task.type_confidence = sqlite3_column_double(row, c++);
    task.agent_id = vc_row_text(row, c++);
    task.decision_id = vc_row_text(row, c++);
    task.parent_task_id = vc_row_text(row, c++);
    task.context_id = vc_row_text(row, c++);
    task.via = vc_row_text(row, c++);
    task.error = vc_row_text(row, c++);
    task.title = vc_row_text(row, c++);
    task.description = vc_row_text(row, c++);
    task.spec = vc_row_text(row, c++);
    sink->each(sink->ctx, &task);
    return VC_OK;
}

enum vc_rc vc_row_execution(void *execution_sink, sqlite3_stmt *row, struct vc_err *err)
{
    if (!sound(row))
        return vc_fail(err, VC_E_CORRUPT,
                       "the checksum of the execution of task '%.64s', epoch %u, does not fit",
                       named(row, 0), vc_row_u32(row, 1));
    const struct vc_execution_sink *sink = execution_sink;
    int c = 0;
    struct vc_kg_execution e = {0};
    e.task_id = vc_row_text(row, c++);
    e.epoch = vc_row_u32(row, c++);
    e.agent_id = vc_row_text(row, c++);
    e.task_type = vc_row_text(row, c++);
    const char *outcome = vc_row_text(row, c++);
    const char *error_class = vc_row_text(row, c++);
    if (!vc_outcome_parse(outcome, &e.outcome) ||
        (error_class && !vc_error_class_parse(error_class, &e.error_class)))
        return vc_fail(
            err, VC_E_CORRUPT,
            "the execution of task '%s', epoch %u, has outcome '%s' and class '%s', which "
            "are none of ours",
            e.task_id, e.epoch, outcome, error_class ? error_class : "");
    e.value = sqlite3_column_double(row, c++);
    e.counted = sqlite3_column_int(row, c++);
    e.winning = sqlite3_column_int(row, c++);
    e.attempt = vc_row_u32(row, c++);
    e.started_at = vc_row_when(row, c++);
    e.finished_at = vc_row_when(row, c++);
    e.duration_ms = sqlite3_column_int64(row, c++);
    e.cost_micros = sqlite3_column_int64(row, c++);
    e.decision_id = vc_row_text(row, c++);
    e.record = vc_row_text(row, c++);
    sink->each(sink->ctx, &e);
    return VC_OK;
}
