/* data_dir.h - the directory that holds all state, and the small private files in it. */
#ifndef VC_COORDINATOR_DATA_DIR_H
#define VC_COORDINATOR_DATA_DIR_H

#include "base/err.h"

#include <stdint.h>

#define VC_DISK_FLOOR_MIB 64 /* with less space free no new task is taken */

/* Make sure that @path is a directory we may write into. What is missing is created: the directory
 * itself with mode 0700, its parents as the umask says. One that exists keeps its mode.
 *
 * VC_E_INVALID  @path is empty, or is or passes through something that is no directory
 * VC_E_IO       it cannot be created or written to; the text says why */
VC_MUST_CHECK enum vc_rc vc_data_dir_prepare(const char *path, struct vc_err *err);

/* Make @text the content of the file @path, mode 0600, atomically and on disk: a reader sees the
 * old text or the new one. "<path>.new" is used on the way.
 *
 * VC_E_IO  it cannot be written */
VC_MUST_CHECK enum vc_rc vc_data_file_write(const char *path, const char *text, struct vc_err *err);

/* MiB that are free for us on the file system of @dir; -1 when nobody can tell. */
int64_t vc_data_dir_free_mib(const char *dir);

#endif
