/* The bus against a real nats-server: what comes in and what goes out. */
#include "tests/bridge/rig.h"

/* -- mailboxes ------------------------------------------------------------------------------- */

static void tasks_and_results_arrive_once_and_are_purged_after_the_ack(void **state)
{
    struct rig *rig = *state;
    rig->ack_wait_ms = 500;
    start(rig);
    store(rig, "vapora.task.submit.t1", "t1", "{\"title\":\"one\",\"priority\":7}");
    struct vc_inbound *in = next(rig, VC_IN_SUBMIT);
    assert_false(in->refused);
    assert_string_equal(in->subject_id, "t1");
    assert_string_equal(in->submit.task_id, "t1");
    assert_int_equal(in->submit.priority, 7);
    assert_int_equal(in->stream_seq, 1);
    assert_int_equal(in->delivered, 1);
    commit(rig, &in);
    store(rig, "vapora.task.result.dev1", "t1:1",
          "{\"task_id\":\"t1\",\"epoch\":1,\"outcome\":\"success\"}");
    in = next(rig, VC_IN_RESULT);
    assert_string_equal(in->subject_id, "dev1");
    assert_string_equal(in->result.task_id, "t1");
    commit(rig, &in);
    assert_null(next_within(rig, VC_IN_SUBMIT, QUIET_MS));
    int64_t until = vc_mono_now().ms + LIMIT_MS;
    while (stream_number(rig, "VAPORA_TASKS", "messages") +
               stream_number(rig, "VAPORA_RESULTS", "messages") >
           0) {
        assert_true(vc_mono_now().ms < until);
        usleep(50000);
    }
}

static void many_committed_messages_do_not_wait_for_the_regular_purge(void **state)
{
    enum { MESSAGES = 300, AT_ONCE = 256, REGULAR_MS = 5000 };
    struct rig *rig = *state;
    start(rig);
    int64_t until = vc_mono_now().ms + REGULAR_MS - 500;
    for (int i = 0; i < MESSAGES; i++) {
        char subject[64];
        snprintf(subject, sizeof subject, "vapora.task.submit.t%d", i);
        store(rig, subject, subject, "{\"title\":\"one\"}");
    }
    for (int i = 0; i < MESSAGES; i++) {
        struct vc_inbound *in = next(rig, VC_IN_SUBMIT);
        commit(rig, &in);
    }
    while (stream_number(rig, "VAPORA_TASKS", "messages") > MESSAGES - AT_ONCE) {
        assert_true(vc_mono_now().ms < until);
        usleep(50000);
    }
}

static void what_is_not_acknowledged_comes_again(void **state)
{
    struct rig *rig = *state;
    rig->ack_wait_ms = 500;
    start(rig);
    store(rig, "vapora.task.submit.t1", "t1", "{\"title\":\"one\"}");
    struct vc_inbound *in = next(rig, VC_IN_SUBMIT);
    vc_inbound_destroy(&in);
    in = next(rig, VC_IN_SUBMIT);
    assert_int_equal(in->delivered, 2);
    assert_int_equal(in->stream_seq, 1);
    commit(rig, &in);
    assert_null(next_within(rig, VC_IN_SUBMIT, QUIET_MS));
}

static void a_bad_body_is_handed_over_with_its_bytes_and_can_be_acknowledged(void **state)
{
    struct rig *rig = *state;
    start(rig);
    store(rig, "vapora.task.submit.t1", "a", "{\"title\":7}");
    struct vc_inbound *in = next(rig, VC_IN_SUBMIT);
    assert_true(in->refused);
    assert_string_equal(in->refusal.field, "title");
    assert_string_equal(in->body, "{\"title\":7}");
    commit(rig, &in);
    store(rig, "vapora.task.submit.t$1", "b", "{\"title\":\"x\"}");
    in = next(rig, VC_IN_SUBMIT);
    assert_true(in->refused);
    assert_string_equal(in->refusal.reason, "bad_id");
    commit(rig, &in);
    store(rig, "vapora.task.result.dev1", "c",
          "{\"task_id\":\"t1\",\"epoch\":1,\"outcome\":\"success\",\"agent_id\":\"dev2\"}");
    in = next(rig, VC_IN_RESULT);
    assert_true(in->refused);
    assert_string_equal(in->refusal.field, "agent_id");
    commit(rig, &in);
}

static void no_more_than_the_credit_is_in_the_owners_hands(void **state)
{
    struct rig *rig = *state;
    start(rig);
    enum { CREDIT = VC_BUS_PULL_BATCH * VC_BUS_PULL_CREDIT, SENT = CREDIT + 1000 };
    struct vc_err err = {0};
    for (int i = 0; i < SENT; i++) {
        char subject[64];
        snprintf(subject, sizeof subject, "vapora.task.submit.t%d", i);
        static const char body[] = "{\"title\":\"x\"}";
        assert_int_equal(vc_client_publish(rig->client, subject, body, sizeof body - 1, &err),
                         VC_OK);
    }
    int64_t until = vc_mono_now().ms + LIMIT_MS;
    while (stream_number(rig, "VAPORA_TASKS", "last_seq") < SENT)
        assert_true(vc_mono_now().ms < until);
    static struct vc_inbound *held[SENT];
    size_t n = 0;
    while (n < CREDIT) {
        held[n] = next(rig, VC_IN_SUBMIT);
        assert_int_equal(held[n]->stream_seq, n + 1);
        n++;
    }
    assert_null(next_within(rig, VC_IN_SUBMIT, QUIET_MS));
    for (size_t i = 0; i < CREDIT; i++)
        commit(rig, &held[i]);
    for (; n < SENT; n++) {
        struct vc_inbound *in = next(rig, VC_IN_SUBMIT);
        assert_int_equal(in->stream_seq, n + 1);
        commit(rig, &in);
    }
}

static void tasks_wait_while_the_owner_does_not_want_them(void **state)
{
    struct rig *rig = *state;
    nats_server_start(rig->server);
    open_bus(rig, rig->server->url);
    vc_bus_pull_tasks(rig->bus, false);
    await_link(rig, true);
    open_client(rig);
    store(rig, "vapora.task.submit.t1", "t1", "{\"title\":\"one\"}");
    store(rig, "vapora.task.result.dev1", "t0:1",
          "{\"task_id\":\"t0\",\"epoch\":1,\"outcome\":\"success\"}");
    struct vc_inbound *in = next(rig, VC_IN_RESULT);
    commit(rig, &in);
    assert_null(next_within(rig, VC_IN_SUBMIT, QUIET_MS));
    vc_bus_pull_tasks(rig->bus, true);
    in = next(rig, VC_IN_SUBMIT);
    commit(rig, &in);
}

static void a_message_may_outlive_its_bus(void **state)
{
    struct rig *rig = *state;
    start(rig);
    store(rig, "vapora.task.submit.t1", "t1", "{\"title\":\"one\"}");
    store(rig, "vapora.task.submit.t2", "t2", "{\"title\":\"never taken\"}");
    struct vc_inbound *in = next(rig, VC_IN_SUBMIT);
    vc_bus_close(&rig->bus);
    assert_null(rig->bus);
    assert_string_equal(in->submit.title, "one");
    vc_inbound_destroy(&in);
    vc_inbound_destroy(&in);
}

static void urgent_kinds_are_taken_first(void **state)
{
    struct rig *rig = *state;
    start(rig);
    struct vc_err err = {0};
    store(rig, "vapora.task.submit.t1", "t1", "{\"title\":\"one\"}");
    assert_int_equal(vc_client_publish(rig->client, "vapora.api.stats.get", "{}", 2, &err), VC_OK);
    assert_int_equal(vc_client_publish(rig->client, "vapora.agent.heartbeat.dev1", "{}", 2, &err),
                     VC_OK);
    store(rig, "vapora.task.result.dev1", "t0:1",
          "{\"task_id\":\"t0\",\"epoch\":1,\"outcome\":\"success\"}");
    struct vc_bus_status status;
    int64_t until = vc_mono_now().ms + LIMIT_MS;
    do {
        vc_bus_status(rig->bus, &status);
        assert_true(vc_mono_now().ms < until);
    } while (status.queue_len < 4);
    static const enum vc_in_kind order[] = {VC_IN_RESULT, VC_IN_HEARTBEAT, VC_IN_API, VC_IN_SUBMIT};
    for (size_t i = 0; i < 4; i++) {
        struct vc_inbound *in = next(rig, order[i]);
        if (in->stream_seq)
            vc_bus_ack(rig->bus, in);
        vc_inbound_destroy(&in);
    }
}

/* -- assignments and events ------------------------------------------------------------------ */

static void an_absent_agent_is_known_at_once(void **state)
{
    struct rig *rig = *state;
    start(rig);
    assert_true(vc_bus_assign(rig->bus, "nobody", "t1", 3, "{}", 2));
    struct vc_inbound *in = next(rig, VC_IN_ASSIGN_REPLY);
    assert_true(in->assign.nobody);
    assert_string_equal(in->assign.task_id, "t1");
    assert_int_equal(in->assign.epoch, 3);
    vc_inbound_destroy(&in);
    assert_false(vc_bus_assign(rig->bus, "a.b", "t1", 3, "{}", 2));
    assert_false(vc_bus_assign(rig->bus, "a", "t.1", 3, "{}", 2));
}

struct agent {
    struct vc_client *client;
    const char *answer;
};

static void answer_assignment(void *ctx, const char *subject, const char *reply_to,
                              const char *body, size_t len)
{
    struct agent *agent = ctx;
    assert_string_equal(subject, "vapora.task.assign.dev1");
    assert_int_equal(len, strlen("{\"task_id\":\"t1\"}"));
    assert_memory_equal(body, "{\"task_id\":\"t1\"}", len);
    struct vc_err err;
    assert_int_equal(
        vc_client_publish(agent->client, reply_to, agent->answer, strlen(agent->answer), &err),
        VC_OK);
}

static void agents_accept_decline_or_answer_nonsense(void **state)
{
    static const struct {
        const char *answer;
        bool accepted;
        const char *reason;
    } rows[] = {
        {"{\"accepted\":true}", true, NULL},
        {"{\"accepted\":false,\"reason\":\"busy\"}", false, "busy"},
        {"yes", false, "not JSON"},
        {"{\"accepted\":1}", false, "accepted must be true or false"},
    };
    struct rig *rig = *state;
    start(rig);
    struct agent agent = {rig->client, NULL};
    struct vc_err err;
    assert_int_equal(vc_client_subscribe(rig->client, "vapora.task.assign.dev1", answer_assignment,
                                         &agent, &err),
                     VC_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        agent.answer = rows[i].answer;
        static const char body[] = "{\"task_id\":\"t1\"}";
        assert_true(vc_bus_assign(rig->bus, "dev1", "t1", 7, body, sizeof body - 1));
        struct vc_inbound *in = next(rig, VC_IN_ASSIGN_REPLY);
        assert_false(in->refused);
        assert_false(in->assign.nobody);
        assert_int_equal(in->assign.epoch, 7);
        assert_int_equal(in->assign.reply.accepted, rows[i].accepted);
        if (rows[i].reason)
            assert_non_null(strstr(in->assign.reply.reason, rows[i].reason));
        vc_inbound_destroy(&in);
    }
}

static void events_are_stored_once_and_acknowledged(void **state)
{
    struct rig *rig = *state;
    start(rig);
    for (int i = 0; i < 2; i++) {
        assert_true(
            vc_bus_publish_stored(rig->bus, 41, "vapora.event.task.completed", "u:41", "{}", 2));
        struct vc_inbound *in = next(rig, VC_IN_PUBACK);
        assert_true(in->puback.ok);
        assert_int_equal(in->puback.outbox_seq, 41);
        vc_inbound_destroy(&in);
    }
    assert_int_equal(stream_number(rig, "VAPORA_EVENTS", "messages"), 1);
    assert_true(vc_bus_publish_stored(rig->bus, 42, "elsewhere", "u:42", "{}", 2));
    struct vc_inbound *in = next(rig, VC_IN_PUBACK);
    assert_false(in->puback.ok);
    assert_string_equal(in->puback.text, "no stream takes this subject");
    vc_inbound_destroy(&in);
}

/* One a byte too long for a mailbox (the server says so), one for the whole server (we know). */
static void a_message_that_no_stream_can_take_is_told_apart(void **state)
{
    static const struct {
        const char *subject;
        size_t len;
    } sent[] = {{"vapora.task.submit.t1", 70000}, {"vapora.event.decision", 2 << 20}};
    struct rig *rig = *state;
    start(rig);
    char *body = vc_xcalloc(1, 2 << 20);
    memset(body, 'x', 2 << 20);
    for (size_t i = 0; i < 2; i++) {
        assert_true(
            vc_bus_publish_stored(rig->bus, 43, sent[i].subject, "u:43", body, sent[i].len));
        struct vc_inbound *in = next(rig, VC_IN_PUBACK);
        assert_int_equal(in->puback.outbox_seq, 43);
        assert_false(in->puback.ok);
        assert_true(in->puback.too_large);
        vc_inbound_destroy(&in);
    }
    vc_free(body);
}

/* Publish @len bytes as outbox message @seq and take its answer, which the caller destroys. */
static struct vc_inbound *publish_bytes(struct rig *rig, int64_t seq, size_t len)
{
    char id[32];
    char *body = vc_xcalloc(1, len + 1);
    memset(body, 'x', len);
    snprintf(id, sizeof id, "u:%d", (int)seq);
    assert_true(vc_bus_publish_stored(rig->bus, seq, "vapora.event.decision", id, body, len));
    vc_free(body);
    struct vc_inbound *in = next(rig, VC_IN_PUBACK);
    assert_int_equal(in->puback.outbox_seq, seq);
    return in;
}

/* The headers count too: "NATS/1.0\r\nNats-Msg-Id: u:1\r\n\r\n". */
static void an_event_may_be_as_long_as_the_server_carries(void **state)
{
    static const struct {
        size_t len;
        bool fits;
    } rows[] = {{700 << 10, true},
                {(1 << 20) - 30, true},
                {(1 << 20) - 29, false},
                {1 << 20, false},
                {(1 << 20) + 1, false}};
    struct rig *rig = *state;
    start(rig);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vc_inbound *in = publish_bytes(rig, (int64_t)i, rows[i].len);
        assert_int_equal(in->puback.ok, rows[i].fits);
        assert_int_equal(in->puback.too_large, !rows[i].fits);
        vc_inbound_destroy(&in);
    }
    struct vc_bus_status status;
    vc_bus_status(rig->bus, &status);
    assert_true(status.ready);
    assert_int_equal(status.reconnects, 0);
}

static void the_limit_is_that_of_the_server_we_are_connected_to_now(void **state)
{
    static const struct {
        const char *setting;
        bool fits;
    } rows[] = {{"max_payload: 100000", false}, {"max_payload: 400000", true}};
    struct rig *rig = *state;
    start(rig);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        nats_server_stop(rig->server);
        await_link(rig, false);
        snprintf(rig->server->extra, sizeof rig->server->extra, "%s", rows[i].setting);
        nats_server_start(rig->server);
        await_link(rig, true);
        struct vc_inbound *in = publish_bytes(rig, (int64_t)i, 300000);
        assert_int_equal(in->puback.ok, rows[i].fits);
        assert_int_equal(in->puback.too_large, !rows[i].fits);
        vc_inbound_destroy(&in);
    }
}

static void without_a_connection_nothing_is_too_large(void **state)
{
    struct rig *rig = *state;
    start(rig);
    nats_server_stop(rig->server);
    await_link(rig, false);
    char *body = vc_xcalloc(1, 2 << 20);
    assert_false(vc_bus_publish_stored(rig->bus, 1, "vapora.event.decision", "u:1", body, 2 << 20));
    vc_free(body);
    assert_null(next_within(rig, VC_IN_PUBACK, QUIET_MS));
}

static void heartbeats_carry_the_agent_of_their_subject(void **state)
{
    struct rig *rig = *state;
    start(rig);
    static const char body[] = "{\"running\":[{\"task_id\":\"t1\",\"epoch\":2}],\"capacity\":4}";
    struct vc_err err;
    assert_int_equal(
        vc_client_publish(rig->client, "vapora.agent.heartbeat.dev1", body, sizeof body - 1, &err),
        VC_OK);
    struct vc_inbound *in = next(rig, VC_IN_HEARTBEAT);
    assert_string_equal(in->subject_id, "dev1");
    assert_string_equal(in->heartbeat.agent_id, "dev1");
    assert_int_equal(in->heartbeat.running_n, 1);
    assert_int_equal(in->heartbeat.running[0].epoch, 2);
    vc_inbound_destroy(&in);
}

/* -- API ------------------------------------------------------------------------------------- */

/* Answers one request from another thread, as the owner's loop would. */
struct server_side {
    struct rig *rig;
    void (*answer)(struct rig *rig, struct vc_inbound *in);
};

static void *answer_one(void *arg)
{
    struct server_side *side = arg;
    struct vc_inbound *in = next(side->rig, VC_IN_API);
    side->answer(side->rig, in);
    vc_inbound_destroy(&in);
    return NULL;
}

static json_t *ask_bus(struct rig *rig, const char *subject, const char *request,
                       void (*answer)(struct rig *, struct vc_inbound *), enum vc_rc expected)
{
    struct server_side side = {rig, answer};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, answer_one, &side), 0);
    json_t *reply = ask(rig, subject, request, expected);
    pthread_join(thread, NULL);
    return reply;
}

static void answer_state(struct rig *rig, struct vc_inbound *in)
{
    static const char body[] = "{\"state\":\"queued\"}";
    assert_string_equal(in->verb, "task.get");
    assert_string_equal(json_string_value(json_object_get(in->request, "task_id")), "t1");
    vc_bus_served(rig->bus, in->verb, 250, false);
    assert_true(vc_bus_reply(rig->bus, in->reply_to, body, sizeof body - 1));
}

static void answer_refusal(struct rig *rig, struct vc_inbound *in)
{
    struct vc_refusal refusal = in->refusal;
    if (!in->refused)
        refusal = (struct vc_refusal){409, "conflict", "", "same id,\r\nother body"};
    vc_bus_served(rig->bus, in->verb, 250, true);
    assert_true(vc_bus_reply_refusal(rig->bus, in->reply_to, &refusal));
}

static void answer_registration(struct rig *rig, struct vc_inbound *in)
{
    assert_false(in->refused);
    assert_string_equal(in->subject_id, "dev1");
    assert_string_equal(in->registration.agent_id, "dev1");
    assert_true(vc_bus_reply(rig->bus, in->reply_to, "{}", 2));
}

static void answer_at_length(struct rig *rig, struct vc_inbound *in)
{
    static char body[20000];
    memset(body, ' ', sizeof body);
    assert_true(vc_bus_reply(rig->bus, in->reply_to, body, sizeof body));
}

static const char *reason_of(const json_t *reply)
{
    return json_string_value(json_object_get(json_object_get(reply, "error"), "reason"));
}

static void requests_are_answered_and_errors_carry_headers(void **state)
{
    struct rig *rig = *state;
    start(rig);
    json_t *reply =
        ask_bus(rig, "vapora.api.task.get", "{\"task_id\":\"t1\"}", answer_state, VC_OK);
    assert_string_equal(json_string_value(json_object_get(reply, "state")), "queued");
    json_decref(reply);
    reply =
        ask_bus(rig, "vapora.api.task.submit", "{\"title\":\"x\"}", answer_refusal, VC_E_CONFLICT);
    assert_string_equal(reason_of(reply), "conflict");
    json_decref(reply);
    reply = ask_bus(rig, "vapora.api.task.submit", "{\"title\":1}", answer_refusal, VC_E_INVALID);
    assert_string_equal(reason_of(reply), "schema_violation");
    json_decref(reply);
    json_decref(ask_bus(rig, "vapora.api.agent.register.dev1", "{\"capacity\":2}",
                        answer_registration, VC_OK));
    reply = ask_bus(rig, "vapora.api.agent.register.dev1", "{\"agent_id\":\"dev2\"}",
                    answer_refusal, VC_E_INVALID);
    assert_string_equal(reason_of(reply), "bad_id");
    json_decref(reply);
}

static int code_to_answer;

static void answer_code(struct rig *rig, struct vc_inbound *in)
{
    struct vc_refusal refusal = {code_to_answer, "any", "", "because"};
    assert_true(vc_bus_reply_refusal(rig->bus, in->reply_to, &refusal));
}

static void error_codes_become_result_codes(void **state)
{
    static const struct {
        int code;
        enum vc_rc rc;
    } rows[] = {
        {400, VC_E_INVALID}, {404, VC_E_NOT_FOUND}, {409, VC_E_CONFLICT}, {413, VC_E_INVALID},
        {507, VC_E_LIMIT},   {429, VC_E_LIMIT},     {500, VC_E_IO},
    };
    struct rig *rig = *state;
    start(rig);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        code_to_answer = rows[i].code;
        json_decref(ask_bus(rig, "vapora.api.stats.get", "{}", answer_code, rows[i].rc));
    }
}

static void an_answer_that_the_server_does_not_carry_becomes_an_error(void **state)
{
    struct rig *rig = *state;
    snprintf(rig->server->extra, sizeof rig->server->extra, "max_payload: 10000");
    start(rig);
    json_t *reply = ask_bus(rig, "vapora.api.stats.get", "{}", answer_at_length, VC_E_INVALID);
    assert_string_equal(reason_of(reply), "too_large");
    json_decref(reply);
}

static void an_unknown_verb_is_answered_with_what_there_is(void **state)
{
    struct rig *rig = *state;
    start(rig);
    json_t *reply = ask(rig, "vapora.api.task.fly", "{}", VC_E_NOT_FOUND);
    assert_string_equal(reason_of(reply), "unknown_verb");
    const char *said =
        json_string_value(json_object_get(json_object_get(reply, "error"), "description"));
    assert_non_null(strstr(said, "task.submit task.get agent.register stats.get"));
    json_decref(reply);
}

static void requests_past_the_queues_room_are_answered_queue_full(void **state)
{
    struct rig *rig = *state;
    start(rig);
    struct vc_err err;
    struct vc_bus_status status;
    int64_t until = vc_mono_now().ms + INT64_C(4) * LIMIT_MS;
    enum { BURST = 1000 };
    uint64_t sent = 0;
    do {
        for (int i = 0; i < BURST; i++)
            assert_int_equal(
                vc_client_publish(rig->client, "vapora.agent.heartbeat.dev1", "{}", 2, &err),
                VC_OK);
        sent += BURST;
        do {
            vc_bus_status(rig->bus, &status);
            assert_true(vc_mono_now().ms < until);
        } while (status.queue_len + status.dropped < sent);
    } while (status.dropped == 0);
    json_t *reply = ask(rig, "vapora.api.stats.get", "{}", VC_E_LIMIT);
    assert_string_equal(reason_of(reply), "queue_full");
    json_decref(reply);
    assert_in_range(status.queue_len, 50000, VC_BUS_QUEUE_MAX);
    store(rig, "vapora.task.result.dev1", "t0:1",
          "{\"task_id\":\"t0\",\"epoch\":1,\"outcome\":\"success\"}");
    struct vc_inbound *in = NULL;
    while (!in) {
        if (vc_bus_take(rig->bus, &in, 1) == 1 && in->kind == VC_IN_HEARTBEAT)
            vc_inbound_destroy(&in);
    }
    assert_int_equal(in->kind, VC_IN_RESULT);
    commit(rig, &in);
}

static void the_service_api_is_answered(void **state)
{
    struct rig *rig = *state;
    start(rig);
    json_t *ping = ask(rig, "$SRV.PING", "{}", VC_OK);
    assert_string_equal(json_string_value(json_object_get(ping, "type")),
                        "io.nats.micro.v1.ping_response");
    assert_string_equal(json_string_value(json_object_get(ping, "name")), "vapora-coord");
    char subject[128];
    snprintf(subject, sizeof subject, "$SRV.INFO.vapora-coord.%s",
             json_string_value(json_object_get(ping, "id")));
    json_decref(ping);
    json_t *info = ask(rig, subject, "{}", VC_OK);
    assert_int_equal(json_array_size(json_object_get(info, "endpoints")), 4);
    json_decref(info);
    json_decref(ask_bus(rig, "vapora.api.task.get", "{\"task_id\":\"t1\"}", answer_state, VC_OK));
    json_t *stats = ask(rig, "$SRV.STATS.vapora-coord", "{}", VC_OK);
    const json_t *get = json_array_get(json_object_get(stats, "endpoints"), 1);
    assert_string_equal(json_string_value(json_object_get(get, "name")), "task-get");
    assert_string_equal(json_string_value(json_object_get(get, "subject")), "vapora.api.task.get");
    assert_int_equal(json_integer_value(json_object_get(get, "num_requests")), 1);
    assert_int_equal(json_integer_value(json_object_get(get, "processing_time")), 250000);
    json_decref(stats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(tasks_and_results_arrive_once_and_are_purged_after_the_ack),
        WITH_SERVER(many_committed_messages_do_not_wait_for_the_regular_purge),
        WITH_SERVER(what_is_not_acknowledged_comes_again),
        WITH_SERVER(a_bad_body_is_handed_over_with_its_bytes_and_can_be_acknowledged),
        WITH_SERVER(no_more_than_the_credit_is_in_the_owners_hands),
        WITH_SERVER(tasks_wait_while_the_owner_does_not_want_them),
        WITH_SERVER(a_message_may_outlive_its_bus),
        WITH_SERVER(urgent_kinds_are_taken_first),
        WITH_SERVER(an_absent_agent_is_known_at_once),
        WITH_SERVER(agents_accept_decline_or_answer_nonsense),
        WITH_SERVER(events_are_stored_once_and_acknowledged),
        WITH_SERVER(a_message_that_no_stream_can_take_is_told_apart),
        WITH_SERVER(an_event_may_be_as_long_as_the_server_carries),
        WITH_SERVER(the_limit_is_that_of_the_server_we_are_connected_to_now),
        WITH_SERVER(without_a_connection_nothing_is_too_large),
        WITH_SERVER(heartbeats_carry_the_agent_of_their_subject),
        WITH_SERVER(requests_are_answered_and_errors_carry_headers),
        WITH_SERVER(error_codes_become_result_codes),
        WITH_SERVER(an_answer_that_the_server_does_not_carry_becomes_an_error),
        WITH_SERVER(an_unknown_verb_is_answered_with_what_there_is),
        WITH_SERVER(requests_past_the_queues_room_are_answered_queue_full),
        WITH_SERVER(the_service_api_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
