#include "base/check.h"
#include "coordinator/core_state.h"

void vc_core_load_agent(struct vc_core *core, const struct vc_registration *reg, bool draining,
                        bool removed, struct vc_wall registered_at)
{
    struct vc_agent *agent = vc_roster_put(&core->roster, reg);
    agent->draining = draining;
    agent->removed = removed;
    agent->registered_at = registered_at;
    vc_profile_create(core->profiles, agent->index);
}

void vc_core_load_type(struct vc_core *core, const char *task_type, uint64_t decisions,
                       uint64_t trials)
{
    uint32_t i = vc_core_type(core, task_type); /* may move the table */
    struct vc_type *type = &core->types[i];
    type->decisions = decisions;
    type->trials = trials;
}

void vc_core_load_cell(struct vc_core *core, const char *agent_id, const char *task_type,
                       const struct vc_evidence *evidence, size_t n, uint64_t n_total,
                       double value_sum, struct vc_mono mono, struct vc_wall wall)
{
    struct vc_agent *agent = vc_roster_find(&core->roster, agent_id);
    VC_CHECK(agent != NULL);
    vc_profile_load(core->profiles, agent->index, vc_core_type(core, task_type), evidence, n,
                    n_total, value_sum);
    if (n == 0)
        return;
    int64_t idle_ms = wall.ms - evidence[n - 1].finished_at.ms;
    int64_t since_ms = mono.ms - (idle_ms > 0 ? idle_ms : 0);
    if (since_ms > agent->idle_since.ms)
        agent->idle_since.ms = since_ms;
}

void vc_core_load_task(struct vc_core *core, const struct vc_stored_task *stored,
                       struct vc_mono mono, struct vc_wall wall)
{
    VC_CHECK(!vc_task_state_final(stored->known.state));
    struct vc_task *task = vc_core_revive(core, stored);
    vc_core_adopt(core, task);
    core->counts[task->state]++;
    /* A task that moved after its deadline was retried by command, which took the deadline away. */
    struct vc_wall deadline_at = stored->submission.deadline_at;
    if (deadline_at.ms != 0 && stored->assigned_at.ms <= deadline_at.ms)
        task->deadline.ms = mono.ms + (deadline_at.ms - wall.ms);
    bool held = task->state == VC_TASK_ASSIGNED || task->state == VC_TASK_WORKING;
    if (held) {
        struct vc_agent *agent = vc_roster_find(&core->roster, stored->agent_id);
        VC_CHECK(agent != NULL);
        vc_agent_lease(agent, task, mono);
        task->assigned_at = stored->assigned_at;
        task->lease_until.ms = mono.ms + core->conf.lease_ms;
        if (task->state == VC_TASK_WORKING && task->timeout_ms > 0)
            task->stop_at.ms = mono.ms + task->timeout_ms;
    } else {
        vc_queue_push(&core->queue, task);
    }
    vc_heap_set(&core->timers, task);
}

void vc_core_load_count(struct vc_core *core, enum vc_task_state state, uint64_t count)
{
    VC_CHECK(vc_task_state_final(state));
    core->counts[state] = count;
}
