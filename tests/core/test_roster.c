#include "coordinator/roster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SILENCE_MS 15000

static struct vc_mono at(int64_t ms)
{
    return (struct vc_mono){ms};
}

static struct vc_agent *put(struct vc_roster *roster, const char *agent_id)
{
    return vc_roster_put(
        roster, &(struct vc_registration){.agent_id = agent_id, .card = "{}", .capacity = 1});
}

static enum vc_agent_state state_at(const struct vc_agent *agent, int64_t ms)
{
    return vc_agent_state_of(agent, at(ms), SILENCE_MS);
}

static void alive_up_to_the_edge_and_offline_a_millisecond_past_it(void **state)
{
    (void)state;
    struct vc_roster roster = {0};
    struct vc_agent *a = put(&roster, "a");
    assert_int_equal(state_at(a, 0), VC_AGENT_OFFLINE); /* never heard, although time is 0 */
    assert_true(vc_roster_heard(&roster, a, at(100)));
    assert_int_equal(state_at(a, 100 + SILENCE_MS), VC_AGENT_ALIVE);
    assert_int_equal(state_at(a, 100 + SILENCE_MS + 1), VC_AGENT_OFFLINE);
    assert_int_equal(vc_roster_due(&roster, SILENCE_MS).ms, 100 + SILENCE_MS + 1);
    assert_null(vc_roster_fall_silent(&roster, at(100 + SILENCE_MS), SILENCE_MS));
    assert_ptr_equal(vc_roster_fall_silent(&roster, at(100 + SILENCE_MS + 1), SILENCE_MS), a);
    assert_null(vc_roster_fall_silent(&roster, at(INT64_MAX), SILENCE_MS));
    assert_true(vc_roster_due(&roster, SILENCE_MS).ms == INT64_MAX);
    vc_roster_fini(&roster);
}

static void draining_removed_and_unreachable_show_in_the_state(void **state)
{
    (void)state;
    struct vc_roster roster = {0};
    struct vc_agent *a = put(&roster, "a");
    vc_roster_heard(&roster, a, at(0));
    a->draining = true;
    assert_int_equal(state_at(a, 1), VC_AGENT_DRAINING);
    a->unreachable = true;
    assert_int_equal(state_at(a, 1), VC_AGENT_OFFLINE);
    assert_false(vc_roster_heard(&roster, a, at(1))); /* no news: it was online all the time */
    assert_int_equal(state_at(a, 1), VC_AGENT_DRAINING);
    a->removed = true;
    assert_int_equal(state_at(a, 1), VC_AGENT_OFFLINE);
    vc_roster_fini(&roster);
}

static void they_fall_silent_in_the_order_in_which_they_were_heard(void **state)
{
    (void)state;
    struct vc_roster roster = {0};
    struct vc_agent *a = put(&roster, "a"), *b = put(&roster, "b"), *c = put(&roster, "c");
    vc_roster_heard(&roster, a, at(1));
    vc_roster_heard(&roster, b, at(2));
    vc_roster_heard(&roster, c, at(3));
    assert_false(vc_roster_heard(&roster, a, at(4)));
    assert_false(vc_roster_heard(&roster, c, at(5)));
    struct vc_mono late = at(6 + SILENCE_MS);
    assert_ptr_equal(vc_roster_fall_silent(&roster, late, SILENCE_MS), b);
    assert_true(vc_roster_heard(&roster, b, at(6)));
    assert_ptr_equal(vc_roster_fall_silent(&roster, late, SILENCE_MS), a);
    assert_ptr_equal(vc_roster_fall_silent(&roster, late, SILENCE_MS), c);
    assert_null(vc_roster_fall_silent(&roster, late, SILENCE_MS));
    vc_roster_fini(&roster);
}

static uint32_t leases_of(const struct vc_agent *agent)
{
    uint32_t n = 0;
    const struct vc_task *before = NULL;
    for (const struct vc_task *t = agent->leases; t; before = t, t = t->lease_next, n++) {
        assert_ptr_equal(t->lease_prev, before);
        assert_int_equal(t->agent, agent->index);
    }
    return n;
}

static void the_load_is_the_length_of_the_list_of_leases(void **state)
{
    (void)state;
    struct vc_roster roster = {0};
    struct vc_agent *a = put(&roster, "a");
    struct vc_task tasks[5] = {0};
    static const size_t order[] = {2, 4, 0, 3, 1};
    for (uint32_t i = 0; i < 5; i++) {
        vc_agent_lease(a, &tasks[i], at(10 + i));
        assert_int_equal(a->idle_since.ms, 10 + i);
        assert_int_equal(a->in_flight, i + 1);
        assert_int_equal(leases_of(a), i + 1);
    }
    for (uint32_t i = 0; i < 5; i++) {
        vc_agent_release(a, &tasks[order[i]], at(20 + i));
        assert_int_equal(tasks[order[i]].agent, VC_NO_AGENT);
        assert_int_equal(a->idle_since.ms, 20 + i);
        assert_int_equal(a->in_flight, 4 - i);
        assert_int_equal(leases_of(a), 4 - i);
    }
    vc_roster_fini(&roster);
}

static void a_second_registration_changes_the_card_and_keeps_the_rest(void **state)
{
    (void)state;
    struct vc_roster roster = {0};
    const char *can[] = {"c", "rust"};
    struct vc_registration reg = {.agent_id = "a",
                                  .card = "1",
                                  .role = "maker",
                                  .capabilities = can,
                                  .capabilities_n = 2,
                                  .capacity = 2};
    struct vc_agent *a = vc_roster_put(&roster, &reg);
    struct vc_task task = {0};
    vc_agent_lease(a, &task, at(1));
    a->draining = true;
    a->removed = true;
    assert_true(vc_agent_has_capability(a, "rust"));
    reg.card = "2";
    reg.capabilities_n = 1;
    reg.role = NULL;
    assert_ptr_equal(vc_roster_put(&roster, &reg), a);
    assert_string_equal(a->card, "2");
    assert_null(a->role);
    assert_false(vc_agent_has_capability(a, "rust"));
    assert_true(vc_agent_has_capability(a, "c"));
    assert_false(vc_agent_has_capability(a, "C"));
    assert_false(a->removed);
    assert_true(a->draining);
    assert_int_equal(a->in_flight, 1);
    assert_int_equal(roster.len, 1);
    vc_roster_fini(&roster);
}

static void agents_are_found_by_their_whole_name(void **state)
{
    (void)state;
    struct vc_roster roster = {0};
    struct vc_agent *a = put(&roster, "agent"), *b = put(&roster, "agent-2");
    assert_ptr_equal(vc_roster_find(&roster, "agent"), a);
    assert_ptr_equal(vc_roster_find(&roster, "agent-2"), b);
    assert_null(vc_roster_find(&roster, "agent-"));
    assert_null(vc_roster_find(&roster, ""));
    vc_roster_fini(&roster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alive_up_to_the_edge_and_offline_a_millisecond_past_it),
        cmocka_unit_test(draining_removed_and_unreachable_show_in_the_state),
        cmocka_unit_test(they_fall_silent_in_the_order_in_which_they_were_heard),
        cmocka_unit_test(the_load_is_the_length_of_the_list_of_leases),
        cmocka_unit_test(a_second_registration_changes_the_card_and_keeps_the_rest),
        cmocka_unit_test(agents_are_found_by_their_whole_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
