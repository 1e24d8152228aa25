/* coordinator.h - a shell around the real core, as coordinator/batch.c is one: take what waits,
 * look at each message, write everything in one transaction, and only after the commit speak and
 * acknowledge. It can die at any of these points; what is not committed is then lost.
 *
 * A commit that fails leaves the transaction as it is, to be written again. */
#ifndef VC_TESTS_SIM_COORDINATOR_H
#define VC_TESTS_SIM_COORDINATOR_H

#include "tests/sim/limits.h"
#include "tests/sim/nats.h"
#include "tests/sim/promises.h"

#define RETRY_MS 200 /* after a failure of the store */

static inline void batch_run(struct cluster *c, const struct note *note);
static inline void batch_commit(struct cluster *c, const struct note *note);
static inline void coordinator_start(struct cluster *c, const struct note *note);

/* -- life and death ---------------------------------------------------------------------------- */

static inline bool coordinator_reachable(const struct cluster *c)
{
    return c->shell.alive && c->shell.linked && c->link_up;
}

static inline void coordinator_dies(struct cluster *c)
{
    struct shell *shell = &c->shell;
    tell(c, "  the coordinator is dead, %s", shell->busy ? "and its transaction" : "idle");
    world_settle(c->w);
    vc_core_destroy(&c->w->core);
    if (shell->busy) {
        world_roll_back(c->w);
        c->lates_n = c->lates_committed;
        sim_look_at_store(c->sim);
    }
    shell->alive = shell->linked = shell->busy = shell->woken = false;
    shell->inbox_n = shell->batch_n = shell->next = 0;
    shell->life++;
    later(c, between(c, 20, 8000), (struct note){.happen = coordinator_start});
}

/* The client library finds its server, sooner or later. */
static inline void coordinator_connects(struct cluster *c, const struct note *note)
{
    if (note->life != c->shell.life || c->shell.linked)
        return;
    if (!c->link_up) {
        later(c, between(c, 100, 400), *note);
        return;
    }
    tell(c, "the coordinator is connected");
    c->shell.linked = true;
    coordinator_gets(c, &(struct arrival){.what = ARRIVES_LINK_UP, .mail = NOBODY});
}

static inline void coordinator_start(struct cluster *c, const struct note *note)
{
    (void)note;
    struct world *w = c->w;
    bool anew = strikes(c, FAULT_REBOOTS);
    if (anew)
        w->mono.ms = between(c, 0, VC_HOUR_MS);
    tell(c, "the coordinator starts");
    forget_what_a_restart_forgets(c->sim);
    w->conf.seed++;
    w->core = vc_core_create(&w->conf);
    vc_core_suspend(w->core, w->mono);
    c->sim->broken_at_ms = w->mono.ms;
    world_load_store(w);
    limits_start(c);
    c->shell.alive = true;
    c->shell.due_noted_ms = -1;
    later(c, between(c, 5, 500),
          (struct note){.happen = coordinator_connects, .life = c->shell.life});
}

/* -- what comes in ----------------------------------------------------------------------------- */

static inline void coordinator_wakes(struct cluster *c)
{
    if (c->shell.busy || c->shell.woken)
        return;
    c->shell.woken = true;
    later(c, between(c, 0, 3), (struct note){.happen = batch_run, .life = c->shell.life});
}

static inline void coordinator_gets(struct cluster *c, const struct arrival *arrival)
{
    struct shell *shell = &c->shell;
    if (!shell->alive)
        return;
    VC_GROW(shell->inbox, shell->inbox_n, shell->inbox_cap);
    shell->inbox[shell->inbox_n++] = *arrival;
    coordinator_wakes(c);
}

/* -- a batch ----------------------------------------------------------------------------------- */

static inline void follow_effect(void *self, const struct vc_effect *e)
{
    struct cluster *c = self;
    follow(c->sim, e);
    limits_follow(c, e);
    promises_follow(c, e);
}

static inline void check_step(struct cluster *c)
{
    c->steps++;
    tell_effects(c);
    check_world(c->sim);
    check_limits(c);
}

static inline void tell_arrival(const struct cluster *c, const struct vc_event *event)
{
    switch (event->kind) {
    case VC_EVENT_SUBMIT:
        tell(c, "> submit %s", event->submit.submission->task_id);
        return;
    case VC_EVENT_ANSWER:
        tell(c, "> answer to %s#%u", event->answer.task_id, event->answer.epoch);
        return;
    case VC_EVENT_RESULT:
        tell(c, "> result %s", event->result.record);
        return;
    case VC_EVENT_HEARTBEAT:
        tell(c, "> heartbeat of %s, which holds %zu", event->heartbeat.agent_id,
             event->heartbeat.held_n);
        return;
    case VC_EVENT_REGISTER:
        tell(c, "> register %s", event->registration.agent_id);
        return;
    case VC_EVENT_CANCEL:
        tell(c, "> cancel %s", event->cancel.task_id);
        return;
    case VC_EVENT_RETRY:
        tell(c, "> retry %s", event->retry.task_id);
        return;
    case VC_EVENT_DRAIN:
        tell(c, "> %s %s", event->drain.off ? "undrain" : "drain", event->drain.agent_id);
        return;
    case VC_EVENT_REMOVE:
        tell(c, "> remove %s", event->remove.agent_id);
        return;
    case VC_EVENT_TICK:
        return;
    }
}

static inline void look(struct cluster *c, const struct arrival *arrival)
{
    struct vc_event event = arrival->event;
    if (arrival->what == ARRIVES_LINK_UP) {
        tell(c, "> connected");
        sim_mend_link(c->sim);
    } else if (arrival->what == ARRIVES_LINK_DOWN) {
        tell(c, "> not connected");
        sim_break_link(c->sim);
    } else {
        if (event.kind == VC_EVENT_REGISTER)
            c->sim->heard_ms[index_of(c->sim, event.registration.agent_id)] = c->w->mono.ms;
        if (event.kind == VC_EVENT_HEARTBEAT) {
            sim_heard(c->sim, index_of(c->sim, event.heartbeat.agent_id));
            limits_renew(c, &event);
        }
        if (event.token)
            event.token = c->shell.next + 1;
        tell_arrival(c, &event);
        world_step(c->w, event);
    }
    check_step(c);
}

static inline void batch_go_on(struct cluster *c, const struct note *note)
{
    struct shell *shell = &c->shell;
    if (note->life != shell->life)
        return;
    while (shell->next < shell->batch_n) {
        if (strikes(c, FAULT_READ_FAILS)) {
            later(c, RETRY_MS, (struct note){.happen = batch_go_on, .life = shell->life});
            return;
        }
        look(c, &shell->batch[shell->next]);
        shell->next++;
    }
    world_tick(c->w);
    check_step(c);
    if (strikes(c, FAULT_CRASH_UNCOMMITTED)) {
        coordinator_dies(c);
        return;
    }
    int64_t takes_ms = strikes(c, FAULT_COMMIT_SLOW) ? between(c, 500, 6000) : between(c, 0, 5);
    later(c, takes_ms, (struct note){.happen = batch_commit, .life = shell->life});
}

static inline void batch_run(struct cluster *c, const struct note *note)
{
    struct shell *shell = &c->shell;
    if (note->life != shell->life || shell->busy)
        return;
    shell->woken = false;
    if (shell->inbox_n == 0 && vc_core_due(c->w->core).ms > c->w->mono.ms)
        return;
    struct arrival *taken = shell->inbox;
    size_t taken_cap = shell->inbox_cap;
    shell->busy = true;
    shell->batch_n = shell->inbox_n;
    shell->next = 0;
    shell->inbox = shell->batch;
    shell->inbox_cap = shell->batch_cap;
    shell->inbox_n = 0;
    shell->batch = taken;
    shell->batch_cap = taken_cap;
    world_begin(c->w);
    batch_go_on(c, note);
}

/* -- speaking, after the commit ---------------------------------------------------------------- */

static inline void speak_reply(struct cluster *c, const struct vc_effect *e)
{
    size_t client = c->shell.batch[e->reply.token - 1].client;
    if (client == NOBODY)
        return;
    if (e->reply.kind == VC_REPLY_RECEIPT)
        promise_receipt(c, &c->clients[client]);
    struct note note = {.happen = client_told, .who = client};
    note.control = e->reply.kind == VC_REPLY_REFUSED ? VC_CONTROL_STALE : VC_CONTROL_RECORDED;
    coordinator_sends(c, note);
}

static inline void speak_control(struct cluster *c, const struct vc_effect *e)
{
    if (e->control.what == VC_CONTROL_RECORDED)
        promise_recorded(c, e->control.task_id, e->control.epoch);
    coordinator_sends(
        c, (struct note){.happen = agent_told,
                         .control = e->control.what,
                         .paper = {index_of(c->sim, e->control.agent_id),
                                   world_keep(c->w, e->control.task_id), e->control.epoch}});
}

static inline void speak_assignment(struct cluster *c, const struct vc_effect *e)
{
    promise_assignment(c, e);
    coordinator_asks(c, (struct paper){index_of(c->sim, e->assign.agent_id),
                                       world_keep(c->w, e->assign.task_id), e->assign.epoch});
}

/* False: it died of it. */
static inline bool speak(struct cluster *c)
{
    static void (*const say[])(struct cluster *, const struct vc_effect *) = {
        [VC_EFFECT_ASSIGN] = speak_assignment,
        [VC_EFFECT_CONTROL] = speak_control,
        [VC_EFFECT_REPLY] = speak_reply,
    };
    for (size_t i = 0; i < c->w->fx.len; i++) {
        const struct vc_effect *e = &c->w->fx.items[i];
        if (!say[e->kind])
            continue;
        say[e->kind](c, e);
        if (strikes(c, FAULT_CRASH_HALF_SPOKEN))
            return false;
    }
    for (size_t i = 0; i < c->shell.batch_n; i++) {
        if (c->shell.batch[i].mail == NOBODY)
            continue;
        if (strikes(c, FAULT_CRASH_UNACKED))
            return false;
        coordinator_acks(c, c->shell.batch[i].mail);
    }
    return true;
}

/* As a loop sleeps: until something is due, or comes in. */
static inline void sleep_until_due(struct cluster *c)
{
    struct shell *shell = &c->shell;
    int64_t due_ms = vc_core_due(c->w->core).ms;
    if (shell->inbox_n > 0)
        coordinator_wakes(c);
    if (due_ms == INT64_MAX || due_ms == shell->due_noted_ms)
        return;
    shell->due_noted_ms = due_ms;
    later(c, due_ms - c->w->mono.ms, (struct note){.happen = batch_run, .life = shell->life});
}

static inline void batch_commit(struct cluster *c, const struct note *note)
{
    struct shell *shell = &c->shell;
    if (note->life != shell->life)
        return;
    if (strikes(c, FAULT_COMMIT_FAILS)) {
        later(c, RETRY_MS, *note);
        return;
    }
    world_commit(c->w);
    c->lates_committed = c->lates_n;
    shell->busy = false;
    if (strikes(c, FAULT_CRASH_UNSPOKEN) || !speak(c)) {
        coordinator_dies(c);
        return;
    }
    world_settle(c->w);
    shell->batch_n = 0;
    sleep_until_due(c);
}

#endif
