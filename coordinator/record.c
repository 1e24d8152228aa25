#include "coordinator/record.h"

static const char *const base_names[] = {
    [VC_BASE_SUCCESS_LOAD] = "success-load", [VC_BASE_HEADROOM] = "headroom"};

/* A ratio that nothing stands behind is unknown, not zero. */
static void ratio(struct vc_json_out *out, const char *key, double value, uint64_t n)
{
    vc_json_key(out, key);
    if (n == 0)
        vc_json_null(out);
    else
        vc_json_double(out, value);
}

void vc_record_seen(struct vc_json_out *out, const struct vc_seen *seen)
{
    vc_json_kv_text(out, "agent_id", seen->agent_id);
    vc_json_kv_text(out, "gate", seen->gate == VC_GATE_NONE ? NULL : vc_gate_name(seen->gate));
    vc_json_kv_double(out, "score", seen->score);
    vc_json_kv_double(out, "base", seen->base);
    vc_json_kv_double(out, "expertise", seen->expertise);
    vc_json_kv_double(out, "confidence", seen->confidence);
    vc_json_kv_int(out, "n", (int64_t)seen->n);
    ratio(out, "success_rate", seen->success_rate, seen->n);
    ratio(out, "recent_success_rate", seen->recent_success_rate, seen->recent_n);
    vc_json_kv_double(out, "load", seen->load);
    vc_json_key(out, "rank");
    if (seen->rank)
        vc_json_int(out, seen->rank);
    else
        vc_json_null(out);
}

static void type_object(struct vc_json_out *out, const struct vc_decision *d)
{
    vc_json_key(out, "task_type");
    vc_json_open(out, '{');
    vc_json_kv_text(out, "value", d->task_type);
    vc_json_kv_text(out, "method", vc_type_method_name(d->type_method));
    vc_json_kv_double(out, "confidence", d->type_confidence);
    vc_json_kv_text(out, "rule", d->type_rule);
    vc_json_close(out, '}');
}

static void weights_object(struct vc_json_out *out, struct vc_weights w)
{
    vc_json_key(out, "weights");
    vc_json_open(out, '{');
    vc_json_kv_double(out, "load", w.load);
    vc_json_kv_double(out, "expertise", w.expertise);
    vc_json_kv_double(out, "confidence", w.confidence);
    vc_json_close(out, '}');
}

static void funnel_object(struct vc_json_out *out, const struct vc_funnel *funnel)
{
    vc_json_key(out, "funnel");
    vc_json_open(out, '{');
    vc_json_kv_int(out, "registered", funnel->registered);
    for (int gate = VC_GATE_NONE + 1; gate < VC_GATE_COUNT; gate++)
        if (funnel->gated[gate])
            vc_json_kv_int(out, vc_gate_name((enum vc_gate)gate), funnel->gated[gate]);
    vc_json_kv_int(out, "eligible", funnel->eligible);
    vc_json_close(out, '}');
}

void vc_record_decision(struct vc_json_out *out, const struct vc_decision *d)
{
    vc_json_open(out, '{');
    vc_json_kv_text(out, "type", VC_TYPE_EVENT "decision");
    vc_json_kv_text(out, "decision_id", d->decision_id);
    vc_json_kv_text(out, "task_id", d->task_id);
    vc_json_kv_int(out, "attempt", d->attempt);
    vc_json_kv_int(out, "epoch", d->epoch);
    vc_json_kv_instant(out, "at", d->at);
    type_object(out, d);
    vc_json_kv_text(out, "policy", "formula");
    vc_json_kv_bool(out, "strict", d->strict);
    vc_json_kv_text(out, "recency", vc_recency_name(d->recency));
    weights_object(out, d->weights);
    vc_json_kv_text(out, "base_kind", base_names[d->base]);
    vc_json_key(out, "candidates");
    vc_json_open(out, '[');
    for (size_t i = 0; i < d->seen_n; i++) {
        vc_json_open(out, '{');
        vc_record_seen(out, &d->seen[i]);
        vc_json_close(out, '}');
    }
    vc_json_close(out, ']');
    funnel_object(out, &d->funnel);
    vc_json_kv_text(out, "chosen", d->chosen);
    vc_json_kv_text(out, "rule", vc_rule_name(d->rule));
    vc_json_kv_text(out, "tie_break", d->tie_break);
    vc_json_kv_double(out, "propensity", 1.0); /* both rules are deterministic */
    vc_json_kv_int(out, "elapsed_us", d->elapsed_us);
    vc_json_kv_text(out, "sentence", d->sentence);
    vc_json_close(out, '}');
}

void vc_record_standing(struct vc_json_out *out, const char *task_type,
                        const struct vc_expertise *e)
{
    vc_json_kv_text(out, "task_type", task_type);
    vc_json_kv_double(out, "expertise", e->expertise);
    vc_json_kv_double(out, "confidence", e->confidence);
    vc_json_kv_int(out, "n", (int64_t)e->n);
    ratio(out, "success_rate", e->success_rate, e->n);
    ratio(out, "recent_success_rate", e->recent_success_rate, e->recent_n);
}

static void receipt(struct vc_json_out *out, const struct vc_effect *e)
{
    vc_json_kv_text(out, "type", VC_TYPE_API "task_submit_response");
    vc_json_kv_text(out, "task_id", e->reply.task_id);
    vc_json_kv_text(out, "state", e->reply.state);
    vc_json_kv_text(out, "task_type", e->reply.task_type);
    vc_json_kv_text(out, "method", vc_type_method_name(e->reply.type_method));
    vc_json_kv_double(out, "confidence", e->reply.type_confidence);
}

void vc_record_reply(struct vc_buf *buf, const struct vc_effect *e, int64_t interval_ms,
                     int64_t lease_ms)
{
    struct vc_json_out out = {.buf = buf};
    vc_json_open(&out, '{');
    switch (e->reply.kind) {
    case VC_REPLY_RECEIPT:
        receipt(&out, e);
        break;
    case VC_REPLY_TASK:
        vc_json_kv_text(&out, "type", VC_TYPE_API "task_state_response");
        vc_json_kv_text(&out, "task_id", e->reply.task_id);
        vc_json_kv_text(&out, "state", e->reply.state);
        break;
    case VC_REPLY_REGISTERED:
        vc_json_kv_text(&out, "type", VC_TYPE_API "agent_register_response");
        vc_json_kv_text(&out, "agent_id", e->reply.agent_id);
        vc_json_kv_int(&out, "interval_ms", interval_ms);
        vc_json_kv_int(&out, "lease_ms", lease_ms);
        vc_json_kv_text(&out, "protocol", "1.0");
        break;
    case VC_REPLY_AGENT:
        vc_json_kv_text(&out, "type", VC_TYPE_API "agent_state_response");
        vc_json_kv_text(&out, "agent_id", e->reply.agent_id);
        vc_json_kv_text(&out, "state", e->reply.state);
        break;
    case VC_REPLY_REFUSED:
        break;
    }
    vc_json_close(&out, '}');
}

void vc_record_control(struct vc_buf *buf, const struct vc_effect *e)
{
    struct vc_json_out out = {.buf = buf};
    vc_json_open(&out, '{');
    vc_json_kv_text(&out, "type", VC_TYPE_EVENT "agent_control");
    vc_json_kv_text(&out, "verb", vc_control_name(e->control.what));
    vc_json_kv_text(&out, "agent_id", e->control.agent_id);
    if (e->control.task_id) {
        vc_json_kv_text(&out, "task_id", e->control.task_id);
        vc_json_kv_int(&out, "epoch", e->control.epoch);
    }
    vc_json_close(&out, '}');
}
