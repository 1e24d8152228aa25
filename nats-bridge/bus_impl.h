/* bus_impl.h - the inside of struct vc_bus, shared by the files that make it up: bus.c (what the
 * owner calls), arrivals.c (the library's threads), supervisor.c (its own thread), mailbox.c,
 * streams.c, service_api.c.
 *
 * Locks, in the order in which they may be taken: mailbox->lock, nc_lock, lock, queue.lock. */
#ifndef VC_NATS_BRIDGE_BUS_IMPL_H
#define VC_NATS_BRIDGE_BUS_IMPL_H

#include "nats-bridge/inqueue.h"
#include "nats-bridge/link.h"
#include "nats-bridge/mailbox.h"
#include "nats-bridge/subjects.h"

#include <pthread.h>
#include <stdatomic.h>

#define VC_SERVICE_NAME "vapora-coord"
#define VC_MAILBOXES    2
#define VC_BUS_SUBS_MAX 20

/* Counters of one API verb, for the service API. */
struct vc_endpoint {
    const char *verb;
    uint64_t requests, errors;
    int64_t took_us;
};

struct vc_bus {
    char *url, *version;
    char prefix[VC_PREFIX_MAX + 1];
    struct vc_server server;
    int64_t ack_wait_ms, stream_max_bytes;
    void (*wake)(void *ctx);
    void *wake_ctx;

    char inbox[VC_INBOX_MAX], assign_inbox[VC_INBOX_MAX], puback_inbox[VC_INBOX_MAX];
    struct vc_inqueue queue;
    struct vc_mailbox mailboxes[VC_MAILBOXES];
    pthread_t supervisor;

    /* Held for reading around every use of `nc` outside the supervisor, which alone sets it. */
    pthread_rwlock_t nc_lock;
    natsConnection *nc;
    natsSubscription *subs[VC_BUS_SUBS_MAX]; /* the supervisor's */
    size_t subs_n;
    struct vc_gate gate;
    _Atomic int64_t max_payload; /* of the server, bytes */
    atomic_bool connected; /* checked before nc_lock: the library connects under its own lock */

    pthread_mutex_t lock; /* for all below */
    pthread_cond_t work;  /* something changed for the supervisor */
    bool stopping, closed, check_due, greet_due;
    bool ready;
    bool deaf;       /* a subscription was denied: what comes in does not reach us */
    uint64_t losses; /* how often the connection went away: a check spanning one is void */
    uint64_t reconnects;
    uint64_t unread, unread_before; /* dropped by the library: on this connection, on former ones */
    char server_version[32], problem[256], drift[512], denied[256];
    /* The supervisor's alone: everything was there once, so that what is absent has vanished; and
     * what did since the owner last heard that the link is up. */
    bool known;
    char vanished[256];
    char server_id[64];             /* drawn by a server at its start */
    uint64_t ends[VC_STREAM_COUNT]; /* the last sequence in each stream, as of the last look */
    struct vc_endpoint *endpoints;
    size_t endpoints_n;
    int64_t started_ms;
};

/* Publish without waiting; @reply may be NULL. False without a connection. */
bool vc_bus_send(struct vc_bus *bus, const char *subject, const char *reply, const char *body,
                 size_t len);
bool vc_bus_send_msg(struct vc_bus *bus, natsMsg *msg);

/* Hand a message to the owner; takes ownership, unless it answers false: there is no room. */
bool vc_bus_post(struct vc_bus *bus, struct vc_parcel *parcel);
/* Queue the news that the link came or went; call it with `lock` held, so that coming and going
 * cannot overtake each other. True: call vc_bus_wake after letting go of the lock. */
bool vc_bus_queue_link(struct vc_bus *bus, bool up, const char *text);
void vc_bus_wake(struct vc_bus *bus);

/* Let the supervisor look at the streams and consumers at once. */
void vc_bus_check_soon(struct vc_bus *bus);

/* The endpoint of @verb, NULL when there is none. */
struct vc_endpoint *vc_bus_endpoint(struct vc_bus *bus, const char *verb);

/* Subscribe to everything that comes in; false and @err when the library refuses. */
bool vc_arrivals_subscribe(struct vc_bus *bus, struct vc_err *err);
/* The nine subjects of the service API. */
bool vc_service_api_subscribe(struct vc_bus *bus);
/* One more subscription of the current connection. */
bool vc_bus_subscribe(struct vc_bus *bus, const char *subject, const char *group,
                      natsMsgHandler handler, void *ctx);

/* A stream or consumer is not there. At the first start that is no news; later the owner hears that
 * the link is down, and when it is up again, what had to be made again. */
void vc_bus_vanished(struct vc_bus *bus, const char *what);

/* Create or compare the streams and consumers. False: @problem says why not. */
bool vc_streams_ensure(struct vc_bus *bus, natsConnection *nc, char problem[256], char drift[512]);
/* What the stream @name must be like; json_decref() it. */
json_t *vc_stream_config(const char *prefix, int64_t max_bytes, enum vc_stream stream,
                         const char *name);
/* Compare a stream's configuration with it. False: @problem names what nobody can work with;
 * @drift gets the rest. */
bool vc_stream_compare(const char *what, bool mailbox, const json_t *have, const json_t *want,
                       char problem[256], char drift[512]);
/* Purge what the consumer of @mailbox has acknowledged. */
void vc_streams_purge(natsConnection *nc, struct vc_mailbox *mailbox);

/* The thread: connects, checks, purges until the bus stops. */
void *vc_supervise(void *bus);

#endif
