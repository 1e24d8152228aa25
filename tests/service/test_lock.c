#include "coordinator/lock.h"
#include "tests/service/tmp.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void the_owner_writes_its_pid(void **state)
{
    int fd = -1;
    assert_int_equal(vc_lock_take(tmp_path(state, "graph.db"), &fd, NULL), VC_OK);
    char *text = tmp_read(tmp_path(state, "graph.db.lock"));
    assert_int_equal(strtol(text, NULL, 10), getpid());
    assert_int_equal(tmp_mode(tmp_path(state, "graph.db.lock")), 0600);
    free(text);
    close(fd);
}

static void a_second_taker_is_told_who_and_what_to_do(void **state)
{
    struct vc_err err = {0};
    int fd = -1, second = -1;
    const char *db = tmp_path(state, "graph.db");
    assert_int_equal(vc_lock_take(db, &fd, &err), VC_OK);
    assert_int_equal(vc_lock_take(db, &second, &err), VC_E_BUSY);
    char expected[1024];
    snprintf(expected, sizeof expected,
             "'%s' is in use by process %d: stop it first, or use another one", db, (int)getpid());
    assert_string_equal(err.text, expected);
    assert_int_equal(err.rc, VC_E_BUSY);
    assert_int_equal(second, -1);
    close(fd);
}

static void an_owner_that_has_not_written_its_pid_yet_is_another_process(void **state)
{
    struct vc_err err = {0};
    int fd = -1, second = -1;
    const char *db = tmp_path(state, "graph.db");
    assert_int_equal(vc_lock_take(db, &fd, &err), VC_OK);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(vc_lock_take(db, &second, &err), VC_E_BUSY);
    assert_non_null(strstr(err.text, "is in use by another process: stop it first"));
    close(fd);
}

static void closing_lets_go(void **state)
{
    int fd = -1;
    const char *db = tmp_path(state, "graph.db");
    assert_int_equal(vc_lock_take(db, &fd, NULL), VC_OK);
    close(fd);
    assert_int_equal(vc_lock_take(db, &fd, NULL), VC_OK);
    close(fd);
}

static void a_shorter_pid_leaves_nothing_of_a_longer_one(void **state)
{
    int fd = -1;
    tmp_write(tmp_path(state, "graph.db.lock"), "99999999999999\n");
    assert_int_equal(vc_lock_take(tmp_path(state, "graph.db"), &fd, NULL), VC_OK);
    char *text = tmp_read(tmp_path(state, "graph.db.lock"));
    char expected[32];
    snprintf(expected, sizeof expected, "%d\n", (int)getpid());
    assert_string_equal(text, expected);
    free(text);
    close(fd);
}

static void an_owner_killed_by_9_leaves_no_lock(void **state)
{
    struct vc_err err = {0};
    const char *db = tmp_path(state, "graph.db");
    int ready[2], fd = -1;
    assert_int_equal(pipe(ready), 0);
    pid_t owner = fork();
    if (owner == 0) {
        alarm(60); /* when the test fails, nobody else ends it */
        char ok = vc_lock_take(db, &fd, NULL) == VC_OK ? 'y' : 'n';
        if (write(ready[1], &ok, 1) == 1)
            pause();
        _exit(1);
    }
    char ok = 'n', pid[32];
    assert_int_equal(read(ready[0], &ok, 1), 1);
    assert_int_equal(ok, 'y');
    assert_int_equal(vc_lock_take(db, &fd, &err), VC_E_BUSY);
    snprintf(pid, sizeof pid, "process %d:", (int)owner);
    assert_non_null(strstr(err.text, pid));
    kill(owner, SIGKILL);
    assert_int_equal(waitpid(owner, NULL, 0), owner);
    assert_int_equal(vc_lock_take(db, &fd, &err), VC_OK);
    close(fd);
    close(ready[0]);
    close(ready[1]);
}

static void programs_that_we_start_do_not_inherit_it(void **state)
{
    int fd = -1;
    assert_int_equal(vc_lock_take(tmp_path(state, "graph.db"), &fd, NULL), VC_OK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
}

static void a_missing_directory_is_an_io_error_that_names_the_file(void **state)
{
    struct vc_err err = {0};
    int fd = -1;
    assert_int_equal(vc_lock_take(tmp_path(state, "no/graph.db"), &fd, &err), VC_E_IO);
    assert_non_null(strstr(err.text, "/no/graph.db.lock': No such file or directory"));
    assert_int_equal(fd, -1);
}

#define IN_TMP(test) cmocka_unit_test_setup_teardown(test, tmp_setup, tmp_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TMP(the_owner_writes_its_pid),
        IN_TMP(a_second_taker_is_told_who_and_what_to_do),
        IN_TMP(an_owner_that_has_not_written_its_pid_yet_is_another_process),
        IN_TMP(closing_lets_go),
        IN_TMP(a_shorter_pid_leaves_nothing_of_a_longer_one),
        IN_TMP(an_owner_killed_by_9_leaves_no_lock),
        IN_TMP(programs_that_we_start_do_not_inherit_it),
        IN_TMP(a_missing_directory_is_an_io_error_that_names_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
