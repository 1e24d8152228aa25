#include "learning/curve.h"

#include "tests/support/near.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_curve_holds_the_days_and_what_they_add_up_to(void **state)
{
    (void)state;
    static const struct vc_curve_day days[] = {
        {.day = 20000, .executions = 4, .value_sum = 1, .duration_ms = 400, .cost_micros = 10},
        {.day = 20001, .executions = 1, .value_sum = 1, .duration_ms = 50, .cost_micros = 0},
        {.day = 20009, .executions = 5, .value_sum = 4.5, .duration_ms = 1, .cost_micros = 5},
    };
    struct vc_curve_point out[3];
    vc_curve_of(days, 3, out);
    assert_int_equal(out[2].day, 20009);
    assert_int_equal(out[2].executions, 5);
    assert_near(out[0].success_rate, 0.25);
    assert_near(out[1].success_rate, 1);
    assert_near(out[2].success_rate, 0.9);
    assert_near(out[0].cumulative_success_rate, 0.25);
    assert_near(out[1].cumulative_success_rate, 0.4);
    assert_near(out[2].cumulative_success_rate, 0.65);
    assert_near(out[0].mean_duration_ms, 100);
    assert_near(out[2].mean_duration_ms, 0.2);
    assert_near(out[0].mean_cost_micros, 2.5);
}

static void a_trend_needs_two_days(void **state)
{
    (void)state;
    struct vc_curve_day day = {.day = 5, .executions = 3, .value_sum = 2};
    double slope = 42;
    assert_false(vc_curve_trend(NULL, 0, &slope));
    assert_false(vc_curve_trend(&day, 1, &slope));
    assert_exactly(slope, 42);
}

static void two_days_give_their_difference_by_day(void **state)
{
    (void)state;
    struct vc_curve_day days[] = {{.day = 10, .executions = 9, .value_sum = 9},
                                  {.day = 14, .executions = 2, .value_sum = 1}};
    double slope = 0;
    assert_true(vc_curve_trend(days, 2, &slope));
    assert_near(slope, -0.125);
}

static void days_weigh_by_their_executions(void **state)
{
    (void)state;
    /* Rates 0, 1, 0 on days 0, 1, 2 with weights 1, 1, 2: mean x = 1.25, mean y = 0.25,
     * sum w dx dy = -0.25, sum w dx dx = 2.75. */
    struct vc_curve_day days[] = {{.day = 20000, .executions = 1, .value_sum = 0},
                                  {.day = 20001, .executions = 1, .value_sum = 1},
                                  {.day = 20002, .executions = 2, .value_sum = 0}};
    double slope = 0;
    assert_true(vc_curve_trend(days, 3, &slope));
    assert_near(slope, -1.0 / 11);
}

static void a_straight_climb_over_a_century_keeps_its_slope(void **state)
{
    (void)state;
    struct vc_curve_day days[100];
    for (int i = 0; i < 100; i++)
        days[i] = (struct vc_curve_day){.day = 1000000 + i * 365,
                                        .executions = (uint64_t)(1 + i % 7),
                                        .value_sum = (1 + i % 7) * i / 100.0};
    double slope = 0;
    assert_true(vc_curve_trend(days, 100, &slope));
    assert_near_at(slope, 0.01 / 365, 1e-12, __FILE__, __LINE__);
}

static void a_day_begins_at_midnight_utc(void **state)
{
    (void)state;
    static const struct {
        int64_t ms, day;
    } rows[] = {{0, 0},
                {86399999, 0},
                {86400000, 1},
                {-1, -1},
                {-86400000, -1},
                {-86400001, -2},
                {VC_WALL_MAX_MS, 2932896}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(vc_day_of((struct vc_wall){rows[i].ms}), rows[i].day);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_curve_holds_the_days_and_what_they_add_up_to),
        cmocka_unit_test(a_trend_needs_two_days),
        cmocka_unit_test(two_days_give_their_difference_by_day),
        cmocka_unit_test(days_weigh_by_their_executions),
        cmocka_unit_test(a_straight_climb_over_a_century_keeps_its_slope),
        cmocka_unit_test(a_day_begins_at_midnight_utc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
