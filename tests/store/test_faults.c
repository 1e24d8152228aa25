/* One system call after the other fails, each once, while a store is opened and written: SQLite's
 * own table of system calls lets us stand in for them. */
#include "tests/store/fixture.h"

#include "kg-store/care.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define TRANSACTIONS 4

static struct {
    int calls, fail_at; /* of `name`; 0 = none fails */
    int error;
    const char *name;
} fault;

/* Whether this call of @name is the one that fails. */
static bool fails(const char *name)
{
    if (strcmp(name, fault.name) != 0 || ++fault.calls != fault.fail_at)
        return false;
    errno = fault.error;
    return true;
}

static int fail_open(const char *path, int flags, int mode)
{
    return fails("open") ? -1 : open(path, flags, mode);
}

static ssize_t fail_pread(int fd, void *bytes, size_t n, off_t at)
{
    return fails("pread") ? -1 : pread(fd, bytes, n, at);
}

static ssize_t fail_pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    return fails("pwrite") ? -1 : pwrite(fd, bytes, n, at);
}

static int fail_ftruncate(int fd, off_t size)
{
    return fails("ftruncate") ? -1 : ftruncate(fd, size);
}

static int fail_fstat(int fd, struct stat *st)
{
    return fails("fstat") ? -1 : fstat(fd, st);
}

static void *fail_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
    return fails("mmap") ? MAP_FAILED : mmap(at, n, protection, flags, fd, offset);
}

static int fail_unlink(const char *path)
{
    return fails("unlink") ? -1 : unlink(path);
}

static const struct {
    const char *of_sqlite, *name;
    sqlite3_syscall_ptr call;
} stand_ins[] = {
    {"open", "open", (sqlite3_syscall_ptr)fail_open},
    {"pread", "pread", (sqlite3_syscall_ptr)fail_pread},
    {"pread64", "pread", (sqlite3_syscall_ptr)fail_pread},
    {"pwrite", "pwrite", (sqlite3_syscall_ptr)fail_pwrite},
    {"pwrite64", "pwrite", (sqlite3_syscall_ptr)fail_pwrite},
    {"ftruncate", "ftruncate", (sqlite3_syscall_ptr)fail_ftruncate},
    {"fstat", "fstat", (sqlite3_syscall_ptr)fail_fstat},
    {"mmap", "mmap", (sqlite3_syscall_ptr)fail_mmap},
    {"unlink", "unlink", (sqlite3_syscall_ptr)fail_unlink},
};

static void stand_in(bool on)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    for (size_t i = 0; i < sizeof stand_ins / sizeof stand_ins[0]; i++)
        vfs->xSetSystemCall(vfs, stand_ins[i].of_sqlite, on ? stand_ins[i].call : NULL);
}

/* A task that is done, and a message about it; VC_OK only when it is committed. @doubt: only the
 * commit failed, so that it may or may not be there. */
static enum vc_rc write_one(struct fixture *f, int n, bool *doubt)
{
    char task_id[8], decision_id[8];
    snprintf(task_id, sizeof task_id, "t%d", n);
    snprintf(decision_id, sizeof decision_id, "d%d", n);
    struct vc_kg_task task = a_task(task_id);
    task.epoch = task.attempt = 1;
    task.decision_id = decision_id;
    struct vc_kg_decision decision = a_decision(decision_id, task_id, 1);
    int64_t seq;
    *doubt = false;
    enum vc_rc rc = vc_kg_begin(f->kg, &f->err);
    if (rc != VC_OK)
        return rc;
    rc = vc_kg_put_task(f->kg, &task, &f->err);
    if (rc == VC_OK)
        rc = vc_kg_put_decision(f->kg, &decision, &f->err);
    if (rc == VC_OK)
        rc = vc_kg_put_outbox(f->kg, "vapora.event.task.completed", "{}", 2, &seq, &f->err);
    if (rc == VC_OK)
        rc = vc_kg_put_number(f->kg, VC_KG_RELAYED, n, &f->err);
    if (rc != VC_OK) {
        vc_kg_rollback(f->kg);
        return rc;
    }
    rc = vc_kg_commit(f->kg, &f->err);
    *doubt = rc != VC_OK;
    return rc;
}

static void ignore_check(void *ctx, const struct vc_kg_check *check)
{
    (void)ctx, (void)check;
}

/* The store as a whole process sees it that comes later: no fault, every promise kept. */
static void judge(struct fixture *f, const bool *confirmed, const bool *doubted)
{
    assert_ok(f, vc_kg_open(f->path, VC_KG_OWN, &f->kg, &f->err));
    for (int n = 0; n < TRANSACTIONS; n++) {
        char sql[80];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM task WHERE task_id = 't%d'", n);
        bool there = ask(f, sql) == 1;
        if (there != confirmed[n] && !(doubted[n] && there))
            fail_msg("%s %d (%s): t%d is %sthere and was %sconfirmed", fault.name, fault.fail_at,
                     strerror(fault.error), n, there ? "" : "not ", confirmed[n] ? "" : "not ");
    }
    vc_kg_close(&f->kg);
    assert_ok(f, vc_kg_open(f->path, VC_KG_READ, &f->kg, &f->err));
    assert_ok(f, vc_kg_check(f->kg, ignore_check, NULL, &f->err));
}

/* The scenario with the @fail_at-th call of @name failing; false when it has not so many. */
static bool goes_through(const char *name, int error, int fail_at)
{
    void *state = NULL;
    bool confirmed[TRANSACTIONS] = {0}, doubted[TRANSACTIONS] = {0};
    assert_int_equal(setup_directory(&state), 0);
    struct fixture *f = state;
    fault.name = name;
    fault.error = error;
    fault.fail_at = fail_at;
    fault.calls = 0;
    stand_in(true);
    enum vc_rc rc = vc_kg_open(f->path, VC_KG_OWN, &f->kg, &f->err);
    for (int n = 0; rc == VC_OK && n < TRANSACTIONS; n++)
        confirmed[n] = write_one(f, n, &doubted[n]) == VC_OK;
    vc_kg_close(&f->kg);
    stand_in(false);
    bool hit = fault.calls >= fail_at;
    if (rc != VC_OK && (strlen(f->err.text) == 0 || !hit))
        fail_msg("%s %d: opening failed without a word, or without a cause", name, fail_at);
    judge(f, confirmed, doubted);
    if (teardown(&state) != 0)
        fail_msg("%s %d (%s): files are left behind", name, fail_at, strerror(error));
    return hit;
}

static void every_system_call_may_fail_once(void **state)
{
    (void)state;
    static const char *const names[] = {"open",  "pread", "pwrite", "ftruncate",
                                        "fstat", "mmap",  "unlink"};
    static const int errors[] = {EIO, ENOSPC, EACCES};
    int failed = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++)
            for (int k = 1; goes_through(names[i], errors[e], k); k++)
                failed++;
    print_message("    %d calls failed, one at a time\n", failed);
    assert_true(failed > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_system_call_may_fail_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
