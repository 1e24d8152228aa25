#include "scoring/score.h"

#include "tests/support/near.h"
#include "tests/support/random.h"

#include <stdio.h>
#include <string.h>

#define MANY 60

static struct vc_candidate nobody(const char *agent_id)
{
    return (struct vc_candidate){.agent_id = agent_id, .capacity = 1, .agent_success_rate = 1};
}

static void every_vector_comes_out(void **state)
{
    (void)state;
    static const struct {
        double s;
        uint32_t in_flight, capacity;
        double expertise;
        uint64_t n;
        double confidence, base, total;
    } vectors[] = {
        {1, 0, 1, 0, 0, 0, 1, 0.300000000},
        {0.9, 2, 2, 0.95, 200, 1, 0.45, 0.810000000},
        {1, 0, 4, 1, 2, 0.1, 1, 0.820000000},
        {0.85, 1, 4, 0.8, 10, 0.5, 0.68, 0.704000000},
        {1, 2, 1, 1, 20, 1, 0.333333333, 0.800000000},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct vc_candidate c = nobody("a");
        c.agent_success_rate = vectors[i].s;
        c.in_flight = vectors[i].in_flight;
        c.capacity = vectors[i].capacity;
        c.expertise = vectors[i].expertise;
        c.n = vectors[i].n;
        c.confidence = vectors[i].confidence;
        struct vc_score score = vc_score_of(&c, vc_weights_default, VC_BASE_SUCCESS_LOAD);
        assert_near(score.base, vectors[i].base);
        assert_near(score.total, vectors[i].total);
        assert_exactly(score.expertise, vectors[i].expertise);
        assert_exactly(score.confidence, vectors[i].confidence);
        assert_ptr_equal(score.candidate, &c);
    }
}

static void headroom_ends_at_zero(void **state)
{
    (void)state;
    static const struct {
        uint32_t in_flight;
        double base;
    } rows[] = {{0, 1}, {1, 0.75}, {4, 0}, {9, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct vc_candidate c = nobody("a");
        c.agent_success_rate = 0.1; /* does not enter */
        c.capacity = 4;
        c.in_flight = rows[i].in_flight;
        assert_near(vc_score_of(&c, vc_weights_default, VC_BASE_HEADROOM).base, rows[i].base);
    }
}

static void weights_must_be_parts_of_one(void **state)
{
    (void)state;
    static const struct {
        struct vc_weights w;
        bool ok;
    } rows[] = {
        {{0.3, 0.5, 0.2}, true},          {{1, 0, 0}, true},
        {{0.3, 0.5, 0.2000000005}, true}, {{0.3, 0.5, 0.200000002}, false},
        {{0.3, 0.5, 0.1}, false},         {{-0.1, 0.9, 0.2}, false},
        {{0.5, 0.7, -0.2}, false},        {{NAN, 0.5, 0.2}, false},
        {{INFINITY, 0, 0}, false},        {{0, 0, 0}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(vc_weights_ok(rows[i].w), rows[i].ok);
}

/* The better of two that differ as the test wants, and by which rule. */
static void assert_first(struct vc_candidate better, struct vc_candidate worse, const char *rule)
{
    struct vc_score a = vc_score_of(&better, vc_weights_default, VC_BASE_SUCCESS_LOAD);
    struct vc_score b = vc_score_of(&worse, vc_weights_default, VC_BASE_SUCCESS_LOAD);
    assert_true(vc_score_compare(&a, &b) < 0);
    assert_true(vc_score_compare(&b, &a) > 0);
    assert_string_equal(vc_score_tie_break(&a, &b), rule);
    assert_string_equal(vc_score_tie_break(&b, &a), rule);
}

static void the_higher_score_comes_first(void **state)
{
    (void)state;
    struct vc_candidate a = nobody("z"), b = nobody("a");
    a.expertise = 0.5;
    b.expertise = 0.499;
    b.n = 1000;
    assert_first(a, b, "score");
}

static void ties_break_by_load_then_n_then_idle_then_id(void **state)
{
    (void)state;
    /* Half the success rate at no load is as good as a full one at load 1. */
    struct vc_candidate a = nobody("z"), b = nobody("a");
    a.agent_success_rate = 0.5;
    b.in_flight = 1;
    b.n = 9;
    assert_first(a, b, "load");

    a = nobody("z"), b = nobody("a");
    a.n = 2;
    a.idle_since.ms = 99;
    b.n = 1;
    assert_first(a, b, "n");

    a = nobody("z"), b = nobody("a");
    a.idle_since.ms = -5;
    b.idle_since.ms = 3;
    assert_first(a, b, "idle");

    assert_first(nobody("B"), nobody("a"), "agent_id");
    assert_first(nobody("a"), nobody("a1"), "agent_id");
    assert_first(nobody("~"), nobody("\xc3\xa9"), "agent_id");
}

static void with_no_history_at_all_the_least_loaded_comes_first(void **state)
{
    (void)state;
    struct vc_candidate c[3] = {nobody("a"), nobody("b"), nobody("c")};
    c[0].in_flight = 3;
    c[1].in_flight = 1;
    c[2].in_flight = 2;
    struct vc_score out[3];
    vc_rank_agents(c, 3, vc_weights_default, VC_BASE_SUCCESS_LOAD, out);
    assert_string_equal(out[0].candidate->agent_id, "b");
    assert_string_equal(out[1].candidate->agent_id, "c");
    assert_string_equal(out[2].candidate->agent_id, "a");
}

static void ranking_with_recency_lets_the_last_week_speak(void **state)
{
    (void)state;
    struct vc_candidate c[3] = {nobody("veteran"), nobody("riser"), nobody("away")};
    c[0].expertise = 0.9, c[0].recent_n = 4, c[0].recent_success_rate = 0.2;
    c[1].expertise = 0.4, c[1].recent_n = 2, c[1].recent_success_rate = 1;
    c[2].expertise = 0.6, c[2].recent_n = 0, c[2].recent_success_rate = 0;
    struct vc_score plain[3], recent[3];
    vc_rank_agents(c, 3, vc_weights_default, VC_BASE_SUCCESS_LOAD, plain);
    vc_rank_agents_with_recency(c, 3, vc_weights_default, VC_BASE_SUCCESS_LOAD, recent);
    static const char *const plain_order[] = {"veteran", "away", "riser"};
    static const char *const recent_order[] = {"riser", "away", "veteran"};
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(plain[i].candidate->agent_id, plain_order[i]);
        assert_string_equal(recent[i].candidate->agent_id, recent_order[i]);
    }
    assert_exactly(recent[0].expertise, 1);
    assert_exactly(recent[1].expertise, 0.6);
    assert_ptr_equal(recent[2].candidate, &c[0]);
    assert_exactly(c[0].expertise, 0.9);
}

/* Few different values, so that every rule of the order gets its ties. */
static void random_candidates(struct vc_random *r, struct vc_candidate *c, char (*ids)[8], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        snprintf(ids[i], sizeof ids[i], "a%04zu", (i * 7919) % 10000);
        c[i] = nobody(ids[i]);
        c[i].agent = (uint32_t)i;
        c[i].in_flight = (uint32_t)random_below(r, 3);
        c[i].capacity = (uint32_t)(1 + random_below(r, 2));
        c[i].agent_success_rate = (double)random_below(r, 3) / 2;
        c[i].n = random_below(r, 2);
        c[i].expertise = c[i].n ? (double)random_below(r, 3) / 2 : 0;
        c[i].confidence = (double)c[i].n / 20;
        c[i].idle_since.ms = (int64_t)random_below(r, 2);
    }
}

static void select_best_takes_the_one_that_rank_puts_first(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        struct vc_random r = {seed};
        struct vc_candidate c[MANY];
        char ids[MANY][8];
        size_t n = 1 + random_below(&r, MANY);
        enum vc_base_kind base = random_below(&r, 2) ? VC_BASE_HEADROOM : VC_BASE_SUCCESS_LOAD;
        random_candidates(&r, c, ids, n);
        struct vc_score ranked[MANY], best;
        vc_rank_agents(c, n, vc_weights_default, base, ranked);
        assert_true(vc_select_best(c, n, vc_weights_default, base, &best));
        bool ok = best.candidate == ranked[0].candidate;
        for (size_t i = 0; i + 1 < n; i++)
            ok = ok && vc_score_compare(&ranked[i], &ranked[i + 1]) < 0;
        if (!ok)
            print_error("seed %llu\n", (unsigned long long)seed);
        assert_true(ok);
    }
}

static void the_order_of_the_candidates_does_not_matter(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 500; seed++) {
        struct vc_random r = {seed};
        struct vc_candidate c[MANY], shuffled[MANY];
        char ids[MANY][8];
        random_candidates(&r, c, ids, MANY);
        memcpy(shuffled, c, sizeof c);
        for (size_t i = MANY - 1; i > 0; i--) {
            size_t j = random_below(&r, i + 1);
            struct vc_candidate swap = shuffled[i];
            shuffled[i] = shuffled[j];
            shuffled[j] = swap;
        }
        struct vc_score a[MANY], b[MANY];
        vc_rank_agents(c, MANY, vc_weights_default, VC_BASE_SUCCESS_LOAD, a);
        vc_rank_agents(shuffled, MANY, vc_weights_default, VC_BASE_SUCCESS_LOAD, b);
        for (size_t i = 0; i < MANY; i++)
            if (a[i].candidate->agent != b[i].candidate->agent)
                fail_msg("seed %llu, rank %zu", (unsigned long long)seed, i);
    }
}

static void nobody_to_choose_from_is_no_choice(void **state)
{
    (void)state;
    struct vc_score best = {.total = 42};
    assert_false(vc_select_best(NULL, 0, vc_weights_default, VC_BASE_SUCCESS_LOAD, &best));
    assert_exactly(best.total, 42);
    vc_rank_agents(NULL, 0, vc_weights_default, VC_BASE_SUCCESS_LOAD, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_comes_out),
        cmocka_unit_test(headroom_ends_at_zero),
        cmocka_unit_test(weights_must_be_parts_of_one),
        cmocka_unit_test(the_higher_score_comes_first),
        cmocka_unit_test(ties_break_by_load_then_n_then_idle_then_id),
        cmocka_unit_test(with_no_history_at_all_the_least_loaded_comes_first),
        cmocka_unit_test(ranking_with_recency_lets_the_last_week_speak),
        cmocka_unit_test(select_best_takes_the_one_that_rank_puts_first),
        cmocka_unit_test(the_order_of_the_candidates_does_not_matter),
        cmocka_unit_test(nobody_to_choose_from_is_no_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
