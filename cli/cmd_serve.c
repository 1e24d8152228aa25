#include "cli/cmd.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "coordinator/service.h"
#include "dashboard/dashboard.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_DATA_DIR "./vapora-data"
#define DEFAULT_HTTP     "127.0.0.1:7480"
#define PORT_MAX         65535
#define OPEN_MIB_LIMIT   65536

/* "ADDR:PORT" or "[ADDR]:PORT" into @host (owned by the caller) and @port. */
static bool split_address(const char *text, char **host, int *port)
{
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text || strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return false;
    char *end;
    long value = strtol(colon + 1, &end, 10);
    if (end == colon + 1 || value > PORT_MAX)
        return false;
    bool bracketed = text[0] == '[' && colon[-1] == ']';
    *host = vc_xmemdup(text + bracketed, (size_t)(colon - text) - 2 * (size_t)bracketed);
    *port = (int)value;
    return (*host)[0] && (bracketed || !strchr(*host, ':'));
}

/* The HTTP server hangs on the service's loop and shows its snapshots. */
struct http_part {
    char *host;
    int port;
    struct vc_dashboard_source source;
    struct vc_http *http;
};

static void look(const void *ctx, struct vc_snapshot *out)
{
    vc_service_look(ctx, out);
}

static enum vc_rc open_http(void *ctx, const struct vc_service *service, uv_loop_t *loop,
                            struct vc_err *err)
{
    struct http_part *part = ctx;
    part->source = (struct vc_dashboard_source){.look = look, .ctx = service};
    enum vc_rc rc =
        vc_dashboard_start(loop, part->host, part->port, &part->source, &part->http, err);
    if (rc == VC_OK)
        vc_log(VC_LOG_INFO, "http.started", "http=%s:%d", part->host, vc_http_port(part->http));
    return rc;
}

static void close_http(void *ctx)
{
    struct http_part *part = ctx;
    vc_http_stop(&part->http);
}

static int set_log_level(const struct vc_cli *cli)
{
    static const struct {
        const char *name;
        enum vc_log_level level;
    } levels[] = {
        {"debug", VC_LOG_DEBUG},
        {"info", VC_LOG_INFO},
        {"warn", VC_LOG_WARN},
        {"error", VC_LOG_ERROR},
    };
    const char *wanted = vc_cli_get(cli, "log-level");
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (wanted && strcmp(levels[i].name, wanted) == 0) {
            vc_log_set_level(levels[i].level);
            return VC_EXIT_OK;
        }
    }
    return wanted ? vc_cli_usage(cli, "--log-level takes debug, info, warn or error, not \"%s\"",
                                 wanted)
                  : VC_EXIT_OK;
}

static int configure_core(const struct vc_cli *cli, struct vc_core_conf *core)
{
    *core = vc_core_conf_default;
    core->probation.on = !vc_cli_has(cli, "strict");
    const char *recency = vc_cli_get(cli, "recency");
    if (recency && !vc_recency_parse(recency, &core->recency))
        return vc_cli_usage(cli, "--recency takes half-life, e-fold or step, not \"%s\"", recency);
    if (!vc_cli_duration(cli, "heartbeat", &core->interval_ms) ||
        !vc_cli_duration(cli, "lease", &core->lease_ms))
        return VC_EXIT_USAGE;
    int64_t tasks = VC_OPEN_TASKS_MAX, mib = VC_OPEN_MIB_MAX;
    if (!vc_cli_number(cli, "open-tasks", 1, VC_OPEN_TASKS_MAX, &tasks) ||
        !vc_cli_number(cli, "open-mib", 1, OPEN_MIB_LIMIT, &mib))
        return VC_EXIT_USAGE;
    core->open_tasks_max = (size_t)tasks;
    core->open_bytes_max = (size_t)mib << 20;
    struct vc_err err = {0};
    if (vc_core_conf_check(core, &err) != VC_OK)
        return vc_cli_usage(cli, "%s", err.text);
    return VC_EXIT_OK;
}

static int read_nats_url(const struct vc_cli *cli, char **out)
{
    struct vc_err err;
    const char *given = vc_cli_get(cli, "nats-url");
    *out = given ? vc_cli_url_of(given, &err) : NULL;
    return given && !*out ? vc_cli_fail(cli, &err) : VC_EXIT_OK;
}

static int configure_nats(const struct vc_cli *cli, struct vc_service_conf *conf)
{
    conf->nats_password = vc_cli_get(cli, "nats-password");
    static const char *const embedded[] = {"nats-port", "nats-password"};
    for (size_t i = 0; i < sizeof embedded / sizeof *embedded; i++)
        if (conf->nats_url && vc_cli_has(cli, embedded[i]))
            return vc_cli_usage(cli, "--%s is for the embedded NATS server and excludes --nats-url",
                                embedded[i]);
    /* A password on a command line can be read by every user of the machine; this cannot. */
    if (!conf->nats_url && !conf->nats_password)
        conf->nats_password = getenv("VAPORA_COORD_NATS_PASSWORD");
    if (conf->nats_password && !*conf->nats_password)
        return vc_cli_usage(cli, "the NATS password is empty");
    int64_t port = 0;
    if (!vc_cli_number(cli, "nats-port", 0, PORT_MAX, &port))
        return VC_EXIT_USAGE;
    conf->nats_port = (int)port;
    return VC_EXIT_OK;
}

static int run(struct vc_cli *cli)
{
    const char *dir = vc_cli_get(cli, "data-dir"), *http = vc_cli_get(cli, "http");
    struct vc_service_conf conf = {.data_dir = dir ? dir : DEFAULT_DATA_DIR};
    VC_AUTO_FREE char *nats_url = NULL;
    int rc = set_log_level(cli);
    if (!rc)
        rc = read_nats_url(cli, &nats_url);
    conf.nats_url = nats_url;
    if (!rc)
        rc = configure_nats(cli, &conf);
    if (!rc)
        rc = configure_core(cli, &conf.core);
    if (rc)
        return rc;
    struct http_part part = {0};
    if (!split_address(http ? http : DEFAULT_HTTP, &part.host, &part.port)) {
        vc_free(part.host);
        return vc_cli_usage(cli,
                            "--http takes ADDR:PORT such as 127.0.0.1:7480 or [::1]:7480, not "
                            "\"%s\"",
                            http);
    }
    conf.part = (struct vc_service_part){.open = open_http, .close = close_http, .ctx = &part};
    struct vc_err err = {0};
    enum vc_rc served = vc_service_run(&conf, &err);
    vc_free(part.host);
    return served == VC_OK ? VC_EXIT_OK : vc_cli_fail(cli, &err);
}

static const struct vc_option options[] = {
    {"data-dir", 0, "DIR", "where it keeps its database and nats.url (default ./vapora-data)",
     false, false},
    {"nats-url", 0, "URL", "use this NATS server instead of starting one", false, false},
    {"nats-port", 0, "N", "port of the one it starts (default: any that is free)", false, false},
    {"nats-password", 0, "P", "its password (default: VAPORA_COORD_NATS_PASSWORD, or made up)",
     false, false},
    {"http", 0, "ADDR:PORT", "HTTP and dashboard (default 127.0.0.1:7480; port 0: any)", false,
     false},
    {"strict", 0, NULL, "the formula alone: no trials for agents without a record", false, false},
    {"recency", 0, "R", "how the past fades: half-life (default), e-fold or step", false, false},
    {"heartbeat", 0, "D", "agents are to be heard this often (default 5s)", false, false},
    {"lease", 0, "D", "a silent agent loses its tasks after this (default 15s)", false, false},
    {"open-tasks", 0, "N", "take up to this many open tasks (default 1000000)", false, false},
    {"open-mib", 0, "N", "and this many MiB of their submissions (default 1024)", false, false},
    {"log-level", 0, "L", "debug, info (default), warn or error", false, false},
    {0},
};

const struct vc_command vc_command_serve = {
    .name = "serve",
    .summary = "Run the coordinator",
    .about =
        "Without --nats-url it starts a NATS server of its own, with JetStream, on the loopback\n"
        "interface, and writes its URL with the password into DIR/nats.url, from where the\n"
        "other commands take it. It runs until SIGTERM or SIGINT, and\n"
        "then for up to 5 s: what has arrived is committed and told. A second one ends it at once.",
    .examples =
        "$ vapora-coord serve\n"
        "$ vapora-coord serve --data-dir /var/lib/vapora-coord --nats-url nats://nats:4222\n"
        "$ vapora-coord serve --http 127.0.0.1:0 --strict --recency e-fold\n",
    .options = options,
    .run = run,
};
