/* id.h - identifiers as they cross the wire: what is one, and how a new one is made. */
#ifndef VC_BASE_ID_H
#define VC_BASE_ID_H

#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VC_ID_MAX        64 /* bytes of a task, agent or instance id */
#define VC_TASK_TYPE_MAX 40 /* bytes of a task type */
#define VC_NAME_MAX      80 /* bytes of a role, capability or version: text, not a subject token */
#define VC_UUID_TEXT     37 /* 36 characters and the NUL */

/* 1..64 bytes of A-Z a-z 0-9 _ -. Everything else would be an attack on a NATS subject: a dot, a
 * wildcard, a space, a line break. NULL is no id. */
bool vc_id_ok(const char *id);

/* 1..40 bytes of a-z 0-9 _ -. NULL is no type. */
bool vc_task_type_ok(const char *type);

/* Write a UUID version 7 (RFC 9562): 48 bits of @at, the rest from @random. Ids made later sort
 * later, which keeps the store's keys sequential. */
void vc_uuid7(struct vc_wall at, const uint8_t random[10], char out[VC_UUID_TEXT]);

/* FNV-1a, 64 bits (Fowler, Noll, Vo): for tables and for fingerprints that no outsider profits from
 * forging. */
uint64_t vc_hash(const void *bytes, size_t len);

#endif
