/* event.h - everything that may happen to the core: a closed list of values.
 *
 * An event carries the time at which it happened and what the store already knows about it, so that
 * the core needs neither a clock nor a query. All pointers are borrowed; they must stay valid until
 * vc_core_settle. */
#ifndef VC_COORDINATOR_EVENT_H
#define VC_COORDINATOR_EVENT_H

#include "coordinator/roster.h"
#include "coordinator/task.h"
#include "learning/outcome.h"

enum vc_event_kind {
    VC_EVENT_SUBMIT,    /* a task arrives */
    VC_EVENT_ANSWER,    /* an agent answers an assignment, or nobody does */
    VC_EVENT_RESULT,    /* an agent reports how it went */
    VC_EVENT_HEARTBEAT, /* an agent lives, and renews the leases it lists */
    VC_EVENT_REGISTER,  /* an agent says what it can do */
    VC_EVENT_CANCEL,
    VC_EVENT_RETRY,
    VC_EVENT_DRAIN,
    VC_EVENT_REMOVE,
    VC_EVENT_TICK, /* time passed: limits fire, nothing else happened */
};

/* What the store knows of a task that is submitted, canceled or retried. */
struct vc_known_task {
    bool exists;
    bool same_body; /* the stored submission equals the new one, byte for byte */
    enum vc_task_state state;
    const char *task_type;
    enum vc_type_method type_method;
    double type_confidence;
};

/* What the store knows of the (task, epoch) of a result. */
enum vc_prior {
    VC_PRIOR_NONE,          /* no execution of that epoch */
    VC_PRIOR_REPORTED,      /* recorded, from this very report */
    VC_PRIOR_REPORTED_ELSE, /* recorded, from another report; the first stands */
    VC_PRIOR_OURS,          /* closed by the coordinator: lost, timed out or canceled */
};

struct vc_reported {
    const char *agent_id; /* as NATS let it publish, not as the body claims */
    const char *task_id;
    uint32_t epoch;
    enum vc_outcome outcome;
    enum vc_error_class error_class; /* NONE: the outcome's default */
    const char *error_message;       /* NULL = none */
    bool retryable;
    int64_t duration_ms;
    int64_t cost_micros;
    const char *record; /* the report as JSON */
    enum vc_prior prior;
    bool task_known; /* the store has a task of that id */
};

struct vc_held {
    const char *task_id;
    uint32_t epoch;
};

enum vc_answer { VC_ANSWER_ACCEPTED, VC_ANSWER_DECLINED, VC_ANSWER_NOBODY };

/* A stored task, as the core takes it back: at the start, or by retry. */
struct vc_stored_task {
    struct vc_submission submission;
    struct vc_known_task known;
    const char *type_rule; /* NULL = none */
    uint32_t epoch, attempt, max_attempts;
    const char *agent_id;       /* NULL = nobody */
    const char *decision_id;    /* NULL = none */
    struct vc_wall assigned_at; /* its last change of state; of a held one: since when it is held */
    const char *const *tried;   /* agents that failed it before: another one is preferred */
    size_t tried_n;
};

struct vc_event {
    enum vc_event_kind kind;
    struct vc_mono mono;
    struct vc_wall wall;
    uint64_t token; /* whom VC_EFFECT_REPLY answers; 0 = nobody waits for an answer */
    union {
        struct {
            const struct vc_submission *submission;
            struct vc_known_task known;
        } submit;
        struct {
            const char *task_id;
            uint32_t epoch;
            enum vc_answer answer;
        } answer;
        struct vc_reported result;
        struct {
            const char *agent_id;
            uint32_t capacity; /* 0 = not said */
            const struct vc_held *held;
            size_t held_n;
        } heartbeat;
        struct vc_registration registration;
        struct {
            const char *task_id, *reason; /* reason may be NULL */
            struct vc_known_task known;
        } cancel;
        struct {
            const char *task_id;
            const struct vc_stored_task *stored; /* NULL: the store does not know it */
        } retry;
        struct {
            const char *agent_id;
            bool off; /* take the mark away */
        } drain;
        struct {
            const char *agent_id;
        } remove;
    };
};

#endif
