#include "coordinator/heap.h"
#include "tests/support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TASKS 40
#define STEPS 4000
#define SEEDS 20

/* Only what the heap looks at; order = place in the array. */
static void make(struct vc_task tasks[TASKS])
{
    for (size_t i = 0; i < TASKS; i++)
        tasks[i] = (struct vc_task){.deadline = {INT64_MAX},
                                    .answer_by = {INT64_MAX},
                                    .lease_until = {INT64_MAX},
                                    .stop_at = {INT64_MAX},
                                    .order = i,
                                    .timer = SIZE_MAX};
}

static const struct vc_task *first_by_looking_at_all(const struct vc_task tasks[TASKS],
                                                     const bool in[TASKS])
{
    const struct vc_task *best = NULL;
    for (size_t i = 0; i < TASKS; i++)
        if (in[i] && (!best || vc_task_due(&tasks[i]).ms < vc_task_due(best).ms))
            best = &tasks[i];
    return best;
}

static void top_is_what_a_look_at_all_finds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct vc_random random = {seed};
        struct vc_task tasks[TASKS];
        bool in[TASKS] = {false};
        struct vc_heap heap = {0};
        make(tasks);
        for (int step = 0; step < STEPS; step++) {
            size_t i = random_below(&random, TASKS);
            bool never = random_below(&random, 5) == 0;
            if (random_below(&random, 4) == 0) {
                vc_heap_remove(&heap, &tasks[i]);
                in[i] = false;
            } else {
                int64_t due = never ? INT64_MAX : (int64_t)random_below(&random, 30);
                tasks[i].lease_until.ms = due;
                vc_heap_set(&heap, &tasks[i]);
                in[i] = !never;
            }
            if (vc_heap_top(&heap) != first_by_looking_at_all(tasks, in))
                fail_msg("seed %llu, step %d", (unsigned long long)seed, step);
        }
        vc_heap_fini(&heap);
    }
}

static void equal_limits_come_in_the_order_of_acceptance(void **state)
{
    (void)state;
    struct vc_task tasks[TASKS];
    struct vc_heap heap = {0};
    make(tasks);
    for (size_t i = TASKS; i-- > 0;) {
        tasks[i].deadline.ms = 7;
        vc_heap_set(&heap, &tasks[i]);
    }
    for (size_t i = 0; i < TASKS; i++) {
        assert_ptr_equal(vc_heap_top(&heap), &tasks[i]);
        vc_heap_remove(&heap, &tasks[i]);
    }
    assert_null(vc_heap_top(&heap));
    vc_heap_fini(&heap);
}

static void what_is_not_in_can_be_removed_and_what_is_due_never_leaves(void **state)
{
    (void)state;
    struct vc_task tasks[TASKS];
    struct vc_heap heap = {0};
    make(tasks);
    vc_heap_remove(&heap, &tasks[0]);
    vc_heap_set(&heap, &tasks[0]);
    assert_null(vc_heap_top(&heap));
    tasks[0].stop_at.ms = 1;
    vc_heap_set(&heap, &tasks[0]);
    assert_ptr_equal(vc_heap_top(&heap), &tasks[0]);
    tasks[0].stop_at.ms = INT64_MAX;
    vc_heap_set(&heap, &tasks[0]);
    assert_null(vc_heap_top(&heap));
    assert_true(tasks[0].timer == SIZE_MAX);
    vc_heap_fini(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(top_is_what_a_look_at_all_finds),
        cmocka_unit_test(equal_limits_come_in_the_order_of_acceptance),
        cmocka_unit_test(what_is_not_in_can_be_removed_and_what_is_due_never_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
