/* task_type.h - what kind of work a text asks for. Pure; the rules are the table task_types.def. */
#ifndef VC_LEARNING_TASK_TYPE_H
#define VC_LEARNING_TASK_TYPE_H

#include <stddef.h>

/* How a task's type was found. */
enum vc_type_method {
    VC_TYPE_EXPLICIT, /* the submitter said it: always wins */
    VC_TYPE_RULE,     /* a whole-word rule fired */
    VC_TYPE_DEFAULT,  /* nothing fired: "general" */
};

const char *vc_type_method_name(enum vc_type_method method);

struct vc_type_guess {
    const char *task_type; /* static storage, or the caller's text when explicit */
    enum vc_type_method method;
    double confidence; /* [0, 1]: 1 explicit, 0 default, the rule's own between */
    const char *rule;  /* the words that fired, static storage; NULL unless VC_TYPE_RULE */
};

/* Infer the type of a task from its @title and @description (NULL is fine for it).
 *
 * @stated  the submitter's own word, NULL when none; it is taken as it is.
 *
 * Words are runs of ASCII letters and digits, compared without case; "latest" does not hold the
 * word "test", and a byte of another alphabet belongs to the word it touches. A phrase's words may
 * stand apart by anything that is no word: "pull request" fits "pull-request". Rules are tried in
 * the table's order on the first 256 words of the title; when none fires, on those of the
 * description. Within a rule the phrase named first wins. @title may be "", not NULL.
 *
 * O(words * phrases), 2 microseconds for a commit subject, 40 for 256 words; no allocation. */
struct vc_type_guess vc_task_type_infer(const char *stated, const char *title,
                                        const char *description);

#endif
