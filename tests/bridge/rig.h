/* rig.h - a server, a bus and a client for one test, and how to wait for what they do. */
#ifndef VC_TESTS_BRIDGE_RIG_H
#define VC_TESTS_BRIDGE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "nats-bridge/bus.h"
#include "nats-bridge/client.h"
#include "tests/support/nats_server.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LIMIT_MS 20000 /* for anything that must happen */
#define QUIET_MS 1200  /* for anything that must not */

static const char *const verbs[] = {"task.submit", "task.get", "agent.register", "stats.get", NULL};

struct rig {
    struct nats_server *server;
    struct vc_bus *bus;
    struct vc_client *client;
    int event; /* readable when the bus called wake */
    int64_t ack_wait_ms, max_bytes;
};

static inline void wake(void *ctx)
{
    struct rig *rig = ctx;
    uint64_t one = 1;
    assert_int_equal(write(rig->event, &one, sizeof one), sizeof one);
}

static inline void open_bus(struct rig *rig, const char *url)
{
    struct vc_bus_conf conf = {
        .url = url,
        .prefix = "vapora",
        .version = "0.1.0",
        .endpoints = verbs,
        .ack_wait_ms = rig->ack_wait_ms,
        .stream_max_bytes = rig->max_bytes,
        .wake = wake,
        .wake_ctx = rig,
    };
    struct vc_err err = {0};
    if (vc_bus_open(&conf, &rig->bus, &err) != VC_OK)
        fail_msg("%s", err.text);
}

static inline void open_client(struct rig *rig)
{
    struct vc_err err = {0};
    if (vc_client_open(rig->server->url, "test", 5000, &rig->client, &err) != VC_OK)
        fail_msg("%s", err.text);
}

static inline int setup(void **state)
{
    struct rig *rig = vc_xcalloc(1, sizeof *rig);
    rig->server = nats_server_new();
    rig->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    rig->ack_wait_ms = 30000;
    rig->max_bytes = 64 << 20;
    *state = rig;
    return 0;
}

static inline int teardown(void **state)
{
    struct rig *rig = *state;
    vc_client_close(&rig->client);
    vc_bus_close(&rig->bus);
    nats_server_free(&rig->server);
    close(rig->event);
    free(rig);
    return 0;
}

/* Wait for the bus to call wake, at most until @until. */
static inline void await_wake(struct rig *rig, int64_t until)
{
    int64_t left = until - vc_mono_now().ms;
    struct pollfd waiting = {.fd = rig->event, .events = POLLIN};
    uint64_t count;
    if (left > 0 && poll(&waiting, 1, (int)left) == 1)
        assert_int_equal(read(rig->event, &count, sizeof count), sizeof count);
}

/* The next message of @kind within @ms, NULL when none comes. News of the link are passed over. */
static inline struct vc_inbound *next_within(struct rig *rig, enum vc_in_kind kind, int64_t ms)
{
    int64_t until = vc_mono_now().ms + ms;
    for (;;) {
        struct vc_inbound *in = NULL;
        if (vc_bus_take(rig->bus, &in, 1) == 1) {
            if (in->kind == kind)
                return in;
            if (in->kind != VC_IN_LINK)
                fail_msg("kind %d arrived, %d was expected", in->kind, kind);
            vc_inbound_destroy(&in);
            continue;
        }
        if (vc_mono_now().ms >= until)
            return NULL;
        await_wake(rig, until);
    }
}

static inline struct vc_inbound *next(struct rig *rig, enum vc_in_kind kind)
{
    struct vc_inbound *in = next_within(rig, kind, LIMIT_MS);
    if (!in) {
        struct vc_bus_status status;
        vc_bus_status(rig->bus, &status);
        fail_msg("nothing of kind %d arrived; problem: %s", kind, status.problem);
    }
    return in;
}

static inline void await_link(struct rig *rig, bool up)
{
    for (;;) {
        struct vc_inbound *in = next(rig, VC_IN_LINK);
        bool is = in->link.up;
        vc_inbound_destroy(&in);
        if (is == up)
            return;
    }
}

static inline void await_problem(struct rig *rig, const char *part)
{
    struct vc_bus_status status;
    int64_t until = vc_mono_now().ms + LIMIT_MS;
    for (;;) {
        vc_bus_status(rig->bus, &status);
        if (strstr(status.problem, part) && !status.ready)
            return;
        if (vc_mono_now().ms > until)
            fail_msg("problem never said \"%s\" but: %s", part, status.problem);
        usleep(20000);
    }
}

static inline void start(struct rig *rig)
{
    nats_server_start(rig->server);
    open_bus(rig, rig->server->url);
    await_link(rig, true);
    open_client(rig);
}

/* Ask the server or the bus something; the answer is the caller's. */
static inline json_t *ask(struct rig *rig, const char *subject, const char *request,
                          enum vc_rc expected)
{
    struct vc_err err = {0};
    json_t *body = json_loads(request, 0, NULL), *reply = NULL;
    enum vc_rc rc = vc_client_request(rig->client, subject, body, 5000, &reply, &err);
    json_decref(body);
    if (rc != expected)
        fail_msg("%s: %s", subject, err.text);
    return reply;
}

static inline int64_t stream_number(struct rig *rig, const char *stream, const char *field)
{
    char subject[128];
    snprintf(subject, sizeof subject, "$JS.API.STREAM.INFO.%s", stream);
    json_t *info = ask(rig, subject, "{}", VC_OK);
    int64_t number = json_integer_value(json_object_get(json_object_get(info, "state"), field));
    json_decref(info);
    return number;
}

static inline void store(struct rig *rig, const char *subject, const char *id, const char *body)
{
    struct vc_err err = {0};
    if (vc_client_publish_stored(rig->client, subject, id, body, strlen(body), 5000, &err) != VC_OK)
        fail_msg("%s", err.text);
}

static inline void commit(struct rig *rig, struct vc_inbound **in)
{
    assert_true(vc_bus_ack(rig->bus, *in));
    vc_inbound_destroy(in);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
