#include "tests/store/fixture.h"

static void put_text(struct fixture *f, const char *id, const char *title, const char *description)
{
    struct vc_kg_task task = a_task(id);
    task.title = title;
    task.description = description;
    assert_ok(f, vc_kg_put_task(f->kg, &task, &f->err));
}

static int setup_texts(void **state)
{
    if (setup(state) != 0)
        return -1;
    struct fixture *f = *state;
    begin(f);
    put_text(f, "a", "Fix the parser", "It fails on empty input");
    put_text(f, "b", "Write docs", "How the Parser reads a file");
    put_text(f, "c", "Parse dates", NULL);
    put_text(f, "d", "R\xc3\xa9sum\xc3\xa9 page", "none of it");
    commit(f);
    return 0;
}

static void assert_found(struct fixture *f, const char *text, const char *want)
{
    struct ids ids = {""};
    struct vc_kg_filter filter = {.text = text, .limit = 10};
    assert_ok(f, vc_kg_tasks(f->kg, &filter, add_task_id, &ids, &f->err));
    if (strcmp(ids.text, want) != 0)
        fail_msg("'%s' found '%s', not '%s'", text, ids.text, want);
}

static void words_are_found_as_written_in_title_and_description(void **state)
{
    struct fixture *f = *state;
    assert_found(f, "parser", "b a");
    assert_found(f, "PARSER", "b a");
    assert_found(f, "parse", "c");
    assert_found(f, "pars*", "c b a");
    assert_found(f, "title : parser", "a");
    assert_found(f, "\"empty input\"", "a");
    assert_found(f, "\"input empty\"", "");
    assert_found(f, "parser NOT docs", "a");
    assert_found(f, "resume", "d");
    assert_found(f, "nothing", "");
}

static void a_search_is_narrowed_like_any_list(void **state)
{
    struct fixture *f = *state;
    begin(f);
    struct vc_kg_move move = {
        .task_id = "a", .state = "working", .agent_id = "ada", .at = {NOW_MS}};
    assert_ok(f, vc_kg_move_task(f->kg, &move, &f->err));
    commit(f);
    struct vc_kg_filter filters[] = {
        {.text = "pars*", .limit = 10, .state = "working"},
        {.text = "pars*", .limit = 10, .agent_id = "ada"},
        {.text = "pars*", .limit = 10, .before_seq = 2},
        {.text = "parser", .limit = 1},
        {.text = "parser", .limit = 10, .task_type = "testing"},
    };
    static const char *const want[] = {"a", "a", "a", "b", ""};
    for (size_t i = 0; i < 5; i++) {
        struct ids ids = {""};
        assert_ok(f, vc_kg_tasks(f->kg, &filters[i], add_task_id, &ids, &f->err));
        assert_string_equal(ids.text, want[i]);
    }
}

static void a_text_that_is_no_query_is_refused_with_its_reason(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {"\"open", "AND", "(", "nosuch : word", "a b )"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ids ids = {""};
        struct vc_kg_filter filter = {.text = bad[i], .limit = 10};
        assert_rc(f, VC_E_INVALID, vc_kg_tasks(f->kg, &filter, add_task_id, &ids, &f->err));
        assert_non_null(strstr(f->err.text, "search tasks"));
    }
    assert_found(f, "parser", "b a");
}

static void a_search_brings_the_index_up_to_date(void **state)
{
    struct fixture *f = *state;
    assert_found(f, "late", "");
    begin(f);
    put_text(f, "e", "A late arrival", NULL);
    assert_found(f, "late", "e");
    vc_kg_rollback(f->kg);
    assert_found(f, "late", "");
    begin(f);
    put_text(f, "e", "A late arrival", NULL);
    commit(f);
    reopen(f, VC_KG_OWN);
    assert_found(f, "late", "e");
}

static void a_reader_finds_what_the_owner_has_indexed(void **state)
{
    struct fixture *f = *state;
    size_t done = 0;
    assert_ok(f, vc_kg_index_texts(f->kg, 2, &done, &f->err));
    assert_int_equal(done, 2);
    reopen(f, VC_KG_READ);
    assert_found(f, "pars*", "b a");
}

static void texts_are_indexed_in_steps_and_each_once(void **state)
{
    struct fixture *f = *state;
    static const size_t want[] = {3, 1, 0, 0};
    for (size_t i = 0; i < 4; i++) {
        size_t done = 99;
        assert_ok(f, vc_kg_index_texts(f->kg, 3, &done, &f->err));
        assert_int_equal(done, want[i]);
    }
    assert_int_equal(ask(f, "SELECT value FROM meta WHERE key = 'texts_indexed'"), 4);
    assert_int_equal(ask(f, "SELECT count(*) FROM task_fts WHERE task_fts MATCH 'parser'"), 2);
    assert_found(f, "parser", "b a");
}

static void a_search_indexes_more_than_one_batch(void **state)
{
    struct fixture *f = *state;
    begin(f);
    for (int i = 0; i < 2500; i++) {
        char id[16];
        snprintf(id, sizeof id, "n%d", i);
        put_text(f, id, i == 2499 ? "the very needle" : "hay", NULL);
    }
    commit(f);
    assert_found(f, "needle", "n2499");
}

static void the_submit_path_does_not_touch_the_index(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(ask(f, "SELECT count(*) FROM task_fts_idx"), 0);
    assert_int_equal(ask(f, "SELECT value FROM meta WHERE key = 'texts_indexed'"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup_texts, teardown)
        T(words_are_found_as_written_in_title_and_description),
        T(a_search_is_narrowed_like_any_list),
        T(a_text_that_is_no_query_is_refused_with_its_reason),
        T(a_search_brings_the_index_up_to_date),
        T(a_reader_finds_what_the_owner_has_indexed),
        T(texts_are_indexed_in_steps_and_each_once),
        T(a_search_indexes_more_than_one_batch),
        T(the_submit_path_does_not_touch_the_index),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
