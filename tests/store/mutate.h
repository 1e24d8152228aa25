/* mutate.h - a store whose file is damaged at random, a thousand ways: what is loaded of it then is
 * exactly what was there, or nothing.
 *
 * The file is made once, with a log beside it as a crash leaves one. Each mutation works on a fresh
 * copy and is looked at in a process of its own, so that a crash or a hang is a result too. */
#ifndef VC_TESTS_STORE_MUTATE_H
#define VC_TESTS_STORE_MUTATE_H

#include "tests/store/fixture.h"

#include "base/id.h"
#include "kg-store/care.h"
#include "learning/expertise.h"
#include "tests/support/random.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define PAGE        4096
#define LOG_HEAD    32
#define LOG_FRAME   (24 + PAGE)
#define STATES_MAX  64 /* commits, each of which is a state that a shortened log may give */
#define HANG_S      30
#define TASKS       240
#define TASKS_A_TXN 20

/* A file in memory. */
struct image {
    unsigned char *bytes;
    size_t len;
};

struct mutant {
    struct fixture *f;
    struct image db, log;        /* as a crash leaves them */
    struct image whole;          /* as an orderly end does: no log */
    uint64_t states[STATES_MAX]; /* what each commit left, as a number; the last is the truth */
    size_t states_n, checkpointed;
    struct vc_random random;
    char what[160]; /* the mutation at hand */
    struct {
        unsigned right, refused, shortened, found;
    } count;
};

/* -- what is loaded, as one number ------------------------------------------------------------- */

static uint64_t mix(uint64_t seen, const void *bytes, size_t len)
{
    return vc_hash(bytes, len) ^ (seen * UINT64_C(0x100000001b3) + 1);
}

static void see_text(uint64_t *seen, const char *text)
{
    *seen = mix(*seen, text ? text : "\1", text ? strlen(text) + 1 : 1);
}

static void see_int(uint64_t *seen, int64_t value)
{
    *seen = mix(*seen, &value, sizeof value);
}

static void see_real(uint64_t *seen, double value)
{
    *seen = mix(*seen, &value, sizeof value);
}

static void see_agent(void *ctx, const struct vc_kg_agent *a)
{
    see_text(ctx, a->agent_id);
    see_text(ctx, a->card);
    see_text(ctx, a->role);
    see_int(ctx, a->capacity);
    see_int(ctx, a->draining * 2 + a->removed);
    see_int(ctx, a->registered_at.ms);
}

static void see_type(void *ctx, const char *task_type, uint64_t decisions, uint64_t trials)
{
    see_text(ctx, task_type);
    see_int(ctx, (int64_t)decisions);
    see_int(ctx, (int64_t)trials);
}

static void see_count(void *ctx, const char *name, uint64_t count)
{
    see_text(ctx, name);
    see_int(ctx, (int64_t)count);
}

/* What the scores are made of, and the scores themselves. */
static void see_cell(void *ctx, const struct vc_kg_cell *cell)
{
    see_text(ctx, cell->agent_id);
    see_text(ctx, cell->task_type);
    see_int(ctx, (int64_t)cell->n_total);
    see_real(ctx, cell->value_sum);
    for (size_t i = 0; i < cell->n; i++) {
        see_text(ctx, cell->evidence[i].task_id);
        see_int(ctx, cell->evidence[i].finished_at.ms);
        see_int(ctx, cell->evidence[i].epoch);
    }
    for (int r = VC_RECENCY_HALF_LIFE; r <= VC_RECENCY_STEP; r++) {
        struct vc_expertise x = vc_expertise_of(
            cell->evidence, cell->n, (struct vc_wall){NOW_MS + VC_DAY_MS}, (enum vc_recency)r);
        see_real(ctx, x.expertise);
        see_real(ctx, x.success_rate);
        see_real(ctx, x.recent_success_rate);
    }
    see_real(ctx, vc_confidence_of(cell->n_total));
}

static void see_task(void *ctx, const struct vc_kg_task *t)
{
    see_int(ctx, t->seq);
    see_text(ctx, t->task_id);
    see_text(ctx, t->state);
    see_text(ctx, t->agent_id);
    see_text(ctx, t->title);
    see_text(ctx, t->description);
    see_text(ctx, t->spec);
    see_int(ctx, t->epoch);
    see_int(ctx, t->attempt * 100 + t->priority);
    see_int(ctx, t->deadline_at.ms);
}

static void see_message(void *ctx, int64_t seq, const char *subject, const char *body, size_t len)
{
    see_int(ctx, seq);
    see_text(ctx, subject);
    *(uint64_t *)ctx = mix(*(uint64_t *)ctx, body, len);
}

/* All that a start of the service loads, in its order. */
static enum vc_rc load_all(struct vc_kg *kg, uint64_t *seen, struct vc_err *err)
{
    *seen = 0;
    see_text(seen, vc_kg_uuid(kg));
    enum vc_rc rc = vc_kg_agents(kg, see_agent, seen, err);
    if (rc == VC_OK)
        rc = vc_kg_types(kg, see_type, seen, err);
    if (rc == VC_OK)
        rc = vc_kg_load_all_profiles(kg, see_cell, seen, err);
    if (rc == VC_OK)
        rc = vc_kg_count_tasks(kg, see_count, seen, err);
    if (rc == VC_OK)
        rc = vc_kg_open_tasks(kg, see_task, seen, err);
    if (rc == VC_OK)
        rc = vc_kg_outbox(kg, 0, 1000, see_message, seen, err);
    return rc;
}

/* -- the store --------------------------------------------------------------------------------- */

static const char *const its_agents[] = {"ada", "bob", "cyd", "dan", "eve", "flo", "gus"};
static const char *const its_types[] = {"coding", "testing", "review"};

static void put_finished_task(struct mutant *m, const char *task_id, uint32_t i)
{
    struct fixture *f = m->f;
    const char *agent_id = its_agents[random_below(&m->random, 7)];
    bool won = random_below(&m->random, 4) > 0;
    char decision_id[VC_ID_MAX + 8];
    snprintf(decision_id, sizeof decision_id, "%s.1", task_id);
    struct vc_kg_decision decision = a_decision(decision_id, task_id, 1);
    decision.chosen = agent_id;
    struct vc_kg_execution execution = an_execution(task_id, 1);
    execution.agent_id = agent_id;
    execution.task_type = its_types[i % 3];
    execution.decision_id = decision_id;
    execution.finished_at.ms = NOW_MS - (int64_t)random_below(&m->random, 20) * VC_DAY_MS / 2;
    execution.winning = won;
    execution.value = won;
    execution.outcome = won ? VC_OUTCOME_SUCCESS : VC_OUTCOME_FAILURE;
    execution.error_class = won ? VC_ERROR_NONE : VC_ERROR_TOOL_ERROR;
    struct vc_kg_move move = {.task_id = task_id,
                              .state = won ? "completed" : "failed",
                              .epoch = 1,
                              .attempt = 1,
                              .max_attempts = 3,
                              .agent_id = agent_id,
                              .decision_id = decision_id,
                              .error = won ? NULL : "it broke",
                              .at = execution.finished_at,
                              .final = true};
    assert_ok(f, vc_kg_put_decision(f->kg, &decision, &f->err));
    assert_ok(f, vc_kg_add_decisions(f->kg, execution.task_type, 1, i % 9 == 0, &f->err));
    assert_ok(f, vc_kg_move_task(f->kg, &move, &f->err));
    assert_ok(f, vc_kg_put_execution(f->kg, &execution, &f->err));
}

static void put_one_task(struct mutant *m, uint32_t i)
{
    struct fixture *f = m->f;
    char task_id[VC_ID_MAX + 1], spec[700];
    int64_t seq;
    snprintf(task_id, sizeof task_id, "t-%u-%llx", i, (unsigned long long)random_bits(&m->random));
    snprintf(spec, sizeof spec, "{\"title\":\"Mend number %u\",\"text\":\"%0*d\"}", i,
             (int)random_below(&m->random, 500) + 1, 7);
    struct vc_kg_task task = a_task(task_id);
    task.task_type = its_types[i % 3];
    task.description = i % 2 ? "what is to be done, and how one sees that it is done" : NULL;
    task.spec = spec;
    assert_ok(f, vc_kg_put_task(f->kg, &task, &f->err));
    assert_ok(f, vc_kg_put_outbox(f->kg, "vapora.event.task.submitted", spec, strlen(spec), &seq,
                                  &f->err));
    if (i % 4)
        put_finished_task(m, task_id, i);
}

static void note_state(struct mutant *m)
{
    assert_true(m->states_n < STATES_MAX);
    assert_ok(m->f, load_all(m->f->kg, &m->states[m->states_n++], &m->f->err));
}

static void put_everything(struct mutant *m)
{
    struct fixture *f = m->f;
    begin(f);
    for (uint32_t a = 0; a < sizeof its_agents / sizeof its_agents[0]; a++) {
        struct vc_kg_agent agent = {.agent_id = its_agents[a],
                                    .card = "{\"capabilities\":[\"c\"]}",
                                    .capacity = a + 1,
                                    .draining = a == 3,
                                    .registered_at = {NOW_MS}};
        assert_ok(f, vc_kg_put_agent(f->kg, &agent, &f->err));
    }
    commit(f);
    for (uint32_t i = 0; i < TASKS; i += TASKS_A_TXN) {
        begin(f);
        for (uint32_t k = 0; k < TASKS_A_TXN; k++)
            put_one_task(m, i + k);
        assert_ok(f, vc_kg_drop_outbox(f->kg, (int64_t)i / 2, &f->err));
        commit(f);
        if (i == TASKS / 2) { /* from here on the log alone has it */
            sqlite3 *db = NULL;
            assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
            assert_int_equal(sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL),
                             SQLITE_OK);
            sqlite3_close(db);
            m->checkpointed = m->states_n;
        }
        note_state(m);
    }
}

static struct image read_image(const char *path)
{
    struct image image = {0};
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    image.len = (size_t)ftell(file);
    rewind(file);
    image.bytes = malloc(image.len + 1);
    assert_int_equal(fread(image.bytes, 1, image.len, file), image.len);
    fclose(file);
    return image;
}

static void write_image(const char *path, const struct image *image)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(image->bytes, 1, image->len, file), image->len);
    fclose(file);
}

static struct image copy_image(const struct image *image)
{
    struct image copy = {malloc(image->len + 1), image->len};
    memcpy(copy.bytes, image->bytes, image->len);
    return copy;
}

static void log_path(const struct mutant *m, char out[128])
{
    snprintf(out, 128, "%s-wal", m->f->path);
}

/* -- mutations --------------------------------------------------------------------------------- */

static size_t pick(struct mutant *m, size_t below)
{
    return (size_t)random_below(&m->random, below);
}

static void flip_bits(struct mutant *m, struct image *image, size_t from, size_t len, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        size_t at = from + pick(m, len);
        image->bytes[at] ^= (unsigned char)(1u << pick(m, 8));
        snprintf(m->what, sizeof m->what, "%u bits flipped, the last in byte %zu", n, at);
    }
}

static void flip_one(struct mutant *m, struct image *image, size_t unit)
{
    (void)unit;
    flip_bits(m, image, 0, image->len, 1);
}

static void flip_some_of_a_page(struct mutant *m, struct image *image, size_t unit)
{
    size_t page = pick(m, image->len / unit);
    flip_bits(m, image, page * unit, unit, 2 + (unsigned)pick(m, 7));
}

/* Headers of pages and what points to cells: small places where much hangs on each bit. */
static void flip_in_a_head(struct mutant *m, struct image *image, size_t unit)
{
    flip_bits(m, image, pick(m, image->len / unit) * unit, 32, 1);
}

static void zero_a_page(struct mutant *m, struct image *image, size_t unit)
{
    size_t page = pick(m, image->len / unit);
    memset(image->bytes + page * unit, 0, unit);
    snprintf(m->what, sizeof m->what, "page %zu zeroed", page + 1);
}

static void zero_a_sector(struct mutant *m, struct image *image, size_t unit)
{
    (void)unit;
    size_t sector = pick(m, image->len / 512);
    memset(image->bytes + sector * 512, 0, 512);
    snprintf(m->what, sizeof m->what, "sector %zu zeroed", sector);
}

static void swap_pages(struct mutant *m, struct image *image, size_t unit)
{
    size_t a = pick(m, image->len / unit), b = pick(m, image->len / unit);
    unsigned char *spare = malloc(unit);
    memcpy(spare, image->bytes + a * unit, unit);
    memmove(image->bytes + a * unit, image->bytes + b * unit, unit);
    memcpy(image->bytes + b * unit, spare, unit);
    free(spare);
    snprintf(m->what, sizeof m->what, "pages %zu and %zu swapped", a + 1, b + 1);
}

static void misplace_a_page(struct mutant *m, struct image *image, size_t unit)
{
    size_t a = pick(m, image->len / unit), b = pick(m, image->len / unit);
    memmove(image->bytes + a * unit, image->bytes + b * unit, unit);
    snprintf(m->what, sizeof m->what, "page %zu written over page %zu", b + 1, a + 1);
}

static void scramble_a_page(struct mutant *m, struct image *image, size_t unit)
{
    size_t page = pick(m, image->len / unit);
    for (size_t i = 0; i < unit; i++)
        image->bytes[page * unit + i] = (unsigned char)random_bits(&m->random);
    snprintf(m->what, sizeof m->what, "page %zu scrambled", page + 1);
}

static void cut(struct mutant *m, struct image *image, size_t unit)
{
    size_t len = pick(m, 2) ? pick(m, image->len / unit) * unit : pick(m, image->len);
    image->len = len;
    snprintf(m->what, sizeof m->what, "cut to %zu bytes", len);
}

typedef void mutate_fn(struct mutant *m, struct image *image, size_t unit);
static mutate_fn *const mutations[] = {
    flip_one,   flip_one,   flip_some_of_a_page, flip_in_a_head,  zero_a_page,     zero_a_sector,
    swap_pages, swap_pages, misplace_a_page,     misplace_a_page, scramble_a_page, cut};
#define MUTATIONS (sizeof mutations / sizeof mutations[0])

/* -- looking ----------------------------------------------------------------------------------- */

/* What a process that looked has to say. */
struct verdict {
    enum vc_rc rc, check;
    uint64_t seen;
    char text[400];
};

static void look(const struct mutant *m, enum vc_kg_mode mode, struct verdict *verdict)
{
    struct vc_kg *kg = NULL;
    struct vc_err err = {0};
    verdict->rc = vc_kg_open(m->f->path, mode, &kg, &err);
    if (verdict->rc == VC_OK)
        verdict->rc = load_all(kg, &verdict->seen, &err);
    snprintf(verdict->text, sizeof verdict->text, "%s", err.text);
    verdict->check = kg ? vc_kg_check(kg, NULL, NULL, &err) : verdict->rc;
    vc_kg_close(&kg);
}

/* In a process of its own, which is given HANG_S. */
static struct verdict look_apart(const struct mutant *m, enum vc_kg_mode mode)
{
    struct verdict verdict = {0};
    int ends[2], status = 0;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(HANG_S);
        look(m, mode, &verdict);
        _exit(write(ends[1], &verdict, sizeof verdict) == (ssize_t)sizeof verdict ? 0 : 1);
    }
    close(ends[1]);
    ssize_t n = read(ends[0], &verdict, sizeof verdict);
    close(ends[0]);
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        fail_msg("%s: it hangs", m->what);
    if (n != (ssize_t)sizeof verdict || status != 0)
        fail_msg("%s: it crashed (status %d)", m->what, status);
    return verdict;
}

static bool known_state(const struct mutant *m, uint64_t seen)
{
    for (size_t i = m->checkpointed; i < m->states_n; i++)
        if (m->states[i] == seen)
            return true;
    return false;
}

/* A refusal says what is wrong and, where it is damage, how to get well again. */
static void check_refusal(struct mutant *m, const struct verdict *v)
{
    bool clear = strstr(v->text, m->f->path) && !strchr(v->text, '\n');
    if (v->rc == VC_E_CORRUPT)
        clear = clear && (strstr(v->text, "db restore --from BACKUP --db") ||
                          strstr(v->text, "no execution graph of ours"));
    else
        clear = clear && (v->rc == VC_E_NEWER || v->rc == VC_E_INVALID || v->rc == VC_E_IO);
    if (!clear)
        fail_msg("%s: refused with '%s': %s", m->what, vc_rc_text(v->rc), v->text);
    m->count.refused++;
}

/* Only a damaged log may give an earlier state, and only one that was committed. */
static void judge(struct mutant *m, const struct verdict *v, bool of_log)
{
    uint64_t truth = m->states[m->states_n - 1];
    m->count.found += v->check != VC_OK;
    if (v->rc != VC_OK) {
        check_refusal(m, v);
        return;
    }
    if (v->seen == truth)
        m->count.right++;
    else if (of_log && known_state(m, v->seen))
        m->count.shortened++;
    else
        fail_msg("%s: what was loaded is wrong", m->what);
}

static void one_mutation(struct mutant *m, unsigned number)
{
    char log_at[128], shm[128];
    log_path(m, log_at);
    snprintf(shm, sizeof shm, "%s-shm", m->f->path);
    bool of_log = number % 4 == 3, alone = number % 4 < 2;
    struct image db = copy_image(alone ? &m->whole : &m->db), log = copy_image(&m->log);
    struct image *target = of_log ? &log : &db;
    mutations[pick(m, MUTATIONS)](m, target, of_log ? LOG_FRAME : PAGE);
    char what[sizeof m->what];
    snprintf(what, sizeof what, "number %u, %s: %.100s", number,
             of_log  ? "log"
             : alone ? "file alone"
                     : "file",
             m->what);
    memcpy(m->what, what, sizeof what);
    unlink(shm);
    write_image(m->f->path, &db);
    unlink(log_at);
    if (!alone)
        write_image(log_at, &log);
    free(db.bytes);
    free(log.bytes);
    struct verdict verdict = look_apart(m, number / 4 % 2 ? VC_KG_OWN : VC_KG_READ);
    judge(m, &verdict, of_log);
}

/* Thousands of syncs that nothing depends on: in memory where there is such a place. */
static int setup_mutations(void **state)
{
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    return setup(state);
}

/* Make the store and keep it as a crash would leave it. */
static void make(struct mutant *m)
{
    char log_at[128];
    put_everything(m);
    log_path(m, log_at);
    m->db = read_image(m->f->path);
    m->log = read_image(log_at);
    vc_kg_close(&m->f->kg);
    m->whole = read_image(m->f->path);
}

static void run_mutations(struct fixture *f, unsigned n)
{
    const char *given = getenv("MUTATION_SEED");
    uint64_t seed = (uint64_t)(given ? strtoll(given, NULL, 0) : time(NULL));
    struct mutant m = {.f = f, .random = {seed}};
    print_message("MUTATION_SEED=%llu\n", (unsigned long long)seed);
    make(&m);
    for (unsigned i = 0; i < n; i++)
        one_mutation(&m, i);
    print_message(
        "%u mutations of %zu bytes (%zu with a log of %zu): %u right, %u refused, %u an earlier "
        "commit of a damaged log; db check found %u\n",
        n, m.whole.len, m.db.len, m.log.len, m.count.right, m.count.refused, m.count.shortened,
        m.count.found);
    free(m.db.bytes);
    free(m.log.bytes);
    free(m.whole.bytes);
}

#endif
