#include "scoring/explain.h"

#include "base/check.h"

#include <math.h>
#include <string.h>

#define DIGITS       3
#define DIGITS_CLOSE 9 /* where three would show two different scores as one */
#define CLOSE        0.001

void vc_explain_score(const struct vc_score *score, struct vc_weights w, struct vc_buf *out)
{
    vc_buf_show(out, score->candidate->agent_id);
    vc_buf_printf(out, " %.3f = %g*%.3f load + %g*%.3f expertise + %g*%.3f confidence\n",
                  score->total, w.load, score->base, w.expertise, score->expertise, w.confidence,
                  score->confidence);
}

/* Why an equal score was not a coin toss, by the rule that broke the tie. */
static const char *tie_text(const char *tie_break)
{
    static const struct {
        const char *name, *text;
    } texts[] = {
        {"load", "it carries less load"},
        {"n", "it has done more of this type"},
        {"idle", "it has been idle for longer"},
        {"agent_id", "its id sorts first"},
    };
    const char *text = NULL;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strcmp(tie_break, texts[i].name) == 0)
            text = texts[i].text;
    VC_CHECK(text != NULL); /* a tie-break without words */
    return text;
}

static void explain_runner_up(const struct vc_choice *choice, const struct vc_score *runner_up,
                              struct vc_buf *out)
{
    const struct vc_score *chosen = choice->chosen;
    int digits = fabs(chosen->total - runner_up->total) < CLOSE ? DIGITS_CLOSE : DIGITS;
    if (choice->rule == VC_RULE_PROBATION) {
        vc_buf_puts(out, "; by score alone it would have gone to ");
        vc_buf_show(out, runner_up->candidate->agent_id);
        vc_buf_printf(out, " (%.*f, not %.*f)", digits, runner_up->total, digits, chosen->total);
        return;
    }
    const char *tie_break = vc_score_tie_break(chosen, runner_up);
    bool tied = strcmp(tie_break, "score") != 0;
    vc_buf_puts(out, tied ? "; it ties with " : "; next is ");
    vc_buf_show(out, runner_up->candidate->agent_id);
    if (tied)
        vc_buf_printf(out, " at %.*f, and %s", DIGITS, chosen->total, tie_text(tie_break));
    else
        vc_buf_printf(out, " (%.*f against %.*f)", digits, runner_up->total, digits, chosen->total);
}

void vc_explain_choice(const struct vc_choice *choice, const struct vc_score *runner_up,
                       struct vc_buf *out)
{
    vc_buf_show(out, choice->chosen->candidate->agent_id);
    vc_buf_printf(out, " got it because %s", vc_rule_text(choice->rule));
    if (runner_up)
        explain_runner_up(choice, runner_up, out);
    vc_buf_puts(out, ".\n");
}
