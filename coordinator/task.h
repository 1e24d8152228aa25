/* task.h - a task's states and the moves between them, and an open task as the core holds it. */
#ifndef VC_COORDINATOR_TASK_H
#define VC_COORDINATOR_TASK_H

#include "base/id.h"
#include "base/time.h"
#include "learning/task_type.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vc_task_state {
#define VC_TASK_STATE(name, wire, final) VC_TASK_##name,
#include "coordinator/task_state.def"
#undef VC_TASK_STATE
    VC_TASK_STATE_COUNT
};

const char *vc_task_state_name(enum vc_task_state state);
bool vc_task_state_parse(const char *word, enum vc_task_state *out);
bool vc_task_state_final(enum vc_task_state state);

/* Whether a task may go from @from to @to. The table is in task.c; every move of the core passes
 * through it, and a move that it forbids is a broken program. */
bool vc_task_move_ok(enum vc_task_state from, enum vc_task_state to);

#define VC_NO_AGENT UINT32_MAX

/* What a submitter asks for, checked by whoever decoded it. All strings are borrowed. */
struct vc_submission {
    const char *task_id;
    const char *title, *description; /* description may be NULL */
    const char *task_type;           /* NULL = to be inferred */
    const char *role, *pin_agent_id; /* NULL = any */
    const char *const *requires;
    size_t requires_n;
    const char *const *exclude_agents;
    size_t exclude_agents_n;
    const char *parent_task_id, *context_id; /* NULL = none */
    uint32_t priority;                       /* 0..9 */
    uint32_t max_attempts;                   /* >= 1 */
    int64_t timeout_ms;                      /* 0 = none */
    struct vc_wall deadline_at;              /* 0 = none */
    int64_t budget_micros;                   /* < 0 = none */
    const char *spec;                        /* the submission as text, kept for the agent */
    const char *via;                         /* jetstream | request */
};

/* The conditions that decide who may take a task. Tasks with equal wants wait in one class of the
 * queue. */
struct vc_wants {
    char *key; /* equal text = equal wants */
    char *role, *pin_agent_id;
    char **requires;
    size_t requires_n;
    char **exclude_agents;
    size_t exclude_agents_n;
    int64_t budget_micros;
};

struct vc_queue_class;

/* An open task. Owned by the core; everything final lives in the store alone. */
struct vc_task {
    char *task_id, *spec;
    char *type_rule; /* the words that told its type; NULL = none */
    struct vc_wants wants;
    uint32_t type; /* index in the core's table of types */
    enum vc_type_method type_method;
    double type_confidence;
    enum vc_task_state state;
    uint32_t priority, epoch, attempt, max_attempts;
    uint64_t order; /* order of acceptance */
    char decision_id[VC_UUID_TEXT];
    int64_t timeout_ms;         /* 0 = none */
    struct vc_mono deadline;    /* INT64_MAX = none */
    struct vc_mono answer_by;   /* assigned: the agent must have accepted; INT64_MAX otherwise */
    struct vc_mono lease_until; /* held: the lease ends; INT64_MAX otherwise */
    struct vc_mono stop_at;     /* working: timeout_ms is used up; INT64_MAX otherwise */
    struct vc_wall assigned_at; /* held: since when */
    uint32_t agent;             /* who holds it; VC_NO_AGENT otherwise */
    uint32_t *tried;            /* agents that failed it */
    size_t tried_n, tried_cap;
    size_t timer; /* position in the core's heap of timers */
    uint32_t slot;
    struct vc_queue_class *cls;
    struct vc_task *queue_prev, *queue_next; /* in its class and priority */
    struct vc_task *lease_prev, *lease_next; /* among the leases of its agent */
    struct vc_task *grave_next;              /* closed, waiting for the commit */
};

/* Make an open task from a submission; state SUBMITTED. The caller owns it. */
struct vc_task *vc_task_create(const struct vc_submission *submission);
void vc_task_destroy(struct vc_task **task);

/* When the task next needs attention: its nearest limit, INT64_MAX when it has none. */
struct vc_mono vc_task_due(const struct vc_task *task);

/* Remember that @agent failed it, once. */
void vc_task_add_tried(struct vc_task *task, uint32_t agent);
bool vc_task_was_tried(const struct vc_task *task, uint32_t agent);

#endif
