/* Everything that arrives, in any order, at a coordinator that has agents and tasks: the store
 * takes what the core decides, answers are JSON, and a restart comes back to the same counts. */
#include "tests/fuzz/shell.h"

static struct vc_kg *kg;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    struct vc_err err;
    VC_CHECK(vc_kg_open(":memory:", VC_KG_OWN, &kg, &err) == VC_OK);
    shell_play_story(kg);
    return 0;
}

static void take_count(void *ctx, const char *name, uint64_t count)
{
    uint64_t *counts = ctx;
    enum vc_task_state state;
    VC_CHECK(vc_task_state_parse(name, &state));
    counts[state] = count;
}

static void check_restart(const struct shell *s)
{
    struct shell again;
    struct vc_err err;
    uint64_t stored[VC_TASK_STATE_COUNT] = {0};
    VC_CHECK(vc_kg_count_tasks(s->kg, take_count, stored, &err) == VC_OK);
    bool loaded = shell_start(&again, s->kg, 3, &err);
    if (!loaded)
        fprintf(stderr, "a restart fails: %s\n", err.text);
    VC_CHECK(loaded);
    struct vc_core_stats old = vc_core_stats(s->core, s->mono);
    struct vc_core_stats new = vc_core_stats(again.core, again.mono);
    VC_CHECK(old.open_tasks == new.open_tasks &&old.queued == new.queued);
    for (int i = 0; i < VC_TASK_STATE_COUNT; i++)
        VC_CHECK(old.tasks[i] == new.tasks[i] && old.tasks[i] == stored[i]);
    shell_stop(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct shell s;
    struct vc_err err;
    char *text = fuzz_text(data, size);
    VC_CHECK(vc_kg_begin(kg, &err) == VC_OK);
    VC_CHECK(shell_start(&s, kg, 2, &err));
    shell_lines(&s, text, size);
    check_restart(&s);
    shell_stop(&s);
    vc_kg_rollback(kg);
    free(text);
    return 0;
}
