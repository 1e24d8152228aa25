#include "coordinator/nats_child.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "coordinator/data_dir.h"
#include "coordinator/nats_conf.h"
#include "coordinator/nats_log.h"
#include "coordinator/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 5000
#define STABLE_MS      10000 /* of life, after which a death counts as the first again */
#define READY_MS       10000
#define PREDECESSOR_MS 3000
#define PORT_WAIT_MS   1000
#define TERM_MS        3000
#define NAP_MS         5
#define PORT_TRIES     3
#define EXEC_FAILED    127 /* as shells say it */

struct vc_nats_child {
    struct vc_nats_access access;
    char *program, *dir, *url;
    struct vc_nats_log log;
    vc_nats_child_fn *on_exit;
    void *ctx;
    uv_signal_t on_sigchld;
    uv_timer_t timer;
    int open_handles;
    pid_t pid; /* 0 = not running */
    struct vc_mono started;
    int64_t backoff_ms;
};

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = NAP_MS * 1000000L}, NULL);
}

static bool past(struct vc_mono since, int64_t ms)
{
    return vc_mono_now().ms - since.ms >= ms;
}

/* The child's side between fork and exec. Threads of ours may have held locks when it was cloned,
 * so only async-signal-safe calls are allowed: signal-safety(7). */
static _Noreturn void become_server(const struct vc_nats_child *child, char **env, pid_t parent)
{
    static char name[] = "nats-server", flag[] = "-c", conf[] = "server.conf";
    char *argv[] = {name, flag, conf, NULL};
    for (int sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0); /* Ctrl-C reaches us, and we end the server in our own time */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) /* we died before the kernel knew about the wish */
        _exit(EXEC_FAILED);
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    /* The log's lock travels with the descriptor: it is held until the server, too, is gone. */
    if (dup2(child->log.fd, STDOUT_FILENO) < 0 || dup2(child->log.fd, STDERR_FILENO) < 0 ||
        dup2(nothing, STDIN_FILENO) < 0 || chdir(child->dir) != 0)
        _exit(EXEC_FAILED);
    close_range(STDERR_FILENO + 1, ~0U, 0); /* not every library opens with CLOEXEC */
    execve(child->program, argv, env);
    _exit(EXEC_FAILED);
}

/* fork rather than uv_spawn, because the wish to die with the parent has to be made in the child
 * and the loop library offers no place for that. */
static bool spawn(struct vc_nats_child *child)
{
    vc_nats_log_begin(&child->log);
    pid_t parent = getpid();
    VC_AUTO_FREE char **env = vc_secret_free_environment();
    sigset_t all, before;
    sigfillset(&all);
    /* A signal in the new process would run the loop's handler and write into the loop's pipe. */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0)
        become_server(child, env, parent);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    child->pid = pid > 0 ? pid : 0;
    child->started = vc_mono_now();
    return pid > 0;
}

/* Whether the server is gone; @why (cleared first) says how it went. */
static bool reap(struct vc_nats_child *child, struct vc_buf *why)
{
    int status;
    if (waitpid(child->pid, &status, WNOHANG) == 0)
        return false;
    child->pid = 0;
    vc_buf_reset(why);
    if (WIFSIGNALED(status))
        vc_buf_printf(why, "was killed by signal %d (%s)", WTERMSIG(status),
                      strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) == EXEC_FAILED)
        vc_buf_printf(why, "could not run '%s'", child->program);
    else
        vc_buf_printf(why, "exited with status %d", WEXITSTATUS(status));
    return true;
}

static void finish(struct vc_nats_child *child)
{
    struct vc_mono asked = vc_mono_now();
    VC_AUTO_BUF struct vc_buf why = {0};
    if (!child->pid)
        return;
    kill(child->pid, SIGTERM);
    while (!reap(child, &why)) {
        if (past(asked, TERM_MS))
            kill(child->pid, SIGKILL);
        nap();
    }
}

static enum vc_rc died_early(struct vc_nats_child *child, const char *why, struct vc_err *err)
{
    VC_AUTO_BUF struct vc_buf last = {0};
    vc_nats_log_last_line(&child->log, &last);
    if (strstr(vc_buf_text(&last), "address already in use"))
        return vc_fail(err, VC_E_BUSY,
                       "nats-server cannot listen on 127.0.0.1:%d: another program does; choose "
                       "another port",
                       child->access.port);
    return vc_fail(err, VC_E_IO,
                   "nats-server %s at its start; the last line of '%s/server.log': %s", why,
                   child->dir, last.len ? last.text : "(none)");
}

static enum vc_rc await_greeting(struct vc_nats_child *child, struct vc_err *err)
{
    VC_AUTO_BUF struct vc_buf why = {0};
    while (!vc_nats_greets(child->access.port, child->access.name)) {
        if (reap(child, &why))
            return died_early(child, why.text, err);
        if (past(child->started, READY_MS)) {
            finish(child);
            return vc_fail(err, VC_E_TIMEOUT,
                           "nats-server did not greet on 127.0.0.1:%d within %d s; see "
                           "'%s/server.log'",
                           child->access.port, READY_MS / 1000, child->dir);
        }
        nap();
    }
    return VC_OK;
}

static enum vc_rc write_file(const char *dir, const char *name, const char *text,
                             struct vc_err *err)
{
    VC_AUTO_BUF struct vc_buf path = {0};
    vc_buf_printf(&path, "%s/%s", dir, name);
    return vc_data_file_write(path.text, text, err);
}

static enum vc_rc launch(struct vc_nats_child *child, struct vc_err *err)
{
    VC_AUTO_BUF struct vc_buf conf = {0};
    vc_nats_add_conf(&conf, &child->access);
    enum vc_rc rc = write_file(child->dir, "server.conf", conf.text, err);
    if (rc)
        return rc;
    if (!spawn(child))
        return vc_fail(err, VC_E_IO, "cannot start nats-server: %s", strerror(errno));
    return await_greeting(child, err);
}

/* A port that was asked for: somebody who is about to let go of it gets a moment. */
static enum vc_rc launch_on(struct vc_nats_child *child, struct vc_err *err)
{
    struct vc_mono asked = vc_mono_now();
    while (!vc_nats_port_is_free(child->access.port)) {
        if (past(asked, PORT_WAIT_MS))
            return vc_fail(err, VC_E_BUSY,
                           "nats-server cannot listen on 127.0.0.1:%d: it is in use or not ours to "
                           "take; choose another port, or 0 for one that is free",
                           child->access.port);
        nap();
    }
    return launch(child, err);
}

/* Any port: between finding one and taking it somebody may be faster, then it is the next one. */
static enum vc_rc launch_anywhere(struct vc_nats_child *child, struct vc_err *err)
{
    enum vc_rc rc = VC_E_BUSY;
    bool keep = child->access.port && vc_nats_port_is_free(child->access.port);
    for (int i = 0; i < PORT_TRIES && rc == VC_E_BUSY; i++) {
        if (!keep)
            child->access.port = vc_nats_any_port();
        keep = false;
        if (!child->access.port)
            return vc_fail(err, VC_E_BUSY, "nats-server found no free port on 127.0.0.1: %s",
                           strerror(errno));
        rc = launch(child, err);
    }
    return rc;
}

static void release(struct vc_nats_child *child)
{
    vc_nats_log_close(&child->log);
    vc_free(child->program);
    vc_free(child->dir);
    vc_free(child->url);
    vc_free(child);
}

static void on_closed(uv_handle_t *handle)
{
    struct vc_nats_child *child = handle->data;
    if (--child->open_handles == 0)
        release(child);
}

static void on_timer(uv_timer_t *timer);

/* Plan the next start, then tell: the callback may stop us. */
static void start_again_later(struct vc_nats_child *child, const char *what)
{
    if (past(child->started, STABLE_MS))
        child->backoff_ms = BACKOFF_MIN_MS;
    int64_t delay_ms = child->backoff_ms;
    child->backoff_ms = delay_ms * 2 < BACKOFF_MAX_MS ? delay_ms * 2 : BACKOFF_MAX_MS;
    uv_update_time(child->timer.loop);
    uv_timer_start(&child->timer, on_timer, (uint64_t)delay_ms, 0);
    if (child->on_exit)
        child->on_exit(child->ctx, what, delay_ms);
}

static void look(struct vc_nats_child *child)
{
    VC_AUTO_BUF struct vc_buf why = {0};
    if (!child->pid || !reap(child, &why))
        return;
    VC_AUTO_BUF struct vc_buf what = {0}, last = {0};
    vc_nats_log_last_line(&child->log, &last);
    vc_buf_printf(&what, "nats-server %s; its last log line: %s", why.text,
                  last.len ? last.text : "(none)");
    start_again_later(child, what.text);
}

static void on_sigchld(uv_signal_t *handle, int sig)
{
    (void)sig;
    look(handle->data);
}

static void on_timer(uv_timer_t *timer)
{
    struct vc_nats_child *child = timer->data;
    if (child->pid)
        look(child);
    else if (!spawn(child))
        start_again_later(child, "nats-server cannot be started: fork failed");
}

static enum vc_rc supervise(struct vc_nats_child *child, uv_loop_t *loop, struct vc_err *err)
{
    int rc = uv_signal_init(loop, &child->on_sigchld);
    if (rc)
        return vc_fail(err, VC_E_IO, "cannot watch nats-server: %s", uv_strerror(rc));
    uv_timer_init(loop, &child->timer);
    child->on_sigchld.data = child->timer.data = child;
    child->open_handles = 2;
    child->backoff_ms = BACKOFF_MIN_MS;
    uv_signal_start(&child->on_sigchld, on_sigchld, SIGCHLD);
    uv_timer_start(&child->timer, on_timer, 0, 0); /* it may have died before we listened */
    return VC_OK;
}

static enum vc_rc take_directory(struct vc_nats_child *child, struct vc_err *err)
{
    struct vc_mono asked = vc_mono_now();
    enum vc_rc rc;
    while ((rc = vc_nats_log_open(&child->log, child->dir, err)) == VC_E_BUSY &&
           !past(asked, PREDECESSOR_MS))
        nap();
    return rc;
}

static enum vc_rc start(struct vc_nats_child *child, const struct vc_nats_child_conf *conf,
                        uv_loop_t *loop, struct vc_err *err)
{
    VC_AUTO_BUF struct vc_buf path = {0}, url = {0};
    vc_buf_printf(&path, "%s/nats.url", conf->data_dir);
    enum vc_rc rc = vc_nats_access_decide(conf, path.text, &child->access, err);
    if (!rc)
        rc = vc_data_dir_prepare(conf->data_dir, err);
    if (!rc)
        rc = vc_data_dir_prepare(child->dir, err);
    if (!rc)
        rc = take_directory(child, err);
    if (!rc)
        rc = conf->port ? launch_on(child, err) : launch_anywhere(child, err);
    if (rc)
        return rc;
    vc_nats_add_url(&url, &child->access);
    child->url = vc_xstrdup(url.text);
    vc_buf_puts(&url, "\n");
    rc = vc_data_file_write(path.text, url.text, err);
    return rc ? rc : supervise(child, loop, err);
}

enum vc_rc vc_nats_child_start(const struct vc_nats_child_conf *conf, uv_loop_t *loop,
                               vc_nats_child_fn *on_exit, void *ctx, struct vc_nats_child **out,
                               struct vc_err *err)
{
    VC_AUTO_FREE char *program = vc_nats_find_program();
    if (!program)
        return vc_fail(err, VC_E_NOT_FOUND,
                       "no nats-server on the PATH: install the Debian package 'nats-server', or "
                       "connect to a running one with --nats-url");
    VC_AUTO_BUF struct vc_buf dir = {0};
    vc_buf_printf(&dir, "%s/nats", conf->data_dir);
    struct vc_nats_child *child = vc_xcalloc(1, sizeof *child);
    *child = (struct vc_nats_child){.log = {.fd = -1}, .on_exit = on_exit, .ctx = ctx};
    child->program = vc_take(&program);
    child->dir = vc_take(&dir.text);
    enum vc_rc rc = start(child, conf, loop, err);
    if (rc) {
        finish(child);
        release(child);
        return rc;
    }
    *out = child;
    return VC_OK;
}

const char *vc_nats_child_url(const struct vc_nats_child *child)
{
    return child->url;
}

int vc_nats_child_port(const struct vc_nats_child *child)
{
    return child->access.port;
}

pid_t vc_nats_child_pid(const struct vc_nats_child *child)
{
    return child->pid;
}

void vc_nats_child_stop(struct vc_nats_child **child)
{
    struct vc_nats_child *c = vc_take(child);
    if (!c)
        return;
    uv_close((uv_handle_t *)&c->on_sigchld, on_closed);
    uv_close((uv_handle_t *)&c->timer, on_closed);
    finish(c);
}
