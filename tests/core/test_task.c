#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "coordinator/task.h"

/* A row for each state to leave, a column for each to enter, both in the order of task_state.def.
 */
static const char *const moves[VC_TASK_STATE_COUNT] = {
    /* s q a w c f x e d r */
    ". Y . . . . . . . Y", /* submitted */
    ". . Y . . . Y Y . .", /* queued */
    ". Y . Y Y Y Y Y Y .", /* assigned */
    ". Y . . Y Y Y Y Y .", /* working */
    ". . . . . . . . . .", /* completed */
    ". Y . . . . . . . .", /* failed */
    ". Y . . . . . . . .", /* canceled */
    ". Y . . . . . . . .", /* expired */
    ". Y . . . . . . . .", /* dead */
    ". . . . . . . . . .", /* rejected */
};

static void moves_are_those_of_the_table(void **state)
{
    (void)state;
    for (int from = 0; from < VC_TASK_STATE_COUNT; from++)
        for (int to = 0; to < VC_TASK_STATE_COUNT; to++)
            assert_int_equal(vc_task_move_ok((enum vc_task_state)from, (enum vc_task_state)to),
                             moves[from][2 * (size_t)to] == 'Y');
}

static void names_parse_back_and_nothing_else_does(void **state)
{
    (void)state;
    static const char *const words[] = {"submitted", "queued",   "assigned", "working", "completed",
                                        "failed",    "canceled", "expired",  "dead",    "rejected"};
    enum vc_task_state got = VC_TASK_DEAD;
    for (int i = 0; i < VC_TASK_STATE_COUNT; i++) {
        assert_string_equal(vc_task_state_name((enum vc_task_state)i), words[i]);
        assert_true(vc_task_state_parse(words[i], &got));
        assert_int_equal(got, i);
    }
    static const char *const others[] = {"", "Queued", "queued ", "queue", "cancelled"};
    got = VC_TASK_DEAD;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(vc_task_state_parse(others[i], &got));
    assert_int_equal(got, VC_TASK_DEAD);
}

static void six_states_are_final(void **state)
{
    (void)state;
    for (int i = 0; i < VC_TASK_STATE_COUNT; i++)
        assert_int_equal(vc_task_state_final((enum vc_task_state)i), i >= VC_TASK_COMPLETED);
}

static struct vc_submission submission(void)
{
    return (struct vc_submission){
        .task_id = "t1", .title = "T", .spec = "{}", .max_attempts = 3, .budget_micros = -1};
}

static char *key_of(struct vc_submission s)
{
    struct vc_task *task = vc_task_create(&s);
    char *key = strdup(task->wants.key);
    vc_task_destroy(&task);
    return key;
}

static void assert_keys(struct vc_submission a, struct vc_submission b, bool equal)
{
    char *x = key_of(a), *y = key_of(b);
    assert_int_equal(strcmp(x, y) == 0, equal);
    free(x);
    free(y);
}

static void equal_wants_in_any_order_are_one_class(void **state)
{
    (void)state;
    const char *ab[] = {"a", "b"}, *ba[] = {"b", "a"};
    struct vc_submission x = submission(), y = submission();
    x.requires = ab;
    y.requires = ba;
    x.requires_n = y.requires_n = 2;
    x.exclude_agents = ba;
    y.exclude_agents = ab;
    x.exclude_agents_n = y.exclude_agents_n = 2;
    y.priority = 9;
    y.timeout_ms = 1;
    y.title = "another";
    assert_keys(x, y, true);
}

static void every_want_makes_another_class(void **state)
{
    (void)state;
    const char *a[] = {"a"};
    struct vc_submission all[6];
    for (size_t i = 0; i < 6; i++)
        all[i] = submission();
    all[1].role = "a";
    all[2].pin_agent_id = "a";
    all[3].requires = a;
    all[3].requires_n = 1;
    all[4].exclude_agents = a;
    all[4].exclude_agents_n = 1;
    all[5].budget_micros = 0;
    for (size_t i = 0; i < 6; i++)
        for (size_t k = 0; k < 6; k++)
            assert_keys(all[i], all[k], i == k);
}

static void due_is_the_nearest_limit(void **state)
{
    (void)state;
    struct vc_submission s = submission();
    struct vc_task *task = vc_task_create(&s);
    assert_true(vc_task_due(task).ms == INT64_MAX);
    task->deadline.ms = 40;
    assert_int_equal(vc_task_due(task).ms, 40);
    task->lease_until.ms = 30;
    assert_int_equal(vc_task_due(task).ms, 30);
    task->stop_at.ms = 20;
    assert_int_equal(vc_task_due(task).ms, 20);
    task->answer_by.ms = 10;
    assert_int_equal(vc_task_due(task).ms, 10);
    task->deadline.ms = 5;
    assert_int_equal(vc_task_due(task).ms, 5);
    vc_task_destroy(&task);
    assert_null(task);
}

static void who_failed_it_is_remembered_once(void **state)
{
    (void)state;
    struct vc_submission s = submission();
    struct vc_task *task = vc_task_create(&s);
    for (uint32_t round = 0; round < 2; round++)
        for (uint32_t agent = 0; agent < 20; agent++)
            vc_task_add_tried(task, agent);
    assert_int_equal(task->tried_n, 20);
    assert_true(vc_task_was_tried(task, 19));
    assert_false(vc_task_was_tried(task, 20));
    vc_task_destroy(&task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_are_those_of_the_table),
        cmocka_unit_test(names_parse_back_and_nothing_else_does),
        cmocka_unit_test(six_states_are_final),
        cmocka_unit_test(equal_wants_in_any_order_are_one_class),
        cmocka_unit_test(every_want_makes_another_class),
        cmocka_unit_test(due_is_the_nearest_limit),
        cmocka_unit_test(who_failed_it_is_remembered_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
