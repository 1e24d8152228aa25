#include "coordinator/core_state.h"

struct vc_core_stats vc_core_stats(const struct vc_core *core, struct vc_mono mono)
{
    struct vc_core_stats stats = {.open_tasks = core->open, .queued = core->queue.len};
    for (int i = 0; i < VC_TASK_STATE_COUNT; i++)
        stats.tasks[i] = core->counts[i];
    for (size_t i = 0; i < core->roster.len; i++)
        if (!core->roster.agents[i]->removed)
            stats.agents[vc_core_agent_state(core, core->roster.agents[i], mono)]++;
    return stats;
}

double vc_core_fullness(const struct vc_core *core)
{
    double count = (double)core->open / (double)core->conf.open_tasks_max;
    double bytes = (double)core->open_bytes / (double)core->conf.open_bytes_max;
    return count > bytes ? count : bytes;
}

bool vc_core_expects(const struct vc_core *core, const char *agent_id, const char *task_id,
                     uint32_t epoch)
{
    return vc_core_holds(vc_core_task(core, task_id), vc_roster_find(&core->roster, agent_id),
                         epoch);
}

const struct vc_roster *vc_core_roster(const struct vc_core *core)
{
    return &core->roster;
}

enum vc_agent_state vc_core_agent_state(const struct vc_core *core, const struct vc_agent *agent,
                                        struct vc_mono mono)
{
    return vc_agent_state_of(agent, mono, vc_core_silence_ms(core));
}

struct vc_agent_record vc_core_agent_record(const struct vc_core *core,
                                            const struct vc_agent *agent)
{
    return vc_profile_record_of(core->profiles, agent->index);
}

uint32_t vc_core_types(const struct vc_core *core)
{
    return (uint32_t)core->types_n;
}

const char *vc_core_type_name(const struct vc_core *core, uint32_t type)
{
    return core->types[type].name;
}

struct vc_expertise vc_core_expertise(struct vc_core *core, const struct vc_agent *agent,
                                      const char *task_type, struct vc_wall wall)
{
    uint32_t type = vc_map_get(&core->type_by_name, task_type);
    if (type == VC_MAP_NONE)
        return (struct vc_expertise){0};
    return vc_profile_expertise(core->profiles, agent->index, type, wall);
}

struct vc_seen *vc_core_rank(struct vc_core *core, const char *task_type, struct vc_mono mono,
                             struct vc_wall wall, struct vc_effects *fx, size_t *n)
{
    /* A type that nobody has worked in has no number; one past the last is as empty. */
    uint32_t type = vc_map_get(&core->type_by_name, task_type);
    if (type == VC_MAP_NONE)
        type = (uint32_t)core->types_n;
    vc_core_survey(core, NULL, type, mono, wall);
    return vc_core_seen(core, type, wall, fx, core->roster.len, n);
}

void vc_core_waiting_for(struct vc_core *core, const char *task_id, struct vc_mono mono,
                         struct vc_wall wall, struct vc_buf *out)
{
    const struct vc_task *task = vc_core_task(core, task_id);
    if (!task || task->state != VC_TASK_QUEUED)
        return;
    vc_core_survey(core, task, task->type, mono, wall);
    const struct vc_funnel *funnel = &core->scratch.funnel;
    if (funnel->registered == 0)
        vc_buf_puts(out, "an agent: none is registered");
    else if (funnel->eligible > 0)
        vc_buf_puts(out, "its turn: tasks of higher priority, or older ones, come first");
    else
        vc_buf_printf(out, "an agent that can take it; of %u registered:", funnel->registered);
    if (funnel->registered == 0 || funnel->eligible > 0)
        return;
    const char *comma = " ";
    for (int gate = VC_GATE_NONE + 1; gate < VC_GATE_COUNT; gate++) {
        if (funnel->gated[gate] == 0)
            continue;
        vc_buf_printf(out, "%s%u %s", comma, funnel->gated[gate], vc_gate_name((enum vc_gate)gate));
        comma = ", ";
    }
}
