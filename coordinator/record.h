/* record.h - what the coordinator decided, as the JSON of docs/protocol.md: in the store, in events
 * and in answers alike. Writes text, reads nothing. */
#ifndef VC_COORDINATOR_RECORD_H
#define VC_COORDINATOR_RECORD_H

#include "base/json_out.h"
#include "coordinator/effect.h"

#define VC_TYPE_API   "io.vapora.coord.api.v1."
#define VC_TYPE_EVENT "io.vapora.coord.event.v1."

/* A whole decision record. */
void vc_record_decision(struct vc_json_out *out, const struct vc_decision *decision);

/* One candidate of a decision or of a ranking, as the members of an open object. */
void vc_record_seen(struct vc_json_out *out, const struct vc_seen *seen);

/* An agent's standing in a type, as the members of an open object. */
void vc_record_standing(struct vc_json_out *out, const char *task_type,
                        const struct vc_expertise *standing);

/* The answer to a request, as the reply effect says. @conf gives the intervals that a registration
 * is told. Refusals are written by the bridge, not here. */
void vc_record_reply(struct vc_buf *out, const struct vc_effect *reply, int64_t interval_ms,
                     int64_t lease_ms);

/* What an agent is told on its control subject. */
void vc_record_control(struct vc_buf *out, const struct vc_effect *control);

#endif
