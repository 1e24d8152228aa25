/* The blocking client against a real nats-server; a second client plays the coordinator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "nats-bridge/client.h"
#include "tests/support/nats_server.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_MS 20000

static int setup(void **state)
{
    *state = nats_server_new();
    return 0;
}

static int teardown(void **state)
{
    struct nats_server *server = *state;
    nats_server_free(&server);
    return 0;
}

static struct vc_client *connect_to(const struct nats_server *server)
{
    struct vc_client *client = NULL;
    struct vc_err err = {0};
    if (vc_client_open(server->url, "test", 5000, &client, &err) != VC_OK)
        fail_msg("%s", err.text);
    return client;
}

static void a_bad_url_an_absent_server_and_a_wrong_password_are_told_apart(void **state)
{
    struct nats_server *server = *state;
    struct vc_client *client = NULL;
    struct vc_err err = {0};
    static const char *const bad[] = {"http://localhost:4222", "nats://",      "nats://h:port",
                                      "nats://h:123456",       "nats://a b:1", "nats://a,b",
                                      "nats://[::1:4222"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(vc_client_open(bad[i], "t", 1000, &client, &err), VC_E_INVALID);
    assert_int_equal(vc_client_open(server->url, "t", 1000, &client, &err), VC_E_UNREACHABLE);
    assert_null(client);
    assert_non_null(strstr(err.text, "nobody listens"));
    nats_server_start(server);
    char url[128];
    snprintf(url, sizeof url, "nats://coord:wrong@127.0.0.1:%d", server->port);
    assert_int_equal(vc_client_open(url, "t", 1000, &client, &err), VC_E_DENIED);
    assert_null(strstr(err.text, "wrong"));
    snprintf(url, sizeof url, "nats://sometoken@127.0.0.1:%d", server->port);
    assert_int_equal(vc_client_open(url, "t", 1000, &client, &err), VC_E_DENIED);
    assert_null(strstr(err.text, "sometoken"));
    nats_server_freeze(server);
    siginfo_t stopped; /* until then it may still answer */
    assert_int_equal(waitid(P_PID, (id_t)server->pid, &stopped, WSTOPPED | WNOWAIT), 0);
    int64_t before = vc_mono_now().ms;
    assert_int_equal(vc_client_open(server->url, "t", 500, &client, &err), VC_E_UNREACHABLE);
    assert_in_range(vc_mono_now().ms - before, 300, 5000);
}

static void echo(void *ctx, const char *subject, const char *reply_to, const char *body, size_t len)
{
    struct vc_client *client = ctx;
    struct vc_err err;
    assert_string_equal(subject, "echo");
    if (reply_to)
        assert_int_equal(vc_client_publish(client, reply_to, body, len, &err), VC_OK);
}

static void silence(void *ctx, const char *subject, const char *reply_to, const char *body,
                    size_t len)
{
    (void)subject;
    (void)reply_to;
    (void)body;
    (void)len;
    atomic_fetch_add((atomic_int *)ctx, 1);
}

static void a_request_is_answered_or_fails_with_its_reason(void **state)
{
    struct nats_server *server = *state;
    nats_server_start(server);
    struct vc_client *asks = connect_to(server), *answers = connect_to(server);
    struct vc_err err = {0};
    json_t *request = json_pack("{s:i}", "n", 7), *reply = NULL;
    assert_int_equal(vc_client_request(asks, "echo", request, 1000, &reply, &err),
                     VC_E_UNREACHABLE);
    assert_non_null(strstr(err.text, "is the coordinator running?"));
    assert_int_equal(vc_client_subscribe(answers, "echo", echo, answers, &err), VC_OK);
    assert_int_equal(vc_client_request(asks, "echo", request, 5000, &reply, &err), VC_OK);
    assert_true(json_equal(request, reply));
    json_decref(reply);
    atomic_int heard = 0;
    assert_int_equal(vc_client_subscribe(answers, "silence", silence, &heard, &err), VC_OK);
    assert_int_equal(vc_client_request(asks, "silence", request, 200, &reply, &err), VC_E_TIMEOUT);
    assert_null(reply);
    assert_int_equal(heard, 1);
    json_decref(request);
    vc_client_close(&asks);
    vc_client_close(&answers);
    assert_null(asks);
}

static void storing_needs_a_stream_with_room(void **state)
{
    struct nats_server *server = *state;
    nats_server_start(server);
    struct vc_client *client = connect_to(server);
    struct vc_err err = {0};
    assert_int_equal(vc_client_publish_stored(client, "box.a", "1", "x", 1, 2000, &err),
                     VC_E_UNREACHABLE);
    json_t *config = json_pack("{s:s, s:[s], s:s, s:i}", "name", "BOX", "subjects", "box.*",
                               "discard", "new", "max_msgs", 1);
    json_t *reply = NULL;
    assert_int_equal(
        vc_client_request(client, "$JS.API.STREAM.CREATE.BOX", config, 5000, &reply, &err), VC_OK);
    json_decref(config);
    json_decref(reply);
    assert_int_equal(vc_client_publish_stored(client, "box.a", "1", "x", 1, 5000, &err), VC_OK);
    assert_int_equal(vc_client_publish_stored(client, "box.a", "1", "x", 1, 5000, &err), VC_OK);
    assert_int_equal(vc_client_publish_stored(client, "box.a", "2", "x", 1, 5000, &err),
                     VC_E_LIMIT);
    assert_non_null(strstr(err.text, "maximum messages exceeded"));
    vc_client_close(&client);
}

static void a_connection_comes_back_by_itself(void **state)
{
    struct nats_server *server = *state;
    nats_server_start(server);
    struct vc_client *client = connect_to(server);
    struct vc_err err = {0};
    atomic_int heard = 0;
    assert_int_equal(vc_client_subscribe(client, "news", silence, &heard, &err), VC_OK);
    nats_server_kill(server);
    int64_t until = vc_mono_now().ms + LIMIT_MS;
    while (vc_client_connected(client) && vc_mono_now().ms < until)
        usleep(10000);
    assert_int_equal(vc_client_publish(client, "news", "x", 1, &err), VC_E_UNREACHABLE);
    nats_server_start(server);
    while (vc_client_publish(client, "news", "x", 1, &err) != VC_OK) {
        assert_true(vc_mono_now().ms < until);
        usleep(10000);
    }
    while (heard == 0) {
        assert_true(vc_mono_now().ms < until);
        usleep(10000);
    }
    vc_client_close(&client);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(a_bad_url_an_absent_server_and_a_wrong_password_are_told_apart),
        WITH_SERVER(a_request_is_answered_or_fails_with_its_reason),
        WITH_SERVER(storing_needs_a_stream_with_room),
        WITH_SERVER(a_connection_comes_back_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
