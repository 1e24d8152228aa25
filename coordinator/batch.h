/* batch.h - the heart of the shell: take what arrived, step the core, commit once, then speak.
 *
 * Nothing leaves before it is committed. When the disk refuses, the batch is kept whole, effects
 * and all, and is written again until the disk takes it; meanwhile nothing new is accepted.
 *
 * Renewals of leases that arrive while the disk refuses, or while this process is stopped or
 * starved, wait to be read. So a time longer than a heartbeat interval in which nobody looked
 * counts for no lease and for no agent's silence. */
#ifndef VC_COORDINATOR_BATCH_H
#define VC_COORDINATOR_BATCH_H

#include "coordinator/core.h"
#include "coordinator/intake.h"
#include "coordinator/relay.h"
#include "coordinator/snapshot.h"

#define VC_BATCH_MAX 8192 /* messages of one transaction */

struct vc_batch {
    struct vc_kg *kg;
    struct vc_core *core;
    struct vc_bus *bus;
    const struct vc_core_conf *conf;
    const char *prefix, *version;
    struct vc_mono started;
    struct vc_relay relay;
    char no_room[160]; /* why the disk has no room for new tasks; "" when it has */
    struct vc_counters counters;
    /* the batch at hand */
    struct vc_inbound *in[VC_BATCH_MAX];
    enum vc_intake what[VC_BATCH_MAX];
    size_t n, next; /* messages taken, and how many of them were looked at */
    bool busy;      /* a batch is at hand */
    bool closed;    /* all its messages were looked at, its events queued or to be queued */
    bool stuck;     /* the store refused it; the next batch will see what arrived meanwhile */
    size_t applied; /* effects that the open transaction holds */
    int64_t began_us;
    struct vc_effects fx;
    /* absences of our own */
    bool linked;            /* agents can reach us */
    bool absent;            /* but we did not look: the core is suspended until we look again */
    struct vc_mono stepped; /* up to when the core knows what happened */
};

enum vc_batch_end {
    VC_BATCH_IDLE,   /* nothing was there */
    VC_BATCH_DONE,   /* one batch is committed and said; look again at once */
    VC_BATCH_STUCK,  /* the store refused; @err says why; try again in a while */
    VC_BATCH_BROKEN, /* the store holds what it cannot hold; @err says what; stop */
};

/* Do one batch. @err is filled for STUCK and BROKEN. */
enum vc_batch_end vc_batch_run(struct vc_batch *batch, struct vc_err *err);

/* Drop the batch at hand, said or not, and free what it holds. */
void vc_batch_fini(struct vc_batch *batch);

#endif
