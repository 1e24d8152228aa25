/* message.h - for the targets that decode messages.
 *
 * An input is a body. One that begins with '@' has the id of its subject on the first line. */
#ifndef VC_TESTS_FUZZ_MESSAGE_H
#define VC_TESTS_FUZZ_MESSAGE_H

#include "nats-bridge/messages.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

struct fuzz_message {
    char *text; /* owns the two below */
    const char *subject_id;
    const char *body;
    size_t len;
};

static inline struct fuzz_message fuzz_message_of(const uint8_t *data, size_t size)
{
    struct fuzz_message m = {.text = fuzz_text(data, size), .len = size};
    m.body = m.text;
    char *end = size > 0 && data[0] == '@' ? memchr(m.text, '\n', size) : NULL;
    if (!end)
        return m;
    *end = '\0';
    m.subject_id = vc_id_ok(m.text + 1) ? m.text + 1 : NULL;
    m.body = end + 1;
    m.len = size - (size_t)(m.body - m.text);
    return m;
}

/* What goes out for a refusal is JSON with one line for people. */
static inline void fuzz_check_refusal_body(const struct vc_refusal *r)
{
    static const int codes[] = {400, 404, 409, 413, 429, 500};
    bool known = false;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        known = known || codes[i] == r->code;
    VC_CHECK(known);
    VC_CHECK(r->reason && r->reason[strspn(r->reason, "abcdefghijklmnopqrstuvwxyz_")] == '\0');
    char *body = vc_refusal_body(r);
    json_t *said = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
    const json_t *error = json_object_get(said, "error");
    VC_CHECK(json_integer_value(json_object_get(error, "code")) == r->code);
    VC_CHECK(fuzz_is_line(json_string_value(json_object_get(error, "description"))));
    json_decref(said);
    free(body);
}

/* Of a message: the line is safe as it is, for it also goes into logs and dead letters. */
static inline void fuzz_check_refusal(const struct vc_refusal *r)
{
    VC_CHECK(fuzz_is_line(r->text));
    VC_CHECK(r->field[0] == '\0' || fuzz_is_line(r->field));
    fuzz_check_refusal_body(r);
}

static inline void fuzz_check_list(const struct vc_text_list *list, bool (*ok)(const char *))
{
    VC_CHECK(list->n <= VC_LIST_MAX);
    for (size_t i = 0; i < list->n; i++)
        VC_CHECK(list->items[i] && (!ok || ok(list->items[i])));
}

static inline bool fuzz_same_list(const struct vc_text_list *a, const struct vc_text_list *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = strcmp(a->items[i], b->items[i]) == 0;
    return same;
}

/* NULL, or at most @max bytes. */
static inline bool fuzz_fits(const char *text, size_t max)
{
    return !text || strlen(text) <= max;
}

#endif
