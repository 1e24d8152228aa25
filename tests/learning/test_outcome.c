#include "learning/outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void every_outcome_is_read_back_from_its_word(void **state)
{
    (void)state;
    for (int i = 0; i < VC_OUTCOME_COUNT; i++) {
        enum vc_outcome back = VC_OUTCOME_COUNT;
        assert_true(vc_outcome_parse(vc_outcome_name((enum vc_outcome)i), &back));
        assert_int_equal(back, i);
    }
}

static void every_error_class_but_none_is_read_back_from_its_word(void **state)
{
    (void)state;
    for (int i = VC_ERROR_NONE + 1; i < VC_ERROR_COUNT; i++) {
        enum vc_error_class back = VC_ERROR_COUNT;
        assert_true(vc_error_class_parse(vc_error_class_name((enum vc_error_class)i), &back));
        assert_int_equal(back, i);
    }
}

static void unknown_words_are_refused_and_leave_the_output_alone(void **state)
{
    (void)state;
    static const char *const words[] = {"", "Success", "succes", "success ", "agent-error"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        enum vc_outcome outcome = VC_OUTCOME_TIMEOUT;
        enum vc_error_class cls = VC_ERROR_STALE;
        assert_false(vc_outcome_parse(words[i], &outcome));
        assert_false(vc_error_class_parse(words[i], &cls));
        assert_int_equal(outcome, VC_OUTCOME_TIMEOUT);
        assert_int_equal(cls, VC_ERROR_STALE);
    }
}

static void an_outcome_without_a_class_gets_its_own(void **state)
{
    (void)state;
    assert_int_equal(vc_error_class_default(VC_OUTCOME_SUCCESS), VC_ERROR_NONE);
    assert_int_equal(vc_error_class_default(VC_OUTCOME_FAILURE), VC_ERROR_AGENT_ERROR);
    assert_int_equal(vc_error_class_default(VC_OUTCOME_TIMEOUT), VC_ERROR_TIMEOUT);
    assert_int_equal(vc_error_class_default(VC_OUTCOME_DECLINED), VC_ERROR_DECLINED);
    assert_int_equal(vc_error_class_default(VC_OUTCOME_CANCELED), VC_ERROR_CANCELED);
}

static void only_the_agents_own_failures_count(void **state)
{
    (void)state;
    static const bool counted[VC_ERROR_COUNT] = {
        [VC_ERROR_AGENT_ERROR] = true,    [VC_ERROR_TOOL_ERROR] = true,
        [VC_ERROR_MODEL_ERROR] = true,    [VC_ERROR_TIMEOUT] = true,
        [VC_ERROR_INVALID_INPUT] = false, /* the submitter's fault, not the agent's */
    };
    for (int i = 0; i < VC_ERROR_COUNT; i++) {
        enum vc_error_class cls = (enum vc_error_class)i;
        assert_int_equal(vc_outcome_counts(VC_OUTCOME_FAILURE, cls), counted[i]);
        assert_int_equal(vc_outcome_counts(VC_OUTCOME_TIMEOUT, cls), counted[i]);
        assert_true(vc_outcome_counts(VC_OUTCOME_SUCCESS, cls));
        assert_false(vc_outcome_counts(VC_OUTCOME_DECLINED, cls));
        assert_false(vc_outcome_counts(VC_OUTCOME_CANCELED, cls));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_outcome_is_read_back_from_its_word),
        cmocka_unit_test(every_error_class_but_none_is_read_back_from_its_word),
        cmocka_unit_test(unknown_words_are_refused_and_leave_the_output_alone),
        cmocka_unit_test(an_outcome_without_a_class_gets_its_own),
        cmocka_unit_test(only_the_agents_own_failures_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
