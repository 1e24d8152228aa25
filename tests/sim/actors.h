/* actors.h - simulated agents: most do as the protocol says; each way not to is a fault. */
#ifndef VC_TESTS_SIM_ACTORS_H
#define VC_TESTS_SIM_ACTORS_H

#include "tests/sim/nats.h"

#define HEARTBEAT_MS 5000

/* -- what agents say --------------------------------------------------------------------------- */

/* Not while it is frozen: then everything waits. True: it was put off. */
static inline bool put_off(struct cluster *c, uint32_t a, const struct note *note)
{
    int64_t ms = c->actors[a].thaws_ms - c->now_ms;
    if (ms > 0)
        later(c, ms, *note);
    return ms > 0;
}

static inline void agent_sends(struct cluster *c, uint32_t a, const struct vc_event *event)
{
    if (!cut_off(c, a))
        send_event(c, event, NOBODY);
}

static inline void answers(struct cluster *c, struct paper paper, enum vc_answer answer)
{
    const char *text = answer_text(c, agent_ids[paper.agent], paper.task_id, paper.epoch, answer);
    tell(c, "%s", text);
    remember_said(c, text);
    agent_sends(c, paper.agent,
                &(struct vc_event){
                    .kind = VC_EVENT_ANSWER,
                    .answer = {.task_id = paper.task_id, .epoch = paper.epoch, .answer = answer}});
}

static inline void says_yes(struct cluster *c, const struct note *note)
{
    if (note->life == c->actors[note->paper.agent].life && !put_off(c, note->paper.agent, note))
        answers(c, note->paper, VC_ANSWER_ACCEPTED);
}

static inline void sends_card(void *ctx, struct vc_registration reg)
{
    struct cluster *c = ctx;
    reg.agent_id = world_keep(c->w, reg.agent_id);
    reg.card = world_keep(c->w, reg.card);
    reg.role = world_keep(c->w, reg.role);
    reg.capabilities = world_keep_list(c->w, reg.capabilities, reg.capabilities_n);
    tell(c, "%s: registers, capacity %u", reg.agent_id, reg.capacity);
    agent_sends(c, index_of(c->sim, reg.agent_id),
                &(struct vc_event){.kind = VC_EVENT_REGISTER, .registration = reg});
}

static inline void registers(struct cluster *c, uint32_t a)
{
    if (c->calm)
        sends_card(c, best_card(a));
    else
        random_card(c->sim, a, sends_card, c);
}

/* What it holds, as it tells it. */
static inline size_t list_held(struct cluster *c, uint32_t a, struct vc_held *out)
{
    const struct pile *held = &c->actors[a].held;
    size_t n = 0;
    if (strikes(c, FAULT_LISTS_NOTHING))
        return 0;
    for (size_t i = 0; i < held->len; i++) {
        out[n++] = (struct vc_held){held->items[i].task_id, held->items[i].epoch};
        if (held->items[i].epoch > 1 && strikes(c, FAULT_LISTS_THE_PAST))
            out[n - 1].epoch--;
        remember_said(c, answer_text(c, agent_ids[a], out[n - 1].task_id, out[n - 1].epoch,
                                     VC_ANSWER_ACCEPTED));
    }
    return n;
}

static inline void heartbeats(struct cluster *c, const struct note *note)
{
    uint32_t a = (uint32_t)note->who;
    if (note->life != c->actors[a].life || put_off(c, a, note))
        return;
    struct vc_held *held =
        vc_effects_alloc(&c->w->keep, (c->actors[a].held.len + 1) * sizeof *held);
    size_t n = list_held(c, a, held);
    agent_sends(
        c, a,
        &(struct vc_event){.kind = VC_EVENT_HEARTBEAT,
                           .heartbeat = {.agent_id = agent_ids[a], .held = held, .held_n = n}});
    later(c, HEARTBEAT_MS + between(c, -200, 200), *note);
}

/* -- life and death ---------------------------------------------------------------------------- */

static inline void agent_starts(struct cluster *c, const struct note *note)
{
    struct actor *actor = &c->actors[note->who];
    if (actor->alive)
        return;
    actor->alive = true;
    registers(c, (uint32_t)note->who);
    later(c, between(c, 10, HEARTBEAT_MS),
          (struct note){.happen = heartbeats, .who = note->who, .life = actor->life});
}

static inline void agent_dies(struct cluster *c, uint32_t a)
{
    struct actor *actor = &c->actors[a];
    if (!actor->alive)
        return;
    tell(c, "%s: dead", agent_ids[a]);
    actor->alive = false;
    actor->life++;
    actor->thaws_ms = 0;
    actor->held.len = 0;
    later(c, between(c, 200, 40000), (struct note){.happen = agent_starts, .who = a});
}

/* -- work -------------------------------------------------------------------------------------- */

static inline size_t find_held(const struct cluster *c, struct paper paper)
{
    const struct pile *held = &c->actors[paper.agent].held;
    for (size_t i = 0; i < held->len; i++)
        if (held->items[i].epoch == paper.epoch &&
            strcmp(held->items[i].task_id, paper.task_id) == 0)
            return i;
    return NOBODY;
}

/* Who it comes from, for which attempt and with what outcome makes the record. */
static inline void reports(struct cluster *c, struct paper paper, bool well)
{
    struct vc_reported r = random_report(c->sim, paper);
    if (well)
        r.outcome = VC_OUTCOME_SUCCESS;
    else if (r.outcome == VC_OUTCOME_SUCCESS)
        r.outcome = VC_OUTCOME_FAILURE;
    r.record = keep_text(c, "%s %s#%u %s %u", r.agent_id, r.task_id, r.epoch,
                         vc_outcome_name(r.outcome), (unsigned)luck(c, 2));
    tell(c, "%s", r.record);
    remember_said(c, r.record);
    publish(c, &(struct vc_event){.kind = VC_EVENT_RESULT, .result = r});
}

static inline bool does_well(struct cluster *c, struct paper paper)
{
    const struct world_task *task = world_task(c->w, paper.task_id);
    for (size_t t = 0; task && t < COUNT_OF(types); t++)
        if (strcmp(types[t], task->row.known.task_type) == 0)
            return c->calm || luck(c, 1000) < c->actors[paper.agent].skill[t];
    return c->calm;
}

static inline void finishes(struct cluster *c, const struct note *note)
{
    struct paper paper = note->paper;
    if (note->life != c->actors[paper.agent].life || put_off(c, paper.agent, note))
        return;
    size_t i = find_held(c, paper);
    if (i == NOBODY)
        return;
    pile_take(&c->actors[paper.agent].held, i);
    bool well = does_well(c, paper);
    struct paper past = paper, other = paper;
    past.epoch = one_in(c->sim, 2) && paper.epoch > 1 ? paper.epoch - 1 : paper.epoch + 1000;
    other.agent = (paper.agent + 1) % AGENTS;
    if (strikes(c, FAULT_WRONG_EPOCH))
        reports(c, past, true);
    if (strikes(c, FAULT_OTHERS_TASK))
        reports(c, other, true);
    reports(c, paper, well);
    if (strikes(c, FAULT_TWO_RESULTS))
        reports(c, paper, !well);
}

static inline void takes(struct cluster *c, struct paper paper)
{
    struct actor *actor = &c->actors[paper.agent];
    pile_add(&actor->held, paper);
    if (strikes(c, FAULT_NEVER_ENDS))
        return;
    later(c, between(c, 50, one_in(c->sim, 4) ? 25000 : 4000),
          (struct note){.happen = finishes, .paper = paper, .life = actor->life});
}

static inline void agent_gets(struct cluster *c, const struct note *note)
{
    struct paper paper = note->paper;
    struct actor *actor = &c->actors[paper.agent];
    if (!actor->alive || put_off(c, paper.agent, note))
        return;
    if (find_held(c, paper) != NOBODY) { /* offered again: the work goes on */
        answers(c, paper, VC_ANSWER_ACCEPTED);
        return;
    }
    if (strikes(c, FAULT_DIES_OF_IT)) {
        agent_dies(c, paper.agent);
        return;
    }
    if (strikes(c, FAULT_DECLINES)) {
        answers(c, paper, VC_ANSWER_DECLINED);
        return;
    }
    takes(c, paper);
    if (strikes(c, FAULT_SAYS_NOTHING))
        return;
    if (strikes(c, FAULT_ANSWERS_TWICE))
        answers(c, paper, VC_ANSWER_DECLINED);
    int64_t in_ms = strikes(c, FAULT_ANSWERS_LATE) ? between(c, 4000, 12000) : 0;
    later(c, in_ms, (struct note){.happen = says_yes, .paper = paper, .life = actor->life});
}

static inline void agent_told(struct cluster *c, const struct note *note)
{
    uint32_t a = note->paper.agent;
    if (!c->actors[a].alive || cut_off(c, a) || put_off(c, a, note))
        return;
    if (note->control == VC_CONTROL_REGISTER) {
        registers(c, a);
        return;
    }
    if (!note->paper.task_id)
        return;
    bool taken_away = note->control == VC_CONTROL_STALE || note->control == VC_CONTROL_CANCEL;
    if (taken_away && strikes(c, FAULT_IGNORES_STALE))
        return;
    size_t i = find_held(c, note->paper);
    if (i != NOBODY)
        pile_take(&c->actors[a].held, i);
}

static inline void agents_begin(struct cluster *c)
{
    for (uint32_t a = 0; a < AGENTS; a++) {
        for (size_t t = 0; t < COUNT_OF(types); t++)
            c->actors[a].skill[t] = (uint32_t)luck(c, 1000);
        later(c, between(c, 0, 8000), (struct note){.happen = agent_starts, .who = a});
    }
}

#endif
