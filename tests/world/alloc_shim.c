/* alloc_shim.c - preloaded into the program: the allocation number $ALLOC_FAILS, counted from the
 * moment at which the file $ALLOC_SHIM is there, fails; the one and only. */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *ptr, size_t size);

static atomic_long left;
static atomic_int armed;

__attribute__((constructor)) static void set_up(void)
{
    const char *number = getenv("ALLOC_FAILS");
    left = number ? strtol(number, NULL, 10) : 0;
}

static int fails(void)
{
    const char *path;
    if (left <= 0)
        return 0;
    if (!armed) {
        path = getenv("ALLOC_SHIM");
        if (!path || access(path, F_OK) != 0)
            return 0;
        armed = 1;
    }
    if (--left != 0)
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *ptr, size_t size)
{
    return fails() ? NULL : __libc_realloc(ptr, size);
}
