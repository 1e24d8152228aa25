/* near.h - cmocka 1.1.5 compares floats; the formulas are promised to 1e-9. */
#ifndef VC_TESTS_SUPPORT_NEAR_H
#define VC_TESTS_SUPPORT_NEAR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <cmocka.h>

#define VC_NEAR 1e-9

/* Fail at the caller's line unless @got is within @tolerance of @wanted. A NaN is near nothing. */
static inline void assert_near_at(double got, double wanted, double tolerance, const char *file,
                                  int line)
{
    if (fabs(got - wanted) <= tolerance)
        return;
    print_error("got %.17g, wanted %.17g\n", got, wanted);
    _fail(file, line);
}

#define assert_near(got, wanted)    assert_near_at((got), (wanted), VC_NEAR, __FILE__, __LINE__)
#define assert_exactly(got, wanted) assert_near_at((got), (wanted), 0, __FILE__, __LINE__)

#endif
