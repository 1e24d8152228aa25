/* What a command of "agent run" wrote, whatever it is, becomes a result that the coordinator takes.
 *
 * The first byte of an input is the exit code, the second says how the command ended, then come its
 * standard output and, behind a byte 0xff, its standard error. */
#include "cli/agent_result.h"
#include "tests/fuzz/message.h"

#define HEAD 2

static void check_output(const struct vc_msg_result *msg, const struct vc_child_end *end)
{
    const json_t *output = json_object_get(msg->root, "output");
    json_t *document =
        json_loadb(end->out, end->out_len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    VC_CHECK(output || end->out_len == 0);
    /* Either it travels as the document that it is, or as text. */
    VC_CHECK(!output || json_is_string(output) || json_equal(output, document));
    json_decref(document);
}

static void check_body(char *body, const struct vc_child_end *end)
{
    struct vc_msg_result msg;
    struct vc_refusal refusal;
    enum vc_outcome outcome;
    struct vc_agent_verdict verdict = vc_agent_verdict_of(end);
    VC_CHECK(strlen(body) <= VC_RESULT_BODY_MAX);
    VC_CHECK(vc_msg_result_decode(body, strlen(body), &msg, &refusal));
    VC_CHECK(fuzz_same(msg.task_id, "t-1") && msg.epoch == 7);
    VC_CHECK(vc_outcome_parse(msg.outcome, &outcome) && outcome == verdict.outcome);
    VC_CHECK(outcome == VC_OUTCOME_SUCCESS || (msg.error_class && msg.error_message));
    check_output(&msg, end);
    vc_msg_result_fini(&msg);
    free(body);
}

static void check_unstarted(const char *why)
{
    struct vc_msg_result msg;
    struct vc_refusal refusal;
    char *body = vc_agent_result_unstarted("t-1", 7, why);
    VC_CHECK(vc_msg_result_decode(body, strlen(body), &msg, &refusal));
    VC_CHECK(fuzz_same(msg.outcome, "failure"));
    vc_msg_result_fini(&msg);
    free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD)
        return 0;
    const uint8_t *text = data + HEAD;
    size_t len = size - HEAD;
    const uint8_t *border = memchr(text, 0xff, len);
    size_t out_len = border ? (size_t)(border - text) : len;
    char *out = fuzz_text(text, out_len);
    char *err = border ? fuzz_text(border + 1, len - out_len - 1) : fuzz_text(text, 0);
    const struct vc_child_end end = {
        .exit_code = data[0],
        .signal = data[1] >> 3,
        .stopped = data[1] % 4,
        .out = out,
        .out_len = out_len,
        .out_cut = data[1] & 4,
        .err = err,
        .err_len = border ? len - out_len - 1 : 0,
    };
    check_body(vc_agent_result_body("t-1", 7, &end), &end);
    check_unstarted(out);
    free(out);
    free(err);
    return 0;
}
