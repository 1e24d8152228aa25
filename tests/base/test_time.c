#include "base/time.h"

#include "tests/support/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>
#include <cmocka.h>

static void instants_are_written_as_rfc_3339_with_milliseconds(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {1795515435007, "2026-11-24T10:17:15.007Z"},
        {4107542399999, "2100-02-28T23:59:59.999Z"},
        {4107542400000, "2100-03-01T00:00:00.000Z"},
        {VC_WALL_MAX_MS, "9999-12-31T23:59:59.999Z"},
        {VC_WALL_MAX_MS + 1, "9999-12-31T23:59:59.999Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
        {-1, "1970-01-01T00:00:00.000Z"},
        {INT64_MIN, "1970-01-01T00:00:00.000Z"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[VC_WALL_TEXT], day[VC_DAY_TEXT];
        vc_wall_format((struct vc_wall){rows[i].ms}, text);
        assert_string_equal(text, rows[i].text);
        vc_wall_format_day((struct vc_wall){rows[i].ms}, day);
        assert_memory_equal(day, rows[i].text, sizeof day - 1);
        assert_int_equal(strlen(day), sizeof day - 1);
    }
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    struct vc_random random = {20261124};
    for (int i = 0; i < 20000; i++) {
        struct vc_wall at = {(int64_t)random_below(&random, VC_WALL_MAX_MS + 1)}, back = {-1};
        char text[VC_WALL_TEXT];
        vc_wall_format(at, text);
        assert_int_equal(vc_wall_parse(text, &back, NULL), VC_OK);
        if (back.ms != at.ms)
            fail_msg("step %d: %s came back as %lld, not %lld", i, text, (long long)back.ms,
                     (long long)at.ms);
    }
}

static void days_follow_each_other_without_a_gap(void **state)
{
    (void)state;
    char before[VC_DAY_TEXT] = "", day[VC_DAY_TEXT];
    for (int64_t d = 0; d <= VC_WALL_MAX_MS / VC_DAY_MS; d++) {
        vc_wall_format_day((struct vc_wall){d * VC_DAY_MS}, day);
        if (strcmp(before, day) >= 0)
            fail_msg("%s after %s", day, before);
        memcpy(before, day, sizeof day);
    }
    assert_string_equal(day, "9999-12-31");
}

static void the_usual_forms_of_an_instant_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"0", 0},
        {"1795515435007", 1795515435007},
        {"253402300799999", VC_WALL_MAX_MS},
        {"2026-11-24T10:17:15Z", 1795515435000},
        {"2026-11-24t10:17:15z", 1795515435000},
        {"2026-11-24 10:17:15Z", 1795515435000},
        {"2026-11-24T10:17:15.5Z", 1795515435500},
        {"2026-11-24T10:17:15.0079999Z", 1795515435007},
        {"2026-11-24T12:17:15+02:00", 1795515435000},
        {"2026-11-24T04:47:15-05:30", 1795515435000},
        {"1970-01-01T00:00:00+00:00", 0},
        {"2016-12-31T23:59:60Z", 1483228800000},
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"9999-12-31T23:59:59.999Z", VC_WALL_MAX_MS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct vc_wall at = {-1};
        struct vc_err err = {0};
        if (vc_wall_parse(rows[i].text, &at, &err) != VC_OK)
            fail_msg("'%s': %s", rows[i].text, err.text);
        assert_int_equal(at.ms, rows[i].ms);
    }
}

static void what_is_no_instant_is_refused_and_named(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        " ",
        "now",
        "-1",
        "1e9",
        "253402300800000",
        "9999999999999999",
        "99999999999999999999999",
        "2026-11-24",
        "2026-11-24T10:17:15",
        "2026-11-24T10:17Z",
        "2026-11-24T10:17:15.Z",
        "2026-11-24T10:17:15Z ",
        "2026-11-24T10:17:15Zulu",
        "2026-11-24T10:17:15+0200",
        "2026-11-24T10:17:15+24:00",
        "2026-11-24T24:00:00Z",
        "2026-11-24T10:60:00Z",
        "2026-11-24T10:17:61Z",
        "2026-00-24T10:17:15Z",
        "2026-13-24T10:17:15Z",
        "2026-11-00T10:17:15Z",
        "2026-11-31T10:17:15Z",
        "2026-02-29T10:17:15Z",
        "2100-02-29T10:17:15Z",
        "26-11-24T10:17:15Z",
        "0000-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "9999-12-31T23:59:60Z",
        "9999-12-31T23:59:59-00:01",
        "\xff\xfe",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct vc_wall at = {42};
        struct vc_err err = {0};
        if (vc_wall_parse(texts[i], &at, &err) != VC_E_INVALID)
            fail_msg("'%s' was taken", texts[i]);
        assert_int_equal(at.ms, 42);
        assert_int_equal(err.rc, VC_E_INVALID);
        assert_true(strlen(err.text) > 0);
    }
}

static void durations_need_a_unit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* < 0: refused */
    } rows[] = {
        {"0s", 0},
        {"250ms", 250},
        {"30s", 30000},
        {"5m", 300000},
        {"2h", 7200000},
        {"7d", 604800000},
        {"3650d", 3650 * VC_DAY_MS},
        {"3651d", -1},
        {"87600h", 3650 * VC_DAY_MS},
        {"87601h", -1},
        {"315360000000ms", 3650 * VC_DAY_MS},
        {"315360000001ms", -1},
        {"", -1},
        {"5", -1},
        {"s", -1},
        {"-5s", -1},
        {"5 s", -1},
        {"5S", -1},
        {"5min", -1},
        {"1.5h", -1},
        {"1h30m", -1},
        {"9999999999999s", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ms = 42;
        struct vc_err err = {0};
        enum vc_rc rc = vc_duration_parse(rows[i].text, &ms, &err);
        if (rc != (rows[i].ms < 0 ? VC_E_INVALID : VC_OK))
            fail_msg("'%s': %s", rows[i].text, vc_rc_text(rc));
        assert_int_equal(ms, rows[i].ms < 0 ? 42 : rows[i].ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instants_are_written_as_rfc_3339_with_milliseconds),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(days_follow_each_other_without_a_gap),
        cmocka_unit_test(the_usual_forms_of_an_instant_are_understood),
        cmocka_unit_test(what_is_no_instant_is_refused_and_named),
        cmocka_unit_test(durations_need_a_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
