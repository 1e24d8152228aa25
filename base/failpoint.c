#include "base/failpoint.h"

#ifdef VC_FAILPOINTS

#include "base/log.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SETTING_MAX 1024

enum action { NOTHING, ABORT, ERROR, ENOSPC_ERROR, DELAY };

static const char *const names[VC_FAILPOINT_COUNT] = {
#define VC_FAILPOINT(name, text, what) text,
#include "base/failpoint.def"
#undef VC_FAILPOINT
};

static const struct {
    const char *text;
    enum action action;
} actions[] = {{"abort", ABORT}, {"error", ERROR}, {"enospc", ENOSPC_ERROR}, {"delay:", DELAY}};

static struct {
    enum action action;
    long delay_ms, at, passed;
} points[VC_FAILPOINT_COUNT];

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void refuse(const char *setting)
{
    fprintf(stderr,
            "VAPORA_FAILPOINTS: cannot read '%s'; write name=abort|error|enospc|delay:MS[@N]\n",
            setting);
    _exit(2);
}

static enum vc_failpoint point_of(const char *name, const char *setting)
{
    for (int i = 0; i < VC_FAILPOINT_COUNT; i++)
        if (strcmp(names[i], name) == 0)
            return (enum vc_failpoint)i;
    refuse(setting);
    return VC_FAILPOINT_COUNT;
}

static void set(const char *setting)
{
    char name[SETTING_MAX];
    snprintf(name, sizeof name, "%s", setting);
    char *what = strchr(name, '=');
    if (!what)
        refuse(setting);
    *what++ = '\0';
    enum vc_failpoint p = point_of(name, setting);
    const char *at = strchr(what, '@');
    points[p].at = at ? strtol(at + 1, NULL, 10) : 1;
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        size_t len = strlen(actions[i].text);
        if (strncmp(what, actions[i].text, len) != 0)
            continue;
        points[p].action = actions[i].action;
        points[p].delay_ms = strtol(what + len, NULL, 10);
    }
    if (points[p].action == NOTHING || points[p].at < 1)
        refuse(setting);
}

static void read_settings(void)
{
    char all[SETTING_MAX], *rest = all;
    const char *text = getenv("VAPORA_FAILPOINTS");
    snprintf(all, sizeof all, "%s", text ? text : "");
    for (char *one; (one = strsep(&rest, ";"));)
        if (one[0])
            set(one);
}

static enum action passed(enum vc_failpoint at)
{
    pthread_once(&once, read_settings);
    pthread_mutex_lock(&mutex);
    enum action action = ++points[at].passed == points[at].at ? points[at].action : NOTHING;
    pthread_mutex_unlock(&mutex);
    return action;
}

enum vc_rc vc_failpoint(enum vc_failpoint at, struct vc_err *err)
{
    enum action action = passed(at);
    if (action == NOTHING)
        return VC_OK;
    vc_log(VC_LOG_WARN, "failpoint", "name=%s", names[at]);
    if (action == ABORT)
        kill(getpid(), SIGKILL);
    if (action == ERROR || action == ENOSPC_ERROR)
        return vc_fail(err, action == ERROR ? VC_E_IO : VC_E_FULL, "a test wants '%s' to fail",
                       names[at]);
    struct timespec wait = {.tv_sec = points[at].delay_ms / 1000,
                            .tv_nsec = points[at].delay_ms % 1000 * 1000000};
    nanosleep(&wait, NULL);
    return VC_OK;
}

#endif
