#include "cli/agent.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/agent_link.h"
#include "cli/agent_result.h"
#include "cli/child.h"
#include "nats-bridge/messages.h"
#include "nats-bridge/subjects.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define PREFIX            "vapora"
#define STOP_GRACE_MS     10000 /* that running commands have to end after TERM or INT */
#define DELIVERY_GRACE_MS 5000  /* that their results have to be delivered after that */
#define DONE_MAX          1024  /* ended (task_id, epoch) that are remembered */
#define RESULTS_MAX       1024  /* undelivered ones, beyond which no new task is taken */
#define ENV_MAX           128   /* bytes of "VAPORA_TASK_TYPE=..." */

/* A task that was accepted and whose result is not delivered yet. */
struct job {
    char task_id[VC_ID_MAX + 1];
    uint32_t epoch;
    struct agent *agent;
    struct vc_child *child; /* NULL once it has ended */
    struct job *next;
};

struct lease {
    char task_id[VC_ID_MAX + 1];
    uint32_t epoch;
};

struct agent {
    const struct vc_agent_conf *conf;
    char instance_id[VC_UUID_TEXT];
    uv_loop_t loop;
    uv_async_t wake;
    uv_timer_t heartbeat, grace;
    uv_signal_t signals[2];
    struct vc_agent_link *link;
    struct job *jobs;
    size_t running, undelivered;
    int64_t taken;
    struct lease done[DONE_MAX]; /* a ring */
    size_t done_n;
    bool registered, draining, stopping;
    bool stopped_by_signal;
    struct vc_err failure; /* rc VC_OK = none */
};

static struct job *find_job(struct agent *agent, const char *task_id, uint32_t epoch)
{
    for (struct job *job = agent->jobs; job; job = job->next)
        if (job->epoch == epoch && strcmp(job->task_id, task_id) == 0)
            return job;
    return NULL;
}

static bool is_done(const struct agent *agent, const char *task_id, uint32_t epoch)
{
    size_t n = agent->done_n < DONE_MAX ? agent->done_n : DONE_MAX;
    for (size_t i = 0; i < n; i++)
        if (agent->done[i].epoch == epoch && strcmp(agent->done[i].task_id, task_id) == 0)
            return true;
    return false;
}

static void send_json(struct agent *agent, const char *subject, json_t *message)
{
    char *body = json_dumps(message, JSON_COMPACT);
    vc_agent_link_send(agent->link, subject, body);
    free(body);
    json_decref(message);
}

/* -- heartbeats
 * ------------------------------------------------------------------------------------ */

/* A result on its way keeps its lease: the task must not be given to another in the meantime. */
static json_t *leases_json(const struct agent *agent)
{
    json_t *list = json_array();
    for (const struct job *job = agent->jobs; job; job = job->next)
        json_array_append_new(list, json_pack("{s:s, s:I}", "task_id", job->task_id, "epoch",
                                              (json_int_t)job->epoch));
    return list;
}

static json_t *heartbeat_json(const struct agent *agent)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:o}", "type", "io.vapora.coord.api.v1.agent_heartbeat",
                     "agent_id", agent->conf->agent_id, "instance_id", agent->instance_id,
                     "capacity", (json_int_t)agent->conf->capacity, "running", leases_json(agent));
}

static void beat(uv_timer_t *timer)
{
    struct agent *agent = timer->data;
    char subject[VC_SUBJECT_MAX];
    vc_subject_build(subject, PREFIX, VC_SUBJECT_HEARTBEAT, agent->conf->agent_id);
    send_json(agent, subject, heartbeat_json(agent));
}

static void on_registered(struct agent *agent, const struct vc_agent_event *event)
{
    if (!agent->registered)
        vc_log(VC_LOG_INFO, "agent.registered",
               "agent_id=%s interval_ms=%" PRId64 " lease_ms=%" PRId64, agent->conf->agent_id,
               event->interval_ms, event->lease_ms);
    agent->registered = true;
    uint64_t every = (uint64_t)event->interval_ms;
    if (uv_timer_get_repeat(&agent->heartbeat) != every ||
        !uv_is_active((uv_handle_t *)&agent->heartbeat))
        uv_timer_start(&agent->heartbeat, beat, every, every);
}

/* -- stopping
 * -------------------------------------------------------------------------------------- */

static void close_loop(struct agent *agent)
{
    uv_handle_t *handles[] = {
        (uv_handle_t *)&agent->wake,       (uv_handle_t *)&agent->heartbeat,
        (uv_handle_t *)&agent->grace,      (uv_handle_t *)&agent->signals[0],
        (uv_handle_t *)&agent->signals[1],
    };
    for (size_t i = 0; i < sizeof handles / sizeof *handles; i++)
        if (!uv_is_closing(handles[i]))
            uv_close(handles[i], NULL);
}

static void close_when_idle(struct agent *agent)
{
    if (agent->stopping && !agent->jobs)
        close_loop(agent);
}

static void give_up(uv_timer_t *timer)
{
    struct agent *agent = timer->data;
    vc_fail(&agent->failure, VC_E_IO, "%zu results were not delivered: no stream took them in time",
            agent->undelivered);
    close_loop(agent);
}

static void stop_children(struct agent *agent)
{
    for (struct job *job = agent->jobs; job; job = job->next)
        if (job->child)
            vc_child_stop(job->child, VC_CHILD_SHUT_DOWN);
    uint64_t dying_ms = agent->running ? VC_CHILD_KILL_AFTER_MS + VC_CHILD_DRAIN_MS : 0;
    uv_timer_start(&agent->grace, give_up, dying_ms + DELIVERY_GRACE_MS, 0);
}

static void grace_is_over(uv_timer_t *timer)
{
    stop_children(timer->data);
}

/* Take nothing new; commands that run may end by themselves, a second signal ends them now. */
static void on_signal(uv_signal_t *handle, int signum)
{
    (void)signum;
    struct agent *agent = handle->data;
    if (agent->stopped_by_signal) {
        stop_children(agent);
        return;
    }
    agent->stopping = agent->stopped_by_signal = true;
    uv_timer_start(&agent->grace, grace_is_over, STOP_GRACE_MS, 0);
    close_when_idle(agent);
}

static void on_refused(struct agent *agent, const struct vc_agent_event *event)
{
    agent->failure = event->why;
    agent->stopping = true;
    stop_children(agent);
    close_when_idle(agent);
}

/* -- jobs
 * ------------------------------------------------------------------------------------------ */

static void remember_done(struct agent *agent, const struct job *job)
{
    struct lease *lease = &agent->done[agent->done_n++ % DONE_MAX];
    vc_copy(lease->task_id, sizeof lease->task_id, job->task_id);
    lease->epoch = job->epoch;
}

static void deliver(struct job *job, char *body)
{
    struct agent *agent = job->agent;
    remember_done(agent, job);
    agent->undelivered++;
    vc_agent_link_deliver(agent->link, job->task_id, job->epoch, body);
}

static void on_child_end(void *ctx, const struct vc_child_end *end)
{
    struct job *job = ctx;
    job->child = NULL;
    job->agent->running--;
    fprintf(stderr, "task %s epoch %" PRIu32 " %s %" PRId64 " ms\n", job->task_id, job->epoch,
            vc_outcome_name(vc_agent_verdict_of(end).outcome), end->duration_ms);
    deliver(job, vc_agent_result_body(job->task_id, job->epoch, end));
}

static void on_stored(struct agent *agent, const struct vc_agent_event *event)
{
    for (struct job **at = &agent->jobs; *at; at = &(*at)->next) {
        struct job *job = *at;
        if (job->epoch != event->epoch || strcmp(job->task_id, event->task_id) != 0)
            continue;
        *at = job->next;
        vc_free(job);
        agent->undelivered--;
        break;
    }
    close_when_idle(agent);
}

/* An assignment as far as the agent itself looks into it. */
struct assignment {
    json_t *root;
    const char *task_id, *task_type;
    uint32_t epoch;
    int64_t attempt, timeout_ms;
    const char *body;
    size_t len;
};

static bool read_assignment(const struct vc_agent_event *event, struct assignment *a)
{
    *a = (struct assignment){.body = event->body, .len = event->len};
    struct vc_refusal refusal;
    if (!vc_json_parse(event->body, event->len, &a->root, &refusal))
        return false;
    a->task_id = json_string_value(json_object_get(a->root, "task_id"));
    a->task_type = json_string_value(json_object_get(a->root, "task_type"));
    a->attempt = json_integer_value(json_object_get(a->root, "attempt"));
    a->timeout_ms = json_integer_value(json_object_get(a->root, "timeout_ms"));
    int64_t epoch = json_integer_value(json_object_get(a->root, "epoch"));
    a->epoch = (uint32_t)epoch;
    return vc_id_ok(a->task_id) && epoch >= 1 && epoch <= UINT32_MAX;
}

static enum vc_rc start_child(struct job *job, const struct assignment *a, struct vc_err *err)
{
    char id[ENV_MAX], type[ENV_MAX], epoch[ENV_MAX], attempt[ENV_MAX];
    snprintf(id, sizeof id, "VAPORA_TASK_ID=%s", a->task_id);
    snprintf(type, sizeof type, "VAPORA_TASK_TYPE=%s", a->task_type ? a->task_type : "");
    snprintf(epoch, sizeof epoch, "VAPORA_EPOCH=%" PRIu32, a->epoch);
    snprintf(attempt, sizeof attempt, "VAPORA_ATTEMPT=%" PRId64, a->attempt);
    const struct agent *agent = job->agent;
    bool shorter = a->timeout_ms > 0 && a->timeout_ms < agent->conf->timeout_ms;
    struct vc_child_conf conf = {
        .command = agent->conf->command,
        .env = (const char *const[]){id, type, epoch, attempt, NULL},
        .input = a->body,
        .input_len = a->len,
        .out_max = (size_t)agent->conf->max_output,
        .timeout_ms = shorter ? a->timeout_ms : agent->conf->timeout_ms,
        .done = on_child_end,
        .ctx = job,
    };
    return vc_child_start(&job->agent->loop, &conf, &job->child, err);
}

static void start_job(struct agent *agent, const struct assignment *a)
{
    struct job *job = vc_xcalloc(1, sizeof *job);
    struct vc_err err;
    vc_copy(job->task_id, sizeof job->task_id, a->task_id);
    job->epoch = a->epoch;
    job->agent = agent;
    job->next = agent->jobs;
    agent->jobs = job;
    agent->taken++;
    if (agent->conf->max_tasks && agent->taken >= agent->conf->max_tasks)
        agent->stopping = true;
    if (start_child(job, a, &err) == VC_OK) {
        agent->running++;
        return;
    }
    vc_log(VC_LOG_ERROR, "agent.start", "task_id=%s problem=\"%s\"", job->task_id, err.text);
    deliver(job, vc_agent_result_unstarted(job->task_id, job->epoch, err.text));
}

/* Whoever has a newer epoch of a task has given up on the older ones. */
static void cancel_older(struct agent *agent, const struct assignment *a)
{
    for (struct job *job = agent->jobs; job; job = job->next)
        if (job->child && job->epoch < a->epoch && strcmp(job->task_id, a->task_id) == 0)
            vc_child_stop(job->child, VC_CHILD_CANCELED);
}

/* Why @agent takes no task now; NULL when it does. */
static const char *unwilling(const struct agent *agent)
{
    if (agent->draining || agent->stopping)
        return "draining";
    if (agent->running >= (size_t)agent->conf->capacity || agent->undelivered >= RESULTS_MAX)
        return "full";
    return NULL;
}

static void answer(struct agent *agent, const char *reply_to, const char *reason)
{
    if (!reply_to)
        return;
    send_json(agent, reply_to,
              json_pack("{s:s, s:b, s:s*}", "type", "io.vapora.coord.api.v1.assign_response",
                        "accepted", reason == NULL, "reason", reason));
}

static void on_assignment(struct agent *agent, const struct vc_agent_event *event)
{
    struct assignment a;
    if (!read_assignment(event, &a)) {
        answer(agent, event->reply_to, "not an assignment: it needs a task_id and an epoch");
    } else if (find_job(agent, a.task_id, a.epoch) || is_done(agent, a.task_id, a.epoch)) {
        answer(agent, event->reply_to, NULL);
    } else {
        const char *reason = unwilling(agent);
        answer(agent, event->reply_to, reason);
        cancel_older(agent, &a);
        if (!reason)
            start_job(agent, &a);
    }
    json_decref(a.root);
}

/* -- control
 * --------------------------------------------------------------------------------------- */

static bool control_cancel(struct agent *agent, const json_t *message)
{
    const char *task_id = json_string_value(json_object_get(message, "task_id"));
    int64_t epoch = json_integer_value(json_object_get(message, "epoch"));
    struct job *job = task_id ? find_job(agent, task_id, (uint32_t)epoch) : NULL;
    if (!job || !job->child)
        return false;
    vc_child_stop(job->child, VC_CHILD_CANCELED);
    return true;
}

static bool control_drain(struct agent *agent, const json_t *message)
{
    agent->draining = !json_is_true(json_object_get(message, "off"));
    vc_log(VC_LOG_INFO, "agent.draining", "on=%s", agent->draining ? "true" : "false");
    return true;
}

static bool control_ping(struct agent *agent, const json_t *message)
{
    (void)agent;
    (void)message;
    return true;
}

/* Notices (recorded, stale) ask for nothing. */
static bool (*control_of(const char *verb))(struct agent *, const json_t *)
{
    static const struct {
        const char *verb;
        bool (*act)(struct agent *, const json_t *);
    } verbs[] = {{"cancel", control_cancel}, {"drain", control_drain}, {"ping", control_ping}};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verb, verbs[i].verb) == 0)
            return verbs[i].act;
    return NULL;
}

static void on_control(struct agent *agent, const struct vc_agent_event *event)
{
    json_t *message = NULL;
    struct vc_refusal refusal;
    if (!vc_json_parse(event->body, event->len, &message, &refusal))
        return;
    const char *verb = json_string_value(json_object_get(message, "verb"));
    bool (*act)(struct agent *, const json_t *) = verb ? control_of(verb) : NULL;
    bool ok = act && act(agent, message);
    json_decref(message);
    if (!event->reply_to)
        return;
    json_t *reply = heartbeat_json(agent);
    json_object_set_new(reply, "type", json_string("io.vapora.coord.api.v1.control_response"));
    json_object_set_new(reply, "ok", json_boolean(ok));
    send_json(agent, event->reply_to, reply);
}

static void on_wake(uv_async_t *wake)
{
    static void (*const handlers[])(struct agent *, const struct vc_agent_event *) = {
        [VC_AGENT_ASSIGNMENT] = on_assignment, [VC_AGENT_CONTROL] = on_control,
        [VC_AGENT_REGISTERED] = on_registered, [VC_AGENT_STORED] = on_stored,
        [VC_AGENT_REFUSED] = on_refused,
    };
    struct agent *agent = wake->data;
    for (struct vc_agent_event *event; (event = vc_agent_link_take(agent->link));) {
        handlers[event->kind](agent, event);
        vc_agent_event_free(event);
    }
}

static void wake_loop(void *ctx)
{
    uv_async_send(&((struct agent *)ctx)->wake);
}

/* -- from the first connection to the last result -----------------------------------------------
 */

static json_t *list_json(const char *const *texts)
{
    json_t *list = json_array();
    for (; *texts; texts++)
        json_array_append_new(list, json_string(*texts));
    return list;
}

static json_t *registration_json(const struct agent *agent)
{
    const struct vc_agent_conf *conf = agent->conf;
    return json_pack("{s:s, s:s, s:s, s:I, s:o, s:o, s:s*, s:s*}", "type",
                     "io.vapora.coord.api.v1.agent_register_request", "agent_id", conf->agent_id,
                     "instance_id", agent->instance_id, "capacity", (json_int_t)conf->capacity,
                     "capabilities", list_json(conf->capabilities), "task_types",
                     list_json(conf->task_types), "role", conf->role, "version", conf->version);
}

static void start_loop(struct agent *agent)
{
    static const int signums[] = {SIGTERM, SIGINT};
    uv_loop_init(&agent->loop);
    uv_async_init(&agent->loop, &agent->wake, on_wake);
    uv_timer_init(&agent->loop, &agent->heartbeat);
    uv_timer_init(&agent->loop, &agent->grace);
    agent->wake.data = agent->heartbeat.data = agent->grace.data = agent;
    for (size_t i = 0; i < sizeof signums / sizeof *signums; i++) {
        uv_signal_init(&agent->loop, &agent->signals[i]);
        agent->signals[i].data = agent;
        uv_signal_start(&agent->signals[i], on_signal, signums[i]);
    }
}

static void make_instance_id(char out[VC_UUID_TEXT])
{
    uint8_t random[10] = {0};
    /* Short of entropy the time alone names the process. */
    if (getrandom(random, sizeof random, GRND_NONBLOCK) != sizeof random)
        memset(random, 0, sizeof random);
    vc_uuid7(vc_wall_now(), random, out);
}

enum vc_rc vc_agent_serve(const struct vc_agent_conf *conf, struct vc_err *err)
{
    VC_AUTO_FREE struct agent *agent = vc_xcalloc(1, sizeof *agent);
    agent->conf = conf;
    make_instance_id(agent->instance_id);
    signal(SIGPIPE, SIG_IGN);
    start_loop(agent);
    struct vc_agent_link_conf link = {.url = conf->url,
                                      .agent_id = conf->agent_id,
                                      .registration = registration_json(agent),
                                      .wake = wake_loop,
                                      .ctx = agent};
    agent->link = vc_agent_link_open(&link);
    uv_run(&agent->loop, UV_RUN_DEFAULT);
    vc_agent_link_close(&agent->link);
    uv_loop_close(&agent->loop);
    while (agent->jobs) {
        struct job *next = agent->jobs->next;
        vc_free(agent->jobs);
        agent->jobs = next;
    }
    if (agent->failure.rc == VC_OK)
        return VC_OK;
    return vc_fail(err, agent->failure.rc, "%s", agent->failure.text);
}
