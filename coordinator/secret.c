#include "coordinator/secret.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define RANDOM_MAX 256 /* getrandom(2) gives up to so many whole */

static enum vc_rc keep_private(int fd, const char *path, struct vc_err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return vc_fail(err, VC_E_IO, "cannot look at %s: %s", path, strerror(errno));
    if ((st.st_mode & S_IRWXO) == 0 || !S_ISREG(st.st_mode))
        return VC_OK;
    if (st.st_uid != geteuid() || fchmod(fd, S_IRUSR | S_IWUSR) != 0)
        return vc_fail(err, VC_E_DENIED,
                       "%s holds a password and everybody can reach it (mode %03o): its owner must "
                       "\"chmod 600\" it, and change the password",
                       path, (unsigned)st.st_mode & 0777);
    vc_log(VC_LOG_WARN, "secret.exposed",
           "file=\"%s\" mode=%03o now=600 advice=\"whoever is on this machine may have read the "
           "password; change it\"",
           path, (unsigned)st.st_mode & 0777);
    return VC_OK;
}

static enum vc_rc read_line(int fd, const char *path, char *out, size_t cap, struct vc_err *err)
{
    size_t len = 0;
    ssize_t n = 1;
    while (n > 0 && len < cap - 1 && !memchr(out, '\n', len)) {
        n = read(fd, out + len, cap - 1 - len);
        if (n < 0)
            return vc_fail(err, VC_E_IO, "cannot read %s: %s", path, strerror(errno));
        len += (size_t)n;
    }
    out[len] = '\0';
    bool whole = len < cap - 1 || memchr(out, '\n', len);
    out[strcspn(out, "\r\n")] = '\0';
    if (!*out || !whole)
        return vc_fail(err, VC_E_INVALID, "%s holds no URL%s", path,
                       whole ? "" : ": its first line is too long");
    return VC_OK;
}

enum vc_rc vc_secret_read(const char *path, char *out, size_t cap, struct vc_err *err)
{
    out[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return vc_fail(err, errno == ENOENT ? VC_E_NOT_FOUND : VC_E_IO, "cannot read %s: %s", path,
                       strerror(errno));
    enum vc_rc rc = keep_private(fd, path, err);
    if (rc == VC_OK)
        rc = read_line(fd, path, out, cap, err);
    close(fd);
    return rc;
}

bool vc_secret_make(char *out, size_t len)
{
    /* 64 of the characters that RFC 3986 lets stand in a URL as they are: 6 random bits each. */
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char bits[RANDOM_MAX];
    if (len > sizeof bits || getrandom(bits, len, 0) != (ssize_t)len)
        return false;
    for (size_t i = 0; i < len; i++)
        out[i] = alphabet[bits[i] & 63];
    out[len] = '\0';
    return true;
}

bool vc_secret_variable(const char *variable)
{
    static const struct {
        const char *name;
        bool url; /* secret only with somebody's password in front of the host */
    } known[] = {
        {"VAPORA_COORD_NATS_PASSWORD=", false},
        {"VAPORA_COORD_URL=", true},
        {"NATS_URL=", true},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t len = strlen(known[i].name);
        if (strncmp(variable, known[i].name, len) == 0)
            return !known[i].url || strchr(variable + len, '@');
    }
    return false;
}

char **vc_secret_free_environment(void)
{
    size_t len = 0, cap = 0;
    char **all = NULL;
    for (char **variable = environ; *variable; variable++) {
        if (vc_secret_variable(*variable))
            continue;
        VC_GROW(all, len, cap);
        all[len++] = *variable;
    }
    VC_GROW(all, len, cap);
    all[len] = NULL;
    return all;
}
