/* fleet.h - what may come in, at random, and the life of the model around it: shared by the random
 * events of tests/core and the simulated cluster of tests/sim. */
#ifndef VC_TESTS_CORE_FLEET_H
#define VC_TESTS_CORE_FLEET_H

#include "tests/core/sim.h"

static const char *const types[] = {"coding", "testing", "devops"};

/* -- what may come in -------------------------------------------------------------------------- */

/* Hand a submission at random with @task_id to @take, for the time of the call. */
static inline void random_submission(struct sim *sim, const char *task_id,
                                     void (*take)(void *ctx, struct vc_submission sub), void *ctx)
{
    const char *const needs[] = {capabilities[below(sim, COUNT_OF(capabilities))],
                                 capabilities[below(sim, COUNT_OF(capabilities))]};
    const char *const excluded[] = {agent_ids[below(sim, AGENTS)], agent_ids[below(sim, AGENTS)]};
    struct vc_submission sub = {
        .task_id = task_id,
        .task_type = types[below(sim, COUNT_OF(types))],
        .priority = (uint32_t)below(sim, VC_PRIORITIES),
        .max_attempts = 1 + (uint32_t)below(sim, 3),
    };
    switch (below(sim, 8)) { /* one want a task, so that somebody can meet it in the end */
    case 0:
        sub.role = roles[below(sim, COUNT_OF(roles))];
        break;
    case 1:
        sub.pin_agent_id = agent_ids[below(sim, AGENTS)];
        break;
    case 2:
        sub.exclude_agents = excluded;
        sub.exclude_agents_n = 1 + below(sim, 2);
        break;
    case 3:
        sub.requires
        = needs;
        sub.requires_n = 1 + below(sim, 2);
        break;
    case 4:
        sub.budget_micros = 1 + (int64_t)below(sim, 3);
        break;
    default:
        break;
    }
    if (one_in(sim, 4))
        sub.timeout_ms = 1 + (int64_t)below(sim, 20000);
    if (one_in(sim, 6))
        sub.deadline_at.ms = sim->w->wall.ms - 500 + (int64_t)below(sim, 90000);
    take(ctx, sub);
}

/* Hand what agent @a says of itself to @take, for the time of the call: what it can at random, or
 * as before to be sure. */
static inline void random_card(struct sim *sim, uint32_t a,
                               void (*take)(void *ctx, struct vc_registration reg), void *ctx)
{
    const char *can[COUNT_OF(capabilities)];
    size_t n = 0;
    for (size_t i = 0; i < COUNT_OF(capabilities); i++)
        if (!one_in(sim, 3))
            can[n++] = capabilities[i];
    struct vc_registration reg = {.agent_id = agent_ids[a],
                                  .role = roles[a % COUNT_OF(roles)],
                                  .capabilities = can,
                                  .capabilities_n = n,
                                  .capacity = 1 + (uint32_t)below(sim, 3),
                                  .cost_per_1k_micros = (int64_t)below(sim, 4)};
    struct vc_buf card = {0};
    vc_buf_printf(&card, "%u %lld", reg.capacity, (long long)reg.cost_per_1k_micros);
    for (size_t i = 0; i < n; i++)
        vc_buf_printf(&card, " %s", can[i]);
    reg.card = card.text;
    if (one_in(sim, 2) && world_agent(sim->w, reg.agent_id))
        reg = world_agent(sim->w, reg.agent_id)->reg; /* as before, to be sure */
    take(ctx, reg);
    vc_buf_fini(&card);
}

/* What agent @a says when it can everything and costs nothing. */
static inline struct vc_registration best_card(uint32_t a)
{
    return (struct vc_registration){.agent_id = agent_ids[a],
                                    .role = roles[a % COUNT_OF(roles)],
                                    .capabilities = capabilities,
                                    .capabilities_n = COUNT_OF(capabilities),
                                    .capacity = 2,
                                    .card = "at its best"};
}

static inline struct vc_reported random_report(struct sim *sim, struct paper paper)
{
    static const enum vc_outcome outcomes[] = {
        VC_OUTCOME_SUCCESS, VC_OUTCOME_SUCCESS,  VC_OUTCOME_SUCCESS,  VC_OUTCOME_FAILURE,
        VC_OUTCOME_FAILURE, VC_OUTCOME_DECLINED, VC_OUTCOME_CANCELED, VC_OUTCOME_TIMEOUT};
    return (struct vc_reported){
        .agent_id = agent_ids[paper.agent],
        .task_id = paper.task_id,
        .epoch = paper.epoch,
        .outcome = outcomes[below(sim, COUNT_OF(outcomes))],
        .error_class = (enum vc_error_class)below(sim, VC_ERROR_COUNT),
        .retryable = !one_in(sim, 4),
        .duration_ms = (int64_t)below(sim, 5000),
        .record = one_in(sim, 2) ? "{}" : "{ }",
    };
}

/* -- the model's own life ---------------------------------------------------------------------- */

/* Agent @a is heard by the core, unless it counts as gone. */
static inline void sim_heard(struct sim *sim, uint32_t a)
{
    const struct world_agent *member = world_agent(sim->w, agent_ids[a]);
    if (member && !member->removed)
        sim->heard_ms[a] = sim->w->mono.ms;
}

static inline void forget_what_a_restart_forgets(struct sim *sim)
{
    for (uint32_t a = 0; a < AGENTS; a++)
        sim->heard_ms[a] = -1;
}

/* After the store went back to its last commit: what the model keeps of it must do so, too. */
static inline void sim_look_at_store(struct sim *sim)
{
    const struct world *w = sim->w;
    make_room(sim);
    memset(sim->in_flight, 0, sizeof sim->in_flight);
    memset(sim->tried, 0, sim->tried_cap * sizeof *sim->tried);
    for (size_t i = 0; i < w->tasks_n; i++)
        if (w->tasks[i].row.agent_id)
            sim->in_flight[index_of(sim, w->tasks[i].row.agent_id)]++;
    for (size_t i = 0; i < w->executions_n; i++)
        if (w->executions[i].failed)
            *tried_of(sim, world_task(w, w->executions[i].task_id)) |=
                1u << index_of(sim, w->executions[i].agent_id);
}

static inline void sim_break_link(struct sim *sim)
{
    if (sim->broken_at_ms < 0)
        sim->broken_at_ms = sim->w->mono.ms;
    world_break_link(sim->w);
}

/* What was heard counts from now as it counted when the link broke. */
static inline void sim_mend_link(struct sim *sim)
{
    for (uint32_t a = 0; a < AGENTS && sim->broken_at_ms >= 0; a++)
        if (sim->heard_ms[a] >= sim->broken_at_ms)
            sim->heard_ms[a] = sim->w->mono.ms;
        else if (sim->heard_ms[a] >= 0)
            sim->heard_ms[a] += sim->w->mono.ms - sim->broken_at_ms;
    sim->broken_at_ms = -1;
    world_mend_link(sim->w);
}

static inline struct sim *sim_create(uint64_t seed, uint64_t core_seed)
{
    struct sim *sim = vc_xcalloc(1, sizeof *sim);
    sim->seed = seed;
    sim->random.state = seed;
    struct vc_core_conf conf = vc_core_conf_default;
    conf.seed = core_seed;
    conf.probation.on = seed % 4 != 0;
    sim->w = world_create(&conf);
    sim->w->watch = watch;
    sim->w->self = sim;
    for (uint32_t a = 0; a < AGENTS; a++)
        vc_map_put(&sim->index, agent_ids[a], a);
    sim->broken_at_ms = -1;
    forget_what_a_restart_forgets(sim);
    return sim;
}

static inline void sim_destroy(struct sim **sim_p)
{
    struct sim *sim = *sim_p;
    world_destroy(&sim->w);
    vc_map_fini(&sim->index);
    vc_free(sim->mail.items);
    vc_free(sim->running.items);
    vc_free(sim->done.items);
    vc_free(sim->tried);
    vc_buf_fini(&sim->ids);
    vc_buf_fini(&sim->story);
    vc_free(sim);
    *sim_p = NULL;
}

/* Every task has ended, and those that were completed were won once. */
static inline void check_ends(const struct sim *sim)
{
    for (size_t i = 0; i < sim->w->tasks_n; i++) {
        const struct world_task *task = &sim->w->tasks[i];
        assert_true(vc_task_state_final(task->row.known.state));
        assert_int_equal(task->wins, task->row.known.state == VC_TASK_COMPLETED);
    }
}

#endif
