#include "kg-store/store.h"

#include "base/check.h"
#include "base/str.h"

#include <string.h>

#define FAMILY_MASK 0xff /* of an extended result code */
#define WHY_MAX     200  /* bytes of a reason, so that what to do about it is not cut */

static const struct {
    const char *what, *sql;
} statements[] = {
#define VC_STMT(name, what, sql) {what, sql},
#include "kg-store/statements.def"
#undef VC_STMT
};

const char *vc_stmt_sql(enum vc_stmt id)
{
    return statements[id].sql;
}

struct vc_value vc_value_int(int64_t i)
{
    return (struct vc_value){.kind = VC_VALUE_INT, .i = i};
}

struct vc_value vc_value_real(double real)
{
    return (struct vc_value){.kind = VC_VALUE_REAL, .real = real};
}

struct vc_value vc_value_text(const char *text)
{
    return (struct vc_value){.kind = VC_VALUE_TEXT, .text = text, .len = text ? strlen(text) : 0};
}

struct vc_value vc_value_bytes(const char *text, size_t len)
{
    return (struct vc_value){.kind = VC_VALUE_TEXT, .text = text, .len = len};
}

struct vc_value vc_value_when(struct vc_wall at)
{
    struct vc_value value = vc_value_int(at.ms);
    if (at.ms == 0)
        value.kind = VC_VALUE_NULL;
    return value;
}

static enum vc_rc rc_of(int extended)
{
    static const struct {
        int sqlite;
        enum vc_rc rc;
    } codes[] = {
        /* Exact codes before the families they belong to. */
        {SQLITE_CONSTRAINT_PRIMARYKEY, VC_E_CONFLICT},
        {SQLITE_CONSTRAINT_UNIQUE, VC_E_CONFLICT},
        {SQLITE_CONSTRAINT_ROWID, VC_E_CONFLICT},
        {SQLITE_CONSTRAINT, VC_E_INVALID},
        {SQLITE_ERROR, VC_E_INVALID}, /* of a step: only full-text queries can be wrong */
        {SQLITE_TOOBIG, VC_E_LIMIT},
        {SQLITE_BUSY, VC_E_BUSY},
        {SQLITE_LOCKED, VC_E_BUSY},
        {SQLITE_FULL, VC_E_FULL},
        {SQLITE_CORRUPT, VC_E_CORRUPT},
        {SQLITE_NOTADB, VC_E_CORRUPT},
    };
    VC_CHECK((extended & FAMILY_MASK) != SQLITE_MISUSE);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].sqlite == extended || codes[i].sqlite == (extended & FAMILY_MASK))
            return codes[i].rc;
    return VC_E_IO;
}

enum vc_rc vc_kg_damaged(const struct vc_kg *kg, const char *what, const char *why,
                         struct vc_err *err)
{
    char line[WHY_MAX];
    vc_copy(line, sizeof line, why);
    for (char *c = line; *c; c++) /* SQLite quotes the damaged schema, line breaks and all */
        *c = *c >= ' ' || *c < 0 ? *c : ' ';
    return vc_fail(err, VC_E_CORRUPT,
                   "cannot %s in '%s': %s; stop the service and restore a backup: vapora-coord db "
                   "restore --from BACKUP --db '%s' --force",
                   what, kg->path, line, kg->path);
}

enum vc_rc vc_store_fail(const struct vc_kg *kg, int sqlite_rc, const char *what,
                         struct vc_err *err)
{
    enum vc_rc rc = rc_of(sqlite_rc);
    const char *why = kg->db ? sqlite3_errmsg(kg->db) : sqlite3_errstr(sqlite_rc);
    if (rc == VC_E_CORRUPT)
        return vc_kg_damaged(kg, what, why, err);
    int family = sqlite_rc & FAMILY_MASK;
    const char *remedy = "";
    if (rc == VC_E_FULL)
        remedy = "; free some space, nothing of this transaction was kept";
    else if (rc == VC_E_BUSY)
        remedy = "; another process holds the write lock: end it or try again";
    else if (kg->mode == VC_KG_READ && (family == SQLITE_CANTOPEN || family == SQLITE_READONLY))
        remedy = "; a reader must be able to write to the directory (for the -shm file): run it "
                 "as the user who owns the store";
    else if (family == SQLITE_NOMEM)
        remedy = "; give it more, or lower the limits";
    else if (rc == VC_E_IO)
        remedy = "; look at the disk, the directory and its permissions";
    return vc_fail(err, rc, "cannot %s in '%s': %s%s", what, kg->path, why, remedy);
}

/* A refused value leaves the transaction as it was; after anything else only a part of the batch
 * would be kept, so all of it goes. */
static void break_transaction(struct vc_kg *kg, enum vc_rc rc)
{
    bool harmless = rc == VC_E_CONFLICT || rc == VC_E_INVALID || rc == VC_E_LIMIT;
    if (!kg->in_transaction || (harmless && !sqlite3_get_autocommit(kg->db)))
        return;
    kg->broken = rc;
    if (!sqlite3_get_autocommit(kg->db))
        sqlite3_exec(kg->db, statements[VC_STMT_ROLLBACK].sql, NULL, NULL, NULL);
}

static int bind(sqlite3_stmt *stmt, int at, const struct vc_value *v)
{
    switch (v->kind) {
    case VC_VALUE_INT:
        return sqlite3_bind_int64(stmt, at, v->i);
    case VC_VALUE_REAL:
        return sqlite3_bind_double(stmt, at, v->real);
    case VC_VALUE_TEXT:
        return sqlite3_bind_text64(stmt, at, v->text, v->len, SQLITE_STATIC, SQLITE_UTF8);
    case VC_VALUE_NULL:
        break;
    }
    return sqlite3_bind_null(stmt, at);
}

static int prepare(struct vc_kg *kg, enum vc_stmt id, struct vc_values values)
{
    sqlite3_stmt **stmt = &kg->stmts[id];
    int rc = SQLITE_OK;
    if (!*stmt)
        rc = sqlite3_prepare_v3(kg->db, statements[id].sql, -1, SQLITE_PREPARE_PERSISTENT, stmt,
                                NULL);
    if (rc != SQLITE_OK)
        return rc;
    VC_CHECK(!sqlite3_stmt_busy(*stmt)); /* a callback asked the question it was answering */
    size_t parameters = (size_t)sqlite3_bind_parameter_count(*stmt);
    VC_CHECK(values.n >= parameters);
    for (size_t i = 0; i < parameters && rc == SQLITE_OK; i++)
        rc = bind(*stmt, (int)i + 1, &values.at[i]);
    return rc;
}

/* What a question of the callback's own had to say names the file already. */
enum vc_rc vc_store_told(const struct vc_kg *kg, enum vc_stmt id, enum vc_rc rc,
                         const struct vc_err *why, struct vc_err *err)
{
    if (rc == VC_E_CORRUPT && !strstr(why->text, kg->path))
        return vc_kg_damaged(kg, statements[id].what, why->text, err);
    if (err)
        *err = *why;
    return rc;
}

enum vc_rc vc_stmt_each(struct vc_kg *kg, enum vc_stmt id, struct vc_values values, vc_row_fn *fn,
                        void *ctx, size_t *rows, struct vc_err *err)
{
    if (kg->broken != VC_OK)
        return vc_fail(err, kg->broken, "cannot %s in '%s': the transaction was rolled back before",
                       statements[id].what, kg->path);
    size_t n = 0;
    enum vc_rc rc = VC_OK;
    struct vc_err why = {0}; /* of a row */
    int step = prepare(kg, id, values);
    sqlite3_stmt *stmt = kg->stmts[id];
    if (step == SQLITE_OK) {
        for (step = sqlite3_step(stmt); step == SQLITE_ROW; step = sqlite3_step(stmt)) {
            n++;
            if (fn && (rc = fn(ctx, stmt, &why)) != VC_OK)
                break;
        }
    }
    if (rc != VC_OK)
        vc_store_told(kg, id, rc, &why, err);
    else if (!stmt && step == SQLITE_ERROR) /* our SQL is fixed, so it is the schema that is not */
        rc = vc_kg_damaged(kg, statements[id].what, sqlite3_errmsg(kg->db), err);
    else if (step != SQLITE_DONE)
        rc = vc_store_fail(kg, step, statements[id].what, err);
    sqlite3_reset(stmt);
    if (stmt)
        sqlite3_clear_bindings(stmt);
    if (rc != VC_OK)
        break_transaction(kg, rc);
    if (rows)
        *rows = n;
    return rc;
}

enum vc_rc vc_store_hold(struct vc_kg *kg, bool *held, struct vc_err *err)
{
    *held = sqlite3_get_autocommit(kg->db);
    return *held ? vc_stmt_run(kg, VC_STMT_HOLD, VC_NO_VALUES, err) : VC_OK;
}

void vc_store_let_go(struct vc_kg *kg, bool held)
{
    if (held && !sqlite3_get_autocommit(kg->db))
        sqlite3_exec(kg->db, statements[VC_STMT_COMMIT].sql, NULL, NULL, NULL);
}

enum vc_rc vc_stmt_run(struct vc_kg *kg, enum vc_stmt id, struct vc_values values,
                       struct vc_err *err)
{
    return vc_stmt_each(kg, id, values, NULL, NULL, NULL, err);
}

static enum vc_rc take_int(void *ctx, sqlite3_stmt *row, struct vc_err *err)
{
    (void)err;
    *(int64_t *)ctx = sqlite3_column_int64(row, 0);
    return VC_OK;
}

enum vc_rc vc_stmt_int(struct vc_kg *kg, enum vc_stmt id, int64_t *out, struct vc_err *err)
{
    return vc_stmt_int_of(kg, id, VC_NO_VALUES, out, err);
}

enum vc_rc vc_stmt_int_of(struct vc_kg *kg, enum vc_stmt id, struct vc_values values, int64_t *out,
                          struct vc_err *err)
{
    return vc_stmt_each(kg, id, values, take_int, out, NULL, err);
}
