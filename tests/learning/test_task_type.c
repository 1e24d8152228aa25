#include "learning/task_type.h"

#include "base/str.h"
#include "tests/support/near.h"

#include <string.h>

static void assert_type(const char *title, const char *description, const char *wanted)
{
    struct vc_type_guess guess = vc_task_type_infer(NULL, title, description);
    if (strcmp(guess.task_type, wanted) == 0)
        return;
    print_error("'%s' is taken for %s by '%s'\n", title, guess.task_type,
                guess.rule ? guess.rule : "nothing");
    assert_string_equal(guess.task_type, wanted);
}

struct sentence {
    const char *title, *wanted;
};

static void check_sentences(const struct sentence *sentences, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_type(sentences[i].title, NULL, sentences[i].wanted);
}

static void sentences_get_the_type_a_person_would_give(void **state)
{
    (void)state;
    static const struct sentence sentences[] = {
        {"Review pull request #42", "code_review"},
        {"Code-review the payment module", "code_review"},
        {"Review the tests of the parser", "code_review"},
        {"Audit the login form for XSS", "security"},
        {"Fix SQL injection in the search box", "security"},
        {"Review our security posture", "security"},
        {"Propose an architecture for the billing service", "architecture"},
        {"Design the order schema", "architecture"},
        {"Fix the crash on empty input", "debugging"},
        {"Users don't get their mail", "debugging"},
        {"Investigate the login failure", "debugging"},
        {"Write unit tests for the parser", "testing"},
        {"Add test cases for time zones", "testing"},
        {"Fix flaky login test", "testing"},
        {"Refactor the session store", "refactoring"},
        {"Rename Foo to Bar", "refactoring"},
        {"Remove unused imports", "refactoring"},
        {"Optimize the image pipeline", "performance"},
        {"Optimize the inner loop", "performance"},
        {"Make start-up faster", "performance"},
        {"Cache parsed templates", "performance"},
        {"Fix typo in README", "documentation"},
        {"Document the HTTP API", "documentation"},
        {"Write a tutorial", "documentation"},
        {"Set up CI for the new repository", "devops"},
        {"Set up the delivery pipeline", "devops"},
        {"Deploy the staging cluster", "devops"},
        {"Upgrade dependencies", "devops"},
        {"Implement OAuth login", "coding"},
        {"Add a dark theme", "coding"},
        {"Build a login page", "coding"},
        {"SUPPORT IPv6", "coding"},
    };
    check_sentences(sentences, sizeof sentences / sizeof sentences[0]);
}

static void words_inside_words_do_not_fire(void **state)
{
    (void)state;
    static const struct sentence sentences[] = {
        {"the latest contest", "general"},
        {"prefix suffix affixed", "general"},
        {"padding and address", "general"},
        {"specific social decision", "general"},
        {"newest renewal", "general"},
        {"doctor redocking", "general"},
        {"\xc3\xa9test testo\xcc\x81", "general"},
        {"test2 2test", "general"},
        {"penetrationtest", "general"},
        {"", "general"},
        {" ,.;!", "general"},
        {"Water the plants", "general"},
    };
    check_sentences(sentences, sizeof sentences / sizeof sentences[0]);
}

static void identifiers_and_punctuation_are_taken_apart(void **state)
{
    (void)state;
    assert_type("test_parser.py", NULL, "testing");
    assert_type("(docs)", NULL, "documentation");
    assert_type("pen: penetration\n  test", NULL, "security");
    assert_type("it doesn't load", NULL, "debugging");
    assert_type("penetration", NULL, "general");
    assert_type("penetration testing of walls", NULL, "testing");
}

static void a_stated_type_always_wins(void **state)
{
    (void)state;
    static const char stated[] = "watering";
    struct vc_type_guess guess = vc_task_type_infer(stated, "Fix the crash", "tests fail");
    assert_ptr_equal(guess.task_type, stated);
    assert_int_equal(guess.method, VC_TYPE_EXPLICIT);
    assert_exactly(guess.confidence, 1);
    assert_null(guess.rule);
}

static void the_title_is_asked_before_the_description(void **state)
{
    (void)state;
    assert_type("Deploy", "fix the docs", "devops");
    assert_type("Monday's work", "fix the docs", "documentation");
    assert_type("Monday's work", "nothing special", "general");
}

static void a_guess_says_how_it_was_made(void **state)
{
    (void)state;
    struct vc_type_guess guess = vc_task_type_infer(NULL, "Pen-Test / PENETRATION-TEST", NULL);
    assert_int_equal(guess.method, VC_TYPE_RULE);
    assert_string_equal(guess.rule, "penetration test");
    assert_true(guess.confidence > 0 && guess.confidence < 1);
    guess = vc_task_type_infer(NULL, "Water the plants", NULL);
    assert_int_equal(guess.method, VC_TYPE_DEFAULT);
    assert_exactly(guess.confidence, 0);
    assert_null(guess.rule);
    assert_string_equal(vc_type_method_name(VC_TYPE_EXPLICIT), "explicit");
    assert_string_equal(vc_type_method_name(VC_TYPE_RULE), "rule");
    assert_string_equal(vc_type_method_name(VC_TYPE_DEFAULT), "default");
}

static void only_the_first_256_words_are_looked_at(void **state)
{
    (void)state;
    static const size_t words = 256;
    VC_AUTO_BUF struct vc_buf text = {0};
    for (size_t i = 0; i < words; i++)
        vc_buf_puts(&text, "x ");
    vc_buf_puts(&text, "fix");
    assert_type(text.text, NULL, "general");
    assert_type(text.text + 2, NULL, "debugging");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_get_the_type_a_person_would_give),
        cmocka_unit_test(words_inside_words_do_not_fire),
        cmocka_unit_test(identifiers_and_punctuation_are_taken_apart),
        cmocka_unit_test(a_stated_type_always_wins),
        cmocka_unit_test(the_title_is_asked_before_the_description),
        cmocka_unit_test(a_guess_says_how_it_was_made),
        cmocka_unit_test(only_the_first_256_words_are_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
