#include "coordinator/roster.h"

#include "base/check.h"
#include "base/mem.h"

#include <string.h>

const char *vc_agent_state_name(enum vc_agent_state state)
{
    static const char *const names[] = {[VC_AGENT_ALIVE] = "alive",
                                        [VC_AGENT_DRAINING] = "draining",
                                        [VC_AGENT_OFFLINE] = "offline"};
    return names[state];
}

static void free_card(struct vc_agent *agent)
{
    for (size_t i = 0; i < agent->capabilities_n; i++)
        vc_free(agent->capabilities[i]);
    vc_free(agent->capabilities);
    vc_free(agent->card);
    vc_free(agent->role);
}

void vc_roster_fini(struct vc_roster *roster)
{
    for (size_t i = 0; i < roster->len; i++) {
        free_card(roster->agents[i]);
        vc_free(roster->agents[i]->agent_id);
        vc_free(roster->agents[i]);
    }
    vc_free(roster->agents);
    vc_map_fini(&roster->by_id);
    *roster = (struct vc_roster){0};
}

struct vc_agent *vc_roster_find(const struct vc_roster *roster, const char *agent_id)
{
    uint32_t i = vc_map_get(&roster->by_id, agent_id);
    return i == VC_MAP_NONE ? NULL : roster->agents[i];
}

static struct vc_agent *add(struct vc_roster *roster, const char *agent_id)
{
    struct vc_agent *agent = vc_xcalloc(1, sizeof *agent);
    agent->agent_id = vc_xstrdup(agent_id);
    agent->index = (uint32_t)roster->len;
    agent->idle_since.ms = INT64_MIN; /* who never worked has been idle for the longest */
    VC_GROW(roster->agents, roster->len, roster->cap);
    roster->agents[roster->len++] = agent;
    vc_map_put(&roster->by_id, agent->agent_id, agent->index);
    return agent;
}

struct vc_agent *vc_roster_put(struct vc_roster *roster, const struct vc_registration *reg)
{
    VC_CHECK(reg->capacity >= 1);
    struct vc_agent *agent = vc_roster_find(roster, reg->agent_id);
    if (!agent)
        agent = add(roster, reg->agent_id);
    free_card(agent);
    agent->card = vc_xstrdup(reg->card);
    agent->role = vc_xstrdup(reg->role);
    agent->capabilities_n = reg->capabilities_n;
    agent->capabilities = vc_xcalloc(reg->capabilities_n, sizeof *agent->capabilities);
    for (size_t i = 0; i < reg->capabilities_n; i++)
        agent->capabilities[i] = vc_xstrdup(reg->capabilities[i]);
    agent->capacity = reg->capacity;
    agent->cost_per_1k_micros = reg->cost_per_1k_micros;
    agent->removed = false;
    return agent;
}

static void unlink_heard(struct vc_roster *roster, struct vc_agent *agent)
{
    struct vc_agent *prev = agent->heard_prev, *next = agent->heard_next;
    *(prev ? &prev->heard_next : &roster->heard_first) = next;
    *(next ? &next->heard_prev : &roster->heard_last) = prev;
    agent->heard_prev = agent->heard_next = NULL;
}

bool vc_roster_heard(struct vc_roster *roster, struct vc_agent *agent, struct vc_mono now)
{
    bool news = !agent->said_online;
    if (!news)
        unlink_heard(roster, agent);
    agent->heard = true;
    agent->said_online = true;
    agent->unreachable = false;
    agent->heard_at = now;
    agent->heard_prev = roster->heard_last;
    *(roster->heard_last ? &roster->heard_last->heard_next : &roster->heard_first) = agent;
    roster->heard_last = agent;
    return news;
}

struct vc_mono vc_roster_due(const struct vc_roster *roster, int64_t silence_ms)
{
    const struct vc_agent *first = roster->heard_first;
    return (struct vc_mono){first ? first->heard_at.ms + silence_ms + 1 : INT64_MAX};
}

struct vc_agent *vc_roster_fall_silent(struct vc_roster *roster, struct vc_mono now,
                                       int64_t silence_ms)
{
    struct vc_agent *agent = roster->heard_first;
    if (!agent || vc_roster_due(roster, silence_ms).ms > now.ms)
        return NULL;
    unlink_heard(roster, agent);
    agent->said_online = false;
    return agent;
}

enum vc_agent_state vc_agent_state_of(const struct vc_agent *agent, struct vc_mono now,
                                      int64_t silence_ms)
{
    bool silent = !agent->heard || now.ms - agent->heard_at.ms > silence_ms;
    if (agent->removed || agent->unreachable || silent)
        return VC_AGENT_OFFLINE;
    return agent->draining ? VC_AGENT_DRAINING : VC_AGENT_ALIVE;
}

void vc_agent_lease(struct vc_agent *agent, struct vc_task *task, struct vc_mono now)
{
    task->agent = agent->index;
    task->lease_prev = NULL;
    task->lease_next = agent->leases;
    if (agent->leases)
        agent->leases->lease_prev = task;
    agent->leases = task;
    agent->in_flight++;
    agent->idle_since = now;
}

void vc_agent_release(struct vc_agent *agent, struct vc_task *task, struct vc_mono now)
{
    VC_CHECK(task->agent == agent->index && agent->in_flight > 0);
    *(task->lease_prev ? &task->lease_prev->lease_next : &agent->leases) = task->lease_next;
    if (task->lease_next)
        task->lease_next->lease_prev = task->lease_prev;
    task->lease_prev = task->lease_next = NULL;
    task->agent = VC_NO_AGENT;
    agent->in_flight--;
    agent->idle_since = now;
}

bool vc_agent_has_capability(const struct vc_agent *agent, const char *capability)
{
    for (size_t i = 0; i < agent->capabilities_n; i++)
        if (strcmp(agent->capabilities[i], capability) == 0)
            return true;
    return false;
}
