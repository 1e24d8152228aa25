/* bus.h - the coordinator's end of NATS: everything that comes in as one queue of checked
 * messages, everything that goes out as one call each.
 *
 * Threads: cnats delivers on its own threads; they decode (so that parsing costs the loop nothing)
 * and push into one bounded queue, then call `wake`. The owner takes from the queue on its loop.
 * A supervisor thread of the bus connects, makes the streams and consumers, purges what was
 * committed, and builds a new connection when one is finally closed. All functions below may be
 * called from the owner's thread; none waits for the server.
 *
 * Why not the libuv adapter, Fetch or a blocking request: docs/decisions/0003-no-cnats-adapter.md.
 */
#ifndef VC_NATS_BRIDGE_BUS_H
#define VC_NATS_BRIDGE_BUS_H

#include "base/err.h"
#include "nats-bridge/messages.h"
#include "nats-bridge/subjects.h"

#define VC_STREAM_BYTES    (INT64_C(1) << 30) /* of a stream at most; see protocol.md, "Streams" */
#define VC_BUS_QUEUE_MAX   65536              /* inbound messages waiting for the owner */
#define VC_BUS_PULL_BATCH  512                /* messages asked for in one pull */
#define VC_BUS_PULL_CREDIT 4 /* pulls' worth of messages that may wait for a commit, a stream */

struct vc_bus;

struct vc_bus_conf {
    const char *url;              /* nats://USER:PASSWORD@HOST:PORT; copied */
    const char *prefix;           /* first token of every subject: "vapora" */
    const char *version;          /* ours, for the service API */
    const char *const *endpoints; /* API verbs "task.submit", ..., NULL-terminated; static */
    int64_t ack_wait_ms;          /* 0 = 30,000 */
    int64_t stream_max_bytes;     /* TASKS, RESULTS, EVENTS each, DEAD an eighth; 0 = 1 GiB */
    /* Called from any thread when the queue was empty; may not call the bus. NULL: never. */
    void (*wake)(void *ctx);
    void *wake_ctx;
};

enum vc_in_kind {
    VC_IN_SUBMIT, /* from VAPORA_TASKS; vc_bus_ack it after the commit */
    VC_IN_RESULT, /* from VAPORA_RESULTS; same */
    VC_IN_HEARTBEAT,
    VC_IN_API,          /* a request to <prefix>.api.<noun>.<verb>[.<agent_id>] */
    VC_IN_ASSIGN_REPLY, /* an agent's answer to an assignment, or that nobody listens */
    VC_IN_PUBACK,       /* an event of the outbox is stored, or was refused */
    VC_IN_LINK,         /* the connection came (streams ready) or went; also when a stream or
                           consumer vanished under it, and was made again: the text says which */
};

/* One thing that arrived. Owned by the taker: vc_inbound_destroy() it. */
struct vc_inbound {
    enum vc_in_kind kind;
    bool refused; /* the body was bad: `refusal` says why, the union is empty */
    struct vc_refusal refusal;
    char subject_id[VC_ID_MAX + 1]; /* the id in the subject; "" when none. For VC_IN_RESULT and
                                       VC_IN_HEARTBEAT the agent that NATS let publish there */
    char verb[VC_VERB_MAX];         /* VC_IN_API: "task.submit" */
    char *reply_to;                 /* where an answer or ack goes; NULL = nowhere */
    /* The raw bytes, NUL-terminated, of a refused or API message. Cut at VC_BODY_MAX, since
     * whatever is longer was refused for its length. */
    char *body;
    size_t body_len;
    uint64_t stream_seq; /* position in its stream; 0 when in none */
    uint32_t delivered;  /* how often the server has handed it out */
    union {
        struct vc_msg_submit submit; /* also VC_IN_API task.submit */
        struct vc_msg_result result;
        struct vc_msg_heartbeat heartbeat;
        struct vc_msg_register registration; /* VC_IN_API agent.register */
        json_t *request;                     /* other VC_IN_API verbs: an object, {} when empty */
        struct {
            char task_id[VC_ID_MAX + 1];
            uint32_t epoch;
            bool nobody;                      /* no responders: the agent is not there */
            struct vc_msg_assign_reply reply; /* an unreadable answer declines, and says why */
        } assign;
        struct {
            int64_t outbox_seq;
            bool ok; /* also when the stream had it already: as `stream_seq` in `stream` */
            enum vc_stream stream;
            bool too_large; /* its stream or this server will never take it; not ok */
            char text[128]; /* why not */
        } puback;
        struct {
            bool up;
            uint64_t ends[VC_STREAM_COUNT]; /* when up: the last sequence in each stream */
            char text[256];
        } link;
    };
};

/* NULL is fine; leaves NULL. May outlive the bus. A message of a stream that was not acknowledged
 * comes again after ack_wait_ms. */
void vc_inbound_destroy(struct vc_inbound **in);

/* Start connecting; returns at once and never gives up: an absent server is waited for.
 * VC_E_INVALID for a URL or prefix that cannot be one. */
VC_MUST_CHECK enum vc_rc vc_bus_open(const struct vc_bus_conf *conf, struct vc_bus **bus,
                                     struct vc_err *err);

/* Flush for at most a second, close, join, free. NULL is fine; leaves NULL. */
void vc_bus_close(struct vc_bus **bus);

/* Take up to @max messages. Results and replies come before heartbeats, those before API requests,
 * those before new tasks, each kind in the order of arrival. */
size_t vc_bus_take(struct vc_bus *bus, struct vc_inbound **out, size_t max);

/* Stop or go on pulling new tasks (results are always pulled): back-pressure and drain. What was
 * asked for before a stop still comes, at most two pulls' worth. */
void vc_bus_pull_tasks(struct vc_bus *bus, bool on);

/* Sending. Without a connection each drops the message and returns false: whoever must not lose it
 * keeps it in the store and tries again after VC_IN_LINK. */

/* Acknowledge a message of a stream, and let one more be pulled in its place. */
bool vc_bus_ack(struct vc_bus *bus, struct vc_inbound *in);
/* An answer longer than the server carries is replaced by an error that says so. */
bool vc_bus_reply(struct vc_bus *bus, const char *reply_to, const char *body, size_t len);
bool vc_bus_reply_refusal(struct vc_bus *bus, const char *reply_to,
                          const struct vc_refusal *refusal);
bool vc_bus_assign(struct vc_bus *bus, const char *agent_id, const char *task_id, uint32_t epoch,
                   const char *body, size_t len);
bool vc_bus_control(struct vc_bus *bus, const char *agent_id, const char *body, size_t len);

/* Publish a message of the outbox into its stream with Nats-Msg-Id @msg_id; VC_IN_PUBACK answers,
 * unless the server or the connection is lost on the way: repeat it then. True and an answer that
 * says too_large also when the server carries no message of this length. */
bool vc_bus_publish_stored(struct vc_bus *bus, int64_t outbox_seq, const char *subject,
                           const char *msg_id, const char *body, size_t len);

/* Count a served request for the service API's STATS. */
void vc_bus_served(struct vc_bus *bus, const char *verb, int64_t took_us, bool error);

struct vc_bus_status {
    bool connected, ready;   /* ready: streams and consumers are there and as expected */
    char server_version[32]; /* "" before the first connection */
    /* Why not ready; "" when ready. "not connected to ... yet" until the first attempt failed: that
     * is no error. */
    char problem[256];
    /* Streams that differ from what we would create, or a permission that the server denied while
     * ready; "" when none. */
    char drift[512];
    uint64_t reconnects;
    uint64_t dropped;    /* lossy messages that found no room */
    uint64_t queue_len;  /* waiting now */
    uint64_t queue_full; /* messages of any kind that found no room; requests were told so */
};
void vc_bus_status(struct vc_bus *bus, struct vc_bus_status *out);

#endif
