/* Thousands of random events; after each, everything that must hold is looked at. */
#include "tests/core/fleet.h"

#define SEEDS             20
#define STEPS             2500
#define CLOSING_STEPS_MAX 4000
#define CLOSING_STEP_MS   400

/* -- what may happen --------------------------------------------------------------------------- */

static void submit(void *ctx, struct vc_submission sub)
{
    struct sim *sim = ctx;
    world_submit(sim->w, sub);
}

static void do_submit(struct sim *sim)
{
    VC_AUTO_BUF struct vc_buf id = {0};
    vc_buf_printf(&id, "t%zu", sim->w->tasks_n + 1);
    random_submission(sim, id.text, submit, sim);
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

static void enter(void *ctx, struct vc_registration reg)
{
    struct sim *sim = ctx;
    sim->heard_ms[index_of(sim, reg.agent_id)] = sim->w->mono.ms;
    world_register(sim->w, reg);
}

static void do_register(struct sim *sim)
{
    random_card(sim, (uint32_t)below(sim, AGENTS), enter, sim);
}

static void heartbeat(struct sim *sim, uint32_t a, uint32_t capacity)
{
    struct vc_held held[64];
    size_t n = 0;
    for (size_t i = 0; i < sim->running.len && n < COUNT_OF(held); i++)
        if (sim->running.items[i].agent == a)
            held[n++] =
                (struct vc_held){sim->running.items[i].task_id, sim->running.items[i].epoch};
    sim_heard(sim, a);
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

static void do_restart(struct sim *sim)
{
    sim->broken_at_ms = -1;
    forget_what_a_restart_forgets(sim);
    world_restart(sim->w);
    world_tick(sim->w);
}

static const struct {
    unsigned share;
    void (*act)(struct sim *);
} actions[] = {
    {120, do_submit},      {8, do_submit_again}, {25, do_register},        {220, do_heartbeat},
    {160, do_deliver},     {130, do_report},     {12, do_report_nonsense}, {12, do_cancel},
    {12, do_retry},        {12, do_drain},       {4, do_remove},           {200, do_wait},
    {20, do_wait_for_due}, {2, do_restart},      {5, sim_break_link},      {25, sim_mend_link},
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
        enter(sim, best_card(a));
        world_step(sim->w, (struct vc_event){.kind = VC_EVENT_DRAIN,
                                             .drain = {.agent_id = agent_ids[a], .off = true}});
    }
}

static bool finish_what_is_open(struct sim *sim)
{
    sim->w->batch = false;
    sim_mend_link(sim);
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
