/* mailbox.h - pulling one stream by hand, no faster than the owner commits.
 *
 * Two pulls are under way at a time, each on its own inbox, so that the next batch is on its way
 * while one is being delivered. Inside this folder only. */
#ifndef VC_NATS_BRIDGE_MAILBOX_H
#define VC_NATS_BRIDGE_MAILBOX_H

#include "nats-bridge/floor.h"
#include "nats-bridge/inqueue.h"
#include "nats-bridge/link.h"
#include "nats-bridge/subjects.h"

#define VC_DURABLE "coordinator"

struct vc_mailbox;

struct vc_pull {
    struct vc_mailbox *mailbox;
    char inbox[VC_INBOX_MAX];
    size_t left;         /* messages that this pull may still bring; 0 = none is under way */
    int64_t given_up_at; /* monotonic ms: without an answer until then the pull is lost */
};

#define VC_PULLS 2

struct vc_mailbox {
    struct vc_bus *bus;
    enum vc_stream stream;
    enum vc_in_kind kind;
    char name[VC_SUBJECT_MAX]; /* of the stream */
    struct vc_credit *credit;
    uint64_t purged; /* the supervisor's: messages up to here are gone */
    pthread_mutex_t lock;
    bool wanted, open;
    bool anew;            /* the consumer must be made anew, from the floor on */
    struct vc_floor done; /* what the owner has committed */
    uint32_t generation;  /* of the stream: one that vanished counts from the start again */
    struct vc_pull pulls[VC_PULLS];
};

void vc_mailbox_init(struct vc_mailbox *mailbox, struct vc_bus *bus, enum vc_stream stream,
                     const char *inbox);
void vc_mailbox_fini(struct vc_mailbox *mailbox);

/* The stream and its consumer are there: ask. One that is open goes on with its pulls, for the
 * server still holds them. */
void vc_mailbox_open(struct vc_mailbox *mailbox);
/* The connection is gone, and every pull with it; ask nothing. (The server itself ends the pulls of
 * a consumer that goes.) */
void vc_mailbox_shut(struct vc_mailbox *mailbox);
/* Whether the owner wants messages at all. */
void vc_mailbox_want(struct vc_mailbox *mailbox, bool on);

/* One message came with @pull, and belongs to the owner from now on. */
void vc_mailbox_came(struct vc_pull *pull, struct vc_parcel *parcel);
/* @pull ended with this status of the server; true when the consumer may be gone. */
bool vc_mailbox_ended(struct vc_pull *pull, int status);
/* The owner has committed a message. */
void vc_mailbox_done(struct vc_mailbox *mailbox, const struct vc_parcel *parcel);
/* The stream holds the messages from @first to @last; @last < @first: none. What lies before the
 * first is gone, and a stream that ends below the floor is another one. */
void vc_mailbox_bounds(struct vc_mailbox *mailbox, uint64_t first, uint64_t last);
/* The server was started anew and may have forgotten messages: its sequences may stand for others
 * than they did. */
void vc_mailbox_distrust(struct vc_mailbox *mailbox);
/* Every message up to this one is committed. */
uint64_t vc_mailbox_floor(struct vc_mailbox *mailbox);
/* Whether the consumer must be made anew; it has been. */
bool vc_mailbox_anew(struct vc_mailbox *mailbox);
void vc_mailbox_made(struct vc_mailbox *mailbox);

/* Ask for more if the credit allows it. Also notices lost pulls: call it now and then. */
void vc_mailbox_pump(struct vc_mailbox *mailbox);

#endif
