#include "kg-store/kg.h"

#include "base/check.h"
#include "kg-store/store.h"

static enum vc_rc put(struct vc_kg *kg, enum vc_stmt id, struct vc_values values,
                      struct vc_err *err)
{
    VC_CHECK(kg->in_transaction);
    return vc_stmt_run(kg, id, values, err);
}

enum vc_rc vc_kg_put_agent(struct vc_kg *kg, const struct vc_kg_agent *agent, struct vc_err *err)
{
    return put(kg, VC_STMT_PUT_AGENT,
               VC_VALUES(vc_value_text(agent->agent_id), vc_value_text(agent->role),
                         vc_value_int(agent->capacity), vc_value_int(agent->draining),
                         vc_value_int(agent->removed), vc_value_when(agent->registered_at),
                         vc_value_text(agent->card)),
               err);
}

static enum vc_rc put_task_row(struct vc_kg *kg, const struct vc_kg_task *t, struct vc_err *err)
{
    enum vc_rc rc = put(
        kg, VC_STMT_PUT_TASK,
        VC_VALUES(vc_value_text(t->task_id), vc_value_text(t->state), vc_value_int(t->epoch),
                  vc_value_int(t->attempt), vc_value_int(t->max_attempts),
                  vc_value_int(t->priority), vc_value_int(t->submitted_at.ms),
                  vc_value_int(t->updated_at.ms), vc_value_when(t->deadline_at),
                  vc_value_when(t->finished_at), vc_value_text(t->task_type),
                  vc_value_text(t->type_method), vc_value_text(t->type_rule),
                  vc_value_real(t->type_confidence), vc_value_text(t->agent_id),
                  vc_value_text(t->decision_id), vc_value_text(t->parent_task_id),
                  vc_value_text(t->context_id), vc_value_text(t->via), vc_value_text(t->error),
                  vc_value_text(t->title), vc_value_text(t->description), vc_value_text(t->spec)),
        err);
    if (rc == VC_E_CONFLICT)
        return vc_fail(err, rc, "cannot store task '%s': a task of that id exists", t->task_id);
    return rc == VC_OK ? rc : vc_fail_in(err, rc, "task '%s'", t->task_id);
}

enum vc_rc vc_kg_put_task(struct vc_kg *kg, const struct vc_kg_task *task, struct vc_err *err)
{
    enum vc_rc rc = put_task_row(kg, task, err);
    if (rc == VC_OK && (task->description || task->spec))
        rc = put(kg, VC_STMT_PUT_TASK_TEXT,
                 VC_VALUES(vc_value_int(sqlite3_last_insert_rowid(kg->db)),
                           vc_value_text(task->description), vc_value_text(task->spec)),
                 err);
    if (rc == VC_OK)
        rc = put(kg, VC_STMT_SEE_TYPE, VC_VALUES(vc_value_text(task->task_type)), err);
    return rc;
}

enum vc_rc vc_kg_move_task(struct vc_kg *kg, const struct vc_kg_move *move, struct vc_err *err)
{
    enum vc_rc rc = put(kg, VC_STMT_MOVE_TASK,
                        VC_VALUES(vc_value_text(move->task_id), vc_value_text(move->state),
                                  vc_value_int(move->epoch), vc_value_int(move->attempt),
                                  vc_value_int(move->max_attempts), vc_value_text(move->agent_id),
                                  vc_value_text(move->decision_id), vc_value_text(move->error),
                                  vc_value_int(move->at.ms),
                                  move->final ? vc_value_int(move->at.ms) : (struct vc_value){0}),
                        err);
    if (rc == VC_OK && sqlite3_changes(kg->db) == 0)
        return vc_fail(err, VC_E_NOT_FOUND, "cannot move task '%s' to %s: there is no such task",
                       move->task_id, move->state);
    return rc;
}

static enum vc_rc take_record_seq(void *ctx, sqlite3_stmt *row, struct vc_err *err)
{
    (void)err;
    *(int64_t *)ctx = sqlite3_column_int64(row, 0);
    return VC_OK;
}

static enum vc_rc put_execution_row(struct vc_kg *kg, const struct vc_kg_execution *e,
                                    int64_t *record_seq, struct vc_err *err)
{
    VC_CHECK(kg->in_transaction);
    const char *error_class =
        e->error_class == VC_ERROR_NONE ? NULL : vc_error_class_name(e->error_class);
    size_t rows;
    enum vc_rc rc = vc_stmt_each(
        kg, VC_STMT_PUT_EXECUTION,
        VC_VALUES(vc_value_text(e->task_id), vc_value_int(e->epoch), vc_value_text(e->agent_id),
                  vc_value_text(e->task_type), vc_value_text(vc_outcome_name(e->outcome)),
                  vc_value_text(error_class), vc_value_real(e->value), vc_value_int(e->counted),
                  vc_value_int(e->winning), vc_value_int(e->attempt), vc_value_when(e->started_at),
                  vc_value_int(e->finished_at.ms), vc_value_int(e->duration_ms),
                  vc_value_int(e->cost_micros), vc_value_text(e->decision_id),
                  vc_value_text(e->record)),
        take_record_seq, record_seq, &rows, err);
    if (rc == VC_E_CONFLICT)
        return vc_fail(err, rc, "cannot store the execution of task '%s', epoch %u: it is there",
                       e->task_id, e->epoch);
    if (rc == VC_OK && rows == 0)
        return vc_fail(err, VC_E_CONFLICT,
                       "cannot store epoch %u of task '%s' as the winning one: another has won",
                       e->epoch, e->task_id);
    return rc == VC_OK ? rc : vc_fail_in(err, rc, "task '%s', epoch %u", e->task_id, e->epoch);
}

enum vc_rc vc_kg_put_execution(struct vc_kg *kg, const struct vc_kg_execution *execution,
                               struct vc_err *err)
{
    const struct vc_kg_execution *e = execution;
    int64_t record_seq = 0;
    enum vc_rc rc = put_execution_row(kg, e, &record_seq, err);
    if (rc == VC_OK && e->record)
        rc = put(kg, VC_STMT_PUT_RECORD,
                 VC_VALUES(vc_value_int(record_seq), vc_value_text(e->record)), err);
    if (rc == VC_OK && e->counted)
        rc = put(kg, VC_STMT_ADD_TO_DAY,
                 VC_VALUES(vc_value_text(e->agent_id), vc_value_text(e->task_type),
                           vc_value_int(vc_day_of(e->finished_at)), vc_value_real(e->value),
                           vc_value_int(e->duration_ms), vc_value_int(e->cost_micros)),
                 err);
    if (rc == VC_OK)
        rc = put(kg, VC_STMT_SEE_TYPE, VC_VALUES(vc_value_text(e->task_type)), err);
    return rc;
}

enum vc_rc vc_kg_put_decision(struct vc_kg *kg, const struct vc_kg_decision *decision,
                              struct vc_err *err)
{
    const struct vc_kg_decision *d = decision;
    return put(kg, VC_STMT_PUT_DECISION,
               VC_VALUES(vc_value_text(d->decision_id), vc_value_text(d->task_id),
                         vc_value_int(d->epoch), vc_value_int(d->attempt), vc_value_int(d->at.ms),
                         vc_value_text(d->task_type), vc_value_text(d->policy),
                         vc_value_text(d->rule), vc_value_text(d->chosen),
                         vc_value_text(d->record)),
               err);
}

enum vc_rc vc_kg_put_late(struct vc_kg *kg, const struct vc_kg_late *late, struct vc_err *err)
{
    return put(kg, VC_STMT_PUT_LATE,
               VC_VALUES(vc_value_text(late->task_id), vc_value_int(late->epoch),
                         vc_value_text(late->agent_id), vc_value_int(late->received_at.ms),
                         vc_value_text(late->reason), vc_value_text(late->record)),
               err);
}

enum vc_rc vc_kg_add_decisions(struct vc_kg *kg, const char *task_type, uint64_t decisions,
                               uint64_t trials, struct vc_err *err)
{
    return put(kg, VC_STMT_ADD_DECISIONS,
               VC_VALUES(vc_value_text(task_type), vc_value_int((int64_t)decisions),
                         vc_value_int((int64_t)trials)),
               err);
}

enum vc_rc vc_kg_put_outbox(struct vc_kg *kg, const char *subject, const char *body, size_t len,
                            int64_t *seq, struct vc_err *err)
{
    enum vc_rc rc = put(kg, VC_STMT_PUT_OUTBOX,
                        VC_VALUES(vc_value_text(subject), vc_value_bytes(body, len)), err);
    if (rc == VC_OK)
        *seq = sqlite3_last_insert_rowid(kg->db);
    return rc;
}

enum vc_rc vc_kg_drop_outbox(struct vc_kg *kg, int64_t seq, struct vc_err *err)
{
    enum vc_rc rc = put(kg, VC_STMT_DROP_OUTBOX, VC_VALUES(vc_value_int(seq)), err);
    return rc == VC_OK ? put(kg, VC_STMT_DROPPED_OUTBOX, VC_VALUES(vc_value_int(seq)), err) : rc;
}

enum vc_rc vc_kg_put_number(struct vc_kg *kg, const char *key, int64_t value, struct vc_err *err)
{
    return put(kg, VC_STMT_SET_META, VC_VALUES(vc_value_text(key), vc_value_int(value)), err);
}
