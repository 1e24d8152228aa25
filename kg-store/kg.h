/* kg.h - the execution graph: which agents did which tasks, when, why they got them, and how it
 * went. SQLite, one file.
 *
 * This is the truth: what is committed here has happened, whatever NATS or a process remembers.
 * WAL, synchronous=FULL, BEGIN IMMEDIATE only. A vc_kg belongs to one thread at a time and its
 * calls block on the disk. Writes happen between vc_kg_begin and vc_kg_commit, one transaction for
 * a whole batch (group commit). A second process may read the same file at any time.
 *
 * Tables, columns and edges: docs/database.md. All statements: statements.def.
 *
 * Strings in rows that go in are borrowed for the call. Strings in rows that come out live until
 * the callback returns. A NULL string is an SQL NULL.
 *
 * A callback may ask other questions of the store, but not the one it is answering.
 *
 * Errors, everywhere: VC_E_INVALID (the schema refuses a value), VC_E_IO (disk), VC_E_FULL (no
 * space left; nothing of the transaction is kept), VC_E_BUSY (another process holds the write lock
 * for longer than 2 s), VC_E_CORRUPT. */
#ifndef VC_KG_STORE_KG_H
#define VC_KG_STORE_KG_H

#include "base/err.h"
#include "base/time.h"
#include "learning/curve.h"
#include "learning/expertise.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vc_kg;

enum vc_kg_mode {
    VC_KG_OWN,  /* read and write; create when absent; migrate; the service's and import's way */
    VC_KG_READ, /* read only, while another process may own it; never creates or migrates */
};

/* Open the store at @path (":memory:" is a private one for tests).
 *
 * VC_E_NOT_FOUND  VC_KG_READ and there is no such file
 * VC_E_NEWER      the file's schema is newer than this program; refused, never downgraded
 * VC_E_INVALID    VC_KG_READ and the schema is older than this program: an owner must migrate it
 * VC_E_CORRUPT    not one of our files, or damaged */
VC_MUST_CHECK enum vc_rc vc_kg_open(const char *path, enum vc_kg_mode mode, struct vc_kg **kg,
                                    struct vc_err *err);

/* Close and free; rolls back an open transaction. NULL is fine; leaves NULL. */
void vc_kg_close(struct vc_kg **kg);

/* Wait up to @ms for another process that holds the lock, instead of 2 s, before VC_E_BUSY. */
void vc_kg_patience(struct vc_kg *kg, int ms);

/* The store's own identity, made at creation: half of every event's Nats-Msg-Id. */
const char *vc_kg_uuid(const struct vc_kg *kg);

/* VC_E_CORRUPT for damage that a caller found in what it read, worded like the store's own: "cannot
 * @what in 'path': @why; ...", with the command that restores a backup. */
enum vc_rc vc_kg_damaged(const struct vc_kg *kg, const char *what, const char *why,
                         struct vc_err *err);

/* -- transactions --------------------------------------------------------------------------
 *
 * A refused row (VC_E_CONFLICT, VC_E_NOT_FOUND, VC_E_INVALID) leaves the open transaction as it
 * was. Any other failure rolls it back at once; until vc_kg_commit or vc_kg_rollback ends it, every
 * further call then fails with the same code. A commit that fails has rolled back. */

VC_MUST_CHECK enum vc_rc vc_kg_begin(struct vc_kg *kg, struct vc_err *err);
VC_MUST_CHECK enum vc_rc vc_kg_commit(struct vc_kg *kg, struct vc_err *err);
void vc_kg_rollback(struct vc_kg *kg);

/* -- rows ---------------------------------------------------------------------------------- */

struct vc_kg_agent {
    const char *agent_id;
    const char *card; /* JSON as registered, canonical; "{}" for an agent known from an import */
    const char *role; /* NULL = none */
    uint32_t capacity;
    bool draining, removed;
    struct vc_wall registered_at;
};

struct vc_kg_task {
    int64_t seq; /* order of acceptance; given by the store, ignored on the way in */
    const char *task_id;
    const char *title, *description; /* description may be NULL */
    const char *task_type;
    const char *type_method, *type_rule; /* explicit|rule|default; rule NULL unless one fired */
    double type_confidence;
    const char *state;
    uint32_t priority, epoch, attempt, max_attempts;
    const char *agent_id;       /* who has it, or had it last; NULL = nobody yet */
    const char *decision_id;    /* the latest decision; NULL = none yet */
    const char *parent_task_id; /* NULL = none */
    const char *context_id;     /* NULL = none */
    const char *error;          /* why it ended badly, one line; NULL otherwise */
    const char *spec;           /* the submission, canonical JSON; NULL for an imported task */
    const char *via;            /* jetstream | request | import */
    struct vc_wall submitted_at, updated_at;
    struct vc_wall deadline_at; /* 0 = none */
    struct vc_wall finished_at; /* 0 = open */
};

/* What changes when a task moves to another state. */
struct vc_kg_move {
    const char *task_id, *state;
    uint32_t epoch, attempt, max_attempts;
    const char *agent_id, *decision_id, *error;
    struct vc_wall at;
    bool final; /* sets finished_at to `at`; clears it otherwise */
};

struct vc_kg_execution {
    const char *task_id;
    uint32_t epoch, attempt;
    const char *agent_id, *task_type;
    enum vc_outcome outcome;
    enum vc_error_class error_class;
    double value;                           /* [0, 1]; what learning takes when counted */
    bool counted;                           /* learnt from */
    bool winning;                           /* the one that completed its task */
    struct vc_wall started_at, finished_at; /* started_at 0 = unknown */
    int64_t duration_ms;                    /* >= 0 */
    int64_t cost_micros;                    /* millionths of the currency; 0 = none reported */
    const char *decision_id;                /* NULL for an imported one */
    const char *record;                     /* the result as reported, JSON; NULL = none */
};

struct vc_kg_decision {
    const char *decision_id, *task_id;
    uint32_t epoch, attempt;
    struct vc_wall at;
    const char *task_type, *policy, *rule, *chosen;
    const char *record; /* the whole decision, JSON: docs/protocol.md "decision" */
};

struct vc_kg_late {
    const char *task_id;
    uint32_t epoch;
    const char *agent_id;
    struct vc_wall received_at;
    const char *reason; /* stale | duplicate | unknown_task */
    const char *record; /* the result as reported, JSON */
};

/* -- writing, inside a transaction --------------------------------------------------------- */

VC_MUST_CHECK enum vc_rc vc_kg_put_agent(struct vc_kg *kg, const struct vc_kg_agent *agent,
                                         struct vc_err *err); /* insert or replace */
VC_MUST_CHECK enum vc_rc vc_kg_put_task(struct vc_kg *kg, const struct vc_kg_task *task,
                                        struct vc_err *err); /* VC_E_CONFLICT: the id exists */
VC_MUST_CHECK enum vc_rc vc_kg_move_task(struct vc_kg *kg, const struct vc_kg_move *move,
                                         struct vc_err *err); /* VC_E_NOT_FOUND */

/* Also adds to the day's roll-up when counted. VC_E_CONFLICT: (task_id, epoch) exists, or it is
 * winning and another of its task has won; nothing was changed. */
VC_MUST_CHECK enum vc_rc
vc_kg_put_execution(struct vc_kg *kg, const struct vc_kg_execution *execution, struct vc_err *err);
VC_MUST_CHECK enum vc_rc vc_kg_put_decision(struct vc_kg *kg, const struct vc_kg_decision *decision,
                                            struct vc_err *err);
VC_MUST_CHECK enum vc_rc vc_kg_put_late(struct vc_kg *kg, const struct vc_kg_late *late,
                                        struct vc_err *err);

/* Add to what probation counts: decisions made in @task_type, and how many of them were trials. */
VC_MUST_CHECK enum vc_rc vc_kg_add_decisions(struct vc_kg *kg, const char *task_type,
                                             uint64_t decisions, uint64_t trials,
                                             struct vc_err *err);

/* Queue a message for the relay; @seq gets its number (ascending, gap-free within a store). */
VC_MUST_CHECK enum vc_rc vc_kg_put_outbox(struct vc_kg *kg, const char *subject, const char *body,
                                          size_t len, int64_t *seq, struct vc_err *err);

/* Forget the messages of the outbox up to and including @seq. */
VC_MUST_CHECK enum vc_rc vc_kg_drop_outbox(struct vc_kg *kg, int64_t seq, struct vc_err *err);

/* Under this key: messages of the outbox up to here are acknowledged. */
#define VC_KG_RELAYED "relayed_seq"

/* A number that the shell wants to find again after a restart; 0 when it was never written. */
VC_MUST_CHECK enum vc_rc vc_kg_put_number(struct vc_kg *kg, const char *key, int64_t value,
                                          struct vc_err *err);
VC_MUST_CHECK enum vc_rc vc_kg_get_number(struct vc_kg *kg, const char *key, int64_t *value,
                                          struct vc_err *err);

/* -- point reads (also see the open transaction's own writes) ------------------------------ */

/* Each calls @each once for the row and returns VC_OK, or VC_E_NOT_FOUND without an error text. */
typedef void vc_kg_task_fn(void *ctx, const struct vc_kg_task *task);
typedef void vc_kg_execution_fn(void *ctx, const struct vc_kg_execution *execution);
typedef void vc_kg_decision_fn(void *ctx, const struct vc_kg_decision *decision);
typedef void vc_kg_agent_fn(void *ctx, const struct vc_kg_agent *agent);
typedef void vc_kg_outbox_fn(void *ctx, int64_t seq, const char *subject, const char *body,
                             size_t len);

VC_MUST_CHECK enum vc_rc vc_kg_get_task(struct vc_kg *kg, const char *task_id, vc_kg_task_fn *each,
                                        void *ctx, struct vc_err *err);
VC_MUST_CHECK enum vc_rc vc_kg_get_execution(struct vc_kg *kg, const char *task_id, uint32_t epoch,
                                             vc_kg_execution_fn *each, void *ctx,
                                             struct vc_err *err);

/* -- lists: each calls @each for every row, in the order stated ----------------------------- */

/* The seed's queries: one agent's executions in a type, and in all; newest first. */
VC_MUST_CHECK enum vc_rc vc_kg_executions_for_task_type(struct vc_kg *kg, const char *agent_id,
                                                        const char *task_type, uint32_t limit,
                                                        vc_kg_execution_fn *each, void *ctx,
                                                        struct vc_err *err);
VC_MUST_CHECK enum vc_rc vc_kg_agent_executions(struct vc_kg *kg, const char *agent_id,
                                                uint32_t limit, vc_kg_execution_fn *each, void *ctx,
                                                struct vc_err *err);

/* One task's executions and decisions, by epoch. */
VC_MUST_CHECK enum vc_rc vc_kg_task_executions(struct vc_kg *kg, const char *task_id,
                                               vc_kg_execution_fn *each, void *ctx,
                                               struct vc_err *err);
VC_MUST_CHECK enum vc_rc vc_kg_task_decisions(struct vc_kg *kg, const char *task_id,
                                              vc_kg_decision_fn *each, void *ctx,
                                              struct vc_err *err);

/* What a list may be narrowed to; NULL and 0 mean "any". */
struct vc_kg_filter {
    const char *state, *task_type, *agent_id;
    const char *text;   /* full-text query over title and description (FTS5) */
    int64_t before_seq; /* only tasks accepted before this one: the cursor to the next page */
    uint32_t limit;     /* rows at most; required */
};

/* Tasks, newest first. With `text` the index is first brought up to date (a write, so in
 * VC_KG_READ only what the owner has indexed is found). VC_E_INVALID: `text` is no FTS5 query. */
VC_MUST_CHECK enum vc_rc vc_kg_tasks(struct vc_kg *kg, const struct vc_kg_filter *filter,
                                     vc_kg_task_fn *each, void *ctx, struct vc_err *err);

/* Executions of any task, newest first; state and text of the filter are ignored. */
VC_MUST_CHECK enum vc_rc vc_kg_executions(struct vc_kg *kg, const struct vc_kg_filter *filter,
                                          vc_kg_execution_fn *each, void *ctx, struct vc_err *err);

VC_MUST_CHECK enum vc_rc vc_kg_agents(struct vc_kg *kg, vc_kg_agent_fn *each, void *ctx,
                                      struct vc_err *err); /* by agent_id */

/* The messages of the outbox behind @after, at most @limit, in order. */
VC_MUST_CHECK enum vc_rc vc_kg_outbox(struct vc_kg *kg, int64_t after, uint32_t limit,
                                      vc_kg_outbox_fn *each, void *ctx, struct vc_err *err);

/* What the outbox is known to hold: every message after @dropped up to @written. */
VC_MUST_CHECK enum vc_rc vc_kg_outbox_bounds(struct vc_kg *kg, int64_t *dropped, int64_t *written,
                                             struct vc_err *err);

/* Bytes of the bodies of all messages up to @seq. Reads them all. */
VC_MUST_CHECK enum vc_rc vc_kg_outbox_bytes(struct vc_kg *kg, int64_t seq, int64_t *bytes,
                                            struct vc_err *err);

/* Bring the full-text index up to date by at most @limit (>= 1) tasks, in the open transaction or
 * else in one of its own; @done says how many there were, fewer than @limit = nothing is left. For
 * idle moments, so that no search has to wait for it. */
VC_MUST_CHECK enum vc_rc vc_kg_index_texts(struct vc_kg *kg, uint32_t limit, size_t *done,
                                           struct vc_err *err);

/* -- loading: what the coordinator needs at its start --------------------------------------- */

/* Open tasks in the order of acceptance. */
VC_MUST_CHECK enum vc_rc vc_kg_open_tasks(struct vc_kg *kg, vc_kg_task_fn *each, void *ctx,
                                          struct vc_err *err);

/* One cell of one profile: the newest VC_HISTORY_MAX counted executions, ascending. */
struct vc_kg_cell {
    const char *agent_id, *task_type;
    const struct vc_evidence *evidence;
    size_t n;
    uint64_t n_total;
    double value_sum; /* over all n_total */
};
typedef void vc_kg_cell_fn(void *ctx, const struct vc_kg_cell *cell);

/* The seed's load_learning_profile: the cells of one agent; and of all agents in one pass. */
VC_MUST_CHECK enum vc_rc vc_kg_load_profile(struct vc_kg *kg, const char *agent_id,
                                            vc_kg_cell_fn *each, void *ctx, struct vc_err *err);
VC_MUST_CHECK enum vc_rc vc_kg_load_all_profiles(struct vc_kg *kg, vc_kg_cell_fn *each, void *ctx,
                                                 struct vc_err *err);

/* -- counts and curves ----------------------------------------------------------------------- */

typedef void vc_kg_count_fn(void *ctx, const char *name, uint64_t count);
typedef void vc_kg_type_fn(void *ctx, const char *task_type, uint64_t decisions, uint64_t trials);

/* Tasks by state. */
VC_MUST_CHECK enum vc_rc vc_kg_count_tasks(struct vc_kg *kg, vc_kg_count_fn *each, void *ctx,
                                           struct vc_err *err);
/* "recorded" executions, "late" results, "outbox" messages that wait for
 * their acknowledgement. */
VC_MUST_CHECK enum vc_rc vc_kg_count_rows(struct vc_kg *kg, vc_kg_count_fn *each, void *ctx,
                                          struct vc_err *err);
/* Every task type seen, by name. */
VC_MUST_CHECK enum vc_rc vc_kg_types(struct vc_kg *kg, vc_kg_type_fn *each, void *ctx,
                                     struct vc_err *err);

/* Days of (@agent_id, @task_type) from the roll-up, ascending; at most @cap, the newest ones. */
VC_MUST_CHECK enum vc_rc vc_kg_curve(struct vc_kg *kg, const char *agent_id, const char *task_type,
                                     struct vc_curve_day *out, size_t cap, size_t *n,
                                     struct vc_err *err);

#endif
