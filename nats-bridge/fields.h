/* fields.h - reading the fields of a JSON object one by one, remembering the first complaint.
 *
 * Inside this folder only. Every getter returns its default and reports nothing once one has
 * failed, so that a decoder reads as a list of fields and checks `ok` once. JSON null is the same
 * as absent. Text is borrowed from the object. */
#ifndef VC_NATS_BRIDGE_FIELDS_H
#define VC_NATS_BRIDGE_FIELDS_H

#include "nats-bridge/messages.h"

struct vc_fields {
    json_t *object;
    const char *within; /* "error": the object is that field of the message; NULL = the message */
    struct vc_refusal *refusal;
    bool ok;
};

enum vc_need { VC_OPTIONAL, VC_REQUIRED };

#define VC_NONE_MICROS INT64_C(-1)

/* Fill @refusal. */
void vc_refuse(struct vc_refusal *refusal, int code, const char *reason, const char *field,
               const char *fmt, ...) VC_PRINTF(5, 6);

/* The field, NULL when absent or null. */
json_t *vc_field(struct vc_fields *fields, const char *name, enum vc_need need);

/* Complain that the field is not @expected ("text", "a whole number from 0 to 9"). */
void vc_field_wrong(struct vc_fields *fields, const char *name, const char *expected);

/* At most @max bytes, not empty after trimming. */
const char *vc_field_text(struct vc_fields *fields, const char *name, size_t max,
                          enum vc_need need);
/* At most @max bytes, may be empty. */
const char *vc_field_prose(struct vc_fields *fields, const char *name, size_t max);
const char *vc_field_id(struct vc_fields *fields, const char *name, enum vc_need need);
const char *vc_field_task_type(struct vc_fields *fields, const char *name);
int64_t vc_field_int(struct vc_fields *fields, const char *name, int64_t min, int64_t max,
                     int64_t absent, enum vc_need need);
bool vc_field_bool(struct vc_fields *fields, const char *name, bool absent, enum vc_need need);
struct vc_wall vc_field_instant(struct vc_fields *fields, const char *name);

/* A number, or an object with `amount`, in millionths; VC_NONE_MICROS when absent. */
int64_t vc_field_money(struct vc_fields *fields, const char *name);

/* An array of at most VC_LIST_MAX texts, each of which @ok accepts. */
struct vc_text_list vc_field_list(struct vc_fields *fields, const char *name,
                                  bool (*ok)(const char *text), const char *expected);

#endif
