#include "nats-bridge/messages.h"

#include "base/check.h"
#include "base/mem.h"
#include "nats-bridge/fields.h"

#include <stdlib.h>
#include <string.h>

#define PRIORITY_DEFAULT 5
#define PRIORITY_MAX     9
#define ATTEMPTS_DEFAULT 3
#define CAPACITY_DEFAULT 1

static bool name_ok(const char *text)
{
    size_t len = strlen(text);
    return len > 0 && len <= VC_NAME_MAX;
}

static const char NAME_RULE[] = "a text of 1 to 80 bytes";
static const char ID_RULE[] = "1 to 64 of A-Z a-z 0-9 _ -";
static const char TYPE_RULE[] = "1 to 40 of a-z 0-9 _ -";

/* `type` names the message, not its content; the id may also come with the subject. Without both,
 * the same order in two spellings is the same text. */
static char *canonical_of(json_t *root)
{
    json_t *bare = json_copy(root);
    VC_CHECK(bare);
    json_object_del(bare, "type");
    json_object_del(bare, "task_id");
    char *text = json_dumps(bare, JSON_COMPACT | JSON_SORT_KEYS);
    VC_CHECK(text);
    json_decref(bare);
    return text;
}

/* What is decoded again at the next start must keep to the limit in that form too: 1e15 is four
 * times as long when it is written out. */
static void check_stored_form(struct vc_fields *fields, const char *canonical)
{
    size_t len = strlen(canonical);
    if (len <= VC_BODY_MAX || !fields->ok)
        return;
    fields->ok = false;
    vc_refuse(fields->refusal, 413, "too_large", "",
              "the body has %zu bytes with its numbers written out, %d are allowed", len,
              VC_BODY_MAX);
}

/* The id of the body, or the one NATS let the sender publish under; they may not differ. */
static const char *id_field(struct vc_fields *fields, const char *name, const char *subject_id,
                            enum vc_need need)
{
    const char *id = vc_field_id(fields, name, subject_id ? VC_OPTIONAL : need);
    if (!fields->ok || !subject_id)
        return id;
    if (!id) {
        /* Owned by the message like every other text. */
        json_object_set_new(fields->object, name, json_string(subject_id));
        return json_string_value(json_object_get(fields->object, name));
    }
    if (strcmp(id, subject_id) == 0)
        return id;
    fields->ok = false;
    vc_refuse(fields->refusal, 400, "bad_id", name, "%s is \"%s\" but the subject says \"%s\"",
              name, id, subject_id);
    return NULL;
}

static void check_labels(struct vc_fields *fields)
{
    json_t *labels = json_object_get(fields->object, "labels");
    bool ok = !labels || json_is_null(labels) ||
              (json_is_object(labels) && json_object_size(labels) <= VC_LABELS_MAX);
    const char *key;
    json_t *value;
    if (ok && json_is_object(labels))
        json_object_foreach(labels, key, value) ok = ok && name_ok(key) && json_is_string(value) &&
                                                     json_string_length(value) <= VC_TITLE_MAX;
    if (!ok)
        vc_field_wrong(fields, "labels",
                       "an object of at most 16 texts, names up to 80 and values up to 500 bytes");
}

static int64_t budget_of(struct vc_fields *fields)
{
    json_t *budget = vc_field(fields, "budget", VC_OPTIONAL);
    if (!budget || !json_is_object(budget) || json_object_get(budget, "amount"))
        return vc_field_money(fields, "budget");
    struct vc_fields inner = {budget, "budget", fields->refusal, fields->ok};
    int64_t micros = vc_field_money(&inner, "max_cost");
    fields->ok = inner.ok;
    return micros;
}

static void submit_fields(struct vc_fields *f, const char *subject_id, struct vc_msg_submit *out)
{
    out->task_id = id_field(f, "task_id", subject_id, VC_OPTIONAL);
    out->title = vc_field_text(f, "title", VC_TITLE_MAX, VC_REQUIRED);
    out->description = vc_field_prose(f, "description", VC_DESCRIPTION_MAX);
    out->task_type = vc_field_task_type(f, "task_type");
    out->role = vc_field_text(f, "role", VC_NAME_MAX, VC_OPTIONAL);
    out->requires = vc_field_list(f, "requires", name_ok, NAME_RULE);
    out->exclude_agents = vc_field_list(f, "exclude_agents", vc_id_ok, ID_RULE);
    out->pin_agent_id = vc_field_id(f, "pin_agent_id", VC_OPTIONAL);
    out->parent_task_id = vc_field_id(f, "parent_task_id", VC_OPTIONAL);
    out->context_id = vc_field_id(f, "context_id", VC_OPTIONAL);
    out->priority =
        (uint32_t)vc_field_int(f, "priority", 0, PRIORITY_MAX, PRIORITY_DEFAULT, VC_OPTIONAL);
    out->max_attempts = (uint32_t)vc_field_int(f, "max_attempts", 1, VC_ATTEMPTS_MAX,
                                               ATTEMPTS_DEFAULT, VC_OPTIONAL);
    out->timeout_ms = vc_field_int(f, "timeout_ms", 0, VC_TIMEOUT_MAX_MS, 0, VC_OPTIONAL);
    out->deadline_at = vc_field_instant(f, "deadline_at");
    out->budget_micros = budget_of(f);
    check_labels(f);
}

bool vc_msg_submit_decode(const char *body, size_t len, const char *subject_id,
                          struct vc_msg_submit *out, struct vc_refusal *refusal)
{
    *out = (struct vc_msg_submit){0};
    if (!vc_json_parse(body, len, &out->root, refusal))
        return false;
    struct vc_fields fields = {out->root, NULL, refusal, true};
    out->canonical = canonical_of(out->root);
    submit_fields(&fields, subject_id, out);
    check_stored_form(&fields, out->canonical);
    if (!fields.ok)
        vc_msg_submit_fini(out);
    return fields.ok;
}

static bool is_outcome(const char *text)
{
    static const char *const outcomes[] = {"success", "failure", "declined", "canceled", "timeout"};
    for (size_t i = 0; text && i < sizeof outcomes / sizeof *outcomes; i++)
        if (strcmp(text, outcomes[i]) == 0)
            return true;
    return false;
}

static void error_fields(struct vc_fields *fields, struct vc_msg_result *out)
{
    json_t *error = vc_field(fields, "error", VC_OPTIONAL);
    if (!error || strcmp(out->outcome, "success") == 0)
        return;
    if (!json_is_object(error)) {
        vc_field_wrong(fields, "error", "an object {\"class\":..,\"message\":..,\"retryable\":..}");
        return;
    }
    struct vc_fields inner = {error, "error", fields->refusal, true};
    out->error_class = vc_field_text(&inner, "class", VC_NAME_MAX, VC_OPTIONAL);
    out->error_message = vc_field_prose(&inner, "message", VC_BODY_MAX);
    out->retryable = vc_field_bool(&inner, "retryable", true, VC_OPTIONAL);
    fields->ok = inner.ok;
}

static void result_fields(struct vc_fields *f, struct vc_msg_result *out)
{
    out->task_id = vc_field_id(f, "task_id", VC_REQUIRED);
    out->epoch = (uint32_t)vc_field_int(f, "epoch", 0, UINT32_MAX, 0, VC_REQUIRED);
    json_t *outcome = vc_field(f, "outcome", VC_REQUIRED);
    out->outcome = json_string_value(outcome);
    if (!is_outcome(out->outcome))
        vc_field_wrong(f, "outcome", "success, failure, declined, canceled or timeout");
    out->duration_ms = vc_field_int(f, "duration_ms", 0, VC_WALL_MAX_MS, 0, VC_OPTIONAL);
    int64_t cost = vc_field_money(f, "cost");
    out->cost_micros = cost == VC_NONE_MICROS ? 0 : cost;
    if (f->ok)
        error_fields(f, out);
}

bool vc_msg_result_decode(const char *body, size_t len, struct vc_msg_result *out,
                          struct vc_refusal *refusal)
{
    *out = (struct vc_msg_result){.retryable = true};
    if (!vc_json_parse(body, len, &out->root, refusal))
        return false;
    struct vc_fields fields = {out->root, NULL, refusal, true};
    result_fields(&fields, out);
    if (fields.ok)
        out->canonical = canonical_of(out->root);
    else
        vc_msg_result_fini(out);
    return fields.ok;
}

static void register_fields(struct vc_fields *f, const char *subject_id,
                            struct vc_msg_register *out)
{
    out->agent_id = id_field(f, "agent_id", subject_id, VC_REQUIRED);
    out->role = vc_field_text(f, "role", VC_NAME_MAX, VC_OPTIONAL);
    out->version = vc_field_text(f, "version", VC_NAME_MAX, VC_OPTIONAL);
    out->capabilities = vc_field_list(f, "capabilities", name_ok, NAME_RULE);
    out->task_types = vc_field_list(f, "task_types", vc_task_type_ok, TYPE_RULE);
    out->capacity =
        (uint32_t)vc_field_int(f, "capacity", 1, VC_CAPACITY_MAX, CAPACITY_DEFAULT, VC_OPTIONAL);
    int64_t cost = vc_field_money(f, "cost_per_1k");
    out->cost_per_1k_micros = cost == VC_NONE_MICROS ? 0 : cost;
    check_labels(f);
}

bool vc_msg_register_decode(const char *body, size_t len, const char *subject_id,
                            struct vc_msg_register *out, struct vc_refusal *refusal)
{
    *out = (struct vc_msg_register){0};
    if (!vc_json_parse(body, len, &out->root, refusal))
        return false;
    struct vc_fields fields = {out->root, NULL, refusal, true};
    register_fields(&fields, subject_id, out);
    if (fields.ok) {
        out->canonical = canonical_of(out->root);
        check_stored_form(&fields, out->canonical);
    }
    if (!fields.ok)
        vc_msg_register_fini(out);
    return fields.ok;
}

static void running_fields(struct vc_fields *fields, struct vc_msg_heartbeat *out)
{
    json_t *running = vc_field(fields, "running", VC_OPTIONAL);
    size_t n = json_array_size(running);
    if (running && (!json_is_array(running) || n > VC_RUNNING_MAX)) {
        vc_field_wrong(fields, "running",
                       "an array of at most 1024 objects {\"task_id\":..,\"epoch\":..}");
        return;
    }
    if (n == 0)
        return;
    out->running = vc_xcalloc(n, sizeof *out->running);
    struct vc_fields entry = {NULL, "running", fields->refusal, true};
    for (size_t i = 0; i < n && entry.ok; i++) {
        entry.object = json_array_get(running, i);
        out->running[i].task_id = vc_field_id(&entry, "task_id", VC_REQUIRED);
        out->running[i].epoch =
            (uint32_t)vc_field_int(&entry, "epoch", 0, UINT32_MAX, 0, VC_REQUIRED);
    }
    out->running_n = n;
    fields->ok = entry.ok;
}

bool vc_msg_heartbeat_decode(const char *body, size_t len, const char *subject_id,
                             struct vc_msg_heartbeat *out, struct vc_refusal *refusal)
{
    *out = (struct vc_msg_heartbeat){0};
    if (!vc_json_parse(body, len, &out->root, refusal))
        return false;
    struct vc_fields fields = {out->root, NULL, refusal, true};
    out->agent_id = id_field(&fields, "agent_id", subject_id, VC_REQUIRED);
    out->instance_id = vc_field_id(&fields, "instance_id", VC_OPTIONAL);
    out->capacity = (uint32_t)vc_field_int(&fields, "capacity", 1, VC_CAPACITY_MAX, 0, VC_OPTIONAL);
    if (fields.ok)
        running_fields(&fields, out);
    if (!fields.ok)
        vc_msg_heartbeat_fini(out);
    return fields.ok;
}

bool vc_msg_assign_reply_decode(const char *body, size_t len, struct vc_msg_assign_reply *out,
                                struct vc_refusal *refusal)
{
    *out = (struct vc_msg_assign_reply){0};
    if (!vc_json_parse(body, len, &out->root, refusal))
        return false;
    struct vc_fields fields = {out->root, NULL, refusal, true};
    out->accepted = vc_field_bool(&fields, "accepted", false, VC_REQUIRED);
    out->reason = vc_field_prose(&fields, "reason", VC_TITLE_MAX);
    if (!fields.ok)
        vc_msg_assign_reply_fini(out);
    return fields.ok;
}

void vc_msg_submit_fini(struct vc_msg_submit *msg)
{
    json_decref(msg->root);
    free(msg->canonical);
    *msg = (struct vc_msg_submit){0};
}

void vc_msg_result_fini(struct vc_msg_result *msg)
{
    json_decref(msg->root);
    free(msg->canonical);
    *msg = (struct vc_msg_result){0};
}

void vc_msg_register_fini(struct vc_msg_register *msg)
{
    json_decref(msg->root);
    free(msg->canonical);
    *msg = (struct vc_msg_register){0};
}

void vc_msg_heartbeat_fini(struct vc_msg_heartbeat *msg)
{
    json_decref(msg->root);
    free(msg->running);
    *msg = (struct vc_msg_heartbeat){0};
}

void vc_msg_assign_reply_fini(struct vc_msg_assign_reply *msg)
{
    json_decref(msg->root);
    *msg = (struct vc_msg_assign_reply){0};
}
