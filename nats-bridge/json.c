/* The limits on a body, and the one form of an error. */
#include "base/check.h"
#include "base/str.h"
#include "nats-bridge/fields.h"

#include <string.h>

/* jansson recurses up to its own limit of 2,048: ours is checked before it starts. */
static size_t deepest(const char *body, size_t len)
{
    size_t depth = 0, most = 0;
    bool in_text = false;
    for (size_t i = 0; i < len; i++) {
        char c = body[i];
        if (in_text && c == '\\') {
            i++;
        } else if (c == '"') {
            in_text = !in_text;
        } else if (!in_text && (c == '{' || c == '[')) {
            if (++depth > most)
                most = depth;
        } else if (!in_text && (c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return most;
}

bool vc_json_parse(const char *body, size_t len, json_t **out, struct vc_refusal *refusal)
{
    *out = NULL;
    if (len > VC_BODY_MAX) {
        vc_refuse(refusal, 413, "too_large", "", "the body has %zu bytes, %d are allowed", len,
                  VC_BODY_MAX);
        return false;
    }
    if (deepest(body, len) > VC_JSON_DEPTH_MAX) {
        vc_refuse(refusal, 400, "bad_json", "", "objects and arrays nest deeper than %d",
                  VC_JSON_DEPTH_MAX);
        return false;
    }
    json_error_t error;
    json_t *root = json_loadb(body, len, JSON_REJECT_DUPLICATES, &error);
    if (!root) {
        vc_refuse(refusal, 400, "bad_json", "", "not JSON at line %d, column %d: %s", error.line,
                  error.column, len ? error.text : "the body is empty");
        return false;
    }
    if (!json_is_object(root)) {
        json_decref(root);
        vc_refuse(refusal, 400, "schema_violation", "", "the body must be a JSON object");
        return false;
    }
    *out = root;
    return true;
}

/* Numbers that scripts can match; docs/protocol.md lists them. */
static int err_code_of(const struct vc_refusal *refusal)
{
    static const struct {
        const char *reason;
        int err_code;
    } known[] = {
        {"bad_json", 42001},        {"schema_violation", 42002}, {"bad_id", 42003},
        {"too_large", 42004},       {"unknown_verb", 42040},     {"task_not_found", 42041},
        {"agent_not_found", 42042}, {"conflict", 42050},         {"state_conflict", 42052},
        {"queue_full", 42070},      {"disk_full", 42072},        {"too_many_agents", 42079},
        {"storage", 42091},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].reason, refusal->reason) == 0)
            return known[i].err_code;
    return 42099;
}

/* The text may quote an outsider and may have been cut in the middle of a character. */
static json_t *shown(const char *text)
{
    VC_AUTO_BUF struct vc_buf buf = {0};
    vc_buf_show(&buf, text);
    return json_string(vc_buf_text(&buf));
}

char *vc_refusal_body(const struct vc_refusal *refusal)
{
    VC_CHECK(refusal->reason);
    json_t *field = refusal->field[0] ? shown(refusal->field) : json_null();
    json_t *root =
        json_pack("{s:s, s:{s:i, s:i, s:s, s:o, s:o}}", "type", "io.vapora.coord.api.v1.error",
                  "error", "code", refusal->code, "err_code", err_code_of(refusal), "reason",
                  refusal->reason, "description", shown(refusal->text), "field", field);
    VC_CHECK(root);
    char *body = json_dumps(root, JSON_COMPACT);
    VC_CHECK(body);
    json_decref(root);
    return body;
}
