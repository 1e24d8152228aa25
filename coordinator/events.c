#include "coordinator/events.h"

#include "base/mem.h"
#include "coordinator/record.h"

#include <string.h>

/* One message that is being filled. */
struct message {
    char *subject;
    struct vc_buf body;
    struct vc_json_out out;
};

struct collector {
    const char *prefix;
    vc_events_fn *each;
    void *ctx;
    enum vc_rc rc;
    struct message **messages; /* each stays where it is: its writer points into it */
    size_t n, cap;
};

static void begin(struct message *m)
{
    vc_buf_reset(&m->body);
    m->out = (struct vc_json_out){.buf = &m->body};
    vc_json_open(&m->out, '{');
    vc_json_kv_text(&m->out, "type", VC_TYPE_EVENT "batch");
    vc_json_key(&m->out, "events");
    vc_json_open(&m->out, '[');
}

static void flush(struct collector *c, struct message *m)
{
    vc_json_close(&m->out, ']');
    vc_json_close(&m->out, '}');
    if (c->rc == VC_OK)
        c->rc = c->each(c->ctx, m->subject, m->body.text, m->body.len);
}

/* The message for "<prefix>.<family><name>", ready for one more event. Few subjects a batch, so a
 * walk is the fastest index. */
static struct vc_json_out *on(struct collector *c, const char *family, const char *name)
{
    VC_AUTO_BUF struct vc_buf subject = {0};
    vc_buf_printf(&subject, "%s.%s%s", c->prefix, family, name);
    for (size_t i = 0; i < c->n; i++) {
        struct message *m = c->messages[i];
        if (strcmp(m->subject, subject.text) != 0)
            continue;
        if (m->body.len >= VC_EVENTS_BODY_MAX) {
            flush(c, m);
            begin(m);
        }
        return &m->out;
    }
    VC_GROW(c->messages, c->n, c->cap);
    struct message *m = c->messages[c->n++] = vc_xcalloc(1, sizeof *m);
    m->subject = vc_xstrdup(subject.text);
    begin(m);
    return &m->out;
}

static void head(struct vc_json_out *out, const char *family, const char *name, struct vc_wall at)
{
    VC_AUTO_BUF struct vc_buf type = {0};
    vc_buf_printf(&type, VC_TYPE_EVENT "%s%s", family, name);
    vc_json_open(out, '{');
    vc_json_kv_text(out, "type", type.text);
    vc_json_kv_instant(out, "at", at);
}

static void task_submitted(struct collector *c, const struct vc_effect *e)
{
    const char *name = e->task.state == VC_TASK_REJECTED ? "rejected" : "submitted";
    struct vc_json_out *out = on(c, "event.task.", name);
    head(out, "task_", name, e->task.at);
    vc_json_kv_text(out, "task_id", e->task.submission->task_id);
    vc_json_kv_text(out, "state", vc_task_state_name(e->task.state));
    vc_json_kv_text(out, "task_type", e->task.task_type);
    vc_json_kv_text(out, "title", e->task.submission->title);
    vc_json_kv_text(out, "parent_task_id", e->task.submission->parent_task_id);
    vc_json_kv_text(out, "context_id", e->task.submission->context_id);
    vc_json_kv_text(out, "error", e->task.error);
    vc_json_close(out, '}');
}

/* A move has the name of the state it leads to, but for two that say more. */
static const char *move_name(enum vc_task_state to)
{
    if (to == VC_TASK_WORKING)
        return "started";
    return to == VC_TASK_QUEUED ? "requeued" : vc_task_state_name(to);
}

static void task_moved(struct collector *c, const struct vc_effect *e)
{
    const char *name = move_name(e->move.state);
    struct vc_json_out *out = on(c, "event.task.", name);
    head(out, "task_", name, e->move.at);
    vc_json_kv_text(out, "task_id", e->move.task_id);
    vc_json_kv_text(out, "state", vc_task_state_name(e->move.state));
    vc_json_kv_text(out, "task_type", e->move.task_type);
    vc_json_kv_text(out, "agent_id", e->move.agent_id);
    vc_json_kv_int(out, "epoch", e->move.epoch);
    vc_json_kv_int(out, "attempt", e->move.attempt);
    vc_json_kv_text(out, "decision_id", e->move.decision_id);
    vc_json_kv_text(out, "error", e->move.error);
    vc_json_close(out, '}');
}

static void score_changed(struct collector *c, const struct vc_effect *e)
{
    struct vc_json_out *out = on(c, "event.score", "");
    head(out, "score", "", e->execution.finished_at);
    vc_json_kv_text(out, "agent_id", e->execution.agent_id);
    vc_record_standing(out, e->execution.task_type, &e->execution.standing);
    vc_json_kv_text(out, "task_id", e->execution.task_id);
    vc_json_kv_text(out, "outcome", vc_outcome_name(e->execution.outcome));
    vc_json_close(out, '}');
}

static void agent_news(struct collector *c, const char *name, const char *agent_id,
                       struct vc_wall at)
{
    struct vc_json_out *out = on(c, "event.agent.", name);
    head(out, "agent_", name, at);
    vc_json_kv_text(out, "agent_id", agent_id);
    vc_json_close(out, '}');
}

static void dead_letter(struct collector *c, const struct vc_effect *e)
{
    struct vc_json_out *out = on(c, "dead.", e->dead.reason);
    head(out, "dead_letter", "", e->dead.at);
    vc_json_kv_text(out, "reason", e->dead.reason);
    vc_json_kv_text(out, "task_id", e->dead.task_id);
    vc_json_kv_text(out, "description", e->dead.text);
    vc_json_kv_raw(out, "body", e->dead.body);
    vc_json_close(out, '}');
}

static void add(struct collector *c, const struct vc_effect *e)
{
    switch (e->kind) {
    case VC_EFFECT_PUT_TASK:
        task_submitted(c, e);
        return;
    case VC_EFFECT_MOVE_TASK:
        task_moved(c, e);
        return;
    case VC_EFFECT_PUT_DECISION:
        vc_json_raw(on(c, "event.decision", ""), e->decision->record);
        return;
    case VC_EFFECT_PUT_EXECUTION:
        if (e->execution.counted)
            score_changed(c, e);
        return;
    case VC_EFFECT_PUT_AGENT:
        if (e->agent.news)
            agent_news(c, e->agent.news, e->agent.agent_id, e->agent.at);
        return;
    case VC_EFFECT_AGENT_NEWS:
        agent_news(c, e->news.online ? "online" : "offline", e->news.agent_id, e->news.at);
        return;
    case VC_EFFECT_DEAD:
        dead_letter(c, e);
        return;
    case VC_EFFECT_PUT_LATE:
    case VC_EFFECT_COUNT_DECISION:
    case VC_EFFECT_ASSIGN:
    case VC_EFFECT_CONTROL:
    case VC_EFFECT_REPLY:
        return;
    }
}

enum vc_rc vc_events_of(const struct vc_effects *fx, const char *prefix, vc_events_fn *each,
                        void *ctx)
{
    struct collector c = {.prefix = prefix, .each = each, .ctx = ctx};
    for (size_t i = 0; i < fx->len; i++)
        add(&c, &fx->items[i]);
    for (size_t i = 0; i < c.n; i++) {
        struct message *m = c.messages[i];
        flush(&c, m);
        vc_buf_fini(&m->body);
        vc_free(m->subject);
        vc_free(m);
    }
    vc_free(c.messages);
    return c.rc;
}
