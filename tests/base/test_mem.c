#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>
#include <cmocka.h>

static void nothing_asked_for_is_still_a_pointer(void **state)
{
    (void)state;
    void *a = vc_xcalloc(0, 0);
    void *b = vc_xrealloc(NULL, 0, 0);
    assert_non_null(a);
    assert_non_null(b);
    vc_free(a);
    vc_free(b);
    vc_free(NULL);
}

static void fresh_memory_is_zero(void **state)
{
    (void)state;
    VC_AUTO_FREE unsigned char *bytes = vc_xcalloc(300, 3);
    for (size_t i = 0; i < 900; i++)
        assert_int_equal(bytes[i], 0);
}

static void copies_end_in_a_nul(void **state)
{
    (void)state;
    VC_AUTO_FREE char *part = vc_xmemdup("abcdef", 3);
    assert_string_equal(part, "abc");
    VC_AUTO_FREE char *empty = vc_xmemdup(NULL, 0);
    assert_string_equal(empty, "");
    VC_AUTO_FREE char *whole = vc_xstrdup("whole");
    assert_string_equal(whole, "whole");
    assert_null(vc_xstrdup(NULL));
}

static void a_growing_array_keeps_what_it_holds(void **state)
{
    (void)state;
    VC_AUTO_FREE int *numbers = NULL;
    size_t len = 0, cap = 0;
    for (int i = 0; i < 1000; i++) {
        VC_GROW(numbers, len, cap);
        numbers[len++] = i;
        assert_true(len <= cap);
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(numbers[i], i);
}

static void taking_leaves_null_behind(void **state)
{
    (void)state;
    VC_AUTO_FREE char *owner = vc_xstrdup("mine");
    char *taken = vc_take(&owner);
    assert_null(owner);
    assert_string_equal(taken, "mine");
    vc_free(taken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_asked_for_is_still_a_pointer),
        cmocka_unit_test(fresh_memory_is_zero),
        cmocka_unit_test(copies_end_in_a_nul),
        cmocka_unit_test(a_growing_array_keeps_what_it_holds),
        cmocka_unit_test(taking_leaves_null_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
