/* roster.h - the agents: who is there, what they can do, what they hold. Pure.
 *
 * Liveness is derived from the age of the last heartbeat whenever it is asked, never stored. The
 * load is the number of leases in an agent's list, never a counter of its own. */
#ifndef VC_COORDINATOR_ROSTER_H
#define VC_COORDINATOR_ROSTER_H

#include "base/map.h"
#include "coordinator/task.h"

/* What an agent says of itself. Borrowed. */
struct vc_registration {
    const char *agent_id;
    const char *card; /* JSON, kept whole */
    const char *role; /* NULL = none */
    const char *const *capabilities;
    size_t capabilities_n;
    uint32_t capacity;          /* >= 1 */
    int64_t cost_per_1k_micros; /* 0 = not said */
};

enum vc_agent_state { VC_AGENT_ALIVE, VC_AGENT_DRAINING, VC_AGENT_OFFLINE, VC_AGENT_STATE_COUNT };

const char *vc_agent_state_name(enum vc_agent_state state);

struct vc_agent {
    char *agent_id, *card, *role;
    char **capabilities;
    size_t capabilities_n;
    uint32_t index, capacity, in_flight;
    uint32_t declines; /* since it last accepted, up to VC_DECLINE_DOUBLINGS */
    int64_t cost_per_1k_micros;
    bool draining, removed;
    bool heard;       /* since this coordinator started */
    bool unreachable; /* did not take an assignment; until it is heard again */
    bool said_online; /* the last liveness event that was sent */
    struct vc_mono heard_at, paused_until;
    struct vc_mono idle_since; /* when it last got or ended a task; INT64_MIN = never */
    struct vc_wall registered_at;
    struct vc_task *leases;
    struct vc_agent *heard_prev, *heard_next; /* by heard_at, oldest first; said_online ones only */
};

struct vc_roster {
    struct vc_agent **agents; /* by index; never shrinks */
    size_t len, cap;
    struct vc_map by_id;
    struct vc_agent *heard_first, *heard_last;
};

void vc_roster_fini(struct vc_roster *roster);

/* The agent of that name; NULL when unknown. Removed ones are found too. */
struct vc_agent *vc_roster_find(const struct vc_roster *roster, const char *agent_id);

/* Add or change an agent. Its liveness, leases and drain mark stay as they are. */
struct vc_agent *vc_roster_put(struct vc_roster *roster, const struct vc_registration *reg);

/* It was heard at @now: alive again. True when that is news (it was not online before). */
bool vc_roster_heard(struct vc_roster *roster, struct vc_agent *agent, struct vc_mono now);

/* The next agent that was online and has been silent for longer than @silence_ms; it is then
 * marked as offline. NULL when there is none. O(1). */
struct vc_agent *vc_roster_fall_silent(struct vc_roster *roster, struct vc_mono now,
                                       int64_t silence_ms);

/* When vc_roster_fall_silent next has something to say; INT64_MAX = never. */
struct vc_mono vc_roster_due(const struct vc_roster *roster, int64_t silence_ms);

enum vc_agent_state vc_agent_state_of(const struct vc_agent *agent, struct vc_mono now,
                                      int64_t silence_ms);

/* Enter @task among the leases of @agent, and take it out. Both mark the agent as not idle. */
void vc_agent_lease(struct vc_agent *agent, struct vc_task *task, struct vc_mono now);
void vc_agent_release(struct vc_agent *agent, struct vc_task *task, struct vc_mono now);

bool vc_agent_has_capability(const struct vc_agent *agent, const char *capability);

#endif
