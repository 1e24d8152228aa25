/* messages.h - what agents and submitters say, as checked values.
 *
 * Strict: UTF-8, at most VC_BODY_MAX bytes, depth VC_JSON_DEPTH_MAX, no duplicate keys, finite
 * numbers, ids that are ids. Unknown fields are ignored, and kept in `canonical`. A refusal names
 * the field. The wire contract with schemas: docs/protocol.md. */
#ifndef VC_NATS_BRIDGE_MESSAGES_H
#define VC_NATS_BRIDGE_MESSAGES_H

#include "base/err.h"
#include "base/id.h"
#include "base/time.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VC_BODY_MAX        65536 /* bytes of a message body */
#define VC_JSON_DEPTH_MAX  32    /* nesting of objects and arrays */
#define VC_TITLE_MAX       500   /* bytes */
#define VC_DESCRIPTION_MAX 32768 /* bytes */
#define VC_LIST_MAX        32    /* entries of requires, capabilities, task_types, exclude_agents */
#define VC_LABELS_MAX      16
#define VC_CAPACITY_MAX    1024
#define VC_ATTEMPTS_MAX    20
#define VC_RUNNING_MAX     VC_CAPACITY_MAX /* leases that one heartbeat can renew */
#define VC_TIMEOUT_MAX_MS  (30 * VC_DAY_MS)

/* Why a message was refused; becomes the error reply of docs/protocol.md. */
struct vc_refusal {
    int code;           /* HTTP-like: 400, 404, 409, 413, 429, 500, 507 */
    const char *reason; /* stable word: bad_json, too_large, schema_violation, bad_id, ... */
    char field[48];     /* "" when it is about the whole */
    char text[512];     /* one line for people, nothing in it that a terminal would act on */
};

/* Parse a body under the limits above; the caller json_decref()s @out. False fills @refusal. */
bool vc_json_parse(const char *body, size_t len, json_t **out, struct vc_refusal *refusal);

/* The error body `{"type":..,"error":{..}}` as a fresh string; free() it. */
char *vc_refusal_body(const struct vc_refusal *refusal);

struct vc_text_list {
    const char *items[VC_LIST_MAX];
    size_t n;
};

/* Strings are borrowed from `root`, which each message owns; vc_msg_*_fini frees it. */

struct vc_msg_submit {
    json_t *root;
    const char *task_id; /* NULL: the coordinator makes one */
    const char *title, *description, *task_type, *role;
    struct vc_text_list requires, exclude_agents;
    const char *pin_agent_id, *parent_task_id, *context_id;
    uint32_t priority, max_attempts; /* 0..9 (5), 1..VC_ATTEMPTS_MAX (3) */
    int64_t timeout_ms;              /* 0 = none */
    struct vc_wall deadline_at;      /* 0 = none */
    int64_t budget_micros;           /* < 0 = none */
    char *canonical;                 /* keys sorted, compact: the same body gives the same text */
};

struct vc_msg_result {
    json_t *root;
    const char *task_id;
    uint32_t epoch;
    const char *outcome; /* one of learning/outcome.def; checked by the coordinator */
    const char *error_class, *error_message; /* NULL = none given; NULL on a success */
    bool retryable;                          /* true unless the error says otherwise */
    int64_t duration_ms;                     /* 0 when not given */
    int64_t cost_micros;
    char *canonical;
};

struct vc_msg_register {
    json_t *root;
    const char *agent_id, *role, *version;
    struct vc_text_list capabilities, task_types;
    uint32_t capacity;
    int64_t cost_per_1k_micros; /* 0 = not said */
    char *canonical;
};

struct vc_lease_ref {
    const char *task_id;
    uint32_t epoch;
};

struct vc_msg_heartbeat {
    json_t *root;
    const char *agent_id, *instance_id;
    uint32_t capacity; /* 0 = not said */
    struct vc_lease_ref *running;
    size_t running_n;
};

struct vc_msg_assign_reply {
    json_t *root;
    bool accepted;
    const char *reason; /* NULL = none */
};

/* Decode @body. @subject_id is the id that the subject carried (NULL: none): an id in the body
 * must match it, and stands in for one that the body leaves out. False fills @refusal and leaves
 * @out empty. */
bool vc_msg_submit_decode(const char *body, size_t len, const char *subject_id,
                          struct vc_msg_submit *out, struct vc_refusal *refusal);
bool vc_msg_result_decode(const char *body, size_t len, struct vc_msg_result *out,
                          struct vc_refusal *refusal);
bool vc_msg_register_decode(const char *body, size_t len, const char *subject_id,
                            struct vc_msg_register *out, struct vc_refusal *refusal);
bool vc_msg_heartbeat_decode(const char *body, size_t len, const char *subject_id,
                             struct vc_msg_heartbeat *out, struct vc_refusal *refusal);
bool vc_msg_assign_reply_decode(const char *body, size_t len, struct vc_msg_assign_reply *out,
                                struct vc_refusal *refusal);

void vc_msg_submit_fini(struct vc_msg_submit *msg);
void vc_msg_result_fini(struct vc_msg_result *msg);
void vc_msg_register_fini(struct vc_msg_register *msg);
void vc_msg_heartbeat_fini(struct vc_msg_heartbeat *msg);
void vc_msg_assign_reply_fini(struct vc_msg_assign_reply *msg);

#endif
