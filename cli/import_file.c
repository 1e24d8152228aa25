#include "cli/import_file.h"

#include "base/id.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/lines.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define PROGRESS_EVERY 65536 /* lines */
#define VALUE_SHOWN    80    /* bytes of a value in a message */

static void names_fini(struct vc_names *names)
{
    for (size_t i = 0; i < names->len; i++)
        vc_free(names->at[i]);
    vc_free(names->at);
    vc_map_fini(&names->by_name);
}

void vc_import_file_fini(struct vc_import_file *file)
{
    names_fini(&file->tasks);
    names_fini(&file->agents);
    names_fini(&file->types);
    vc_free(file->rows);
    *file = (struct vc_import_file){0};
}

static uint32_t number_of(struct vc_names *names, const char *name)
{
    uint32_t i = vc_map_get(&names->by_name, name);
    if (i != VC_MAP_NONE)
        return i;
    VC_GROW(names->at, names->len, names->cap);
    names->at[names->len] = vc_xstrdup(name);
    vc_map_put(&names->by_name, names->at[names->len], (uint32_t)names->len);
    return (uint32_t)names->len++;
}

void vc_import_bad(struct vc_import_file *file, uint64_t line, const char *why)
{
    if (file->bad++ >= VC_IMPORT_BAD_SHOWN)
        return;
    VC_AUTO_BUF struct vc_buf shown = {0};
    vc_buf_show(&shown, why);
    fprintf(stderr, "line %" PRIu64 ": %s\n", line, vc_buf_text(&shown));
}

/* "@name: @wanted was expected, not <value>". */
static bool refuse(struct vc_err *err, const char *name, const char *wanted, const json_t *value)
{
    VC_AUTO_FREE char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    vc_fail(err, VC_E_INVALID, "%s: %s was expected, not %.*s", name, wanted, VALUE_SHOWN,
            text ? text : "this");
    return false;
}

static bool whole(const json_t *value, int64_t max, int64_t *out)
{
    *out = json_integer_value(value);
    return json_is_integer(value) && *out >= 0 && *out <= max;
}

static bool take_id(struct vc_names *names, const char *name, const json_t *value, uint32_t *out,
                    struct vc_err *err)
{
    const char *text = json_string_value(value);
    if (!vc_id_ok(text))
        return refuse(err, name, "an id, 1 to 64 of A-Z a-z 0-9 _ -,", value);
    *out = number_of(names, text);
    return true;
}

static bool take_task_id(struct vc_import_file *file, struct vc_import_row *row, const char *name,
                         const json_t *value, struct vc_err *err)
{
    return take_id(&file->tasks, name, value, &row->task, err);
}

static bool take_agent_id(struct vc_import_file *file, struct vc_import_row *row, const char *name,
                          const json_t *value, struct vc_err *err)
{
    return take_id(&file->agents, name, value, &row->agent, err);
}

static bool take_task_type(struct vc_import_file *file, struct vc_import_row *row, const char *name,
                           const json_t *value, struct vc_err *err)
{
    const char *text = json_string_value(value);
    if (!vc_task_type_ok(text))
        return refuse(err, name, "1 to 40 of a-z 0-9 _ -", value);
    row->type = number_of(&file->types, text);
    return true;
}

static bool take_epoch(struct vc_import_file *file, struct vc_import_row *row, const char *name,
                       const json_t *value, struct vc_err *err)
{
    (void)file;
    int64_t epoch;
    if (!whole(value, UINT32_MAX, &epoch))
        return refuse(err, name, "a whole number >= 0", value);
    row->epoch = (uint32_t)epoch;
    return true;
}

static bool take_outcome(struct vc_import_file *file, struct vc_import_row *row, const char *name,
                         const json_t *value, struct vc_err *err)
{
    (void)file;
    const char *word = json_string_value(value);
    if (!word || !vc_outcome_parse(word, &row->outcome))
        return refuse(err, name, "success, failure, declined, canceled or timeout", value);
    row->error_class = vc_error_class_default(row->outcome);
    return true;
}

static bool take_error_class(struct vc_import_file *file, struct vc_import_row *row,
                             const char *name, const json_t *value, struct vc_err *err)
{
    (void)file;
    const char *word = json_string_value(value);
    if (row->outcome == VC_OUTCOME_SUCCESS ||
        (word && vc_error_class_parse(word, &row->error_class)))
        return true;
    return refuse(err, name, "a class of error such as agent_error, tool_error, model_error",
                  value);
}

static bool take_finished_at(struct vc_import_file *file, struct vc_import_row *row,
                             const char *name, const json_t *value, struct vc_err *err)
{
    (void)file;
    const char *text = json_string_value(value);
    if (text && vc_wall_parse(text, &row->finished_at, NULL) == VC_OK)
        return true;
    if (whole(value, VC_WALL_MAX_MS, &row->finished_at.ms))
        return true;
    return refuse(err, name, "RFC 3339 text or milliseconds since 1970", value);
}

static bool take_duration(struct vc_import_file *file, struct vc_import_row *row, const char *name,
                          const json_t *value, struct vc_err *err)
{
    (void)file;
    if (whole(value, VC_IMPORT_DURATION_MAX_MS, &row->duration_ms))
        return true;
    return refuse(err, name, "whole milliseconds from 0 to ten years", value);
}

/* In this order: whether a class is looked at depends on the outcome. */
static const struct {
    const char *name;
    bool required;
    bool (*take)(struct vc_import_file *, struct vc_import_row *, const char *, const json_t *,
                 struct vc_err *);
} fields[] = {
    {"outcome", true, take_outcome},       {"error_class", false, take_error_class},
    {"epoch", true, take_epoch},           {"finished_at", true, take_finished_at},
    {"duration_ms", false, take_duration}, {"task_type", true, take_task_type},
    {"agent_id", true, take_agent_id},     {"task_id", true, take_task_id},
};

static bool take_fields(struct vc_import_file *file, const json_t *object,
                        struct vc_import_row *row, struct vc_err *err)
{
    if (!json_is_object(object)) {
        vc_fail(err, VC_E_INVALID, "a JSON object was expected");
        return false;
    }
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const json_t *value = json_object_get(object, fields[i].name);
        bool absent = !value || json_is_null(value);
        if (absent && fields[i].required) {
            vc_fail(err, VC_E_INVALID, "%s is missing", fields[i].name);
            return false;
        }
        if (!absent && !fields[i].take(file, row, fields[i].name, value, err))
            return false;
    }
    return true;
}

static bool take_line(struct vc_import_file *file, const struct vc_line *line,
                      struct vc_import_row *row, struct vc_err *err)
{
    json_error_t bad;
    if (line->too_long) {
        vc_fail(err, VC_E_INVALID, "longer than %d bytes", VC_LINE_MAX);
        return false;
    }
    json_t *object = json_loadb(line->text, line->len, JSON_REJECT_DUPLICATES, &bad);
    if (!object) {
        vc_fail(err, VC_E_INVALID, "not JSON: %s (column %d)", bad.text, bad.column);
        return false;
    }
    bool ok = take_fields(file, object, row, err);
    json_decref(object);
    return ok;
}

static enum vc_rc add_line(struct vc_import_file *file, const struct vc_line *line,
                           struct vc_err *err)
{
    struct vc_err problem;
    struct vc_import_row row = {.line = line->number};
    if (!take_line(file, line, &row, &problem)) {
        vc_import_bad(file, line->number, problem.text);
        return VC_OK;
    }
    if (file->len == VC_IMPORT_ROWS_MAX)
        return vc_fail(err, VC_E_LIMIT, "more than %u executions in one file: import it in parts",
                       VC_IMPORT_ROWS_MAX);
    VC_GROW(file->rows, file->len, file->cap);
    file->rows[file->len++] = row;
    return VC_OK;
}

enum vc_rc vc_import_file_read(struct vc_import_file *file, const char *path, struct vc_err *err)
{
    struct vc_lines lines;
    struct vc_line line = {0};
    bool more = true;
    enum vc_rc rc = vc_lines_open(path, &lines, err);
    if (rc != VC_OK)
        return rc;
    while ((rc = vc_lines_next(&lines, &line, &more, err)) == VC_OK && more) {
        if (file->progress && line.number % PROGRESS_EVERY == 0)
            fprintf(stderr, "\rread %" PRIu64 " lines", line.number);
        if (!line.blank && (rc = add_line(file, &line, err)) != VC_OK)
            break;
    }
    if (file->progress && line.number > PROGRESS_EVERY)
        fputs("\r\033[K", stderr);
    vc_lines_close(&lines);
    return rc;
}
