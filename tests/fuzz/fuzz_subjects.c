/* Subjects: what is taken apart can be built again, and nobody's text adds a token or a wildcard.
 */
#include "nats-bridge/subjects.h"
#include "tests/fuzz/fuzz.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char PREFIX[] = "vapora";
static const char INBOX[] = "_INBOX.b7";

static size_t tokens(const char *subject)
{
    size_t n = 1;
    for (; *subject; subject++)
        n += *subject == '.';
    return n;
}

/* No empty token, no wildcard, nothing that ends a line of the protocol. */
static bool safe(const char *subject)
{
    return *subject && *subject != '.' && !strstr(subject, "..") &&
           subject[strlen(subject) - 1] != '.' && !strpbrk(subject, " \t\r\n*>") &&
           fuzz_is_line(subject);
}

static void take_apart(const char *subject)
{
    char id[VC_ID_MAX + 1], verb[VC_VERB_MAX], built[VC_SUBJECT_MAX], again[VC_SUBJECT_MAX * 2];
    for (int kind = 0; kind < VC_SUBJECT_COUNT; kind++) {
        if (!vc_subject_id(subject, PREFIX, (enum vc_subject)kind, id))
            continue;
        VC_CHECK(vc_id_ok(id));
        VC_CHECK(vc_subject_build(built, PREFIX, (enum vc_subject)kind, id));
        VC_CHECK(strcmp(built, subject) == 0);
    }
    if (vc_subject_parse_api(subject, PREFIX, verb, id)) {
        snprintf(again, sizeof again, "%s.api.%s%s%s", PREFIX, verb, *id ? "." : "", id);
        VC_CHECK(strcmp(again, subject) == 0 && (!*id || vc_id_ok(id)));
    }
    VC_CHECK(strlen(verb) < sizeof verb && strlen(id) < sizeof id);
    uint32_t epoch;
    if (vc_subject_parse_assign_reply(subject, INBOX, id, &epoch)) {
        char number[16];
        uint32_t same;
        snprintf(number, sizeof number, "%" PRIu32, epoch);
        VC_CHECK(vc_id_ok(id) && vc_subject_assign_reply(built, INBOX, id, epoch));
        VC_CHECK(vc_subject_parse_assign_reply(built, INBOX, id, &same) && same == epoch);
    }
    int64_t n;
    VC_CHECK(!vc_subject_parse_number(subject, INBOX, &n) || n >= 0);
    struct vc_ack_subject ack;
    if (vc_subject_parse_ack(subject, &ack))
        VC_CHECK(tokens(subject) == 9 || tokens(subject) >= 11);
}

static void build_with(const char *text)
{
    char built[VC_SUBJECT_MAX];
    for (int kind = 0; kind < VC_SUBJECT_COUNT; kind++) {
        bool ok = vc_subject_build(built, PREFIX, (enum vc_subject)kind, text);
        VC_CHECK(ok == vc_id_ok(text) && ok == (built[0] != '\0'));
        VC_CHECK(!ok || (safe(built) && tokens(built) <= 5));
    }
    VC_CHECK(!vc_subject_api(built, PREFIX, text) || safe(built));
    VC_CHECK(!vc_subject_event(built, PREFIX, text) || safe(built));
    VC_CHECK(!vc_subject_dead(built, PREFIX, text) || (safe(built) && tokens(built) == 3));
    VC_CHECK(!vc_subject_assign_reply(built, INBOX, text, 7) ||
             (safe(built) && tokens(built) == 4));
}

static void as_prefix(const char *text)
{
    char name[VC_SUBJECT_MAX];
    if (!vc_prefix_ok(text))
        return;
    for (int stream = 0; stream < VC_STREAM_COUNT; stream++) {
        vc_stream_name(name, text, (enum vc_stream)stream);
        VC_CHECK(safe(name) && tokens(name) == 1);
        vc_stream_subjects(name, text, (enum vc_stream)stream);
        VC_CHECK(strncmp(name, text, strlen(text)) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    take_apart(text);
    build_with(text);
    as_prefix(text);
    free(text);
    return 0;
}
