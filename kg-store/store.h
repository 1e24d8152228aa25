/* store.h - inside the store: the connection, its statements, values in and rows out. Only files
 * of this folder and its tests include it. */
#ifndef VC_KG_STORE_STORE_H
#define VC_KG_STORE_STORE_H

#include "base/id.h"
#include "kg-store/kg.h"

#include <sqlite3.h>

enum vc_stmt {
#define VC_STMT(name, what, sql) VC_STMT_##name,
#include "kg-store/statements.def"
#undef VC_STMT
    VC_STMT_COUNT
};

struct vc_kg {
    sqlite3 *db;
    char *path;
    enum vc_kg_mode mode;
    bool in_transaction;
    enum vc_rc
        broken; /* why the open transaction was rolled back under its owner; VC_OK = it stands */
    char uuid[VC_UUID_TEXT];
    sqlite3_stmt *stmts[VC_STMT_COUNT]; /* prepared at first use */
};

/* One parameter of a statement. Text is borrowed until the statement ends. */
struct vc_value {
    enum { VC_VALUE_NULL, VC_VALUE_INT, VC_VALUE_REAL, VC_VALUE_TEXT } kind;
    int64_t i;
    double real;
    const char *text; /* NULL binds an SQL NULL */
    size_t len;
};

struct vc_value vc_value_int(int64_t i);
struct vc_value vc_value_real(double real);
struct vc_value vc_value_text(const char *text);
struct vc_value vc_value_bytes(const char *text, size_t len);
struct vc_value vc_value_when(struct vc_wall at); /* 0 is NULL */

/* The parameters of one call, in order from ?1: all that the statement has, or more, so that
 * statements which answer the same question in different ways can share them. */
struct vc_values {
    const struct vc_value *at;
    size_t n;
};

#define VC_VALUES(...)                                                                             \
    ((struct vc_values){.at = (const struct vc_value[]){__VA_ARGS__},                              \
                        .n = sizeof((const struct vc_value[]){__VA_ARGS__}) /                      \
                             sizeof(struct vc_value)})
#define VC_NO_VALUES ((struct vc_values){0})

const char *vc_stmt_sql(enum vc_stmt id);

/* Called for each row; anything but VC_OK ends the statement with that code. */
typedef enum vc_rc vc_row_fn(void *ctx, sqlite3_stmt *row, struct vc_err *err);

/* Run a statement to its end. When @fn says VC_E_CORRUPT the path and the way out are added. @fn
 * (NULL is fine) sees the rows, @rows (NULL is fine) counts them.
 *
 * A failure for which the open transaction cannot go on (anything but a conflict or a refused
 * value) rolls it back; the calls up to its end then fail with the same code.
 *
 * VC_E_CONFLICT  a key exists already
 * VC_E_INVALID   the schema refuses a value, or the text is no full-text query */
VC_MUST_CHECK enum vc_rc vc_stmt_each(struct vc_kg *kg, enum vc_stmt id, struct vc_values values,
                                      vc_row_fn *fn, void *ctx, size_t *rows, struct vc_err *err);

/* The same without looking at rows. */
VC_MUST_CHECK enum vc_rc vc_stmt_run(struct vc_kg *kg, enum vc_stmt id, struct vc_values values,
                                     struct vc_err *err);

/* The single integer a statement gives; @out is untouched when there is no row. */
VC_MUST_CHECK enum vc_rc vc_stmt_int(struct vc_kg *kg, enum vc_stmt id, int64_t *out,
                                     struct vc_err *err);

VC_MUST_CHECK enum vc_rc vc_stmt_int_of(struct vc_kg *kg, enum vc_stmt id, struct vc_values values,
                                        int64_t *out, struct vc_err *err);

/* Let several statements see one state of the store, which another process may be writing. @held
 * says whether vc_store_let_go() has to end that: an open transaction does it already. */
VC_MUST_CHECK enum vc_rc vc_store_hold(struct vc_kg *kg, bool *held, struct vc_err *err);
void vc_store_let_go(struct vc_kg *kg, bool held);

/* Fill @err from SQLite's own words: "cannot @what in 'path': reason; remedy". */
enum vc_rc vc_store_fail(const struct vc_kg *kg, int sqlite_rc, const char *what,
                         struct vc_err *err);

/* Pass on what a look at the rows of @id found, damage with path and way out; returns @rc. */
enum vc_rc vc_store_told(const struct vc_kg *kg, enum vc_stmt id, enum vc_rc rc,
                         const struct vc_err *why, struct vc_err *err);

/* VC_E_CORRUPT unless the last column of @row says that its checksum fits; @what and the first
 * column name it. */
VC_MUST_CHECK enum vc_rc vc_row_sound(sqlite3_stmt *row, const char *what, struct vc_err *err);

/* In the open transaction: give the store a new identity, under which the numbers of its outbox
 * have never been told. */
VC_MUST_CHECK enum vc_rc vc_store_name(struct vc_kg *kg, struct vc_err *err);

/* Columns of a row; text is NULL for NULL and lives until the next step. */
const char *vc_row_text(sqlite3_stmt *row, int column);
uint32_t vc_row_u32(sqlite3_stmt *row, int column);
struct vc_wall vc_row_when(sqlite3_stmt *row, int column); /* 0 for NULL */

/* A callback of the public interface with its context, as rows are handed on to it. */
struct vc_task_sink {
    vc_kg_task_fn *each;
    void *ctx;
};
struct vc_execution_sink {
    vc_kg_execution_fn *each;
    void *ctx;
};

#define VC_TASK_FINISHED_COLUMN 10 /* finished_at_ms in TASK_COLUMNS */

/* vc_row_fn: decode the columns TASK_COLUMNS and EXECUTION_COLUMNS of statements.def. */
enum vc_rc vc_row_task(void *task_sink, sqlite3_stmt *row, struct vc_err *err);
enum vc_rc vc_row_execution(void *execution_sink, sqlite3_stmt *row, struct vc_err *err);

#endif
