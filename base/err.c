#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const rc_texts[] = {
#define VC_RC(name, text) [VC_##name] = text,
#include "base/err.def"
#undef VC_RC
};

const char *vc_rc_text(enum vc_rc rc)
{
    return rc_texts[rc];
}

enum vc_rc vc_fail(struct vc_err *err, enum vc_rc rc, const char *fmt, ...)
{
    if (!err)
        return rc;
    err->rc = rc;
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    return rc;
}

enum vc_rc vc_fail_in(struct vc_err *err, enum vc_rc rc, const char *fmt, ...)
{
    if (!err)
        return rc;
    char inner[sizeof err->text];
    memcpy(inner, err->text, sizeof inner);
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    if (n > 0 && (size_t)n < sizeof err->text)
        snprintf(err->text + n, sizeof err->text - (size_t)n, ": %.*s",
                 (int)(sizeof err->text - (size_t)n - 3), inner);
    err->rc = rc;
    return rc;
}
