#include "coordinator/core_state.h"

#include <string.h>

/* -- agents ---------------------------------------------------------------------------------- */

static void put_agent(struct vc_step *s, const struct vc_agent *agent, const char *news)
{
    struct vc_effect *e = vc_effects_add(s->fx, VC_EFFECT_PUT_AGENT);
    e->agent.agent_id = agent->agent_id;
    e->agent.card = vc_effects_copy(s->fx, agent->card);
    e->agent.role = vc_effects_copy(s->fx, agent->role);
    e->agent.capacity = agent->capacity;
    e->agent.draining = agent->draining;
    e->agent.removed = agent->removed;
    e->agent.registered_at = agent->registered_at;
    e->agent.at = s->wall;
    e->agent.news = news;
}

static void heard(struct vc_step *s, struct vc_agent *agent)
{
    bool back = agent->unreachable;
    bool news = vc_roster_heard(&s->core->roster, agent, s->mono);
    if (news || back)
        vc_core_wake(s->core);
    if (!news)
        return;
    struct vc_effect *e = vc_effects_add(s->fx, VC_EFFECT_AGENT_NEWS);
    e->news.agent_id = agent->agent_id;
    e->news.online = true;
    e->news.at = s->wall;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

void vc_core_on_register(struct vc_step *s, const struct vc_event *event)
{
    struct vc_core *core = s->core;
    const struct vc_registration *reg = &event->registration;
    struct vc_agent *agent = vc_roster_find(&core->roster, reg->agent_id);
    if (!agent && core->roster.len >= core->conf.agents_max) {
        vc_core_refuse(s, event, VC_REFUSE_FLEET_FULL, reg->agent_id, NULL);
        return;
    }
    /* Agents register again and again to be sure; only what is new is written. A heartbeat may have
     * changed the capacity since the same card came last. */
    bool known = agent && !agent->removed && same_text(agent->card, reg->card) &&
                 agent->capacity == reg->capacity;
    if (!known) {
        agent = vc_roster_put(&core->roster, reg);
        if (agent->registered_at.ms == 0)
            agent->registered_at = s->wall;
        vc_profile_create(core->profiles, agent->index);
        put_agent(s, agent, "registered");
        vc_core_wake(core);
    }
    heard(s, agent);
    if (!event->token)
        return;
    struct vc_effect *e = vc_core_reply(s, event, VC_REPLY_REGISTERED);
    e->reply.agent_id = agent->agent_id;
}

static void renew(struct vc_step *s, struct vc_agent *agent, const struct vc_held *held)
{
    struct vc_task *task = vc_core_task(s->core, held->task_id);
    if (!vc_core_holds(task, agent, held->epoch)) {
        vc_core_tell(s, VC_CONTROL_STALE, agent->agent_id, held->task_id, held->epoch);
        return;
    }
    /* The answer to the assignment got lost, but here is the agent at work. */
    if (task->state == VC_TASK_ASSIGNED)
        vc_core_start_work(s, task);
    task->lease_until.ms = s->mono.ms + s->core->conf.lease_ms;
    vc_heap_set(&s->core->timers, task);
}

void vc_core_on_heartbeat(struct vc_step *s, const struct vc_event *event)
{
    struct vc_agent *agent = vc_roster_find(&s->core->roster, event->heartbeat.agent_id);
    if (!agent || agent->removed) {
        vc_core_tell(s, VC_CONTROL_REGISTER, event->heartbeat.agent_id, NULL, 0);
        return;
    }
    heard(s, agent);
    uint32_t capacity = event->heartbeat.capacity;
    if (capacity > 0 && capacity != agent->capacity) {
        agent->capacity = capacity;
        put_agent(s, agent, NULL);
        vc_core_wake(s->core);
    }
    for (size_t i = 0; i < event->heartbeat.held_n; i++)
        renew(s, agent, &event->heartbeat.held[i]);
}

static void reply_agent(struct vc_step *s, const struct vc_event *event,
                        const struct vc_agent *agent)
{
    if (!event->token)
        return;
    struct vc_effect *e = vc_core_reply(s, event, VC_REPLY_AGENT);
    e->reply.agent_id = agent->agent_id;
    e->reply.state =
        agent->removed
            ? "removed"
            : vc_agent_state_name(vc_agent_state_of(agent, s->mono, vc_core_silence_ms(s->core)));
}

void vc_core_on_drain(struct vc_step *s, const struct vc_event *event)
{
    struct vc_agent *agent = vc_roster_find(&s->core->roster, event->drain.agent_id);
    if (!agent || agent->removed) {
        vc_core_refuse(s, event, VC_REFUSE_AGENT_UNKNOWN, event->drain.agent_id, NULL);
        return;
    }
    bool draining = !event->drain.off;
    if (agent->draining != draining) {
        agent->draining = draining;
        put_agent(s, agent, draining ? "draining" : "registered");
        vc_core_wake(s->core);
    }
    if (draining)
        vc_core_tell(s, VC_CONTROL_DRAIN, agent->agent_id, NULL, 0);
    reply_agent(s, event, agent);
}

/* Its leases run out by themselves; a removed agent that registers again is back. */
void vc_core_on_remove(struct vc_step *s, const struct vc_event *event)
{
    struct vc_agent *agent = vc_roster_find(&s->core->roster, event->remove.agent_id);
    if (!agent || agent->removed) {
        vc_core_refuse(s, event, VC_REFUSE_AGENT_UNKNOWN, event->remove.agent_id, NULL);
        return;
    }
    agent->removed = true;
    put_agent(s, agent, "removed");
    reply_agent(s, event, agent);
}
