/* The bus's own thread: connect, check, purge, and build a new connection when one has ended. */
#include "base/check.h"
#include "base/clock.h"
#include "base/str.h"
#include "nats-bridge/bus_impl.h"

#include <stdio.h>
#include <string.h>

#define TICK_MS         200
#define RETRY_MS        250 /* between attempts to connect, or to get the streams right */
#define RETRY_DENIED_MS 2000
#define PURGE_EVERY_MS  5000 /* and look whether all streams are still there */
/* So many committed messages are purged at the next tick: a coordinator that never lives for long
 * would else read all of them again at each start, every time more, until it got no further. */
#define PURGE_AT 256

static void set_problem(struct vc_bus *bus, const char *text)
{
    pthread_mutex_lock(&bus->lock);
    vc_copy(bus->problem, sizeof bus->problem, text);
    pthread_mutex_unlock(&bus->lock);
}

/* With `lock` held. True when the owner believed otherwise, and must be woken to hear the news. */
static bool set_not_ready(struct vc_bus *bus, const char *why)
{
    bool news = bus->ready && !bus->stopping;
    bus->ready = false;
    if (!news)
        return false;
    vc_copy(bus->problem, sizeof bus->problem, why);
    return vc_bus_queue_link(bus, false, why);
}

/* The connection is not usable any more; tell the owner if it believed otherwise. */
static void link_lost(struct vc_bus *bus)
{
    char text[256];
    snprintf(text, sizeof text, "lost the connection to %.180s; reconnecting", bus->server.shown);
    atomic_store(&bus->connected, false);
    pthread_mutex_lock(&bus->lock);
    bool wake = set_not_ready(bus, text);
    bus->losses++;
    pthread_cond_signal(&bus->work);
    pthread_mutex_unlock(&bus->lock);
    for (size_t i = 0; i < VC_MAILBOXES; i++)
        vc_mailbox_shut(&bus->mailboxes[i]);
    if (wake)
        vc_bus_wake(bus);
}

static void on_closed(natsConnection *nc, void *ctx)
{
    (void)nc;
    struct vc_bus *bus = ctx;
    link_lost(bus);
    pthread_mutex_lock(&bus->lock);
    bus->closed = true;
    pthread_cond_signal(&bus->work);
    pthread_mutex_unlock(&bus->lock);
    vc_gate_leave(&bus->gate);
}

static void on_error(natsConnection *nc, natsSubscription *sub, natsStatus status, void *ctx)
{
    (void)sub;
    struct vc_bus *bus = ctx;
    const char *text = NULL;
    if (status != NATS_NOT_PERMITTED)
        return;
    natsConnection_GetLastError(nc, &text);
    VC_AUTO_BUF struct vc_buf shown = {0};
    vc_buf_show(&shown, text ? text : "permissions violation");
    pthread_mutex_lock(&bus->lock);
    snprintf(bus->denied, sizeof bus->denied, "the server denies this user something: %.200s",
             vc_buf_text(&shown));
    if (text && strcasestr(text, "subscription"))
        bus->deaf = bus->check_due = true;
    pthread_cond_signal(&bus->work);
    pthread_mutex_unlock(&bus->lock);
}

/* A connection ends with its server. A server that lost the end of a stream gives its numbers out
 * again, and what was meant for the former one must not reach it before we have looked: neither a
 * purge, which would take what nobody has read, nor messages, which would hide that others are
 * gone. A connection that reconnects keeps what is published meanwhile for whoever comes next, and
 * hands out late what the former one sent. */
static natsOptions *options(struct vc_bus *bus)
{
    natsOptions *opts = vc_link_options(bus->url, VC_SERVICE_NAME, VC_LINK_TIMEOUT_MS);
    if (!opts)
        return NULL;
    bool ok = natsOptions_SetAllowReconnect(opts, false) == NATS_OK &&
              natsOptions_UseGlobalMessageDelivery(opts, true) == NATS_OK &&
              natsOptions_SetClosedCB(opts, on_closed, bus) == NATS_OK &&
              natsOptions_SetErrorHandler(opts, on_error, bus) == NATS_OK;
    if (ok)
        return opts;
    natsOptions_Destroy(opts);
    return NULL;
}

static void read_version(struct vc_bus *bus, natsConnection *nc)
{
    char url[512], version[sizeof bus->server_version];
    struct vc_server server;
    if (natsConnection_GetConnectedUrl(nc, url, sizeof url) != NATS_OK ||
        vc_server_parse(url, &server, NULL) != VC_OK)
        return;
    vc_server_version(&server, version, sizeof version);
    pthread_mutex_lock(&bus->lock);
    if (version[0])
        vc_copy(bus->server_version, sizeof bus->server_version, version);
    pthread_mutex_unlock(&bus->lock);
}

static void meet_server(struct vc_bus *bus, natsConnection *nc)
{
    char id[sizeof bus->server_id];
    if (natsConnection_GetConnectedServerId(nc, id, sizeof id) != NATS_OK ||
        strcmp(id, bus->server_id) == 0)
        return;
    vc_copy(bus->server_id, sizeof bus->server_id, id);
    for (size_t i = 0; i < VC_MAILBOXES; i++)
        vc_mailbox_distrust(&bus->mailboxes[i]);
}

/* One attempt. The supervisor repeats it: so each failure is seen with its reason, which the
 * library's own retrying keeps to itself. */
static bool build(struct vc_bus *bus, bool again)
{
    struct vc_err err = {0};
    natsOptions *opts = options(bus);
    if (!opts) {
        set_problem(bus, "the NATS library refuses the URL");
        return false;
    }
    natsConnection *nc = NULL;
    vc_gate_enter(&bus->gate); /* left by on_closed, which a failed attempt never calls */
    natsStatus s = natsConnection_Connect(&nc, opts);
    natsOptions_Destroy(opts);
    if (s != NATS_OK) {
        vc_gate_leave(&bus->gate);
        vc_link_fail(&err, s, &bus->server);
        set_problem(bus, err.text);
        return false;
    }
    pthread_rwlock_wrlock(&bus->nc_lock);
    bus->nc = nc;
    pthread_rwlock_unlock(&bus->nc_lock);
    pthread_mutex_lock(&bus->lock);
    bus->reconnects += again;
    bus->denied[0] = '\0';
    bus->deaf = false;
    bus->check_due = bus->greet_due = true;
    pthread_mutex_unlock(&bus->lock);
    atomic_store(&bus->max_payload, natsConnection_GetMaxPayload(nc));
    atomic_store(&bus->connected, natsConnection_Status(nc) == NATS_CONN_STATUS_CONNECTED);
    return true;
}

/* The library drops what arrives faster than its thread hands it to us. */
static void count_unread(struct vc_bus *bus)
{
    uint64_t unread = 0;
    for (size_t i = 0; i < bus->subs_n; i++) {
        int64_t dropped = 0;
        if (natsSubscription_GetDropped(bus->subs[i], &dropped) == NATS_OK)
            unread += (uint64_t)dropped;
    }
    pthread_mutex_lock(&bus->lock);
    bus->unread = unread;
    pthread_mutex_unlock(&bus->lock);
}

static void drop(struct vc_bus *bus)
{
    natsConnection *nc = bus->nc;
    atomic_store(&bus->connected, false);
    pthread_rwlock_wrlock(&bus->nc_lock);
    bus->nc = NULL;
    pthread_rwlock_unlock(&bus->nc_lock);
    if (!nc)
        return;
    natsConnection_Close(nc);
    vc_gate_wait_empty(&bus->gate, VC_LINK_CLOSE_MS);
    while (bus->subs_n > 0)
        natsSubscription_Destroy(bus->subs[--bus->subs_n]);
    natsConnection_Destroy(nc);
    pthread_mutex_lock(&bus->lock);
    bus->unread_before += bus->unread;
    bus->unread = 0;
    bus->closed = false;
    pthread_mutex_unlock(&bus->lock);
}

/* A missing permission is the cause of whatever else failed (@ok is false); without that, only a
 * denied subscription keeps us from working. */
static bool permitted(struct vc_bus *bus, bool ok, char problem[256])
{
    pthread_mutex_lock(&bus->lock);
    bool denied = bus->denied[0] && (bus->deaf || !ok);
    if (denied)
        vc_copy(problem, 256, bus->denied);
    pthread_mutex_unlock(&bus->lock);
    return !denied;
}

static bool prepare(struct vc_bus *bus, char problem[256], char drift[512])
{
    struct vc_err err = {0};
    if (bus->subs_n == 0) {
        if (!vc_arrivals_subscribe(bus, &err)) {
            vc_copy(problem, 256, err.text);
            return false;
        }
        natsConnection_FlushTimeout(bus->nc, VC_LINK_TIMEOUT_MS);
    }
    return vc_streams_ensure(bus, bus->nc, problem, drift);
}

void vc_bus_vanished(struct vc_bus *bus, const char *what)
{
    if (!bus->known)
        return;
    char text[256];
    size_t len = strlen(bus->vanished);
    if (!strstr(bus->vanished, what)) /* a former round may have failed to make it */
        snprintf(bus->vanished + len, sizeof bus->vanished - len, "%s%s", len ? ", " : "", what);
    snprintf(text, sizeof text, "%.200s has vanished; making it again", what);
    pthread_mutex_lock(&bus->lock);
    bool wake = set_not_ready(bus, text);
    pthread_mutex_unlock(&bus->lock);
    if (wake)
        vc_bus_wake(bus);
}

static void say_ready(struct vc_bus *bus, char text[256])
{
    if (bus->vanished[0])
        snprintf(text, 256, "%.190s had vanished and was made again; what a mailbox held is lost",
                 bus->vanished);
    else
        snprintf(text, 256, "connected to %.180s, nats-server %s", bus->server.shown,
                 bus->server_version);
    bus->vanished[0] = '\0';
}

static void become_ready(struct vc_bus *bus, uint64_t losses, const char *drift)
{
    char text[256];
    pthread_mutex_lock(&bus->lock);
    bool news = bus->losses == losses && !bus->ready, wake = false;
    vc_copy(bus->drift, sizeof bus->drift, drift);
    if (news) {
        bus->ready = true;
        bus->problem[0] = '\0';
        say_ready(bus, text);
        wake = vc_bus_queue_link(bus, true, text);
    }
    pthread_mutex_unlock(&bus->lock);
    bus->known = true;
    if (wake)
        vc_bus_wake(bus);
    for (size_t i = 0; news && i < VC_MAILBOXES; i++)
        vc_mailbox_open(&bus->mailboxes[i]);
}

static void still_not_ready(struct vc_bus *bus, const char *problem)
{
    pthread_mutex_lock(&bus->lock);
    bool wake = set_not_ready(bus, problem);
    vc_copy(bus->problem, sizeof bus->problem, problem);
    bus->check_due = true;
    pthread_mutex_unlock(&bus->lock);
    if (wake)
        vc_bus_wake(bus);
}

/* See whether the server has what we need; returns when to look again, in ms. */
static int64_t check(struct vc_bus *bus)
{
    char problem[256] = "", drift[512] = "";
    pthread_mutex_lock(&bus->lock);
    bool greet = bus->greet_due;
    bus->check_due = bus->greet_due = false;
    uint64_t losses = bus->losses;
    pthread_mutex_unlock(&bus->lock);
    if (greet) {
        read_version(bus, bus->nc);
        meet_server(bus, bus->nc);
    }
    bool ok = prepare(bus, problem, drift);
    bool allowed = permitted(bus, ok, problem);
    if (ok && allowed) {
        become_ready(bus, losses, drift);
        return 0;
    }
    still_not_ready(bus, problem);
    if (allowed)
        return RETRY_MS;
    /* What the server denied once it does not give later on the same connection. */
    drop(bus);
    return RETRY_DENIED_MS;
}

static void routine(struct vc_bus *bus, int64_t *purge_at)
{
    int64_t now = vc_mono_now().ms;
    count_unread(bus);
    bool due = now >= *purge_at;
    for (size_t i = 0; i < VC_MAILBOXES; i++) {
        struct vc_mailbox *mailbox = &bus->mailboxes[i];
        vc_mailbox_pump(mailbox);
        if (due || vc_mailbox_floor(mailbox) - mailbox->purged >= PURGE_AT)
            vc_streams_purge(bus->nc, mailbox);
    }
    if (!due)
        return;
    *purge_at = now + PURGE_EVERY_MS;
    vc_bus_check_soon(bus);
}

struct duties {
    bool stop, rebuild, check;
};

/* Sleep for a tick or until something changed. */
static struct duties wait_for_work(struct vc_bus *bus, int64_t ms)
{
    pthread_mutex_lock(&bus->lock);
    if (!bus->stopping && !bus->closed && ms > 0)
        vc_cond_wait_ms(&bus->work, &bus->lock, ms);
    struct duties duties = {bus->stopping, bus->closed, bus->check_due};
    pthread_mutex_unlock(&bus->lock);
    return duties;
}

void *vc_supervise(void *arg)
{
    struct vc_bus *bus = arg;
    bool again = false;
    int64_t wait_ms = 0, purge_at = 0;
    for (;;) {
        struct duties duties = wait_for_work(bus, wait_ms);
        wait_ms = TICK_MS;
        if (duties.stop)
            break;
        if (duties.rebuild)
            drop(bus);
        if (!bus->nc) {
            bool built = build(bus, again);
            again = again || built;
            wait_ms = built ? 0 : RETRY_MS;
        } else if (!atomic_load(&bus->connected)) {
            continue;
        } else if (duties.check) {
            wait_ms = check(bus);
        } else {
            routine(bus, &purge_at);
        }
    }
    drop(bus);
    nats_ReleaseThreadMemory();
    return NULL;
}
