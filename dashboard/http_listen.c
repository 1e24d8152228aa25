#include "dashboard/http_listen.h"

#include "base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG  128
#define PORT_MAX 65535

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

bool vc_http_host_is_here(const char *value, const char *own)
{
    const char *const names[] = {"localhost", "127.0.0.1", "[::1]", own};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t len = strlen(names[i]);
        if (strncasecmp(value, names[i], len) != 0)
            continue;
        const char *port = value + len;
        if (*port == '\0' || (*port == ':' && strspn(port + 1, "0123456789") == strlen(port + 1)))
            return true;
    }
    return false;
}

/* Read a loopback address; the text form of it goes to @shown. */
static bool parse_loopback(const char *host, int port, union address *out,
                           char shown[VC_HTTP_HOST_TEXT])
{
    *out = (union address){0};
    if (strcmp(host, "::1") == 0 || strcmp(host, "[::1]") == 0) {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_addr = in6addr_loopback;
        out->v6.sin6_port = htons((uint16_t)port);
        return vc_copy(shown, VC_HTTP_HOST_TEXT, "[::1]");
    }
    const char *address = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    out->v4.sin_family = AF_INET;
    out->v4.sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, address, &out->v4.sin_addr) == 1 &&
           ntohl(out->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET &&
           vc_copy(shown, VC_HTTP_HOST_TEXT, address);
}

static bool bind_and_listen(int fd, const union address *address)
{
    const int on = 1;
    socklen_t len = address->any.sa_family == AF_INET6 ? sizeof address->v6 : sizeof address->v4;
    /* Connections of a predecessor that still drain do not keep the port; a listener does. */
    return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
           bind(fd, &address->any, len) == 0 && listen(fd, BACKLOG) == 0;
}

static int bound_port(int fd)
{
    union address bound = {0};
    socklen_t len = sizeof bound;
    if (getsockname(fd, &bound.any, &len) != 0)
        return 0;
    return ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
}

enum vc_rc vc_http_listen(const char *host, int port, struct vc_http_listener *out,
                          struct vc_err *err)
{
    union address address;
    if (port < 0 || port > PORT_MAX)
        return vc_fail(err, VC_E_INVALID, "HTTP cannot listen on port %d: ports are 0 to %d", port,
                       PORT_MAX);
    if (!parse_loopback(host, port, &address, out->host))
        return vc_fail(err, VC_E_INVALID,
                       "HTTP cannot listen on '%.64s': it has no access control yet, so only "
                       "localhost, 127.0.0.1 and [::1] are allowed",
                       host);
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return vc_fail(err, VC_E_IO, "HTTP cannot listen on %s:%d: no socket: %s", out->host, port,
                       strerror(errno));
    if (!bind_and_listen(fd, &address)) {
        int why = errno;
        close(fd);
        return vc_fail(err, why == EADDRINUSE ? VC_E_BUSY : VC_E_IO,
                       "HTTP cannot listen on %s:%d: %s; choose another port, or 0 for one that "
                       "is free",
                       out->host, port, strerror(why));
    }
    out->fd = fd;
    out->port = bound_port(fd);
    return VC_OK;
}
