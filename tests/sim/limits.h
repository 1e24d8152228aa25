/* limits.h - when a lease, an answer, a time limit and a deadline must end: neither a millisecond
 * early nor late, whatever the wall clock does. */
#ifndef VC_TESTS_SIM_LIMITS_H
#define VC_TESTS_SIM_LIMITS_H

#include "tests/sim/cluster.h"

#define NEVER INT64_MAX

static inline struct limit *limit_of(struct cluster *c, const char *task_id)
{
    size_t i = (size_t)(world_task(c->w, task_id) - c->w->tasks);
    return &c->limits[i];
}

static inline void limits_make_room(struct cluster *c)
{
    while (c->limits_cap <= c->w->tasks_n) {
        c->limits_cap = c->limits_cap ? c->limits_cap * 2 : 64;
        c->limits = vc_xrealloc(c->limits, c->limits_cap, sizeof *c->limits);
    }
}

static inline int64_t deadline_of(const struct cluster *c, struct vc_wall at)
{
    return at.ms ? c->w->mono.ms + (at.ms - c->w->wall.ms) : NEVER;
}

static inline void limit_move(struct cluster *c, const struct vc_effect *e)
{
    struct limit *limit = limit_of(c, e->move.task_id);
    const struct vc_submission *s = &world_task(c->w, e->move.task_id)->row.submission;
    if (e->move.state == VC_TASK_EXPIRED)
        assert_true(c->w->mono.ms >= limit->deadline_ms);
    if (vc_task_state_final(e->move.from))
        limit->deadline_ms =
            s->deadline_at.ms > c->w->wall.ms ? deadline_of(c, s->deadline_at) : NEVER;
    limit->lease_up = limit->answer_up = limit->stop_up = NEVER;
    if (e->move.state == VC_TASK_ASSIGNED || e->move.state == VC_TASK_WORKING)
        limit->lease_up = c->up_ms + c->w->conf.lease_ms;
    if (e->move.state == VC_TASK_WORKING && s->timeout_ms > 0)
        limit->stop_up = c->up_ms + s->timeout_ms;
}

/* Nobody is called lost, or too slow, before the time. */
static inline void limit_closed(struct cluster *c, const struct vc_effect *e)
{
    const struct limit *limit = limit_of(c, e->execution.task_id);
    if (e->execution.error_class == VC_ERROR_LOST && !e->execution.record)
        assert_true(c->up_ms >= limit->lease_up || c->up_ms >= limit->answer_up);
    if (e->execution.outcome == VC_OUTCOME_TIMEOUT && !e->execution.record)
        assert_true(c->up_ms >= limit->stop_up);
}

/* Before the store has the effect. */
static inline void limits_follow(struct cluster *c, const struct vc_effect *e)
{
    limits_make_room(c);
    if (e->kind == VC_EFFECT_PUT_TASK)
        c->limits[c->w->tasks_n] =
            (struct limit){NEVER, NEVER, NEVER, deadline_of(c, e->task.submission->deadline_at)};
    if (e->kind == VC_EFFECT_MOVE_TASK)
        limit_move(c, e);
    if (e->kind == VC_EFFECT_ASSIGN)
        limit_of(c, e->assign.task_id)->answer_up = c->up_ms + c->w->conf.answer_ms;
    if (e->kind == VC_EFFECT_PUT_EXECUTION)
        limit_closed(c, e);
}

/* A heartbeat renews what its agent really holds. Before the core hears it. */
static inline void limits_renew(struct cluster *c, const struct vc_event *event)
{
    const char *agent_id = event->heartbeat.agent_id;
    const struct world_agent *member = world_agent(c->w, agent_id);
    for (size_t i = 0; member && !member->removed && i < event->heartbeat.held_n; i++) {
        const struct vc_held *held = &event->heartbeat.held[i];
        const struct world_task *task = world_task(c->w, held->task_id);
        if (task && task->row.agent_id && task->row.epoch == held->epoch &&
            strcmp(task->row.agent_id, agent_id) == 0)
            limit_of(c, held->task_id)->lease_up = c->up_ms + c->w->conf.lease_ms;
    }
}

/* The coordinator starts: every lease gets a fresh term. */
static inline void limits_start(struct cluster *c)
{
    limits_make_room(c);
    c->up_ms = 0;
    for (size_t i = 0; i < c->w->tasks_n; i++) {
        const struct vc_stored_task *row = &c->w->tasks[i].row;
        const struct vc_submission *s = &row->submission;
        bool working = row->known.state == VC_TASK_WORKING;
        bool held = row->known.state == VC_TASK_ASSIGNED || working;
        bool retried = row->assigned_at.ms > s->deadline_at.ms;
        c->limits[i] = (struct limit){
            .lease_up = held ? c->w->conf.lease_ms : NEVER,
            .answer_up = NEVER,
            .stop_up = working && s->timeout_ms > 0 ? s->timeout_ms : NEVER,
            .deadline_ms = retried ? NEVER : deadline_of(c, s->deadline_at),
        };
    }
}

/* Nothing that has a limit lives past it. */
static inline void check_limits(const struct cluster *c)
{
    if (c->sim->broken_at_ms >= 0)
        return;
    for (size_t i = 0; i < c->w->tasks_n; i++) {
        const struct limit *limit = &c->limits[i];
        if (vc_task_state_final(c->w->tasks[i].row.known.state))
            continue;
        assert_true(c->up_ms < limit->lease_up);
        assert_true(c->up_ms < limit->answer_up);
        assert_true(c->up_ms < limit->stop_up);
        assert_true(c->w->mono.ms < limit->deadline_ms);
    }
}

#endif
