#include "cli/agent_result.h"

#include "base/mem.h"
#include "base/str.h"
#include "nats-bridge/messages.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHELL_SIGNAL_BASE                                                                          \
    128 /* a shell's exit code for a command that signal n killed: 128 + n                         \
         */
#define SIGNAL_LAST 31
#define UTF8_MAX    4 /* bytes of a character */

static const struct vc_agent_verdict success = {VC_OUTCOME_SUCCESS, VC_ERROR_NONE};
static const struct vc_agent_verdict timeout = {VC_OUTCOME_TIMEOUT, VC_ERROR_TIMEOUT};
static const struct vc_agent_verdict killed = {VC_OUTCOME_FAILURE, VC_ERROR_TOOL_ERROR};
static const struct vc_agent_verdict failure = {VC_OUTCOME_FAILURE, VC_ERROR_AGENT_ERROR};

static int signal_of(const struct vc_child_end *end)
{
    if (end->signal > 0)
        return end->signal;
    int n = end->exit_code - SHELL_SIGNAL_BASE;
    return n >= 1 && n <= SIGNAL_LAST ? n : 0;
}

struct vc_agent_verdict vc_agent_verdict_of(const struct vc_child_end *end)
{
    static const struct vc_agent_verdict stopped[] = {
        [VC_CHILD_TIMED_OUT] = {VC_OUTCOME_TIMEOUT, VC_ERROR_TIMEOUT},
        [VC_CHILD_CANCELED] = {VC_OUTCOME_CANCELED, VC_ERROR_CANCELED},
        [VC_CHILD_SHUT_DOWN] = {VC_OUTCOME_FAILURE, VC_ERROR_LOST},
    };
    if (end->stopped != VC_CHILD_UNSTOPPED)
        return stopped[end->stopped];
    if (signal_of(end))
        return killed;
    if (end->exit_code == VC_RESULT_EXIT_TIMEOUT)
        return timeout;
    return end->exit_code == 0 ? success : failure;
}

/* Bytes of the UTF-8 character at @p that a JSON text may hold; 0 for none. */
static size_t character_at(const char *p, size_t len)
{
    for (size_t n = 1; *p && n <= UTF8_MAX && n <= len; n++) {
        json_t *one = json_stringn(p, n);
        json_decref(one);
        if (one)
            return n;
    }
    return 0;
}

/* @bytes as a JSON text, whatever they are. */
static json_t *text_of(const char *bytes, size_t len)
{
    json_t *text = memchr(bytes, '\0', len) ? NULL : json_stringn(bytes, len);
    if (text)
        return text;
    VC_AUTO_BUF struct vc_buf clean = {0};
    for (size_t i = 0, n; i < len; i += n ? n : 1) {
        n = character_at(bytes + i, len - i);
        if (n)
            vc_buf_add(&clean, bytes + i, n);
        else
            vc_buf_puts(&clean, "\xef\xbf\xbd");
    }
    return json_stringn(vc_buf_text(&clean), clean.len);
}

/* Trailing line breaks belong to the terminal, not to the text: $(...) drops them too. */
static size_t without_line_breaks(const char *text, size_t len)
{
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    return len;
}

static size_t depth_of(json_t *value)
{
    size_t deepest = 0, i;
    const char *key;
    json_t *inner;
    json_object_foreach(value, key, inner)
    {
        size_t depth = depth_of(inner);
        deepest = depth > deepest ? depth : deepest;
    }
    json_array_foreach(value, i, inner)
    {
        size_t depth = depth_of(inner);
        deepest = depth > deepest ? depth : deepest;
    }
    return json_is_object(value) || json_is_array(value) ? deepest + 1 : 0;
}

/* The output as a document, NULL if it is none that may travel inside a result. */
static json_t *document_of(const struct vc_child_end *end)
{
    if (end->out_cut)
        return NULL;
    json_t *value =
        json_loadb(end->out, end->out_len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    if (value && depth_of(value) < VC_JSON_DEPTH_MAX)
        return value;
    json_decref(value);
    return NULL;
}

/* Why it did not succeed, where the exit alone does not say it; "" else. */
static void reason_of(const struct vc_child_end *end, char *out, size_t cap)
{
    static const char *const stopped[] = {
        [VC_CHILD_TIMED_OUT] = "its time was up after",
        [VC_CHILD_CANCELED] = "canceled after",
        [VC_CHILD_SHUT_DOWN] = "the agent was shut down after",
    };
    int signal = signal_of(end);
    if (end->stopped != VC_CHILD_UNSTOPPED)
        snprintf(out, cap, "%s %" PRId64 " ms", stopped[end->stopped], end->duration_ms);
    else if (signal)
        snprintf(out, cap, "killed by signal %d (%s)", signal, strsignal(signal));
    else if (end->err_len == 0)
        snprintf(out, cap, "exit code %d", end->exit_code);
    else
        out[0] = '\0';
}

static json_t *error_of(const struct vc_child_end *end, struct vc_agent_verdict verdict)
{
    char reason[128];
    reason_of(end, reason, sizeof reason);
    size_t len = without_line_breaks(end->err, end->err_len), from = 0;
    /* The tail may begin in the middle of a character. */
    while (from < len && ((unsigned char)end->err[from] & 0xc0) == 0x80)
        from++;
    VC_AUTO_BUF struct vc_buf message = {0};
    vc_buf_puts(&message, reason);
    if (reason[0] && len > from)
        vc_buf_puts(&message, ": ");
    vc_buf_add(&message, end->err + from, len - from);
    return json_pack("{s:s, s:o, s:b}", "class", vc_error_class_name(verdict.error_class),
                     "message", text_of(vc_buf_text(&message), message.len), "retryable", true);
}

static json_t *result_of(const char *task_id, uint32_t epoch, struct vc_agent_verdict verdict,
                         int64_t duration_ms)
{
    return json_pack("{s:s, s:s, s:I, s:s, s:I}", "type", "io.vapora.coord.api.v1.task_result",
                     "task_id", task_id, "epoch", (json_int_t)epoch, "outcome",
                     vc_outcome_name(verdict.outcome), "duration_ms", (json_int_t)duration_ms);
}

/* The first @len bytes of the output as text, marked when that is not all of it. */
static void set_text_output(json_t *result, const struct vc_child_end *end, size_t len)
{
    bool cut = end->out_cut || len < end->out_len;
    if (!cut)
        len = without_line_breaks(end->out, len);
    json_object_set_new(result, "output", text_of(end->out, len));
    if (cut)
        json_object_set_new(result, "output_cut", json_true());
}

char *vc_agent_result_body(const char *task_id, uint32_t epoch, const struct vc_child_end *end)
{
    struct vc_agent_verdict verdict = vc_agent_verdict_of(end);
    json_t *result = result_of(task_id, epoch, verdict, end->duration_ms);
    if (verdict.outcome != VC_OUTCOME_SUCCESS)
        json_object_set_new(result, "error", error_of(end, verdict));
    json_t *document = document_of(end);
    if (document)
        json_object_set_new(result, "output", document);
    else if (end->out_len > 0)
        set_text_output(result, end, end->out_len);
    char *body = json_dumps(result, JSON_COMPACT);
    /* Escapes can make six bytes of one, so the size is known only now. */
    for (size_t len = end->out_len / 2; strlen(body) > VC_RESULT_BODY_MAX; len /= 2) {
        set_text_output(result, end, len);
        free(body);
        body = json_dumps(result, JSON_COMPACT);
    }
    json_decref(result);
    return body;
}

char *vc_agent_result_unstarted(const char *task_id, uint32_t epoch, const char *why)
{
    json_t *result = result_of(task_id, epoch, killed, 0);
    json_object_set_new(result, "error",
                        json_pack("{s:s, s:o, s:b}", "class",
                                  vc_error_class_name(killed.error_class), "message",
                                  text_of(why, strlen(why)), "retryable", true));
    char *body = json_dumps(result, JSON_COMPACT);
    json_decref(result);
    return body;
}
