/* Thousands of random events; after each, everything that must hold is looked at. */
#include "tests/core/sim.h"

#define SEEDS             20
#define STEPS             2500
#define CLOSING_STEPS_MAX 4000
#define CLOSING_STEP_MS   400

static const char *const types[] = {"coding", "testing", "devops"};

/* -- what may happen --------------------------------------------------------------------------- */

static void do_submit(struct sim *sim)
{
    const char *const needs[] = {capabilities[below(sim, COUNT_OF(capabilities))],
                                 capabilities[below(sim, COUNT_OF(capabilities))]};
    const char *const excluded[] = {agent_ids[below(sim, AGENTS)], agent_ids[below(sim, AGENTS)]};
    struct vc_buf id = {0};
    vc_buf_printf(&id, "t%zu", sim->w->tasks_n + 1);
    struct vc_submission sub = {
        .task_id = id.text,
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
    world_submit(sim->w, sub);
    vc_buf_fini(&id);
}

static void do_submit_again(struct sim *sim)
{
    if (sim->w->tasks_n == 0)
        return;
    struct vc_submission sub = sim->w->tasks[below(sim, sim->w->tasks_n)].row.submission;
    if (one_in(sim, 2))
        sub.spec = "another body";
    size_t before = sim->w->tasks_n;
    world_submit(sim->w, sub);
    assert_int_equal(sim->w->tasks_n, before);
}

static void do_register(struct sim *sim)
{
    uint32_t a = (uint32_t)below(sim, AGENTS);
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
    sim->heard_ms[a] = sim->w->mono.ms;
    world_register(sim->w, reg);
    vc_buf_fini(&card);
}

static void heartbeat(struct sim *sim, uint32_t a, uint32_t capacity)
{
    struct vc_held held[64];
    size_t n = 0;
    for (size_t i = 0; i < sim->running.len && n < COUNT_OF(held); i++)
        if (sim->running.items[i].agent == a)
            held[n++] =
                (struct vc_held){sim->running.items[i].task_id, sim->running.items[i].epoch};
    const struct world_agent *member = world_agent(sim->w, agent_ids[a]);
    if (member && !member->removed)
        sim->heard_ms[a] = sim->w->mono.ms;
    world_step(sim->w, (struct vc_event){.kind = VC_EVENT_HEARTBEAT,
                                         .heartbeat = {.agent_id = agent_ids[a],
                                                       .capacity = capacity,
                                                       .held = held,
                                                       .held_n = n}});
}

static void do_heartbeat(struct sim *sim)
{
    heartbeat(sim, (uint32_t)below(sim, AGENTS), one_in(sim, 8) ? 1 + (uint32_t)below(sim, 3) : 0);
}

static void answer(struct sim *sim, struct paper paper, enum vc_answer answer)
{
    world_step(sim->w,
               (struct vc_event){
                   .kind = VC_EVENT_ANSWER,
                   .answer = {.task_id = paper.task_id, .epoch = paper.epoch, .answer = answer}});
}

/* Most assignments arrive and are taken; some meet a no, nobody, or get lost either way. */
static void do_deliver(struct sim *sim)
{
    if (sim->mail.len == 0)
        return;
    struct paper paper = pile_take(&sim->mail, below(sim, sim->mail.len));
    uint64_t luck = below(sim, 20);
    if (luck == 0)
        answer(sim, paper, VC_ANSWER_DECLINED);
    else if (luck == 1)
        answer(sim, paper, VC_ANSWER_NOBODY);
    if (luck < 3)
        return;
    pile_add(&sim->running, paper);
    if (luck > 3)
        answer(sim, paper, VC_ANSWER_ACCEPTED);
}

static struct vc_reported random_report(struct sim *sim, struct paper paper)
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

static void do_report(struct sim *sim)
{
    if (sim->running.len == 0)
        return;
    struct paper paper = pile_take(&sim->running, below(sim, sim->running.len));
    pile_add(&sim->done, paper);
    world_step(sim->w,
               (struct vc_event){.kind = VC_EVENT_RESULT, .result = random_report(sim, paper)});
}

/* What is delivered twice, comes from the wrong one, or speaks of what never was. */
static void do_report_nonsense(struct sim *sim)
{
    struct paper paper = {0, "never", 1};
    if (sim->done.len > 0 && !one_in(sim, 5))
        paper = sim->done.items[below(sim, sim->done.len)];
    if (sim->running.len > 0 && one_in(sim, 2))
        paper = sim->running.items[below(sim, sim->running.len)];
    struct vc_reported r = random_report(sim, paper);
    const struct world_task *task = world_task(sim->w, paper.task_id);
    if (task && one_in(sim, 2))
        r.epoch = task->row.epoch + (uint32_t)below(sim, 2);
    if (!task || !task->row.agent_id || strcmp(task->row.agent_id, r.agent_id) == 0)
        r.agent_id = "nobody";
    if (task && task->row.agent_id && one_in(sim, 3)) {
        r.agent_id = task->row.agent_id;
        r.epoch = task->row.epoch + (one_in(sim, 2) ? 1 : UINT32_MAX);
    }
    size_t before = sim->w->executions_n;
    world_step(sim->w, (struct vc_event){.kind = VC_EVENT_RESULT, .result = r});
    assert_int_equal(sim->w->executions_n, before);
}

static void do_cancel(struct sim *sim)
{
    if (sim->w->tasks_n == 0)
        return;
    const char *id = sim->w->tasks[below(sim, sim->w->tasks_n)].row.submission.task_id;
    world_step(sim->w, (struct vc_event){.kind = VC_EVENT_CANCEL, .cancel = {.task_id = id}});
}

static void do_retry(struct sim *sim)
{
    if (sim->w->tasks_n == 0)
        return;
    const char *id = sim->w->tasks[below(sim, sim->w->tasks_n)].row.submission.task_id;
    world_step(sim->w, (struct vc_event){.kind = VC_EVENT_RETRY, .retry = {.task_id = id}});
}

static void do_drain(struct sim *sim)
{
    world_step(sim->w, (struct vc_event){.kind = VC_EVENT_DRAIN,
                                         .drain = {.agent_id = agent_ids[below(sim, AGENTS)],
                                                   .off = !one_in(sim, 3)}});
}

static void do_remove(struct sim *sim)
{
    world_step(sim->w, (struct vc_event){.kind = VC_EVENT_REMOVE,
                                         .remove = {.agent_id = agent_ids[below(sim, AGENTS)]}});
}

static void do_wait(struct sim *sim)
{
    world_pass(sim->w, (int64_t)below(sim, one_in(sim, 30) ? 30000 : 1500));
    world_tick(sim->w);
}

/* As the loop does it: sleep until something is due, and not a millisecond more. */
static void do_wait_for_due(struct sim *sim)
{
    int64_t due = vc_core_due(sim->w->core).ms;
    if (due == INT64_MAX)
        return;
    world_pass(sim->w, due - sim->w->mono.ms);
    world_tick(sim->w);
}

static void forget_what_a_restart_forgets(struct sim *sim)
{
    for (uint32_t a = 0; a < AGENTS; a++)
        sim->heard_ms[a] = -1;
}

static void do_restart(struct sim *sim)
{
    sim->broken_at_ms = -1;
    forget_what_a_restart_forgets(sim);
    world_restart(sim->w);
    world_tick(sim->w);
}

static void do_break_link(struct sim *sim)
{
    if (sim->broken_at_ms < 0)
        sim->broken_at_ms = sim->w->mono.ms;
    world_break_link(sim->w);
}

/* What was heard counts from now as it counted when the link broke. */
static void do_mend_link(struct sim *sim)
{
    for (uint32_t a = 0; a < AGENTS && sim->broken_at_ms >= 0; a++)
        if (sim->heard_ms[a] >= sim->broken_at_ms)
            sim->heard_ms[a] = sim->w->mono.ms;
        else if (sim->heard_ms[a] >= 0)
            sim->heard_ms[a] += sim->w->mono.ms - sim->broken_at_ms;
    sim->broken_at_ms = -1;
    world_mend_link(sim->w);
}

static const struct {
    unsigned share;
    void (*act)(struct sim *);
} actions[] = {
    {120, do_submit},      {8, do_submit_again}, {25, do_register},        {220, do_heartbeat},
    {160, do_deliver},     {130, do_report},     {12, do_report_nonsense}, {12, do_cancel},
    {12, do_retry},        {12, do_drain},       {4, do_remove},           {200, do_wait},
    {20, do_wait_for_due}, {2, do_restart},      {5, do_break_link},       {25, do_mend_link},
};

static void act(struct sim *sim)
{
    unsigned all = 0;
    for (size_t i = 0; i < COUNT_OF(actions); i++)
        all += actions[i].share;
    uint64_t luck = below(sim, all);
    size_t i = 0;
    for (; luck >= actions[i].share; i++)
        luck -= actions[i].share;
    actions[i].act(sim);
    sim->steps++;
}

/* -- a run ------------------------------------------------------------------------------------- */

static struct sim *sim_create(uint64_t seed, uint64_t core_seed)
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

static void sim_destroy(struct sim **sim_p)
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

static void run(struct sim *sim, unsigned steps)
{
    for (unsigned i = 0; i < steps; i++) {
        act(sim);
        sim->w->batch = !one_in(sim, 5);
        if (!sim->w->batch)
            world_settle(sim->w);
        keep_story(sim);
        check_world(sim);
    }
}

/* From now on every agent is there, can everything, takes what it gets and succeeds. */
static void behave(struct sim *sim)
{
    for (uint32_t a = 0; a < AGENTS; a++) {
        sim->heard_ms[a] = sim->w->mono.ms;
        world_register(sim->w, (struct vc_registration){.agent_id = agent_ids[a],
                                                        .role = roles[a % COUNT_OF(roles)],
                                                        .capabilities = capabilities,
                                                        .capabilities_n = COUNT_OF(capabilities),
                                                        .capacity = 2,
                                                        .card = "at its best"});
        world_step(sim->w, (struct vc_event){.kind = VC_EVENT_DRAIN,
                                             .drain = {.agent_id = agent_ids[a], .off = true}});
    }
}

static bool finish_what_is_open(struct sim *sim)
{
    sim->w->batch = false;
    do_mend_link(sim);
    behave(sim);
    for (unsigned i = 0; i < CLOSING_STEPS_MAX; i++) {
        if (vc_core_stats(sim->w->core, sim->w->mono).open_tasks == 0)
            return true;
        for (uint32_t a = 0; a < AGENTS; a++)
            heartbeat(sim, a, 0);
        while (sim->mail.len > 0) {
            struct paper paper = pile_take(&sim->mail, 0);
            pile_add(&sim->running, paper);
            answer(sim, paper, VC_ANSWER_ACCEPTED);
        }
        while (sim->running.len > 0) {
            struct paper paper = pile_take(&sim->running, 0);
            struct vc_reported r = random_report(sim, paper);
            r.outcome = VC_OUTCOME_SUCCESS;
            world_step(sim->w, (struct vc_event){.kind = VC_EVENT_RESULT, .result = r});
        }
        world_pass(sim->w, CLOSING_STEP_MS);
        world_tick(sim->w);
        keep_story(sim);
        check_world(sim);
    }
    return false;
}

static void check_ends(const struct sim *sim)
{
    for (size_t i = 0; i < sim->w->tasks_n; i++) {
        const struct world_task *task = &sim->w->tasks[i];
        assert_true(vc_task_state_final(task->row.known.state));
        assert_int_equal(task->wins, task->row.known.state == VC_TASK_COMPLETED);
    }
}

/* An assertion that fails leaves the test at once: the seed must be on the screen by then. */
static void announce(uint64_t seed)
{
    print_message("seed %llu\n", (unsigned long long)seed);
}

static void invariants_hold_after_every_step_and_every_task_ends(void **state)
{
    (void)state;
    uint64_t decisions = 0, trials = 0, stops = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        announce(seed);
        struct sim *sim = sim_create(seed, seed);
        run(sim, STEPS);
        assert_true(finish_what_is_open(sim));
        check_ends(sim);
        decisions += sim->decisions;
        trials += sim->trials;
        stops += sim->deadline_stops;
        sim_destroy(&sim);
    }
    /* A run in which nothing happens proves nothing. */
    assert_true(decisions > SEEDS * STEPS / 20);
    assert_true(trials > 0);
    assert_true(stops > 0);
}

static void the_same_events_twice_give_the_same_bytes(void **state)
{
    (void)state;
    struct sim *a = sim_create(77, 5), *b = sim_create(77, 5), *c = sim_create(77, 6);
    run(a, STEPS / 2);
    run(b, STEPS / 2);
    run(c, STEPS / 2);
    assert_true(a->story.len > 10000);
    assert_string_equal(a->story.text, b->story.text);
    assert_string_equal(a->ids.text, b->ids.text);
    assert_string_equal(a->story.text, c->story.text);
    assert_string_not_equal(a->ids.text, c->ids.text);
    sim_destroy(&a);
    sim_destroy(&b);
    sim_destroy(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invariants_hold_after_every_step_and_every_task_ends),
        cmocka_unit_test(the_same_events_twice_give_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
