/* http_listen.h - which addresses and Host headers count as this machine; the listening socket. */
#ifndef VC_DASHBOARD_HTTP_LISTEN_H
#define VC_DASHBOARD_HTTP_LISTEN_H

#include "base/err.h"

#include <stdbool.h>

#define VC_HTTP_HOST_TEXT 48 /* an address as it stands in a Host header: "[::1]" */

struct vc_http_listener {
    int fd; /* listening, non-blocking; the caller's */
    int port;
    char host[VC_HTTP_HOST_TEXT];
};

/* Listen on @host (localhost, 127.x.y.z, ::1, [::1]) and @port (0 = any that is free).
 *
 * VC_E_BUSY, VC_E_INVALID, VC_E_IO  as vc_http_start() */
VC_MUST_CHECK enum vc_rc vc_http_listen(const char *host, int port, struct vc_http_listener *out,
                                        struct vc_err *err);

/* Whether the value of a Host header, with or without a port, is localhost, 127.0.0.1, [::1] or
 * @own. */
bool vc_http_host_is_here(const char *value, const char *own);

#endif
