/* choice.h - from a ranking to the one who gets the task: the formula, and probation around it.
 *
 * Pure. The scores are always the formula's; probation only changes who is taken, and says so. */
#ifndef VC_SCORING_CHOICE_H
#define VC_SCORING_CHOICE_H

#include "scoring/score.h"

enum vc_rule {
#define VC_RULE(name, wire, text) VC_RULE_##name,
#include "scoring/rule.def"
#undef VC_RULE
    VC_RULE_COUNT
};

const char *vc_rule_name(enum vc_rule rule);
const char *vc_rule_text(enum vc_rule rule);

/* The probation overlay. An untried agent scores at most 0.3 and a tried one at least that of its
 * confidence and expertise, so the bare formula locks on to the first that succeeds
 * (docs/decisions/0004-probation.md). */
struct vc_probation {
    bool on;               /* false = strict: the formula alone */
    uint32_t trials;       /* [1, 100] executions a cell gets; default 3 */
    double max_share;      /* [0, 1] of a type's decisions that may be trials; default 0.2 */
    uint32_t priority_max; /* tasks above this priority are never trials; default 7 of 0..9 */
    int64_t deadline_ms;   /* nor are tasks whose deadline is nearer than this; default 60,000 */
    int64_t return_ms;     /* a cell silent for this long is on probation again; default 28 days */
};

/* What the fields above call default; the one place. */
#define VC_PROBATION_DEFAULT                                                                       \
    {                                                                                              \
        .on = true, .trials = 3, .max_share = 0.2, .priority_max = 7, .deadline_ms = VC_MINUTE_MS, \
        .return_ms = 28 * VC_DAY_MS                                                                \
    }

extern const struct vc_probation vc_probation_default;

/* What probation needs to know beside the scores, for the candidate at the same index of the
 * array that was ranked. */
struct vc_trial {
    uint32_t done;          /* executions here since now - return_ms, and trials in flight */
    uint64_t other_n;       /* counted executions in all types */
    double other_value_sum; /* sum of their values */
};

/* The task's and the type's side of it. */
struct vc_choice_context {
    uint32_t priority;       /* 0..9 */
    int64_t deadline_in_ms;  /* < 0 = none */
    uint64_t type_decisions; /* decisions made in this type so far */
    uint64_t type_trials;    /* of them, by probation */
    bool pinned;             /* the submitter named the only candidate */
};

struct vc_choice {
    const struct vc_score *chosen;
    enum vc_rule rule;
};

/* Choose from @n >= 1 scores ranked best first by vc_rank_agents.
 *
 * @trials  one for each element of the array of candidates that was ranked, in its order;
 *          @candidates is that array, so that index = scores[i].candidate - candidates.
 *
 * A trial goes to a candidate with done < trials, when the formula's own winner is not one, when
 * (type_trials + 1) <= max_share * (type_decisions + 1) within 1e-9, and when priority and deadline
 * allow. Among several: the best record in all types first, (value_sum + 1) / (n + 2); then fewer
 * done; then the ranking's order. With no history for anyone in the type the rule is FALLBACK_LOAD
 * and the ranking decides. O(n). */
struct vc_choice vc_choose(const struct vc_score *scores, const struct vc_candidate *candidates,
                           const struct vc_trial *trials, size_t n,
                           const struct vc_probation *probation,
                           const struct vc_choice_context *context);

#endif
