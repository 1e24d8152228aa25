#include "kg-store/kg.h"

#include "base/check.h"
#include "base/str.h"
#include "kg-store/store.h"

#include <stdio.h>
#include <string.h>

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

/* Open tasks are found by an index. A damaged one could leave some out, give one twice, or give one
 * that has ended; the index of states says how many there must be. */
struct open_sink {
    struct vc_task_sink task;
    int64_t seq, n;
};

static enum vc_rc on_open_task(void *ctx, sqlite3_stmt *row, struct vc_err *err)
{
    struct open_sink *sink = ctx;
    int64_t seq = sqlite3_column_int64(row, 0);
    if (sink->n++ > 0 && seq <= sink->seq)
        return vc_fail(err, VC_E_CORRUPT, "the open tasks are out of order");
    sink->seq = seq;
    if (sqlite3_column_type(row, VC_TASK_FINISHED_COLUMN) != SQLITE_NULL)
        return vc_fail(err, VC_E_CORRUPT, "a task that has ended is among the open ones");
    return vc_row_task(&sink->task, row, err);
}

static enum vc_rc open_tasks(struct vc_kg *kg, struct open_sink *sink, struct vc_err *err)
{
    int64_t total = 0;
    enum vc_rc rc =
        vc_stmt_each(kg, VC_STMT_OPEN_TASKS, VC_NO_VALUES, on_open_task, sink, NULL, err);
    if (rc == VC_OK)
        rc = vc_stmt_int(kg, VC_STMT_COUNT_OPEN, &total, err);
    if (rc != VC_OK || total == sink->n)
        return rc;
    char why[96];
    snprintf(why, sizeof why, "%lld tasks are open by their finish, %lld by their state",
             (long long)sink->n, (long long)total);
    return vc_kg_damaged(kg, "list open tasks", why, err);
}

enum vc_rc vc_kg_open_tasks(struct vc_kg *kg, vc_kg_task_fn *each, void *ctx, struct vc_err *err)
{
    bool held;
    struct open_sink sink = {.task = {each, ctx}};
    enum vc_rc rc = vc_store_hold(kg, &held, err);
    if (rc == VC_OK)
        rc = open_tasks(kg, &sink, err);
    vc_store_let_go(kg, held);
    return rc;
}

struct decision_sink {
    vc_kg_decision_fn *each;
    void *ctx;
};

static enum vc_rc on_decision(void *ctx, sqlite3_stmt *row, struct vc_err *err)
{
    const struct decision_sink *sink = ctx;
    enum vc_rc rc = vc_row_sound(row, "decision", err);
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
    char last[VC_ID_MAX + 1]; /* the one before, to see that they ascend */
    int64_t n;
};

static enum vc_rc on_agent(void *ctx, sqlite3_stmt *row, struct vc_err *err)
{
    struct agent_sink *sink = ctx;
    enum vc_rc rc = vc_row_sound(row, "agent", err);
    if (rc != VC_OK)
        return rc;
    const char *agent_id = vc_row_text(row, 0);
    if (sink->n++ > 0 && strcmp(sink->last, agent_id) >= 0)
        return vc_fail(err, VC_E_CORRUPT, "agent '%s' is out of order", agent_id);
    vc_copy(sink->last, sizeof sink->last, agent_id);
    struct vc_kg_agent agent = {
        .agent_id = agent_id,
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

/* They come by the index of their ids; the table itself says how many there must be. */
static enum vc_rc agents(struct vc_kg *kg, struct agent_sink *sink, struct vc_err *err)
{
    int64_t total = 0;
    enum vc_rc rc = vc_stmt_each(kg, VC_STMT_AGENTS, VC_NO_VALUES, on_agent, sink, NULL, err);
    if (rc == VC_OK)
        rc = vc_stmt_int(kg, VC_STMT_COUNT_AGENTS, &total, err);
    if (rc != VC_OK || total == sink->n)
        return rc;
    char why[96];
    snprintf(why, sizeof why, "%lld agents are in the table and %lld in its index",
             (long long)total, (long long)sink->n);
    return vc_kg_damaged(kg, "list agents", why, err);
}

enum vc_rc vc_kg_agents(struct vc_kg *kg, vc_kg_agent_fn *each, void *ctx, struct vc_err *err)
{
    bool held;
    struct agent_sink sink = {.each = each, .ctx = ctx};
    enum vc_rc rc = vc_store_hold(kg, &held, err);
    if (rc == VC_OK)
        rc = agents(kg, &sink, err);
    vc_store_let_go(kg, held);
    return rc;
}

struct outbox_sink {
    vc_kg_outbox_fn *each;
    void *ctx;
    int64_t last; /* seq of the one before, at first of what is not asked for */
    int64_t newest;
    uint32_t n;
};

static enum vc_rc take_bounds(void *ctx, sqlite3_stmt *row, struct vc_err *err)
{
    struct outbox_sink *sink = ctx;
    if (!sqlite3_column_int(row, 1))
        return vc_fail(err, VC_E_CORRUPT, "the checksum of its bounds does not fit");
    int64_t dropped = sqlite3_column_int64(row, 0);
    sink->last = sink->last > dropped ? sink->last : dropped;
    sink->newest = sqlite3_column_int64(row, 2);
    return VC_OK;
}

static enum vc_rc on_message(void *ctx, sqlite3_stmt *row, struct vc_err *err)
{
    struct outbox_sink *sink = ctx;
    enum vc_rc rc = vc_row_sound(row, "message", err);
    if (rc != VC_OK)
        return rc;
    int64_t seq = sqlite3_column_int64(row, 0);
    if (seq != sink->last + 1)
        return vc_fail(err, VC_E_CORRUPT, "message %lld follows message %lld", (long long)seq,
                       (long long)sink->last);
    sink->last = seq;
    sink->n++;
    const char *body = vc_row_text(row, 2);
    sink->each(sink->ctx, seq, vc_row_text(row, 1), body, (size_t)sqlite3_column_bytes(row, 2));
    return VC_OK;
}

static enum vc_rc read_bounds(struct vc_kg *kg, struct outbox_sink *sink, struct vc_err *err)
{
    size_t rows = 0;
    enum vc_rc rc =
        vc_stmt_each(kg, VC_STMT_OUTBOX_BOUNDS, VC_NO_VALUES, take_bounds, sink, &rows, err);
    if (rc == VC_OK && rows != 1)
        return vc_kg_damaged(kg, "read the outbox", "its bounds are missing", err);
    return rc;
}

enum vc_rc vc_kg_outbox_bounds(struct vc_kg *kg, int64_t *dropped, int64_t *written,
                               struct vc_err *err)
{
    struct outbox_sink sink = {0};
    enum vc_rc rc = read_bounds(kg, &sink, err);
    *dropped = sink.last;
    *written = sink.newest;
    return rc;
}

/* What waits is known by its numbers: an outbox that was lost as a whole would look empty. */
static enum vc_rc outbox(struct vc_kg *kg, int64_t after, uint32_t limit, struct outbox_sink *sink,
                         struct vc_err *err)
{
    enum vc_rc rc = read_bounds(kg, sink, err);
    if (rc == VC_OK)
        rc = vc_stmt_each(kg, VC_STMT_OUTBOX, VC_VALUES(vc_value_int(after), vc_value_int(limit)),
                          on_message, sink, NULL, err);
    if (rc != VC_OK || sink->n == limit || sink->last == sink->newest)
        return rc;
    char why[96];
    snprintf(why, sizeof why, "it ends with message %lld, and %lld were written",
             (long long)sink->last, (long long)sink->newest);
    return vc_kg_damaged(kg, "read the outbox", why, err);
}

enum vc_rc vc_kg_outbox(struct vc_kg *kg, int64_t after, uint32_t limit, vc_kg_outbox_fn *each,
                        void *ctx, struct vc_err *err)
{
    bool held;
    struct outbox_sink sink = {.each = each, .ctx = ctx, .last = after};
    enum vc_rc rc = vc_store_hold(kg, &held, err);
    if (rc == VC_OK)
        rc = outbox(kg, after, limit, &sink, err);
    vc_store_let_go(kg, held);
    return rc;
}

static enum vc_rc on_number(void *ctx, sqlite3_stmt *row, struct vc_err *err)
{
    *(int64_t *)ctx = sqlite3_column_int64(row, 0);
    return vc_row_sound(row, "number", err);
}

enum vc_rc vc_kg_get_number(struct vc_kg *kg, const char *key, int64_t *value, struct vc_err *err)
{
    *value = 0;
    return vc_stmt_each(kg, VC_STMT_GET_META, VC_VALUES(vc_value_text(key)), on_number, value, NULL,
                        err);
}

static enum vc_rc on_sum(void *ctx, sqlite3_stmt *row, struct vc_err *err)
{
    (void)err;
    *(int64_t *)ctx = sqlite3_column_int64(row, 0);
    return VC_OK;
}

enum vc_rc vc_kg_outbox_bytes(struct vc_kg *kg, int64_t seq, int64_t *bytes, struct vc_err *err)
{
    *bytes = 0;
    return vc_stmt_each(kg, VC_STMT_OUTBOX_BYTES, VC_VALUES(vc_value_int(seq)), on_sum, bytes, NULL,
                        err);
}
