/* The queries of docs/database.md give what is printed below them. */
#include "tests/store/fixture.h"

static void finish(struct fixture *f, const char *task_id, uint32_t epoch, const char *agent_id,
                   bool ok, int64_t minutes)
{
    char decision_id[64];
    snprintf(decision_id, sizeof decision_id, "%s.%u", task_id, epoch);
    struct vc_kg_decision d = a_decision(decision_id, task_id, epoch);
    d.attempt = epoch;
    d.chosen = agent_id;
    struct vc_kg_execution e = an_execution(task_id, epoch);
    e.attempt = epoch;
    e.agent_id = agent_id;
    e.decision_id = decision_id;
    e.winning = ok;
    e.outcome = ok ? VC_OUTCOME_SUCCESS : VC_OUTCOME_FAILURE;
    e.error_class = ok ? VC_ERROR_NONE : VC_ERROR_TOOL_ERROR;
    e.value = ok;
    e.started_at.ms = NOW_MS + minutes * VC_MINUTE_MS - 90 * VC_SECOND_MS;
    e.finished_at.ms = NOW_MS + minutes * VC_MINUTE_MS;
    e.duration_ms = 90 * VC_SECOND_MS;
    struct vc_kg_move m = {.task_id = task_id,
                           .state = ok ? "completed" : "queued",
                           .final = ok,
                           .epoch = epoch,
                           .attempt = epoch,
                           .max_attempts = 3,
                           .agent_id = agent_id,
                           .decision_id = decision_id,
                           .at = e.finished_at};
    assert_ok(f, vc_kg_put_decision(f->kg, &d, &f->err));
    assert_ok(f, vc_kg_add_decisions(f->kg, "coding", 1, epoch == 1, &f->err));
    assert_ok(f, vc_kg_put_execution(f->kg, &e, &f->err));
    assert_ok(f, vc_kg_move_task(f->kg, &m, &f->err));
}

/* Ada fails at the first task and Bob does it; Ada does its child; a third one waits. */
static void put_story(struct fixture *f)
{
    struct vc_kg_agent agents[] = {{.agent_id = "ada", .card = "{}", .capacity = 2},
                                   {.agent_id = "bob", .card = "{}", .capacity = 1}};
    size_t done = 0;
    begin(f);
    assert_ok(f, vc_kg_put_agent(f->kg, &agents[0], &f->err));
    assert_ok(f, vc_kg_put_agent(f->kg, &agents[1], &f->err));
    put_task(f, "t-1");
    struct vc_kg_task child = a_task("t-2"), waiting = a_task("t-3");
    child.title = "Cover the parser with tests";
    child.parent_task_id = "t-1";
    waiting.title = "Describe the file format";
    assert_ok(f, vc_kg_put_task(f->kg, &child, &f->err));
    assert_ok(f, vc_kg_put_task(f->kg, &waiting, &f->err));
    finish(f, "t-1", 1, "ada", false, 2);
    finish(f, "t-1", 2, "bob", true, 5);
    finish(f, "t-2", 1, "ada", true, 9);
    assert_ok(f, vc_kg_index_texts(f->kg, 10, &done, &f->err));
    commit(f);
}

static void append(char *out, size_t cap, const char *text)
{
    size_t len = strlen(out);
    snprintf(out + len, cap - len, "%s", text);
}

/* What `sqlite3 -header` prints. */
static void run_query(sqlite3 *db, const char *sql, char *out, size_t cap)
{
    sqlite3_stmt *stmt = NULL;
    out[0] = '\0';
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s\n%s", sqlite3_errmsg(db), sql);
    int columns = sqlite3_column_count(stmt);
    for (int row = 0; row == 0 || sqlite3_step(stmt) == SQLITE_ROW; row++)
        for (int c = 0; c < columns; c++) {
            const char *text = row == 0 ? sqlite3_column_name(stmt, c)
                                        : (const char *)sqlite3_column_text(stmt, c);
            append(out, cap, text ? text : "");
            append(out, cap, c + 1 < columns ? "|" : "\n");
        }
    sqlite3_finalize(stmt);
}

/* The inside of the next ``` block of @kind after @at; NULL when there is none. */
static char *next_block(char *at, const char *kind, char **end)
{
    char fence[16];
    snprintf(fence, sizeof fence, "\n```%s\n", kind);
    char *start = strstr(at, fence);
    if (!start)
        return NULL;
    start += strlen(fence);
    char *stop = strstr(start, "```");
    assert_non_null(stop);
    *stop = '\0';
    *end = stop + 1;
    return start;
}

static void the_documented_queries_give_the_documented_rows(void **state)
{
    struct fixture *f = *state;
    put_story(f);
    static char doc[65536];
    FILE *file = fopen("docs/database.md", "r");
    assert_non_null(file);
    assert_in_range(fread(doc, 1, sizeof doc - 1, file), 1, sizeof doc - 2);
    fclose(file);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    int queries = 0;
    char *end = doc;
    for (char *sql = next_block(end, "sql", &end); sql; sql = next_block(end, "sql", &end)) {
        char *want = next_block(end, "text", &end), got[4096];
        assert_non_null(want);
        run_query(db, sql, got, sizeof got);
        if (strcmp(got, want) != 0)
            fail_msg("%s\ngives\n%s\nnot\n%s", sql, got, want);
        queries++;
    }
    sqlite3_close(db);
    assert_true(queries >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_documented_queries_give_the_documented_rows, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
