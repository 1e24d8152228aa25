/* http.h - a small HTTP/1.1 server inside a uv loop: a table of paths, one handler each.
 *
 * Loopback only: there are no tokens yet, so whoever can open a port on this machine may read, and
 * nobody else. A web page in a browser here is somebody else: requests whose Host is not this
 * machine are refused (421), so that a rebound DNS name does not help it. Everything runs on the
 * loop's thread. */
#ifndef VC_DASHBOARD_HTTP_H
#define VC_DASHBOARD_HTTP_H

#include "base/err.h"
#include "base/str.h"

#include <stddef.h>
#include <uv.h>

#define VC_HTTP_CONNECTIONS_MAX        256 /* more wait in the kernel's backlog */
#define VC_HTTP_CONNECTIONS_PER_IP_MAX 32  /* more are closed at once */
#define VC_HTTP_TIMEOUT_S              10  /* without a byte, then the connection is closed */

#define VC_HTTP_HEADERS_MAX ((size_t)16 * 1024) /* bytes; more is 431 */
#define VC_HTTP_BODY_MAX    ((size_t)64 * 1024) /* bytes; more is 413, or the end if chunked */

struct vc_http;
struct vc_http_request;

/* Content type of an error (RFC 9457). */
#define VC_HTTP_PROBLEM "application/problem+json"

struct vc_http_answer {
    unsigned status;          /* 200..599 */
    const char *content_type; /* a constant */
};

/* Answer @request by adding to @body, which is empty at first. Must not block. For HEAD the same
 * handler runs and the body is dropped. */
typedef struct vc_http_answer vc_http_fn(void *ctx, const struct vc_http_request *request,
                                         struct vc_buf *body);

struct vc_http_route {
    const char *method; /* "GET"; HEAD comes with it */
    const char *path;   /* the whole path, without the query: "/livez" */
    vc_http_fn *handler;
};

struct vc_http_conf {
    const char *host;                   /* localhost (which is 127.0.0.1), 127.x.y.z, ::1, [::1] */
    int port;                           /* 0 = any that is free, see vc_http_port() */
    const struct vc_http_route *routes; /* borrowed until vc_http_stop() */
    size_t routes_len;
    void *ctx; /* for every handler */
};

/* Listen and serve while @loop runs. @conf is copied but for the routes.
 *
 * VC_E_BUSY     the port is taken
 * VC_E_INVALID  the host is no loopback address, or the port is none
 * VC_E_IO       no socket to be had */
VC_MUST_CHECK enum vc_rc vc_http_start(uv_loop_t *loop, const struct vc_http_conf *conf,
                                       struct vc_http **out, struct vc_err *err);

/* The port that is listened on. */
int vc_http_port(const struct vc_http *http);

/* Close all connections, stop listening and set *@http to NULL, which is fine to begin with. Not
 * from inside a handler. Its handles close in the next turn of the loop: run the loop once more
 * before uv_loop_close(). */
void vc_http_stop(struct vc_http **http);

/* "GET" or "HEAD"; borrowed for the call of the handler. */
const char *vc_http_method(const struct vc_http_request *request);

/* The value of @name in the query, decoded; "" when it is there without one, NULL when absent. The
 * case of @name does not matter. Borrowed for the call of the handler. */
const char *vc_http_query(const struct vc_http_request *request, const char *name);

#endif
