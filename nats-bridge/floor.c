#include "nats-bridge/floor.h"

#include "base/mem.h"

#include <stdbool.h>
#include <string.h>

#define WORD_BITS 64

void vc_floor_fini(struct vc_floor *f)
{
    vc_free(f->bits);
    *f = (struct vc_floor){0};
}

void vc_floor_reset(struct vc_floor *f, uint64_t floor)
{
    vc_floor_fini(f);
    f->floor = floor;
    f->base = floor / WORD_BITS * WORD_BITS;
}

static void reach(struct vc_floor *f, size_t word)
{
    if (word < f->words)
        return;
    size_t words = f->words ? f->words : 4;
    while (words <= word)
        words *= 2;
    f->bits = vc_xrealloc(f->bits, words, sizeof *f->bits);
    memset(f->bits + f->words, 0, (words - f->words) * sizeof *f->bits);
    f->words = words;
}

static bool is_done(const struct vc_floor *f, uint64_t seq)
{
    uint64_t i = seq - f->base - 1;
    return i / WORD_BITS < f->words && f->bits[i / WORD_BITS] >> i % WORD_BITS & 1;
}

/* Words below the floor go once they are half of all: each is moved at most once on average. */
static void forget_below(struct vc_floor *f)
{
    size_t below = (size_t)((f->floor - f->base) / WORD_BITS);
    if (below < 4 || below * 2 < f->words)
        return;
    size_t drop = below < f->words ? below : f->words;
    memmove(f->bits, f->bits + drop, (f->words - drop) * sizeof *f->bits);
    memset(f->bits + f->words - drop, 0, drop * sizeof *f->bits);
    f->base += (uint64_t)drop * WORD_BITS;
}

void vc_floor_done(struct vc_floor *f, uint64_t seq)
{
    if (seq <= f->floor)
        return;
    uint64_t i = seq - f->base - 1;
    reach(f, (size_t)(i / WORD_BITS));
    f->bits[i / WORD_BITS] |= UINT64_C(1) << i % WORD_BITS;
    while (is_done(f, f->floor + 1))
        f->floor++;
    forget_below(f);
}
