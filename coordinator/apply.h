/* apply.h - effects into the store, inside its open transaction. */
#ifndef VC_COORDINATOR_APPLY_H
#define VC_COORDINATOR_APPLY_H

#include "coordinator/effect.h"
#include "kg-store/kg.h"

/* Write the effects of @fx from index @from on. Applying them again after a rollback writes the
 * same. Sets the `record` of decisions that have none. */
VC_MUST_CHECK enum vc_rc vc_apply(struct vc_kg *kg, struct vc_effects *fx, size_t from,
                                  struct vc_err *err);

/* Queue the events of the whole batch for the relay. */
VC_MUST_CHECK enum vc_rc vc_apply_events(struct vc_kg *kg, const struct vc_effects *fx,
                                         const char *prefix, struct vc_err *err);

#endif
