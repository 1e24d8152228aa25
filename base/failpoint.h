/* failpoint.h - places where tests make the program die, fail or wait. Only in builds with
 * VC_FAILPOINTS; in all others every failpoint is VC_OK and leaves no trace in the binary.
 *
 * The environment says what happens: VAPORA_FAILPOINTS="ingest.commit=abort@3;outbox.send=error".
 *   abort      the process dies at once, as by kill -9
 *   error      the step fails with VC_E_IO; a message that was to be sent is lost
 *   enospc     the same with VC_E_FULL
 *   delay:MS   the step takes MS milliseconds longer
 * @N is the N-th time that the place is passed, 1 if absent; it happens that once. */
#ifndef VC_BASE_FAILPOINT_H
#define VC_BASE_FAILPOINT_H

#include "base/err.h"

enum vc_failpoint {
#define VC_FAILPOINT(name, text, what) VC_FAILPOINT_##name,
#include "base/failpoint.def"
#undef VC_FAILPOINT
    VC_FAILPOINT_COUNT
};

#ifdef VC_FAILPOINTS

/* Pass the place. Not VC_OK: do as if the step had failed so; @err (NULL is fine) says that a test
 * wanted it. A setting that cannot be read ends the process with a line. Safe from any thread. */
enum vc_rc vc_failpoint(enum vc_failpoint at, struct vc_err *err);

#else

static inline enum vc_rc vc_failpoint(enum vc_failpoint at, struct vc_err *err)
{
    (void)at;
    (void)err;
    return VC_OK;
}

#endif

#endif
