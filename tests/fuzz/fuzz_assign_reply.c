/* An agent's answer to an assignment. */
#include "tests/fuzz/message.h"

static void check_again(const struct vc_msg_assign_reply *a)
{
    struct vc_msg_assign_reply b;
    struct vc_refusal refusal;
    json_t *body = json_pack("{s:b, s:s?}", "accepted", (int)a->accepted, "reason", a->reason);
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    VC_CHECK(vc_msg_assign_reply_decode(text, strlen(text), &b, &refusal));
    VC_CHECK(a->accepted == b.accepted && fuzz_same(a->reason, b.reason));
    vc_msg_assign_reply_fini(&b);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_message in = fuzz_message_of(data, size);
    struct vc_msg_assign_reply msg;
    struct vc_refusal refusal;
    if (vc_msg_assign_reply_decode(in.body, in.len, &msg, &refusal)) {
        VC_CHECK(fuzz_fits(msg.reason, VC_TITLE_MAX));
        check_again(&msg);
        vc_msg_assign_reply_fini(&msg);
    } else {
        VC_CHECK(!msg.root);
        fuzz_check_refusal(&refusal);
    }
    free(in.text);
    return 0;
}
