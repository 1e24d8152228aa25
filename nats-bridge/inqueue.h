/* inqueue.h - what arrived and waits for the owner: four lists by urgency, one bound.
 *
 * Inside this folder only. Any thread pushes, one takes. */
#ifndef VC_NATS_BRIDGE_INQUEUE_H
#define VC_NATS_BRIDGE_INQUEUE_H

#include "nats-bridge/bus.h"

#include <pthread.h>
#include <stdatomic.h>

#define VC_INQUEUE_CLASSES 4

/* How many messages of a stream are in the owner's hands. Shared by the mailbox and every message,
 * so that a message may outlive its bus. */
struct vc_credit {
    atomic_size_t refs, held;
};

struct vc_credit *vc_credit_new(void);
void vc_credit_drop(struct vc_credit *credit);

/* The verbs whose requests are decoded as messages. */
#define VC_VERB_SUBMIT   "task.submit"
#define VC_VERB_REGISTER "agent.register"

/* A message as it is allocated; what others see is its first member. */
struct vc_parcel {
    struct vc_inbound in;
    struct vc_parcel *next;
    size_t bytes;
    struct vc_credit *credit; /* NULL: from no stream, or given back */
    uint32_t generation;      /* of the stream it came from */
};

static inline struct vc_parcel *vc_parcel_of(struct vc_inbound *in)
{
    return (struct vc_parcel *)in;
}

/* Count one more message in the owner's hands. */
void vc_parcel_charge(struct vc_parcel *parcel, struct vc_credit *credit);
/* Give the credit back, once; false when there was none to give. */
bool vc_parcel_settle(struct vc_parcel *parcel);

struct vc_inqueue {
    pthread_mutex_t lock;
    struct {
        struct vc_parcel *first, **end;
    } lists[VC_INQUEUE_CLASSES];
    size_t len, bytes;
    uint64_t dropped, full;
};

void vc_inqueue_init(struct vc_inqueue *queue);
void vc_inqueue_fini(struct vc_inqueue *queue);

/* Takes ownership unless it answers false: there is no room for this kind. @was_empty says whether
 * the owner must be woken. */
bool vc_inqueue_push(struct vc_inqueue *queue, struct vc_parcel *parcel, bool *was_empty);

size_t vc_inqueue_take(struct vc_inqueue *queue, struct vc_inbound **out, size_t max);

#endif
