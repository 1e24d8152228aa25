/* metrics.h - Prometheus text format 0.0.4, written line by line.
 *
 * One family, then its samples, then the next family; names follow the rules of the format
 * (prometheus.io/docs/instrumenting/exposition_formats): a counter ends in _total, units are base
 * units (seconds, bytes). A wrong name is our own mistake and ends the process. */
#ifndef VC_DASHBOARD_METRICS_H
#define VC_DASHBOARD_METRICS_H

#include "base/str.h"

#include <stddef.h>

#define VC_METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum vc_metric { VC_METRIC_COUNTER, VC_METRIC_GAUGE };

struct vc_label {
    const char *name, *value; /* @value is any UTF-8 text; it is escaped */
};

/* VC_LABELS({"state", "queued"}, {"via", "api"}) fills two parameters: the labels and their number.
 * VC_NO_LABELS is the same for none. */
#define VC_LABELS(...)                                                                             \
    (const struct vc_label[]){__VA_ARGS__},                                                        \
        sizeof((const struct vc_label[]){__VA_ARGS__}) / sizeof(struct vc_label)
#define VC_NO_LABELS NULL, 0

/* Begin the family @name; @help is one sentence. */
void vc_metrics_family(struct vc_buf *out, const char *name, enum vc_metric type, const char *help);

/* Add one sample. Whole numbers below 2^53 are written without a fraction or exponent, others in
 * the fewest digits that read back as the same double; NaN, +Inf and -Inf are spelt like that. */
void vc_metrics_sample(struct vc_buf *out, const char *name, const struct vc_label *labels,
                       size_t labels_len, double value);

#endif
