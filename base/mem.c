#include "base/mem.h"

#include "base/check.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void vc_check_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "vapora-coord: broken at %s:%d: expected %s; please report this\n", file, line,
            what);
    abort();
}

static _Noreturn void out_of_memory(size_t bytes)
{
    fprintf(stderr,
            "vapora-coord: out of memory: %zu bytes wanted; give it more or lower the "
            "limits\n",
            bytes);
    abort();
}

void *vc_xmalloc(size_t size)
{
    void *p = malloc(size ? size : 1);
    if (!p)
        out_of_memory(size);
    return p;
}

void *vc_xcalloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size ? size : 1);
    if (!p)
        out_of_memory(count * size);
    return p;
}

void *vc_xrealloc(void *ptr, size_t count, size_t size)
{
    VC_CHECK(size == 0 || count <= SIZE_MAX / size);
    size_t bytes = count * size;
    void *p = realloc(ptr, bytes ? bytes : 1);
    if (!p)
        out_of_memory(bytes);
    return p;
}

char *vc_xmemdup(const char *bytes, size_t len)
{
    char *copy = vc_xrealloc(NULL, len + 1, 1);
    if (len)
        memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

char *vc_xstrdup(const char *text)
{
    return text ? vc_xmemdup(text, strlen(text)) : NULL;
}

void vc_free(void *ptr)
{
    free(ptr);
}

void vc_cleanup_free(void *ptr_to_ptr)
{
    free(*(void **)ptr_to_ptr);
}
