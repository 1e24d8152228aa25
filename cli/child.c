#include "cli/child.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "coordinator/secret.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define FIRST_OWN_FD 3

enum { IN, OUT, ERR, PIPES };

struct vc_child {
    uv_process_t process;
    uv_pipe_t pipes[PIPES];
    uv_timer_t timer; /* until the timeout, then until KILL, then until the pipes are given up */
    uv_write_t write;
    char *input;
    size_t input_len;
    struct vc_buf out, err;
    size_t out_max;
    char scratch[16384];
    int open_handles, open_outputs;
    bool spawned, exited, ended;
    struct vc_mono started_at;
    struct vc_child_end end;
    vc_child_fn *done;
    void *ctx;
};

static void free_when_closed(uv_handle_t *handle)
{
    struct vc_child *child = handle->data;
    if (--child->open_handles > 0)
        return;
    vc_buf_fini(&child->out);
    vc_buf_fini(&child->err);
    vc_free(child->input);
    vc_free(child);
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, free_when_closed);
}

static void close_all(struct vc_child *child)
{
    child->ended = true;
    if (child->spawned)
        close_handle((uv_handle_t *)&child->process);
    close_handle((uv_handle_t *)&child->timer);
    for (int i = 0; i < PIPES; i++)
        close_handle((uv_handle_t *)&child->pipes[i]);
}

static void keep_tail(struct vc_buf *buf, size_t max)
{
    if (buf->len <= max)
        return;
    memmove(buf->text, buf->text + buf->len - max, max);
    buf->len = max;
    buf->text[max] = '\0';
}

static void finish(struct vc_child *child)
{
    keep_tail(&child->err, VC_CHILD_STDERR_MAX);
    child->end.duration_ms = vc_mono_now().ms - child->started_at.ms;
    child->end.out = vc_buf_text(&child->out);
    child->end.out_len = child->out.len;
    child->end.err = vc_buf_text(&child->err);
    child->end.err_len = child->err.len;
    child->done(child->ctx, &child->end);
    close_all(child);
}

static void finish_when_complete(struct vc_child *child)
{
    if (child->exited && child->open_outputs == 0 && !child->ended)
        finish(child);
}

static void drained(uv_timer_t *timer)
{
    struct vc_child *child = timer->data;
    if (!child->ended)
        finish(child);
}

static void signal_group(const struct vc_child *child, int signal)
{
    kill(-child->process.pid, signal);
}

static void on_exit(uv_process_t *process, int64_t exit_code, int signal)
{
    struct vc_child *child = process->data;
    child->exited = true;
    child->end.exit_code = (int)exit_code;
    child->end.signal = signal;
    signal_group(child, SIGKILL);
    /* A process that left the group may hold the pipes for ever; the task has ended all the same.
     */
    uv_timer_start(&child->timer, drained, VC_CHILD_DRAIN_MS, 0);
    finish_when_complete(child);
}

static void kill_group(uv_timer_t *timer)
{
    signal_group(timer->data, SIGKILL);
}

void vc_child_stop(struct vc_child *child, enum vc_child_stop why)
{
    if (child->exited || child->end.stopped != VC_CHILD_UNSTOPPED)
        return;
    child->end.stopped = why;
    signal_group(child, SIGTERM);
    uv_timer_start(&child->timer, kill_group, VC_CHILD_KILL_AFTER_MS, 0);
}

static void timed_out(uv_timer_t *timer)
{
    vc_child_stop(timer->data, VC_CHILD_TIMED_OUT);
}

static void give_scratch(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct vc_child *child = handle->data;
    *buf = uv_buf_init(child->scratch, sizeof child->scratch);
}

static void take_output(struct vc_child *child, const char *bytes, size_t len)
{
    size_t room = child->out_max - child->out.len;
    child->end.out_cut |= len > room;
    vc_buf_add(&child->out, bytes, len < room ? len : room);
}

static void take_errors(struct vc_child *child, const char *bytes, size_t len)
{
    vc_buf_add(&child->err, bytes, len);
    if (child->err.len > 4 * (size_t)VC_CHILD_STDERR_MAX)
        keep_tail(&child->err, VC_CHILD_STDERR_MAX);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct vc_child *child = stream->data;
    if (n < 0) {
        close_handle((uv_handle_t *)stream);
        child->open_outputs--;
        finish_when_complete(child);
    } else if (stream == (uv_stream_t *)&child->pipes[OUT]) {
        take_output(child, buf->base, (size_t)n);
    } else {
        take_errors(child, buf->base, (size_t)n);
    }
}

/* A command need not read its input: a broken pipe is no failure. */
static void input_written(uv_write_t *write, int status)
{
    (void)status;
    close_handle((uv_handle_t *)write->handle);
}

static void talk(struct vc_child *child)
{
    uv_stream_t *in = (uv_stream_t *)&child->pipes[IN];
    uv_buf_t buf = uv_buf_init(child->input, (unsigned)child->input_len);
    if (uv_write(&child->write, in, &buf, 1, input_written) != 0)
        close_handle((uv_handle_t *)in);
    child->open_outputs = 2;
    for (int i = OUT; i <= ERR; i++)
        uv_read_start((uv_stream_t *)&child->pipes[i], give_scratch, on_read);
}

static void close_fds(const uv_file fds[PIPES])
{
    for (int i = 0; i < PIPES; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* True pipes, since a program cannot open /dev/stdin when that is a socket. @theirs gets the
 * command's ends. */
static int open_pipes(struct vc_child *child, uv_file theirs[PIPES])
{
    for (int i = 0; i < PIPES; i++) {
        uv_file fds[2];
        int rc = i == IN ? uv_pipe(fds, 0, UV_NONBLOCK_PIPE) : uv_pipe(fds, UV_NONBLOCK_PIPE, 0);
        if (rc != 0)
            return rc;
        theirs[i] = i == IN ? fds[0] : fds[1];
        uv_file ours = i == IN ? fds[1] : fds[0];
        rc = uv_pipe_open(&child->pipes[i], ours);
        if (rc != 0) {
            close(ours);
            return rc;
        }
    }
    return 0;
}

static bool names_one_of(const char *variable, const char *const *env)
{
    size_t len = strcspn(variable, "=");
    for (; *env; env++)
        if (strncmp(*env, variable, len) == 0 && (*env)[len] == '=')
            return true;
    return false;
}

/* @env, and of our own environment what it does not name and is no secret. free() the array, not
 * its texts. */
static char **environment_with(const char *const *env)
{
    size_t len = 0, cap = 0;
    char **all = NULL;
    for (size_t i = 0; env[i]; i++) {
        VC_GROW(all, len, cap);
        memcpy(&all[len++], &env[i], sizeof *all);
    }
    for (char **variable = environ; *variable; variable++) {
        if (names_one_of(*variable, env) || vc_secret_variable(*variable))
            continue;
        VC_GROW(all, len, cap);
        all[len++] = *variable;
    }
    VC_GROW(all, len, cap);
    all[len] = NULL;
    return all;
}

static int spawn(uv_loop_t *loop, struct vc_child *child, const struct vc_child_conf *conf,
                 const uv_file theirs[PIPES])
{
    VC_AUTO_FREE char *command = vc_xstrdup(conf->command);
    VC_AUTO_FREE char **env = environment_with(conf->env);
    char shell[] = "sh", flag[] = "-c";
    char *args[] = {shell, flag, command, NULL};
    uv_stdio_container_t stdio[PIPES];
    for (int i = 0; i < PIPES; i++)
        stdio[i] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = theirs[i]};
    uv_process_options_t options = {
        .exit_cb = on_exit,
        .file = "/bin/sh",
        .args = args,
        .env = env,
        .flags = UV_PROCESS_DETACHED,
        .stdio_count = PIPES,
        .stdio = stdio,
    };
    /* Libraries open sockets without close-on-exec; a command has no business with them. */
    if (close_range(FIRST_OWN_FD, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
        uv_disable_stdio_inheritance();
    child->spawned = true; /* a handle of the loop from here on, whether it works or not */
    child->open_handles++;
    return uv_spawn(loop, &child->process, &options);
}

static struct vc_child *create(uv_loop_t *loop, const struct vc_child_conf *conf)
{
    struct vc_child *child = vc_xcalloc(1, sizeof *child);
    child->input = vc_xmemdup(conf->input, conf->input_len);
    child->input_len = conf->input_len;
    child->out_max = conf->out_max;
    child->done = conf->done;
    child->ctx = conf->ctx;
    child->started_at = vc_mono_now();
    for (int i = 0; i < PIPES; i++) {
        uv_pipe_init(loop, &child->pipes[i], 0);
        child->pipes[i].data = child;
    }
    uv_timer_init(loop, &child->timer);
    child->timer.data = child;
    child->process.data = child; /* uv_spawn leaves it */
    child->open_handles = PIPES + 1;
    return child;
}

enum vc_rc vc_child_start(uv_loop_t *loop, const struct vc_child_conf *conf, struct vc_child **out,
                          struct vc_err *err)
{
    struct vc_child *child = create(loop, conf);
    uv_file theirs[PIPES] = {-1, -1, -1};
    int rc = open_pipes(child, theirs);
    if (rc == 0)
        rc = spawn(loop, child, conf, theirs);
    close_fds(theirs);
    if (rc != 0) {
        close_all(child);
        return vc_fail(err, VC_E_IO, "cannot start \"%s\": %s", conf->command, uv_strerror(rc));
    }
    uv_timer_start(&child->timer, timed_out, (uint64_t)conf->timeout_ms, 0);
    talk(child);
    *out = child;
    return VC_OK;
}
