/* client.h - the other side: a blocking client for the program's commands and for agents.
 *
 * For one thread at a time, never for the coordinator's loop. */
#ifndef VC_NATS_BRIDGE_CLIENT_H
#define VC_NATS_BRIDGE_CLIENT_H

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vc_client;

/* Connect to @url within @timeout_ms; @name is shown in the server's connection list. Answers are
 * asked to _INBOX.<user of @url>, so that the server can keep each user out of the others' inboxes;
 * without a user, or with one that is no id, to _INBOX.
 *
 * VC_E_UNREACHABLE  nobody answers there
 * VC_E_DENIED       the server refuses the user or password */
VC_MUST_CHECK enum vc_rc vc_client_open(const char *url, const char *name, int64_t timeout_ms,
                                        struct vc_client **client, struct vc_err *err);
void vc_client_close(struct vc_client **client);

/* Ask @subject with @request (borrowed) and wait for the answer, which the caller json_decref()s.
 *
 * VC_E_UNREACHABLE  no responders: no coordinator is connected
 * VC_E_TIMEOUT      no answer in time
 * VC_E_DENIED       the server does not let this user ask there; known after @timeout_ms
 * VC_E_NOT_FOUND, VC_E_CONFLICT, VC_E_INVALID, VC_E_LIMIT, VC_E_IO  the error reply's code 404,
 *                   409, 400/413, 429/507, other; @err holds its description, @reply the body */
VC_MUST_CHECK enum vc_rc vc_client_request(struct vc_client *client, const char *subject,
                                           json_t *request, int64_t timeout_ms, json_t **reply,
                                           struct vc_err *err);

/* One message of a subscription; strings live until the callback returns. */
typedef void vc_client_fn(void *ctx, const char *subject, const char *reply_to, const char *body,
                          size_t len);

/* Call @each for every message on @subject, on a library thread, until the client closes. */
VC_MUST_CHECK enum vc_rc vc_client_subscribe(struct vc_client *client, const char *subject,
                                             vc_client_fn *each, void *ctx, struct vc_err *err);

VC_MUST_CHECK enum vc_rc vc_client_publish(struct vc_client *client, const char *subject,
                                           const char *body, size_t len, struct vc_err *err);

/* Publish into a stream with Nats-Msg-Id @msg_id and wait for its acknowledgement. */
VC_MUST_CHECK enum vc_rc vc_client_publish_stored(struct vc_client *client, const char *subject,
                                                  const char *msg_id, const char *body, size_t len,
                                                  int64_t timeout_ms, struct vc_err *err);

struct vc_server_facts {
    char shown[320];     /* its URL without a password */
    char version[32];    /* "" when it does not say */
    int64_t max_payload; /* bytes of a message it takes */
};

/* What the server says of itself. */
void vc_client_server(const struct vc_client *client, struct vc_server_facts *out);

/* Whether the connection is up now. */
bool vc_client_connected(const struct vc_client *client);

#endif
