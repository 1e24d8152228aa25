#include "cli/cmd.h"

#include "base/version.h"

#include <stdio.h>

static int run(struct vc_cli *cli)
{
    if (!vc_cli_json(cli)) {
        printf("vapora-coord %s\n", VC_VERSION);
        return VC_EXIT_OK;
    }
    json_t *version = json_pack("{s:s, s:s}", "version", VC_VERSION, "protocol", "1.0");
    int rc = vc_cli_print_json(version);
    json_decref(version);
    return rc;
}

const struct vc_command vc_command_version = {
    .name = "version",
    .summary = "Print the version of this program",
    .examples = "$ vapora-coord version\n",
    .run = run,
};
