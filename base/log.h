/* log.h - one event, one line: time, level, a stable event name, key=value. On stderr.
 *
 * Pure code and the libraries never log; the shell and the program do, at the place that handles.
 */
#ifndef VC_BASE_LOG_H
#define VC_BASE_LOG_H

#include "base/err.h"

enum vc_log_level { VC_LOG_DEBUG, VC_LOG_INFO, VC_LOG_WARN, VC_LOG_ERROR };

/* Lines below @level are dropped. Default VC_LOG_INFO. */
void vc_log_set_level(enum vc_log_level level);

/* Write one line. @event is a stable name such as "nats.connected"; @fmt gives "key=value ..." and
 * may be "". Control characters in it are escaped. Safe from any thread. */
void vc_log(enum vc_log_level level, const char *event, const char *fmt, ...) VC_PRINTF(3, 4);

#endif
