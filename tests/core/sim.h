/* sim.h - a fleet at random around a real core, and a model of what the core must do that knows
 * nothing of queues, classes, heaps and leases: it looks at every task and every agent each time.
 */
#ifndef VC_TESTS_CORE_SIM_H
#define VC_TESTS_CORE_SIM_H

#include "coordinator/core_state.h"
#include "tests/core/world.h"
#include "tests/support/random.h"

#include <math.h>
#include <stdlib.h>

#define AGENTS            7
#define PARTS_TOLERANCE   1e-12
#define FORMULA_TOLERANCE 1e-9
#define FORMULA_SAMPLE    8 /* one decision of so many is computed anew from the whole history */

static const char *const agent_ids[AGENTS] = {"ant", "bee", "cat", "dog", "eel", "fox", "gnu"};
static const char *const roles[] = {"maker", "checker"};
static const char *const capabilities[] = {"c", "rust", "sql"};

#define COUNT_OF(a) (sizeof(a) / sizeof *(a))

/* An assignment on its way, in somebody's hands, or done. */
struct paper {
    uint32_t agent;
    const char *task_id;
    uint32_t epoch;
};

struct pile {
    struct paper *items;
    size_t len, cap;
};

struct sim {
    uint64_t seed;
    struct vc_random random;
    struct world *w;
    struct pile mail, running, done;
    int64_t broken_at_ms;     /* since when the link is broken; -1 = it is not */
    int64_t heard_ms[AGENTS]; /* -1 = not since the core started */
    uint32_t in_flight[AGENTS];
    struct vc_map index; /* of agents */
    uint32_t *tried;     /* by task of the store: a bit for each agent that failed it */
    size_t tried_cap;
    struct vc_buf ids, story;
    uint64_t decisions, trials, deadline_stops, steps;
};

static inline uint64_t below(struct sim *sim, uint64_t n)
{
    return random_below(&sim->random, n);
}

static inline bool one_in(struct sim *sim, uint64_t n)
{
    return below(sim, n) == 0;
}

static inline uint32_t index_of(const struct sim *sim, const char *agent_id)
{
    return vc_map_get(&sim->index, agent_id);
}

static inline void pile_add(struct pile *pile, struct paper paper)
{
    VC_GROW(pile->items, pile->len, pile->cap);
    pile->items[pile->len++] = paper;
}

static inline struct paper pile_take(struct pile *pile, size_t i)
{
    struct paper paper = pile->items[i];
    pile->items[i] = pile->items[--pile->len];
    return paper;
}

/* -- the model --------------------------------------------------------------------------------- */

static inline uint32_t *tried_of(struct sim *sim, const struct world_task *task)
{
    return &sim->tried[task - sim->w->tasks];
}

static inline bool lists(const char *const *items, size_t n, const char *wanted)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(items[i], wanted) == 0)
            return true;
    return false;
}

static inline bool wants(const struct vc_submission *s, const struct vc_registration *reg)
{
    if (s->pin_agent_id && strcmp(s->pin_agent_id, reg->agent_id) != 0)
        return false;
    if (lists(s->exclude_agents, s->exclude_agents_n, reg->agent_id))
        return false;
    if (s->role && strcmp(s->role, reg->role) != 0)
        return false;
    for (size_t i = 0; i < s->requires_n; i++)
        if (!lists(reg->capabilities, reg->capabilities_n, s->requires[i]))
            return false;
    return s->budget_micros < 0 || reg->cost_per_1k_micros <= s->budget_micros;
}

/* Whether agent @a could take @task now, had it not failed it before. */
static inline bool could_take(const struct sim *sim, const struct world_task *task, uint32_t a)
{
    const struct world_agent *member = world_agent(sim->w, agent_ids[a]);
    int64_t now = sim->w->mono.ms;
    if (sim->broken_at_ms >= 0)
        return false;
    if (!member || member->removed || member->draining || sim->heard_ms[a] < 0)
        return false;
    if (now - sim->heard_ms[a] > sim->w->conf.interval_ms * VC_SILENT_INTERVALS)
        return false;
    const struct vc_agent *agent = vc_roster_find(vc_core_roster(sim->w->core), agent_ids[a]);
    if (agent->unreachable || agent->paused_until.ms > now)
        return false;
    return wants(&task->row.submission, &member->reg) && sim->in_flight[a] < member->reg.capacity;
}

static inline bool anybody_could_take(const struct sim *sim, const struct world_task *task)
{
    for (uint32_t a = 0; a < AGENTS; a++)
        if (could_take(sim, task, a))
            return true;
    return false;
}

static inline bool stands_before(const struct world_task *a, const struct world_task *b)
{
    uint32_t p = a->row.submission.priority, q = b->row.submission.priority;
    return p != q ? p > q : a->order < b->order;
}

/* -- what a decision must be ------------------------------------------------------------------- */

/* The row once more, from every execution that the store holds. */
static inline void check_formula(struct sim *sim, const struct vc_decision *d,
                                 const struct vc_seen *seen)
{
    const struct world *w = sim->w;
    struct vc_evidence *evidence = vc_xcalloc(w->executions_n + 1, sizeof *evidence);
    size_t n = 0, all = 0;
    double sum = 0;
    for (size_t i = 0; i < w->executions_n; i++) {
        const struct world_execution *x = &w->executions[i];
        if (!x->counted || strcmp(x->agent_id, seen->agent_id) != 0)
            continue;
        all++;
        sum += x->value;
        if (strcmp(x->task_type, d->task_type) == 0)
            evidence[n++] = (struct vc_evidence){x->finished_at, x->task_id, x->epoch, x->value};
    }
    qsort(evidence, n, sizeof *evidence, world_evidence_order);
    struct vc_expertise e = vc_expertise_of(evidence, n, d->at, d->recency);
    uint32_t a = index_of(sim, seen->agent_id);
    double load = (double)sim->in_flight[a] / world_agent(w, seen->agent_id)->reg.capacity;
    assert_true(fabs(seen->expertise - e.expertise) <= FORMULA_TOLERANCE);
    assert_true(fabs(seen->confidence - e.confidence) <= FORMULA_TOLERANCE);
    assert_int_equal(seen->n, e.n);
    assert_true(fabs(seen->load - load) <= FORMULA_TOLERANCE);
    double s = all ? sum / (double)all : 1;
    assert_true(fabs(seen->base - s / (1 + load)) <= FORMULA_TOLERANCE);
    vc_free(evidence);
}

static inline const struct vc_seen *check_rows(struct sim *sim, const struct vc_decision *d)
{
    const struct vc_seen *chosen = NULL;
    assert_true(d->seen_n <= VC_DECISION_CANDIDATES_MAX);
    for (size_t i = 0; i < d->seen_n; i++) {
        const struct vc_seen *row = &d->seen[i];
        double sum = d->weights.load * row->base + d->weights.expertise * row->expertise +
                     d->weights.confidence * row->confidence;
        assert_true(fabs(row->score - sum) <= PARTS_TOLERANCE);
        if (sim->decisions % FORMULA_SAMPLE == 0)
            check_formula(sim, d, row);
        if (row->gate != VC_GATE_NONE) {
            assert_int_equal(row->rank, 0);
            continue;
        }
        assert_int_equal(row->rank, i + 1);
        assert_true(i == 0 || d->seen[i - 1].score >= row->score);
        if (strcmp(row->agent_id, d->chosen) == 0)
            chosen = row;
    }
    assert_non_null(chosen);
    return chosen;
}

static inline void check_decision(struct sim *sim, const struct vc_decision *d)
{
    struct world_task *task = world_task(sim->w, d->task_id);
    uint32_t a = index_of(sim, d->chosen);
    assert_int_equal(task->row.known.state, VC_TASK_QUEUED);
    assert_true(could_take(sim, task, a));
    uint32_t eligible = 0;
    for (uint32_t i = 0; i < AGENTS; i++) {
        bool fresh = could_take(sim, task, i) && !(*tried_of(sim, task) >> i & 1);
        eligible += fresh;
    }
    if (*tried_of(sim, task) >> a & 1)
        assert_int_equal(eligible, 0);
    else
        assert_int_equal(d->funnel.eligible, eligible);
    const struct vc_seen *chosen = check_rows(sim, d);
    if (d->rule != VC_RULE_PROBATION)
        assert_int_equal(chosen->rank, 1);
    for (size_t i = 0; i < sim->w->tasks_n; i++) {
        const struct world_task *other = &sim->w->tasks[i];
        if (other->row.known.state == VC_TASK_QUEUED && stands_before(other, task))
            assert_false(anybody_could_take(sim, other));
    }
    sim->decisions++;
    sim->trials += d->rule == VC_RULE_PROBATION;
    vc_buf_printf(&sim->ids, "%s\n", d->decision_id);
}

/* -- following the effects --------------------------------------------------------------------- */

static inline void follow_move(struct sim *sim, const struct vc_effect *e)
{
    struct world_task *task = world_task(sim->w, e->move.task_id);
    if (task->row.agent_id && e->move.state != VC_TASK_WORKING)
        sim->in_flight[index_of(sim, task->row.agent_id)]--;
    if (e->move.state == VC_TASK_ASSIGNED)
        sim->in_flight[index_of(sim, e->move.agent_id)]++;
    assert_true(e->move.attempt <= e->move.max_attempts);
    sim->deadline_stops += e->move.state == VC_TASK_EXPIRED;
}

static inline void follow_execution(struct sim *sim, const struct vc_effect *e)
{
    const struct world_task *task = world_task(sim->w, e->execution.task_id);
    assert_string_equal(task->row.agent_id, e->execution.agent_id);
    assert_int_equal(task->row.epoch, e->execution.epoch);
    if (e->execution.outcome != VC_OUTCOME_SUCCESS && e->execution.outcome != VC_OUTCOME_DECLINED)
        *tried_of(sim, task) |= 1u << index_of(sim, e->execution.agent_id);
}

static inline void make_room(struct sim *sim)
{
    while (sim->tried_cap <= sim->w->tasks_n) {
        size_t cap = sim->tried_cap ? sim->tried_cap * 2 : 64;
        sim->tried = vc_xrealloc(sim->tried, cap, sizeof *sim->tried);
        memset(sim->tried + sim->tried_cap, 0, (cap - sim->tried_cap) * sizeof *sim->tried);
        sim->tried_cap = cap;
    }
}

/* Hold an effect to the model, before the store has it. */
static inline void follow(struct sim *sim, const struct vc_effect *e)
{
    make_room(sim);
    if (e->kind == VC_EFFECT_PUT_DECISION)
        check_decision(sim, e->decision);
    if (e->kind == VC_EFFECT_MOVE_TASK)
        follow_move(sim, e);
    if (e->kind == VC_EFFECT_PUT_EXECUTION)
        follow_execution(sim, e);
}

static inline void watch(void *self, const struct vc_effect *e)
{
    struct sim *sim = self;
    follow(sim, e);
    if (e->kind == VC_EFFECT_ASSIGN)
        pile_add(&sim->mail,
                 (struct paper){index_of(sim, e->assign.agent_id),
                                world_keep(sim->w, e->assign.task_id), e->assign.epoch});
}

/* -- what holds after every step --------------------------------------------------------------- */

static inline void check_agents(const struct sim *sim)
{
    const struct vc_roster *roster = vc_core_roster(sim->w->core);
    for (size_t i = 0; i < roster->len; i++) {
        const struct vc_agent *agent = roster->agents[i];
        uint32_t leases = 0;
        for (const struct vc_task *t = agent->leases; t; t = t->lease_next, leases++) {
            assert_int_equal(t->agent, agent->index);
            assert_true(t->state == VC_TASK_ASSIGNED || t->state == VC_TASK_WORKING);
        }
        assert_int_equal(agent->in_flight, leases);
        assert_int_equal(sim->in_flight[index_of(sim, agent->agent_id)], leases);
    }
}

static inline void check_task(const struct sim *sim, const struct world_task *stored)
{
    const struct vc_task *task = vc_core_task(sim->w->core, stored->row.submission.task_id);
    assert_int_equal(task != NULL, !vc_task_state_final(stored->row.known.state));
    if (!task)
        return;
    assert_int_equal(task->state, stored->row.known.state);
    assert_int_equal(task->epoch, stored->row.epoch);
    assert_int_equal(task->attempt, stored->row.attempt);
    assert_int_equal(task->state == VC_TASK_QUEUED, task->cls != NULL);
    assert_int_equal(task->state == VC_TASK_QUEUED, task->agent == VC_NO_AGENT);
    assert_int_equal(task->state == VC_TASK_ASSIGNED, task->answer_by.ms != INT64_MAX);
    assert_int_equal(task->state == VC_TASK_QUEUED, task->lease_until.ms == INT64_MAX);
    assert_int_equal(vc_task_due(task).ms == INT64_MAX, task->timer == SIZE_MAX);
    if (sim->broken_at_ms < 0)
        assert_true(vc_task_due(task).ms > sim->w->mono.ms);
    if (task->state == VC_TASK_QUEUED)
        assert_false(anybody_could_take(sim, stored));
}

static inline void check_world(struct sim *sim)
{
    const struct world *w = sim->w;
    uint64_t counts[VC_TASK_STATE_COUNT] = {0}, open = 0;
    for (size_t i = 0; i < w->tasks_n; i++) {
        counts[w->tasks[i].row.known.state]++;
        open += !vc_task_state_final(w->tasks[i].row.known.state);
        check_task(sim, &w->tasks[i]);
    }
    struct vc_core_stats stats = vc_core_stats(w->core, w->mono);
    for (int i = 0; i < VC_TASK_STATE_COUNT; i++)
        assert_int_equal(stats.tasks[i], counts[i]);
    assert_int_equal(stats.open_tasks, open);
    assert_int_equal(stats.queued, counts[VC_TASK_QUEUED]);
    assert_true(vc_core_due(w->core).ms > w->mono.ms);
    check_agents(sim);
}

static inline void keep_story(struct sim *sim)
{
    if (sim->w->said.len > 0)
        vc_buf_puts(&sim->story, sim->w->said.text);
    vc_buf_reset(&sim->w->said);
}

#endif
