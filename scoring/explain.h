/* explain.h - a ranking and a choice as text that a person can check with a pencil. Pure. */
#ifndef VC_SCORING_EXPLAIN_H
#define VC_SCORING_EXPLAIN_H

#include "base/str.h"
#include "scoring/choice.h"

/* Append one line: "a1 0.725 = 0.3*0.250 load + 0.5*0.900 expertise + 0.2*1.000 confidence".
 * The load part is the base, weighted. */
void vc_explain_score(const struct vc_score *score, struct vc_weights w, struct vc_buf *out);

/* Append one sentence and a line break: who got it, by which rule, and what told it from
 * @runner_up, NULL when there was none. After a trial, the runner-up is the first by score: the one
 * who would have got it. */
void vc_explain_choice(const struct vc_choice *choice, const struct vc_score *runner_up,
                       struct vc_buf *out);

#endif
