#include "base/check.h"
#include "base/mem.h"
#include "coordinator/core_state.h"
#include "scoring/explain.h"

#include <stdlib.h>
#include <string.h>

/* -- the gates ------------------------------------------------------------------------------- */

static bool wants_agent(const struct vc_wants *w, const struct vc_agent *agent)
{
    if (w->pin_agent_id && strcmp(w->pin_agent_id, agent->agent_id) != 0)
        return false;
    for (size_t i = 0; i < w->exclude_agents_n; i++)
        if (strcmp(w->exclude_agents[i], agent->agent_id) == 0)
            return false;
    return true;
}

static bool wants_role(const struct vc_wants *w, const struct vc_agent *agent)
{
    return !w->role || (agent->role && strcmp(w->role, agent->role) == 0);
}

static bool wants_capabilities(const struct vc_wants *w, const struct vc_agent *agent)
{
    for (size_t i = 0; i < w->requires_n; i++)
        if (!vc_agent_has_capability(agent, w->requires[i]))
            return false;
    return true;
}

/* What one thousand tokens of the agent cost is all that it says of its price: when that alone
 * exceeds the budget, no task of it can fit. */
static bool fits_budget(const struct vc_wants *w, const struct vc_agent *agent)
{
    return w->budget_micros < 0 || agent->cost_per_1k_micros <= w->budget_micros;
}

/* The first gate that the agent does not pass, in the order of gate.def. An agent that declined a
 * moment ago counts as full: it said so itself. */
static enum vc_gate gate_of(const struct vc_core *core, const struct vc_task *task,
                            const struct vc_agent *agent, struct vc_mono mono)
{
    enum vc_agent_state state = vc_agent_state_of(agent, mono, vc_core_silence_ms(core));
    if (state != VC_AGENT_ALIVE)
        return state == VC_AGENT_OFFLINE ? VC_GATE_NOT_ALIVE : VC_GATE_DRAINING;
    if (task && !wants_agent(&task->wants, agent))
        return VC_GATE_EXCLUDED;
    if (task && !wants_role(&task->wants, agent))
        return VC_GATE_WRONG_ROLE;
    if (task && !wants_capabilities(&task->wants, agent))
        return VC_GATE_MISSING_CAPABILITY;
    if (task && !fits_budget(&task->wants, agent))
        return VC_GATE_OVER_BUDGET;
    if (agent->in_flight >= agent->capacity || agent->paused_until.ms > mono.ms)
        return VC_GATE_FULL;
    if (task && vc_task_was_tried(task, agent->index))
        return VC_GATE_TRIED;
    return VC_GATE_NONE;
}

/* -- the survey ------------------------------------------------------------------------------ */

static struct vc_candidate candidate_of(struct vc_core *core, const struct vc_agent *agent,
                                        uint32_t type, struct vc_wall wall)
{
    struct vc_expertise e = vc_profile_expertise(core->profiles, agent->index, type, wall);
    struct vc_agent_record record = vc_profile_record_of(core->profiles, agent->index);
    return (struct vc_candidate){
        .agent = agent->index,
        .agent_id = agent->agent_id,
        .in_flight = agent->in_flight,
        .capacity = agent->capacity,
        .agent_success_rate = record.n ? record.value_sum / (double)record.n : 1.0,
        .expertise = e.expertise,
        .confidence = e.confidence,
        .success_rate = e.success_rate,
        .recent_success_rate = e.recent_success_rate,
        .n = e.n,
        .recent_n = e.recent_n,
        .idle_since = agent->idle_since,
    };
}

/* Tasks of the type that the agent holds will be executions soon: a cell must not get a fourth
 * trial because the first three have not come back. */
static struct vc_trial trial_of(const struct vc_core *core, const struct vc_agent *agent,
                                uint32_t type, struct vc_wall wall)
{
    struct vc_wall since = {wall.ms - core->conf.probation.return_ms};
    struct vc_agent_record record = vc_profile_record_of(core->profiles, agent->index);
    uint32_t held = 0;
    for (const struct vc_task *t = agent->leases; t; t = t->lease_next)
        held += t->type == type;
    return (struct vc_trial){
        .done = vc_profile_count_since(core->profiles, agent->index, type, since) + held,
        .other_n = record.n,
        .other_value_sum = record.value_sum,
    };
}

static void reserve(struct vc_scratch *scratch, size_t n)
{
    if (scratch->cap >= n)
        return;
    scratch->cap = n * 2;
    scratch->candidates =
        vc_xrealloc(scratch->candidates, scratch->cap, sizeof *scratch->candidates);
    scratch->trials = vc_xrealloc(scratch->trials, scratch->cap, sizeof *scratch->trials);
    scratch->scores = vc_xrealloc(scratch->scores, scratch->cap, sizeof *scratch->scores);
    scratch->gates = vc_xrealloc(scratch->gates, scratch->cap, sizeof *scratch->gates);
}

static void enter(struct vc_core *core, const struct vc_agent *agent, uint32_t type,
                  struct vc_wall wall)
{
    struct vc_scratch *scratch = &core->scratch;
    scratch->candidates[scratch->n] = candidate_of(core, agent, type, wall);
    scratch->trials[scratch->n] = trial_of(core, agent, type, wall);
    scratch->n++;
}

void vc_core_survey(struct vc_core *core, const struct vc_task *task, uint32_t type,
                    struct vc_mono mono, struct vc_wall wall)
{
    struct vc_scratch *scratch = &core->scratch;
    struct vc_funnel *funnel = &scratch->funnel;
    reserve(scratch, core->roster.len);
    scratch->n = 0;
    *funnel = (struct vc_funnel){0};
    for (size_t i = 0; i < core->roster.len; i++) {
        const struct vc_agent *agent = core->roster.agents[i];
        enum vc_gate gate = gate_of(core, task, agent, mono);
        scratch->gates[i] = gate;
        funnel->registered += !agent->removed;
        funnel->gated[gate] += !agent->removed;
        if (gate == VC_GATE_NONE)
            enter(core, agent, type, wall);
    }
    /* Having failed the task keeps an agent from it only while somebody else could take it. */
    if (scratch->n == 0 && funnel->gated[VC_GATE_TRIED] > 0) {
        for (size_t i = 0; i < core->roster.len; i++) {
            if (scratch->gates[i] != VC_GATE_TRIED)
                continue;
            scratch->gates[i] = VC_GATE_NONE;
            enter(core, core->roster.agents[i], type, wall);
        }
        funnel->gated[VC_GATE_TRIED] = 0;
    }
    funnel->eligible = (uint32_t)scratch->n;
    funnel->gated[VC_GATE_NONE] = 0;
    vc_rank_agents(scratch->candidates, scratch->n, core->conf.weights, core->conf.base,
                   scratch->scores);
}

/* -- the record ------------------------------------------------------------------------------ */

static struct vc_seen seen_of(const struct vc_score *score, enum vc_gate gate, uint32_t rank)
{
    const struct vc_candidate *c = score->candidate;
    return (struct vc_seen){
        .agent_id = c->agent_id,
        .gate = gate,
        .load = score->load,
        .base = score->base,
        .expertise = score->expertise,
        .confidence = score->confidence,
        .score = score->total,
        .success_rate = c->success_rate,
        .recent_success_rate = c->recent_success_rate,
        .n = c->n,
        .recent_n = c->recent_n,
        .rank = rank,
    };
}

static int by_score(const void *a, const void *b)
{
    const struct vc_seen *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return strcmp(x->agent_id, y->agent_id);
}

struct vc_seen *vc_core_seen(struct vc_core *core, uint32_t type, struct vc_wall wall,
                             struct vc_effects *fx, size_t max, size_t *n)
{
    struct vc_scratch *scratch = &core->scratch;
    VC_CHECK(scratch->n == 0 || scratch->scores != NULL);
    size_t all = core->scratch.funnel.registered;
    size_t room = all < max ? all : max;
    struct vc_seen *seen = vc_effects_alloc(fx, (room ? room : 1) * sizeof *seen);
    size_t len = 0;
    for (size_t i = 0; i < scratch->n && len < room; i++, len++)
        seen[len] = seen_of(&scratch->scores[i], VC_GATE_NONE, (uint32_t)i + 1);
    size_t ranked = len;
    for (size_t i = 0; i < core->roster.len && len < room; i++) {
        const struct vc_agent *agent = core->roster.agents[i];
        if (scratch->gates[i] == VC_GATE_NONE || agent->removed)
            continue;
        struct vc_candidate c = candidate_of(core, agent, type, wall);
        struct vc_score score = vc_score_of(&c, core->conf.weights, core->conf.base);
        seen[len++] = seen_of(&score, scratch->gates[i], 0);
    }
    qsort(seen + ranked, len - ranked, sizeof *seen, by_score);
    for (size_t i = 0; i < len; i++)
        seen[i].agent_id = vc_effects_copy(fx, seen[i].agent_id);
    *n = len;
    return seen;
}

/* A trial may go to somebody far down the ranking; the record must show the one who got it. */
static void show_chosen(struct vc_decision *d, const struct vc_score *scores,
                        const struct vc_score *chosen, struct vc_effects *fx)
{
    for (size_t i = 0; i < d->seen_n; i++)
        if (strcmp(d->seen[i].agent_id, chosen->candidate->agent_id) == 0)
            return;
    struct vc_seen *last = &d->seen[d->seen_n - 1];
    *last = seen_of(chosen, VC_GATE_NONE, (uint32_t)(chosen - scores) + 1);
    last->agent_id = vc_effects_copy(fx, last->agent_id);
}

static struct vc_decision *record(struct vc_step *s, const struct vc_task *task,
                                  const struct vc_choice *choice)
{
    struct vc_core *core = s->core;
    const struct vc_scratch *scratch = &core->scratch;
    const struct vc_score *runner_up = NULL;
    if (scratch->n > 1)
        runner_up =
            choice->chosen == &scratch->scores[0] ? &scratch->scores[1] : &scratch->scores[0];
    struct vc_decision *d = vc_effects_alloc(s->fx, sizeof *d);
    *d = (struct vc_decision){
        .task_id = task->task_id,
        .epoch = task->epoch,
        .attempt = task->attempt,
        .at = s->wall,
        .task_type = core->types[task->type].name,
        .type_method = task->type_method,
        .type_confidence = task->type_confidence,
        .type_rule = task->type_rule,
        .weights = core->conf.weights,
        .base = core->conf.base,
        .recency = core->conf.recency,
        .strict = !core->conf.probation.on,
        .rule = choice->rule,
        .chosen = vc_effects_copy(s->fx, choice->chosen->candidate->agent_id),
        .funnel = scratch->funnel,
    };
    memcpy(d->decision_id, task->decision_id, sizeof d->decision_id);
    if (runner_up && choice->rule != VC_RULE_PROBATION) {
        const char *by = vc_score_tie_break(choice->chosen, runner_up);
        d->tie_break = strcmp(by, "score") == 0 ? NULL : by;
    }
    d->seen =
        vc_core_seen(core, task->type, s->wall, s->fx, VC_DECISION_CANDIDATES_MAX, &d->seen_n);
    show_chosen(d, scratch->scores, choice->chosen, s->fx);
    struct vc_buf sentence = {0};
    vc_explain_choice(choice, runner_up, &sentence);
    if (sentence.len > 0) /* it ends its line; a member of a record does not */
        sentence.text[--sentence.len] = '\0';
    d->sentence = vc_effects_copy(s->fx, vc_buf_text(&sentence));
    vc_buf_fini(&sentence);
    return d;
}

/* -- the assignment -------------------------------------------------------------------------- */

void vc_core_offer(struct vc_step *s, struct vc_task *task)
{
    task->answer_by.ms = s->mono.ms + s->core->conf.answer_ms;
    vc_heap_set(&s->core->timers, task);
    struct vc_effect *e = vc_effects_add(s->fx, VC_EFFECT_ASSIGN);
    e->assign.agent_id = s->core->roster.agents[task->agent]->agent_id;
    e->assign.task_id = task->task_id;
    e->assign.spec = task->spec;
    e->assign.task_type = s->core->types[task->type].name;
    e->assign.decision_id = vc_effects_copy(s->fx, task->decision_id);
    e->assign.epoch = task->epoch;
    e->assign.attempt = task->attempt;
}

static struct vc_choice choose(struct vc_step *s, const struct vc_task *task)
{
    struct vc_core *core = s->core;
    const struct vc_type *type = &core->types[task->type];
    struct vc_choice_context context = {
        .priority = task->priority,
        .deadline_in_ms = task->deadline.ms == INT64_MAX ? -1 : task->deadline.ms - s->mono.ms,
        .type_decisions = type->decisions,
        .type_trials = type->trials,
        .pinned = task->wants.pin_agent_id != NULL,
    };
    return vc_choose(core->scratch.scores, core->scratch.candidates, core->scratch.trials,
                     core->scratch.n, &core->conf.probation, &context);
}

static void count_decision(struct vc_step *s, const struct vc_task *task, enum vc_rule rule)
{
    struct vc_type *type = &s->core->types[task->type];
    bool trial = rule == VC_RULE_PROBATION;
    type->decisions++;
    type->trials += trial;
    struct vc_effect *e = vc_effects_add(s->fx, VC_EFFECT_COUNT_DECISION);
    e->count.task_type = type->name;
    e->count.trial = trial;
}

/* Give the task to the best candidate. False when there is none. */
static bool assign(struct vc_step *s, struct vc_task *task)
{
    struct vc_core *core = s->core;
    vc_core_survey(core, task, task->type, s->mono, s->wall);
    if (core->scratch.n == 0)
        return false;
    struct vc_choice choice = choose(s, task);
    struct vc_agent *agent = core->roster.agents[choice.chosen->candidate->agent];
    task->epoch++;
    task->attempt++;
    vc_core_uuid(s, task->decision_id);
    vc_effects_add(s->fx, VC_EFFECT_PUT_DECISION);
    size_t at = s->fx->len - 1;
    struct vc_decision *decision = record(s, task, &choice);
    s->fx->items[at].decision = decision;
    count_decision(s, task, choice.rule);
    vc_queue_remove(&core->queue, task);
    vc_agent_lease(agent, task, s->mono);
    task->assigned_at = s->wall;
    task->lease_until.ms = s->mono.ms + core->conf.lease_ms;
    vc_core_move(s, task, VC_TASK_ASSIGNED, agent->agent_id, NULL);
    vc_core_offer(s, task);
    return true;
}

void vc_core_dispatch(struct vc_step *s)
{
    struct vc_task *task;
    if (s->core->suspended)
        return;
    while ((task = vc_queue_next(&s->core->queue)) != NULL)
        if (!assign(s, task))
            vc_queue_rest(&s->core->queue, task);
}
