#include "coordinator/api.h"

#include "base/id.h"
#include "coordinator/record.h"
#include "coordinator/rows.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One question being answered. */
struct ask {
    struct vc_api *api;
    const json_t *request;
    struct vc_json_out out;
    struct vc_refusal *refusal;
    json_t *explained; /* task.explain: the latest decision's record */
};

static bool refuse(struct ask *a, int code, const char *reason, const char *field, const char *fmt,
                   ...) VC_PRINTF(5, 6);

static bool refuse(struct ask *a, int code, const char *reason, const char *field, const char *fmt,
                   ...)
{
    *a->refusal = (struct vc_refusal){.code = code, .reason = reason};
    vc_copy(a->refusal->field, sizeof a->refusal->field, field);
    va_list args;
    va_start(args, fmt);
    vsnprintf(a->refusal->text, sizeof a->refusal->text, fmt, args);
    va_end(args);
    return false;
}

/* A question that the store could not answer is our failure, not the asker's. */
static bool stored(struct ask *a, enum vc_rc rc, const struct vc_err *err)
{
    return rc == VC_OK || refuse(a, 500, "storage", "", "%s", err->text);
}

/* -- what the request says ------------------------------------------------------------------- */

static bool want_text(struct ask *a, const char *key, bool (*ok)(const char *), const char *what,
                      bool required, const char **out)
{
    const json_t *value = json_object_get(a->request, key);
    *out = json_string_value(value);
    if (!value || json_is_null(value))
        return !required || refuse(a, 400, "schema_violation", key, "it is required");
    if (!*out || (ok && !ok(*out)))
        return refuse(a, 400, "schema_violation", key, "it must be %s", what);
    return true;
}

static bool want_id(struct ask *a, const char *key, bool required, const char **out)
{
    if (want_text(a, key, vc_id_ok, "1 to 64 of the characters A-Z a-z 0-9 _ -", required, out))
        return true;
    if (json_object_get(a->request, key))
        a->refusal->reason = "bad_id";
    return false;
}

static bool want_type(struct ask *a, bool required, const char **out)
{
    return want_text(a, "task_type", vc_task_type_ok, "1 to 40 of the characters a-z 0-9 _ -",
                     required, out);
}

static bool state_ok(const char *word)
{
    enum vc_task_state state;
    return vc_task_state_parse(word, &state);
}

static bool want_limit(struct ask *a, uint32_t *out)
{
    const json_t *value = json_object_get(a->request, "limit");
    *out = VC_PAGE_DEFAULT;
    if (!value || json_is_null(value))
        return true;
    json_int_t n = json_integer_value(value);
    if (!json_is_integer(value) || n < 1 || n > VC_PAGE_MAX)
        return refuse(a, 400, "schema_violation", "limit", "it must be a whole number in 1..%d",
                      VC_PAGE_MAX);
    *out = (uint32_t)n;
    return true;
}

static bool want_cursor(struct ask *a, int64_t *before_seq)
{
    const char *text;
    *before_seq = 0;
    if (!want_text(a, "cursor", NULL, "a next_cursor of an earlier page", false, &text) || !text)
        return a->refusal->code == 0;
    char *end;
    *before_seq = strtoll(text, &end, 10);
    if (*end || *before_seq < 1)
        return refuse(a, 400, "schema_violation", "cursor",
                      "it must be a next_cursor of an earlier page");
    return true;
}

static const struct vc_agent *want_agent(struct ask *a)
{
    const char *id;
    if (!want_id(a, "agent_id", true, &id))
        return NULL;
    const struct vc_agent *agent = vc_roster_find(vc_core_roster(a->api->core), id);
    if (!agent)
        refuse(a, 404, "agent_not_found", "agent_id", "no agent '%s' ever registered", id);
    return agent;
}

static void open_reply(struct ask *a, const char *type)
{
    vc_json_open(&a->out, '{');
    vc_json_kv_text(&a->out, "type", type);
}

static void open_list(struct ask *a, const char *key)
{
    vc_json_key(&a->out, key);
    vc_json_open(&a->out, '[');
}

/* -- tasks ----------------------------------------------------------------------------------- */

static void add_task(void *ctx, const struct vc_kg_task *task)
{
    struct ask *a = ctx;
    VC_AUTO_BUF struct vc_buf why = {0};
    vc_core_waiting_for(a->api->core, task->task_id, a->api->mono, a->api->wall, &why);
    vc_rows_task(&a->out, task, why.text);
}

static void add_execution(void *ctx, const struct vc_kg_execution *execution)
{
    struct ask *a = ctx;
    vc_rows_execution(&a->out, execution);
}

static void add_decision(void *ctx, const struct vc_kg_decision *decision)
{
    struct ask *a = ctx;
    vc_json_raw(&a->out, decision->record);
}

static bool put_task(struct ask *a, const char *id)
{
    struct vc_err err;
    vc_json_key(&a->out, "task");
    enum vc_rc rc = vc_kg_get_task(a->api->kg, id, add_task, a, &err);
    if (rc == VC_E_NOT_FOUND)
        return refuse(a, 404, "task_not_found", "task_id", "there is no task '%s'", id);
    return stored(a, rc, &err);
}

static bool put_executions(struct ask *a, const char *key, const char *id)
{
    struct vc_err err;
    open_list(a, key);
    bool ok = stored(a, vc_kg_task_executions(a->api->kg, id, add_execution, a, &err), &err);
    vc_json_close(&a->out, ']');
    return ok;
}

static bool put_decisions(struct ask *a, const char *id)
{
    struct vc_err err;
    open_list(a, "decisions");
    bool ok = stored(a, vc_kg_task_decisions(a->api->kg, id, add_decision, a, &err), &err);
    vc_json_close(&a->out, ']');
    return ok;
}

static bool task_get(struct ask *a)
{
    const char *id;
    if (!want_id(a, "task_id", true, &id))
        return false;
    open_reply(a, VC_TYPE_API "task_get_response");
    bool ok = put_task(a, id) && put_executions(a, "executions", id) && put_decisions(a, id);
    vc_json_close(&a->out, '}');
    return ok;
}

struct page {
    struct ask *a;
    uint32_t n;
    int64_t last_seq;
};

static void add_to_page(void *ctx, const struct vc_kg_task *task)
{
    struct page *page = ctx;
    add_task(page->a, task);
    page->last_seq = task->seq;
    page->n++;
}

static bool task_list(struct ask *a)
{
    struct vc_kg_filter filter = {0};
    if (!want_text(a, "state", state_ok, "a task state", false, &filter.state) ||
        !want_type(a, false, &filter.task_type) ||
        !want_id(a, "agent_id", false, &filter.agent_id) ||
        !want_text(a, "text", NULL, "words to search for", false, &filter.text) ||
        !want_limit(a, &filter.limit) || !want_cursor(a, &filter.before_seq))
        return false;
    struct vc_err err;
    struct page page = {.a = a};
    open_reply(a, VC_TYPE_API "task_list_response");
    open_list(a, "tasks");
    enum vc_rc rc = vc_kg_tasks(a->api->kg, &filter, add_to_page, &page, &err);
    if (rc == VC_E_INVALID)
        return refuse(a, 400, "schema_violation", "text", "%s", err.text);
    vc_json_close(&a->out, ']');
    char cursor[24];
    snprintf(cursor, sizeof cursor, "%lld", (long long)page.last_seq);
    vc_json_kv_text(&a->out, "next_cursor", page.n == filter.limit ? cursor : NULL);
    vc_json_close(&a->out, '}');
    return stored(a, rc, &err);
}

static void keep_latest(void *ctx, const struct vc_kg_decision *decision)
{
    struct ask *a = ctx;
    json_decref(a->explained);
    a->explained = json_loads(decision->record, 0, NULL);
}

static bool task_explain(struct ask *a)
{
    const char *id;
    struct vc_err err;
    if (!want_id(a, "task_id", true, &id))
        return false;
    open_reply(a, VC_TYPE_API "task_explain_response");
    if (!put_task(a, id) || !put_executions(a, "attempts", id) ||
        !stored(a, vc_kg_task_decisions(a->api->kg, id, keep_latest, a, &err), &err))
        return false;
    char *record = a->explained ? json_dumps(a->explained, JSON_COMPACT) : NULL;
    vc_json_kv_raw(&a->out, "decision", record);
    free(record);
    VC_AUTO_BUF struct vc_buf why = {0};
    vc_core_waiting_for(a->api->core, id, a->api->mono, a->api->wall, &why);
    const char *sentence = json_string_value(json_object_get(a->explained, "sentence"));
    VC_AUTO_BUF struct vc_buf waits = {0};
    vc_buf_printf(&waits, "It waits for %s.", vc_buf_text(&why));
    if (why.text)
        sentence = waits.text;
    else if (!sentence)
        sentence = "No decision was made for it.";
    vc_json_kv_text(&a->out, "sentence", sentence);
    vc_json_close(&a->out, '}');
    return true;
}

/* -- agents ---------------------------------------------------------------------------------- */

static void list_member(struct vc_json_out *out, const char *key, const json_t *card)
{
    json_t *value = json_object_get(card, key);
    char *text = json_is_array(value) ? json_dumps(value, JSON_COMPACT) : NULL;
    vc_json_kv_raw(out, key, text ? text : "[]");
    free(text);
}

static void put_agent(struct ask *a, const struct vc_agent *agent)
{
    struct vc_json_out *out = &a->out;
    json_auto_t *card = json_loads(agent->card, 0, NULL);
    struct vc_agent_record record = vc_core_agent_record(a->api->core, agent);
    enum vc_agent_state state = vc_core_agent_state(a->api->core, agent, a->api->mono);
    vc_json_open(out, '{');
    vc_json_kv_text(out, "agent_id", agent->agent_id);
    vc_json_kv_text(out, "role", agent->role);
    vc_json_kv_text(out, "state", agent->removed ? "removed" : vc_agent_state_name(state));
    vc_json_kv_int(out, "in_flight", agent->in_flight);
    vc_json_kv_int(out, "capacity", agent->capacity);
    list_member(out, "capabilities", card);
    list_member(out, "task_types", card);
    vc_json_kv_text(out, "version", json_string_value(json_object_get(card, "version")));
    vc_json_kv_instant(out, "registered_at", agent->registered_at);
    vc_json_key(out, "heartbeat_age_ms");
    if (agent->heard)
        vc_json_int(out, a->api->mono.ms - agent->heard_at.ms);
    else
        vc_json_null(out);
    vc_json_kv_int(out, "executions", (int64_t)record.n);
    vc_json_key(out, "success_rate");
    if (record.n)
        vc_json_double(out, record.value_sum / (double)record.n);
    else
        vc_json_null(out);
    vc_json_key(out, "running");
    vc_json_open(out, '[');
    for (const struct vc_task *t = agent->leases; t; t = t->lease_next) {
        vc_json_open(out, '{');
        vc_json_kv_text(out, "task_id", t->task_id);
        vc_json_kv_int(out, "epoch", t->epoch);
        vc_json_close(out, '}');
    }
    vc_json_close(out, ']');
    vc_json_close(out, '}');
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* By name: numbers depend on which type came first. */
static void put_types(struct ask *a, const struct vc_agent *agent)
{
    uint32_t n = vc_core_types(a->api->core);
    const char **names = vc_effects_alloc(a->api->fx, (n + 1) * sizeof *names);
    for (uint32_t i = 0; i < n; i++)
        names[i] = vc_core_type_name(a->api->core, i);
    qsort(names, n, sizeof *names, by_name);
    open_list(a, "types");
    for (uint32_t i = 0; i < n; i++) {
        struct vc_expertise e = vc_core_expertise(a->api->core, agent, names[i], a->api->wall);
        if (e.n == 0)
            continue;
        vc_json_open(&a->out, '{');
        vc_record_standing(&a->out, names[i], &e);
        vc_json_close(&a->out, '}');
    }
    vc_json_close(&a->out, ']');
}

static int by_agent_id(const void *a, const void *b)
{
    return strcmp((*(const struct vc_agent *const *)a)->agent_id,
                  (*(const struct vc_agent *const *)b)->agent_id);
}

static bool agent_list(struct ask *a)
{
    const struct vc_roster *roster = vc_core_roster(a->api->core);
    const struct vc_agent **sorted =
        vc_effects_alloc(a->api->fx, (roster->len + 1) * sizeof *sorted);
    size_t n = 0;
    for (size_t i = 0; i < roster->len; i++)
        if (!roster->agents[i]->removed)
            sorted[n++] = roster->agents[i];
    qsort(sorted, n, sizeof *sorted, by_agent_id);
    open_reply(a, VC_TYPE_API "agent_list_response");
    open_list(a, "agents");
    for (size_t i = 0; i < n; i++)
        put_agent(a, sorted[i]);
    vc_json_close(&a->out, ']');
    vc_json_close(&a->out, '}');
    return true;
}

static bool agent_get(struct ask *a)
{
    const struct vc_agent *agent = want_agent(a);
    if (!agent)
        return false;
    open_reply(a, VC_TYPE_API "agent_get_response");
    vc_json_key(&a->out, "agent");
    put_agent(a, agent);
    put_types(a, agent);
    vc_json_close(&a->out, '}');
    return true;
}

static bool profile_get(struct ask *a)
{
    const struct vc_agent *agent = want_agent(a);
    if (!agent)
        return false;
    open_reply(a, VC_TYPE_API "profile_get_response");
    vc_json_kv_text(&a->out, "agent_id", agent->agent_id);
    put_types(a, agent);
    vc_json_close(&a->out, '}');
    return true;
}

/* -- scores ---------------------------------------------------------------------------------- */

/* The type asked about: stated, or inferred from a text. */
static bool want_any_type(struct ask *a, const char **type)
{
    const char *title, *description;
    if (!want_type(a, false, type) || !want_text(a, "title", NULL, "a text", false, &title) ||
        !want_text(a, "description", NULL, "a text", false, &description))
        return false;
    if (!*type && !title)
        return refuse(a, 400, "schema_violation", "task_type",
                      "either task_type or title is required");
    if (!*type)
        *type = vc_task_type_infer(NULL, title, description).task_type;
    return true;
}

static bool score_rank(struct ask *a)
{
    const char *type;
    if (!want_any_type(a, &type))
        return false;
    open_reply(a, VC_TYPE_API "score_rank_response");
    vc_json_kv_text(&a->out, "task_type", type);
    vc_json_kv_text(&a->out, "policy", "formula");
    vc_json_kv_text(&a->out, "recency", vc_recency_name(a->api->conf->recency));
    vc_json_kv_instant(&a->out, "at", a->api->wall);
    open_list(a, "candidates");
    size_t n;
    struct vc_seen *seen =
        vc_core_rank(a->api->core, type, a->api->mono, a->api->wall, a->api->fx, &n);
    for (size_t i = 0; i < n; i++) {
        vc_json_open(&a->out, '{');
        vc_record_seen(&a->out, &seen[i]);
        vc_json_close(&a->out, '}');
    }
    vc_json_close(&a->out, ']');
    vc_json_close(&a->out, '}');
    return true;
}

static bool score_get(struct ask *a)
{
    const char *type;
    const struct vc_agent *agent = want_agent(a);
    if (!agent || !want_type(a, true, &type))
        return false;
    size_t n;
    struct vc_seen *seen =
        vc_core_rank(a->api->core, type, a->api->mono, a->api->wall, a->api->fx, &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(seen[i].agent_id, agent->agent_id) == 0) {
            open_reply(a, VC_TYPE_API "score_get_response");
            vc_json_kv_text(&a->out, "task_type", type);
            vc_record_seen(&a->out, &seen[i]);
            vc_json_close(&a->out, '}');
            return true;
        }
    return refuse(a, 404, "agent_not_found", "agent_id", "agent '%s' was removed", agent->agent_id);
}

/* -- executions and counts ------------------------------------------------------------------- */

static bool execution_list(struct ask *a)
{
    struct vc_kg_filter filter = {0};
    if (!want_id(a, "agent_id", false, &filter.agent_id) ||
        !want_type(a, false, &filter.task_type) || !want_limit(a, &filter.limit))
        return false;
    struct vc_err err;
    open_reply(a, VC_TYPE_API "execution_list_response");
    open_list(a, "executions");
    enum vc_rc rc = vc_kg_executions(a->api->kg, &filter, add_execution, a, &err);
    vc_json_close(&a->out, ']');
    vc_json_close(&a->out, '}');
    return stored(a, rc, &err);
}

struct counts {
    uint64_t recorded, late, outbox;
};

static void take_count(void *ctx, const char *name, uint64_t count)
{
    struct counts *c = ctx;
    if (strcmp(name, "recorded") == 0)
        c->recorded = count;
    else if (strcmp(name, "late") == 0)
        c->late = count;
    else if (strcmp(name, "outbox") == 0)
        c->outbox = count;
}

static bool stats_get(struct ask *a)
{
    struct vc_err err;
    struct counts counts = {0};
    if (!stored(a, vc_kg_count_rows(a->api->kg, take_count, &counts, &err), &err))
        return false;
    struct vc_core_stats stats = vc_core_stats(a->api->core, a->api->mono);
    open_reply(a, VC_TYPE_API "stats_get_response");
    vc_json_key(&a->out, "tasks");
    vc_json_open(&a->out, '{');
    for (int i = 0; i < VC_TASK_STATE_COUNT; i++)
        vc_json_kv_int(&a->out, vc_task_state_name((enum vc_task_state)i), (int64_t)stats.tasks[i]);
    vc_json_close(&a->out, '}');
    vc_json_key(&a->out, "executions");
    vc_json_open(&a->out, '{');
    vc_json_kv_int(&a->out, "recorded", (int64_t)counts.recorded);
    vc_json_kv_int(&a->out, "late", (int64_t)counts.late);
    vc_json_close(&a->out, '}');
    vc_json_key(&a->out, "agents");
    vc_json_open(&a->out, '{');
    for (int i = 0; i < VC_AGENT_STATE_COUNT; i++)
        vc_json_kv_int(&a->out, vc_agent_state_name((enum vc_agent_state)i),
                       (int64_t)stats.agents[i]);
    vc_json_close(&a->out, '}');
    vc_json_kv_int(&a->out, "outbox", (int64_t)counts.outbox);
    vc_json_kv_int(&a->out, "uptime_ms", a->api->mono.ms - a->api->started.ms);
    vc_json_kv_text(&a->out, "version", a->api->version);
    vc_json_close(&a->out, '}');
    return true;
}

/* -- the table ------------------------------------------------------------------------------- */

static const struct {
    const char *verb;
    bool (*answer)(struct ask *);
} questions[] = {
    {"task.get", task_get},     {"task.list", task_list},     {"task.explain", task_explain},
    {"agent.list", agent_list}, {"agent.get", agent_get},     {"score.rank", score_rank},
    {"score.get", score_get},   {"profile.get", profile_get}, {"execution.list", execution_list},
    {"stats.get", stats_get},
};

const char *const vc_api_verbs[] = {
    "task.submit", "task.get",     "task.list",      "task.cancel",
    "task.retry",  "task.explain", "agent.register", "agent.list",
    "agent.get",   "agent.drain",  "agent.remove",   "score.rank",
    "score.get",   "profile.get",  "execution.list", "stats.get",
    NULL,
};

bool vc_api_answer(struct vc_api *api, const char *verb, const json_t *request, struct vc_buf *out,
                   struct vc_refusal *refusal)
{
    struct ask a = {.api = api, .request = request, .out = {.buf = out}, .refusal = refusal};
    *refusal = (struct vc_refusal){0};
    bool ok = refuse(&a, 404, "unknown_verb", "", "there is no verb '%s'", verb);
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++)
        if (strcmp(questions[i].verb, verb) == 0) {
            *refusal = (struct vc_refusal){0};
            ok = questions[i].answer(&a);
            break;
        }
    json_decref(a.explained);
    if (!ok)
        vc_buf_reset(out);
    return ok;
}
