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
    return rc;
}

static void run(struct fixture *f, const char *sql)
{
    if (sqlite3_exec(f->kg->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(f->kg->db));
}

/* Every column of the row, and of the texts that belong to it, each changed alone. */
static void a_change_in_any_column_is_found_by_who_reads_the_row(void **state)
{
    struct fixture *f = *state;
    put_rows(f);
    assert_ok(f, read_all(f));
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
    };
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
    run(f, "DROP INDEX execution_cell;"
           "ALTER TABLE task DROP COLUMN crc; ALTER TABLE execution DROP COLUMN crc;"
           "CREATE INDEX execution_cell ON execution"
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
        cmocka_unit_test_setup_teardown(learning_notices_rows_that_are_missing, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_of_version_1_get_their_checksums_by_the_migration,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
