/* effect.h - everything that the core may ask of the world: a closed list of values.
 *
 * The shell first writes the VC_EFFECT_PUT_*, MOVE and COUNT effects of a whole batch in one
 * transaction, and only after the commit sends the rest. Events for listeners are derived from the
 * same effects (record.h), so nothing can be announced that was not stored. */
#ifndef VC_COORDINATOR_EFFECT_H
#define VC_COORDINATOR_EFFECT_H

#include "coordinator/roster.h"
#include "coordinator/task.h"
#include "learning/expertise.h"
#include "scoring/choice.h"
#include "scoring/gate.h"

#define VC_DECISION_CANDIDATES_MAX 32 /* shown in a record; the funnel counts the rest */

enum vc_effect_kind {
    VC_EFFECT_PUT_AGENT,
    VC_EFFECT_PUT_TASK,
    VC_EFFECT_MOVE_TASK,
    VC_EFFECT_PUT_DECISION,
    VC_EFFECT_PUT_EXECUTION,
    VC_EFFECT_PUT_LATE,
    VC_EFFECT_COUNT_DECISION,
    VC_EFFECT_AGENT_NEWS, /* an agent came or went; for listeners only */
    VC_EFFECT_DEAD,       /* a dead letter for ops */
    VC_EFFECT_ASSIGN,     /* send the assignment */
    VC_EFFECT_CONTROL,    /* tell an agent something about one of its tasks */
    VC_EFFECT_REPLY,      /* answer the event's token */
};

/* One candidate as the decision saw it. */
struct vc_seen {
    const char *agent_id;
    enum vc_gate gate; /* NONE: it was ranked; else the numbers below are what it would have had */
    double load, base, expertise, confidence, score;
    double success_rate, recent_success_rate; /* meaningless while n, recent_n == 0 */
    uint64_t n;
    uint32_t recent_n;
    uint32_t rank; /* from 1; 0 when gated */
};

struct vc_funnel {
    uint32_t registered, eligible;
    uint32_t gated[VC_GATE_COUNT];
};

/* Why an agent gets a task. Everything that the formula saw, so that anyone can do the sum again.
 */
struct vc_decision {
    char decision_id[VC_UUID_TEXT];
    const char *task_id;
    uint32_t epoch, attempt;
    struct vc_wall at;
    const char *task_type;
    enum vc_type_method type_method;
    double type_confidence;
    const char *type_rule; /* NULL = none */
    struct vc_weights weights;
    enum vc_base_kind base;
    enum vc_recency recency;
    bool strict; /* probation is off */
    enum vc_rule rule;
    const char *tie_break; /* NULL: the score alone told the chosen from the runner-up */
    const char *chosen;
    const char *sentence;
    struct vc_funnel funnel;
    struct vc_seen *seen; /* ranked ones best first, then gated ones */
    size_t seen_n;
    int64_t elapsed_us; /* filled by the shell, which has the clock */
    const char *record; /* filled by the shell: this decision as JSON, made once */
};

enum vc_control {
    VC_CONTROL_RECORDED,
    VC_CONTROL_STALE,
    VC_CONTROL_CANCEL,
    VC_CONTROL_DRAIN,
    VC_CONTROL_REGISTER
};

const char *vc_control_name(enum vc_control control);

enum vc_reply_kind {
    VC_REPLY_RECEIPT,    /* a submission is stored */
    VC_REPLY_TASK,       /* a task's new state */
    VC_REPLY_REGISTERED, /* an agent is known */
    VC_REPLY_AGENT,      /* an agent's new state */
    VC_REPLY_REFUSED,
};

struct vc_effect {
    enum vc_effect_kind kind;
    union {
        struct {
            const char *agent_id, *card, *role;
            uint32_t capacity;
            bool draining, removed;
            struct vc_wall registered_at, at;
            const char *news; /* registered | draining | removed | NULL: no event */
        } agent;
        struct {
            const struct vc_submission *submission;
            const char *task_type;
            enum vc_type_method type_method;
            double type_confidence;
            const char *type_rule;
            enum vc_task_state state;
            struct vc_wall at;
            const char *error; /* NULL = none */
        } task;
        struct {
            const char *task_id;
            enum vc_task_state from, state;
            const char *task_type;
            uint32_t epoch, attempt, max_attempts;
            const char *agent_id, *decision_id, *error; /* NULL = none */
            struct vc_wall at;
        } move;
        struct vc_decision *decision;
        struct {
            const char *task_id;
            uint32_t epoch, attempt;
            const char *agent_id, *task_type;
            enum vc_outcome outcome;
            enum vc_error_class error_class;
            double value;
            bool counted, winning;
            struct vc_wall started_at, finished_at;
            int64_t duration_ms, cost_micros;
            const char *decision_id, *record; /* record NULL: the coordinator closed it */
            struct vc_expertise standing;     /* of (agent, type) after learning from it */
        } execution;
        struct {
            const char *task_id;
            uint32_t epoch;
            const char *agent_id, *reason, *record;
            struct vc_wall at;
        } late;
        struct {
            const char *task_type;
            bool trial;
        } count;
        struct {
            const char *agent_id;
            bool online;
            struct vc_wall at;
        } news;
        struct {
            const char *reason, *task_id, *text, *body; /* body: JSON, NULL = none */
            struct vc_wall at;
        } dead;
        struct {
            const char *agent_id, *task_id, *spec, *task_type, *decision_id;
            uint32_t epoch, attempt;
        } assign;
        struct {
            enum vc_control what;
            const char *agent_id, *task_id; /* task_id NULL when it concerns the agent */
            uint32_t epoch;
        } control;
        struct {
            enum vc_reply_kind kind;
            uint64_t token;
            const char *task_id, *agent_id, *state, *task_type;
            enum vc_type_method type_method;
            double type_confidence;
            int code;           /* refused */
            const char *reason; /* refused: stable word */
            const char *text;   /* refused: one line */
        } reply;
    };
};

/* A growing list with its own memory for what the effects point to. Zero-initialise; fini it. */
struct vc_effects {
    struct vc_effect *items;
    size_t len, cap;
    struct vc_effects_chunk *chunks;
};

void vc_effects_fini(struct vc_effects *fx);

/* Empty it, keeping memory for the next batch. */
void vc_effects_reset(struct vc_effects *fx);

/* A zeroed new last effect; the pointer is good until the next call. */
struct vc_effect *vc_effects_add(struct vc_effects *fx, enum vc_effect_kind kind);

/* Memory and copies that live until reset. NULL text stays NULL. */
void *vc_effects_alloc(struct vc_effects *fx, size_t size);
const char *vc_effects_copy(struct vc_effects *fx, const char *text);

#endif
