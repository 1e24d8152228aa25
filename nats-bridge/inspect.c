#include "nats-bridge/inspect.h"

#include "base/str.h"
#include "nats-bridge/bus_impl.h"

#include <stdio.h>
#include <string.h>

/* The bytes behind base64 text (RFC 4648, section 4), as far as @cap, with a NUL. */
static void decode_base64(const char *text, char *out, size_t cap)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    size_t len = 0;
    int have = 0;
    for (const char *c = text; *c && len + 1 < cap; c++) {
        const char *at = strchr(alphabet, *c);
        if (!at)
            break;
        bits = bits << 6 | (uint32_t)(at - alphabet);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[len++] = (char)(bits >> have & 0xff);
        }
    }
    out[len] = '\0';
}

static void take_id(const json_t *message, char *out, size_t cap)
{
    static const char key[] = "\r\nNats-Msg-Id:";
    char headers[1024];
    const char *text = json_string_value(json_object_get(message, "hdrs"));
    decode_base64(text ? text : "", headers, sizeof headers);
    char *id = strstr(headers, key);
    if (!id)
        return;
    id += sizeof key - 1;
    id += strspn(id, " ");
    id[strcspn(id, "\r\n")] = '\0';
    vc_copy(out, cap, id);
}

static enum vc_rc take_newest(struct vc_client *client, int64_t timeout_ms,
                              struct vc_stream_facts *out, struct vc_err *err)
{
    char subject[VC_SUBJECT_MAX + 64];
    json_t *reply = NULL, *request = json_pack("{s:I}", "seq", (json_int_t)out->last);
    snprintf(subject, sizeof subject, "$JS.API.STREAM.MSG.GET.%s", out->name);
    enum vc_rc rc = vc_client_request(client, subject, request, timeout_ms, &reply, err);
    if (rc == VC_OK)
        take_id(json_object_get(reply, "message"), out->last_id, sizeof out->last_id);
    json_decref(request);
    json_decref(reply);
    return rc == VC_E_NOT_FOUND ? VC_OK : rc; /* it has aged out meanwhile */
}

enum vc_rc vc_inspect_stream(struct vc_client *client, const char *prefix, enum vc_stream stream,
                             int64_t max_bytes, int64_t timeout_ms, struct vc_stream_facts *out,
                             struct vc_err *err)
{
    char subject[VC_SUBJECT_MAX + 64];
    *out = (struct vc_stream_facts){0};
    vc_stream_name(out->name, prefix, stream);
    snprintf(subject, sizeof subject, "$JS.API.STREAM.INFO.%s", out->name);
    json_t *reply = NULL, *request = json_object();
    enum vc_rc rc = vc_client_request(client, subject, request, timeout_ms, &reply, err);
    if (rc == VC_OK) {
        json_t *want = vc_stream_config(prefix, max_bytes, stream, out->name);
        bool mailbox = stream == VC_STREAM_TASKS || stream == VC_STREAM_RESULTS;
        vc_stream_compare(out->name, mailbox, json_object_get(reply, "config"), want, out->problem,
                          out->drift);
        json_decref(want);
        const json_t *state = json_object_get(reply, "state");
        out->first = (uint64_t)json_integer_value(json_object_get(state, "first_seq"));
        out->last = (uint64_t)json_integer_value(json_object_get(state, "last_seq"));
    }
    json_decref(request);
    json_decref(reply);
    bool any = rc == VC_OK && out->last > 0 && out->last >= out->first;
    return any ? take_newest(client, timeout_ms, out, err) : rc;
}
