/* agent.h - an agent whose work is a shell command: it registers, takes assignments up to its
 * capacity, runs the command for each, reports how it ended, and beats in the meantime.
 *
 * A task runs once for each epoch, however often it is assigned. What is not delivered yet is kept
 * and keeps its lease. Wire contract: docs/protocol.md. */
#ifndef VC_CLI_AGENT_H
#define VC_CLI_AGENT_H

#include "base/err.h"

#include <stdint.h>

struct vc_agent_conf {
    const char *url, *agent_id, *command;
    const char *role, *version;      /* NULL = none */
    const char *const *capabilities; /* NULL-terminated */
    const char *const *task_types;   /* NULL-terminated */
    int64_t capacity;                /* tasks at the same time, >= 1 */
    int64_t timeout_ms;              /* of one task, > 0; an assignment's own may be shorter */
    int64_t max_output;              /* bytes of standard output to keep */
    int64_t max_tasks;               /* return after so many; 0 = go on */
};

/* Serve until max_tasks are done, or until TERM or INT: then running commands get 10 s, or end at
 * the second signal, and their results are still delivered. One line a task on stderr. An absent
 * server or coordinator is waited for.
 *
 * VC_E_IO  results could not be delivered at the end
 * VC_E_DENIED, VC_E_INVALID, VC_E_CONFLICT, VC_E_NOT_FOUND  the server refuses the password, or the
 *          coordinator the registration */
VC_MUST_CHECK enum vc_rc vc_agent_serve(const struct vc_agent_conf *conf, struct vc_err *err);

#endif
