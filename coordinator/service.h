/* service.h - the shell around the core: one loop that turns messages and time into events, steps
 * the core, commits what it decided in one transaction, and only then speaks. */
#ifndef VC_COORDINATOR_SERVICE_H
#define VC_COORDINATOR_SERVICE_H

#include "base/err.h"
#include "coordinator/core.h"
#include "coordinator/snapshot.h"

#include <uv.h>

struct vc_service;

/* A part that lives on the service's loop beside it, such as the HTTP server: opened when all else
 * is up, closed first. */
struct vc_service_part {
    enum vc_rc (*open)(void *ctx, const struct vc_service *service, uv_loop_t *loop,
                       struct vc_err *err);
    void (*close)(void *ctx);
    void *ctx;
};

struct vc_service_conf {
    const char *data_dir;      /* holds graph.db, its lock, nats.url, the embedded server's state */
    const char *nats_url;      /* NULL = start the embedded nats-server */
    int nats_port;             /* of the embedded one; 0 = one that is free */
    const char *nats_password; /* of the embedded one; NULL = made up and kept in nats.url */
    struct vc_service_part part;
    struct vc_core_conf core;
};

/* The service as it is now. On the loop's thread only. */
void vc_service_look(const struct vc_service *service, struct vc_snapshot *out);

/* Serve until SIGTERM or SIGINT, then finish the batch at hand and return VC_OK.
 *
 * VC_E_BUSY    another process serves this data dir (its pid is in the text), or a port is taken
 * VC_E_NEWER, VC_E_CORRUPT, VC_E_IO  the store; see kg.h
 * VC_E_NOT_FOUND  no nats-server on the PATH (the text names the package)
 * VC_E_INVALID a path or URL that cannot be one; and whatever the part's open returns */
VC_MUST_CHECK enum vc_rc vc_service_run(const struct vc_service_conf *conf, struct vc_err *err);

#endif
