/* The NATS service API (nats-architecture-and-design ADR-32), answered on the library's threads:
 * $SRV.{PING,INFO,STATS}[.vapora-coord[.<id>]]. */
#include "base/check.h"
#include "base/time.h"
#include "nats-bridge/bus_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DESCRIPTION "Coordinates fleets of agents and learns who should get the next task"
#define PROTOCOL    "1.0"
#define NS_IN_US    1000

/* The part of the inbox that the library made unique. */
static const char *service_id(const struct vc_bus *bus)
{
    const char *dot = strrchr(bus->inbox, '.');
    return dot ? dot + 1 : bus->inbox;
}

/* A service's endpoint name may not hold a dot. */
static json_t *endpoint_base(const struct vc_bus *bus, const struct vc_endpoint *endpoint)
{
    char name[VC_VERB_MAX], subject[VC_SUBJECT_MAX];
    snprintf(name, sizeof name, "%s", endpoint->verb);
    for (char *c = name; *c; c++)
        if (*c == '.')
            *c = '-';
    vc_subject_api(subject, bus->prefix, endpoint->verb);
    return json_pack("{s:s, s:s, s:s}", "name", name, "subject", subject, "queue_group",
                     VC_SERVICE_NAME);
}

static json_t *info_endpoint(const struct vc_bus *bus, const struct vc_endpoint *endpoint)
{
    json_t *out = endpoint_base(bus, endpoint);
    json_object_set_new(out, "metadata", json_object());
    return out;
}

static json_t *stats_endpoint(const struct vc_bus *bus, const struct vc_endpoint *endpoint)
{
    json_t *out = endpoint_base(bus, endpoint);
    int64_t ns = endpoint->took_us * NS_IN_US;
    int64_t each = endpoint->requests ? ns / (int64_t)endpoint->requests : 0;
    json_object_set_new(out, "num_requests", json_integer((json_int_t)endpoint->requests));
    json_object_set_new(out, "num_errors", json_integer((json_int_t)endpoint->errors));
    json_object_set_new(out, "last_error", json_string(""));
    json_object_set_new(out, "processing_time", json_integer(ns));
    json_object_set_new(out, "average_processing_time", json_integer(each));
    return out;
}

static void add_endpoints(struct vc_bus *bus, json_t *out,
                          json_t *(*describe)(const struct vc_bus *, const struct vc_endpoint *))
{
    json_t *list = json_array();
    pthread_mutex_lock(&bus->lock);
    for (size_t i = 0; i < bus->endpoints_n; i++)
        json_array_append_new(list, describe(bus, &bus->endpoints[i]));
    pthread_mutex_unlock(&bus->lock);
    json_object_set_new(out, "endpoints", list);
}

static void add_ping(struct vc_bus *bus, json_t *out)
{
    (void)bus;
    (void)out;
}

static void add_info(struct vc_bus *bus, json_t *out)
{
    json_object_set_new(out, "description", json_string(DESCRIPTION));
    add_endpoints(bus, out, info_endpoint);
}

static void add_stats(struct vc_bus *bus, json_t *out)
{
    char started[VC_WALL_TEXT];
    vc_wall_format((struct vc_wall){bus->started_ms}, started);
    json_object_set_new(out, "started", json_string(started));
    add_endpoints(bus, out, stats_endpoint);
}

static const struct {
    const char *word, *type;
    void (*add)(struct vc_bus *bus, json_t *out);
} verbs[] = {
    {"PING", "io.nats.micro.v1.ping_response", add_ping},
    {"INFO", "io.nats.micro.v1.info_response", add_info},
    {"STATS", "io.nats.micro.v1.stats_response", add_stats},
};

#define VERBS (sizeof verbs / sizeof *verbs)

static void answer(struct vc_bus *bus, size_t verb, const char *reply)
{
    json_t *out = json_pack("{s:s, s:s, s:s, s:s, s:{s:s}}", "type", verbs[verb].type, "name",
                            VC_SERVICE_NAME, "id", service_id(bus), "version", bus->version,
                            "metadata", "protocol", PROTOCOL);
    VC_CHECK(out);
    verbs[verb].add(bus, out);
    char *body = json_dumps(out, JSON_COMPACT);
    VC_CHECK(body);
    vc_bus_send(bus, reply, NULL, body, strlen(body));
    free(body);
    json_decref(out);
}

static void on_service(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *ctx)
{
    (void)nc;
    (void)sub;
    const char *word = natsMsg_GetSubject(msg) + strlen("$SRV.");
    size_t len = strcspn(word, ".");
    const char *reply = natsMsg_GetReply(msg);
    bool answerable = reply && vc_subject_answerable(reply, ((struct vc_bus *)ctx)->prefix);
    for (size_t i = 0; i < VERBS && answerable; i++)
        if (strlen(verbs[i].word) == len && strncmp(verbs[i].word, word, len) == 0)
            answer(ctx, i, reply);
    natsMsg_Destroy(msg);
}

bool vc_service_api_subscribe(struct vc_bus *bus)
{
    for (size_t i = 0; i < VERBS; i++) {
        char all[VC_SUBJECT_MAX], named[VC_SUBJECT_MAX], one[VC_SUBJECT_MAX];
        snprintf(all, sizeof all, "$SRV.%s", verbs[i].word);
        snprintf(named, sizeof named, "$SRV.%s." VC_SERVICE_NAME, verbs[i].word);
        snprintf(one, sizeof one, "$SRV.%s." VC_SERVICE_NAME ".%s", verbs[i].word, service_id(bus));
        if (!vc_bus_subscribe(bus, all, NULL, on_service, bus) ||
            !vc_bus_subscribe(bus, named, NULL, on_service, bus) ||
            !vc_bus_subscribe(bus, one, NULL, on_service, bus))
            return false;
    }
    return true;
}
