#include "nats-bridge/subjects.h"

#include "base/check.h"
#include "base/str.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const subject_words[VC_SUBJECT_COUNT] = {
    [VC_SUBJECT_SUBMIT] = "task.submit",          [VC_SUBJECT_ASSIGN] = "task.assign",
    [VC_SUBJECT_RESULT] = "task.result",          [VC_SUBJECT_PROGRESS] = "task.progress",
    [VC_SUBJECT_HEARTBEAT] = "agent.heartbeat",   [VC_SUBJECT_CONTROL] = "agent.control",
    [VC_SUBJECT_REGISTER] = "api.agent.register",
};

static const struct {
    const char *word, *subjects;
} streams[VC_STREAM_COUNT] = {
    [VC_STREAM_TASKS] = {"TASKS", "task.submit.*"},
    [VC_STREAM_RESULTS] = {"RESULTS", "task.result.*"},
    [VC_STREAM_EVENTS] = {"EVENTS", "event.>"},
    [VC_STREAM_DEAD] = {"DEAD", "dead.>"},
};

bool vc_prefix_ok(const char *prefix)
{
    return vc_id_ok(prefix) && strlen(prefix) <= VC_PREFIX_MAX;
}

/* One or more ids with dots between. */
static bool dotted_ok(const char *text)
{
    char token[VC_ID_MAX + 1];
    for (;;) {
        size_t n = strcspn(text, ".");
        if (n > VC_ID_MAX)
            return false;
        memcpy(token, text, n);
        token[n] = '\0';
        if (!vc_id_ok(token))
            return false;
        if (!text[n])
            return true;
        text += n + 1;
    }
}

static bool build(char out[VC_SUBJECT_MAX], const char *head, const char *words, const char *tail)
{
    int n = snprintf(out, VC_SUBJECT_MAX, "%s.%s.%s", head, words, tail);
    if (n > 0 && n < VC_SUBJECT_MAX)
        return true;
    out[0] = '\0';
    return false;
}

static bool build_dotted(char out[VC_SUBJECT_MAX], const char *prefix, const char *word,
                         const char *tail)
{
    VC_CHECK(vc_prefix_ok(prefix));
    out[0] = '\0';
    return tail && dotted_ok(tail) && build(out, prefix, word, tail);
}

bool vc_subject_build(char out[VC_SUBJECT_MAX], const char *prefix, enum vc_subject kind,
                      const char *id)
{
    VC_CHECK(vc_prefix_ok(prefix));
    out[0] = '\0';
    return vc_id_ok(id) && build(out, prefix, subject_words[kind], id);
}

void vc_subject_every(char out[VC_SUBJECT_MAX], const char *prefix, enum vc_subject kind)
{
    VC_CHECK(vc_prefix_ok(prefix));
    build(out, prefix, subject_words[kind], "*");
}

bool vc_subject_api(char out[VC_SUBJECT_MAX], const char *prefix, const char *verb)
{
    return build_dotted(out, prefix, "api", verb);
}

void vc_subject_api_every(char out[VC_SUBJECT_MAX], const char *prefix)
{
    VC_CHECK(vc_prefix_ok(prefix));
    snprintf(out, VC_SUBJECT_MAX, "%s.api.>", prefix);
}

bool vc_subject_event(char out[VC_SUBJECT_MAX], const char *prefix, const char *event)
{
    return build_dotted(out, prefix, "event", event);
}

bool vc_subject_dead(char out[VC_SUBJECT_MAX], const char *prefix, const char *reason)
{
    VC_CHECK(vc_prefix_ok(prefix));
    out[0] = '\0';
    return vc_id_ok(reason) && build(out, prefix, "dead", reason);
}

bool vc_subject_assign_reply(char out[VC_SUBJECT_MAX], const char *inbox, const char *task_id,
                             uint32_t epoch)
{
    out[0] = '\0';
    if (!vc_id_ok(task_id))
        return false;
    char number[16];
    snprintf(number, sizeof number, "%" PRIu32, epoch);
    return build(out, inbox, task_id, number);
}

bool vc_subject_inbox(char out[VC_SUBJECT_MAX], const char *user)
{
    out[0] = '\0';
    if (!vc_id_ok(user))
        return false;
    snprintf(out, VC_SUBJECT_MAX, "_INBOX.%s", user);
    return true;
}

void vc_stream_name(char out[VC_SUBJECT_MAX], const char *prefix, enum vc_stream stream)
{
    VC_CHECK(vc_prefix_ok(prefix));
    snprintf(out, VC_SUBJECT_MAX, "%s_%s", prefix, streams[stream].word);
    for (char *c = out; *c; c++)
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
}

void vc_stream_subjects(char out[VC_SUBJECT_MAX], const char *prefix, enum vc_stream stream)
{
    VC_CHECK(vc_prefix_ok(prefix));
    snprintf(out, VC_SUBJECT_MAX, "%s.%s", prefix, streams[stream].subjects);
}

/* What follows "@head." in @text, NULL when it does not start so. */
static const char *after(const char *text, const char *head)
{
    size_t n = strlen(head);
    return strncmp(text, head, n) == 0 && text[n] == '.' ? text + n + 1 : NULL;
}

bool vc_subject_answerable(const char *reply_to, const char *prefix)
{
    return reply_to[0] != '$' && !after(reply_to, prefix);
}

bool vc_subject_id(const char *subject, const char *prefix, enum vc_subject kind,
                   char id[VC_ID_MAX + 1])
{
    id[0] = '\0';
    const char *rest = after(subject, prefix);
    if (rest)
        rest = after(rest, subject_words[kind]);
    if (!rest || !vc_id_ok(rest))
        return false;
    return vc_copy(id, VC_ID_MAX + 1, rest);
}

bool vc_subject_parse_api(const char *subject, const char *prefix, char verb[VC_VERB_MAX],
                          char id[VC_ID_MAX + 1])
{
    id[0] = verb[0] = '\0';
    const char *rest = after(subject, prefix);
    if (rest)
        rest = after(rest, "api");
    if (!rest)
        return false;
    const char *dot = strchr(rest, '.');
    const char *end = dot ? strchr(dot + 1, '.') : NULL;
    size_t len = end ? (size_t)(end - rest) : strlen(rest);
    if (!dot || len >= VC_VERB_MAX) {
        vc_copy(verb, VC_VERB_MAX, rest);
        return false;
    }
    memcpy(verb, rest, len);
    verb[len] = '\0';
    if (!end)
        return true;
    return vc_id_ok(end + 1) && vc_copy(id, VC_ID_MAX + 1, end + 1);
}

static bool number(const char *text, int64_t max, int64_t *out)
{
    if (*text < '0' || *text > '9')
        return false;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (*end || errno || value > max)
        return false;
    *out = value;
    return true;
}

bool vc_subject_parse_number(const char *subject, const char *inbox, int64_t *out)
{
    const char *rest = after(subject, inbox);
    return rest && number(rest, INT64_MAX, out);
}

bool vc_subject_parse_assign_reply(const char *subject, const char *inbox,
                                   char task_id[VC_ID_MAX + 1], uint32_t *epoch)
{
    const char *rest = after(subject, inbox);
    const char *dot = rest ? strchr(rest, '.') : NULL;
    int64_t value;
    if (!dot || dot - rest > VC_ID_MAX || !number(dot + 1, UINT32_MAX, &value))
        return false;
    memcpy(task_id, rest, (size_t)(dot - rest));
    task_id[dot - rest] = '\0';
    *epoch = (uint32_t)value;
    return vc_id_ok(task_id);
}

/* $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>, or the
 * same with <domain>.<account> before the stream and a random token at the end. */
bool vc_subject_parse_ack(const char *subject, struct vc_ack_subject *out)
{
    enum { SHORT_FORM = 9, LONG_FORM = 11, DELIVERED = 4, LONGER = 2, TOKEN = 24 };
    if (!after(subject, "$JS.ACK"))
        return false;
    const char *tokens[LONG_FORM];
    size_t n = 0;
    for (const char *at = subject; at && n < LONG_FORM; n++) {
        tokens[n] = at;
        const char *dot = strchr(at, '.');
        at = dot ? dot + 1 : NULL;
    }
    if (n != SHORT_FORM && n < LONG_FORM)
        return false;
    size_t first = DELIVERED + (n == SHORT_FORM ? 0 : LONGER);
    int64_t values[2];
    for (size_t i = 0; i < 2; i++) {
        char token[TOKEN];
        size_t len = strcspn(tokens[first + i], ".");
        if (len >= sizeof token)
            return false;
        memcpy(token, tokens[first + i], len);
        token[len] = '\0';
        if (!number(token, i == 0 ? UINT32_MAX : INT64_MAX, &values[i]))
            return false;
    }
    out->delivered = (uint32_t)values[0];
    out->stream_seq = (uint64_t)values[1];
    return true;
}
