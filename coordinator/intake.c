#include "coordinator/intake.h"

#include "base/mem.h"

#include <string.h>
#include <sys/random.h>

/* What one look at a message needs; keeps the builders' parameters few. */
struct look {
    struct vc_kg *kg;
    struct vc_core *core;
    struct vc_inbound *in;
    struct vc_effects *fx;
    struct vc_event *event;
    enum vc_rc rc;
    struct vc_err *err;
};

static enum vc_intake refuse(struct look *l, int code, const char *reason, const char *field,
                             const char *text)
{
    /* `refused` stays false: the decoded message is still there, and is freed with the rest. */
    struct vc_refusal *r = &l->in->refusal;
    *r = (struct vc_refusal){.code = code, .reason = reason};
    vc_copy(r->field, sizeof r->field, field);
    vc_copy(r->text, sizeof r->text, text);
    return VC_INTAKE_REFUSED;
}

/* @text as one line of at most VC_ERROR_TEXT_MAX bytes, cut between characters. */
static const char *one_line(struct look *l, const char *text)
{
    if (!text)
        return NULL;
    VC_AUTO_BUF struct vc_buf line = {0};
    vc_buf_show(&line, text);
    if (line.len > VC_ERROR_TEXT_MAX) {
        size_t cut = VC_ERROR_TEXT_MAX;
        while (cut > 0 && ((unsigned char)line.text[cut] & 0xc0) == 0x80)
            cut--;
        line.text[cut] = '\0';
    }
    return vc_effects_copy(l->fx, vc_buf_text(&line));
}

/* An id of the request; NULL after a refusal. */
static const char *need_id(struct look *l, const char *key)
{
    const json_t *value = json_object_get(l->in->request, key);
    const char *id = json_string_value(value);
    if (vc_id_ok(id))
        return id;
    if (!value)
        refuse(l, 400, "schema_violation", key, "it is required");
    else
        refuse(l, 400, "bad_id", key, "it must be 1 to 64 of the characters A-Z a-z 0-9 _ -");
    return NULL;
}

/* -- tasks ----------------------------------------------------------------------------------- */

static enum vc_type_method method_of(const char *word)
{
    if (strcmp(word, vc_type_method_name(VC_TYPE_EXPLICIT)) == 0)
        return VC_TYPE_EXPLICIT;
    return strcmp(word, vc_type_method_name(VC_TYPE_RULE)) == 0 ? VC_TYPE_RULE : VC_TYPE_DEFAULT;
}

struct known {
    struct vc_known_task *out;
    struct vc_effects *fx;
    const char *spec; /* to compare with; NULL = not asked */
};

static void know(void *ctx, const struct vc_kg_task *row)
{
    struct known *k = ctx;
    *k->out = (struct vc_known_task){
        .exists = true,
        .same_body = k->spec && row->spec && strcmp(k->spec, row->spec) == 0,
        .task_type = vc_effects_copy(k->fx, row->task_type),
        .type_method = method_of(row->type_method),
        .type_confidence = row->type_confidence,
    };
    if (!vc_task_state_parse(row->state, &k->out->state))
        k->out->state = VC_TASK_FAILED; /* a state of a later version: over, for our purposes */
}

static void look_up(struct look *l, const char *task_id, const char *spec,
                    struct vc_known_task *out)
{
    struct known k = {.out = out, .fx = l->fx, .spec = spec};
    enum vc_rc rc = vc_kg_get_task(l->kg, task_id, know, &k, l->err);
    if (rc != VC_OK && rc != VC_E_NOT_FOUND)
        l->rc = rc;
}

static void submission_of(const struct vc_msg_submit *msg, struct vc_submission *out)
{
    *out = (struct vc_submission){
        .task_id = msg->task_id,
        .title = msg->title,
        .description = msg->description,
        .task_type = msg->task_type,
        .role = msg->role,
        .pin_agent_id = msg->pin_agent_id,
        .requires = msg->requires.items,
        .requires_n = msg->requires.n,
        .exclude_agents = msg->exclude_agents.items,
        .exclude_agents_n = msg->exclude_agents.n,
        .parent_task_id = msg->parent_task_id,
        .context_id = msg->context_id,
        .priority = msg->priority,
        .max_attempts = msg->max_attempts,
        .timeout_ms = msg->timeout_ms,
        .deadline_at = msg->deadline_at,
        .budget_micros = msg->budget_micros,
        .spec = msg->canonical,
    };
}

static const char *make_id(struct look *l)
{
    uint8_t random[10];
    char id[VC_UUID_TEXT];
    /* Up to 256 bytes never come short and never fail once the pool is ready. */
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        memset(random, 0, sizeof random);
    vc_uuid7(l->event->wall, random, id);
    return vc_effects_copy(l->fx, id);
}

/* A task that nobody can ever take would wait for ever. */
static bool wants_nobody(const struct vc_msg_submit *msg)
{
    for (size_t i = 0; msg->pin_agent_id && i < msg->exclude_agents.n; i++)
        if (strcmp(msg->exclude_agents.items[i], msg->pin_agent_id) == 0)
            return true;
    return false;
}

static enum vc_intake on_submit(struct look *l)
{
    if (wants_nobody(&l->in->submit))
        return refuse(l, 400, "schema_violation", "exclude_agents",
                      "it holds the agent of pin_agent_id, so nobody could take the task");
    struct vc_submission *sub = vc_effects_alloc(l->fx, sizeof *sub);
    submission_of(&l->in->submit, sub);
    sub->via = l->in->kind == VC_IN_SUBMIT ? "jetstream" : "request";
    l->event->kind = VC_EVENT_SUBMIT;
    l->event->submit.submission = sub;
    if (sub->task_id)
        look_up(l, sub->task_id, sub->spec, &l->event->submit.known);
    else
        sub->task_id = make_id(l);
    return VC_INTAKE_EVENT;
}

static enum vc_intake on_cancel(struct look *l)
{
    const char *id = need_id(l, "task_id");
    if (!id)
        return VC_INTAKE_REFUSED;
    l->event->kind = VC_EVENT_CANCEL;
    l->event->cancel.task_id = id;
    const json_t *reason = json_object_get(l->in->request, "reason");
    if (reason && !json_is_string(reason) && !json_is_null(reason))
        return refuse(l, 400, "schema_violation", "reason", "it must be a text");
    l->event->cancel.reason = one_line(l, json_string_value(reason));
    look_up(l, id, NULL, &l->event->cancel.known);
    return VC_INTAKE_EVENT;
}

bool vc_intake_stored_task(const struct vc_kg_task *row, struct vc_msg_submit *msg,
                           struct vc_stored_task *out)
{
    struct vc_refusal refusal;
    *msg = (struct vc_msg_submit){0};
    if (!row->spec ||
        !vc_msg_submit_decode(row->spec, strlen(row->spec), row->task_id, msg, &refusal))
        return false;
    *out = (struct vc_stored_task){
        .type_rule = row->type_rule,
        .epoch = row->epoch,
        .attempt = row->attempt,
        .max_attempts = row->max_attempts,
        .agent_id = row->agent_id,
        .decision_id = row->decision_id,
        .assigned_at = row->updated_at,
    };
    submission_of(msg, &out->submission);
    out->known.exists = true;
    out->known.task_type = row->task_type;
    out->known.type_method = method_of(row->type_method);
    out->known.type_confidence = row->type_confidence;
    return vc_task_state_parse(row->state, &out->known.state);
}

struct stored {
    struct vc_effects *fx;
    struct vc_stored_task *out;
    bool usable;
};

static const char *const *copy_list(struct vc_effects *fx, const char *const *items, size_t n)
{
    const char **copy = vc_effects_alloc(fx, (n + 1) * sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = vc_effects_copy(fx, items[i]);
    return copy;
}

/* The row's strings end with the callback, so everything is copied. */
static void take_back(void *ctx, const struct vc_kg_task *row)
{
    struct stored *s = ctx;
    struct vc_effects *fx = s->fx;
    struct vc_msg_submit msg;
    s->usable = vc_intake_stored_task(row, &msg, s->out);
    if (s->usable) {
        struct vc_stored_task *t = s->out;
        struct vc_submission *sub = &t->submission;
        const char **const texts[] = {
            &t->type_rule, &t->agent_id,       &t->decision_id,      &t->known.task_type,
            &sub->task_id, &sub->title,        &sub->description,    &sub->task_type,
            &sub->role,    &sub->pin_agent_id, &sub->parent_task_id, &sub->context_id,
            &sub->spec,
        };
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
            *texts[i] = vc_effects_copy(fx, *texts[i]);
        sub->requires = copy_list(fx, sub->requires, sub->requires_n);
        sub->exclude_agents = copy_list(fx, sub->exclude_agents, sub->exclude_agents_n);
    }
    vc_msg_submit_fini(&msg);
}

struct tried {
    struct vc_effects *fx;
    const char **agents;
    size_t n, cap;
};

/* A decline is no failure: that agent may well be asked again. */
static void add_tried(void *ctx, const struct vc_kg_execution *row)
{
    struct tried *t = ctx;
    if (row->outcome == VC_OUTCOME_SUCCESS || row->outcome == VC_OUTCOME_DECLINED)
        return;
    VC_GROW(t->agents, t->n, t->cap);
    t->agents[t->n++] = vc_effects_copy(t->fx, row->agent_id);
}

enum vc_rc vc_intake_tried(struct vc_kg *kg, const char *task_id, struct vc_effects *fx,
                           struct vc_stored_task *out, struct vc_err *err)
{
    struct tried t = {.fx = fx};
    enum vc_rc rc = vc_kg_task_executions(kg, task_id, add_tried, &t, err);
    const char **agents = vc_effects_alloc(fx, (t.n + 1) * sizeof *agents);
    for (size_t i = 0; i < t.n; i++)
        agents[i] = t.agents[i];
    vc_free(t.agents);
    out->tried = agents;
    out->tried_n = t.n;
    return rc;
}

static enum vc_intake on_retry(struct look *l)
{
    const char *id = need_id(l, "task_id");
    if (!id)
        return VC_INTAKE_REFUSED;
    id = vc_effects_copy(l->fx, id);
    struct vc_stored_task *out = vc_effects_alloc(l->fx, sizeof *out);
    struct stored s = {.fx = l->fx, .out = out};
    enum vc_rc rc = vc_kg_get_task(l->kg, id, take_back, &s, l->err);
    if (rc != VC_OK && rc != VC_E_NOT_FOUND)
        l->rc = rc;
    if (rc == VC_OK && !s.usable)
        return refuse(l, 409, "state_conflict", "task_id",
                      "it was imported: there is no submission that could run again");
    if (rc == VC_OK)
        l->rc = vc_intake_tried(l->kg, id, l->fx, out, l->err);
    l->event->kind = VC_EVENT_RETRY;
    l->event->retry.task_id = id;
    l->event->retry.stored = rc == VC_OK ? out : NULL;
    return VC_INTAKE_EVENT;
}

/* -- results and answers --------------------------------------------------------------------- */

struct earlier {
    const char *record;
    const char *agent_id;
    enum vc_prior prior;
};

static void compare(void *ctx, const struct vc_kg_execution *row)
{
    struct earlier *e = ctx;
    /* An epoch that another agent had is to this one as good as closed. */
    if (!row->record || strcmp(row->agent_id, e->agent_id) != 0)
        e->prior = VC_PRIOR_OURS;
    else
        e->prior = strcmp(row->record, e->record) == 0 ? VC_PRIOR_REPORTED : VC_PRIOR_REPORTED_ELSE;
}

static enum vc_intake on_result(struct look *l)
{
    const struct vc_msg_result *msg = &l->in->result;
    struct vc_reported *r = &l->event->result;
    l->event->kind = VC_EVENT_RESULT;
    *r = (struct vc_reported){
        .agent_id = l->in->subject_id,
        .task_id = msg->task_id,
        .epoch = msg->epoch,
        .error_message = one_line(l, msg->error_message),
        .retryable = msg->retryable,
        .duration_ms = msg->duration_ms,
        .cost_micros = msg->cost_micros,
        .record = msg->canonical,
    };
    if (!vc_outcome_parse(msg->outcome, &r->outcome))
        return refuse(l, 400, "schema_violation", "outcome",
                      "it must be success, failure, declined, canceled or timeout");
    /* A class that we do not know is the agent's own: it counts as an error of the agent. */
    if (msg->error_class && !vc_error_class_parse(msg->error_class, &r->error_class))
        r->error_class = vc_error_class_default(r->outcome);
    if (vc_core_expects(l->core, r->agent_id, r->task_id, r->epoch))
        return VC_INTAKE_EVENT;
    struct earlier e = {.record = r->record, .agent_id = r->agent_id};
    enum vc_rc rc = vc_kg_get_execution(l->kg, r->task_id, r->epoch, compare, &e, l->err);
    if (rc != VC_OK && rc != VC_E_NOT_FOUND)
        l->rc = rc;
    r->prior = e.prior;
    struct vc_known_task known = {0};
    look_up(l, r->task_id, NULL, &known);
    r->task_known = known.exists;
    return VC_INTAKE_EVENT;
}

static enum vc_intake on_answer(struct look *l)
{
    const struct vc_inbound *in = l->in;
    l->event->kind = VC_EVENT_ANSWER;
    l->event->answer.task_id = in->assign.task_id;
    l->event->answer.epoch = in->assign.epoch;
    /* An answer that cannot be read is no acceptance. */
    l->event->answer.answer = in->assign.nobody                           ? VC_ANSWER_NOBODY
                              : in->assign.reply.accepted && !in->refused ? VC_ANSWER_ACCEPTED
                                                                          : VC_ANSWER_DECLINED;
    return VC_INTAKE_EVENT;
}

/* -- agents ---------------------------------------------------------------------------------- */

static enum vc_intake on_heartbeat(struct look *l)
{
    const struct vc_msg_heartbeat *msg = &l->in->heartbeat;
    struct vc_held *held = vc_effects_alloc(l->fx, (msg->running_n + 1) * sizeof *held);
    for (size_t i = 0; i < msg->running_n; i++)
        held[i] = (struct vc_held){msg->running[i].task_id, msg->running[i].epoch};
    l->event->kind = VC_EVENT_HEARTBEAT;
    l->event->heartbeat.agent_id = l->in->subject_id;
    l->event->heartbeat.capacity = msg->capacity;
    l->event->heartbeat.held = held;
    l->event->heartbeat.held_n = msg->running_n;
    return VC_INTAKE_EVENT;
}

static enum vc_intake on_register(struct look *l)
{
    const struct vc_msg_register *msg = &l->in->registration;
    l->event->kind = VC_EVENT_REGISTER;
    l->event->registration = (struct vc_registration){
        .agent_id = msg->agent_id,
        .card = msg->canonical,
        .role = msg->role,
        .capabilities = msg->capabilities.items,
        .capabilities_n = msg->capabilities.n,
        .capacity = msg->capacity,
        .cost_per_1k_micros = msg->cost_per_1k_micros,
    };
    return VC_INTAKE_EVENT;
}

static enum vc_intake on_drain(struct look *l)
{
    const char *id = need_id(l, "agent_id");
    if (!id)
        return VC_INTAKE_REFUSED;
    l->event->kind = VC_EVENT_DRAIN;
    l->event->drain.agent_id = id;
    const json_t *off = json_object_get(l->in->request, "off");
    if (off && !json_is_boolean(off) && !json_is_null(off))
        return refuse(l, 400, "schema_violation", "off", "it must be true or false");
    l->event->drain.off = json_is_true(off);
    return VC_INTAKE_EVENT;
}

static enum vc_intake on_remove(struct look *l)
{
    const char *id = need_id(l, "agent_id");
    if (!id)
        return VC_INTAKE_REFUSED;
    l->event->kind = VC_EVENT_REMOVE;
    l->event->remove.agent_id = id;
    return VC_INTAKE_EVENT;
}

/* -- the table ------------------------------------------------------------------------------- */

static enum vc_intake on_api(struct look *l)
{
    static const struct {
        const char *verb;
        enum vc_intake (*look)(struct look *);
    } changes[] = {
        {"task.submit", on_submit},      {"task.cancel", on_cancel}, {"task.retry", on_retry},
        {"agent.register", on_register}, {"agent.drain", on_drain},  {"agent.remove", on_remove},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        if (strcmp(changes[i].verb, l->in->verb) == 0)
            return changes[i].look(l);
    return VC_INTAKE_READ;
}

enum vc_intake vc_intake_of(struct vc_kg *kg, struct vc_core *core, struct vc_inbound *in,
                            uint64_t token, struct vc_mono mono, struct vc_wall wall,
                            struct vc_effects *fx, struct vc_event *event, enum vc_rc *rc,
                            struct vc_err *err)
{
    static enum vc_intake (*const by_kind[])(struct look *) = {
        [VC_IN_SUBMIT] = on_submit,
        [VC_IN_RESULT] = on_result,
        [VC_IN_HEARTBEAT] = on_heartbeat,
        [VC_IN_API] = on_api,
        [VC_IN_ASSIGN_REPLY] = on_answer,
        [VC_IN_PUBACK] = NULL,
        [VC_IN_LINK] = NULL,
    };
    *rc = VC_OK;
    if (in->refused && in->kind != VC_IN_ASSIGN_REPLY)
        return VC_INTAKE_REFUSED;
    if (!by_kind[in->kind])
        return VC_INTAKE_NONE;
    *event =
        (struct vc_event){.mono = mono, .wall = wall, .token = in->kind == VC_IN_API ? token : 0};
    struct look l = {.kg = kg, .core = core, .in = in, .fx = fx, .event = event, .err = err};
    enum vc_intake what = by_kind[in->kind](&l);
    *rc = l.rc;
    return what;
}
