#include "coordinator/data_dir.h"
#include "tests/service/tmp.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void a_missing_directory_is_created_for_us_alone(void **state)
{
    const char *dir = tmp_path(state, "data");
    assert_int_equal(vc_data_dir_prepare(dir, NULL), VC_OK);
    assert_int_equal(tmp_mode(dir), 0700);
}

static void missing_parents_are_created_too(void **state)
{
    const char *dir = tmp_path(state, "a//b/c/");
    assert_int_equal(vc_data_dir_prepare(dir, NULL), VC_OK);
    assert_int_equal(tmp_mode(dir), 0700);
}

static void an_existing_directory_keeps_its_mode(void **state)
{
    const char *dir = tmp_path(state, "data");
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(chmod(dir, 0750), 0);
    assert_int_equal(vc_data_dir_prepare(dir, NULL), VC_OK);
    assert_int_equal(tmp_mode(dir), 0750);
}

static void a_relative_path_is_fine(void **state)
{
    char before[4096];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(*state), 0);
    enum vc_rc rc = vc_data_dir_prepare("./data", NULL);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(rc, VC_OK);
    assert_int_equal(tmp_mode(tmp_path(state, "data")), 0700);
}

static void a_file_in_its_place_is_refused(void **state)
{
    struct vc_err err = {0};
    const char *dir = tmp_path(state, "data");
    tmp_write(dir, "");
    assert_int_equal(vc_data_dir_prepare(dir, &err), VC_E_INVALID);
    char expected[1024];
    snprintf(expected, sizeof expected,
             "cannot use '%s' as data directory: it is no directory; choose another --data-dir",
             dir);
    assert_string_equal(err.text, expected);
}

static void a_file_on_the_way_is_refused(void **state)
{
    struct vc_err err = {0};
    tmp_write(tmp_path(state, "file"), "");
    assert_int_equal(vc_data_dir_prepare(tmp_path(state, "file/data"), &err), VC_E_INVALID);
    assert_non_null(strstr(err.text, "Not a directory"));
}

static void a_dangling_link_is_refused(void **state)
{
    struct vc_err err = {0};
    assert_int_equal(symlink("nowhere", tmp_path(state, "data")), 0);
    assert_int_equal(vc_data_dir_prepare(tmp_path(state, "data"), &err), VC_E_IO);
}

static void empty_text_is_refused(void **state)
{
    (void)state;
    assert_int_equal(vc_data_dir_prepare("", NULL), VC_E_INVALID);
    assert_int_equal(vc_data_dir_prepare(NULL, NULL), VC_E_INVALID);
}

static void a_directory_we_may_not_write_to_is_refused(void **state)
{
    struct vc_err err = {0};
    if (geteuid() == 0) /* nothing is forbidden to root */
        skip();
    assert_int_equal(mkdir(tmp_path(state, "data"), 0500), 0);
    assert_int_equal(vc_data_dir_prepare(tmp_path(state, "data"), &err), VC_E_IO);
    assert_non_null(strstr(err.text, "Permission denied; choose another --data-dir"));
}

static void a_file_is_replaced_whole_and_private(void **state)
{
    const char *path = tmp_path(state, "nats.url");
    tmp_write(path, "a much longer text than the new one");
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(vc_data_file_write(path, "new\n", NULL), VC_OK);
    char *text = tmp_read(path);
    assert_string_equal(text, "new\n");
    free(text);
    assert_int_equal(tmp_mode(path), 0600);
    assert_int_equal(access(tmp_path(state, "nats.url.new"), F_OK), -1);
}

static void a_reader_keeps_the_old_file_while_the_new_one_takes_its_place(void **state)
{
    const char *path = tmp_path(state, "nats.url");
    char text[16] = "";
    tmp_write(path, "old\n");
    FILE *reader = fopen(path, "r");
    assert_int_equal(vc_data_file_write(path, "new\n", NULL), VC_OK);
    assert_non_null(fgets(text, sizeof text, reader));
    assert_string_equal(text, "old\n");
    fclose(reader);
}

static void a_draft_left_by_a_crash_gets_a_private_mode(void **state)
{
    const char *draft = tmp_path(state, "nats.url.new");
    tmp_write(draft, "half a te");
    assert_int_equal(chmod(draft, 0666), 0);
    assert_int_equal(vc_data_file_write(tmp_path(state, "nats.url"), "x", NULL), VC_OK);
    assert_int_equal(tmp_mode(tmp_path(state, "nats.url")), 0600);
}

static void a_file_that_cannot_be_written_is_named(void **state)
{
    struct vc_err err = {0};
    assert_int_equal(vc_data_file_write(tmp_path(state, "no/nats.url"), "x", &err), VC_E_IO);
    assert_non_null(strstr(err.text, "/no/nats.url.new': No such file or directory"));
    assert_int_equal(mkdir(tmp_path(state, "nats.url"), 0700), 0);
    assert_int_equal(vc_data_file_write(tmp_path(state, "nats.url"), "x", &err), VC_E_IO);
    assert_non_null(strstr(err.text, "/nats.url': Is a directory"));
    assert_int_equal(access(tmp_path(state, "nats.url.new"), F_OK), -1);
}

#define IN_TMP(test) cmocka_unit_test_setup_teardown(test, tmp_setup, tmp_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TMP(a_missing_directory_is_created_for_us_alone),
        IN_TMP(missing_parents_are_created_too),
        IN_TMP(an_existing_directory_keeps_its_mode),
        IN_TMP(a_relative_path_is_fine),
        IN_TMP(a_file_in_its_place_is_refused),
        IN_TMP(a_file_on_the_way_is_refused),
        IN_TMP(a_dangling_link_is_refused),
        IN_TMP(empty_text_is_refused),
        IN_TMP(a_directory_we_may_not_write_to_is_refused),
        IN_TMP(a_file_is_replaced_whole_and_private),
        IN_TMP(a_reader_keeps_the_old_file_while_the_new_one_takes_its_place),
        IN_TMP(a_draft_left_by_a_crash_gets_a_private_mode),
        IN_TMP(a_file_that_cannot_be_written_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
