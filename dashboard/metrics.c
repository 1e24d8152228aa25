#include "dashboard/metrics.h"

#include "base/check.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHOLE_MAX   0x1p53 /* beyond, doubles skip whole numbers */
#define NUMBER_TEXT 32

static bool name_ok(const char *name, bool colons)
{
    if (*name >= '0' && *name <= '9')
        return false;
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:");
    return n > 0 && name[n] == '\0' && (colons || !strchr(name, ':'));
}

/* Only label values escape the quote; in help it stands for itself. */
static void add_escaped(struct vc_buf *out, const char *text, bool quotes)
{
    for (; *text; text++) {
        if (*text == '\n')
            vc_buf_puts(out, "\\n");
        else if (*text == '\\' || (quotes && *text == '"'))
            vc_buf_printf(out, "\\%c", *text);
        else
            vc_buf_add(out, text, 1);
    }
}

static void add_number(struct vc_buf *out, double value)
{
    if (isnan(value)) {
        vc_buf_puts(out, "NaN");
        return;
    }
    if (isinf(value)) {
        vc_buf_puts(out, value > 0 ? "+Inf" : "-Inf");
        return;
    }
    if (value > -WHOLE_MAX && value < WHOLE_MAX && (double)(int64_t)value == value) {
        vc_buf_printf(out, "%lld", (long long)value);
        return;
    }
    char text[NUMBER_TEXT];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    vc_buf_puts(out, text);
}

void vc_metrics_family(struct vc_buf *out, const char *name, enum vc_metric type, const char *help)
{
    static const char *const types[] = {
        [VC_METRIC_COUNTER] = "counter", [VC_METRIC_GAUGE] = "gauge"};
    VC_CHECK(name_ok(name, true));
    vc_buf_printf(out, "# HELP %s ", name);
    add_escaped(out, help, false);
    vc_buf_printf(out, "\n# TYPE %s %s\n", name, types[type]);
}

void vc_metrics_sample(struct vc_buf *out, const char *name, const struct vc_label *labels,
                       size_t labels_len, double value)
{
    VC_CHECK(name_ok(name, true));
    vc_buf_puts(out, name);
    for (size_t i = 0; i < labels_len; i++) {
        VC_CHECK(name_ok(labels[i].name, false));
        vc_buf_printf(out, "%s%s=\"", i == 0 ? "{" : ",", labels[i].name);
        add_escaped(out, labels[i].value, true);
        vc_buf_puts(out, "\"");
    }
    vc_buf_puts(out, labels_len ? "} " : " ");
    add_number(out, value);
    vc_buf_puts(out, "\n");
}
