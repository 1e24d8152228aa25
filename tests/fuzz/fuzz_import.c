/* Files of executions to import: every line becomes a row or a complaint, and rows written out
 * again are the same rows. */
#include "base/id.h"
#include "cli/import_file.h"
#include "tests/fuzz/stderr.h"

#include <inttypes.h>
#include <sys/mman.h>
#include <unistd.h>

static int file = -1;
static char path[32];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    file = memfd_create("lines", 0);
    VC_CHECK(file >= 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    return 0;
}

/* Read @bytes as a file; how many lines were said. */
static size_t read_bytes(const void *bytes, size_t len, struct vc_import_file *out)
{
    struct fuzz_stderr said;
    struct vc_err err;
    *out = (struct vc_import_file){0};
    VC_CHECK(ftruncate(file, 0) == 0 && pwrite(file, bytes, len, 0) == (ssize_t)len);
    fuzz_stderr_catch(&said);
    enum vc_rc rc = vc_import_file_read(out, path, &err);
    size_t lines = fuzz_stderr_release(&said);
    VC_CHECK(rc == VC_OK);
    return lines;
}

static uint64_t lines_with_text(const char *text, size_t len)
{
    uint64_t n = 0;
    bool blank = true;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n') {
            n += !blank;
            blank = true;
        } else if (!strchr(" \t\r", text[i]) || text[i] == '\0') {
            blank = false;
        }
    }
    return n + !blank;
}

static void check_row(const struct vc_import_file *f, const struct vc_import_row *row)
{
    VC_CHECK(row->task < f->tasks.len && vc_id_ok(f->tasks.at[row->task]));
    VC_CHECK(row->agent < f->agents.len && vc_id_ok(f->agents.at[row->agent]));
    VC_CHECK(row->type < f->types.len && vc_task_type_ok(f->types.at[row->type]));
    VC_CHECK(row->outcome < VC_OUTCOME_COUNT && !row->known);
    VC_CHECK(row->finished_at.ms >= 0 && row->finished_at.ms <= VC_WALL_MAX_MS);
    VC_CHECK(row->duration_ms >= 0 && row->duration_ms <= VC_IMPORT_DURATION_MAX_MS);
}

static void write_row(struct vc_buf *out, const struct vc_import_file *f,
                      const struct vc_import_row *row)
{
    char at[VC_WALL_TEXT];
    vc_wall_format(row->finished_at, at);
    vc_buf_printf(out,
                  "{\"task_id\":\"%s\",\"epoch\":%" PRIu32
                  ",\"agent_id\":\"%s\",\"task_type\":\"%s\","
                  "\"outcome\":\"%s\",\"finished_at\":\"%s\",\"duration_ms\":%" PRId64,
                  f->tasks.at[row->task], row->epoch, f->agents.at[row->agent],
                  f->types.at[row->type], vc_outcome_name(row->outcome), at, row->duration_ms);
    if (row->outcome != VC_OUTCOME_SUCCESS)
        vc_buf_printf(out, ",\"error_class\":\"%s\"", vc_error_class_name(row->error_class));
    vc_buf_puts(out, "}\n");
}

static void check_again(const struct vc_import_file *a)
{
    struct vc_import_file b;
    VC_AUTO_BUF struct vc_buf text = {0};
    for (size_t i = 0; i < a->len; i++)
        write_row(&text, a, &a->rows[i]);
    VC_CHECK(read_bytes(vc_buf_text(&text), text.len, &b) == 0);
    VC_CHECK(b.len == a->len && b.bad == 0);
    for (size_t i = 0; i < a->len; i++) {
        const struct vc_import_row *x = &a->rows[i], *y = &b.rows[i];
        VC_CHECK(y->line == i + 1 && x->epoch == y->epoch && x->outcome == y->outcome);
        VC_CHECK(x->error_class == y->error_class && x->duration_ms == y->duration_ms);
        VC_CHECK(x->finished_at.ms == y->finished_at.ms);
        VC_CHECK(fuzz_same(a->tasks.at[x->task], b.tasks.at[y->task]));
        VC_CHECK(fuzz_same(a->agents.at[x->agent], b.agents.at[y->agent]));
        VC_CHECK(fuzz_same(a->types.at[x->type], b.types.at[y->type]));
    }
    vc_import_file_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vc_import_file f;
    size_t lines = read_bytes(data, size, &f);
    VC_CHECK(lines == (f.bad < VC_IMPORT_BAD_SHOWN ? f.bad : VC_IMPORT_BAD_SHOWN));
    VC_CHECK(f.len + f.bad == lines_with_text((const char *)data, size));
    for (size_t i = 0; i < f.len; i++)
        check_row(&f, &f.rows[i]);
    check_again(&f);
    vc_import_file_fini(&f);
    return 0;
}
