/* nats_server.h - a real nats-server for tests: own port, own store, own password, ended with the
 * test. Everything aborts with a message when the machine does not play along. */
#ifndef VC_TESTS_SUPPORT_NATS_SERVER_H
#define VC_TESTS_SUPPORT_NATS_SERVER_H

#include <sys/types.h>

struct nats_server {
    pid_t pid; /* 0 = not running */
    int port;
    char dir[64];      /* configuration, log and store; removed by nats_server_free */
    char password[32]; /* of user "coord"; set it before a start to change it */
    char url[128];     /* nats://coord:PASSWORD@127.0.0.1:PORT as of the last start */
    char extra[2048];  /* more lines for the configuration, e.g. another user; "" */
    char users[2048];  /* more entries for authorization.users; "" */
    int jetstream;     /* default 1 */
};

/* Choose a free loopback port and a directory; does not start anything. Free it. */
struct nats_server *nats_server_new(void);

/* Start it and wait until it answers, at most 10 s. */
void nats_server_start(struct nats_server *server);

/* End it in peace, or as a power cut would end the process. It keeps port and store. */
void nats_server_stop(struct nats_server *server);
void nats_server_kill(struct nats_server *server);

/* Stop it from running without ending it, and let it go on. */
void nats_server_freeze(struct nats_server *server);
void nats_server_thaw(struct nats_server *server);

void nats_server_free(struct nats_server **server);

#endif
