/* Where a NATS URL leads, and what the server there says of itself. */
#include "base/str.h"
#include "nats-bridge/link.h"

#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEFAULT_PORT "4222"
#define GREETING_MAX 4096
#define GREETING_MS  1000

static const char *without_scheme(const char *url)
{
    static const char *const schemes[] = {"nats://", "tls://"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strncmp(url, schemes[i], strlen(schemes[i])) == 0)
            return url + strlen(schemes[i]);
    return strstr(url, "://") ? NULL : url;
}

static bool port_ok(const char *port)
{
    size_t n = strspn(port, "0123456789");
    return n > 0 && n <= 5 && !port[n];
}

/* HOST[:PORT], where HOST may be an IPv6 address in brackets. */
static bool split_host(const char *text, struct vc_server *out)
{
    bool bracket = text[0] == '[';
    const char *end = bracket ? strchr(text, ']') : text + strcspn(text, ":/");
    if (!end)
        return false;
    const char *from = text + bracket, *rest = end + bracket;
    size_t len = (size_t)(end - from);
    if (len == 0 || len >= sizeof out->host || strpbrk(text, " \t\r\n,"))
        return false;
    memcpy(out->host, from, len);
    out->host[len] = '\0';
    const char *port = *rest == ':' ? rest + 1 : *rest ? "" : DEFAULT_PORT;
    return port_ok(port) && vc_copy(out->port, sizeof out->port, port);
}

static void take_user(const char *text, size_t len, char out[VC_ID_MAX + 1])
{
    if (len > VC_ID_MAX)
        return;
    memcpy(out, text, len);
    out[len] = '\0';
    if (!vc_id_ok(out))
        out[0] = '\0';
}

enum vc_rc vc_server_parse(const char *url, struct vc_server *out, struct vc_err *err)
{
    *out = (struct vc_server){0};
    const char *rest = url ? without_scheme(url) : NULL;
    const char *at = rest ? strrchr(rest, '@') : NULL;
    if (!rest || !split_host(at ? at + 1 : rest, out))
        return vc_fail(err, VC_E_INVALID,
                       "the NATS URL is not nats://[USER:PASSWORD@]HOST[:PORT]%s",
                       rest ? "" : "; its scheme must be nats or tls");
    const char *colon = at ? memchr(rest, ':', (size_t)(at - rest)) : NULL;
    /* A lone word in front of the host is a token: a secret, not a name. */
    if (colon)
        take_user(rest, (size_t)(colon - rest), out->user);
    bool v6 = strchr(out->host, ':') != NULL;
    snprintf(out->shown, sizeof out->shown, "%s%.*s%s%s%s%s:%s",
             strncmp(url, "tls", 3) == 0 ? "tls://" : "nats://", colon ? (int)(colon - rest) : 0,
             rest, colon ? "@" : "", v6 ? "[" : "", out->host, v6 ? "]" : "", out->port);
    return VC_OK;
}

static int dial(const struct vc_server *server)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    if (getaddrinfo(server->host, server->port, &hints, &list) != 0)
        return -1;
    int fd = -1;
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        struct timeval limit = {.tv_sec = GREETING_MS / 1000};
        if (fd < 0)
            continue;
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit); /* bounds connect() */
        if (connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    return fd;
}

void vc_server_version(const struct vc_server *server, char *out, size_t cap)
{
    static const char KEY[] = "\"version\":\"";
    out[0] = '\0';
    int fd = dial(server);
    if (fd < 0)
        return;
    char greeting[GREETING_MAX];
    size_t len = 0;
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    while (len < sizeof greeting - 1 && poll(&waiting, 1, GREETING_MS) == 1) {
        ssize_t n = recv(fd, greeting + len, sizeof greeting - 1 - len, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
        if (memchr(greeting, '\n', len))
            break;
    }
    close(fd);
    greeting[len] = '\0';
    char *version = strstr(greeting, KEY);
    if (!version)
        return;
    version += strlen(KEY);
    version[strcspn(version, "\"\r\n")] = '\0';
    vc_copy(out, cap, version);
}
