/* A database file that was damaged, or written by somebody else: it is refused or it is read, and
 * whatever it holds, nothing crashes and nothing hangs.
 *
 * The file is the story of shell.h. The first byte of an input says what happens to it: 'p' - bytes
 * of its pages are replaced; 't' - it is cut, then as 'p'; anything else - values of its rows are
 * replaced and rows deleted, past every check of the schema. */
#include "tests/fuzz/shell.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#define EDITS_MAX 8
#define TEXT_EDIT 64 /* bytes of a text that is put in */

static char directory[64], path[96];
static uint8_t *image;
static size_t image_len;

/* Takes an input apart; zeros follow its end. */
struct input {
    const uint8_t *at;
    size_t left;
};

static uint64_t number(struct input *in, size_t bytes)
{
    uint64_t n = 0;
    for (; bytes > 0; bytes--) {
        n = n << 8 | (in->left ? *in->at : 0);
        in->at += in->left > 0;
        in->left -= in->left > 0;
    }
    return n;
}

static void remove_files(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

static void remove_directory(void)
{
    remove_files();
    rmdir(directory);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    struct vc_kg *kg = NULL;
    struct vc_err err;
    bool in_memory = access("/dev/shm", W_OK) == 0;
    snprintf(directory, sizeof directory, "%s/vc-fuzz-XXXXXX", in_memory ? "/dev/shm" : "/tmp");
    VC_CHECK(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/graph.db", directory);
    atexit(remove_directory);
    VC_CHECK(vc_kg_open(path, VC_KG_OWN, &kg, &err) == VC_OK);
    shell_play_story(kg);
    vc_kg_close(&kg);
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    VC_CHECK(fd >= 0 && fstat(fd, &st) == 0);
    image_len = (size_t)st.st_size;
    image = vc_xcalloc(image_len, 1);
    VC_CHECK(read(fd, image, image_len) == (ssize_t)image_len);
    close(fd);
    return 0;
}

static void write_file(const uint8_t *bytes, size_t len)
{
    remove_files();
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    VC_CHECK(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    close(fd);
}

static void damage_pages(struct input *in, bool cut)
{
    uint8_t *copy = vc_xcalloc(image_len, 1);
    memcpy(copy, image, image_len);
    size_t len = cut ? number(in, 3) % (image_len + 1) : image_len;
    for (int i = 0; i < EDITS_MAX && in->left > 0 && len > 0; i++) {
        size_t at = number(in, 3) % len, n = number(in, 1) % 32 + 1;
        for (; n > 0 && at < len; n--)
            copy[at++] = (uint8_t)number(in, 1);
    }
    write_file(copy, len);
    vc_free(copy);
}

/* "UPDATE table SET column = ?1 WHERE ..." or a deletion, of the n-th row. */
static void edit_row(sqlite3 *db, struct input *in)
{
    static const struct {
        const char *table, *key;
        const char *columns[24];
    } tables[] = {
        {"task", "task_id", {"state",           "epoch",          "attempt",
                             "max_attempts",    "priority",       "submitted_at_ms",
                             "updated_at_ms",   "deadline_at_ms", "finished_at_ms",
                             "task_type",       "type_method",    "type_rule",
                             "type_confidence", "agent_id",       "decision_id",
                             "parent_task_id",  "context_id",     "via",
                             "error",           "title",          "task_id"}},
        {"task_text", "seq", {"description", "spec", "seq"}},
        {"execution",
         "task_id",
         {"task_id", "epoch", "agent_id", "task_type", "outcome", "error_class", "value", "counted",
          "winning", "attempt", "started_at_ms", "finished_at_ms", "duration_ms", "cost_micros",
          "decision_id", "record_seq"}},
        {"execution_record", "seq", {"record", "seq"}},
        {"decision",
         "seq",
         {"decision_id", "task_id", "epoch", "attempt", "at_ms", "task_type", "policy", "rule",
          "chosen", "record"}},
        {"agent",
         "agent_id",
         {"agent_id", "card", "role", "capacity", "draining", "removed", "registered_at_ms"}},
        {"task_type", "task_type", {"task_type", "decisions", "trials"}},
        {"curve_day", "day", {"agent_id", "task_type", "day", "executions", "value_sum"}},
        {"outbox", "seq", {"seq", "subject", "body"}},
        {"late_result", "seq", {"task_id", "epoch", "agent_id", "reason", "record"}},
        {"meta", "key", {"key", "value"}},
    };
    size_t t = number(in, 1) % (sizeof tables / sizeof *tables), columns = 1;
    while (tables[t].columns[columns])
        columns++;
    const char *column = tables[t].columns[number(in, 1) % columns];
    unsigned row = (unsigned)number(in, 1) % 8, kind = (unsigned)number(in, 1) % 6;
    char sql[256];
    snprintf(sql, sizeof sql, "%s %s %s%s%s WHERE %s = (SELECT %s FROM %s LIMIT 1 OFFSET %u)",
             kind == 0 ? "DELETE FROM" : "UPDATE OR REPLACE", tables[t].table,
             kind == 0 ? "" : "SET ", kind == 0 ? "" : column, kind == 0 ? "" : " = ?1",
             tables[t].key, tables[t].key, tables[t].table, row);
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
    VC_CHECK(stmt); /* the table above is that of the schema */
    char text[TEXT_EDIT + 1];
    size_t n = 0;
    if (kind == 1)
        sqlite3_bind_int64(stmt, 1, (int64_t)number(in, 8));
    else if (kind == 2)
        sqlite3_bind_int64(stmt, 1, (int64_t)number(in, 1) - 1);
    else if (kind == 3)
        sqlite3_bind_double(stmt, 1, (double)(int64_t)number(in, 8) / 1e6);
    else if (kind >= 4) {
        for (size_t want = number(in, 1) % TEXT_EDIT; n < want && in->left; n++)
            text[n] = (char)number(in, 1);
        sqlite3_bind_text(stmt, 1, text, (int)n, SQLITE_TRANSIENT);
    }
    sqlite3_step(stmt); /* a type that a STRICT table refuses changes nothing */
    sqlite3_finalize(stmt);
}

static void damage_rows(struct input *in)
{
    sqlite3 *db = NULL;
    write_file(image, image_len);
    VC_CHECK(sqlite3_open(path, &db) == SQLITE_OK);
    sqlite3_exec(db, "PRAGMA synchronous = OFF; PRAGMA ignore_check_constraints = ON; BEGIN", NULL,
                 NULL, NULL);
    for (int i = 0; i < EDITS_MAX && in->left > 0; i++)
        edit_row(db, in);
    sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    VC_CHECK(sqlite3_close(db) == SQLITE_OK);
}

/* What a coordinator would do with it next, as far as the file lets it. */
static void live(struct shell *s)
{
    static const char *const questions[] = {
        "task.list {\"limit\":5}",
        "task.list {\"text\":\"parser\"}",
        "task.get {\"task_id\":\"t-1\"}",
        "task.explain {\"task_id\":\"t-3\"}",
        "agent.list {}",
        "agent.get {\"agent_id\":\"ada\"}",
        "execution.list {\"agent_id\":\"ada\"}",
        "score.rank {\"task_type\":\"coding\"}",
        "stats.get {}",
    };
    struct vc_effects memory = {0};
    struct vc_api api = {.kg = s->kg,
                         .core = s->core,
                         .conf = &s->conf,
                         .fx = &memory,
                         .mono = s->mono,
                         .wall = s->wall,
                         .version = "0"};
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        char verb[VC_VERB_MAX];
        const char *space = strchr(questions[i], ' ');
        snprintf(verb, sizeof verb, "%.*s", (int)(space - questions[i]), questions[i]);
        VC_AUTO_BUF struct vc_buf body = {0};
        struct vc_refusal refusal;
        json_t *request = json_loads(space + 1, 0, NULL);
        if (!vc_api_answer(&api, verb, request, &body, &refusal))
            fuzz_check_refusal_body(&refusal);
        json_decref(request);
    }
    vc_effects_fini(&memory);
    vc_core_resume(s->core, s->mono, s->wall, &s->fx);
    s->mono.ms += VC_DAY_MS;
    s->wall.ms += VC_DAY_MS;
    vc_core_step(s->core,
                 &(struct vc_event){.kind = VC_EVENT_TICK, .mono = s->mono, .wall = s->wall},
                 &s->fx);
    struct vc_err err = {0};
    if (vc_kg_begin(s->kg, &err) != VC_OK)
        return;
    if (vc_apply(s->kg, &s->fx, 0, &err) != VC_OK)
        VC_CHECK(err.text[0]);
    vc_kg_rollback(s->kg);
}

static void open_and_load(enum vc_kg_mode mode)
{
    struct vc_kg *kg = NULL;
    struct vc_err err = {0};
    if (vc_kg_open(path, mode, &kg, &err) != VC_OK) {
        VC_CHECK(!kg && err.text[0]);
        return;
    }
    struct shell s;
    if (shell_start(&s, kg, 2, &err)) {
        if (mode == VC_KG_OWN)
            live(&s);
    } else {
        VC_CHECK(err.text[0]);
    }
    shell_stop(&s);
    vc_kg_close(&kg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    uint64_t kind = number(&in, 1);
    if (kind == 'p' || kind == 't')
        damage_pages(&in, kind == 't');
    else
        damage_rows(&in);
    open_and_load(VC_KG_READ);
    open_and_load(VC_KG_OWN);
    return 0;
}
