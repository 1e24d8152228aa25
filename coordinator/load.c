#include "coordinator/load.h"

#include "base/failpoint.h"
#include "coordinator/intake.h"

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
    char bad[256]; /* the first row that cannot be; "" when none */
};

/* An agent that only an import named has no card of its own. */
static void load_agent(void *ctx, const struct vc_kg_agent *row)
{
    struct load *l = ctx;
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
    vc_core_load_type(l->core, task_type, decisions, trials);
    l->loaded->types++;
}

static void load_cell(void *ctx, const struct vc_kg_cell *cell)
{
    struct load *l = ctx;
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

static void load_task(void *ctx, const struct vc_kg_task *row)
{
    struct load *l = ctx;
    struct vc_msg_submit msg;
    struct vc_stored_task stored;
    if (vc_intake_stored_task(row, &msg, &stored)) {
        if (row->attempt > 0 && l->rc == VC_OK)
            l->rc = vc_intake_tried(l->kg, row->task_id, &l->memory, &stored, l->err);
        vc_core_load_task(l->core, &stored, l->mono, l->wall);
        vc_effects_reset(&l->memory);
        l->loaded->open_tasks++;
    } else if (!l->bad[0]) {
        vc_copy(l->bad, sizeof l->bad, row->task_id);
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
        return vc_fail(err, VC_E_CORRUPT,
                       "the open task '%s' holds no submission that can be read; restore a backup "
                       "or delete the row",
                       l.bad);
    return rc == VC_OK ? vc_failpoint(VC_FAILPOINT_LEASE_RELOAD, err) : rc;
}
