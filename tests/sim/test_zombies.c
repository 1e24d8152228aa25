/* 10,000 results, answers and submissions that come from the past, twice, or from the wrong side,
 * written out one by one: none of them wins, none leaves a row that it must not leave. */
#include "tests/core/fleet.h"

#define ROUNDS  500
#define STRIKES 20 /* of a round */

/* What the core made of them, from its effects. */
struct count {
    unsigned executions, wins, tasks, conflicts, stale, recorded;
    unsigned late_stale, late_duplicate, late_unknown;
};

struct stage {
    struct world *w;
    struct count is;
    unsigned strikes, round;
    const char *task; /* of the round */
    const char *first, *second;
};

static void count_effect(void *self, const struct vc_effect *e)
{
    struct count *is = &((struct stage *)self)->is;
    if (e->kind == VC_EFFECT_PUT_TASK)
        is->tasks++;
    if (e->kind == VC_EFFECT_PUT_EXECUTION) {
        is->executions++;
        is->wins += e->execution.winning;
    }
    if (e->kind == VC_EFFECT_PUT_LATE) {
        is->late_stale += strcmp(e->late.reason, "stale") == 0;
        is->late_duplicate += strcmp(e->late.reason, "duplicate") == 0;
        is->late_unknown += strcmp(e->late.reason, "unknown_task") == 0;
    }
    if (e->kind == VC_EFFECT_DEAD)
        is->conflicts += strcmp(e->dead.reason, "conflict") == 0;
    if (e->kind == VC_EFFECT_CONTROL) {
        is->stale += e->control.what == VC_CONTROL_STALE;
        is->recorded += e->control.what == VC_CONTROL_RECORDED;
    }
}

/* -- strikes ----------------------------------------------------------------------------------- */

/* A strike changes no task, no execution and no epoch, whatever it says. */
static void strike(struct stage *s, struct vc_event event)
{
    const struct world_task *task = world_task(s->w, s->task);
    struct world_task before = *task;
    unsigned executions = s->is.executions, tasks = s->is.tasks;
    world_step(s->w, event);
    task = world_task(s->w, s->task);
    assert_int_equal(s->is.executions, executions);
    assert_int_equal(s->is.tasks, tasks);
    assert_int_equal(task->row.known.state, before.row.known.state);
    assert_int_equal(task->row.epoch, before.row.epoch);
    assert_int_equal(task->wins, before.wins);
    s->strikes++;
}

static void strike_result(struct stage *s, const char *agent_id, uint32_t epoch,
                          enum vc_outcome outcome, const char *record)
{
    strike(s, (struct vc_event){.kind = VC_EVENT_RESULT,
                                .result = {.agent_id = agent_id,
                                           .task_id = s->task,
                                           .epoch = epoch,
                                           .outcome = outcome,
                                           .retryable = true,
                                           .record = record}});
}

static void strike_answer(struct stage *s, uint32_t epoch, enum vc_answer answer)
{
    strike(s, (struct vc_event){.kind = VC_EVENT_ANSWER,
                                .answer = {.task_id = s->task, .epoch = epoch, .answer = answer}});
}

static void strike_submission(struct stage *s, const char *spec)
{
    struct vc_submission sub = world_task(s->w, s->task)->row.submission;
    sub.spec = spec;
    strike(s, (struct vc_event){.kind = VC_EVENT_SUBMIT, .submit = {.submission = &sub}});
}

static void strike_heartbeat(struct stage *s, const char *agent_id, uint32_t epoch)
{
    struct vc_held held = {s->task, epoch};
    strike(s, (struct vc_event){.kind = VC_EVENT_HEARTBEAT,
                                .heartbeat = {.agent_id = agent_id, .held = &held, .held_n = 1}});
}

/* -- a round ----------------------------------------------------------------------------------- */

static const char *holder(const struct stage *s)
{
    return world_task(s->w, s->task)->row.agent_id;
}

static void live(struct stage *s, const char *except)
{
    for (uint32_t a = 0; a < AGENTS; a++)
        if (!except || strcmp(agent_ids[a], except) != 0)
            world_step(s->w, (struct vc_event){.kind = VC_EVENT_HEARTBEAT,
                                               .heartbeat = {.agent_id = agent_ids[a]}});
}

/* The first agent takes the task and freezes; its lease runs out, and another one gets it. */
static void freeze_and_go_on(struct stage *s)
{
    world_submit(s->w, (struct vc_submission){.task_id = s->task, .task_type = "coding"});
    s->first = world_keep(s->w, holder(s));
    world_answer(s->w, s->task, VC_ANSWER_ACCEPTED);
    for (unsigned i = 0; i < VC_SILENT_INTERVALS; i++) {
        world_pass(s->w, s->w->conf.interval_ms);
        live(s, s->first);
    }
    s->second = world_keep(s->w, holder(s));
    assert_string_not_equal(s->first, s->second);
    assert_int_equal(world_task(s->w, s->task)->row.epoch, 2);
}

/* While the second epoch is on its way and worked at. */
static void strike_before_the_end(struct stage *s)
{
    strike_answer(s, 1, VC_ANSWER_ACCEPTED);
    strike_answer(s, 1, VC_ANSWER_DECLINED);
    strike_answer(s, 1, VC_ANSWER_NOBODY);
    strike_result(s, s->first, 1, VC_OUTCOME_SUCCESS, "thawed");
    world_answer(s->w, s->task, VC_ANSWER_ACCEPTED);
    strike_answer(s, 2, VC_ANSWER_DECLINED);
    strike_heartbeat(s, s->first, 1);
    strike_result(s, s->first, 2, VC_OUTCOME_SUCCESS, "in the other's name");
    strike_result(s, s->second, 1, VC_OUTCOME_SUCCESS, "the epoch before");
    strike_result(s, s->second, 3, VC_OUTCOME_SUCCESS, "the epoch to come");
    strike_submission(s, "A task");
    strike_submission(s, "another body");
}

/* After the second agent won. */
static void strike_after_the_end(struct stage *s)
{
    strike_result(s, s->second, 2, VC_OUTCOME_SUCCESS, "{}");
    strike_result(s, s->second, 2, VC_OUTCOME_FAILURE, "on second thought");
    strike_result(s, s->first, 1, VC_OUTCOME_SUCCESS, "thawed");
    strike_result(s, s->first, 2, VC_OUTCOME_SUCCESS, "mine, too");
    strike_answer(s, 2, VC_ANSWER_ACCEPTED);
    strike_heartbeat(s, s->second, 2);
    strike_submission(s, "A task");
    strike_submission(s, "another body");
    const char *task = s->task;
    unsigned executions = s->is.executions;
    world_step(s->w, (struct vc_event){.kind = VC_EVENT_RESULT,
                                       .result = {.agent_id = s->first,
                                                  .task_id = "never-submitted",
                                                  .epoch = 1,
                                                  .outcome = VC_OUTCOME_SUCCESS,
                                                  .record = "of nothing"}});
    assert_int_equal(s->is.executions, executions);
    assert_null(world_task(s->w, "never-submitted"));
    assert_ptr_equal(task, s->task);
    s->strikes++;
}

static void play_round(struct stage *s)
{
    VC_AUTO_BUF struct vc_buf id = {0};
    vc_buf_printf(&id, "z%u", s->round);
    s->task = world_keep(s->w, id.text);
    unsigned strikes = s->strikes;
    freeze_and_go_on(s);
    strike_before_the_end(s);
    world_report(s->w, s->task, VC_OUTCOME_SUCCESS);
    const struct world_execution *won = world_execution(s->w, s->task, 2);
    assert_true(won->winning);
    strike_after_the_end(s);
    assert_string_equal(won->agent_id, s->second);
    assert_int_equal(s->strikes - strikes, STRIKES);
    live(s, NULL);
}

static void ten_thousand_zombies_and_duplicates_win_nothing(void **state)
{
    (void)state;
    struct stage s = {0};
    s.w = world_create(&vc_core_conf_default);
    s.w->watch = count_effect;
    s.w->self = &s;
    for (uint32_t a = 0; a < AGENTS; a++)
        world_register(s.w, best_card(a));
    for (s.round = 0; s.round < ROUNDS; s.round++)
        play_round(&s);
    assert_int_equal(s.strikes, 10000);
    assert_int_equal(s.is.tasks, ROUNDS);
    assert_int_equal(s.is.executions, 2 * ROUNDS); /* one lost, one won */
    assert_int_equal(s.is.wins, ROUNDS);
    assert_int_equal(s.is.conflicts, 2 * ROUNDS);
    assert_int_equal(s.is.late_duplicate, ROUNDS);
    assert_int_equal(s.is.late_unknown, ROUNDS);
    assert_int_equal(s.is.late_stale, 6 * ROUNDS);
    assert_int_equal(s.is.recorded, 3 * ROUNDS); /* the winner, and twice its duplicates */
    assert_int_equal(s.is.stale, 9 * ROUNDS);    /* late ones and heartbeats */
    for (size_t i = 0; i < s.w->tasks_n; i++)
        assert_int_equal(s.w->tasks[i].wins, 1);
    world_destroy(&s.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_zombies_and_duplicates_win_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
