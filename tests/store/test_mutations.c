/* A damaged file is refused or read as it was, never otherwise. MUTATION_SEED=n repeats a run; a
 * thousand of them: test_mutations_long.c. */
#include "tests/store/mutate.h"

static void a_damaged_store_is_right_or_refused(void **state)
{
    run_mutations(*state, 160);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_damaged_store_is_right_or_refused, setup_mutations,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
