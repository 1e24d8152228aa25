#include "nats-bridge/bus.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "nats-bridge/bus_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACK_WAIT_MS      30000
#define STREAM_MAX_BYTES (INT64_C(1) << 30)

static void set_endpoints(struct vc_bus *bus, const char *const *verbs)
{
    while (verbs[bus->endpoints_n])
        bus->endpoints_n++;
    bus->endpoints = vc_xcalloc(bus->endpoints_n + 1, sizeof *bus->endpoints);
    for (size_t i = 0; i < bus->endpoints_n; i++)
        bus->endpoints[i].verb = verbs[i];
}

/* The first thing that the library does for us, and all of its start with it. */
static enum vc_rc make_inbox(char out[VC_INBOX_MAX], struct vc_err *err)
{
    natsInbox *inbox = NULL;
    natsStatus s = natsInbox_Create(&inbox);
    if (s != NATS_OK)
        return vc_fail(err, VC_E_IO, "cannot start the NATS library: %s; is there memory left?",
                       natsStatus_GetText(s));
    vc_copy(out, VC_INBOX_MAX - 8, inbox);
    natsInbox_Destroy(inbox);
    return VC_OK;
}

static void set_inboxes(struct vc_bus *bus, const char *inbox)
{
    vc_copy(bus->inbox, VC_INBOX_MAX - 8, inbox);
    snprintf(bus->assign_inbox, VC_INBOX_MAX, "%.*s.a", VC_INBOX_MAX - 8, bus->inbox);
    snprintf(bus->puback_inbox, VC_INBOX_MAX, "%.*s.p", VC_INBOX_MAX - 8, bus->inbox);
    vc_mailbox_init(&bus->mailboxes[0], bus, VC_STREAM_RESULTS, bus->inbox);
    vc_mailbox_init(&bus->mailboxes[1], bus, VC_STREAM_TASKS, bus->inbox);
}

enum vc_rc vc_bus_open(const struct vc_bus_conf *conf, struct vc_bus **bus_out, struct vc_err *err)
{
    *bus_out = NULL;
    struct vc_server server;
    if (vc_server_parse(conf->url, &server, err) != VC_OK)
        return VC_E_INVALID;
    if (!vc_prefix_ok(conf->prefix))
        return vc_fail(err, VC_E_INVALID, "the subject prefix must be 1 to %d of A-Z a-z 0-9 _ -",
                       VC_PREFIX_MAX);
    char inbox[VC_INBOX_MAX];
    enum vc_rc rc = make_inbox(inbox, err);
    if (rc != VC_OK)
        return rc;
    struct vc_bus *bus = vc_xcalloc(1, sizeof *bus);
    bus->url = vc_xstrdup(conf->url);
    bus->version = vc_xstrdup(conf->version);
    bus->server = server;
    bus->ack_wait_ms = conf->ack_wait_ms ? conf->ack_wait_ms : ACK_WAIT_MS;
    bus->stream_max_bytes = conf->stream_max_bytes ? conf->stream_max_bytes : STREAM_MAX_BYTES;
    bus->wake = conf->wake;
    bus->wake_ctx = conf->wake_ctx;
    bus->started_ms = vc_wall_now().ms;
    vc_copy(bus->prefix, sizeof bus->prefix, conf->prefix);
    snprintf(bus->problem, sizeof bus->problem, "not connected to %.200s yet", server.shown);
    set_endpoints(bus, conf->endpoints);
    vc_inqueue_init(&bus->queue);
    vc_gate_init(&bus->gate);
    VC_CHECK(pthread_rwlock_init(&bus->nc_lock, NULL) == 0);
    VC_CHECK(pthread_mutex_init(&bus->lock, NULL) == 0);
    vc_cond_init(&bus->work);
    atomic_init(&bus->connected, false);
    atomic_init(&bus->max_payload, 0);
    set_inboxes(bus, inbox);
    VC_CHECK(pthread_create(&bus->supervisor, NULL, vc_supervise, bus) == 0);
    *bus_out = bus;
    return VC_OK;
}

/* Closing here, and not in the supervisor, ends any request that the supervisor waits for. */
static void say_goodbye(struct vc_bus *bus)
{
    pthread_rwlock_rdlock(&bus->nc_lock);
    if (bus->nc) {
        if (atomic_load(&bus->connected))
            natsConnection_FlushTimeout(bus->nc, VC_LINK_FLUSH_MS);
        natsConnection_Close(bus->nc);
    }
    pthread_rwlock_unlock(&bus->nc_lock);
}

void vc_bus_close(struct vc_bus **bus_ptr)
{
    struct vc_bus *bus = vc_take(bus_ptr);
    if (!bus)
        return;
    pthread_mutex_lock(&bus->lock);
    bus->stopping = true;
    pthread_cond_signal(&bus->work);
    pthread_mutex_unlock(&bus->lock);
    say_goodbye(bus);
    pthread_join(bus->supervisor, NULL);
    /* A library thread that has not let go would write into freed memory: leak instead. */
    if (!vc_gate_wait_empty(&bus->gate, 0))
        return;
    vc_inqueue_fini(&bus->queue);
    for (size_t i = 0; i < VC_MAILBOXES; i++)
        vc_mailbox_fini(&bus->mailboxes[i]);
    vc_gate_fini(&bus->gate);
    pthread_rwlock_destroy(&bus->nc_lock);
    pthread_mutex_destroy(&bus->lock);
    pthread_cond_destroy(&bus->work);
    free(bus->endpoints);
    free(bus->url);
    free(bus->version);
    free(bus);
}

size_t vc_bus_take(struct vc_bus *bus, struct vc_inbound **out, size_t max)
{
    return vc_inqueue_take(&bus->queue, out, max);
}

static struct vc_mailbox *mailbox_of(struct vc_bus *bus, enum vc_in_kind kind)
{
    for (size_t i = 0; i < VC_MAILBOXES; i++)
        if (bus->mailboxes[i].kind == kind)
            return &bus->mailboxes[i];
    return NULL;
}

void vc_bus_pull_tasks(struct vc_bus *bus, bool on)
{
    vc_mailbox_want(mailbox_of(bus, VC_IN_SUBMIT), on);
}

bool vc_bus_post(struct vc_bus *bus, struct vc_parcel *parcel)
{
    bool was_empty;
    if (!vc_inqueue_push(&bus->queue, parcel, &was_empty))
        return false;
    if (was_empty)
        vc_bus_wake(bus);
    return true;
}

void vc_bus_wake(struct vc_bus *bus)
{
    if (bus->wake)
        bus->wake(bus->wake_ctx);
}

bool vc_bus_queue_link(struct vc_bus *bus, bool up, const char *text)
{
    bool was_empty;
    struct vc_parcel *parcel = vc_xcalloc(1, sizeof *parcel);
    parcel->in.kind = VC_IN_LINK;
    parcel->in.link.up = up;
    if (up)
        memcpy(parcel->in.link.ends, bus->ends, sizeof bus->ends);
    vc_copy(parcel->in.link.text, sizeof parcel->in.link.text, text);
    VC_CHECK(vc_inqueue_push(&bus->queue, parcel, &was_empty));
    return was_empty;
}

bool vc_bus_send(struct vc_bus *bus, const char *subject, const char *reply, const char *body,
                 size_t len)
{
    if (!atomic_load(&bus->connected))
        return false;
    natsStatus s = NATS_CONNECTION_DISCONNECTED;
    pthread_rwlock_rdlock(&bus->nc_lock);
    if (bus->nc && reply)
        s = natsConnection_PublishRequest(bus->nc, subject, reply, body, (int)len);
    else if (bus->nc)
        s = natsConnection_Publish(bus->nc, subject, body, (int)len);
    pthread_rwlock_unlock(&bus->nc_lock);
    return s == NATS_OK;
}

static natsStatus publish(struct vc_bus *bus, natsMsg *msg)
{
    if (!atomic_load(&bus->connected))
        return NATS_CONNECTION_DISCONNECTED;
    natsStatus s = NATS_CONNECTION_DISCONNECTED;
    pthread_rwlock_rdlock(&bus->nc_lock);
    if (bus->nc)
        s = natsConnection_PublishMsg(bus->nc, msg);
    pthread_rwlock_unlock(&bus->nc_lock);
    return s;
}

bool vc_bus_send_msg(struct vc_bus *bus, natsMsg *msg)
{
    return publish(bus, msg) == NATS_OK;
}

bool vc_bus_ack(struct vc_bus *bus, struct vc_inbound *in)
{
    static const char ACK[] = "+ACK";
    bool sent = in->reply_to && vc_bus_send(bus, in->reply_to, NULL, ACK, sizeof ACK - 1);
    struct vc_mailbox *mailbox = mailbox_of(bus, in->kind);
    if (vc_parcel_settle(vc_parcel_of(in))) {
        vc_mailbox_done(mailbox, vc_parcel_of(in));
        vc_mailbox_pump(mailbox);
    }
    return sent;
}

bool vc_bus_reply(struct vc_bus *bus, const char *reply_to, const char *body, size_t len)
{
    if (!reply_to)
        return false;
    int64_t most = atomic_load(&bus->max_payload);
    if (most == 0 || len <= (size_t)most)
        return vc_bus_send(bus, reply_to, NULL, body, len);
    struct vc_refusal refusal = {.code = 413, .reason = "too_large"};
    snprintf(refusal.text, sizeof refusal.text,
             "the answer has %zu bytes, the NATS server allows %" PRId64 "; ask for less", len,
             most);
    return vc_bus_reply_refusal(bus, reply_to, &refusal);
}

bool vc_bus_reply_refusal(struct vc_bus *bus, const char *reply_to,
                          const struct vc_refusal *refusal)
{
    if (!reply_to)
        return false;
    VC_AUTO_FREE char *body = vc_refusal_body(refusal);
    VC_AUTO_BUF struct vc_buf text = {0};
    vc_buf_show(&text, refusal->text); /* a line break would end the header */
    char code[16];
    snprintf(code, sizeof code, "%d", refusal->code);
    natsMsg *msg = NULL;
    bool ok = natsMsg_Create(&msg, reply_to, NULL, body, (int)strlen(body)) == NATS_OK &&
              natsMsgHeader_Set(msg, "Nats-Service-Error-Code", code) == NATS_OK &&
              natsMsgHeader_Set(msg, "Nats-Service-Error", vc_buf_text(&text)) == NATS_OK &&
              vc_bus_send_msg(bus, msg);
    natsMsg_Destroy(msg);
    return ok;
}

bool vc_bus_assign(struct vc_bus *bus, const char *agent_id, const char *task_id, uint32_t epoch,
                   const char *body, size_t len)
{
    char subject[VC_SUBJECT_MAX], reply[VC_SUBJECT_MAX];
    return vc_subject_build(subject, bus->prefix, VC_SUBJECT_ASSIGN, agent_id) &&
           vc_subject_assign_reply(reply, bus->assign_inbox, task_id, epoch) &&
           vc_bus_send(bus, subject, reply, body, len);
}

bool vc_bus_control(struct vc_bus *bus, const char *agent_id, const char *body, size_t len)
{
    char subject[VC_SUBJECT_MAX];
    return vc_subject_build(subject, bus->prefix, VC_SUBJECT_CONTROL, agent_id) &&
           vc_bus_send(bus, subject, NULL, body, len);
}

void vc_bus_check_soon(struct vc_bus *bus)
{
    pthread_mutex_lock(&bus->lock);
    bus->check_due = true;
    pthread_cond_signal(&bus->work);
    pthread_mutex_unlock(&bus->lock);
}

/* The library keeps back what the server would end the connection over; the owner must hear that it
 * will never go. */
static void refuse_for_size(struct vc_bus *bus, int64_t outbox_seq, size_t len)
{
    struct vc_parcel *parcel = vc_xcalloc(1, sizeof *parcel);
    parcel->in.kind = VC_IN_PUBACK;
    parcel->in.puback.outbox_seq = outbox_seq;
    parcel->in.puback.too_large = true;
    parcel->bytes = sizeof *parcel;
    snprintf(parcel->in.puback.text, sizeof parcel->in.puback.text,
             "%zu bytes and their headers are more than the server's max_payload", len);
    struct vc_inbound *in = &parcel->in;
    if (!vc_bus_post(bus, parcel))
        vc_inbound_destroy(&in);
}

bool vc_bus_publish_stored(struct vc_bus *bus, int64_t outbox_seq, const char *subject,
                           const char *msg_id, const char *body, size_t len)
{
    char reply[VC_SUBJECT_MAX];
    snprintf(reply, sizeof reply, "%s.%" PRId64, bus->puback_inbox, outbox_seq);
    natsMsg *msg = NULL;
    natsStatus s = natsMsg_Create(&msg, subject, reply, body, (int)len);
    if (s == NATS_OK)
        s = natsMsgHeader_Set(msg, "Nats-Msg-Id", msg_id);
    if (s == NATS_OK)
        s = publish(bus, msg);
    natsMsg_Destroy(msg);
    if (s == NATS_MAX_PAYLOAD)
        refuse_for_size(bus, outbox_seq, len);
    return s == NATS_OK || s == NATS_MAX_PAYLOAD;
}

struct vc_endpoint *vc_bus_endpoint(struct vc_bus *bus, const char *verb)
{
    for (size_t i = 0; i < bus->endpoints_n; i++)
        if (strcmp(bus->endpoints[i].verb, verb) == 0)
            return &bus->endpoints[i];
    return NULL;
}

void vc_bus_served(struct vc_bus *bus, const char *verb, int64_t took_us, bool error)
{
    struct vc_endpoint *endpoint = vc_bus_endpoint(bus, verb);
    if (!endpoint)
        return;
    pthread_mutex_lock(&bus->lock);
    endpoint->requests++;
    endpoint->errors += error;
    endpoint->took_us += took_us;
    pthread_mutex_unlock(&bus->lock);
}

void vc_bus_status(struct vc_bus *bus, struct vc_bus_status *out)
{
    *out = (struct vc_bus_status){.connected = atomic_load(&bus->connected)};
    pthread_mutex_lock(&bus->lock);
    out->ready = bus->ready;
    out->reconnects = bus->reconnects;
    out->dropped = bus->unread + bus->unread_before;
    vc_copy(out->server_version, sizeof out->server_version, bus->server_version);
    vc_copy(out->problem, sizeof out->problem, bus->problem);
    vc_copy(out->drift, sizeof out->drift, bus->drift);
    if (bus->ready && bus->denied[0])
        snprintf(out->drift, sizeof out->drift, "%s%s%s", bus->drift, bus->drift[0] ? "; " : "",
                 bus->denied);
    pthread_mutex_unlock(&bus->lock);
    pthread_mutex_lock(&bus->queue.lock);
    out->queue_len = bus->queue.len;
    out->queue_full = bus->queue.full;
    out->dropped += bus->queue.dropped;
    pthread_mutex_unlock(&bus->queue.lock);
}
