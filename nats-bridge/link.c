#include "nats-bridge/link.h"

#include "base/check.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RECONNECT_WAIT_MS   100
#define RECONNECT_JITTER_MS 100
#define PING_INTERVAL_MS    5000
#define MAX_PINGS_OUT       2
/* A frozen server must not hold a caller for longer than this when the socket is full. */
#define WRITE_DEADLINE_MS 2000
/* What was published into a dead connection is our store's to repeat, not the library's. */
#define RECONNECT_BUFFER 1024

natsOptions *vc_link_options(const char *url, const char *name, int64_t timeout_ms)
{
    natsOptions *opts = NULL;
    if (natsOptions_Create(&opts) != NATS_OK)
        return NULL;
    natsStatus s = natsOptions_SetURL(opts, url);
    if (s == NATS_OK)
        s = natsOptions_SetName(opts, name);
    if (s == NATS_OK)
        s = natsOptions_SetTimeout(opts, timeout_ms);
    if (s == NATS_OK)
        s = natsOptions_SetMaxReconnect(opts, -1);
    if (s == NATS_OK)
        s = natsOptions_SetReconnectWait(opts, RECONNECT_WAIT_MS);
    if (s == NATS_OK)
        s = natsOptions_SetReconnectJitter(opts, RECONNECT_JITTER_MS, RECONNECT_JITTER_MS);
    if (s == NATS_OK)
        s = natsOptions_SetPingInterval(opts, PING_INTERVAL_MS);
    if (s == NATS_OK)
        s = natsOptions_SetMaxPingsOut(opts, MAX_PINGS_OUT);
    if (s == NATS_OK)
        s = natsOptions_SetFailRequestsOnDisconnect(opts, true);
    if (s == NATS_OK)
        s = natsOptions_SetReconnectBufSize(opts, RECONNECT_BUFFER);
    if (s == NATS_OK)
        s = natsOptions_SetWriteDeadline(opts, WRITE_DEADLINE_MS);
    if (s == NATS_OK) /* the library's own flusher waits by the wall clock, which may be set back */
        s = natsOptions_SetSendAsap(opts, true);
    if (s == NATS_OK)
        return opts;
    natsOptions_Destroy(opts);
    return NULL;
}

enum vc_rc vc_link_fail(struct vc_err *err, natsStatus status, const struct vc_server *server)
{
    if (status == NATS_CONNECTION_AUTH_FAILED || status == NATS_NOT_PERMITTED)
        return vc_fail(err, VC_E_DENIED,
                       "connecting to %s: the server refuses the user or password; check both in "
                       "the NATS URL against the server's configuration",
                       server->shown);
    if (status == NATS_TIMEOUT)
        return vc_fail(err, VC_E_UNREACHABLE,
                       "connecting to %s: no NATS server answered in time; check host and port",
                       server->shown);
    if (status == NATS_NO_SERVER || status == NATS_IO_ERROR)
        return vc_fail(err, VC_E_UNREACHABLE,
                       "connecting to %s: nobody listens there; is the NATS server running?",
                       server->shown);
    return vc_fail(err, VC_E_UNREACHABLE, "connecting to %s: %s", server->shown,
                   natsStatus_GetText(status));
}

void vc_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    VC_CHECK(pthread_cond_init(cond, &attr) == 0);
    pthread_condattr_destroy(&attr);
}

static struct timespec from_now(int64_t ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    int64_t ns = at.tv_nsec + ms % 1000 * 1000000;
    at.tv_sec += ms / 1000 + ns / 1000000000;
    at.tv_nsec = ns % 1000000000;
    return at;
}

void vc_cond_wait_ms(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t ms)
{
    struct timespec until = from_now(ms);
    pthread_cond_timedwait(cond, lock, &until);
}

void vc_gate_init(struct vc_gate *gate)
{
    VC_CHECK(pthread_mutex_init(&gate->lock, NULL) == 0);
    vc_cond_init(&gate->left);
    gate->inside = 0;
}

void vc_gate_fini(struct vc_gate *gate)
{
    pthread_mutex_destroy(&gate->lock);
    pthread_cond_destroy(&gate->left);
}

void vc_gate_enter(struct vc_gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->inside++;
    pthread_mutex_unlock(&gate->lock);
}

void vc_gate_leave(void *gate_ptr)
{
    struct vc_gate *gate = gate_ptr;
    pthread_mutex_lock(&gate->lock);
    VC_CHECK(gate->inside > 0);
    gate->inside--;
    pthread_cond_broadcast(&gate->left);
    pthread_mutex_unlock(&gate->lock);
}

bool vc_gate_wait_empty(struct vc_gate *gate, int64_t timeout_ms)
{
    struct timespec until = from_now(timeout_ms);
    pthread_mutex_lock(&gate->lock);
    int rc = 0;
    while (gate->inside > 0 && rc == 0)
        rc = pthread_cond_timedwait(&gate->left, &gate->lock, &until);
    bool empty = gate->inside == 0;
    pthread_mutex_unlock(&gate->lock);
    return empty;
}

natsSubscription *vc_link_subscribe(natsConnection *nc, const char *subject, const char *group,
                                    natsMsgHandler handler, void *ctx, struct vc_gate *gate)
{
    natsSubscription *sub = NULL;
    natsStatus s = group ? natsConnection_QueueSubscribe(&sub, nc, subject, group, handler, ctx)
                         : natsConnection_Subscribe(&sub, nc, subject, handler, ctx);
    if (s != NATS_OK)
        return NULL;
    vc_gate_enter(gate);
    if (natsSubscription_SetOnCompleteCB(sub, vc_gate_leave, gate) == NATS_OK)
        return sub;
    vc_gate_leave(gate);
    natsSubscription_Destroy(sub);
    return NULL;
}

int vc_msg_status(natsMsg *msg)
{
    const char *value = NULL;
    if (natsMsg_GetDataLength(msg) > 0 || natsMsgHeader_Get(msg, "Status", &value) != NATS_OK)
        return 0;
    return value ? (int)strtol(value, NULL, 10) : 0;
}
