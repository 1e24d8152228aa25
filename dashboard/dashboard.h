/* dashboard.h - the service as people, orchestrators and Prometheus see it, over HTTP.
 *
 * GET /livez /readyz[?verbose] /healthz /health /metrics /version. Everything shown is made from a
 * snapshot of the coordinator, so this folder needs to know nothing of how it works. */
#ifndef VC_DASHBOARD_DASHBOARD_H
#define VC_DASHBOARD_DASHBOARD_H

#include "coordinator/snapshot.h"
#include "dashboard/http.h"

/* Where the snapshots come from; called on the loop's thread. */
struct vc_dashboard_source {
    void (*look)(const void *ctx, struct vc_snapshot *out);
    const void *ctx;
};

/* Serve on @host:@port (0 = any that is free). @source is borrowed until vc_http_stop(). Errors:
 * vc_http_start(). */
VC_MUST_CHECK enum vc_rc vc_dashboard_start(uv_loop_t *loop, const char *host, int port,
                                            const struct vc_dashboard_source *source,
                                            struct vc_http **http, struct vc_err *err);

#endif
