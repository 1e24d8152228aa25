#include "scoring/choice.h"

#define SHARE_TOLERANCE 1e-9 /* 0.29 * 100 is a hair below 29 */

const struct vc_probation vc_probation_default = VC_PROBATION_DEFAULT;

static const struct {
    const char *name, *text;
} rules[VC_RULE_COUNT] = {
#define VC_RULE(name, wire, text) [VC_RULE_##name] = {wire, text},
#include "scoring/rule.def"
#undef VC_RULE
};

const char *vc_rule_name(enum vc_rule rule)
{
    return rules[rule].name;
}

const char *vc_rule_text(enum vc_rule rule)
{
    return rules[rule].text;
}

static bool anybody_known(const struct vc_score *scores, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (scores[i].candidate->n > 0)
            return true;
    return false;
}

static bool trial_allowed(const struct vc_probation *p, const struct vc_choice_context *context)
{
    if (!p->on || context->priority > p->priority_max)
        return false;
    if (context->deadline_in_ms >= 0 && context->deadline_in_ms < p->deadline_ms)
        return false;
    double allowed = p->max_share * (double)(context->type_decisions + 1);
    return (double)(context->type_trials + 1) <= allowed + SHARE_TOLERANCE;
}

/* Success rate with one success and one failure added, so that a record of one says little. */
static double record_of(const struct vc_trial *trial)
{
    return (trial->other_value_sum + 1) / (double)(trial->other_n + 2);
}

static bool deserves_more(const struct vc_trial *a, const struct vc_trial *b)
{
    double record_a = record_of(a), record_b = record_of(b);
    return record_a > record_b || (record_a >= record_b && a->done < b->done);
}

struct vc_choice vc_choose(const struct vc_score *scores, const struct vc_candidate *candidates,
                           const struct vc_trial *trials, size_t n,
                           const struct vc_probation *probation,
                           const struct vc_choice_context *context)
{
    struct vc_choice choice = {.chosen = &scores[0], .rule = VC_RULE_FORMULA};
    if (context->pinned)
        choice.rule = VC_RULE_PINNED;
    else if (!anybody_known(scores, n))
        choice.rule = VC_RULE_FALLBACK_LOAD;
    if (choice.rule != VC_RULE_FORMULA || !trial_allowed(probation, context))
        return choice;
    if (trials[scores[0].candidate - candidates].done < probation->trials)
        return choice;
    const struct vc_trial *best = NULL;
    for (size_t i = 1; i < n; i++) {
        const struct vc_trial *trial = &trials[scores[i].candidate - candidates];
        if (trial->done >= probation->trials || (best && !deserves_more(trial, best)))
            continue;
        best = trial;
        choice = (struct vc_choice){.chosen = &scores[i], .rule = VC_RULE_PROBATION};
    }
    return choice;
}
