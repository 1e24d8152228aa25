#include "coordinator/lock.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define PID_TEXT 24

static enum vc_rc busy(const char *db_path, int fd, struct vc_err *err)
{
    char pid[PID_TEXT] = "";
    if (pread(fd, pid, sizeof pid - 1, 0) < 0)
        pid[0] = '\0';
    pid[strspn(pid, "0123456789")] = '\0';
    /* Empty in the instant between the owner's flock and its pid. */
    return vc_fail(err, VC_E_BUSY, "'%s' is in use by %s%s: stop it first, or use another one",
                   db_path, pid[0] ? "process " : "another process", pid);
}

static bool write_pid(int fd)
{
    char pid[PID_TEXT];
    int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    return ftruncate(fd, 0) == 0 && pwrite(fd, pid, (size_t)len, 0) == len;
}

enum vc_rc vc_lock_take(const char *db_path, int *fd, struct vc_err *err)
{
    VC_AUTO_BUF struct vc_buf path = {0};
    vc_buf_printf(&path, "%s.lock", db_path);
    int lock = open(path.text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0)
        return vc_fail(err, VC_E_IO, "cannot open the lock file '%s': %s", path.text,
                       strerror(errno));
    enum vc_rc rc = VC_OK;
    if (flock(lock, LOCK_EX | LOCK_NB) != 0)
        rc = errno == EWOULDBLOCK
                 ? busy(db_path, lock, err)
                 : vc_fail(err, VC_E_IO, "cannot lock '%s': %s", path.text, strerror(errno));
    else if (!write_pid(lock))
        rc = vc_fail(err, VC_E_IO, "cannot write '%s': %s", path.text, strerror(errno));
    if (rc)
        close(lock);
    else
        *fd = lock;
    return rc;
}

bool vc_lock_held(const char *db_path, long *pid)
{
    VC_AUTO_BUF struct vc_buf path = {0};
    vc_buf_printf(&path, "%s.lock", db_path);
    int lock = open(path.text, O_RDONLY | O_CLOEXEC);
    if (lock < 0)
        return false;
    char text[PID_TEXT] = "";
    bool held = flock(lock, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (held && pread(lock, text, sizeof text - 1, 0) < 0)
        text[0] = '\0';
    *pid = strtol(text, NULL, 10);
    close(lock);
    return held;
}
