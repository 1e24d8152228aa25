/* tmp.h - a directory of its own for each test, removed behind it; files in it. */
#ifndef VC_TESTS_SERVICE_TMP_H
#define VC_TESTS_SERVICE_TMP_H

#include "base/str.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#define TMP_TEXT 256

/* Fixture: *state is the path. */
static inline int tmp_setup(void **state)
{
    char *dir = malloc(TMP_TEXT);
    const char *root = getenv("TMPDIR");
    snprintf(dir, TMP_TEXT, "%.200s/vc-test-XXXXXX", root ? root : "/tmp");
    *state = mkdtemp(dir);
    return *state ? 0 : -1;
}

static inline int tmp_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline int tmp_teardown(void **state)
{
    int rc = nftw(*state, tmp_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(*state);
    return rc;
}

/* "<dir>/<name>"; in a ring of four buffers, so that a few can be used side by side. */
static inline const char *tmp_path(void **state, const char *name)
{
    static char paths[4][TMP_TEXT * 2];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", (const char *)*state, name);
    return path;
}

static inline void tmp_write(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* The whole file, "" when there is none; NULs become line breaks. free() it. */
static inline char *tmp_read(const char *path)
{
    struct vc_buf text = {0};
    FILE *f = fopen(path, "r");
    for (int c; f && (c = fgetc(f)) != EOF;)
        vc_buf_printf(&text, "%c", c ? c : '\n');
    if (f)
        fclose(f);
    vc_buf_puts(&text, "");
    return text.text;
}

static inline unsigned tmp_mode(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

#endif
