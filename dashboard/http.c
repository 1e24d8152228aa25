#include "dashboard/http.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "dashboard/http_listen.h"

#include <microhttpd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* The library keeps headers of request and response, and its buffers, in one pool a connection. */
#define CONNECTION_BYTES  (2 * VC_HTTP_HEADERS_MAX)
#define COMPLAIN_EVERY_MS VC_MINUTE_MS

struct vc_http {
    struct MHD_Daemon *daemon;
    uv_poll_t poll;
    uv_timer_t timer;
    int open_handles;
    int port;
    char host[VC_HTTP_HOST_TEXT];
    const struct vc_http_route *routes;
    size_t routes_len;
    void *ctx;
    struct vc_mono complaint_due; /* when to say again that there is no descriptor left */
};

struct vc_http_request {
    struct MHD_Connection *connection;
    const char *method;
    size_t body_len; /* received so far; nobody reads it yet */
};

struct problem {
    unsigned status;
    const char *title, *detail;
};

static const struct problem bad_request = {
    MHD_HTTP_BAD_REQUEST, "Bad Request",
    "send exactly one Host header, and no Transfer-Encoding beside Content-Length"};
static const struct problem misdirected = {MHD_HTTP_MISDIRECTED_REQUEST, "Misdirected Request",
                                           "ask for localhost, 127.0.0.1 or [::1]"};
static const struct problem headers_too_large = {MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE,
                                                 "Request Header Fields Too Large",
                                                 "headers may take 16 KB"};
static const struct problem body_too_large = {MHD_HTTP_CONTENT_TOO_LARGE, "Content Too Large",
                                              "a body may take 64 KB"};
static const struct problem not_found = {MHD_HTTP_NOT_FOUND, "Not Found",
                                         "nothing is served at this path"};
static const struct problem not_allowed = {MHD_HTTP_METHOD_NOT_ALLOWED, "Method Not Allowed",
                                           "the Allow header names the methods of this path"};

const char *vc_http_method(const struct vc_http_request *request)
{
    return request->method;
}

const char *vc_http_query(const struct vc_http_request *request, const char *name)
{
    const char *value = NULL;
    size_t len;
    if (MHD_lookup_connection_value_n(request->connection, MHD_GET_ARGUMENT_KIND, name,
                                      strlen(name), &value, &len) == MHD_NO)
        return NULL;
    return value ? value : "";
}

/* Hand @body over to the library and queue it. */
static enum MHD_Result reply(struct MHD_Connection *connection, unsigned status,
                             const char *content_type, struct vc_buf *body, const char *allow)
{
    size_t len = body->len;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, vc_take(&body->text), MHD_RESPMEM_MUST_FREE);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (allow)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, const struct problem *problem,
                              const char *allow)
{
    VC_AUTO_BUF struct vc_buf body = {0};
    vc_buf_printf(&body,
                  "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,\"detail\":\"%s\"}\n",
                  problem->title, problem->status, problem->detail);
    return reply(connection, problem->status, VC_HTTP_PROBLEM, &body, allow);
}

struct head {
    const char *host, *length;
    int hosts, lengths, encodings;
};

static enum MHD_Result see_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    (void)kind;
    struct head *head = cls;
    if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0) {
        head->host = value;
        head->hosts++;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
        head->length = value;
        head->lengths++;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
        head->encodings++;
    }
    return MHD_YES;
}

/* What is wrong with the head of the request, NULL when nothing. Stricter than the library: 0.9
 * takes doubled headers, which is how two readers come to see two different requests. */
static const struct problem *check_head(const struct vc_http *http,
                                        struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *size =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (size && size->header_size > VC_HTTP_HEADERS_MAX)
        return &headers_too_large;
    struct head head = {0};
    MHD_get_connection_values(connection, MHD_HEADER_KIND, see_header, &head);
    if (head.hosts != 1 || !head.host || head.lengths > 1 || head.lengths + head.encodings > 1)
        return &bad_request;
    if (!vc_http_host_is_here(head.host, http->host))
        return &misdirected;
    if (head.length && strtoull(head.length, NULL, 10) > VC_HTTP_BODY_MAX)
        return &body_too_large;
    return NULL;
}

static bool serves(const struct vc_http_route *route, const char *method)
{
    return strcmp(route->method, method) == 0 || (strcmp(method, MHD_HTTP_METHOD_HEAD) == 0 &&
                                                  strcmp(route->method, MHD_HTTP_METHOD_GET) == 0);
}

static enum MHD_Result answer(struct vc_http *http, const struct vc_http_request *request,
                              const char *path)
{
    VC_AUTO_BUF struct vc_buf allow = {0};
    for (size_t i = 0; i < http->routes_len; i++) {
        const struct vc_http_route *route = &http->routes[i];
        if (strcmp(route->path, path) != 0)
            continue;
        if (serves(route, request->method)) {
            VC_AUTO_BUF struct vc_buf body = {0};
            struct vc_http_answer a = route->handler(http->ctx, request, &body);
            return reply(request->connection, a.status, a.content_type, &body, NULL);
        }
        bool get = strcmp(route->method, MHD_HTTP_METHOD_GET) == 0;
        vc_buf_printf(&allow, "%s%s%s", allow.len ? ", " : "", route->method, get ? ", HEAD" : "");
    }
    return allow.len ? refuse(request->connection, &not_allowed, allow.text)
                     : refuse(request->connection, &not_found, NULL);
}

/* The library calls this once when the headers are there, then for each piece of a body, then a
 * last time with no piece; only the first and the last may queue an answer. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **state)
{
    (void)version;
    (void)upload;
    struct vc_http *http = cls;
    struct vc_http_request *request = *state;
    if (!request) {
        const struct problem *problem = check_head(http, connection);
        if (problem)
            return refuse(connection, problem, NULL);
        request = *state = vc_xcalloc(1, sizeof *request);
        *request = (struct vc_http_request){.connection = connection, .method = method};
        return MHD_YES;
    }
    if (*upload_len > 0) {
        request->body_len += *upload_len;
        *upload_len = 0;
        return request->body_len > VC_HTTP_BODY_MAX ? MHD_NO : MHD_YES;
    }
    return answer(http, request, url);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode how)
{
    (void)cls;
    (void)connection;
    (void)how;
    vc_free(*state);
    *state = NULL;
}

static void on_timer(uv_timer_t *timer);

static unsigned connections(const struct vc_http *http)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    return info ? info->num_connections : 0;
}

/* One round of the library. More work at once comes as a timeout of 0 and goes through the loop, so
 * that a busy client cannot keep the loop here. */
static void drive(struct vc_http *http)
{
    unsigned before = connections(http);
    MHD_run(http->daemon);
    MHD_UNSIGNED_LONG_LONG ms;
    /* At its limit the library stops listening, and a place that came free is offered in the round
     * after only, which nothing else would cause. */
    if (connections(http) < before)
        uv_timer_start(&http->timer, on_timer, 0, 0);
    else if (MHD_get_timeout(http->daemon, &ms) == MHD_YES)
        uv_timer_start(&http->timer, on_timer, ms, 0);
    else
        uv_timer_stop(&http->timer);
}

static void on_timer(uv_timer_t *timer)
{
    drive(timer->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    drive(poll->data);
}

/* Of what the library has to say only this is for somebody who can do something about it. It waits
 * for a connection to end before it accepts another one, and says so each time. */
__attribute__((format(printf, 2, 0))) static void on_complaint(void *ctx, const char *format,
                                                               va_list args)
{
    struct vc_http *http = ctx;
    char line[256];
    vsnprintf(line, sizeof line, format, args);
    struct vc_mono now = vc_mono_now();
    if (!strstr(line, "resource limit") || now.ms < http->complaint_due.ms)
        return;
    http->complaint_due.ms = now.ms + COMPLAIN_EVERY_MS;
    vc_log(VC_LOG_WARN, "http.full",
           "no descriptor is left for more connections; they wait: raise the limit of open files "
           "(ulimit -n)");
}

static struct MHD_Daemon *start_daemon(struct vc_http *http, int fd)
{
    struct sockaddr_storage bound = {0};
    socklen_t len = sizeof bound;
    getsockname(fd, (struct sockaddr *)&bound, &len);
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    if (bound.ss_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, http, MHD_OPTION_EXTERNAL_LOGGER, on_complaint, http,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)VC_HTTP_CONNECTIONS_MAX,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)VC_HTTP_CONNECTIONS_PER_IP_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)VC_HTTP_TIMEOUT_S, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

static void on_closed(uv_handle_t *handle)
{
    struct vc_http *http = handle->data;
    if (--http->open_handles == 0)
        vc_free(http);
}

static enum vc_rc attach(struct vc_http *http, uv_loop_t *loop, struct vc_err *err)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    int rc = info ? uv_poll_init(loop, &http->poll, info->epoll_fd) : UV_EBADF;
    if (rc)
        return vc_fail(err, VC_E_IO, "cannot watch the HTTP sockets: %s", uv_strerror(rc));
    uv_timer_init(loop, &http->timer);
    http->poll.data = http->timer.data = http;
    http->open_handles = 2;
    uv_poll_start(&http->poll, UV_READABLE, on_poll);
    drive(http);
    return VC_OK;
}

enum vc_rc vc_http_start(uv_loop_t *loop, const struct vc_http_conf *conf, struct vc_http **out,
                         struct vc_err *err)
{
    struct vc_http_listener listener;
    enum vc_rc rc = vc_http_listen(conf->host, conf->port, &listener, err);
    if (rc)
        return rc;
    struct vc_http *http = vc_xcalloc(1, sizeof *http);
    *http = (struct vc_http){.port = listener.port,
                             .routes = conf->routes,
                             .routes_len = conf->routes_len,
                             .ctx = conf->ctx};
    vc_copy(http->host, sizeof http->host, listener.host);
    http->daemon = start_daemon(http, listener.fd); /* owns the socket from here on */
    rc = http->daemon ? attach(http, loop, err)
                      : vc_fail(err, VC_E_IO, "cannot start the HTTP server on %s:%d",
                                listener.host, listener.port);
    if (rc) {
        if (http->daemon)
            MHD_stop_daemon(http->daemon);
        vc_free(http);
        return rc;
    }
    *out = http;
    return VC_OK;
}

int vc_http_port(const struct vc_http *http)
{
    return http->port;
}

void vc_http_stop(struct vc_http **http)
{
    struct vc_http *h = vc_take(http);
    if (!h)
        return;
    /* The loop lets go of the epoll descriptor before the library closes it. */
    uv_close((uv_handle_t *)&h->poll, on_closed);
    uv_close((uv_handle_t *)&h->timer, on_closed);
    MHD_stop_daemon(h->daemon);
}
