#include "cli/lines.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define BUF_BYTES ((size_t)VC_LINE_MAX * 4)

enum vc_rc vc_lines_open(const char *path, struct vc_lines *lines, struct vc_err *err)
{
    *lines = (struct vc_lines){.fd = STDIN_FILENO, .is_stdin = strcmp(path, "-") == 0};
    if (!lines->is_stdin)
        lines->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (lines->fd < 0)
        return vc_fail(err, errno == ENOENT ? VC_E_NOT_FOUND : VC_E_IO, "cannot open %s: %s", path,
                       strerror(errno));
    lines->buf = vc_xrealloc(NULL, BUF_BYTES, 1);
    return VC_OK;
}

void vc_lines_close(struct vc_lines *lines)
{
    if (!lines->is_stdin && lines->fd >= 0)
        close(lines->fd);
    vc_free(lines->buf);
    *lines = (struct vc_lines){.fd = -1};
}

static enum vc_rc read_more(struct vc_lines *lines, struct vc_err *err)
{
    if (lines->start > 0) {
        memmove(lines->buf, lines->buf + lines->start, lines->end - lines->start);
        lines->end -= lines->start;
        lines->start = 0;
    }
    ssize_t n;
    do
        n = read(lines->fd, lines->buf + lines->end, BUF_BYTES - lines->end);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return vc_fail(err, VC_E_IO, "reading failed: %s", strerror(errno));
    lines->ended = n == 0;
    lines->end += (size_t)n;
    return VC_OK;
}

/* Drop what is there of a line that is too long, but keep its beginning to show it. */
static void shorten(struct vc_lines *lines, struct vc_line *line)
{
    line->too_long = true;
    lines->end = lines->start + VC_LINE_MAX;
}

static bool is_blank(const char *text, size_t len)
{
    size_t i = 0;
    while (i < len && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r'))
        i++;
    return i == len;
}

enum vc_rc vc_lines_next(struct vc_lines *lines, struct vc_line *line, bool *more,
                         struct vc_err *err)
{
    *line = (struct vc_line){.number = line->number + 1};
    *more = true;
    const char *newline = NULL;
    size_t seen = 0;
    for (;;) {
        const char *from = lines->buf + lines->start;
        size_t len = lines->end - lines->start;
        newline = memchr(from + seen, '\n', len - seen);
        if (newline || lines->ended)
            break;
        if (len > VC_LINE_MAX)
            shorten(lines, line);
        seen = lines->end - lines->start;
        enum vc_rc rc = read_more(lines, err);
        if (rc != VC_OK)
            return rc;
    }
    line->text = lines->buf + lines->start;
    line->len = newline ? (size_t)(newline - line->text) : lines->end - lines->start;
    *more = newline || line->len > 0;
    lines->start += line->len + (newline ? 1 : 0);
    line->too_long |= line->len > VC_LINE_MAX;
    if (line->len > VC_LINE_MAX)
        line->len = VC_LINE_MAX;
    line->blank = is_blank(line->text, line->len);
    return VC_OK;
}
