#include "coordinator/data_dir.h"

#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static enum vc_rc unusable(const char *path, const char *why, struct vc_err *err)
{
    return vc_fail(err, errno == ENOTDIR ? VC_E_INVALID : VC_E_IO,
                   "cannot use '%s' as data directory: %s; choose another --data-dir", path, why);
}

/* Create the parents of @path; one that is there already is fine. */
static bool make_parents(const char *path)
{
    VC_AUTO_FREE char *part = vc_xstrdup(path);
    for (char *p = part + 1; *p; p++) {
        bool last = p[strspn(p, "/")] == '\0';
        if (*p != '/' || p[-1] == '/' || last)
            continue;
        *p = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return false;
        *p = '/';
    }
    return true;
}

enum vc_rc vc_data_dir_prepare(const char *path, struct vc_err *err)
{
    if (!path || !*path)
        return vc_fail(err, VC_E_INVALID, "the data directory is empty text; name a --data-dir");
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        if (errno != ENOENT || !make_parents(path) || (mkdir(path, 0700) != 0 && errno != EEXIST))
            return unusable(path, strerror(errno), err);
    }
    struct stat st;
    if (stat(path, &st) != 0)
        return unusable(path, strerror(errno), err);
    if (!S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        return unusable(path, "it is no directory", err);
    }
    if (access(path, R_OK | W_OK | X_OK) != 0)
        return unusable(path, strerror(errno), err);
    return VC_OK;
}

static bool write_all(int fd, const char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        ssize_t n = write(fd, text, left);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            text += n;
            left -= (size_t)n;
        }
    }
    return true;
}

enum vc_rc vc_data_file_write(const char *path, const char *text, struct vc_err *err)
{
    VC_AUTO_BUF struct vc_buf draft = {0};
    vc_buf_printf(&draft, "%s.new", path);
    int fd = open(draft.text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return vc_fail(err, VC_E_IO, "cannot create '%s': %s", draft.text, strerror(errno));
    /* A draft that was lying there keeps its mode through O_CREAT. */
    bool ok = fchmod(fd, 0600) == 0 && write_all(fd, text) && fsync(fd) == 0;
    int why = errno;
    close(fd);
    if (ok && rename(draft.text, path) == 0)
        return VC_OK;
    why = ok ? errno : why;
    unlink(draft.text);
    return vc_fail(err, VC_E_IO, "cannot write '%s': %s", path, strerror(why));
}

int64_t vc_data_dir_free_mib(const char *dir)
{
    struct statvfs fs;
    if (statvfs(dir, &fs) != 0)
        return -1;
    return (int64_t)(((uint64_t)fs.f_bavail * fs.f_frsize) >> 20);
}
