/* stderr.h - catch what the code under test says on stderr. */
#ifndef VC_TESTS_FUZZ_STDERR_H
#define VC_TESTS_FUZZ_STDERR_H

#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

struct fuzz_stderr {
    FILE *real, *caught;
    char *text;
    size_t len;
};

static inline void fuzz_stderr_catch(struct fuzz_stderr *s)
{
    *s = (struct fuzz_stderr){.real = stderr};
    s->caught = open_memstream(&s->text, &s->len);
    VC_CHECK(s->caught);
    stderr = s->caught;
}

/* Give stderr back and return how many lines were said; each is safe to show. */
static inline size_t fuzz_stderr_release(struct fuzz_stderr *s)
{
    size_t n = 0;
    stderr = s->real;
    fclose(s->caught);
    VC_CHECK(strlen(s->text) == s->len);
    for (char *line = s->text; *line; n++) {
        char *end = strchr(line, '\n');
        VC_CHECK(end);
        *end = '\0';
        VC_CHECK(fuzz_is_line(line));
        line = end + 1;
    }
    free(s->text);
    return n;
}

#endif
