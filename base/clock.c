#include "base/clock.h"

#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

struct vc_wall vc_wall_now(void)
{
    return (struct vc_wall){read_us(CLOCK_REALTIME) / 1000};
}

struct vc_mono vc_mono_now(void)
{
    return (struct vc_mono){read_us(CLOCK_MONOTONIC) / 1000};
}

int64_t vc_mono_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}
