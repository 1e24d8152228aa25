#include "tests/chaos/load.h"

#include "base/clock.h"
#include "base/str.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define CONNECT_MS 2000
#define RETRY_US   50000
#define LINE_MAX_  512

atomic_bool load_stop, load_enough;

static void give_up(const char *what)
{
    fprintf(stderr, "load: %s\n", what);
    exit(EXIT_FAILURE);
}

/* -- one connection -------------------------------------------------------------------------- */

static void on_renewed(natsConnection *nc, void *link)
{
    (void)nc;
    atomic_fetch_add(&((struct load_link *)link)->renewals, 1);
}

void load_connect(struct load_link *link, const char *url, const char *name)
{
    *link = (struct load_link){0};
    vc_gate_init(&link->gate);
    natsOptions *opts = vc_link_options(url, name, CONNECT_MS);
    if (!opts || natsOptions_SetReconnectedCB(opts, on_renewed, link) != NATS_OK)
        give_up("the NATS library refuses the options");
    while (natsConnection_Connect(&link->nc, opts) != NATS_OK && !load_stop)
        usleep(RETRY_US);
    natsOptions_Destroy(opts);
    natsInbox *inbox = NULL;
    if (natsInbox_Create(&inbox) != NATS_OK)
        give_up("no inbox");
    vc_copy(link->inbox, sizeof link->inbox, inbox);
    natsInbox_Destroy(inbox);
}

natsSubscription *load_subscribe(struct load_link *link, const char *subject, natsMsgHandler each,
                                 void *ctx)
{
    natsSubscription *sub = vc_link_subscribe(link->nc, subject, NULL, each, ctx, &link->gate);
    if (!sub || natsSubscription_SetPendingLimits(sub, -1, -1) != NATS_OK)
        give_up("cannot subscribe");
    return sub;
}

void load_disconnect(struct load_link *link)
{
    natsConnection_Close(link->nc);
    if (!vc_gate_wait_empty(&link->gate, VC_LINK_CLOSE_MS))
        give_up("a callback does not return");
    natsConnection_Destroy(link->nc);
    vc_gate_fini(&link->gate);
}

void load_send(struct load_link *link, const char *subject, const char *reply, const char *msg_id,
               const char *body)
{
    natsMsg *msg = NULL;
    natsStatus s = natsMsg_Create(&msg, subject, reply, body, (int)strlen(body));
    if (s == NATS_OK && msg_id)
        s = natsMsgHeader_Set(msg, "Nats-Msg-Id", msg_id);
    if (s == NATS_OK)
        natsConnection_PublishMsg(link->nc, msg);
    natsMsg_Destroy(msg);
}

json_t *load_body(natsMsg *msg)
{
    return json_loadb(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg), 0, NULL);
}

bool load_is_stored(const json_t *body)
{
    return json_object_get(body, "stream") && !json_object_get(body, "error");
}

/* -- logs ------------------------------------------------------------------------------------ */

int load_log_open(const char *dir, const char *name)
{
    VC_AUTO_BUF struct vc_buf path = {0};
    vc_buf_printf(&path, "%s/%s.log", dir, name);
    int log = open(path.text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0)
        give_up(path.text);
    return log;
}

void load_note(int log, const char *fmt, ...)
{
    char line[LINE_MAX_];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(line, sizeof line - 1, fmt, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof line - 1)
        give_up("a line of the log is too long");
    line[len++] = '\n';
    if (write(log, line, (size_t)len) != len)
        give_up("cannot write the log");
}

/* -- the program ----------------------------------------------------------------------------- */

static void on_signal(int number)
{
    if (number == SIGUSR1)
        load_enough = true;
    else
        load_stop = true;
}

static uint64_t number_of(const char *text)
{
    char *end;
    uint64_t value = strtoull(text, &end, 10);
    if (*end || end == text)
        give_up(text);
    return value;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *role;
        void (*run)(const struct load_conf *);
    } roles[] = {{"submit", load_submit}, {"agents", load_agents}};
    enum { ROLE = 1, URL, DIR, NAME, SEED, COUNT, OPEN, RATE, ARGS };
    if (argc != ARGS)
        give_up("usage: load submit|agents URL DIR NAME SEED COUNT OPEN RATE");
    struct load_conf conf = {.url = argv[URL],
                             .dir = argv[DIR],
                             .name = argv[NAME],
                             .seed = number_of(argv[SEED]),
                             .count = number_of(argv[COUNT]),
                             .open = number_of(argv[OPEN]),
                             .rate = number_of(argv[RATE])};
    signal(SIGTERM, on_signal);
    signal(SIGUSR1, on_signal);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        if (strcmp(roles[i].role, argv[ROLE]) != 0)
            continue;
        roles[i].run(&conf);
        nats_Close();
        return EXIT_SUCCESS;
    }
    give_up("no such role");
}
