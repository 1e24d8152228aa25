#include "coordinator/relay.h"

#include "base/failpoint.h"
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MARK_EVERY_MS    VC_SECOND_MS
#define MARK_EVERY_BYTES (VC_RELAY_KEEP_BYTES / 64)

/* Names in the store; NULL: nothing of the outbox goes there. */
static const char *const ends[VC_STREAM_COUNT] = {
    [VC_STREAM_EVENTS] = "events_stream_seq",
    [VC_STREAM_DEAD] = "dead_stream_seq",
};

/* -- what is acknowledged -------------------------------------------------------------------- */

/* Everything below the lowest pending one has been acknowledged. */
static int64_t safe_seq(const struct vc_relay *relay)
{
    return relay->pending_n ? relay->pending[0].seq - 1 : relay->sent_seq;
}

/* Send again from the lowest that is not acknowledged. */
static void rewind_to_safe(struct vc_relay *relay, struct vc_mono now)
{
    relay->sent_seq = safe_seq(relay);
    relay->pending_n = 0;
    relay->progress_at = now;
}

static const struct vc_relay_mark *mark_at(const struct vc_relay *relay, size_t i)
{
    return &relay->marks[(relay->first + i) % VC_RELAY_MARKS];
}

/* Close enough together to keep the bounds, and few enough to fit. */
static void mark(struct vc_relay *relay, struct vc_mono now)
{
    if (relay->marks_n > 0) {
        const struct vc_relay_mark *last = mark_at(relay, relay->marks_n - 1);
        if (now.ms - last->at.ms < MARK_EVERY_MS && relay->bytes - last->bytes < MARK_EVERY_BYTES)
            return;
    }
    if (relay->marks_n == VC_RELAY_MARKS) {
        relay->first = (relay->first + 1) % VC_RELAY_MARKS;
        relay->marks_n--;
    }
    relay->marks[(relay->first + relay->marks_n++) % VC_RELAY_MARKS] =
        (struct vc_relay_mark){now, safe_seq(relay), relay->bytes};
}

/* How many of the oldest marks stand for messages that were kept long enough, or are too much. */
static size_t outlived(const struct vc_relay *relay, struct vc_mono now)
{
    size_t n = 0;
    int64_t gone = relay->dropped_bytes;
    for (; n < relay->marks_n; n++) {
        const struct vc_relay_mark *mark = mark_at(relay, n);
        if (now.ms - mark->at.ms < VC_RELAY_KEEP_MS && relay->bytes - gone <= VC_RELAY_KEEP_BYTES)
            break;
        gone = mark->bytes;
    }
    return n;
}

static int64_t droppable_seq(const struct vc_relay *relay, struct vc_mono now)
{
    size_t n = outlived(relay, now);
    int64_t seq = n ? mark_at(relay, n - 1)->seq : relay->dropped_seq;
    return seq > relay->dropped_seq ? seq : relay->dropped_seq;
}

static void forget_problem(struct vc_relay *relay)
{
    relay->silent_rounds = 0;
    relay->problem[0] = '\0';
}

/* What is full heals by itself or only by a restart: with nats-server 2.9.10 that depends on the
 * write that failed. */
static void complain(struct vc_relay *relay, const char *why)
{
    snprintf(relay->problem, sizeof relay->problem,
             "the NATS server stores no events (%.120s); make room on its disk, then restart "
             "nats-server if it does not go on",
             why);
}

void vc_relay_refused(struct vc_relay *relay, const char *why)
{
    relay->refused++;
    relay->silent_rounds = 0;
    if (strcasestr(why, strerror(ENOSPC)))
        complain(relay, strerror(ENOSPC));
    else
        vc_copy(relay->problem, sizeof relay->problem, why);
}

/* nats-server 2.9 may answer everything else, but no publication, once its disk was full. */
static void bear_silence(struct vc_relay *relay)
{
    if (++relay->silent_rounds >= VC_RELAY_SILENT_ROUNDS)
        complain(relay, "no answer to any of them");
}

void vc_relay_stored(struct vc_relay *relay, int64_t seq, enum vc_stream stream,
                     uint64_t stream_seq, struct vc_mono now)
{
    if (stream_seq > 0 && stream_seq > relay->ends[stream])
        relay->ends[stream] = stream_seq;
    for (size_t i = 0; i < relay->pending_n; i++) {
        if (relay->pending[i].seq != seq)
            continue;
        relay->bytes += relay->pending[i].len;
        memmove(&relay->pending[i], &relay->pending[i + 1],
                (relay->pending_n - i - 1) * sizeof relay->pending[0]);
        relay->pending_n--;
        relay->progress_at = now;
        forget_problem(relay);
        mark(relay, now);
        return;
    }
}

/* -- the link -------------------------------------------------------------------------------- */

unsigned vc_relay_link(struct vc_relay *relay, bool up, const uint64_t has[VC_STREAM_COUNT],
                       struct vc_mono now)
{
    unsigned lost = 0;
    relay->linked = up;
    forget_problem(relay);
    rewind_to_safe(relay, now);
    for (int i = 0; up && i < VC_STREAM_COUNT; i++) {
        if (!ends[i] || has[i] >= relay->ends[i])
            continue;
        relay->ends[i] = has[i];
        lost |= 1U << i;
    }
    if (lost) {
        relay->sent_seq = relay->dropped_seq;
        relay->marks_n = 0;
    }
    return lost;
}

/* -- the store ------------------------------------------------------------------------------- */

/* Nobody knows how old it is, so it is kept for the whole time again; but a coordinator that is
 * started over and over must not gather it for ever: the older half goes when it is too much. */
static void mark_kept(struct vc_relay *relay, struct vc_mono now)
{
    int64_t middle = relay->dropped_seq + (relay->sent_seq - relay->dropped_seq) / 2;
    relay->marks[0] = (struct vc_relay_mark){now, middle, relay->bytes / 2};
    relay->marks[1] = (struct vc_relay_mark){now, relay->sent_seq, relay->bytes};
    relay->marks_n = 2;
}

static void take_first(void *ctx, int64_t seq, const char *subject, const char *body, size_t len)
{
    (void)subject;
    (void)body;
    (void)len;
    *(int64_t *)ctx = seq;
}

enum vc_rc vc_relay_load(struct vc_relay *relay, struct vc_kg *kg, struct vc_mono now,
                         struct vc_err *err)
{
    int64_t value = 0;
    enum vc_rc rc = vc_kg_get_number(kg, VC_KG_RELAYED, &value, err);
    relay->sent_seq = relay->saved_seq = value;
    for (int i = 0; i < VC_STREAM_COUNT && rc == VC_OK; i++) {
        if (ends[i])
            rc = vc_kg_get_number(kg, ends[i], &value, err);
        relay->ends[i] = ends[i] && rc == VC_OK ? (uint64_t)value : 0;
    }
    int64_t kept = value = relay->sent_seq + 1;
    if (rc == VC_OK)
        rc = vc_kg_outbox(kg, 0, 1, take_first, &kept, err);
    relay->dropped_seq = (kept < value ? kept : value) - 1;
    if (rc == VC_OK)
        rc = vc_kg_outbox_bytes(kg, relay->sent_seq, &relay->bytes, err);
    mark_kept(relay, now);
    return rc;
}

bool vc_relay_done(const struct vc_relay *relay)
{
    return relay->linked && relay->all_sent && relay->pending_n == 0 &&
           relay->saved_seq == relay->sent_seq;
}

bool vc_relay_has_news(const struct vc_relay *relay, struct vc_mono now)
{
    return safe_seq(relay) != relay->saved_seq || droppable_seq(relay, now) > relay->dropped_seq;
}

enum vc_rc vc_relay_save(struct vc_relay *relay, struct vc_kg *kg, struct vc_mono now,
                         struct vc_err *err)
{
    relay->saving_seq = safe_seq(relay);
    relay->dropping_seq = droppable_seq(relay, now);
    if (!vc_relay_has_news(relay, now))
        return VC_OK;
    enum vc_rc rc = vc_failpoint(VC_FAILPOINT_OUTBOX_DROP, err);
    if (rc == VC_OK)
        rc = vc_kg_put_number(kg, VC_KG_RELAYED, relay->saving_seq, err);
    for (int i = 0; i < VC_STREAM_COUNT && rc == VC_OK; i++)
        if (ends[i])
            rc = vc_kg_put_number(kg, ends[i], (int64_t)relay->ends[i], err);
    if (rc == VC_OK && relay->dropping_seq > relay->dropped_seq)
        rc = vc_kg_drop_outbox(kg, relay->dropping_seq, err);
    return rc;
}

void vc_relay_saved(struct vc_relay *relay)
{
    relay->saved_seq = relay->saving_seq;
    if (relay->dropping_seq <= relay->dropped_seq)
        return;
    relay->dropped_seq = relay->dropping_seq;
    while (relay->marks_n > 0 && mark_at(relay, 0)->seq <= relay->dropped_seq) {
        relay->dropped_bytes = mark_at(relay, 0)->bytes;
        relay->first = (relay->first + 1) % VC_RELAY_MARKS;
        relay->marks_n--;
    }
}

/* -- sending --------------------------------------------------------------------------------- */

struct send {
    struct vc_relay *relay;
    struct vc_bus *bus;
    const char *uuid;
    bool failed; /* the rest waits for the next time */
};

static void send_one(void *ctx, int64_t seq, const char *subject, const char *body, size_t len)
{
    struct send *s = ctx;
    struct vc_relay *relay = s->relay;
    if (s->failed)
        return;
    char msg_id[96];
    snprintf(msg_id, sizeof msg_id, "%s:%lld", s->uuid, (long long)seq);
    bool lost = vc_failpoint(VC_FAILPOINT_OUTBOX_SEND, NULL) != VC_OK;
    s->failed = !lost && !vc_bus_publish_stored(s->bus, seq, subject, msg_id, body, len);
    if (s->failed)
        return;
    relay->pending[relay->pending_n].seq = seq;
    relay->pending[relay->pending_n++].len = (int64_t)len;
    relay->sent_seq = seq;
    relay->sent++;
}

enum vc_rc vc_relay_send(struct vc_relay *relay, struct vc_kg *kg, struct vc_bus *bus,
                         struct vc_mono now, struct vc_err *err)
{
    if (!relay->linked)
        return VC_OK;
    if (relay->pending_n && now.ms - relay->progress_at.ms > VC_RELAY_PATIENCE_MS) {
        bear_silence(relay);
        rewind_to_safe(relay, now);
    }
    if (relay->pending_n == 0)
        relay->progress_at = now;
    if (relay->pending_n == VC_RELAY_WINDOW)
        return VC_OK;
    struct send s = {.relay = relay, .bus = bus, .uuid = vc_kg_uuid(kg)};
    int64_t before = relay->sent_seq;
    enum vc_rc rc = vc_kg_outbox(kg, relay->sent_seq,
                                 (uint32_t)(VC_RELAY_WINDOW - relay->pending_n), send_one, &s, err);
    relay->all_sent = rc == VC_OK && !s.failed && relay->sent_seq == before;
    return rc;
}
