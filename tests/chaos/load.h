/* load.h - the load of the chaos runs: a submitter that follows its tasks to their ends, and agents
 * that work, fail, decline, vanish and come back too late. Both write down what they were told, one
 * line a fact, for tests/chaos/oracle.
 *
 * Everything that is sent is sent again until it is answered, for any process may die at any time.
 * Nothing here returns an error: what cannot go on ends the program with a message. */
#ifndef VC_TESTS_CHAOS_LOAD_H
#define VC_TESTS_CHAOS_LOAD_H

#include "base/err.h"
#include "nats-bridge/link.h"

#include <jansson.h>
#include <nats/nats.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct load_conf {
    const char *url, *dir; /* NATS, and where the logs go */
    const char *name;      /* agents: the first part of their ids */
    uint64_t seed;
    uint64_t count; /* tasks, 0 = until SIGUSR1; or agents */
    uint64_t open;  /* at most so many tasks that have not ended; or capacity of an agent */
    uint64_t rate;  /* tasks a second at most, 0 = no limit */
};

/* Run until SIGTERM. */
void load_submit(const struct load_conf *conf);
void load_agents(const struct load_conf *conf);

/* Set by SIGTERM and SIGUSR1. */
extern atomic_bool load_stop, load_enough;

/* -- one connection -------------------------------------------------------------------------- */

struct load_link {
    natsConnection *nc;
    struct vc_gate gate;
    char inbox[64];       /* replies go to "<inbox>.<anything>" */
    atomic_uint renewals; /* how often it was lost and made again */
};

/* Connect, however long that takes; NULL subscriptions are the end of the program. */
void load_connect(struct load_link *link, const char *url, const char *name);
natsSubscription *load_subscribe(struct load_link *link, const char *subject, natsMsgHandler each,
                                 void *ctx);
void load_disconnect(struct load_link *link);

/* Send @body; @reply and @msg_id may be NULL. A failure is that of a lost connection: whoever
 * cares sends again. */
void load_send(struct load_link *link, const char *subject, const char *reply, const char *msg_id,
               const char *body);

/* The JSON body of @msg, NULL when it has none. json_decref() it. */
json_t *load_body(natsMsg *msg);

/* Whether @body is a stream's word that it has the message. */
bool load_is_stored(const json_t *body);

/* -- logs ------------------------------------------------------------------------------------ */

/* Append to <dir>/<name>.log; returns the file. */
int load_log_open(const char *dir, const char *name);

/* One line in one write, so that kill -9 leaves whole lines. */
void load_note(int log, const char *fmt, ...) VC_PRINTF(2, 3);

/* -- what is told ---------------------------------------------------------------------------- */

struct load_events;

/* Called under the lock of the events, with a task's id, for each event that ends it. */
typedef void load_ended_fn(void *ctx, const char *task_id);

/* Follow VAPORA_EVENTS and VAPORA_DEAD from their first message, into <dir>/events.log. */
struct load_events *load_events_open(struct load_link *link, const char *dir, load_ended_fn *ended,
                                     void *ctx);
/* Ask anew where a stream has fallen silent. Call it every few milliseconds. */
void load_events_tend(struct load_events *events);
/* How many of the coordinator's messages were seen, repeats not counted. */
uint64_t load_events_seen(struct load_events *events);
/* After load_disconnect(). */
void load_events_free(struct load_events **events);

#endif
