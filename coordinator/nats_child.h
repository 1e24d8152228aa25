/* nats_child.h - the embedded nats-server: a child process that is supervised and dies with us.
 *
 *     DATA_DIR/nats.url          nats://vapora:PASSWORD@127.0.0.1:PORT, mode 0600
 *     DATA_DIR/nats/server.conf  its configuration, written at every start; holds the password
 *     DATA_DIR/nats/server.log   what it says; locked for as long as a server of this dir lives
 *     DATA_DIR/nats/jetstream/   its state
 *
 * For one thread: the one that runs the loop. It has to live as long as the process, because the
 * kernel ends the child (SIGTERM) when the *thread* that started it is gone. */
#ifndef VC_COORDINATOR_NATS_CHILD_H
#define VC_COORDINATOR_NATS_CHILD_H

#include "base/err.h"

#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#define VC_NATS_PASSWORD_MAX 128

struct vc_nats_child_conf {
    const char *data_dir; /* created when missing, see data_dir.h */
    int port;             /* on 127.0.0.1; 0 = the one of the last run, else any that is free */
    const char *password; /* 1..128 bytes of A-Z a-z 0-9 _ - . ~; NULL = the one of the last run,
                           * which nats.url keeps, else a new random one */
};

struct vc_nats_child;

/* The server died, or could not be started again: @what is one line for the log. The next start is
 * @restart_in_ms away (100 ms, doubled at each death up to 5 s, back to 100 ms after 10 s of life).
 * Runs on the loop and may call vc_nats_child_stop(). */
typedef void vc_nats_child_fn(void *ctx, const char *what, int64_t restart_in_ms);

/* Start the server and wait until it greets. nats.url is written then, so whoever finds the new
 * text there can connect. Blocks for some 50 ms as a rule, at most 3 s for a server that a killed
 * predecessor left behind and 10 s for the start. From then on @loop watches it and restarts it on
 * the same port; @on_exit may be NULL. @loop is borrowed, @conf is copied.
 *
 * VC_E_NOT_FOUND  no nats-server on the PATH, nor in the sbin beside its bin directories; the text
 * names the package VC_E_BUSY       the port is taken, or another server still uses this directory
 * VC_E_INVALID    a port or password that cannot be one, a data dir that is no directory
 * VC_E_IO         a file cannot be written, or the server gave up: its last log line is in the text
 * VC_E_TIMEOUT    it runs but does not greet */
VC_MUST_CHECK enum vc_rc vc_nats_child_start(const struct vc_nats_child_conf *conf, uv_loop_t *loop,
                                             vc_nats_child_fn *on_exit, void *ctx,
                                             struct vc_nats_child **out, struct vc_err *err);

/* The text of nats.url; borrowed, the same for the whole life of @child. Holds the password: never
 * log it. */
const char *vc_nats_child_url(const struct vc_nats_child *child);

int vc_nats_child_port(const struct vc_nats_child *child);

/* The running server; 0 between a death and the restart. */
pid_t vc_nats_child_pid(const struct vc_nats_child *child);

/* End the server (TERM, KILL after 3 s), reap it, and set *@child to NULL, which is fine to begin
 * with. Blocks until it is gone. Its handles close in the next turn of the loop: run the loop once
 * more before uv_loop_close(). */
void vc_nats_child_stop(struct vc_nats_child **child);

#endif
