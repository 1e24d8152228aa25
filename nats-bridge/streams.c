/* The streams and consumers: created when absent, compared when present, never changed. */
#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
#include "nats-bridge/bus_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_IN_MS            INT64_C(1000000)
#define MAILBOX_AGE_NS      (72 * VC_HOUR_MS * NS_IN_MS)
#define EVENTS_AGE_NS       (7 * VC_DAY_MS * NS_IN_MS)
#define DEAD_AGE_NS         (30 * VC_DAY_MS * NS_IN_MS)
#define DUPLICATE_WINDOW_NS (10 * VC_MINUTE_MS * NS_IN_MS)
#define HEADROOM            4096 /* the server's limit counts the headers too */
#define MAX_ACK_PENDING     20000
#define DEAD_SHARE          8 /* dead letters get this part of the other streams' bytes */

enum { NOT_FOUND_STREAM = 10059, NOT_FOUND_CONSUMER = 10014 };

/* What must be as we want it, and what is only worth telling. */
enum weight { TELL, ESSENTIAL, MAILBOX_ONLY /* essential for the two mailboxes */ };

struct rule {
    const char *field;
    enum weight weight;
    bool ns;
};

static const struct rule stream_rules[] = {
    {"subjects", ESSENTIAL, false},
    {"retention", ESSENTIAL, false},
    {"storage", ESSENTIAL, false},
    {"discard", MAILBOX_ONLY, false},
    {"max_msgs_per_subject", MAILBOX_ONLY, false},
    {"max_msgs", TELL, false},
    {"max_age", TELL, true},
    {"max_bytes", TELL, false},
    {"max_msg_size", TELL, false},
    {"duplicate_window", TELL, true},
    {NULL, TELL, false},
};

static const struct rule consumer_rules[] = {
    {"ack_policy", ESSENTIAL, false},
    {"deliver_subject", ESSENTIAL, false},
    {"filter_subject", ESSENTIAL, false},
    {"max_deliver", ESSENTIAL, false},
    {"ack_wait", TELL, true},
    {"max_ack_pending", TELL, false},
    {NULL, TELL, false},
};

json_t *vc_stream_config(const char *prefix, int64_t max_bytes, enum vc_stream stream,
                         const char *name)
{
    static const int64_t ages[VC_STREAM_COUNT] = {MAILBOX_AGE_NS, MAILBOX_AGE_NS, EVENTS_AGE_NS,
                                                  DEAD_AGE_NS};
    char subjects[VC_SUBJECT_MAX];
    vc_stream_subjects(subjects, prefix, stream);
    bool mailbox = stream == VC_STREAM_TASKS || stream == VC_STREAM_RESULTS;
    int64_t bytes = max_bytes / (stream == VC_STREAM_DEAD ? DEAD_SHARE : 1);
    json_t *config =
        json_pack("{s:s, s:[s], s:s, s:s, s:s, s:i, s:i, s:i, s:I, s:I, s:i, s:I, s:i}", "name",
                  name, "subjects", subjects, "retention", "limits", "storage", "file", "discard",
                  mailbox ? "new" : "old", "max_consumers", -1, "max_msgs", -1,
                  "max_msgs_per_subject", -1, "max_age", (json_int_t)ages[stream], "max_bytes",
                  (json_int_t)bytes, "max_msg_size", mailbox ? VC_BODY_MAX + HEADROOM : -1,
                  "duplicate_window", (json_int_t)DUPLICATE_WINDOW_NS, "num_replicas", 1);
    VC_CHECK(config);
    return config;
}

/* It starts behind what is committed, so that it can be made anew at any time. */
static json_t *consumer_config(const struct vc_bus *bus, uint64_t floor)
{
    json_int_t ack_wait_ns = bus->ack_wait_ms * NS_IN_MS;
    json_t *config =
        json_pack("{s:s, s:s, s:I, s:s, s:s, s:I, s:i, s:i}", "durable_name", VC_DURABLE,
                  "deliver_policy", "by_start_sequence", "opt_start_seq", (json_int_t)floor + 1,
                  "ack_policy", "explicit", "replay_policy", "instant", "ack_wait", ack_wait_ns,
                  "max_deliver", -1, "max_ack_pending", MAX_ACK_PENDING);
    VC_CHECK(config);
    return config;
}

/* One exchange with the server's JetStream API; NULL and @problem without an answer. */
static json_t *call(natsConnection *nc, const struct vc_bus *bus, const char *subject,
                    const json_t *request, char problem[256])
{
    VC_AUTO_FREE char *body = request ? json_dumps(request, JSON_COMPACT) : NULL;
    natsMsg *msg = NULL;
    natsStatus s = natsConnection_Request(&msg, nc, subject, body ? body : "",
                                          body ? (int)strlen(body) : 0, VC_LINK_TIMEOUT_MS);
    json_t *answer = NULL;
    if (s == NATS_OK)
        answer = json_loadb(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg), 0, NULL);
    natsMsg_Destroy(msg);
    if (answer)
        return answer;
    if (s == NATS_NO_RESPONDERS)
        snprintf(problem, 256,
                 "JetStream does not answer at %.120s: start nats-server with -js or a "
                 "jetstream {} block",
                 bus->server.shown);
    else
        snprintf(problem, 256, "asking %.120s at %.80s: %s", subject, bus->server.shown,
                 s == NATS_OK ? "the answer is not JSON" : natsStatus_GetText(s));
    return NULL;
}

static int err_code(const json_t *answer)
{
    return (int)json_integer_value(json_object_get(json_object_get(answer, "error"), "err_code"));
}

static void value_text(const json_t *value, bool ns, char *out, size_t cap)
{
    if (ns && json_is_integer(value)) {
        snprintf(out, cap, "%" PRId64 " ms", (int64_t)json_integer_value(value) / NS_IN_MS);
        return;
    }
    VC_AUTO_FREE char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    snprintf(out, cap, "%.80s", text ? text : "nothing");
}

static bool same(const json_t *have, const json_t *want)
{
    const char *text = json_string_value(have);
    if (!want)
        return !have || (text && !*text);
    return have && json_equal(have, want);
}

static void tell(const char *what, const struct rule *rule, const char *have, const char *want,
                 char drift[512])
{
    size_t len = strlen(drift);
    snprintf(drift + len, 512 - len, "%s%s %s is %s, not %s", len ? "; " : "", what, rule->field,
             have, want);
}

/* Compare what the server says (@have) with what we asked for. */
static bool compare(const char *what, const struct rule *rules, bool mailbox, const json_t *have,
                    const json_t *want, char problem[256], char drift[512])
{
    for (const struct rule *rule = rules; rule->field; rule++) {
        const json_t *h = json_object_get(have, rule->field);
        const json_t *w = json_object_get(want, rule->field);
        if (same(h, w))
            continue;
        char have_text[96], want_text[96];
        value_text(h, rule->ns, have_text, sizeof have_text);
        value_text(w, rule->ns, want_text, sizeof want_text);
        if (rule->weight == TELL || (rule->weight == MAILBOX_ONLY && !mailbox)) {
            tell(what, rule, have_text, want_text, drift);
            continue;
        }
        snprintf(problem, 256,
                 "%s: %s is %s but must be %s; change it, delete it, or use another subject prefix",
                 what, rule->field, have_text, want_text);
        return false;
    }
    return true;
}

bool vc_stream_compare(const char *what, bool mailbox, const json_t *have, const json_t *want,
                       char problem[256], char drift[512])
{
    return compare(what, stream_rules, mailbox, have, want, problem, drift);
}

struct thing {
    const char *what;          /* "stream VAPORA_TASKS" */
    const char *info, *create; /* API subjects */
    int absent;                /* err_code of "not there" */
    const json_t *config, *create_request;
    const struct rule *rules;
    bool mailbox;
    struct vc_mailbox *consumed; /* by this consumer; NULL for a stream */
    struct vc_mailbox *stored;   /* in this stream; NULL for a consumer, and for the outbox' */
    uint64_t *end;               /* the last sequence: of the stream, or delivered by a consumer */
};

static void note_absent(struct vc_bus *bus, const struct thing *thing)
{
    if (thing->consumed && vc_mailbox_anew(thing->consumed))
        return; /* it was we who took it away */
    vc_bus_vanished(bus, thing->what);
}

static void take_bounds(struct vc_mailbox *mailbox, const json_t *state)
{
    vc_mailbox_bounds(mailbox, (uint64_t)json_integer_value(json_object_get(state, "first_seq")),
                      (uint64_t)json_integer_value(json_object_get(state, "last_seq")));
}

static bool ensure(struct vc_bus *bus, natsConnection *nc, const struct thing *thing,
                   char problem[256], char drift[512])
{
    json_t *answer = call(nc, bus, thing->info, NULL, problem);
    if (answer && err_code(answer) == thing->absent) {
        json_decref(answer);
        note_absent(bus, thing);
        answer = call(nc, bus, thing->create, thing->create_request, problem);
    }
    if (!answer)
        return false;
    const json_t *error = json_object_get(answer, "error");
    const char *said = json_string_value(json_object_get(error, "description"));
    bool ok = !error && compare(thing->what, thing->rules, thing->mailbox,
                                json_object_get(answer, "config"), thing->config, problem, drift);
    if (error)
        snprintf(problem, 256, "%s cannot be had from %.80s: %.120s", thing->what,
                 bus->server.shown, said ? said : "refused without a reason");
    const json_t *state = json_object_get(answer, "state");
    if (ok && thing->stored)
        take_bounds(thing->stored, state);
    const json_t *delivered = json_object_get(answer, "delivered");
    if (ok)
        *thing->end =
            (uint64_t)json_integer_value(thing->consumed ? json_object_get(delivered, "stream_seq")
                                                         : json_object_get(state, "last_seq"));
    json_decref(answer);
    return ok;
}

static bool ensure_stream(struct vc_bus *bus, natsConnection *nc, enum vc_stream stream,
                          char problem[256], char drift[512])
{
    char name[VC_SUBJECT_MAX], what[64], info[VC_SUBJECT_MAX + 32], create[VC_SUBJECT_MAX + 32];
    vc_stream_name(name, bus->prefix, stream);
    snprintf(what, sizeof what, "stream %.50s", name);
    snprintf(info, sizeof info, "$JS.API.STREAM.INFO.%s", name);
    snprintf(create, sizeof create, "$JS.API.STREAM.CREATE.%s", name);
    json_t *config = vc_stream_config(bus->prefix, bus->stream_max_bytes, stream, name);
    struct vc_mailbox *stored = NULL;
    for (size_t i = 0; i < VC_MAILBOXES; i++)
        if (bus->mailboxes[i].stream == stream)
            stored = &bus->mailboxes[i];
    struct thing thing = {
        what,           info, create, NOT_FOUND_STREAM,  config, config, stream_rules,
        stored != NULL, NULL, stored, &bus->ends[stream]};
    bool ok = ensure(bus, nc, &thing, problem, drift);
    json_decref(config);
    return ok;
}

/* A consumer of a former connection may believe that messages were acknowledged which nobody got:
 * it is not asked. What it might know better, the store knows best. */
static bool drop_consumer(struct vc_bus *bus, natsConnection *nc, const struct vc_mailbox *mailbox,
                          char problem[256])
{
    char subject[VC_SUBJECT_MAX + 64];
    snprintf(subject, sizeof subject, "$JS.API.CONSUMER.DELETE.%s." VC_DURABLE, mailbox->name);
    json_t *answer = call(nc, bus, subject, NULL, problem);
    bool gone =
        json_is_true(json_object_get(answer, "success")) || err_code(answer) == NOT_FOUND_CONSUMER;
    if (answer && !gone)
        snprintf(problem, 256, "consumer " VC_DURABLE " of %.50s cannot be made anew at %.80s",
                 mailbox->name, bus->server.shown);
    json_decref(answer);
    return gone;
}

/* Make or compare the consumer; @delivered gets how far it believes to be. */
static bool have_consumer(struct vc_bus *bus, natsConnection *nc, struct vc_mailbox *mailbox,
                          uint64_t *delivered, char problem[256], char drift[512])
{
    char what[96], info[VC_SUBJECT_MAX + 64], create[VC_SUBJECT_MAX + 64];
    snprintf(what, sizeof what, "consumer " VC_DURABLE " of %.50s", mailbox->name);
    snprintf(info, sizeof info, "$JS.API.CONSUMER.INFO.%s." VC_DURABLE, mailbox->name);
    snprintf(create, sizeof create, "$JS.API.CONSUMER.DURABLE.CREATE.%s." VC_DURABLE,
             mailbox->name);
    json_t *config = consumer_config(bus, vc_mailbox_floor(mailbox));
    json_t *request = json_pack("{s:s, s:O}", "stream_name", mailbox->name, "config", config);
    VC_CHECK(request);
    struct thing thing = {what,    info,    create,         NOT_FOUND_CONSUMER,
                          config,  request, consumer_rules, true,
                          mailbox, NULL,    delivered};
    bool ok = ensure(bus, nc, &thing, problem, drift);
    json_decref(request);
    json_decref(config);
    return ok;
}

/* After a power cut a server may have lost a consumer but not its state, which a new one of the
 * name then takes for its own, and skips what was never delivered. Deleting that one takes the
 * state with it. */
static bool ensure_consumer(struct vc_bus *bus, natsConnection *nc, struct vc_mailbox *mailbox,
                            char problem[256], char drift[512])
{
    uint64_t delivered = 0;
    if (!vc_mailbox_anew(mailbox))
        return have_consumer(bus, nc, mailbox, &delivered, problem, drift);
    for (int tries = 0; tries < 2; tries++) {
        if (!drop_consumer(bus, nc, mailbox, problem) ||
            !have_consumer(bus, nc, mailbox, &delivered, problem, drift))
            return false;
        if (delivered <= vc_mailbox_floor(mailbox)) {
            vc_mailbox_made(mailbox);
            return true;
        }
    }
    snprintf(problem, 256,
             "a new consumer " VC_DURABLE " of %.50s believes to have delivered %" PRIu64
             " messages; delete the stream's folder at the server, or the stream",
             mailbox->name, delivered);
    return false;
}

bool vc_streams_ensure(struct vc_bus *bus, natsConnection *nc, char problem[256], char drift[512])
{
    problem[0] = drift[0] = '\0';
    for (int i = 0; i < VC_STREAM_COUNT; i++)
        if (!ensure_stream(bus, nc, (enum vc_stream)i, problem, drift))
            return false;
    for (size_t i = 0; i < VC_MAILBOXES; i++)
        if (!ensure_consumer(bus, nc, &bus->mailboxes[i], problem, drift))
            return false;
    return true;
}

void vc_streams_purge(natsConnection *nc, struct vc_mailbox *mailbox)
{
    char subject[VC_SUBJECT_MAX + 64], problem[256];
    uint64_t upto = vc_mailbox_floor(mailbox);
    if (upto == mailbox->purged)
        return;
    snprintf(subject, sizeof subject, "$JS.API.STREAM.PURGE.%s", mailbox->name);
    json_t *request = json_pack("{s:I}", "seq", (json_int_t)upto + 1); /* the first to keep */
    json_t *answer = call(nc, mailbox->bus, subject, request, problem);
    if (json_is_true(json_object_get(answer, "success")))
        mailbox->purged = upto;
    json_decref(answer);
    json_decref(request);
}
