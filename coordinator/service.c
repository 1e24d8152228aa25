#include "coordinator/service.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "coordinator/api.h"
#include "coordinator/batch.h"
#include "coordinator/data_dir.h"
#include "coordinator/load.h"
#include "coordinator/lock.h"
#include "coordinator/nats_child.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <uv.h>

#define PREFIX "vapora"
#define IDLE_TICK_MS                                                                               \
    250 /* the relay's patience and the roster's silence are looked at this often */
#define DRAIN_MS          3000 /* after SIGTERM; NATS and its server need the rest of 5 s */
#define DRAIN_TICK_MS     20
#define DISK_EVERY_MS     1000
#define PAUSE_FULLNESS    0.9 /* of the room for open tasks: then the mailbox is left alone */
#define PULL_FULLNESS     0.8 /* until so little is used */
#define STORE_PATIENCE_MS 100 /* the loop stands still meanwhile */
#define STUCK_RETRY_MS    200 /* between tries while the store refuses */

struct vc_service {
    const struct vc_service_conf *conf;
    struct vc_core_conf core_conf;
    uv_loop_t loop;
    uv_async_t wake;
    uv_timer_t timer;
    uv_signal_t term, interrupt;
    int lock;
    struct vc_kg *kg;
    struct vc_nats_child *nats;
    struct vc_batch *batch; /* large, so not on the stack */
    char store_problem[256];
    char nats_seen[512], nats_said[512]; /* the last problem seen, and the last one logged */
    struct vc_mono disk_due;             /* when to look at the free space again */
    struct vc_mono drain_until;          /* then stop, drained or not */
    bool pulling, draining, stopping, part_open;
    enum vc_rc rc; /* why the loop ended */
    struct vc_err *err;
};

/* -- the loop -------------------------------------------------------------------------------- */

static void stop(struct vc_service *s, enum vc_rc rc)
{
    if (s->stopping)
        return;
    s->stopping = true;
    s->rc = rc;
    uv_stop(&s->loop);
}

/* The timer fires when the core is next due, or after @most_ms. */
static void arm(struct vc_service *s, int64_t most_ms);

static void on_timer(uv_timer_t *timer);

static void look_at_disk(struct vc_service *s)
{
    struct vc_mono now = vc_mono_now();
    char *no_room = s->batch->no_room;
    if (now.ms < s->disk_due.ms)
        return;
    s->disk_due.ms = now.ms + DISK_EVERY_MS;
    int64_t mib = vc_data_dir_free_mib(s->conf->data_dir);
    bool low = mib >= 0 && mib < (no_room[0] ? 2 * VC_DISK_FLOOR_MIB : VC_DISK_FLOOR_MIB);
    if (low == (no_room[0] != '\0'))
        return;
    no_room[0] = '\0';
    if (low)
        snprintf(
            no_room, sizeof s->batch->no_room,
            "the coordinator's disk has %lld MiB left; new tasks are refused until %d are free",
            (long long)mib, 2 * VC_DISK_FLOOR_MIB);
    vc_log(low ? VC_LOG_ERROR : VC_LOG_INFO, low ? "disk.low" : "disk.well", "free_mib=%lld",
           (long long)mib);
}

/* A backlog near its limit waits in JetStream, where it belongs. */
static void throttle(struct vc_service *s)
{
    double used = s->batch->no_room[0] ? 1 : vc_core_fullness(s->batch->core);
    bool pull = used < (s->pulling ? PAUSE_FULLNESS : PULL_FULLNESS);
    if (pull == s->pulling)
        return;
    s->pulling = pull;
    vc_bus_pull_tasks(s->batch->bus, pull);
    vc_log(VC_LOG_WARN, pull ? "tasks.pulling" : "tasks.paused", "used=%.0f%%", used * 100);
}

static void on_stuck(struct vc_service *s, const struct vc_err *err)
{
    if (strcmp(s->store_problem, err->text) != 0)
        vc_log(VC_LOG_ERROR, "store.stuck", "%s; nothing is lost, trying again", err->text);
    vc_copy(s->store_problem, sizeof s->store_problem, err->text);
    arm(s, STUCK_RETRY_MS);
}

/* What keeps NATS or the events' streams from working, or differs there, is said once and not at
 * every try; and only when two looks in a row see it, for a start is no failure. */
static void watch_nats(struct vc_service *s)
{
    struct vc_bus_status status;
    vc_bus_status(s->batch->bus, &status);
    const char *problem = status.problem[0] ? status.problem : s->batch->relay.problem;
    if (!problem[0])
        problem = status.drift;
    bool lasts = strcmp(problem, s->nats_seen) == 0;
    vc_copy(s->nats_seen, sizeof s->nats_seen, problem);
    if (!lasts || strcmp(problem, s->nats_said) == 0)
        return;
    vc_copy(s->nats_said, sizeof s->nats_said, problem);
    if (problem[0])
        vc_log(VC_LOG_WARN, "nats.problem", "%s", problem);
}

/* All that had arrived is committed and told, or nobody is there to be told, or it takes too long.
 */
static bool drained(struct vc_service *s, enum vc_batch_end end)
{
    bool late = vc_mono_now().ms >= s->drain_until.ms;
    bool told = !s->batch->relay.linked || vc_relay_done(&s->batch->relay);
    if (!late && !(end == VC_BATCH_IDLE && told))
        return false;
    vc_log(late ? VC_LOG_WARN : VC_LOG_INFO, "service.stopping",
           late ? "drained=no" : "drained=yes");
    stop(s, VC_OK);
    return true;
}

static void work(struct vc_service *s)
{
    struct vc_err err = {0};
    if (s->stopping)
        return;
    enum vc_batch_end end = vc_batch_run(s->batch, &err);
    if (s->draining && end != VC_BATCH_BROKEN && drained(s, end))
        return;
    switch (end) {
    case VC_BATCH_STUCK:
        on_stuck(s, &err);
        return;
    case VC_BATCH_BROKEN:
        vc_fail(s->err, err.rc, "%s", err.text);
        stop(s, err.rc);
        return;
    case VC_BATCH_DONE:
        /* Again at once, but through the loop, so that probes and signals get their turn. */
        uv_async_send(&s->wake);
        break;
    case VC_BATCH_IDLE:
        break;
    }
    if (s->store_problem[0])
        vc_log(VC_LOG_INFO, "store.well", "it takes writes again");
    s->store_problem[0] = '\0';
    look_at_disk(s);
    if (!s->draining)
        throttle(s);
    watch_nats(s);
    arm(s, IDLE_TICK_MS);
}

static void arm(struct vc_service *s, int64_t most_ms)
{
    if (s->draining && most_ms > DRAIN_TICK_MS)
        most_ms = DRAIN_TICK_MS;
    int64_t wait = vc_core_due(s->batch->core).ms;
    wait = wait == INT64_MAX ? most_ms : wait - vc_mono_now().ms;
    if (wait > most_ms || s->store_problem[0])
        wait = most_ms;
    uv_timer_start(&s->timer, on_timer, wait < 0 ? 0 : (uint64_t)wait, 0);
}

static void on_timer(uv_timer_t *timer)
{
    work(timer->data);
}

static void on_wake(uv_async_t *async)
{
    work(async->data);
}

/* From any thread. */
static void wake(void *ctx)
{
    struct vc_service *s = ctx;
    uv_async_send(&s->wake);
}

/* The first one asks to finish what has arrived, the second one does not wait for it. */
static void on_signal(uv_signal_t *signal, int number)
{
    struct vc_service *s = signal->data;
    vc_log(VC_LOG_INFO, "service.draining", "signal=%d", number);
    if (s->draining) {
        stop(s, VC_OK);
        return;
    }
    s->draining = true;
    s->drain_until.ms = vc_mono_now().ms + DRAIN_MS;
    vc_bus_pull_tasks(s->batch->bus, false);
    work(s);
}

static void on_nats_exit(void *ctx, const char *what, int64_t restart_in_ms)
{
    (void)ctx;
    vc_log(VC_LOG_WARN, "nats-server.gone", "%s; starting again in %lld ms", what,
           (long long)restart_in_ms);
}

/* -- start ----------------------------------------------------------------------------------- */

static void open_loop(struct vc_service *s)
{
    uv_loop_init(&s->loop);
    uv_async_init(&s->loop, &s->wake, on_wake);
    uv_timer_init(&s->loop, &s->timer);
    uv_signal_init(&s->loop, &s->term);
    uv_signal_init(&s->loop, &s->interrupt);
    s->wake.data = s->timer.data = s->term.data = s->interrupt.data = s;
}

static enum vc_rc open_store(struct vc_service *s)
{
    VC_AUTO_BUF struct vc_buf path = {0};
    vc_buf_printf(&path, "%s/graph.db", s->conf->data_dir);
    enum vc_rc rc = vc_data_dir_prepare(s->conf->data_dir, s->err);
    if (rc == VC_OK)
        rc = vc_lock_take(path.text, &s->lock, s->err);
    if (rc == VC_OK)
        rc = vc_kg_open(path.text, VC_KG_OWN, &s->kg, s->err);
    return rc;
}

static enum vc_rc open_core(struct vc_service *s)
{
    struct vc_loaded loaded;
    if (getrandom(&s->core_conf.seed, sizeof s->core_conf.seed, 0) < 0)
        return vc_fail(s->err, VC_E_IO, "no random numbers from the kernel");
    enum vc_rc rc = vc_core_conf_check(&s->core_conf, s->err);
    if (rc != VC_OK)
        return rc;
    s->batch->core = vc_core_create(&s->core_conf);
    struct vc_mono began = vc_mono_now();
    vc_core_suspend(s->batch->core, began);
    rc = vc_relay_load(&s->batch->relay, s->kg, began, s->err);
    if (rc == VC_OK)
        rc = vc_load(s->kg, s->batch->core, began, vc_wall_now(), &loaded, s->err);
    if (rc == VC_OK)
        vc_log(VC_LOG_INFO, "store.loaded", "agents=%zu types=%zu cells=%zu open_tasks=%zu ms=%lld",
               loaded.agents, loaded.types, loaded.cells, loaded.open_tasks,
               (long long)(vc_mono_now().ms - began.ms));
    return rc;
}

/* Of the server that was named, or of one that is started for us. */
static enum vc_rc open_nats(struct vc_service *s, const char **url)
{
    if (s->conf->nats_url) {
        *url = s->conf->nats_url;
        return VC_OK;
    }
    struct vc_nats_child_conf conf = {.data_dir = s->conf->data_dir,
                                      .port = s->conf->nats_port,
                                      .password = s->conf->nats_password};
    enum vc_rc rc = vc_nats_child_start(&conf, &s->loop, on_nats_exit, s, &s->nats, s->err);
    if (rc == VC_OK)
        *url = vc_nats_child_url(s->nats);
    return rc;
}

/* Where everybody else finds the URL; the child has written that of its own server. */
static enum vc_rc publish_url(struct vc_service *s)
{
    if (!s->conf->nats_url)
        return VC_OK;
    VC_AUTO_BUF struct vc_buf path = {0};
    vc_buf_printf(&path, "%s/nats.url", s->conf->data_dir);
    return vc_data_file_write(path.text, s->conf->nats_url, s->err);
}

static enum vc_rc open_bus(struct vc_service *s, const char *url)
{
    struct vc_bus_conf conf = {
        .url = url,
        .prefix = PREFIX,
        .version = VC_VERSION,
        .endpoints = vc_api_verbs,
        .ack_wait_ms = 30 * VC_SECOND_MS,
        .stream_max_bytes = VC_STREAM_BYTES,
        .wake = wake,
        .wake_ctx = s,
    };
    return vc_bus_open(&conf, &s->batch->bus, s->err);
}

static enum vc_rc open_part(struct vc_service *s)
{
    const struct vc_service_part *part = &s->conf->part;
    enum vc_rc rc = part->open ? part->open(part->ctx, s, &s->loop, s->err) : VC_OK;
    s->part_open = part->open && rc == VC_OK;
    return rc;
}

static enum vc_rc start(struct vc_service *s)
{
    const char *url = NULL;
    enum vc_rc rc = open_store(s);
    if (rc == VC_OK)
        rc = open_core(s);
    if (rc == VC_OK)
        rc = open_nats(s, &url);
    if (rc == VC_OK)
        rc = open_bus(s, url);
    if (rc == VC_OK)
        rc = publish_url(s);
    if (rc != VC_OK)
        return rc;
    vc_kg_patience(s->kg, STORE_PATIENCE_MS);
    s->batch->kg = s->kg;
    s->batch->conf = &s->core_conf;
    s->batch->prefix = PREFIX;
    s->batch->version = VC_VERSION;
    s->batch->started = vc_mono_now();
    s->pulling = true;
    uv_signal_start(&s->term, on_signal, SIGTERM);
    uv_signal_start(&s->interrupt, on_signal, SIGINT);
    rc = open_part(s);
    if (rc != VC_OK)
        return rc;
    vc_log(VC_LOG_INFO, "service.started", "version=%s data_dir=%s nats=%s", VC_VERSION,
           s->conf->data_dir, s->nats ? "embedded" : "external");
    return VC_OK;
}

void vc_service_look(const struct vc_service *s, struct vc_snapshot *out)
{
    struct vc_bus_status bus;
    vc_bus_status(s->batch->bus, &bus);
    const struct vc_relay *relay = &s->batch->relay;
    bool stalled = bus.ready && relay->problem[0];
    *out = (struct vc_snapshot){
        .version = VC_VERSION,
        .stats = vc_core_stats(s->batch->core, vc_mono_now()),
        .counters = s->batch->counters,
        .nats_connected = bus.connected,
        .nats_ready = bus.ready && !stalled,
        .nats_reconnects = bus.reconnects,
        .heartbeats_dropped = bus.dropped,
        .inbound_waiting = bus.queue_len,
        .events_sent = relay->sent,
        .events_refused = relay->refused,
    };
    vc_copy(out->nats_server, sizeof out->nats_server, bus.server_version);
    vc_copy(out->nats_problem, sizeof out->nats_problem, stalled ? relay->problem : bus.problem);
    out->draining = s->draining;
    vc_copy(out->disk_problem, sizeof out->disk_problem, s->batch->no_room);
    vc_copy(out->store_problem, sizeof out->store_problem, s->store_problem);
}

/* -- stop ------------------------------------------------------------------------------------ */

static void close_handle(uv_handle_t *handle, void *ctx)
{
    (void)ctx;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* In the reverse order of the start: first nobody may wake a loop that is going. */
static void close_all(struct vc_service *s)
{
    if (s->part_open)
        s->conf->part.close(s->conf->part.ctx);
    vc_bus_close(&s->batch->bus);
    vc_nats_child_stop(&s->nats);
    vc_batch_fini(s->batch);
    vc_core_destroy(&s->batch->core);
    vc_kg_close(&s->kg);
    uv_run(&s->loop, UV_RUN_NOWAIT);
    uv_walk(&s->loop, close_handle, NULL);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    uv_loop_close(&s->loop);
    if (s->lock >= 0)
        close(s->lock);
    free(s->batch);
}

enum vc_rc vc_service_run(const struct vc_service_conf *conf, struct vc_err *err)
{
    struct vc_service s = {.conf = conf, .core_conf = conf->core, .lock = -1, .err = err};
    /* A peer that hangs up is an error of that write, not the end of the process. */
    signal(SIGPIPE, SIG_IGN);
    /* A file that may not grow is waited for, as a full disk is. */
    signal(SIGXFSZ, SIG_IGN);
    s.batch = vc_xcalloc(1, sizeof *s.batch);
    open_loop(&s);
    s.rc = start(&s);
    if (s.rc == VC_OK) {
        work(&s);
        uv_run(&s.loop, UV_RUN_DEFAULT);
    }
    close_all(&s);
    return s.rc;
}
