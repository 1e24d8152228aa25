#include "coordinator/nats_conf.h"
#include "tests/service/tmp.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum vc_rc decide(void **state, int port, const char *password, struct vc_nats_access *out,
                         struct vc_err *err)
{
    const struct vc_nats_child_conf conf = {*state, port, password};
    return vc_nats_access_decide(&conf, tmp_path(state, "nats.url"), out, err);
}

static void a_made_up_password_has_32_characters_of_a_url(void **state)
{
    struct vc_nats_access a, b;
    assert_int_equal(decide(state, 0, NULL, &a, NULL), VC_OK);
    assert_int_equal(decide(state, 0, NULL, &b, NULL), VC_OK);
    assert_int_equal(strlen(a.password), 32);
    assert_int_equal(strspn(a.password, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                        "0123456789-_"),
                     32);
    assert_string_not_equal(a.password, b.password);
    assert_int_equal(a.port, 0);
}

static void what_nats_url_says_is_kept(void **state)
{
    struct vc_nats_access first = {.port = 4321, .password = "pa.ss~W0rd_-"}, again;
    VC_AUTO_BUF struct vc_buf url = {0};
    vc_nats_add_url(&url, &first);
    assert_string_equal(url.text, "nats://vapora:pa.ss~W0rd_-@127.0.0.1:4321");
    vc_buf_puts(&url, "\n");
    tmp_write(tmp_path(state, "nats.url"), url.text);
    assert_int_equal(decide(state, 0, NULL, &again, NULL), VC_OK);
    assert_int_equal(again.port, first.port);
    assert_string_equal(again.password, first.password);
}

static void what_was_asked_for_wins_over_nats_url(void **state)
{
    struct vc_nats_access a;
    tmp_write(tmp_path(state, "nats.url"), "nats://vapora:old@127.0.0.1:4321\n");
    assert_int_equal(decide(state, 5000, "new", &a, NULL), VC_OK);
    assert_int_equal(a.port, 5000);
    assert_string_equal(a.password, "new");
}

static void a_nats_url_that_is_not_ours_is_ignored(void **state)
{
    static const char *const urls[] = {
        "",
        "\n",
        "nats://",
        "nats://vapora:",
        "nats://vapora:x",
        "nats://vapora:@127.0.0.1:4222",
        "nats://vapora:pass word@127.0.0.1:4222",
        "nats://vapora:p\"@127.0.0.1:4222",
        "nats://vapora:pass@127.0.0.1:",
        "nats://vapora:pass@127.0.0.1:0",
        "nats://vapora:pass@127.0.0.1:65536",
        "nats://vapora:pass@10.0.0.1:4222",
        "nats://other:pass@127.0.0.1:4222",
        "tls://vapora:pass@127.0.0.1:4222",
    };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct vc_nats_access a;
        tmp_write(tmp_path(state, "nats.url"), urls[i]);
        assert_int_equal(decide(state, 0, NULL, &a, NULL), VC_OK);
        assert_int_equal(a.port, 0);
        assert_int_equal(strlen(a.password), 32);
    }
}

static void passwords_that_would_need_quoting_are_refused(void **state)
{
    struct vc_err err = {0};
    struct vc_nats_access a;
    char longest[VC_NATS_PASSWORD_MAX + 2];
    memset(longest, 'a', sizeof longest);
    longest[VC_NATS_PASSWORD_MAX] = '\0';
    assert_int_equal(decide(state, 0, longest, &a, &err), VC_OK);
    assert_string_equal(a.password, longest);
    longest[VC_NATS_PASSWORD_MAX] = 'a';
    longest[VC_NATS_PASSWORD_MAX + 1] = '\0';
    const char *const bad[] = {"", "a b", "a\"b", "a@b", "a:b", "a/b", "\xc3\xa4", "$a", longest};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(decide(state, 0, bad[i], &a, &err), VC_E_INVALID);
        assert_string_equal(err.text,
                            "the NATS password is not 1 to 128 characters of A-Z a-z 0-9 _ - . ~");
    }
}

static void ports_outside_the_range_are_refused(void **state)
{
    struct vc_err err = {0};
    struct vc_nats_access a;
    assert_int_equal(decide(state, 65535, NULL, &a, &err), VC_OK);
    assert_int_equal(decide(state, 65536, NULL, &a, &err), VC_E_INVALID);
    assert_int_equal(decide(state, -1, NULL, &a, &err), VC_E_INVALID);
    assert_string_equal(err.text, "nats-server cannot listen on port -1: ports are 0 to 65535");
}

static void the_conf_is_this_text(void **state)
{
    (void)state;
    const struct vc_nats_access a = {4321, "secret", "vapora-abc"};
    VC_AUTO_BUF struct vc_buf conf = {0};
    vc_nats_add_conf(&conf, &a);
    assert_string_equal(conf.text, "# Written by vapora-coord at every start; changes are lost.\n"
                                   "server_name: \"vapora-abc\"\n"
                                   "listen: \"127.0.0.1:4321\"\n"
                                   "pid_file: \"server.pid\"\n"
                                   "max_payload: 1MB\n"
                                   "jetstream { store_dir: \".\" }\n"
                                   "authorization { user: \"vapora\", password: \"secret\" }\n");
}

static void
the_program_is_found_in_path_order_beside_bin_too_and_never_by_a_relative_entry(void **state)
{
    VC_AUTO_BUF struct vc_buf path = {0};
    const char *path_now = getenv("PATH");
    char *before = strdup(path_now ? path_now : "");
    assert_int_equal(mkdir(tmp_path(state, "one"), 0700), 0);
    assert_int_equal(mkdir(tmp_path(state, "two"), 0700), 0);
    tmp_write(tmp_path(state, "one/nats-server"), ""); /* no program: it may not be run */
    tmp_write(tmp_path(state, "two/nats-server"), "");
    assert_int_equal(chmod(tmp_path(state, "two/nats-server"), 0700), 0);
    vc_buf_printf(&path, ":.:%s:%s:%s", tmp_path(state, "missing"), tmp_path(state, "one"),
                  tmp_path(state, "two"));
    setenv("PATH", path.text, 1);
    char *found = vc_nats_find_program();
    assert_string_equal(found, tmp_path(state, "two/nats-server"));
    free(found);
    assert_int_equal(chdir(tmp_path(state, "two")), 0);
    setenv("PATH", ".", 1);
    found = vc_nats_find_program();
    assert_true(!found || found[0] == '/');
    free(found);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(mkdir(tmp_path(state, "bin"), 0700), 0);
    assert_int_equal(rename(tmp_path(state, "two"), tmp_path(state, "sbin")), 0);
    setenv("PATH", tmp_path(state, "bin"), 1);
    found = vc_nats_find_program();
    assert_string_equal(found, tmp_path(state, "sbin/nats-server"));
    free(found);
    setenv("PATH", before, 1);
    free(before);
}

#define IN_TMP(test) cmocka_unit_test_setup_teardown(test, tmp_setup, tmp_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TMP(a_made_up_password_has_32_characters_of_a_url),
        IN_TMP(what_nats_url_says_is_kept),
        IN_TMP(what_was_asked_for_wins_over_nats_url),
        IN_TMP(a_nats_url_that_is_not_ours_is_ignored),
        IN_TMP(passwords_that_would_need_quoting_are_refused),
        IN_TMP(ports_outside_the_range_are_refused),
        IN_TMP(the_conf_is_this_text),
        IN_TMP(the_program_is_found_in_path_order_beside_bin_too_and_never_by_a_relative_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
