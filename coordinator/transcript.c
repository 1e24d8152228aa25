#include "coordinator/transcript.h"

static const char *or_dash(const char *text)
{
    return text ? text : "-";
}

static void decision_lines(const struct vc_decision *d, struct vc_buf *out)
{
    vc_buf_printf(out, "decide %s attempt %u type=%s\n", d->task_id, d->attempt, d->task_type);
    for (size_t i = 0; i < d->seen_n; i++) {
        const struct vc_seen *c = &d->seen[i];
        if (c->gate != VC_GATE_NONE)
            vc_buf_printf(out, "  %s kept out: %s\n", c->agent_id, vc_gate_name(c->gate));
        else
            vc_buf_printf(out, "  %s %.3f = base %.3f + expertise %.3f + confidence %.3f\n",
                          c->agent_id, c->score, d->weights.load * c->base,
                          d->weights.expertise * c->expertise,
                          d->weights.confidence * c->confidence);
    }
    vc_buf_printf(out, "  -> %s by %s\n", d->chosen, vc_rule_name(d->rule));
}

static void reply_line(const struct vc_effect *e, struct vc_buf *out)
{
    switch (e->reply.kind) {
    case VC_REPLY_RECEIPT:
        vc_buf_printf(out, "reply receipt %s %s type=%s by %s\n", e->reply.task_id, e->reply.state,
                      e->reply.task_type, vc_type_method_name(e->reply.type_method));
        return;
    case VC_REPLY_TASK:
        vc_buf_printf(out, "reply task %s %s\n", e->reply.task_id, e->reply.state);
        return;
    case VC_REPLY_REGISTERED:
        vc_buf_printf(out, "reply registered %s\n", e->reply.agent_id);
        return;
    case VC_REPLY_AGENT:
        vc_buf_printf(out, "reply agent %s %s\n", e->reply.agent_id, e->reply.state);
        return;
    case VC_REPLY_REFUSED:
        vc_buf_printf(out, "reply refused %d %s\n", e->reply.code, e->reply.reason);
        return;
    }
}

static void move_line(const struct vc_effect *e, struct vc_buf *out)
{
    vc_buf_printf(out, "task %s #%u %s", e->move.task_id, e->move.epoch,
                  vc_task_state_name(e->move.state));
    if (e->move.agent_id)
        vc_buf_printf(out, " %s", e->move.agent_id);
    if (e->move.error)
        vc_buf_printf(out, " (%s)", e->move.error);
    vc_buf_puts(out, "\n");
}

static void execution_line(const struct vc_effect *e, struct vc_buf *out)
{
    vc_buf_printf(out, "record %s #%u %s %s", e->execution.task_id, e->execution.epoch,
                  e->execution.agent_id, vc_outcome_name(e->execution.outcome));
    if (e->execution.error_class != VC_ERROR_NONE)
        vc_buf_printf(out, " %s", vc_error_class_name(e->execution.error_class));
    vc_buf_puts(out, e->execution.counted ? " counted\n" : " not counted\n");
}

void vc_transcript(const struct vc_effect *e, struct vc_buf *out)
{
    switch (e->kind) {
    case VC_EFFECT_PUT_AGENT:
        vc_buf_printf(out, "agent %s %s capacity=%u\n", e->agent.agent_id, or_dash(e->agent.news),
                      e->agent.capacity);
        return;
    case VC_EFFECT_PUT_TASK:
        vc_buf_printf(out, "task %s #0 %s type=%s by %s\n", e->task.submission->task_id,
                      vc_task_state_name(e->task.state), e->task.task_type,
                      vc_type_method_name(e->task.type_method));
        return;
    case VC_EFFECT_MOVE_TASK:
        move_line(e, out);
        return;
    case VC_EFFECT_PUT_DECISION:
        decision_lines(e->decision, out);
        return;
    case VC_EFFECT_PUT_EXECUTION:
        execution_line(e, out);
        return;
    case VC_EFFECT_PUT_LATE:
        vc_buf_printf(out, "late %s #%u %s %s\n", e->late.task_id, e->late.epoch, e->late.agent_id,
                      e->late.reason);
        return;
    case VC_EFFECT_COUNT_DECISION:
        return; /* the decision's own lines say it */
    case VC_EFFECT_AGENT_NEWS:
        vc_buf_printf(out, "agent %s %s\n", e->news.agent_id,
                      e->news.online ? "online" : "offline");
        return;
    case VC_EFFECT_DEAD:
        vc_buf_printf(out, "dead %s %s\n", e->dead.task_id, e->dead.reason);
        return;
    case VC_EFFECT_ASSIGN:
        vc_buf_printf(out, "assign %s #%u attempt %u -> %s\n", e->assign.task_id, e->assign.epoch,
                      e->assign.attempt, e->assign.agent_id);
        return;
    case VC_EFFECT_CONTROL:
        vc_buf_printf(out, "tell %s %s", e->control.agent_id, vc_control_name(e->control.what));
        if (e->control.task_id)
            vc_buf_printf(out, " %s #%u", e->control.task_id, e->control.epoch);
        vc_buf_puts(out, "\n");
        return;
    case VC_EFFECT_REPLY:
        reply_line(e, out);
        return;
    }
}
