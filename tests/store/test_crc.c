/* The checksum of rows: its known vectors, what it tells apart, and who notices. */
#include "tests/store/fixture.h"

#include "kg-store/crc.h"
#include "kg-store/schema.h"
#include "kg-store/store.h"

static void the_checksum_is_crc_32c(void **state)
{
    (void)state;
    unsigned char bytes[32]; /* the vectors of RFC 3720, B.4 */
    assert_int_equal(vc_crc32c(0, "123456789", 9), 0xe3069283u);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(vc_crc32c(0, bytes, sizeof bytes), 0x8a9136aau);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(vc_crc32c(0, bytes, sizeof bytes), 0x62a8ab43u);
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    assert_int_equal(vc_crc32c(0, bytes, sizeof bytes), 0x46dd794eu);
}

static void a_checksum_may_be_taken_in_pieces(void **state)
{
    (void)state;
    static const char text[] = "one text, cut at every place";
    for (size_t cut = 0; cut < sizeof text; cut++)
        assert_int_equal(vc_crc32c(vc_crc32c(0, text, cut), text + cut, sizeof text - cut),
                         vc_crc32c(0, text, sizeof text));
}

/* The first column of the first row, asked on the store's own connection. */
static int64_t own(struct fixture *f, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_prepare_v2(f->kg->db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

static void values_count_with_their_type_and_length(void **state)
{
    struct fixture *f = *state;
    static const char *const different[] = {
        "crc32c('ab', 'c') <> crc32c('a', 'bc')",
        "crc32c(NULL) <> crc32c('')",
        "crc32c(0) <> crc32c(NULL)",
        "crc32c(1) <> crc32c('1')",
        "crc32c(1) <> crc32c(1.0)",
        "crc32c(x'61') <> crc32c('a')",
        "crc32c('a') <> crc32c('a', NULL)",
        "crc32c(-0.0) = crc32c(0.0)",
    };
    for (size_t i = 0; i < sizeof different / sizeof different[0]; i++) {
        char sql[128];
        snprintf(sql, sizeof sql, "SELECT %s", different[i]);
        if (own(f, sql) != 1)
            fail_msg("not so: %s", different[i]);
    }
}

static void put_the_rest(struct fixture *f)
{
    int64_t seq;
    struct vc_kg_agent agent = {.agent_id = "ada",
                                .card = "{\"capacity\":2}",
                                .role = "coder",
                                .capacity = 2,
                                .registered_at = {NOW_MS}};
    struct vc_kg_decision decision = a_decision("d-1", "full", 1);
    assert_ok(f, vc_kg_put_agent(f->kg, &agent, &f->err));
    assert_ok(f, vc_kg_put_decision(f->kg, &decision, &f->err));
    assert_ok(f, vc_kg_add_decisions(f->kg, "coding", 3, 1, &f->err));
    assert_ok(f, vc_kg_put_outbox(f->kg, "vapora.event.x", "{}", 2, &seq, &f->err));
    assert_ok(f, vc_kg_put_outbox(f->kg, "vapora.event.x", "{}", 2, &seq, &f->err));
}

/* A task that has moved, with one execution that says all it can, and one that says little. */
static void put_rows(struct fixture *f)
{
    begin(f);
    struct vc_kg_task full = a_task("full");
    full.description = "why and how";
    full.parent_task_id = "parent";
    full.context_id = "context";
    full.deadline_at.ms = NOW_MS + 5;
    assert_ok(f, vc_kg_put_task(f->kg, &full, &f->err));
    struct vc_kg_task bare = a_task("bare");
    bare.spec = NULL;
    bare.type_rule = NULL;
    assert_ok(f, vc_kg_put_task(f->kg, &bare, &f->err));
    struct vc_kg_move move = {.task_id = "full",
                              .state = "failed",
                              .epoch = 1,
                              .attempt = 1,
                              .max_attempts = 3,
                              .agent_id = "ada",
                              .decision_id = "d-1",
                              .error = "it broke",
                              .at = {NOW_MS + 9},
                              .final = true};
    assert_ok(f, vc_kg_move_task(f->kg, &move, &f->err));
    struct vc_kg_execution first = an_execution("full", 1), second = an_execution("bare", 1);
    first.outcome = VC_OUTCOME_FAILURE;
    first.error_class = VC_ERROR_TOOL_ERROR;
    first.winning = false;
    first.value = 0.25;
    second.record = second.decision_id = NULL;
    second.started_at.ms = 0;
    assert_ok(f, vc_kg_put_execution(f->kg, &first, &f->err));
    assert_ok(f, vc_kg_put_execution(f->kg, &second, &f->err));
    put_the_rest(f);
    commit(f);
}

static void ignore_task(void *ctx, const struct vc_kg_task *task)
{
    (void)ctx, (void)task;
}

static void ignore_execution(void *ctx, const struct vc_kg_execution *execution)
{
    (void)ctx, (void)execution;
}

static void ignore_cell(void *ctx, const struct vc_kg_cell *cell)
{
    (void)ctx, (void)cell;
}

static void ignore_agent(void *ctx, const struct vc_kg_agent *agent)
{
    (void)ctx, (void)agent;
}

static void ignore_decision(void *ctx, const struct vc_kg_decision *decision)
{
    (void)ctx, (void)decision;
}

static void ignore_type(void *ctx, const char *task_type, uint64_t decisions, uint64_t trials)
{
    (void)ctx, (void)task_type, (void)decisions, (void)trials;
}

static void ignore_message(void *ctx, int64_t seq, const char *subject, const char *body,
                           size_t len)
{
    (void)ctx, (void)seq, (void)subject, (void)body, (void)len;
}

static void ignore_count(void *ctx, const char *name, uint64_t count)
{
    (void)ctx, (void)name, (void)count;
}

static enum vc_rc read_the_rest(struct fixture *f)
{
    struct vc_curve_day days[4];
    size_t n;
    enum vc_rc rc = vc_kg_agents(f->kg, ignore_agent, NULL, &f->err);
    if (rc == VC_OK)
        rc = vc_kg_task_decisions(f->kg, "full", ignore_decision, NULL, &f->err);
    if (rc == VC_OK)
        rc = vc_kg_types(f->kg, ignore_type, NULL, &f->err);
    if (rc == VC_OK)
        rc = vc_kg_curve(f->kg, "ada", "coding", days, 4, &n, &f->err);
    if (rc == VC_OK)
        rc = vc_kg_outbox(f->kg, 0, 9, ignore_message, NULL, &f->err);
    return rc;
}

static enum vc_rc read_all(struct fixture *f)
{
    enum vc_rc rc = vc_kg_get_task(f->kg, "full", ignore_task, NULL, &f->err);
    if (rc == VC_OK)
        rc = vc_kg_get_task(f->kg, "bare", ignore_task, NULL, &f->err);
    if (rc == VC_OK)
        rc = vc_kg_task_executions(f->kg, "full", ignore_execution, NULL, &f->err);
    if (rc == VC_OK)
        rc = vc_kg_task_executions(f->kg, "bare", ignore_execution, NULL, &f->err);
    if (rc == VC_OK)
        rc = vc_kg_load_all_profiles(f->kg, ignore_cell, NULL, &f->err);
    return rc == VC_OK ? read_the_rest(f) : rc;
}

static void run(struct fixture *f, const char *sql)
{
    if (sqlite3_exec(f->kg->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(f->kg->db));
}

/* Every column of the rows, and of the texts that belong to them, each changed alone. */
static const char *const changes[] = {
    "task SET priority = 6",
    "task SET submitted_at_ms = submitted_at_ms + 1",
    "task SET deadline_at_ms = NULL",
    "task SET task_type = 'codinh'",
    "task SET type_method = 'default'",
    "task SET type_rule = 'fiy'",
    "task SET type_confidence = 0.5",
    "task SET parent_task_id = 'qarent'",
    "task SET context_id = NULL",
    "task SET via = 'jetstream'",
    "task SET title = 'Fix the qarser'",
    "task SET state = 'dead'",
    "task SET epoch = 2",
    "task SET attempt = 2",
    "task SET max_attempts = 4",
    "task SET agent_id = 'bob'",
    "task SET decision_id = NULL",
    "task SET error = 'it croke'",
    "task SET updated_at_ms = updated_at_ms + 1",
    "task SET finished_at_ms = finished_at_ms + 1",
    "task SET crc = crc + 1",
    "task_text SET description = 'why and hov'",
    "task_text SET spec = replace(spec, 'Fix', 'Fiy')",
    "execution SET agent_id = 'bob'",
    "execution SET task_type = 'writing'",
    "execution SET outcome = 'success'",
    "execution SET error_class = 'model_error'",
    "execution SET value = 0.5",
    "execution SET counted = 0",
    "execution SET winning = 1",
    "execution SET attempt = 2",
    "execution SET started_at_ms = NULL",
    "execution SET finished_at_ms = finished_at_ms + 1",
    "execution SET duration_ms = 1",
    "execution SET cost_micros = 1",
    "execution SET decision_id = 'd-2'",
    "execution SET record_seq = NULL",
    "execution SET crc = crc + 1",
    "execution_record SET record = '{}'",
    "agent SET agent_id = 'adb'",
    "agent SET role = NULL",
    "agent SET capacity = 3",
    "agent SET draining = 1",
    "agent SET removed = 1",
    "agent SET registered_at_ms = NULL",
    "agent SET card = '{}'",
    "decision SET decision_id = 'd-2'",
    "decision SET epoch = 2",
    "decision SET attempt = 2",
    "decision SET at_ms = at_ms + 1",
    "decision SET task_type = 'writing'",
    "decision SET policy = 'gormula'",
    "decision SET rule = NULL",
    "decision SET chosen = 'adb'",
    "decision SET record = '{}'",
    "task_type SET decisions = 4",
    "task_type SET trials = 0",
    "curve_day SET day = day + 1",
    "curve_day SET value_sum = 1",
    "curve_day SET duration_ms = 1",
    "curve_day SET cost_micros = 1",
    "outbox SET subject = 'vapora.event.y'",
    "outbox SET body = '[]'",
    "outbox SET seq = 7 WHERE seq = 2",
};

static void a_change_in_any_column_is_found_by_who_reads_the_row(void **state)
{
    struct fixture *f = *state;
    put_rows(f);
    assert_ok(f, read_all(f));
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        char sql[256];
        bool of_task = strstr(changes[i], "task ") == changes[i];
        bool of_execution = strstr(changes[i], "execution ") == changes[i];
        snprintf(sql, sizeof sql, "BEGIN; UPDATE %s%s", changes[i],
                 of_task || of_execution ? " WHERE task_id = 'full'" : "");
        run(f, sql);
        enum vc_rc rc = read_all(f);
        run(f, "ROLLBACK");
        if (rc != VC_E_CORRUPT)
            fail_msg("nobody noticed '%s': %s", changes[i], vc_rc_text(rc));
        assert_non_null(strstr(f->err.text, "db restore --from BACKUP --db"));
        assert_non_null(strstr(f->err.text, f->path));
    }
    assert_ok(f, read_all(f));
}

static void a_move_does_not_bless_a_row_that_was_damaged_before(void **state)
{
    struct fixture *f = *state;
    put_rows(f);
    run(f, "UPDATE task SET title = 'Fix the qarser' WHERE task_id = 'full'");
    begin(f);
    struct vc_kg_move move = {.task_id = "full", .state = "queued", .at = {NOW_MS + 10}};
    assert_ok(f, vc_kg_move_task(f->kg, &move, &f->err));
    commit(f);
    assert_rc(f, VC_E_CORRUPT, vc_kg_get_task(f->kg, "full", ignore_task, NULL, &f->err));
}

/* What is added to a damaged sum does not make it whole. */
static void a_sum_that_grows_is_not_blessed_either(void **state)
{
    struct fixture *f = *state;
    put_rows(f);
    run(f, "UPDATE task_type SET decisions = 4; UPDATE curve_day SET cost_micros = 1");
    begin(f);
    struct vc_kg_execution more = an_execution("more", 1);
    assert_ok(f, vc_kg_put_execution(f->kg, &more, &f->err));
    assert_ok(f, vc_kg_add_decisions(f->kg, "coding", 1, 0, &f->err));
    commit(f);
    struct vc_curve_day days[4];
    size_t n;
    assert_rc(f, VC_E_CORRUPT, vc_kg_types(f->kg, ignore_type, NULL, &f->err));
    assert_rc(f, VC_E_CORRUPT, vc_kg_curve(f->kg, "ada", "coding", days, 4, &n, &f->err));
}

/* What is not there has no checksum that could be wrong: others know that it must be. */
static void rows_that_are_missing_are_noticed(void **state)
{
    struct fixture *f = *state;
    put_rows(f);
    static const struct {
        const char *sql, *why;
    } losses[] = {
        {"DELETE FROM task_type", "some that were learnt in are missing"},
        {"DELETE FROM task WHERE task_id = 'full'", "2 tasks were accepted and 1 are in the index"},
        {"UPDATE task SET finished_at_ms = 1",
         "0 tasks are open by their finish, 1 by their state"},
    };
    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
        run(f, "BEGIN");
        run(f, losses[i].sql);
        enum vc_rc rc = vc_kg_types(f->kg, ignore_type, NULL, &f->err);
        if (rc == VC_OK)
            rc = vc_kg_count_tasks(f->kg, ignore_count, NULL, &f->err);
        if (rc == VC_OK)
            rc = vc_kg_open_tasks(f->kg, ignore_task, NULL, &f->err);
        run(f, "ROLLBACK");
        if (rc != VC_E_CORRUPT || !strstr(f->err.text, losses[i].why))
            fail_msg("after '%s': %s", losses[i].sql, f->err.text);
    }
}

/* Rows that the index does not give, or gives twice or elsewhere, change what is learnt. */
static void learning_notices_rows_that_are_missing(void **state)
{
    struct fixture *f = *state;
    put_rows(f);
    run(f, "DELETE FROM execution WHERE task_id = 'bare'");
    assert_rc(f, VC_E_CORRUPT, vc_kg_load_all_profiles(f->kg, ignore_cell, NULL, &f->err));
    assert_non_null(strstr(f->err.text, "agent 'ada' in 'coding' has 1 executions"));
    run(f, "DELETE FROM execution");
    assert_rc(f, VC_E_CORRUPT, vc_kg_load_all_profiles(f->kg, ignore_cell, NULL, &f->err));
    assert_rc(f, VC_E_CORRUPT, vc_kg_load_profile(f->kg, "ada", ignore_cell, NULL, &f->err));
    assert_ok(f, vc_kg_load_profile(f->kg, "bob", ignore_cell, NULL, &f->err));
}

/* Take the file back to version 1, rows and all. */
static void downgrade(struct fixture *f)
{
    static const char *const tables[] = {"task",   "execution", "meta",
                                         "agent",  "decision",  "late_result",
                                         "outbox", "task_type", "curve_day"};
    run(f, "DROP INDEX execution_cell; DELETE FROM meta WHERE key = 'outbox_dropped'");
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        char sql[64];
        snprintf(sql, sizeof sql, "ALTER TABLE %s DROP COLUMN crc", tables[i]);
        run(f, sql);
    }
    run(f, "CREATE INDEX execution_cell ON execution"
           " (agent_id, task_type, finished_at_ms, task_id, epoch, counted, value);"
           "PRAGMA user_version = 1");
}

static void rows_of_version_1_get_their_checksums_by_the_migration(void **state)
{
    struct fixture *f = *state;
    put_rows(f);
    downgrade(f);
    reopen(f, VC_KG_OWN);
    assert_int_equal(ask(f, "PRAGMA user_version"), (int64_t)vc_migrations_count);
    assert_int_equal(own(f, "SELECT count(*) FROM task WHERE crc <> 0"), 2);
    assert_ok(f, read_all(f));
    begin(f); /* and what is added to a row of that time counts on */
    struct vc_kg_execution more = an_execution("more", 1);
    assert_ok(f, vc_kg_put_execution(f->kg, &more, &f->err));
    assert_ok(f, vc_kg_add_decisions(f->kg, "coding", 1, 0, &f->err));
    commit(f);
    assert_ok(f, read_all(f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checksum_is_crc_32c),
        cmocka_unit_test(a_checksum_may_be_taken_in_pieces),
        cmocka_unit_test_setup_teardown(values_count_with_their_type_and_length, setup, teardown),
        cmocka_unit_test_setup_teardown(a_change_in_any_column_is_found_by_who_reads_the_row, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_move_does_not_bless_a_row_that_was_damaged_before, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_sum_that_grows_is_not_blessed_either, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_that_are_missing_are_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(learning_notices_rows_that_are_missing, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_of_version_1_get_their_checksums_by_the_migration,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
