/* err.h - how a call says that it failed: a code for the program, a line for the person. */
#ifndef VC_BASE_ERR_H
#define VC_BASE_ERR_H

#define VC_MUST_CHECK        __attribute__((warn_unused_result))
#define VC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

enum vc_rc {
#define VC_RC(name, text) VC_##name,
#include "base/err.def"
#undef VC_RC
};

/* Filled on failure only, by whoever knows the detail; the line names what was attempted, with
 * what, why it failed and, where that helps, what to do. Callers own it and may pass NULL. */
struct vc_err {
    enum vc_rc rc;
    char text[512];
};

/* The code's own text: "not found". */
const char *vc_rc_text(enum vc_rc rc);

/* Fill @err (NULL is fine) and return @rc, so that `return vc_fail(err, VC_E_IO, ...)` reads well.
 * Text past the buffer is cut. */
enum vc_rc vc_fail(struct vc_err *err, enum vc_rc rc, const char *fmt, ...) VC_PRINTF(3, 4);

/* Put "@fmt: " in front of the text of @err (NULL is fine); returns err's code. */
enum vc_rc vc_fail_in(struct vc_err *err, enum vc_rc rc, const char *fmt, ...) VC_PRINTF(3, 4);

#endif
