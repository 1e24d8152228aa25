/* mailbox.h - pulling one stream by hand, no faster than the owner commits.
 *
 * Two pulls are under way at a time, each on its own inbox, so that the next batch is on its way
 * while one is being delivered. Inside this folder only. */
#ifndef VC_NATS_BRIDGE_MAILBOX_H
#define VC_NATS_BRIDGE_MAILBOX_H

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
/* Ask for more if the credit allows it. Also notices lost pulls: call it now and then. */
void vc_mailbox_pump(struct vc_mailbox *mailbox);

#endif
