/* clock.h - the two clocks. Only the shell and the program include this; see time.h. */
#ifndef VC_BASE_CLOCK_H
#define VC_BASE_CLOCK_H

#include "base/time.h"

struct vc_wall vc_wall_now(void);
struct vc_mono vc_mono_now(void);

/* Microseconds on the monotonic clock, for measuring how long something took. */
int64_t vc_mono_us(void);

#endif
