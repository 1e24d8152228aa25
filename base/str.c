#include "base/str.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void vc_buf_fini(struct vc_buf *buf)
{
    free(buf->text);
    *buf = (struct vc_buf){0};
}

void vc_buf_reset(struct vc_buf *buf)
{
    buf->len = 0;
    if (buf->text)
        buf->text[0] = '\0';
}

static void reserve(struct vc_buf *buf, size_t more)
{
    size_t need = buf->len + more + 1;
    if (need <= buf->cap)
        return;
    size_t cap = buf->cap ? buf->cap : 64;
    while (cap < need)
        cap *= 2;
    buf->text = vc_xrealloc(buf->text, cap, 1);
    buf->cap = cap;
}

void vc_buf_add(struct vc_buf *buf, const char *bytes, size_t len)
{
    reserve(buf, len);
    if (len)
        memcpy(buf->text + buf->len, bytes, len);
    buf->len += len;
    buf->text[buf->len] = '\0';
}

void vc_buf_puts(struct vc_buf *buf, const char *text)
{
    vc_buf_add(buf, text, strlen(text));
}

void vc_buf_printf(struct vc_buf *buf, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n > 0) {
        reserve(buf, (size_t)n);
        vsnprintf(buf->text + buf->len, (size_t)n + 1, fmt, again);
        buf->len += (size_t)n;
    }
    va_end(again);
}

const char *vc_buf_text(const struct vc_buf *buf)
{
    return buf->text ? buf->text : "";
}

bool vc_copy(char *out, size_t cap, const char *text)
{
    size_t len = strlen(text);
    bool fits = len < cap;
    if (!fits)
        len = cap - 1;
    memcpy(out, text, len);
    out[len] = '\0';
    return fits;
}

/* Decode one code point; 0 bytes consumed means "not UTF-8 here". */
static size_t utf8_next(const unsigned char *s, uint32_t *code)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (size_t n = 0; n < 4; n++) {
        if ((s[0] & forms[n].mask) != forms[n].lead)
            continue;
        uint32_t c = s[0] & (unsigned char)~forms[n].mask;
        for (size_t i = 1; i <= n; i++) {
            if ((s[i] & 0xc0) != 0x80)
                return 0;
            c = c << 6 | (s[i] & 0x3f);
        }
        if (c < forms[n].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
            return 0;
        *code = c;
        return n + 1;
    }
    return 0;
}

static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f || c == 0x061c ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void vc_buf_show(struct vc_buf *buf, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    while (*s) {
        uint32_t code = 0;
        size_t n = utf8_next(s, &code);
        if (n == 0) {
            vc_buf_printf(buf, "\\x%02x", *s++);
            continue;
        }
        if (is_control(code))
            vc_buf_printf(buf, code < 0x100 ? "\\x%02x" : "\\u{%04x}", code);
        else
            vc_buf_add(buf, (const char *)s, n);
        s += n;
    }
}

void vc_buf_show_json(struct vc_buf *buf, const char *json)
{
    const unsigned char *s = (const unsigned char *)json, *plain = s;
    while (*s) {
        uint32_t code = 0;
        size_t n = *s < 0x7f ? 1 : utf8_next(s, &code);
        if (n > 0 && code && is_control(code)) {
            vc_buf_add(buf, (const char *)plain, (size_t)(s - plain));
            vc_buf_printf(buf, "\\u%04x", code);
            plain = s + n;
        }
        s += n ? n : 1;
    }
    vc_buf_add(buf, (const char *)plain, (size_t)(s - plain));
}

size_t vc_utf8_len(const char *text)
{
    uint32_t code;
    return *text ? utf8_next((const unsigned char *)text, &code) : 0;
}

size_t vc_columns(const char *text)
{
    size_t n = 0;
    for (const char *p = text; *p; p++)
        n += ((unsigned char)*p & 0xc0) != 0x80;
    return n;
}
