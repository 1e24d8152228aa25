/* mem.h - memory that is either there or the end of the process, and locals that free themselves.
 *
 * One school throughout: small allocations cannot fail (the process dies with a message and the
 * store brings everything back), and whatever an outsider sizes is bounded by a named limit first.
 */
#ifndef VC_BASE_MEM_H
#define VC_BASE_MEM_H

#include <stddef.h>

/* @size bytes, not initialised, for libraries that take an allocator. Never NULL; free() it. */
void *vc_xmalloc(size_t size) __attribute__((malloc, returns_nonnull));

/* @count * @size bytes, zeroed. Never NULL; free() it. */
void *vc_xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));

/* Resize to @count * @size bytes; new bytes are not initialised. Never NULL. */
void *vc_xrealloc(void *ptr, size_t count, size_t size) __attribute__((returns_nonnull));

/* A copy of @len bytes with a NUL behind them. Never NULL; free() it. */
char *vc_xmemdup(const char *bytes, size_t len) __attribute__((returns_nonnull));

/* A copy of @text; NULL stays NULL. free() it. */
char *vc_xstrdup(const char *text);

/* Release what vc_x* gave. NULL is fine. The pure folders call this, never free(). */
void vc_free(void *ptr);

/* Make room for one more element in a growing array: doubles @cap when @len has reached it. */
#define VC_GROW(array, len, cap)                                                                   \
    ((len) < (cap) ? (void)0                                                                       \
                   : (void)((cap) = (cap) ? (cap)*2 : 8,                                           \
                            (array) = vc_xrealloc((array), (cap), sizeof *(array))))

/* `VC_AUTO_FREE char *s = ...;` frees s when it goes out of scope. */
#define VC_AUTO_FREE __attribute__((cleanup(vc_cleanup_free)))
void vc_cleanup_free(void *ptr_to_ptr);

/* Give ownership away: evaluates to *p and leaves NULL behind. */
#define vc_take(p)                                                                                 \
    __extension__({                                                                                \
        __typeof__(*(p)) vc_taken = *(p);                                                          \
        *(p) = NULL;                                                                               \
        vc_taken;                                                                                  \
    })

#endif
