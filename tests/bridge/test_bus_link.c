/* The bus and its server: connecting, losing it, streams as they must be. */
#include "tests/bridge/rig.h"

#include <nats/nats.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <sys/socket.h>

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

/* Somebody who takes connections and says nothing; the caller closes the socket. */
static int mute_server(char url[64])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    snprintf(url, 64, "nats://127.0.0.1:%d", ntohs(at.sin_port));
    return fd;
}

static void a_start_is_no_failure_before_an_attempt_has_failed(void **state)
{
    struct rig *rig = *state;
    char url[64], expected[96];
    int fd = mute_server(url);
    open_bus(rig, url);
    struct vc_bus_status status;
    vc_bus_status(rig->bus, &status);
    snprintf(expected, sizeof expected, "not connected to %s yet", url);
    assert_string_equal(status.problem, expected);
    assert_false(status.ready);
    await_problem(rig, "no NATS server answered in time");
    close(fd);
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
    struct vc_inbound *in = next(rig, VC_IN_LINK);
    assert_false(in->link.up);
    assert_non_null(strstr(in->link.text, "lost the connection"));
    vc_inbound_destroy(&in);
    assert_false(vc_bus_control(rig->bus, "dev1", "{}", 2));
    struct vc_bus_status status;
    await_problem(rig, "nobody listens");
    nats_server_start(rig->server);
    await_link(rig, true);
    vc_bus_status(rig->bus, &status);
    assert_int_equal(status.reconnects, 1);
    vc_client_close(&rig->client);
    open_client(rig);
    store(rig, "vapora.task.submit.t1", "t1", "{\"title\":\"after the crash\"}");
    in = next(rig, VC_IN_SUBMIT);
    assert_string_equal(in->submit.title, "after the crash");
    commit(rig, &in);
}

/* The library has one thread to tell all connections what became of them. */
struct held {
    sem_t inside, go_on;
};

static void hold(natsConnection *nc, void *ctx)
{
    (void)nc;
    struct held *held = ctx;
    sem_post(&held->inside);
    sem_wait(&held->go_on);
}

static natsConnection *hold_the_librarys_news(struct rig *rig, struct held *held)
{
    natsOptions *opts = NULL;
    natsConnection *nc = NULL;
    assert_int_equal(sem_init(&held->inside, 0, 0) + sem_init(&held->go_on, 0, 0), 0);
    assert_int_equal(natsOptions_Create(&opts), NATS_OK);
    assert_int_equal(natsOptions_SetURL(opts, rig->server->url), NATS_OK);
    assert_int_equal(natsOptions_SetClosedCB(opts, hold, held), NATS_OK);
    assert_int_equal(natsConnection_Connect(&nc, opts), NATS_OK);
    natsOptions_Destroy(opts);
    natsConnection_Close(nc);
    sem_wait(&held->inside);
    return nc;
}

/* It may have lost messages, whose numbers would be given to others before that is seen. */
static void a_server_gets_no_event_before_its_streams_were_looked_at(void **state)
{
    struct rig *rig = *state;
    struct held held;
    nats_server_start(rig->server);
    open_bus(rig, rig->server->url);
    await_link(rig, true);
    natsConnection *other = hold_the_librarys_news(rig, &held);
    nats_server_kill(rig->server);
    nats_server_start(rig->server);
    open_client(rig);
    int64_t until = vc_mono_now().ms + QUIET_MS;
    do {
        vc_bus_publish_stored(rig->bus, 1, "vapora.event.task.completed", "u:1", "{}", 2);
        assert_int_equal(stream_number(rig, "VAPORA_EVENTS", "last_seq"), 0);
    } while (vc_mono_now().ms < until);
    sem_post(&held.go_on);
    await_link(rig, false);
    await_link(rig, true);
    assert_true(vc_bus_publish_stored(rig->bus, 2, "vapora.event.task.completed", "u:2", "{}", 2));
    struct vc_inbound *in = next(rig, VC_IN_PUBACK);
    assert_int_equal(in->puback.outbox_seq, 2);
    vc_inbound_destroy(&in);
    natsConnection_Destroy(other);
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

static int64_t config_number(struct rig *rig, const char *stream, const char *field)
{
    char subject[128];
    snprintf(subject, sizeof subject, "$JS.API.STREAM.INFO.%s", stream);
    json_t *info = ask(rig, subject, "{}", VC_OK);
    int64_t number = json_integer_value(json_object_get(json_object_get(info, "config"), field));
    json_decref(info);
    return number;
}

static void only_the_mailboxes_limit_a_message(void **state)
{
    struct rig *rig = *state;
    start(rig);
    assert_int_equal(config_number(rig, "VAPORA_TASKS", "max_msg_size"), VC_BODY_MAX + 4096);
    assert_int_equal(config_number(rig, "VAPORA_RESULTS", "max_msg_size"), VC_BODY_MAX + 4096);
    assert_int_equal(config_number(rig, "VAPORA_EVENTS", "max_msg_size"), -1);
    assert_int_equal(config_number(rig, "VAPORA_DEAD", "max_msg_size"), -1);
}

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

/* Whatever a former consumer believes, say that everything was acknowledged: what is in the stream
 * and not committed comes again. */
static void the_consumer_is_made_anew_and_misses_nothing(void **state)
{
    struct rig *rig = *state;
    start(rig);
    for (int i = 0; i < 3; i++) {
        char subject[64], id[8];
        snprintf(id, sizeof id, "t%d", i);
        snprintf(subject, sizeof subject, "vapora.task.submit.%s", id);
        store(rig, subject, id, "{\"title\":\"one\"}");
    }
    struct vc_inbound *in = next(rig, VC_IN_SUBMIT);
    commit(rig, &in);
    for (int i = 1; i < 3; i++) { /* taken, never committed */
        in = next(rig, VC_IN_SUBMIT);
        vc_inbound_destroy(&in);
    }
    vc_bus_close(&rig->bus);
    json_decref(ask(rig, "$JS.API.CONSUMER.DELETE.VAPORA_TASKS.coordinator", "{}", VC_OK));
    json_decref(ask(rig, "$JS.API.CONSUMER.DURABLE.CREATE.VAPORA_TASKS.coordinator",
                    "{\"stream_name\":\"VAPORA_TASKS\",\"config\":{\"durable_name\":"
                    "\"coordinator\",\"deliver_policy\":\"new\",\"ack_policy\":\"explicit\","
                    "\"max_deliver\":3}}",
                    VC_OK));
    open_bus(rig, rig->server->url);
    await_link(rig, true);
    for (int i = 0; i < 3; i++) {
        char id[8];
        snprintf(id, sizeof id, "t%d", i);
        in = next(rig, VC_IN_SUBMIT);
        assert_string_equal(in->subject_id, id);
        commit(rig, &in);
    }
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

/* The next news of the link; it must be @up and name every one of @parts. */
static void await_news(struct rig *rig, bool up, const char *const parts[])
{
    struct vc_inbound *in = next(rig, VC_IN_LINK);
    for (; *parts; parts++)
        if (in->link.up != up || !strstr(in->link.text, *parts))
            fail_msg("expected %s with \"%s\", got %s: %s", up ? "up" : "down", *parts,
                     in->link.up ? "up" : "down", in->link.text);
    vc_inbound_destroy(&in);
}

static void delete_thing(struct rig *rig, const char *subject)
{
    json_t *answer = ask(rig, subject, "{}", VC_OK);
    assert_true(json_is_true(json_object_get(answer, "success")));
    json_decref(answer);
}

static void assert_ready(struct rig *rig)
{
    struct vc_bus_status status;
    vc_bus_status(rig->bus, &status);
    assert_true(status.ready);
    assert_string_equal(status.problem, "");
    assert_int_equal(status.reconnects, 0);
}

static void what_vanishes_while_connected_is_told_and_made_again(void **state)
{
    static const struct {
        const char *delete, *what;
    } rows[] = {
        {"$JS.API.STREAM.DELETE.VAPORA_TASKS", "stream VAPORA_TASKS"},
        {"$JS.API.STREAM.DELETE.VAPORA_RESULTS", "stream VAPORA_RESULTS"},
        {"$JS.API.STREAM.DELETE.VAPORA_EVENTS", "stream VAPORA_EVENTS"},
        {"$JS.API.STREAM.DELETE.VAPORA_DEAD", "stream VAPORA_DEAD"},
        {"$JS.API.CONSUMER.DELETE.VAPORA_TASKS.coordinator", "consumer coordinator of VAPORA_T"},
        {"$JS.API.CONSUMER.DELETE.VAPORA_RESULTS.coordinator", "consumer coordinator of VAPORA_R"},
    };
    struct rig *rig = *state;
    start(rig);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        delete_thing(rig, rows[i].delete);
        await_news(rig, false, (const char *[]){rows[i].what, "has vanished", NULL});
        await_news(rig, true, (const char *[]){rows[i].what, "had vanished and was made", NULL});
        assert_ready(rig);
    }
    store(rig, "vapora.task.submit.t1", "t1", "{\"title\":\"one\"}");
    struct vc_inbound *in = next(rig, VC_IN_SUBMIT);
    commit(rig, &in);
    store(rig, "vapora.task.result.dev1", "t1:1",
          "{\"task_id\":\"t1\",\"epoch\":1,\"outcome\":\"success\"}");
    in = next(rig, VC_IN_RESULT);
    commit(rig, &in);
}

/* Waiting for the supervisor's round each time would take three times as long as is allowed. */
static void an_event_that_nobody_takes_brings_its_stream_back_at_once(void **state)
{
    enum { TIMES = 4, ROUND_MS = 5000 };
    struct rig *rig = *state;
    start(rig);
    int64_t began = vc_mono_now().ms;
    for (int i = 0; i < TIMES; i++) {
        delete_thing(rig, "$JS.API.STREAM.DELETE.VAPORA_EVENTS");
        assert_true(vc_bus_publish_stored(rig->bus, i, "vapora.event.decision", "u:1", "{}", 2));
        struct vc_inbound *in = next(rig, VC_IN_PUBACK);
        assert_false(in->puback.ok);
        assert_false(in->puback.too_large);
        vc_inbound_destroy(&in);
        await_link(rig, true);
    }
    assert_in_range(vc_mono_now().ms - began, 0, (TIMES - 1) * ROUND_MS / 2);
    assert_true(vc_bus_publish_stored(rig->bus, 9, "vapora.event.decision", "u:1", "{}", 2));
    struct vc_inbound *in = next(rig, VC_IN_PUBACK);
    assert_true(in->puback.ok);
    vc_inbound_destroy(&in);
}

/* Events can be made again in the first round, dead letters only after their subjects are free. */
static void what_vanished_is_told_however_many_rounds_it_takes(void **state)
{
    struct rig *rig = *state;
    start(rig);
    delete_thing(rig, "$JS.API.STREAM.DELETE.VAPORA_DEAD");
    json_decref(ask(rig, "$JS.API.STREAM.CREATE.THIEF",
                    "{\"name\":\"THIEF\",\"subjects\":[\"vapora.dead.x\"],\"retention\":"
                    "\"limits\",\"storage\":\"file\",\"num_replicas\":1}",
                    VC_OK));
    delete_thing(rig, "$JS.API.STREAM.DELETE.VAPORA_EVENTS");
    await_problem(rig, "stream VAPORA_DEAD cannot be had");
    usleep(QUIET_MS * 1000); /* at least one more round that fails */
    delete_thing(rig, "$JS.API.STREAM.DELETE.THIEF");
    await_link(rig, false);
    await_news(rig, true,
               (const char *[]){"stream VAPORA_EVENTS", "stream VAPORA_DEAD", "vanished", NULL});
    assert_ready(rig);
}

static void a_server_that_lost_its_store_is_told_too(void **state)
{
    struct rig *rig = *state;
    start(rig);
    nats_server_kill(rig->server);
    await_link(rig, false);
    char store_dir[256], lost_dir[256];
    snprintf(store_dir, sizeof store_dir, "%s/store", rig->server->dir);
    snprintf(lost_dir, sizeof lost_dir, "%s/lost", rig->server->dir);
    assert_int_equal(rename(store_dir, lost_dir), 0);
    nats_server_start(rig->server);
    await_news(rig, true, (const char *[]){"stream VAPORA_EVENTS", "vanished", NULL});
}

static void store_commit_and_await_purge(struct rig *rig, const char *id)
{
    store(rig, "vapora.task.submit.t1", id, "{\"title\":\"one\"}");
    struct vc_inbound *in = next(rig, VC_IN_SUBMIT);
    assert_int_equal(in->stream_seq, 1);
    commit(rig, &in);
    int64_t until = vc_mono_now().ms + LIMIT_MS;
    while (stream_number(rig, "VAPORA_TASKS", "messages") > 0) {
        assert_true(vc_mono_now().ms < until);
        usleep(50000);
    }
}

static void a_stream_made_again_is_purged_from_its_start(void **state)
{
    struct rig *rig = *state;
    start(rig);
    store_commit_and_await_purge(rig, "a");
    delete_thing(rig, "$JS.API.STREAM.DELETE.VAPORA_TASKS");
    await_link(rig, false);
    await_link(rig, true);
    store_commit_and_await_purge(rig, "b");
}

static int64_t pulls_waiting(struct rig *rig, const char *stream)
{
    char subject[128];
    snprintf(subject, sizeof subject, "$JS.API.CONSUMER.INFO.%s.coordinator", stream);
    json_t *info = ask(rig, subject, "{}", VC_OK);
    int64_t n = json_integer_value(json_object_get(info, "num_waiting"));
    json_decref(info);
    return n;
}

static bool stored(struct rig *rig, int64_t outbox_seq)
{
    if (!vc_bus_publish_stored(rig->bus, outbox_seq, "vapora.event.decision", "u:1", "{}", 2))
        return false;
    struct vc_inbound *in = next(rig, VC_IN_PUBACK);
    bool ok = in->puback.ok;
    vc_inbound_destroy(&in);
    return ok;
}

static void making_one_stream_again_adds_no_pulls_to_the_others(void **state)
{
    enum { TIMES = 3, PULLS = 2 };
    struct rig *rig = *state;
    start(rig);
    for (int i = 0; i < TIMES; i++) {
        delete_thing(rig, "$JS.API.STREAM.DELETE.VAPORA_EVENTS");
        while (!stored(rig, i)) /* the bus may have seen it before, or sees it now */
            usleep(20000);
    }
    int64_t until = vc_mono_now().ms + QUIET_MS;
    do {
        assert_in_range(pulls_waiting(rig, "VAPORA_TASKS"), 0, PULLS);
        assert_in_range(pulls_waiting(rig, "VAPORA_RESULTS"), 0, PULLS);
    } while (vc_mono_now().ms < until);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_or_prefix_that_cannot_be_one_is_refused_at_once),
        WITH_SERVER(an_absent_server_is_waited_for),
        WITH_SERVER(a_start_is_no_failure_before_an_attempt_has_failed),
        WITH_SERVER(a_wrong_password_is_reported_and_heals),
        WITH_SERVER(a_password_changed_under_a_connection_heals_too),
        WITH_SERVER(a_missing_permission_is_reported),
        WITH_SERVER(a_permission_missed_later_is_told),
        WITH_SERVER(a_server_without_jetstream_is_reported),
        WITH_SERVER(the_link_comes_back_after_the_server_was_killed),
        WITH_SERVER(a_server_gets_no_event_before_its_streams_were_looked_at),
        WITH_SERVER(a_frozen_server_does_not_hold_the_owner),
        WITH_SERVER(only_the_mailboxes_limit_a_message),
        WITH_SERVER(streams_are_created_as_designed),
        WITH_SERVER(a_stream_that_only_differs_in_size_is_used_and_told),
        WITH_SERVER(a_stream_that_could_lose_tasks_is_not_used),
        WITH_SERVER(the_consumer_is_made_anew_and_misses_nothing),
        WITH_SERVER(a_consumer_deleted_while_we_run_is_made_again),
        WITH_SERVER(what_vanishes_while_connected_is_told_and_made_again),
        WITH_SERVER(an_event_that_nobody_takes_brings_its_stream_back_at_once),
        WITH_SERVER(what_vanished_is_told_however_many_rounds_it_takes),
        WITH_SERVER(a_server_that_lost_its_store_is_told_too),
        WITH_SERVER(a_stream_made_again_is_purged_from_its_start),
        WITH_SERVER(making_one_stream_again_adds_no_pulls_to_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
