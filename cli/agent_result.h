/* agent_result.h - from how a command ended to what an agent reports. */
#ifndef VC_CLI_AGENT_RESULT_H
#define VC_CLI_AGENT_RESULT_H

#include "cli/child.h"
#include "learning/outcome.h"

#define VC_RESULT_BODY_MAX                                                                         \
    61440 /* bytes of a result; a message may have 64 KiB with its headers                         \
           */
#define VC_RESULT_EXIT_TIMEOUT 124 /* what timeout(1) exits with */

struct vc_agent_verdict {
    enum vc_outcome outcome;
    enum vc_error_class error_class;
};

/* Exit code 0 is a success and 124 a timeout; a signal, or 128 + one as shells report it, is a
 * failure of the tool; any other code is the agent's own failure. One we stopped ended as the
 * reason says: timeout, canceled, or lost. */
struct vc_agent_verdict vc_agent_verdict_of(const struct vc_child_end *end);

/* The body of vapora.task.result.<agent_id>, at most VC_RESULT_BODY_MAX bytes; free() it. The
 * output is JSON if it is a document of its own that the protocol's limits allow, else text; bytes
 * that are not UTF-8 become U+FFFD. What was cut off is marked by "output_cut": true. */
char *vc_agent_result_body(const char *task_id, uint32_t epoch, const struct vc_child_end *end);

/* The body for a command that could not be started at all. */
char *vc_agent_result_unstarted(const char *task_id, uint32_t epoch, const char *why);

#endif
