#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "nats-bridge/messages.h"

#include <stdlib.h>
#include <string.h>

#define ID64   "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-"
#define TYPE40 "abcdefghijklmnopqrstuvwxyz0123456789_-_-"

/* A table row: a body, and the refusal it must meet (NULL = none). */
struct row {
    const char *body, *reason, *field;
};

static void check(const struct row *row, bool decoded, const struct vc_refusal *refusal)
{
    if (decoded != !row->reason)
        fail_msg("%s: %s", row->body, decoded ? "accepted" : refusal->text);
    if (!row->reason)
        return;
    if (strcmp(refusal->reason, row->reason) != 0 || strcmp(refusal->field, row->field) != 0)
        fail_msg("%s: refused as %s of \"%s\": %s", row->body, refusal->reason, refusal->field,
                 refusal->text);
    assert_true(refusal->text[0]);
    assert_in_range(refusal->code, 400, 429);
}

/* @head, @n times @unit, @tail. The caller frees it. */
static char *repeat(const char *head, const char *unit, size_t n, const char *tail)
{
    struct vc_buf buf = {0};
    vc_buf_puts(&buf, head);
    for (size_t i = 0; i < n; i++)
        vc_buf_puts(&buf, unit);
    vc_buf_puts(&buf, tail);
    return buf.text;
}

static bool submit_ok(const char *body)
{
    struct vc_msg_submit msg;
    struct vc_refusal refusal;
    bool ok = vc_msg_submit_decode(body, strlen(body), NULL, &msg, &refusal);
    if (ok)
        vc_msg_submit_fini(&msg);
    return ok;
}

static bool submit_ok_free(char *body)
{
    bool ok = submit_ok(body);
    free(body);
    return ok;
}

static void bodies_that_are_no_json_object_are_refused(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"", "bad_json", ""},
        {"nonsense", "bad_json", ""},
        {"{\"title\":\"x\"", "bad_json", ""},
        {"{\"title\":\"x\"} {}", "bad_json", ""},
        {"{\"title\":\"x\",\"title\":\"y\"}", "bad_json", ""},
        {"{\"title\":\"\xff\"}", "bad_json", ""},
        {"{\"title\":\"\\ud800\"}", "bad_json", ""},
        {"{\"title\":\"a\\u0000b\"}", "bad_json", ""},
        {"{\"title\":\"x\",\"timeout_ms\":NaN}", "bad_json", ""},
        {"{\"title\":\"x\",\"timeout_ms\":1e999}", "bad_json", ""},
        {"{\"title\":\"x\",\"timeout_ms\":99999999999999999999}", "bad_json", ""},
        {"[]", "schema_violation", ""},
        {"{}", "schema_violation", "title"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vc_msg_submit msg;
        struct vc_refusal refusal;
        bool ok = vc_msg_submit_decode(rows[i].body, strlen(rows[i].body), NULL, &msg, &refusal);
        check(&rows[i], ok, &refusal);
        assert_null(msg.root);
        assert_null(msg.canonical);
    }
}

static void a_body_of_64_kib_is_read_and_one_more_byte_is_not(void **state)
{
    (void)state;
    char *body = repeat("{\"title\":\"x\"", " ", VC_BODY_MAX - strlen("{\"title\":\"x\"}"), "}");
    assert_int_equal(strlen(body), VC_BODY_MAX);
    assert_true(submit_ok_free(body));
    body = repeat("{\"title\":\"x\"", " ", VC_BODY_MAX + 1 - strlen("{\"title\":\"x\"}"), "}");
    struct vc_msg_submit msg;
    struct vc_refusal refusal;
    assert_false(vc_msg_submit_decode(body, strlen(body), NULL, &msg, &refusal));
    assert_int_equal(refusal.code, 413);
    assert_string_equal(refusal.reason, "too_large");
    free(body);
}

static void nesting_stops_at_32(void **state)
{
    (void)state;
    enum { INSIDE = VC_JSON_DEPTH_MAX - 1 };
    char *close = repeat("", "]", INSIDE, "}");
    assert_true(submit_ok_free(repeat("{\"title\":\"x\",\"input\":", "[", INSIDE, close)));
    free(close);
    close = repeat("", "]", INSIDE + 1, "}");
    assert_false(submit_ok_free(repeat("{\"title\":\"x\",\"input\":", "[", INSIDE + 1, close)));
    free(close);
    assert_true(submit_ok_free(repeat("{\"title\":\"\\\"", "[", 100, "\"}")));
    assert_false(submit_ok_free(repeat("", "[", VC_BODY_MAX, "")));
}

static void submit_reads_every_field(void **state)
{
    (void)state;
    static const char body[] =
        "{\"type\":\"io.vapora.coord.api.v1.task_submit\",\"task_id\":\"t-1\",\"title\":\" T \","
        "\"description\":\"\",\"task_type\":\"coding\",\"role\":\"developer\",\"requires\":[\"c\","
        "\"c++\"],\"exclude_agents\":[\"a1\"],\"pin_agent_id\":\"a2\",\"parent_task_id\":\"p\","
        "\"context_id\":\"c\",\"priority\":0,\"max_attempts\":20,\"timeout_ms\":2592000000,"
        "\"deadline_at\":\"2026-11-24T10:17:15.250Z\",\"budget\":{\"amount\":0.1000004,"
        "\"currency\":\"USD\"},\"labels\":{\"team\":\"a\"},\"input\":{\"any\":[1]},\"new\":1}";
    struct vc_msg_submit m;
    struct vc_refusal refusal;
    assert_true(vc_msg_submit_decode(body, sizeof body - 1, NULL, &m, &refusal));
    assert_string_equal(m.task_id, "t-1");
    assert_string_equal(m.title, " T ");
    assert_string_equal(m.description, "");
    assert_string_equal(m.task_type, "coding");
    assert_string_equal(m.role, "developer");
    assert_int_equal(m.requires.n, 2);
    assert_string_equal(m.requires.items[1], "c++");
    assert_int_equal(m.exclude_agents.n, 1);
    assert_string_equal(m.pin_agent_id, "a2");
    assert_string_equal(m.parent_task_id, "p");
    assert_string_equal(m.context_id, "c");
    assert_int_equal(m.priority, 0);
    assert_int_equal(m.max_attempts, 20);
    assert_int_equal(m.timeout_ms, VC_TIMEOUT_MAX_MS);
    assert_int_equal(m.deadline_at.ms, INT64_C(1795515435250));
    assert_int_equal(m.budget_micros, 100000);
    assert_non_null(strstr(m.canonical, "\"new\":1"));
    vc_msg_submit_fini(&m);
}

static void submit_fills_in_what_is_left_out(void **state)
{
    (void)state;
    static const char body[] = "{\"title\":\"x\",\"priority\":null,\"budget\":null}";
    struct vc_msg_submit m;
    struct vc_refusal refusal;
    assert_true(vc_msg_submit_decode(body, sizeof body - 1, NULL, &m, &refusal));
    assert_null(m.task_id);
    assert_null(m.description);
    assert_null(m.task_type);
    assert_null(m.pin_agent_id);
    assert_int_equal(m.requires.n, 0);
    assert_int_equal(m.priority, 5);
    assert_int_equal(m.max_attempts, 3);
    assert_int_equal(m.timeout_ms, 0);
    assert_int_equal(m.deadline_at.ms, 0);
    assert_true(m.budget_micros < 0);
    vc_msg_submit_fini(&m);
}

#define WITH(field) "{\"title\":\"x\"," field "}"

static void submit_names_the_field_that_is_wrong(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"title\":\" \\t\\n\"}", "schema_violation", "title"},
        {"{\"title\":7}", "schema_violation", "title"},
        {WITH("\"task_id\":\"a.b\""), "bad_id", "task_id"},
        {WITH("\"task_id\":\"\""), "bad_id", "task_id"},
        {WITH("\"task_id\":7"), "bad_id", "task_id"},
        {WITH("\"task_id\":\"" ID64 "\""), NULL, NULL},
        {WITH("\"task_id\":\"" ID64 "x\""), "bad_id", "task_id"},
        {WITH("\"description\":[]"), "schema_violation", "description"},
        {WITH("\"task_type\":\"" TYPE40 "\""), NULL, NULL},
        {WITH("\"task_type\":\"" TYPE40 "x\""), "schema_violation", "task_type"},
        {WITH("\"task_type\":\"Coding\""), "schema_violation", "task_type"},
        {WITH("\"task_type\":\"\""), "schema_violation", "task_type"},
        {WITH("\"role\":\"\""), "schema_violation", "role"},
        {WITH("\"requires\":\"c\""), "schema_violation", "requires"},
        {WITH("\"requires\":[\"\"]"), "schema_violation", "requires"},
        {WITH("\"requires\":[7]"), "schema_violation", "requires"},
        {WITH("\"exclude_agents\":[\"a b\"]"), "schema_violation", "exclude_agents"},
        {WITH("\"pin_agent_id\":\">\""), "bad_id", "pin_agent_id"},
        {WITH("\"parent_task_id\":\"*\""), "bad_id", "parent_task_id"},
        {WITH("\"context_id\":{}"), "bad_id", "context_id"},
        {WITH("\"priority\":9"), NULL, NULL},
        {WITH("\"priority\":10"), "schema_violation", "priority"},
        {WITH("\"priority\":-1"), "schema_violation", "priority"},
        {WITH("\"priority\":\"5\""), "schema_violation", "priority"},
        {WITH("\"priority\":5.0"), "schema_violation", "priority"},
        {WITH("\"priority\":true"), "schema_violation", "priority"},
        {WITH("\"max_attempts\":1"), NULL, NULL},
        {WITH("\"max_attempts\":0"), "schema_violation", "max_attempts"},
        {WITH("\"max_attempts\":21"), "schema_violation", "max_attempts"},
        {WITH("\"timeout_ms\":2592000001"), "schema_violation", "timeout_ms"},
        {WITH("\"timeout_ms\":-1"), "schema_violation", "timeout_ms"},
        {WITH("\"deadline_at\":\"tomorrow\""), "schema_violation", "deadline_at"},
        {WITH("\"deadline_at\":1795515435250"), "schema_violation", "deadline_at"},
        {WITH("\"budget\":{\"max_cost\":{\"amount\":2}}"), NULL, NULL},
        {WITH("\"budget\":{\"max_tokens\":100}"), NULL, NULL},
        {WITH("\"budget\":{\"max_cost\":{\"amount\":-2}}"), "schema_violation", "budget.max_cost"},
        {WITH("\"budget\":{\"amount\":-0.01}"), "schema_violation", "budget"},
        {WITH("\"budget\":{\"amount\":\"1\"}"), "schema_violation", "budget"},
        {WITH("\"budget\":{\"amount\":1e9}"), NULL, NULL},
        {WITH("\"budget\":{\"amount\":1000000001}"), "schema_violation", "budget"},
        {WITH("\"budget\":\"1 USD\""), "schema_violation", "budget"},
        {WITH("\"labels\":[]"), "schema_violation", "labels"},
        {WITH("\"labels\":{\"a\":1}"), "schema_violation", "labels"},
        {WITH("\"labels\":{\"\":\"x\"}"), "schema_violation", "labels"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vc_msg_submit msg;
        struct vc_refusal refusal;
        bool ok = vc_msg_submit_decode(rows[i].body, strlen(rows[i].body), NULL, &msg, &refusal);
        check(&rows[i], ok, &refusal);
        vc_msg_submit_fini(&msg);
    }
}

static void a_refusal_says_what_was_expected_and_what_came(void **state)
{
    (void)state;
    struct vc_msg_submit msg;
    struct vc_refusal refusal;
    static const char body[] = WITH("\"priority\":12");
    assert_false(vc_msg_submit_decode(body, sizeof body - 1, NULL, &msg, &refusal));
    assert_string_equal(refusal.text, "priority must be a whole number from 0 to 9, got 12");
    static const char id[] = WITH("\"task_id\":\"a b\"");
    assert_false(vc_msg_submit_decode(id, sizeof id - 1, NULL, &msg, &refusal));
    assert_string_equal(refusal.text, "task_id must be 1 to 64 of A-Z a-z 0-9 _ -, got \"a b\"");
}

static void a_refusal_holds_nothing_that_a_terminal_would_act_on(void **state)
{
    (void)state;
    static const char *const bodies[] = {"{\"a\x7f\x01", "{\"a\xc2\x9b\x01",
                                         "{\"a\xe2\x80\xae\x01"};
    static const char *const shown[] = {"a\\x7f", "a\\x9b", "a\\u{202e}"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct vc_msg_submit msg;
        struct vc_refusal refusal;
        assert_false(vc_msg_submit_decode(bodies[i], strlen(bodies[i]), NULL, &msg, &refusal));
        assert_non_null(strstr(refusal.text, shown[i]));
        for (const char *c = refusal.text; *c; c++)
            assert_true(*c >= 0x20 && *c < 0x7f);
    }
}

/* Its spec could not be read again, and the coordinator would not start. */
static void a_body_that_grows_beyond_the_limit_when_written_out_is_refused(void **state)
{
    (void)state;
    static char body[VC_BODY_MAX + 1];
    size_t len = (size_t)snprintf(body, sizeof body,
                                  "{\"title\":\"t\",\"task_id\":\"t-1\",\"agent_id\":\"a\","
                                  "\"epoch\":1,\"outcome\":\"success\",\"numbers\":[1e15");
    while (len < VC_BODY_MAX / 2)
        len += (size_t)snprintf(body + len, sizeof body - len, ",1e15");
    len += (size_t)snprintf(body + len, sizeof body - len, "]}");
    struct vc_msg_submit submit;
    struct vc_msg_result result;
    struct vc_msg_register reg;
    struct vc_refusal refusal = {0};
    assert_false(vc_msg_submit_decode(body, len, NULL, &submit, &refusal));
    assert_string_equal(refusal.reason, "too_large");
    assert_int_equal(refusal.code, 413);
    assert_null(submit.root);
    assert_null(submit.canonical);
    assert_false(vc_msg_register_decode(body, len, NULL, &reg, &refusal));
    assert_string_equal(refusal.reason, "too_large");
    assert_null(reg.canonical);
    /* A report is never decoded again, and work that was done is not thrown away. */
    assert_true(vc_msg_result_decode(body, len, &result, &refusal));
    assert_true(strlen(result.canonical) > VC_BODY_MAX);
    vc_msg_result_fini(&result);
}

static void texts_are_allowed_up_to_their_limit(void **state)
{
    (void)state;
    static const struct {
        const char *head, *tail;
        size_t most;
    } rows[] = {
        {"{\"title\":\"", "\"}", VC_TITLE_MAX},
        {"{\"title\":\"x\",\"description\":\"", "\"}", VC_DESCRIPTION_MAX},
        {"{\"title\":\"x\",\"role\":\"", "\"}", VC_NAME_MAX},
        {"{\"title\":\"x\",\"requires\":[\"", "\"]}", VC_NAME_MAX},
        {"{\"title\":\"x\",\"labels\":{\"", "\":\"v\"}}", VC_NAME_MAX},
        {"{\"title\":\"x\",\"labels\":{\"k\":\"", "\"}}", VC_TITLE_MAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(submit_ok_free(repeat(rows[i].head, "a", rows[i].most, rows[i].tail)));
        assert_false(submit_ok_free(repeat(rows[i].head, "a", rows[i].most + 1, rows[i].tail)));
    }
}

static void lists_are_allowed_up_to_their_limit(void **state)
{
    (void)state;
    static const char head[] = "{\"title\":\"x\",\"requires\":[\"c\"";
    assert_true(submit_ok_free(repeat(head, ",\"c\"", VC_LIST_MAX - 1, "]}")));
    assert_false(submit_ok_free(repeat(head, ",\"c\"", VC_LIST_MAX, "]}")));
    for (int n = VC_LABELS_MAX; n <= VC_LABELS_MAX + 1; n++) {
        struct vc_buf body = {0};
        vc_buf_puts(&body, "{\"title\":\"x\",\"labels\":{");
        for (int i = 0; i < n; i++)
            vc_buf_printf(&body, "%s\"k%d\":\"v\"", i ? "," : "", i);
        vc_buf_puts(&body, "}}");
        assert_int_equal(submit_ok_free(body.text), n == VC_LABELS_MAX);
    }
}

static void the_same_order_in_two_spellings_has_one_canonical_text(void **state)
{
    (void)state;
    static const char one[] = "{\"type\":\"x\",\"task_id\":\"t1\",\"title\":\"a\",\"priority\":3}";
    static const char two[] = "{ \"priority\": 3, \"title\": \"\\u0061\" }";
    static const char other[] = "{\"title\":\"a\",\"priority\":4}";
    struct vc_msg_submit a, b, c;
    struct vc_refusal refusal;
    assert_true(vc_msg_submit_decode(one, sizeof one - 1, NULL, &a, &refusal));
    assert_true(vc_msg_submit_decode(two, sizeof two - 1, "t1", &b, &refusal));
    assert_true(vc_msg_submit_decode(other, sizeof other - 1, "t1", &c, &refusal));
    assert_string_equal(a.canonical, "{\"priority\":3,\"title\":\"a\"}");
    assert_string_equal(a.canonical, b.canonical);
    assert_string_not_equal(a.canonical, c.canonical);
    assert_string_equal(b.task_id, "t1");
    vc_msg_submit_fini(&a);
    vc_msg_submit_fini(&b);
    vc_msg_submit_fini(&c);
}

static void an_id_that_differs_from_the_subjects_is_refused(void **state)
{
    (void)state;
    struct vc_msg_submit msg;
    struct vc_refusal refusal;
    static const char body[] = WITH("\"task_id\":\"t2\"");
    assert_true(vc_msg_submit_decode(body, sizeof body - 1, "t2", &msg, &refusal));
    vc_msg_submit_fini(&msg);
    assert_false(vc_msg_submit_decode(body, sizeof body - 1, "t1", &msg, &refusal));
    assert_string_equal(refusal.reason, "bad_id");
    assert_string_equal(refusal.text, "task_id is \"t2\" but the subject says \"t1\"");
}

#define RESULT(more) "{\"task_id\":\"t1\",\"epoch\":4,\"outcome\":\"failure\"" more "}"

static void result_reads_every_field(void **state)
{
    (void)state;
    static const char body[] =
        RESULT(",\"duration_ms\":1500,\"error\":{\"class\":\"tool_error\",\"message\":\"no disk\","
               "\"retryable\":false},\"cost\":{\"amount\":0.0000015,\"currency\":\"USD\","
               "\"source\":\"provider\"},\"output\":[1,2],\"usage\":{\"model\":\"m\"}");
    struct vc_msg_result m;
    struct vc_refusal refusal;
    assert_true(vc_msg_result_decode(body, sizeof body - 1, &m, &refusal));
    assert_string_equal(m.task_id, "t1");
    assert_int_equal(m.epoch, 4);
    assert_string_equal(m.outcome, "failure");
    assert_string_equal(m.error_class, "tool_error");
    assert_string_equal(m.error_message, "no disk");
    assert_false(m.retryable);
    assert_int_equal(m.duration_ms, 1500);
    assert_int_equal(m.cost_micros, 2);
    vc_msg_result_fini(&m);
}

static void result_defaults_to_retryable_and_ignores_the_error_of_a_success(void **state)
{
    (void)state;
    static const char bare[] = RESULT(",\"error\":{\"class\":\"x\"}");
    static const char success[] = "{\"task_id\":\"t1\",\"epoch\":4294967295,\"outcome\":"
                                  "\"success\",\"error\":\"whatever\"}";
    struct vc_msg_result m;
    struct vc_refusal refusal;
    assert_true(vc_msg_result_decode(bare, sizeof bare - 1, &m, &refusal));
    assert_true(m.retryable);
    assert_null(m.error_message);
    assert_int_equal(m.cost_micros, 0);
    vc_msg_result_fini(&m);
    assert_true(vc_msg_result_decode(success, sizeof success - 1, &m, &refusal));
    assert_null(m.error_class);
    assert_true(m.retryable);
    assert_int_equal(m.epoch, UINT32_MAX);
    vc_msg_result_fini(&m);
}

static void result_names_the_field_that_is_wrong(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"epoch\":1,\"outcome\":\"success\"}", "schema_violation", "task_id"},
        {"{\"task_id\":\"t1\",\"outcome\":\"success\"}", "schema_violation", "epoch"},
        {"{\"task_id\":\"t1\",\"epoch\":1}", "schema_violation", "outcome"},
        {"{\"task_id\":\"t1\",\"epoch\":1,\"outcome\":\"done\"}", "schema_violation", "outcome"},
        {"{\"task_id\":\"t1\",\"epoch\":1,\"outcome\":null}", "schema_violation", "outcome"},
        {"{\"task_id\":\"t1\",\"epoch\":-1,\"outcome\":\"success\"}", "schema_violation", "epoch"},
        {"{\"task_id\":\"t1\",\"epoch\":4294967296,\"outcome\":\"success\"}", "schema_violation",
         "epoch"},
        {"{\"task_id\":\"t1\",\"epoch\":\"1\",\"outcome\":\"success\"}", "schema_violation",
         "epoch"},
        {"{\"task_id\":\"t 1\",\"epoch\":1,\"outcome\":\"success\"}", "bad_id", "task_id"},
        {RESULT(",\"duration_ms\":-1"), "schema_violation", "duration_ms"},
        {RESULT(",\"duration_ms\":1.5"), "schema_violation", "duration_ms"},
        {RESULT(",\"error\":\"boom\""), "schema_violation", "error"},
        {RESULT(",\"error\":{\"class\":7}"), "schema_violation", "error.class"},
        {RESULT(",\"error\":{\"message\":7}"), "schema_violation", "error.message"},
        {RESULT(",\"error\":{\"retryable\":\"no\"}"), "schema_violation", "error.retryable"},
        {RESULT(",\"cost\":{\"amount\":-1}"), "schema_violation", "cost"},
        {RESULT(",\"cost\":{\"currency\":\"USD\"}"), "schema_violation", "cost"},
        {RESULT(",\"cost\":0.25"), NULL, NULL},
        {"{\"task_id\":\"t1\",\"epoch\":1,\"outcome\":\"declined\"}", NULL, NULL},
        {"{\"task_id\":\"t1\",\"epoch\":1,\"outcome\":\"canceled\"}", NULL, NULL},
        {"{\"task_id\":\"t1\",\"epoch\":1,\"outcome\":\"timeout\"}", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vc_msg_result msg;
        struct vc_refusal refusal;
        bool ok = vc_msg_result_decode(rows[i].body, strlen(rows[i].body), &msg, &refusal);
        check(&rows[i], ok, &refusal);
        vc_msg_result_fini(&msg);
    }
}

static void register_reads_every_field(void **state)
{
    (void)state;
    static const char body[] = "{\"agent_id\":\"dev1\",\"role\":\"developer\",\"version\":\"1.2\","
                               "\"capabilities\":[\"c\"],\"task_types\":[\"coding\"],"
                               "\"capacity\":1024,\"cost_per_1k\":0.003,\"labels\":{}}";
    struct vc_msg_register m;
    struct vc_refusal refusal;
    assert_true(vc_msg_register_decode(body, sizeof body - 1, "dev1", &m, &refusal));
    assert_string_equal(m.agent_id, "dev1");
    assert_string_equal(m.role, "developer");
    assert_string_equal(m.version, "1.2");
    assert_string_equal(m.capabilities.items[0], "c");
    assert_string_equal(m.task_types.items[0], "coding");
    assert_int_equal(m.capacity, VC_CAPACITY_MAX);
    assert_int_equal(m.cost_per_1k_micros, 3000);
    vc_msg_register_fini(&m);
    assert_true(vc_msg_register_decode("{}", 2, "dev1", &m, &refusal));
    assert_string_equal(m.agent_id, "dev1");
    assert_int_equal(m.capacity, 1);
    vc_msg_register_fini(&m);
}

static void register_names_the_field_that_is_wrong(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{}", "schema_violation", "agent_id"},
        {"{\"agent_id\":\"a.b\"}", "bad_id", "agent_id"},
        {"{\"agent_id\":\"a\",\"capacity\":0}", "schema_violation", "capacity"},
        {"{\"agent_id\":\"a\",\"capacity\":1025}", "schema_violation", "capacity"},
        {"{\"agent_id\":\"a\",\"task_types\":[\"Code Review\"]}", "schema_violation", "task_types"},
        {"{\"agent_id\":\"a\",\"capabilities\":{}}", "schema_violation", "capabilities"},
        {"{\"agent_id\":\"a\",\"cost_per_1k\":-1}", "schema_violation", "cost_per_1k"},
        {"{\"agent_id\":\"a\",\"labels\":7}", "schema_violation", "labels"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vc_msg_register msg;
        struct vc_refusal refusal;
        bool ok = vc_msg_register_decode(rows[i].body, strlen(rows[i].body), NULL, &msg, &refusal);
        check(&rows[i], ok, &refusal);
        vc_msg_register_fini(&msg);
    }
}

static void heartbeat_lists_its_leases_up_to_1024(void **state)
{
    (void)state;
    struct vc_msg_heartbeat m;
    struct vc_refusal refusal;
    for (size_t n = VC_RUNNING_MAX; n <= VC_RUNNING_MAX + 1; n++) {
        char *body = repeat("{\"running\":[{\"task_id\":\"t\",\"epoch\":9}",
                            ",{\"task_id\":\"u\",\"epoch\":1}", n - 1, "]}");
        bool ok = vc_msg_heartbeat_decode(body, strlen(body), "dev1", &m, &refusal);
        free(body);
        assert_int_equal(ok, n == VC_RUNNING_MAX);
        if (!ok)
            continue;
        assert_int_equal(m.running_n, VC_RUNNING_MAX);
        assert_string_equal(m.running[0].task_id, "t");
        assert_int_equal(m.running[0].epoch, 9);
        assert_string_equal(m.running[VC_RUNNING_MAX - 1].task_id, "u");
        vc_msg_heartbeat_fini(&m);
    }
    assert_string_equal(refusal.field, "running");
}

static void heartbeat_names_the_field_that_is_wrong(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"agent_id\":\"a\",\"instance_id\":\"i-1\",\"capacity\":2,\"running\":[]}", NULL, NULL},
        {"{}", "schema_violation", "agent_id"},
        {"{\"agent_id\":\"a\",\"instance_id\":\"a b\"}", "bad_id", "instance_id"},
        {"{\"agent_id\":\"a\",\"capacity\":0}", "schema_violation", "capacity"},
        {"{\"agent_id\":\"a\",\"running\":{}}", "schema_violation", "running"},
        {"{\"agent_id\":\"a\",\"running\":[7]}", "schema_violation", "running.task_id"},
        {"{\"agent_id\":\"a\",\"running\":[{\"task_id\":\"t\"}]}", "schema_violation",
         "running.epoch"},
        {"{\"agent_id\":\"a\",\"running\":[{\"task_id\":\"t\",\"epoch\":1},{\"epoch\":1}]}",
         "schema_violation", "running.task_id"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vc_msg_heartbeat msg;
        struct vc_refusal refusal;
        bool ok = vc_msg_heartbeat_decode(rows[i].body, strlen(rows[i].body), NULL, &msg, &refusal);
        check(&rows[i], ok, &refusal);
        vc_msg_heartbeat_fini(&msg);
    }
}

static void assign_reply_says_yes_or_no(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{\"accepted\":true}", NULL, NULL},
        {"{\"accepted\":false,\"reason\":\"\"}", NULL, NULL},
        {"{}", "schema_violation", "accepted"},
        {"{\"accepted\":\"true\"}", "schema_violation", "accepted"},
        {"{\"accepted\":false,\"reason\":7}", "schema_violation", "reason"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vc_msg_assign_reply msg;
        struct vc_refusal refusal;
        bool ok = vc_msg_assign_reply_decode(rows[i].body, strlen(rows[i].body), &msg, &refusal);
        check(&rows[i], ok, &refusal);
        assert_int_equal(msg.accepted, i == 0);
        vc_msg_assign_reply_fini(&msg);
    }
}

static void a_refusal_becomes_the_error_body(void **state)
{
    (void)state;
    struct vc_refusal refusal = {400, "schema_violation", "title", "title is missing"};
    char *body = vc_refusal_body(&refusal);
    assert_string_equal(body, "{\"type\":\"io.vapora.coord.api.v1.error\",\"error\":{\"code\":400,"
                              "\"err_code\":42002,\"reason\":\"schema_violation\",\"description\":"
                              "\"title is missing\",\"field\":\"title\"}}");
    free(body);
    static const struct {
        int code;
        const char *reason;
        int err_code;
    } rows[] = {
        {400, "bad_json", 42001},        {400, "schema_violation", 42002},
        {400, "bad_id", 42003},          {413, "too_large", 42004},
        {404, "unknown_verb", 42040},    {404, "task_not_found", 42041},
        {404, "agent_not_found", 42042}, {409, "conflict", 42050},
        {409, "state_conflict", 42052},  {429, "queue_full", 42070},
        {429, "too_many_agents", 42079}, {500, "storage", 42091},
        {404, "unheard_of", 42099},      {409, "stale", 42099},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        refusal = (struct vc_refusal){rows[i].code, rows[i].reason, "", "cut \xc3"};
        body = vc_refusal_body(&refusal);
        json_t *root = json_loads(body, 0, NULL);
        const json_t *error = json_object_get(root, "error");
        assert_int_equal(json_integer_value(json_object_get(error, "err_code")), rows[i].err_code);
        assert_true(json_is_null(json_object_get(error, "field")));
        assert_string_equal(json_string_value(json_object_get(error, "description")), "cut \\xc3");
        json_decref(root);
        free(body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_that_are_no_json_object_are_refused),
        cmocka_unit_test(a_body_of_64_kib_is_read_and_one_more_byte_is_not),
        cmocka_unit_test(nesting_stops_at_32),
        cmocka_unit_test(submit_reads_every_field),
        cmocka_unit_test(submit_fills_in_what_is_left_out),
        cmocka_unit_test(submit_names_the_field_that_is_wrong),
        cmocka_unit_test(a_refusal_says_what_was_expected_and_what_came),
        cmocka_unit_test(a_refusal_holds_nothing_that_a_terminal_would_act_on),
        cmocka_unit_test(a_body_that_grows_beyond_the_limit_when_written_out_is_refused),
        cmocka_unit_test(texts_are_allowed_up_to_their_limit),
        cmocka_unit_test(lists_are_allowed_up_to_their_limit),
        cmocka_unit_test(the_same_order_in_two_spellings_has_one_canonical_text),
        cmocka_unit_test(an_id_that_differs_from_the_subjects_is_refused),
        cmocka_unit_test(result_reads_every_field),
        cmocka_unit_test(result_defaults_to_retryable_and_ignores_the_error_of_a_success),
        cmocka_unit_test(result_names_the_field_that_is_wrong),
        cmocka_unit_test(register_reads_every_field),
        cmocka_unit_test(register_names_the_field_that_is_wrong),
        cmocka_unit_test(heartbeat_lists_its_leases_up_to_1024),
        cmocka_unit_test(heartbeat_names_the_field_that_is_wrong),
        cmocka_unit_test(assign_reply_says_yes_or_no),
        cmocka_unit_test(a_refusal_becomes_the_error_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
