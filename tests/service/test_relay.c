#include "coordinator/relay.h"
#include "tests/service/tmp.h"

#include <string.h>

struct fixture {
    struct vc_kg *kg;
    struct vc_relay relay;
    uint64_t stream_seq; /* of the stream of events */
};

static const struct vc_mono start = {1000};

static struct vc_mono after(int64_t ms)
{
    return (struct vc_mono){start.ms + ms};
}

static void open_at(struct fixture *f, void **state, struct vc_mono now)
{
    struct vc_err err = {0};
    if (vc_kg_open(tmp_path(state, "graph.db"), VC_KG_OWN, &f->kg, &err) != VC_OK)
        fail_msg("%s", err.text);
    f->relay = (struct vc_relay){0};
    assert_int_equal(vc_relay_load(&f->relay, f->kg, now, NULL), VC_OK);
    vc_relay_link(&f->relay, true, f->relay.ends, now);
}

/* Queue @n messages and let the stream acknowledge them, as if they had been sent. */
static void store_messages(struct fixture *f, int n, int64_t len, struct vc_mono now)
{
    assert_int_equal(vc_kg_begin(f->kg, NULL), VC_OK);
    for (int i = 0; i < n; i++) {
        int64_t seq = 0;
        assert_int_equal(vc_kg_put_outbox(f->kg, "s", "body", 4, &seq, NULL), VC_OK);
        f->relay.pending[0].seq = f->relay.sent_seq = seq;
        f->relay.pending[0].len = len;
        f->relay.pending_n = 1;
        vc_relay_stored(&f->relay, seq, VC_STREAM_EVENTS, ++f->stream_seq, now);
    }
    assert_int_equal(vc_kg_commit(f->kg, NULL), VC_OK);
}

static void save(struct fixture *f, struct vc_mono now)
{
    assert_int_equal(vc_kg_begin(f->kg, NULL), VC_OK);
    assert_int_equal(vc_relay_save(&f->relay, f->kg, now, NULL), VC_OK);
    assert_int_equal(vc_kg_commit(f->kg, NULL), VC_OK);
    vc_relay_saved(&f->relay);
}

static void note_seq(void *ctx, int64_t seq, const char *subject, const char *body, size_t len)
{
    (void)subject;
    (void)body;
    (void)len;
    int64_t *firsts = ctx;
    if (firsts[1]++ == 0)
        firsts[0] = seq;
}

/* The first message that the store still has, 0 for none. */
static int64_t first_kept(struct fixture *f)
{
    int64_t seen[2] = {0};
    assert_int_equal(vc_kg_outbox(f->kg, 0, 100000, note_seq, seen, NULL), VC_OK);
    return seen[0];
}

/* One message is on its way until patience runs out. */
static void wait_in_vain(struct fixture *f, struct vc_mono now)
{
    f->relay.pending[0].seq = f->relay.sent_seq = 1;
    f->relay.pending_n = 1;
    f->relay.progress_at = now;
    assert_int_equal(vc_relay_send(&f->relay, f->kg, NULL,
                                   (struct vc_mono){now.ms + VC_RELAY_PATIENCE_MS + 1}, NULL),
                     VC_OK);
}

static void a_server_that_stores_nothing_is_told_with_what_to_do(void **state)
{
    struct fixture f = {0};
    open_at(&f, state, start);
    for (int i = 1; i < VC_RELAY_SILENT_ROUNDS; i++)
        wait_in_vain(&f, after(INT64_C(10000) * i));
    assert_string_equal(f.relay.problem, "");
    wait_in_vain(&f, after(40000));
    assert_non_null(strstr(f.relay.problem, "no answer"));
    assert_non_null(strstr(f.relay.problem, "restart nats-server"));
    vc_relay_link(&f.relay, true, f.relay.ends, after(50000));
    assert_string_equal(f.relay.problem, "");
    vc_relay_refused(&f.relay, "write 1.blk: no space left on device");
    assert_non_null(strstr(f.relay.problem, "make room on its disk, then restart nats-server"));
    store_messages(&f, 1, 100, after(60000));
    assert_string_equal(f.relay.problem, "");
    vc_kg_close(&f.kg);
}

static void what_is_stored_is_kept_for_three_minutes(void **state)
{
    struct fixture f = {0};
    open_at(&f, state, start);
    store_messages(&f, 3, 100, after(10000));
    assert_true(vc_relay_has_news(&f.relay, after(10000)));
    save(&f, after(10000));
    assert_false(vc_relay_has_news(&f.relay, after(10000 + VC_RELAY_KEEP_MS - 1)));
    assert_int_equal(first_kept(&f), 1);
    store_messages(&f, 2, 100, after(20000));
    save(&f, after(20000));
    assert_true(vc_relay_has_news(&f.relay, after(10000 + VC_RELAY_KEEP_MS)));
    save(&f, after(10000 + VC_RELAY_KEEP_MS));
    /* One mark stands for all that was stored within a second of it: the first of three. */
    assert_int_equal(first_kept(&f), 2);
    save(&f, after(20000 + VC_RELAY_KEEP_MS));
    assert_int_equal(first_kept(&f), 5);
    vc_kg_close(&f.kg);
}

static void no_more_is_kept_than_64_mib(void **state)
{
    struct fixture f = {0};
    open_at(&f, state, start);
    store_messages(&f, 64, 1 << 20, after(1));
    save(&f, after(1));
    assert_int_equal(first_kept(&f), 1);
    store_messages(&f, 1, 1 << 20, after(1));
    save(&f, after(1));
    assert_int_equal(first_kept(&f), 2);
    store_messages(&f, 600, 1 << 20, after(2));
    save(&f, after(2));
    assert_in_range(first_kept(&f), 665 - 64, 665);
    vc_kg_close(&f.kg);
}

static void a_coordinator_that_starts_over_and_over_does_not_gather_it_for_ever(void **state)
{
    enum { LEN = 1 << 18, N = 257 }; /* one message more than 64 MiB */
    struct fixture f = {0};
    struct vc_buf body = {0};
    vc_buf_printf(&body, "%*s", LEN, "");
    open_at(&f, state, start);
    assert_int_equal(vc_kg_begin(f.kg, NULL), VC_OK);
    for (int i = 0; i < N; i++) {
        int64_t seq = 0;
        assert_int_equal(vc_kg_put_outbox(f.kg, "s", body.text, LEN, &seq, NULL), VC_OK);
    }
    assert_int_equal(vc_kg_put_number(f.kg, VC_KG_RELAYED, N - 1, NULL), VC_OK);
    assert_int_equal(vc_kg_commit(f.kg, NULL), VC_OK);
    vc_kg_close(&f.kg);
    open_at(&f, state, start);
    assert_false(vc_relay_has_news(&f.relay, after(1)));
    assert_int_equal(vc_kg_begin(f.kg, NULL), VC_OK);
    assert_int_equal(vc_kg_put_number(f.kg, VC_KG_RELAYED, N, NULL), VC_OK);
    assert_int_equal(vc_kg_commit(f.kg, NULL), VC_OK);
    vc_kg_close(&f.kg);
    open_at(&f, state, start);
    assert_true(vc_relay_has_news(&f.relay, after(1)));
    save(&f, after(1));
    assert_int_equal(first_kept(&f), N / 2 + 1);
    vc_kg_close(&f.kg);
    vc_buf_fini(&body);
}

static void a_stream_that_ends_too_early_is_given_again_what_is_kept(void **state)
{
    struct fixture f = {0};
    open_at(&f, state, start);
    store_messages(&f, 5, 100, after(0));
    save(&f, after(0));
    uint64_t ends[VC_STREAM_COUNT] = {[VC_STREAM_EVENTS] = 5};
    vc_relay_link(&f.relay, false, NULL, after(1));
    assert_int_equal(vc_relay_link(&f.relay, true, ends, after(2)), 0);
    assert_int_equal(f.relay.sent_seq, 5);
    ends[VC_STREAM_EVENTS] = 4;
    vc_relay_link(&f.relay, false, NULL, after(3));
    assert_int_equal(vc_relay_link(&f.relay, true, ends, after(4)), 1U << VC_STREAM_EVENTS);
    assert_int_equal(f.relay.sent_seq, 0);
    assert_true(vc_relay_has_news(&f.relay, after(4)));
    /* It is found once. */
    assert_int_equal(vc_relay_link(&f.relay, true, ends, after(5)), 0);
    vc_kg_close(&f.kg);
}

static void a_restart_goes_on_where_it_was(void **state)
{
    struct fixture f = {0};
    open_at(&f, state, start);
    store_messages(&f, 5, 100, after(0));
    save(&f, after(0));
    vc_kg_close(&f.kg);
    open_at(&f, state, start);
    assert_int_equal(f.relay.sent_seq, 5);
    assert_false(vc_relay_has_news(&f.relay, start));
    uint64_t ends[VC_STREAM_COUNT] = {[VC_STREAM_EVENTS] = 3};
    assert_int_equal(vc_relay_link(&f.relay, true, ends, after(1)), 1U << VC_STREAM_EVENTS);
    assert_int_equal(f.relay.sent_seq, 0);
    vc_kg_close(&f.kg);
    /* Nothing of the repetition was written: the next start finds the same. */
    open_at(&f, state, start);
    assert_int_equal(f.relay.sent_seq, 5);
    save(&f, after(VC_RELAY_KEEP_MS));
    assert_int_equal(first_kept(&f), 0);
    assert_int_equal(f.relay.dropped_seq, 5);
    vc_kg_close(&f.kg);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, tmp_setup, tmp_teardown)
    const struct CMUnitTest tests[] = {
        T(what_is_stored_is_kept_for_three_minutes),
        T(no_more_is_kept_than_64_mib),
        T(a_coordinator_that_starts_over_and_over_does_not_gather_it_for_ever),
        T(a_stream_that_ends_too_early_is_given_again_what_is_kept),
        T(a_restart_goes_on_where_it_was),
        T(a_server_that_stores_nothing_is_told_with_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
