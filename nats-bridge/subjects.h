/* subjects.h - the only place that builds and takes apart subjects and stream names.
 *
 * Ids are validated before they become part of a subject: nobody's text can add a token or a
 * wildcard. docs/protocol.md lists the subjects. */
#ifndef VC_NATS_BRIDGE_SUBJECTS_H
#define VC_NATS_BRIDGE_SUBJECTS_H

#include "base/id.h"

#include <stdbool.h>
#include <stdint.h>

#define VC_PREFIX_MAX  32  /* bytes of the subject prefix */
#define VC_SUBJECT_MAX 192 /* bytes of any subject built here, with its NUL */
#define VC_VERB_MAX    32  /* bytes of "noun.verb", with the NUL */
#define VC_INBOX_MAX   64  /* bytes of an inbox, with the NUL */

/* Subjects of the form <prefix>.<noun>.<verb>.<id>. */
enum vc_subject {
    VC_SUBJECT_SUBMIT,
    VC_SUBJECT_ASSIGN,
    VC_SUBJECT_RESULT,
    VC_SUBJECT_PROGRESS,
    VC_SUBJECT_HEARTBEAT,
    VC_SUBJECT_CONTROL,
    VC_SUBJECT_REGISTER,
    VC_SUBJECT_COUNT
};

enum vc_stream {
    VC_STREAM_TASKS,
    VC_STREAM_RESULTS,
    VC_STREAM_EVENTS,
    VC_STREAM_DEAD,
    VC_STREAM_COUNT
};

/* 1..32 bytes of A-Z a-z 0-9 _ -. NULL is no prefix. */
bool vc_prefix_ok(const char *prefix);

/* All builders: @prefix must be vc_prefix_ok; false, with "" in @out, when the other part cannot
 * be in a subject. */

bool vc_subject_build(char out[VC_SUBJECT_MAX], const char *prefix, enum vc_subject kind,
                      const char *id);
/* The subject that matches every id. */
void vc_subject_every(char out[VC_SUBJECT_MAX], const char *prefix, enum vc_subject kind);
/* @verb is "noun.verb". */
bool vc_subject_api(char out[VC_SUBJECT_MAX], const char *prefix, const char *verb);
/* The subject that matches every request, whatever its verb. */
void vc_subject_api_every(char out[VC_SUBJECT_MAX], const char *prefix);
/* @event is "task.completed", "decision", ... */
bool vc_subject_event(char out[VC_SUBJECT_MAX], const char *prefix, const char *event);
bool vc_subject_dead(char out[VC_SUBJECT_MAX], const char *prefix, const char *reason);
/* Where an agent's answer to the assignment (@task_id, @epoch) comes back. */
bool vc_subject_assign_reply(char out[VC_SUBJECT_MAX], const char *inbox, const char *task_id,
                             uint32_t epoch);

/* "_INBOX.<user>": where a client that connects as @user awaits its answers. */
bool vc_subject_inbox(char out[VC_SUBJECT_MAX], const char *user);
/* Whether an answer may be sent to @reply_to. Not to a subject of ours or of the server's: the
 * requester names it, but it is our permission that the server checks. */
bool vc_subject_answerable(const char *reply_to, const char *prefix);

/* "VAPORA_TASKS": the prefix in upper case and the stream's own word. */
void vc_stream_name(char out[VC_SUBJECT_MAX], const char *prefix, enum vc_stream stream);
/* The subjects that the stream keeps. */
void vc_stream_subjects(char out[VC_SUBJECT_MAX], const char *prefix, enum vc_stream stream);

/* The id at the end of a subject of @kind; false when @subject is of another kind or the last
 * token is no id. */
bool vc_subject_id(const char *subject, const char *prefix, enum vc_subject kind,
                   char id[VC_ID_MAX + 1]);

/* Split <prefix>.api.<noun>.<verb>[.<id>]; @id is "" when there is none. False when it is not of
 * that form: @verb then holds what could be read, for the message. */
bool vc_subject_parse_api(const char *subject, const char *prefix, char verb[VC_VERB_MAX],
                          char id[VC_ID_MAX + 1]);

bool vc_subject_parse_assign_reply(const char *subject, const char *inbox,
                                   char task_id[VC_ID_MAX + 1], uint32_t *epoch);

/* The number after "<inbox>." */
bool vc_subject_parse_number(const char *subject, const char *inbox, int64_t *out);

/* What a JetStream acknowledgement subject says: both known forms, 9 tokens or 11 and more
 * (nats-architecture-and-design ADR-15). */
struct vc_ack_subject {
    uint64_t stream_seq;
    uint32_t delivered;
};
bool vc_subject_parse_ack(const char *subject, struct vc_ack_subject *out);

#endif
