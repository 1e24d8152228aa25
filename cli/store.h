/* store.h - what the commands that look after a database file share. */
#ifndef VC_CLI_STORE_H
#define VC_CLI_STORE_H

#include "cli/cmd.h"

#define VC_STORE_DEFAULT "./vapora-data/graph.db"

#define VC_OPTION_DB                                                                               \
    {                                                                                              \
        "db", 0, "PATH", "the database (default " VC_STORE_DEFAULT ")", false, false               \
    }

/* The database that --db names, or the default. Borrowed. */
const char *vc_store_path(const struct vc_cli *cli);

/* @text as a JSON string, with what is not UTF-8 (a damaged name, a file's) escaped. */
json_t *vc_store_json(const char *text);

/* Look at the log, the file and all that is promised of it; appends one object a check to @checks:
 * name, ok, promise, problems, first. What kg-store/care.h says of vc_kg_check, and VC_E_CORRUPT
 * when it cannot even be opened. */
VC_MUST_CHECK enum vc_rc vc_store_check(const char *path, json_t *checks, struct vc_err *err);

#endif
