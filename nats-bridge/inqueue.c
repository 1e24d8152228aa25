#include "nats-bridge/inqueue.h"

#include "base/check.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Senders that nobody paces may not use the room that results and answers need: two streams' worth
 * of credit, and as much again for pulls that overlap. */
#define RESERVED        ((size_t)(2 * 2 * VC_BUS_PULL_CREDIT * VC_BUS_PULL_BATCH))
#define LOSSY_BYTES_MAX ((size_t)128 << 20)

/* Class 0 is taken first. `most` bounds the queue's length for this kind; what our own credit or
 * our own requests pace is not bounded twice. */
static const struct {
    size_t class, most;
} kinds[] = {
    [VC_IN_RESULT] = {0, SIZE_MAX},
    [VC_IN_LINK] = {0, SIZE_MAX},
    [VC_IN_ASSIGN_REPLY] = {0, VC_BUS_QUEUE_MAX},
    [VC_IN_PUBACK] = {0, VC_BUS_QUEUE_MAX},
    [VC_IN_HEARTBEAT] = {1, VC_BUS_QUEUE_MAX - RESERVED},
    [VC_IN_API] = {2, VC_BUS_QUEUE_MAX - RESERVED},
    [VC_IN_SUBMIT] = {3, SIZE_MAX},
};

struct vc_credit *vc_credit_new(void)
{
    struct vc_credit *credit = vc_xcalloc(1, sizeof *credit);
    atomic_init(&credit->refs, 1);
    atomic_init(&credit->held, 0);
    return credit;
}

void vc_credit_drop(struct vc_credit *credit)
{
    if (credit && atomic_fetch_sub(&credit->refs, 1) == 1)
        free(credit);
}

void vc_parcel_charge(struct vc_parcel *parcel, struct vc_credit *credit)
{
    atomic_fetch_add(&credit->refs, 1);
    atomic_fetch_add(&credit->held, 1);
    parcel->credit = credit;
}

bool vc_parcel_settle(struct vc_parcel *parcel)
{
    struct vc_credit *credit = vc_take(&parcel->credit);
    if (!credit)
        return false;
    atomic_fetch_sub(&credit->held, 1);
    vc_credit_drop(credit);
    return true;
}

static void fini_api(struct vc_inbound *in)
{
    if (strcmp(in->verb, VC_VERB_SUBMIT) == 0)
        vc_msg_submit_fini(&in->submit);
    else if (strcmp(in->verb, VC_VERB_REGISTER) == 0)
        vc_msg_register_fini(&in->registration);
    else
        json_decref(in->request);
}

static void fini_message(struct vc_inbound *in)
{
    switch (in->kind) {
    case VC_IN_SUBMIT:
        vc_msg_submit_fini(&in->submit);
        break;
    case VC_IN_RESULT:
        vc_msg_result_fini(&in->result);
        break;
    case VC_IN_HEARTBEAT:
        vc_msg_heartbeat_fini(&in->heartbeat);
        break;
    case VC_IN_API:
        fini_api(in);
        break;
    case VC_IN_ASSIGN_REPLY:
        vc_msg_assign_reply_fini(&in->assign.reply);
        break;
    case VC_IN_PUBACK:
    case VC_IN_LINK:
        break;
    }
}

void vc_inbound_destroy(struct vc_inbound **in_ptr)
{
    struct vc_inbound *in = vc_take(in_ptr);
    if (!in)
        return;
    if (!in->refused)
        fini_message(in);
    free(in->reply_to);
    free(in->body);
    struct vc_parcel *parcel = vc_parcel_of(in);
    vc_parcel_settle(parcel);
    free(parcel);
}

void vc_inqueue_init(struct vc_inqueue *queue)
{
    *queue = (struct vc_inqueue){0};
    VC_CHECK(pthread_mutex_init(&queue->lock, NULL) == 0);
    for (size_t i = 0; i < VC_INQUEUE_CLASSES; i++)
        queue->lists[i].end = &queue->lists[i].first;
}

void vc_inqueue_fini(struct vc_inqueue *queue)
{
    struct vc_inbound *in;
    while (vc_inqueue_take(queue, &in, 1) == 1)
        vc_inbound_destroy(&in);
    pthread_mutex_destroy(&queue->lock);
}

static bool fits(const struct vc_inqueue *queue, const struct vc_parcel *parcel)
{
    size_t most = kinds[parcel->in.kind].most;
    bool lossy = most < VC_BUS_QUEUE_MAX;
    return queue->len < most && !(lossy && queue->bytes + parcel->bytes > LOSSY_BYTES_MAX);
}

bool vc_inqueue_push(struct vc_inqueue *queue, struct vc_parcel *parcel, bool *was_empty)
{
    size_t class = kinds[parcel->in.kind].class;
    pthread_mutex_lock(&queue->lock);
    bool ok = fits(queue, parcel);
    *was_empty = ok && queue->len == 0;
    if (ok) {
        parcel->next = NULL;
        *queue->lists[class].end = parcel;
        queue->lists[class].end = &parcel->next;
        queue->len++;
        queue->bytes += parcel->bytes;
    } else {
        queue->full++;
        queue->dropped += parcel->in.kind != VC_IN_API;
    }
    pthread_mutex_unlock(&queue->lock);
    return ok;
}

static struct vc_parcel *pop(struct vc_inqueue *queue)
{
    for (size_t i = 0; i < VC_INQUEUE_CLASSES; i++) {
        struct vc_parcel *first = queue->lists[i].first;
        if (!first)
            continue;
        queue->lists[i].first = first->next;
        if (!first->next)
            queue->lists[i].end = &queue->lists[i].first;
        queue->len--;
        queue->bytes -= first->bytes;
        return first;
    }
    return NULL;
}

size_t vc_inqueue_take(struct vc_inqueue *queue, struct vc_inbound **out, size_t max)
{
    size_t n = 0;
    pthread_mutex_lock(&queue->lock);
    for (struct vc_parcel *parcel; n < max && (parcel = pop(queue)); n++)
        out[n] = &parcel->in;
    pthread_mutex_unlock(&queue->lock);
    return n;
}
