/* script.h - one sentence of a scenario becomes one event. The notation: tests/scenarios/README.md.
 */
#ifndef VC_TESTS_CORE_SCRIPT_H
#define VC_TESTS_CORE_SCRIPT_H

#include "tests/core/world.h"

#include <stdio.h>
#include <stdlib.h>

#define SCRIPT_WORDS_MAX 40
#define SCRIPT_LIST_MAX  16
#define SCRIPT_TOKEN     7 /* somebody waits for the answer */

struct script {
    const char *file;
    unsigned line;
    struct world *w;
    char *words[SCRIPT_WORDS_MAX]; /* of the line; NULL once they were understood */
    size_t n;
};

static inline void script_stop(const struct script *s, const char *why, const char *word)
{
    print_error("%s:%u: %s '%s'\n", s->file, s->line, why, word);
    fail();
}

/* Cut @text into words; "several words" in quotes are one. */
static inline void script_read(struct script *s, char *text)
{
    s->n = 0;
    for (char *p = text + strspn(text, " \t"); *p; p += strspn(p, " \t")) {
        if (s->n == SCRIPT_WORDS_MAX)
            script_stop(s, "too many words from", p);
        bool quoted = *p == '"';
        p += quoted;
        s->words[s->n++] = p;
        p += strcspn(p, quoted ? "\"" : " \t");
        if (quoted && *p != '"')
            script_stop(s, "no end of the quote", s->words[s->n - 1]);
        if (*p)
            *p++ = '\0';
    }
}

/* The word at @i, which is then understood. */
static inline const char *script_word(struct script *s, size_t i)
{
    if (i >= s->n || !s->words[i])
        script_stop(s, "the sentence is too short behind",
                    i > 0 && i <= s->n && s->words[i - 1] ? s->words[i - 1] : "its begin");
    const char *word = s->words[i];
    s->words[i] = NULL;
    return word;
}

static inline bool script_flag(struct script *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->words[i] && strcmp(s->words[i], name) == 0) {
            s->words[i] = NULL;
            return true;
        }
    return false;
}

/* The word behind @name; NULL without @name. */
static inline const char *script_option(struct script *s, const char *name)
{
    for (size_t i = 0; i + 1 < s->n; i++)
        if (s->words[i] && strcmp(s->words[i], name) == 0) {
            s->words[i] = NULL;
            return script_word(s, i + 1);
        }
    return NULL;
}

static inline int64_t script_int(struct script *s, const char *text, int64_t otherwise)
{
    if (!text)
        return otherwise;
    char *end;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end)
        script_stop(s, "no number:", text);
    return value;
}

static inline uint32_t script_u32(struct script *s, const char *text, uint32_t otherwise)
{
    return (uint32_t)script_int(s, text, otherwise);
}

/* "90s", or "-1s" for what lies behind. */
static inline int64_t script_duration(struct script *s, const char *text, int64_t otherwise)
{
    if (!text)
        return otherwise;
    int64_t ms = 0;
    bool back = *text == '-';
    if (vc_duration_parse(text + back, &ms, NULL) != VC_OK)
        script_stop(s, "no duration:", text);
    return back ? -ms : ms;
}

/* "a,b,c" in the world's memory. */
static inline const char *const *script_list(struct script *s, const char *text, size_t *n)
{
    const char **items = vc_effects_alloc(&s->w->keep, SCRIPT_LIST_MAX * sizeof *items);
    *n = 0;
    while (text && *text) {
        size_t len = strcspn(text, ",");
        char *item = vc_effects_alloc(&s->w->keep, len + 1);
        memcpy(item, text, len);
        if (*n == SCRIPT_LIST_MAX)
            script_stop(s, "the list is too long at", text);
        items[(*n)++] = item;
        text += len + (text[len] == ',');
    }
    return items;
}

/* "t1#2", or "t1" for the epoch that the store has now. */
static inline struct vc_held script_paper(struct script *s, const char *text)
{
    size_t len = strcspn(text, "#");
    char *id = vc_effects_alloc(&s->w->keep, len + 1);
    memcpy(id, text, len);
    const struct world_task *task = world_task(s->w, id);
    uint32_t epoch = text[len] ? script_u32(s, text + len + 1, 0) : task ? task->row.epoch : 0;
    return (struct vc_held){.task_id = id, .epoch = epoch};
}

/* -- sentences: SUBJECT VERB OBJECT ... ---------------------------------------------------------
 */

static inline struct vc_event script_submits(struct script *s, const char *subject)
{
    (void)subject;
    struct vc_submission *sub = vc_effects_alloc(&s->w->keep, sizeof *sub);
    sub->task_id = script_word(s, 2);
    sub->title = script_word(s, 3);
    sub->task_type = script_option(s, "type");
    sub->role = script_option(s, "role");
    sub->pin_agent_id = script_option(s, "pin");
    sub->requires = script_list(s, script_option(s, "needs"), &sub->requires_n);
    sub->exclude_agents = script_list(s, script_option(s, "not"), &sub->exclude_agents_n);
    sub->priority = script_u32(s, script_option(s, "priority"), 5);
    sub->max_attempts = script_u32(s, script_option(s, "attempts"), 3);
    sub->timeout_ms = script_duration(s, script_option(s, "timeout"), 0);
    sub->budget_micros = script_int(s, script_option(s, "budget"), -1);
    const char *deadline = script_option(s, "deadline");
    if (deadline)
        sub->deadline_at.ms = s->w->wall.ms + script_duration(s, deadline, 0);
    sub->spec = sub->title;
    return (struct vc_event){.kind = VC_EVENT_SUBMIT, .submit = {.submission = sub}};
}

static inline struct vc_event script_registers(struct script *s, const char *subject)
{
    struct vc_registration reg = {.agent_id = subject};
    reg.capacity = script_u32(s, script_option(s, "capacity"), 1);
    reg.role = script_option(s, "role");
    reg.cost_per_1k_micros = script_int(s, script_option(s, "costs"), 0);
    const char *can = script_option(s, "can");
    reg.capabilities = script_list(s, can, &reg.capabilities_n);
    struct vc_buf card = {0};
    vc_buf_printf(&card, "%u %s %s %lld", reg.capacity, reg.role ? reg.role : "-", can ? can : "-",
                  (long long)reg.cost_per_1k_micros);
    reg.card = world_keep(s->w, card.text);
    vc_buf_fini(&card);
    return (struct vc_event){.kind = VC_EVENT_REGISTER, .registration = reg};
}

static inline struct vc_event script_beats(struct script *s, const char *subject)
{
    size_t n;
    const char *const *papers = script_list(s, script_option(s, "holds"), &n);
    struct vc_held *held = vc_effects_alloc(&s->w->keep, (n + 1) * sizeof *held);
    for (size_t i = 0; i < n; i++)
        held[i] = script_paper(s, papers[i]);
    return (struct vc_event){
        .kind = VC_EVENT_HEARTBEAT,
        .heartbeat = {.agent_id = subject,
                      .capacity = script_u32(s, script_option(s, "capacity"), 0),
                      .held = held,
                      .held_n = n}};
}

static inline struct vc_event script_answer(struct script *s, enum vc_answer answer)
{
    struct vc_held paper = script_paper(s, script_word(s, 2));
    return (struct vc_event){
        .kind = VC_EVENT_ANSWER,
        .answer = {.task_id = paper.task_id, .epoch = paper.epoch, .answer = answer}};
}

static inline struct vc_event script_accepts(struct script *s, const char *subject)
{
    (void)subject;
    return script_answer(s, VC_ANSWER_ACCEPTED);
}

static inline struct vc_event script_declines(struct script *s, const char *subject)
{
    (void)subject;
    return script_answer(s, VC_ANSWER_DECLINED);
}

static inline struct vc_event script_answers(struct script *s, const char *subject)
{
    if (strcmp(subject, "nobody") != 0)
        script_stop(s, "say 'accepts' or 'declines' of", subject);
    return script_answer(s, VC_ANSWER_NOBODY);
}

static inline struct vc_event script_reports(struct script *s, const char *subject)
{
    struct vc_held paper = script_paper(s, script_word(s, 2));
    const char *outcome = script_word(s, 3), *cls = script_option(s, "error"),
               *record = script_option(s, "record");
    struct vc_event e = {.kind = VC_EVENT_RESULT,
                         .result = {.agent_id = subject,
                                    .task_id = paper.task_id,
                                    .epoch = paper.epoch,
                                    .retryable = !script_flag(s, "final"),
                                    .duration_ms = script_duration(s, script_option(s, "took"), 0),
                                    .record = record ? record : "{}"}};
    if (!vc_outcome_parse(outcome, &e.result.outcome))
        script_stop(s, "no outcome:", outcome);
    if (cls && !vc_error_class_parse(cls, &e.result.error_class))
        script_stop(s, "no class of error:", cls);
    return e;
}

static inline struct vc_event script_cancels(struct script *s, const char *subject)
{
    (void)subject;
    return (struct vc_event){
        .kind = VC_EVENT_CANCEL,
        .cancel = {.task_id = script_word(s, 2), .reason = script_option(s, "because")}};
}

static inline struct vc_event script_retries(struct script *s, const char *subject)
{
    (void)subject;
    return (struct vc_event){.kind = VC_EVENT_RETRY, .retry = {.task_id = script_word(s, 2)}};
}

static inline struct vc_event script_drains(struct script *s, const char *subject)
{
    (void)subject;
    return (struct vc_event){.kind = VC_EVENT_DRAIN, .drain = {.agent_id = script_word(s, 2)}};
}

static inline struct vc_event script_undrains(struct script *s, const char *subject)
{
    struct vc_event e = script_drains(s, subject);
    e.drain.off = true;
    return e;
}

static inline struct vc_event script_removes(struct script *s, const char *subject)
{
    (void)subject;
    return (struct vc_event){.kind = VC_EVENT_REMOVE, .remove = {.agent_id = script_word(s, 2)}};
}

static inline struct vc_event script_passes(struct script *s, const char *subject)
{
    (void)s;
    (void)subject;
    return (struct vc_event){.kind = VC_EVENT_TICK};
}

/* -- sentences that are no events -------------------------------------------------------------- */

static inline void script_restarts(struct script *s)
{
    world_restart(s->w);
    world_tick(s->w);
}

/* "link breaks", "link mends": between the coordinator and everybody else. */
static inline void script_breaks(struct script *s)
{
    world_break_link(s->w);
}

static inline void script_mends(struct script *s)
{
    world_mend_link(s->w);
}

static inline void script_waits(struct script *s)
{
    vc_core_waiting_for(s->w->core, script_word(s, 0), s->w->mono, s->w->wall, &s->w->said);
    vc_buf_puts(&s->w->said, "\n");
}

static inline void script_ranks(struct script *s)
{
    size_t n;
    struct vc_effects fx = {0};
    const struct vc_seen *seen =
        vc_core_rank(s->w->core, script_word(s, 0), s->w->mono, s->w->wall, &fx, &n);
    for (size_t i = 0; i < n; i++)
        vc_buf_printf(&s->w->said, "%u %s %.3f n=%u%s%s\n", seen[i].rank, seen[i].agent_id,
                      seen[i].score, (unsigned)seen[i].n, seen[i].gate ? " " : "",
                      vc_gate_name(seen[i].gate));
    vc_effects_fini(&fx);
}

static const struct script_verb {
    const char *verb;
    struct vc_event (*event)(struct script *, const char *subject);
    void (*look)(struct script *);
} script_verbs[] = {
    {"submits", script_submits, NULL},   {"registers", script_registers, NULL},
    {"beats", script_beats, NULL},       {"accepts", script_accepts, NULL},
    {"declines", script_declines, NULL}, {"answers", script_answers, NULL},
    {"reports", script_reports, NULL},   {"cancels", script_cancels, NULL},
    {"retries", script_retries, NULL},   {"drains", script_drains, NULL},
    {"undrains", script_undrains, NULL}, {"removes", script_removes, NULL},
    {"passes", script_passes, NULL},     {"restarts", NULL, script_restarts},
    {"waits", NULL, script_waits},       {"ranks", NULL, script_ranks},
    {"breaks", NULL, script_breaks},     {"mends", NULL, script_mends},
};

static inline const struct script_verb *script_verb(struct script *s)
{
    const char *word = script_word(s, 1);
    for (size_t i = 0; i < sizeof script_verbs / sizeof *script_verbs; i++)
        if (strcmp(script_verbs[i].verb, word) == 0)
            return &script_verbs[i];
    script_stop(s, "no verb:", word);
    return NULL;
}

static inline void script_all_understood(const struct script *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->words[i])
            script_stop(s, "what is", s->words[i]);
}

/* Let @text happen in the world. */
static inline void script_play(struct script *s, char *text)
{
    script_read(s, text);
    const struct script_verb *verb = script_verb(s);
    if (verb->look) {
        verb->look(s);
        return;
    }
    uint64_t token = script_flag(s, "reply") ? SCRIPT_TOKEN : 0;
    struct vc_event event = verb->event(s, script_word(s, 0));
    event.token = token;
    script_all_understood(s);
    world_step(s->w, event);
}

/* -- what was there before --------------------------------------------------------------------- */

static inline void script_given_history(struct script *s)
{
    const char *agent = script_word(s, 1), *type = script_word(s, 2);
    const char *share = script_word(s, 3);
    char *slash, *end = NULL;
    unsigned long ok = strtoul(share, &slash, 10), n = 0;
    if (*slash == '/')
        n = strtoul(slash + 1, &end, 10);
    if (!end || *end)
        script_stop(s, "no k/n:", share);
    world_remember(s->w, agent, type, (unsigned)ok, (unsigned)n,
                   script_duration(s, script_option(s, "age"), 0));
}

static inline void script_given_decisions(struct script *s)
{
    struct world_type *type = world_type(s->w, script_word(s, 1));
    type->decisions = script_u32(s, script_word(s, 2), 0);
    type->trials = script_u32(s, script_option(s, "trials"), 0);
}

static inline void script_given_strict(struct script *s)
{
    s->w->conf.probation.on = false;
}

static inline void script_given_limits(struct script *s)
{
    s->w->conf.open_tasks_max = script_u32(s, script_option(s, "tasks"), VC_OPEN_TASKS_MAX);
    s->w->conf.agents_max = script_u32(s, script_option(s, "agents"), VC_AGENTS_MAX);
}

static inline void script_given_lease(struct script *s)
{
    s->w->conf.lease_ms = script_duration(s, script_word(s, 1), 0);
}

static inline void script_given_headroom(struct script *s)
{
    s->w->conf.base = VC_BASE_HEADROOM;
}

/* Facts that hold before anything happens; the core is made when the first event comes. */
static inline void script_given(struct script *s, char *text)
{
    static const struct {
        const char *name;
        void (*take)(struct script *);
    } facts[] = {
        {"history", script_given_history}, {"decisions", script_given_decisions},
        {"strict", script_given_strict},   {"limits", script_given_limits},
        {"lease", script_given_lease},     {"headroom", script_given_headroom},
    };
    script_read(s, text);
    const char *name = script_word(s, 0);
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        if (strcmp(facts[i].name, name) != 0)
            continue;
        facts[i].take(s);
        script_all_understood(s);
        return;
    }
    script_stop(s, "no fact:", name);
}

#endif
