#include "scoring/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct vc_candidate candidate(const char *id, double expertise, double confidence)
{
    return (struct vc_candidate){.agent_id = id,
                                 .capacity = 1,
                                 .agent_success_rate = 1,
                                 .expertise = expertise,
                                 .confidence = confidence,
                                 .n = 4};
}

static struct vc_score score_of(const struct vc_candidate *c)
{
    return vc_score_of(c, vc_weights_default, VC_BASE_SUCCESS_LOAD);
}

static void a_score_is_written_so_that_it_can_be_added_up(void **state)
{
    (void)state;
    struct vc_candidate c = candidate("a1", 0.9, 1);
    c.agent_success_rate = 0.25;
    struct vc_score score = score_of(&c);
    VC_AUTO_BUF struct vc_buf out = {0};
    vc_explain_score(&score, vc_weights_default, &out);
    assert_string_equal(vc_buf_text(&out),
                        "a1 0.725 = 0.3*0.250 load + 0.5*0.900 expertise + 0.2*1.000 confidence\n");
}

static void assert_sentence(const struct vc_candidate *chosen, enum vc_rule rule,
                            const struct vc_candidate *runner_up, const char *wanted)
{
    struct vc_score a = score_of(chosen);
    struct vc_score b = runner_up ? score_of(runner_up) : a;
    struct vc_choice choice = {.chosen = &a, .rule = rule};
    VC_AUTO_BUF struct vc_buf out = {0};
    vc_explain_choice(&choice, runner_up ? &b : NULL, &out);
    assert_string_equal(vc_buf_text(&out), wanted);
}

static void a_choice_without_a_rival_is_one_clause(void **state)
{
    (void)state;
    struct vc_candidate c = candidate("a1", 0.9, 1);
    assert_sentence(&c, VC_RULE_PINNED, NULL,
                    "a1 got it because the submitter pinned the task to it.\n");
}

static void a_higher_score_shows_both_numbers(void **state)
{
    (void)state;
    struct vc_candidate a = candidate("a1", 0.9, 1), b = candidate("b2", 0.5, 1);
    assert_sentence(&a, VC_RULE_FORMULA, &b,
                    "a1 got it because its score is the highest; next is b2 (0.750 against "
                    "0.950).\n");
}

static void two_close_scores_are_shown_in_full(void **state)
{
    (void)state;
    struct vc_candidate a = candidate("a1", 0.90002, 1), b = candidate("b2", 0.9, 1);
    assert_sentence(&a, VC_RULE_FORMULA, &b,
                    "a1 got it because its score is the highest; next is b2 (0.950000000 against "
                    "0.950010000).\n");
}

static void a_tie_names_what_broke_it(void **state)
{
    (void)state;
    struct vc_candidate a = candidate("a1", 0.9, 1), b = candidate("b2", 0.9, 1);
    assert_sentence(&a, VC_RULE_FORMULA, &b,
                    "a1 got it because its score is the highest; it ties with b2 at 0.950, and "
                    "its id sorts first.\n");
    b.idle_since.ms = 1;
    assert_sentence(&a, VC_RULE_FORMULA, &b,
                    "a1 got it because its score is the highest; it ties with b2 at 0.950, and "
                    "it has been idle for longer.\n");
    a.n = 5;
    assert_sentence(&a, VC_RULE_FORMULA, &b,
                    "a1 got it because its score is the highest; it ties with b2 at 0.950, and "
                    "it has done more of this type.\n");
    a.agent_success_rate = 0.5;
    b.in_flight = 1;
    assert_sentence(&a, VC_RULE_FORMULA, &b,
                    "a1 got it because its score is the highest; it ties with b2 at 0.800, and "
                    "it carries less load.\n");
}

static void probation_names_the_one_who_would_have_got_it(void **state)
{
    (void)state;
    struct vc_candidate a = candidate("new", 0, 0), b = candidate("b2", 0.9, 1);
    assert_sentence(&a, VC_RULE_PROBATION, &b,
                    "new got it because it is new or returning here and gets one of its bounded "
                    "trials; by score alone it would have gone to b2 (0.950, not 0.300).\n");
}

static void a_name_cannot_forge_a_line(void **state)
{
    (void)state;
    struct vc_candidate c = candidate("a\nb", 0, 0);
    assert_sentence(&c, VC_RULE_FALLBACK_LOAD, NULL,
                    "a\\x0ab got it because nobody has a record in this task type yet, so load "
                    "decides.\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_score_is_written_so_that_it_can_be_added_up),
        cmocka_unit_test(a_choice_without_a_rival_is_one_clause),
        cmocka_unit_test(a_higher_score_shows_both_numbers),
        cmocka_unit_test(two_close_scores_are_shown_in_full),
        cmocka_unit_test(a_tie_names_what_broke_it),
        cmocka_unit_test(probation_names_the_one_who_would_have_got_it),
        cmocka_unit_test(a_name_cannot_forge_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
