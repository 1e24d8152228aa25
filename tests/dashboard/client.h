/* client.h - raw HTTP over real sockets, against a server whose loop runs on the same thread. */
#ifndef VC_TESTS_DASHBOARD_CLIENT_H
#define VC_TESTS_DASHBOARD_CLIENT_H

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "dashboard/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define CLIENT_DEADLINE_MS 10000

/* A connection from 127.0.0.@from to the server's port on 127.0.0.1. */
static inline int client_connect(int port, int from)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(0x7f000000u + (unsigned)from)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)port);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* One turn of the loop, then a moment of waiting for @fd. */
static inline void client_turn(uv_loop_t *loop, int fd)
{
    uv_run(loop, UV_RUN_NOWAIT);
    poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 1);
}

static inline void client_send(uv_loop_t *loop, int fd, const char *bytes, size_t len)
{
    struct vc_mono since = vc_mono_now();
    while (len > 0 && vc_mono_now().ms - since.ms < CLIENT_DEADLINE_MS) {
        ssize_t n = send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return; /* the server has had enough */
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
        uv_run(loop, UV_RUN_NOWAIT);
    }
}

/* Read until the server closes (true), or until @until was read, or the deadline (false). */
static inline bool client_read(uv_loop_t *loop, int fd, const char *until, int64_t deadline_ms,
                               struct vc_buf *out)
{
    char bytes[4096];
    struct vc_mono since = vc_mono_now();
    while (vc_mono_now().ms - since.ms < deadline_ms) {
        ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return true;
        if (n > 0)
            vc_buf_add(out, bytes, (size_t)n);
        if (until && strstr(vc_buf_text(out), until))
            return false;
        client_turn(loop, fd);
    }
    return false;
}

/* Send @request as it is and read until the server closes. free() the text. */
static inline char *client_talk(uv_loop_t *loop, int port, const char *request)
{
    struct vc_buf out = {0};
    int fd = client_connect(port, 1);
    client_send(loop, fd, request, strlen(request));
    if (!client_read(loop, fd, NULL, CLIENT_DEADLINE_MS, &out))
        fail_msg("the server did not close; it said: %s", vc_buf_text(&out));
    close(fd);
    char *said = vc_xmemdup(vc_buf_text(&out), out.len);
    vc_buf_fini(&out);
    return said;
}

static inline int client_status(const char *response)
{
    return strncmp(response, "HTTP/1.1 ", 9) == 0 ? (int)strtol(response + 9, NULL, 10) : 0;
}

static inline const char *client_body(const char *response)
{
    const char *body = strstr(response, "\r\n\r\n");
    return body ? body + 4 : "";
}

#endif
