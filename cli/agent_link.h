/* agent_link.h - an agent's side of NATS: it connects, registers and delivers results in a thread
 * of its own, so that the agent's loop never waits for a server.
 *
 * Two connections: one receives assignments and control messages and sends what may be lost
 * (answers, heartbeats); the other waits for answers (registration, results). All functions may be
 * called from one thread, the loop's; `wake` is called from any other. */
#ifndef VC_CLI_AGENT_LINK_H
#define VC_CLI_AGENT_LINK_H

#include "base/err.h"
#include "base/id.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VC_AGENT_INBOX_MAX 4096 /* messages that may wait for the loop; more are dropped */

struct vc_agent_link;

struct vc_agent_link_conf {
    const char *url, *agent_id; /* borrowed until the link is closed */
    json_t *registration;       /* the body of agent.register; stolen */
    void (*wake)(void *ctx);
    void *ctx;
};

enum vc_agent_event_kind {
    VC_AGENT_ASSIGNMENT, /* body, reply_to */
    VC_AGENT_CONTROL,    /* body, reply_to */
    VC_AGENT_REGISTERED, /* interval_ms, lease_ms */
    VC_AGENT_STORED,     /* the result of (task_id, epoch) is in its stream */
    VC_AGENT_REFUSED,    /* why: the server or the coordinator does not want this agent */
};

/* One thing that happened. Free it with vc_agent_event_free(). */
struct vc_agent_event {
    enum vc_agent_event_kind kind;
    char *body, *reply_to; /* reply_to NULL = nobody waits */
    size_t len;
    int64_t interval_ms, lease_ms;
    char task_id[VC_ID_MAX + 1];
    uint32_t epoch;
    struct vc_err why;
    struct vc_agent_event *next;
};

/* Start connecting, for as long as it takes. Never NULL. */
struct vc_agent_link *vc_agent_link_open(const struct vc_agent_link_conf *conf);

/* Stop at once: what was not delivered by now is lost. NULL is fine; leaves NULL. */
void vc_agent_link_close(struct vc_agent_link **link);

/* What happened since the last call, in order; NULL when nothing did. */
struct vc_agent_event *vc_agent_link_take(struct vc_agent_link *link);
void vc_agent_event_free(struct vc_agent_event *event);

/* Send to @subject without waiting. Dropped while there is no connection. */
void vc_agent_link_send(struct vc_agent_link *link, const char *subject, const char *body);

/* Deliver the result @body of (@task_id, @epoch), again and again until a stream has it;
 * VC_AGENT_STORED follows. @body becomes the link's. */
void vc_agent_link_deliver(struct vc_agent_link *link, const char *task_id, uint32_t epoch,
                           char *body);

#endif
