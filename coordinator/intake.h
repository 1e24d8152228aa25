/* intake.h - what arrives becomes an event: the message, the time, and what the store knows. */
#ifndef VC_COORDINATOR_INTAKE_H
#define VC_COORDINATOR_INTAKE_H

#include "coordinator/core.h"
#include "kg-store/kg.h"
#include "nats-bridge/bus.h"

/* Bytes of a task's error line: enough for a sentence; the report itself keeps everything. */
#define VC_ERROR_TEXT_MAX 500

/* What an inbound message comes to. */
enum vc_intake {
    VC_INTAKE_EVENT,   /* step the core with the event */
    VC_INTAKE_READ,    /* a question; api.h answers it after the commit */
    VC_INTAKE_REFUSED, /* answer, or dead-letter, the message's refusal */
    VC_INTAKE_NONE,    /* nothing for the core */
};

/* Look at @in at the given time. For VC_INTAKE_EVENT fills @event, with @token when somebody waits
 * for an answer; what it points to lives in @in and @fx. For VC_INTAKE_REFUSED @in->refusal says
 * why. On an error of the store @rc is not VC_OK and the message should be looked at again. */
enum vc_intake vc_intake_of(struct vc_kg *kg, struct vc_core *core, struct vc_inbound *in,
                            uint64_t token, struct vc_mono mono, struct vc_wall wall,
                            struct vc_effects *fx, struct vc_event *event, enum vc_rc *rc,
                            struct vc_err *err);

/* A stored task back as the core takes it. The spec is decoded into @msg, which must outlive
 * @out; fini it. False when the row holds no submission (an imported task). */
bool vc_intake_stored_task(const struct vc_kg_task *row, struct vc_msg_submit *msg,
                           struct vc_stored_task *out);

/* The agents that failed the task before, into @out; the list lives in @fx. */
VC_MUST_CHECK enum vc_rc vc_intake_tried(struct vc_kg *kg, const char *task_id,
                                         struct vc_effects *fx, struct vc_stored_task *out,
                                         struct vc_err *err);

#endif
