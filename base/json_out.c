#include "base/json_out.h"

#include <math.h>
#include <string.h>

static void separate(struct vc_json_out *out)
{
    if (out->comma)
        vc_buf_add(out->buf, ",", 1);
    out->comma = true;
}

void vc_json_open(struct vc_json_out *out, char bracket)
{
    separate(out);
    vc_buf_add(out->buf, &bracket, 1);
    out->comma = false;
}

void vc_json_close(struct vc_json_out *out, char bracket)
{
    vc_buf_add(out->buf, &bracket, 1);
    out->comma = true;
}

static void quote(struct vc_buf *buf, const char *text)
{
    vc_buf_add(buf, "\"", 1);
    const char *run = text;
    for (const char *p = text; *p;) {
        unsigned char c = (unsigned char)*p;
        size_t n = vc_utf8_len(p);
        if (n > 0 && c >= 0x20 && c != '"' && c != '\\') {
            p += n;
            continue;
        }
        vc_buf_add(buf, run, (size_t)(p - run));
        if (n == 0)
            vc_buf_puts(buf, "\\ufffd");
        else if (c == '"' || c == '\\')
            vc_buf_add(buf, (const char[]){'\\', *p}, 2);
        else
            vc_buf_printf(buf, "\\u%04x", c);
        run = ++p;
    }
    vc_buf_puts(buf, run);
    vc_buf_add(buf, "\"", 1);
}

void vc_json_key(struct vc_json_out *out, const char *key)
{
    separate(out);
    quote(out->buf, key);
    vc_buf_add(out->buf, ":", 1);
    out->comma = false;
}

void vc_json_text(struct vc_json_out *out, const char *text)
{
    if (!text) {
        vc_json_null(out);
        return;
    }
    separate(out);
    quote(out->buf, text);
}

void vc_json_int(struct vc_json_out *out, int64_t value)
{
    separate(out);
    vc_buf_printf(out->buf, "%lld", (long long)value);
}

void vc_json_double(struct vc_json_out *out, double value)
{
    if (!isfinite(value)) {
        vc_json_null(out);
        return;
    }
    separate(out);
    vc_buf_printf(out->buf, "%.17g", value);
}

void vc_json_bool(struct vc_json_out *out, bool value)
{
    vc_json_raw(out, value ? "true" : "false");
}

void vc_json_null(struct vc_json_out *out)
{
    vc_json_raw(out, NULL);
}

void vc_json_instant(struct vc_json_out *out, struct vc_wall at)
{
    char text[VC_WALL_TEXT];
    vc_wall_format(at, text);
    vc_json_text(out, at.ms ? text : NULL);
}

void vc_json_raw(struct vc_json_out *out, const char *json)
{
    separate(out);
    vc_buf_puts(out->buf, json ? json : "null");
}

void vc_json_kv_text(struct vc_json_out *out, const char *key, const char *text)
{
    vc_json_key(out, key);
    vc_json_text(out, text);
}

void vc_json_kv_int(struct vc_json_out *out, const char *key, int64_t value)
{
    vc_json_key(out, key);
    vc_json_int(out, value);
}

void vc_json_kv_double(struct vc_json_out *out, const char *key, double value)
{
    vc_json_key(out, key);
    vc_json_double(out, value);
}

void vc_json_kv_bool(struct vc_json_out *out, const char *key, bool value)
{
    vc_json_key(out, key);
    vc_json_bool(out, value);
}

void vc_json_kv_instant(struct vc_json_out *out, const char *key, struct vc_wall at)
{
    vc_json_key(out, key);
    vc_json_instant(out, at);
}

void vc_json_kv_raw(struct vc_json_out *out, const char *key, const char *json)
{
    vc_json_key(out, key);
    vc_json_raw(out, json);
}
