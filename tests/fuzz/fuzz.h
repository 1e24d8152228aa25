/* fuzz.h - what the fuzz targets share.
 *
 * A target states properties with VC_CHECK: what is accepted can be said again and means the same,
 * what is refused gets one clear line. Build and run: `make fuzz`. An input that broke one lies in
 * build/fuzz/crashes/<target>-crash-<sum>; replay it with
 *
 *     build/fuzz/fuzz/<target> build/fuzz/crashes/<target>-crash-<sum>
 *
 * and once the mistake is mended keep it, smaller if possible, in tests/fuzz/corpus/<target>/. */
#ifndef VC_TESTS_FUZZ_FUZZ_H
#define VC_TESTS_FUZZ_FUZZ_H

#include "base/check.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Called by libFuzzer: once at the start, and for each input. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input as text in memory of its own, so that one byte read too far is seen. free() it. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    return vc_xmemdup((const char *)data, size);
}

/* Whether @text is not empty and neither moves a cursor, ends a line, nor turns the direction of
 * writing: told from the bytes, not by the code that escapes them. */
static inline bool fuzz_is_line(const char *text)
{
    static const char *const turns[] = {
        "\xd8\x9c",     "\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xaa",
        "\xe2\x80\xab", "\xe2\x80\xac", "\xe2\x80\xad", "\xe2\x80\xae",
        "\xe2\x81\xa6", "\xe2\x81\xa7", "\xe2\x81\xa8", "\xe2\x81\xa9",
    };
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++)
        if (strstr(text, turns[i]))
            return false;
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0))
            return false;
    return *text != '\0';
}

/* The same text, or both absent. */
static inline bool fuzz_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

#endif
