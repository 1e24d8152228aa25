/* inspect.h - what the streams of a coordinator are like, for somebody who only looks. */
#ifndef VC_NATS_BRIDGE_INSPECT_H
#define VC_NATS_BRIDGE_INSPECT_H

#include "nats-bridge/client.h"
#include "nats-bridge/subjects.h"

struct vc_stream_facts {
    char name[VC_SUBJECT_MAX];
    char problem[256];    /* what a coordinator refuses to work with; "" = nothing */
    char drift[512];      /* what merely differs from what it would make; "" = nothing */
    uint64_t first, last; /* sequence numbers; last < first = it is empty */
    char last_id[96];     /* Nats-Msg-Id of the newest message; "" = none */
};

/* Look at one stream, and at its newest message.
 *
 * VC_E_NOT_FOUND    there is no such stream
 * VC_E_UNREACHABLE  there is no JetStream, or this user may not ask it */
VC_MUST_CHECK enum vc_rc vc_inspect_stream(struct vc_client *client, const char *prefix,
                                           enum vc_stream stream, int64_t max_bytes,
                                           int64_t timeout_ms, struct vc_stream_facts *out,
                                           struct vc_err *err);

#endif
