#include "base/log.h"

#include "base/clock.h"
#include "base/str.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

static atomic_int threshold = VC_LOG_INFO;
static pthread_mutex_t one_line_at_a_time = PTHREAD_MUTEX_INITIALIZER;

void vc_log_set_level(enum vc_log_level level)
{
    atomic_store(&threshold, (int)level);
}

void vc_log(enum vc_log_level level, const char *event, const char *fmt, ...)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    if ((int)level < atomic_load(&threshold))
        return;
    char at[VC_WALL_TEXT];
    vc_wall_format(vc_wall_now(), at);
    char detail[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    VC_AUTO_BUF struct vc_buf line = {0};
    vc_buf_printf(&line, "%s %-5s %s ", at, names[level], event);
    vc_buf_show(&line, detail);
    pthread_mutex_lock(&one_line_at_a_time);
    fprintf(stderr, "%s\n", line.text);
    pthread_mutex_unlock(&one_line_at_a_time);
}
