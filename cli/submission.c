#include "cli/submission.h"

#include "base/clock.h"
#include "base/id.h"
#include "nats-bridge/messages.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define PRIORITY_MAX 9

static const struct vc_option all[] = {VC_OPTIONS_SUBMISSION, {0}};

static const struct {
    const char *option, *field;
} texts[] =
    {
        {"title", "title"},
        {"description", "description"},
        {"task-type", "task_type"},
        {"id", "task_id"},
        {"role", "role"},
        {"pin", "pin_agent_id"},
        {"parent", "parent_task_id"},
        {"context", "context_id"},
},
  lists[] = {
      {"requires", "requires"},
      {"exclude", "exclude_agents"},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void add_texts(const struct vc_cli *cli, json_t *body)
{
    for (size_t i = 0; i < COUNT(texts); i++) {
        const char *value = vc_cli_get(cli, texts[i].option);
        if (value)
            json_object_set_new(body, texts[i].field, json_string(value));
    }
}

static void add_lists(const struct vc_cli *cli, json_t *body)
{
    for (size_t i = 0; i < COUNT(lists); i++) {
        size_t n = vc_cli_count(cli, lists[i].option);
        json_t *list = n ? json_array() : NULL;
        for (size_t k = 0; k < n; k++)
            json_array_append_new(list, json_string(vc_cli_nth(cli, lists[i].option, k)));
        if (list)
            json_object_set_new(body, lists[i].field, list);
    }
}

static int add_number(const struct vc_cli *cli, json_t *body, const char *option, const char *field,
                      int64_t min, int64_t max)
{
    int64_t value = 0;
    if (!vc_cli_number(cli, option, min, max, &value))
        return VC_EXIT_USAGE;
    if (vc_cli_has(cli, option))
        json_object_set_new(body, field, json_integer(value));
    return VC_EXIT_OK;
}

static int add_timeout(const struct vc_cli *cli, json_t *body)
{
    int64_t ms = 0;
    if (!vc_cli_duration(cli, "timeout", &ms))
        return VC_EXIT_USAGE;
    if (vc_cli_has(cli, "timeout"))
        json_object_set_new(body, "timeout_ms", json_integer(ms));
    return VC_EXIT_OK;
}

static int add_deadline(const struct vc_cli *cli, json_t *body)
{
    const char *value = vc_cli_get(cli, "deadline");
    if (!value)
        return VC_EXIT_OK;
    struct vc_wall at = vc_wall_now();
    int64_t ms;
    if (vc_duration_parse(value, &ms, NULL) == VC_OK)
        at.ms += ms;
    else if (vc_wall_parse(value, &at, NULL) != VC_OK)
        return vc_cli_usage(cli,
                            "--deadline takes an instant such as 2026-11-24T18:00:00Z or a "
                            "duration such as 2h, not \"%s\"",
                            value);
    char text[VC_WALL_TEXT];
    vc_wall_format(at, text);
    json_object_set_new(body, "deadline_at", json_string(text));
    return VC_EXIT_OK;
}

static int add_labels(const struct vc_cli *cli, json_t *body)
{
    size_t n = vc_cli_count(cli, "label");
    json_t *labels = json_object();
    for (size_t i = 0; i < n; i++) {
        const char *label = vc_cli_nth(cli, "label", i);
        const char *equals = strchr(label, '=');
        if (!equals || equals == label) {
            json_decref(labels);
            return vc_cli_usage(cli, "--label takes key=value, not \"%s\"", label);
        }
        json_object_setn_new(labels, label, (size_t)(equals - label), json_string(equals + 1));
    }
    if (n)
        json_object_set(body, "labels", labels);
    json_decref(labels);
    return VC_EXIT_OK;
}

static json_t *load_input(const char *value, json_error_t *error)
{
    const size_t flags = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES;
    if (strcmp(value, "-") == 0)
        return json_loadf(stdin, flags, error);
    if (value[0] == '@')
        return json_load_file(value + 1, flags, error);
    return json_loads(value, flags, error);
}

static int add_input(const struct vc_cli *cli, json_t *body)
{
    const char *value = vc_cli_get(cli, "input");
    if (!value)
        return VC_EXIT_OK;
    json_error_t error;
    json_t *input = load_input(value, &error);
    if (!input)
        return vc_cli_usage(cli,
                            "--input is no JSON: %s (line %d, column %d); text needs quotes "
                            "of its own: --input '\"text\"'",
                            error.text, error.line, error.column);
    json_object_set_new(body, "input", input);
    return VC_EXIT_OK;
}

int vc_submission_build(const struct vc_cli *cli, json_t **body)
{
    *body = json_object();
    add_texts(cli, *body);
    add_lists(cli, *body);
    int rc = add_number(cli, *body, "priority", "priority", 0, PRIORITY_MAX);
    if (!rc)
        rc = add_number(cli, *body, "max-attempts", "max_attempts", 1, VC_ATTEMPTS_MAX);
    if (!rc)
        rc = add_timeout(cli, *body);
    if (!rc)
        rc = add_deadline(cli, *body);
    if (!rc)
        rc = add_labels(cli, *body);
    if (!rc)
        rc = add_input(cli, *body);
    if (rc) {
        json_decref(*body);
        *body = NULL;
    }
    return rc;
}

const char *vc_submission_option(const struct vc_cli *cli)
{
    for (const struct vc_option *o = all; o->name; o++)
        if (vc_cli_has(cli, o->name))
            return o->name;
    return NULL;
}

const char *vc_submission_id(json_t *body)
{
    json_t *id = json_object_get(body, "task_id");
    if (!json_is_string(id)) {
        uint8_t random[10];
        char text[VC_UUID_TEXT];
        /* 10 bytes never come short once the kernel's pool is up, and it is by the first login. */
        while (getrandom(random, sizeof random, 0) < (ssize_t)sizeof random && errno == EINTR)
            continue;
        vc_uuid7(vc_wall_now(), random, text);
        id = json_string(text);
        json_object_set_new(body, "task_id", id);
    }
    return json_string_value(id);
}
