/* core.h - the decision core: events in, effects out.
 *
 * Pure: no I/O, no clock, no randomness but the seed it was given. The same calls in the same order
 * give the same effects byte for byte; that is what simulation, replay and explain stand on.
 *
 * The flow of a task: vc_core_step takes VC_EVENT_SUBMIT, infers the type (learning/task_type.h),
 * queues it (queue.h) and serves the queue (assign.c): gates, expertise (learning/profile.h), score
 * (scoring/score.h), choice (scoring/choice.h). VC_EVENT_RESULT records the execution, learns from
 * it and serves the queue again. */
#ifndef VC_COORDINATOR_CORE_H
#define VC_COORDINATOR_CORE_H

#include "base/str.h"
#include "coordinator/effect.h"
#include "coordinator/event.h"
#include "learning/profile.h"

#define VC_AGENTS_MAX     1000000 /* registered; one more is refused with 429 */
#define VC_OPEN_TASKS_MAX 1000000 /* not yet ended; one more request is refused with 429 */
#define VC_OPEN_MIB_MAX   1024    /* MiB of their submissions, by default; past it also 429 */
/* Each further decline doubles the pause, so often: whoever declines all does not fill the store.
 */
#define VC_DECLINE_DOUBLINGS 6
#define VC_SILENT_INTERVALS  3 /* heartbeats missed before an agent counts as offline */

struct vc_core_conf {
    struct vc_weights weights;
    enum vc_base_kind base;
    enum vc_recency recency;
    struct vc_probation probation;
    int64_t interval_ms;      /* heartbeats are due this often; [100 ms, 1 h] */
    int64_t lease_ms;         /* a lease lasts this long unless renewed; [3 intervals, 1 d] */
    int64_t answer_ms;        /* an assignment must be answered within this */
    int64_t decline_pause_ms; /* an agent that declined is left alone for this long at first */
    size_t open_tasks_max, agents_max;
    size_t open_bytes_max; /* of the submissions of open tasks */
    uint64_t seed;         /* of the ids that the core makes */
};

/* 0.3/0.5/0.2, success-load, half-life, probation on, 5 s, 15 s, 5 s, 1 s, the limits above. */
extern const struct vc_core_conf vc_core_conf_default;

/* VC_E_INVALID names the field that is out of its range. */
VC_MUST_CHECK enum vc_rc vc_core_conf_check(const struct vc_core_conf *conf, struct vc_err *err);

struct vc_core;

/* An empty core. @conf must have passed vc_core_conf_check. */
struct vc_core *vc_core_create(const struct vc_core_conf *conf);
void vc_core_destroy(struct vc_core **core);

/* -- at the start: what the store remembers, before the first event -------------------------- */

void vc_core_load_agent(struct vc_core *core, const struct vc_registration *reg, bool draining,
                        bool removed, struct vc_wall registered_at);
void vc_core_load_type(struct vc_core *core, const char *task_type, uint64_t decisions,
                       uint64_t trials);
/* Its newest execution also says since when the agent has been idle. */
void vc_core_load_cell(struct vc_core *core, const char *agent_id, const char *task_type,
                       const struct vc_evidence *evidence, size_t n, uint64_t n_total,
                       double value_sum, struct vc_mono mono, struct vc_wall wall);
/* An open task, in the order of acceptance. Its agent must have been loaded. */
void vc_core_load_task(struct vc_core *core, const struct vc_stored_task *stored,
                       struct vc_mono mono, struct vc_wall wall);
/* How many tasks of a final state the store holds. */
void vc_core_load_count(struct vc_core *core, enum vc_task_state state, uint64_t count);

/* -- with and without a connection ----------------------------------------------------------- */

/* Nobody can be reached: assign nothing and let no lease, answer or heartbeat run out, for nobody
 * could renew one. The state of the core before its first connection, and of an outage. */
void vc_core_suspend(struct vc_core *core, struct vc_mono mono);

/* Everybody can be reached (again): the clocks of leases and heartbeats go on where they stood,
 * assignments that were never answered are offered again under the same epoch, and the queue is
 * served. Also right after loading, without a suspension. */
void vc_core_resume(struct vc_core *core, struct vc_mono mono, struct vc_wall wall,
                    struct vc_effects *fx);

/* -- running --------------------------------------------------------------------------------- */

/* Take one event; append to @fx what the world must now do. */
void vc_core_step(struct vc_core *core, const struct vc_event *event, struct vc_effects *fx);

/* The batch is committed and sent: let go of what its effects pointed to. */
void vc_core_settle(struct vc_core *core);

/* When VC_EVENT_TICK is due if nothing else happens; INT64_MAX = never. O(1). */
struct vc_mono vc_core_due(const struct vc_core *core);

/* -- looking, between steps ------------------------------------------------------------------ */

struct vc_core_stats {
    uint64_t tasks[VC_TASK_STATE_COUNT];   /* the store's included */
    uint64_t agents[VC_AGENT_STATE_COUNT]; /* removed ones are not counted */
    size_t open_tasks, queued;
};
struct vc_core_stats vc_core_stats(const struct vc_core *core, struct vc_mono mono);

/* How much of the room for open tasks is used, by count or by bytes: 1 = no more are taken. O(1).
 */
double vc_core_fullness(const struct vc_core *core);

/* Whether @agent_id holds @task_id under @epoch, so that its result will be taken. O(1). */
bool vc_core_expects(const struct vc_core *core, const char *agent_id, const char *task_id,
                     uint32_t epoch);

const struct vc_roster *vc_core_roster(const struct vc_core *core);
enum vc_agent_state vc_core_agent_state(const struct vc_core *core, const struct vc_agent *agent,
                                        struct vc_mono mono);
struct vc_agent_record vc_core_agent_record(const struct vc_core *core,
                                            const struct vc_agent *agent);

/* Types by number, from 0 to the count. */
uint32_t vc_core_types(const struct vc_core *core);
const char *vc_core_type_name(const struct vc_core *core, uint32_t type);

struct vc_expertise vc_core_expertise(struct vc_core *core, const struct vc_agent *agent,
                                      const char *task_type, struct vc_wall wall);

/* What a task of @task_type without special wants would find now: all agents, ranked ones first,
 * gated ones behind, each group by score. @seen and what it points to live in @fx. */
struct vc_seen *vc_core_rank(struct vc_core *core, const char *task_type, struct vc_mono mono,
                             struct vc_wall wall, struct vc_effects *fx, size_t *n);

/* Append why the queued task @task_id waits, in words; nothing when it is not queued. */
void vc_core_waiting_for(struct vc_core *core, const char *task_id, struct vc_mono mono,
                         struct vc_wall wall, struct vc_buf *out);

#endif
