/* permissions.h - what each kind of NATS user may do: the subjects of docs/protocol.md as a block
 * of nats-server's configuration. */
#ifndef VC_NATS_BRIDGE_PERMISSIONS_H
#define VC_NATS_BRIDGE_PERMISSIONS_H

#include "base/str.h"

enum vc_role {
    VC_ROLE_COORDINATOR, /* its own subjects, and of JetStream what its four streams need */
    VC_ROLE_AGENT,       /* speaks for itself alone, sees its own tasks alone */
    VC_ROLE_SUBMITTER,   /* submits tasks, asks about them, cancels and retries them */
    VC_ROLE_DASHBOARD,   /* reads: every verb that changes nothing, and the events */
    VC_ROLE_COUNT
};

/* "agent" */
const char *vc_role_name(enum vc_role role);

/* Append "publish: [...]", "subscribe: [...]" and, for an agent, "allow_responses: true", a line
 * each for every subject, behind @indent spaces. @prefix must be vc_prefix_ok, @user vc_id_ok: an
 * agent's is its agent_id. */
void vc_permissions_add(struct vc_buf *out, enum vc_role role, const char *prefix, const char *user,
                        int indent);

#endif
