#include "dashboard/metrics.h"
#include "tests/support/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_family_is_its_help_and_its_type(void **state)
{
    (void)state;
    VC_AUTO_BUF struct vc_buf out = {0};
    vc_metrics_family(&out, "vapora_tasks_total", VC_METRIC_COUNTER, "Tasks that were submitted.");
    vc_metrics_family(&out, "vapora_agents", VC_METRIC_GAUGE, "Agents by state.");
    assert_string_equal(out.text, "# HELP vapora_tasks_total Tasks that were submitted.\n"
                                  "# TYPE vapora_tasks_total counter\n"
                                  "# HELP vapora_agents Agents by state.\n"
                                  "# TYPE vapora_agents gauge\n");
}

static void a_sample_has_no_braces_without_labels(void **state)
{
    (void)state;
    VC_AUTO_BUF struct vc_buf out = {0};
    vc_metrics_sample(&out, "up", VC_NO_LABELS, 1);
    assert_string_equal(out.text, "up 1\n");
}

static void labels_keep_their_order(void **state)
{
    (void)state;
    VC_AUTO_BUF struct vc_buf out = {0};
    vc_metrics_sample(&out, "tasks", VC_LABELS({"state", "queued"}), 3);
    vc_metrics_sample(&out, "tasks", VC_LABELS({"state", "done"}, {"via", "api"}), 0);
    assert_string_equal(out.text, "tasks{state=\"queued\"} 3\n"
                                  "tasks{state=\"done\",via=\"api\"} 0\n");
}

static void label_values_escape_three_characters(void **state)
{
    (void)state;
    VC_AUTO_BUF struct vc_buf out = {0};
    vc_metrics_sample(&out, "x", VC_LABELS({"v", "a\\b\"c\nd\te\xc3\xa9}"}), 1);
    assert_string_equal(out.text, "x{v=\"a\\\\b\\\"c\\nd\te\xc3\xa9}\"} 1\n");
}

static void help_escapes_two_characters(void **state)
{
    (void)state;
    VC_AUTO_BUF struct vc_buf out = {0};
    vc_metrics_family(&out, "x", VC_METRIC_GAUGE, "a\\b \"c\"\nd");
    assert_string_equal(out.text, "# HELP x a\\\\b \"c\"\\nd\n# TYPE x gauge\n");
}

static void numbers_are_spelt_as_the_format_wants(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.0, "0"},
        {1, "1"},
        {-42, "-42"},
        {1e6, "1000000"},
        {9007199254740991.0, "9007199254740991"},
        {9007199254740992.0, "9007199254740992"},
        {1e21, "1e+21"},
        {0.1, "0.1"},
        {0.5, "0.5"},
        {1.0 / 3, "0.3333333333333333"},
        {0.1 + 0.2, "0.30000000000000004"},
        {5e-324, "4.94065645841247e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {INFINITY, "+Inf"},
        {-INFINITY, "-Inf"},
        {NAN, "NaN"},
        {-NAN, "NaN"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        VC_AUTO_BUF struct vc_buf out = {0};
        vc_metrics_sample(&out, "x", VC_NO_LABELS, cases[i].value);
        assert_memory_equal(out.text, "x ", 2);
        out.text[out.len - 1] = '\0';
        assert_string_equal(out.text + 2, cases[i].text);
    }
}

static void any_number_reads_back_as_itself(void **state)
{
    enum { RUNS = 20000 };
    const uint64_t seed = 20261124;
    struct vc_random r = {seed};
    (void)state;
    for (int i = 0; i < RUNS; i++) {
        uint64_t bits = random_bits(&r);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        VC_AUTO_BUF struct vc_buf out = {0};
        vc_metrics_sample(&out, "x", VC_NO_LABELS, value);
        if (strtod(out.text + 2, NULL) != value)
            fail_msg("seed %llu, run %d: %a became %s", (unsigned long long)seed, i, value,
                     out.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_family_is_its_help_and_its_type),
        cmocka_unit_test(a_sample_has_no_braces_without_labels),
        cmocka_unit_test(labels_keep_their_order),
        cmocka_unit_test(label_values_escape_three_characters),
        cmocka_unit_test(help_escapes_two_characters),
        cmocka_unit_test(numbers_are_spelt_as_the_format_wants),
        cmocka_unit_test(any_number_reads_back_as_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
