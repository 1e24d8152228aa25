/* load.h - what the store remembers, back into an empty core. */
#ifndef VC_COORDINATOR_LOAD_H
#define VC_COORDINATOR_LOAD_H

#include "coordinator/core.h"
#include "kg-store/kg.h"

struct vc_loaded {
    size_t agents, types, cells, open_tasks;
};

/* Load agents, types, every learning profile (the seed's load_all_learning_profiles), the counts of
 * ended tasks and the open tasks. O(rows of counted executions + open tasks).
 *
 * VC_E_CORRUPT  a row that no version of ours would write; the text names it */
VC_MUST_CHECK enum vc_rc vc_load(struct vc_kg *kg, struct vc_core *core, struct vc_mono mono,
                                 struct vc_wall wall, struct vc_loaded *loaded, struct vc_err *err);

#endif
