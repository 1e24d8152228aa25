/* floor.h - which messages of a stream are committed: all up to a floor, and some above it.
 *
 * The server's own memory of what a consumer acknowledged does not survive a crash of the server
 * whole, and has been seen to claim messages that nobody got; so it is never asked. Starting over
 * from the floor repeats at most what was committed out of order. */
#ifndef VC_NATS_BRIDGE_FLOOR_H
#define VC_NATS_BRIDGE_FLOOR_H

#include <stddef.h>
#include <stdint.h>

/* Zero-initialise (the floor of a stream whose first message is 1); vc_floor_fini() it. */
struct vc_floor {
    uint64_t floor; /* every message up to here is committed, or never was */
    uint64_t base;  /* a multiple of 64, <= floor: bit i of `bits` stands for base + 1 + i */
    uint64_t *bits;
    size_t words;
};

void vc_floor_fini(struct vc_floor *f);

/* Start over: everything up to @floor is done with, nothing above is. */
void vc_floor_reset(struct vc_floor *f, uint64_t floor);

/* Message @seq is committed. O(1) amortised; one bit of memory for each message between the floor
 * and the highest committed one. */
void vc_floor_done(struct vc_floor *f, uint64_t seq);

#endif
