#include "scoring/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>
#include <cmocka.h>

static void gates_have_the_names_of_the_protocol_in_the_order_they_are_asked(void **state)
{
    (void)state;
    static const char *const names[VC_GATE_COUNT] = {
        "",           "not_alive",          "draining",    "excluded",
        "wrong_role", "missing_capability", "over_budget", "full",
        "tried",
    };
    for (int i = 0; i < VC_GATE_COUNT; i++)
        assert_string_equal(vc_gate_name((enum vc_gate)i), names[i]);
    assert_int_equal(VC_GATE_NONE, 0);
    assert_int_equal(VC_GATE_TRIED, VC_GATE_COUNT - 1);
}

static void every_gate_has_a_sentence(void **state)
{
    (void)state;
    for (int i = 0; i < VC_GATE_COUNT; i++)
        assert_true(strlen(vc_gate_text((enum vc_gate)i)) > 0);
    assert_string_equal(vc_gate_text(VC_GATE_FULL), "every slot is taken");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gates_have_the_names_of_the_protocol_in_the_order_they_are_asked),
        cmocka_unit_test(every_gate_has_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
