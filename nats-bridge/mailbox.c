#include "nats-bridge/mailbox.h"

#include "base/check.h"
#include "base/clock.h"
#include "nats-bridge/bus_impl.h"

#include <stdio.h>
#include <string.h>

#define EXPIRES_MS 10000
/* The server's "408 expired" is on its way this long at most; then the pull is lost. */
#define EXPIRES_GRACE_MS 2000

void vc_mailbox_init(struct vc_mailbox *mailbox, struct vc_bus *bus, enum vc_stream stream,
                     const char *inbox)
{
    *mailbox = (struct vc_mailbox){
        .bus = bus,
        .stream = stream,
        .kind = stream == VC_STREAM_TASKS ? VC_IN_SUBMIT : VC_IN_RESULT,
        .credit = vc_credit_new(),
        .wanted = true,
        .anew = true,
    };
    vc_stream_name(mailbox->name, bus->prefix, stream);
    VC_CHECK(pthread_mutex_init(&mailbox->lock, NULL) == 0);
    for (size_t i = 0; i < VC_PULLS; i++) {
        mailbox->pulls[i].mailbox = mailbox;
        snprintf(mailbox->pulls[i].inbox, VC_INBOX_MAX, "%s.%s%zu", inbox,
                 stream == VC_STREAM_TASKS ? "t" : "r", i);
    }
}

void vc_mailbox_fini(struct vc_mailbox *mailbox)
{
    vc_credit_drop(mailbox->credit);
    vc_floor_fini(&mailbox->done);
    pthread_mutex_destroy(&mailbox->lock);
}

static size_t credit_left(const struct vc_mailbox *mailbox)
{
    size_t used = atomic_load(&mailbox->credit->held);
    for (size_t i = 0; i < VC_PULLS; i++)
        used += mailbox->pulls[i].left;
    size_t all = (size_t)VC_BUS_PULL_CREDIT * VC_BUS_PULL_BATCH;
    return used < all ? all - used : 0;
}

static bool ask(struct vc_mailbox *mailbox, struct vc_pull *pull, int64_t now)
{
    char subject[VC_SUBJECT_MAX + 64], body[96];
    snprintf(subject, sizeof subject, "$JS.API.CONSUMER.MSG.NEXT.%s." VC_DURABLE, mailbox->name);
    int len = snprintf(body, sizeof body, "{\"batch\":%d,\"expires\":%lld}", VC_BUS_PULL_BATCH,
                       EXPIRES_MS * 1000000LL);
    if (!vc_bus_send(mailbox->bus, subject, pull->inbox, body, (size_t)len))
        return false;
    pull->left = VC_BUS_PULL_BATCH;
    pull->given_up_at = now + EXPIRES_MS + EXPIRES_GRACE_MS;
    return true;
}

/* Always whole batches: many small pulls would cost the server more than waiting costs us. */
static void pump(struct vc_mailbox *mailbox)
{
    if (!mailbox->open || !mailbox->wanted)
        return;
    int64_t now = vc_mono_now().ms;
    for (size_t i = 0; i < VC_PULLS; i++) {
        struct vc_pull *pull = &mailbox->pulls[i];
        if (pull->left > 0 && now >= pull->given_up_at)
            pull->left = 0;
        if (pull->left == 0 && credit_left(mailbox) >= VC_BUS_PULL_BATCH &&
            !ask(mailbox, pull, now))
            return;
    }
}

void vc_mailbox_pump(struct vc_mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    pump(mailbox);
    pthread_mutex_unlock(&mailbox->lock);
}

void vc_mailbox_open(struct vc_mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    mailbox->open = true;
    pump(mailbox);
    pthread_mutex_unlock(&mailbox->lock);
}

void vc_mailbox_shut(struct vc_mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    mailbox->open = false;
    mailbox->anew = true;
    for (size_t i = 0; i < VC_PULLS; i++)
        mailbox->pulls[i].left = 0;
    pthread_mutex_unlock(&mailbox->lock);
}

void vc_mailbox_want(struct vc_mailbox *mailbox, bool on)
{
    pthread_mutex_lock(&mailbox->lock);
    mailbox->wanted = on;
    pump(mailbox);
    pthread_mutex_unlock(&mailbox->lock);
}

void vc_mailbox_came(struct vc_pull *pull, struct vc_parcel *parcel)
{
    struct vc_mailbox *mailbox = pull->mailbox;
    pthread_mutex_lock(&mailbox->lock);
    vc_parcel_charge(parcel, mailbox->credit);
    parcel->generation = mailbox->generation;
    if (pull->left > 0)
        pull->left--;
    pump(mailbox);
    pthread_mutex_unlock(&mailbox->lock);
}

bool vc_mailbox_ended(struct vc_pull *pull, int status)
{
    enum { HEARTBEAT = 100, EXPIRED = 408 };
    if (status == HEARTBEAT)
        return false;
    struct vc_mailbox *mailbox = pull->mailbox;
    pthread_mutex_lock(&mailbox->lock);
    pull->left = 0;
    /* Any other end would come again at once: the next one waits for the supervisor's tick. */
    if (status == EXPIRED)
        pump(mailbox);
    pthread_mutex_unlock(&mailbox->lock);
    return status != EXPIRED;
}

void vc_mailbox_done(struct vc_mailbox *mailbox, const struct vc_parcel *parcel)
{
    pthread_mutex_lock(&mailbox->lock);
    if (parcel->generation == mailbox->generation)
        vc_floor_done(&mailbox->done, parcel->in.stream_seq);
    pthread_mutex_unlock(&mailbox->lock);
}

/* With `lock` held. What comes from now on is looked at, whatever its number. */
static void start_over(struct vc_mailbox *mailbox, uint64_t floor)
{
    mailbox->generation++;
    mailbox->anew = true;
    vc_floor_reset(&mailbox->done, floor);
}

void vc_mailbox_distrust(struct vc_mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    start_over(mailbox, 0);
    pthread_mutex_unlock(&mailbox->lock);
}

void vc_mailbox_bounds(struct vc_mailbox *mailbox, uint64_t first, uint64_t last)
{
    pthread_mutex_lock(&mailbox->lock);
    uint64_t before = first > 0 ? first - 1 : 0;
    if (last < mailbox->done.floor)
        start_over(mailbox, before);
    else if (before > mailbox->done.floor)
        vc_floor_reset(&mailbox->done, before);
    mailbox->purged = before;
    pthread_mutex_unlock(&mailbox->lock);
}

uint64_t vc_mailbox_floor(struct vc_mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    uint64_t floor = mailbox->done.floor;
    pthread_mutex_unlock(&mailbox->lock);
    return floor;
}

bool vc_mailbox_anew(struct vc_mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    bool anew = mailbox->anew;
    pthread_mutex_unlock(&mailbox->lock);
    return anew;
}

void vc_mailbox_made(struct vc_mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    mailbox->anew = false;
    pthread_mutex_unlock(&mailbox->lock);
}
