#include "nats-bridge/fields.h"

#include "base/str.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MONEY_MAX 1e9 /* whole units: keeps every sum of millionths far from the end of int64_t */
#define MICROS    1e6
#define HALF      0.5

void vc_refuse(struct vc_refusal *refusal, int code, const char *reason, const char *field,
               const char *fmt, ...)
{
    *refusal = (struct vc_refusal){.code = code, .reason = reason};
    vc_copy(refusal->field, sizeof refusal->field, field);
    char text[sizeof refusal->text];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    /* It may quote the body, and goes into logs and dead letters. */
    VC_AUTO_BUF struct vc_buf shown = {0};
    vc_buf_show(&shown, text);
    vc_copy(refusal->text, sizeof refusal->text, vc_buf_text(&shown));
}

static void full_name(const struct vc_fields *fields, const char *name, char out[48])
{
    snprintf(out, 48, "%s%s%s", fields->within ? fields->within : "", fields->within ? "." : "",
             name);
}

static const char *kind_of(json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a text";
    case JSON_INTEGER:
        return "a whole number";
    case JSON_REAL:
        return "a fraction";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    case JSON_NULL:
        return "null";
    }
    return "something else";
}

/* A short value is worth showing, a long one is not. */
static void show(json_t *value, char *out, size_t cap)
{
    enum { WORTH_SHOWING = 40 };
    const char *text = json_string_value(value);
    VC_AUTO_BUF struct vc_buf shown = {0};
    if (json_is_integer(value)) {
        snprintf(out, cap, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else if (json_is_real(value)) {
        snprintf(out, cap, "%g", json_real_value(value));
    } else if (text && strlen(text) <= WORTH_SHOWING) {
        vc_buf_puts(&shown, "\"");
        vc_buf_show(&shown, text);
        vc_buf_puts(&shown, "\"");
        vc_copy(out, cap, shown.text);
    } else if (text) {
        snprintf(out, cap, "a text of %zu bytes", strlen(text));
    } else {
        vc_copy(out, cap, kind_of(value));
    }
}

void vc_field_wrong(struct vc_fields *fields, const char *name, const char *expected)
{
    if (!fields->ok)
        return;
    fields->ok = false;
    char field[48], got[192];
    full_name(fields, name, field);
    json_t *value = json_object_get(fields->object, name);
    if (value)
        show(value, got, sizeof got);
    vc_refuse(fields->refusal, 400, "schema_violation", field, "%s must be %s, got %s", field,
              expected, value ? got : "nothing");
}

json_t *vc_field(struct vc_fields *fields, const char *name, enum vc_need need)
{
    json_t *value = json_object_get(fields->object, name);
    if (json_is_null(value))
        value = NULL;
    if (value || need == VC_OPTIONAL || !fields->ok)
        return fields->ok ? value : NULL;
    char field[48];
    full_name(fields, name, field);
    fields->ok = false;
    vc_refuse(fields->refusal, 400, "schema_violation", field, "%s is missing", field);
    return NULL;
}

static bool blank(const char *text)
{
    return text[strspn(text, " \t\r\n\v\f")] == '\0';
}

static const char *bounded_text(struct vc_fields *fields, const char *name, size_t max,
                                enum vc_need need, bool may_be_blank)
{
    json_t *value = vc_field(fields, name, need);
    if (!value)
        return NULL;
    const char *text = json_string_value(value);
    if (text && json_string_length(value) <= max && (may_be_blank || !blank(text)))
        return text;
    char expected[64];
    snprintf(expected, sizeof expected,
             may_be_blank ? "a text of at most %zu bytes"
                          : "a text of 1 to %zu bytes, not only spaces",
             max);
    vc_field_wrong(fields, name, expected);
    return NULL;
}

const char *vc_field_text(struct vc_fields *fields, const char *name, size_t max, enum vc_need need)
{
    return bounded_text(fields, name, max, need, false);
}

const char *vc_field_prose(struct vc_fields *fields, const char *name, size_t max)
{
    return bounded_text(fields, name, max, VC_OPTIONAL, true);
}

const char *vc_field_id(struct vc_fields *fields, const char *name, enum vc_need need)
{
    json_t *value = vc_field(fields, name, need);
    if (!value || vc_id_ok(json_string_value(value)))
        return json_string_value(value);
    bool report = fields->ok;
    vc_field_wrong(fields, name, "1 to 64 of A-Z a-z 0-9 _ -");
    if (report)
        fields->refusal->reason = "bad_id";
    return NULL;
}

const char *vc_field_task_type(struct vc_fields *fields, const char *name)
{
    json_t *value = vc_field(fields, name, VC_OPTIONAL);
    if (!value || vc_task_type_ok(json_string_value(value)))
        return json_string_value(value);
    vc_field_wrong(fields, name, "1 to 40 of a-z 0-9 _ -");
    return NULL;
}

int64_t vc_field_int(struct vc_fields *fields, const char *name, int64_t min, int64_t max,
                     int64_t absent, enum vc_need need)
{
    json_t *value = vc_field(fields, name, need);
    if (!value)
        return absent;
    int64_t number = json_integer_value(value);
    if (json_is_integer(value) && number >= min && number <= max)
        return number;
    char expected[96];
    snprintf(expected, sizeof expected, "a whole number from %" PRId64 " to %" PRId64, min, max);
    vc_field_wrong(fields, name, expected);
    return absent;
}

bool vc_field_bool(struct vc_fields *fields, const char *name, bool absent, enum vc_need need)
{
    json_t *value = vc_field(fields, name, need);
    if (!value)
        return absent;
    if (!json_is_boolean(value))
        vc_field_wrong(fields, name, "true or false");
    return json_is_true(value);
}

struct vc_wall vc_field_instant(struct vc_fields *fields, const char *name)
{
    json_t *value = vc_field(fields, name, VC_OPTIONAL);
    struct vc_wall at = {0};
    if (!value)
        return at;
    const char *text = json_string_value(value);
    if (!text || vc_wall_parse(text, &at, NULL) != VC_OK)
        vc_field_wrong(fields, name, "an instant such as \"2026-11-24T10:17:15Z\"");
    else if (at.ms == 0)
        at.ms = 1; /* 0 would mean that there is none */
    return at;
}

int64_t vc_field_money(struct vc_fields *fields, const char *name)
{
    json_t *value = vc_field(fields, name, VC_OPTIONAL);
    if (!value)
        return VC_NONE_MICROS;
    json_t *amount = json_is_object(value) ? json_object_get(value, "amount") : value;
    double number = json_number_value(amount);
    if (json_is_number(amount) && number >= 0 && number <= MONEY_MAX)
        return (int64_t)(number * MICROS + HALF);
    vc_field_wrong(fields, name,
                   "an amount from 0 to 1e9, as a number or as {\"amount\":..,\"currency\":..}");
    return VC_NONE_MICROS;
}

struct vc_text_list vc_field_list(struct vc_fields *fields, const char *name,
                                  bool (*ok)(const char *text), const char *expected)
{
    struct vc_text_list list = {0};
    json_t *value = vc_field(fields, name, VC_OPTIONAL);
    if (!value)
        return list;
    bool fits = json_is_array(value) && json_array_size(value) <= VC_LIST_MAX;
    for (size_t i = 0; fits && i < json_array_size(value); i++) {
        const char *text = json_string_value(json_array_get(value, i));
        fits = text && ok(text);
        list.items[list.n++] = text;
    }
    if (fits)
        return list;
    char wanted[128];
    snprintf(wanted, sizeof wanted, "an array of at most %d entries, each %s", VC_LIST_MAX,
             expected);
    vc_field_wrong(fields, name, wanted);
    return (struct vc_text_list){0};
}
