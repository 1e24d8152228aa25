#include "learning/expertise.h"

#include "tests/support/near.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROWS_MAX 400

static const struct vc_wall now = {INT64_C(1795514400000)};

/* A history in the making: rows are added in any order and sorted when looked at. */
struct history {
    struct vc_evidence rows[ROWS_MAX];
    char ids[ROWS_MAX][16];
    size_t n;
};

static void add(struct history *h, size_t count, double value, double age_days)
{
    for (size_t i = 0; i < count; i++, h->n++) {
        snprintf(h->ids[h->n], sizeof h->ids[h->n], "t%05zu", h->n);
        h->rows[h->n] = (struct vc_evidence){
            .finished_at = {now.ms - (int64_t)(age_days * (double)VC_DAY_MS + 0.5)},
            .task_id = h->ids[h->n],
            .epoch = 1,
            .value = value,
        };
    }
}

static int in_order(const void *a, const void *b)
{
    return vc_evidence_before(b, a) - vc_evidence_before(a, b);
}

static struct vc_expertise seen(struct history *h, enum vc_recency recency)
{
    qsort(h->rows, h->n, sizeof h->rows[0], in_order);
    return vc_expertise_of(h->rows, h->n, now, recency);
}

struct batch {
    size_t count;
    double value, age_days;
};

static void every_vector_comes_out_under_all_three_recencies(void **state)
{
    (void)state;
    static const struct {
        struct batch batches[10];
        uint64_t n;
        double expected[VC_RECENCY_COUNT];
    } vectors[] = {
        {{{5, 1, 1}, {5, 0, 30}}, 10, {0.981480211, 0.994735389, 0.750000000}},
        {{{5, 0, 1}, {5, 1, 30}}, 10, {0.018519789, 0.005264611, 0.250000000}},
        {{{19, 1, 60}, {1, 0, 0}}, 20, {0.016375871, 0.001198360, 0.863636364}},
        {{{1, 1, 6.9}, {1, 0, 7.1}}, 2, {0.753694874, 0.755318790, 0.750000000}},
        {{{1, 1, 0},
          {1, 1, 1},
          {1, 1, 2},
          {1, 1, 3},
          {1, 1, 4},
          {1, 0, 5},
          {1, 0, 6},
          {1, 0, 7},
          {1, 0, 8},
          {1, 0, 9}},
         10,
         {0.679994567, 0.721483702, 0.576923077}},
        {{{1, 1, 7}, {1, 0, 0}}, 2, {0.333333333, 0.268941421, 0.500000000}},
        {{{8, 1, 2}, {2, 0, 2}, {40, 1, 20}, {50, 0, 20}},
         100,
         {0.680739111, 0.733683580, 0.533333333}},
    };
    for (size_t v = 0; v < sizeof vectors / sizeof vectors[0]; v++) {
        struct history h = {0};
        for (size_t b = 0; b < 10; b++)
            add(&h, vectors[v].batches[b].count, vectors[v].batches[b].value,
                vectors[v].batches[b].age_days);
        for (int r = 0; r < VC_RECENCY_COUNT; r++) {
            struct vc_expertise x = seen(&h, (enum vc_recency)r);
            assert_near(x.expertise, vectors[v].expected[r]);
            assert_int_equal(x.n, vectors[v].n);
            assert_near(x.confidence, vectors[v].n < 20 ? (double)vectors[v].n / 20 : 1);
        }
    }
}

static void no_history_is_all_zero(void **state)
{
    (void)state;
    struct vc_expertise x = vc_expertise_of(NULL, 0, now, VC_RECENCY_HALF_LIFE);
    assert_exactly(x.expertise, 0);
    assert_exactly(x.confidence, 0);
    assert_int_equal(x.n, 0);
    assert_int_equal(x.recent_n, 0);
    assert_int_equal(x.newest_at.ms, 0);
}

static void confidence_is_full_at_twenty_and_not_before(void **state)
{
    (void)state;
    assert_exactly(vc_confidence_of(0), 0);
    assert_near(vc_confidence_of(19), 0.95);
    assert_exactly(vc_confidence_of(20), 1);
    assert_exactly(vc_confidence_of(1000000), 1);
}

static void the_seventh_day_is_recent_to_the_millisecond(void **state)
{
    (void)state;
    struct vc_evidence rows[] = {{{now.ms - 7 * VC_DAY_MS}, "a", 1, 1}, {now, "b", 1, 0}};
    struct vc_expertise x = vc_expertise_of(rows, 2, now, VC_RECENCY_STEP);
    assert_int_equal(x.recent_n, 2);
    assert_near(x.expertise, 0.5);
    assert_near(x.recent_success_rate, 0.5);
    rows[0].finished_at.ms--;
    x = vc_expertise_of(rows, 2, now, VC_RECENCY_STEP);
    assert_int_equal(x.recent_n, 1);
    assert_near(x.expertise, 0.25);
    assert_exactly(x.recent_success_rate, 0);
}

static void only_the_newest_hundred_are_weighed_but_all_are_counted(void **state)
{
    (void)state;
    struct history h = {0};
    add(&h, 150, 0, 2);
    add(&h, 60, 1, 1);
    struct vc_expertise x = seen(&h, VC_RECENCY_STEP);
    assert_int_equal(x.n, 210);
    assert_int_equal(x.recent_n, 100);
    assert_near(x.expertise, 0.6);
    assert_near(x.success_rate, 0.6);
}

static void the_hundred_are_picked_by_task_id_and_epoch_among_equal_finishes(void **state)
{
    (void)state;
    struct history h = {0};
    add(&h, 101, 1, 3);
    h.rows[0].value = 0; /* the smallest task_id: the one that is left out */
    assert_near(seen(&h, VC_RECENCY_HALF_LIFE).expertise, 1);
    h.rows[0].value = 1;
    h.rows[1].value = 0;
    assert_near(seen(&h, VC_RECENCY_HALF_LIFE).expertise, 0.99);
    struct vc_evidence first = {now, "a", 1, 0}, second = {now, "a", 2, 0};
    assert_true(vc_evidence_before(&first, &second));
    assert_false(vc_evidence_before(&second, &first));
    assert_false(vc_evidence_before(&first, &first));
}

static void a_finish_in_the_future_weighs_as_one_of_now(void **state)
{
    (void)state;
    struct vc_evidence at_now[] = {{{now.ms - 3 * VC_DAY_MS}, "a", 1, 0}, {now, "b", 1, 1}};
    struct vc_evidence ahead[] = {at_now[0], {{now.ms + 300 * VC_DAY_MS}, "b", 1, 1}};
    struct vc_expertise x = vc_expertise_of(at_now, 2, now, VC_RECENCY_E_FOLD);
    struct vc_expertise y = vc_expertise_of(ahead, 2, now, VC_RECENCY_E_FOLD);
    assert_near(x.expertise, y.expertise);
    assert_int_equal(y.recent_n, 2);
}

static void a_history_of_decades_ago_keeps_its_shape(void **state)
{
    (void)state;
    struct history h = {0};
    add(&h, 1, 1, 18000);
    add(&h, 1, 0, 18007);
    assert_near(seen(&h, VC_RECENCY_HALF_LIFE).expertise, 2.0 / 3);
}

static void graded_outcomes_count_by_their_value(void **state)
{
    (void)state;
    struct history h = {0};
    add(&h, 1, 0.25, 1);
    add(&h, 1, 0.75, 1);
    assert_near(seen(&h, VC_RECENCY_HALF_LIFE).expertise, 0.5);
}

static void every_recency_is_read_back_from_its_word(void **state)
{
    (void)state;
    enum vc_recency back = VC_RECENCY_STEP;
    for (int i = 0; i < VC_RECENCY_COUNT; i++) {
        assert_true(vc_recency_parse(vc_recency_name((enum vc_recency)i), &back));
        assert_int_equal(back, i);
    }
    assert_false(vc_recency_parse("halflife", &back));
    assert_int_equal(back, VC_RECENCY_STEP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_comes_out_under_all_three_recencies),
        cmocka_unit_test(no_history_is_all_zero),
        cmocka_unit_test(confidence_is_full_at_twenty_and_not_before),
        cmocka_unit_test(the_seventh_day_is_recent_to_the_millisecond),
        cmocka_unit_test(only_the_newest_hundred_are_weighed_but_all_are_counted),
        cmocka_unit_test(the_hundred_are_picked_by_task_id_and_epoch_among_equal_finishes),
        cmocka_unit_test(a_finish_in_the_future_weighs_as_one_of_now),
        cmocka_unit_test(a_history_of_decades_ago_keeps_its_shape),
        cmocka_unit_test(graded_outcomes_count_by_their_value),
        cmocka_unit_test(every_recency_is_read_back_from_its_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
