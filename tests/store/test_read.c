#include "tests/store/fixture.h"

#include <sys/wait.h>

/* A history small enough to read every list off it. */
static const struct row {
    const char *task_id, *agent_id, *task_type;
    uint32_t epoch;
    int64_t finished_at;
    bool counted;
} rows[] = {
    {"a", "ada", "coding", 1, 100, true},  {"b", "ada", "testing", 1, 200, true},
    {"c", "bob", "coding", 1, 300, true},  {"d", "ada", "coding", 1, 400, false},
    {"e", "ada", "devops", 1, 50, true},   {"f", "ada", "coding", 1, 400, true},
    {"f", "ada", "coding", 2, 400, true},  {"g", "bob", "testing", 1, 250, true},
    {"h", "ada", "testing", 1, 900, true}, {"a", "cyd", "coding", 2, 60, true},
};

static int setup_rows(void **state)
{
    if (setup(state) != 0)
        return -1;
    struct fixture *f = *state;
    begin(f);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct vc_kg_execution e = an_execution(rows[i].task_id, rows[i].epoch);
        e.agent_id = rows[i].agent_id;
        e.task_type = rows[i].task_type;
        e.finished_at.ms = rows[i].finished_at;
        e.counted = rows[i].counted;
        e.winning = false;
        assert_ok(f, vc_kg_put_execution(f->kg, &e, &f->err));
    }
    static const char ids[] = "abcdefgh";
    for (size_t i = 0; ids[i]; i++) {
        struct vc_kg_task task = a_task((char[]){ids[i], '\0'});
        task.task_type = i % 2 ? "testing" : "coding";
        task.agent_id = i < 4 ? "ada" : NULL;
        task.state = i % 3 ? "queued" : "completed";
        task.finished_at.ms = i % 3 ? 0 : NOW_MS;
        assert_ok(f, vc_kg_put_task(f->kg, &task, &f->err));
    }
    commit(f);
    return 0;
}

static void assert_executions(struct fixture *f, struct vc_kg_filter filter, const char *want)
{
    struct ids ids = {""};
    assert_ok(f, vc_kg_executions(f->kg, &filter, add_execution_id, &ids, &f->err));
    assert_string_equal(ids.text, want);
}

static void executions_of_a_type_come_newest_first(void **state)
{
    struct fixture *f = *state;
    struct ids ids = {""}, two = {""}, none = {""};
    assert_ok(f, vc_kg_executions_for_task_type(f->kg, "ada", "coding", 100, add_execution_id, &ids,
                                                &f->err));
    assert_string_equal(ids.text, "f:2 f:1 d:1 a:1");
    assert_ok(f, vc_kg_executions_for_task_type(f->kg, "ada", "coding", 2, add_execution_id, &two,
                                                &f->err));
    assert_string_equal(two.text, "f:2 f:1");
    assert_ok(f, vc_kg_executions_for_task_type(f->kg, "ada", "none", 2, add_execution_id, &none,
                                                &f->err));
    assert_string_equal(none.text, "");
}

static void executions_of_an_agent_come_newest_first_over_all_types(void **state)
{
    struct fixture *f = *state;
    static const char *const want[] = {"h:1",
                                       "h:1 f:2",
                                       "h:1 f:2 f:1",
                                       "h:1 f:2 f:1 d:1",
                                       "h:1 f:2 f:1 d:1 b:1",
                                       "h:1 f:2 f:1 d:1 b:1 a:1",
                                       "h:1 f:2 f:1 d:1 b:1 a:1 e:1",
                                       "h:1 f:2 f:1 d:1 b:1 a:1 e:1"};
    for (uint32_t limit = 1; limit <= 8; limit++) {
        struct ids ids = {""};
        assert_ok(f, vc_kg_agent_executions(f->kg, "ada", limit, add_execution_id, &ids, &f->err));
        assert_string_equal(ids.text, want[limit - 1]);
    }
    struct ids none = {""};
    assert_ok(f, vc_kg_agent_executions(f->kg, "nobody", 5, add_execution_id, &none, &f->err));
    assert_string_equal(none.text, "");
}

static void executions_are_narrowed_by_a_filter(void **state)
{
    struct fixture *f = *state;
    assert_executions(f, (struct vc_kg_filter){.limit = 4}, "h:1 f:2 f:1 d:1");
    assert_executions(f, (struct vc_kg_filter){.task_type = "testing", .limit = 9}, "h:1 g:1 b:1");
    assert_executions(f, (struct vc_kg_filter){.agent_id = "bob", .limit = 9}, "c:1 g:1");
    assert_executions(
        f, (struct vc_kg_filter){.agent_id = "bob", .task_type = "coding", .limit = 9}, "c:1");
    assert_executions(f, (struct vc_kg_filter){.before_seq = 3, .limit = 9}, "b:1 a:1 a:2");
    assert_executions(f, (struct vc_kg_filter){.agent_id = "ada", .before_seq = 3, .limit = 1},
                      "b:1");
    assert_executions(f,
                      (struct vc_kg_filter){
                          .agent_id = "ada", .task_type = "coding", .before_seq = 3, .limit = 9},
                      "a:1");
}

static void executions_of_a_task_come_by_epoch(void **state)
{
    struct fixture *f = *state;
    struct ids ids = {""};
    assert_ok(f, vc_kg_task_executions(f->kg, "a", add_execution_id, &ids, &f->err));
    assert_string_equal(ids.text, "a:1 a:2");
}

static void assert_tasks(struct fixture *f, struct vc_kg_filter filter, const char *want)
{
    struct ids ids = {""};
    assert_ok(f, vc_kg_tasks(f->kg, &filter, add_task_id, &ids, &f->err));
    assert_string_equal(ids.text, want);
}

static void tasks_come_newest_first_and_are_narrowed_by_a_filter(void **state)
{
    struct fixture *f = *state;
    assert_tasks(f, (struct vc_kg_filter){.limit = 3}, "h g f");
    assert_tasks(f, (struct vc_kg_filter){.limit = 3, .before_seq = 6}, "e d c");
    assert_tasks(f, (struct vc_kg_filter){.limit = 9, .state = "completed"}, "g d a");
    assert_tasks(f, (struct vc_kg_filter){.limit = 1, .state = "completed", .before_seq = 7}, "d");
    assert_tasks(f, (struct vc_kg_filter){.limit = 9, .task_type = "testing"}, "h f d b");
    assert_tasks(f, (struct vc_kg_filter){.limit = 9, .agent_id = "ada"}, "d c b a");
    assert_tasks(f,
                 (struct vc_kg_filter){
                     .limit = 9, .agent_id = "ada", .task_type = "coding", .state = "queued"},
                 "c");
    assert_tasks(f, (struct vc_kg_filter){.limit = 9, .state = "nowhere"}, "");
}

static void open_tasks_come_in_the_order_of_acceptance(void **state)
{
    struct fixture *f = *state;
    struct ids ids = {""}, later = {""};
    assert_ok(f, vc_kg_open_tasks(f->kg, add_task_id, &ids, &f->err));
    assert_string_equal(ids.text, "b c e f h");
    begin(f);
    struct vc_kg_move done = {.task_id = "c", .state = "failed", .final = true, .at = {NOW_MS}};
    struct vc_kg_move again = {.task_id = "a", .state = "queued", .at = {NOW_MS}};
    assert_ok(f, vc_kg_move_task(f->kg, &done, &f->err));
    assert_ok(f, vc_kg_move_task(f->kg, &again, &f->err));
    commit(f);
    reopen(f, VC_KG_READ);
    assert_ok(f, vc_kg_open_tasks(f->kg, add_task_id, &later, &f->err));
    assert_string_equal(later.text, "a b e f h");
}

static void add_decision(void *ctx, const struct vc_kg_decision *d)
{
    char text[128];
    snprintf(text, sizeof text, "%s/%s/%u/%u/%s/%s/%s/%s/%s", d->decision_id, d->task_id, d->epoch,
             d->attempt, d->task_type, d->policy, d->rule, d->chosen, d->record);
    assert_int_equal(d->at.ms, NOW_MS);
    add_id(ctx, text);
}

static void decisions_of_a_task_come_by_epoch(void **state)
{
    struct fixture *f = *state;
    struct vc_kg_decision decisions[] = {a_decision("d2", "a", 2), a_decision("d1", "a", 1),
                                         a_decision("d3", "b", 1)};
    decisions[1].record = "{}";
    begin(f);
    for (size_t i = 0; i < 3; i++)
        assert_ok(f, vc_kg_put_decision(f->kg, &decisions[i], &f->err));
    assert_rc(f, VC_E_CONFLICT, vc_kg_put_decision(f->kg, &decisions[0], &f->err));
    commit(f);
    struct ids ids = {""};
    assert_ok(f, vc_kg_task_decisions(f->kg, "a", add_decision, &ids, &f->err));
    assert_string_equal(ids.text, "d1/a/1/1/coding/formula/score/ada/{} "
                                  "d2/a/2/1/coding/formula/score/ada/{\"candidates\":[]}");
}

static void add_agent(void *ctx, const struct vc_kg_agent *a)
{
    char text[128];
    snprintf(text, sizeof text, "%s/%s/%s/%u/%d/%d/%lld", a->agent_id, a->card,
             a->role ? a->role : "-", a->capacity, a->draining, a->removed,
             (long long)a->registered_at.ms);
    add_id(ctx, text);
}

static void agents_come_by_id(void **state)
{
    struct fixture *f = *state;
    struct vc_kg_agent agents[] = {
        {.agent_id = "bob", .card = "{}", .capacity = 2, .draining = true},
        {.agent_id = "Zoe", .card = "{}", .role = "dev", .removed = true},
        {.agent_id = "ada", .card = "{\"a\":1}", .capacity = 1, .registered_at = {7}}};
    begin(f);
    for (size_t i = 0; i < 3; i++)
        assert_ok(f, vc_kg_put_agent(f->kg, &agents[i], &f->err));
    commit(f);
    struct ids ids = {""};
    assert_ok(f, vc_kg_agents(f->kg, add_agent, &ids, &f->err));
    assert_string_equal(ids.text, "Zoe/{}/dev/0/0/1/0 ada/{\"a\":1}/-/1/0/0/7 bob/{}/-/2/1/0/0");
}

static void add_count(void *ctx, const char *name, uint64_t count)
{
    char text[64];
    snprintf(text, sizeof text, "%s=%llu", name, (unsigned long long)count);
    add_id(ctx, text);
}

static void rows_and_states_are_counted(void **state)
{
    struct fixture *f = *state;
    int64_t seq;
    begin(f);
    assert_ok(f, vc_kg_put_outbox(f->kg, "s", "b", 1, &seq, &f->err));
    struct vc_kg_late late = {.task_id = "a", .agent_id = "ada", .reason = "stale"};
    assert_ok(f, vc_kg_put_late(f->kg, &late, &f->err));
    commit(f);
    struct ids tasks = {""}, counts = {""};
    assert_ok(f, vc_kg_count_tasks(f->kg, add_count, &tasks, &f->err));
    assert_string_equal(tasks.text, "completed=3 queued=5");
    assert_ok(f, vc_kg_count_rows(f->kg, add_count, &counts, &f->err));
    assert_string_equal(counts.text, "recorded=10 late=1 outbox=1");
}

static void add_type(void *ctx, const char *task_type, uint64_t decisions, uint64_t trials)
{
    char text[64];
    snprintf(text, sizeof text, "%s=%llu/%llu", task_type, (unsigned long long)decisions,
             (unsigned long long)trials);
    add_id(ctx, text);
}

static void every_type_seen_is_listed_by_name(void **state)
{
    struct fixture *f = *state;
    begin(f);
    assert_ok(f, vc_kg_add_decisions(f->kg, "testing", 9, 4, &f->err));
    commit(f);
    struct ids types = {""};
    assert_ok(f, vc_kg_types(f->kg, add_type, &types, &f->err));
    assert_string_equal(types.text, "coding=0/0 devops=0/0 testing=9/4");
}

static void add_message(void *ctx, int64_t seq, const char *subject, const char *body, size_t len)
{
    char text[64];
    snprintf(text, sizeof text, "%lld/%s/%.*s", (long long)seq, subject, (int)len, body);
    add_id(ctx, text);
}

static void the_outbox_is_read_from_any_place(void **state)
{
    struct fixture *f = *state;
    int64_t seq = 0;
    begin(f);
    for (int i = 0; i < 5; i++)
        assert_ok(f, vc_kg_put_outbox(f->kg, "s", "b", 1, &seq, &f->err));
    assert_ok(f, vc_kg_drop_outbox(f->kg, 2, &f->err));
    commit(f);
    struct ids ids = {""};
    assert_ok(f, vc_kg_outbox(f->kg, 0, 2, add_message, &ids, &f->err));
    assert_string_equal(ids.text, "3/s/b 4/s/b");
    ids = (struct ids){""};
    assert_ok(f, vc_kg_outbox(f->kg, 4, 2, add_message, &ids, &f->err));
    assert_string_equal(ids.text, "5/s/b");
}

static void ask_within(void *ctx, const struct vc_kg_task *task)
{
    struct fixture *f = ctx;
    struct ids ids = {""};
    assert_ok(f, vc_kg_task_executions(f->kg, task->task_id, add_execution_id, &ids, &f->err));
    assert_ptr_not_equal(strstr(ids.text, task->task_id), NULL);
}

static void nested_questions_are_answered(void **state)
{
    struct fixture *f = *state;
    assert_ok(f, vc_kg_tasks(f->kg, &(struct vc_kg_filter){.limit = 9}, ask_within, f, &f->err));
}

/* In a process of its own: look until the writer's last task is there; its execution, written in
 * the same transaction, must then be there too. */
static int read_while_written(const char *path, int last)
{
    struct vc_err err = {0};
    struct vc_kg *kg = NULL;
    if (vc_kg_open(path, VC_KG_READ, &kg, &err) != VC_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    char want[16];
    snprintf(want, sizeof want, "w%d", last);
    int result = 2;
    for (int looks = 0; looks < 100000 && result == 2; looks++) {
        struct ids task = {""}, execution = {""};
        enum vc_rc rc = vc_kg_get_task(kg, want, add_task_id, &task, &err);
        if (rc == VC_OK) {
            rc = vc_kg_get_execution(kg, want, 1, add_execution_id, &execution, &err);
            result = rc == VC_OK ? 0 : 3;
        } else if (rc != VC_E_NOT_FOUND) {
            fprintf(stderr, "%s\n", err.text);
            result = 4;
        }
        usleep(200);
    }
    vc_kg_close(&kg);
    return result;
}

static void a_second_process_reads_while_the_first_one_writes(void **state)
{
    enum { BATCHES = 200 };
    struct fixture *f = *state;
    fflush(NULL);
    /* SQLite connections must not cross a fork. */
    vc_kg_close(&f->kg);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(read_while_written(f->path, BATCHES - 1));
    reopen(f, VC_KG_OWN);
    for (int i = 0; i < BATCHES; i++) {
        char id[16];
        snprintf(id, sizeof id, "w%d", i);
        struct vc_kg_execution e = an_execution(id, 1);
        begin(f);
        put_task(f, id);
        assert_ok(f, vc_kg_put_execution(f->kg, &e, &f->err));
        commit(f);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup_rows, teardown)
        T(executions_of_a_type_come_newest_first),
        T(executions_of_an_agent_come_newest_first_over_all_types),
        T(executions_are_narrowed_by_a_filter),
        T(executions_of_a_task_come_by_epoch),
        T(tasks_come_newest_first_and_are_narrowed_by_a_filter),
        T(open_tasks_come_in_the_order_of_acceptance),
        T(decisions_of_a_task_come_by_epoch),
        T(agents_come_by_id),
        T(rows_and_states_are_counted),
        T(every_type_seen_is_listed_by_name),
        T(the_outbox_is_read_from_any_place),
        T(nested_questions_are_answered),
        T(a_second_process_reads_while_the_first_one_writes),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
