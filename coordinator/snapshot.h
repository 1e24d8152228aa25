/* snapshot.h - the coordinator at one moment, as values: what dashboards and metrics may know. */
#ifndef VC_COORDINATOR_SNAPSHOT_H
#define VC_COORDINATOR_SNAPSHOT_H

#include "coordinator/core.h"

/* What was done since the start. */
struct vc_counters {
    uint64_t submitted_jetstream, submitted_request;
    uint64_t ended[VC_TASK_STATE_COUNT]; /* tasks, by their final state */
    uint64_t assigned[VC_RULE_COUNT];    /* decisions, by rule */
    uint64_t outcomes[VC_OUTCOME_COUNT]; /* executions recorded */
    uint64_t late, invalid;              /* results too late to count; messages nobody could read */
    uint64_t commits, batched;           /* transactions, and messages in them */
    uint64_t commit_us;                  /* from taking a batch to its commit, in all */
};

struct vc_snapshot {
    const char *version;
    struct vc_core_stats stats;
    struct vc_counters counters;
    bool nats_connected, nats_ready; /* ready: streams and consumers are as they should be */
    bool draining;                   /* it finishes what has arrived, and ends */
    char nats_server[32];            /* version; "" before the first connection */
    char nats_problem[256];          /* why not ready; "" when ready */
    char store_problem[256];         /* why the store takes nothing now; "" when it does */
    char disk_problem[160]; /* why new tasks are refused for want of room; "" = they are not */
    uint64_t nats_reconnects, heartbeats_dropped, inbound_waiting;
    uint64_t events_sent, events_refused; /* messages of the outbox */
};

#endif
