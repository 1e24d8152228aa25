/* import_file.h - executions as they stand in a JSON Lines file, checked line by line.
 *
 * One execution a line:
 *   {"task_id","epoch","agent_id","task_type","outcome","error_class"?,"finished_at","duration_ms"?}
 * finished_at is RFC 3339 text or milliseconds since 1970. Unknown fields are ignored, as is an
 * error_class on a success. A line without a duration counts as 0 ms. Blank lines are passed over.
 */
#ifndef VC_CLI_IMPORT_FILE_H
#define VC_CLI_IMPORT_FILE_H

#include "base/err.h"
#include "base/map.h"
#include "learning/outcome.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VC_IMPORT_ROWS_MAX        5000000u /* a file; held in memory, 56 bytes and a task id each */
#define VC_IMPORT_BAD_SHOWN       20u      /* bad lines that are reported one by one */
#define VC_IMPORT_DURATION_MAX_MS (3652 * VC_DAY_MS) /* ten years */

/* Names by number, in the order of their first appearance. */
struct vc_names {
    char **at;
    size_t len, cap;
    struct vc_map by_name;
};

struct vc_import_row {
    uint64_t line;
    uint32_t task, agent, type; /* numbers in the names of the file */
    uint32_t epoch;
    enum vc_outcome outcome;
    enum vc_error_class error_class;
    struct vc_wall finished_at;
    int64_t duration_ms;
    bool known; /* the same (task, epoch) came before or is stored already; for the writer */
};

/* Zero-initialise; vc_import_file_fini() it. */
struct vc_import_file {
    struct vc_import_row *rows; /* in the order of the file */
    size_t len, cap;
    struct vc_names tasks, agents, types;
    uint64_t bad;  /* lines refused, also by vc_import_bad */
    bool progress; /* say on stderr how far it is */
};

void vc_import_file_fini(struct vc_import_file *file);

/* Read all of @path ("-" = standard input). Bad lines are reported on stderr and counted; they are
 * no failure here.
 *
 * VC_E_LIMIT  more than VC_IMPORT_ROWS_MAX rows
 * VC_E_NOT_FOUND, VC_E_IO  the file; see lines.h */
VC_MUST_CHECK enum vc_rc vc_import_file_read(struct vc_import_file *file, const char *path,
                                             struct vc_err *err);

/* Count one more bad line and report it while fewer than VC_IMPORT_BAD_SHOWN were. */
void vc_import_bad(struct vc_import_file *file, uint64_t line, const char *why);

#endif
