#include "tests/store/fixture.h"

#include "kg-store/schema.h"
#include "kg-store/store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static void alter(const struct fixture *f, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void assert_refused(struct fixture *f, enum vc_kg_mode mode, enum vc_rc rc, const char *why)
{
    struct vc_kg *kg = NULL;
    assert_rc(f, rc, vc_kg_open(f->path, mode, &kg, &f->err));
    assert_null(kg);
    assert_int_equal(f->err.rc, rc);
    if (!strstr(f->err.text, why) || !strstr(f->err.text, f->path))
        fail_msg("'%s' does not say '%s' and the path", f->err.text, why);
}

static void a_new_store_has_an_identity_that_stays(void **state)
{
    struct fixture *f = *state;
    char uuid[VC_UUID_TEXT];
    snprintf(uuid, sizeof uuid, "%s", vc_kg_uuid(f->kg));
    assert_int_equal(strlen(uuid), 36);
    assert_int_equal(uuid[14], '7');
    reopen(f, VC_KG_OWN);
    assert_string_equal(vc_kg_uuid(f->kg), uuid);
    reopen(f, VC_KG_READ);
    assert_string_equal(vc_kg_uuid(f->kg), uuid);
}

static void the_file_says_whose_it_is(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(ask(f, "PRAGMA application_id"), VC_KG_APPLICATION_ID);
    assert_int_equal(ask(f, "PRAGMA user_version"), (int64_t)vc_migrations_count);
    assert_int_equal(ask(f, "SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'"),
                     1);
    assert_int_equal(ask(f, "SELECT count(*) FROM sqlite_schema WHERE type = 'table'"
                            " AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'task_fts%'"
                            " AND sql NOT LIKE '%STRICT%'"),
                     0);
}

static void migrations_are_numbered_without_gaps(void **state)
{
    (void)state;
    for (size_t i = 0; i < vc_migrations_count; i++)
        assert_int_equal(vc_migrations[i].version, (int)i + 1);
}

static void the_owner_writes_through_to_the_disk(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *pragma;
        int64_t value;
    } wanted[] = {{"PRAGMA synchronous", 2},
                  {"PRAGMA trusted_schema", 0},
                  {"PRAGMA busy_timeout", 2000},
                  {"PRAGMA journal_size_limit", 64 << 20},
                  {"PRAGMA wal_autocheckpoint", 1000}};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        sqlite3_stmt *stmt = NULL;
        sqlite3_prepare_v2(f->kg->db, wanted[i].pragma, -1, &stmt, NULL);
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
        assert_int_equal(sqlite3_column_int64(stmt, 0), wanted[i].value);
        sqlite3_finalize(stmt);
    }
    int defensive = 0;
    sqlite3_db_config(f->kg->db, SQLITE_DBCONFIG_DEFENSIVE, -1, &defensive);
    assert_int_equal(defensive, 1);
}

static void a_store_in_memory_works_and_is_private(void **state)
{
    struct fixture *f = *state;
    struct vc_kg *one = NULL, *two = NULL;
    assert_ok(f, vc_kg_open(":memory:", VC_KG_OWN, &one, &f->err));
    assert_ok(f, vc_kg_open(":memory:", VC_KG_OWN, &two, &f->err));
    assert_string_not_equal(vc_kg_uuid(one), vc_kg_uuid(two));
    vc_kg_close(&one);
    assert_null(one);
    vc_kg_close(&two);
    vc_kg_close(&two);
}

static void a_reader_never_creates(void **state)
{
    struct fixture *f = *state;
    assert_refused(f, VC_KG_READ, VC_E_NOT_FOUND, "no such file");
    assert_int_equal(access(f->path, F_OK), -1);
}

static void an_absent_directory_is_named(void **state)
{
    struct fixture *f = *state;
    struct vc_kg *kg = NULL;
    char path[128];
    snprintf(path, sizeof path, "%s/none/kg.db", f->dir);
    assert_rc(f, VC_E_IO, vc_kg_open(path, VC_KG_OWN, &kg, &f->err));
    assert_non_null(strstr(f->err.text, path));
    assert_rc(f, VC_E_INVALID, vc_kg_open("", VC_KG_OWN, &kg, &f->err));
}

static void a_path_that_looks_like_a_uri_is_a_file_name(void **state)
{
    struct fixture *f = *state;
    int home = open(".", O_RDONLY | O_DIRECTORY);
    assert_int_equal(chdir(f->dir), 0);
    enum vc_rc rc = vc_kg_open("file:kg.db?mode=memory", VC_KG_OWN, &f->kg, &f->err);
    vc_kg_close(&f->kg);
    int removed = unlink("file:kg.db?mode=memory");
    assert_int_equal(fchdir(home), 0);
    close(home);
    assert_ok(f, rc);
    assert_int_equal(removed, 0);
}

static void a_newer_schema_is_refused(void **state)
{
    struct fixture *f = *state;
    vc_kg_close(&f->kg);
    alter(f, "PRAGMA user_version = 9999");
    assert_refused(f, VC_KG_OWN, VC_E_NEWER, "version 9999");
    assert_refused(f, VC_KG_READ, VC_E_NEWER, "version 9999");
    assert_int_equal(ask(f, "PRAGMA user_version"), 9999);
}

static void an_older_schema_is_not_read(void **state)
{
    struct fixture *f = *state;
    vc_kg_close(&f->kg);
    alter(f, "PRAGMA user_version = 0");
    assert_refused(f, VC_KG_READ, VC_E_INVALID, "start the service");
}

static void a_foreign_database_is_refused_and_left_alone(void **state)
{
    struct fixture *f = *state;
    alter(f, "CREATE TABLE theirs (x)");
    assert_refused(f, VC_KG_OWN, VC_E_CORRUPT, "no execution graph of ours");
    assert_refused(f, VC_KG_READ, VC_E_CORRUPT, "no execution graph of ours");
    assert_int_equal(ask(f, "SELECT count(*) FROM sqlite_schema"), 1);
    assert_int_equal(ask(f, "SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'"),
                     0);
}

static void a_text_file_is_refused(void **state)
{
    struct fixture *f = *state;
    FILE *file = fopen(f->path, "w");
    for (int i = 0; i < 200; i++)
        fputs("this is a shopping list\n", file);
    fclose(file);
    assert_refused(f, VC_KG_OWN, VC_E_CORRUPT, "not a database");
    assert_refused(f, VC_KG_READ, VC_E_CORRUPT, "not a database");
}

/* It was a store once: a new one never has this name while it is empty. */
static void an_empty_file_is_no_new_store(void **state)
{
    struct fixture *f = *state;
    fclose(fopen(f->path, "w"));
    assert_refused(f, VC_KG_READ, VC_E_CORRUPT, "the file is empty");
    assert_refused(f, VC_KG_OWN, VC_E_CORRUPT, "the file is empty");
}

static void what_a_creation_that_died_left_is_made_anew(void **state)
{
    struct fixture *f = *state;
    char draft[128];
    snprintf(draft, sizeof draft, "%s.new", f->path);
    FILE *file = fopen(draft, "w");
    fputs("half a page", file);
    fclose(file);
    assert_ok(f, vc_kg_open(f->path, VC_KG_OWN, &f->kg, &f->err));
    assert_int_equal(access(draft, F_OK), -1);
}

static void a_creation_that_was_cut_short_is_finished(void **state)
{
    struct fixture *f = *state;
    alter(f, "PRAGMA journal_mode = WAL; PRAGMA user_version = 0;");
    assert_ok(f, vc_kg_open(f->path, VC_KG_OWN, &f->kg, &f->err));
    assert_int_equal(ask(f, "PRAGMA user_version"), (int64_t)vc_migrations_count);
}

static void a_damaged_file_is_reported(void **state)
{
    struct fixture *f = *state;
    vc_kg_close(&f->kg);
    int fd = open(f->path, O_WRONLY);
    char noise[4000];
    memset(noise, 0x5a, sizeof noise);
    assert_int_equal(pwrite(fd, noise, sizeof noise, 96), (ssize_t)sizeof noise);
    close(fd);
    assert_refused(f, VC_KG_OWN, VC_E_CORRUPT, "backup");
}

static void a_store_without_its_identity_is_damaged(void **state)
{
    struct fixture *f = *state;
    vc_kg_close(&f->kg);
    alter(f, "DELETE FROM meta WHERE key = 'uuid'");
    assert_refused(f, VC_KG_OWN, VC_E_CORRUPT, "identity");
}

/* Run @child in a process of its own, as nobody when we are root: root may write anywhere. */
static int as_nobody(struct fixture *f, int (*child)(struct fixture *f))
{
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(99);
        _exit(child(f));
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int reads_without_permission(struct fixture *f)
{
    struct vc_kg *kg = NULL;
    enum vc_rc rc = vc_kg_open(f->path, VC_KG_READ, &kg, &f->err);
    bool clear = rc == VC_E_IO && strstr(f->err.text, "write to the directory");
    if (!clear)
        fprintf(stderr, "%s: %s\n", vc_rc_text(rc), f->err.text);
    return clear ? 0 : 1;
}

static void a_reader_that_may_not_write_to_the_directory_is_told_so(void **state)
{
    struct fixture *f = *state;
    vc_kg_close(&f->kg);
    assert_int_equal(chmod(f->path, 0444), 0);
    assert_int_equal(chmod(f->dir, 0555), 0);
    int result = as_nobody(f, reads_without_permission);
    assert_int_equal(chmod(f->dir, 0755), 0);
    assert_int_equal(result, 0);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void a_second_writer_is_told_within_about_two_seconds(void **state)
{
    struct fixture *f = *state;
    struct vc_kg *other = NULL;
    assert_ok(f, vc_kg_open(f->path, VC_KG_OWN, &other, &f->err));
    begin(f);
    int64_t started = now_ms();
    assert_rc(f, VC_E_BUSY, vc_kg_begin(other, &f->err));
    int64_t waited = now_ms() - started;
    assert_in_range(waited, 1500, 4000);
    assert_non_null(strstr(f->err.text, "write lock"));
    commit(f);
    assert_ok(f, vc_kg_begin(other, &f->err));
    vc_kg_close(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_store_has_an_identity_that_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(the_file_says_whose_it_is, setup, teardown),
        cmocka_unit_test(migrations_are_numbered_without_gaps),
        cmocka_unit_test_setup_teardown(the_owner_writes_through_to_the_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(a_store_in_memory_works_and_is_private, setup_directory,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_reader_never_creates, setup_directory, teardown),
        cmocka_unit_test_setup_teardown(an_absent_directory_is_named, setup_directory, teardown),
        cmocka_unit_test_setup_teardown(a_path_that_looks_like_a_uri_is_a_file_name,
                                        setup_directory, teardown),
        cmocka_unit_test_setup_teardown(a_newer_schema_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(an_older_schema_is_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_foreign_database_is_refused_and_left_alone,
                                        setup_directory, teardown),
        cmocka_unit_test_setup_teardown(a_text_file_is_refused, setup_directory, teardown),
        cmocka_unit_test_setup_teardown(an_empty_file_is_no_new_store, setup_directory, teardown),
        cmocka_unit_test_setup_teardown(what_a_creation_that_died_left_is_made_anew,
                                        setup_directory, teardown),
        cmocka_unit_test_setup_teardown(a_creation_that_was_cut_short_is_finished, setup_directory,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_damaged_file_is_reported, setup, teardown),
        cmocka_unit_test_setup_teardown(a_store_without_its_identity_is_damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_that_may_not_write_to_the_directory_is_told_so,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_writer_is_told_within_about_two_seconds, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
