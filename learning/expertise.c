#include "learning/expertise.h"

#include <math.h>
#include <string.h>

/* Half-life or time constant, by the recency's name. */
#define DECAY_DAYS 7.0

static const struct {
    const char *name;
    double rate; /* e^(-rate * days) */
} recencies[VC_RECENCY_COUNT] = {
    [VC_RECENCY_HALF_LIFE] = {"half-life", M_LN2 / DECAY_DAYS},
    [VC_RECENCY_E_FOLD] = {"e-fold", 1 / DECAY_DAYS},
    [VC_RECENCY_STEP] = {"step", 0},
};

const char *vc_recency_name(enum vc_recency recency)
{
    return recencies[recency].name;
}

bool vc_recency_parse(const char *word, enum vc_recency *out)
{
    for (size_t i = 0; i < VC_RECENCY_COUNT; i++) {
        if (strcmp(word, recencies[i].name) != 0)
            continue;
        *out = (enum vc_recency)i;
        return true;
    }
    return false;
}

double vc_recency_rate(enum vc_recency recency)
{
    return recencies[recency].rate;
}

double vc_confidence_of(uint64_t n)
{
    return fmin(1, (double)n / VC_CONFIDENCE_FULL);
}

bool vc_evidence_before(const struct vc_evidence *a, const struct vc_evidence *b)
{
    if (a->finished_at.ms != b->finished_at.ms)
        return a->finished_at.ms < b->finished_at.ms;
    int order = strcmp(a->task_id, b->task_id);
    return order ? order < 0 : a->epoch < b->epoch;
}

static int64_t age_ms(const struct vc_evidence *e, struct vc_wall now)
{
    return e->finished_at.ms < now.ms ? now.ms - e->finished_at.ms : 0;
}

struct vc_expertise vc_expertise_of(const struct vc_evidence *evidence, size_t n,
                                    struct vc_wall now, enum vc_recency recency)
{
    struct vc_expertise x = {.n = n, .confidence = vc_confidence_of(n)};
    if (n == 0)
        return x;
    size_t first = n > VC_HISTORY_MAX ? n - VC_HISTORY_MAX : 0;
    /* Weights relative to the newest outcome's: the ratio is the same, and a history that is
     * decades old does not vanish below the smallest double. */
    int64_t youngest_ms = age_ms(&evidence[n - 1], now);
    double weight = 0, weighted = 0, plain = 0, recent = 0;
    for (size_t i = first; i < n; i++) {
        int64_t age = age_ms(&evidence[i], now);
        double older_days = (double)(age - youngest_ms) / (double)VC_DAY_MS;
        bool is_recent = age <= VC_RECENT_DAYS * VC_DAY_MS;
        double w = (is_recent ? VC_RECENT_BOOST : 1) * exp(-recencies[recency].rate * older_days);
        weight += w;
        weighted += w * evidence[i].value;
        plain += evidence[i].value;
        recent += is_recent ? evidence[i].value : 0;
        x.recent_n += is_recent;
    }
    x.expertise = weighted / weight;
    x.success_rate = plain / (double)(n - first);
    x.recent_success_rate = x.recent_n ? recent / x.recent_n : 0;
    x.newest_at = evidence[n - 1].finished_at;
    return x;
}
