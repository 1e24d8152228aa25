#include "kg-store/kg.h"

#include "base/check.h"
#include "base/failpoint.h"
#include "base/mem.h"
#include "base/str.h"
#include "kg-store/care.h"
#include "kg-store/crc.h"
#include "kg-store/schema.h"
#include "kg-store/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 2000

static const char uri_scheme[] = "file:";
static const char in_memory[] = ":memory:";

/* secure_delete is off because Debian's library turns it on, and then the outbox messages that were
 * sent are written once more, as zeros. The journal is cut back to 64 MiB after a burst; the cache
 * is 16 MiB, which holds the inner pages of every table and index. */
static const char owner_pragmas[] = "PRAGMA journal_mode = WAL;"
                                    "PRAGMA synchronous = FULL;"
                                    "PRAGMA secure_delete = OFF;"
                                    "PRAGMA journal_size_limit = 67108864;";
static const char common_pragmas[] = "PRAGMA trusted_schema = OFF;"
                                     "PRAGMA temp_store = MEMORY;"
                                     "PRAGMA cache_size = -16384;";

static const char settle_pragmas[] = "PRAGMA wal_checkpoint(TRUNCATE);";

static enum vc_rc run_text(struct vc_kg *kg, const char *sql, const char *what, struct vc_err *err)
{
    int rc = sqlite3_exec(kg->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? VC_OK : vc_store_fail(kg, rc, what, err);
}

static enum vc_rc connect(struct vc_kg *kg, struct vc_err *err)
{
    struct stat st;
    if (kg->mode == VC_KG_READ && stat(kg->path, &st) != 0 && errno == ENOENT)
        return vc_fail(err, VC_E_NOT_FOUND, "cannot open '%s': there is no such file", kg->path);
    int flags =
        SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
        (kg->mode == VC_KG_OWN ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
    int rc = sqlite3_open_v2(kg->path, &kg->db, flags, NULL);
    if (rc != SQLITE_OK)
        return vc_store_fail(kg, rc, "open the store", err);
    sqlite3_busy_timeout(kg->db, BUSY_TIMEOUT_MS);
    sqlite3_db_config(kg->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    rc = vc_crc_register(kg->db);
    if (rc != SQLITE_OK)
        return vc_store_fail(kg, rc, "set up the store", err);
    return run_text(kg, common_pragmas, "set up the store", err);
}

/* Refuse what is not ours before anything is written to it. A file that has a header but no schema
 * is ours to finish: a crash in the middle of creating leaves one. */
static enum vc_rc check_identity(struct vc_kg *kg, int64_t *version, struct vc_err *err)
{
    int64_t application = 0, schema_rows = 0;
    enum vc_rc rc = vc_stmt_int(kg, VC_STMT_APPLICATION_ID, &application, err);
    if (rc == VC_OK)
        rc = vc_stmt_int(kg, VC_STMT_USER_VERSION, version, err);
    if (rc == VC_OK)
        rc = vc_stmt_int(kg, VC_STMT_SCHEMA_ROWS, &schema_rows, err);
    if (rc != VC_OK)
        return rc;
    bool empty = application == 0 && *version == 0 && schema_rows == 0;
    if (empty && kg->mode == VC_KG_OWN)
        return VC_OK;
    if (application != VC_KG_APPLICATION_ID)
        return vc_fail(err, VC_E_CORRUPT,
                       "cannot open '%s': it is no execution graph of ours (application id %lld); "
                       "name another file",
                       kg->path, (long long)application);
    if (*version > (int64_t)vc_migrations_count)
        return vc_fail(err, VC_E_NEWER,
                       "cannot open '%s': its schema is version %lld and this program knows %zu; "
                       "use a newer program",
                       kg->path, (long long)*version, vc_migrations_count);
    return VC_OK;
}

enum vc_rc vc_store_name(struct vc_kg *kg, struct vc_err *err)
{
    struct vc_wall now = {0};
    uint8_t random[10];
    enum vc_rc rc = vc_stmt_int(kg, VC_STMT_NOW_MS, &now.ms, err);
    if (rc != VC_OK)
        return rc;
    sqlite3_randomness(sizeof random, random);
    vc_uuid7(now, random, kg->uuid);
    return vc_stmt_run(kg, VC_STMT_SET_META,
                       VC_VALUES(vc_value_text("uuid"), vc_value_text(kg->uuid)), err);
}

static enum vc_rc create_identity(struct vc_kg *kg, struct vc_err *err)
{
    struct vc_wall now = {0};
    enum vc_rc rc = vc_store_name(kg, err);
    if (rc == VC_OK)
        rc = vc_stmt_int(kg, VC_STMT_NOW_MS, &now.ms, err);
    if (rc == VC_OK)
        rc = vc_stmt_run(kg, VC_STMT_SET_META,
                         VC_VALUES(vc_value_text("created_at_ms"), vc_value_int(now.ms)), err);
    return rc;
}

static enum vc_rc run_migrations(struct vc_kg *kg, int64_t version, struct vc_err *err)
{
    enum vc_rc rc = VC_OK;
    int64_t reached = version;
    for (size_t i = (size_t)version; i < vc_migrations_count && rc == VC_OK; i++) {
        const struct vc_migration *m = &vc_migrations[i];
        int sql_rc = sqlite3_exec(kg->db, m->sql, NULL, NULL, NULL);
        if (sql_rc == SQLITE_ERROR) /* the file is not of the version it claims */
            rc = vc_kg_damaged(kg, m->name, sqlite3_errmsg(kg->db), err);
        else if (sql_rc != SQLITE_OK)
            rc = vc_store_fail(kg, sql_rc, m->name, err);
        if (rc == VC_OK)
            rc = vc_stmt_int(kg, VC_STMT_USER_VERSION, &reached, err);
        VC_CHECK(rc != VC_OK || reached == m->version);
    }
    if (rc == VC_OK && version == 0)
        rc = create_identity(kg, err);
    if (rc == VC_OK)
        rc = vc_failpoint(VC_FAILPOINT_MIGRATE, err);
    return rc;
}

/* Both looks at the version are needed: the first keeps us from touching a foreign file, the second
 * is made under the write lock, when nobody else can migrate any more. */
static enum vc_rc take_ownership(struct vc_kg *kg, struct vc_err *err)
{
    int64_t version = 0;
    enum vc_rc rc = run_text(kg, owner_pragmas, "set up the store", err);
    if (rc == VC_OK)
        rc = vc_kg_begin(kg, err);
    if (rc == VC_OK)
        rc = check_identity(kg, &version, err);
    if (rc == VC_OK)
        rc = run_migrations(kg, version, err);
    if (rc == VC_OK)
        return vc_kg_commit(kg, err);
    vc_kg_rollback(kg);
    return rc;
}

static enum vc_rc take_uuid(void *ctx, sqlite3_stmt *row, struct vc_err *err)
{
    struct vc_kg *kg = ctx;
    enum vc_rc rc = vc_row_sound(row, "identity", err);
    if (rc == VC_OK)
        vc_copy(kg->uuid, sizeof kg->uuid, vc_row_text(row, 0));
    return rc;
}

static enum vc_rc read_uuid(struct vc_kg *kg, struct vc_err *err)
{
    enum vc_rc rc = vc_stmt_each(kg, VC_STMT_GET_META, VC_VALUES(vc_value_text("uuid")), take_uuid,
                                 kg, NULL, err);
    if (rc == VC_OK && kg->uuid[0] == '\0')
        return vc_kg_damaged(kg, "open the store", "it has lost its identity", err);
    return rc;
}

/* A store is made under another name, so that a file that is empty is never one that was being
 * made: SQLite would take it for new, and throw away the log beside it. */
static enum vc_rc refuse_empty(const struct vc_kg *kg, struct vc_err *err)
{
    struct stat st;
    if (stat(kg->path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > 0)
        return VC_OK;
    return vc_kg_damaged(kg, "open the store", "the file is empty", err);
}

static enum vc_rc open_and_check(struct vc_kg *kg, struct vc_err *err)
{
    int64_t version = 0;
    enum vc_rc rc = refuse_empty(kg, err);
    if (rc == VC_OK)
        rc = vc_kg_check_log(kg->path, err);
    if (rc == VC_OK)
        rc = connect(kg, err);
    if (rc == VC_OK)
        rc = check_identity(kg, &version, err);
    if (rc == VC_OK && kg->mode == VC_KG_OWN)
        rc = take_ownership(kg, err);
    else if (rc == VC_OK && version < (int64_t)vc_migrations_count)
        rc = vc_fail(err, VC_E_INVALID,
                     "cannot read '%s': its schema is version %lld and this program needs %zu; "
                     "start the service on it once",
                     kg->path, (long long)version, vc_migrations_count);
    return rc == VC_OK ? read_uuid(kg, err) : rc;
}

static void close_connection(struct vc_kg *kg)
{
    vc_kg_rollback(kg);
    for (size_t i = 0; i < VC_STMT_COUNT; i++)
        sqlite3_finalize(kg->stmts[i]);
    int rc = sqlite3_close(kg->db);
    VC_CHECK(rc == SQLITE_OK);
    vc_free(kg->path);
}

/* Some builds of SQLite would read this as a URI. */
static char *plain_path(const char *path)
{
    struct vc_buf out = {0};
    if (strncmp(path, uri_scheme, sizeof uri_scheme - 1) == 0)
        vc_buf_puts(&out, "./");
    vc_buf_puts(&out, path);
    return out.text;
}

static void remove_draft(const char *path)
{
    static const char *const suffixes[] = {".new", ".new-wal", ".new-shm", ".new-journal"};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        VC_AUTO_BUF struct vc_buf name = {0};
        vc_buf_printf(&name, "%s%s", path, suffixes[i]);
        unlink(name.text);
    }
}

/* The log must have been emptied into the file before the file takes its name: closing would do it
 * too, but say nothing of a disk that refuses. */
static enum vc_rc create_as(const char *draft, const char *path, struct vc_err *err)
{
    struct vc_kg made = {.path = vc_xstrdup(draft), .mode = VC_KG_OWN};
    enum vc_rc rc = connect(&made, err);
    if (rc == VC_OK)
        rc = take_ownership(&made, err);
    if (rc == VC_OK)
        rc = run_text(&made, settle_pragmas, "write the new store", err);
    close_connection(&made);
    if (rc == VC_OK && rename(draft, path) != 0)
        rc = vc_fail(err, VC_E_IO, "cannot create '%s': %s", path, strerror(errno));
    return rc;
}

/* What an attempt that was cut short left is made anew. */
static enum vc_rc create_when_absent(const char *path, struct vc_err *err)
{
    struct stat st;
    if (strcmp(path, in_memory) == 0 || stat(path, &st) == 0 || errno != ENOENT)
        return VC_OK;
    VC_AUTO_BUF struct vc_buf draft = {0};
    vc_buf_printf(&draft, "%s.new", path);
    remove_draft(path);
    enum vc_rc rc = create_as(draft.text, path, err);
    remove_draft(path);
    return rc;
}

enum vc_rc vc_kg_open(const char *path, enum vc_kg_mode mode, struct vc_kg **kg, struct vc_err *err)
{
    if (path[0] == '\0')
        return vc_fail(err, VC_E_INVALID, "cannot open the store: its path is empty");
    struct vc_kg *made = vc_xcalloc(1, sizeof *made);
    made->path = plain_path(path);
    made->mode = mode;
    enum vc_rc rc = mode == VC_KG_OWN ? create_when_absent(made->path, err) : VC_OK;
    if (rc == VC_OK)
        rc = open_and_check(made, err);
    if (rc != VC_OK)
        vc_kg_close(&made);
    else
        *kg = made;
    return rc;
}

void vc_kg_close(struct vc_kg **kg)
{
    if (!*kg)
        return;
    close_connection(*kg);
    vc_free(*kg);
    *kg = NULL;
}

void vc_kg_patience(struct vc_kg *kg, int ms)
{
    sqlite3_busy_timeout(kg->db, ms);
}

const char *vc_kg_uuid(const struct vc_kg *kg)
{
    return kg->uuid;
}

enum vc_rc vc_kg_begin(struct vc_kg *kg, struct vc_err *err)
{
    VC_CHECK(!kg->in_transaction && kg->mode == VC_KG_OWN);
    /* Without memory, a look at the store may have begun and not ended. */
    vc_kg_rollback(kg);
    enum vc_rc rc = vc_stmt_run(kg, VC_STMT_BEGIN, VC_NO_VALUES, err);
    kg->in_transaction = rc == VC_OK;
    return rc;
}

enum vc_rc vc_kg_commit(struct vc_kg *kg, struct vc_err *err)
{
    VC_CHECK(kg->in_transaction);
    enum vc_rc rc = vc_stmt_run(kg, VC_STMT_COMMIT, VC_NO_VALUES, err);
    if (rc != VC_OK)
        vc_kg_rollback(kg);
    kg->in_transaction = false;
    return rc;
}

void vc_kg_rollback(struct vc_kg *kg)
{
    kg->in_transaction = false;
    kg->broken = VC_OK;
    /* Fails only when SQLite has rolled back already, which is what we want. */
    if (kg->db && !sqlite3_get_autocommit(kg->db))
        sqlite3_exec(kg->db, vc_stmt_sql(VC_STMT_ROLLBACK), NULL, NULL, NULL);
}
