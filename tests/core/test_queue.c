#include "coordinator/queue.h"
#include "tests/support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>
#include <cmocka.h>

#define TASKS 60
#define STEPS 4000
#define SEEDS 20

static char key_a[] = "a", key_b[] = "b", key_c[] = "c", key_d[] = "d";
static char *const keys[] = {key_a, key_b, key_c, key_d};
#define KEYS (sizeof keys / sizeof *keys)

/* Only what the queue looks at. */
static struct vc_task task_of(char *key, uint32_t priority, uint64_t order)
{
    return (struct vc_task){.wants = {.key = key}, .priority = priority, .order = order};
}

static void higher_priority_first_then_the_older_across_classes(void **state)
{
    (void)state;
    struct vc_queue queue = {0};
    struct vc_task tasks[] = {task_of(key_a, 5, 1), task_of(key_b, 5, 0), task_of(key_a, 9, 2),
                              task_of(key_c, 0, 3)};
    static const size_t wanted[] = {2, 1, 0, 3};
    for (size_t i = 0; i < 4; i++)
        vc_queue_push(&queue, &tasks[i]);
    assert_int_equal(queue.classes_n, 3);
    for (size_t i = 0; i < 4; i++) {
        assert_ptr_equal(vc_queue_next(&queue), &tasks[wanted[i]]);
        vc_queue_remove(&queue, &tasks[wanted[i]]);
    }
    assert_null(vc_queue_next(&queue));
    assert_int_equal(queue.len, 0);
    assert_int_equal(queue.classes_n, 0);
    vc_queue_fini(&queue);
}

static void a_resting_class_is_passed_over_until_it_is_woken(void **state)
{
    (void)state;
    struct vc_queue queue = {0};
    struct vc_task first = task_of(key_a, 9, 0), second = task_of(key_b, 1, 1),
                   late = task_of(key_a, 9, 2);
    vc_queue_push(&queue, &first);
    vc_queue_push(&queue, &second);
    vc_queue_rest(&queue, &first);
    assert_ptr_equal(vc_queue_next(&queue), &second);
    vc_queue_push(&queue, &late);
    assert_ptr_equal(vc_queue_next(&queue), &second);
    vc_queue_rest(&queue, &second);
    assert_null(vc_queue_next(&queue));
    vc_queue_wake(&queue);
    assert_ptr_equal(vc_queue_next(&queue), &first);
    vc_queue_fini(&queue);
}

static void what_comes_back_takes_its_old_place(void **state)
{
    (void)state;
    struct vc_queue queue = {0};
    struct vc_task tasks[5];
    for (size_t i = 0; i < 5; i++) {
        tasks[i] = task_of(key_a, 5, i);
        vc_queue_push(&queue, &tasks[i]);
    }
    static const size_t out_and_back[] = {2, 0, 4, 1};
    for (size_t i = 0; i < 4; i++)
        vc_queue_remove(&queue, &tasks[out_and_back[i]]);
    for (size_t i = 0; i < 4; i++)
        vc_queue_push(&queue, &tasks[out_and_back[i]]);
    for (size_t i = 0; i < 5; i++) {
        assert_ptr_equal(vc_queue_next(&queue), &tasks[i]);
        vc_queue_remove(&queue, &tasks[i]);
    }
    vc_queue_fini(&queue);
}

/* -- against a look at everything ---------------------------------------------------------------
 */

struct model {
    struct vc_task tasks[TASKS];
    bool in[TASKS], resting[KEYS];
    struct vc_queue queue;
    uint64_t next_order;
};

static size_t key_number(const struct vc_task *task)
{
    size_t i = 0;
    while (keys[i] != task->wants.key)
        i++;
    return i;
}

static const struct vc_task *next_by_looking_at_all(const struct model *m)
{
    const struct vc_task *best = NULL;
    for (size_t i = 0; i < TASKS; i++) {
        const struct vc_task *t = &m->tasks[i];
        if (!m->in[i] || m->resting[key_number(t)])
            continue;
        if (!best || t->priority > best->priority ||
            (t->priority == best->priority && t->order < best->order))
            best = t;
    }
    return best;
}

/* A class that empties is forgotten, its rest with it. */
static void forget_rest_of_empty(struct model *m)
{
    bool used[KEYS] = {false};
    for (size_t i = 0; i < TASKS; i++)
        if (m->in[i])
            used[key_number(&m->tasks[i])] = true;
    for (size_t k = 0; k < KEYS; k++)
        m->resting[k] = m->resting[k] && used[k];
}

static void change(struct model *m, struct vc_random *random)
{
    size_t i = random_below(random, TASKS);
    struct vc_task *task = &m->tasks[i];
    uint64_t luck = random_below(random, 20);
    if (luck == 0) {
        vc_queue_wake(&m->queue);
        memset(m->resting, 0, sizeof m->resting);
    } else if (luck < 4 && vc_queue_next(&m->queue)) {
        m->resting[key_number(vc_queue_next(&m->queue))] = true;
        vc_queue_rest(&m->queue, vc_queue_next(&m->queue));
    } else if (m->in[i]) {
        vc_queue_remove(&m->queue, task);
        m->in[i] = false;
        forget_rest_of_empty(m);
    } else {
        bool back = task->wants.key && random_below(random, 2) == 0;
        if (!back)
            *task = task_of(keys[random_below(random, KEYS)],
                            (uint32_t)random_below(random, VC_PRIORITIES), m->next_order++);
        vc_queue_push(&m->queue, task);
        m->in[i] = true;
    }
}

static void next_is_what_a_look_at_all_finds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct vc_random random = {seed};
        struct model m = {0};
        for (int step = 0; step < STEPS; step++) {
            change(&m, &random);
            size_t len = 0;
            for (size_t i = 0; i < TASKS; i++)
                len += m.in[i];
            if (vc_queue_next(&m.queue) != next_by_looking_at_all(&m) || m.queue.len != len)
                fail_msg("seed %llu, step %d", (unsigned long long)seed, step);
        }
        vc_queue_fini(&m.queue);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(higher_priority_first_then_the_older_across_classes),
        cmocka_unit_test(a_resting_class_is_passed_over_until_it_is_woken),
        cmocka_unit_test(what_comes_back_takes_its_old_place),
        cmocka_unit_test(next_is_what_a_look_at_all_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
