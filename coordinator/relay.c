#include "coordinator/relay.h"

#include "base/failpoint.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

/* Everything below the lowest pending one has been acknowledged. */
static int64_t safe_seq(const struct vc_relay *relay)
{
    return relay->pending_n ? relay->pending[0] - 1 : relay->sent_seq;
}

/* Send again from the lowest that is not acknowledged. */
static void rewind_to_safe(struct vc_relay *relay, struct vc_mono now)
{
    relay->sent_seq = safe_seq(relay);
    relay->pending_n = 0;
    relay->progress_at = now;
}

void vc_relay_link(struct vc_relay *relay, bool up, struct vc_mono now)
{
    relay->linked = up;
    rewind_to_safe(relay, now);
}

void vc_relay_refused(struct vc_relay *relay, const char *why)
{
    relay->refused++;
    vc_copy(relay->problem, sizeof relay->problem, why);
}

void vc_relay_stored(struct vc_relay *relay, int64_t seq, struct vc_mono now)
{
    for (size_t i = 0; i < relay->pending_n; i++) {
        if (relay->pending[i] != seq)
            continue;
        memmove(&relay->pending[i], &relay->pending[i + 1],
                (relay->pending_n - i - 1) * sizeof relay->pending[0]);
        relay->pending_n--;
        relay->progress_at = now;
        relay->problem[0] = '\0';
        return;
    }
}

bool vc_relay_has_news(const struct vc_relay *relay)
{
    return safe_seq(relay) > relay->dropped_seq;
}

enum vc_rc vc_relay_drop(struct vc_relay *relay, struct vc_kg *kg, struct vc_err *err)
{
    relay->dropping_seq = safe_seq(relay);
    if (!vc_relay_has_news(relay))
        return VC_OK;
    enum vc_rc rc = vc_failpoint(VC_FAILPOINT_OUTBOX_DROP, err);
    return rc == VC_OK ? vc_kg_drop_outbox(kg, relay->dropping_seq, err) : rc;
}

void vc_relay_dropped(struct vc_relay *relay)
{
    if (relay->dropping_seq > relay->dropped_seq)
        relay->dropped_seq = relay->dropping_seq;
}

struct send {
    struct vc_relay *relay;
    struct vc_bus *bus;
    const char *uuid;
};

static void send_one(void *ctx, int64_t seq, const char *subject, const char *body, size_t len)
{
    struct send *s = ctx;
    struct vc_relay *relay = s->relay;
    if (seq <= relay->sent_seq || relay->pending_n == VC_RELAY_WINDOW || !relay->linked)
        return;
    char msg_id[96];
    snprintf(msg_id, sizeof msg_id, "%s:%lld", s->uuid, (long long)seq);
    bool lost = vc_failpoint(VC_FAILPOINT_OUTBOX_SEND, NULL) != VC_OK;
    if (!lost && !vc_bus_publish_stored(s->bus, seq, subject, msg_id, body, len)) {
        relay->linked = false;
        return;
    }
    relay->pending[relay->pending_n++] = seq;
    relay->sent_seq = seq;
    relay->sent++;
}

enum vc_rc vc_relay_send(struct vc_relay *relay, struct vc_kg *kg, struct vc_bus *bus,
                         struct vc_mono now, struct vc_err *err)
{
    if (!relay->linked)
        return VC_OK;
    if (relay->pending_n && now.ms - relay->progress_at.ms > VC_RELAY_PATIENCE_MS)
        rewind_to_safe(relay, now);
    if (relay->pending_n == 0)
        relay->progress_at = now;
    struct send s = {relay, bus, vc_kg_uuid(kg)};
    /* The head of the outbox holds at most a window that is on its way and one that waits. */
    return vc_kg_outbox(kg, 2 * VC_RELAY_WINDOW, send_one, &s, err);
}
