/* A registration: the canonical card is stored, and must come back as the same agent. */
#include "tests/fuzz/message.h"

static void check_values(const struct vc_msg_register *m, const char *subject_id)
{
    VC_CHECK(vc_id_ok(m->agent_id));
    VC_CHECK(!subject_id || fuzz_same(m->agent_id, subject_id));
    VC_CHECK(fuzz_fits(m->role, VC_NAME_MAX) && fuzz_fits(m->version, VC_NAME_MAX));
    fuzz_check_list(&m->capabilities, NULL);
    fuzz_check_list(&m->task_types, vc_task_type_ok);
    VC_CHECK(m->capacity >= 1 && m->capacity <= VC_CAPACITY_MAX);
    VC_CHECK(m->cost_per_1k_micros >= 0);
    VC_CHECK(strlen(m->canonical) <= VC_BODY_MAX);
}

static void check_again(const struct vc_msg_register *a)
{
    struct vc_msg_register b;
    struct vc_refusal refusal;
    VC_CHECK(vc_msg_register_decode(a->canonical, strlen(a->canonical), a->agent_id, &b, &refusal));
    VC_CHECK(fuzz_same(a->agent_id, b.agent_id) && fuzz_same(a->role, b.role));
    VC_CHECK(fuzz_same(a->version, b.version) && a->capacity == b.capacity);
    VC_CHECK(fuzz_same_list(&a->capabilities, &b.capabilities));
    VC_CHECK(fuzz_same_list(&a->task_types, &b.task_types));
    VC_CHECK(a->cost_per_1k_micros == b.cost_per_1k_micros);
    VC_CHECK(fuzz_same(a->canonical, b.canonical));
    vc_msg_register_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_message in = fuzz_message_of(data, size);
    struct vc_msg_register msg;
    struct vc_refusal refusal;
    if (vc_msg_register_decode(in.body, in.len, in.subject_id, &msg, &refusal)) {
        check_values(&msg, in.subject_id);
        check_again(&msg);
        vc_msg_register_fini(&msg);
    } else {
        VC_CHECK(!msg.root && !msg.canonical);
        fuzz_check_refusal(&refusal);
    }
    free(in.text);
    return 0;
}
