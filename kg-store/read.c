#include "kg-store/kg.h"

#include "base/check.h"
#include "kg-store/store.h"

static enum vc_rc tasks(struct vc_kg *kg, enum vc_stmt id, struct vc_values values,
                        vc_kg_task_fn *each, void *ctx, size_t *rows, struct vc_err *err)
{
    struct vc_task_sink sink = {each, ctx};
    return vc_stmt_each(kg, id, values, vc_row_task, &sink, rows, err);
}

static enum vc_rc executions(struct vc_kg *kg, enum vc_stmt id, struct vc_values values,
                             vc_kg_execution_fn *each, void *ctx, size_t *rows, struct vc_err *err)
{
    struct vc_execution_sink sink = {each, ctx};
    return vc_stmt_each(kg, id, values, vc_row_execution, &sink, rows, err);
}

enum vc_rc vc_kg_get_task(struct vc_kg *kg, const char *task_id, vc_kg_task_fn *each, void *ctx,
                          struct vc_err *err)
{
    size_t rows;
    enum vc_rc rc =
        tasks(kg, VC_STMT_GET_TASK, VC_VALUES(vc_value_text(task_id)), each, ctx, &rows, err);
    return rc == VC_OK && rows == 0 ? VC_E_NOT_FOUND : rc;
}

enum vc_rc vc_kg_get_execution(struct vc_kg *kg, const char *task_id, uint32_t epoch,
                               vc_kg_execution_fn *each, void *ctx, struct vc_err *err)
{
    size_t rows;
    enum vc_rc rc =
        executions(kg, VC_STMT_GET_EXECUTION,
                   VC_VALUES(vc_value_text(task_id), vc_value_int(epoch)), each, ctx, &rows, err);
    return rc == VC_OK && rows == 0 ? VC_E_NOT_FOUND : rc;
}

enum vc_rc vc_kg_executions(struct vc_kg *kg, const struct vc_kg_filter *filter,
                            vc_kg_execution_fn *each, void *ctx, struct vc_err *err)
{
    VC_CHECK(filter->limit > 0);
    enum vc_stmt id = !filter->agent_id    ? VC_STMT_NEWEST_EXECUTIONS
                      : !filter->task_type ? VC_STMT_AGENT_EXECUTIONS
                                           : VC_STMT_CELL_EXECUTIONS;
    struct vc_value first = vc_value_text(filter->agent_id ? filter->agent_id : filter->task_type);
    struct vc_values values =
        VC_VALUES(first, vc_value_int(filter->before_seq), vc_value_int(filter->limit),
                  vc_value_text(filter->task_type));
    return executions(kg, id, values, each, ctx, NULL, err);
}

enum vc_rc vc_kg_executions_for_task_type(struct vc_kg *kg, const char *agent_id,
                                          const char *task_type, uint32_t limit,
                                          vc_kg_execution_fn *each, void *ctx, struct vc_err *err)
{
    struct vc_kg_filter filter = {.agent_id = agent_id, .task_type = task_type, .limit = limit};
    return vc_kg_executions(kg, &filter, each, ctx, err);
}

enum vc_rc vc_kg_agent_executions(struct vc_kg *kg, const char *agent_id, uint32_t limit,
                                  vc_kg_execution_fn *each, void *ctx, struct vc_err *err)
{
    struct vc_kg_filter filter = {.agent_id = agent_id, .limit = limit};
    return vc_kg_executions(kg, &filter, each, ctx, err);
}

enum vc_rc vc_kg_task_executions(struct vc_kg *kg, const char *task_id, vc_kg_execution_fn *each,
                                 void *ctx, struct vc_err *err)
{
    return executions(kg, VC_STMT_TASK_EXECUTIONS, VC_VALUES(vc_value_text(task_id)), each, ctx,
                      NULL, err);
}

enum vc_rc vc_kg_open_tasks(struct vc_kg *kg, vc_kg_task_fn *each, void *ctx, struct vc_err *err)
{
    return tasks(kg, VC_STMT_OPEN_TASKS, VC_NO_VALUES, each, ctx, NULL, err);
}

struct decision_sink {
    vc_kg_decision_fn *each;
    void *ctx;
};

static enum vc_rc on_decision(void *ctx, sqlite3_stmt *row, struct vc_err *err)
{
    const struct decision_sink *sink = ctx;
    enum vc_rc rc = vc_row_complete(row, 8, err); /* the rest may be NULL */
    if (rc != VC_OK)
        return rc;
    struct vc_kg_decision decision = {
        .decision_id = vc_row_text(row, 0),
        .task_id = vc_row_text(row, 1),
        .epoch = vc_row_u32(row, 2),
        .attempt = vc_row_u32(row, 3),
        .at = vc_row_when(row, 4),
        .task_type = vc_row_text(row, 5),
        .policy = vc_row_text(row, 6),
        .record = vc_row_text(row, 7),
        .rule = vc_row_text(row, 8),
        .chosen = vc_row_text(row, 9),
    };
    sink->each(sink->ctx, &decision);
    return VC_OK;
}

enum vc_rc vc_kg_task_decisions(struct vc_kg *kg, const char *task_id, vc_kg_decision_fn *each,
                                void *ctx, struct vc_err *err)
{
    struct decision_sink sink = {each, ctx};
    return vc_stmt_each(kg, VC_STMT_TASK_DECISIONS, VC_VALUES(vc_value_text(task_id)), on_decision,
                        &sink, NULL, err);
}

struct agent_sink {
    vc_kg_agent_fn *each;
    void *ctx;
};

static enum vc_rc on_agent(void *ctx, sqlite3_stmt *row, struct vc_err *err)
{
    const struct agent_sink *sink = ctx;
    enum vc_rc rc = vc_row_complete(row, 5, err); /* the rest may be NULL */
    if (rc != VC_OK)
        return rc;
    struct vc_kg_agent agent = {
        .agent_id = vc_row_text(row, 0),
        .capacity = vc_row_u32(row, 1),
        .draining = sqlite3_column_int(row, 2),
        .removed = sqlite3_column_int(row, 3),
        .card = vc_row_text(row, 4),
        .role = vc_row_text(row, 5),
        .registered_at = vc_row_when(row, 6),
    };
    sink->each(sink->ctx, &agent);
    return VC_OK;
}

enum vc_rc vc_kg_agents(struct vc_kg *kg, vc_kg_agent_fn *each, void *ctx, struct vc_err *err)
{
    struct agent_sink sink = {each, ctx};
    return vc_stmt_each(kg, VC_STMT_AGENTS, VC_NO_VALUES, on_agent, &sink, NULL, err);
}

struct outbox_sink {
    vc_kg_outbox_fn *each;
    void *ctx;
};

static enum vc_rc on_message(void *ctx, sqlite3_stmt *row, struct vc_err *err)
{
    const struct outbox_sink *sink = ctx;
    enum vc_rc rc = vc_row_complete(row, 3, err);
    if (rc != VC_OK)
        return rc;
    const char *body = vc_row_text(row, 2);
    sink->each(sink->ctx, sqlite3_column_int64(row, 0), vc_row_text(row, 1), body,
               (size_t)sqlite3_column_bytes(row, 2));
    return VC_OK;
}

enum vc_rc vc_kg_outbox(struct vc_kg *kg, int64_t after, uint32_t limit, vc_kg_outbox_fn *each,
                        void *ctx, struct vc_err *err)
{
    struct outbox_sink sink = {each, ctx};
    return vc_stmt_each(kg, VC_STMT_OUTBOX, VC_VALUES(vc_value_int(after), vc_value_int(limit)),
                        on_message, &sink, NULL, err);
}

static enum vc_rc on_number(void *ctx, sqlite3_stmt *row, struct vc_err *err)
{
    (void)err;
    *(int64_t *)ctx = sqlite3_column_int64(row, 0);
    return VC_OK;
}

enum vc_rc vc_kg_get_number(struct vc_kg *kg, const char *key, int64_t *value, struct vc_err *err)
{
    *value = 0;
    return vc_stmt_each(kg, VC_STMT_GET_META, VC_VALUES(vc_value_text(key)), on_number, value, NULL,
                        err);
}
