#include "cli/cmd.h"

#include "cli/store.h"
#include "coordinator/lock.h"
#include "kg-store/care.h"

#include <stdio.h>
#include <unistd.h>

/* A file that is being written cannot be copied byte by byte. */
static enum vc_rc restore(const char *from, const char *to, bool force, struct vc_err *err)
{
    long pid;
    int lock = -1;
    if (vc_lock_held(from, &pid))
        return vc_fail(err, VC_E_BUSY,
                       "'%s' is in use by process %ld: copy it with \"vapora-coord db backup --db "
                       "'%s' --output FILE\", and restore that",
                       from, pid, from);
    enum vc_rc rc = vc_lock_take(to, &lock, err);
    if (rc != VC_OK)
        return rc;
    rc = vc_kg_restore(from, to, force, err);
    close(lock);
    return rc;
}

static int run(struct vc_cli *cli)
{
    struct vc_err err = {0};
    const char *from = vc_cli_get(cli, "from"), *to = vc_store_path(cli);
    if (restore(from, to, vc_cli_has(cli, "force"), &err) != VC_OK)
        return vc_cli_fail(cli, &err);
    if (vc_cli_json(cli)) {
        json_t *report =
            json_pack("{s:o, s:o}", "db", vc_store_json(to), "from", vc_store_json(from));
        vc_cli_print_json(report);
        json_decref(report);
    }
    return VC_EXIT_OK;
}

static const struct vc_option options[] = {
    VC_OPTION_DB,
    {"from", 0, "FILE", "the backup", true, false},
    {"force", 0, NULL, "replace a database that is there; it is kept as PATH.replaced", false,
     false},
    {0},
};

const struct vc_command vc_command_db_restore = {
    .name = "db restore",
    .summary = "Put a backup in the place of a database",
    .about =
        "No coordinator may run on the database (exit code 4). The backup is copied beside PATH,\n"
        "checked as \"db check\" does, and takes the name only then: what is there stays until a\n"
        "whole copy is. What was committed after the backup is not in it: submit those tasks "
        "again.\n",
    .examples = "$ vapora-coord db restore --from backup.db --db restored.db\n"
                "$ vapora-coord db restore --from backup.db --force\n",
    .options = options,
    .run = run,
};
