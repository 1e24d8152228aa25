/* Whatever a client may send to the dashboard, through a socket and to the end. */
#include "dashboard/dashboard.h"
#include "tests/fuzz/fuzz.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUIET_TURNS 6
#define CLIENTS     65536 /* addresses of 127.0.0.0/8 that connections come from */
#define TRIES_MAX   500   /* to connect, 10 ms apart */
#define PROBE_EVERY 16    /* inputs: then a well-behaved client asks */

static uv_loop_t loop;
static struct vc_http *http;

static void look(const void *ctx, struct vc_snapshot *out)
{
    (void)ctx;
    *out = (struct vc_snapshot){.version = "0", .nats_problem = "away\x1b[2J\"\n"};
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    static const struct vc_dashboard_source source = {.look = look};
    struct vc_err err;
    VC_CHECK(uv_loop_init(&loop) == 0);
    VC_CHECK(vc_dashboard_start(&loop, "127.0.0.1", 0, &source, &http, &err) == VC_OK);
    return 0;
}

/* The end that hangs up first keeps its pair of addresses for a minute, and thousands of
 * connections a second would use up the ports of one address: each connection comes from another
 * one. */
static struct in_addr next_client(void)
{
    static uint32_t clients;
    return (struct in_addr){htonl(INADDR_LOOPBACK + clients++ % CLIENTS)};
}

static int try_connect(int port)
{
    struct sockaddr_in server = {.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in client = {.sin_family = AF_INET, .sin_addr = next_client()};
    const struct linger at_once = {.l_onoff = 1};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    VC_CHECK(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    if (bind(fd, (struct sockaddr *)&client, sizeof client) == 0 &&
        connect(fd, (struct sockaddr *)&server, sizeof server) == 0)
        return fd;
    close(fd);
    return -1;
}

/* What the machine's network refuses for a moment, beside other load, is not the server's fault. */
static int connect_to(int port)
{
    int fd = -1;
    for (int tries = 0; fd < 0 && tries < TRIES_MAX; tries++) {
        if (tries > 0)
            usleep(10000);
        fd = try_connect(port);
    }
    VC_CHECK(fd >= 0);
    return fd;
}

/* Send everything, read until nothing more comes, and hang up. The other end is on this thread and
 * the way is the machine's own, so a few turns of the loop without a byte are the end. */
static void talk(const uint8_t *data, size_t size, struct vc_buf *out)
{
    char bytes[4096];
    int fd = connect_to(vc_http_port(http));
    ssize_t n = 0;
    for (int quiet = 0; quiet < QUIET_TURNS; quiet++) {
        if (size > 0) {
            n = send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
            VC_CHECK(n >= 0 || errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
            data += n > 0 ? n : 0;
            size -= n > 0 ? (size_t)n : 0;
        }
        uv_run(&loop, UV_RUN_NOWAIT);
        n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            break;
        if (n > 0) {
            vc_buf_add(out, bytes, (size_t)n);
            quiet = 0;
        }
    }
    close(fd);
    uv_run(&loop, UV_RUN_NOWAIT);
}

/* A page that another site's name leads to must get nothing: DNS rebinding. */
static bool names_this_machine(const char *text, size_t len)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t at = 0; at + strlen(names[i]) <= len; at++)
            if (strncasecmp(text + at, names[i], strlen(names[i])) == 0)
                return true;
    return false;
}

static void check_answer(const struct vc_buf *answer, bool named)
{
    const char *text = vc_buf_text(answer);
    if (!*text)
        return;
    VC_CHECK(strncmp(text, "HTTP/1.", 7) == 0);
    long status = strtol(text + 9, NULL, 10);
    VC_CHECK(status >= 100 && status < 600);
    VC_CHECK(named || !strstr(text, " 200 OK"));
    const char *body = strstr(text, "\r\n\r\n");
    if (strstr(text, VC_HTTP_PROBLEM) && body && body[4] && !strstr(body, "HTTP/1.")) {
        json_t *problem = json_loads(body + 4, 0, NULL);
        VC_CHECK(json_integer_value(json_object_get(problem, "status")) == status);
        json_decref(problem);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char probe[] = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";
    static unsigned inputs;
    VC_AUTO_BUF struct vc_buf answer = {0}, well = {0};
    talk(data, size, &answer);
    check_answer(&answer, names_this_machine((const char *)data, size));
    if (inputs++ % PROBE_EVERY == 0) {
        talk((const uint8_t *)probe, sizeof probe - 1, &well);
        VC_CHECK(strncmp(vc_buf_text(&well), "HTTP/1.1 200 OK\r\n", 17) == 0);
    }
    return 0;
}
