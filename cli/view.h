/* view.h - how the online commands show what the coordinator answered: fields of its JSON as text
 * for people. A missing or null field is "-" throughout; names are escaped where they are printed.
 */
#ifndef VC_CLI_VIEW_H
#define VC_CLI_VIEW_H

#include "cli/cmd.h"

#include <stdio.h>

#define VC_VIEW_TEXT 32 /* bytes that hold any number, ratio, age or duration below */

/* The text field @key of @object; "-" when it is absent, null, empty or no text. Borrowed. */
const char *vc_view_text(const json_t *object, const char *key);

/* The whole number in field @key, 0 when absent. */
int64_t vc_view_int(const json_t *object, const char *key);

/* The number in field @key, 0 when absent. */
double vc_view_real(const json_t *object, const char *key);

/* The writers below return @out. "0.850" */
const char *vc_view_ratio(const json_t *object, const char *key, char out[VC_VIEW_TEXT]);
/* A whole number; "-" when absent. */
const char *vc_view_count(const json_t *object, const char *key, char out[VC_VIEW_TEXT]);
/* How long ago the instant in field @key was: "12s ago", "3d ago". */
const char *vc_view_age(const json_t *object, const char *key, char out[VC_VIEW_TEXT]);
/* A duration: "850ms", "12.5s", "3m 20s", "2h 5m", "3d 4h". */
const char *vc_view_ms(int64_t ms, char out[VC_VIEW_TEXT]);
/* The same from field @key; "-" when absent. */
const char *vc_view_duration(const json_t *object, const char *key, char out[VC_VIEW_TEXT]);

/* The texts of an array as "a, b"; "-" when there are none. free() it. */
char *vc_view_list(const json_t *array);

/* At most @columns columns of @text, the last one "…" when it was cut. free() it. */
char *vc_view_cut(const char *text, size_t columns);

/* Print "label      text" as one line, text escaped. vc_view_field prints nothing when field @key
 * is absent. */
void vc_view_line(const char *label, const char *fmt, ...) VC_PRINTF(2, 3);
void vc_view_field(const char *label, const json_t *object, const char *key);

/* Print one line, escaped. */
void vc_view_say(const char *fmt, ...) VC_PRINTF(1, 2);

/* Print text of several lines, each escaped, at any length. */
void vc_view_block(const char *text);

/* Print a heading above a table or a list. */
void vc_view_heading(const char *text);

/* Tables of what several commands show: EXEC, TASK and CANDIDATE arrays of the API. */
void vc_view_executions(const json_t *executions);
void vc_view_tasks(const json_t *tasks);
/* The CELL array of one agent: what it has shown it can do, type by type. */
void vc_view_cells(const json_t *cells);

#endif
