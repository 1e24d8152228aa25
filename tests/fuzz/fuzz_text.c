/* Anybody's bytes on their way to a terminal and into JSON. */
#include "base/json_out.h"
#include "tests/fuzz/fuzz.h"

#include <jansson.h>
#include <stdlib.h>

static void check_show(const char *text)
{
    VC_AUTO_BUF struct vc_buf once = {0}, twice = {0};
    vc_buf_show(&once, text);
    VC_CHECK(!*text || fuzz_is_line(vc_buf_text(&once)));
    vc_buf_show(&twice, vc_buf_text(&once));
    VC_CHECK(strcmp(vc_buf_text(&once), vc_buf_text(&twice)) == 0);
    json_t *utf8 = json_string(vc_buf_text(&once)); /* NULL for what is not UTF-8 */
    VC_CHECK(utf8);
    json_decref(utf8);
}

static void check_json(const char *text)
{
    VC_AUTO_BUF struct vc_buf body = {0};
    struct vc_json_out out = {.buf = &body};
    vc_json_text(&out, text);
    json_t *read = json_loads(body.text, JSON_DECODE_ANY, NULL);
    VC_CHECK(json_is_string(read));
    json_t *utf8 = json_string(text);
    VC_CHECK(!utf8 || json_equal(read, utf8));
    json_decref(utf8);
    json_decref(read);
}

static void check_lengths(const char *text)
{
    size_t characters = 0;
    for (const char *p = text; *p; characters++) {
        size_t n = vc_utf8_len(p);
        VC_CHECK(n <= 4 && strnlen(p, n) == n);
        p += n ? n : 1;
    }
    VC_CHECK(vc_columns(text) <= characters);
    char cut[9];
    VC_CHECK(vc_copy(cut, sizeof cut, text) == (strlen(text) < sizeof cut));
    VC_CHECK(strncmp(cut, text, strlen(cut)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    check_show(text);
    check_json(text);
    check_lengths(text);
    free(text);
    return 0;
}
