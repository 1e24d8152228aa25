/* With real servers: each test has its own directory and port. */
#include "base/clock.h"
#include "coordinator/nats_child.h"
#include "coordinator/nats_conf.h"
#include "coordinator/nats_log.h"
#include "tests/service/tmp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLINE_MS 15000

struct deaths {
    int count;
    char last[512];
    int64_t delays[8];
    struct vc_nats_child **stop; /* stopped from the callback when not NULL */
};

static void on_exit_note(void *ctx, const char *what, int64_t restart_in_ms)
{
    struct deaths *deaths = ctx;
    vc_copy(deaths->last, sizeof deaths->last, what);
    if (deaths->count < 8)
        deaths->delays[deaths->count] = restart_in_ms;
    deaths->count++;
    if (deaths->stop)
        vc_nats_child_stop(deaths->stop);
}

static struct vc_nats_child *start(void **state, uv_loop_t *loop, int port, struct deaths *deaths)
{
    struct vc_err err = {0};
    struct vc_nats_child *child = NULL;
    const struct vc_nats_child_conf conf = {.data_dir = *state, .port = port};
    if (vc_nats_child_start(&conf, loop, on_exit_note, deaths, &child, &err))
        fail_msg("%s", err.text);
    return child;
}

static enum vc_rc refused(void **state, int port, const char *password, struct vc_err *err)
{
    uv_loop_t loop;
    struct vc_nats_child *child = NULL;
    const struct vc_nats_child_conf conf = {*state, port, password};
    uv_loop_init(&loop);
    enum vc_rc rc = vc_nats_child_start(&conf, &loop, NULL, NULL, &child, err);
    assert_null(child);
    assert_int_equal(uv_loop_close(&loop), 0); /* a refused start leaves no handle behind */
    return rc;
}

/* Stop, and prove that neither a process, nor a zombie, nor a handle is left. */
static void stop(struct vc_nats_child *child, uv_loop_t *loop)
{
    pid_t pid = vc_nats_child_pid(child);
    vc_nats_child_stop(&child);
    assert_null(child);
    if (pid)
        assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    uv_run(loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(loop), 0);
}

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
}

/* Turn @loop until @pid of @child is another one and it is running. */
static void run_until_restarted(uv_loop_t *loop, const struct vc_nats_child *child, pid_t old)
{
    uv_timer_t tick; /* so that a broken supervisor cannot hang the loop */
    struct vc_mono since = vc_mono_now();
    uv_timer_init(loop, &tick);
    uv_timer_start(&tick, on_tick, 5, 5);
    while ((vc_nats_child_pid(child) == old || !vc_nats_child_pid(child)) &&
           vc_mono_now().ms - since.ms < DEADLINE_MS)
        uv_run(loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
    assert_int_not_equal(vc_nats_child_pid(child), 0);
    assert_int_not_equal(vc_nats_child_pid(child), old);
}

static void nap(void)
{
    poll(NULL, 0, 5);
}

/* What the server on @port says to a client with @password. free() it. */
static char *talk(int port, const char *password)
{
    struct vc_buf said = {0};
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct vc_mono since = vc_mono_now();
    int fd = -1;
    for (;; nap()) {
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
            break;
        close(fd);
        if (vc_mono_now().ms - since.ms > DEADLINE_MS)
            fail_msg("nobody listens on %d", port);
    }
    char text[4096];
    int len = snprintf(
        text, sizeof text,
        "CONNECT {\"verbose\":false,\"user\":\"vapora\",\"pass\":\"%s\"}\r\nPING\r\n", password);
    assert_int_equal(write(fd, text, (size_t)len), len);
    const struct timeval patience = {.tv_sec = DEADLINE_MS / 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ssize_t n;
    while ((n = read(fd, text, sizeof text)) > 0) {
        vc_buf_add(&said, text, (size_t)n);
        if (strstr(said.text, "PONG\r\n") || strstr(said.text, "-ERR"))
            break;
    }
    close(fd);
    vc_buf_puts(&said, "");
    return said.text;
}

static void assert_says(int port, const char *password, const char *wanted)
{
    char *said = talk(port, password);
    if (!strstr(said, wanted))
        fail_msg("wanted '%s' in: %s", wanted, said);
    free(said);
}

static const char *password_of(const struct vc_nats_child *child)
{
    static char password[VC_NATS_PASSWORD_MAX + 1];
    sscanf(vc_nats_child_url(child), "nats://vapora:%128[^@]", password);
    return password;
}

static char *proc_file(pid_t pid, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return tmp_read(path);
}

static void a_started_server_takes_its_password_and_has_jetstream(void **state)
{
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct vc_nats_child *child = start(state, &loop, 0, NULL);
    assert_says(vc_nats_child_port(child), password_of(child), "PONG");
    assert_says(vc_nats_child_port(child), password_of(child), "\"jetstream\":true");
    assert_says(vc_nats_child_port(child), password_of(child), "\"max_payload\":1048576");
    assert_says(vc_nats_child_port(child), "wrong", "Authorization Violation");
    assert_int_equal(tmp_mode(tmp_path(state, "nats/jetstream")) & 0700, 0700);
    stop(child, &loop);
}

static void nats_url_is_written_for_us_alone(void **state)
{
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct vc_nats_child *child = start(state, &loop, 0, NULL);
    char expected[TMP_TEXT];
    snprintf(expected, sizeof expected, "nats://vapora:%s@127.0.0.1:%d\n", password_of(child),
             vc_nats_child_port(child));
    char *text = tmp_read(tmp_path(state, "nats.url"));
    assert_string_equal(text, expected);
    free(text);
    assert_int_equal(tmp_mode(tmp_path(state, "nats.url")), 0600);
    assert_int_equal(tmp_mode(tmp_path(state, "nats/server.conf")), 0600);
    assert_int_equal(tmp_mode(tmp_path(state, "nats/server.log")), 0600);
    assert_int_equal(tmp_mode(tmp_path(state, "nats")), 0700);
    stop(child, &loop);
}

static void the_password_is_not_on_the_command_line_nor_in_the_log(void **state)
{
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct vc_nats_child *child = start(state, &loop, 0, NULL);
    char *argv = proc_file(vc_nats_child_pid(child), "cmdline");
    char *env = proc_file(vc_nats_child_pid(child), "environ");
    char *log = tmp_read(tmp_path(state, "nats/server.log"));
    assert_non_null(strstr(argv, "nats-server\n-c\nserver.conf"));
    assert_non_null(strstr(log, "Server is ready"));
    assert_null(strstr(argv, password_of(child)));
    assert_null(strstr(env, password_of(child)));
    assert_null(strstr(log, password_of(child)));
    free(argv);
    free(env);
    free(log);
    stop(child, &loop);
}

static void the_server_has_its_own_group_and_none_of_our_descriptors(void **state)
{
    uv_loop_t loop;
    int leaky[2];
    uv_loop_init(&loop);
    assert_int_equal(pipe(leaky), 0); /* without CLOEXEC, as careless libraries do */
    struct vc_nats_child *child = start(state, &loop, 0, NULL);
    assert_int_equal(getpgid(vc_nats_child_pid(child)), vc_nats_child_pid(child));
    close(leaky[1]);
    char c;
    assert_int_equal(fcntl(leaky[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(read(leaky[0], &c, 1), 0); /* the end of file: nobody else holds the pipe */
    close(leaky[0]);
    stop(child, &loop);
}

static void port_and_password_are_kept_over_a_restart_of_ours(void **state)
{
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct vc_nats_child *child = start(state, &loop, 0, NULL);
    char first[TMP_TEXT];
    vc_copy(first, sizeof first, vc_nats_child_url(child));
    stop(child, &loop);
    uv_loop_init(&loop);
    child = start(state, &loop, 0, NULL);
    assert_string_equal(vc_nats_child_url(child), first);
    stop(child, &loop);
}

static int listen_on(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)*port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    getsockname(fd, (struct sockaddr *)&address, &len);
    *port = ntohs(address.sin_port);
    return fd;
}

static void another_port_is_taken_when_the_one_of_the_last_run_is_in_use(void **state)
{
    uv_loop_t loop;
    char url[TMP_TEXT];
    int port = 0, fd = listen_on(&port);
    snprintf(url, sizeof url, "nats://vapora:keep-me@127.0.0.1:%d\n", port);
    tmp_write(tmp_path(state, "nats.url"), url);
    uv_loop_init(&loop);
    struct vc_nats_child *child = start(state, &loop, 0, NULL);
    assert_int_not_equal(vc_nats_child_port(child), port);
    assert_string_equal(password_of(child), "keep-me");
    stop(child, &loop);
    close(fd);
}

static void a_port_in_use_is_named(void **state)
{
    struct vc_err err = {0};
    int port = 0, fd = listen_on(&port);
    assert_int_equal(refused(state, port, NULL, &err), VC_E_BUSY);
    char expected[TMP_TEXT];
    snprintf(expected, sizeof expected, "nats-server cannot listen on 127.0.0.1:%d: ", port);
    assert_memory_equal(err.text, expected, strlen(expected));
    assert_int_equal(access(tmp_path(state, "nats.url"), F_OK), -1);
    close(fd);
}

static void wrong_settings_are_refused_before_anything_starts(void **state)
{
    struct vc_err err = {0};
    assert_int_equal(refused(state, 70000, NULL, &err), VC_E_INVALID);
    assert_int_equal(refused(state, 0, "two words", &err), VC_E_INVALID);
    tmp_write(tmp_path(state, "nats"), "");
    assert_int_equal(refused(state, 0, NULL, &err), VC_E_INVALID);
    assert_non_null(strstr(err.text, "it is no directory"));
}

static void a_killed_server_comes_back_on_its_port_ever_more_slowly(void **state)
{
    static const int64_t delays[] = {100, 200, 400};
    struct deaths deaths = {0};
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct vc_nats_child *child = start(state, &loop, 0, &deaths);
    int port = vc_nats_child_port(child);
    for (int i = 0; i < 3; i++) {
        pid_t old = vc_nats_child_pid(child);
        kill(old, SIGKILL);
        run_until_restarted(&loop, child, old);
        assert_int_equal(deaths.count, i + 1);
        assert_int_equal(deaths.delays[i], delays[i]);
        assert_non_null(strstr(deaths.last, "nats-server was killed by signal 9 (Killed); its last "
                                            "log line: ["));
        assert_says(port, password_of(child), "PONG");
    }
    assert_int_equal(vc_nats_child_port(child), port);
    stop(child, &loop);
}

static void the_callback_may_stop_the_child(void **state)
{
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct vc_nats_child *child = NULL;
    struct deaths deaths = {.stop = &child};
    child = start(state, &loop, 0, &deaths);
    kill(vc_nats_child_pid(child), SIGKILL);
    uv_run(&loop, UV_RUN_DEFAULT); /* ends when all handles are closed */
    assert_null(child);
    assert_int_equal(deaths.count, 1);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void a_child_may_be_stopped_between_death_and_restart(void **state)
{
    struct deaths deaths = {0};
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct vc_nats_child *child = start(state, &loop, 0, &deaths);
    kill(vc_nats_child_pid(child), SIGKILL);
    while (deaths.count == 0)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(vc_nats_child_pid(child), 0);
    stop(child, &loop);
}

static void a_server_that_ignores_the_polite_signal_is_killed(void **state)
{
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct vc_nats_child *child = start(state, &loop, 0, NULL);
    kill(vc_nats_child_pid(child), SIGSTOP); /* a stopped process does not see TERM, only KILL */
    struct vc_mono since = vc_mono_now();
    stop(child, &loop);
    assert_in_range(vc_mono_now().ms - since.ms, 3000, 3000 + DEADLINE_MS);
}

/* A coordinator in a process of its own; tells the pid of its server, then loops. */
static void coordinate(void **state, int port, int tell)
{
    uv_loop_t loop;
    struct vc_nats_child *child = NULL;
    const struct vc_nats_child_conf conf = {.data_dir = *state, .port = port};
    uv_loop_init(&loop);
    if (vc_nats_child_start(&conf, &loop, NULL, NULL, &child, NULL) != VC_OK)
        _exit(1);
    pid_t pid = vc_nats_child_pid(child);
    if (write(tell, &pid, sizeof pid) != sizeof pid)
        _exit(1);
    uv_run(&loop, UV_RUN_DEFAULT);
    _exit(1);
}

static void a_coordinator_killed_by_9_takes_its_server_along(void **state)
{
    int tell[2], port = vc_nats_any_port();
    pid_t server = 0;
    assert_int_equal(pipe(tell), 0);
    pid_t coordinator = fork();
    if (coordinator == 0) {
        alarm(60); /* when the test fails, nobody else ends it */
        coordinate(state, port, tell[1]);
    }
    close(tell[1]);
    assert_int_equal(read(tell[0], &server, sizeof server), sizeof server);
    close(tell[0]);
    kill(coordinator, SIGKILL);
    assert_int_equal(waitpid(coordinator, NULL, 0), coordinator);
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct vc_nats_child *child = start(state, &loop, port, NULL); /* at once, on the same port */
    assert_int_equal(vc_nats_child_port(child), port);
    struct vc_mono since = vc_mono_now();
    char *stat = NULL;
    bool gone = false;
    for (; !gone && vc_mono_now().ms - since.ms < DEADLINE_MS; nap()) {
        /* Its new parent may take a while to collect it: a zombie is gone, too. */
        stat = proc_file(server, "stat");
        gone = !*stat || strstr(stat, ") Z ");
        free(stat);
    }
    assert_true(gone);
    stop(child, &loop);
}

static void two_servers_never_share_a_directory(void **state)
{
    struct vc_err err = {0};
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct vc_nats_child *child = start(state, &loop, 0, NULL);
    assert_int_equal(refused(state, 0, NULL, &err), VC_E_BUSY);
    char expected[TMP_TEXT * 2];
    snprintf(expected, sizeof expected,
             "'%s' is in use by a nats-server, process %d: stop it first, or choose another "
             "--data-dir",
             tmp_path(state, "nats"), (int)vc_nats_child_pid(child));
    assert_string_equal(err.text, expected);
    assert_says(vc_nats_child_port(child), password_of(child), "PONG");
    stop(child, &loop);
}

/* Put a shell script in front of the real nats-server; returns the PATH to restore. */
static char *fake_server(void **state, const char *script)
{
    char path[TMP_TEXT * 2];
    const char *path_now = getenv("PATH");
    char *before = strdup(path_now ? path_now : "");
    assert_int_equal(mkdir(tmp_path(state, "bin"), 0700), 0);
    tmp_write(tmp_path(state, "bin/nats-server"), script);
    assert_int_equal(chmod(tmp_path(state, "bin/nats-server"), 0700), 0);
    snprintf(path, sizeof path, "%s:/usr/bin:/bin", tmp_path(state, "bin"));
    setenv("PATH", path, 1);
    return before;
}

static void restore_path(char *before)
{
    setenv("PATH", before, 1);
    free(before);
}

static void a_server_that_gives_up_is_quoted(void **state)
{
    struct vc_err err = {0};
    char *before = fake_server(state, "#!/bin/sh\necho first\necho 'no \033[1mluck'\nexit 3\n");
    enum vc_rc rc = refused(state, 0, NULL, &err);
    restore_path(before);
    assert_int_equal(rc, VC_E_IO);
    char expected[TMP_TEXT * 2];
    snprintf(
        expected, sizeof expected,
        "nats-server exited with status 3 at its start; the last line of '%s': no \\x1b[1mluck",
        tmp_path(state, "nats/server.log"));
    assert_string_equal(err.text, expected);
}

static void a_server_that_finds_the_port_taken_is_a_busy_port(void **state)
{
    struct vc_err err = {0};
    char *before = fake_server(state, "#!/bin/sh\necho 'listen: bind: address already in use'\n"
                                      "exit 1\n");
    enum vc_rc rc = refused(state, 0, NULL, &err);
    restore_path(before);
    assert_int_equal(rc, VC_E_BUSY);
    assert_non_null(strstr(err.text, "another program does; choose another port"));
}

static void a_program_that_cannot_run_is_named(void **state)
{
    struct vc_err err = {0};
    char *before = fake_server(state, "#!/no/such/interpreter\n");
    enum vc_rc rc = refused(state, 0, NULL, &err);
    restore_path(before);
    assert_int_equal(rc, VC_E_IO);
    assert_non_null(strstr(err.text, "nats-server could not run '"));
    assert_non_null(strstr(err.text, "/bin/nats-server' at its start"));
}

static void without_a_nats_server_on_the_path_the_package_is_named(void **state)
{
    struct vc_err err = {0};
    const char *path_now = getenv("PATH");
    char *before = strdup(path_now ? path_now : "");
    setenv("PATH", "/no/where", 1);
    enum vc_rc rc = refused(state, 0, NULL, &err);
    restore_path(before);
    assert_int_equal(rc, VC_E_NOT_FOUND);
    assert_non_null(strstr(err.text, "install the Debian package 'nats-server'"));
}

static void a_log_that_grew_too_large_is_emptied_at_the_start(void **state)
{
    uv_loop_t loop;
    assert_int_equal(mkdir(tmp_path(state, "nats"), 0700), 0);
    tmp_write(tmp_path(state, "nats/server.log"), "old\n");
    assert_int_equal(truncate(tmp_path(state, "nats/server.log"), VC_NATS_LOG_MAX + 1), 0);
    uv_loop_init(&loop);
    struct vc_nats_child *child = start(state, &loop, 0, NULL);
    struct stat st;
    assert_int_equal(stat(tmp_path(state, "nats/server.log"), &st), 0);
    assert_in_range(st.st_size, 1, 64 * 1024);
    stop(child, &loop);
}

static void stopping_nothing_is_fine(void **state)
{
    (void)state;
    struct vc_nats_child *child = NULL;
    vc_nats_child_stop(&child);
    assert_null(child);
}

#define IN_TMP(test) cmocka_unit_test_setup_teardown(test, tmp_setup, tmp_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_TMP(a_started_server_takes_its_password_and_has_jetstream),
        IN_TMP(nats_url_is_written_for_us_alone),
        IN_TMP(the_password_is_not_on_the_command_line_nor_in_the_log),
        IN_TMP(the_server_has_its_own_group_and_none_of_our_descriptors),
        IN_TMP(port_and_password_are_kept_over_a_restart_of_ours),
        IN_TMP(another_port_is_taken_when_the_one_of_the_last_run_is_in_use),
        IN_TMP(a_port_in_use_is_named),
        IN_TMP(wrong_settings_are_refused_before_anything_starts),
        IN_TMP(a_killed_server_comes_back_on_its_port_ever_more_slowly),
        IN_TMP(the_callback_may_stop_the_child),
        IN_TMP(a_child_may_be_stopped_between_death_and_restart),
        IN_TMP(a_server_that_ignores_the_polite_signal_is_killed),
        IN_TMP(a_coordinator_killed_by_9_takes_its_server_along),
        IN_TMP(two_servers_never_share_a_directory),
        IN_TMP(a_server_that_gives_up_is_quoted),
        IN_TMP(a_server_that_finds_the_port_taken_is_a_busy_port),
        IN_TMP(a_program_that_cannot_run_is_named),
        IN_TMP(without_a_nats_server_on_the_path_the_package_is_named),
        IN_TMP(a_log_that_grew_too_large_is_emptied_at_the_start),
        IN_TMP(stopping_nothing_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
