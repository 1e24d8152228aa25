/* core_state.h - the inside of the core, shared by its own files only:
 * core.c, core_*.c and assign.c. */
#ifndef VC_COORDINATOR_CORE_STATE_H
#define VC_COORDINATOR_CORE_STATE_H

#include "coordinator/core.h"
#include "coordinator/heap.h"
#include "coordinator/queue.h"

struct vc_type {
    char *name;
    uint64_t decisions, trials;
};

/* Room for one look at the whole roster; grown, never shrunk. All arrays have `cap` elements. */
struct vc_scratch {
    struct vc_candidate *candidates;
    struct vc_trial *trials;
    struct vc_score *scores;
    enum vc_gate *gates; /* by agent index */
    size_t cap, n;       /* n candidates passed the gates */
    struct vc_funnel funnel;
};

struct vc_core {
    struct vc_core_conf conf;
    struct vc_roster roster;
    struct vc_profiles *profiles;
    struct vc_type *types;
    size_t types_n, types_cap;
    struct vc_map type_by_name;
    struct vc_task **tasks; /* open ones, by slot; NULL = free */
    size_t tasks_n, tasks_cap, open;
    size_t open_bytes; /* of the submissions of all open tasks */
    uint32_t *free_slots;
    size_t free_n, free_cap;
    struct vc_map task_by_id;
    struct vc_queue queue;
    struct vc_heap timers;
    struct vc_task *graves; /* closed, until the commit */
    struct vc_mono unpause; /* when the next declining agent is asked again; INT64_MAX = never */
    bool suspended;
    struct vc_mono suspended_at;
    uint64_t next_order, random;
    uint64_t counts[VC_TASK_STATE_COUNT];
    struct vc_scratch scratch;
};

/* What a step is about: handed down so that no function has six parameters. */
struct vc_step {
    struct vc_core *core;
    struct vc_effects *fx;
    struct vc_mono mono;
    struct vc_wall wall;
};

static inline int64_t vc_core_silence_ms(const struct vc_core *core)
{
    return core->conf.interval_ms * VC_SILENT_INTERVALS;
}

/* -- core.c: parts that every file needs */

uint32_t vc_core_type(struct vc_core *core, const char *name);                 /* found or added */
struct vc_task *vc_core_task(const struct vc_core *core, const char *task_id); /* NULL: not open */
void vc_core_adopt(struct vc_core *core, struct vc_task *task); /* gives it slot and order */
void vc_core_bury(struct vc_core *core, struct vc_task *task);  /* closed: gone at the commit */
void vc_core_wake(struct vc_core *core); /* the roster changed for the better: ask all again */
void vc_core_uuid(struct vc_step *s, char out[VC_UUID_TEXT]);

/* Every change of state goes through here: the table of moves, the counts, the store. */
void vc_core_move(struct vc_step *s, struct vc_task *task, enum vc_task_state to,
                  const char *agent_id, const char *error);

struct vc_effect *vc_core_reply(struct vc_step *s, const struct vc_event *event,
                                enum vc_reply_kind kind);

/* Refusals that events can meet; core.c has code, word and text of each. */
enum vc_core_refusal {
    VC_REFUSE_TASK_UNKNOWN,
    VC_REFUSE_AGENT_UNKNOWN,
    VC_REFUSE_BODY_DIFFERS,
    VC_REFUSE_STATE_FORBIDS,
    VC_REFUSE_QUEUE_FULL,
    VC_REFUSE_QUEUE_LARGE,
    VC_REFUSE_FLEET_FULL,
};
/* Answers only when somebody waits. @detail completes "it is ..."; NULL = nothing to add. */
void vc_core_refuse(struct vc_step *s, const struct vc_event *event, enum vc_core_refusal why,
                    const char *name, const char *detail);
void vc_core_tell(struct vc_step *s, enum vc_control what, const char *agent_id,
                  const char *task_id, uint32_t epoch);

/* -- core_task.c: a task comes, is stopped, comes back */

void vc_core_on_submit(struct vc_step *s, const struct vc_event *event);
void vc_core_on_cancel(struct vc_step *s, const struct vc_event *event);
void vc_core_on_retry(struct vc_step *s, const struct vc_event *event);
/* End an open task, whoever holds it. */
void vc_core_stop(struct vc_step *s, struct vc_task *task, enum vc_task_state to,
                  const char *error);
/* A stored task as it was; not yet adopted. */
struct vc_task *vc_core_revive(struct vc_core *core, const struct vc_stored_task *stored);

/* -- core_attempt.c: an attempt begins, and ends */

/* How an attempt ended. */
struct vc_ending {
    enum vc_outcome outcome;
    enum vc_error_class cls;
    const char *error; /* NULL on success */
    const char *record;
    int64_t duration_ms, cost_micros;
    bool retryable;
    bool refused; /* the agent never began: the attempt does not count */
};

void vc_core_on_answer(struct vc_step *s, const struct vc_event *event);
void vc_core_on_result(struct vc_step *s, const struct vc_event *event);
bool vc_core_holds(const struct vc_task *task, const struct vc_agent *agent, uint32_t epoch);
void vc_core_start_work(struct vc_step *s, struct vc_task *task);
/* Record the execution and learn from it; the agent still holds the task. */
void vc_core_conclude(struct vc_step *s, struct vc_task *task, const struct vc_ending *end);
/* Take the task from its agent; whoever waited for a slot may get one. */
void vc_core_release(struct vc_step *s, struct vc_task *task);
void vc_core_requeue(struct vc_step *s, struct vc_task *task, const char *error);
/* The three above in their order, then success, another try, or the end. */
void vc_core_end_attempt(struct vc_step *s, struct vc_task *task, const struct vc_ending *end);

/* -- core_agent.c: agents come, live, drain and go */

void vc_core_on_register(struct vc_step *s, const struct vc_event *event);
void vc_core_on_heartbeat(struct vc_step *s, const struct vc_event *event);
void vc_core_on_drain(struct vc_step *s, const struct vc_event *event);
void vc_core_on_remove(struct vc_step *s, const struct vc_event *event);

/* -- core_time.c: limits */

void vc_core_on_time(struct vc_step *s);

/* -- assign.c: the choice */

/* Serve the queue until nobody can take what is left. */
void vc_core_dispatch(struct vc_step *s);

/* Send the task's current assignment (again) and start the clock of its answer. */
void vc_core_offer(struct vc_step *s, struct vc_task *task);

/* Pass the whole roster through the gates and score those that pass, into core->scratch, ranked.
 * @task NULL: a task of that type without wants. */
void vc_core_survey(struct vc_core *core, const struct vc_task *task, uint32_t type,
                    struct vc_mono mono, struct vc_wall wall);

/* The survey as rows: ranked ones first, then gated ones by what they would have scored; at most
 * @max. */
struct vc_seen *vc_core_seen(struct vc_core *core, uint32_t type, struct vc_wall wall,
                             struct vc_effects *fx, size_t max, size_t *n);

#endif
