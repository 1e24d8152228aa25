#include "base/mem.h"
#include "dashboard/http.h"
#include "tests/dashboard/client.h"

#include <stdio.h>

#define LOCAL "Host: localhost\r\n"
#define CLOSE "Connection: close\r\n"
#define END   "\r\n"

#define SOON_MS (VC_HTTP_TIMEOUT_S * INT64_C(500))

struct server {
    uv_loop_t loop;
    struct vc_http *http;
    int port;
    int calls; /* of any handler */
};

static struct vc_http_answer on_hello(void *ctx, const struct vc_http_request *request,
                                      struct vc_buf *body)
{
    ((struct server *)ctx)->calls++;
    vc_buf_printf(body, "hello %s\n", vc_http_method(request));
    return (struct vc_http_answer){200, "text/plain"};
}

static struct vc_http_answer on_query(void *ctx, const struct vc_http_request *request,
                                      struct vc_buf *body)
{
    (void)ctx;
    const char *name = vc_http_query(request, "name");
    vc_buf_printf(body, "%s", name ? name : "(none)");
    return (struct vc_http_answer){200, "text/plain"};
}

static struct vc_http_answer on_ready(void *ctx, const struct vc_http_request *request,
                                      struct vc_buf *body)
{
    (void)ctx;
    (void)request;
    vc_buf_puts(body, "starting\n");
    return (struct vc_http_answer){503, "text/plain"};
}

static struct vc_http_answer on_empty(void *ctx, const struct vc_http_request *request,
                                      struct vc_buf *body)
{
    (void)ctx;
    (void)request;
    (void)body;
    return (struct vc_http_answer){200, "text/plain"};
}

static struct vc_http_answer on_large(void *ctx, const struct vc_http_request *request,
                                      struct vc_buf *body)
{
    (void)ctx;
    (void)request;
    for (int i = 0; i < 1000000; i++)
        vc_buf_puts(body, "0123456789");
    return (struct vc_http_answer){200, "text/plain"};
}

static const struct vc_http_route routes[] = {
    {"GET", "/hello", on_hello}, {"GET", "/query", on_query}, {"GET", "/readyz", on_ready},
    {"GET", "/empty", on_empty}, {"GET", "/large", on_large},
};

static enum vc_rc start_on(struct server *s, const char *host, int port, struct vc_err *err)
{
    const struct vc_http_conf conf = {
        .host = host, .port = port, .routes = routes, .routes_len = 5, .ctx = s};
    *s = (struct server){0};
    uv_loop_init(&s->loop);
    enum vc_rc rc = vc_http_start(&s->loop, &conf, &s->http, err);
    s->port = rc ? 0 : vc_http_port(s->http);
    return rc;
}

static void end(struct server *s)
{
    vc_http_stop(&s->http);
    assert_null(s->http);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&s->loop), 0);
}

static int setup(void **state)
{
    struct server *s = vc_xcalloc(1, sizeof *s);
    *state = s;
    return start_on(s, "127.0.0.1", 0, NULL) ? -1 : 0;
}

static int teardown(void **state)
{
    end(*state);
    vc_free(*state);
    return 0;
}

static char *talk(void **state, const char *request)
{
    struct server *s = *state;
    return client_talk(&s->loop, s->port, request);
}

static void assert_status(void **state, const char *request, int wanted)
{
    char *said = talk(state, request);
    if (client_status(said) != wanted)
        fail_msg("wanted %d for: %.200s\ngot: %.200s", wanted, request, said);
    free(said);
}

static void assert_problem(const char *said, int status, const char *body)
{
    assert_int_equal(client_status(said), status);
    assert_non_null(strstr(said, "Content-Type: application/problem+json\r\n"));
    assert_string_equal(client_body(said), body);
}

static void a_get_is_answered_by_its_handler(void **state)
{
    char *said = talk(state, "GET /hello HTTP/1.1\r\n" LOCAL CLOSE END);
    assert_int_equal(client_status(said), 200);
    assert_string_equal(client_body(said), "hello GET\n");
    assert_non_null(strstr(said, "Content-Type: text/plain\r\n"));
    assert_non_null(strstr(said, "Content-Length: 10\r\n"));
    assert_non_null(strstr(said, "Cache-Control: no-store\r\n"));
    assert_non_null(strstr(said, "X-Content-Type-Options: nosniff\r\n"));
    free(said);
}

static void a_head_has_the_length_but_no_body(void **state)
{
    char *said = talk(state, "HEAD /hello HTTP/1.1\r\n" LOCAL CLOSE END);
    assert_int_equal(client_status(said), 200);
    assert_non_null(strstr(said, "Content-Length: 11\r\n"));
    assert_string_equal(client_body(said), "");
    free(said);
}

static void an_empty_body_is_a_body(void **state)
{
    char *said = talk(state, "GET /empty HTTP/1.1\r\n" LOCAL CLOSE END);
    assert_int_equal(client_status(said), 200);
    assert_non_null(strstr(said, "Content-Length: 0\r\n"));
    free(said);
}

static void ten_megabytes_arrive_whole(void **state)
{
    char *said = talk(state, "GET /large HTTP/1.1\r\n" LOCAL CLOSE END);
    assert_int_equal(strlen(client_body(said)), 10000000);
    free(said);
}

static void the_status_is_the_handlers(void **state)
{
    char *said = talk(state, "GET /readyz HTTP/1.1\r\n" LOCAL CLOSE END);
    assert_int_equal(client_status(said), 503);
    assert_string_equal(client_body(said), "starting\n");
    free(said);
}

static void a_query_is_decoded(void **state)
{
    static const struct {
        const char *query, *wanted;
    } cases[] = {{"", "(none)"},       {"?other=1", "(none)"}, {"?name", ""},
                 {"?name=", ""},       {"?name=a1", "a1"},     {"?x=1&name=a%20b%26", "a b&"},
                 {"?name=a+b", "a b"}, {"?NAME=1", "1"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char request[256];
        snprintf(request, sizeof request, "GET /query%s HTTP/1.1\r\n" LOCAL CLOSE END,
                 cases[i].query);
        char *said = talk(state, request);
        assert_string_equal(client_body(said), cases[i].wanted);
        free(said);
    }
}

static void an_unknown_path_is_404_and_not_echoed(void **state)
{
    char *said = talk(state, "GET /hello/<script> HTTP/1.1\r\n" LOCAL CLOSE END);
    if (client_status(said) == 404) /* strict parsers answer 400 themselves */
        assert_null(strstr(said, "script"));
    free(said);
    said = talk(state, "GET /nothing HTTP/1.1\r\n" LOCAL CLOSE END);
    assert_problem(said, 404,
                   "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
                   "\"detail\":\"nothing is served at this path\"}\n");
    free(said);
}

static void paths_match_whole(void **state)
{
    assert_status(state, "GET / HTTP/1.1\r\n" LOCAL CLOSE END, 404);
    assert_status(state, "GET /hell HTTP/1.1\r\n" LOCAL CLOSE END, 404);
    assert_status(state, "GET /hello/ HTTP/1.1\r\n" LOCAL CLOSE END, 404);
    assert_status(state, "GET /HELLO HTTP/1.1\r\n" LOCAL CLOSE END, 404);
    assert_status(state, "GET //hello HTTP/1.1\r\n" LOCAL CLOSE END, 404);
    assert_status(state, "GET /../hello HTTP/1.1\r\n" LOCAL CLOSE END, 404);
}

static void another_method_is_405_and_told_what_is_allowed(void **state)
{
    static const char *const methods[] = {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get", "X"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        char request[256];
        snprintf(request, sizeof request,
                 "%s /hello HTTP/1.1\r\n" LOCAL "Content-Length: 0\r\n" CLOSE END, methods[i]);
        char *said = talk(state, request);
        assert_problem(said, 405,
                       "{\"type\":\"about:blank\",\"title\":\"Method Not Allowed\",\"status\":405,"
                       "\"detail\":\"the Allow header names the methods of this path\"}\n");
        assert_non_null(strstr(said, "Allow: GET, HEAD\r\n"));
        free(said);
    }
    assert_int_equal(((struct server *)*state)->calls, 0);
}

static void only_names_of_this_machine_are_answered(void **state)
{
    static const struct {
        const char *host;
        int status;
    } cases[] = {
        {"localhost", 200},
        {"localhost:8080", 200},
        {"LocalHost:1", 200},
        {"127.0.0.1", 200},
        {"127.0.0.1:65535", 200},
        {"[::1]", 200},
        {"[::1]:8080", 200},
        {"evil.example", 421},
        {"evil.example:80", 421},
        {"localhost.evil", 421},
        {"localhostx", 421},
        {"127.0.0.1.evil.example", 421},
        {"localhost:8080x", 421},
        {"localhost:80:80", 421},
        {"127.0.0.2", 421},
        {"::1", 421},
        {"[::1", 421},
        {"[::1]x", 421},
        {"0.0.0.0", 421},
        {"localhost@evil", 421},
        {"localhost, evil", 421},
        {"10.0.0.1", 421},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char request[256];
        snprintf(request, sizeof request, "GET /hello HTTP/1.1\r\nHost: %s\r\n" CLOSE END,
                 cases[i].host);
        assert_status(state, request, cases[i].status);
    }
}

static void a_request_without_one_host_is_refused(void **state)
{
    assert_status(state, "GET /hello HTTP/1.0\r\n" CLOSE END, 400);
    assert_status(state, "GET /hello HTTP/1.1\r\n" CLOSE END, 400);
    assert_status(state, "GET /hello HTTP/1.1\r\nHost:\r\n" CLOSE END, 421);
    assert_status(state, "GET /hello HTTP/1.1\r\n" LOCAL "Host: evil\r\n" CLOSE END, 400);
    assert_status(state, "GET /hello HTTP/1.1\r\n" LOCAL LOCAL CLOSE END, 400);
    assert_int_equal(((struct server *)*state)->calls, 0);
}

static void two_ways_to_say_where_a_body_ends_are_refused(void **state)
{
    assert_status(
        state,
        "GET /hello HTTP/1.1\r\n" LOCAL "Content-Length: 1\r\nContent-Length: 2\r\n" END "xx", 400);
    assert_status(state,
                  "GET /hello HTTP/1.1\r\n" LOCAL
                  "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" END "0\r\n\r\n",
                  400);
}

static char *request_with_body(size_t len)
{
    struct vc_buf request = {0};
    vc_buf_printf(&request, "GET /hello HTTP/1.1\r\n" LOCAL CLOSE "Content-Length: %zu\r\n\r\n",
                  len);
    for (size_t i = 0; i < len; i++)
        vc_buf_puts(&request, "x");
    return request.text;
}

static void a_body_may_take_64_kb_and_no_byte_more(void **state)
{
    VC_AUTO_FREE char *at_limit = request_with_body(VC_HTTP_BODY_MAX);
    assert_status(state, at_limit, 200);
    char *said = talk(state, "GET /hello HTTP/1.1\r\n" LOCAL "Content-Length: 65537\r\n" END);
    assert_problem(said, 413,
                   "{\"type\":\"about:blank\",\"title\":\"Content Too Large\",\"status\":413,"
                   "\"detail\":\"a body may take 64 KB\"}\n");
    free(said);
}

static void a_chunked_body_past_64_kb_closes_the_door(void **state)
{
    VC_AUTO_BUF struct vc_buf request = {0};
    vc_buf_puts(&request, "GET /hello HTTP/1.1\r\n" LOCAL "Transfer-Encoding: chunked\r\n" END);
    for (int i = 0; i < 66; i++) {
        vc_buf_puts(&request, "400\r\n");
        for (int j = 0; j < 64; j++)
            vc_buf_puts(&request, "0123456789abcdef");
        vc_buf_puts(&request, "\r\n");
    }
    vc_buf_puts(&request, "0\r\n\r\n");
    char *said = talk(state, request.text);
    assert_string_equal(said, "");
    assert_int_equal(((struct server *)*state)->calls, 0);
    free(said);
}

static void a_body_is_never_taken_for_the_next_request(void **state)
{
    struct server *s = *state;
    assert_status(state,
                  "GET /hello HTTP/1.1\r\n" LOCAL CLOSE "Content-Length: 42\r\n" END
                  "GET /hello HTTP/1.1\r\n" LOCAL END END,
                  200);
    assert_int_equal(s->calls, 1);
    assert_status(state,
                  "GET /hello HTTP/1.1\r\nHost: evil\r\nContent-Length: 42\r\n" END
                  "GET /hello HTTP/1.1\r\n" LOCAL END END,
                  421);
    assert_int_equal(s->calls, 1);
}

static void a_refusal_before_the_body_is_the_last_answer_of_its_connection(void **state)
{
    char *said = talk(state, "GET /hello HTTP/1.1\r\nHost: evil\r\n" END
                             "GET /hello HTTP/1.1\r\n" LOCAL END);
    assert_int_equal(client_status(said), 421);
    assert_non_null(strstr(said, "Connection: close\r\n"));
    assert_int_equal(((struct server *)*state)->calls, 0);
    free(said);
}

static void an_unknown_path_leaves_the_connection_open(void **state)
{
    char *said = talk(state, "GET /nothing HTTP/1.1\r\n" LOCAL END
                             "GET /hello HTTP/1.1\r\n" LOCAL CLOSE END);
    assert_int_equal(client_status(said), 404);
    assert_non_null(strstr(said, "hello GET\n"));
    free(said);
}

static char *request_with_headers(size_t total)
{
    struct vc_buf request = {0};
    vc_buf_puts(&request, "GET /hello HTTP/1.1\r\n" LOCAL CLOSE "X-Fill: ");
    while (request.len < total - 4)
        vc_buf_puts(&request, "x");
    vc_buf_puts(&request, "\r\n\r\n");
    return request.text;
}

static void headers_may_take_16_kb_and_no_byte_more(void **state)
{
    VC_AUTO_FREE char *at_limit = request_with_headers(VC_HTTP_HEADERS_MAX);
    VC_AUTO_FREE char *past = request_with_headers(VC_HTTP_HEADERS_MAX + 1);
    VC_AUTO_FREE char *far_past = request_with_headers(20 * VC_HTTP_HEADERS_MAX);
    assert_status(state, at_limit, 200);
    assert_status(state, past, 431);
    char *said = talk(state, far_past);
    assert_true(client_status(said) == 431 || said[0] == '\0'); /* or reset while we still sent */
    free(said);
}

static void what_is_not_http_is_refused_and_the_server_lives_on(void **state)
{
    static const char *const noise[] = {"\x16\x03\x01\x02\r\n\r\n",
                                        "GET\r\n\r\n",
                                        "\r\n\r\n\r\n",
                                        "{}\r\n\r\n",
                                        "GET /hello\r\n\r\n",
                                        "CONNECT { } \r\nPING\r\n\r\n"};
    struct server *s = *state;
    for (size_t i = 0; i < sizeof noise / sizeof *noise; i++) {
        VC_AUTO_BUF struct vc_buf said = {0};
        int fd = client_connect(s->port, 1);
        client_send(&s->loop, fd, noise[i], strlen(noise[i]));
        shutdown(fd, SHUT_WR);
        client_read(&s->loop, fd, NULL, CLIENT_DEADLINE_MS, &said);
        assert_int_not_equal(client_status(vc_buf_text(&said)), 200);
        close(fd);
    }
    assert_status(state, "GET /hello HTTP/1.1\r\n" LOCAL CLOSE END, 200);
}

static void a_connection_serves_one_request_after_the_other(void **state)
{
    struct server *s = *state;
    int fd = client_connect(s->port, 1);
    for (int i = 1; i <= 3; i++) {
        VC_AUTO_BUF struct vc_buf said = {0};
        const char request[] = "GET /hello HTTP/1.1\r\n" LOCAL END;
        client_send(&s->loop, fd, request, strlen(request));
        assert_false(client_read(&s->loop, fd, "hello GET\n", CLIENT_DEADLINE_MS, &said));
        assert_int_equal(client_status(vc_buf_text(&said)), 200);
        assert_int_equal(s->calls, i);
    }
    close(fd);
}

static void an_idle_server_sleeps(void **state)
{
    struct server *s = *state;
    VC_AUTO_BUF struct vc_buf said = {0};
    const char request[] = "GET /hello HTTP/1.1\r\n" LOCAL END;
    int fd = client_connect(s->port, 1);
    client_send(&s->loop, fd, request, strlen(request));
    client_read(&s->loop, fd, "hello GET\n", CLIENT_DEADLINE_MS, &said);
    struct vc_mono since = vc_mono_now();
    while (uv_backend_timeout(&s->loop) == 0 && vc_mono_now().ms - since.ms < CLIENT_DEADLINE_MS)
        uv_run(&s->loop, UV_RUN_NOWAIT);
    assert_in_range(uv_backend_timeout(&s->loop), 1000, 10000); /* until the connection times out */
    close(fd);
    while (uv_backend_timeout(&s->loop) >= 0 && vc_mono_now().ms - since.ms < CLIENT_DEADLINE_MS)
        uv_run(&s->loop, UV_RUN_NOWAIT);
    assert_int_equal(uv_backend_timeout(&s->loop), -1);
}

static void the_33rd_connection_of_one_address_is_closed(void **state)
{
    struct server *s = *state;
    int fds[VC_HTTP_CONNECTIONS_PER_IP_MAX];
    const char request[] = "GET /hello HTTP/1.1\r\n" LOCAL END;
    for (int i = 0; i < VC_HTTP_CONNECTIONS_PER_IP_MAX; i++) {
        VC_AUTO_BUF struct vc_buf said = {0};
        fds[i] = client_connect(s->port, 1);
        client_send(&s->loop, fds[i], request, strlen(request));
        client_read(&s->loop, fds[i], "hello GET\n", CLIENT_DEADLINE_MS, &said);
        assert_int_equal(client_status(vc_buf_text(&said)), 200);
    }
    VC_AUTO_BUF struct vc_buf said = {0};
    int one_more = client_connect(s->port, 1), other = client_connect(s->port, 2);
    assert_true(client_read(&s->loop, one_more, NULL, CLIENT_DEADLINE_MS, &said));
    assert_int_equal(said.len, 0);
    client_send(&s->loop, other, request, strlen(request));
    client_read(&s->loop, other, "hello GET\n", CLIENT_DEADLINE_MS, &said);
    assert_int_equal(client_status(vc_buf_text(&said)), 200);
    for (int i = 0; i < VC_HTTP_CONNECTIONS_PER_IP_MAX; i++)
        close(fds[i]);
    close(one_more);
    close(other);
}

static void the_257th_connection_waits_for_another_to_close(void **state)
{
    struct server *s = *state;
    int fds[VC_HTTP_CONNECTIONS_MAX + 1];
    const char request[] = "GET /hello HTTP/1.1\r\n" LOCAL END;
    for (int i = 0; i <= VC_HTTP_CONNECTIONS_MAX; i++) {
        fds[i] = client_connect(s->port, 1 + i / VC_HTTP_CONNECTIONS_PER_IP_MAX);
        client_send(&s->loop, fds[i], request, strlen(request));
    }
    for (int i = 0; i < VC_HTTP_CONNECTIONS_MAX; i++) {
        VC_AUTO_BUF struct vc_buf said = {0};
        client_read(&s->loop, fds[i], "hello GET\n", CLIENT_DEADLINE_MS, &said);
        assert_int_equal(client_status(vc_buf_text(&said)), 200);
    }
    assert_int_equal(s->calls, VC_HTTP_CONNECTIONS_MAX);
    VC_AUTO_BUF struct vc_buf said = {0};
    close(fds[0]);
    /* At once, and not when the next connection has been silent for VC_HTTP_TIMEOUT_S. */
    client_read(&s->loop, fds[VC_HTTP_CONNECTIONS_MAX], "hello GET\n", SOON_MS, &said);
    assert_int_equal(client_status(vc_buf_text(&said)), 200);
    for (int i = 1; i <= VC_HTTP_CONNECTIONS_MAX; i++)
        close(fds[i]);
}

static void stopping_closes_open_connections(void **state)
{
    struct server s;
    char c;
    (void)state;
    assert_int_equal(start_on(&s, "127.0.0.1", 0, NULL), VC_OK);
    int idle = client_connect(s.port, 1), half = client_connect(s.port, 1);
    client_send(&s.loop, half, "GET /hello HT", 13);
    for (int i = 0; i < 3; i++)
        client_turn(&s.loop, half);
    end(&s);
    assert_true(recv(idle, &c, 1, 0) <= 0);
    assert_true(recv(half, &c, 1, 0) <= 0);
    close(idle);
    close(half);
    vc_http_stop(&s.http);
}

static void a_port_in_use_is_named_and_what_to_do(void **state)
{
    struct server *s = *state, second;
    struct vc_err err = {0};
    char expected[256];
    assert_int_equal(start_on(&second, "127.0.0.1", s->port, &err), VC_E_BUSY);
    snprintf(expected, sizeof expected,
             "HTTP cannot listen on 127.0.0.1:%d: Address already in use; choose another port, or "
             "0 for one that is free",
             s->port);
    assert_string_equal(err.text, expected);
    assert_int_equal(uv_loop_close(&second.loop), 0);
}

static void the_port_can_be_taken_again_at_once(void **state)
{
    struct server s;
    (void)state;
    assert_int_equal(start_on(&s, "127.0.0.1", 0, NULL), VC_OK);
    int port = s.port;
    free(client_talk(&s.loop, port, "GET /hello HTTP/1.1\r\n" LOCAL CLOSE END));
    end(&s);
    assert_int_equal(start_on(&s, "127.0.0.1", port, NULL), VC_OK);
    assert_int_equal(s.port, port);
    end(&s);
}

static void only_loopback_addresses_may_be_listened_on(void **state)
{
    static const char *const bad[] = {
        "0.0.0.0",   "::", "[::]",  "10.0.0.1",     "example.com",     "",
        "128.0.0.1", "*",  "127.1", "127.0.0.1:80", "::ffff:127.0.0.1"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct server s;
        struct vc_err err = {0};
        char expected[256];
        assert_int_equal(start_on(&s, bad[i], 0, &err), VC_E_INVALID);
        snprintf(expected, sizeof expected,
                 "HTTP cannot listen on '%s': it has no access control yet, so only localhost, "
                 "127.0.0.1 and [::1] are allowed",
                 bad[i]);
        assert_string_equal(err.text, expected);
        assert_int_equal(uv_loop_close(&s.loop), 0);
    }
}

static void ports_outside_the_range_are_refused(void **state)
{
    struct server s;
    struct vc_err err = {0};
    (void)state;
    assert_int_equal(start_on(&s, "localhost", 65536, &err), VC_E_INVALID);
    assert_string_equal(err.text, "HTTP cannot listen on port 65536: ports are 0 to 65535");
    assert_int_equal(uv_loop_close(&s.loop), 0);
    assert_int_equal(start_on(&s, "localhost", -1, &err), VC_E_INVALID);
    assert_int_equal(uv_loop_close(&s.loop), 0);
}

static void another_loopback_address_answers_to_its_own_name(void **state)
{
    struct server s;
    (void)state;
    assert_int_equal(start_on(&s, "127.0.0.5", 0, NULL), VC_OK);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)s.port),
                                  .sin_addr.s_addr = htonl(0x7f000005)};
    VC_AUTO_BUF struct vc_buf said = {0};
    const char request[] = "GET /hello HTTP/1.1\r\nHost: 127.0.0.5:1\r\n" CLOSE END;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    client_send(&s.loop, fd, request, strlen(request));
    assert_true(client_read(&s.loop, fd, NULL, CLIENT_DEADLINE_MS, &said));
    assert_int_equal(client_status(vc_buf_text(&said)), 200);
    close(fd);
    end(&s);
}

static void ipv6_works_where_there_is_ipv6(void **state)
{
    static const char *const names[] = {"::1", "[::1]"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct server s;
        struct vc_err err = {0};
        enum vc_rc rc = start_on(&s, names[i], 0, &err);
        if (rc == VC_E_IO) {
            uv_loop_close(&s.loop);
            skip();
        }
        assert_int_equal(rc, VC_OK);
        struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                       .sin6_port = htons((uint16_t)s.port),
                                       .sin6_addr = IN6ADDR_LOOPBACK_INIT};
        VC_AUTO_BUF struct vc_buf said = {0};
        const char request[] = "GET /hello HTTP/1.1\r\nHost: [::1]\r\n" CLOSE END;
        int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
        client_send(&s.loop, fd, request, strlen(request));
        assert_true(client_read(&s.loop, fd, NULL, CLIENT_DEADLINE_MS, &said));
        assert_int_equal(client_status(vc_buf_text(&said)), 200);
        close(fd);
        end(&s);
    }
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(a_get_is_answered_by_its_handler),
        SERVED(a_head_has_the_length_but_no_body),
        SERVED(an_empty_body_is_a_body),
        SERVED(ten_megabytes_arrive_whole),
        SERVED(the_status_is_the_handlers),
        SERVED(a_query_is_decoded),
        SERVED(an_unknown_path_is_404_and_not_echoed),
        SERVED(paths_match_whole),
        SERVED(another_method_is_405_and_told_what_is_allowed),
        SERVED(only_names_of_this_machine_are_answered),
        SERVED(a_request_without_one_host_is_refused),
        SERVED(two_ways_to_say_where_a_body_ends_are_refused),
        SERVED(a_body_may_take_64_kb_and_no_byte_more),
        SERVED(a_chunked_body_past_64_kb_closes_the_door),
        SERVED(a_body_is_never_taken_for_the_next_request),
        SERVED(a_refusal_before_the_body_is_the_last_answer_of_its_connection),
        SERVED(an_unknown_path_leaves_the_connection_open),
        SERVED(headers_may_take_16_kb_and_no_byte_more),
        SERVED(what_is_not_http_is_refused_and_the_server_lives_on),
        SERVED(a_connection_serves_one_request_after_the_other),
        SERVED(an_idle_server_sleeps),
        SERVED(the_33rd_connection_of_one_address_is_closed),
        SERVED(the_257th_connection_waits_for_another_to_close),
        cmocka_unit_test(stopping_closes_open_connections),
        SERVED(a_port_in_use_is_named_and_what_to_do),
        cmocka_unit_test(the_port_can_be_taken_again_at_once),
        cmocka_unit_test(only_loopback_addresses_may_be_listened_on),
        cmocka_unit_test(ports_outside_the_range_are_refused),
        cmocka_unit_test(another_loopback_address_answers_to_its_own_name),
        cmocka_unit_test(ipv6_works_where_there_is_ipv6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
