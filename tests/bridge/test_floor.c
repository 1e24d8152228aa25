#include "nats-bridge/floor.h"
#include "tests/support/random.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SPAN 5000

static void the_floor_follows_what_comes_in_order(void **state)
{
    (void)state;
    struct vc_floor f = {0};
    for (uint64_t seq = 1; seq <= 1000; seq++) {
        vc_floor_done(&f, seq);
        assert_int_equal(f.floor, seq);
    }
    assert_true(f.words <= 16);
    vc_floor_fini(&f);
}

static void a_gap_holds_the_floor_until_it_is_filled(void **state)
{
    (void)state;
    struct vc_floor f = {0};
    vc_floor_reset(&f, 100);
    for (uint64_t seq = 102; seq <= 300; seq++)
        vc_floor_done(&f, seq);
    vc_floor_done(&f, 7); /* long done with */
    assert_int_equal(f.floor, 100);
    vc_floor_done(&f, 101);
    assert_int_equal(f.floor, 300);
    vc_floor_fini(&f);
}

static void any_order_comes_to_the_same_as_a_plain_list(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct vc_random random = {seed};
        struct vc_floor f = {0};
        static bool done[SPAN + 2];
        memset(done, 0, sizeof done);
        uint64_t start = random_below(&random, 1000), floor = start;
        vc_floor_reset(&f, start);
        for (int i = 0; i < 3 * SPAN; i++) {
            /* Mostly near the floor, as acknowledgements come. */
            uint64_t above = floor - start;
            uint64_t at = above + 1 + random_below(&random, i % 7 ? 40 : SPAN);
            if (at > SPAN)
                continue;
            done[at] = true;
            while (floor - start < SPAN && done[floor - start + 1])
                floor++;
            vc_floor_done(&f, start + at);
            if (f.floor != floor)
                printf("seed %llu\n", (unsigned long long)seed);
            assert_int_equal(f.floor, floor);
        }
        vc_floor_fini(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_floor_follows_what_comes_in_order),
        cmocka_unit_test(a_gap_holds_the_floor_until_it_is_filled),
        cmocka_unit_test(any_order_comes_to_the_same_as_a_plain_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
