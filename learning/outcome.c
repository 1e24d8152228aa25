#include "learning/outcome.h"

#include <stddef.h>
#include <string.h>

static const char *const outcome_names[] = {
#define VC_OUTCOME(name, wire) wire,
#include "learning/outcome.def"
#undef VC_OUTCOME
};

static const struct {
    const char *name;
    bool counted;
} error_classes[] = {
#define VC_ERROR_CLASS(name, wire, counted) {wire, counted},
#include "learning/error_class.def"
#undef VC_ERROR_CLASS
};

const char *vc_outcome_name(enum vc_outcome outcome)
{
    return outcome_names[outcome];
}

const char *vc_error_class_name(enum vc_error_class cls)
{
    return error_classes[cls].name;
}

bool vc_outcome_parse(const char *word, enum vc_outcome *out)
{
    for (size_t i = 0; i < VC_OUTCOME_COUNT; i++) {
        if (strcmp(word, outcome_names[i]) != 0)
            continue;
        *out = (enum vc_outcome)i;
        return true;
    }
    return false;
}

bool vc_error_class_parse(const char *word, enum vc_error_class *out)
{
    for (size_t i = VC_ERROR_NONE + 1; i < VC_ERROR_COUNT; i++) {
        if (strcmp(word, error_classes[i].name) != 0)
            continue;
        *out = (enum vc_error_class)i;
        return true;
    }
    return false;
}

enum vc_error_class vc_error_class_default(enum vc_outcome outcome)
{
    static const enum vc_error_class defaults[VC_OUTCOME_COUNT] = {
        [VC_OUTCOME_SUCCESS] = VC_ERROR_NONE,      [VC_OUTCOME_FAILURE] = VC_ERROR_AGENT_ERROR,
        [VC_OUTCOME_DECLINED] = VC_ERROR_DECLINED, [VC_OUTCOME_CANCELED] = VC_ERROR_CANCELED,
        [VC_OUTCOME_TIMEOUT] = VC_ERROR_TIMEOUT,
    };
    return defaults[outcome];
}

bool vc_outcome_counts(enum vc_outcome outcome, enum vc_error_class cls)
{
    if (outcome == VC_OUTCOME_SUCCESS)
        return true;
    if (outcome == VC_OUTCOME_FAILURE || outcome == VC_OUTCOME_TIMEOUT)
        return error_classes[cls].counted;
    return false;
}
