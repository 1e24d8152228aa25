#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>
#include <cmocka.h>

static void a_buffer_grows_and_stays_terminated(void **state)
{
    (void)state;
    VC_AUTO_BUF struct vc_buf buf = {0};
    assert_string_equal(vc_buf_text(&buf), "");
    for (size_t i = 0; i < 1000; i++) {
        vc_buf_printf(&buf, "%zu,", i % 10);
        assert_int_equal(buf.len, 2 * (i + 1));
        assert_int_equal(buf.text[buf.len], '\0');
    }
    vc_buf_reset(&buf);
    assert_string_equal(vc_buf_text(&buf), "");
    vc_buf_add(&buf, "ab\0c", 4);
    assert_int_equal(buf.len, 4);
    assert_memory_equal(buf.text, "ab\0c", 5);
    vc_buf_reset(&buf);
    vc_buf_puts(&buf, "again");
    vc_buf_add(&buf, NULL, 0);
    assert_string_equal(vc_buf_text(&buf), "again");
}

static void a_finished_buffer_can_be_used_again(void **state)
{
    (void)state;
    struct vc_buf buf = {0};
    vc_buf_reset(&buf);
    vc_buf_puts(&buf, "x");
    vc_buf_fini(&buf);
    assert_null(buf.text);
    vc_buf_printf(&buf, "%s", "");
    assert_string_equal(vc_buf_text(&buf), "");
    vc_buf_fini(&buf);
    vc_buf_fini(&buf);
}

static void copies_are_cut_to_fit_and_say_so(void **state)
{
    (void)state;
    char out[4];
    assert_true(vc_copy(out, sizeof out, "abc"));
    assert_string_equal(out, "abc");
    assert_false(vc_copy(out, sizeof out, "abcd"));
    assert_string_equal(out, "abc");
    assert_true(vc_copy(out, 1, ""));
    assert_string_equal(out, "");
    assert_false(vc_copy(out, 1, "x"));
    assert_string_equal(out, "");
}

static void what_could_move_the_cursor_or_forge_a_line_is_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } rows[] = {
        {"", ""},
        {"plain 'text' \\ ~", "plain 'text' \\ ~"},
        {"one\ntwo\r\ttab", "one\\x0atwo\\x0d\\x09tab"},
        {"\x1b[31mred", "\\x1b[31mred"},
        {"\x7f", "\\x7f"},
        {"gr\xc3\xbc\xc3\x9f dich \xe2\x82\xac \xf0\x9f\x98\x80",
         "gr\xc3\xbc\xc3\x9f dich \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"\xc2\x80\xc2\x9f\xc2\xa0", "\\x80\\x9f\xc2\xa0"}, /* C1, no-break space */
        {"a\xe2\x80\xae"
         "b",
         "a\\u{202e}b"},                                                     /* override */
        {"\xe2\x81\xa6x\xe2\x81\xa9", "\\u{2066}x\\u{2069}"},                /* isolates */
        {"\xe2\x80\x8e\xd8\x9c\xe2\x80\xa8", "\\u{200e}\\u{061c}\\u{2028}"}, /* marks, line */
        {"\xef\xbb\xbf", "\\u{feff}"},
        {"\xff\xfe", "\\xff\\xfe"},
        {"\x80", "\\x80"}, /* a tail without a head */
        {"\xc3", "\\xc3"}, /* a head without a tail */
        {"\xe2\x82", "\\xe2\\x82"},
        {"\xc3(", "\\xc3("},
        {"\xc0\xaf", "\\xc0\\xaf"}, /* overlong '/' */
        {"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},          /* surrogate */
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* past U+10FFFF */
        {"\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        VC_AUTO_BUF struct vc_buf buf = {0};
        vc_buf_show(&buf, rows[i].text);
        assert_string_equal(vc_buf_text(&buf), rows[i].shown);
    }
}

static void whatever_is_shown_has_no_control_left(void **state)
{
    (void)state;
    for (int a = 1; a < 256; a++)
        for (int b = 1; b < 256; b++) {
            const char text[] = {(char)a, (char)b, '\0'};
            VC_AUTO_BUF struct vc_buf buf = {0};
            vc_buf_show(&buf, text);
            for (const char *p = vc_buf_text(&buf); *p; p++)
                assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
        }
}

static void columns_count_code_points(void **state)
{
    (void)state;
    assert_int_equal(vc_columns(""), 0);
    assert_int_equal(vc_columns("abc"), 3);
    assert_int_equal(vc_columns("gr\xc3\xbc\xc3\x9f"), 4);
    assert_int_equal(vc_columns("\xf0\x9f\x98\x80"), 1);
}

static void json_is_shown_as_the_same_document(void **state)
{
    (void)state;
    VC_AUTO_BUF struct vc_buf buf = {0};
    vc_buf_show_json(&buf, "{\n \"a\": \"x\xc2\x9b\x7f\xe2\x80\xae\xc3\xa4\\u001b\"}");
    assert_string_equal(vc_buf_text(&buf), "{\n \"a\": \"x\\u009b\\u007f\\u202e\xc3\xa4\\u001b\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_grows_and_stays_terminated),
        cmocka_unit_test(a_finished_buffer_can_be_used_again),
        cmocka_unit_test(copies_are_cut_to_fit_and_say_so),
        cmocka_unit_test(what_could_move_the_cursor_or_forge_a_line_is_escaped),
        cmocka_unit_test(whatever_is_shown_has_no_control_left),
        cmocka_unit_test(columns_count_code_points),
        cmocka_unit_test(json_is_shown_as_the_same_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
