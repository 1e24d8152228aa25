/* world.h - a small world around a real core: a clock that stands until it is moved, a store that
 * remembers what the effects said, and the words of all that happened.
 *
 * It does what the shell does, in memory: it looks up what the store knows before an event, takes
 * the effects in their order, and settles. On the way it holds every effect to what a database
 * would refuse: a second task of one id, a second execution of one (task, epoch), a move from a
 * state in which the task is not. */
#ifndef VC_TESTS_CORE_WORLD_H
#define VC_TESTS_CORE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "coordinator/core.h"
#include "coordinator/transcript.h"

#define WORLD_START_MONO_MS INT64_C(1000000)       /* nothing may lean on clocks that begin at 0 */
#define WORLD_START_WALL_MS INT64_C(1790000000000) /* in September 2026 */

struct world_task {
    struct vc_stored_task row;
    struct vc_wall ended_at;
    uint64_t order;   /* of acceptance, or of the last retry */
    uint32_t wins;    /* executions that won it */
    uint32_t offered; /* the epoch that was last assigned */
};

struct world_execution {
    const char *task_id, *agent_id, *task_type;
    uint32_t epoch;
    bool counted, winning, failed;
    double value;
    struct vc_wall finished_at;
    const char *record; /* NULL: the core closed it */
};

struct world_agent {
    struct vc_registration reg;
    bool draining, removed;
    struct vc_wall registered_at;
};

struct world_type {
    const char *name;
    uint64_t decisions, trials;
};

/* The store as it was when the transaction began. */
struct world_saved {
    struct world_task *tasks;
    struct world_agent *agents;
    struct world_type *types;
    size_t tasks_n, executions_n, agents_n, types_n;
    uint64_t next_order;
};

struct world {
    struct vc_core *core;
    struct vc_core_conf conf;
    struct vc_effects fx, keep; /* of the step; of the world's whole life */
    struct vc_mono mono;
    struct vc_wall wall;
    struct world_task *tasks;
    size_t tasks_n, tasks_cap;
    struct vc_map task_by_id;
    struct world_execution *executions;
    size_t executions_n, executions_cap;
    struct vc_map execution_by_key;
    struct world_agent *agents;
    size_t agents_n, agents_cap;
    struct world_type *types;
    size_t types_n, types_cap;
    struct vc_buf said;       /* the transcript; the reader resets it */
    struct vc_buf batch_said; /* of the effects that are not settled yet */
    size_t taken;             /* effects that the store has; the others come with the next step */
    bool batch;               /* hold the effects back until world_settle, as a group commit does */
    uint64_t next_order;
    struct world_saved saved;                                  /* of world_begin; empty outside */
    void (*watch)(void *self, const struct vc_effect *effect); /* before the store has it */
    void *self;
};

static inline struct world *world_create(const struct vc_core_conf *conf)
{
    struct world *w = vc_xcalloc(1, sizeof *w);
    w->conf = *conf;
    w->mono.ms = WORLD_START_MONO_MS;
    w->wall.ms = WORLD_START_WALL_MS;
    w->core = vc_core_create(conf);
    return w;
}

/* What happened since world_begin stays. */
static inline void world_commit(struct world *w)
{
    vc_free(w->saved.tasks);
    vc_free(w->saved.agents);
    vc_free(w->saved.types);
    w->saved = (struct world_saved){0};
}

static inline void world_destroy(struct world **world)
{
    struct world *w = *world;
    vc_core_destroy(&w->core);
    world_commit(w);
    vc_map_fini(&w->task_by_id);
    vc_map_fini(&w->execution_by_key);
    vc_free(w->tasks);
    vc_free(w->executions);
    vc_free(w->agents);
    vc_free(w->types);
    vc_buf_fini(&w->said);
    vc_buf_fini(&w->batch_said);
    vc_effects_fini(&w->fx);
    vc_effects_fini(&w->keep);
    vc_free(w);
    *world = NULL;
}

static inline const char *world_keep(struct world *w, const char *text)
{
    return vc_effects_copy(&w->keep, text);
}

static inline const char *const *world_keep_list(struct world *w, const char *const *items,
                                                 size_t n)
{
    const char **copy = vc_effects_alloc(&w->keep, (n + 1) * sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = world_keep(w, items[i]);
    return copy;
}

/* -- the store --------------------------------------------------------------------------------- */

static inline struct world_task *world_task(const struct world *w, const char *task_id)
{
    uint32_t i = vc_map_get(&w->task_by_id, task_id);
    return i == VC_MAP_NONE ? NULL : &w->tasks[i];
}

static inline struct world_agent *world_agent(const struct world *w, const char *agent_id)
{
    for (size_t i = 0; i < w->agents_n; i++)
        if (strcmp(w->agents[i].reg.agent_id, agent_id) == 0)
            return &w->agents[i];
    return NULL;
}

static inline struct world_type *world_type(struct world *w, const char *name)
{
    for (size_t i = 0; i < w->types_n; i++)
        if (strcmp(w->types[i].name, name) == 0)
            return &w->types[i];
    VC_GROW(w->types, w->types_n, w->types_cap);
    w->types[w->types_n] = (struct world_type){.name = world_keep(w, name)};
    return &w->types[w->types_n++];
}

static inline const char *world_key(struct world *w, const char *task_id, uint32_t epoch)
{
    struct vc_buf key = {0};
    vc_buf_printf(&key, "%s#%u", task_id, epoch);
    const char *kept = world_keep(w, key.text);
    vc_buf_fini(&key);
    return kept;
}

static inline const struct world_execution *world_execution(struct world *w, const char *task_id,
                                                            uint32_t epoch)
{
    uint32_t i = vc_map_get(&w->execution_by_key, world_key(w, task_id, epoch));
    return i == VC_MAP_NONE ? NULL : &w->executions[i];
}

static inline struct vc_submission world_keep_submission(struct world *w,
                                                         const struct vc_submission *s)
{
    struct vc_submission copy = *s;
    copy.task_id = world_keep(w, s->task_id);
    copy.title = world_keep(w, s->title);
    copy.description = world_keep(w, s->description);
    copy.task_type = world_keep(w, s->task_type);
    copy.role = world_keep(w, s->role);
    copy.pin_agent_id = world_keep(w, s->pin_agent_id);
    copy.requires = world_keep_list(w, s->requires, s->requires_n);
    copy.exclude_agents = world_keep_list(w, s->exclude_agents, s->exclude_agents_n);
    copy.spec = world_keep(w, s->spec);
    return copy;
}

static inline void world_put_task(struct world *w, const struct vc_effect *e)
{
    assert_null(world_task(w, e->task.submission->task_id));
    VC_GROW(w->tasks, w->tasks_n, w->tasks_cap);
    struct world_task *task = &w->tasks[w->tasks_n];
    *task = (struct world_task){
        .row = {.submission = world_keep_submission(w, e->task.submission),
                .known = {.exists = true,
                          .state = e->task.state,
                          .task_type = world_keep(w, e->task.task_type),
                          .type_method = e->task.type_method,
                          .type_confidence = e->task.type_confidence},
                .type_rule = world_keep(w, e->task.type_rule),
                .max_attempts = e->task.submission->max_attempts},
        .order = w->next_order++,
    };
    vc_map_put(&w->task_by_id, task->row.submission.task_id, (uint32_t)w->tasks_n++);
}

static inline void world_move_task(struct world *w, const struct vc_effect *e)
{
    struct world_task *task = world_task(w, e->move.task_id);
    assert_non_null(task);
    assert_int_equal(task->row.known.state, e->move.from);
    assert_true(vc_task_move_ok(e->move.from, e->move.state));
    bool held = e->move.state == VC_TASK_ASSIGNED || e->move.state == VC_TASK_WORKING;
    if (e->move.state == VC_TASK_ASSIGNED)
        assert_true(e->move.epoch > task->row.epoch);
    else
        assert_int_equal(e->move.epoch, task->row.epoch);
    if (vc_task_state_final(e->move.from))
        task->order = w->next_order++;
    task->row.known.state = e->move.state;
    task->row.epoch = e->move.epoch;
    task->row.attempt = e->move.attempt;
    task->row.max_attempts = e->move.max_attempts;
    task->row.agent_id = held ? world_keep(w, e->move.agent_id) : NULL;
    task->row.decision_id = world_keep(w, e->move.decision_id);
    task->row.assigned_at = e->move.at;
}

static inline void world_put_execution(struct world *w, const struct vc_effect *e)
{
    struct world_task *task = world_task(w, e->execution.task_id);
    assert_non_null(task);
    assert_null(world_execution(w, e->execution.task_id, e->execution.epoch));
    task->wins += e->execution.winning;
    assert_true(task->wins <= 1);
    VC_GROW(w->executions, w->executions_n, w->executions_cap);
    w->executions[w->executions_n] = (struct world_execution){
        .task_id = task->row.submission.task_id,
        .agent_id = world_keep(w, e->execution.agent_id),
        .task_type = world_keep(w, e->execution.task_type),
        .epoch = e->execution.epoch,
        .counted = e->execution.counted,
        .winning = e->execution.winning,
        .failed = e->execution.outcome != VC_OUTCOME_SUCCESS &&
                  e->execution.outcome != VC_OUTCOME_DECLINED,
        .value = e->execution.value,
        .finished_at = e->execution.finished_at,
        .record = world_keep(w, e->execution.record),
    };
    vc_map_put(&w->execution_by_key, world_key(w, e->execution.task_id, e->execution.epoch),
               (uint32_t)w->executions_n++);
}

/* The card as it was registered; the effect changes what the coordinator decides about it. */
static inline void world_put_agent(struct world *w, const struct vc_effect *e)
{
    struct world_agent *agent = world_agent(w, e->agent.agent_id);
    assert_non_null(agent);
    agent->reg.capacity = e->agent.capacity;
    agent->draining = e->agent.draining;
    agent->removed = e->agent.removed;
    agent->registered_at = e->agent.registered_at;
}

static inline void world_count(struct world *w, const struct vc_effect *e)
{
    struct world_type *type = world_type(w, e->count.task_type);
    type->decisions++;
    type->trials += e->count.trial;
}

static inline void world_store(struct world *w, const struct vc_effect *e)
{
    static void (*const on[])(struct world *, const struct vc_effect *) = {
        [VC_EFFECT_PUT_AGENT] = world_put_agent,  [VC_EFFECT_PUT_TASK] = world_put_task,
        [VC_EFFECT_MOVE_TASK] = world_move_task,  [VC_EFFECT_PUT_EXECUTION] = world_put_execution,
        [VC_EFFECT_COUNT_DECISION] = world_count, [VC_EFFECT_REPLY] = NULL,
    };
    if (on[e->kind])
        on[e->kind](w, e);
}

/* The transcript, and texts that it leaves out. */
static inline void world_read_all(const struct vc_effect *e, struct vc_buf *out)
{
    vc_transcript(e, out);
    if (e->kind == VC_EFFECT_PUT_AGENT)
        vc_buf_printf(out, "%s %s", e->agent.card, e->agent.role ? e->agent.role : "-");
    if (e->kind == VC_EFFECT_MOVE_TASK)
        vc_buf_printf(out, "%s %s", e->move.task_type,
                      e->move.decision_id ? e->move.decision_id : "-");
    if (e->kind == VC_EFFECT_PUT_EXECUTION)
        vc_buf_printf(out, "%s %s %s", e->execution.task_type, e->execution.decision_id,
                      e->execution.record ? e->execution.record : "-");
    if (e->kind == VC_EFFECT_PUT_LATE)
        vc_buf_puts(out, e->late.record);
    if (e->kind == VC_EFFECT_PUT_DECISION)
        vc_buf_puts(out, e->decision->sentence);
    if (e->kind == VC_EFFECT_ASSIGN)
        vc_buf_printf(out, "%s %s", e->assign.spec, e->assign.decision_id);
    if (e->kind == VC_EFFECT_DEAD)
        vc_buf_printf(out, "%s %s", e->dead.text, e->dead.body);
}

/* The batch is over. Every effect must still say what it said when it came. */
static inline void world_settle(struct world *w)
{
    VC_AUTO_BUF struct vc_buf again = {0};
    for (size_t i = 0; i < w->fx.len; i++)
        world_read_all(&w->fx.items[i], &again);
    assert_string_equal(vc_buf_text(&again), vc_buf_text(&w->batch_said));
    vc_buf_reset(&w->batch_said);
    vc_core_settle(w->core);
    vc_effects_reset(&w->fx);
    w->taken = 0;
}

/* Take the effects of a step in their order. */
static inline void world_take(struct world *w)
{
    VC_AUTO_BUF struct vc_buf said = {0};
    for (; w->taken < w->fx.len; w->taken++) {
        const struct vc_effect *e = &w->fx.items[w->taken];
        if (w->watch)
            w->watch(w->self, e);
        world_store(w, e);
        vc_transcript(e, &said);
        world_read_all(e, &w->batch_said);
    }
    vc_buf_puts(&w->said, vc_buf_text(&said));
    if (!w->batch)
        world_settle(w);
}

/* -- a transaction of many steps ----------------------------------------------------------------
 */

static inline void *world_copy_of(const void *items, size_t n, size_t size)
{
    void *copy = vc_xcalloc(n + 1, size);
    if (n > 0)
        memcpy(copy, items, n * size);
    return copy;
}

static inline void world_begin(struct world *w)
{
    w->saved = (struct world_saved){
        .tasks = world_copy_of(w->tasks, w->tasks_n, sizeof *w->tasks),
        .agents = world_copy_of(w->agents, w->agents_n, sizeof *w->agents),
        .types = world_copy_of(w->types, w->types_n, sizeof *w->types),
        .tasks_n = w->tasks_n,
        .executions_n = w->executions_n,
        .agents_n = w->agents_n,
        .types_n = w->types_n,
        .next_order = w->next_order,
    };
}

static inline void world_put_back(void *items, const void *saved, size_t n, size_t size)
{
    if (n > 0)
        memcpy(items, saved, n * size);
}

/* The store is again as it was at world_begin; the core is not, and must go. */
static inline void world_roll_back(struct world *w)
{
    const struct world_saved *s = &w->saved;
    for (size_t i = s->tasks_n; i < w->tasks_n; i++)
        vc_map_del(&w->task_by_id, w->tasks[i].row.submission.task_id);
    for (size_t i = s->executions_n; i < w->executions_n; i++)
        vc_map_del(&w->execution_by_key,
                   world_key(w, w->executions[i].task_id, w->executions[i].epoch));
    world_put_back(w->tasks, s->tasks, s->tasks_n, sizeof *w->tasks);
    world_put_back(w->agents, s->agents, s->agents_n, sizeof *w->agents);
    world_put_back(w->types, s->types, s->types_n, sizeof *w->types);
    w->tasks_n = s->tasks_n;
    w->executions_n = s->executions_n;
    w->agents_n = s->agents_n;
    w->types_n = s->types_n;
    w->next_order = s->next_order;
    world_commit(w);
}

/* -- events ------------------------------------------------------------------------------------ */

static inline struct vc_known_task world_known(const struct world *w, const char *task_id,
                                               const char *spec)
{
    const struct world_task *task = world_task(w, task_id);
    if (!task)
        return (struct vc_known_task){0};
    struct vc_known_task known = task->row.known;
    known.same_body = spec && strcmp(spec, task->row.submission.spec) == 0;
    return known;
}

static inline void world_look_up_submission(struct world *w, struct vc_event *event)
{
    struct vc_submission *kept = vc_effects_alloc(&w->keep, sizeof *kept);
    *kept = world_keep_submission(w, event->submit.submission);
    event->submit.submission = kept;
    event->submit.known = world_known(w, kept->task_id, kept->spec);
}

static inline void world_look_up_result(struct world *w, struct vc_reported *r)
{
    const struct world_execution *x = world_execution(w, r->task_id, r->epoch);
    r->task_known = world_task(w, r->task_id) != NULL;
    r->prior = VC_PRIOR_NONE;
    if (x && (!x->record || strcmp(x->agent_id, r->agent_id) != 0))
        r->prior = VC_PRIOR_OURS;
    else if (x)
        r->prior = strcmp(x->record, r->record) == 0 ? VC_PRIOR_REPORTED : VC_PRIOR_REPORTED_ELSE;
}

/* The agents that failed the task, as the shell finds them. */
static inline void world_look_up_tried(struct world *w, struct vc_stored_task *row)
{
    const char **tried = NULL;
    size_t n = 0, cap = 0;
    for (size_t i = 0; i < w->executions_n; i++) {
        if (!w->executions[i].failed ||
            strcmp(w->executions[i].task_id, row->submission.task_id) != 0)
            continue;
        VC_GROW(tried, n, cap);
        tried[n++] = w->executions[i].agent_id;
    }
    row->tried = world_keep_list(w, tried, n);
    row->tried_n = n;
    vc_free(tried);
}

static inline void world_remember_agent(struct world *w, const struct vc_registration *reg)
{
    struct world_agent *agent = world_agent(w, reg->agent_id);
    if (!agent) {
        VC_GROW(w->agents, w->agents_n, w->agents_cap);
        agent = &w->agents[w->agents_n++];
        *agent = (struct world_agent){0};
    }
    agent->reg = *reg;
    agent->reg.agent_id = world_keep(w, reg->agent_id);
    agent->reg.card = world_keep(w, reg->card);
    agent->reg.role = world_keep(w, reg->role);
    agent->reg.capabilities = world_keep_list(w, reg->capabilities, reg->capabilities_n);
}

/* Step with @event at the world's present time, with what the store knows filled in. */
static inline void world_step(struct world *w, struct vc_event event)
{
    event.mono = w->mono;
    event.wall = w->wall;
    if (event.kind == VC_EVENT_SUBMIT)
        world_look_up_submission(w, &event);
    if (event.kind == VC_EVENT_CANCEL)
        event.cancel.known = world_known(w, event.cancel.task_id, NULL);
    struct world_task *retried =
        event.kind == VC_EVENT_RETRY ? world_task(w, event.retry.task_id) : NULL;
    if (retried) {
        world_look_up_tried(w, &retried->row);
        event.retry.stored = &retried->row;
    }
    if (event.kind == VC_EVENT_RESULT)
        world_look_up_result(w, &event.result);
    if (event.kind == VC_EVENT_REGISTER)
        world_remember_agent(w, &event.registration);
    vc_core_step(w->core, &event, &w->fx);
    world_take(w);
}

static inline void world_pass(struct world *w, int64_t ms)
{
    w->mono.ms += ms;
    w->wall.ms += ms;
}

static inline void world_tick(struct world *w)
{
    world_step(w, (struct vc_event){.kind = VC_EVENT_TICK});
}

static inline void world_register(struct world *w, struct vc_registration reg)
{
    if (reg.capacity == 0)
        reg.capacity = 1;
    if (!reg.card)
        reg.card = "{}";
    world_step(w, (struct vc_event){.kind = VC_EVENT_REGISTER, .registration = reg});
}

static inline void world_submit(struct world *w, struct vc_submission sub)
{
    if (!sub.title)
        sub.title = "A task";
    if (!sub.spec)
        sub.spec = sub.title;
    if (sub.max_attempts == 0)
        sub.max_attempts = 3;
    if (sub.budget_micros == 0)
        sub.budget_micros = -1;
    world_step(w, (struct vc_event){.kind = VC_EVENT_SUBMIT, .submit = {.submission = &sub}});
}

static inline void world_answer(struct world *w, const char *task_id, enum vc_answer answer)
{
    world_step(w, (struct vc_event){.kind = VC_EVENT_ANSWER,
                                    .answer = {.task_id = task_id,
                                               .epoch = world_task(w, task_id)->row.epoch,
                                               .answer = answer}});
}

/* The one who holds @task_id says how it went. */
static inline void world_report(struct world *w, const char *task_id, enum vc_outcome outcome)
{
    const struct world_task *task = world_task(w, task_id);
    world_step(w, (struct vc_event){.kind = VC_EVENT_RESULT,
                                    .result = {.agent_id = task->row.agent_id,
                                               .task_id = task_id,
                                               .epoch = task->row.epoch,
                                               .outcome = outcome,
                                               .retryable = true,
                                               .record = "{}"}});
}

/* -- the end and a new beginning --------------------------------------------------------------- */

static inline int world_evidence_order(const void *a, const void *b)
{
    return vc_evidence_before(a, b) ? -1 : 1;
}

static inline void world_load_cell(struct world *w, const char *agent_id, const char *task_type)
{
    struct vc_evidence *evidence = vc_xcalloc(w->executions_n + 1, sizeof *evidence);
    size_t n = 0;
    double sum = 0;
    for (size_t i = 0; i < w->executions_n; i++) {
        const struct world_execution *x = &w->executions[i];
        if (!x->counted || strcmp(x->agent_id, agent_id) != 0 ||
            strcmp(x->task_type, task_type) != 0)
            continue;
        evidence[n++] = (struct vc_evidence){x->finished_at, x->task_id, x->epoch, x->value};
        sum += x->value;
    }
    qsort(evidence, n, sizeof *evidence, world_evidence_order); /* clocks go back, too */
    if (n > 0)
        vc_core_load_cell(w->core, agent_id, task_type, evidence, n, n, sum, w->mono, w->wall);
    vc_free(evidence);
}

static inline void world_load_tasks(struct world *w)
{
    uint64_t counts[VC_TASK_STATE_COUNT] = {0};
    uint64_t order = 0;
    for (size_t i = 0; i < w->tasks_n; i++)
        counts[w->tasks[i].row.known.state]++;
    for (int state = 0; state < VC_TASK_STATE_COUNT; state++)
        if (vc_task_state_final((enum vc_task_state)state))
            vc_core_load_count(w->core, (enum vc_task_state)state, counts[state]);
    for (; order < w->next_order; order++)
        for (size_t i = 0; i < w->tasks_n; i++) {
            struct vc_stored_task *row = &w->tasks[i].row;
            if (w->tasks[i].order != order || vc_task_state_final(row->known.state))
                continue;
            world_look_up_tried(w, row);
            vc_core_load_task(w->core, row, w->mono, w->wall);
        }
}

/* Give the core what the store holds, as at a start. */
static inline void world_load_store(struct world *w)
{
    for (size_t i = 0; i < w->agents_n; i++)
        if (w->agents[i].registered_at.ms != 0)
            vc_core_load_agent(w->core, &w->agents[i].reg, w->agents[i].draining,
                               w->agents[i].removed, w->agents[i].registered_at);
    for (size_t i = 0; i < w->types_n; i++)
        vc_core_load_type(w->core, w->types[i].name, w->types[i].decisions, w->types[i].trials);
    for (size_t i = 0; i < w->agents_n; i++)
        for (size_t k = 0; k < w->types_n; k++)
            world_load_cell(w, w->agents[i].reg.agent_id, w->types[k].name);
    world_load_tasks(w);
}

/* The same, and everybody can be reached at once. */
static inline void world_load(struct world *w)
{
    world_load_store(w);
    vc_core_resume(w->core, w->mono, w->wall, &w->fx);
    world_take(w);
}

static inline void world_restart(struct world *w)
{
    world_settle(w);
    vc_core_destroy(&w->core);
    w->conf.seed++;
    w->core = vc_core_create(&w->conf);
    world_load(w);
}

static inline void world_break_link(struct world *w)
{
    vc_core_suspend(w->core, w->mono);
}

static inline void world_mend_link(struct world *w)
{
    vc_core_resume(w->core, w->mono, w->wall, &w->fx);
    world_take(w);
}

/* @ok of @n executions of @agent_id in @task_type, all finished @age_ms ago. Before world_load. */
static inline void world_remember(struct world *w, const char *agent_id, const char *task_type,
                                  unsigned ok, unsigned n, int64_t age_ms)
{
    if (!world_agent(w, agent_id))
        world_remember_agent(w, &(struct vc_registration){
                                    .agent_id = agent_id, .card = "from the store", .capacity = 1});
    world_agent(w, agent_id)->registered_at = w->wall;
    const char *type = world_type(w, task_type)->name;
    for (unsigned i = 0; i < n; i++) {
        VC_GROW(w->executions, w->executions_n, w->executions_cap);
        w->executions[w->executions_n] = (struct world_execution){
            .task_id = world_key(w, "before", (uint32_t)w->executions_n),
            .agent_id = world_agent(w, agent_id)->reg.agent_id,
            .task_type = type,
            .epoch = 1,
            .counted = true,
            .winning = i < ok,
            .value = i < ok,
            .finished_at = {w->wall.ms - age_ms},
            .record = "{}",
        };
        w->executions_n++;
    }
}

#endif
