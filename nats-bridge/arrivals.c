/* What the library's threads do: look at a message, decode it, put it into the queue. */
#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"
#include "nats-bridge/bus_impl.h"
#include "nats-bridge/fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NO_RESPONDERS = 503 };

#define MESSAGE_TOO_LARGE 10054 /* JetStream's err_code */

static struct vc_parcel *parcel_new(enum vc_in_kind kind, natsMsg *msg)
{
    struct vc_parcel *parcel = vc_xcalloc(1, sizeof *parcel);
    parcel->in.kind = kind;
    parcel->in.reply_to = vc_xstrdup(natsMsg_GetReply(msg));
    parcel->bytes = sizeof *parcel + (size_t)natsMsg_GetDataLength(msg);
    return parcel;
}

/* For the answer, the dead letter or the log. A longer one was refused for its length. */
static void keep_body(struct vc_inbound *in, natsMsg *msg)
{
    size_t len = (size_t)natsMsg_GetDataLength(msg);
    in->body_len = len < VC_BODY_MAX ? len : VC_BODY_MAX;
    in->body = vc_xmemdup(len ? natsMsg_GetData(msg) : "", in->body_len);
}

/* The subject's id, or a refusal. */
static bool subject_id(struct vc_bus *bus, struct vc_inbound *in, natsMsg *msg,
                       enum vc_subject kind)
{
    if (vc_subject_id(natsMsg_GetSubject(msg), bus->prefix, kind, in->subject_id))
        return true;
    vc_refuse(&in->refusal, 400, "bad_id", "",
              "the subject must end in an id of 1 to 64 of A-Z a-z 0-9 _ -");
    return false;
}

static bool decode_result(const char *body, size_t len, struct vc_inbound *in)
{
    if (!vc_msg_result_decode(body, len, &in->result, &in->refusal))
        return false;
    const json_t *said = json_object_get(in->result.root, "agent_id");
    if (!said || json_is_null(said) ||
        (json_is_string(said) && strcmp(json_string_value(said), in->subject_id) == 0))
        return true;
    vc_refuse(&in->refusal, 400, "bad_id", "agent_id",
              "agent_id in the body is not the agent of the subject, \"%s\"", in->subject_id);
    vc_msg_result_fini(&in->result);
    return false;
}

static bool decode(struct vc_bus *bus, struct vc_inbound *in, natsMsg *msg)
{
    const char *body = natsMsg_GetData(msg);
    size_t len = (size_t)natsMsg_GetDataLength(msg);
    switch ((int)in->kind) {
    case VC_IN_SUBMIT:
        return subject_id(bus, in, msg, VC_SUBJECT_SUBMIT) &&
               vc_msg_submit_decode(body, len, in->subject_id, &in->submit, &in->refusal);
    case VC_IN_RESULT:
        return subject_id(bus, in, msg, VC_SUBJECT_RESULT) && decode_result(body, len, in);
    default:
        VC_CHECK(in->kind == VC_IN_HEARTBEAT);
        return subject_id(bus, in, msg, VC_SUBJECT_HEARTBEAT) &&
               vc_msg_heartbeat_decode(body, len, in->subject_id, &in->heartbeat, &in->refusal);
    }
}

static void decode_or_refuse(struct vc_bus *bus, struct vc_inbound *in, natsMsg *msg)
{
    in->refused = !decode(bus, in, msg);
    if (in->refused)
        keep_body(in, msg);
}

static void on_pulled(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *ctx)
{
    (void)nc;
    (void)sub;
    struct vc_pull *pull = ctx;
    struct vc_bus *bus = pull->mailbox->bus;
    int status = vc_msg_status(msg);
    struct vc_ack_subject ack;
    const char *reply = natsMsg_GetReply(msg);
    if (status) {
        if (vc_mailbox_ended(pull, status)) {
            pthread_mutex_lock(&bus->lock);
            bus->check_due = true;
            pthread_mutex_unlock(&bus->lock);
        }
    } else if (reply && vc_subject_parse_ack(reply, &ack)) {
        struct vc_parcel *parcel = parcel_new(pull->mailbox->kind, msg);
        parcel->in.stream_seq = ack.stream_seq;
        parcel->in.delivered = ack.delivered;
        decode_or_refuse(bus, &parcel->in, msg);
        vc_mailbox_came(pull, parcel);
        VC_CHECK(vc_bus_post(bus, parcel));
    }
    natsMsg_Destroy(msg);
}

static void on_heartbeat(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *ctx)
{
    (void)nc;
    (void)sub;
    struct vc_parcel *parcel = parcel_new(VC_IN_HEARTBEAT, msg);
    decode_or_refuse(ctx, &parcel->in, msg);
    natsMsg_Destroy(msg);
    struct vc_inbound *in = &parcel->in;
    if (!vc_bus_post(ctx, parcel))
        vc_inbound_destroy(&in);
}

static bool unknown_verb(struct vc_bus *bus, struct vc_inbound *in)
{
    VC_AUTO_BUF struct vc_buf known = {0};
    for (size_t i = 0; i < bus->endpoints_n; i++)
        vc_buf_printf(&known, "%s%s", i ? " " : "", bus->endpoints[i].verb);
    vc_refuse(&in->refusal, 404, "unknown_verb", "", "no such verb; there are: %s",
              vc_buf_text(&known));
    in->refused = true;
    return false;
}

static bool decode_request(struct vc_inbound *in)
{
    const char *id = in->subject_id[0] ? in->subject_id : NULL;
    if (strcmp(in->verb, VC_VERB_SUBMIT) == 0)
        return vc_msg_submit_decode(in->body, in->body_len, NULL, &in->submit, &in->refusal);
    if (strcmp(in->verb, VC_VERB_REGISTER) == 0)
        return vc_msg_register_decode(in->body, in->body_len, id, &in->registration, &in->refusal);
    if (in->body_len > 0)
        return vc_json_parse(in->body, in->body_len, &in->request, &in->refusal);
    in->request = json_object();
    return in->request != NULL;
}

/* Fills in the request, or its refusal; false when the bus has to answer by itself. */
static bool read_request(struct vc_bus *bus, struct vc_inbound *in, natsMsg *msg)
{
    const char *subject = natsMsg_GetSubject(msg);
    bool parsed = vc_subject_parse_api(subject, bus->prefix, in->verb, in->subject_id);
    if (!vc_bus_endpoint(bus, in->verb))
        return unknown_verb(bus, in);
    keep_body(in, msg);
    if (!parsed) {
        in->refused = true;
        vc_refuse(&in->refusal, 400, "bad_id", "",
                  "the subject may end in one id of 1 to 64 of A-Z a-z 0-9 _ -");
    } else if (natsMsg_GetDataLength(msg) > VC_BODY_MAX) {
        in->refused = true;
        vc_refuse(&in->refusal, 413, "too_large", "", "the body has %d bytes, %d are allowed",
                  natsMsg_GetDataLength(msg), VC_BODY_MAX);
    } else {
        in->refused = !decode_request(in);
    }
    return true;
}

static void on_request(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *ctx)
{
    (void)nc;
    (void)sub;
    struct vc_bus *bus = ctx;
    struct vc_parcel *parcel = parcel_new(VC_IN_API, msg);
    struct vc_inbound *in = &parcel->in;
    if (in->reply_to && !vc_subject_answerable(in->reply_to, bus->prefix))
        vc_free(vc_take(&in->reply_to));
    bool known = read_request(bus, in, msg);
    natsMsg_Destroy(msg);
    if (known && vc_bus_post(bus, parcel))
        return;
    struct vc_refusal refusal = in->refusal;
    if (known)
        vc_refuse(&refusal, 429, "queue_full", "",
                  "the coordinator has more requests waiting than it can hold; try again later");
    vc_bus_reply_refusal(bus, in->reply_to, &refusal);
    vc_inbound_destroy(&in);
}

/* An agent that answers nonsense has not accepted; the reason tells its author why. */
static void decode_assign_reply(struct vc_inbound *in, natsMsg *msg)
{
    struct vc_refusal refusal;
    const char *code = NULL;
    if (vc_msg_assign_reply_decode(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg),
                                   &in->assign.reply, &refusal))
        return;
    if (natsMsgHeader_Get(msg, "Nats-Service-Error-Code", &code) == NATS_OK && code)
        snprintf(refusal.text, sizeof refusal.text, "the agent answered error %.16s", code);
    VC_AUTO_BUF struct vc_buf text = {0};
    vc_buf_show(&text, refusal.text);
    json_t *root = json_pack("{s:b, s:s}", "accepted", 0, "reason", vc_buf_text(&text));
    VC_CHECK(root);
    in->assign.reply.root = root;
    in->assign.reply.reason = json_string_value(json_object_get(root, "reason"));
}

static void on_assign_reply(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *ctx)
{
    (void)nc;
    (void)sub;
    struct vc_bus *bus = ctx;
    struct vc_parcel *parcel = parcel_new(VC_IN_ASSIGN_REPLY, msg);
    struct vc_inbound *in = &parcel->in;
    bool ours = vc_subject_parse_assign_reply(natsMsg_GetSubject(msg), bus->assign_inbox,
                                              in->assign.task_id, &in->assign.epoch);
    if (ours) {
        in->assign.nobody = vc_msg_status(msg) == NO_RESPONDERS;
        if (!in->assign.nobody)
            decode_assign_reply(in, msg);
    }
    natsMsg_Destroy(msg);
    if (!ours || !vc_bus_post(bus, parcel))
        vc_inbound_destroy(&in);
}

static enum vc_stream stream_of(const struct vc_bus *bus, const char *name)
{
    char known[VC_SUBJECT_MAX];
    int i = 0;
    do
        vc_stream_name(known, bus->prefix, (enum vc_stream)i);
    while (strcmp(known, name) != 0 && ++i < VC_STREAM_COUNT);
    return (enum vc_stream)i;
}

static void read_puback(const struct vc_bus *bus, struct vc_inbound *in, natsMsg *msg)
{
    json_t *ack = json_loadb(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg), 0, NULL);
    const json_t *said = json_object_get(json_object_get(ack, "error"), "description");
    const json_t *code = json_object_get(json_object_get(ack, "error"), "err_code");
    in->puback.too_large = json_integer_value(code) == MESSAGE_TOO_LARGE;
    const char *name = json_string_value(json_object_get(ack, "stream"));
    in->puback.stream = stream_of(bus, name ? name : "");
    in->puback.ok = in->puback.stream != VC_STREAM_COUNT && !said;
    if (in->puback.ok)
        in->stream_seq = (uint64_t)json_integer_value(json_object_get(ack, "seq"));
    if (!in->puback.ok)
        vc_copy(in->puback.text, sizeof in->puback.text,
                said                                  ? json_string_value(said)
                : vc_msg_status(msg) == NO_RESPONDERS ? "no stream takes this subject"
                                                      : "the answer is no acknowledgement");
    json_decref(ack);
}

static void on_puback(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *ctx)
{
    (void)nc;
    (void)sub;
    struct vc_bus *bus = ctx;
    struct vc_parcel *parcel = parcel_new(VC_IN_PUBACK, msg);
    struct vc_inbound *in = &parcel->in;
    bool ours =
        vc_subject_parse_number(natsMsg_GetSubject(msg), bus->puback_inbox, &in->puback.outbox_seq);
    if (ours)
        read_puback(bus, in, msg);
    if (vc_msg_status(msg) == NO_RESPONDERS)
        vc_bus_check_soon(bus); /* the stream is gone */
    natsMsg_Destroy(msg);
    if (!ours || !vc_bus_post(bus, parcel))
        vc_inbound_destroy(&in);
}

bool vc_bus_subscribe(struct vc_bus *bus, const char *subject, const char *group,
                      natsMsgHandler handler, void *ctx)
{
    VC_CHECK(bus->subs_n < VC_BUS_SUBS_MAX);
    natsSubscription *sub = vc_link_subscribe(bus->nc, subject, group, handler, ctx, &bus->gate);
    if (sub)
        bus->subs[bus->subs_n++] = sub;
    return sub != NULL;
}

bool vc_arrivals_subscribe(struct vc_bus *bus, struct vc_err *err)
{
    char api[VC_SUBJECT_MAX], beat[VC_SUBJECT_MAX], assign[VC_SUBJECT_MAX], ack[VC_SUBJECT_MAX];
    vc_subject_api_every(api, bus->prefix);
    snprintf(assign, sizeof assign, "%s.*.*", bus->assign_inbox);
    snprintf(ack, sizeof ack, "%s.*", bus->puback_inbox);
    vc_subject_every(beat, bus->prefix, VC_SUBJECT_HEARTBEAT);
    bool ok = vc_bus_subscribe(bus, api, VC_SERVICE_NAME, on_request, bus) &&
              vc_bus_subscribe(bus, beat, NULL, on_heartbeat, bus) &&
              vc_bus_subscribe(bus, assign, NULL, on_assign_reply, bus) &&
              vc_bus_subscribe(bus, ack, NULL, on_puback, bus) && vc_service_api_subscribe(bus);
    for (size_t i = 0; ok && i < VC_MAILBOXES; i++)
        for (size_t k = 0; ok && k < VC_PULLS; k++) {
            struct vc_pull *pull = &bus->mailboxes[i].pulls[k];
            ok = vc_bus_subscribe(bus, pull->inbox, NULL, on_pulled, pull);
        }
    if (!ok)
        vc_fail(err, VC_E_UNREACHABLE, "the connection went away while subscribing");
    return ok;
}
