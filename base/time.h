/* time.h - wall and monotonic instants that cannot be mixed up, and their text form.
 *
 * Nothing here reads a clock: clock.h does, and only the shell and the program call it. That is
 * what makes every decision a function of values. */
#ifndef VC_BASE_TIME_H
#define VC_BASE_TIME_H

#include "base/err.h"

#include <stdint.h>

/* Civil time: milliseconds since 1970-01-01T00:00:00Z. For records and recency. */
struct vc_wall {
    int64_t ms;
};

/* Elapsed time: milliseconds since an arbitrary start that never jumps. For leases and timeouts. */
struct vc_mono {
    int64_t ms;
};

#define VC_SECOND_MS INT64_C(1000)
#define VC_MINUTE_MS INT64_C(60000)
#define VC_HOUR_MS   INT64_C(3600000)
#define VC_DAY_MS    INT64_C(86400000)

/* Instants a record may carry: years 1970 to 9999. */
#define VC_WALL_MAX_MS INT64_C(253402300799999)

#define VC_WALL_TEXT 25 /* "2026-11-24T10:17:15.000Z" and its NUL */
#define VC_DAY_TEXT  11 /* "2026-11-24" and its NUL */

/* Write @at as RFC 3339 UTC with milliseconds; @at is clamped to [0, VC_WALL_MAX_MS]. */
void vc_wall_format(struct vc_wall at, char out[VC_WALL_TEXT]);

/* Write the UTC day of @at as YYYY-MM-DD, clamped as above. */
void vc_wall_format_day(struct vc_wall at, char out[VC_DAY_TEXT]);

/* Parse RFC 3339 ("2026-11-24T10:17:15Z", optional fraction, "Z" or "+02:00"), or a plain number
 * of milliseconds since 1970. @out is untouched on failure.
 *
 * VC_E_INVALID  not an instant, or outside 1970..9999 */
VC_MUST_CHECK enum vc_rc vc_wall_parse(const char *text, struct vc_wall *out, struct vc_err *err);

/* Parse "250ms", "30s", "5m", "2h", "7d" into milliseconds; a bare number is refused, since its
 * unit would be a guess.
 *
 * VC_E_INVALID  not a duration, or not in [0, 10 years] */
VC_MUST_CHECK enum vc_rc vc_duration_parse(const char *text, int64_t *out_ms, struct vc_err *err);

#endif
