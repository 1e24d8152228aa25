/* Checking a store, copying it, putting a copy back; and what a damaged log is. */
#include "tests/store/fixture.h"

#include "kg-store/care.h"
#include "kg-store/store.h"

#include <sys/stat.h>

static void run(struct fixture *f, const char *sql)
{
    if (sqlite3_exec(f->kg->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(f->kg->db));
}

static void put_agent(struct fixture *f, const char *agent_id)
{
    struct vc_kg_agent agent = {.agent_id = agent_id, .card = "{}", .capacity = 1};
    assert_ok(f, vc_kg_put_agent(f->kg, &agent, &f->err));
}

/* One task of each kind: queued, held, completed in a second try. */
static void put_story(struct fixture *f)
{
    int64_t seq;
    begin(f);
    put_agent(f, "ada");
    put_task(f, "waits");
    put_task(f, "held");
    put_task(f, "done");
    struct vc_kg_decision held = a_decision("held.1", "held", 1),
                          first = a_decision("done.1", "done", 1),
                          second = a_decision("done.2", "done", 2);
    assert_ok(f, vc_kg_put_decision(f->kg, &held, &f->err));
    assert_ok(f, vc_kg_put_decision(f->kg, &first, &f->err));
    assert_ok(f, vc_kg_put_decision(f->kg, &second, &f->err));
    struct vc_kg_move move = {.task_id = "held",
                              .state = "working",
                              .epoch = 1,
                              .attempt = 1,
                              .max_attempts = 3,
                              .agent_id = "ada",
                              .decision_id = "held.1",
                              .at = {NOW_MS}};
    assert_ok(f, vc_kg_move_task(f->kg, &move, &f->err));
    struct vc_kg_execution failed = an_execution("done", 1), won = an_execution("done", 2);
    failed.outcome = VC_OUTCOME_FAILURE;
    failed.error_class = VC_ERROR_TOOL_ERROR;
    failed.winning = false;
    failed.value = 0;
    failed.decision_id = "done.1";
    won.decision_id = "done.2";
    assert_ok(f, vc_kg_put_execution(f->kg, &failed, &f->err));
    assert_ok(f, vc_kg_put_execution(f->kg, &won, &f->err));
    move.task_id = "done";
    move.state = "completed";
    move.epoch = move.attempt = 2;
    move.decision_id = "done.2";
    move.final = true;
    assert_ok(f, vc_kg_move_task(f->kg, &move, &f->err));
    struct vc_kg_late late = {.task_id = "done",
                              .epoch = 1,
                              .agent_id = "ada",
                              .received_at = {NOW_MS},
                              .reason = "stale",
                              .record = "{}"};
    assert_ok(f, vc_kg_put_late(f->kg, &late, &f->err));
    for (int i = 0; i < 3; i++)
        assert_ok(f, vc_kg_put_outbox(f->kg, "vapora.event.x", "{}", 2, &seq, &f->err));
    assert_ok(f, vc_kg_drop_outbox(f->kg, 1, &f->err));
    commit(f);
}

/* The names of the checks that found something, as "a b". */
static void note_failed(void *ctx, const struct vc_kg_check *check)
{
    if (check->problems)
        add_id(ctx, check->name);
    assert_int_equal(check->problems == 0, check->first[0] == '\0');
}

static void a_sound_store_passes_every_check(void **state)
{
    struct fixture *f = *state;
    struct ids failed = {""};
    assert_ok(f, vc_kg_check(f->kg, note_failed, &failed, &f->err));
    put_story(f);
    assert_ok(f, vc_kg_check(f->kg, note_failed, &failed, &f->err));
    reopen(f, VC_KG_READ);
    assert_ok(f, vc_kg_check(f->kg, note_failed, &failed, &f->err));
    assert_string_equal(failed.text, "");
}

static void each_broken_promise_is_found_by_its_check(void **state)
{
    struct fixture *f = *state;
    put_story(f);
    static const struct {
        const char *check, *sql;
    } broken[] = {
        {"winners", "UPDATE execution SET winning = 0"},
        {"winners", "UPDATE execution SET winning = 1"},
        {"winners", "UPDATE task SET state = 'failed' WHERE task_id = 'done'"},
        {"states", "UPDATE task SET finished_at_ms = 1 WHERE task_id = 'waits'"},
        {"states", "UPDATE task SET finished_at_ms = NULL WHERE task_id = 'done'"},
        {"states", "UPDATE task SET agent_id = NULL WHERE task_id = 'held'"},
        {"states", "UPDATE task_text SET spec = NULL WHERE seq = 1"},
        {"states", "DELETE FROM task WHERE task_id = 'waits'"},
        {"epochs", "UPDATE task SET epoch = 1 WHERE task_id = 'done'"},
        {"epochs", "UPDATE execution SET task_id = 'held' WHERE epoch = 1"},
        {"epochs", "UPDATE decision SET epoch = 2"},
        {"attempts", "UPDATE task SET attempt = 4 WHERE task_id = 'done'"},
        {"attempts", "UPDATE task SET attempt = 0 WHERE task_id = 'held'"},
        {"curve", "UPDATE curve_day SET executions = 3"},
        {"curve", "UPDATE curve_day SET value_sum = 1.5"},
        {"curve", "UPDATE curve_day SET cost_micros = cost_micros + 1"},
        {"curve", "DELETE FROM curve_day"},
        {"outbox", "DELETE FROM outbox WHERE seq = 2"},
        {"outbox", "DELETE FROM outbox WHERE seq = 3"},
        {"outbox", "DELETE FROM outbox"},
        {"outbox", "UPDATE sqlite_sequence SET seq = 9 WHERE name = 'outbox'"},
        {"links", "DELETE FROM agent"},
        {"links", "DELETE FROM task_type"},
        {"links", "DELETE FROM task WHERE task_id = 'done'"},
        {"links", "DELETE FROM decision WHERE epoch = 2"},
        {"links", "UPDATE execution SET record_seq = 1"},
    };
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct ids failed = {""};
        run(f, "BEGIN");
        run(f, broken[i].sql);
        enum vc_rc rc = vc_kg_check(f->kg, note_failed, &failed, &f->err);
        run(f, "ROLLBACK");
        if (rc != VC_E_CORRUPT || !strstr(failed.text, broken[i].check))
            fail_msg("'%s' was found by '%s', not by %s", broken[i].sql, failed.text,
                     broken[i].check);
    }
    assert_ok(f, vc_kg_check(f->kg, NULL, NULL, &f->err));
}

/* Of each question that is asked, see how it will be answered. One that meets the outbox starts
 * from a single row. */
static int assert_no_loop_in_a_loop(unsigned what, void *ctx, void *stmt, void *sql)
{
    struct fixture *f = ctx;
    bool question = strncmp(sql, "SELECT", 6) == 0 || strncmp(sql, "WITH", 4) == 0;
    if (what != SQLITE_TRACE_STMT || !question)
        return 0;
    char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sqlite3_sql(stmt));
    sqlite3_stmt *plan = NULL;
    assert_int_equal(sqlite3_prepare_v2(f->kg->db, explain, -1, &plan, NULL), SQLITE_OK);
    while (sqlite3_step(plan) == SQLITE_ROW) {
        const char *step = (const char *)sqlite3_column_text(plan, 3);
        if (strncmp(step, "SCAN", 4) == 0 && strstr(step, "LEFT-JOIN") && !strstr(step, "outbox"))
            fail_msg("every row of one table meets every row of another: %s: %s", step, explain);
    }
    sqlite3_finalize(plan);
    sqlite3_free(explain);
    return 0;
}

/* 55 s instead of 0.4 s for 25,000 tasks, when one of them did. */
static void no_check_takes_the_square_of_the_rows(void **state)
{
    struct fixture *f = *state;
    put_story(f);
    sqlite3_trace_v2(f->kg->db, SQLITE_TRACE_STMT, assert_no_loop_in_a_loop, f);
    assert_ok(f, vc_kg_check(f->kg, NULL, NULL, &f->err));
    sqlite3_trace_v2(f->kg->db, 0, NULL, NULL);
}

/* Change one value of every column of every table, whatever it is. */
static void a_change_in_any_column_of_any_table_is_found(void **state)
{
    struct fixture *f = *state;
    put_story(f);
    sqlite3_stmt *columns = NULL;
    assert_int_equal(
        sqlite3_prepare_v2(f->kg->db,
                           "SELECT t.name, c.name, c.type FROM sqlite_schema t,"
                           " pragma_table_info(t.name) c WHERE t.type = 'table'"
                           " AND t.name NOT LIKE 'sqlite%' AND t.name NOT LIKE 'task_fts%'"
                           " AND NOT (t.name IN ('decision', 'late_result') AND c.name = 'seq')",
                           -1, &columns, NULL),
        SQLITE_OK);
    run(f, "PRAGMA ignore_check_constraints = ON");
    int n = 0;
    for (; sqlite3_step(columns) == SQLITE_ROW; n++) {
        const char *table = (const char *)sqlite3_column_text(columns, 0);
        const char *name = (const char *)sqlite3_column_text(columns, 1);
        bool text = strcmp((const char *)sqlite3_column_text(columns, 2), "TEXT") == 0;
        char sql[256];
        snprintf(sql, sizeof sql, "UPDATE %s SET %s = coalesce(%s, %s) %s WHERE %s", table, name,
                 name, text ? "''" : "0", text ? "|| 'x'" : "+ 10",
                 strcmp(table, "meta") == 0 ? "key = 'uuid'" : "true");
        struct ids failed = {""};
        run(f, "SAVEPOINT before");
        run(f, sql);
        enum vc_rc rc = vc_kg_check(f->kg, note_failed, &failed, &f->err);
        run(f, "ROLLBACK TO before; RELEASE before");
        if (rc != VC_E_CORRUPT)
            fail_msg("nobody noticed '%s'", sql);
    }
    assert_true(n > 70);
    sqlite3_finalize(columns);
}

static void path_beside(const struct fixture *f, const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s", f->dir, name);
}

static int64_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (int64_t)st.st_size : -1;
}

static void a_backup_is_the_committed_state_and_no_more(void **state)
{
    struct fixture *f = *state;
    char copy[128];
    uint64_t bytes = 0;
    path_beside(f, "copy.db", copy);
    put_story(f);
    begin(f);
    put_task(f, "not yet");
    assert_ok(f, vc_kg_backup(f->path, copy, &bytes, &f->err));
    commit(f);
    assert_int_equal(bytes, size_of(copy));
    struct vc_kg *kg = NULL;
    assert_ok(f, vc_kg_open(copy, VC_KG_OWN, &kg, &f->err));
    assert_string_equal(vc_kg_uuid(kg), vc_kg_uuid(f->kg));
    int64_t tasks = 0;
    assert_ok(f, vc_stmt_int(kg, VC_STMT_LAST_TASK, &tasks, &f->err));
    assert_int_equal(tasks, 3);
    vc_kg_close(&kg);
    assert_int_equal(unlink(copy), 0);
}

static void a_damaged_store_leaves_the_older_backup_alone(void **state)
{
    struct fixture *f = *state;
    char copy[128], draft[128];
    path_beside(f, "copy.db", copy);
    path_beside(f, "copy.db.new", draft);
    put_story(f);
    assert_ok(f, vc_kg_backup(f->path, copy, NULL, &f->err));
    run(f, "UPDATE task SET title = 'Fix the qarser'");
    assert_rc(f, VC_E_CORRUPT, vc_kg_backup(f->path, copy, NULL, &f->err));
    assert_non_null(strstr(f->err.text, "checksums: task 'waits'"));
    assert_int_equal(size_of(draft), -1);
    struct vc_kg *kg = NULL;
    assert_ok(f, vc_kg_open(copy, VC_KG_OWN, &kg, &f->err));
    assert_ok(f, vc_kg_check(kg, NULL, NULL, &f->err));
    vc_kg_close(&kg);
    assert_rc(f, VC_E_INVALID, vc_kg_backup(copy, copy, NULL, &f->err));
    assert_rc(f, VC_E_CONFLICT, vc_kg_backup(copy, f->path, NULL, &f->err));
    assert_int_equal(unlink(copy), 0);
}

/* The old store dies with a log; nothing of it may get into the new one. */
static void a_restore_takes_nothing_of_the_old_log(void **state)
{
    struct fixture *f = *state;
    char copy[128], kept[128], log[128];
    path_beside(f, "copy.db", copy);
    path_beside(f, "kg.db.replaced", kept);
    snprintf(log, sizeof log, "%s-wal", f->path);
    put_story(f);
    assert_ok(f, vc_kg_backup(f->path, copy, NULL, &f->err));
    begin(f);
    put_task(f, "later");
    commit(f);
    assert_true(size_of(log) > 0); /* another connection holds it, as a process that was killed */
    assert_rc(f, VC_E_CONFLICT, vc_kg_restore(copy, f->path, false, &f->err));
    assert_ok(f, vc_kg_restore(copy, f->path, true, &f->err));
    struct vc_kg *kg = NULL;
    int64_t tasks = 0;
    assert_ok(f, vc_kg_open(f->path, VC_KG_OWN, &kg, &f->err));
    assert_ok(f, vc_stmt_int(kg, VC_STMT_LAST_TASK, &tasks, &f->err));
    assert_int_equal(tasks, 3);
    vc_kg_close(&kg);
    assert_ok(f, vc_kg_open(kept, VC_KG_OWN, &kg, &f->err));
    assert_ok(f, vc_stmt_int(kg, VC_STMT_LAST_TASK, &tasks, &f->err));
    assert_int_equal(tasks, 4);
    vc_kg_close(&kg);
    assert_int_equal(unlink(copy), 0);
    assert_int_equal(unlink(kept), 0);
    path_beside(f, "kg.db.replaced-wal", kept); /* the fixture still has that file open */
    unlink(kept);
}

static void a_damaged_backup_is_not_restored(void **state)
{
    struct fixture *f = *state;
    char copy[128], draft[128];
    path_beside(f, "copy.db", copy);
    path_beside(f, "kg.db.new", draft);
    put_story(f);
    assert_ok(f, vc_kg_backup(f->path, copy, NULL, &f->err));
    assert_int_equal(truncate(copy, size_of(copy) / 2), 0);
    assert_rc(f, VC_E_CORRUPT, vc_kg_restore(copy, f->path, true, &f->err));
    assert_non_null(strstr(f->err.text, "nothing was changed"));
    assert_int_equal(size_of(draft), -1);
    assert_ok(f, vc_kg_check(f->kg, NULL, NULL, &f->err));
    assert_int_equal(unlink(copy), 0);
    assert_rc(f, VC_E_NOT_FOUND, vc_kg_restore(copy, f->path, true, &f->err));
}

/* Flip one bit of byte @at, counted from the end when negative. */
static void flip(const char *path, long at)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, -1, SEEK_CUR), 0);
    fputc(byte ^ 4, file);
    fclose(file);
}

/* What the log is worth with that bit flipped. */
static enum vc_rc log_with_flip(struct fixture *f, long at)
{
    char log[128];
    snprintf(log, sizeof log, "%s-wal", f->path);
    flip(log, at);
    enum vc_rc rc = vc_kg_check_log(f->path, &f->err);
    flip(log, at);
    if (rc == VC_E_CORRUPT)
        assert_non_null(strstr(f->err.text, "db restore --from BACKUP --db"));
    return rc;
}

static void a_log_is_damaged_when_whole_transactions_stand_behind_a_bad_frame(void **state)
{
    struct fixture *f = *state;
    put_story(f);
    for (int i = 0; i < 3; i++) {
        char task_id[16];
        snprintf(task_id, sizeof task_id, "more-%d", i);
        begin(f);
        put_task(f, task_id);
        commit(f);
    }
    assert_ok(f, vc_kg_check_log(f->path, &f->err));
    assert_int_equal(log_with_flip(f, 17), VC_E_CORRUPT);  /* the salt of the header */
    assert_int_equal(log_with_flip(f, 900), VC_E_CORRUPT); /* the first page */
    assert_int_equal(log_with_flip(f, -900), VC_OK);       /* the last: as if torn by a crash */
    assert_ok(f, vc_kg_check_log(f->path, &f->err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_sound_store_passes_every_check, setup, teardown),
        cmocka_unit_test_setup_teardown(each_broken_promise_is_found_by_its_check, setup, teardown),
        cmocka_unit_test_setup_teardown(no_check_takes_the_square_of_the_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(a_change_in_any_column_of_any_table_is_found, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_backup_is_the_committed_state_and_no_more, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_damaged_store_leaves_the_older_backup_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_restore_takes_nothing_of_the_old_log, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_backup_is_not_restored, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_log_is_damaged_when_whole_transactions_stand_behind_a_bad_frame, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
