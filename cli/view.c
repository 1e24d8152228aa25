#include "cli/view.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define LABEL_COLUMNS  12
#define TITLE_COLUMNS  48   /* of a task's title in a list */
#define LINE_MAX_BYTES 4096 /* of one line of fields; longer is cut */
#define ERROR_COLUMNS  60   /* of an error message in a list */

static const char none[] = "-";

const char *vc_view_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text && *text ? text : none;
}

int64_t vc_view_int(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

double vc_view_real(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

const char *vc_view_ratio(const json_t *object, const char *key, char out[VC_VIEW_TEXT])
{
    const json_t *value = json_object_get(object, key);
    if (json_is_number(value))
        snprintf(out, VC_VIEW_TEXT, "%.3f", json_number_value(value));
    else
        vc_copy(out, VC_VIEW_TEXT, none);
    return out;
}

const char *vc_view_count(const json_t *object, const char *key, char out[VC_VIEW_TEXT])
{
    const json_t *value = json_object_get(object, key);
    if (json_is_integer(value))
        snprintf(out, VC_VIEW_TEXT, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else
        vc_copy(out, VC_VIEW_TEXT, none);
    return out;
}

const char *vc_view_ms(int64_t ms, char out[VC_VIEW_TEXT])
{
    static const struct {
        int64_t unit, smaller;
        const char *name, *smaller_name;
    } steps[] = {
        {VC_DAY_MS, VC_HOUR_MS, "d ", "h"},
        {VC_HOUR_MS, VC_MINUTE_MS, "h ", "m"},
        {VC_MINUTE_MS, VC_SECOND_MS, "m ", "s"},
        {VC_SECOND_MS, VC_SECOND_MS / 10, ".", "s"},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (ms < steps[i].unit)
            continue;
        snprintf(out, VC_VIEW_TEXT, "%" PRId64 "%s%" PRId64 "%s", ms / steps[i].unit, steps[i].name,
                 ms % steps[i].unit / steps[i].smaller, steps[i].smaller_name);
        return out;
    }
    snprintf(out, VC_VIEW_TEXT, "%" PRId64 "ms", ms < 0 ? 0 : ms);
    return out;
}

const char *vc_view_duration(const json_t *object, const char *key, char out[VC_VIEW_TEXT])
{
    const json_t *value = json_object_get(object, key);
    if (json_is_integer(value))
        return vc_view_ms(json_integer_value(value), out);
    vc_copy(out, VC_VIEW_TEXT, none);
    return out;
}

const char *vc_view_age(const json_t *object, const char *key, char out[VC_VIEW_TEXT])
{
    const char *text = json_string_value(json_object_get(object, key));
    struct vc_wall at;
    if (!text || vc_wall_parse(text, &at, NULL) != VC_OK) {
        vc_copy(out, VC_VIEW_TEXT, none);
        return out;
    }
    char age[VC_VIEW_TEXT];
    int64_t ms = vc_wall_now().ms - at.ms;
    /* Tenths of a second would differ at every look. */
    vc_view_ms(ms - ms % VC_SECOND_MS, age);
    char *tenth = strstr(age, ".0s");
    if (tenth)
        vc_copy(tenth, sizeof "s", "s");
    if (ms < VC_SECOND_MS)
        vc_copy(out, VC_VIEW_TEXT, "now");
    else
        snprintf(out, VC_VIEW_TEXT, "%.24s ago", age);
    return out;
}

char *vc_view_list(const json_t *array)
{
    VC_AUTO_BUF struct vc_buf out = {0};
    size_t i;
    const json_t *item;
    json_array_foreach(array, i, item) vc_buf_printf(
        &out, "%s%s", i ? ", " : "", json_is_string(item) ? json_string_value(item) : none);
    return vc_xstrdup(out.len ? vc_buf_text(&out) : none);
}

char *vc_view_cut(const char *text, size_t columns)
{
    if (vc_columns(text) <= columns)
        return vc_xstrdup(text);
    size_t bytes = 0, seen = 0;
    /* A code point begins at every byte that is no continuation (10xxxxxx). */
    for (; text[bytes]; bytes++)
        if (((unsigned char)text[bytes] & 0xc0) != 0x80 && seen++ == columns - 1)
            break;
    VC_AUTO_BUF struct vc_buf out = {0};
    vc_buf_add(&out, text, bytes);
    vc_buf_puts(&out, "…");
    return vc_xstrdup(vc_buf_text(&out));
}

VC_PRINTF(3, 0)
static void print_line(const char *label, int columns, const char *fmt, va_list args)
{
    char text[LINE_MAX_BYTES];
    vsnprintf(text, sizeof text, fmt, args);
    VC_AUTO_BUF struct vc_buf shown = {0};
    vc_buf_show(&shown, text);
    printf("%-*s%s\n", columns, label, vc_buf_text(&shown));
}

void vc_view_line(const char *label, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    print_line(label, LABEL_COLUMNS, fmt, args);
    va_end(args);
}

void vc_view_say(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    print_line("", 0, fmt, args);
    va_end(args);
}

void vc_view_block(const char *text)
{
    VC_AUTO_BUF struct vc_buf line = {0}, shown = {0};
    while (*text) {
        size_t len = strcspn(text, "\n");
        vc_buf_reset(&line);
        vc_buf_reset(&shown);
        vc_buf_add(&line, text, len);
        vc_buf_show(&shown, vc_buf_text(&line));
        puts(vc_buf_text(&shown));
        text += len + (text[len] == '\n');
    }
}

void vc_view_field(const char *label, const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (text && *text)
        vc_view_line(label, "%s", text);
}

void vc_view_heading(const char *text)
{
    bool colour = vc_colour();
    printf("\n%s%s%s\n", colour ? "\033[4m" : "", text, colour ? "\033[0m" : "");
}

void vc_view_executions(const json_t *executions)
{
    static const char *const columns[] = {"TASK",    ">EPOCH", "AGENT", "TYPE",  "OUTCOME", "CLASS",
                                          "COUNTED", ">TOOK",  "ENDED", "ERROR", NULL};
    struct vc_table *table = vc_table_create(columns);
    size_t i;
    const json_t *e;
    char text[VC_VIEW_TEXT];
    json_array_foreach(executions, i, e)
    {
        VC_AUTO_FREE char *error = vc_view_cut(vc_view_text(e, "error_message"), ERROR_COLUMNS);
        vc_table_cell(table, vc_view_text(e, "task_id"));
        vc_table_cell(table, vc_view_count(e, "epoch", text));
        vc_table_cell(table, vc_view_text(e, "agent_id"));
        vc_table_cell(table, vc_view_text(e, "task_type"));
        vc_table_cell(table, vc_view_text(e, "outcome"));
        vc_table_cell(table, vc_view_text(e, "error_class"));
        vc_table_cell(table, json_is_true(json_object_get(e, "counted")) ? "yes" : "no");
        vc_table_cell(table, vc_view_duration(e, "duration_ms", text));
        vc_table_cell(table, vc_view_age(e, "finished_at", text));
        vc_table_cell(table, error);
    }
    vc_table_print(&table);
}

void vc_view_tasks(const json_t *tasks)
{
    static const char *const columns[] = {"TASK",     "STATE",     "TYPE",  "AGENT",
                                          ">ATTEMPT", "SUBMITTED", "TITLE", NULL};
    struct vc_table *table = vc_table_create(columns);
    size_t i;
    const json_t *t;
    char text[VC_VIEW_TEXT];
    json_array_foreach(tasks, i, t)
    {
        VC_AUTO_FREE char *title = vc_view_cut(vc_view_text(t, "title"), TITLE_COLUMNS);
        vc_table_cell(table, vc_view_text(t, "task_id"));
        vc_table_cell(table, vc_view_text(t, "state"));
        vc_table_cell(table, vc_view_text(t, "task_type"));
        vc_table_cell(table, vc_view_text(t, "agent_id"));
        vc_table_cellf(table, "%" PRId64 "/%" PRId64, vc_view_int(t, "attempt"),
                       vc_view_int(t, "max_attempts"));
        vc_table_cell(table, vc_view_age(t, "submitted_at", text));
        vc_table_cell(table, title);
    }
    vc_table_print(&table);
}

void vc_view_cells(const json_t *cells)
{
    static const char *const columns[] = {"TYPE",     ">EXPERTISE", ">CONFIDENCE", ">N",
                                          ">SUCCESS", ">RECENT",    NULL};
    struct vc_table *table = vc_table_create(columns);
    size_t i;
    const json_t *cell;
    char text[VC_VIEW_TEXT];
    json_array_foreach(cells, i, cell)
    {
        vc_table_cell(table, vc_view_text(cell, "task_type"));
        vc_table_cell(table, vc_view_ratio(cell, "expertise", text));
        vc_table_cell(table, vc_view_ratio(cell, "confidence", text));
        vc_table_cell(table, vc_view_count(cell, "n", text));
        vc_table_cell(table, vc_view_ratio(cell, "success_rate", text));
        vc_table_cell(table, vc_view_ratio(cell, "recent_success_rate", text));
    }
    vc_table_print(&table);
}
