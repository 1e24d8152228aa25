#include "tests/store/fixture.h"

#include "base/time.h"

#include <time.h>

/* xorshift64*: small, seeded, the same everywhere. */
static uint64_t random_state;

static uint64_t draw(uint64_t below)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (random_state * UINT64_C(0x2545F4914F6CDD1D) >> 33) % below;
}

static uint64_t the_seed(void)
{
    const char *given = getenv("VC_TEST_SEED");
    return given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
}

enum { ROWS_MAX = 1500 };

static const char *const agents[] = {"ada", "bob", "Cyd", "d-4"};
static const char *const types[] = {"coding", "testing", "x"};

struct row {
    const char *agent_id, *task_type;
    char task_id[24];
    uint32_t epoch;
    int64_t finished_at;
    double value;
    int64_t duration_ms, cost_micros;
    bool counted;
};

struct history {
    struct row rows[ROWS_MAX];
    size_t n;
};

static int by_learnings_order(const void *x, const void *y)
{
    const struct row *const *a = x, *const *b = y;
    if ((*a)->finished_at != (*b)->finished_at)
        return (*a)->finished_at < (*b)->finished_at ? -1 : 1;
    int ids = strcmp((*a)->task_id, (*b)->task_id);
    if (ids != 0)
        return ids;
    return (*a)->epoch < (*b)->epoch ? -1 : 1;
}

static void put_history(struct fixture *f, struct history *h, size_t n)
{
    static const double values[] = {0, 1, 1, 0.25, 0.1};
    begin(f);
    for (h->n = 0; h->n < n; h->n++) {
        struct row *r = &h->rows[h->n];
        r->agent_id = agents[draw(4)];
        r->task_type = types[draw(3) & draw(3)];
        snprintf(r->task_id, sizeof r->task_id, "%c%llu", "Tt-_"[draw(4)],
                 (unsigned long long)draw(300));
        r->epoch = (uint32_t)h->n; /* unique for sure, and not in the order of task_id */
        r->finished_at = NOW_MS + (int64_t)draw(40) * (VC_DAY_MS / 4);
        r->value = values[draw(5)];
        r->duration_ms = (int64_t)draw(100000);
        r->cost_micros = (int64_t)draw(100000);
        r->counted = draw(10) > 0;
        struct vc_kg_execution e = an_execution(r->task_id, r->epoch);
        e.agent_id = r->agent_id;
        e.task_type = r->task_type;
        e.finished_at.ms = r->finished_at;
        e.value = r->value;
        e.duration_ms = r->duration_ms;
        e.cost_micros = r->cost_micros;
        e.counted = r->counted;
        e.winning = false;
        assert_ok(f, vc_kg_put_execution(f->kg, &e, &f->err));
    }
    commit(f);
}

/* The counted rows of one cell in learning's order. */
static size_t cell_rows(const struct history *h, const char *agent_id, const char *task_type,
                        const struct row *out[ROWS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < h->n; i++)
        if (h->rows[i].counted && strcmp(h->rows[i].agent_id, agent_id) == 0 &&
            strcmp(h->rows[i].task_type, task_type) == 0)
            out[n++] = &h->rows[i];
    qsort(out, n, sizeof out[0], by_learnings_order);
    return n;
}

struct check {
    const struct history *history;
    char previous[128];
    size_t cells;
};

static void compare_cell(void *ctx, const struct vc_kg_cell *cell)
{
    struct check *check = ctx;
    const struct row *rows[ROWS_MAX] = {NULL};
    size_t n = cell_rows(check->history, cell->agent_id, cell->task_type, rows);
    size_t kept = n < VC_HISTORY_MAX ? n : VC_HISTORY_MAX;
    assert_true(n > 0);
    assert_int_equal(cell->n_total, n);
    assert_int_equal(cell->n, kept);
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += rows[i]->value;
    assert_true(cell->value_sum == sum);
    for (size_t i = 0; i < kept; i++) {
        const struct row *want = rows[n - kept + i];
        assert_string_equal(cell->evidence[i].task_id, want->task_id);
        assert_int_equal(cell->evidence[i].epoch, want->epoch);
        assert_int_equal(cell->evidence[i].finished_at.ms, want->finished_at);
        assert_true(cell->evidence[i].value == want->value);
    }
    char name[128];
    snprintf(name, sizeof name, "%s %s", cell->agent_id, cell->task_type);
    assert_true(strcmp(check->previous, name) < 0);
    memcpy(check->previous, name, sizeof name);
    check->cells++;
}

static size_t cells_of(const struct history *h, const char *only)
{
    size_t cells = 0;
    const struct row *rows[ROWS_MAX] = {NULL};
    for (size_t a = 0; a < 4; a++)
        for (size_t t = 0; t < 3; t++)
            cells += (!only || strcmp(only, agents[a]) == 0) &&
                     cell_rows(h, agents[a], types[t], rows) > 0;
    return cells;
}

static void compare_curves(struct fixture *f, const struct history *h)
{
    struct vc_curve_day days[64];
    size_t n = 0;
    for (size_t a = 0; a < 4; a++)
        for (size_t t = 0; t < 3; t++) {
            assert_ok(f, vc_kg_curve(f->kg, agents[a], types[t], days, 64, &n, &f->err));
            const struct row *rows[ROWS_MAX] = {NULL};
            size_t n_rows = cell_rows(h, agents[a], types[t], rows), next = 0;
            for (size_t d = 0; d < n; d++) {
                struct vc_curve_day want = {.day = rows[next]->finished_at / VC_DAY_MS};
                for (; next < n_rows && rows[next]->finished_at / VC_DAY_MS == want.day; next++) {
                    want.executions++;
                    want.value_sum += rows[next]->value;
                    want.duration_ms += (uint64_t)rows[next]->duration_ms;
                    want.cost_micros += rows[next]->cost_micros;
                }
                assert_int_equal(days[d].day, want.day);
                assert_int_equal(days[d].executions, want.executions);
                assert_true(days[d].value_sum - want.value_sum < 1e-9 &&
                            want.value_sum - days[d].value_sum < 1e-9);
                assert_int_equal(days[d].duration_ms, want.duration_ms);
                assert_int_equal(days[d].cost_micros, want.cost_micros);
            }
            assert_int_equal(next, n_rows);
        }
}

static void check_history(struct fixture *f, const struct history *h)
{
    struct check all = {h, "", 0};
    assert_ok(f, vc_kg_load_all_profiles(f->kg, compare_cell, &all, &f->err));
    assert_int_equal(all.cells, cells_of(h, NULL));
    for (size_t a = 0; a < 4; a++) {
        struct check one = {h, "", 0};
        assert_ok(f, vc_kg_load_profile(f->kg, agents[a], compare_cell, &one, &f->err));
        assert_int_equal(one.cells, cells_of(h, agents[a]));
    }
    compare_curves(f, h);
}

static void loaded_cells_and_curves_equal_a_naive_recomputation(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 5, 60, 400, ROWS_MAX};
    static struct history h;
    uint64_t seed = the_seed();
    print_message("seed %llu (repeat with VC_TEST_SEED)\n", (unsigned long long)seed);
    random_state = seed * 2 + 1;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        void *own = NULL;
        assert_int_equal(setup(&own), 0);
        struct fixture *f = own;
        put_history(f, &h, sizes[i]);
        check_history(f, &h);
        reopen(f, VC_KG_READ);
        check_history(f, &h);
        assert_int_equal(teardown(&own), 0);
    }
}

static void put_n(struct fixture *f, uint32_t n)
{
    begin(f);
    for (uint32_t i = 0; i < n; i++) {
        struct vc_kg_execution e = an_execution("t", i);
        e.winning = false;
        e.finished_at.ms = NOW_MS + (int64_t)i * VC_DAY_MS;
        e.value = i == 0;
        assert_ok(f, vc_kg_put_execution(f->kg, &e, &f->err));
    }
    commit(f);
}

struct bounds {
    size_t n;
    uint64_t n_total;
    double value_sum;
    uint32_t first, last;
};

static void take_bounds(void *ctx, const struct vc_kg_cell *cell)
{
    *(struct bounds *)ctx =
        (struct bounds){cell->n, cell->n_total, cell->value_sum, cell->evidence[0].epoch,
                        cell->evidence[cell->n - 1].epoch};
}

static void a_cell_holds_the_newest_hundred_and_counts_all(void **state)
{
    static const struct {
        uint32_t rows, first;
    } cases[] = {{99, 0}, {100, 0}, {101, 1}, {250, 150}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        void *own = NULL;
        assert_int_equal(setup(&own), 0);
        struct fixture *f = own;
        put_n(f, cases[i].rows);
        struct bounds b = {0};
        assert_ok(f, vc_kg_load_profile(f->kg, "ada", take_bounds, &b, &f->err));
        assert_int_equal(b.n_total, cases[i].rows);
        assert_int_equal(b.n, cases[i].rows - cases[i].first);
        assert_int_equal(b.first, cases[i].first);
        assert_int_equal(b.last, cases[i].rows - 1);
        assert_true(b.value_sum == 1);
        assert_int_equal(teardown(&own), 0);
    }
}

static void a_curve_keeps_the_newest_days_that_fit(void **state)
{
    struct fixture *f = *state;
    put_n(f, 5);
    struct vc_curve_day days[3];
    size_t n = 99;
    assert_ok(f, vc_kg_curve(f->kg, "ada", "coding", days, 3, &n, &f->err));
    assert_int_equal(n, 3);
    int64_t first = NOW_MS / VC_DAY_MS;
    for (int64_t i = 0; i < 3; i++)
        assert_int_equal(days[i].day, first + 2 + i);
    assert_ok(f, vc_kg_curve(f->kg, "ada", "coding", days, 0, &n, &f->err));
    assert_int_equal(n, 0);
    assert_ok(f, vc_kg_curve(f->kg, "nobody", "coding", days, 3, &n, &f->err));
    assert_int_equal(n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loaded_cells_and_curves_equal_a_naive_recomputation),
        cmocka_unit_test(a_cell_holds_the_newest_hundred_and_counts_all),
        cmocka_unit_test_setup_teardown(a_curve_keeps_the_newest_days_that_fit, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
