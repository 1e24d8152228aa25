/* promises.h - what was said to the outside, which no crash takes back: receipts, assignments,
 * "recorded", acknowledgements. Each is held to the committed store at the moment it is said, and
 * all of them again when everything is over. */
#ifndef VC_TESTS_SIM_PROMISES_H
#define VC_TESTS_SIM_PROMISES_H

#include "tests/sim/cluster.h"

static inline const char *keep_text(struct cluster *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static inline const char *keep_text(struct cluster *c, const char *fmt, ...)
{
    char text[192];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return world_keep(c->w, text);
}

/* -- the store as it is committed -------------------------------------------------------------- */

static inline bool stored_late(const struct cluster *c, const char *record)
{
    for (size_t i = 0; i < c->lates_n; i++)
        if (strcmp(c->lates[i].record, record) == 0)
            return true;
    return false;
}

static inline void follow_late(struct cluster *c, const struct vc_effect *e)
{
    VC_GROW(c->lates, c->lates_n, c->lates_cap);
    c->lates[c->lates_n++] = (struct late){world_keep(c->w, e->late.record)};
}

/* -- what agents really said ------------------------------------------------------------------- */

/* Agent, task, epoch and outcome are part of every word, so that it can be told who said what. */
static inline void remember_said(struct cluster *c, const char *text)
{
    vc_map_put(&c->promised, text, 0);
}

static inline bool was_said(const struct cluster *c, const char *text)
{
    return vc_map_get(&c->promised, text) != VC_MAP_NONE;
}

static inline const char *answer_text(struct cluster *c, const char *agent_id, const char *task_id,
                                      uint32_t epoch, enum vc_answer answer)
{
    return keep_text(c, "%s says %s to %s#%u", agent_id,
                     answer == VC_ANSWER_ACCEPTED ? "yes" : "no", task_id, epoch);
}

/* Who works has said so: by an answer, or by a heartbeat that lists the task. */
static inline void check_worker(struct cluster *c, const struct vc_effect *e)
{
    assert_true(was_said(
        c, answer_text(c, e->move.agent_id, e->move.task_id, e->move.epoch, VC_ANSWER_ACCEPTED)));
}

static inline void check_decliner(struct cluster *c, const struct vc_effect *e)
{
    assert_true(was_said(c, answer_text(c, e->execution.agent_id, e->execution.task_id,
                                        e->execution.epoch, VC_ANSWER_DECLINED)));
}

/* The one who wins was chosen for this very epoch, was told so, and said that it succeeded. */
static inline void check_winner(struct cluster *c, const struct vc_effect *e)
{
    const char *key = keep_text(c, "assigned %s#%u", e->execution.task_id, e->execution.epoch);
    uint32_t i = vc_map_get(&c->promised, key);
    assert_true(i != VC_MAP_NONE);
    assert_string_equal(agent_ids[c->sent[i].agent], e->execution.agent_id);
    assert_non_null(e->execution.record);
    assert_true(was_said(c, e->execution.record));
    const char *begin = keep_text(c, "%s %s#%u success ", e->execution.agent_id,
                                  e->execution.task_id, e->execution.epoch);
    assert_true(strncmp(e->execution.record, begin, strlen(begin)) == 0);
}

static inline void promises_follow(struct cluster *c, const struct vc_effect *e)
{
    if (e->kind == VC_EFFECT_PUT_LATE)
        follow_late(c, e);
    if (e->kind == VC_EFFECT_MOVE_TASK && e->move.state == VC_TASK_WORKING)
        check_worker(c, e);
    if (e->kind != VC_EFFECT_PUT_EXECUTION)
        return;
    if (e->execution.winning)
        check_winner(c, e);
    if (e->execution.outcome == VC_OUTCOME_DECLINED && !e->execution.record)
        check_decliner(c, e);
}

/* -- what the coordinator says, after the commit ----------------------------------------------- */

/* An epoch is given to one agent, however often it is offered. */
static inline void promise_assignment(struct cluster *c, const struct vc_effect *e)
{
    const struct world_task *task = world_task(c->w, e->assign.task_id);
    const char *key = keep_text(c, "assigned %s#%u", e->assign.task_id, e->assign.epoch);
    uint32_t a = index_of(c->sim, e->assign.agent_id);
    uint32_t i = vc_map_get(&c->promised, key);
    assert_non_null(task);
    assert_true(task->row.epoch >= e->assign.epoch);
    if (i != VC_MAP_NONE) {
        assert_int_equal(c->sent[i].agent, a);
        return;
    }
    VC_GROW(c->sent, c->sent_n, c->sent_cap);
    c->sent[c->sent_n] = (struct paper){a, world_keep(c->w, e->assign.task_id), e->assign.epoch};
    vc_map_put(&c->promised, key, (uint32_t)c->sent_n++);
}

static inline void promise_receipt(const struct cluster *c, const struct client *client)
{
    const struct world_task *task = world_task(c->w, client->submission.task_id);
    assert_non_null(task);
    assert_string_equal(task->row.submission.spec, client->submission.spec);
}

static inline void promise_recorded(struct cluster *c, const char *task_id, uint32_t epoch)
{
    const struct world_execution *x = world_execution(c->w, task_id, epoch);
    assert_non_null(x);
    assert_non_null(x->record);
}

/* Who acknowledges a message has kept what it says. */
static inline void promise_ack(struct cluster *c, const struct mail *mail)
{
    const struct vc_event *event = &mail->arrival.event;
    if (event->kind == VC_EVENT_SUBMIT) {
        assert_non_null(world_task(c->w, event->submit.submission->task_id));
        return;
    }
    const struct vc_reported *r = &event->result;
    const struct world_execution *x = world_execution(c->w, r->task_id, r->epoch);
    bool recorded = x && x->record && strcmp(x->record, r->record) == 0;
    assert_true(recorded || stored_late(c, r->record));
}

/* -- when everything is over ------------------------------------------------------------------- */

/* Every profile in memory is what the rows say. */
static inline void check_cell(struct cluster *c, const struct vc_agent *agent, const char *type,
                              struct vc_evidence *room)
{
    const struct world *w = c->w;
    size_t n = 0;
    for (size_t i = 0; i < w->executions_n; i++) {
        const struct world_execution *x = &w->executions[i];
        if (x->counted && strcmp(x->agent_id, agent->agent_id) == 0 &&
            strcmp(x->task_type, type) == 0)
            room[n++] = (struct vc_evidence){x->finished_at, x->task_id, x->epoch, x->value};
    }
    qsort(room, n, sizeof *room, world_evidence_order);
    struct vc_expertise is = vc_core_expertise(w->core, agent, type, w->wall);
    struct vc_expertise must = vc_expertise_of(room, n, w->wall, w->conf.recency);
    assert_int_equal(is.n, must.n);
    assert_true(fabs(is.expertise - must.expertise) <= FORMULA_TOLERANCE);
    assert_true(fabs(is.confidence - must.confidence) <= FORMULA_TOLERANCE);
}

static inline void check_cells(struct cluster *c)
{
    struct vc_evidence *room = vc_xcalloc(c->w->executions_n + 1, sizeof *room);
    const struct vc_roster *roster = vc_core_roster(c->w->core);
    for (size_t i = 0; i < roster->len; i++)
        for (size_t t = 0; t < COUNT_OF(types); t++)
            check_cell(c, roster->agents[i], types[t], room);
    vc_free(room);
}

static inline void check_promises(struct cluster *c)
{
    for (size_t i = 0; i < c->clients_n; i++) {
        const struct client *client = &c->clients[i];
        if (client->accepted && !client->by_mail)
            promise_receipt(c, client);
        if (client->accepted)
            assert_non_null(world_task(c->w, client->submission.task_id));
    }
    for (size_t i = 0; i < c->mails_n; i++)
        if (c->mails[i].acked)
            promise_ack(c, &c->mails[i]);
}

#endif
