/* rows.h - rows of the store as the JSON of docs/protocol.md. */
#ifndef VC_COORDINATOR_ROWS_H
#define VC_COORDINATOR_ROWS_H

#include "base/json_out.h"
#include "kg-store/kg.h"

/* @waiting_for: why a queued task waits; NULL = not known or not queued. */
void vc_rows_task(struct vc_json_out *out, const struct vc_kg_task *task, const char *waiting_for);
void vc_rows_execution(struct vc_json_out *out, const struct vc_kg_execution *execution);

#endif
