#include "tests/chaos/load.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "tests/support/random.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AGENTS_MAX   16
#define WORK_MAX     4096
#define BEAT_MS      150
#define ASK_AGAIN_MS 500
#define PATIENCE_MS  1000 /* then the same result is sent again */
#define TURN_US      2000
#define WORK_MS      30   /* the longest work */
#define ZOMBIE_MS    2500 /* longer than a lease */

enum plan { SUCCEED, FAIL, VANISH, COME_LATE, HANG, DECLINE };

/* Out of 1,000 assignments; what is left over succeeds. */
static const struct {
    enum plan plan;
    unsigned share;
} plans[] = {{DECLINE, 1}, {VANISH, 2}, {COME_LATE, 5}, {FAIL, 90}};

#define SHARES      1000
#define TWICE_SHARE 30 /* results sent a second time, past JetStream's own guard */
#define OTHER_SHARE 10 /* of them: another outcome the second time */

struct agent {
    struct fleet *fleet;
    char id[VC_ID_MAX + 1];
    bool registered;
    int64_t ask_at, beat_at;
    natsSubscription *assignments, *control;
};

/* A task at work. It stays until the coordinator says what became of it. */
struct work {
    char key[2 * VC_ID_MAX + 16]; /* "agent:task:epoch"; "" = free */
    char task_id[VC_ID_MAX + 1];
    int64_t epoch;
    const struct agent *agent;
    enum plan plan;
    uint64_t dice;
    int64_t send_at; /* INT64_MAX = not, or not any more */
    bool noted, stored;
};

struct fleet {
    const struct load_conf *conf;
    struct load_link link;
    int log;
    pthread_mutex_t lock;
    struct agent agents[AGENTS_MAX];
    size_t n;
    struct work work[WORK_MAX];
    struct vc_map index; /* key -> work */
    unsigned renewals;
};

/* -- work ------------------------------------------------------------------------------------ */

static void key_of(char *out, size_t cap, const struct agent *agent, const char *task_id,
                   int64_t epoch)
{
    snprintf(out, cap, "%s:%s:%" PRId64, agent->id, task_id, epoch);
}

static struct work *find(struct fleet *f, const struct agent *agent, const char *task_id,
                         int64_t epoch)
{
    char key[sizeof f->work[0].key];
    key_of(key, sizeof key, agent, task_id, epoch);
    uint32_t i = vc_map_get(&f->index, key);
    return i == VC_MAP_NONE ? NULL : &f->work[i];
}

static void forget(struct fleet *f, struct work *w)
{
    vc_map_del(&f->index, w->key);
    w->key[0] = '\0';
}

/* The same assignment gets the same plan, also after a restart. */
static uint64_t dice_of(const struct fleet *f, const char *key)
{
    struct vc_random r = {f->conf->seed};
    for (const char *p = key; *p; p++)
        r.state = random_bits(&r) ^ (unsigned char)*p;
    return random_bits(&r);
}

static enum plan plan_of(uint64_t dice, bool timed)
{
    enum { HANG_EACH = 4 };
    if (timed && dice / SHARES % HANG_EACH == 0)
        return HANG;
    uint64_t at = dice % SHARES;
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        if (at < plans[i].share)
            return plans[i].plan;
        at -= plans[i].share;
    }
    return SUCCEED;
}

static struct work *take(struct fleet *f, const struct agent *agent, const char *task_id,
                         int64_t epoch, bool timed)
{
    for (uint32_t i = 0; i < WORK_MAX; i++) {
        struct work *w = &f->work[i];
        if (w->key[0])
            continue;
        *w = (struct work){.agent = agent, .epoch = epoch};
        key_of(w->key, sizeof w->key, agent, task_id, epoch);
        vc_copy(w->task_id, sizeof w->task_id, task_id);
        w->dice = dice_of(f, w->key);
        w->plan = plan_of(w->dice, timed);
        int64_t lasts = w->plan == COME_LATE ? ZOMBIE_MS : (int64_t)(w->dice >> 32) % WORK_MS;
        w->send_at = w->plan == HANG ? INT64_MAX : vc_mono_now().ms + lasts;
        vc_map_put(&f->index, w->key, i);
        return w;
    }
    return NULL;
}

static void on_assign(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *ctx)
{
    (void)nc;
    (void)sub;
    struct agent *agent = ctx;
    struct fleet *f = agent->fleet;
    json_t *body = load_body(msg);
    const char *task_id = json_string_value(json_object_get(body, "task_id"));
    int64_t epoch = json_integer_value(json_object_get(body, "epoch"));
    pthread_mutex_lock(&f->lock);
    load_note(f->log, "assigned %s %s %" PRId64, agent->id, task_id, epoch);
    struct work *w = find(f, agent, task_id, epoch);
    if (!w)
        w = take(f, agent, task_id, epoch, json_object_get(body, "timeout_ms") != NULL);
    bool yes = w && w->plan != DECLINE;
    bool keep = w && w->plan != DECLINE && w->plan != VANISH;
    if (w && !keep)
        forget(f, w);
    pthread_mutex_unlock(&f->lock);
    if (natsMsg_GetReply(msg))
        load_send(&f->link, natsMsg_GetReply(msg), NULL, NULL,
                  yes ? "{\"accepted\":true}" : "{\"accepted\":false,\"reason\":\"not now\"}");
    json_decref(body);
    natsMsg_Destroy(msg);
}

static void on_control(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *ctx)
{
    (void)nc;
    (void)sub;
    struct agent *agent = ctx;
    struct fleet *f = agent->fleet;
    json_t *body = load_body(msg);
    const char *verb = json_string_value(json_object_get(body, "verb"));
    const char *task_id = json_string_value(json_object_get(body, "task_id"));
    int64_t epoch = json_integer_value(json_object_get(body, "epoch"));
    pthread_mutex_lock(&f->lock);
    if (task_id) {
        load_note(f->log, "%s %s %s %" PRId64, verb, agent->id, task_id, epoch);
        struct work *w = find(f, agent, task_id, epoch);
        /* A latecomer sends its result whatever it was told: it is the one to be refused. */
        if (w && (w->plan != COME_LATE || w->stored))
            forget(f, w);
    } else if (strcmp(verb, "register") == 0) {
        agent->registered = false;
    }
    pthread_mutex_unlock(&f->lock);
    json_decref(body);
    natsMsg_Destroy(msg);
}

/* -- results --------------------------------------------------------------------------------- */

static const char *outcome_of(const struct work *w, bool other)
{
    return (w->plan == FAIL) == other ? "success" : "failure";
}

static void result_body(const struct work *w, bool other, char *out, size_t cap)
{
    static const char *const classes[] = {"agent_error", "tool_error", "rate_limited", "policy"};
    enum { FINAL_EACH = 20 };
    const char *outcome = outcome_of(w, other);
    char error[96] = "";
    uint64_t dice = w->dice >> 16;
    if (strcmp(outcome, "failure") == 0)
        snprintf(error, sizeof error, ",\"error\":{\"class\":\"%s\",\"retryable\":%s}",
                 classes[dice % (sizeof classes / sizeof *classes)],
                 dice / 8 % FINAL_EACH == 0 ? "false" : "true");
    snprintf(out, cap,
             "{\"task_id\":\"%s\",\"epoch\":%" PRId64 ",\"outcome\":\"%s\",\"duration_ms\":%" PRIu64
             "%s}",
             w->task_id, w->epoch, outcome, dice % WORK_MS, error);
}

static void send_result(struct fleet *f, const struct work *w, bool other, const char *suffix,
                        const char *reply)
{
    char subject[128], msg_id[2 * VC_ID_MAX], body[512];
    snprintf(subject, sizeof subject, "vapora.task.result.%s", w->agent->id);
    snprintf(msg_id, sizeof msg_id, "%s:%" PRId64 "%s", w->task_id, w->epoch, suffix);
    result_body(w, other, body, sizeof body);
    load_send(&f->link, subject, reply, msg_id, body);
}

static void note_result(struct fleet *f, const struct work *w, bool other)
{
    load_note(f->log, "result %s %s %" PRId64 " %s", w->agent->id, w->task_id, w->epoch,
              outcome_of(w, other));
}

static void finish(struct fleet *f, struct work *w, size_t slot)
{
    uint64_t share = (w->dice >> 8) % SHARES;
    bool twice = !w->noted && share < TWICE_SHARE, other = twice && share < OTHER_SHARE;
    if (!w->noted)
        note_result(f, w, false);
    if (other)
        note_result(f, w, true);
    w->noted = true;
    char reply[128];
    snprintf(reply, sizeof reply, "%s.%zu.%s", f->link.inbox, slot, w->key);
    send_result(f, w, false, "", reply);
    if (twice)
        send_result(f, w, other, "-again", NULL);
    w->send_at = vc_mono_now().ms + PATIENCE_MS;
}

/* "<inbox>.register.<agent>" */
static bool is_registration(struct fleet *f, const char *subject, natsMsg *msg)
{
    static const char word[] = "register.";
    if (strncmp(subject, word, sizeof word - 1) != 0)
        return false;
    json_t *body = load_body(msg);
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->agents[i].id, subject + sizeof word - 1) == 0)
            f->agents[i].registered |= json_object_get(body, "interval_ms") != NULL;
    json_decref(body);
    return true;
}

/* "<inbox>.<slot>.<key>" */
static void stored(struct fleet *f, const char *subject, natsMsg *msg)
{
    char *key;
    size_t slot = strtoul(subject, &key, 10);
    struct work *w = slot < WORK_MAX ? &f->work[slot] : NULL;
    json_t *body = load_body(msg);
    if (w && *key == '.' && strcmp(w->key, key + 1) == 0 && load_is_stored(body) && !w->stored) {
        load_note(f->log, "stored %s %s %" PRId64, w->agent->id, w->task_id, w->epoch);
        w->stored = true;
        w->send_at = INT64_MAX;
        if (w->plan == COME_LATE)
            forget(f, w);
    }
    json_decref(body);
}

static void on_answer(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *ctx)
{
    (void)nc;
    (void)sub;
    struct fleet *f = ctx;
    const char *subject = natsMsg_GetSubject(msg) + strlen(f->link.inbox) + 1;
    pthread_mutex_lock(&f->lock);
    if (!is_registration(f, subject, msg))
        stored(f, subject, msg);
    pthread_mutex_unlock(&f->lock);
    natsMsg_Destroy(msg);
}

/* -- turns ----------------------------------------------------------------------------------- */

static void enrol(struct fleet *f, struct agent *agent)
{
    char subject[128], reply[160], body[128];
    snprintf(subject, sizeof subject, "vapora.api.agent.register.%s", agent->id);
    snprintf(reply, sizeof reply, "%s.register.%s", f->link.inbox, agent->id);
    snprintf(body, sizeof body, "{\"capacity\":%" PRIu64 "}", f->conf->open);
    load_send(&f->link, subject, reply, NULL, body);
}

static void beat(struct fleet *f, const struct agent *agent)
{
    VC_AUTO_BUF struct vc_buf body = {0};
    vc_buf_puts(&body, "{\"running\":[");
    const char *comma = "";
    for (size_t i = 0; i < WORK_MAX; i++) {
        const struct work *w = &f->work[i];
        if (!w->key[0] || w->agent != agent || w->plan == COME_LATE)
            continue;
        vc_buf_printf(&body, "%s{\"task_id\":\"%s\",\"epoch\":%" PRId64 "}", comma, w->task_id,
                      w->epoch);
        comma = ",";
    }
    vc_buf_puts(&body, "]}");
    char subject[128];
    snprintf(subject, sizeof subject, "vapora.agent.heartbeat.%s", agent->id);
    load_send(&f->link, subject, NULL, NULL, body.text);
}

static void turn(struct fleet *f)
{
    int64_t now = vc_mono_now().ms;
    bool renewed = f->renewals != f->link.renewals;
    f->renewals = f->link.renewals;
    for (size_t i = 0; i < f->n; i++) {
        struct agent *agent = &f->agents[i];
        if (!agent->registered && (renewed || agent->ask_at <= now)) {
            agent->ask_at = now + ASK_AGAIN_MS;
            enrol(f, agent);
        }
        if (renewed || agent->beat_at <= now) {
            agent->beat_at = now + BEAT_MS;
            beat(f, agent);
        }
    }
    for (size_t i = 0; i < WORK_MAX; i++)
        if (f->work[i].key[0] && f->work[i].send_at <= now)
            finish(f, &f->work[i], i);
}

static void open_agent(struct fleet *f, size_t i)
{
    struct agent *agent = &f->agents[i];
    char subject[128];
    agent->fleet = f;
    snprintf(agent->id, sizeof agent->id, "%s-%zu", f->conf->name, i);
    snprintf(subject, sizeof subject, "vapora.task.assign.%s", agent->id);
    agent->assignments = load_subscribe(&f->link, subject, on_assign, agent);
    snprintf(subject, sizeof subject, "vapora.agent.control.%s", agent->id);
    agent->control = load_subscribe(&f->link, subject, on_control, agent);
}

void load_agents(const struct load_conf *conf)
{
    struct fleet *f = vc_xcalloc(1, sizeof *f);
    f->conf = conf;
    f->n = conf->count < AGENTS_MAX ? conf->count : AGENTS_MAX;
    f->log = load_log_open(conf->dir, conf->name);
    pthread_mutex_init(&f->lock, NULL);
    load_connect(&f->link, conf->url, conf->name);
    char replies[128];
    snprintf(replies, sizeof replies, "%s.>", f->link.inbox);
    natsSubscription *answers = load_subscribe(&f->link, replies, on_answer, f);
    for (size_t i = 0; i < f->n; i++)
        open_agent(f, i);
    while (!load_stop) {
        pthread_mutex_lock(&f->lock);
        turn(f);
        pthread_mutex_unlock(&f->lock);
        usleep(TURN_US);
    }
    load_disconnect(&f->link);
    natsSubscription_Destroy(answers);
    for (size_t i = 0; i < f->n; i++) {
        natsSubscription_Destroy(f->agents[i].assignments);
        natsSubscription_Destroy(f->agents[i].control);
    }
    vc_map_fini(&f->index);
    pthread_mutex_destroy(&f->lock);
    close(f->log);
    free(f);
}
