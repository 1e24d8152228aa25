#include "tests/chaos/load.h"

#include "base/clock.h"
#include "base/mem.h"
#include "tests/support/random.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WINDOW      256  /* submissions that wait for their answer at a time */
#define PATIENCE_MS 1000 /* then the same submission is sent again */
#define REFUSED_MS  50   /* nobody there, or full: again after this */
#define TURN_MS     2
#define TELL_MS     500

/* One submission in this many */
#define TIMED_EACH   40 /* may run out of time */
#define LIMITED_EACH 10 /* has few attempts */
#define AGAIN_EACH   50 /* comes again by the other way, after it was accepted */

enum way { BY_REQUEST, BY_STREAM, WAYS };

static const char *const way_names[WAYS] = {"request", "jetstream"};

struct slot {
    uint64_t number; /* of the task; 0 = free */
    int64_t send_at;
};

struct submitter {
    const struct load_conf *conf;
    struct load_link link;
    struct load_events *events;
    int log;
    pthread_mutex_t lock;
    pthread_cond_t answered;
    struct slot slots[WINDOW];
    uint64_t begun, accepted, ended;
    char *over; /* by number of the task */
    size_t over_cap;
    int64_t began_at;
};

static uint64_t draw(const struct submitter *s, uint64_t number)
{
    struct vc_random r = {s->conf->seed ^ number << 20};
    return random_bits(&r);
}

static enum way way_of(const struct submitter *s, uint64_t number)
{
    return (enum way)(draw(s, number) % WAYS);
}

/* The same for a number every time: submitting is idempotent for the same body only. */
static void body_of(const struct submitter *s, uint64_t number, char *out, size_t cap)
{
    static const char *const kinds[] = {
        "\"title\":\"Do it\",\"task_type\":\"coding\"",
        "\"title\":\"Do it\",\"task_type\":\"testing\"",
        "\"title\":\"Fix the crash in the parser\"",
    };
    enum { FEW = 3, MANY = 20, TIMEOUT_MS = 700 };
    uint64_t dice = draw(s, number) / WAYS;
    char timeout[64] = "";
    if (number % TIMED_EACH == 0)
        snprintf(timeout, sizeof timeout, ",\"timeout_ms\":%d", TIMEOUT_MS);
    snprintf(out, cap,
             "{\"task_id\":\"t-%" PRIu64 "\",%s,\"max_attempts\":%d,\"priority\":%" PRIu64 "%s}",
             number, kinds[dice % (sizeof kinds / sizeof *kinds)],
             number % LIMITED_EACH == 0 ? FEW : MANY, dice % 10, timeout);
}

static void send_task(struct submitter *s, uint64_t number, enum way way, const char *reply)
{
    char subject[64], id[32], body[256];
    snprintf(id, sizeof id, "t-%" PRIu64, number);
    snprintf(subject, sizeof subject, "vapora.task.submit.%s", id);
    body_of(s, number, body, sizeof body);
    if (way == BY_REQUEST)
        load_send(&s->link, "vapora.api.task.submit", reply, NULL, body);
    else
        load_send(&s->link, subject, reply, id, body);
}

/* -- answers --------------------------------------------------------------------------------- */

static void accept_task(struct submitter *s, struct slot *slot)
{
    uint64_t number = slot->number;
    enum way way = way_of(s, number);
    load_note(s->log, "accepted t-%" PRIu64 " %s", number, way_names[way]);
    slot->number = 0;
    s->accepted++;
    if (draw(s, number) % AGAIN_EACH == 0)
        send_task(s, number, (way + 1) % WAYS, NULL);
}

static void look(struct submitter *s, struct slot *slot, natsMsg *msg)
{
    enum { QUEUE_FULL = 429 };
    json_t *body = load_body(msg);
    bool yes = way_of(s, slot->number) == BY_STREAM ? load_is_stored(body)
                                                    : json_object_get(body, "state") != NULL;
    const json_t *error = json_object_get(body, "error");
    bool final = error && way_of(s, slot->number) == BY_REQUEST &&
                 json_integer_value(json_object_get(error, "code")) != QUEUE_FULL;
    if (yes) {
        accept_task(s, slot);
    } else if (final) {
        load_note(s->log, "refused t-%" PRIu64 " %s", slot->number,
                  json_string_value(json_object_get(error, "reason")));
        slot->number = 0;
    } else {
        slot->send_at = vc_mono_now().ms + REFUSED_MS;
    }
    json_decref(body);
}

/* "<inbox>.<slot>.<number>" */
static void on_answer(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *ctx)
{
    (void)nc;
    (void)sub;
    struct submitter *s = ctx;
    char *rest;
    size_t index = strtoul(natsMsg_GetSubject(msg) + strlen(s->link.inbox) + 1, &rest, 10);
    uint64_t number = *rest == '.' ? strtoull(rest + 1, NULL, 10) : 0;
    pthread_mutex_lock(&s->lock);
    if (number > 0 && index < WINDOW && s->slots[index].number == number)
        look(s, &s->slots[index], msg);
    pthread_cond_signal(&s->answered);
    pthread_mutex_unlock(&s->lock);
    natsMsg_Destroy(msg);
}

/* Under the events' lock; ours comes second everywhere. */
static void on_ended(void *ctx, const char *task_id)
{
    struct submitter *s = ctx;
    uint64_t number = strtoull(task_id + strlen("t-"), NULL, 10);
    pthread_mutex_lock(&s->lock);
    if (number < s->over_cap && !s->over[number]) {
        s->over[number] = 1;
        s->ended++;
    }
    pthread_mutex_unlock(&s->lock);
}

/* -- turns ----------------------------------------------------------------------------------- */

static bool may_begin(const struct submitter *s, int64_t now)
{
    const struct load_conf *conf = s->conf;
    enum { MS_PER_S = 1000 };
    if (load_enough || (conf->count && s->begun == conf->count))
        return false;
    if (conf->rate && s->begun * MS_PER_S >= conf->rate * (uint64_t)(now - s->began_at))
        return false;
    return s->begun < s->ended + conf->open;
}

static uint64_t begin_task(struct submitter *s)
{
    uint64_t number = ++s->begun;
    if (number >= s->over_cap) {
        size_t cap = number * 2;
        s->over = vc_xrealloc(s->over, cap, 1);
        memset(s->over + s->over_cap, 0, cap - s->over_cap);
        s->over_cap = cap;
    }
    return number;
}

static void turn(struct submitter *s)
{
    int64_t now = vc_mono_now().ms;
    for (size_t i = 0; i < WINDOW; i++) {
        struct slot *slot = &s->slots[i];
        if (!slot->number && may_begin(s, now))
            *slot = (struct slot){.number = begin_task(s)};
        if (!slot->number || slot->send_at > now)
            continue;
        slot->send_at = now + PATIENCE_MS;
        char reply[128];
        snprintf(reply, sizeof reply, "%s.%zu.%" PRIu64, s->link.inbox, i, slot->number);
        send_task(s, slot->number, way_of(s, slot->number), reply);
    }
}

static void tell(struct submitter *s)
{
    uint64_t seen = load_events_seen(s->events);
    pthread_mutex_lock(&s->lock);
    printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", s->begun, s->accepted, s->ended,
           seen);
    pthread_mutex_unlock(&s->lock);
    fflush(stdout);
}

/* Tell on stdout, line by line: tasks begun, accepted and ended, messages of events seen. */
void load_submit(const struct load_conf *conf)
{
    struct submitter *s = vc_xcalloc(1, sizeof *s);
    s->conf = conf;
    s->log = load_log_open(conf->dir, "receipts");
    pthread_mutex_init(&s->lock, NULL);
    vc_cond_init(&s->answered);
    load_connect(&s->link, conf->url, conf->name);
    char replies[128];
    snprintf(replies, sizeof replies, "%s.>", s->link.inbox);
    natsSubscription *sub = load_subscribe(&s->link, replies, on_answer, s);
    s->events = load_events_open(&s->link, conf->dir, on_ended, s);
    s->began_at = vc_mono_now().ms;
    for (int64_t tell_at = 0; !load_stop;) {
        load_events_tend(s->events);
        pthread_mutex_lock(&s->lock);
        turn(s);
        vc_cond_wait_ms(&s->answered, &s->lock, TURN_MS);
        pthread_mutex_unlock(&s->lock);
        if (vc_mono_now().ms >= tell_at) {
            tell(s);
            tell_at = vc_mono_now().ms + TELL_MS;
        }
    }
    load_disconnect(&s->link);
    natsSubscription_Destroy(sub);
    load_events_free(&s->events);
    pthread_cond_destroy(&s->answered);
    pthread_mutex_destroy(&s->lock);
    close(s->log);
    free(s->over);
    free(s);
}
