/* fixture.h - a store in a directory of its own, and rows to put into it. */
#ifndef VC_TESTS_STORE_FIXTURE_H
#define VC_TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kg-store/kg.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOW_MS INT64_C(1764000000000)

struct fixture {
    char dir[64], path[96];
    struct vc_kg *kg;
    struct vc_err err;
};

/* Fail the test with the error's own line unless @call gives @rc. */
#define assert_rc(f, rc, call)                                                                     \
    do {                                                                                           \
        enum vc_rc got_ = (call);                                                                  \
        if (got_ != (rc))                                                                          \
            fail_msg("%s gave '%s', not '%s': %s", #call, vc_rc_text(got_), vc_rc_text(rc),        \
                     (f)->err.text);                                                               \
    } while (0)
#define assert_ok(f, call) assert_rc(f, VC_OK, call)

static inline int setup_directory(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    const char *tmp = getenv("TMPDIR");
    snprintf(f->dir, sizeof f->dir, "%.40s/vc-kg-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(f->dir))
        return -1;
    snprintf(f->path, sizeof f->path, "%s/kg.db", f->dir);
    return 0;
}

static inline int setup(void **state)
{
    if (setup_directory(state) != 0)
        return -1;
    struct fixture *f = *state;
    return vc_kg_open(f->path, VC_KG_OWN, &f->kg, &f->err) == VC_OK ? 0 : -1;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    vc_kg_close(&f->kg);
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", f->path, suffixes[i]);
        unlink(path);
    }
    int rc = rmdir(f->dir);
    free(f);
    return rc;
}

static inline void reopen(struct fixture *f, enum vc_kg_mode mode)
{
    vc_kg_close(&f->kg);
    assert_ok(f, vc_kg_open(f->path, mode, &f->kg, &f->err));
}

static inline void begin(struct fixture *f)
{
    assert_ok(f, vc_kg_begin(f->kg, &f->err));
}

static inline void commit(struct fixture *f)
{
    assert_ok(f, vc_kg_commit(f->kg, &f->err));
}

/* What an outside tool sees: the first column of the first row, as an integer. */
static inline int64_t ask(const struct fixture *f, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return value;
}

static inline struct vc_kg_task a_task(const char *task_id)
{
    return (struct vc_kg_task){.task_id = task_id,
                               .title = "Fix the parser",
                               .task_type = "coding",
                               .type_method = "rule",
                               .type_rule = "fix",
                               .type_confidence = 0.75,
                               .state = "queued",
                               .priority = 5,
                               .max_attempts = 3,
                               .spec = "{\"title\":\"Fix the parser\"}",
                               .via = "request",
                               .submitted_at = {NOW_MS},
                               .updated_at = {NOW_MS}};
}

static inline struct vc_kg_execution an_execution(const char *task_id, uint32_t epoch)
{
    return (struct vc_kg_execution){.task_id = task_id,
                                    .epoch = epoch,
                                    .attempt = 1,
                                    .agent_id = "ada",
                                    .task_type = "coding",
                                    .outcome = VC_OUTCOME_SUCCESS,
                                    .value = 1,
                                    .counted = true,
                                    .winning = true,
                                    .started_at = {NOW_MS},
                                    .finished_at = {NOW_MS + 1000},
                                    .duration_ms = 1000,
                                    .cost_micros = 2500,
                                    .decision_id = "d-1",
                                    .record = "{\"output\":1}"};
}

static inline struct vc_kg_decision a_decision(const char *decision_id, const char *task_id,
                                               uint32_t epoch)
{
    return (struct vc_kg_decision){.decision_id = decision_id,
                                   .task_id = task_id,
                                   .epoch = epoch,
                                   .attempt = 1,
                                   .at = {NOW_MS},
                                   .task_type = "coding",
                                   .policy = "formula",
                                   .rule = "score",
                                   .chosen = "ada",
                                   .record = "{\"candidates\":[]}"};
}

static inline void put_task(struct fixture *f, const char *task_id)
{
    struct vc_kg_task task = a_task(task_id);
    assert_ok(f, vc_kg_put_task(f->kg, &task, &f->err));
}

/* Ids of the rows a list gave, as "a b c". */
struct ids {
    char text[512];
};

static inline void add_id(struct ids *ids, const char *id)
{
    size_t len = strlen(ids->text);
    snprintf(ids->text + len, sizeof ids->text - len, "%s%s", len ? " " : "", id);
}

static inline void add_task_id(void *ctx, const struct vc_kg_task *task)
{
    add_id(ctx, task->task_id);
}

static inline void add_execution_id(void *ctx, const struct vc_kg_execution *execution)
{
    char id[96];
    snprintf(id, sizeof id, "%s:%u", execution->task_id, execution->epoch);
    add_id(ctx, id);
}

#endif
