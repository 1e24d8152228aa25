#include "coordinator/core_state.h"

/* -- an attempt ends ------------------------------------------------------------------------- */

/* Record the execution and learn from it. The agent still holds the task. */
void vc_core_conclude(struct vc_step *s, struct vc_task *task, const struct vc_ending *end)
{
    struct vc_core *core = s->core;
    const struct vc_agent *agent = core->roster.agents[task->agent];
    bool counted = vc_outcome_counts(end->outcome, end->cls);
    bool success = end->outcome == VC_OUTCOME_SUCCESS;
    double value = success ? 1.0 : 0.0;
    if (counted) {
        struct vc_evidence evidence = {
            .finished_at = s->wall, .task_id = task->task_id, .epoch = task->epoch, .value = value};
        vc_profile_record(core->profiles, agent->index, task->type, &evidence);
    }
    struct vc_effect *e = vc_effects_add(s->fx, VC_EFFECT_PUT_EXECUTION);
    e->execution.task_id = task->task_id;
    e->execution.epoch = task->epoch;
    e->execution.attempt = task->attempt;
    e->execution.agent_id = agent->agent_id;
    e->execution.task_type = core->types[task->type].name;
    e->execution.outcome = end->outcome;
    e->execution.error_class = end->cls;
    e->execution.value = value;
    e->execution.counted = counted;
    e->execution.winning = success;
    e->execution.started_at = task->assigned_at;
    e->execution.finished_at = s->wall;
    /* What an agent reports it has measured; what we closed lasted as long as it was held. */
    int64_t held_ms = s->wall.ms - task->assigned_at.ms;
    e->execution.duration_ms = end->record ? end->duration_ms : held_ms > 0 ? held_ms : 0;
    e->execution.cost_micros = end->cost_micros;
    e->execution.decision_id = vc_effects_copy(s->fx, task->decision_id);
    e->execution.record = end->record;
    e->execution.standing = vc_profile_expertise(core->profiles, agent->index, task->type, s->wall);
}

/* Take the task from its agent; whoever waited for a slot may get one. */
void vc_core_release(struct vc_step *s, struct vc_task *task)
{
    vc_agent_release(s->core->roster.agents[task->agent], task, s->mono);
    task->answer_by.ms = task->lease_until.ms = task->stop_at.ms = INT64_MAX;
    vc_heap_set(&s->core->timers, task);
    vc_core_wake(s->core);
}

void vc_core_requeue(struct vc_step *s, struct vc_task *task, const char *error)
{
    vc_core_move(s, task, VC_TASK_QUEUED, NULL, error);
    vc_queue_push(&s->core->queue, task);
}

static void dead_letter(struct vc_step *s, const struct vc_task *task, const char *error)
{
    struct vc_effect *e = vc_effects_add(s->fx, VC_EFFECT_DEAD);
    e->dead.reason = "attempts_used";
    e->dead.task_id = task->task_id;
    e->dead.text = vc_effects_copy(s->fx, error);
    e->dead.body = task->spec;
    e->dead.at = s->wall;
}

/* An attempt ended without success: another try, or the end. */
static void after_failure(struct vc_step *s, struct vc_task *task, uint32_t agent,
                          const struct vc_ending *end)
{
    const char *agent_id = s->core->roster.agents[agent]->agent_id;
    if (end->refused) {
        task->attempt--;
        vc_core_requeue(s, task, end->error);
        return;
    }
    vc_task_add_tried(task, agent);
    if (!end->retryable) {
        vc_core_move(s, task, VC_TASK_FAILED, agent_id, end->error);
        return;
    }
    if (task->attempt < task->max_attempts) {
        vc_core_requeue(s, task, end->error);
        return;
    }
    dead_letter(s, task, end->error);
    vc_core_move(s, task, VC_TASK_DEAD, agent_id, end->error);
}

void vc_core_end_attempt(struct vc_step *s, struct vc_task *task, const struct vc_ending *end)
{
    uint32_t agent = task->agent;
    vc_core_conclude(s, task, end);
    vc_core_release(s, task);
    if (end->outcome == VC_OUTCOME_SUCCESS)
        vc_core_move(s, task, VC_TASK_COMPLETED, s->core->roster.agents[agent]->agent_id, NULL);
    else
        after_failure(s, task, agent, end);
}

/* -- an agent answers ------------------------------------------------------------------------ */

bool vc_core_holds(const struct vc_task *task, const struct vc_agent *agent, uint32_t epoch)
{
    return task && agent && task->agent == agent->index && task->epoch == epoch;
}

void vc_core_start_work(struct vc_step *s, struct vc_task *task)
{
    task->answer_by.ms = INT64_MAX;
    task->lease_until.ms = s->mono.ms + s->core->conf.lease_ms;
    if (task->timeout_ms > 0)
        task->stop_at.ms = s->mono.ms + task->timeout_ms;
    vc_heap_set(&s->core->timers, task);
    vc_core_move(s, task, VC_TASK_WORKING, s->core->roster.agents[task->agent]->agent_id, NULL);
}

static void pause_agent(struct vc_step *s, struct vc_agent *agent)
{
    agent->paused_until.ms = s->mono.ms + (s->core->conf.decline_pause_ms << agent->declines);
    agent->declines += agent->declines < VC_DECLINE_DOUBLINGS;
    if (agent->paused_until.ms < s->core->unpause.ms)
        s->core->unpause = agent->paused_until;
}

void vc_core_on_answer(struct vc_step *s, const struct vc_event *event)
{
    struct vc_task *task = vc_core_task(s->core, event->answer.task_id);
    if (!task || task->epoch != event->answer.epoch || task->state != VC_TASK_ASSIGNED)
        return;
    struct vc_agent *agent = s->core->roster.agents[task->agent];
    switch (event->answer.answer) {
    case VC_ANSWER_ACCEPTED:
        agent->declines = 0;
        vc_core_start_work(s, task);
        return;
    case VC_ANSWER_DECLINED:
        pause_agent(s, agent);
        vc_core_end_attempt(s, task,
                            &(struct vc_ending){.outcome = VC_OUTCOME_DECLINED,
                                                .cls = VC_ERROR_DECLINED,
                                                .error = "the agent declined it",
                                                .refused = true});
        return;
    case VC_ANSWER_NOBODY:
        agent->unreachable = true;
        task->attempt--;
        vc_core_release(s, task);
        vc_core_requeue(s, task, "the agent was not there");
        return;
    }
}

/* -- a result arrives ------------------------------------------------------------------------ */

/* A report that changes nothing: say what became of it, and keep it when it is news. */
static void on_late_result(struct vc_step *s, const struct vc_event *event)
{
    const struct vc_reported *r = &event->result;
    bool first_stands = r->prior == VC_PRIOR_REPORTED || r->prior == VC_PRIOR_REPORTED_ELSE;
    vc_core_tell(s, first_stands ? VC_CONTROL_RECORDED : VC_CONTROL_STALE, r->agent_id, r->task_id,
                 r->epoch);
    if (r->prior == VC_PRIOR_REPORTED)
        return;
    struct vc_effect *e = vc_effects_add(s->fx, VC_EFFECT_PUT_LATE);
    e->late.task_id = r->task_id;
    e->late.epoch = r->epoch;
    e->late.agent_id = r->agent_id;
    e->late.reason = first_stands ? "duplicate" : r->task_known ? "stale" : "unknown_task";
    e->late.record = r->record;
    e->late.at = s->wall;
}

void vc_core_on_result(struct vc_step *s, const struct vc_event *event)
{
    const struct vc_reported *r = &event->result;
    struct vc_task *task = vc_core_task(s->core, r->task_id);
    struct vc_agent *agent = vc_roster_find(&s->core->roster, r->agent_id);
    if (!vc_core_holds(task, agent, r->epoch)) {
        on_late_result(s, event);
        return;
    }
    bool success = r->outcome == VC_OUTCOME_SUCCESS;
    enum vc_error_class cls = VC_ERROR_NONE;
    if (!success)
        cls = r->error_class != VC_ERROR_NONE ? r->error_class : vc_error_class_default(r->outcome);
    const char *error = r->error_message ? r->error_message : vc_error_class_name(cls);
    if (r->outcome == VC_OUTCOME_DECLINED)
        pause_agent(s, agent);
    vc_core_end_attempt(s, task,
                        &(struct vc_ending){.outcome = r->outcome,
                                            .cls = cls,
                                            .error = success ? NULL : error,
                                            .record = r->record,
                                            .duration_ms = r->duration_ms,
                                            .cost_micros = r->cost_micros,
                                            .retryable = r->retryable,
                                            .refused = r->outcome == VC_OUTCOME_DECLINED});
    vc_core_tell(s, VC_CONTROL_RECORDED, r->agent_id, r->task_id, r->epoch);
}
