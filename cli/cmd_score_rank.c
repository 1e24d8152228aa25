#include "cli/cmd.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/map.h"
#include "base/mem.h"
#include "kg-store/kg.h"
#include "scoring/score.h"

#include <string.h>

static const struct vc_option options[] = {
    {"task-type", 0, "T", "the type of the task to give away", true, false},
    {"db", 0, "PATH", "rank from this database, without a coordinator", false, false},
    {"at", 0, "INSTANT", "with --db: as seen at this time (RFC 3339, or ms since 1970)", false,
     false},
    {"recency", 0, "R", "with --db: half-life (default), e-fold or step", false, false},
    {"strict", 0, NULL, "no trials; a ranking shows scores alone, so it is the same either way",
     false, false},
    VC_OPTIONS_ONLINE,
    {0},
};

/* What the database says of one agent. */
struct standing {
    char *agent_id;
    uint64_t n;
    double value_sum;
    struct vc_expertise in_type;
};

struct fleet {
    const char *task_type;
    struct vc_wall at;
    enum vc_recency recency;
    struct standing *agents;
    size_t len, cap;
    struct vc_map by_id;
};

static void fleet_fini(struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->len; i++)
        vc_free(fleet->agents[i].agent_id);
    vc_free(fleet->agents);
    vc_map_fini(&fleet->by_id);
}

static struct standing *standing_of(struct fleet *fleet, const char *agent_id)
{
    uint32_t i = vc_map_get(&fleet->by_id, agent_id);
    if (i != VC_MAP_NONE)
        return &fleet->agents[i];
    VC_GROW(fleet->agents, fleet->len, fleet->cap);
    struct standing *agent = &fleet->agents[fleet->len];
    *agent = (struct standing){.agent_id = vc_xstrdup(agent_id)};
    vc_map_put(&fleet->by_id, agent->agent_id, (uint32_t)fleet->len++);
    return agent;
}

static void add_agent(void *ctx, const struct vc_kg_agent *agent)
{
    standing_of(ctx, agent->agent_id);
}

static void add_cell(void *ctx, const struct vc_kg_cell *cell)
{
    struct fleet *fleet = ctx;
    struct standing *agent = standing_of(fleet, cell->agent_id);
    agent->n += cell->n_total;
    agent->value_sum += cell->value_sum;
    if (strcmp(cell->task_type, fleet->task_type) != 0)
        return;
    agent->in_type = vc_expertise_of(cell->evidence, cell->n, fleet->at, fleet->recency);
    agent->in_type.n = cell->n_total;
    agent->in_type.confidence = vc_confidence_of(cell->n_total);
}

static enum vc_rc load(const char *path, struct fleet *fleet, struct vc_err *err)
{
    struct vc_kg *kg = NULL;
    enum vc_rc rc = vc_kg_open(path, VC_KG_READ, &kg, err);
    if (rc == VC_OK)
        rc = vc_kg_agents(kg, add_agent, fleet, err);
    if (rc == VC_OK)
        rc = vc_kg_load_all_profiles(kg, add_cell, fleet, err);
    vc_kg_close(&kg);
    return rc;
}

/* Nobody is known to be busy in a file: everyone is alive, unloaded and equally long idle. */
static struct vc_candidate candidate_of(const struct standing *agent, size_t index)
{
    const struct vc_expertise *x = &agent->in_type;
    return (struct vc_candidate){
        .agent = (uint32_t)index,
        .agent_id = agent->agent_id,
        .capacity = 1,
        .agent_success_rate = agent->n ? agent->value_sum / (double)agent->n : 1,
        .expertise = x->expertise,
        .confidence = x->confidence,
        .success_rate = x->success_rate,
        .recent_success_rate = x->recent_success_rate,
        .n = x->n,
        .recent_n = x->recent_n,
    };
}

static json_t *real_or_null(bool known, double value)
{
    return known ? json_real(value) : json_null();
}

static json_t *score_json(const struct vc_score *s, size_t rank)
{
    const struct vc_candidate *c = s->candidate;
    return json_pack("{s:s, s:f, s:f, s:f, s:f, s:I, s:o, s:o, s:f, s:I}", "agent_id", c->agent_id,
                     "score", s->total, "base", s->base, "expertise", s->expertise, "confidence",
                     s->confidence, "n", (json_int_t)c->n, "success_rate",
                     real_or_null(c->n > 0, c->success_rate), "recent_success_rate",
                     real_or_null(c->recent_n > 0, c->recent_success_rate), "load", s->load, "rank",
                     (json_int_t)rank);
}

static json_t *ranking_json(const struct fleet *fleet)
{
    VC_AUTO_FREE struct vc_candidate *candidates = vc_xcalloc(fleet->len, sizeof *candidates);
    VC_AUTO_FREE struct vc_score *scores = vc_xcalloc(fleet->len, sizeof *scores);
    for (size_t i = 0; i < fleet->len; i++)
        candidates[i] = candidate_of(&fleet->agents[i], i);
    vc_rank_agents(candidates, fleet->len, vc_weights_default, VC_BASE_SUCCESS_LOAD, scores);
    json_t *list = json_array();
    for (size_t i = 0; i < fleet->len; i++)
        json_array_append_new(list, score_json(&scores[i], i + 1));
    char at[VC_WALL_TEXT];
    vc_wall_format(fleet->at, at);
    return json_pack("{s:s, s:s, s:s, s:s, s:o}", "task_type", fleet->task_type, "policy",
                     "formula", "recency", vc_recency_name(fleet->recency), "at", at, "candidates",
                     list);
}

static void cell_real(struct vc_table *table, const json_t *candidate, const char *name)
{
    const json_t *value = json_object_get(candidate, name);
    if (json_is_number(value))
        vc_table_cellf(table, "%.3f", json_number_value(value));
    else
        vc_table_cell(table, "-");
}

static void print_row(struct vc_table *table, const json_t *candidate)
{
    static const char *const parts[] = {"base", "expertise", "confidence", "score"};
    static const char *const record[] = {"success_rate", "recent_success_rate", "load"};
    const json_t *gate = json_object_get(candidate, "gate");
    const json_t *rank = json_object_get(candidate, "rank");
    /* Who was kept out by a gate has no place in the order. */
    if (json_is_string(gate) || !json_is_integer(rank))
        vc_table_cell(table, "-");
    else
        vc_table_cellf(table, "%" JSON_INTEGER_FORMAT, json_integer_value(rank));
    const char *agent_id = json_string_value(json_object_get(candidate, "agent_id"));
    vc_table_cell(table, agent_id ? agent_id : "-");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        cell_real(table, candidate, parts[i]);
    vc_table_cellf(table, "%" JSON_INTEGER_FORMAT,
                   json_integer_value(json_object_get(candidate, "n")));
    for (size_t i = 0; i < sizeof record / sizeof *record; i++)
        cell_real(table, candidate, record[i]);
    vc_table_cell(table, json_is_string(gate) ? json_string_value(gate) : "");
}

/* Print @ranking, which has the same shape from a file and from a coordinator. */
static int print_ranking(const struct vc_cli *cli, const json_t *ranking)
{
    static const char *const columns[] = {">#",          "AGENT",  ">BASE", ">EXPERTISE",
                                          ">CONFIDENCE", ">SCORE", ">N",    ">SUCCESS",
                                          ">RECENT",     ">LOAD",  "GATE",  NULL};
    if (vc_cli_json(cli))
        return vc_cli_print_json(ranking);
    struct vc_table *table = vc_table_create(columns);
    const json_t *candidates = json_object_get(ranking, "candidates");
    for (size_t i = 0; i < json_array_size(candidates); i++)
        print_row(table, json_array_get(candidates, i));
    vc_table_print(&table);
    return VC_EXIT_OK;
}

static int rank_online(struct vc_cli *cli, const char *task_type)
{
    json_t *reply = NULL;
    if (vc_cli_has(cli, "at") || vc_cli_has(cli, "recency"))
        return vc_cli_usage(cli, "--at and --recency need --db PATH: a coordinator ranks with its "
                                 "own clock and recency");
    int rc = vc_cli_request(cli, "score.rank", json_pack("{s:s}", "task_type", task_type), &reply);
    if (rc != VC_EXIT_OK)
        return rc;
    json_object_del(reply, "type");
    rc = print_ranking(cli, reply);
    json_decref(reply);
    return rc;
}

static int rank_offline(const struct vc_cli *cli, const char *task_type, const char *path)
{
    struct fleet fleet = {.task_type = task_type, .at = vc_wall_now()};
    const char *at = vc_cli_get(cli, "at"), *recency = vc_cli_get(cli, "recency");
    struct vc_err err;
    if (at && vc_wall_parse(at, &fleet.at, &err) != VC_OK)
        return vc_cli_usage(cli, "--at: %s", err.text);
    if (recency && !vc_recency_parse(recency, &fleet.recency))
        return vc_cli_usage(cli, "--recency takes half-life, e-fold or step, not \"%s\"", recency);
    int rc;
    if (load(path, &fleet, &err) == VC_OK) {
        json_t *ranking = ranking_json(&fleet);
        rc = print_ranking(cli, ranking);
        json_decref(ranking);
    } else {
        rc = vc_cli_fail(cli, &err);
    }
    fleet_fini(&fleet);
    return rc;
}

static int run(struct vc_cli *cli)
{
    const char *task_type = vc_cli_get(cli, "task-type"), *path = vc_cli_get(cli, "db");
    if (!vc_task_type_ok(task_type))
        return vc_cli_usage(cli, "--task-type takes 1 to %d of a-z 0-9 _ -, not \"%s\"",
                            VC_TASK_TYPE_MAX, task_type);
    return path ? rank_offline(cli, task_type, path) : rank_online(cli, task_type);
}

const struct vc_command vc_command_score_rank = {
    .name = "score rank",
    .summary = "Rank the agents for a task type; nothing is assigned",
    .about =
        "score = 0.3 * base + 0.5 * expertise + 0.2 * confidence, best first. With --db every "
        "agent\n"
        "in the file is ranked as if it were alive and idle; the file may be in use by a\n"
        "coordinator. --at moves the clock alone: an execution that finished later counts with\n"
        "age 0. Without --db the coordinator ranks its agents as they are now, and names the gate\n"
        "that keeps one from taking a task.\n",
    .examples = "$ vapora-coord score rank --task-type testing\n"
                "$ vapora-coord score rank --db graph.db --task-type testing "
                "--at 2026-11-01T00:00:00Z -o json\n",
    .options = options,
    .run = run,
};
