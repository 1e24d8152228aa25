#include "coordinator/core_state.h"

/* -- limits ---------------------------------------------------------------------------------- */

/* The lease ran out, the assignment was never answered, or the time is used up. */
static void fire(struct vc_step *s, struct vc_task *task)
{
    if (task->deadline.ms <= s->mono.ms) {
        vc_core_stop(s, task, VC_TASK_EXPIRED, "its deadline passed");
        return;
    }
    struct vc_agent *agent = s->core->roster.agents[task->agent];
    if (task->stop_at.ms <= s->mono.ms) {
        vc_core_tell(s, VC_CONTROL_CANCEL, agent->agent_id, task->task_id, task->epoch);
        vc_core_end_attempt(s, task,
                            &(struct vc_ending){.outcome = VC_OUTCOME_TIMEOUT,
                                                .cls = VC_ERROR_TIMEOUT,
                                                .error = "it took longer than its timeout_ms",
                                                .retryable = true});
        return;
    }
    /* The last lease of an agent that died ends on the very millisecond up to which the agent
     * counts as alive; the task must not go back to it. */
    bool unanswered = task->answer_by.ms <= s->mono.ms;
    bool silent = !agent->heard || s->mono.ms - agent->heard_at.ms >= vc_core_silence_ms(s->core);
    if (unanswered || silent)
        agent->unreachable = true;
    const char *error = unanswered ? "the agent did not answer the assignment"
                        : silent   ? "the agent fell silent; its lease ran out"
                                   : "the agent no longer lists it; its lease ran out";
    vc_core_end_attempt(s, task,
                        &(struct vc_ending){.outcome = VC_OUTCOME_FAILURE,
                                            .cls = VC_ERROR_LOST,
                                            .error = error,
                                            .retryable = true});
}

void vc_core_on_time(struct vc_step *s)
{
    struct vc_core *core = s->core;
    if (core->suspended)
        return;
    struct vc_task *task;
    while ((task = vc_heap_top(&core->timers)) && vc_task_due(task).ms <= s->mono.ms)
        fire(s, task);
    struct vc_agent *agent;
    while ((agent = vc_roster_fall_silent(&core->roster, s->mono, vc_core_silence_ms(core)))) {
        struct vc_effect *e = vc_effects_add(s->fx, VC_EFFECT_AGENT_NEWS);
        e->news.agent_id = agent->agent_id;
        e->news.online = false;
        e->news.at = s->wall;
    }
    if (core->unpause.ms > s->mono.ms)
        return;
    core->unpause.ms = INT64_MAX;
    for (size_t i = 0; i < core->roster.len; i++) {
        struct vc_mono until = core->roster.agents[i]->paused_until;
        if (until.ms > s->mono.ms && until.ms < core->unpause.ms)
            core->unpause = until;
    }
    vc_core_wake(core);
}

struct vc_mono vc_core_due(const struct vc_core *core)
{
    if (core->suspended)
        return (struct vc_mono){INT64_MAX};
    const struct vc_task *task = vc_heap_top(&core->timers);
    int64_t due = task ? vc_task_due(task).ms : INT64_MAX;
    int64_t silence = vc_roster_due(&core->roster, vc_core_silence_ms(core)).ms;
    due = silence < due ? silence : due;
    return (struct vc_mono){core->unpause.ms < due ? core->unpause.ms : due};
}

/* -- with and without a connection ----------------------------------------------------------- */

void vc_core_suspend(struct vc_core *core, struct vc_mono mono)
{
    if (core->suspended)
        return;
    core->suspended = true;
    core->suspended_at = mono;
}

/* What was heard or renewed while the link was down needs no more than a full term. */
static void shift(struct vc_mono *at, int64_t by_ms, int64_t max_ms)
{
    if (at->ms == INT64_MAX)
        return;
    at->ms += by_ms;
    if (at->ms > max_ms)
        at->ms = max_ms;
}

void vc_core_resume(struct vc_core *core, struct vc_mono mono, struct vc_wall wall,
                    struct vc_effects *fx)
{
    struct vc_step s = {.core = core, .fx = fx, .mono = mono, .wall = wall};
    int64_t away_ms = core->suspended ? mono.ms - core->suspended_at.ms : 0;
    core->suspended = false;
    for (size_t i = 0; i < core->roster.len; i++)
        shift(&core->roster.agents[i]->heard_at, away_ms, mono.ms);
    for (size_t i = 0; i < core->tasks_n; i++) {
        struct vc_task *task = core->tasks[i];
        if (!task)
            continue;
        shift(&task->lease_until, away_ms, mono.ms + core->conf.lease_ms);
        shift(&task->stop_at, away_ms, mono.ms + task->timeout_ms);
        bool over = task->deadline.ms <= mono.ms;
        if (task->state == VC_TASK_ASSIGNED && !over)
            vc_core_offer(&s, task);
        else
            vc_heap_set(&core->timers, task);
    }
    vc_core_on_time(&s);
    vc_core_dispatch(&s);
}
