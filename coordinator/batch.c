#include "coordinator/batch.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "coordinator/api.h"
#include "coordinator/apply.h"
#include "coordinator/record.h"

#include <stdlib.h>
#include <string.h>

/* -- stepping -------------------------------------------------------------------------------- */

/* Leases and silences go on from where they stood. */
static void resume(struct vc_batch *b, struct vc_mono now)
{
    vc_core_resume(b->core, now, vc_wall_now(), &b->fx);
    b->stepped = now;
    b->absent = false;
}

/* Renewals that arrive from now on, or arrived since the last step, are not seen for a while. */
static void be_absent(struct vc_batch *b)
{
    if (!b->linked || b->absent)
        return;
    vc_core_suspend(b->core, b->stepped);
    b->absent = true;
}

/* What was decided took a time that only the shell can know. */
static void step(struct vc_batch *b, const struct vc_event *event)
{
    size_t from = b->fx.len;
    int64_t began_us = vc_mono_us();
    if (event->mono.ms - b->stepped.ms > b->conf->interval_ms)
        be_absent(b);
    if (b->absent && !b->stuck)
        resume(b, event->mono);
    vc_core_step(b->core, event, &b->fx);
    b->stepped = event->mono;
    int64_t took_us = vc_mono_us() - began_us;
    for (size_t i = from; i < b->fx.len; i++)
        if (b->fx.items[i].kind == VC_EFFECT_PUT_DECISION)
            b->fx.items[i].decision->elapsed_us = took_us;
}

/* A message of a mailbox that nobody can read: kept for ops, so that its sender's bug shows. */
static void dead_letter(struct vc_batch *b, const struct vc_inbound *in)
{
    VC_AUTO_BUF struct vc_buf body = {0};
    struct vc_json_out out = {.buf = &body};
    /* One that could be read, and yet cannot be, has only its decoded form. */
    bool decoded = in->kind == VC_IN_SUBMIT && !in->refused;
    vc_json_text(&out, in->body ? in->body : decoded ? in->submit.canonical : "");
    VC_AUTO_BUF struct vc_buf text = {0};
    vc_buf_printf(&text, "%s: %s%s%s", in->refusal.reason, in->refusal.field,
                  in->refusal.field[0] ? ": " : "", in->refusal.text);
    struct vc_effect *e = vc_effects_add(&b->fx, VC_EFFECT_DEAD);
    e->dead.reason = "invalid";
    e->dead.task_id = in->subject_id[0] ? vc_effects_copy(&b->fx, in->subject_id) : NULL;
    e->dead.text = vc_effects_copy(&b->fx, text.text);
    e->dead.body = vc_effects_copy(&b->fx, body.text);
    e->dead.at = vc_wall_now();
    vc_log(VC_LOG_WARN, "message.invalid", "id=%s reason=%s", in->subject_id, text.text);
}

static void on_link(struct vc_batch *b, const struct vc_inbound *in)
{
    struct vc_mono now = vc_mono_now();
    int64_t sent_seq = b->relay.sent_seq;
    unsigned lost = vc_relay_link(&b->relay, in->link.up, in->link.ends, now);
    b->linked = in->link.up;
    if (in->link.up) {
        resume(b, now);
    } else {
        vc_core_suspend(b->core, now);
        b->absent = false;
    }
    vc_log(in->link.up ? VC_LOG_INFO : VC_LOG_WARN, in->link.up ? "nats.ready" : "nats.away", "%s",
           in->link.text);
    if (lost)
        vc_log(VC_LOG_ERROR, "events.lost",
               "streams=%s why=the NATS server has forgotten messages that it had acknowledged; "
               "sending again what is kept, up to %lld messages",
               lost == 1U << VC_STREAM_EVENTS ? "events"
               : lost == 1U << VC_STREAM_DEAD ? "dead"
                                              : "events,dead",
               (long long)(sent_seq - b->relay.sent_seq));
}

/* What no stream will ever take must not hold up what comes after it. */
static void on_puback(struct vc_batch *b, const struct vc_inbound *in)
{
    if (in->puback.ok || in->puback.too_large)
        vc_relay_stored(&b->relay, in->puback.outbox_seq, in->puback.stream, in->stream_seq,
                        vc_mono_now());
    else
        vc_relay_refused(&b->relay, in->puback.text);
    if (in->puback.too_large)
        vc_log(VC_LOG_ERROR, "event.dropped", "outbox_seq=%lld reason=%s",
               (long long)in->puback.outbox_seq, in->puback.text);
}

static void refused(struct vc_batch *b, const struct vc_inbound *in)
{
    b->counters.invalid++;
    if (in->kind == VC_IN_SUBMIT || in->kind == VC_IN_RESULT)
        dead_letter(b, in);
    else if (in->kind == VC_IN_HEARTBEAT)
        vc_log(VC_LOG_WARN, "heartbeat.invalid", "agent=%s reason=%s", in->subject_id,
               in->refusal.text);
}

/* The last of the disk is for work that was accepted. */
static void turn_away(const struct vc_batch *b, struct vc_inbound *in)
{
    if (!b->no_room[0] || in->kind != VC_IN_API || in->refused ||
        strcmp(in->verb, "task.submit") != 0)
        return;
    vc_msg_submit_fini(&in->submit);
    in->refused = true;
    in->refusal = (struct vc_refusal){507, "disk_full", "", ""};
    vc_copy(in->refusal.text, sizeof in->refusal.text, b->no_room);
}

/* Look at one message. Not VC_OK: the store could not be read; the message stays to be looked at.
 */
static enum vc_rc look(struct vc_batch *b, size_t i, struct vc_err *err)
{
    struct vc_inbound *in = b->in[i];
    struct vc_event event;
    enum vc_rc rc;
    turn_away(b, in);
    b->what[i] = vc_intake_of(b->kg, b->core, in, i + 1, vc_mono_now(), vc_wall_now(), &b->fx,
                              &event, &rc, err);
    if (rc != VC_OK)
        return rc;
    if (b->what[i] == VC_INTAKE_EVENT)
        step(b, &event);
    else if (b->what[i] == VC_INTAKE_REFUSED)
        refused(b, in);
    else if (in->kind == VC_IN_PUBACK)
        on_puback(b, in);
    else if (in->kind == VC_IN_LINK)
        on_link(b, in);
    return VC_OK;
}

/* -- committing ------------------------------------------------------------------------------ */

/* Write the effects that the open transaction does not hold yet. */
static enum vc_rc apply(struct vc_batch *b, struct vc_err *err)
{
    enum vc_rc rc = vc_apply(b->kg, &b->fx, b->applied, err);
    if (rc == VC_OK)
        b->applied = b->fx.len;
    return rc;
}

/* Everything is written and nothing committed. */
static enum vc_rc before_commit(const struct vc_batch *b, struct vc_err *err)
{
    enum vc_rc rc = VC_OK;
    for (size_t i = 0; i < b->fx.len && rc == VC_OK; i++) {
        const struct vc_effect *e = &b->fx.items[i];
        if (e->kind == VC_EFFECT_PUT_TASK)
            rc = vc_failpoint(VC_FAILPOINT_INGEST_COMMIT, err);
        else if (e->kind == VC_EFFECT_PUT_DECISION)
            rc = vc_failpoint(VC_FAILPOINT_ASSIGN_COMMIT, err);
        else if (e->kind == VC_EFFECT_PUT_EXECUTION)
            rc = vc_failpoint(VC_FAILPOINT_RESULT_COMMIT, err);
        else if (e->kind == VC_EFFECT_MOVE_TASK && e->move.state == VC_TASK_WORKING)
            rc = vc_failpoint(VC_FAILPOINT_ACCEPT_COMMIT, err);
    }
    return rc;
}

/* Each message sees what those before it changed, so effects are written as they come. */
static enum vc_rc work(struct vc_batch *b, struct vc_err *err)
{
    enum vc_rc rc = b->n > 0 ? vc_failpoint(VC_FAILPOINT_INGEST_PULLED, err) : VC_OK;
    if (rc == VC_OK)
        rc = vc_kg_begin(b->kg, err);
    if (rc == VC_OK)
        rc = apply(b, err);
    while (rc == VC_OK && b->next < b->n) {
        rc = look(b, b->next, err);
        if (rc == VC_OK) {
            b->next++;
            rc = apply(b, err);
        }
    }
    if (rc == VC_OK && !b->closed) {
        step(b, &(struct vc_event){
                    .kind = VC_EVENT_TICK, .mono = vc_mono_now(), .wall = vc_wall_now()});
        b->closed = true;
        rc = apply(b, err);
    }
    if (rc == VC_OK)
        rc = vc_apply_events(b->kg, &b->fx, b->prefix, err);
    if (rc == VC_OK)
        rc = vc_relay_save(&b->relay, b->kg, vc_mono_now(), err);
    if (rc == VC_OK)
        rc = before_commit(b, err);
    if (rc == VC_OK)
        rc = vc_kg_commit(b->kg, err);
    if (rc != VC_OK)
        vc_kg_rollback(b->kg);
    return rc;
}

/* -- speaking -------------------------------------------------------------------------------- */

/* The submission with what the coordinator adds. Ours win over fields of the same name, for an
 * agent that believed a submitter's epoch would be fenced off. */
static void send_assignment(struct vc_batch *b, const struct vc_effect *e)
{
    if (vc_failpoint(VC_FAILPOINT_ASSIGN_SEND, NULL) != VC_OK)
        return;
    json_auto_t *body = json_loads(e->assign.spec, 0, NULL);
    json_auto_t *ours = json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:s}", "type", VC_TYPE_EVENT "task_assign", "task_id",
        e->assign.task_id, "agent_id", e->assign.agent_id, "epoch", (json_int_t)e->assign.epoch,
        "attempt", (json_int_t)e->assign.attempt, "lease_ms", (json_int_t)b->conf->lease_ms,
        "decision_id", e->assign.decision_id, "task_type", e->assign.task_type);
    if (!body)
        body = json_object();
    json_object_update(body, ours);
    char *text = json_dumps(body, JSON_COMPACT);
    vc_bus_assign(b->bus, e->assign.agent_id, e->assign.task_id, e->assign.epoch, text,
                  strlen(text));
    free(text);
}

static void send_control(struct vc_batch *b, const struct vc_effect *e)
{
    bool recorded = e->control.what == VC_CONTROL_RECORDED;
    if (recorded && vc_failpoint(VC_FAILPOINT_RESULT_RECORDED, NULL) != VC_OK)
        return;
    VC_AUTO_BUF struct vc_buf body = {0};
    vc_record_control(&body, e);
    vc_bus_control(b->bus, e->control.agent_id, body.text, body.len);
}

static void served(struct vc_batch *b, const struct vc_inbound *in, bool error)
{
    vc_bus_served(b->bus, in->verb, vc_mono_us() - b->began_us, error);
}

static void send_reply(struct vc_batch *b, const struct vc_effect *e)
{
    const struct vc_inbound *in = b->in[e->reply.token - 1];
    bool error = e->reply.kind == VC_REPLY_REFUSED;
    served(b, in, error);
    bool receipt = e->reply.kind == VC_REPLY_RECEIPT;
    if (!in->reply_to || (receipt && vc_failpoint(VC_FAILPOINT_INGEST_RECEIPT, NULL) != VC_OK))
        return;
    if (error) {
        struct vc_refusal refusal = {.code = e->reply.code, .reason = e->reply.reason};
        vc_copy(refusal.text, sizeof refusal.text, e->reply.text);
        vc_bus_reply_refusal(b->bus, in->reply_to, &refusal);
        return;
    }
    VC_AUTO_BUF struct vc_buf body = {0};
    vc_record_reply(&body, e, b->conf->interval_ms, b->conf->lease_ms);
    vc_bus_reply(b->bus, in->reply_to, body.text, body.len);
}

static void answer(struct vc_batch *b, struct vc_inbound *in)
{
    struct vc_effects memory = {0};
    VC_AUTO_BUF struct vc_buf body = {0};
    struct vc_refusal refusal;
    struct vc_api api = {.kg = b->kg,
                         .core = b->core,
                         .conf = b->conf,
                         .fx = &memory,
                         .mono = vc_mono_now(),
                         .wall = vc_wall_now(),
                         .started = b->started,
                         .version = b->version};
    bool ok = vc_api_answer(&api, in->verb, in->request, &body, &refusal);
    served(b, in, !ok);
    if (in->reply_to && ok)
        vc_bus_reply(b->bus, in->reply_to, body.text, body.len);
    else if (in->reply_to)
        vc_bus_reply_refusal(b->bus, in->reply_to, &refusal);
    vc_effects_fini(&memory);
}

static void count(struct vc_counters *c, const struct vc_effect *e)
{
    switch (e->kind) {
    case VC_EFFECT_PUT_TASK:
        if (strcmp(e->task.submission->via, "request") == 0)
            c->submitted_request++;
        else
            c->submitted_jetstream++;
        c->ended[e->task.state] += vc_task_state_final(e->task.state);
        return;
    case VC_EFFECT_MOVE_TASK:
        c->ended[e->move.state] += vc_task_state_final(e->move.state);
        return;
    case VC_EFFECT_PUT_DECISION:
        c->assigned[e->decision->rule]++;
        return;
    case VC_EFFECT_PUT_EXECUTION:
        c->outcomes[e->execution.outcome]++;
        return;
    case VC_EFFECT_PUT_LATE:
        c->late++;
        return;
    case VC_EFFECT_PUT_AGENT:
    case VC_EFFECT_COUNT_DECISION:
    case VC_EFFECT_AGENT_NEWS:
    case VC_EFFECT_DEAD:
    case VC_EFFECT_ASSIGN:
    case VC_EFFECT_CONTROL:
    case VC_EFFECT_REPLY:
        return;
    }
}

/* What an operator wants to have seen in the log: agents that come and go, work that was lost. */
static void note(const struct vc_effect *e)
{
    bool lost = e->kind == VC_EFFECT_PUT_EXECUTION && e->execution.error_class == VC_ERROR_LOST;
    if (e->kind == VC_EFFECT_AGENT_NEWS)
        vc_log(e->news.online ? VC_LOG_INFO : VC_LOG_WARN,
               e->news.online ? "agent.online" : "agent.offline", "agent=%s", e->news.agent_id);
    else if (e->kind == VC_EFFECT_PUT_AGENT && e->agent.news)
        vc_log(VC_LOG_INFO, "agent.changed", "agent=%s now=%s", e->agent.agent_id, e->agent.news);
    else if (lost)
        vc_log(VC_LOG_WARN, "task.lost", "task=%s epoch=%u agent=%s", e->execution.task_id,
               e->execution.epoch, e->execution.agent_id);
    else if (e->kind == VC_EFFECT_DEAD)
        vc_log(VC_LOG_WARN, "task.dead", "task=%s reason=%s",
               e->dead.task_id ? e->dead.task_id : "", e->dead.reason);
}

static void speak_effects(struct vc_batch *b)
{
    static void (*const say[])(struct vc_batch *, const struct vc_effect *) = {
        [VC_EFFECT_ASSIGN] = send_assignment,
        [VC_EFFECT_CONTROL] = send_control,
        [VC_EFFECT_REPLY] = send_reply,
    };
    for (size_t i = 0; i < b->fx.len; i++) {
        const struct vc_effect *e = &b->fx.items[i];
        count(&b->counters, e);
        note(e);
        if (say[e->kind])
            say[e->kind](b, e);
    }
}

static void speak(struct vc_batch *b)
{
    speak_effects(b);
    for (size_t i = 0; i < b->n; i++) {
        struct vc_inbound *in = b->in[i];
        bool mailbox = in->kind == VC_IN_SUBMIT || in->kind == VC_IN_RESULT;
        enum vc_failpoint ack =
            in->kind == VC_IN_SUBMIT ? VC_FAILPOINT_INGEST_ACK : VC_FAILPOINT_RESULT_ACK;
        if (mailbox && vc_failpoint(ack, NULL) == VC_OK)
            vc_bus_ack(b->bus, in);
        else if (b->what[i] == VC_INTAKE_READ)
            answer(b, in);
        else if (b->what[i] == VC_INTAKE_REFUSED && in->kind == VC_IN_API) {
            served(b, in, true);
            if (in->reply_to)
                vc_bus_reply_refusal(b->bus, in->reply_to, &in->refusal);
        }
    }
}

/* -- one batch ------------------------------------------------------------------------------- */

static void forget(struct vc_batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        vc_inbound_destroy(&b->in[i]);
    b->n = b->next = b->applied = 0;
    b->busy = b->closed = b->stuck = false;
}

void vc_batch_fini(struct vc_batch *b)
{
    forget(b);
    vc_effects_fini(&b->fx);
}

static void finish(struct vc_batch *b)
{
    forget(b);
    vc_effects_reset(&b->fx);
    vc_core_settle(b->core);
}

/* Take what waits, unless the last batch is still to be written. */
static bool begin(struct vc_batch *b)
{
    if (b->busy)
        return true;
    b->stuck = false;
    struct vc_mono now = vc_mono_now();
    b->n = vc_bus_take(b->bus, b->in, VC_BATCH_MAX);
    bool due = b->absent || vc_core_due(b->core).ms <= now.ms;
    b->busy = b->n > 0 || due || vc_relay_has_news(&b->relay, now);
    b->began_us = vc_mono_us();
    if (!b->busy)
        b->stepped = now;
    return b->busy;
}

/* A full or busy disk is waited for; a row that cannot be is our own mistake. */
static bool may_pass(enum vc_rc rc)
{
    return rc == VC_E_FULL || rc == VC_E_BUSY || rc == VC_E_IO;
}

static enum vc_batch_end stuck(struct vc_batch *b)
{
    be_absent(b);
    b->stuck = true;
    return VC_BATCH_STUCK;
}

enum vc_batch_end vc_batch_run(struct vc_batch *b, struct vc_err *err)
{
    if (!begin(b)) {
        enum vc_rc rc = vc_relay_send(&b->relay, b->kg, b->bus, vc_mono_now(), err);
        return rc == VC_OK ? VC_BATCH_IDLE : stuck(b);
    }
    b->applied = 0;
    enum vc_rc rc = work(b, err);
    if (rc != VC_OK)
        return may_pass(rc) ? stuck(b) : VC_BATCH_BROKEN;
    vc_relay_saved(&b->relay);
    b->counters.commits++;
    b->counters.commit_us += (uint64_t)(vc_mono_us() - b->began_us);
    b->counters.batched += b->n;
    speak(b);
    finish(b);
    rc = vc_relay_send(&b->relay, b->kg, b->bus, vc_mono_now(), err);
    return rc == VC_OK ? VC_BATCH_DONE : stuck(b);
}
