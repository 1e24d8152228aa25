/* curve.h - the learning curve: how an agent's days in one task type went. Pure. */
#ifndef VC_LEARNING_CURVE_H
#define VC_LEARNING_CURVE_H

#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One UTC day of one (agent, type), as the store's roll-up gives it. */
struct vc_curve_day {
    int64_t day;          /* days since 1970-01-01 */
    uint64_t executions;  /* counted, >= 1 */
    double value_sum;     /* [0, executions] */
    uint64_t duration_ms; /* sum over the executions */
    int64_t cost_micros;  /* sum, millionths of the currency */
};

/* One point of the curve. */
struct vc_curve_point {
    int64_t day;
    uint64_t executions;
    double success_rate;            /* of the day, [0, 1] */
    double cumulative_success_rate; /* of all days up to this one, [0, 1] */
    double mean_duration_ms;
    double mean_cost_micros;
};

/* Turn @n days, ascending and each at most once, into @out (room for @n; may not alias). O(n). */
void vc_curve_of(const struct vc_curve_day *days, size_t n, struct vc_curve_point *out);

/* Slope per day of the least-squares line through the daily success rates, each day weighted by
 * its executions. False, and @slope untouched, under 2 days. O(n). */
bool vc_curve_trend(const struct vc_curve_day *days, size_t n, double *slope);

/* The UTC day of an instant, floored: days since 1970-01-01. */
int64_t vc_day_of(struct vc_wall at);

#endif
