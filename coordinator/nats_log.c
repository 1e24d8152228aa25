#include "coordinator/nats_log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAST_LINE_MAX 300
#define PID_TEXT      24

/* The pid that the server left in its pid file, "?" when it did not get that far. */
static void read_pid(const char *dir, char out[PID_TEXT])
{
    VC_AUTO_BUF struct vc_buf path = {0};
    vc_buf_printf(&path, "%s/server.pid", dir);
    int fd = open(path.text, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, out, PID_TEXT - 1);
    if (fd >= 0)
        close(fd);
    out[n > 0 ? n : 0] = '\0';
    out[strspn(out, "0123456789")] = '\0';
    if (!out[0])
        vc_copy(out, PID_TEXT, "?");
}

static enum vc_rc refuse(const char *dir, const char *path, struct vc_err *err)
{
    int why = errno;
    char pid[PID_TEXT];
    if (why != EWOULDBLOCK)
        return vc_fail(err, VC_E_IO, "cannot lock '%s': %s", path, strerror(why));
    read_pid(dir, pid);
    return vc_fail(err, VC_E_BUSY,
                   "'%s' is in use by a nats-server, process %s: stop it first, or choose another "
                   "--data-dir",
                   dir, pid);
}

enum vc_rc vc_nats_log_open(struct vc_nats_log *log, const char *dir, struct vc_err *err)
{
    VC_AUTO_BUF struct vc_buf path = {0};
    vc_buf_printf(&path, "%s/server.log", dir);
    int fd = open(path.text, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return vc_fail(err, VC_E_IO, "cannot open '%s': %s", path.text, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        enum vc_rc rc = refuse(dir, path.text, err);
        close(fd);
        return rc;
    }
    *log = (struct vc_nats_log){.fd = fd};
    return VC_OK;
}

void vc_nats_log_close(struct vc_nats_log *log)
{
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
}

void vc_nats_log_begin(struct vc_nats_log *log)
{
    struct stat st;
    log->from = fstat(log->fd, &st) == 0 ? st.st_size : 0;
    if (log->from > VC_NATS_LOG_MAX && ftruncate(log->fd, 0) == 0)
        log->from = 0;
}

void vc_nats_log_last_line(const struct vc_nats_log *log, struct vc_buf *out)
{
    char text[LAST_LINE_MAX + 1];
    off_t end = lseek(log->fd, 0, SEEK_END);
    off_t from = end - LAST_LINE_MAX > log->from ? end - LAST_LINE_MAX : log->from;
    ssize_t n = end > from ? pread(log->fd, text, (size_t)(end - from), from) : 0;
    while (n > 0 && text[n - 1] == '\n')
        n--;
    text[n > 0 ? n : 0] = '\0';
    const char *line = strrchr(text, '\n');
    vc_buf_show(out, line ? line + 1 : text);
}
