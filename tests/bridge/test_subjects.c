#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nats-bridge/subjects.h"

#include <string.h>

#define ID64 "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-"
#define ID65 "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-x"

static void a_prefix_is_one_token_of_32_bytes(void **state)
{
    (void)state;
    assert_true(vc_prefix_ok("vapora"));
    assert_true(vc_prefix_ok("0123456789abcdef0123456789ABCDEF"));
    assert_false(vc_prefix_ok("0123456789abcdef0123456789ABCDEF0"));
    assert_false(vc_prefix_ok("va.pora"));
    assert_false(vc_prefix_ok("*"));
    assert_false(vc_prefix_ok(""));
    assert_false(vc_prefix_ok(NULL));
}

static void every_kind_has_its_subject(void **state)
{
    (void)state;
    static const char *const expected[VC_SUBJECT_COUNT] = {
        [VC_SUBJECT_SUBMIT] = "vapora.task.submit.x",
        [VC_SUBJECT_ASSIGN] = "vapora.task.assign.x",
        [VC_SUBJECT_RESULT] = "vapora.task.result.x",
        [VC_SUBJECT_PROGRESS] = "vapora.task.progress.x",
        [VC_SUBJECT_HEARTBEAT] = "vapora.agent.heartbeat.x",
        [VC_SUBJECT_CONTROL] = "vapora.agent.control.x",
        [VC_SUBJECT_REGISTER] = "vapora.api.agent.register.x",
    };
    char out[VC_SUBJECT_MAX], id[VC_ID_MAX + 1];
    for (int i = 0; i < VC_SUBJECT_COUNT; i++) {
        assert_true(vc_subject_build(out, "vapora", (enum vc_subject)i, "x"));
        assert_string_equal(out, expected[i]);
        assert_true(vc_subject_id(out, "vapora", (enum vc_subject)i, id));
        assert_string_equal(id, "x");
        assert_false(vc_subject_id(out, "other", (enum vc_subject)i, id));
        assert_false(
            vc_subject_id(out, "vapora", (enum vc_subject)((i + 1) % VC_SUBJECT_COUNT), id));
        vc_subject_every(out, "vapora", (enum vc_subject)i);
        assert_int_equal(out[strlen(out) - 1], '*');
        assert_false(vc_subject_id(out, "vapora", (enum vc_subject)i, id));
    }
}

static void nothing_but_an_id_becomes_part_of_a_subject(void **state)
{
    (void)state;
    static const char *const bad[] = {"",   "a.b", "*",        ">",  "a b",  "a\r\nPUB x 1",
                                      "\t", "a$",  "\xc3\xa9", ID65, "a\x7f"};
    char out[VC_SUBJECT_MAX];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(vc_subject_build(out, "vapora", VC_SUBJECT_ASSIGN, bad[i]));
        assert_string_equal(out, "");
        assert_false(vc_subject_dead(out, "vapora", bad[i]));
        assert_false(vc_subject_assign_reply(out, "_INBOX.x.a", bad[i], 1));
    }
    assert_false(vc_subject_build(out, "vapora", VC_SUBJECT_ASSIGN, NULL));
    assert_true(vc_subject_build(out, "vapora", VC_SUBJECT_ASSIGN, ID64));
}

static void the_longest_names_fit(void **state)
{
    (void)state;
    char out[VC_SUBJECT_MAX], id[VC_ID_MAX + 1];
    static const char prefix[] = "0123456789abcdef0123456789ABCDEF";
    assert_true(vc_subject_build(out, prefix, VC_SUBJECT_REGISTER, ID64));
    assert_true(vc_subject_id(out, prefix, VC_SUBJECT_REGISTER, id));
    assert_string_equal(id, ID64);
}

static void dotted_names_are_checked_token_by_token(void **state)
{
    (void)state;
    char out[VC_SUBJECT_MAX];
    assert_true(vc_subject_event(out, "vapora", "task.completed"));
    assert_string_equal(out, "vapora.event.task.completed");
    assert_true(vc_subject_event(out, "vapora", "decision"));
    assert_true(vc_subject_api(out, "vapora", "task.submit"));
    assert_string_equal(out, "vapora.api.task.submit");
    assert_true(vc_subject_dead(out, "vapora", "bad_json"));
    assert_string_equal(out, "vapora.dead.bad_json");
    static const char *const bad[] = {"", ".", "a.", ".a", "a..b", "task.>", "task.*", "a b"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(vc_subject_event(out, "vapora", bad[i]));
        assert_string_equal(out, "");
        assert_false(vc_subject_api(out, "vapora", bad[i]));
    }
    assert_false(vc_subject_event(out, "vapora", NULL));
    assert_false(vc_subject_event(out, "vapora", ID64 "." ID64 "." ID64));
}

static void streams_follow_the_prefix_in_upper_case(void **state)
{
    (void)state;
    static const struct {
        const char *name, *subjects;
    } expected[VC_STREAM_COUNT] = {
        {"VAPORA-2_TASKS", "vapora-2.task.submit.*"},
        {"VAPORA-2_RESULTS", "vapora-2.task.result.*"},
        {"VAPORA-2_EVENTS", "vapora-2.event.>"},
        {"VAPORA-2_DEAD", "vapora-2.dead.>"},
    };
    char out[VC_SUBJECT_MAX];
    for (int i = 0; i < VC_STREAM_COUNT; i++) {
        vc_stream_name(out, "vapora-2", (enum vc_stream)i);
        assert_string_equal(out, expected[i].name);
        vc_stream_subjects(out, "vapora-2", (enum vc_stream)i);
        assert_string_equal(out, expected[i].subjects);
    }
}

static void api_subjects_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *subject;
        bool ok;
        const char *verb, *id;
    } rows[] = {
        {"vapora.api.task.submit", true, "task.submit", ""},
        {"vapora.api.agent.register.dev-1", true, "agent.register", "dev-1"},
        {"vapora.api.agent.register.a.b", false, "agent.register", ""},
        {"vapora.api.agent.register.", false, "agent.register", ""},
        {"vapora.api.agent.register.$", false, "agent.register", ""},
        {"vapora.api.task", false, "task", ""},
        {"vapora.api.0123456789012345.012345678901234", false, "0123456789012345.01234567890123",
         ""},
        {"vapora.apis.task.get", false, "", ""},
        {"vapor.api.task.get", false, "", ""},
    };
    char verb[VC_VERB_MAX], id[VC_ID_MAX + 1];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(vc_subject_parse_api(rows[i].subject, "vapora", verb, id), rows[i].ok);
        assert_string_equal(verb, rows[i].verb);
        assert_string_equal(id, rows[i].id);
    }
}

static void assignment_replies_carry_task_and_epoch(void **state)
{
    (void)state;
    char out[VC_SUBJECT_MAX], id[VC_ID_MAX + 1];
    uint32_t epoch;
    static const char inbox[] = "_INBOX.wAsjkhPGqDwLAhVDQtEUnA.a";
    assert_true(vc_subject_assign_reply(out, inbox, ID64, UINT32_MAX));
    assert_true(vc_subject_parse_assign_reply(out, inbox, id, &epoch));
    assert_string_equal(id, ID64);
    assert_int_equal(epoch, UINT32_MAX);
    static const char past_the_limit[] = "_INBOX.wAsjkhPGqDwLAhVDQtEUnA.a." ID65 ".1";
    static const char *const bad[] = {
        "_INBOX.wAsjkhPGqDwLAhVDQtEUnA.a.t1",
        "_INBOX.wAsjkhPGqDwLAhVDQtEUnA.a.t1.",
        "_INBOX.wAsjkhPGqDwLAhVDQtEUnA.a.t1.-1",
        "_INBOX.wAsjkhPGqDwLAhVDQtEUnA.a.t1. 1",
        "_INBOX.wAsjkhPGqDwLAhVDQtEUnA.a.t1.1x",
        "_INBOX.wAsjkhPGqDwLAhVDQtEUnA.a.t1.4294967296",
        "_INBOX.wAsjkhPGqDwLAhVDQtEUnA.a..1",
        "_INBOX.wAsjkhPGqDwLAhVDQtEUnA.b.t1.1",
        past_the_limit,
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(vc_subject_parse_assign_reply(bad[i], inbox, id, &epoch));
}

static void outbox_numbers_come_back(void **state)
{
    (void)state;
    int64_t number;
    assert_true(vc_subject_parse_number("_INBOX.x.p.9223372036854775807", "_INBOX.x.p", &number));
    assert_int_equal(number, INT64_MAX);
    assert_false(vc_subject_parse_number("_INBOX.x.p.9223372036854775808", "_INBOX.x.p", &number));
    assert_false(vc_subject_parse_number("_INBOX.x.p.", "_INBOX.x.p", &number));
    assert_false(vc_subject_parse_number("_INBOX.x.p", "_INBOX.x.p", &number));
}

static void both_forms_of_an_acknowledgement_subject_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *subject;
        bool ok;
        uint64_t seq;
        uint32_t delivered;
    } rows[] = {
        {"$JS.ACK.VAPORA_TASKS.coordinator.1.42.7.1700000000000000000.3", true, 42, 1},
        {"$JS.ACK.hub.AbCd.VAPORA_TASKS.coordinator.3.9007199254740993.7.17.0", true,
         UINT64_C(9007199254740993), 3},
        {"$JS.ACK._.AbCd.VAPORA_TASKS.coordinator.2.5.7.17.0.rnd", true, 5, 2},
        {"$JS.ACK.VAPORA_TASKS.coordinator.1.42.7.17", false, 0, 0},
        {"$JS.ACK.a.VAPORA_TASKS.coordinator.1.42.7.17.0", false, 0, 0},
        {"$JS.ACK.VAPORA_TASKS.coordinator.x.42.7.17.3", false, 0, 0},
        {"$JS.ACK.VAPORA_TASKS.coordinator.1..7.17.3", false, 0, 0},
        {"$JS.ACK.VAPORA_TASKS.coordinator.1.000000000000000000000000042.7.17.3", false, 0, 0},
        {"_INBOX.a.b", false, 0, 0},
        {"$JS.ACK", false, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vc_ack_subject ack;
        assert_int_equal(vc_subject_parse_ack(rows[i].subject, &ack), rows[i].ok);
        if (!rows[i].ok)
            continue;
        assert_int_equal(ack.stream_seq, rows[i].seq);
        assert_int_equal(ack.delivered, rows[i].delivered);
    }
}

static void an_inbox_is_named_after_its_user(void **state)
{
    (void)state;
    char out[VC_SUBJECT_MAX];
    assert_true(vc_subject_inbox(out, "ada"));
    assert_string_equal(out, "_INBOX.ada");
    static const char *const bad[] = {"", "a.b", "*", ">", "a b", NULL};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(vc_subject_inbox(out, bad[i]));
        assert_string_equal(out, "");
    }
}

static void answers_go_to_nobodys_subject_but_the_requesters(void **state)
{
    (void)state;
    static const char *const good[] = {"_INBOX.x.1", "inbox", "vaporaX.y", "vapora", "x.vapora.y"};
    static const char *const bad[] = {"vapora.task.assign.ada", "vapora.", "$JS.API.INFO", "$SYS"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(vc_subject_answerable(good[i], "vapora"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(vc_subject_answerable(bad[i], "vapora"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prefix_is_one_token_of_32_bytes),
        cmocka_unit_test(every_kind_has_its_subject),
        cmocka_unit_test(nothing_but_an_id_becomes_part_of_a_subject),
        cmocka_unit_test(the_longest_names_fit),
        cmocka_unit_test(dotted_names_are_checked_token_by_token),
        cmocka_unit_test(streams_follow_the_prefix_in_upper_case),
        cmocka_unit_test(api_subjects_are_taken_apart),
        cmocka_unit_test(assignment_replies_carry_task_and_epoch),
        cmocka_unit_test(outbox_numbers_come_back),
        cmocka_unit_test(both_forms_of_an_acknowledgement_subject_are_read),
        cmocka_unit_test(an_inbox_is_named_after_its_user),
        cmocka_unit_test(answers_go_to_nobodys_subject_but_the_requesters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
