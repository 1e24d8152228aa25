/* check.h - assertions that stay on in release builds. For our own mistakes, never for input. */
#ifndef VC_BASE_CHECK_H
#define VC_BASE_CHECK_H

/* Print the place and what did not hold, then abort; the supervisor restarts us from the store. */
_Noreturn void vc_check_failed(const char *file, int line, const char *what);

#define VC_CHECK(cond) ((cond) ? (void)0 : vc_check_failed(__FILE__, __LINE__, #cond))

#endif
