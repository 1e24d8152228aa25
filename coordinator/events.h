/* events.h - what listeners are told of a batch, derived from the effects that were stored.
 *
 * All events of one subject in one batch travel as `events[]` of one message, cut where it would
 * grow past VC_EVENTS_BODY_MAX. */
#ifndef VC_COORDINATOR_EVENTS_H
#define VC_COORDINATOR_EVENTS_H

#include "base/str.h"
#include "coordinator/effect.h"

#define VC_EVENTS_BODY_MAX 262144 /* bytes; the server takes 1 MB, and a reader must keep up */

/* Called for each finished message. Non-zero stops and is handed on. */
typedef enum vc_rc vc_events_fn(void *ctx, const char *subject, const char *body, size_t len);

/* Turn @fx into messages on <prefix>.event.task.<event>, .event.agent.<event>, .event.decision,
 * .event.score and <prefix>.dead.<reason>; subjects in the order of their first event. Decisions
 * must have got their `record` (vc_decision). */
enum vc_rc vc_events_of(const struct vc_effects *fx, const char *prefix, vc_events_fn *each,
                        void *ctx);

#endif
