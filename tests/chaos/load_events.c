#include "tests/chaos/load.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PULSE_MS   1000 /* an idle consumer says this often that it is there */
#define SILENCE_MS 3000
#define RETRY_MS   200
#define ASK_MS     2000

#define NS_PER_MS INT64_C(1000000)

struct stream {
    struct load_events *events;
    const char *name;
    /* For all consumers of the stream: the library crashes when a message arrives for a
     * subscription that is being ended. */
    natsSubscription *sub;
    char inbox[80];
    char consumer[40];
    uint64_t last; /* sequence number in the stream of the last message taken */
    bool first;    /* nothing has come from this consumer yet */
    unsigned renewals;
    int64_t silent_at, retry_at;
};

struct load_events {
    struct load_link *link;
    load_ended_fn *ended;
    void *ctx;
    int log;
    pthread_mutex_t lock;
    struct stream streams[2];
    char *seen; /* by number of the coordinator's message */
    size_t seen_cap;
    uint64_t seen_n;
    unsigned consumers;
};

static int64_t now_ms(void)
{
    return vc_mono_now().ms;
}

/* Whether the coordinator's message @number is new to us. */
static bool mark(struct load_events *events, uint64_t number)
{
    if (number >= events->seen_cap) {
        size_t cap = number * 2;
        events->seen = vc_xrealloc(events->seen, cap, 1);
        memset(events->seen + events->seen_cap, 0, cap - events->seen_cap);
        events->seen_cap = cap;
    }
    bool new = !events->seen[number];
    events->seen[number] = 1;
    events->seen_n += new;
    return new;
}

static bool is_end(const char *name)
{
    static const char *const ends[] = {"completed", "failed", "canceled",
                                       "expired",   "dead",   "rejected"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (strcmp(ends[i], name) == 0)
            return true;
    return false;
}

static void take_task_events(struct load_events *events, const char *name, uint64_t number,
                             natsMsg *msg)
{
    json_t *body = load_body(msg), *event;
    size_t i;
    json_array_foreach(json_object_get(body, "events"), i, event)
    {
        const char *task_id = json_string_value(json_object_get(event, "task_id"));
        load_note(events->log, "event %" PRIu64 " %s %s %" JSON_INTEGER_FORMAT, number, name,
                  task_id, json_integer_value(json_object_get(event, "epoch")));
        if (is_end(name))
            events->ended(events->ctx, task_id);
    }
    json_decref(body);
}

static void take(struct load_events *events, natsMsg *msg)
{
    static const char task[] = "vapora.event.task.";
    const char *id = NULL, *subject = natsMsg_GetSubject(msg);
    const char *colon =
        natsMsgHeader_Get(msg, "Nats-Msg-Id", &id) == NATS_OK && id ? strchr(id, ':') : NULL;
    if (!colon) {
        load_note(events->log, "nameless %s", subject);
        return;
    }
    uint64_t number = strtoull(colon + 1, NULL, 10);
    load_note(events->log, "message %" PRIu64 " %.*s %s", number, (int)(colon - id), id, subject);
    if (mark(events, number) && strncmp(subject, task, sizeof task - 1) == 0)
        take_task_events(events, subject + sizeof task - 1, number, msg);
}

/* "$JS.ACK.<stream>.<consumer>.<deliveries>.<number in the stream>...": the number when @msg is of
 * the newest consumer, 0 else. */
static uint64_t sequence_of(const struct stream *stream, natsMsg *msg)
{
    char head[128];
    int len = snprintf(head, sizeof head, "$JS.ACK.%s.%s.", stream->name, stream->consumer);
    const char *reply = natsMsg_GetReply(msg);
    if (!reply || strncmp(reply, head, (size_t)len) != 0)
        return 0;
    const char *dot = strchr(reply + len, '.');
    return dot ? strtoull(dot + 1, NULL, 10) : 0;
}

static void on_message(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *ctx)
{
    (void)nc;
    (void)sub;
    struct stream *stream = ctx;
    struct load_events *events = stream->events;
    pthread_mutex_lock(&events->lock);
    uint64_t seq = sequence_of(stream, msg);
    if (seq > 0 || vc_msg_status(msg))
        stream->silent_at = now_ms() + SILENCE_MS;
    /* What was passed over comes again from a new consumer. What that one passes over too has left
     * the stream. */
    if (seq > stream->last + 1 && !stream->first) {
        stream->silent_at = 0;
    } else if (seq > stream->last) {
        stream->last = seq;
        stream->first = false;
        take(events, msg);
    }
    pthread_mutex_unlock(&events->lock);
    natsMsg_Destroy(msg);
}

/* The answer to a request to @verb a consumer; NULL when there is none. */
static json_t *call(struct stream *stream, const char *verb, const json_t *request)
{
    char subject[160];
    snprintf(subject, sizeof subject, "$JS.API.CONSUMER.%s.%s.%s", verb, stream->name,
             stream->consumer);
    char *body = json_dumps(request, JSON_COMPACT);
    natsMsg *answer = NULL;
    natsConnection_RequestString(&answer, stream->events->link->nc, subject, body, ASK_MS);
    free(body);
    json_t *said = answer ? load_body(answer) : NULL;
    natsMsg_Destroy(answer);
    return said;
}

/* A new consumer of @stream that begins behind the last message taken. */
static bool ask(struct stream *stream, uint64_t last)
{
    json_t *request =
        json_pack("{s:s, s:{s:s, s:s, s:s, s:I, s:s, s:I}}", "stream_name", stream->name, "config",
                  "name", stream->consumer, "deliver_subject", stream->inbox, "deliver_policy",
                  "by_start_sequence", "opt_start_seq", (json_int_t)last + 1, "ack_policy", "none",
                  "idle_heartbeat", (json_int_t)(PULSE_MS * NS_PER_MS));
    json_t *said = call(stream, "CREATE", request);
    json_decref(request);
    bool made = said && json_object_get(said, "name") && !json_object_get(said, "error");
    json_decref(said);
    return made;
}

static void renew(struct stream *stream)
{
    struct load_events *events = stream->events;
    json_t *nothing = json_object();
    json_decref(stream->consumer[0] ? call(stream, "DELETE", nothing) : NULL);
    json_decref(nothing);
    pthread_mutex_lock(&events->lock);
    snprintf(stream->consumer, sizeof stream->consumer, "load-%u", ++events->consumers);
    uint64_t last = stream->last;
    stream->first = true;
    stream->silent_at = INT64_MAX;
    stream->renewals = events->link->renewals;
    pthread_mutex_unlock(&events->lock);
    bool made = ask(stream, last);
    pthread_mutex_lock(&events->lock);
    stream->retry_at = now_ms() + RETRY_MS;
    if (!made)
        stream->silent_at = 0;
    else if (stream->silent_at == INT64_MAX)
        stream->silent_at = now_ms() + SILENCE_MS;
    pthread_mutex_unlock(&events->lock);
}

void load_events_tend(struct load_events *events)
{
    for (size_t i = 0; i < sizeof events->streams / sizeof *events->streams; i++) {
        struct stream *stream = &events->streams[i];
        int64_t now = now_ms();
        pthread_mutex_lock(&events->lock);
        bool lost = stream->silent_at <= now || stream->renewals != events->link->renewals;
        bool due = lost && stream->retry_at <= now;
        pthread_mutex_unlock(&events->lock);
        if (due)
            renew(stream);
    }
}

struct load_events *load_events_open(struct load_link *link, const char *dir, load_ended_fn *ended,
                                     void *ctx)
{
    struct load_events *events = vc_xcalloc(1, sizeof *events);
    *events = (struct load_events){.link = link,
                                   .ended = ended,
                                   .ctx = ctx,
                                   .log = load_log_open(dir, "events"),
                                   .streams = {{.events = events, .name = "VAPORA_EVENTS"},
                                               {.events = events, .name = "VAPORA_DEAD"}}};
    pthread_mutex_init(&events->lock, NULL);
    for (size_t i = 0; i < sizeof events->streams / sizeof *events->streams; i++) {
        struct stream *stream = &events->streams[i];
        snprintf(stream->inbox, sizeof stream->inbox, "%s-events%zu", link->inbox, i);
        stream->sub = load_subscribe(link, stream->inbox, on_message, stream);
    }
    return events;
}

uint64_t load_events_seen(struct load_events *events)
{
    pthread_mutex_lock(&events->lock);
    uint64_t n = events->seen_n;
    pthread_mutex_unlock(&events->lock);
    return n;
}

void load_events_free(struct load_events **events_ptr)
{
    struct load_events *events = vc_take(events_ptr);
    for (size_t i = 0; i < sizeof events->streams / sizeof *events->streams; i++)
        natsSubscription_Destroy(events->streams[i].sub);
    pthread_mutex_destroy(&events->lock);
    close(events->log);
    free(events->seen);
    free(events);
}
