/* A submission: its canonical form is stored, and must come back as the same submission. */
#include "tests/fuzz/message.h"

static void check_values(const struct vc_msg_submit *m, const char *subject_id)
{
    VC_CHECK(!m->task_id || vc_id_ok(m->task_id));
    VC_CHECK(!subject_id || fuzz_same(m->task_id, subject_id));
    VC_CHECK(m->title && m->title[0] && fuzz_fits(m->title, VC_TITLE_MAX));
    VC_CHECK(fuzz_fits(m->description, VC_DESCRIPTION_MAX));
    VC_CHECK(!m->task_type || vc_task_type_ok(m->task_type));
    VC_CHECK(fuzz_fits(m->role, VC_NAME_MAX));
    fuzz_check_list(&m->requires, NULL);
    fuzz_check_list(&m->exclude_agents, vc_id_ok);
    VC_CHECK(!m->pin_agent_id || vc_id_ok(m->pin_agent_id));
    VC_CHECK(!m->parent_task_id || vc_id_ok(m->parent_task_id));
    VC_CHECK(!m->context_id || vc_id_ok(m->context_id));
    VC_CHECK(m->priority <= 9 && m->max_attempts >= 1 && m->max_attempts <= VC_ATTEMPTS_MAX);
    VC_CHECK(m->timeout_ms >= 0 && m->timeout_ms <= VC_TIMEOUT_MAX_MS);
    VC_CHECK(m->deadline_at.ms >= 0 && m->deadline_at.ms <= VC_WALL_MAX_MS);
    VC_CHECK(m->budget_micros >= -1 && m->budget_micros <= INT64_C(1000000000000000));
    VC_CHECK(strlen(m->canonical) <= VC_BODY_MAX);
}

static void check_again(const struct vc_msg_submit *a)
{
    struct vc_msg_submit b;
    struct vc_refusal refusal;
    VC_CHECK(vc_msg_submit_decode(a->canonical, strlen(a->canonical), a->task_id, &b, &refusal));
    VC_CHECK(fuzz_same(a->task_id, b.task_id) && fuzz_same(a->title, b.title));
    VC_CHECK(fuzz_same(a->description, b.description) && fuzz_same(a->task_type, b.task_type));
    VC_CHECK(fuzz_same(a->role, b.role) && fuzz_same(a->pin_agent_id, b.pin_agent_id));
    VC_CHECK(fuzz_same(a->parent_task_id, b.parent_task_id));
    VC_CHECK(fuzz_same(a->context_id, b.context_id));
    VC_CHECK(fuzz_same_list(&a->requires, &b.requires));
    VC_CHECK(fuzz_same_list(&a->exclude_agents, &b.exclude_agents));
    VC_CHECK(a->priority == b.priority && a->max_attempts == b.max_attempts);
    VC_CHECK(a->timeout_ms == b.timeout_ms && a->deadline_at.ms == b.deadline_at.ms);
    VC_CHECK(a->budget_micros == b.budget_micros);
    VC_CHECK(fuzz_same(a->canonical, b.canonical));
    vc_msg_submit_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_message in = fuzz_message_of(data, size);
    struct vc_msg_submit msg;
    struct vc_refusal refusal;
    if (vc_msg_submit_decode(in.body, in.len, in.subject_id, &msg, &refusal)) {
        check_values(&msg, in.subject_id);
        check_again(&msg);
        vc_msg_submit_fini(&msg);
    } else {
        VC_CHECK(!msg.root && !msg.canonical);
        fuzz_check_refusal(&refusal);
    }
    free(in.text);
    return 0;
}
