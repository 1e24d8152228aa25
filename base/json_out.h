/* json_out.h - write JSON straight into text, in one pass and without a tree.
 *
 * For what the coordinator says thousands of times a second; reading JSON, and everything that is
 * not hot, goes through jansson. The caller keeps the nesting right. */
#ifndef VC_BASE_JSON_OUT_H
#define VC_BASE_JSON_OUT_H

#include "base/str.h"
#include "base/time.h"

#include <stdint.h>

/* Writes into @buf, which the caller owns. */
struct vc_json_out {
    struct vc_buf *buf;
    bool comma; /* the next element needs one before it */
};

/* "{" or "["; the matching close writes "}" or "]". */
void vc_json_open(struct vc_json_out *out, char bracket);
void vc_json_close(struct vc_json_out *out, char bracket);

void vc_json_key(struct vc_json_out *out, const char *key);

/* Values. NULL text is null; bytes that are not UTF-8 become U+FFFD; a number that is not finite
 * is null. Doubles keep every bit (17 significant digits). */
void vc_json_text(struct vc_json_out *out, const char *text);
void vc_json_int(struct vc_json_out *out, int64_t value);
void vc_json_double(struct vc_json_out *out, double value);
void vc_json_bool(struct vc_json_out *out, bool value);
void vc_json_null(struct vc_json_out *out);
void vc_json_instant(struct vc_json_out *out, struct vc_wall at); /* null when 0 */
/* JSON text that is valid already; NULL is null. */
void vc_json_raw(struct vc_json_out *out, const char *json);

/* A key and its value. */
void vc_json_kv_text(struct vc_json_out *out, const char *key, const char *text);
void vc_json_kv_int(struct vc_json_out *out, const char *key, int64_t value);
void vc_json_kv_double(struct vc_json_out *out, const char *key, double value);
void vc_json_kv_bool(struct vc_json_out *out, const char *key, bool value);
void vc_json_kv_instant(struct vc_json_out *out, const char *key, struct vc_wall at);
void vc_json_kv_raw(struct vc_json_out *out, const char *key, const char *json);

#endif
