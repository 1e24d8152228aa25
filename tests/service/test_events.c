#include "coordinator/events.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MESSAGES_MAX 64

/* What was said, message by message. */
struct heard {
    size_t n, events[MESSAGES_MAX], len[MESSAGES_MAX];
    char subjects[MESSAGES_MAX][64];
};

static enum vc_rc hear(void *ctx, const char *subject, const char *body, size_t len)
{
    struct heard *h = ctx;
    assert_true(h->n < MESSAGES_MAX);
    json_t *root = json_loadb(body, len, 0, NULL);
    assert_non_null(root);
    h->events[h->n] = json_array_size(json_object_get(root, "events"));
    h->len[h->n] = len;
    vc_copy(h->subjects[h->n++], sizeof h->subjects[0], subject);
    json_decref(root);
    return VC_OK;
}

static void move(struct vc_effects *fx, enum vc_task_state from, enum vc_task_state to,
                 const char *error)
{
    struct vc_effect *e = vc_effects_add(fx, VC_EFFECT_MOVE_TASK);
    e->move.task_id = "t1";
    e->move.task_type = "coding";
    e->move.from = from;
    e->move.state = to;
    e->move.error = error;
}

static void each_subject_of_a_batch_is_one_whole_message(void **state)
{
    (void)state;
    static const enum vc_task_state to[] = {VC_TASK_QUEUED,    VC_TASK_ASSIGNED, VC_TASK_WORKING,
                                            VC_TASK_COMPLETED, VC_TASK_FAILED,   VC_TASK_CANCELED,
                                            VC_TASK_EXPIRED,   VC_TASK_DEAD};
    struct vc_effects fx = {0};
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < sizeof to / sizeof to[0]; i++)
            move(&fx, VC_TASK_WORKING, to[i], NULL);
    for (int i = 0; i < 9; i++) {
        char reason[8];
        snprintf(reason, sizeof reason, "r%d", i);
        struct vc_effect *e = vc_effects_add(&fx, VC_EFFECT_DEAD);
        e->dead.reason = vc_effects_copy(&fx, reason);
    }
    struct heard h = {0};
    assert_int_equal(vc_events_of(&fx, "vapora", hear, &h), VC_OK);
    assert_int_equal(h.n, 17);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(h.events[i], 3);
    for (size_t i = 8; i < 17; i++)
        assert_int_equal(h.events[i], 1);
    assert_string_equal(h.subjects[0], "vapora.event.task.requeued");
    assert_string_equal(h.subjects[2], "vapora.event.task.started");
    assert_string_equal(h.subjects[16], "vapora.dead.r8");
    vc_effects_fini(&fx);
}

static void a_message_that_has_grown_to_its_limit_is_cut_and_nothing_is_lost(void **state)
{
    (void)state;
    struct vc_effects fx = {0};
    char error[501];
    memset(error, 'e', sizeof error - 1);
    error[sizeof error - 1] = '\0';
    const size_t events = 2000;
    for (size_t i = 0; i < events; i++)
        move(&fx, VC_TASK_WORKING, VC_TASK_FAILED, error);
    struct heard h = {0};
    assert_int_equal(vc_events_of(&fx, "vapora", hear, &h), VC_OK);
    assert_true(h.n > 1);
    size_t sum = 0;
    for (size_t i = 0; i < h.n; i++) {
        sum += h.events[i];
        assert_true(h.len[i] < VC_EVENTS_BODY_MAX + 2 * sizeof error);
    }
    assert_int_equal(sum, events);
    vc_effects_fini(&fx);
}

static enum vc_rc refuse(void *ctx, const char *subject, const char *body, size_t len)
{
    (void)subject, (void)body, (void)len;
    ++*(int *)ctx;
    return VC_E_FULL;
}

static void a_store_that_takes_no_more_is_not_asked_again(void **state)
{
    (void)state;
    struct vc_effects fx = {0};
    move(&fx, VC_TASK_QUEUED, VC_TASK_ASSIGNED, NULL);
    move(&fx, VC_TASK_ASSIGNED, VC_TASK_WORKING, NULL);
    int asked = 0;
    assert_int_equal(vc_events_of(&fx, "vapora", refuse, &asked), VC_E_FULL);
    assert_int_equal(asked, 1);
    vc_effects_fini(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_subject_of_a_batch_is_one_whole_message),
        cmocka_unit_test(a_message_that_has_grown_to_its_limit_is_cut_and_nothing_is_lost),
        cmocka_unit_test(a_store_that_takes_no_more_is_not_asked_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
