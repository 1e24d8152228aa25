#include "kg-store/kg.h"

#include "base/mem.h"
#include "base/str.h"
#include "kg-store/store.h"

#include <string.h>

struct ring_entry {
    char task_id[VC_ID_MAX + 1];
    uint32_t epoch;
    struct vc_wall finished_at;
    double value;
};

/* The cell that is being read. The rows come cell by cell and ascending, so the ring always holds
 * the newest ones and one pass is enough. */
struct loader {
    vc_kg_cell_fn *each;
    void *ctx;
    char agent_id[VC_ID_MAX + 1], task_type[VC_TASK_TYPE_MAX + 1];
    uint64_t n_total;
    double value_sum;
    struct ring_entry ring[VC_HISTORY_MAX];
    struct vc_evidence evidence[VC_HISTORY_MAX];
};

static void finish_cell(struct loader *loader)
{
    if (loader->n_total == 0)
        return;
    bool full = loader->n_total >= VC_HISTORY_MAX;
    size_t n = full ? VC_HISTORY_MAX : (size_t)loader->n_total;
    size_t oldest = full ? (size_t)(loader->n_total % VC_HISTORY_MAX) : 0;
    for (size_t i = 0; i < n; i++) {
        const struct ring_entry *entry = &loader->ring[(oldest + i) % VC_HISTORY_MAX];
        loader->evidence[i] = (struct vc_evidence){.finished_at = entry->finished_at,
                                                   .task_id = entry->task_id,
                                                   .epoch = entry->epoch,
                                                   .value = entry->value};
    }
    struct vc_kg_cell cell = {.agent_id = loader->agent_id,
                              .task_type = loader->task_type,
                              .evidence = loader->evidence,
                              .n = n,
                              .n_total = loader->n_total,
                              .value_sum = loader->value_sum};
    loader->each(loader->ctx, &cell);
}

static void start_cell(struct loader *loader, const char *agent_id, const char *task_type)
{
    vc_copy(loader->agent_id, sizeof loader->agent_id, agent_id);
    vc_copy(loader->task_type, sizeof loader->task_type, task_type);
    loader->n_total = 0;
    loader->value_sum = 0;
}

static enum vc_rc on_evidence(void *ctx, sqlite3_stmt *row, struct vc_err *err)
{
    (void)err;
    struct loader *loader = ctx;
    const char *agent_id = vc_row_text(row, 0), *task_type = vc_row_text(row, 1);
    if (strcmp(agent_id, loader->agent_id) != 0 || strcmp(task_type, loader->task_type) != 0) {
        finish_cell(loader);
        start_cell(loader, agent_id, task_type);
    }
    struct ring_entry *entry = &loader->ring[loader->n_total % VC_HISTORY_MAX];
    entry->finished_at = vc_row_when(row, 2);
    vc_copy(entry->task_id, sizeof entry->task_id, vc_row_text(row, 3));
    entry->epoch = vc_row_u32(row, 4);
    entry->value = sqlite3_column_double(row, 5);
    loader->n_total++;
    loader->value_sum += entry->value;
    return VC_OK;
}

static enum vc_rc load(struct vc_kg *kg, enum vc_stmt id, struct vc_values values,
                       vc_kg_cell_fn *each, void *ctx, struct vc_err *err)
{
    VC_AUTO_FREE struct loader *loader = vc_xcalloc(1, sizeof *loader);
    loader->each = each;
    loader->ctx = ctx;
    enum vc_rc rc = vc_stmt_each(kg, id, values, on_evidence, loader, NULL, err);
    if (rc == VC_OK)
        finish_cell(loader);
    return rc;
}

enum vc_rc vc_kg_load_profile(struct vc_kg *kg, const char *agent_id, vc_kg_cell_fn *each,
                              void *ctx, struct vc_err *err)
{
    return load(kg, VC_STMT_EVIDENCE_OF_AGENT, VC_VALUES(vc_value_text(agent_id)), each, ctx, err);
}

enum vc_rc vc_kg_load_all_profiles(struct vc_kg *kg, vc_kg_cell_fn *each, void *ctx,
                                   struct vc_err *err)
{
    return load(kg, VC_STMT_EVIDENCE_OF_ALL, VC_NO_VALUES, each, ctx, err);
}
