#include "kg-store/kg.h"

#include "base/mem.h"
#include "base/str.h"
#include "kg-store/store.h"

#include <stdio.h>
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
    struct vc_kg *kg;
    vc_kg_cell_fn *each;
    void *ctx;
    char agent_id[VC_ID_MAX + 1], task_type[VC_TASK_TYPE_MAX + 1];
    uint64_t n_total, n_all; /* rows of the cell, and of all cells so far */
    double value_sum;
    struct ring_entry ring[VC_HISTORY_MAX];
    struct vc_evidence evidence[VC_HISTORY_MAX];
};

/* A damaged index may leave rows out without a word. The roll-up, which is written together with
 * them, knows how many there must be. */
static enum vc_rc check_total(struct loader *loader, enum vc_stmt id, struct vc_values values,
                              uint64_t n, const char *whose, struct vc_err *err)
{
    int64_t total = 0;
    enum vc_rc rc = vc_stmt_int_of(loader->kg, id, values, &total, err);
    if (rc != VC_OK || (uint64_t)total == n)
        return rc;
    return vc_fail(err, VC_E_CORRUPT,
                   "%s has %llu executions to learn from, but its roll-up counts %lld", whose,
                   (unsigned long long)n, (long long)total);
}

static enum vc_rc check_cell(struct loader *loader, struct vc_err *err)
{
    char whose[VC_ID_MAX + VC_TASK_TYPE_MAX + 32];
    snprintf(whose, sizeof whose, "agent '%s' in '%s'", loader->agent_id, loader->task_type);
    return check_total(loader, VC_STMT_CELL_TOTAL,
                       VC_VALUES(vc_value_text(loader->agent_id), vc_value_text(loader->task_type)),
                       loader->n_total, whose, err);
}

static enum vc_rc finish_cell(struct loader *loader, struct vc_err *err)
{
    if (loader->n_total == 0)
        return VC_OK;
    enum vc_rc rc = check_cell(loader, err);
    if (rc != VC_OK)
        return rc;
    loader->n_all += loader->n_total;
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
    return VC_OK;
}

static void start_cell(struct loader *loader, const char *agent_id, const char *task_type)
{
    vc_copy(loader->agent_id, sizeof loader->agent_id, agent_id);
    vc_copy(loader->task_type, sizeof loader->task_type, task_type);
    loader->n_total = 0;
    loader->value_sum = 0;
}

static int compare_entries(const struct ring_entry *a, const struct ring_entry *b)
{
    if (a->finished_at.ms != b->finished_at.ms)
        return a->finished_at.ms < b->finished_at.ms ? -1 : 1;
    int by_task = strcmp(a->task_id, b->task_id);
    if (by_task != 0)
        return by_task;
    return a->epoch < b->epoch ? -1 : a->epoch > b->epoch;
}

/* Make @entry the newest of its cell. The ring holds the newest ones only if the rows ascend, which
 * a page that stands in another's place would break. */
static enum vc_rc add_entry(struct loader *loader, const struct ring_entry *entry,
                            struct vc_err *err)
{
    const struct ring_entry *last =
        &loader->ring[(loader->n_total + VC_HISTORY_MAX - 1) % VC_HISTORY_MAX];
    if (loader->n_total > 0 && compare_entries(last, entry) >= 0)
        return vc_fail(err, VC_E_CORRUPT, "the executions of agent '%s' in '%s' are out of order",
                       loader->agent_id, loader->task_type);
    loader->ring[loader->n_total % VC_HISTORY_MAX] = *entry;
    loader->n_total++;
    loader->value_sum += entry->value;
    return VC_OK;
}

static enum vc_rc on_evidence(void *ctx, sqlite3_stmt *row, struct vc_err *err)
{
    struct loader *loader = ctx;
    if (!sqlite3_column_int(row, 6))
        return vc_fail(err, VC_E_CORRUPT, "the checksum of an execution in its index does not fit");
    const char *agent_id = vc_row_text(row, 0), *task_type = vc_row_text(row, 1);
    int order = strcmp(agent_id, loader->agent_id);
    order = order != 0 ? order : strcmp(task_type, loader->task_type);
    if (order < 0)
        return vc_fail(err, VC_E_CORRUPT, "agent '%s' is out of order in the index", agent_id);
    enum vc_rc rc = VC_OK;
    if (order > 0) {
        rc = finish_cell(loader, err);
        start_cell(loader, agent_id, task_type);
    }
    struct ring_entry entry = {.finished_at = vc_row_when(row, 2),
                               .epoch = vc_row_u32(row, 4),
                               .value = sqlite3_column_double(row, 5)};
    vc_copy(entry.task_id, sizeof entry.task_id, vc_row_text(row, 3));
    return rc == VC_OK ? add_entry(loader, &entry, err) : rc;
}

static enum vc_rc load_cells(struct loader *loader, enum vc_stmt id, enum vc_stmt total,
                             struct vc_values values, struct vc_err *err)
{
    struct vc_err why = {0};
    enum vc_rc rc = vc_stmt_each(loader->kg, id, values, on_evidence, loader, NULL, err);
    if (rc != VC_OK)
        return rc;
    rc = finish_cell(loader, &why);
    if (rc == VC_OK)
        rc = check_total(loader, total, values, loader->n_all, "the store", &why);
    return rc == VC_OK ? rc : vc_store_told(loader->kg, id, rc, &why, err);
}

/* @total: the statement that knows how many rows there must be in all. The roll-up is compared with
 * the rows of the same state of the store, which a service may be writing meanwhile. */
static enum vc_rc load(struct vc_kg *kg, enum vc_stmt id, enum vc_stmt total,
                       struct vc_values values, vc_kg_cell_fn *each, void *ctx, struct vc_err *err)
{
    VC_AUTO_FREE struct loader *loader = vc_xcalloc(1, sizeof *loader);
    loader->kg = kg;
    loader->each = each;
    loader->ctx = ctx;
    bool held;
    enum vc_rc rc = vc_store_hold(kg, &held, err);
    if (rc == VC_OK)
        rc = load_cells(loader, id, total, values, err);
    vc_store_let_go(kg, held);
    return rc;
}

enum vc_rc vc_kg_load_profile(struct vc_kg *kg, const char *agent_id, vc_kg_cell_fn *each,
                              void *ctx, struct vc_err *err)
{
    return load(kg, VC_STMT_EVIDENCE_OF_AGENT, VC_STMT_AGENT_TOTAL,
                VC_VALUES(vc_value_text(agent_id)), each, ctx, err);
}

enum vc_rc vc_kg_load_all_profiles(struct vc_kg *kg, vc_kg_cell_fn *each, void *ctx,
                                   struct vc_err *err)
{
    return load(kg, VC_STMT_EVIDENCE_OF_ALL, VC_STMT_ALL_TOTAL, VC_NO_VALUES, each, ctx, err);
}
