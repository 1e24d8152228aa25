#include "cli/cmd.h"

#include "base/clock.h"
#include "cli/store.h"
#include "kg-store/care.h"

#include <inttypes.h>
#include <stdio.h>

static int run(struct vc_cli *cli)
{
    struct vc_err err = {0};
    const char *from = vc_store_path(cli), *to = vc_cli_get(cli, "output");
    int64_t began = vc_mono_us();
    uint64_t bytes = 0;
    if (vc_kg_backup(from, to, &bytes, &err) != VC_OK)
        return vc_cli_fail(cli, &err);
    int64_t took_ms = (vc_mono_us() - began) / 1000;
    if (!vc_cli_json(cli)) {
        fprintf(stderr, "%" PRIu64 " bytes, checked, in %" PRId64 " ms\n", bytes, took_ms);
        return VC_EXIT_OK;
    }
    json_t *report =
        json_pack("{s:o, s:o, s:I, s:I}", "db", vc_store_json(from), "output", vc_store_json(to),
                  "bytes", (json_int_t)bytes, "took_ms", (json_int_t)took_ms);
    vc_cli_print_json(report);
    json_decref(report);
    return VC_EXIT_OK;
}

static const struct vc_option options[] = {
    VC_OPTION_DB,
    {"output", 0, "FILE", "where the copy goes; an older one is replaced when it is whole", true,
     false},
    {0},
};

const struct vc_command vc_command_db_backup = {
    .name = "db backup",
    .summary = "Copy a database, also while a coordinator uses it",
    .about =
        "The copy is one committed state: all that was committed when it began, nothing later. It\n"
        "is written beside FILE, checked as \"db check\" does, and takes the name only then, so\n"
        "that FILE is always a whole backup. The coordinator goes on meanwhile; its log grows by\n"
        "what it writes.\n",
    .examples = "$ vapora-coord db backup --output backup.db\n"
                "$ vapora-coord db backup --db /var/lib/vapora-coord/graph.db --output "
                "/backup/graph.db\n",
    .options = options,
    .run = run,
};
