/* The bus and its server: connecting, losing it, streams as they must be. */
#include "tests/bridge/rig.h"

/* -- connecting ------------------------------------------------------------------------------ */

static void a_url_or_prefix_that_cannot_be_one_is_refused_at_once(void **state)
{
    (void)state;
    struct vc_bus *bus = NULL;
    struct vc_err err;
    struct vc_bus_conf conf = {.url = "http://x:1", .prefix = "vapora", .endpoints = verbs};
    assert_int_equal(vc_bus_open(&conf, &bus, &err), VC_E_INVALID);
    assert_null(bus);
    conf.url = "nats://127.0.0.1:4222";
    conf.prefix = "va.pora";
    assert_int_equal(vc_bus_open(&conf, &bus, &err), VC_E_INVALID);
    assert_null(bus);
}

static void an_absent_server_is_waited_for(void **state)
{
    struct rig *rig = *state;
    open_bus(rig, rig->server->url);
    await_problem(rig, "nobody listens");
    struct vc_bus_status status;
    vc_bus_status(rig->bus, &status);
    assert_false(status.connected);
    assert_false(vc_bus_control(rig->bus, "dev1", "{}", 2));
    assert_null(strstr(status.problem, "secret"));
    nats_server_start(rig->server);
    await_link(rig, true);
    vc_bus_status(rig->bus, &status);
    assert_true(status.ready);
    assert_string_equal(status.problem, "");
    assert_string_equal(status.drift, "");
    assert_true(strlen(status.server_version) > 4);
}

static void a_wrong_password_is_reported_and_heals(void **state)
{
    struct rig *rig = *state;
    char url[128];
    snprintf(url, sizeof url, "nats://coord:other@127.0.0.1:%d", rig->server->port);
    nats_server_start(rig->server);
    open_bus(rig, url);
    await_problem(rig, "refuses the user or password");
    struct vc_bus_status status;
    vc_bus_status(rig->bus, &status);
    assert_non_null(strstr(status.problem, "nats://coord@127.0.0.1"));
    assert_null(strstr(status.problem, "other"));
    nats_server_stop(rig->server);
    snprintf(rig->server->password, sizeof rig->server->password, "other");
    nats_server_start(rig->server);
    await_link(rig, true);
}

static void a_password_changed_under_a_connection_heals_too(void **state)
{
    struct rig *rig = *state;
    start(rig);
    vc_client_close(&rig->client);
    nats_server_stop(rig->server);
    snprintf(rig->server->password, sizeof rig->server->password, "changed");
    nats_server_start(rig->server);
    await_problem(rig, "refuses the user or password");
    nats_server_stop(rig->server);
    snprintf(rig->server->password, sizeof rig->server->password, "secret");
    nats_server_start(rig->server);
    await_link(rig, true);
}

static void a_missing_permission_is_reported(void **state)
{
    struct rig *rig = *state;
    snprintf(rig->server->users, sizeof rig->server->users,
             "{user: low, password: low, permissions: {publish: \">\", subscribe: {deny: "
             "\"vapora.api.>\"}}}");
    nats_server_start(rig->server);
    char url[128];
    snprintf(url, sizeof url, "nats://low:low@127.0.0.1:%d", rig->server->port);
    open_bus(rig, url);
    await_problem(rig, "denies this user");
    await_problem(rig, "vapora.api.>");
}

static void a_permission_missed_later_is_told(void **state)
{
    struct rig *rig = *state;
    snprintf(rig->server->users, sizeof rig->server->users,
             "{user: low, password: low, permissions: {subscribe: \">\", publish: {deny: "
             "\"vapora.task.assign.>\"}}}");
    nats_server_start(rig->server);
    char url[128];
    snprintf(url, sizeof url, "nats://low:low@127.0.0.1:%d", rig->server->port);
    open_bus(rig, url);
    await_link(rig, true);
    assert_true(vc_bus_assign(rig->bus, "dev1", "t1", 1, "{}", 2));
    struct vc_bus_status status;
    int64_t until = vc_mono_now().ms + LIMIT_MS;
    do {
        vc_bus_status(rig->bus, &status);
        assert_true(vc_mono_now().ms < until);
    } while (!strstr(status.drift, "vapora.task.assign.dev1"));
    open_client(rig);
    json_decref(ask(rig, "$JS.API.CONSUMER.DELETE.VAPORA_TASKS.coordinator", "{}", VC_OK));
    store(rig, "vapora.task.submit.t1", "t1", "{\"title\":\"one\"}");
    struct vc_inbound *in = next(rig, VC_IN_SUBMIT);
    commit(rig, &in);
    vc_bus_status(rig->bus, &status);
    assert_true(status.ready);
    assert_int_equal(status.reconnects, 0);
}

static void a_server_without_jetstream_is_reported(void **state)
{
    struct rig *rig = *state;
    rig->server->jetstream = 0;
    nats_server_start(rig->server);
    open_bus(rig, rig->server->url);
    await_problem(rig, "JetStream does not answer");
}

static void the_link_comes_back_after_the_server_was_killed(void **state)
{
    struct rig *rig = *state;
    start(rig);
    nats_server_kill(rig->server);
    await_link(rig, false);
    assert_false(vc_bus_control(rig->bus, "dev1", "{}", 2));
    struct vc_bus_status status;
    vc_bus_status(rig->bus, &status);
    assert_non_null(strstr(status.problem, "lost the connection"));
    nats_server_start(rig->server);
    await_link(rig, true);
    vc_bus_status(rig->bus, &status);
    assert_int_equal(status.reconnects, 1);
    vc_client_close(&rig->client);
    open_client(rig);
    store(rig, "vapora.task.submit.t1", "t1", "{\"title\":\"after the crash\"}");
    struct vc_inbound *in = next(rig, VC_IN_SUBMIT);
    assert_string_equal(in->submit.title, "after the crash");
    commit(rig, &in);
}

static void a_frozen_server_does_not_hold_the_owner(void **state)
{
    struct rig *rig = *state;
    start(rig);
    nats_server_freeze(rig->server);
    static char big[60000];
    memset(big, 'x', sizeof big);
    int64_t worst = 0;
    bool refused = false;
    for (int i = 0; i < 2000 && !refused; i++) {
        int64_t before = vc_mono_now().ms;
        refused = !vc_bus_control(rig->bus, "dev1", big, sizeof big);
        int64_t took = vc_mono_now().ms - before;
        worst = took > worst ? took : worst;
    }
    nats_server_thaw(rig->server);
    assert_true(refused);
    assert_in_range(worst, 0, 6000);
    await_link(rig, true);
}

/* -- streams --------------------------------------------------------------------------------- */

static void streams_are_created_as_designed(void **state)
{
    struct rig *rig = *state;
    start(rig);
    json_t *info = ask(rig, "$JS.API.STREAM.INFO.VAPORA_TASKS", "{}", VC_OK);
    const json_t *config = json_object_get(info, "config");
    assert_string_equal(json_string_value(json_object_get(config, "discard")), "new");
    assert_string_equal(json_string_value(json_object_get(config, "storage")), "file");
    assert_string_equal(json_string_value(json_object_get(config, "retention")), "limits");
    assert_int_equal(json_integer_value(json_object_get(config, "max_bytes")), rig->max_bytes);
    assert_int_equal(json_integer_value(json_object_get(config, "max_age")),
                     INT64_C(72) * 3600 * 1000000000);
    assert_string_equal(json_string_value(json_array_get(json_object_get(config, "subjects"), 0)),
                        "vapora.task.submit.*");
    json_decref(info);
    info = ask(rig, "$JS.API.CONSUMER.INFO.VAPORA_RESULTS.coordinator", "{}", VC_OK);
    config = json_object_get(info, "config");
    assert_string_equal(json_string_value(json_object_get(config, "ack_policy")), "explicit");
    assert_int_equal(json_integer_value(json_object_get(config, "max_ack_pending")), 20000);
    json_decref(info);
    assert_int_equal(stream_number(rig, "VAPORA_EVENTS", "messages"), 0);
    assert_int_equal(stream_number(rig, "VAPORA_DEAD", "messages"), 0);
}

static void a_stream_that_only_differs_in_size_is_used_and_told(void **state)
{
    struct rig *rig = *state;
    nats_server_start(rig->server);
    open_client(rig);
    json_decref(ask(rig, "$JS.API.STREAM.CREATE.VAPORA_TASKS",
                    "{\"name\":\"VAPORA_TASKS\",\"subjects\":[\"vapora.task.submit.*\"],"
                    "\"retention\":\"limits\",\"storage\":\"file\",\"discard\":\"new\","
                    "\"max_msgs_per_subject\":-1,\"max_msgs\":-1,\"max_bytes\":1000000,"
                    "\"max_age\":3600000000000,\"max_msg_size\":69632,\"num_replicas\":1,"
                    "\"duplicate_window\":600000000000,\"max_consumers\":-1}",
                    VC_OK));
    open_bus(rig, rig->server->url);
    await_link(rig, true);
    struct vc_bus_status status;
    vc_bus_status(rig->bus, &status);
    assert_true(status.ready);
    assert_string_equal(status.drift, "stream VAPORA_TASKS max_age is 3600000 ms, not 259200000 "
                                      "ms; stream VAPORA_TASKS max_bytes is 1000000, not 67108864");
    json_t *info = ask(rig, "$JS.API.STREAM.INFO.VAPORA_TASKS", "{}", VC_OK);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(info, "config"), "max_bytes")), 1000000);
    json_decref(info);
}

static void a_stream_that_could_lose_tasks_is_not_used(void **state)
{
    struct rig *rig = *state;
    nats_server_start(rig->server);
    open_client(rig);
    json_decref(ask(rig, "$JS.API.STREAM.CREATE.VAPORA_RESULTS",
                    "{\"name\":\"VAPORA_RESULTS\",\"subjects\":[\"vapora.task.result.*\"],"
                    "\"retention\":\"limits\",\"storage\":\"file\",\"discard\":\"old\","
                    "\"num_replicas\":1}",
                    VC_OK));
    open_bus(rig, rig->server->url);
    await_problem(rig, "stream VAPORA_RESULTS: discard is \"old\" but must be \"new\"");
    json_decref(ask(rig, "$JS.API.STREAM.DELETE.VAPORA_RESULTS", "{}", VC_OK));
    await_link(rig, true);
}

static void a_consumer_that_gives_up_is_not_used(void **state)
{
    struct rig *rig = *state;
    nats_server_start(rig->server);
    open_client(rig);
    open_bus(rig, rig->server->url);
    await_link(rig, true);
    vc_bus_close(&rig->bus);
    json_decref(ask(rig, "$JS.API.CONSUMER.DELETE.VAPORA_TASKS.coordinator", "{}", VC_OK));
    json_decref(ask(rig, "$JS.API.CONSUMER.DURABLE.CREATE.VAPORA_TASKS.coordinator",
                    "{\"stream_name\":\"VAPORA_TASKS\",\"config\":{\"durable_name\":"
                    "\"coordinator\",\"deliver_policy\":\"all\",\"ack_policy\":\"explicit\","
                    "\"max_deliver\":3}}",
                    VC_OK));
    open_bus(rig, rig->server->url);
    await_problem(rig, "consumer coordinator of VAPORA_TASKS: max_deliver is 3 but must be -1");
}

static void a_consumer_deleted_while_we_run_is_made_again(void **state)
{
    struct rig *rig = *state;
    start(rig);
    json_decref(ask(rig, "$JS.API.CONSUMER.DELETE.VAPORA_TASKS.coordinator", "{}", VC_OK));
    store(rig, "vapora.task.submit.t1", "t1", "{\"title\":\"one\"}");
    struct vc_inbound *in = next(rig, VC_IN_SUBMIT);
    assert_string_equal(in->subject_id, "t1");
    commit(rig, &in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_or_prefix_that_cannot_be_one_is_refused_at_once),
        WITH_SERVER(an_absent_server_is_waited_for),
        WITH_SERVER(a_wrong_password_is_reported_and_heals),
        WITH_SERVER(a_password_changed_under_a_connection_heals_too),
        WITH_SERVER(a_missing_permission_is_reported),
        WITH_SERVER(a_permission_missed_later_is_told),
        WITH_SERVER(a_server_without_jetstream_is_reported),
        WITH_SERVER(the_link_comes_back_after_the_server_was_killed),
        WITH_SERVER(a_frozen_server_does_not_hold_the_owner),
        WITH_SERVER(streams_are_created_as_designed),
        WITH_SERVER(a_stream_that_only_differs_in_size_is_used_and_told),
        WITH_SERVER(a_stream_that_could_lose_tasks_is_not_used),
        WITH_SERVER(a_consumer_that_gives_up_is_not_used),
        WITH_SERVER(a_consumer_deleted_while_we_run_is_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
