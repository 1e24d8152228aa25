#include "kg-store/care.h"

#include "base/str.h"
#include "kg-store/store.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *promise, *sql;
} checks[] = {
#define VC_CHECKED(name, promise, sql) {name, promise, sql},
#include "kg-store/checks.def"
#undef VC_CHECKED
};

#define CHECKS (sizeof checks / sizeof checks[0])

/* The check that is being made, over all its rows. */
struct finding {
    uint64_t problems;
    char first[256];
};

static void note(struct finding *finding, const char *text)
{
    if (finding->problems++ == 0)
        vc_copy(finding->first, sizeof finding->first, text ? text : "");
}

/* A page that cannot be read is one more thing found; a disk that does not answer is not. */
static bool damage(int sqlite_rc, bool prepared)
{
    int family = sqlite_rc & 0xff;
    return family == SQLITE_CORRUPT || family == SQLITE_NOTADB ||
           (family == SQLITE_ERROR && !prepared);
}

static enum vc_rc ask(struct vc_kg *kg, const char *sql, struct finding *finding,
                      struct vc_err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(kg->db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
            note(finding, vc_row_text(stmt, 0));
    enum vc_rc result = VC_OK;
    if (damage(rc, stmt))
        note(finding, sqlite3_errmsg(kg->db));
    else if (rc != SQLITE_DONE)
        result = vc_store_fail(kg, rc, "check the store", err);
    sqlite3_finalize(stmt);
    return result;
}

static enum vc_rc check_all(struct vc_kg *kg, vc_kg_check_fn *each, void *ctx, struct vc_err *err)
{
    char worst[384] = "";
    for (size_t i = 0, next; i < CHECKS; i = next) {
        struct finding finding = {0};
        for (next = i; next < CHECKS && strcmp(checks[next].name, checks[i].name) == 0; next++) {
            enum vc_rc rc = ask(kg, checks[next].sql, &finding, err);
            if (rc != VC_OK)
                return rc;
        }
        if (finding.problems && !worst[0])
            snprintf(worst, sizeof worst, "%s: %s", checks[i].name, finding.first);
        if (each)
            each(ctx, &(struct vc_kg_check){.name = checks[i].name,
                                            .promise = checks[i].promise,
                                            .problems = finding.problems,
                                            .first = finding.first});
    }
    return worst[0] ? vc_kg_damaged(kg, "trust what is", worst, err) : VC_OK;
}

enum vc_rc vc_kg_check(struct vc_kg *kg, vc_kg_check_fn *each, void *ctx, struct vc_err *err)
{
    bool held;
    enum vc_rc rc = vc_store_hold(kg, &held, err);
    if (rc == VC_OK)
        rc = check_all(kg, each, ctx, err);
    vc_store_let_go(kg, held);
    return rc;
}
