/* relay.h - the outbox, message by message and in order, into JetStream until each is stored there.
 *
 * The store is the memory; this only knows which messages are on their way. A message may arrive
 * twice, with the same Nats-Msg-Id "<store uuid>:<seq>".
 *
 * A server acknowledges what it has not yet synced, by default for two minutes, and loses it in a
 * power cut. So messages stay in the outbox for a while after they were acknowledged, and when a
 * stream is found to end before what it had acknowledged, everything kept is sent again. */
#ifndef VC_COORDINATOR_RELAY_H
#define VC_COORDINATOR_RELAY_H

#include "kg-store/kg.h"
#include "nats-bridge/bus.h"

#define VC_RELAY_WINDOW        256  /* messages on their way at once */
#define VC_RELAY_PATIENCE_MS   5000 /* then what is not acknowledged is sent again */
#define VC_RELAY_SILENT_ROUNDS 3    /* of sending without any answer: the stream has stalled */
#define VC_RELAY_KEEP_MS       (3 * VC_MINUTE_MS)  /* messages are kept so long after their ack */
#define VC_RELAY_KEEP_BYTES    (INT64_C(64) << 20) /* but no more bytes of them than this */
#define VC_RELAY_MARKS         256

/* Up to where everything was acknowledged at a moment, and the bytes of it. */
struct vc_relay_mark {
    struct vc_mono at;
    int64_t seq, bytes;
};

struct vc_relay {
    bool linked;
    int64_t sent_seq; /* the highest one sent */
    struct {
        int64_t seq, len;
    } pending[VC_RELAY_WINDOW]; /* sent and not acknowledged, ascending */
    size_t pending_n;
    struct vc_mono progress_at;
    int64_t saving_seq, saved_seq;     /* acknowledged up to here, as the store knows it */
    int64_t dropping_seq, dropped_seq; /* deleted from the store up to here */
    uint64_t ends[VC_STREAM_COUNT];    /* the last sequence each stream acknowledged to us */
    struct vc_relay_mark marks[VC_RELAY_MARKS]; /* a ring, the oldest at `first` */
    size_t first, marks_n;
    int64_t bytes, dropped_bytes; /* acknowledged, from what was kept at the start on */
    bool all_sent;                /* the last look found nothing more to send */
    unsigned silent_rounds;       /* patience has run out so often without any answer */
    uint64_t sent, refused;
    char problem[256]; /* why the last one is not stored; "" when all is well */
};

/* At the start: go on where the store says that the relay was. */
VC_MUST_CHECK enum vc_rc vc_relay_load(struct vc_relay *relay, struct vc_kg *kg, struct vc_mono now,
                                       struct vc_err *err);

/* The connection came or went: whatever was on its way is on its way no longer. @ends: the last
 * sequence in each stream, when it came. A bit (1 << enum vc_stream) for each stream that has lost
 * messages; what is kept will be sent again. */
unsigned vc_relay_link(struct vc_relay *relay, bool up, const uint64_t ends[VC_STREAM_COUNT],
                       struct vc_mono now);

/* Message @seq was stored in @stream as @stream_seq; 0 when no stream will ever take it. */
void vc_relay_stored(struct vc_relay *relay, int64_t seq, enum vc_stream stream,
                     uint64_t stream_seq, struct vc_mono now);

/* A message was refused: patience sends it again. */
void vc_relay_refused(struct vc_relay *relay, const char *why);

/* Whether the outbox is told and that is written; never without a connection. */
bool vc_relay_done(const struct vc_relay *relay);

/* Whether vc_relay_save has something to write. */
bool vc_relay_has_news(const struct vc_relay *relay, struct vc_mono now);

/* Inside the transaction of the next batch: write what was acknowledged, delete what was kept long
 * enough. vc_relay_saved says that the transaction is committed. */
VC_MUST_CHECK enum vc_rc vc_relay_save(struct vc_relay *relay, struct vc_kg *kg, struct vc_mono now,
                                       struct vc_err *err);

void vc_relay_saved(struct vc_relay *relay);

/* After a commit, and now and then: send what waits. */
VC_MUST_CHECK enum vc_rc vc_relay_send(struct vc_relay *relay, struct vc_kg *kg, struct vc_bus *bus,
                                       struct vc_mono now, struct vc_err *err);

#endif
