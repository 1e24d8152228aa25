#include "coordinator/nats_conf.h"

#include "base/mem.h"
#include "coordinator/secret.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PROGRAM         "nats-server"
#define URL_HEAD        "nats://" VC_NATS_USER ":"
#define URL_HOST        "@127.0.0.1:"
#define NAME_RANDOM_LEN 12
#define PORT_MAX        65535
#define GREETING_US     200000
#define GREETING_MAX    4096

/* The program in the directory that the first @len bytes of @dir and @rest name; NULL when it is
 * not there. Relative entries would depend on the directory the child runs in. */
static char *find_in(const char *dir, size_t len, const char *rest)
{
    VC_AUTO_BUF struct vc_buf path = {0};
    vc_buf_printf(&path, "%.*s%s/" PROGRAM, (int)len, dir, rest);
    if (path.text[0] == '/' && access(path.text, X_OK) == 0)
        return vc_take(&path.text);
    return NULL;
}

/* Debian keeps it in /usr/sbin, which is not on the PATH of ordinary users; so beside each bin
 * its sbin is looked at too. */
char *vc_nats_find_program(void)
{
    const char *dir = getenv("PATH");
    char *found = NULL;
    while (dir && *dir && !found) {
        size_t len = strcspn(dir, ":");
        found = find_in(dir, len, "");
        if (!found && len >= 4 && strncmp(dir + len - 4, "/bin", 4) == 0)
            found = find_in(dir, len - 3, "sbin");
        dir += len + (dir[len] == ':');
    }
    return found;
}

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* Bind @port and let go of it again: the port that was bound, 0 when it could not be. Go's listen
 * sets SO_REUSEADDR too, so what passes here passes there. */
static int try_port(int port)
{
    const int on = 1;
    struct sockaddr_in address = loopback(port);
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    bool ok = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
              bind(fd, (struct sockaddr *)&address, len) == 0 && listen(fd, 1) == 0 &&
              getsockname(fd, (struct sockaddr *)&address, &len) == 0;
    close(fd);
    return ok ? ntohs(address.sin_port) : 0;
}

bool vc_nats_port_is_free(int port)
{
    return try_port(port) != 0;
}

int vc_nats_any_port(void)
{
    return try_port(0);
}

bool vc_nats_greets(int port, const char *name)
{
    char greeting[GREETING_MAX] = "";
    size_t len = 0;
    const struct timeval patience = {.tv_usec = GREETING_US};
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
        connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
        ssize_t n = 1;
        while (n > 0 && len < sizeof greeting - 1 && !memchr(greeting, '\n', len)) {
            n = read(fd, greeting + len, sizeof greeting - 1 - len);
            len += n > 0 ? (size_t)n : 0;
        }
    }
    close(fd);
    greeting[len] = '\0';
    return strstr(greeting, name) != NULL;
}

static bool password_ok(const char *password, size_t len)
{
    return len >= 1 && len <= VC_NATS_PASSWORD_MAX &&
           strspn(password, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~") >=
               len;
}

/* Read back what vc_nats_add_url() wrote; anything else leaves @out alone. */
static void read_url(const char *path, struct vc_nats_access *out)
{
    char text[sizeof URL_HEAD + VC_NATS_PASSWORD_MAX + sizeof URL_HOST + 16];
    if (vc_secret_read(path, text, sizeof text, NULL) != VC_OK)
        return;
    if (strncmp(text, URL_HEAD, strlen(URL_HEAD)) != 0)
        return;
    const char *password = text + strlen(URL_HEAD), *at = strstr(password, URL_HOST);
    size_t len = at ? (size_t)(at - password) : 0;
    long port = at ? strtol(at + strlen(URL_HOST), NULL, 10) : 0;
    if (!password_ok(password, len) || port < 1 || port > PORT_MAX)
        return;
    memcpy(out->password, password, len);
    out->password[len] = '\0';
    out->port = (int)port;
}

enum vc_rc vc_nats_access_decide(const struct vc_nats_child_conf *conf, const char *url_path,
                                 struct vc_nats_access *out, struct vc_err *err)
{
    *out = (struct vc_nats_access){0};
    if (conf->port < 0 || conf->port > PORT_MAX)
        return vc_fail(err, VC_E_INVALID, "nats-server cannot listen on port %d: ports are 0 to %d",
                       conf->port, PORT_MAX);
    if (conf->password && !password_ok(conf->password, strlen(conf->password)))
        return vc_fail(err, VC_E_INVALID,
                       "the NATS password is not 1 to %d characters of A-Z a-z 0-9 _ - . ~",
                       VC_NATS_PASSWORD_MAX);
    read_url(url_path, out);
    if (conf->port)
        out->port = conf->port;
    if (conf->password)
        vc_copy(out->password, sizeof out->password, conf->password);
    vc_copy(out->name, sizeof out->name, "vapora-");
    if ((!out->password[0] && !vc_secret_make(out->password, VC_SECRET_LEN)) ||
        !vc_secret_make(out->name + strlen(out->name), NAME_RANDOM_LEN))
        return vc_fail(err, VC_E_IO, "cannot make up a NATS password: %s", strerror(errno));
    return VC_OK;
}

void vc_nats_add_url(struct vc_buf *out, const struct vc_nats_access *access)
{
    vc_buf_printf(out, URL_HEAD "%s" URL_HOST "%d", access->password, access->port);
}

void vc_nats_add_conf(struct vc_buf *out, const struct vc_nats_access *access)
{
    vc_buf_printf(out,
                  "# Written by vapora-coord at every start; changes are lost.\n"
                  "server_name: \"%s\"\n"
                  "listen: \"127.0.0.1:%d\"\n"
                  "pid_file: \"server.pid\"\n"
                  "max_payload: 1MB\n"
                  "jetstream { store_dir: \".\" }\n"
                  "authorization { user: \"" VC_NATS_USER "\", password: \"%s\" }\n",
                  access->name, access->port, access->password);
}
