#include "scoring/choice.h"

#include "tests/support/near.h"
#include "tests/support/random.h"

#include <stdio.h>
#include <string.h>

#define AGENTS_MAX 64

static const struct vc_choice_context calm = {
    .priority = 5, .deadline_in_ms = -1, .type_decisions = 100, .type_trials = 0};

/* A veteran that wins by score, and three that nobody has tried here. */
struct pool {
    struct vc_candidate candidates[AGENTS_MAX];
    struct vc_trial trials[AGENTS_MAX];
    struct vc_score scores[AGENTS_MAX];
    size_t n;
};

static void add(struct pool *p, const char *id, uint64_t n, double rate)
{
    p->candidates[p->n] = (struct vc_candidate){
        .agent = (uint32_t)p->n,
        .agent_id = id,
        .capacity = 1,
        .agent_success_rate = n ? rate : 1,
        .expertise = n ? rate : 0,
        .confidence = fmin(1, (double)n / 20),
        .n = n,
    };
    p->trials[p->n] =
        (struct vc_trial){.done = (uint32_t)n, .other_n = n, .other_value_sum = rate * (double)n};
    p->n++;
}

static struct pool one_veteran(void)
{
    struct pool p = {.n = 0};
    add(&p, "veteran", 40, 0.9);
    add(&p, "x", 0, 0);
    add(&p, "y", 0, 0);
    add(&p, "z", 0, 0);
    return p;
}

static struct vc_choice choose_with(struct pool *p, const struct vc_probation *probation,
                                    const struct vc_choice_context *context)
{
    vc_rank_agents(p->candidates, p->n, vc_weights_default, VC_BASE_SUCCESS_LOAD, p->scores);
    return vc_choose(p->scores, p->candidates, p->trials, p->n, probation, context);
}

static void assert_chosen(struct pool *p, const struct vc_probation *probation,
                          const struct vc_choice_context *context, const char *id,
                          enum vc_rule rule)
{
    struct vc_choice choice = choose_with(p, probation, context);
    assert_string_equal(choice.chosen->candidate->agent_id, id);
    assert_string_equal(vc_rule_name(choice.rule), vc_rule_name(rule));
}

static void strict_leaves_the_choice_to_the_formula(void **state)
{
    (void)state;
    struct pool p = one_veteran();
    struct vc_probation strict = vc_probation_default;
    strict.on = false;
    assert_chosen(&p, &strict, &calm, "veteran", VC_RULE_FORMULA);
}

static void an_untried_agent_gets_a_trial_and_keeps_the_formulas_score(void **state)
{
    (void)state;
    struct pool p = one_veteran();
    struct vc_choice choice = choose_with(&p, &vc_probation_default, &calm);
    assert_int_equal(choice.rule, VC_RULE_PROBATION);
    assert_string_equal(choice.chosen->candidate->agent_id, "x");
    assert_near(choice.chosen->total, 0.3);
    assert_ptr_equal(choice.chosen, &p.scores[1]);
}

static void a_cell_gets_three_trials_and_no_fourth(void **state)
{
    (void)state;
    struct pool p = one_veteran();
    p.trials[1].done = 2;
    p.trials[2].done = p.trials[3].done = 3;
    assert_chosen(&p, &vc_probation_default, &calm, "x", VC_RULE_PROBATION);
    p.trials[1].done = 3;
    assert_chosen(&p, &vc_probation_default, &calm, "veteran", VC_RULE_FORMULA);
}

static void one_who_wins_by_score_needs_no_trial(void **state)
{
    (void)state;
    struct pool p = one_veteran();
    p.trials[0].done = 1; /* a returner: known, but silent for long */
    assert_chosen(&p, &vc_probation_default, &calm, "veteran", VC_RULE_FORMULA);
}

static void a_returner_is_tried_again(void **state)
{
    (void)state;
    struct pool p = {.n = 0};
    add(&p, "veteran", 40, 0.9);
    add(&p, "returner", 40, 0.5);
    assert_chosen(&p, &vc_probation_default, &calm, "veteran", VC_RULE_FORMULA);
    p.trials[1].done = 0;
    assert_chosen(&p, &vc_probation_default, &calm, "returner", VC_RULE_PROBATION);
}

static void trials_stay_within_a_fifth_of_the_decisions(void **state)
{
    (void)state;
    static const struct {
        uint64_t decisions, trials;
        enum vc_rule rule;
    } rows[] = {
        {0, 0, VC_RULE_FORMULA},    {3, 0, VC_RULE_FORMULA},     {4, 0, VC_RULE_PROBATION},
        {8, 1, VC_RULE_FORMULA},    {9, 1, VC_RULE_PROBATION},   {13, 2, VC_RULE_FORMULA},
        {14, 2, VC_RULE_PROBATION}, {99, 19, VC_RULE_PROBATION}, {99, 20, VC_RULE_FORMULA},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pool p = one_veteran();
        struct vc_choice_context context = calm;
        context.type_decisions = rows[i].decisions;
        context.type_trials = rows[i].trials;
        assert_int_equal(choose_with(&p, &vc_probation_default, &context).rule, rows[i].rule);
    }
}

static void every_share_is_met_exactly_in_spite_of_rounding(void **state)
{
    (void)state;
    struct pool p = one_veteran();
    for (uint64_t percent = 1; percent <= 100; percent++) {
        struct vc_probation probation = vc_probation_default;
        probation.max_share = (double)percent / 100;
        struct vc_choice_context context = calm;
        context.type_decisions = 99;
        context.type_trials = percent - 1;
        assert_int_equal(choose_with(&p, &probation, &context).rule, VC_RULE_PROBATION);
        context.type_trials = percent;
        assert_int_equal(choose_with(&p, &probation, &context).rule, VC_RULE_FORMULA);
    }
}

static void the_highest_priorities_are_never_trials(void **state)
{
    (void)state;
    for (uint32_t priority = 0; priority <= 9; priority++) {
        struct pool p = one_veteran();
        struct vc_choice_context context = calm;
        context.priority = priority;
        assert_int_equal(choose_with(&p, &vc_probation_default, &context).rule,
                         priority <= 7 ? VC_RULE_PROBATION : VC_RULE_FORMULA);
    }
}

static void a_tight_deadline_is_no_place_for_a_trial(void **state)
{
    (void)state;
    static const struct {
        int64_t deadline_in_ms;
        enum vc_rule rule;
    } rows[] = {{-1, VC_RULE_PROBATION},
                {0, VC_RULE_FORMULA},
                {59999, VC_RULE_FORMULA},
                {60000, VC_RULE_PROBATION}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pool p = one_veteran();
        struct vc_choice_context context = calm;
        context.deadline_in_ms = rows[i].deadline_in_ms;
        assert_int_equal(choose_with(&p, &vc_probation_default, &context).rule, rows[i].rule);
    }
}

static void the_best_record_elsewhere_goes_first(void **state)
{
    (void)state;
    struct pool p = one_veteran();
    p.trials[1].other_n = 10, p.trials[1].other_value_sum = 4;   /* (4 + 1) / 12 = 0.42 */
    p.trials[2].other_n = 100, p.trials[2].other_value_sum = 90; /* 91 / 102 = 0.89 */
    p.trials[3].other_n = 1, p.trials[3].other_value_sum = 1;    /* 2 / 3 */
    assert_chosen(&p, &vc_probation_default, &calm, "y", VC_RULE_PROBATION);
    p.trials[2].done = 3;
    assert_chosen(&p, &vc_probation_default, &calm, "z", VC_RULE_PROBATION);
}

static void equal_records_go_by_fewer_trials_then_by_rank(void **state)
{
    (void)state;
    struct pool p = one_veteran();
    p.trials[1].done = 2;
    p.trials[2].done = 1;
    p.trials[3].done = 1;
    assert_chosen(&p, &vc_probation_default, &calm, "y", VC_RULE_PROBATION);
}

static void nobody_with_a_record_is_the_fallback_by_load(void **state)
{
    (void)state;
    struct pool p = {.n = 0};
    add(&p, "busy", 0, 0);
    add(&p, "idle", 0, 0);
    p.candidates[0].capacity = 2;
    p.candidates[0].in_flight = 1;
    assert_chosen(&p, &vc_probation_default, &calm, "idle", VC_RULE_FALLBACK_LOAD);
}

static void a_pinned_task_says_so(void **state)
{
    (void)state;
    struct pool p = {.n = 0};
    add(&p, "x", 0, 0);
    struct vc_choice_context context = calm;
    context.pinned = true;
    assert_chosen(&p, &vc_probation_default, &context, "x", VC_RULE_PINNED);
    p.candidates[0].n = 7;
    assert_chosen(&p, &vc_probation_default, &context, "x", VC_RULE_PINNED);
}

static void the_trials_follow_their_candidates_through_the_ranking(void **state)
{
    (void)state;
    struct pool p = {.n = 0};
    add(&p, "fresh", 0, 0);
    add(&p, "poor", 30, 0.1);
    add(&p, "veteran", 40, 0.9);
    assert_chosen(&p, &vc_probation_default, &calm, "fresh", VC_RULE_PROBATION);
    p.trials[0].done = 3;
    assert_chosen(&p, &vc_probation_default, &calm, "veteran", VC_RULE_FORMULA);
}

/* What came of a run of tasks of one type, one at a time. */
struct tally {
    uint32_t got[AGENTS_MAX], last_hundred[AGENTS_MAX], trials;
};

static struct tally simulate(struct pool *p, const double *skill, uint64_t seed, size_t tasks,
                             const struct vc_probation *probation)
{
    struct vc_random random = {seed};
    struct tally tally = {.trials = 0};
    double value_sum[AGENTS_MAX];
    for (size_t i = 0; i < p->n; i++)
        value_sum[i] = p->trials[i].other_value_sum;
    for (size_t t = 0; t < tasks; t++) {
        struct vc_choice_context context = calm;
        context.type_decisions = t;
        context.type_trials = tally.trials;
        struct vc_choice choice = choose_with(p, probation, &context);
        uint32_t i = choice.chosen->candidate->agent;
        tally.got[i]++;
        tally.last_hundred[i] += t + 100 >= tasks;
        tally.trials += choice.rule == VC_RULE_PROBATION;
        assert_true((size_t)tally.trials * 5 <= t + 1);
        struct vc_candidate *c = &p->candidates[i];
        value_sum[i] += random_unit(&random) < skill[i];
        c->n++;
        c->agent_success_rate = c->expertise = value_sum[i] / (double)c->n;
        c->confidence = fmin(1, (double)c->n / 20);
        p->trials[i] = (struct vc_trial){(uint32_t)c->n, c->n, value_sum[i]};
    }
    return tally;
}

static void the_bare_formula_never_tries_a_better_newcomer_and_probation_does(void **state)
{
    (void)state;
    static const double skill[] = {0.6, 0.95};
    struct vc_probation strict = vc_probation_default;
    strict.on = false;
    uint32_t newcomers = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct pool bare = {.n = 0}, helped = {.n = 0};
        add(&bare, "incumbent", 40, 0.6);
        add(&bare, "newcomer", 0, 0);
        add(&helped, "incumbent", 40, 0.6);
        add(&helped, "newcomer", 0, 0);
        assert_int_equal(simulate(&bare, skill, seed, 300, &strict).got[1], 0);
        struct tally tally = simulate(&helped, skill, seed, 300, &vc_probation_default);
        assert_true(tally.trials <= 3);
        newcomers += tally.last_hundred[1];
    }
    /* Three successes in a row, 86 of 100 runs, carry it past the incumbent for good. */
    assert_true(newcomers > 200 * 75);
}

static void a_crowd_of_newcomers_shares_the_fifth(void **state)
{
    (void)state;
    static char ids[AGENTS_MAX][8];
    static double skill[AGENTS_MAX];
    struct pool p = {.n = 0};
    add(&p, "veteran", 40, 0.9);
    skill[0] = 0.9;
    for (size_t i = 1; i < AGENTS_MAX; i++) {
        snprintf(ids[i], sizeof ids[i], "n%02zu", i);
        add(&p, ids[i], 0, 0);
    }
    struct tally tally = simulate(&p, skill, 3, 1000, &vc_probation_default);
    assert_int_equal(tally.trials, 3 * (AGENTS_MAX - 1));
    for (size_t i = 1; i < AGENTS_MAX; i++)
        assert_int_equal(tally.got[i], 3);
}

static void rules_have_the_names_of_the_protocol(void **state)
{
    (void)state;
    static const char *const names[VC_RULE_COUNT] = {"formula", "fallback_load", "pinned",
                                                     "probation"};
    for (int i = 0; i < VC_RULE_COUNT; i++) {
        assert_string_equal(vc_rule_name((enum vc_rule)i), names[i]);
        assert_true(strlen(vc_rule_text((enum vc_rule)i)) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strict_leaves_the_choice_to_the_formula),
        cmocka_unit_test(an_untried_agent_gets_a_trial_and_keeps_the_formulas_score),
        cmocka_unit_test(a_cell_gets_three_trials_and_no_fourth),
        cmocka_unit_test(one_who_wins_by_score_needs_no_trial),
        cmocka_unit_test(a_returner_is_tried_again),
        cmocka_unit_test(trials_stay_within_a_fifth_of_the_decisions),
        cmocka_unit_test(every_share_is_met_exactly_in_spite_of_rounding),
        cmocka_unit_test(the_highest_priorities_are_never_trials),
        cmocka_unit_test(a_tight_deadline_is_no_place_for_a_trial),
        cmocka_unit_test(the_best_record_elsewhere_goes_first),
        cmocka_unit_test(equal_records_go_by_fewer_trials_then_by_rank),
        cmocka_unit_test(nobody_with_a_record_is_the_fallback_by_load),
        cmocka_unit_test(a_pinned_task_says_so),
        cmocka_unit_test(the_trials_follow_their_candidates_through_the_ranking),
        cmocka_unit_test(the_bare_formula_never_tries_a_better_newcomer_and_probation_does),
        cmocka_unit_test(a_crowd_of_newcomers_shares_the_fifth),
        cmocka_unit_test(rules_have_the_names_of_the_protocol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
