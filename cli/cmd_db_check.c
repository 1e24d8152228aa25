#include "cli/cmd.h"
#include "cli/store.h"

static void print_table(const json_t *checks)
{
    static const char *const columns[] = {"CHECK", ">PROBLEMS", "WHAT", NULL};
    struct vc_table *table = vc_table_create(columns);
    size_t i;
    json_t *check;
    json_array_foreach(checks, i, check)
    {
        bool ok = json_is_true(json_object_get(check, "ok"));
        vc_table_cell(table, json_string_value(json_object_get(check, "name")));
        vc_table_cellf(table, "%" JSON_INTEGER_FORMAT,
                       json_integer_value(json_object_get(check, "problems")));
        vc_table_cell(table, json_string_value(json_object_get(check, ok ? "promise" : "first")));
    }
    vc_table_print(&table);
}

static int run(struct vc_cli *cli)
{
    struct vc_err err = {0};
    const char *path = vc_store_path(cli);
    json_t *checks = json_array();
    enum vc_rc rc = vc_store_check(path, checks, &err);
    bool looked = rc == VC_OK || rc == VC_E_CORRUPT;
    if (looked && vc_cli_json(cli)) {
        json_t *report = json_pack("{s:o, s:b, s:O}", "db", vc_store_json(path), "ok", rc == VC_OK,
                                   "checks", checks);
        vc_cli_print_json(report);
        json_decref(report);
    } else if (looked) {
        print_table(checks);
    }
    json_decref(checks);
    return rc == VC_OK ? VC_EXIT_OK : vc_cli_fail(cli, &err);
}

static const struct vc_option options[] = {VC_OPTION_DB, {0}};

const struct vc_command vc_command_db_check = {
    .name = "db check",
    .summary = "Look whether a database is whole, also while a coordinator uses it",
    .about =
        "Looks at every page, at the checksum of every row, and at what ties the tables together:\n"
        "one winning execution for each completed task and none for others, no execution newer\n"
        "than its task, no attempt too many, the roll-up against the executions, the outbox\n"
        "without gaps. The log of a crash is looked at when no coordinator runs. Exit code 1 when\n"
        "anything is wrong. 100 MB take some seconds.\n",
    .examples = "$ vapora-coord db check\n"
                "$ vapora-coord db check --db backup.db -o json | jq .ok\n",
    .options = options,
    .run = run,
};
