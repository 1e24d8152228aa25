/* secret.h - where passwords may stand: in files that nobody else can read, and in no environment
 * but our own. */
#ifndef VC_COORDINATOR_SECRET_H
#define VC_COORDINATOR_SECRET_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define VC_SECRET_LEN 32 /* characters of a password that is made up here: 192 random bits */

/* The first line of the file @path into @out, without its line break. A file that everybody may
 * read or write is closed to them first, with a line in the log, when it is ours.
 *
 * VC_E_NOT_FOUND  there is no such file
 * VC_E_DENIED     everybody may read or write it, and it is not ours to close
 * VC_E_INVALID    it is empty, or its line longer than @cap
 * VC_E_IO         it cannot be read */
VC_MUST_CHECK enum vc_rc vc_secret_read(const char *path, char *out, size_t cap,
                                        struct vc_err *err);

/* @len (at most 256) random characters of A-Z a-z 0-9 _ -, and a NUL. False when the system has no
 * random numbers; errno says why. */
bool vc_secret_make(char *out, size_t len);

/* Whether "NAME=VALUE" is an environment variable of ours that holds a password; no child gets
 * those. */
bool vc_secret_variable(const char *variable);

/* The environment without those. free() the array, not its texts. */
char **vc_secret_free_environment(void);

#endif
