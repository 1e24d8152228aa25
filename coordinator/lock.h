/* lock.h - one owner for one store: an flock on "<db>.lock" that holds the owner's pid. The kernel
 * lets go of it when the process dies, however it dies; the file itself stays. */
#ifndef VC_COORDINATOR_LOCK_H
#define VC_COORDINATOR_LOCK_H

#include "base/err.h"

#include <stdbool.h>

/* Take the lock of the store at @db_path; @fd is kept open for as long as it is held, close() lets
 * go. @fd is untouched on failure, and no program started from here inherits it.
 *
 * VC_E_BUSY  somebody has it; the text names the pid
 * VC_E_IO    the lock file cannot be made */
VC_MUST_CHECK enum vc_rc vc_lock_take(const char *db_path, int *fd, struct vc_err *err);

/* Whether some process holds the lock of the store at @db_path now, without taking it. @pid gets
 * its number, 0 when it has not written it yet. */
bool vc_lock_held(const char *db_path, long *pid);

#endif
