/* relay.h - the outbox, message by message and in order, into JetStream until each is stored there.
 *
 * The store is the memory; this only knows which messages are on their way. A message may arrive
 * twice, with the same Nats-Msg-Id "<store uuid>:<seq>". */
#ifndef VC_COORDINATOR_RELAY_H
#define VC_COORDINATOR_RELAY_H

#include "kg-store/kg.h"
#include "nats-bridge/bus.h"

#define VC_RELAY_WINDOW      256  /* messages on their way at once */
#define VC_RELAY_PATIENCE_MS 5000 /* then everything not acknowledged is sent again */

struct vc_relay {
    bool linked;
    int64_t sent_seq;                 /* the highest one sent */
    int64_t pending[VC_RELAY_WINDOW]; /* sent and not acknowledged, ascending */
    size_t pending_n;
    int64_t dropping_seq; /* the highest one that the open transaction deletes */
    int64_t dropped_seq;  /* the highest one deleted from the store */
    struct vc_mono progress_at;
    uint64_t sent, refused;
    char problem[128]; /* why the stream refused the last one; "" when it did not */
};

/* The connection came or went: whatever was on its way is on its way no longer. */
void vc_relay_link(struct vc_relay *relay, bool up, struct vc_mono now);

/* A message was stored. */
void vc_relay_stored(struct vc_relay *relay, int64_t seq, struct vc_mono now);

/* A message was refused: patience sends it again. */
void vc_relay_refused(struct vc_relay *relay, const char *why);

/* Inside the transaction of the next batch: delete what is safe in the stream. vc_relay_dropped
 * says that the transaction is committed. */
VC_MUST_CHECK enum vc_rc vc_relay_drop(struct vc_relay *relay, struct vc_kg *kg,
                                       struct vc_err *err);

void vc_relay_dropped(struct vc_relay *relay);

/* After a commit, and now and then: send what waits. */
VC_MUST_CHECK enum vc_rc vc_relay_send(struct vc_relay *relay, struct vc_kg *kg, struct vc_bus *bus,
                                       struct vc_mono now, struct vc_err *err);

/* Whether vc_relay_drop has something to delete. */
bool vc_relay_has_news(const struct vc_relay *relay);

#endif
