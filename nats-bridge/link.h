/* link.h - what every connection of ours has in common: how it is made, how its end is awaited, and
 * how its failures are told. Inside this folder only. */
#ifndef VC_NATS_BRIDGE_LINK_H
#define VC_NATS_BRIDGE_LINK_H

#include "base/err.h"
#include "base/id.h"

#include <nats/nats.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VC_LINK_TIMEOUT_MS 2000 /* for connecting, and for one request to JetStream */
#define VC_LINK_CLOSE_MS   5000 /* for the library's threads to let go of what is ours */
#define VC_LINK_FLUSH_MS   1000

/* Where a NATS URL leads. */
struct vc_server {
    char host[256], port[8];
    char shown[320];          /* the URL without its password or token, for messages */
    char user[VC_ID_MAX + 1]; /* of USER:PASSWORD when it can be part of a subject, else "" */
};

/* Take @url apart: [nats://|tls://][USER[:PASSWORD]@]HOST[:PORT]. VC_E_INVALID when it is not. */
VC_MUST_CHECK enum vc_rc vc_server_parse(const char *url, struct vc_server *out,
                                         struct vc_err *err);

/* Connect to @server without speaking and read its greeting: version into @out, "" if that fails.
 * NATS servers say it before anybody logs in. */
void vc_server_version(const struct vc_server *server, char *out, size_t cap);

/* Fresh options after the rules of docs/decisions/0003-no-cnats-adapter.md; NULL when the library
 * refuses them. natsOptions_Destroy() them. */
natsOptions *vc_link_options(const char *url, const char *name, int64_t timeout_ms);

/* Say in one line why connecting to @server failed; returns the code. */
enum vc_rc vc_link_fail(struct vc_err *err, natsStatus status, const struct vc_server *server);

/* Counts what the library still holds of ours (subscriptions, a connection's callbacks), so that
 * it can be waited for. Zero-initialising is not enough: vc_gate_init(). */
struct vc_gate {
    pthread_mutex_t lock;
    pthread_cond_t left;
    size_t inside;
};

void vc_gate_init(struct vc_gate *gate);
void vc_gate_fini(struct vc_gate *gate);
void vc_gate_enter(struct vc_gate *gate);
void vc_gate_leave(void *gate); /* natsOnCompleteCB */
/* False when somebody is still inside after @timeout_ms: then nothing may be freed. */
bool vc_gate_wait_empty(struct vc_gate *gate, int64_t timeout_ms);

/* A condition variable on the monotonic clock, and a wait on it for at most @ms. */
void vc_cond_init(pthread_cond_t *cond);
void vc_cond_wait_ms(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t ms);

/* Subscribe (in a queue group unless @group is NULL) and be counted by @gate until the last
 * callback has returned. NULL on failure. */
natsSubscription *vc_link_subscribe(natsConnection *nc, const char *subject, const char *group,
                                    natsMsgHandler handler, void *ctx, struct vc_gate *gate);

/* The number in the status line of a message without a body ("503"); 0 when it has none. */
int vc_msg_status(natsMsg *msg);

#endif
