/* submission.h - the body of a task submission from the command line's options. */
#ifndef VC_CLI_SUBMISSION_H
#define VC_CLI_SUBMISSION_H

#include "cli/cmd.h"

/* The options that describe one task, for the table of `task submit`. */
#define VC_OPTIONS_SUBMISSION                                                                      \
    {"title", 0, "T", "what is to be done, in one line", false, false},                            \
        {"description", 'd', "D", "more about it", false, false},                                  \
        {"task-type", 't', "T", "its type (else found from title and description)", false, false}, \
        {"id", 0, "ID", "its id; the same id and body again is the same task", false, false},      \
        {"input", 'i', "JSON|@FILE|-", "input for the agent, any JSON", false, false},             \
        {"priority", 'p', "N", "0 to 9, higher goes first (default 5)", false, false},             \
        {"requires", 0, "C", "a capability that the agent must have", false, true},                \
        {"role", 0, "R", "the role that the agent must have", false, false},                       \
        {"exclude", 0, "ID", "an agent that must not get it", false, true},                        \
        {"pin", 0, "ID", "the only agent that may get it", false, false},                          \
        {"deadline", 0,    "INSTANT|D", "must have ended by then, or it expires: RFC 3339, or 2h", \
         false,      false},                                                                       \
        {"timeout", 0, "D", "how long one attempt may take", false, false},                        \
        {"max-attempts", 0, "N", "1 to 20 (default 3)", false, false},                             \
        {"label", 'l', "K=V", "a label", false, true},                                             \
        {"parent", 0, "ID", "the task that this one is a part of", false, false},                  \
    {                                                                                              \
        "context", 0, "ID", "the conversation or workflow it belongs to", false, false             \
    }

/* Build the body from the options above. 0 when @body was filled (caller json_decref()s), else an
 * exit code after the error line. */
int vc_submission_build(const struct vc_cli *cli, json_t **body);

/* The first given option of the table above, NULL when there is none: a file of submissions says
 * all that itself. */
const char *vc_submission_option(const struct vc_cli *cli);

/* Give @body an id of our making when it has none; returns the id, borrowed from @body. */
const char *vc_submission_id(json_t *body);

#endif
