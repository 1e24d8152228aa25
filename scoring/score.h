/* score.h - rank candidate agents for one task.
 *
 * Pure, and deaf to where numbers come from: it includes nothing of learning/. */
#ifndef VC_SCORING_SCORE_H
#define VC_SCORING_SCORE_H

#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The weights of the three parts: each >= 0, sum 1 within 1e-9. */
struct vc_weights {
    double load, expertise, confidence;
};

/* 0.3 load, 0.5 expertise, 0.2 confidence: the design card's. */
#define VC_WEIGHTS_DEFAULT                                                                         \
    {                                                                                              \
        0.3, 0.5, 0.2                                                                              \
    }
extern const struct vc_weights vc_weights_default;

/* Whether @w is usable: finite, >= 0, sum 1 within 1e-9. */
bool vc_weights_ok(struct vc_weights w);

/* How an agent's load and record become the base part.
 *
 *   success-load  s / (1 + L)     the default; s = success rate over all types, 1 with none
 *   headroom      max(0, 1 - L) */
enum vc_base_kind { VC_BASE_SUCCESS_LOAD, VC_BASE_HEADROOM };

/* What is known of one candidate at the moment of choice. Ratios in [0, 1]. */
struct vc_candidate {
    uint32_t agent;             /* index in the caller's roster; carried through untouched */
    const char *agent_id;       /* the last tie-break; borrowed */
    uint32_t in_flight;         /* open leases */
    uint32_t capacity;          /* >= 1 */
    double agent_success_rate;  /* s: plain, over all types; 1 with no execution at all */
    double expertise;           /* 0 with no history in the type */
    double confidence;          /* 0 with no history in the type */
    double success_rate;        /* plain, in the type; meaningless while n == 0 */
    double recent_success_rate; /* meaningless while recent_n == 0 */
    uint64_t n;                 /* counted executions in the type */
    uint32_t recent_n;          /* of the history, at most 7 days old */
    struct vc_mono idle_since;  /* when it last got or ended a task; smaller = idle for longer */
};

/* A verdict that can explain itself: total = w.load * base + w.expertise * expertise +
 * w.confidence * confidence. */
struct vc_score {
    const struct vc_candidate *candidate; /* the caller's */
    double total, load, base, expertise, confidence;
};

/* Score one candidate. Formula and vectors: docs/scoring.md.
 *
 *   load  = in_flight / capacity
 *   base  = s / (1 + load)                          (VC_BASE_SUCCESS_LOAD)
 *   total = 0.3 * base + 0.5 * expertise + 0.2 * confidence */
struct vc_score vc_score_of(const struct vc_candidate *candidate, struct vc_weights w,
                            enum vc_base_kind base);

/* The total order of scores, best first; < 0 when @a is better. Ties break by lower load, then
 * larger n, then longer idle, then bytewise smaller agent_id: the same input gives the same order
 * on every machine, and no two candidates are equal. */
int vc_score_compare(const struct vc_score *a, const struct vc_score *b);

/* Which of the rules above told @a from @b: "score", "load", "n", "idle", "agent_id". */
const char *vc_score_tie_break(const struct vc_score *a, const struct vc_score *b);

/* Rank @n candidates best first into @out (room for @n). O(n log n); no allocation but what qsort()
 * of the C library takes for many. */
void vc_rank_agents(const struct vc_candidate *candidates, size_t n, struct vc_weights w,
                    enum vc_base_kind base, struct vc_score *out);

/* The same with recent_success_rate in place of expertise; a candidate without recent executions
 * keeps its expertise. */
void vc_rank_agents_with_recency(const struct vc_candidate *candidates, size_t n,
                                 struct vc_weights w, enum vc_base_kind base, struct vc_score *out);

/* The best of @n, in O(n) and without ranking the rest. False when n == 0. */
bool vc_select_best(const struct vc_candidate *candidates, size_t n, struct vc_weights w,
                    enum vc_base_kind base, struct vc_score *out);

#endif
