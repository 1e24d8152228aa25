#include "base/json_out.h"
#include "dashboard/dashboard.h"
#include "dashboard/metrics.h"

#include <string.h>

static struct vc_snapshot look(const void *ctx)
{
    const struct vc_dashboard_source *source = ctx;
    struct vc_snapshot snapshot;
    source->look(source->ctx, &snapshot);
    return snapshot;
}

static const struct vc_http_answer plain = {200, "text/plain; charset=utf-8"};
static const struct vc_http_answer unready = {503, "text/plain; charset=utf-8"};

/* The loop turns, or nobody would answer. Dependencies are none of its business: restarting us
 * does not mend a broker. */
static struct vc_http_answer livez(void *ctx, const struct vc_http_request *request,
                                   struct vc_buf *body)
{
    (void)ctx, (void)request;
    vc_buf_puts(body, "ok\n");
    return plain;
}

static bool check(struct vc_buf *body, const char *name, const char *problem)
{
    bool ok = problem[0] == '\0';
    vc_buf_printf(body, "[%c]%s %s%s\n", ok ? '+' : '-', name, ok ? "ok" : "failed: ", problem);
    return ok;
}

static struct vc_http_answer readyz(void *ctx, const struct vc_http_request *request,
                                    struct vc_buf *body)
{
    struct vc_snapshot s = look(ctx);
    VC_AUTO_BUF struct vc_buf lines = {0};
    bool ok = check(&lines, "nats", s.nats_connected ? "" : s.nats_problem);
    ok &= check(&lines, "streams", s.nats_ready ? "" : s.nats_problem);
    ok &= check(&lines, "store", s.store_problem);
    ok &= check(&lines, "disk", s.disk_problem);
    ok &= check(&lines, "staying", s.draining ? "it was told to end" : "");
    ok &= check(&lines, "profiles", ""); /* loaded before the first request could come */
    if (!ok || vc_http_query(request, "verbose"))
        vc_buf_puts(body, lines.text);
    vc_buf_puts(body, ok ? "ok\n" : "not ready\n");
    return ok ? plain : unready;
}

static struct vc_http_answer version(void *ctx, const struct vc_http_request *request,
                                     struct vc_buf *body)
{
    (void)request;
    struct vc_snapshot s = look(ctx);
    struct vc_json_out out = {.buf = body};
    vc_json_open(&out, '{');
    vc_json_kv_text(&out, "version", s.version);
    vc_json_kv_text(&out, "nats_server", s.nats_server);
    vc_json_kv_text(&out, "protocol", "1.0");
    vc_json_close(&out, '}');
    vc_buf_puts(body, "\n");
    return (struct vc_http_answer){200, "application/json"};
}

/* -- metrics --------------------------------------------------------------------------------- */

static void by_state(const struct vc_core_stats *stats, struct vc_buf *out)
{
    vc_metrics_family(out, "vapora_tasks", VC_METRIC_GAUGE, "Tasks in the store by state.");
    for (int i = 0; i < VC_TASK_STATE_COUNT; i++)
        vc_metrics_sample(out, "vapora_tasks",
                          VC_LABELS({"state", vc_task_state_name((enum vc_task_state)i)}),
                          (double)stats->tasks[i]);
    vc_metrics_family(out, "vapora_agents", VC_METRIC_GAUGE, "Registered agents by state.");
    for (int i = 0; i < VC_AGENT_STATE_COUNT; i++)
        vc_metrics_sample(out, "vapora_agents",
                          VC_LABELS({"state", vc_agent_state_name((enum vc_agent_state)i)}),
                          (double)stats->agents[i]);
}

static void by_label(const struct vc_counters *c, struct vc_buf *out)
{
    vc_metrics_family(out, "vapora_tasks_submitted_total", VC_METRIC_COUNTER,
                      "Tasks accepted since the start.");
    vc_metrics_sample(out, "vapora_tasks_submitted_total", VC_LABELS({"via", "jetstream"}),
                      (double)c->submitted_jetstream);
    vc_metrics_sample(out, "vapora_tasks_submitted_total", VC_LABELS({"via", "request"}),
                      (double)c->submitted_request);
    vc_metrics_family(out, "vapora_tasks_finished_total", VC_METRIC_COUNTER,
                      "Tasks that ended since the start.");
    for (int i = 0; i < VC_TASK_STATE_COUNT; i++)
        if (vc_task_state_final((enum vc_task_state)i))
            vc_metrics_sample(out, "vapora_tasks_finished_total",
                              VC_LABELS({"state", vc_task_state_name((enum vc_task_state)i)}),
                              (double)c->ended[i]);
    vc_metrics_family(out, "vapora_assignments_total", VC_METRIC_COUNTER,
                      "Decisions since the start by the rule that made them.");
    for (int i = 0; i < VC_RULE_COUNT; i++)
        vc_metrics_sample(out, "vapora_assignments_total",
                          VC_LABELS({"rule", vc_rule_name((enum vc_rule)i)}),
                          (double)c->assigned[i]);
    vc_metrics_family(out, "vapora_assignment_outcomes_total", VC_METRIC_COUNTER,
                      "Executions recorded since the start.");
    for (int i = 0; i < VC_OUTCOME_COUNT; i++)
        vc_metrics_sample(out, "vapora_assignment_outcomes_total",
                          VC_LABELS({"outcome", vc_outcome_name((enum vc_outcome)i)}),
                          (double)c->outcomes[i]);
}

static void singles(const struct vc_snapshot *s, struct vc_buf *out)
{
    const struct vc_counters *c = &s->counters;
    const struct {
        const char *name;
        enum vc_metric type;
        const char *help;
        double value;
    } table[] = {
        {"vapora_nats_connected", VC_METRIC_GAUGE, "1 while streams and consumers are ready.",
         s->nats_ready},
        {"vapora_nats_reconnects_total", VC_METRIC_COUNTER, "Connections regained.",
         (double)s->nats_reconnects},
        {"vapora_nats_dropped_messages_total", VC_METRIC_COUNTER,
         "Heartbeats dropped because the inbound queue was full.", (double)s->heartbeats_dropped},
        {"vapora_inbound_messages", VC_METRIC_GAUGE, "Messages waiting for the loop.",
         (double)s->inbound_waiting},
        {"vapora_outbox_sent_total", VC_METRIC_COUNTER, "Event messages sent to the stream.",
         (double)s->events_sent},
        {"vapora_outbox_refused_total", VC_METRIC_COUNTER, "Event messages the stream refused.",
         (double)s->events_refused},
        {"vapora_invalid_messages_total", VC_METRIC_COUNTER, "Messages that could not be read.",
         (double)c->invalid},
        {"vapora_late_results_total", VC_METRIC_COUNTER, "Results that came too late to count.",
         (double)c->late},
        {"vapora_sqlite_commits_total", VC_METRIC_COUNTER, "Transactions committed.",
         (double)c->commits},
        {"vapora_sqlite_commit_seconds_total", VC_METRIC_COUNTER,
         "Time from taking a batch to its commit.", (double)c->commit_us / 1e6},
        {"vapora_batched_messages_total", VC_METRIC_COUNTER,
         "Messages in those transactions; by commits: the mean batch.", (double)c->batched},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        vc_metrics_family(out, table[i].name, table[i].type, table[i].help);
        vc_metrics_sample(out, table[i].name, VC_NO_LABELS, table[i].value);
    }
    vc_metrics_family(out, "vapora_build_info", VC_METRIC_GAUGE, "Always 1; the labels tell.");
    vc_metrics_sample(out, "vapora_build_info",
                      VC_LABELS({"version", s->version}, {"server", s->nats_server}), 1);
}

static struct vc_http_answer metrics(void *ctx, const struct vc_http_request *request,
                                     struct vc_buf *body)
{
    (void)request;
    struct vc_snapshot s = look(ctx);
    by_state(&s.stats, body);
    by_label(&s.counters, body);
    singles(&s, body);
    return (struct vc_http_answer){200, VC_METRICS_CONTENT_TYPE};
}

static const struct vc_http_route routes[] = {
    {"GET", "/livez", livez},   {"GET", "/readyz", readyz},   {"GET", "/healthz", readyz},
    {"GET", "/health", readyz}, {"GET", "/metrics", metrics}, {"GET", "/version", version},
};

enum vc_rc vc_dashboard_start(uv_loop_t *loop, const char *host, int port,
                              const struct vc_dashboard_source *source, struct vc_http **http,
                              struct vc_err *err)
{
    struct vc_http_conf conf = {.host = host,
                                .port = port,
                                .routes = routes,
                                .routes_len = sizeof routes / sizeof routes[0]};
    /* The handlers get it back as const; the server only carries it. */
    memcpy(&conf.ctx, &source, sizeof conf.ctx);
    return vc_http_start(loop, &conf, http, err);
}
