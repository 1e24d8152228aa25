#include "learning/profile.h"

#include "tests/support/near.h"
#include "tests/support/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 2000
#define AGENTS   3
#define TYPES    2

static const struct vc_wall start = {INT64_C(1795514400000)};

/* The slow truth beside the profiles: every row of a cell, kept sorted. */
struct truth {
    struct vc_evidence rows[ROWS_MAX];
    char ids[ROWS_MAX][16];
    size_t n;
    double value_sum;
};

static struct vc_evidence *truth_add(struct truth *t, int64_t finished_ms, const char *task_id,
                                     uint32_t epoch, double value)
{
    assert_true(t->n < ROWS_MAX);
    char *id = t->ids[t->n];
    snprintf(id, sizeof t->ids[0], "%s", task_id);
    struct vc_evidence e = {{finished_ms}, id, epoch, value};
    size_t i = t->n++;
    for (; i > 0 && vc_evidence_before(&e, &t->rows[i - 1]); i--)
        t->rows[i] = t->rows[i - 1];
    t->rows[i] = e;
    t->value_sum += value;
    return &t->rows[i];
}

static bool near_enough(double a, double b)
{
    return fabs(a - b) <= VC_NEAR;
}

static bool same(const struct vc_expertise *x, const struct vc_expertise *y)
{
    return near_enough(x->expertise, y->expertise) && near_enough(x->confidence, y->confidence) &&
           near_enough(x->success_rate, y->success_rate) &&
           near_enough(x->recent_success_rate, y->recent_success_rate) && x->n == y->n &&
           x->recent_n == y->recent_n && x->newest_at.ms == y->newest_at.ms;
}

/* A run of random records and readings over a few cells. */
struct run {
    struct vc_random random;
    uint64_t seed;
    enum vc_recency recency;
    struct vc_profiles *profiles;
    struct truth truth[AGENTS][TYPES];
    struct vc_wall now;
    uint32_t next_id;
};

static void compare(struct run *r, uint32_t agent, uint32_t type, struct vc_wall now)
{
    const struct truth *t = &r->truth[agent][type];
    struct vc_expertise got = vc_profile_expertise(r->profiles, agent, type, now);
    struct vc_expertise wanted = vc_expertise_of(t->rows, t->n, now, r->recency);
    if (same(&got, &wanted))
        return;
    print_error("seed %llu, %s, agent %u, type %u, now %lld, %zu rows\n",
                (unsigned long long)r->seed, vc_recency_name(r->recency), agent, type,
                (long long)now.ms, t->n);
    print_error("got    %.17g %.17g %.17g %.17g n %llu recent %u\n", got.expertise, got.confidence,
                got.success_rate, got.recent_success_rate, (unsigned long long)got.n, got.recent_n);
    print_error("wanted %.17g %.17g %.17g %.17g n %llu recent %u\n", wanted.expertise,
                wanted.confidence, wanted.success_rate, wanted.recent_success_rate,
                (unsigned long long)wanted.n, wanted.recent_n);
    fail();
}

/* Mostly near the clock and in order; also the same instant again, the past, the future. */
static int64_t random_finish(struct run *r, const struct truth *t)
{
    switch (random_below(&r->random, 12)) {
    case 0:
        return r->now.ms - (int64_t)random_below(&r->random, 20 * (uint64_t)VC_DAY_MS);
    case 1:
        return r->now.ms + (int64_t)random_below(&r->random, 9 * (uint64_t)VC_DAY_MS);
    case 2:
    case 3:
    case 4:
        return t->n ? t->rows[random_below(&r->random, t->n)].finished_at.ms : r->now.ms;
    case 5:
        return t->n ? t->rows[t->n - 1].finished_at.ms : r->now.ms;
    case 6:
        return r->now.ms - 7 * VC_DAY_MS - (int64_t)random_below(&r->random, 2);
    default:
        return r->now.ms - (int64_t)random_below(&r->random, 1000);
    }
}

static double random_value(struct run *r)
{
    uint64_t kind = random_below(&r->random, 5);
    return kind == 0 ? random_unit(&r->random) : (double)(kind & 1);
}

static void record_one(struct run *r)
{
    uint32_t agent = (uint32_t)random_below(&r->random, AGENTS);
    uint32_t type = (uint32_t)random_below(&r->random, TYPES);
    struct truth *t = &r->truth[agent][type];
    char id[16];
    /* Ids do not rise with time, so that ties in time really sort. */
    snprintf(id, sizeof id, "%04x-%06u", (unsigned)random_below(&r->random, 65536), r->next_id++);
    uint32_t epoch = (uint32_t)(1 + random_below(&r->random, 3));
    struct vc_evidence e = *truth_add(t, random_finish(r, t), id, epoch, random_value(r));
    e.task_id = id;
    vc_profile_record(r->profiles, agent, type, &e);
    memset(id, 'z', sizeof id - 1); /* it was copied */
}

static void move_clock(struct run *r)
{
    static const int64_t steps[] = {0,
                                    1,
                                    VC_MINUTE_MS,
                                    VC_HOUR_MS,
                                    5 * VC_HOUR_MS,
                                    VC_DAY_MS,
                                    7 * VC_DAY_MS,
                                    7 * VC_DAY_MS + 1,
                                    -VC_HOUR_MS,
                                    -3 * VC_DAY_MS};
    static const int64_t years[] = {-40, -1, 1, 3, 11, 60};
    if (random_below(&r->random, 200) == 0)
        r->now.ms += years[random_below(&r->random, 6)] * 365 * VC_DAY_MS;
    else
        r->now.ms += steps[random_below(&r->random, sizeof steps / sizeof steps[0])];
}

/* Look at a cell exactly where the edge falls on one of its outcomes, and a millisecond later. */
static void compare_at_an_edge(struct run *r, uint32_t agent, uint32_t type)
{
    const struct truth *t = &r->truth[agent][type];
    if (t->n == 0)
        return;
    struct vc_wall at = t->rows[random_below(&r->random, t->n)].finished_at;
    at.ms += 7 * VC_DAY_MS;
    compare(r, agent, type, at);
    at.ms++;
    compare(r, agent, type, at);
}

static void check_records(const struct run *r)
{
    for (uint32_t agent = 0; agent < AGENTS; agent++) {
        struct vc_agent_record record = vc_profile_record_of(r->profiles, agent);
        uint64_t n = 0;
        double value_sum = 0;
        for (uint32_t type = 0; type < TYPES; type++) {
            n += r->truth[agent][type].n;
            value_sum += r->truth[agent][type].value_sum;
        }
        assert_int_equal(record.n, n);
        assert_near(record.value_sum, value_sum);
    }
}

static void run_random_history(uint64_t seed, enum vc_recency recency, size_t steps)
{
    struct run *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->random.state = r->seed = seed;
    r->recency = recency;
    r->profiles = vc_profiles_create(recency);
    r->now = start;
    for (size_t i = 0; i < steps; i++) {
        record_one(r);
        if (random_below(&r->random, 3) == 0)
            continue;
        uint32_t agent = (uint32_t)random_below(&r->random, AGENTS);
        uint32_t type = (uint32_t)random_below(&r->random, TYPES);
        compare(r, agent, type, r->now);
        if (random_below(&r->random, 20) == 0)
            compare_at_an_edge(r, agent, type);
        if (random_below(&r->random, 2) == 0)
            move_clock(r);
    }
    check_records(r);
    vc_profiles_destroy(&r->profiles);
    assert_null(r->profiles);
    free(r);
}

static void random_histories_and_clocks_agree_with_the_plain_formula(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++)
        for (int recency = 0; recency < VC_RECENCY_COUNT; recency++)
            run_random_history(seed * 7919, (enum vc_recency)recency, 1500);
}

static void record(struct vc_profiles *p, uint32_t agent, uint32_t type, int64_t ms, double value)
{
    static uint32_t next;
    char id[16];
    snprintf(id, sizeof id, "t%08u", next++);
    struct vc_evidence e = {{ms}, id, 1, value};
    vc_profile_record(p, agent, type, &e);
}

static void a_hundred_thousand_outcomes_in_order_leave_no_rounding_behind(void **state)
{
    (void)state;
    for (int recency = 0; recency < VC_RECENCY_COUNT; recency++) {
        struct vc_random random = {42};
        struct vc_profiles *p = vc_profiles_create((enum vc_recency)recency);
        static struct vc_evidence rows[100000];
        struct vc_wall now = start;
        char(*ids)[12] = calloc(100000, sizeof *ids);
        assert_non_null(ids);
        for (size_t i = 0; i < 100000; i++) {
            now.ms += (int64_t)random_below(&random, 4 * (uint64_t)VC_HOUR_MS);
            snprintf(ids[i], sizeof ids[i], "t%08zu", i);
            rows[i] = (struct vc_evidence){now, ids[i], 1, random_unit(&random)};
            vc_profile_record(p, 0, 0, &rows[i]);
            struct vc_expertise got = vc_profile_expertise(p, 0, 0, now);
            if (i % 997 != 0)
                continue;
            struct vc_expertise wanted =
                vc_expertise_of(rows, i + 1, now, (enum vc_recency)recency);
            assert_true(same(&got, &wanted));
        }
        vc_profiles_destroy(&p);
        free(ids);
    }
}

static void a_clock_that_jumps_a_century_keeps_the_weights_in_range(void **state)
{
    (void)state;
    for (int recency = 0; recency < VC_RECENCY_COUNT; recency++) {
        struct vc_evidence rows[] = {{{VC_DAY_MS}, "a", 1, 0}, {{47000 * VC_DAY_MS}, "b", 1, 1}};
        struct vc_profiles *p = vc_profiles_create((enum vc_recency)recency);
        vc_profile_record(p, 0, 0, &rows[0]);
        vc_profile_record(p, 0, 0, &rows[1]);
        static const int64_t days[] = {46990, 9, 46999, 60000, 9, 0, 47007, 47008};
        for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
            struct vc_wall now = {days[i] * VC_DAY_MS};
            struct vc_expertise got = vc_profile_expertise(p, 0, 0, now);
            struct vc_expertise wanted = vc_expertise_of(rows, 2, now, (enum vc_recency)recency);
            assert_true(same(&got, &wanted));
        }
        vc_profiles_destroy(&p);
    }
}

static void loading_gives_the_same_as_recording(void **state)
{
    (void)state;
    struct vc_random random = {7};
    struct truth *t = calloc(1, sizeof *t);
    assert_non_null(t);
    for (uint32_t i = 0; i < 250; i++) {
        char id[16];
        snprintf(id, sizeof id, "t%04u", i);
        truth_add(t, start.ms - (int64_t)random_below(&random, 12 * (uint64_t)VC_DAY_MS), id, 1,
                  (double)random_below(&random, 2));
    }
    struct vc_expertise wanted = vc_expertise_of(t->rows, t->n, start, VC_RECENCY_HALF_LIFE);
    struct vc_profiles *p = vc_profiles_create(VC_RECENCY_HALF_LIFE);
    record(p, 1, 1, start.ms, 1); /* replaced by what follows */

    vc_profile_load(p, 1, 1, t->rows + 150, 100, 250, t->value_sum);
    struct vc_expertise newest_only = vc_profile_expertise(p, 1, 1, start);
    assert_true(same(&newest_only, &wanted));

    for (size_t i = 0; i < 125; i++) {
        struct vc_evidence swap = t->rows[i];
        t->rows[i] = t->rows[249 - i];
        t->rows[249 - i] = swap;
    }
    vc_profile_load(p, 1, 1, t->rows, 250, 250, t->value_sum);
    struct vc_expertise backwards = vc_profile_expertise(p, 1, 1, start);
    assert_true(same(&backwards, &wanted));

    struct vc_agent_record all = vc_profile_record_of(p, 1);
    assert_int_equal(all.n, 250);
    assert_near(all.value_sum, t->value_sum);
    vc_profiles_destroy(&p);
    free(t);
}

static void loading_nothing_empties_a_cell(void **state)
{
    (void)state;
    struct vc_profiles *p = vc_profiles_create(VC_RECENCY_HALF_LIFE);
    record(p, 0, 0, start.ms, 1);
    record(p, 0, 1, start.ms, 1);
    vc_profile_load(p, 0, 0, NULL, 0, 0, 0);
    assert_int_equal(vc_profile_expertise(p, 0, 0, start).n, 0);
    assert_false(vc_profile_type_known(p, 0));
    assert_true(vc_profile_type_known(p, 1));
    assert_int_equal(vc_profile_record_of(p, 0).n, 1);
    vc_profiles_destroy(&p);
}

static void unknown_agents_and_types_are_all_zero(void **state)
{
    (void)state;
    struct vc_profiles *p = vc_profiles_create(VC_RECENCY_HALF_LIFE);
    static const struct vc_expertise zero;
    struct vc_expertise x = vc_profile_expertise(p, 5, 5, start);
    assert_true(same(&x, &zero));
    assert_int_equal(vc_profile_count_since(p, 5, 5, (struct vc_wall){0}), 0);
    assert_int_equal(vc_profile_record_of(p, 5).n, 0);
    assert_false(vc_profile_type_known(p, 5));
    vc_profile_create(p, 9);
    x = vc_profile_expertise(p, 9, 0, start);
    assert_true(same(&x, &zero));
    assert_int_equal(vc_profile_record_of(p, 9).n, 0);
    vc_profiles_destroy(&p);
}

static void counting_since_an_instant_includes_it(void **state)
{
    (void)state;
    struct vc_profiles *p = vc_profiles_create(VC_RECENCY_HALF_LIFE);
    for (int i = 0; i < 5; i++)
        record(p, 0, 0, start.ms + i, 1);
    assert_int_equal(vc_profile_count_since(p, 0, 0, (struct vc_wall){start.ms - 1}), 5);
    assert_int_equal(vc_profile_count_since(p, 0, 0, (struct vc_wall){start.ms + 3}), 2);
    assert_int_equal(vc_profile_count_since(p, 0, 0, (struct vc_wall){start.ms + 5}), 0);
    for (int i = 0; i < 200; i++)
        record(p, 0, 0, start.ms + 10, 1);
    assert_int_equal(vc_profile_count_since(p, 0, 0, start), VC_HISTORY_MAX);
    vc_profiles_destroy(&p);
}

static void an_outcome_older_than_a_full_history_only_counts(void **state)
{
    (void)state;
    struct vc_profiles *p = vc_profiles_create(VC_RECENCY_HALF_LIFE);
    for (int i = 0; i < VC_HISTORY_MAX; i++)
        record(p, 0, 0, start.ms, 1);
    record(p, 0, 0, start.ms - 1, 0);
    struct vc_expertise x = vc_profile_expertise(p, 0, 0, start);
    assert_exactly(x.expertise, 1);
    assert_exactly(x.success_rate, 1);
    assert_int_equal(x.n, VC_HISTORY_MAX + 1);
    assert_exactly(vc_profile_record_of(p, 0).value_sum, VC_HISTORY_MAX);
    vc_profiles_destroy(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_histories_and_clocks_agree_with_the_plain_formula),
        cmocka_unit_test(a_hundred_thousand_outcomes_in_order_leave_no_rounding_behind),
        cmocka_unit_test(a_clock_that_jumps_a_century_keeps_the_weights_in_range),
        cmocka_unit_test(loading_gives_the_same_as_recording),
        cmocka_unit_test(loading_nothing_empties_a_cell),
        cmocka_unit_test(unknown_agents_and_types_are_all_zero),
        cmocka_unit_test(counting_since_an_instant_includes_it),
        cmocka_unit_test(an_outcome_older_than_a_full_history_only_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
