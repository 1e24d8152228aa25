#include "base/map.h"

#include "base/id.h"
#include "tests/support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define KEYS 300

static char keys[KEYS][8];

static void name_keys(void)
{
    for (size_t i = 0; i < KEYS; i++)
        snprintf(keys[i], sizeof keys[i], "k%zu", i);
}

static void an_empty_map_holds_nothing(void **state)
{
    (void)state;
    struct vc_map map = {0};
    assert_int_equal(vc_map_get(&map, "a"), VC_MAP_NONE);
    assert_false(vc_map_del(&map, "a"));
    vc_map_fini(&map);
    vc_map_put(&map, "a", 1);
    assert_true(vc_map_del(&map, "a"));
    assert_int_equal(vc_map_get(&map, "a"), VC_MAP_NONE);
    vc_map_fini(&map);
    assert_null(map.slots);
}

static void a_second_put_replaces_the_value_and_the_key(void **state)
{
    (void)state;
    struct vc_map map = {0};
    char first[] = "key", second[] = "key";
    vc_map_put(&map, first, 0);
    assert_int_equal(vc_map_get(&map, "key"), 0);
    vc_map_put(&map, second, 7);
    memset(first, 'x', sizeof first - 1); /* no longer borrowed */
    assert_int_equal(vc_map_get(&map, "key"), 7);
    assert_int_equal(map.len, 1);
    vc_map_put(&map, "", 9);
    assert_int_equal(vc_map_get(&map, ""), 9);
    vc_map_fini(&map);
}

static void random_changes_agree_with_a_plain_list(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct vc_random random = {seed};
        struct vc_map map = {0};
        uint32_t plain[KEYS];
        size_t len = 0, used = 10 + random_below(&random, KEYS - 10);
        for (size_t i = 0; i < KEYS; i++)
            plain[i] = VC_MAP_NONE;
        for (uint32_t step = 0; step < 3000; step++) {
            size_t i = random_below(&random, used);
            bool was_there = plain[i] != VC_MAP_NONE;
            if (random_below(&random, 2)) {
                vc_map_put(&map, keys[i], step);
                plain[i] = step;
                len += !was_there;
            } else {
                if (vc_map_del(&map, keys[i]) != was_there)
                    fail_msg("seed %llu, step %u: del", (unsigned long long)seed, step);
                plain[i] = VC_MAP_NONE;
                len -= was_there;
            }
            size_t asked = random_below(&random, used);
            if (vc_map_get(&map, keys[asked]) != plain[asked] || map.len != len)
                fail_msg("seed %llu, step %u: get", (unsigned long long)seed, step);
        }
        for (size_t i = 0; i < KEYS; i++)
            assert_int_equal(vc_map_get(&map, keys[i]), plain[i]);
        vc_map_fini(&map);
    }
}

/* Keys whose home is the last slot of the smallest table, so that their run wraps around. */
static size_t find_wrapping_keys(char (*out)[8], size_t want)
{
    size_t n = 0;
    for (unsigned i = 0; n < want && i < 100000; i++) {
        snprintf(out[n], sizeof out[n], "w%u", i);
        n += (vc_hash(out[n], strlen(out[n])) & 15) == 15;
    }
    return n;
}

static void a_run_that_wraps_around_survives_every_removal(void **state)
{
    (void)state;
    static char wrapping[6][8];
    assert_int_equal(find_wrapping_keys(wrapping, 6), 6);
    for (size_t gone = 0; gone < 6; gone++) {
        struct vc_map map = {0};
        for (uint32_t i = 0; i < 6; i++)
            vc_map_put(&map, wrapping[i], i);
        assert_int_equal(map.cap, 16);
        assert_true(vc_map_del(&map, wrapping[gone]));
        for (uint32_t i = 0; i < 6; i++)
            assert_int_equal(vc_map_get(&map, wrapping[i]), i == gone ? VC_MAP_NONE : i);
        vc_map_fini(&map);
    }
}

int main(void)
{
    name_keys();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_holds_nothing),
        cmocka_unit_test(a_second_put_replaces_the_value_and_the_key),
        cmocka_unit_test(random_changes_agree_with_a_plain_list),
        cmocka_unit_test(a_run_that_wraps_around_survives_every_removal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
