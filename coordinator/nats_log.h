/* nats_log.h - the embedded server's log file, which is also the lock on its directory: the server
 * writes to the descriptor that holds the flock, so the lock ends when we and the server are gone,
 * however that happened. Part of nats_child.h. */
#ifndef VC_COORDINATOR_NATS_LOG_H
#define VC_COORDINATOR_NATS_LOG_H

#include "base/str.h"

#include <sys/types.h>

#define VC_NATS_LOG_MAX ((off_t)16 * 1024 * 1024) /* bytes; a start that finds more empties it */

struct vc_nats_log {
    int fd;     /* -1 = closed */
    off_t from; /* where the lines of the present server begin */
};

/* Open and lock "@dir/server.log".
 *
 * VC_E_BUSY  a server still runs in @dir; the text names its pid
 * VC_E_IO    the file cannot be opened */
VC_MUST_CHECK enum vc_rc vc_nats_log_open(struct vc_nats_log *log, const char *dir,
                                          struct vc_err *err);
void vc_nats_log_close(struct vc_nats_log *log);

/* A server is about to be started: its lines begin here. */
void vc_nats_log_begin(struct vc_nats_log *log);

/* Add the last line of the present server, made safe to show; nothing when it said nothing. */
void vc_nats_log_last_line(const struct vc_nats_log *log, struct vc_buf *out);

#endif
