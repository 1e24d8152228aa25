#include "coordinator/apply.h"

#include "coordinator/events.h"
#include "coordinator/record.h"

static enum vc_rc put_agent(struct vc_kg *kg, const struct vc_effect *e, struct vc_err *err)
{
    return vc_kg_put_agent(kg,
                           &(struct vc_kg_agent){
                               .agent_id = e->agent.agent_id,
                               .card = e->agent.card,
                               .role = e->agent.role,
                               .capacity = e->agent.capacity,
                               .draining = e->agent.draining,
                               .removed = e->agent.removed,
                               .registered_at = e->agent.registered_at,
                           },
                           err);
}

static enum vc_rc put_task(struct vc_kg *kg, const struct vc_effect *e, struct vc_err *err)
{
    const struct vc_submission *sub = e->task.submission;
    bool final = vc_task_state_final(e->task.state);
    return vc_kg_put_task(kg,
                          &(struct vc_kg_task){
                              .task_id = sub->task_id,
                              .title = sub->title,
                              .description = sub->description,
                              .task_type = e->task.task_type,
                              .type_method = vc_type_method_name(e->task.type_method),
                              .type_rule = e->task.type_rule,
                              .type_confidence = e->task.type_confidence,
                              .state = vc_task_state_name(e->task.state),
                              .priority = sub->priority,
                              .max_attempts = sub->max_attempts,
                              .parent_task_id = sub->parent_task_id,
                              .context_id = sub->context_id,
                              .error = e->task.error,
                              .spec = sub->spec,
                              .via = sub->via,
                              .submitted_at = e->task.at,
                              .updated_at = e->task.at,
                              .deadline_at = sub->deadline_at,
                              .finished_at = final ? e->task.at : (struct vc_wall){0},
                          },
                          err);
}

static enum vc_rc move_task(struct vc_kg *kg, const struct vc_effect *e, struct vc_err *err)
{
    return vc_kg_move_task(kg,
                           &(struct vc_kg_move){
                               .task_id = e->move.task_id,
                               .state = vc_task_state_name(e->move.state),
                               .epoch = e->move.epoch,
                               .attempt = e->move.attempt,
                               .max_attempts = e->move.max_attempts,
                               .agent_id = e->move.agent_id,
                               .decision_id = e->move.decision_id,
                               .error = e->move.error,
                               .at = e->move.at,
                               .final = vc_task_state_final(e->move.state),
                           },
                           err);
}

static enum vc_rc put_decision(struct vc_kg *kg, const struct vc_effect *e, struct vc_err *err)
{
    const struct vc_decision *d = e->decision;
    return vc_kg_put_decision(kg,
                              &(struct vc_kg_decision){
                                  .decision_id = d->decision_id,
                                  .task_id = d->task_id,
                                  .epoch = d->epoch,
                                  .attempt = d->attempt,
                                  .at = d->at,
                                  .task_type = d->task_type,
                                  .policy = "formula",
                                  .rule = vc_rule_name(d->rule),
                                  .chosen = d->chosen,
                                  .record = d->record,
                              },
                              err);
}

static enum vc_rc put_execution(struct vc_kg *kg, const struct vc_effect *e, struct vc_err *err)
{
    return vc_kg_put_execution(kg,
                               &(struct vc_kg_execution){
                                   .task_id = e->execution.task_id,
                                   .epoch = e->execution.epoch,
                                   .attempt = e->execution.attempt,
                                   .agent_id = e->execution.agent_id,
                                   .task_type = e->execution.task_type,
                                   .outcome = e->execution.outcome,
                                   .error_class = e->execution.error_class,
                                   .value = e->execution.value,
                                   .counted = e->execution.counted,
                                   .winning = e->execution.winning,
                                   .started_at = e->execution.started_at,
                                   .finished_at = e->execution.finished_at,
                                   .duration_ms = e->execution.duration_ms,
                                   .cost_micros = e->execution.cost_micros,
                                   .decision_id = e->execution.decision_id,
                                   .record = e->execution.record,
                               },
                               err);
}

static enum vc_rc put_late(struct vc_kg *kg, const struct vc_effect *e, struct vc_err *err)
{
    return vc_kg_put_late(kg,
                          &(struct vc_kg_late){
                              .task_id = e->late.task_id,
                              .epoch = e->late.epoch,
                              .agent_id = e->late.agent_id,
                              .received_at = e->late.at,
                              .reason = e->late.reason,
                              .record = e->late.record,
                          },
                          err);
}

static enum vc_rc count_decision(struct vc_kg *kg, const struct vc_effect *e, struct vc_err *err)
{
    return vc_kg_add_decisions(kg, e->count.task_type, 1, e->count.trial, err);
}

static void write_record(struct vc_effects *fx, struct vc_decision *d)
{
    VC_AUTO_BUF struct vc_buf text = {0};
    struct vc_json_out out = {.buf = &text};
    vc_record_decision(&out, d);
    d->record = vc_effects_copy(fx, text.text);
}

enum vc_rc vc_apply(struct vc_kg *kg, struct vc_effects *fx, size_t from, struct vc_err *err)
{
    static enum vc_rc (*const writers[])(struct vc_kg *, const struct vc_effect *,
                                         struct vc_err *) = {
        [VC_EFFECT_PUT_AGENT] = put_agent,           [VC_EFFECT_PUT_TASK] = put_task,
        [VC_EFFECT_MOVE_TASK] = move_task,           [VC_EFFECT_PUT_DECISION] = put_decision,
        [VC_EFFECT_PUT_EXECUTION] = put_execution,   [VC_EFFECT_PUT_LATE] = put_late,
        [VC_EFFECT_COUNT_DECISION] = count_decision, [VC_EFFECT_REPLY] = NULL,
    };
    for (size_t i = from; i < fx->len; i++) {
        const struct vc_effect *e = &fx->items[i];
        if (e->kind == VC_EFFECT_PUT_DECISION && !e->decision->record)
            write_record(fx, e->decision);
        if (!writers[e->kind])
            continue;
        enum vc_rc rc = writers[e->kind](kg, e, err);
        if (rc != VC_OK)
            return rc;
    }
    return VC_OK;
}

struct outbox {
    struct vc_kg *kg;
    struct vc_err *err;
};

static enum vc_rc queue_message(void *ctx, const char *subject, const char *body, size_t len)
{
    struct outbox *outbox = ctx;
    int64_t seq;
    return vc_kg_put_outbox(outbox->kg, subject, body, len, &seq, outbox->err);
}

enum vc_rc vc_apply_events(struct vc_kg *kg, const struct vc_effects *fx, const char *prefix,
                           struct vc_err *err)
{
    struct outbox outbox = {kg, err};
    return vc_events_of(fx, prefix, queue_message, &outbox);
}
