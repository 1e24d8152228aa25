#include "base/id.h"

#include "tests/support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>
#include <cmocka.h>

static void ids_end_at_their_limit(void **state)
{
    (void)state;
    char text[VC_ID_MAX + 2];
    memset(text, 'a', sizeof text);
    text[VC_ID_MAX + 1] = '\0';
    assert_false(vc_id_ok(text));
    text[VC_ID_MAX] = '\0';
    assert_true(vc_id_ok(text));
    assert_false(vc_task_type_ok(text));
    text[VC_TASK_TYPE_MAX + 1] = '\0';
    assert_false(vc_task_type_ok(text));
    text[VC_TASK_TYPE_MAX] = '\0';
    assert_true(vc_task_type_ok(text));
    text[1] = '\0';
    assert_true(vc_id_ok(text));
    assert_true(vc_task_type_ok(text));
    assert_false(vc_id_ok(""));
    assert_false(vc_task_type_ok(""));
    assert_false(vc_id_ok(NULL));
    assert_false(vc_task_type_ok(NULL));
}

static void every_byte_is_either_an_ids_or_an_attack(void **state)
{
    (void)state;
    static const char lower[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
    static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (int c = 1; c < 256; c++) {
        const char text[] = {'a', (char)c, 'z', '\0'};
        bool is_lower = strchr(lower, c) != NULL;
        assert_int_equal(vc_task_type_ok(text), is_lower);
        assert_int_equal(vc_id_ok(text), is_lower || strchr(upper, c) != NULL);
    }
}

static void a_uuid_is_laid_out_as_version_7(void **state)
{
    (void)state;
    static const uint8_t ones[10] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    static const uint8_t zeros[10];
    char text[VC_UUID_TEXT];
    /* The instant of the example in RFC 9562, appendix A.6. */
    vc_uuid7((struct vc_wall){0x017f22e279b0}, ones, text);
    assert_string_equal(text, "017f22e2-79b0-7fff-bfff-ffffffffffff");
    vc_uuid7((struct vc_wall){0x017f22e279b0}, zeros, text);
    assert_string_equal(text, "017f22e2-79b0-7000-8000-000000000000");
    assert_true(vc_id_ok(text));
}

static void uuids_made_later_sort_later(void **state)
{
    (void)state;
    struct vc_random random = {11};
    char before[VC_UUID_TEXT] = "", text[VC_UUID_TEXT];
    struct vc_wall at = {0};
    while (at.ms <= VC_WALL_MAX_MS) {
        uint8_t bytes[10];
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)random_bits(&random);
        vc_uuid7(at, bytes, text);
        assert_true(strcmp(before, text) < 0);
        memcpy(before, text, sizeof text);
        at.ms += 1 + (int64_t)random_below(&random, 1 + (uint64_t)at.ms / 100);
    }
}

static void the_hash_is_fnv_1a(void **state)
{
    (void)state;
    assert_true(vc_hash("", 0) == UINT64_C(0xcbf29ce484222325));
    assert_true(vc_hash("a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(vc_hash("foobar", 6) == UINT64_C(0x85944171f73967e8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_end_at_their_limit),
        cmocka_unit_test(every_byte_is_either_an_ids_or_an_attack),
        cmocka_unit_test(a_uuid_is_laid_out_as_version_7),
        cmocka_unit_test(uuids_made_later_sort_later),
        cmocka_unit_test(the_hash_is_fnv_1a),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
