#include "base/mem.h"
#include "coordinator/core_state.h"

/* -- a task arrives -------------------------------------------------------------------------- */

static void receipt(struct vc_step *s, const struct vc_event *event, const char *task_id,
                    const struct vc_known_task *known)
{
    if (!event->token)
        return;
    struct vc_effect *e = vc_core_reply(s, event, VC_REPLY_RECEIPT);
    e->reply.task_id = task_id;
    e->reply.state = vc_task_state_name(known->state);
    e->reply.task_type = known->task_type;
    e->reply.type_method = known->type_method;
    e->reply.type_confidence = known->type_confidence;
}

/* A second submission gets what the first one got, whatever became of the task since. */
static void on_known_submit(struct vc_step *s, const struct vc_event *event)
{
    const struct vc_submission *sub = event->submit.submission;
    if (event->submit.known.same_body) {
        struct vc_known_task known = event->submit.known;
        if (known.state != VC_TASK_REJECTED)
            known.state = VC_TASK_QUEUED;
        receipt(s, event, sub->task_id, &known);
        return;
    }
    if (event->token) {
        vc_core_refuse(s, event, VC_REFUSE_BODY_DIFFERS, sub->task_id, NULL);
        return;
    }
    struct vc_effect *e = vc_effects_add(s->fx, VC_EFFECT_DEAD);
    e->dead.reason = "conflict";
    e->dead.task_id = sub->task_id;
    e->dead.text = "a task of this id exists with another body; the first one stands";
    e->dead.body = sub->spec;
    e->dead.at = s->wall;
}

static void reply_task(struct vc_step *s, const struct vc_event *event, const char *task_id,
                       enum vc_task_state state)
{
    if (!event->token)
        return;
    struct vc_effect *e = vc_core_reply(s, event, VC_REPLY_TASK);
    e->reply.task_id = task_id;
    e->reply.state = vc_task_state_name(state);
}

static void put_task(struct vc_step *s, const struct vc_task *task, const struct vc_submission *sub,
                     enum vc_task_state state, const char *error)
{
    struct vc_effect *e = vc_effects_add(s->fx, VC_EFFECT_PUT_TASK);
    e->task.submission = sub;
    e->task.task_type = s->core->types[task->type].name;
    e->task.type_method = task->type_method;
    e->task.type_confidence = task->type_confidence;
    e->task.type_rule = task->type_rule;
    e->task.state = state;
    e->task.at = s->wall;
    e->task.error = error;
}

static void set_deadline(struct vc_step *s, struct vc_task *task, struct vc_wall deadline_at)
{
    if (deadline_at.ms == 0)
        return;
    task->deadline.ms = s->mono.ms + (deadline_at.ms - s->wall.ms);
    vc_heap_set(&s->core->timers, task);
}

void vc_core_on_submit(struct vc_step *s, const struct vc_event *event)
{
    struct vc_core *core = s->core;
    const struct vc_submission *sub = event->submit.submission;
    if (event->submit.known.exists) {
        on_known_submit(s, event);
        return;
    }
    /* What JetStream acknowledged to its submitter is never refused for want of room: the bridge
     * stops pulling long before. */
    bool full = core->open >= core->conf.open_tasks_max;
    if (event->token && (full || core->open_bytes >= core->conf.open_bytes_max)) {
        vc_core_refuse(s, event, full ? VC_REFUSE_QUEUE_FULL : VC_REFUSE_QUEUE_LARGE, sub->task_id,
                       NULL);
        return;
    }
    struct vc_type_guess guess = vc_task_type_infer(sub->task_type, sub->title, sub->description);
    struct vc_task *task = vc_task_create(sub);
    task->type = vc_core_type(core, guess.task_type);
    task->type_method = guess.method;
    task->type_confidence = guess.confidence;
    task->type_rule = vc_xstrdup(guess.rule);
    vc_core_adopt(core, task);
    bool too_late = sub->deadline_at.ms != 0 && sub->deadline_at.ms <= s->wall.ms;
    task->state = too_late ? VC_TASK_REJECTED : VC_TASK_QUEUED;
    core->counts[task->state]++;
    put_task(s, task, sub, task->state,
             too_late ? "its deadline had passed when it was submitted" : NULL);
    struct vc_known_task known = {.state = task->state,
                                  .task_type = core->types[task->type].name,
                                  .type_method = task->type_method,
                                  .type_confidence = task->type_confidence};
    receipt(s, event, sub->task_id, &known);
    if (too_late) {
        vc_core_bury(core, task);
        return;
    }
    set_deadline(s, task, sub->deadline_at);
    vc_queue_push(&core->queue, task);
}

/* -- cancel and retry ------------------------------------------------------------------------ */

/* End a task that is open, whoever holds it. */
void vc_core_stop(struct vc_step *s, struct vc_task *task, enum vc_task_state to, const char *error)
{
    uint32_t agent = task->agent;
    if (agent == VC_NO_AGENT) {
        vc_queue_remove(&s->core->queue, task);
        vc_core_move(s, task, to, NULL, error);
        return;
    }
    const char *agent_id = s->core->roster.agents[agent]->agent_id;
    vc_core_tell(s, VC_CONTROL_CANCEL, agent_id, task->task_id, task->epoch);
    vc_core_conclude(s, task,
                     &(struct vc_ending){
                         .outcome = VC_OUTCOME_CANCELED, .cls = VC_ERROR_CANCELED, .error = error});
    vc_core_release(s, task);
    vc_core_move(s, task, to, agent_id, error);
}

void vc_core_on_cancel(struct vc_step *s, const struct vc_event *event)
{
    const char *id = event->cancel.task_id;
    struct vc_task *task = vc_core_task(s->core, id);
    if (task) {
        const char *reason = event->cancel.reason ? event->cancel.reason : "canceled by request";
        vc_core_stop(s, task, VC_TASK_CANCELED, reason);
        reply_task(s, event, id, VC_TASK_CANCELED);
    } else if (!event->cancel.known.exists) {
        vc_core_refuse(s, event, VC_REFUSE_TASK_UNKNOWN, id, NULL);
    } else if (event->cancel.known.state == VC_TASK_CANCELED) {
        reply_task(s, event, id, VC_TASK_CANCELED);
    } else {
        vc_core_refuse(s, event, VC_REFUSE_STATE_FORBIDS, id,
                       vc_task_state_name(event->cancel.known.state));
    }
}

struct vc_task *vc_core_revive(struct vc_core *core, const struct vc_stored_task *stored)
{
    struct vc_task *task = vc_task_create(&stored->submission);
    task->type = vc_core_type(core, stored->known.task_type);
    task->type_method = stored->known.type_method;
    task->type_confidence = stored->known.type_confidence;
    task->type_rule = vc_xstrdup(stored->type_rule);
    task->state = stored->known.state;
    task->epoch = stored->epoch;
    task->attempt = stored->attempt;
    task->max_attempts = stored->max_attempts;
    if (stored->decision_id)
        vc_copy(task->decision_id, sizeof task->decision_id, stored->decision_id);
    for (size_t i = 0; i < stored->tried_n; i++) {
        const struct vc_agent *agent = vc_roster_find(&core->roster, stored->tried[i]);
        if (agent)
            vc_task_add_tried(task, agent->index);
    }
    return task;
}

void vc_core_on_retry(struct vc_step *s, const struct vc_event *event)
{
    const struct vc_stored_task *stored = event->retry.stored;
    const char *id = event->retry.task_id;
    const struct vc_task *open = vc_core_task(s->core, id);
    if (!open && !stored) {
        vc_core_refuse(s, event, VC_REFUSE_TASK_UNKNOWN, id, NULL);
        return;
    }
    enum vc_task_state state = open ? open->state : stored->known.state;
    if (open || !vc_task_move_ok(state, VC_TASK_QUEUED)) {
        vc_core_refuse(s, event, VC_REFUSE_STATE_FORBIDS, id, vc_task_state_name(state));
        return;
    }
    struct vc_task *task = vc_core_revive(s->core, stored);
    vc_core_adopt(s->core, task);
    /* As many new attempts as it had at first; a deadline that passed would end it at once. */
    task->max_attempts = task->attempt + stored->submission.max_attempts;
    if (stored->submission.deadline_at.ms > s->wall.ms)
        set_deadline(s, task, stored->submission.deadline_at);
    vc_core_requeue(s, task, NULL);
    reply_task(s, event, id, VC_TASK_QUEUED);
}
