#include "cli/cmd.h"
#include "cli/view.h"

#include "base/mem.h"
#include "base/str.h"
#include "scoring/choice.h"
#include "scoring/gate.h"

#include <inttypes.h>
#include <string.h>

#define COLUMN_NAME 32 /* bytes of a column's name with its weight */

/* The three parts of the score, each weight * value, in the order in which they are summed. */
static const struct part {
    const char *weight, *value, *name;
} parts[] = {
    {"load", "base", "BASE"},
    {"expertise", "expertise", "EXPERTISE"},
    {"confidence", "confidence", "CONFIDENCE"},
};
#define PARTS (sizeof parts / sizeof *parts)

static void show_task(const json_t *task, const json_t *decision)
{
    vc_view_field("task", task, "task_id");
    vc_view_field("title", task, "title");
    VC_AUTO_BUF struct vc_buf state = {0};
    vc_buf_puts(&state, vc_view_text(task, "state"));
    if (json_is_string(json_object_get(task, "agent_id")))
        vc_buf_printf(&state, ", agent %s", vc_view_text(task, "agent_id"));
    vc_buf_printf(&state, ", attempt %" PRId64 " of %" PRId64, vc_view_int(task, "attempt"),
                  vc_view_int(task, "max_attempts"));
    vc_view_line("state", "%s", vc_buf_text(&state));
    vc_view_field("waits for", task, "waiting_for");
    vc_view_field("error", task, "error");

    const json_t *type = json_object_get(decision, "task_type");
    bool decided = json_is_object(type);
    const json_t *from = decided ? type : task;
    const char *rule = vc_view_text(from, decided ? "rule" : "type_rule");
    bool by_rule = strcmp(rule, "-") != 0;
    const char *name = vc_view_text(from, decided ? "value" : "task_type");
    const char *method = vc_view_text(from, decided ? "method" : "type_method");
    if (strcmp(method, "explicit") == 0)
        vc_view_line("type", "%s, as the submitter said", name);
    else
        vc_view_line("type", "%s, found by %s%s%s%s, confidence %.2f", name, method,
                     by_rule ? " \"" : "", by_rule ? rule : "", by_rule ? "\"" : "",
                     vc_view_real(from, decided ? "confidence" : "type_confidence"));
}

static const char *gate_text(const char *name)
{
    for (enum vc_gate gate = VC_GATE_NONE + 1; gate < VC_GATE_COUNT; gate++)
        if (strcmp(vc_gate_name(gate), name) == 0)
            return vc_gate_text(gate);
    return "";
}

static const char *rule_text(const char *name)
{
    for (enum vc_rule rule = 0; rule < VC_RULE_COUNT; rule++)
        if (strcmp(vc_rule_name(rule), name) == 0)
            return vc_rule_text(rule);
    return name;
}

static void show_funnel(json_t *funnel)
{
    vc_view_heading("who was considered");
    vc_view_say("%5" PRId64 " registered", vc_view_int(funnel, "registered"));
    const char *key;
    json_t *count;
    json_object_foreach(funnel, key, count)
    {
        bool gate = strcmp(key, "registered") != 0 && strcmp(key, "eligible") != 0;
        if (gate && json_integer_value(count))
            vc_view_say("%5" JSON_INTEGER_FORMAT " out: %s, %s", -json_integer_value(count), key,
                        gate_text(key));
    }
    vc_view_say("%5" PRId64 " eligible", vc_view_int(funnel, "eligible"));
}

static void add_candidate(struct vc_table *table, const json_t *c, const json_t *weights,
                          const char *chosen)
{
    char text[VC_VIEW_TEXT];
    bool gated = json_is_string(json_object_get(c, "gate"));
    bool is_chosen = strcmp(vc_view_text(c, "agent_id"), chosen) == 0;
    vc_table_cell(table, is_chosen ? "*" : "");
    vc_table_cell(table, vc_view_text(c, "agent_id"));
    vc_table_cell(table, vc_view_ratio(c, "load", text));
    vc_table_cell(table, gated ? "-" : vc_view_ratio(c, "base", text));
    for (size_t i = 0; i < PARTS; i++) {
        const struct part *part = &parts[i];
        if (gated)
            vc_table_cell(table, "-");
        else
            vc_table_cellf(table, "%.4f",
                           vc_view_real(weights, part->weight) * vc_view_real(c, part->value));
    }
    if (gated)
        vc_table_cell(table, "-");
    else
        vc_table_cellf(table, "%.4f", vc_view_real(c, "score"));
    vc_table_cell(table, vc_view_count(c, "n", text));
    vc_table_cell(table, vc_view_ratio(c, "success_rate", text));
    vc_table_cell(table, vc_view_ratio(c, "recent_success_rate", text));
    vc_table_cell(table, gated ? vc_view_text(c, "gate") : "");
    if (is_chosen)
        vc_table_bold(table);
}

static void show_candidates(const json_t *decision)
{
    const json_t *weights = json_object_get(decision, "weights");
    char names[PARTS][COLUMN_NAME];
    for (size_t i = 0; i < PARTS; i++)
        snprintf(names[i], sizeof names[i], ">%g*%s", vc_view_real(weights, parts[i].weight),
                 parts[i].name);
    const char *const columns[] = {"",        "AGENT",  ">LOAD",    ">BASE", names[0],
                                   names[1],  names[2], ">= SCORE", ">N",    ">SUCCESS",
                                   ">RECENT", "OUT BY", NULL};
    struct vc_table *table = vc_table_create(columns);
    vc_view_heading("candidates, best first");
    size_t i;
    const json_t *candidate;
    json_array_foreach(json_object_get(decision, "candidates"), i, candidate)
        add_candidate(table, candidate, weights, vc_view_text(decision, "chosen"));
    vc_table_print(&table);
    int64_t left_out = vc_view_int(json_object_get(decision, "funnel"), "registered") - (int64_t)i;
    if (left_out > 0)
        vc_view_say("   and %" PRId64 " more, which the record leaves out", left_out);
}

static void show_base(const json_t *decision)
{
    bool headroom = strcmp(vc_view_text(decision, "base_kind"), "headroom") == 0;
    vc_view_say("BASE = %s; LOAD = tasks in work / capacity",
                headroom ? "1 - LOAD" : "success rate over all types / (1 + LOAD)");
}

static void show_decision(const json_t *decision, const char *sentence)
{
    show_funnel(json_object_get(decision, "funnel"));
    show_candidates(decision);
    show_base(decision);
    vc_view_heading("why");
    vc_view_block(sentence);
    const char *rule = vc_view_text(decision, "rule");
    vc_view_line("rule", "%s: %s", rule, rule_text(rule));
    vc_view_field("tie broken", decision, "tie_break");
    vc_view_line("policy", "%s%s, recency %s", vc_view_text(decision, "policy"),
                 json_is_true(json_object_get(decision, "strict")) ? " (strict)" : "",
                 vc_view_text(decision, "recency"));
    vc_view_line("decision", "%s at %s, attempt %" PRId64 ", epoch %" PRId64 ", in %" PRId64 " us",
                 vc_view_text(decision, "decision_id"), vc_view_text(decision, "at"),
                 vc_view_int(decision, "attempt"), vc_view_int(decision, "epoch"),
                 vc_view_int(decision, "elapsed_us"));
}

static void show(const json_t *reply)
{
    const json_t *decision = json_object_get(reply, "decision");
    const json_t *attempts = json_object_get(reply, "attempts");
    const char *sentence = vc_view_text(reply, "sentence");
    show_task(json_object_get(reply, "task"), decision);
    if (json_is_object(decision)) {
        show_decision(decision, sentence);
    } else {
        vc_view_heading("why");
        vc_view_block(sentence);
    }
    if (json_array_size(attempts)) {
        vc_view_heading("attempts so far");
        vc_view_executions(attempts);
    }
}

static int run(struct vc_cli *cli)
{
    json_t *reply;
    json_t *request = json_pack("{s:s}", "task_id", vc_cli_operand(cli));
    int rc = vc_cli_request(cli, "task.explain", request, &reply);
    if (rc)
        return rc;
    if (vc_cli_json(cli))
        vc_cli_print_json(reply);
    else
        show(reply);
    json_decref(reply);
    return VC_EXIT_OK;
}

static const struct vc_option options[] = {VC_OPTIONS_ONLINE, {0}};

const struct vc_command vc_command_task_explain = {
    .name = "task explain",
    .summary = "Show why a task went to whom it went, number by number",
    .operand = "TASK_ID",
    .about = "Shows who was considered and what kept the others out, the parts of every score and\n"
             "their sum, the rule that chose, and the attempts so far; for a queued task, what it\n"
             "waits for. The record was written when the decision was made; nothing is recomputed.",
    .examples = "$ vapora-coord task explain t1\n"
                "$ vapora-coord task explain t1 -o json | jq .decision.candidates\n",
    .options = options,
    .run = run,
};
