/* str.h - growing text, and text that is safe to show. */
#ifndef VC_BASE_STR_H
#define VC_BASE_STR_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Text that grows. Zero-initialise; `text` is NUL-terminated once something was added, NULL before.
 * Owned by the caller: vc_buf_fini() it. */
struct vc_buf {
    char *text;
    size_t len, cap;
};

#define VC_AUTO_BUF __attribute__((cleanup(vc_buf_fini)))

void vc_buf_fini(struct vc_buf *buf);

/* Empty it but keep the memory. */
void vc_buf_reset(struct vc_buf *buf);

void vc_buf_add(struct vc_buf *buf, const char *bytes, size_t len);
void vc_buf_puts(struct vc_buf *buf, const char *text);
void vc_buf_printf(struct vc_buf *buf, const char *fmt, ...) VC_PRINTF(2, 3);

/* The text, "" when nothing was added. Borrowed until the next change. */
const char *vc_buf_text(const struct vc_buf *buf);

/* Copy @text into @out, cut to fit (@cap >= 1 counts the NUL). False when it was cut. */
bool vc_copy(char *out, size_t cap, const char *text);

/* Append @text with C0, C1, DEL and bidirectional controls, and bytes that are not UTF-8, written
 * as \xNN or \u{NNNN}: a name can then neither move the cursor nor forge a second line. */
void vc_buf_show(struct vc_buf *buf, const char *text);

/* Append @json, a UTF-8 document without C0 controls in its texts, with the other controls written
 * as \uNNNN: it is the same document, and a terminal can show it. */
void vc_buf_show_json(struct vc_buf *buf, const char *json);

/* Bytes of the UTF-8 code point at @text, 0 when there is none (also at the end). */
size_t vc_utf8_len(const char *text);

/* Columns that @text takes on a terminal: one for each code point. */
size_t vc_columns(const char *text);

#endif
