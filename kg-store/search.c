#include "kg-store/kg.h"

#include "base/check.h"
#include "kg-store/store.h"

#define INDEX_BATCH 1000 /* texts a transaction, when a search finds the index behind */

static enum vc_rc index_batch(struct vc_kg *kg, uint32_t limit, size_t *done, struct vc_err *err)
{
    struct vc_values values = VC_VALUES(vc_value_int(limit));
    enum vc_rc rc = vc_stmt_run(kg, VC_STMT_INDEX_TEXTS, values, err);
    size_t n = (size_t)sqlite3_changes(kg->db);
    if (rc == VC_OK && n > 0)
        rc = vc_stmt_run(kg, VC_STMT_INDEXED_TEXTS, values, err);
    if (rc == VC_OK)
        *done = n;
    return rc;
}

enum vc_rc vc_kg_index_texts(struct vc_kg *kg, uint32_t limit, size_t *done, struct vc_err *err)
{
    VC_CHECK(limit > 0);
    if (kg->in_transaction)
        return index_batch(kg, limit, done, err);
    size_t n = 0;
    enum vc_rc rc = vc_kg_begin(kg, err);
    if (rc == VC_OK)
        rc = index_batch(kg, limit, &n, err);
    if (rc == VC_OK)
        rc = vc_kg_commit(kg, err);
    else
        vc_kg_rollback(kg);
    if (rc == VC_OK)
        *done = n;
    return rc;
}

static enum vc_rc index_all(struct vc_kg *kg, struct vc_err *err)
{
    enum vc_rc rc = VC_OK;
    for (size_t done = INDEX_BATCH; rc == VC_OK && done == INDEX_BATCH;)
        rc = vc_kg_index_texts(kg, INDEX_BATCH, &done, err);
    return rc;
}

enum vc_rc vc_kg_tasks(struct vc_kg *kg, const struct vc_kg_filter *filter, vc_kg_task_fn *each,
                       void *ctx, struct vc_err *err)
{
    VC_CHECK(filter->limit > 0);
    const struct vc_kg_filter *f = filter;
    enum vc_rc rc = VC_OK;
    if (f->text && kg->mode == VC_KG_OWN)
        rc = index_all(kg, err);
    if (rc != VC_OK)
        return rc;
    struct vc_values values =
        VC_VALUES(vc_value_text(f->task_type), vc_value_text(f->agent_id),
                  vc_value_int(f->before_seq ? f->before_seq : INT64_MAX), vc_value_int(f->limit),
                  vc_value_text(f->state), vc_value_text(f->text));
    enum vc_stmt id = f->text       ? VC_STMT_TASKS_WITH_TEXT
                      : f->agent_id ? VC_STMT_TASKS_OF_AGENT
                      : f->state    ? VC_STMT_TASKS_IN_STATE
                                    : VC_STMT_TASKS;
    struct vc_task_sink sink = {each, ctx};
    return vc_stmt_each(kg, id, values, vc_row_task, &sink, NULL, err);
}
