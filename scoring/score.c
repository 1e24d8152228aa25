#include "scoring/score.h"

#include "base/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WEIGHTS_TOLERANCE 1e-9

const struct vc_weights vc_weights_default = VC_WEIGHTS_DEFAULT;

bool vc_weights_ok(struct vc_weights w)
{
    /* A NaN fails every comparison; an infinity fails the sum. */
    return w.load >= 0 && w.expertise >= 0 && w.confidence >= 0 &&
           fabs(w.load + w.expertise + w.confidence - 1) <= WEIGHTS_TOLERANCE;
}

static double base_of(const struct vc_candidate *c, double load, enum vc_base_kind base)
{
    if (base == VC_BASE_HEADROOM)
        return load < 1 ? 1 - load : 0;
    return c->agent_success_rate / (1 + load);
}

static struct vc_score score_with(const struct vc_candidate *c, double expertise,
                                  struct vc_weights w, enum vc_base_kind base)
{
    VC_CHECK(c->capacity >= 1);
    struct vc_score s = {.candidate = c, .expertise = expertise, .confidence = c->confidence};
    s.load = (double)c->in_flight / c->capacity;
    s.base = base_of(c, s.load, base);
    s.total = w.load * s.base + w.expertise * s.expertise + w.confidence * s.confidence;
    return s;
}

struct vc_score vc_score_of(const struct vc_candidate *candidate, struct vc_weights w,
                            enum vc_base_kind base)
{
    return score_with(candidate, candidate->expertise, w, base);
}

static int by_total(const struct vc_score *a, const struct vc_score *b)
{
    return (a->total < b->total) - (a->total > b->total);
}

static int by_load(const struct vc_score *a, const struct vc_score *b)
{
    return (a->load > b->load) - (a->load < b->load);
}

static int by_n(const struct vc_score *a, const struct vc_score *b)
{
    return (a->candidate->n < b->candidate->n) - (a->candidate->n > b->candidate->n);
}

static int by_idle(const struct vc_score *a, const struct vc_score *b)
{
    int64_t since_a = a->candidate->idle_since.ms, since_b = b->candidate->idle_since.ms;
    return (since_a > since_b) - (since_a < since_b);
}

static int by_agent_id(const struct vc_score *a, const struct vc_score *b)
{
    return strcmp(a->candidate->agent_id, b->candidate->agent_id);
}

static const struct {
    const char *name;
    int (*compare)(const struct vc_score *, const struct vc_score *);
} order[] = {
    {"score", by_total}, {"load", by_load},         {"n", by_n},
    {"idle", by_idle},   {"agent_id", by_agent_id},
};

#define ORDER_LAST (sizeof order / sizeof order[0] - 1)

/* The first of the rules that tells @a from @b; the last one when none does. */
static size_t decider(const struct vc_score *a, const struct vc_score *b, int *verdict)
{
    for (size_t i = 0; i < ORDER_LAST; i++)
        if ((*verdict = order[i].compare(a, b)) != 0)
            return i;
    *verdict = order[ORDER_LAST].compare(a, b);
    return ORDER_LAST;
}

int vc_score_compare(const struct vc_score *a, const struct vc_score *b)
{
    int verdict;
    decider(a, b, &verdict);
    return verdict;
}

const char *vc_score_tie_break(const struct vc_score *a, const struct vc_score *b)
{
    int verdict;
    return order[decider(a, b, &verdict)].name;
}

static int compare_for_qsort(const void *a, const void *b)
{
    return vc_score_compare(a, b);
}

static void sort_best_first(struct vc_score *scores, size_t n)
{
    if (n > 1)
        qsort(scores, n, sizeof *scores, compare_for_qsort);
}

void vc_rank_agents(const struct vc_candidate *candidates, size_t n, struct vc_weights w,
                    enum vc_base_kind base, struct vc_score *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = vc_score_of(&candidates[i], w, base);
    sort_best_first(out, n);
}

void vc_rank_agents_with_recency(const struct vc_candidate *candidates, size_t n,
                                 struct vc_weights w, enum vc_base_kind base, struct vc_score *out)
{
    for (size_t i = 0; i < n; i++) {
        const struct vc_candidate *c = &candidates[i];
        out[i] = score_with(c, c->recent_n ? c->recent_success_rate : c->expertise, w, base);
    }
    sort_best_first(out, n);
}

bool vc_select_best(const struct vc_candidate *candidates, size_t n, struct vc_weights w,
                    enum vc_base_kind base, struct vc_score *out)
{
    if (n == 0)
        return false;
    *out = vc_score_of(&candidates[0], w, base);
    for (size_t i = 1; i < n; i++) {
        struct vc_score score = vc_score_of(&candidates[i], w, base);
        if (vc_score_compare(&score, out) < 0)
            *out = score;
    }
    return true;
}
