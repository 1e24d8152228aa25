#include "cli/agent_link.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "nats-bridge/client.h"
#include "nats-bridge/subjects.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PREFIX              "vapora"
#define ANSWER_WITHIN_MS    2000
#define RETRY_FIRST_MS      200
#define RETRY_LAST_MS       5000
#define LOOK_EVERY_MS       50 /* less than the library waits before it reconnects, to see it happen */
#define REGISTER_EVERY_MS   60000 /* a coordinator that forgot us learns of us again */
#define RECONNECT_WITHIN_MS 15000 /* then new connections are made: the old ones may be dead */
#define INTERVAL_DEFAULT_MS 5000
#define INTERVAL_MIN_MS     20
#define INTERVAL_MAX_MS     600000

struct result {
    char task_id[VC_ID_MAX + 1];
    uint32_t epoch;
    char *body;
    struct result *next;
};

struct events {
    struct vc_agent_event *first, **end;
    size_t len;
};

struct vc_agent_link {
    struct vc_agent_link_conf conf;
    pthread_t thread;
    pthread_mutex_t lock; /* of everything down to `front` */
    pthread_cond_t work;
    bool closing;
    struct events events;
    struct result *results, **results_end; /* the thread alone takes from the front */
    struct vc_client *front;               /* received from by the library, sent to by the loop */
    /* The thread's own. */
    struct vc_client *back;
    bool was_connected;
    int64_t lost_at_ms, connect_at_ms, register_at_ms, deliver_at_ms, retry_ms;
    enum vc_rc last_problem;
};

static void post(struct vc_agent_link *link, struct vc_agent_event *event)
{
    pthread_mutex_lock(&link->lock);
    bool room = event->kind > VC_AGENT_CONTROL || link->events.len < VC_AGENT_INBOX_MAX;
    if (room) {
        *link->events.end = event;
        link->events.end = &event->next;
        link->events.len++;
    }
    pthread_mutex_unlock(&link->lock);
    if (room)
        link->conf.wake(link->conf.ctx);
    else
        vc_agent_event_free(event);
}

static struct vc_agent_event *event_of(enum vc_agent_event_kind kind)
{
    struct vc_agent_event *event = vc_xcalloc(1, sizeof *event);
    event->kind = kind;
    return event;
}

void vc_agent_event_free(struct vc_agent_event *event)
{
    vc_free(event->body);
    vc_free(event->reply_to);
    vc_free(event);
}

struct vc_agent_event *vc_agent_link_take(struct vc_agent_link *link)
{
    pthread_mutex_lock(&link->lock);
    struct vc_agent_event *event = link->events.first;
    if (event) {
        link->events.first = event->next;
        link->events.len--;
        if (!event->next)
            link->events.end = &link->events.first;
    }
    pthread_mutex_unlock(&link->lock);
    return event;
}

/* -- connecting ---------------------------------------------------------------------------------
 */

static void received(struct vc_agent_link *link, enum vc_agent_event_kind kind,
                     const char *reply_to, const char *body, size_t len)
{
    struct vc_agent_event *event = event_of(kind);
    event->body = vc_xmemdup(body, len);
    event->len = len;
    event->reply_to = vc_xstrdup(reply_to);
    post(link, event);
}

static void on_assignment(void *ctx, const char *subject, const char *reply_to, const char *body,
                          size_t len)
{
    (void)subject;
    received(ctx, VC_AGENT_ASSIGNMENT, reply_to, body, len);
}

static void on_control(void *ctx, const char *subject, const char *reply_to, const char *body,
                       size_t len)
{
    (void)subject;
    received(ctx, VC_AGENT_CONTROL, reply_to, body, len);
}

static void subject_of(const struct vc_agent_link *link, enum vc_subject kind,
                       char out[VC_SUBJECT_MAX])
{
    vc_subject_build(out, PREFIX, kind, link->conf.agent_id);
}

static enum vc_rc listen_on(struct vc_agent_link *link, struct vc_client *front, struct vc_err *err)
{
    char subject[VC_SUBJECT_MAX];
    subject_of(link, VC_SUBJECT_ASSIGN, subject);
    enum vc_rc rc = vc_client_subscribe(front, subject, on_assignment, link, err);
    if (rc != VC_OK)
        return rc;
    subject_of(link, VC_SUBJECT_CONTROL, subject);
    return vc_client_subscribe(front, subject, on_control, link, err);
}

static void set_front(struct vc_agent_link *link, struct vc_client *front)
{
    pthread_mutex_lock(&link->lock);
    struct vc_client *old = link->front;
    link->front = front;
    pthread_mutex_unlock(&link->lock);
    vc_client_close(&old);
}

static void disconnect(struct vc_agent_link *link)
{
    set_front(link, NULL);
    vc_client_close(&link->back);
}

static enum vc_rc connect_both(struct vc_agent_link *link, struct vc_err *err)
{
    struct vc_client *front = NULL;
    char name[VC_ID_MAX + 32];
    snprintf(name, sizeof name, "agent %s", link->conf.agent_id);
    disconnect(link);
    enum vc_rc rc = vc_client_open(link->conf.url, name, ANSWER_WITHIN_MS, &link->back, err);
    if (rc == VC_OK)
        rc = vc_client_open(link->conf.url, name, ANSWER_WITHIN_MS, &front, err);
    if (rc == VC_OK)
        rc = listen_on(link, front, err);
    if (rc != VC_OK) {
        vc_client_close(&front);
        vc_client_close(&link->back);
        return rc;
    }
    set_front(link, front);
    return VC_OK;
}

/* -- the thread -----------------------------------------------------------------------------------
 */

/* Say a problem once, not at every attempt. */
static void note_problem(struct vc_agent_link *link, const char *event, const struct vc_err *err)
{
    if (link->last_problem == err->rc)
        return;
    link->last_problem = err->rc;
    vc_log(VC_LOG_WARN, event, "retrying=true problem=\"%s\"", err->text);
}

static int64_t now_ms(void)
{
    return vc_mono_now().ms;
}

static int64_t backed_off(struct vc_agent_link *link)
{
    int64_t delay = link->retry_ms ? link->retry_ms * 2 : RETRY_FIRST_MS;
    link->retry_ms = delay < RETRY_LAST_MS ? delay : RETRY_LAST_MS;
    return now_ms() + link->retry_ms;
}

static void worked(struct vc_agent_link *link)
{
    link->retry_ms = 0;
    link->last_problem = VC_OK;
}

static void refused(struct vc_agent_link *link, const struct vc_err *err)
{
    struct vc_agent_event *event = event_of(VC_AGENT_REFUSED);
    event->why = *err;
    post(link, event);
}

/* Whether trying again can help. */
static bool is_final(enum vc_rc rc)
{
    return rc == VC_E_INVALID || rc == VC_E_DENIED || rc == VC_E_CONFLICT || rc == VC_E_NOT_FOUND;
}

/* Make or mend the connection. False while there is none. */
static bool be_connected(struct vc_agent_link *link)
{
    bool up = link->back && vc_client_connected(link->back) && vc_client_connected(link->front);
    if (up && !link->was_connected)
        link->register_at_ms = link->deliver_at_ms = 0;
    if (!up && link->was_connected)
        link->lost_at_ms = now_ms();
    link->was_connected = up;
    if (up || (link->back && now_ms() - link->lost_at_ms < RECONNECT_WITHIN_MS))
        return up;
    struct vc_err err;
    if (now_ms() < link->connect_at_ms)
        return false;
    enum vc_rc rc = connect_both(link, &err);
    if (rc == VC_OK)
        return be_connected(link);
    link->connect_at_ms = backed_off(link);
    if (is_final(rc))
        refused(link, &err);
    else
        note_problem(link, "agent.connecting", &err);
    return false;
}

static int64_t interval_of(const json_t *reply, const char *name, int64_t otherwise)
{
    int64_t ms = json_integer_value(json_object_get(reply, name));
    return ms >= INTERVAL_MIN_MS && ms <= INTERVAL_MAX_MS ? ms : otherwise;
}

static void register_agent(struct vc_agent_link *link)
{
    char subject[VC_SUBJECT_MAX];
    struct vc_err err;
    json_t *reply = NULL;
    subject_of(link, VC_SUBJECT_REGISTER, subject);
    enum vc_rc rc = vc_client_request(link->back, subject, link->conf.registration,
                                      ANSWER_WITHIN_MS, &reply, &err);
    if (rc == VC_OK) {
        worked(link);
        link->register_at_ms = now_ms() + REGISTER_EVERY_MS;
        struct vc_agent_event *event = event_of(VC_AGENT_REGISTERED);
        event->interval_ms = interval_of(reply, "interval_ms", INTERVAL_DEFAULT_MS);
        event->lease_ms = interval_of(reply, "lease_ms", 3 * event->interval_ms);
        post(link, event);
    } else {
        link->register_at_ms = backed_off(link);
        if (is_final(rc))
            refused(link, &err);
        else
            note_problem(link, "agent.registering", &err);
    }
    json_decref(reply);
}

static struct result *first_result(struct vc_agent_link *link)
{
    pthread_mutex_lock(&link->lock);
    struct result *result = link->results;
    pthread_mutex_unlock(&link->lock);
    return result;
}

static void drop_result(struct vc_agent_link *link, struct result *result)
{
    struct vc_agent_event *event = event_of(VC_AGENT_STORED);
    vc_copy(event->task_id, sizeof event->task_id, result->task_id);
    event->epoch = result->epoch;
    pthread_mutex_lock(&link->lock);
    link->results = result->next;
    if (!link->results)
        link->results_end = &link->results;
    pthread_mutex_unlock(&link->lock);
    vc_free(result->body);
    vc_free(result);
    post(link, event);
}

/* One that a stream will not take must not hold up the others. */
static void put_last(struct vc_agent_link *link, struct result *result)
{
    pthread_mutex_lock(&link->lock);
    if (result->next) {
        link->results = result->next;
        result->next = NULL;
        *link->results_end = result;
        link->results_end = &result->next;
    }
    pthread_mutex_unlock(&link->lock);
}

static void deliver_first(struct vc_agent_link *link, struct result *result)
{
    char subject[VC_SUBJECT_MAX], msg_id[VC_ID_MAX + 16];
    struct vc_err err;
    subject_of(link, VC_SUBJECT_RESULT, subject);
    snprintf(msg_id, sizeof msg_id, "%s:%" PRIu32, result->task_id, result->epoch);
    enum vc_rc rc = vc_client_publish_stored(link->back, subject, msg_id, result->body,
                                             strlen(result->body), ANSWER_WITHIN_MS, &err);
    if (rc == VC_OK) {
        worked(link);
        drop_result(link, result);
    } else {
        link->deliver_at_ms = backed_off(link);
        note_problem(link, "agent.delivering", &err);
        put_last(link, result);
    }
}

static void wait_for_work(struct vc_agent_link *link, int64_t until_ms)
{
    struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
    pthread_cond_timedwait(&link->work, &link->lock, &until);
}

/* When there is next something to do. */
static int64_t next_at(const struct vc_agent_link *link, bool up, bool results)
{
    if (!up)
        return now_ms() + RETRY_FIRST_MS;
    int64_t at = now_ms() + LOOK_EVERY_MS;
    if (link->register_at_ms < at)
        at = link->register_at_ms;
    return results && link->deliver_at_ms < at ? link->deliver_at_ms : at;
}

static void *run(void *arg)
{
    struct vc_agent_link *link = arg;
    for (;;) {
        struct result *result = first_result(link);
        bool up = be_connected(link);
        if (up && now_ms() >= link->register_at_ms)
            register_agent(link);
        else if (up && result && now_ms() >= link->deliver_at_ms)
            deliver_first(link, result);
        pthread_mutex_lock(&link->lock);
        if (!link->closing)
            wait_for_work(link, next_at(link, up, link->results));
        bool closing = link->closing;
        pthread_mutex_unlock(&link->lock);
        if (closing)
            break;
    }
    disconnect(link);
    return NULL;
}

/* -- what the loop calls
 * --------------------------------------------------------------------------- */

struct vc_agent_link *vc_agent_link_open(const struct vc_agent_link_conf *conf)
{
    struct vc_agent_link *link = vc_xcalloc(1, sizeof *link);
    link->conf = *conf;
    link->events.end = &link->events.first;
    link->results_end = &link->results;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&link->work, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&link->lock, NULL);
    int rc = pthread_create(&link->thread, NULL, run, link);
    VC_CHECK(rc == 0);
    return link;
}

void vc_agent_link_close(struct vc_agent_link **link_ptr)
{
    struct vc_agent_link *link = *link_ptr;
    if (!link)
        return;
    pthread_mutex_lock(&link->lock);
    link->closing = true;
    pthread_cond_signal(&link->work);
    pthread_mutex_unlock(&link->lock);
    pthread_join(link->thread, NULL);
    for (struct vc_agent_event *event; (event = vc_agent_link_take(link));)
        vc_agent_event_free(event);
    while (link->results) {
        struct result *next = link->results->next;
        vc_free(link->results->body);
        vc_free(link->results);
        link->results = next;
    }
    json_decref(link->conf.registration);
    pthread_cond_destroy(&link->work);
    pthread_mutex_destroy(&link->lock);
    vc_free(link);
    *link_ptr = NULL;
}

void vc_agent_link_send(struct vc_agent_link *link, const char *subject, const char *body)
{
    pthread_mutex_lock(&link->lock);
    if (link->front && vc_client_publish(link->front, subject, body, strlen(body), NULL) != VC_OK)
        vc_log(VC_LOG_DEBUG, "agent.dropped", "subject=%s", subject);
    pthread_mutex_unlock(&link->lock);
}

void vc_agent_link_deliver(struct vc_agent_link *link, const char *task_id, uint32_t epoch,
                           char *body)
{
    struct result *result = vc_xcalloc(1, sizeof *result);
    vc_copy(result->task_id, sizeof result->task_id, task_id);
    result->epoch = epoch;
    result->body = body;
    pthread_mutex_lock(&link->lock);
    *link->results_end = result;
    link->results_end = &result->next;
    pthread_cond_signal(&link->work);
    pthread_mutex_unlock(&link->lock);
}
