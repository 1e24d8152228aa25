/* child.h - one shell command run for one task, inside a libuv loop: text in, text out, and an end
 * that always comes.
 *
 * The command runs by `sh -c` as leader of a process group of its own, with default signal
 * handling, an empty signal mask and no open file but its three. The group is the task: when the
 * leader ends, whatever it left running in the group is killed. */
#ifndef VC_CLI_CHILD_H
#define VC_CLI_CHILD_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define VC_CHILD_STDERR_MAX    2048 /* bytes kept of standard error: its end */
#define VC_CHILD_KILL_AFTER_MS 3000 /* from TERM to KILL */
#define VC_CHILD_DRAIN_MS      1000 /* that the pipes may stay open once the group is gone */

/* Why it was made to stop. */
enum vc_child_stop {
    VC_CHILD_UNSTOPPED, /* it ended by itself */
    VC_CHILD_TIMED_OUT,
    VC_CHILD_CANCELED,
    VC_CHILD_SHUT_DOWN,
};

struct vc_child_end {
    int exit_code; /* 0..255; meaningless when signal > 0 */
    int signal;    /* that killed it; 0 = it exited */
    enum vc_child_stop stopped;
    int64_t duration_ms;
    const char *out; /* standard output up to out_max; bytes, NUL-terminated */
    size_t out_len;
    bool out_cut;    /* there was more */
    const char *err; /* the end of standard error; bytes, NUL-terminated */
    size_t err_len;
};

/* Called once, when the leader has ended and its output is read. @end lives until it returns. */
typedef void vc_child_fn(void *ctx, const struct vc_child_end *end);

struct vc_child_conf {
    const char *command;
    const char *const *env; /* "NAME=value" beside our own environment; NULL-terminated */
    const char *input;      /* for standard input; copied */
    size_t input_len;
    size_t out_max;     /* bytes kept of standard output; the rest is read and dropped */
    int64_t timeout_ms; /* > 0 */
    vc_child_fn *done;
    void *ctx;
};

struct vc_child; /* frees itself after `done`; the loop must run until then */

/* Start it. On failure nothing runs and `done` is not called.
 *
 * VC_E_IO  no process, or no pipe, can be made */
VC_MUST_CHECK enum vc_rc vc_child_start(uv_loop_t *loop, const struct vc_child_conf *conf,
                                        struct vc_child **child, struct vc_err *err);

/* Send TERM to the group, and KILL after VC_CHILD_KILL_AFTER_MS. The first reason stands. Not to be
 * called after `done`. */
void vc_child_stop(struct vc_child *child, enum vc_child_stop why);

#endif
