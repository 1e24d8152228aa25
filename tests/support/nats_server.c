#include "tests/support/nats_server.h"

#include "base/clock.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_LIMIT_MS 10000

__attribute__((format(printf, 1, 2))) static _Noreturn void give_up(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("tests/support/nats_server: ", stderr);
    vfprintf(stderr, fmt, args);
    fputs("\n", stderr);
    va_end(args);
    abort();
}

static int loopback(int port, bool listening)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof at;
    int rc = listening ? bind(fd, (struct sockaddr *)&at, len)
                       : connect(fd, (struct sockaddr *)&at, len);
    if (rc == 0 && listening && getsockname(fd, (struct sockaddr *)&at, &len) == 0)
        rc = ntohs(at.sin_port);
    if (listening || rc != 0) {
        close(fd);
        return rc;
    }
    return fd;
}

struct nats_server *nats_server_new(void)
{
    struct nats_server *server = vc_xcalloc(1, sizeof *server);
    snprintf(server->dir, sizeof server->dir, "/tmp/vc-nats-XXXXXX");
    if (!mkdtemp(server->dir))
        give_up("no temporary directory");
    server->port = loopback(0, true);
    if (server->port <= 0)
        give_up("no free port");
    server->jetstream = 1;
    snprintf(server->password, sizeof server->password, "secret");
    snprintf(server->url, sizeof server->url, "nats://coord:%s@127.0.0.1:%d", server->password,
             server->port);
    return server;
}

static void write_config(const struct nats_server *server, const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file)
        give_up("cannot write %s", path);
    fprintf(file,
            "listen: \"127.0.0.1:%d\"\nlog_file: \"%s/log\"\n"
            "authorization { users = [ {user: coord, password: \"%s\"}\n%s ] }\n%s\n",
            server->port, server->dir, server->password, server->users, server->extra);
    if (server->jetstream)
        fprintf(file, "jetstream { store_dir: \"%s/store\" }\n", server->dir);
    fclose(file);
}

static bool greets(int port)
{
    int fd = loopback(port, false);
    char info[5] = "";
    if (fd < 0)
        return false;
    struct timeval limit = {.tv_sec = 1};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ssize_t n = recv(fd, info, 4, 0);
    close(fd);
    return n == 4 && strcmp(info, "INFO") == 0;
}

void nats_server_start(struct nats_server *server)
{
    char path[128];
    snprintf(path, sizeof path, "%s/conf", server->dir);
    write_config(server, path);
    snprintf(server->url, sizeof server->url, "nats://coord:%s@127.0.0.1:%d", server->password,
             server->port);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        execlp("nats-server", "nats-server", "-c", path, (char *)NULL);
        fprintf(stderr, "nats-server cannot be started: is the package installed?\n");
        _exit(127);
    }
    server->pid = pid;
    int64_t until = vc_mono_now().ms + START_LIMIT_MS;
    while (!greets(server->port)) {
        if (vc_mono_now().ms > until || waitpid(pid, NULL, WNOHANG) == pid)
            give_up("nats-server does not answer on port %d", server->port);
        usleep(20000);
    }
}

static void end(struct nats_server *server, int signal_number)
{
    if (server->pid <= 0)
        return;
    kill(server->pid, signal_number);
    kill(server->pid, SIGCONT);
    waitpid(server->pid, NULL, 0);
    server->pid = 0;
}

void nats_server_stop(struct nats_server *server)
{
    end(server, SIGTERM);
}

void nats_server_kill(struct nats_server *server)
{
    end(server, SIGKILL);
}

void nats_server_freeze(struct nats_server *server)
{
    kill(server->pid, SIGSTOP);
}

void nats_server_thaw(struct nats_server *server)
{
    kill(server->pid, SIGCONT);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

void nats_server_free(struct nats_server **server_ptr)
{
    struct nats_server *server = vc_take(server_ptr);
    if (!server)
        return;
    enum { OPEN_DIRECTORIES = 16 };
    end(server, SIGKILL);
    nftw(server->dir, remove_one, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS);
    free(server);
}
