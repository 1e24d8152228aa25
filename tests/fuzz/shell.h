/* shell.h - the service in miniature: lines of text instead of NATS, the real intake, core, store
 * and API behind them, and clocks that stand until a line moves them.
 *
 *     vapora.task.submit.<task>   BODY       a task from the mailbox
 *     vapora.task.result.<agent>  BODY
 *     vapora.agent.heartbeat.<agent> BODY
 *     vapora.api.<noun>.<verb>[.<id>] BODY   a request
 *     _INBOX.b7.<task>.<epoch>    BODY       an agent's answer; without a body: nobody is there
 *     tick MS                                the batch ends, time passes
 *     up | down                              the batch ends, the connection comes or goes
 *
 * Anything else is passed over. What holds after every line and batch is checked here. */
#ifndef VC_TESTS_FUZZ_SHELL_H
#define VC_TESTS_FUZZ_SHELL_H

#include "coordinator/api.h"
#include "coordinator/apply.h"
#include "coordinator/events.h"
#include "coordinator/intake.h"
#include "coordinator/load.h"
#include "coordinator/record.h"
#include "nats-bridge/subjects.h"
#include "tests/fuzz/message.h"

#include <stdio.h>
#include <stdlib.h>

#define SHELL_PREFIX    "vapora"
#define SHELL_INBOX     "_INBOX.b7"
#define SHELL_LINES     48 /* of one input: bounds its time */
#define SHELL_BATCH_MAX 8
#define SHELL_TICK_MAX  (10 * VC_DAY_MS)
#define SHELL_MONO_MS   INT64_C(1000000)
#define SHELL_WALL_MS   INT64_C(1790000000000) /* in September 2026 */

struct shell {
    struct vc_kg *kg;
    struct vc_core *core;
    struct vc_core_conf conf;
    struct vc_mono mono;
    struct vc_wall wall;
    struct vc_effects fx;
    struct vc_inbound *in[SHELL_BATCH_MAX];
    size_t in_n, applied;
};

/* JSON or the end; the caller json_decref()s it. */
static inline json_t *shell_json(const char *text)
{
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    VC_CHECK(json_is_object(root));
    return root;
}

static inline void shell_check_typed(const char *text)
{
    json_t *root = shell_json(text);
    VC_CHECK(json_is_string(json_object_get(root, "type")));
    json_decref(root);
}

/* What leaves is JSON, whatever came in. */
static inline void shell_check_effect(const struct shell *s, const struct vc_effect *e)
{
    VC_AUTO_BUF struct vc_buf body = {0};
    switch ((int)e->kind) {
    case VC_EFFECT_ASSIGN:
        json_decref(shell_json(e->assign.spec));
        return;
    case VC_EFFECT_CONTROL:
        vc_record_control(&body, e);
        shell_check_typed(body.text);
        return;
    case VC_EFFECT_REPLY:
        if (e->reply.kind == VC_REPLY_REFUSED) {
            struct vc_refusal refusal = {.code = e->reply.code, .reason = e->reply.reason};
            vc_copy(refusal.text, sizeof refusal.text, e->reply.text);
            fuzz_check_refusal_body(&refusal);
            return;
        }
        vc_record_reply(&body, e, s->conf.interval_ms, s->conf.lease_ms);
        shell_check_typed(body.text);
        return;
    case VC_EFFECT_PUT_DECISION:
        shell_check_typed(e->decision->record);
        return;
    case VC_EFFECT_MOVE_TASK:
        VC_CHECK(!e->move.error || !*e->move.error || fuzz_is_line(e->move.error));
        return;
    default:
        return;
    }
}

/* The store takes every effect: a row that it refuses would stop the service for good. */
static inline void shell_apply(struct shell *s)
{
    struct vc_err err = {0};
    enum vc_rc rc = vc_apply(s->kg, &s->fx, s->applied, &err);
    if (rc != VC_OK)
        fprintf(stderr, "the store refuses an effect: %s\n", err.text);
    VC_CHECK(rc == VC_OK);
    for (; s->applied < s->fx.len; s->applied++)
        shell_check_effect(s, &s->fx.items[s->applied]);
}

static inline enum vc_rc shell_see_event(void *ctx, const char *subject, const char *body,
                                         size_t len)
{
    (void)ctx;
    VC_CHECK(strncmp(subject, SHELL_PREFIX ".", sizeof SHELL_PREFIX) == 0 && strlen(body) == len);
    shell_check_typed(body);
    return VC_OK;
}

static inline void shell_forget(struct vc_inbound *in)
{
    if (!in->refused)
        switch (in->kind) {
        case VC_IN_SUBMIT:
            vc_msg_submit_fini(&in->submit);
            break;
        case VC_IN_RESULT:
            vc_msg_result_fini(&in->result);
            break;
        case VC_IN_HEARTBEAT:
            vc_msg_heartbeat_fini(&in->heartbeat);
            break;
        case VC_IN_ASSIGN_REPLY:
            vc_msg_assign_reply_fini(&in->assign.reply);
            break;
        case VC_IN_API:
            if (strcmp(in->verb, "task.submit") == 0)
                vc_msg_submit_fini(&in->submit);
            else if (strcmp(in->verb, "agent.register") == 0)
                vc_msg_register_fini(&in->registration);
            else
                json_decref(in->request);
            break;
        case VC_IN_PUBACK:
        case VC_IN_LINK:
            break;
        }
    vc_free(in);
}

/* The batch is over: its events are queued, and nothing points into its messages any more. */
static inline void shell_settle(struct shell *s)
{
    shell_apply(s);
    struct vc_err err;
    VC_CHECK(vc_events_of(&s->fx, SHELL_PREFIX, shell_see_event, NULL) == VC_OK);
    VC_CHECK(vc_apply_events(s->kg, &s->fx, SHELL_PREFIX, &err) == VC_OK);
    while (s->in_n > 0)
        shell_forget(s->in[--s->in_n]);
    vc_effects_reset(&s->fx);
    s->applied = 0;
    vc_core_settle(s->core);
}

static inline void shell_tick(struct shell *s, int64_t ms)
{
    shell_settle(s);
    s->mono.ms += ms;
    s->wall.ms += ms;
    struct vc_event tick = {.kind = VC_EVENT_TICK, .mono = s->mono, .wall = s->wall};
    vc_core_step(s->core, &tick, &s->fx);
    shell_settle(s);
    VC_CHECK(vc_core_due(s->core).ms > s->mono.ms);
}

/* Answer a question; a body that it cannot make sense of is the asker's fault, not the store's. */
static inline void shell_answer(struct shell *s, const char *verb, const json_t *request)
{
    VC_AUTO_BUF struct vc_buf body = {0};
    struct vc_effects memory = {0};
    struct vc_refusal refusal;
    struct vc_api api = {.kg = s->kg,
                         .core = s->core,
                         .conf = &s->conf,
                         .fx = &memory,
                         .mono = s->mono,
                         .started = {SHELL_MONO_MS},
                         .wall = s->wall,
                         .version = "0"};
    if (vc_api_answer(&api, verb, request, &body, &refusal)) {
        shell_check_typed(body.text);
    } else {
        VC_CHECK(body.len == 0 && refusal.code != 500);
        fuzz_check_refusal_body(&refusal);
    }
    vc_effects_fini(&memory);
}

/* As arrivals.c reads it. False: no message of ours. */
static inline bool shell_decode(struct vc_inbound *in, const char *subject, const char *body,
                                size_t len)
{
    struct vc_refusal *refusal = &in->refusal;
    if (vc_subject_id(subject, SHELL_PREFIX, VC_SUBJECT_SUBMIT, in->subject_id)) {
        in->kind = VC_IN_SUBMIT;
        in->refused = !vc_msg_submit_decode(body, len, in->subject_id, &in->submit, refusal);
    } else if (vc_subject_id(subject, SHELL_PREFIX, VC_SUBJECT_RESULT, in->subject_id)) {
        in->kind = VC_IN_RESULT;
        in->refused = !vc_msg_result_decode(body, len, &in->result, refusal);
    } else if (vc_subject_id(subject, SHELL_PREFIX, VC_SUBJECT_HEARTBEAT, in->subject_id)) {
        in->kind = VC_IN_HEARTBEAT;
        in->refused = !vc_msg_heartbeat_decode(body, len, in->subject_id, &in->heartbeat, refusal);
    } else if (vc_subject_parse_assign_reply(subject, SHELL_INBOX, in->assign.task_id,
                                             &in->assign.epoch)) {
        in->kind = VC_IN_ASSIGN_REPLY;
        in->assign.nobody = len == 0;
        in->refused = !vc_msg_assign_reply_decode(body, len, &in->assign.reply, refusal);
    } else if (vc_subject_parse_api(subject, SHELL_PREFIX, in->verb, in->subject_id)) {
        const char *id = in->subject_id[0] ? in->subject_id : NULL;
        in->kind = VC_IN_API;
        if (strcmp(in->verb, "task.submit") == 0)
            in->refused = !vc_msg_submit_decode(body, len, NULL, &in->submit, refusal);
        else if (strcmp(in->verb, "agent.register") == 0)
            in->refused = !vc_msg_register_decode(body, len, id, &in->registration, refusal);
        else if (len > 0)
            in->refused = !vc_json_parse(body, len, &in->request, refusal);
        else
            in->request = json_object();
    } else {
        return false;
    }
    return true;
}

static inline void shell_message(struct shell *s, const char *subject, const char *body, size_t len)
{
    struct vc_inbound *in = vc_xcalloc(1, sizeof *in);
    if (!shell_decode(in, subject, body, len)) {
        vc_free(in);
        return;
    }
    if (s->in_n == SHELL_BATCH_MAX)
        shell_settle(s);
    s->in[s->in_n++] = in;
    struct vc_event event;
    struct vc_err err;
    enum vc_rc rc;
    size_t from = s->fx.len, replies = 0;
    enum vc_intake what =
        vc_intake_of(s->kg, s->core, in, 1, s->mono, s->wall, &s->fx, &event, &rc, &err);
    VC_CHECK(rc == VC_OK);
    if (what == VC_INTAKE_EVENT)
        vc_core_step(s->core, &event, &s->fx);
    else if (what == VC_INTAKE_READ)
        shell_answer(s, in->verb, in->request);
    else
        VC_CHECK(what == VC_INTAKE_REFUSED);
    if (what == VC_INTAKE_REFUSED)
        fuzz_check_refusal_body(&in->refusal);
    for (size_t i = from; i < s->fx.len; i++)
        replies += s->fx.items[i].kind == VC_EFFECT_REPLY;
    VC_CHECK(replies == (what == VC_INTAKE_EVENT && in->kind == VC_IN_API));
    shell_apply(s);
}

/* One line; @text[len] may be written to. */
static inline void shell_line(struct shell *s, char *text, size_t len)
{
    text[len] = '\0';
    size_t word = strcspn(text, " ");
    const char *rest = text + word + (text[word] == ' ');
    size_t rest_len = len - (size_t)(rest - text);
    text[word] = '\0';
    if (strcmp(text, "tick") == 0) {
        long long ms = strtoll(rest, NULL, 10);
        shell_tick(s, ms < 0 ? 0 : ms > SHELL_TICK_MAX ? SHELL_TICK_MAX : ms);
    } else if (strcmp(text, "up") == 0) {
        shell_settle(s);
        vc_core_resume(s->core, s->mono, s->wall, &s->fx);
    } else if (strcmp(text, "down") == 0) {
        shell_settle(s);
        vc_core_suspend(s->core, s->mono);
    } else {
        shell_message(s, text, rest, rest_len);
    }
}

/* All lines of @text, which is written to. */
static inline void shell_lines(struct shell *s, char *text, size_t size)
{
    char *end = text + size;
    for (int n = 0; n < SHELL_LINES && text < end; n++) {
        char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t len = (size_t)((stop ? stop : end) - text);
        shell_line(s, text, len);
        text += len + 1;
    }
    shell_settle(s);
}

/* A core filled from @kg, suspended as at a start; its ids come from @seed. False: the store is
 * damaged, @err says how. */
static inline bool shell_start(struct shell *s, struct vc_kg *kg, uint64_t seed, struct vc_err *err)
{
    *s = (struct shell){
        .kg = kg, .conf = vc_core_conf_default, .mono = {SHELL_MONO_MS}, .wall = {SHELL_WALL_MS}};
    struct vc_loaded loaded;
    s->conf.seed = seed;
    s->core = vc_core_create(&s->conf);
    vc_core_suspend(s->core, s->mono);
    return vc_load(kg, s->core, s->mono, s->wall, &loaded, err) == VC_OK;
}

static inline void shell_stop(struct shell *s)
{
    while (s->in_n > 0)
        shell_forget(s->in[--s->in_n]);
    vc_effects_fini(&s->fx);
    vc_core_destroy(&s->core);
}

/* Three agents, and tasks in every state. */
static const char shell_story[] =
    "up\n"
    "vapora.api.agent.register.ada {\"role\":\"dev\",\"capabilities\":[\"c\"],\"capacity\":2}\n"
    "vapora.api.agent.register.bob {\"capabilities\":[\"c\",\"docs\"],\"cost_per_1k\":0.5}\n"
    "vapora.api.agent.register.eve {\"role\":\"ops\"}\n"
    "tick 10\n"
    "vapora.agent.heartbeat.ada {\"capacity\":2}\n"
    "vapora.agent.heartbeat.bob {}\n"
    "vapora.task.submit.t-1 {\"title\":\"Fix the parser\",\"task_type\":\"coding\","
    "\"labels\":{\"team\":\"x\"},\"pin_agent_id\":\"ada\"}\n"
    "vapora.task.submit.t-2 {\"title\":\"Write the manual\",\"description\":\"all of it\","
    "\"pin_agent_id\":\"bob\",\"max_attempts\":1}\n"
    "tick 10\n"
    "_INBOX.b7.t-1.1 {\"accepted\":true}\n"
    "_INBOX.b7.t-2.1 {\"accepted\":true}\n"
    "tick 500\n"
    "vapora.task.result.ada {\"task_id\":\"t-1\",\"epoch\":1,\"outcome\":\"success\",\"cost\":0.1,"
    "\"output\":\"done\"}\n"
    "vapora.task.result.bob {\"task_id\":\"t-2\",\"epoch\":1,\"outcome\":\"failure\","
    "\"error\":{\"class\":\"tool_error\",\"message\":\"no disk\"}}\n"
    "tick 10\n"
    "vapora.task.submit.t-3 {\"title\":\"Test the parser\",\"parent_task_id\":\"t-1\","
    "\"pin_agent_id\":\"ada\",\"deadline_at\":\"2026-12-24T10:00:00Z\"}\n"
    "vapora.task.submit.t-4 {\"title\":\"Review the change\",\"pin_agent_id\":\"ada\"}\n"
    "vapora.task.submit.t-5 {\"title\":\"Deploy it\",\"requires\":[\"root\"],\"priority\":9}\n"
    "vapora.task.submit.t-6 {\"title\":\"Say hello\",\"requires\":[\"root\"]}\n"
    "tick 10\n"
    "_INBOX.b7.t-3.1 {\"accepted\":true}\n"
    "vapora.api.task.cancel {\"task_id\":\"t-6\",\"reason\":\"not now\"}\n"
    "vapora.task.result.bob {\"task_id\":\"t-1\",\"epoch\":1,\"outcome\":\"success\"}\n"
    "vapora.api.task.list {\"text\":\"parser\"}\n"
    "tick 10\n";

/* Play the story into @kg, in one transaction. */
static inline void shell_play_story(struct vc_kg *kg)
{
    struct shell s;
    struct vc_err err;
    char *text = vc_xmemdup(shell_story, sizeof shell_story - 1);
    VC_CHECK(shell_start(&s, kg, 1, &err));
    VC_CHECK(vc_kg_begin(kg, &err) == VC_OK);
    shell_lines(&s, text, sizeof shell_story - 1);
    VC_CHECK(vc_kg_commit(kg, &err) == VC_OK);
    struct vc_core_stats stats = vc_core_stats(s.core, s.mono);
    VC_CHECK(stats.tasks[VC_TASK_COMPLETED] == 1 && stats.tasks[VC_TASK_DEAD] == 1);
    VC_CHECK(stats.tasks[VC_TASK_CANCELED] == 1 && stats.tasks[VC_TASK_WORKING] == 1);
    VC_CHECK(stats.tasks[VC_TASK_ASSIGNED] == 1 && stats.queued == 1);
    shell_stop(&s);
    vc_free(text);
}

#endif
