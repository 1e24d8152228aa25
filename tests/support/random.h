/* random.h - a seeded generator for property tests: the same seed gives the same run everywhere. */
#ifndef VC_TESTS_SUPPORT_RANDOM_H
#define VC_TESTS_SUPPORT_RANDOM_H

#include <stdint.h>

struct vc_random {
    uint64_t state;
};

/* SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64_t random_bits(struct vc_random *r)
{
    uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* [0, n), n >= 1. */
static inline uint64_t random_below(struct vc_random *r, uint64_t n)
{
    return random_bits(r) % n;
}

/* [0, 1). */
static inline double random_unit(struct vc_random *r)
{
    return (double)(random_bits(r) >> 11) * 0x1p-53;
}

#endif
