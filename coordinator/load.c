#include "coordinator/load.h"

#include "base/failpoint.h"
#include "coordinator/intake.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct load {
    struct vc_kg *kg;
    struct vc_err *err;
    enum vc_rc rc; /* of a question asked from inside a callback */
    struct vc_effects memory;
    struct vc_core *core;
    struct vc_mono mono;
    struct vc_wall wall;
    struct vc_loaded *loaded;
    char bad[256]; /* what is wrong with the first row that cannot be; "" when none */
};

/* The schema's checks see what is written, not what became of it: the core takes no row on trust.
 */
static void damaged(struct load *l, const char *fmt, ...) VC_PRINTF(2, 3);

static void damaged(struct load *l, const char *fmt, ...)
{
    if (l->bad[0])
        return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(l->bad, sizeof l->bad, fmt, args);
    va_end(args);
}

/* An agent that only an import named has no card of its own. */
static void load_agent(void *ctx, const struct vc_kg_agent *row)
{
    struct load *l = ctx;
    if (!vc_id_ok(row->agent_id) || !row->card || row->capacity < 1) {
        damaged(l, "agent '%.64s' has no card or no capacity", row->agent_id ? row->agent_id : "");
        return;
    }
    struct vc_msg_register msg;
    struct vc_refusal refusal;
    struct vc_registration reg = {
        .agent_id = row->agent_id,
        .card = row->card,
        .role = row->role,
        .capacity = row->capacity,
    };
    if (vc_msg_register_decode(row->card, strlen(row->card), row->agent_id, &msg, &refusal)) {
        reg.capabilities = msg.capabilities.items;
        reg.capabilities_n = msg.capabilities.n;
        reg.cost_per_1k_micros = msg.cost_per_1k_micros;
    }
    vc_core_load_agent(l->core, &reg, row->draining, row->removed, row->registered_at);
    vc_msg_register_fini(&msg);
    l->loaded->agents++;
}

static void load_type(void *ctx, const char *task_type, uint64_t decisions, uint64_t trials)
{
    struct load *l = ctx;
    if (!vc_task_type_ok(task_type) || decisions > INT64_MAX || trials > decisions) {
        damaged(l, "task type '%.40s' has counts that cannot be", task_type ? task_type : "");
        return;
    }
    vc_core_load_type(l->core, task_type, decisions, trials);
    l->loaded->types++;
}

static bool evidence_ok(const struct vc_evidence *e)
{
    return vc_id_ok(e->task_id) && e->finished_at.ms >= 0 && e->finished_at.ms <= VC_WALL_MAX_MS &&
           e->value >= 0 && e->value <= 1;
}

static void load_cell(void *ctx, const struct vc_kg_cell *cell)
{
    struct load *l = ctx;
    bool ok = vc_task_type_ok(cell->task_type);
    for (size_t i = 0; i < cell->n; i++)
        ok = ok && evidence_ok(&cell->evidence[i]);
    if (!ok || !vc_roster_find(vc_core_roster(l->core), cell->agent_id)) {
        damaged(l, "executions of agent '%.64s' in '%.40s' %s", cell->agent_id, cell->task_type,
                ok ? "are there, but not the agent" : "hold values that cannot be");
        return;
    }
    vc_core_load_cell(l->core, cell->agent_id, cell->task_type, cell->evidence, cell->n,
                      cell->n_total, cell->value_sum, l->mono, l->wall);
    l->loaded->cells++;
}

static void load_count(void *ctx, const char *name, uint64_t count)
{
    struct load *l = ctx;
    enum vc_task_state state;
    if (vc_task_state_parse(name, &state) && vc_task_state_final(state))
        vc_core_load_count(l->core, state, count);
}

/* Why the row cannot be an open task, NULL when it can. */
static const char *odd_task(const struct load *l, const struct vc_kg_task *row,
                            const struct vc_stored_task *stored)
{
    enum vc_task_state state = stored->known.state;
    if (vc_task_state_final(state))
        return "is open but in a state that is none";
    bool held = state == VC_TASK_ASSIGNED || state == VC_TASK_WORKING;
    if (held && (!row->agent_id || !vc_roster_find(vc_core_roster(l->core), row->agent_id)))
        return "is held by an agent that is not there";
    return NULL;
}

static void load_task(void *ctx, const struct vc_kg_task *row)
{
    struct load *l = ctx;
    struct vc_msg_submit msg = {0};
    struct vc_stored_task stored;
    const char *odd = "holds no submission that can be read";
    if (vc_id_ok(row->task_id) && row->state && row->type_method &&
        vc_task_type_ok(row->task_type) && vc_intake_stored_task(row, &msg, &stored))
        odd = odd_task(l, row, &stored);
    if (odd) {
        damaged(l, "the open task '%.64s' %s", row->task_id ? row->task_id : "", odd);
    } else {
        if (row->attempt > 0 && l->rc == VC_OK)
            l->rc = vc_intake_tried(l->kg, row->task_id, &l->memory, &stored, l->err);
        vc_core_load_task(l->core, &stored, l->mono, l->wall);
        vc_effects_reset(&l->memory);
        l->loaded->open_tasks++;
    }
    vc_msg_submit_fini(&msg);
}

enum vc_rc vc_load(struct vc_kg *kg, struct vc_core *core, struct vc_mono mono, struct vc_wall wall,
                   struct vc_loaded *loaded, struct vc_err *err)
{
    *loaded = (struct vc_loaded){0};
    struct load l = {
        .kg = kg, .err = err, .core = core, .mono = mono, .wall = wall, .loaded = loaded};
    enum vc_rc rc = vc_failpoint(VC_FAILPOINT_RECOVER_OPEN, err);
    if (rc == VC_OK)
        rc = vc_kg_agents(kg, load_agent, &l, err);
    if (rc == VC_OK)
        rc = vc_failpoint(VC_FAILPOINT_RECOVER_AGENTS, err);
    if (rc == VC_OK)
        rc = vc_kg_types(kg, load_type, &l, err);
    if (rc == VC_OK)
        rc = vc_kg_load_all_profiles(kg, load_cell, &l, err);
    if (rc == VC_OK)
        rc = vc_kg_count_tasks(kg, load_count, &l, err);
    if (rc == VC_OK)
        rc = vc_kg_open_tasks(kg, load_task, &l, err);
    vc_effects_fini(&l.memory);
    if (rc == VC_OK)
        rc = l.rc;
    if (rc == VC_OK && l.bad[0])
        return vc_kg_damaged(kg, "load the store", l.bad, err);
    return rc == VC_OK ? vc_failpoint(VC_FAILPOINT_LEASE_RELOAD, err) : rc;
}
