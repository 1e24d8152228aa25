#include "nats-bridge/client.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
#include "nats-bridge/link.h"
#include "nats-bridge/subjects.h"

#include <stdlib.h>
#include <string.h>

struct listener {
    struct listener *next;
    vc_client_fn *each;
    void *ctx;
    natsSubscription *sub;
};

struct vc_client {
    natsConnection *nc;
    struct vc_server server;
    struct listener *listeners;
    struct vc_gate gate;
};

static natsStatus set_inbox(natsOptions *opts, const struct vc_server *server)
{
    char inbox[VC_SUBJECT_MAX];
    if (!vc_subject_inbox(inbox, server->user))
        return NATS_OK;
    return natsOptions_SetCustomInboxPrefix(opts, inbox);
}

enum vc_rc vc_client_open(const char *url, const char *name, int64_t timeout_ms,
                          struct vc_client **client, struct vc_err *err)
{
    *client = NULL;
    struct vc_server server;
    enum vc_rc rc = vc_server_parse(url, &server, err);
    if (rc != VC_OK)
        return rc;
    natsOptions *opts = vc_link_options(url, name, timeout_ms);
    if (!opts)
        return vc_fail(err, VC_E_INVALID, "connecting to %s: the client library refuses this URL",
                       server.shown);
    natsConnection *nc = NULL;
    natsStatus s = set_inbox(opts, &server);
    if (s == NATS_OK)
        s = natsConnection_Connect(&nc, opts);
    natsOptions_Destroy(opts);
    if (s != NATS_OK)
        return vc_link_fail(err, s, &server);
    struct vc_client *made = vc_xcalloc(1, sizeof *made);
    made->nc = nc;
    made->server = server;
    vc_gate_init(&made->gate);
    *client = made;
    return VC_OK;
}

void vc_client_close(struct vc_client **client_ptr)
{
    struct vc_client *client = *client_ptr;
    *client_ptr = NULL;
    if (!client)
        return;
    if (natsConnection_Status(client->nc) == NATS_CONN_STATUS_CONNECTED)
        natsConnection_FlushTimeout(client->nc, VC_LINK_FLUSH_MS);
    natsConnection_Close(client->nc);
    /* A callback of the caller that never returns keeps its memory: leaking beats crashing. */
    if (!vc_gate_wait_empty(&client->gate, VC_LINK_CLOSE_MS))
        return;
    while (client->listeners) {
        struct listener *first = client->listeners;
        client->listeners = first->next;
        natsSubscription_Destroy(first->sub);
        free(first);
    }
    natsConnection_Destroy(client->nc);
    vc_gate_fini(&client->gate);
    free(client);
}

/* The server answers a denied publish with an error of its own, beside the request. */
static bool denied(const struct vc_client *client, const char *subject)
{
    const char *text = NULL;
    natsConnection_GetLastError(client->nc, &text);
    return text && strcasestr(text, "permissions violation") && strstr(text, subject);
}

/* What went wrong between us and the server, when the library's @status says so. */
static enum vc_rc fail_status(struct vc_client *client, natsStatus status, const char *subject,
                              int64_t timeout_ms, struct vc_err *err)
{
    switch ((int)status) {
    case NATS_NO_RESPONDERS:
        return vc_fail(err, VC_E_UNREACHABLE,
                       "asking %s: nobody answers on %s; is the coordinator running?",
                       client->server.shown, subject);
    case NATS_TIMEOUT:
        if (denied(client, subject))
            return vc_fail(err, VC_E_DENIED,
                           "asking %s: the server denies this user %s; \"vapora-coord nats auth\" "
                           "lists who may do what",
                           client->server.shown, subject);
        return vc_fail(err, VC_E_TIMEOUT, "asking %s: no answer on %s within %lld ms",
                       client->server.shown, subject, (long long)timeout_ms);
    case NATS_MAX_PAYLOAD:
        return vc_fail(err, VC_E_LIMIT,
                       "sending to %s: the message is larger than the server allows", subject);
    case NATS_INVALID_SUBJECT:
        return vc_fail(err, VC_E_INVALID, "sending to \"%s\": that is no NATS subject", subject);
    default:
        return vc_fail(err, VC_E_UNREACHABLE, "sending to %s at %s: %s", subject,
                       client->server.shown, natsStatus_GetText(status));
    }
}

static enum vc_rc rc_of_code(int code)
{
    static const struct {
        int code;
        enum vc_rc rc;
    } table[] = {
        {400, VC_E_INVALID},   {413, VC_E_INVALID},  {507, VC_E_LIMIT},
        {404, VC_E_NOT_FOUND}, {409, VC_E_CONFLICT}, {429, VC_E_LIMIT},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].code == code)
            return table[i].rc;
    return VC_E_IO;
}

/* The error that a reply carries: in its headers (ADR-32), described there and in the body. */
static enum vc_rc reply_error(natsMsg *msg, const json_t *body, struct vc_err *err)
{
    const char *code = NULL, *text = NULL;
    if (natsMsgHeader_Get(msg, "Nats-Service-Error-Code", &code) != NATS_OK || !code)
        return VC_OK;
    const json_t *error = json_object_get(body, "error");
    const char *said = json_string_value(json_object_get(error, "description"));
    if (!said && natsMsgHeader_Get(msg, "Nats-Service-Error", &text) == NATS_OK)
        said = text;
    return vc_fail(err, rc_of_code((int)strtol(code, NULL, 10)), "%s",
                   said ? said : "the coordinator refused without a reason");
}

enum vc_rc vc_client_request(struct vc_client *client, const char *subject, json_t *request,
                             int64_t timeout_ms, json_t **reply, struct vc_err *err)
{
    *reply = NULL;
    VC_AUTO_FREE char *body = json_dumps(request, JSON_COMPACT);
    if (!body)
        return vc_fail(err, VC_E_INVALID, "asking %s: the request is no JSON object", subject);
    natsMsg *msg = NULL;
    natsStatus s =
        natsConnection_Request(&msg, client->nc, subject, body, (int)strlen(body), timeout_ms);
    if (s != NATS_OK)
        return fail_status(client, s, subject, timeout_ms, err);
    json_error_t where;
    *reply = json_loadb(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg),
                        JSON_REJECT_DUPLICATES, &where);
    enum vc_rc rc = reply_error(msg, *reply, err);
    if (rc == VC_OK && !*reply)
        rc = vc_fail(err, VC_E_IO, "asking %s: the answer is not JSON: %s", subject, where.text);
    natsMsg_Destroy(msg);
    return rc;
}

static void deliver(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *ctx)
{
    (void)nc;
    (void)sub;
    struct listener *listener = ctx;
    listener->each(listener->ctx, natsMsg_GetSubject(msg), natsMsg_GetReply(msg),
                   natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg));
    natsMsg_Destroy(msg);
}

enum vc_rc vc_client_subscribe(struct vc_client *client, const char *subject, vc_client_fn *each,
                               void *ctx, struct vc_err *err)
{
    struct listener *made = vc_xcalloc(1, sizeof *made);
    made->each = each;
    made->ctx = ctx;
    made->sub = vc_link_subscribe(client->nc, subject, NULL, deliver, made, &client->gate);
    if (!made->sub) {
        free(made);
        return vc_fail(err, VC_E_UNREACHABLE,
                       "subscribing to %s at %s: the connection is closed or the subject invalid",
                       subject, client->server.shown);
    }
    made->next = client->listeners;
    client->listeners = made;
    natsStatus s = natsConnection_FlushTimeout(client->nc, VC_LINK_FLUSH_MS);
    return s == NATS_OK ? VC_OK : fail_status(client, s, subject, VC_LINK_FLUSH_MS, err);
}

enum vc_rc vc_client_publish(struct vc_client *client, const char *subject, const char *body,
                             size_t len, struct vc_err *err)
{
    natsStatus s = vc_client_connected(client)
                       ? natsConnection_Publish(client->nc, subject, body, (int)len)
                       : NATS_CONNECTION_DISCONNECTED;
    return s == NATS_OK ? VC_OK : fail_status(client, s, subject, 0, err);
}

static enum vc_rc stored(natsMsg *msg, const char *subject, struct vc_err *err)
{
    enum { MAILBOX_FULL = 10077 }; /* nats-server's JSStreamStoreFailedF, with DiscardNew */
    json_t *ack = json_loadb(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg), 0, NULL);
    const json_t *error = json_object_get(ack, "error");
    enum vc_rc rc = VC_OK;
    if (error) {
        bool full = json_integer_value(json_object_get(error, "err_code")) == MAILBOX_FULL;
        const char *said = json_string_value(json_object_get(error, "description"));
        rc = vc_fail(err, full ? VC_E_LIMIT : VC_E_IO, "storing %s: %s", subject,
                     said ? said : "refused without a reason");
    } else if (!json_object_get(ack, "stream")) {
        rc =
            vc_fail(err, VC_E_IO, "storing %s: the answer is no stream's acknowledgement", subject);
    }
    json_decref(ack);
    return rc;
}

enum vc_rc vc_client_publish_stored(struct vc_client *client, const char *subject,
                                    const char *msg_id, const char *body, size_t len,
                                    int64_t timeout_ms, struct vc_err *err)
{
    natsMsg *msg = NULL, *answer = NULL;
    natsStatus s = natsMsg_Create(&msg, subject, NULL, body, (int)len);
    if (s == NATS_OK)
        s = natsMsgHeader_Set(msg, "Nats-Msg-Id", msg_id);
    if (s == NATS_OK)
        s = natsConnection_RequestMsg(&answer, client->nc, msg, timeout_ms);
    natsMsg_Destroy(msg);
    if (s == NATS_NO_RESPONDERS)
        return vc_fail(err, VC_E_UNREACHABLE,
                       "storing %s at %s: no stream takes it; the coordinator creates the streams "
                       "when it starts",
                       subject, client->server.shown);
    if (s != NATS_OK)
        return fail_status(client, s, subject, timeout_ms, err);
    enum vc_rc rc = stored(answer, subject, err);
    natsMsg_Destroy(answer);
    return rc;
}

bool vc_client_connected(const struct vc_client *client)
{
    return natsConnection_Status(client->nc) == NATS_CONN_STATUS_CONNECTED;
}

void vc_client_server(const struct vc_client *client, struct vc_server_facts *out)
{
    *out = (struct vc_server_facts){.max_payload = natsConnection_GetMaxPayload(client->nc)};
    vc_copy(out->shown, sizeof out->shown, client->server.shown);
    vc_server_version(&client->server, out->version, sizeof out->version);
}
