/* expertise.h - what an agent has shown it can do in one task type.
 *
 * Pure: no I/O, no clock. The formula stands here once; profile.h keeps its value up to date as
 * outcomes come and time goes by. */
#ifndef VC_LEARNING_EXPERTISE_H
#define VC_LEARNING_EXPERTISE_H

#include "learning/outcome.h"

#include <stddef.h>

#define VC_HISTORY_MAX     100 /* counted executions of a cell that expertise looks at: the newest */
#define VC_CONFIDENCE_FULL 20  /* executions that give confidence 1 */
#define VC_RECENT_DAYS     7   /* age up to which an outcome weighs VC_RECENT_BOOST times */
#define VC_RECENT_BOOST    3

/* How weight falls with age d in days; boost(d) = 3 if d <= 7, else 1.
 *
 *   half-life   boost(d) * 2^(-d / 7)     the default
 *   e-fold      boost(d) * e^(-d / 7)
 *   step        boost(d)
 *
 * Source: docs/decisions/0001-recency-definition.md. */
enum vc_recency { VC_RECENCY_HALF_LIFE, VC_RECENCY_E_FOLD, VC_RECENCY_STEP, VC_RECENCY_COUNT };

const char *vc_recency_name(enum vc_recency recency);

/* False, and @out untouched, when @word names none. */
bool vc_recency_parse(const char *word, enum vc_recency *out);

/* The decay without the boost, as e^(-rate * days): ln 2 / 7, 1 / 7, 0. */
double vc_recency_rate(enum vc_recency recency);

/* min(1, n / 20). */
double vc_confidence_of(uint64_t n);

/* An agent's standing in one task type. */
struct vc_expertise {
    double expertise;           /* [0, 1]; 0 with no history */
    double confidence;          /* [0, 1]: min(1, n / 20) */
    double success_rate;        /* [0, 1]: plain mean over the history; 0 with no history */
    double recent_success_rate; /* [0, 1]: plain mean over ages <= 7 d; 0 while recent_n == 0 */
    uint64_t n;                 /* counted executions, all of them, not capped by VC_HISTORY_MAX */
    uint32_t recent_n;          /* of the history, how many are at most 7 days old */
    struct vc_wall newest_at;   /* finish of the newest counted execution; 0 with none */
};

/* Weigh the history as seen at @now, from scratch. The slow, obvious form: the oracle of every
 * faster one.
 *
 *   expertise = sum(w_i * v_i) / sum(w_i)   over the newest 100 of @evidence,
 *               summed in the order (finished_at, task_id, epoch) ascending
 *   d_i       = max(0, now - finished_at_i) in days of 86,400,000 ms, fractional
 *
 * A finish after @now (clock skew between hosts) counts with age 0.
 *
 * @evidence  sorted ascending by vc_evidence_before; the caller's
 * @n         how many there are; `n` in the result is this number
 *
 * O(min(n, 100)), no allocation. */
struct vc_expertise vc_expertise_of(const struct vc_evidence *evidence, size_t n,
                                    struct vc_wall now, enum vc_recency recency);

/* The one order of evidence: finished_at, then task_id, then epoch. */
bool vc_evidence_before(const struct vc_evidence *a, const struct vc_evidence *b);

#endif
