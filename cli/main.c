#include "cli/frame.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/version.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

static bool is_help(const char *word)
{
    return strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0;
}

static int run(const struct vc_command *command, int argc, char **argv)
{
    struct vc_cli cli = {.command = command};
    int rc = vc_cli_parse(&cli, argc, argv);
    if (rc == VC_EXIT_OK && cli.help)
        vc_help_command(stdout, command);
    else if (rc == VC_EXIT_OK)
        rc = command->run(&cli);
    vc_cli_fini(&cli);
    return rc;
}

static int dispatch(int argc, char **argv)
{
    if (argc == 0 || is_help(argv[0])) {
        vc_help_program(stdout);
        return VC_EXIT_OK;
    }
    if (strcmp(argv[0], "--version") == 0) {
        printf("vapora-coord %s\n", VC_VERSION);
        return VC_EXIT_OK;
    }
    int used = 0;
    const struct vc_command *command = vc_command_find(argc, argv, &used);
    if (command)
        return run(command, argc - used, argv + used);
    if (vc_command_group(argv[0]) && (argc == 1 || is_help(argv[1]))) {
        vc_help_group(stdout, argv[0]);
        return VC_EXIT_OK;
    }
    return vc_command_unknown(argc, argv);
}

static void *resize(void *ptr, size_t size)
{
    return vc_xrealloc(ptr, size, 1);
}

int main(int argc, char **argv)
{
    /* Half of a message would be worse than a clear end. */
    json_set_alloc_funcs(vc_xmalloc, free);
    uv_replace_allocator(vc_xmalloc, resize, vc_xcalloc, free);
    int rc = dispatch(argc - 1, argv + 1);
    /* A full disk or a closed pipe shows only here; output that was lost is no success. */
    if (fflush(stdout) == 0 && !ferror(stdout))
        return rc;
    fprintf(stderr, "vapora-coord: cannot write to standard output: %s\n", strerror(errno));
    return rc == VC_EXIT_OK ? VC_EXIT_FAILURE : rc;
}
