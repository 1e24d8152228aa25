#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>
#include <cmocka.h>

static void every_code_has_a_text(void **state)
{
    (void)state;
    for (int rc = VC_OK; rc <= VC_E_TIMEOUT; rc++)
        assert_true(strlen(vc_rc_text((enum vc_rc)rc)) > 0);
    assert_string_equal(vc_rc_text(VC_E_NOT_FOUND), "not found");
}

static void a_failure_fills_the_line_and_returns_its_code(void **state)
{
    (void)state;
    struct vc_err err = {0};
    assert_int_equal(vc_fail(&err, VC_E_IO, "read '%s' at %d", "a.db", 7), VC_E_IO);
    assert_int_equal(err.rc, VC_E_IO);
    assert_string_equal(err.text, "read 'a.db' at 7");
    assert_int_equal(vc_fail(NULL, VC_E_BUSY, "%s", "unheard"), VC_E_BUSY);
    assert_int_equal(vc_fail_in(NULL, VC_E_BUSY, "%s", "unheard"), VC_E_BUSY);
}

static void an_outer_failure_goes_in_front(void **state)
{
    (void)state;
    struct vc_err err = {0};
    vc_fail(&err, VC_E_IO, "disk gone");
    assert_int_equal(vc_fail_in(&err, VC_E_CORRUPT, "open %s", "a.db"), VC_E_CORRUPT);
    assert_int_equal(err.rc, VC_E_CORRUPT);
    assert_string_equal(err.text, "open a.db: disk gone");
}

static void a_line_that_is_too_long_is_cut(void **state)
{
    (void)state;
    static char text[2000];
    memset(text, 'x', sizeof text - 1);
    struct vc_err err = {0};
    vc_fail(&err, VC_E_IO, "%s", text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    vc_fail_in(&err, VC_E_IO, "outer");
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_memory_equal(err.text, "outer: xxx", 10);
    vc_fail_in(&err, VC_E_IO, "%s", text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_text),
        cmocka_unit_test(a_failure_fills_the_line_and_returns_its_code),
        cmocka_unit_test(an_outer_failure_goes_in_front),
        cmocka_unit_test(a_line_that_is_too_long_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
