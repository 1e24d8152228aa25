/* outcome.h - how an execution ended, and whether it is evidence of skill. Pure. */
#ifndef VC_LEARNING_OUTCOME_H
#define VC_LEARNING_OUTCOME_H

#include "base/time.h"

#include <stdbool.h>
#include <stdint.h>

enum vc_outcome {
#define VC_OUTCOME(name, wire) VC_OUTCOME_##name,
#include "learning/outcome.def"
#undef VC_OUTCOME
    VC_OUTCOME_COUNT
};

enum vc_error_class {
#define VC_ERROR_CLASS(name, wire, counted) VC_ERROR_##name,
#include "learning/error_class.def"
#undef VC_ERROR_CLASS
    VC_ERROR_COUNT
};

/* The word on the wire. */
const char *vc_outcome_name(enum vc_outcome outcome);
const char *vc_error_class_name(enum vc_error_class cls);

/* The value of a word; false when it is none. @out is untouched then. */
bool vc_outcome_parse(const char *word, enum vc_outcome *out);
bool vc_error_class_parse(const char *word, enum vc_error_class *out);

/* The class an outcome has when its reporter named none: failure is agent_error, timeout is
 * timeout, declined is declined, canceled is canceled, success is NONE. */
enum vc_error_class vc_error_class_default(enum vc_outcome outcome);

/* Whether the outcome is learnt from: every success (a class on it is ignored), and a failure or
 * timeout of a counted class. Declined and canceled never are. */
bool vc_outcome_counts(enum vc_outcome outcome, enum vc_error_class cls);

/* One counted execution, as learning sees it. */
struct vc_evidence {
    struct vc_wall finished_at;
    const char *task_id; /* orders executions that finished in the same millisecond */
    uint32_t epoch;
    double value; /* [0, 1]: 1 success, 0 failure, between for a graded outcome */
};

#endif
