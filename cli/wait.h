/* wait.h - wait until tasks have ended, by asking again and again with growing pauses. */
#ifndef VC_CLI_WAIT_H
#define VC_CLI_WAIT_H

#include "cli/cmd.h"

struct vc_wait {
    const char *const *task_ids; /* borrowed */
    size_t n;
    int64_t timeout_ms;  /* 0 = for ever */
    bool may_be_missing; /* submitted through the stream: the coordinator may not know them yet */
};

/* Wait for all; each one that ends is said in one line on stderr. @tasks gets the final TASK of
 * each, with the `output` of the execution that completed it, in the order of the ids (caller
 * json_decref()s). VC_EXIT_OK when all are completed, VC_EXIT_FAILURE when one ended otherwise or
 * time ran out, else the exit code of what failed. A coordinator that restarts meanwhile is waited
 * for, VC_WAIT_OUTAGE_MS at most. */
int vc_wait_tasks(struct vc_cli *cli, const struct vc_wait *wait, json_t **tasks);

#define VC_WAIT_OUTAGE_MS INT64_C(60000)

#endif
