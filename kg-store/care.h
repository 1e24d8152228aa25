/* care.h - looking after the file of a store: is it whole, a copy of it while it is written, and a
 * copy put back in its place. */
#ifndef VC_KG_STORE_CARE_H
#define VC_KG_STORE_CARE_H

#include "kg-store/kg.h"

/* One of the promises of docs/database.md, looked at in the whole file. */
struct vc_kg_check {
    const char *name;    /* "checksums" */
    const char *promise; /* what must hold, one line */
    uint64_t problems;   /* how often it does not */
    const char *first;   /* the first of them, one line; "" when there is none */
};
typedef void vc_kg_check_fn(void *ctx, const struct vc_kg_check *check);

/* Look at everything: pages, checksums and what ties the tables together, in one state of the
 * store, also while another process writes. @each sees every check. Reads the whole file several
 * times: seconds for 100 MB.
 *
 * VC_E_CORRUPT  some check found something; the text holds the first */
VC_MUST_CHECK enum vc_rc vc_kg_check(struct vc_kg *kg, vc_kg_check_fn *each, void *ctx,
                                     struct vc_err *err);

/* Copy the store at @from, which may be in use, to the file @to: one committed state of it, checked
 * as above, on disk under "<to>.new" before it takes the name. A @to that is an older backup of the
 * same store is replaced then and not before. @bytes (NULL is fine) gets its size. The service is
 * not held up; its log grows meanwhile.
 *
 * VC_E_INVALID  @to is @from
 * VC_E_CONFLICT there is a @to that is no backup of @from, or a store in use
 * VC_E_CORRUPT  the store is damaged; @to is as it was */
VC_MUST_CHECK enum vc_rc vc_kg_backup(const char *from, const char *to, uint64_t *bytes,
                                      struct vc_err *err);

/* Put a copy of the file @from in the place of the store at @to, whose lock the caller holds. The
 * copy is checked, and migrated when it is older than this program, before it takes the name. With
 * @replace a store that is there is kept as "<to>.replaced", as far as the file system has links.
 *
 * VC_E_NOT_FOUND  there is no @from
 * VC_E_CONFLICT   there is a @to and @replace is false, or a "<to>.replaced" of an earlier restore
 * VC_E_CORRUPT    @from is damaged; @to is as it was */
VC_MUST_CHECK enum vc_rc vc_kg_restore(const char *from, const char *to, bool replace,
                                       struct vc_err *err);

/* Look for damage in the log ("<db>-wal") that a crash has left beside the store at @path, or for a
 * log without its store. SQLite
 * takes a log up to its first bad frame, as if the rest had never been written; that is right for
 * the transaction that was being written, and silent loss when whole transactions stand behind it.
 * A log that another process is writing is fine. vc_kg_open looks first of all.
 *
 * VC_E_CORRUPT  at least two transactions stand behind the bad frame, so it was whole once */
VC_MUST_CHECK enum vc_rc vc_kg_check_log(const char *path, struct vc_err *err);

#endif
