#include "tests/store/fixture.h"

#include "kg-store/store.h"

#include <signal.h>
#include <sys/wait.h>

static void pragma(struct fixture *f, const char *sql)
{
    assert_int_equal(sqlite3_exec(f->kg->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* One page more is all that the file may grow by. */
static void fill_the_disk(struct fixture *f)
{
    char sql[64];
    snprintf(sql, sizeof sql, "PRAGMA max_page_count = %lld",
             (long long)ask(f, "PRAGMA page_count") + 1);
    pragma(f, sql);
}

static enum vc_rc put_big_task(struct fixture *f, const char *task_id)
{
    static char spec[30000];
    memset(spec, 'x', sizeof spec - 1);
    struct vc_kg_task task = a_task(task_id);
    task.spec = spec;
    return vc_kg_put_task(f->kg, &task, &f->err);
}

static void a_full_disk_keeps_nothing_of_the_transaction(void **state)
{
    struct fixture *f = *state;
    begin(f);
    put_task(f, "before");
    commit(f);
    fill_the_disk(f);
    begin(f);
    put_task(f, "small");
    assert_rc(f, VC_E_FULL, put_big_task(f, "big"));
    assert_non_null(strstr(f->err.text, "free some space"));
    struct vc_kg_task after = a_task("after");
    assert_rc(f, VC_E_FULL, vc_kg_put_task(f->kg, &after, &f->err));
    assert_non_null(strstr(f->err.text, "rolled back"));
    assert_rc(f, VC_E_FULL, vc_kg_commit(f->kg, &f->err));
    assert_int_equal(ask(f, "SELECT count(*) FROM task"), 1);

    begin(f);
    assert_rc(f, VC_E_FULL, put_big_task(f, "big"));
    vc_kg_rollback(f->kg);
    pragma(f, "PRAGMA max_page_count = 1000000");
    begin(f);
    put_task(f, "small");
    assert_ok(f, put_big_task(f, "big"));
    commit(f);
    reopen(f, VC_KG_OWN);
    assert_int_equal(ask(f, "SELECT count(*) FROM task"), 3);
    assert_int_equal(ask(f, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
}

static void reads_go_on_while_the_disk_is_full(void **state)
{
    struct fixture *f = *state;
    begin(f);
    put_task(f, "t1");
    commit(f);
    fill_the_disk(f);
    begin(f);
    assert_rc(f, VC_E_FULL, put_big_task(f, "big"));
    vc_kg_rollback(f->kg);
    struct ids ids = {""};
    assert_ok(f, vc_kg_open_tasks(f->kg, add_task_id, &ids, &f->err));
    assert_string_equal(ids.text, "t1");
}

static void a_full_disk_while_indexing_leaves_the_index_behind(void **state)
{
    struct fixture *f = *state;
    begin(f);
    for (int i = 0; i < 3000; i++) {
        char id[16], title[64];
        snprintf(id, sizeof id, "t%d", i);
        snprintf(title, sizeof title, "word%d other%d third%d", i, i * 7, i * 13);
        struct vc_kg_task task = a_task(id);
        task.title = title;
        assert_ok(f, vc_kg_put_task(f->kg, &task, &f->err));
    }
    commit(f);
    fill_the_disk(f);
    size_t done = 7;
    assert_rc(f, VC_E_FULL, vc_kg_index_texts(f->kg, 3000, &done, &f->err));
    assert_int_equal(done, 7);
    assert_int_equal(ask(f, "SELECT value FROM meta WHERE key = 'texts_indexed'"), 0);
    pragma(f, "PRAGMA max_page_count = 1000000");
    assert_ok(f, vc_kg_index_texts(f->kg, 3000, &done, &f->err));
    assert_int_equal(done, 3000);
}

/* Task and execution of one number, in one transaction. */
static bool put_pair(struct vc_kg *kg, int n)
{
    char id[16];
    snprintf(id, sizeof id, "w%d", n);
    struct vc_kg_task task = a_task(id);
    struct vc_kg_execution execution = an_execution(id, 1);
    return vc_kg_put_task(kg, &task, NULL) == VC_OK &&
           vc_kg_put_execution(kg, &execution, NULL) == VC_OK;
}

/* Commit pairs for ever from @next on; after each commit write its number to @fd. */
static void write_for_ever(const char *path, int next, int fd)
{
    struct vc_kg *kg = NULL;
    if (vc_kg_open(path, VC_KG_OWN, &kg, NULL) != VC_OK)
        _exit(1);
    for (;; next++)
        if (vc_kg_begin(kg, NULL) != VC_OK || !put_pair(kg, next) ||
            vc_kg_commit(kg, NULL) != VC_OK || write(fd, &next, sizeof next) != sizeof next)
            _exit(1);
}

/* One transaction so large that parts of it are in the log already; never committed. */
static void write_without_commit(const char *path, int next, int fd)
{
    struct vc_kg *kg = NULL;
    if (vc_kg_open(path, VC_KG_OWN, &kg, NULL) != VC_OK ||
        sqlite3_exec(kg->db, "PRAGMA cache_size = 10", NULL, NULL, NULL) != SQLITE_OK ||
        vc_kg_begin(kg, NULL) != VC_OK)
        _exit(1);
    for (int i = 0; i < 2000; i++)
        if (!put_pair(kg, next + i))
            _exit(1);
    if (write(fd, &next, sizeof next) != sizeof next)
        _exit(1);
    pause();
    _exit(1);
}

/* Start @child, read @reports numbers from it, kill it; the last number it told, or @next - 1. */
static int run_and_kill(struct fixture *f, void (*child)(const char *, int, int), int next,
                        int reports)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(fds[0]);
        child(f->path, next, fds[1]);
    }
    close(fds[1]);
    int last = next - 1, got = 0;
    while (got < reports && read(fds[0], &last, sizeof last) == sizeof last)
        got++;
    kill(pid, SIGKILL);
    while (read(fds[0], &last, sizeof last) == sizeof last)
        continue;
    close(fds[0]);
    int status = 0;
    waitpid(pid, &status, 0);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(got, reports);
    return last;
}

static void a_killed_writer_loses_nothing_committed_and_keeps_nothing_else(void **state)
{
    struct fixture *f = *state;
    vc_kg_close(&f->kg);
    int next = 0;
    for (int round = 0; round < 20; round++) {
        int last = run_and_kill(f, write_for_ever, next, 1 + round * 7 % 11);
        reopen(f, VC_KG_OWN);
        int stored = (int)ask(f, "SELECT count(*) FROM task");
        /* One commit more may have reached the disk without its report. */
        assert_in_range(stored, last + 1, last + 2);
        assert_int_equal(ask(f, "SELECT count(*) FROM task JOIN execution USING (task_id)"),
                         stored);
        assert_int_equal(ask(f, "SELECT sum(executions) FROM curve_day"), stored);
        vc_kg_close(&f->kg);
        next = stored;
    }
    assert_int_equal(ask(f, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
}

static void a_transaction_killed_before_its_commit_is_gone(void **state)
{
    struct fixture *f = *state;
    begin(f);
    assert_true(put_pair(f->kg, 0));
    commit(f);
    vc_kg_close(&f->kg);
    run_and_kill(f, write_without_commit, 1, 1);
    reopen(f, VC_KG_OWN);
    assert_int_equal(ask(f, "SELECT count(*) FROM task"), 1);
    assert_int_equal(ask(f, "SELECT count(*) FROM execution"), 1);
    assert_int_equal(ask(f, "SELECT count(*) FROM execution_record"), 1);
    assert_int_equal(ask(f, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
}

/* As when there was no memory for rolling it back. */
static void a_transaction_that_stayed_open_is_gone_at_the_next_begin(void **state)
{
    struct fixture *f = *state;
    begin(f);
    put_task(f, "t1");
    f->kg->in_transaction = false;
    begin(f);
    put_task(f, "t2");
    commit(f);
    assert_int_equal(ask(f, "SELECT count(*) FROM task"), 1);
    assert_int_equal(ask(f, "SELECT count(*) FROM task WHERE task_id = 't2'"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(a_full_disk_keeps_nothing_of_the_transaction),
        T(reads_go_on_while_the_disk_is_full),
        T(a_full_disk_while_indexing_leaves_the_index_behind),
        T(a_killed_writer_loses_nothing_committed_and_keeps_nothing_else),
        T(a_transaction_killed_before_its_commit_is_gone),
        T(a_transaction_that_stayed_open_is_gone_at_the_next_begin),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
