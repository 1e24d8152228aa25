#include "coordinator/core_state.h"
#include "tests/core/world.h"
#include "tests/support/near.h"

#include <stdio.h>

/* What the last decision and the last reply were. */
struct seen {
    struct vc_decision decision;
    struct vc_seen rows[VC_DECISION_CANDIDATES_MAX];
    char chosen[VC_ID_MAX + 1], tie_break[16], reason[32];
    int code;
    unsigned decisions, receipts;
};

static void look(void *self, const struct vc_effect *e)
{
    struct seen *s = self;
    if (e->kind == VC_EFFECT_PUT_DECISION) {
        s->decision = *e->decision;
        s->decisions++;
        assert_true(e->decision->seen_n <= VC_DECISION_CANDIDATES_MAX);
        memcpy(s->rows, e->decision->seen, e->decision->seen_n * sizeof *s->rows);
        vc_copy(s->chosen, sizeof s->chosen, e->decision->chosen);
        vc_copy(s->tie_break, sizeof s->tie_break,
                e->decision->tie_break ? e->decision->tie_break : "");
    }
    if (e->kind != VC_EFFECT_REPLY)
        return;
    s->code = e->reply.code;
    s->receipts += e->reply.kind == VC_REPLY_RECEIPT;
    vc_copy(s->reason, sizeof s->reason, e->reply.reason ? e->reply.reason : "");
}

static struct world *world_with(const struct vc_core_conf *conf, struct seen *seen)
{
    struct world *w = world_create(conf);
    *seen = (struct seen){0};
    w->watch = look;
    w->self = seen;
    return w;
}

static const char *name(struct world *w, const char *head, unsigned i)
{
    char text[32];
    snprintf(text, sizeof text, "%s%02u", head, i);
    return world_keep(w, text);
}

/* -- limits ------------------------------------------------------------------------------------ */

static void submit_asking(struct world *w, const char *task_id)
{
    struct vc_submission sub = {
        .task_id = task_id, .title = "T", .spec = "{}", .max_attempts = 3, .budget_micros = -1};
    world_step(
        w, (struct vc_event){.kind = VC_EVENT_SUBMIT, .token = 1, .submit = {.submission = &sub}});
}

static void open_tasks_are_taken_up_to_the_limit_and_refused_past_it(void **state)
{
    (void)state;
    struct vc_core_conf conf = vc_core_conf_default;
    conf.open_tasks_max = 10;
    struct seen seen;
    struct world *w = world_with(&conf, &seen);
    for (unsigned i = 0; i < 10; i++)
        submit_asking(w, name(w, "t", i));
    assert_int_equal(seen.receipts, 10);
    submit_asking(w, "one-too-many");
    assert_int_equal(seen.receipts, 10);
    assert_int_equal(seen.code, 429);
    assert_string_equal(seen.reason, "queue_full");
    assert_null(world_task(w, "one-too-many"));
    /* Room again as soon as one ends; a known id needs none. */
    submit_asking(w, "t00");
    assert_int_equal(seen.receipts, 11);
    world_step(w, (struct vc_event){.kind = VC_EVENT_CANCEL, .cancel = {.task_id = "t03"}});
    submit_asking(w, "one-too-many");
    assert_int_equal(seen.receipts, 12);
    assert_int_equal(vc_core_stats(w->core, w->mono).open_tasks, 10);
    /* The mailbox has promised: never refused. */
    world_submit(w, (struct vc_submission){.task_id = "from-the-mailbox"});
    assert_int_equal(vc_core_stats(w->core, w->mono).open_tasks, 11);
    world_destroy(&w);
}

static void open_tasks_hold_bytes_up_to_the_limit_and_are_refused_past_it(void **state)
{
    (void)state;
    struct vc_core_conf conf = vc_core_conf_default;
    conf.open_bytes_max = 10;
    struct seen seen;
    struct world *w = world_with(&conf, &seen);
    submit_asking(w, "a"); /* its text is "{}" */
    assert_float_equal(vc_core_fullness(w->core), 0.2, 0);
    for (unsigned i = 1; i < 5; i++)
        submit_asking(w, name(w, "t", i));
    assert_int_equal(seen.receipts, 5);
    assert_float_equal(vc_core_fullness(w->core), 1, 0);
    submit_asking(w, "one-too-many");
    assert_int_equal(seen.code, 429);
    assert_string_equal(seen.reason, "queue_full");
    world_step(w, (struct vc_event){.kind = VC_EVENT_CANCEL, .cancel = {.task_id = "a"}});
    assert_float_equal(vc_core_fullness(w->core), 0.8, 0);
    submit_asking(w, "one-too-many");
    assert_int_equal(seen.receipts, 6);
    world_destroy(&w);
}

static void agents_are_taken_up_to_the_limit_and_refused_past_it(void **state)
{
    (void)state;
    struct vc_core_conf conf = vc_core_conf_default;
    conf.agents_max = 5;
    struct seen seen;
    struct world *w = world_with(&conf, &seen);
    for (unsigned i = 0; i < 5; i++)
        world_register(w, (struct vc_registration){.agent_id = name(w, "a", i)});
    world_step(w,
               (struct vc_event){.kind = VC_EVENT_REGISTER,
                                 .token = 1,
                                 .registration = {.agent_id = "a05", .card = "{}", .capacity = 1}});
    assert_int_equal(seen.code, 429);
    assert_string_equal(seen.reason, "too_many_agents");
    assert_int_equal(vc_core_roster(w->core)->len, 5);
    world_register(w, (struct vc_registration){.agent_id = "a04", .capacity = 7});
    assert_int_equal(vc_roster_find(vc_core_roster(w->core), "a04")->capacity, 7);
    world_destroy(&w);
}

static void a_record_of_forty_agents_shows_thirty_two_with_the_chosen(void **state)
{
    (void)state;
    struct seen seen;
    struct world *w = world_with(&vc_core_conf_default, &seen);
    /* All but the last have a full record; the last gets a trial, from the end of the ranking. */
    for (unsigned i = 0; i < 39; i++)
        world_remember(w, name(w, "a", i), "coding", 20, 20, VC_DAY_MS);
    world_type(w, "coding")->decisions = 100;
    world_load(w);
    for (unsigned i = 0; i < 40; i++)
        world_register(w, (struct vc_registration){.agent_id = name(w, "a", i)});
    world_submit(w, (struct vc_submission){.task_id = "t1", .task_type = "coding"});
    assert_int_equal(seen.decision.rule, VC_RULE_PROBATION);
    assert_string_equal(seen.chosen, "a39");
    assert_int_equal(seen.decision.seen_n, VC_DECISION_CANDIDATES_MAX);
    assert_int_equal(seen.decision.funnel.registered, 40);
    assert_int_equal(seen.decision.funnel.eligible, 40);
    for (uint32_t i = 0; i < 31; i++)
        assert_int_equal(seen.rows[i].rank, i + 1);
    assert_int_equal(seen.rows[31].rank, 40);
    assert_near(seen.rows[31].score, 0.3);
    /* Without a trial it shows the first thirty-two. */
    world_submit(w, (struct vc_submission){.task_id = "t2", .task_type = "coding", .priority = 9});
    assert_int_equal(seen.decision.rule, VC_RULE_FORMULA);
    assert_int_equal(seen.rows[31].rank, 32);
    world_destroy(&w);
}

/* -- what a decision says ---------------------------------------------------------------------- */

static void the_record_names_what_broke_the_tie(void **state)
{
    (void)state;
    struct vc_core_conf conf = vc_core_conf_default;
    conf.probation.on = false;
    struct seen seen;
    struct world *w = world_with(&conf, &seen);
    world_register(w, (struct vc_registration){.agent_id = "b", .capacity = 9});
    world_register(w, (struct vc_registration){.agent_id = "a", .capacity = 9});
    world_submit(w, (struct vc_submission){.task_id = "t1"});
    assert_string_equal(seen.chosen, "a");
    assert_string_equal(seen.tie_break, "agent_id");
    assert_true(seen.decision.strict);
    world_pass(w, 1000);
    world_submit(w, (struct vc_submission){.task_id = "t2"});
    assert_string_equal(seen.chosen, "b");
    assert_string_equal(seen.tie_break, "");
    world_pass(w, 1000);
    world_submit(w, (struct vc_submission){.task_id = "t3"});
    assert_string_equal(seen.chosen, "a");
    assert_string_equal(seen.tie_break, "idle");
    world_destroy(&w);
}

static void outcomes_change_the_next_decision(void **state)
{
    (void)state;
    struct seen seen;
    struct world *w = world_with(&vc_core_conf_default, &seen);
    world_register(w, (struct vc_registration){.agent_id = "a"});
    world_register(w, (struct vc_registration){.agent_id = "b"});
    const char *const chosen[] = {"a", "b", "b", "b"};
    for (unsigned i = 0; i < 4; i++) {
        const char *id = name(w, "t", i);
        world_submit(w, (struct vc_submission){.task_id = id, .max_attempts = 1});
        assert_string_equal(seen.chosen, chosen[i]);
        bool ok = strcmp(seen.chosen, "b") == 0;
        world_report(w, id, ok ? VC_OUTCOME_SUCCESS : VC_OUTCOME_FAILURE);
    }
    const struct vc_agent *b = vc_roster_find(vc_core_roster(w->core), "b");
    struct vc_expertise e = vc_core_expertise(w->core, b, "general", w->wall);
    assert_int_equal(e.n, 3);
    assert_exactly(e.expertise, 1);
    assert_near(e.confidence, 0.15);
    assert_int_equal(vc_core_agent_record(w->core, b).n, 3);
    assert_int_equal(vc_core_expertise(w->core, b, "never-seen", w->wall).n, 0);
    world_destroy(&w);
}

static void a_dry_run_ranks_all_and_assigns_nothing(void **state)
{
    (void)state;
    struct seen seen;
    struct world *w = world_with(&vc_core_conf_default, &seen);
    world_remember(w, "good", "coding", 20, 20, 0);
    world_load(w);
    world_register(w, (struct vc_registration){.agent_id = "fresh"});
    world_register(w, (struct vc_registration){.agent_id = "good"});
    world_register(w, (struct vc_registration){.agent_id = "tired"});
    world_step(w, (struct vc_event){.kind = VC_EVENT_DRAIN, .drain = {.agent_id = "tired"}});
    struct vc_effects fx = {0};
    size_t n;
    const struct vc_seen *rows = vc_core_rank(w->core, "coding", w->mono, w->wall, &fx, &n);
    assert_int_equal(n, 3);
    assert_string_equal(rows[0].agent_id, "good");
    assert_near(rows[0].score, 1);
    assert_string_equal(rows[1].agent_id, "fresh");
    assert_string_equal(rows[2].agent_id, "tired");
    assert_int_equal(rows[2].gate, VC_GATE_DRAINING);
    rows = vc_core_rank(w->core, "a-type-of-tomorrow", w->mono, w->wall, &fx, &n);
    assert_int_equal(n, 3);
    assert_near(rows[0].score, 0.3);
    assert_int_equal(rows[0].n, 0);
    assert_int_equal(fx.len, 0);
    assert_int_equal(seen.decisions, 0);
    vc_effects_fini(&fx);
    world_destroy(&w);
}

/* -- the rest ---------------------------------------------------------------------------------- */

static void an_empty_core_wants_nothing(void **state)
{
    (void)state;
    struct vc_core *core = vc_core_create(&vc_core_conf_default);
    assert_true(vc_core_due(core).ms == INT64_MAX);
    struct vc_core_stats stats = vc_core_stats(core, (struct vc_mono){0});
    assert_int_equal(stats.open_tasks, 0);
    assert_int_equal(vc_core_types(core), 0);
    vc_core_destroy(&core);
    assert_null(core);
    vc_core_destroy(&core);
}

static void assert_conf_is_refused(struct vc_core_conf conf, const char *field)
{
    struct vc_err err;
    assert_int_equal(vc_core_conf_check(&conf, &err), VC_E_INVALID);
    if (!strstr(err.text, field))
        fail_msg("'%s' does not name '%s'", err.text, field);
}

static void a_setting_out_of_its_range_is_named(void **state)
{
    (void)state;
    struct vc_core_conf conf = vc_core_conf_default;
    assert_int_equal(vc_core_conf_check(&conf, NULL), VC_OK);
    conf.interval_ms = 99;
    assert_conf_is_refused(conf, "heartbeat interval");
    conf.interval_ms = INT64_MAX;
    assert_conf_is_refused(conf, "heartbeat interval");
    conf.interval_ms = 5001;
    assert_conf_is_refused(conf, "lease");
    conf = vc_core_conf_default;
    conf.lease_ms = VC_DAY_MS + 1;
    assert_conf_is_refused(conf, "lease");
    conf = vc_core_conf_default;
    conf.answer_ms = 0;
    assert_conf_is_refused(conf, "answer");
    conf = vc_core_conf_default;
    conf.decline_pause_ms = 0;
    assert_conf_is_refused(conf, "decline");
    conf = vc_core_conf_default;
    conf.probation.trials = 0;
    assert_conf_is_refused(conf, "trials");
    conf = vc_core_conf_default;
    conf.probation.max_share = 0.0 / 0.0;
    assert_conf_is_refused(conf, "share");
    conf = vc_core_conf_default;
    conf.weights.load = 0.4;
    assert_conf_is_refused(conf, "weights");
}

static void a_restart_changes_nothing_that_a_client_can_see(void **state)
{
    (void)state;
    struct seen seen;
    struct world *w = world_with(&vc_core_conf_default, &seen);
    world_register(w, (struct vc_registration){.agent_id = "a", .capacity = 2});
    for (unsigned i = 0; i < 6; i++)
        world_submit(w, (struct vc_submission){.task_id = name(w, "t", i), .priority = i % 3});
    world_answer(w, "t00", VC_ANSWER_ACCEPTED);
    world_report(w, "t01", VC_OUTCOME_SUCCESS);
    struct vc_core_stats before = vc_core_stats(w->core, w->mono);
    world_restart(w);
    struct vc_core_stats after = vc_core_stats(w->core, w->mono);
    assert_memory_equal(before.tasks, after.tasks, sizeof before.tasks);
    assert_int_equal(before.open_tasks, after.open_tasks);
    assert_int_equal(before.queued, after.queued);
    /* Nobody was heard yet. */
    assert_int_equal(after.agents[VC_AGENT_OFFLINE], 1);
    world_register(w, (struct vc_registration){.agent_id = "a", .capacity = 2});
    world_report(w, "t00", VC_OUTCOME_SUCCESS);
    assert_string_equal(seen.decision.task_type, "general");
    assert_int_equal(seen.rows[0].n, 2);
    world_destroy(&w);
}

/* Both have one success and the same score; the one that has been idle for longer goes first, and
 * knows so after a restart. */
static void who_has_been_idle_for_longer_is_not_forgotten(void **state)
{
    (void)state;
    struct seen seen;
    struct world *w = world_with(&vc_core_conf_default, &seen);
    for (int i = 0; i < 2; i++)
        world_register(w, (struct vc_registration){.agent_id = i == 0 ? "b" : "a"});
    world_submit(w, (struct vc_submission){.task_id = "t1", .pin_agent_id = "b"});
    world_report(w, "t1", VC_OUTCOME_SUCCESS);
    world_pass(w, 5);
    world_submit(w, (struct vc_submission){.task_id = "t2", .pin_agent_id = "a"});
    world_report(w, "t2", VC_OUTCOME_SUCCESS);
    world_restart(w);
    world_break_link(w);
    for (int i = 0; i < 2; i++)
        world_register(w, (struct vc_registration){.agent_id = i == 0 ? "b" : "a"});
    world_submit(w, (struct vc_submission){.task_id = "t3"});
    world_mend_link(w);
    assert_string_equal(seen.chosen, "b");
    assert_string_equal(seen.tie_break, "idle");
    world_destroy(&w);
}

static void a_retry_prefers_another_agent_also_after_a_restart(void **state)
{
    (void)state;
    struct seen seen;
    struct world *w = world_with(&vc_core_conf_default, &seen);
    world_register(w, (struct vc_registration){.agent_id = "a"});
    world_submit(w, (struct vc_submission){.task_id = "t"});
    world_report(w, "t", VC_OUTCOME_FAILURE);
    world_answer(w, "t", VC_ANSWER_DECLINED);
    world_restart(w);
    world_break_link(w);
    world_register(w, (struct vc_registration){.agent_id = "a"});
    world_register(w, (struct vc_registration){.agent_id = "b"});
    world_mend_link(w);
    assert_string_equal(seen.chosen, "b");
    assert_int_equal(seen.rows[1].gate, VC_GATE_TRIED);
    world_destroy(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_tasks_are_taken_up_to_the_limit_and_refused_past_it),
        cmocka_unit_test(open_tasks_hold_bytes_up_to_the_limit_and_are_refused_past_it),
        cmocka_unit_test(agents_are_taken_up_to_the_limit_and_refused_past_it),
        cmocka_unit_test(a_record_of_forty_agents_shows_thirty_two_with_the_chosen),
        cmocka_unit_test(the_record_names_what_broke_the_tie),
        cmocka_unit_test(outcomes_change_the_next_decision),
        cmocka_unit_test(a_dry_run_ranks_all_and_assigns_nothing),
        cmocka_unit_test(an_empty_core_wants_nothing),
        cmocka_unit_test(a_setting_out_of_its_range_is_named),
        cmocka_unit_test(a_restart_changes_nothing_that_a_client_can_see),
        cmocka_unit_test(who_has_been_idle_for_longer_is_not_forgotten),
        cmocka_unit_test(a_retry_prefers_another_agent_also_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
