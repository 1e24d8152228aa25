/* lines.h - a file of lines, read in place: no copy of a line, and none that eats the memory. */
#ifndef VC_CLI_LINES_H
#define VC_CLI_LINES_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VC_LINE_MAX 65536 /* bytes of a line without its line break */

struct vc_lines {
    int fd;
    bool is_stdin, ended;
    char *buf;
    size_t start, end; /* what is read and not yet given out */
};

struct vc_line {
    uint64_t number;  /* from 1 */
    const char *text; /* without the line break, not NUL-terminated; lives until the next call */
    size_t len;
    bool too_long; /* over VC_LINE_MAX: `text` is its beginning, the rest was passed over */
    bool blank;    /* nothing but spaces, tabs and carriage returns */
};

/* Open @path, "-" being standard input. vc_lines_close() it.
 *
 * VC_E_NOT_FOUND  no such file
 * VC_E_IO         it cannot be opened */
VC_MUST_CHECK enum vc_rc vc_lines_open(const char *path, struct vc_lines *lines,
                                       struct vc_err *err);
void vc_lines_close(struct vc_lines *lines);

/* The next line into @line, whose number counts on from the call before (zero-initialise it).
 * @more is false at the end. A last line without a line break counts; nothing behind the last line
 * break does not. Returns as soon as one line is there, so that a pipe can be answered line by
 * line.
 *
 * VC_E_IO  reading failed */
VC_MUST_CHECK enum vc_rc vc_lines_next(struct vc_lines *lines, struct vc_line *line, bool *more,
                                       struct vc_err *err);

#endif
