#include "coordinator/task.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define BIT(state) (1u << VC_TASK_##state)

static const struct {
    const char *name;
    bool final;
} states[] = {
#define VC_TASK_STATE(name, wire, final) [VC_TASK_##name] = {wire, final},
#include "coordinator/task_state.def"
#undef VC_TASK_STATE
};

/* A held task goes back to the queue when its attempt ends without a verdict; what ended badly may
 * be retried by command; what completed or was rejected stays so. */
static const unsigned allowed[VC_TASK_STATE_COUNT] = {
    [VC_TASK_SUBMITTED] = BIT(QUEUED) | BIT(REJECTED),
    [VC_TASK_QUEUED] = BIT(ASSIGNED) | BIT(CANCELED) | BIT(EXPIRED),
    [VC_TASK_ASSIGNED] = BIT(WORKING) | BIT(QUEUED) | BIT(COMPLETED) | BIT(FAILED) | BIT(CANCELED) |
                         BIT(EXPIRED) | BIT(DEAD),
    [VC_TASK_WORKING] =
        BIT(QUEUED) | BIT(COMPLETED) | BIT(FAILED) | BIT(CANCELED) | BIT(EXPIRED) | BIT(DEAD),
    [VC_TASK_FAILED] = BIT(QUEUED),
    [VC_TASK_CANCELED] = BIT(QUEUED),
    [VC_TASK_EXPIRED] = BIT(QUEUED),
    [VC_TASK_DEAD] = BIT(QUEUED),
};

const char *vc_task_state_name(enum vc_task_state state)
{
    return states[state].name;
}

bool vc_task_state_parse(const char *word, enum vc_task_state *out)
{
    for (int i = 0; i < VC_TASK_STATE_COUNT; i++)
        if (strcmp(states[i].name, word) == 0) {
            *out = (enum vc_task_state)i;
            return true;
        }
    return false;
}

bool vc_task_state_final(enum vc_task_state state)
{
    return states[state].final;
}

bool vc_task_move_ok(enum vc_task_state from, enum vc_task_state to)
{
    return allowed[from] & (1u << to);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A sorted copy, so that two submissions that list the same names in another order are one class.
 */
static char **copy_sorted(const char *const *items, size_t n)
{
    if (n == 0)
        return NULL;
    char **copy = vc_xcalloc(n, sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = vc_xstrdup(items[i]);
    qsort(copy, n, sizeof *copy, by_text);
    return copy;
}

/* Names are text that may hold any byte but NUL and controls; a unit separator cannot occur. */
static char *key_of(const struct vc_wants *w)
{
    struct vc_buf key = {0};
    vc_buf_printf(&key, "%s\x1f%s\x1f%lld", w->role ? w->role : "",
                  w->pin_agent_id ? w->pin_agent_id : "", (long long)w->budget_micros);
    for (size_t i = 0; i < w->requires_n; i++)
        vc_buf_printf(&key, "\x1f+%s", w->requires[i]);
    for (size_t i = 0; i < w->exclude_agents_n; i++)
        vc_buf_printf(&key, "\x1f-%s", w->exclude_agents[i]);
    return key.text;
}

struct vc_task *vc_task_create(const struct vc_submission *s)
{
    struct vc_task *task = vc_xcalloc(1, sizeof *task);
    *task = (struct vc_task){
        .task_id = vc_xstrdup(s->task_id),
        .spec = vc_xstrdup(s->spec),
        .wants = {.role = vc_xstrdup(s->role),
                  .pin_agent_id = vc_xstrdup(s->pin_agent_id),
                  .requires = copy_sorted(s->requires, s->requires_n),
                  .requires_n = s->requires_n,
                  .exclude_agents = copy_sorted(s->exclude_agents, s->exclude_agents_n),
                  .exclude_agents_n = s->exclude_agents_n,
                  .budget_micros = s->budget_micros < 0 ? -1 : s->budget_micros},
        .state = VC_TASK_SUBMITTED,
        .priority = s->priority,
        .max_attempts = s->max_attempts,
        .timeout_ms = s->timeout_ms,
        .deadline = {INT64_MAX},
        .answer_by = {INT64_MAX},
        .lease_until = {INT64_MAX},
        .stop_at = {INT64_MAX},
        .agent = VC_NO_AGENT,
        .timer = SIZE_MAX,
    };
    task->wants.key = key_of(&task->wants);
    return task;
}

static void free_list(char **items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        vc_free(items[i]);
    vc_free(items);
}

void vc_task_destroy(struct vc_task **task)
{
    struct vc_task *t = *task;
    if (!t)
        return;
    free_list(t->wants.requires, t->wants.requires_n);
    free_list(t->wants.exclude_agents, t->wants.exclude_agents_n);
    vc_free(t->wants.key);
    vc_free(t->wants.role);
    vc_free(t->wants.pin_agent_id);
    vc_free(t->tried);
    vc_free(t->task_id);
    vc_free(t->spec);
    vc_free(t->type_rule);
    vc_free(t);
    *task = NULL;
}

struct vc_mono vc_task_due(const struct vc_task *task)
{
    const int64_t limits[] = {task->answer_by.ms, task->lease_until.ms, task->stop_at.ms};
    int64_t due = task->deadline.ms;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        due = limits[i] < due ? limits[i] : due;
    return (struct vc_mono){due};
}

bool vc_task_was_tried(const struct vc_task *task, uint32_t agent)
{
    for (size_t i = 0; i < task->tried_n; i++)
        if (task->tried[i] == agent)
            return true;
    return false;
}

void vc_task_add_tried(struct vc_task *task, uint32_t agent)
{
    if (vc_task_was_tried(task, agent))
        return;
    VC_GROW(task->tried, task->tried_n, task->tried_cap);
    task->tried[task->tried_n++] = agent;
}
