#include "cli/cmd.h"

#include "base/str.h"
#include "cli/lines.h"
#include "learning/task_type.h"

#include <stdio.h>
#include <string.h>

static const struct vc_option options[] = {
    {"title", 0, "T", "the task's title", false, false},
    {"description", 0, "D", "the task's description", false, false},
    {"jsonl", 0, "[FILE|-]", "one {\"title\",\"description\"?} a line instead (default -)", false,
     false},
    {0},
};

static json_t *guess_json(const struct vc_type_guess *guess)
{
    return json_pack("{s:s, s:s, s:f, s:s?}", "task_type", guess->task_type, "method",
                     vc_type_method_name(guess->method), "confidence", guess->confidence, "rule",
                     guess->rule);
}

/* The text of the optional field @name, NULL without it. False when it is no text. */
static bool text_field(const json_t *object, const char *name, const char **out)
{
    json_t *value = json_object_get(object, name);
    *out = json_string_value(value);
    return !value || json_is_null(value) || json_is_string(value);
}

/* The answer to one line, or what is wrong with it in @problem. */
static json_t *answer(const struct vc_line *line, struct vc_err *problem)
{
    if (line->too_long || line->blank) {
        vc_fail(problem, VC_E_INVALID,
                line->blank ? "an empty line, not a task" : "longer than %d bytes", VC_LINE_MAX);
        return NULL;
    }
    json_error_t bad;
    json_t *task = json_loadb(line->text, line->len, JSON_REJECT_DUPLICATES, &bad);
    const char *title = NULL, *description = NULL;
    json_t *reply = NULL;
    if (!task)
        vc_fail(problem, VC_E_INVALID, "not JSON: %s (column %d)", bad.text, bad.column);
    else if (!json_is_object(task))
        vc_fail(problem, VC_E_INVALID, "not a JSON object");
    else if (!text_field(task, "title", &title) || !title)
        vc_fail(problem, VC_E_INVALID, "title: text was expected");
    else if (!text_field(task, "description", &description))
        vc_fail(problem, VC_E_INVALID, "description: text was expected");
    else {
        struct vc_type_guess guess = vc_task_type_infer(NULL, title, description);
        reply = guess_json(&guess);
    }
    json_decref(task);
    return reply;
}

/* A parser's words may quote half a character of the line; shown, they are text again. */
static json_t *problem_json(const struct vc_err *problem)
{
    VC_AUTO_BUF struct vc_buf shown = {0};
    vc_buf_show(&shown, problem->text);
    return json_pack("{s:s}", "error", vc_buf_text(&shown));
}

static void print_line(json_t *reply)
{
    json_dumpf(reply, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
    putchar('\n');
    json_decref(reply);
}

static int infer_lines(const struct vc_cli *cli, const char *path)
{
    struct vc_err err;
    struct vc_lines lines;
    struct vc_line line = {0};
    bool more;
    if (vc_lines_open(path, &lines, &err) != VC_OK)
        return vc_cli_fail(cli, &err);
    /* Somebody may hold a conversation over two pipes: each answer leaves at once. */
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    uint64_t bad = 0;
    enum vc_rc rc;
    while ((rc = vc_lines_next(&lines, &line, &more, &err)) == VC_OK && more) {
        struct vc_err problem;
        json_t *reply = answer(&line, &problem);
        bad += !reply;
        print_line(reply ? reply : problem_json(&problem));
    }
    vc_lines_close(&lines);
    if (rc != VC_OK)
        return vc_cli_fail(cli, &err);
    return bad ? VC_EXIT_FAILURE : VC_EXIT_OK;
}

static int infer_one(const struct vc_cli *cli, const char *title)
{
    struct vc_type_guess guess = vc_task_type_infer(NULL, title, vc_cli_get(cli, "description"));
    if (vc_cli_json(cli)) {
        json_t *reply = guess_json(&guess);
        int rc = vc_cli_print_json(reply);
        json_decref(reply);
        return rc;
    }
    printf("%s (%s", guess.task_type, vc_type_method_name(guess.method));
    if (guess.rule)
        printf(" \"%s\"", guess.rule);
    printf(", confidence %.2f)\n", guess.confidence);
    return VC_EXIT_OK;
}

static int run(struct vc_cli *cli)
{
    const char *title = vc_cli_get(cli, "title"), *path = vc_cli_get(cli, "jsonl");
    if (path && (title || vc_cli_has(cli, "description")))
        return vc_cli_usage(cli, "--jsonl brings the titles; leave --title and --description out");
    if (path)
        return infer_lines(cli, path[0] ? path : "-");
    if (!title)
        return vc_cli_usage(cli, "it needs --title T, or --jsonl [FILE|-]");
    return infer_one(cli, title);
}

const struct vc_command vc_command_infer = {
    .name = "infer",
    .summary = "Say which task type a title and description ask for",
    .about =
        "Uses the rules that a submission without a type goes through; needs no coordinator.\n"
        "With --jsonl each line in gives one line out: {\"task_type\",\"method\",\"confidence\",\n"
        "\"rule\"}, or {\"error\"} for a line that is no task; then the exit code is 1 at the end.",
    .examples = "$ vapora-coord infer --title 'Write unit tests for the parser'\n"
                "$ vapora-coord infer --jsonl tasks.jsonl\n",
    .options = options,
    .run = run,
};
