/* A simulated cluster under every fault of faults.def, one seed after the other: nothing that was
 * promised is broken at any step, and once the faults stop every task ends.
 *
 * Without arguments: seeds 1 to SEEDS. A seed that fails is run again by itself, to show its last
 * lines and that it fails every time. */
#include "tests/sim/misfortune.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SEEDS         1000
#define TASKS_MIN     4
#define TASKS_MORE    46
#define FAULTS_MIN_MS 20000
#define FAULTS_MORE   80000
#define LIVENESS_MS   600000 /* within this after the last fault every task has ended */
#define LOOK_EVERY_MS 2000
#define LAST_LINES    50

/* What all seeds together came to; shared with the parent, which survives a seed that fails. */
struct sum {
    uint64_t seed, seeds, simulated_ms, steps, tasks, wins, executions, decisions;
    uint64_t met[FAULT_COUNT];
};

/* -- one seed ---------------------------------------------------------------------------------- */

/* The settings that time hangs on are drawn, too. */
static void draw_settings(struct cluster *c)
{
    struct vc_core_conf *conf = &c->w->conf;
    static const int64_t lease_ms[] = {15000, 15000, 22000, 60000};
    static const int64_t answer_ms[] = {5000, 5000, 1000, 20000};
    static const int64_t pause_ms[] = {1000, 1000, 50, 8000};
    conf->lease_ms = lease_ms[luck(c, COUNT_OF(lease_ms))];
    conf->answer_ms = answer_ms[luck(c, COUNT_OF(answer_ms))];
    conf->decline_pause_ms = pause_ms[luck(c, COUNT_OF(pause_ms))];
    for (size_t i = 0; i < FAULT_COUNT; i++)
        c->rate[i] = one_in(c->sim, 2) ? luck(c, faults[i].per_mille + 1) : 0;
}

static struct cluster *cluster_create(uint64_t seed, bool verbose)
{
    struct cluster *c = vc_xcalloc(1, sizeof *c);
    c->sim = sim_create(seed, seed);
    c->w = c->sim->w;
    c->w->watch = follow_effect;
    c->w->self = c;
    c->w->batch = true;
    c->verbose = verbose;
    draw_settings(c);
    vc_core_destroy(&c->w->core);
    return c;
}

static void cluster_destroy(struct cluster **c_p)
{
    struct cluster *c = *c_p;
    for (uint32_t a = 0; a < AGENTS; a++)
        vc_free(c->actors[a].held.items);
    vc_map_fini(&c->promised);
    vc_free(c->notes);
    vc_free(c->shell.inbox);
    vc_free(c->shell.batch);
    vc_free(c->mails);
    vc_free(c->clients);
    vc_free(c->limits);
    vc_free(c->lates);
    vc_free(c->sent);
    sim_destroy(&c->sim);
    vc_free(c);
    *c_p = NULL;
}

static void run_until(struct cluster *c, int64_t at_ms)
{
    while (c->notes_n > 0 && c->notes[0].at_ms <= at_ms)
        let_happen(c);
}

static void name_what_is_open(const struct cluster *c)
{
    for (size_t i = 0; i < c->w->tasks_n; i++) {
        const struct vc_stored_task *row = &c->w->tasks[i].row;
        if (!vc_task_state_final(row->known.state))
            print_error("%s is %s, epoch %u, attempt %u of %u, held by %s\n",
                        row->submission.task_id, vc_task_state_name(row->known.state), row->epoch,
                        row->attempt, row->max_attempts, row->agent_id ? row->agent_id : "nobody");
    }
    for (size_t i = 0; i < c->mails_n; i++)
        if (!c->mails[i].acked)
            print_error("message %zu was never acknowledged\n", i);
}

static void let_it_end(struct cluster *c)
{
    calm_down(c);
    int64_t end_ms = c->now_ms + LIVENESS_MS;
    for (int64_t at_ms = c->now_ms; !is_over(c); at_ms += LOOK_EVERY_MS) {
        if (at_ms > end_ms) {
            name_what_is_open(c);
            fail();
        }
        agents_may_work(c);
        run_until(c, at_ms);
    }
}

/* The coordinator that starts once more finds everything as it was. */
static void look_back(struct cluster *c)
{
    check_ends(c->sim);
    check_cells(c);
    coordinator_dies(c);
    coordinator_start(c, NULL);
    check_world(c->sim);
    check_cells(c);
    check_promises(c);
}

static void add_up(struct sum *sum, const struct cluster *c)
{
    sum->seeds++;
    sum->simulated_ms += (uint64_t)c->now_ms;
    sum->steps += c->steps;
    sum->tasks += c->w->tasks_n;
    sum->executions += c->w->executions_n;
    sum->decisions += c->sim->decisions;
    for (size_t i = 0; i < c->w->tasks_n; i++)
        sum->wins += c->w->tasks[i].wins;
    for (size_t i = 0; i < FAULT_COUNT; i++)
        sum->met[i] += c->met[i];
}

static void run_seed(uint64_t seed, bool verbose, struct sum *sum)
{
    sum->seed = seed;
    struct cluster *c = cluster_create(seed, verbose);
    int64_t faults_ms = FAULTS_MIN_MS + (int64_t)luck(c, FAULTS_MORE);
    later(c, 0, (struct note){.happen = coordinator_start});
    later(c, 0, (struct note){.happen = link_comes_back});
    later(c, 0, (struct note){.happen = misfortune});
    agents_begin(c);
    clients_begin(c, TASKS_MIN + luck(c, TASKS_MORE), faults_ms);
    run_until(c, faults_ms);
    let_it_end(c);
    look_back(c);
    add_up(sum, c);
    cluster_destroy(&c);
}

/* -- many seeds -------------------------------------------------------------------------------- */

static struct sum *shared_sum(void)
{
    struct sum *sum =
        mmap(NULL, sizeof *sum, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(sum != MAP_FAILED);
    return sum;
}

/* In a process of its own, so that a seed may fail in any way. @out NULL: only what fails is said.
 */
static bool runs_well(uint64_t first, uint64_t n, FILE *out, struct sum *sum)
{
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        setenv("CMOCKA_TEST_ABORT", "1", 1); /* a failed assertion ends the process */
        if (out) {
            dup2(fileno(out), STDOUT_FILENO);
            setvbuf(stdout, NULL, _IOLBF, 0);
        }
        for (uint64_t seed = first; seed < first + n; seed++)
            run_seed(seed, out != NULL, sum);
        exit(0);
    }
    int status;
    assert_true(waitpid(pid, &status, 0) == pid);
    return status == 0;
}

static void print_last_lines(FILE *file)
{
    char line[4096];
    long starts[LAST_LINES] = {0};
    size_t n = 0;
    rewind(file);
    for (long at = ftell(file); fgets(line, sizeof line, file); at = ftell(file))
        starts[n++ % LAST_LINES] = at;
    fseek(file, starts[n < LAST_LINES ? 0 : n % LAST_LINES], SEEK_SET);
    while (fgets(line, sizeof line, file))
        fputs(line, stdout);
}

static void show_failure(uint64_t seed, const char *program)
{
    FILE *file = tmpfile();
    struct sum *sum = shared_sum();
    bool again = !runs_well(seed, 1, file, sum);
    printf("\nseed %llu failed; its last %d lines:\n", (unsigned long long)seed, LAST_LINES);
    print_last_lines(file);
    if (!again)
        printf("seed %llu passed when it ran again: the run is not deterministic\n",
               (unsigned long long)seed);
    printf("replay: %s --seed %llu --verbose\n", program, (unsigned long long)seed);
    fclose(file);
    munmap(sum, sizeof *sum);
}

/* A seed is worth something only when it tells the same story every time. */
static bool replays_exactly(uint64_t seed)
{
    FILE *files[] = {tmpfile(), tmpfile()};
    struct sum *sum = shared_sum();
    bool same = runs_well(seed, 1, files[0], sum) && runs_well(seed, 1, files[1], sum);
    rewind(files[0]);
    rewind(files[1]);
    long bytes = 0;
    for (int a = 0; same && a != EOF; bytes++) {
        a = getc(files[0]);
        same = a == getc(files[1]);
    }
    fclose(files[0]);
    fclose(files[1]);
    munmap(sum, sizeof *sum);
    printf("seed %llu twice: %ld bytes, %s\n", (unsigned long long)seed, bytes,
           same ? "the same" : "NOT the same");
    return same && bytes > 1000;
}

/* A run in which nothing happens proves nothing. */
static bool everything_was_met(const struct sum *sum)
{
    bool all = true;
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        printf("%9llu  %s\n", (unsigned long long)sum->met[i], faults[i].text);
        all &= sum->met[i] > 0;
    }
    return all && sum->wins > sum->tasks / 3;
}

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run_seeds(uint64_t first, uint64_t n, const char *program)
{
    struct sum *sum = shared_sum();
    double began = seconds_now();
    bool well = runs_well(first, n, NULL, sum);
    double took = seconds_now() - began;
    if (!well)
        show_failure(sum->seed, program);
    else if (n >= SEEDS)
        well = everything_was_met(sum) && replays_exactly(first);
    printf("%llu seeds from %llu in %.1f s: %.0f simulated seconds a second, %llu steps of the "
           "core, %llu tasks, %llu decisions, %llu executions, %llu wins\n",
           (unsigned long long)sum->seeds, (unsigned long long)first, took,
           (double)sum->simulated_ms / 1000 / took, (unsigned long long)sum->steps,
           (unsigned long long)sum->tasks, (unsigned long long)sum->decisions,
           (unsigned long long)sum->executions, (unsigned long long)sum->wins);
    munmap(sum, sizeof *sum);
    return well ? 0 : 1;
}

static uint64_t number(const char *text)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (end == text || *end) {
        fprintf(stderr, "not a number: %s\n", text);
        exit(2);
    }
    return value;
}

/* --seeds N [--first SEED] | --seed SEED [--verbose] */
int main(int argc, char **argv)
{
    uint64_t first = 1, n = SEEDS;
    bool verbose = false;
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--verbose") == 0) {
            verbose = true;
        } else if (strcmp(argv[i], "--seed") == 0 && more) {
            first = number(argv[++i]);
            n = 1;
        } else if (strcmp(argv[i], "--seeds") == 0 && more) {
            n = number(argv[++i]);
        } else if (strcmp(argv[i], "--first") == 0 && more) {
            first = number(argv[++i]);
        } else {
            fprintf(stderr, "usage: %s [--seeds N] [--first SEED] | --seed SEED [--verbose]\n",
                    argv[0]);
            return 2;
        }
    }
    struct sum *sum = verbose ? shared_sum() : NULL;
    if (verbose)
        return runs_well(first, n, stdout, sum) ? 0 : 1;
    return run_seeds(first, n, argv[0]);
}
