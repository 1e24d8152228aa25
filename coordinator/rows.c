#include "coordinator/rows.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* The member @key of @object, or null. */
static void member(struct vc_json_out *out, const char *key, const json_t *object)
{
    json_t *value = json_object_get(object, key);
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    vc_json_kv_raw(out, key, text);
    free(text);
}

static json_t *object_of(const char *text)
{
    return text ? json_loads(text, 0, NULL) : NULL;
}

void vc_rows_task(struct vc_json_out *out, const struct vc_kg_task *t, const char *waiting_for)
{
    json_auto_t *spec = object_of(t->spec);
    vc_json_open(out, '{');
    vc_json_kv_text(out, "task_id", t->task_id);
    vc_json_kv_text(out, "title", t->title);
    vc_json_kv_text(out, "description", t->description);
    vc_json_kv_text(out, "state", t->state);
    vc_json_kv_text(out, "waiting_for", waiting_for);
    vc_json_kv_text(out, "error", t->error);
    vc_json_kv_text(out, "task_type", t->task_type);
    vc_json_kv_text(out, "type_method", t->type_method);
    vc_json_kv_text(out, "type_rule", t->type_rule);
    vc_json_kv_double(out, "type_confidence", t->type_confidence);
    vc_json_kv_int(out, "priority", t->priority);
    vc_json_kv_text(out, "agent_id", t->agent_id);
    vc_json_kv_int(out, "epoch", t->epoch);
    vc_json_kv_int(out, "attempt", t->attempt);
    vc_json_kv_int(out, "max_attempts", t->max_attempts);
    vc_json_kv_text(out, "decision_id", t->decision_id);
    vc_json_kv_text(out, "parent_task_id", t->parent_task_id);
    vc_json_kv_text(out, "context_id", t->context_id);
    vc_json_kv_text(out, "via", t->via);
    vc_json_kv_instant(out, "submitted_at", t->submitted_at);
    vc_json_kv_instant(out, "updated_at", t->updated_at);
    vc_json_kv_instant(out, "finished_at", t->finished_at);
    vc_json_kv_instant(out, "deadline_at", t->deadline_at);
    member(out, "input", spec);
    member(out, "labels", spec);
    vc_json_close(out, '}');
}

void vc_rows_execution(struct vc_json_out *out, const struct vc_kg_execution *x)
{
    json_auto_t *record = object_of(x->record);
    const json_t *error = json_object_get(record, "error");
    vc_json_open(out, '{');
    vc_json_kv_text(out, "task_id", x->task_id);
    vc_json_kv_int(out, "epoch", x->epoch);
    vc_json_kv_int(out, "attempt", x->attempt);
    vc_json_kv_text(out, "agent_id", x->agent_id);
    vc_json_kv_text(out, "task_type", x->task_type);
    vc_json_kv_text(out, "outcome", vc_outcome_name(x->outcome));
    const char *cls = vc_error_class_name(x->error_class);
    vc_json_kv_text(out, "error_class", x->error_class == VC_ERROR_NONE ? NULL : cls);
    vc_json_kv_text(out, "error_message", json_string_value(json_object_get(error, "message")));
    vc_json_kv_bool(out, "counted", x->counted);
    vc_json_kv_bool(out, "winning", x->winning);
    vc_json_kv_instant(out, "started_at", x->started_at);
    vc_json_kv_instant(out, "finished_at", x->finished_at);
    vc_json_kv_int(out, "duration_ms", x->duration_ms);
    vc_json_kv_int(out, "cost_micros", x->cost_micros);
    vc_json_kv_text(out, "decision_id", x->decision_id);
    member(out, "output", record);
    vc_json_close(out, '}');
}
