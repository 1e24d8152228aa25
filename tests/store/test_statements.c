#include "tests/store/fixture.h"

#include "kg-store/store.h"

#include <dirent.h>

static const char *const names[] = {
#define VC_STMT(name, what, sql) "VC_STMT_" #name,
#include "kg-store/statements.def"
#undef VC_STMT
};

static void every_statement_prepares(void **state)
{
    struct fixture *f = *state;
    for (int id = 0; id < VC_STMT_COUNT; id++) {
        sqlite3_stmt *stmt = NULL;
        const char *sql = vc_stmt_sql((enum vc_stmt)id), *tail = "";
        if (sqlite3_prepare_v2(f->kg->db, sql, -1, &stmt, &tail) != SQLITE_OK)
            fail_msg("%s: %s", names[id], sqlite3_errmsg(f->kg->db));
        if (!stmt || *tail != '\0')
            fail_msg("%s is not exactly one statement", names[id]);
        sqlite3_finalize(stmt);
    }
}

/* All .c files of the store, one behind the other. */
static const char *sources(void)
{
    static char text[1 << 20];
    size_t len = 0;
    DIR *dir = opendir("kg-store");
    if (!dir) {
        fail_msg("run this from the root of the source tree");
        return text;
    }
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        size_t n = strlen(entry->d_name);
        if (n < 2 || strcmp(entry->d_name + n - 2, ".c") != 0)
            continue;
        char path[300];
        snprintf(path, sizeof path, "kg-store/%s", entry->d_name);
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        len += fread(text + len, 1, sizeof text - len - 1, file);
        fclose(file);
    }
    closedir(dir);
    return text;
}

static void every_statement_is_used(void **state)
{
    (void)state;
    const char *text = sources();
    for (size_t i = 0; i < VC_STMT_COUNT; i++) {
        size_t len = strlen(names[i]);
        const char *at = strstr(text, names[i]);
        while (at && strchr("_ABCDEFGHIJKLMNOPQRSTUVWXYZ", at[len]))
            at = strstr(at + len, names[i]);
        if (!at)
            fail_msg("%s is used nowhere", names[i]);
    }
}

/* The plan of a statement, its steps joined by "; ". */
static void plan_of(struct fixture *f, enum vc_stmt id, char *out, size_t cap)
{
    char sql[4096];
    snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", vc_stmt_sql(id));
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_prepare_v2(f->kg->db, sql, -1, &stmt, NULL), SQLITE_OK);
    size_t len = 0;
    out[0] = '\0';
    while (sqlite3_step(stmt) == SQLITE_ROW && len < cap)
        len += (size_t)snprintf(out + len, cap - len, "%s; ", sqlite3_column_text(stmt, 3));
    sqlite3_finalize(stmt);
}

static void lists_walk_an_index_and_sort_nothing(void **state)
{
    struct fixture *f = *state;
    static const struct {
        enum vc_stmt id;
        const char *step;
    } wanted[] = {
        {VC_STMT_EVIDENCE_OF_ALL, "SCAN execution USING COVERING INDEX execution_cell"},
        {VC_STMT_EVIDENCE_OF_AGENT, "SEARCH execution USING COVERING INDEX execution_cell (agent"},
        {VC_STMT_CELL_EXECUTIONS, "SEARCH e USING INDEX execution_cell (agent_id=? AND task_type"},
        {VC_STMT_NEWEST_EXECUTIONS, "SCAN e USING INDEX execution_finished"},
        {VC_STMT_OPEN_TASKS, "SCAN t USING INDEX task_open"},
        {VC_STMT_TASKS, "SEARCH t USING INTEGER PRIMARY KEY (rowid<?)"},
        {VC_STMT_TASKS_IN_STATE, "SEARCH t USING INDEX task_state (state=? AND rowid<?)"},
        {VC_STMT_TASKS_OF_AGENT, "SEARCH t USING INDEX task_agent (agent_id=? AND rowid<?)"},
        {VC_STMT_GET_TASK, "SEARCH t USING INDEX sqlite_autoindex_task_1 (task_id=?)"},
        {VC_STMT_MOVE_TASK, "SEARCH task USING INDEX sqlite_autoindex_task_1 (task_id=?)"},
        {VC_STMT_TASK_DECISIONS, "SEARCH decision USING INDEX decision_task (task_id=?)"},
        {VC_STMT_TASK_EXECUTIONS, "SEARCH e USING PRIMARY KEY (task_id=?)"},
        {VC_STMT_TASKS_WITH_TEXT, "SCAN f VIRTUAL TABLE INDEX"},
        {VC_STMT_COUNT_TASKS, "SCAN task USING COVERING INDEX task_state"},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        char plan[1024];
        plan_of(f, wanted[i].id, plan, sizeof plan);
        if (!strstr(plan, wanted[i].step) || strstr(plan, "TEMP B-TREE"))
            fail_msg("%s: %s", names[wanted[i].id], plan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_statement_prepares, setup, teardown),
        cmocka_unit_test(every_statement_is_used),
        cmocka_unit_test_setup_teardown(lists_walk_an_index_and_sort_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
