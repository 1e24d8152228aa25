/* A result: its canonical form, with the id it belongs to, must say the same result again. */
#include "tests/fuzz/message.h"

#include "learning/outcome.h"

static void check_values(const struct vc_msg_result *m)
{
    enum vc_outcome outcome;
    VC_CHECK(vc_id_ok(m->task_id));
    VC_CHECK(m->outcome && vc_outcome_parse(m->outcome, &outcome));
    VC_CHECK(outcome != VC_OUTCOME_SUCCESS || (!m->error_class && !m->error_message));
    VC_CHECK(fuzz_fits(m->error_class, VC_NAME_MAX));
    VC_CHECK(m->duration_ms >= 0 && m->duration_ms <= VC_WALL_MAX_MS);
    VC_CHECK(m->cost_micros >= 0 && m->cost_micros <= INT64_C(1000000000000000));
}

static void check_again(const struct vc_msg_result *a)
{
    struct vc_msg_result b;
    struct vc_refusal refusal;
    json_t *body = json_loads(a->canonical, JSON_REJECT_DUPLICATES, NULL);
    VC_CHECK(body);
    json_object_set_new(body, "task_id", json_string(a->task_id));
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    if (strlen(text) <= VC_BODY_MAX) {
        VC_CHECK(vc_msg_result_decode(text, strlen(text), &b, &refusal));
        VC_CHECK(fuzz_same(a->task_id, b.task_id) && a->epoch == b.epoch);
        VC_CHECK(fuzz_same(a->outcome, b.outcome) && fuzz_same(a->error_class, b.error_class));
        VC_CHECK(fuzz_same(a->error_message, b.error_message) && a->retryable == b.retryable);
        VC_CHECK(a->duration_ms == b.duration_ms && a->cost_micros == b.cost_micros);
        VC_CHECK(fuzz_same(a->canonical, b.canonical));
        vc_msg_result_fini(&b);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_message in = fuzz_message_of(data, size);
    struct vc_msg_result msg;
    struct vc_refusal refusal;
    if (vc_msg_result_decode(in.body, in.len, &msg, &refusal)) {
        check_values(&msg);
        check_again(&msg);
        vc_msg_result_fini(&msg);
    } else {
        VC_CHECK(!msg.root && !msg.canonical);
        fuzz_check_refusal(&refusal);
    }
    free(in.text);
    return 0;
}
