/* The thousand mutations that are promised: make test-long. */
#include "tests/store/mutate.h"

static void a_damaged_store_is_right_or_refused(void **state)
{
    run_mutations(*state, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_damaged_store_is_right_or_refused, setup_mutations,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
