#include "tests/store/fixture.h"

#include "kg-store/store.h"

static void a_task_comes_back_as_it_went_in(void **state)
{
    struct fixture *f = *state;
    struct vc_kg_task in = a_task("t1");
    in.description = "It fails on empty input.";
    in.deadline_at.ms = NOW_MS + 5000;
    in.parent_task_id = "t0";
    in.context_id = "c1";
    begin(f);
    assert_ok(f, vc_kg_put_task(f->kg, &in, &f->err));
    commit(f);
    struct ids seen = {""};
    assert_ok(f, vc_kg_get_task(f->kg, "t1", add_task_id, &seen, &f->err));
    assert_string_equal(seen.text, "t1");
    assert_int_equal(ask(f, "SELECT count(*) FROM task JOIN task_text USING (seq)"
                            " WHERE task_id = 't1' AND title = 'Fix the parser'"
                            " AND description = 'It fails on empty input.'"
                            " AND spec = '{\"title\":\"Fix the parser\"}' AND state = 'queued'"
                            " AND task_type = 'coding' AND type_method = 'rule'"
                            " AND type_rule = 'fix' AND type_confidence = 0.75 AND priority = 5"
                            " AND max_attempts = 3 AND epoch = 0 AND attempt = 0"
                            " AND agent_id IS NULL AND decision_id IS NULL AND error IS NULL"
                            " AND parent_task_id = 't0' AND context_id = 'c1' AND via = 'request'"
                            " AND submitted_at_ms = 1764000000000 AND finished_at_ms IS NULL"
                            " AND updated_at_ms = 1764000000000"
                            " AND deadline_at_ms = 1764000005000"),
                     1);
}

struct expected_task {
    const struct vc_kg_task *task;
    int calls;
};

static void equal_or_null(const char *a, const char *b)
{
    if (!a || !b)
        assert_true(a == b);
    else
        assert_string_equal(a, b);
}

static void compare_task(void *ctx, const struct vc_kg_task *got)
{
    struct expected_task *expected = ctx;
    const struct vc_kg_task *want = expected->task;
    expected->calls++;
    equal_or_null(got->task_id, want->task_id);
    equal_or_null(got->title, want->title);
    equal_or_null(got->description, want->description);
    equal_or_null(got->task_type, want->task_type);
    equal_or_null(got->type_method, want->type_method);
    equal_or_null(got->type_rule, want->type_rule);
    equal_or_null(got->state, want->state);
    equal_or_null(got->agent_id, want->agent_id);
    equal_or_null(got->decision_id, want->decision_id);
    equal_or_null(got->parent_task_id, want->parent_task_id);
    equal_or_null(got->context_id, want->context_id);
    equal_or_null(got->error, want->error);
    equal_or_null(got->spec, want->spec);
    equal_or_null(got->via, want->via);
    assert_true(got->type_confidence == want->type_confidence);
    assert_int_equal(got->priority, want->priority);
    assert_int_equal(got->epoch, want->epoch);
    assert_int_equal(got->attempt, want->attempt);
    assert_int_equal(got->max_attempts, want->max_attempts);
    assert_int_equal(got->submitted_at.ms, want->submitted_at.ms);
    assert_int_equal(got->updated_at.ms, want->updated_at.ms);
    assert_int_equal(got->deadline_at.ms, want->deadline_at.ms);
    assert_int_equal(got->finished_at.ms, want->finished_at.ms);
}

static void every_field_of_a_task_has_its_own_column(void **state)
{
    struct fixture *f = *state;
    struct vc_kg_task in = {.task_id = "t1",
                            .title = "a title",
                            .description = "a description",
                            .task_type = "a-type",
                            .type_method = "explicit",
                            .type_rule = "a rule",
                            .type_confidence = 0.5,
                            .state = "completed",
                            .priority = 9,
                            .epoch = 4294967295,
                            .attempt = 2,
                            .max_attempts = 3,
                            .agent_id = "an-agent",
                            .decision_id = "a-decision",
                            .parent_task_id = "a-parent",
                            .context_id = "a-context",
                            .error = "an error",
                            .spec = "{}",
                            .via = "jetstream",
                            .submitted_at = {1},
                            .updated_at = {2},
                            .deadline_at = {3},
                            .finished_at = {4}};
    struct vc_kg_task sparse = {.task_id = "t2",
                                .title = "",
                                .task_type = "x",
                                .type_method = "default",
                                .state = "submitted",
                                .via = "import"};
    begin(f);
    assert_ok(f, vc_kg_put_task(f->kg, &in, &f->err));
    assert_ok(f, vc_kg_put_task(f->kg, &sparse, &f->err));
    struct expected_task expected = {&in, 0}, expected_sparse = {&sparse, 0};
    assert_ok(f, vc_kg_get_task(f->kg, "t1", compare_task, &expected, &f->err));
    assert_ok(f, vc_kg_get_task(f->kg, "t2", compare_task, &expected_sparse, &f->err));
    commit(f);
    assert_int_equal(expected.calls, 1);
    assert_int_equal(expected_sparse.calls, 1);
}

static void a_task_id_is_taken_once(void **state)
{
    struct fixture *f = *state;
    begin(f);
    put_task(f, "t1");
    struct vc_kg_task again = a_task("t1");
    assert_rc(f, VC_E_CONFLICT, vc_kg_put_task(f->kg, &again, &f->err));
    assert_non_null(strstr(f->err.text, "'t1'"));
    put_task(f, "t2");
    commit(f);
    assert_int_equal(ask(f, "SELECT count(*) FROM task"), 2);
    assert_int_equal(ask(f, "SELECT count(*) FROM task_text"), 2);
}

static void a_task_in_any_state_of_its_life_is_stored(void **state)
{
    struct fixture *f = *state;
    static const char *const states[] = {
#define VC_TASK_STATE(name, wire, final) wire,
#include "coordinator/task_state.def"
#undef VC_TASK_STATE
    };
    begin(f);
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        char id[32];
        snprintf(id, sizeof id, "t%zu", i);
        struct vc_kg_task task = a_task(id);
        task.state = states[i];
        assert_ok(f, vc_kg_put_task(f->kg, &task, &f->err));
    }
    struct vc_kg_task odd = a_task("odd");
    odd.state = "lost-in-space";
    assert_rc(f, VC_E_INVALID, vc_kg_put_task(f->kg, &odd, &f->err));
    assert_non_null(strstr(f->err.text, "'odd'"));
    assert_non_null(strstr(f->err.text, "CHECK"));
    commit(f);
}

static void a_move_changes_the_task_and_only_it(void **state)
{
    struct fixture *f = *state;
    begin(f);
    put_task(f, "t1");
    put_task(f, "t2");
    struct vc_kg_move move = {.task_id = "t1",
                              .state = "assigned",
                              .epoch = 7,
                              .attempt = 2,
                              .max_attempts = 4,
                              .agent_id = "ada",
                              .decision_id = "d1",
                              .at = {NOW_MS + 10}};
    assert_ok(f, vc_kg_move_task(f->kg, &move, &f->err));
    struct vc_kg_task want = a_task("t1");
    want.state = "assigned";
    want.epoch = 7;
    want.attempt = 2;
    want.max_attempts = 4;
    want.agent_id = "ada";
    want.decision_id = "d1";
    want.updated_at.ms = NOW_MS + 10;
    struct expected_task expected = {&want, 0};
    assert_ok(f, vc_kg_get_task(f->kg, "t1", compare_task, &expected, &f->err));

    move.state = "failed";
    move.final = true;
    move.error = "three attempts failed";
    move.at.ms = NOW_MS + 20;
    assert_ok(f, vc_kg_move_task(f->kg, &move, &f->err));
    want.state = "failed";
    want.error = "three attempts failed";
    want.updated_at.ms = want.finished_at.ms = NOW_MS + 20;
    assert_ok(f, vc_kg_get_task(f->kg, "t1", compare_task, &expected, &f->err));

    move.state = "queued";
    move.final = false;
    move.error = NULL;
    assert_ok(f, vc_kg_move_task(f->kg, &move, &f->err));
    want.state = "queued";
    want.error = NULL;
    want.finished_at.ms = 0;
    assert_ok(f, vc_kg_get_task(f->kg, "t1", compare_task, &expected, &f->err));
    assert_int_equal(expected.calls, 3);

    struct vc_kg_task untouched = a_task("t2");
    struct expected_task other = {&untouched, 0};
    assert_ok(f, vc_kg_get_task(f->kg, "t2", compare_task, &other, &f->err));
    move.task_id = "nobody";
    assert_rc(f, VC_E_NOT_FOUND, vc_kg_move_task(f->kg, &move, &f->err));
    assert_non_null(strstr(f->err.text, "'nobody'"));
    commit(f);
}

struct expected_execution {
    const struct vc_kg_execution *execution;
    int calls;
};

static void compare_execution(void *ctx, const struct vc_kg_execution *got)
{
    struct expected_execution *expected = ctx;
    const struct vc_kg_execution *want = expected->execution;
    expected->calls++;
    equal_or_null(got->task_id, want->task_id);
    equal_or_null(got->agent_id, want->agent_id);
    equal_or_null(got->task_type, want->task_type);
    equal_or_null(got->decision_id, want->decision_id);
    equal_or_null(got->record, want->record);
    assert_int_equal(got->epoch, want->epoch);
    assert_int_equal(got->attempt, want->attempt);
    assert_int_equal(got->outcome, want->outcome);
    assert_int_equal(got->error_class, want->error_class);
    assert_true(got->value == want->value);
    assert_int_equal(got->counted, want->counted);
    assert_int_equal(got->winning, want->winning);
    assert_int_equal(got->started_at.ms, want->started_at.ms);
    assert_int_equal(got->finished_at.ms, want->finished_at.ms);
    assert_int_equal(got->duration_ms, want->duration_ms);
    assert_int_equal(got->cost_micros, want->cost_micros);
}

static void an_execution_of_every_outcome_and_class_comes_back_as_it_went_in(void **state)
{
    struct fixture *f = *state;
    begin(f);
    for (int outcome = 0; outcome < VC_OUTCOME_COUNT; outcome++)
        for (int cls = 0; cls < VC_ERROR_COUNT; cls++) {
            char id[32];
            snprintf(id, sizeof id, "t%d-%d", outcome, cls);
            struct vc_kg_execution in = an_execution(id, 3);
            in.outcome = (enum vc_outcome)outcome;
            in.error_class = (enum vc_error_class)cls;
            in.value = 0.25;
            in.counted = cls % 2;
            in.winning = false;
            in.decision_id = cls % 2 ? "d" : NULL;
            in.record = cls % 3 ? "{\"n\":1}" : NULL;
            in.started_at.ms = cls % 2 ? 0 : NOW_MS;
            in.duration_ms = INT64_C(1) << 40;
            assert_ok(f, vc_kg_put_execution(f->kg, &in, &f->err));
            struct expected_execution expected = {&in, 0};
            assert_ok(f, vc_kg_get_execution(f->kg, id, 3, compare_execution, &expected, &f->err));
            assert_int_equal(expected.calls, 1);
        }
    commit(f);
}

static void an_execution_is_recorded_once_and_counted_once(void **state)
{
    struct fixture *f = *state;
    begin(f);
    struct vc_kg_execution e = an_execution("t1", 1);
    assert_ok(f, vc_kg_put_execution(f->kg, &e, &f->err));
    struct vc_curve_day before[2], after[2];
    size_t n = 0;
    assert_ok(f, vc_kg_curve(f->kg, "ada", "coding", before, 2, &n, &f->err));
    assert_int_equal(n, 1);
    e.outcome = VC_OUTCOME_FAILURE;
    e.value = 0.5;
    e.winning = false;
    e.record = "{\"other\":true}";
    assert_rc(f, VC_E_CONFLICT, vc_kg_put_execution(f->kg, &e, &f->err));
    assert_non_null(strstr(f->err.text, "'t1'"));
    commit(f);
    assert_ok(f, vc_kg_curve(f->kg, "ada", "coding", after, 2, &n, &f->err));
    assert_int_equal(n, 1);
    assert_memory_equal(before, after, sizeof before[0]);
    assert_int_equal(ask(f, "SELECT count(*) FROM execution_record"), 1);
    assert_int_equal(ask(f, "SELECT outcome = 'success' FROM execution"), 1);
}

static void a_day_with_absurd_sums_stays_at_the_greatest_number(void **state)
{
    struct fixture *f = *state;
    begin(f);
    for (uint32_t epoch = 1; epoch <= 3; epoch++) {
        struct vc_kg_execution e = an_execution("t1", epoch);
        e.winning = false;
        e.duration_ms = e.cost_micros = INT64_MAX - 1;
        assert_ok(f, vc_kg_put_execution(f->kg, &e, &f->err));
    }
    commit(f);
    struct vc_curve_day day = {0};
    size_t n = 0;
    assert_ok(f, vc_kg_curve(f->kg, "ada", "coding", &day, 1, &n, &f->err));
    assert_int_equal(day.executions, 3);
    assert_true(day.duration_ms == INT64_MAX && day.cost_micros == INT64_MAX);
}

static void a_task_has_at_most_one_winner(void **state)
{
    struct fixture *f = *state;
    begin(f);
    struct vc_kg_execution e = an_execution("t1", 1);
    e.winning = false;
    assert_ok(f, vc_kg_put_execution(f->kg, &e, &f->err));
    e.epoch = 2;
    e.winning = true;
    assert_ok(f, vc_kg_put_execution(f->kg, &e, &f->err));
    e.epoch = 3;
    assert_rc(f, VC_E_CONFLICT, vc_kg_put_execution(f->kg, &e, &f->err));
    assert_non_null(strstr(f->err.text, "won"));
    e.winning = false;
    assert_ok(f, vc_kg_put_execution(f->kg, &e, &f->err));
    commit(f);
    assert_int_equal(ask(f, "SELECT count(*) FROM execution"), 3);
    assert_int_equal(ask(f, "SELECT sum(executions) FROM curve_day"), 3);
    assert_int_equal(ask(f, "SELECT count(*) FROM execution e JOIN execution_record r"
                            " ON r.seq = e.record_seq"),
                     3);
}

static void the_schema_refuses_values_out_of_range(void **state)
{
    struct fixture *f = *state;
    char long_id[VC_ID_MAX + 2];
    memset(long_id, 'x', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = '\0';
    begin(f);
    struct vc_kg_execution bad[6];
    for (size_t i = 0; i < 6; i++)
        bad[i] = an_execution("t1", 1);
    bad[0].value = 1.0000001;
    bad[1].value = -0.1;
    bad[2].duration_ms = -1;
    bad[3].task_id = long_id;
    bad[4].agent_id = NULL;
    bad[5].cost_micros = -1;
    for (size_t i = 0; i < 6; i++)
        assert_rc(f, VC_E_INVALID, vc_kg_put_execution(f->kg, &bad[i], &f->err));
    long_id[VC_ID_MAX] = '\0';
    assert_ok(f, vc_kg_put_execution(f->kg, &bad[3], &f->err));
    struct vc_kg_task task = a_task("t1");
    task.priority = 10;
    assert_rc(f, VC_E_INVALID, vc_kg_put_task(f->kg, &task, &f->err));
    commit(f);
    assert_int_equal(ask(f, "SELECT count(*) FROM execution"), 1);
}

static void texts_are_data_and_never_sql(void **state)
{
    struct fixture *f = *state;
    struct vc_kg_task in = a_task("t1");
    in.title = "'); DROP TABLE task; --";
    in.description = "?1 :a @b $c %s \"quoted\" \n\t\xe2\x82\xac";
    begin(f);
    assert_ok(f, vc_kg_put_task(f->kg, &in, &f->err));
    commit(f);
    struct expected_task expected = {&in, 0};
    assert_ok(f, vc_kg_get_task(f->kg, "t1", compare_task, &expected, &f->err));
    assert_rc(f, VC_E_NOT_FOUND,
              vc_kg_get_task(f->kg, "' OR 1=1 --", compare_task, &expected, &f->err));
}

static void an_agent_is_replaced_by_its_id(void **state)
{
    struct fixture *f = *state;
    struct vc_kg_agent agent = {.agent_id = "ada", .card = "{}", .capacity = 1};
    begin(f);
    assert_ok(f, vc_kg_put_agent(f->kg, &agent, &f->err));
    agent.card = "{\"v\":2}";
    agent.role = "builder";
    agent.capacity = 8;
    agent.draining = agent.removed = true;
    agent.registered_at.ms = NOW_MS;
    assert_ok(f, vc_kg_put_agent(f->kg, &agent, &f->err));
    commit(f);
    assert_int_equal(ask(f, "SELECT count(*) FROM agent"), 1);
    assert_int_equal(ask(f, "SELECT count(*) FROM agent WHERE agent_id = 'ada'"
                            " AND card = '{\"v\":2}' AND role = 'builder' AND capacity = 8"
                            " AND draining AND removed AND registered_at_ms = 1764000000000"),
                     1);
}

static void decisions_are_counted_by_type(void **state)
{
    struct fixture *f = *state;
    begin(f);
    put_task(f, "t1");
    assert_ok(f, vc_kg_add_decisions(f->kg, "coding", 5, 2, &f->err));
    assert_ok(f, vc_kg_add_decisions(f->kg, "coding", 3, 0, &f->err));
    assert_ok(f, vc_kg_add_decisions(f->kg, "testing", 1, 1, &f->err));
    put_task(f, "t2");
    commit(f);
    assert_int_equal(ask(f, "SELECT count(*) FROM task_type"), 2);
    assert_int_equal(ask(f, "SELECT decisions * 100 + trials FROM task_type"
                            " WHERE task_type = 'coding'"),
                     802);
}

struct message {
    int64_t seq;
    size_t len;
    char subject[64], body[64];
    int calls;
};

static void take_message(void *ctx, int64_t seq, const char *subject, const char *body, size_t len)
{
    struct message *m = ctx;
    m->seq = seq;
    m->len = len;
    m->calls++;
    snprintf(m->subject, sizeof m->subject, "%s", subject);
    snprintf(m->body, sizeof m->body, "%.*s", (int)len, body);
}

static void the_outbox_numbers_without_gaps_over_rollbacks_and_drops(void **state)
{
    struct fixture *f = *state;
    int64_t seq = 0;
    begin(f);
    assert_ok(f, vc_kg_put_outbox(f->kg, "s.1", "one!", 3, &seq, &f->err));
    assert_int_equal(seq, 1);
    assert_ok(f, vc_kg_put_outbox(f->kg, "s.2", "two", 3, &seq, &f->err));
    assert_int_equal(seq, 2);
    commit(f);
    begin(f);
    assert_ok(f, vc_kg_put_outbox(f->kg, "s.3", "lost", 4, &seq, &f->err));
    vc_kg_rollback(f->kg);
    struct message m = {0};
    assert_ok(f, vc_kg_outbox(f->kg, 0, 1, take_message, &m, &f->err));
    assert_int_equal(m.calls, 1);
    assert_int_equal(m.seq, 1);
    assert_int_equal(m.len, 3);
    assert_string_equal(m.subject, "s.1");
    assert_string_equal(m.body, "one");
    begin(f);
    assert_ok(f, vc_kg_drop_outbox(f->kg, 2, &f->err));
    commit(f);
    reopen(f, VC_KG_OWN);
    begin(f);
    assert_ok(f, vc_kg_put_outbox(f->kg, "s.3", "", 0, &seq, &f->err));
    commit(f);
    assert_int_equal(seq, 3);
    m.calls = 0;
    assert_ok(f, vc_kg_outbox(f->kg, 0, 10, take_message, &m, &f->err));
    assert_int_equal(m.calls, 1);
    assert_int_equal(m.seq, 3);
    assert_int_equal(m.len, 0);
}

static void a_number_is_found_again(void **state)
{
    struct fixture *f = *state;
    int64_t value = 7;
    assert_ok(f, vc_kg_get_number(f->kg, "relayed_seq", &value, &f->err));
    assert_int_equal(value, 0);
    begin(f);
    assert_ok(f, vc_kg_put_number(f->kg, "relayed_seq", 5, &f->err));
    assert_ok(f, vc_kg_put_number(f->kg, "relayed_seq", INT64_C(1) << 40, &f->err));
    commit(f);
    reopen(f, VC_KG_OWN);
    assert_ok(f, vc_kg_get_number(f->kg, "relayed_seq", &value, &f->err));
    assert_int_equal(value, INT64_C(1) << 40);
}

static void a_late_result_is_kept_with_its_reason(void **state)
{
    struct fixture *f = *state;
    static const char *const reasons[] = {"stale", "duplicate", "unknown_task"};
    begin(f);
    for (size_t i = 0; i < 3; i++) {
        struct vc_kg_late late = {.task_id = "t1",
                                  .epoch = 1,
                                  .agent_id = "ada",
                                  .received_at = {NOW_MS},
                                  .reason = reasons[i],
                                  .record = "{}"};
        assert_ok(f, vc_kg_put_late(f->kg, &late, &f->err));
    }
    commit(f);
    assert_int_equal(ask(f, "SELECT count(*) FROM late_result WHERE task_id = 't1' AND epoch = 1"
                            " AND agent_id = 'ada' AND received_at_ms = 1764000000000"
                            " AND record = '{}'"),
                     3);
}

static void a_rollback_leaves_nothing_and_sees_its_own_writes_before(void **state)
{
    struct fixture *f = *state;
    struct ids seen = {""};
    begin(f);
    put_task(f, "t1");
    assert_ok(f, vc_kg_get_task(f->kg, "t1", add_task_id, &seen, &f->err));
    vc_kg_rollback(f->kg);
    assert_rc(f, VC_E_NOT_FOUND, vc_kg_get_task(f->kg, "t1", add_task_id, &seen, &f->err));
    assert_string_equal(seen.text, "t1");
    vc_kg_rollback(f->kg);
    begin(f);
    put_task(f, "t1");
    vc_kg_close(&f->kg);
    assert_int_equal(ask(f, "SELECT count(*) FROM task"), 0);
}

static void edges_connect_what_happened(void **state)
{
    struct fixture *f = *state;
    begin(f);
    put_task(f, "t0");
    struct vc_kg_task child = a_task("t1");
    child.parent_task_id = "t0";
    assert_ok(f, vc_kg_put_task(f->kg, &child, &f->err));
    static const uint32_t epochs[] = {1, 2, 5};
    for (size_t i = 0; i < 3; i++) {
        struct vc_kg_execution e = an_execution("t1", epochs[i]);
        e.winning = i == 2;
        e.decision_id = i == 0 ? NULL : "d";
        e.agent_id = i == 2 ? "bob" : "ada";
        assert_ok(f, vc_kg_put_execution(f->kg, &e, &f->err));
    }
    commit(f);
    static const char *const edges[][3] = {
        {"executed_by", "t1:1", "ada"}, {"executed_by", "t1:2", "ada"},
        {"executed_by", "t1:5", "bob"}, {"attempt_of", "t1:1", "t1"},
        {"attempt_of", "t1:2", "t1"},   {"attempt_of", "t1:5", "t1"},
        {"of_type", "t1:1", "coding"},  {"of_type", "t1:2", "coding"},
        {"of_type", "t1:5", "coding"},  {"retry_of", "t1:2", "t1:1"},
        {"retry_of", "t1:5", "t1:2"},   {"child_of", "t1", "t0"},
        {"decided_by", "t1:2", "d"},    {"decided_by", "t1:5", "d"}};
    size_t n = sizeof edges / sizeof edges[0];
    assert_int_equal(ask(f, "SELECT count(*) FROM edge"), (int64_t)n);
    for (size_t i = 0; i < n; i++) {
        char sql[200];
        snprintf(sql, sizeof sql,
                 "SELECT count(*) FROM edge WHERE kind = '%s' AND src = '%s' AND dst = '%s'",
                 edges[i][0], edges[i][1], edges[i][2]);
        assert_int_equal(ask(f, sql), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(a_task_comes_back_as_it_went_in),
        T(every_field_of_a_task_has_its_own_column),
        T(a_task_id_is_taken_once),
        T(a_task_in_any_state_of_its_life_is_stored),
        T(a_move_changes_the_task_and_only_it),
        T(an_execution_of_every_outcome_and_class_comes_back_as_it_went_in),
        T(an_execution_is_recorded_once_and_counted_once),
        T(a_day_with_absurd_sums_stays_at_the_greatest_number),
        T(a_task_has_at_most_one_winner),
        T(the_schema_refuses_values_out_of_range),
        T(texts_are_data_and_never_sql),
        T(an_agent_is_replaced_by_its_id),
        T(decisions_are_counted_by_type),
        T(the_outbox_numbers_without_gaps_over_rollbacks_and_drops),
        T(a_number_is_found_again),
        T(a_late_result_is_kept_with_its_reason),
        T(a_rollback_leaves_nothing_and_sees_its_own_writes_before),
        T(edges_connect_what_happened),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
