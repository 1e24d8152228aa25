/* A heartbeat: every lease that it lists is a pair of an id and an epoch. */
#include "tests/fuzz/message.h"

/* The message said anew from its values alone. */
static char *said_again(const struct vc_msg_heartbeat *m)
{
    json_t *running = json_array();
    for (size_t i = 0; i < m->running_n; i++) {
        VC_CHECK(vc_id_ok(m->running[i].task_id));
        json_array_append_new(running, json_pack("{s:s, s:I}", "task_id", m->running[i].task_id,
                                                 "epoch", (json_int_t)m->running[i].epoch));
    }
    json_t *body = json_pack("{s:s, s:s?, s:o}", "agent_id", m->agent_id, "instance_id",
                             m->instance_id, "running", running);
    if (m->capacity > 0)
        json_object_set_new(body, "capacity", json_integer(m->capacity));
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    return text;
}

static void check_again(const struct vc_msg_heartbeat *a)
{
    struct vc_msg_heartbeat b;
    struct vc_refusal refusal;
    char *text = said_again(a);
    if (strlen(text) <= VC_BODY_MAX) {
        VC_CHECK(vc_msg_heartbeat_decode(text, strlen(text), NULL, &b, &refusal));
        VC_CHECK(fuzz_same(a->agent_id, b.agent_id) && fuzz_same(a->instance_id, b.instance_id));
        VC_CHECK(a->capacity == b.capacity && a->running_n == b.running_n);
        for (size_t i = 0; i < a->running_n; i++)
            VC_CHECK(fuzz_same(a->running[i].task_id, b.running[i].task_id) &&
                     a->running[i].epoch == b.running[i].epoch);
        vc_msg_heartbeat_fini(&b);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_message in = fuzz_message_of(data, size);
    struct vc_msg_heartbeat msg;
    struct vc_refusal refusal;
    if (vc_msg_heartbeat_decode(in.body, in.len, in.subject_id, &msg, &refusal)) {
        VC_CHECK(vc_id_ok(msg.agent_id));
        VC_CHECK(!in.subject_id || fuzz_same(msg.agent_id, in.subject_id));
        VC_CHECK(!msg.instance_id || vc_id_ok(msg.instance_id));
        VC_CHECK(msg.capacity <= VC_CAPACITY_MAX && msg.running_n <= VC_RUNNING_MAX);
        check_again(&msg);
        vc_msg_heartbeat_fini(&msg);
    } else {
        VC_CHECK(!msg.root && !msg.running);
        fuzz_check_refusal(&refusal);
    }
    free(in.text);
    return 0;
}
