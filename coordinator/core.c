#include "base/check.h"
#include "base/mem.h"
#include "coordinator/core_state.h"

#include <string.h>

const struct vc_core_conf vc_core_conf_default = {
    .weights = VC_WEIGHTS_DEFAULT,
    .base = VC_BASE_SUCCESS_LOAD,
    .recency = VC_RECENCY_HALF_LIFE,
    .probation = VC_PROBATION_DEFAULT,
    .interval_ms = 5000,
    .lease_ms = 15000,
    .answer_ms = 5000,
    .decline_pause_ms = 1000,
    .open_tasks_max = VC_OPEN_TASKS_MAX,
    .open_bytes_max = (size_t)VC_OPEN_MIB_MAX << 20,
    .agents_max = VC_AGENTS_MAX,
};

/* In milliseconds; cannot overflow, so that an absurd interval is refused by its own row. */
static int64_t lease_min(int64_t interval_ms)
{
    return interval_ms <= VC_HOUR_MS ? interval_ms * VC_SILENT_INTERVALS : 0;
}

enum vc_rc vc_core_conf_check(const struct vc_core_conf *conf, struct vc_err *err)
{
    const struct {
        const char *name;
        int64_t value, min, max;
    } ranges[] = {
        {"heartbeat interval (ms)", conf->interval_ms, 100, VC_HOUR_MS},
        {"lease (ms)", conf->lease_ms, lease_min(conf->interval_ms), VC_DAY_MS},
        {"answer timeout (ms)", conf->answer_ms, 1, VC_HOUR_MS},
        {"pause after a decline (ms)", conf->decline_pause_ms, 1, VC_HOUR_MS},
        {"probation trials", conf->probation.trials, 1, 100},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (ranges[i].value < ranges[i].min || ranges[i].value > ranges[i].max)
            return vc_fail(err, VC_E_INVALID, "the %s is %lld; it must lie in %lld..%lld",
                           ranges[i].name, (long long)ranges[i].value, (long long)ranges[i].min,
                           (long long)ranges[i].max);
    double share = conf->probation.max_share;
    if (!(share >= 0 && share <= 1))
        return vc_fail(err, VC_E_INVALID, "the share of probation is %g; it must lie in 0..1",
                       share);
    if (!vc_weights_ok(conf->weights))
        return vc_fail(err, VC_E_INVALID, "the weights must be >= 0 and sum to 1");
    return VC_OK;
}

struct vc_core *vc_core_create(const struct vc_core_conf *conf)
{
    VC_CHECK(vc_core_conf_check(conf, NULL) == VC_OK);
    struct vc_core *core = vc_xcalloc(1, sizeof *core);
    core->conf = *conf;
    core->random = conf->seed;
    core->unpause.ms = INT64_MAX;
    core->profiles = vc_profiles_create(conf->recency);
    return core;
}

void vc_core_destroy(struct vc_core **core_p)
{
    struct vc_core *core = *core_p;
    if (!core)
        return;
    vc_core_settle(core);
    for (size_t i = 0; i < core->tasks_n; i++)
        vc_task_destroy(&core->tasks[i]);
    for (size_t i = 0; i < core->types_n; i++)
        vc_free(core->types[i].name);
    vc_free(core->tasks);
    vc_free(core->types);
    vc_free(core->free_slots);
    vc_free(core->scratch.candidates);
    vc_free(core->scratch.trials);
    vc_free(core->scratch.scores);
    vc_free(core->scratch.gates);
    vc_map_fini(&core->type_by_name);
    vc_map_fini(&core->task_by_id);
    vc_queue_fini(&core->queue);
    vc_heap_fini(&core->timers);
    vc_roster_fini(&core->roster);
    vc_profiles_destroy(&core->profiles);
    vc_free(core);
    *core_p = NULL;
}

/* -- small parts that the other files share -------------------------------------------------- */

uint32_t vc_core_type(struct vc_core *core, const char *name)
{
    uint32_t i = vc_map_get(&core->type_by_name, name);
    if (i != VC_MAP_NONE)
        return i;
    VC_GROW(core->types, core->types_n, core->types_cap);
    core->types[core->types_n] = (struct vc_type){.name = vc_xstrdup(name)};
    vc_map_put(&core->type_by_name, core->types[core->types_n].name, (uint32_t)core->types_n);
    return (uint32_t)core->types_n++;
}

struct vc_task *vc_core_task(const struct vc_core *core, const char *task_id)
{
    uint32_t slot = vc_map_get(&core->task_by_id, task_id);
    return slot == VC_MAP_NONE ? NULL : core->tasks[slot];
}

void vc_core_adopt(struct vc_core *core, struct vc_task *task)
{
    if (core->free_n > 0) {
        task->slot = core->free_slots[--core->free_n];
    } else {
        VC_GROW(core->tasks, core->tasks_n, core->tasks_cap);
        task->slot = (uint32_t)core->tasks_n++;
    }
    core->tasks[task->slot] = task;
    task->order = core->next_order++;
    vc_map_put(&core->task_by_id, task->task_id, task->slot);
    core->open++;
    core->open_bytes += strlen(task->spec);
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t draw(struct vc_core *core)
{
    uint64_t z = core->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void vc_core_uuid(struct vc_step *s, char out[VC_UUID_TEXT])
{
    const uint64_t words[2] = {draw(s->core), draw(s->core)};
    uint8_t bytes[10];
    memcpy(bytes, words, sizeof bytes);
    vc_uuid7(s->wall, bytes, out);
}

void vc_core_wake(struct vc_core *core)
{
    vc_queue_wake(&core->queue);
}

/* -- how a task moves ------------------------------------------------------------------------ */

void vc_core_bury(struct vc_core *core, struct vc_task *task)
{
    vc_heap_remove(&core->timers, task);
    vc_map_del(&core->task_by_id, task->task_id);
    core->tasks[task->slot] = NULL;
    VC_GROW(core->free_slots, core->free_n, core->free_cap);
    core->free_slots[core->free_n++] = task->slot;
    core->open--;
    core->open_bytes -= strlen(task->spec);
    task->grave_next = core->graves;
    core->graves = task;
}

void vc_core_move(struct vc_step *s, struct vc_task *task, enum vc_task_state to,
                  const char *agent_id, const char *error)
{
    struct vc_core *core = s->core;
    VC_CHECK(vc_task_move_ok(task->state, to));
    core->counts[task->state]--;
    core->counts[to]++;
    struct vc_effect *e = vc_effects_add(s->fx, VC_EFFECT_MOVE_TASK);
    e->move.task_id = task->task_id;
    e->move.from = task->state;
    e->move.state = to;
    e->move.task_type = core->types[task->type].name;
    e->move.epoch = task->epoch;
    e->move.attempt = task->attempt;
    e->move.max_attempts = task->max_attempts;
    e->move.agent_id = vc_effects_copy(s->fx, agent_id);
    e->move.decision_id = task->decision_id[0] ? vc_effects_copy(s->fx, task->decision_id) : NULL;
    e->move.error = vc_effects_copy(s->fx, error);
    e->move.at = s->wall;
    task->state = to;
    if (vc_task_state_final(to))
        vc_core_bury(core, task);
}

void vc_core_settle(struct vc_core *core)
{
    while (core->graves) {
        struct vc_task *next = core->graves->grave_next;
        vc_task_destroy(&core->graves);
        core->graves = next;
    }
}

/* -- answering ------------------------------------------------------------------------------- */

struct vc_effect *vc_core_reply(struct vc_step *s, const struct vc_event *event,
                                enum vc_reply_kind kind)
{
    struct vc_effect *e = vc_effects_add(s->fx, VC_EFFECT_REPLY);
    e->reply.kind = kind;
    e->reply.token = event->token;
    return e;
}

void vc_core_refuse(struct vc_step *s, const struct vc_event *event, enum vc_core_refusal why,
                    const char *name, const char *detail)
{
    static const struct {
        int code;
        const char *reason, *text;
    } table[] = {
        [VC_REFUSE_TASK_UNKNOWN] = {404, "task_not_found", "there is no task of this id"},
        [VC_REFUSE_AGENT_UNKNOWN] = {404, "agent_not_found", "no agent of this id ever registered"},
        [VC_REFUSE_BODY_DIFFERS] =
            {409, "conflict", "a task of this id exists with another body; the first one stands"},
        [VC_REFUSE_STATE_FORBIDS] = {409, "state_conflict", "the task's state does not allow it"},
        [VC_REFUSE_QUEUE_FULL] = {429, "queue_full", "too many open tasks; try again later"},
        [VC_REFUSE_QUEUE_LARGE] = {429, "queue_full",
                                   "open tasks hold all the bytes they may; try again later"},
        [VC_REFUSE_FLEET_FULL] = {429, "too_many_agents",
                                  "too many agents are known, removed ones included"},
    };
    if (!event->token)
        return;
    struct vc_effect *e = vc_core_reply(s, event, VC_REPLY_REFUSED);
    e->reply.code = table[why].code;
    e->reply.reason = table[why].reason;
    VC_AUTO_BUF struct vc_buf text = {0};
    vc_buf_printf(&text, "%s: %s%s%s", name, table[why].text, detail ? ": it is " : "",
                  detail ? detail : "");
    e->reply.text = vc_effects_copy(s->fx, text.text);
}

void vc_core_tell(struct vc_step *s, enum vc_control what, const char *agent_id,
                  const char *task_id, uint32_t epoch)
{
    struct vc_effect *e = vc_effects_add(s->fx, VC_EFFECT_CONTROL);
    e->control.what = what;
    e->control.agent_id = vc_effects_copy(s->fx, agent_id);
    e->control.task_id = vc_effects_copy(s->fx, task_id);
    e->control.epoch = epoch;
}

/* -- the step -------------------------------------------------------------------------------- */

void vc_core_step(struct vc_core *core, const struct vc_event *event, struct vc_effects *fx)
{
    static void (*const on[])(struct vc_step *, const struct vc_event *) = {
        [VC_EVENT_SUBMIT] = vc_core_on_submit,     [VC_EVENT_ANSWER] = vc_core_on_answer,
        [VC_EVENT_RESULT] = vc_core_on_result,     [VC_EVENT_HEARTBEAT] = vc_core_on_heartbeat,
        [VC_EVENT_REGISTER] = vc_core_on_register, [VC_EVENT_CANCEL] = vc_core_on_cancel,
        [VC_EVENT_RETRY] = vc_core_on_retry,       [VC_EVENT_DRAIN] = vc_core_on_drain,
        [VC_EVENT_REMOVE] = vc_core_on_remove,     [VC_EVENT_TICK] = NULL,
    };
    struct vc_step s = {.core = core, .fx = fx, .mono = event->mono, .wall = event->wall};
    if (on[event->kind])
        on[event->kind](&s, event);
    vc_core_on_time(&s);
    vc_core_dispatch(&s);
}
