#include "nats-bridge/permissions.h"

#include "base/check.h"
#include "nats-bridge/subjects.h"

#include <stdbool.h>
#include <string.h>

/* In a pattern {p} stands for the prefix, {u} for the user, {S} for each stream in turn, {M} for
 * each of the two mailboxes in turn. */
static const char *const coordinator_publish[] = {
    "{p}.>",
    "_INBOX.>",
    "$JS.API.STREAM.INFO.{S}",
    "$JS.API.STREAM.CREATE.{S}",
    "$JS.API.STREAM.PURGE.{M}",
    "$JS.API.STREAM.MSG.GET.{S}", /* for doctor: the newest event is compared with the outbox */
    "$JS.API.CONSUMER.INFO.{M}.coordinator",
    "$JS.API.CONSUMER.DURABLE.CREATE.{M}.coordinator",
    "$JS.API.CONSUMER.DELETE.{M}.coordinator",
    "$JS.API.CONSUMER.MSG.NEXT.{M}.coordinator",
    "$JS.ACK.{M}.coordinator.>",
    "$JS.ACK.*.*.{M}.coordinator.>", /* the longer form, with domain and account */
    NULL,
};
static const char *const coordinator_subscribe[] = {"{p}.>", "$SRV.>", "_INBOX.>", NULL};

static const char *const agent_publish[] = {
    "{p}.task.result.{u}",
    "{p}.task.progress.{u}",
    "{p}.agent.heartbeat.{u}",
    "{p}.api.agent.register.{u}",
    NULL,
};
static const char *const agent_subscribe[] = {
    "{p}.task.assign.{u}",
    "{p}.agent.control.{u}",
    "_INBOX.{u}.>",
    NULL,
};

static const char *const submitter_publish[] = {
    "{p}.task.submit.*",   "{p}.api.task.submit", "{p}.api.task.get",     "{p}.api.task.list",
    "{p}.api.task.cancel", "{p}.api.task.retry",  "{p}.api.task.explain", NULL,
};
static const char *const submitter_subscribe[] = {"_INBOX.{u}.>", NULL};

static const char *const dashboard_publish[] = {
    "{p}.api.task.get",
    "{p}.api.task.list",
    "{p}.api.task.explain",
    "{p}.api.agent.list",
    "{p}.api.agent.get",
    "{p}.api.score.rank",
    "{p}.api.score.get",
    "{p}.api.profile.get",
    "{p}.api.execution.list",
    "{p}.api.stats.get",
    NULL,
};
static const char *const dashboard_subscribe[] = {"{p}.event.>", "_INBOX.{u}.>", NULL};

static const struct {
    const char *name;
    const char *const *publish, *const *subscribe;
    bool answers; /* may publish to the reply subject of what it received */
} roles[VC_ROLE_COUNT] = {
    [VC_ROLE_COORDINATOR] = {"coordinator", coordinator_publish, coordinator_subscribe, false},
    [VC_ROLE_AGENT] = {"agent", agent_publish, agent_subscribe, true},
    [VC_ROLE_SUBMITTER] = {"submitter", submitter_publish, submitter_subscribe, false},
    [VC_ROLE_DASHBOARD] = {"dashboard", dashboard_publish, dashboard_subscribe, false},
};

const char *vc_role_name(enum vc_role role)
{
    return roles[role].name;
}

struct names {
    const char *prefix, *user;
    char stream[VC_SUBJECT_MAX];
};

static const char *value_of(char key, const struct names *names)
{
    switch (key) {
    case 'p':
        return names->prefix;
    case 'u':
        return names->user;
    default:
        return names->stream;
    }
}

static void add_subject(struct vc_buf *out, const char *pattern, const struct names *names)
{
    vc_buf_puts(out, "\"");
    for (const char *p = pattern; *p;) {
        size_t plain = strcspn(p, "{");
        vc_buf_add(out, p, plain);
        p += plain;
        if (*p) {
            vc_buf_puts(out, value_of(p[1], names));
            p += strlen("{p}");
        }
    }
    vc_buf_puts(out, "\"");
}

static int streams_of(const char *pattern)
{
    if (strstr(pattern, "{S}"))
        return VC_STREAM_COUNT;
    return strstr(pattern, "{M}") ? VC_STREAM_RESULTS + 1 : 1;
}

static void add_list(struct vc_buf *out, const char *word, const char *const *patterns,
                     struct names *names, int indent)
{
    vc_buf_printf(out, "%*s%s: [", indent, "", word);
    const char *between = "\n";
    for (; *patterns; patterns++) {
        for (int i = 0; i < streams_of(*patterns); i++) {
            vc_stream_name(names->stream, names->prefix, (enum vc_stream)i);
            vc_buf_printf(out, "%s%*s", between, indent + 2, "");
            add_subject(out, *patterns, names);
            between = ",\n";
        }
    }
    vc_buf_printf(out, "\n%*s]\n", indent, "");
}

void vc_permissions_add(struct vc_buf *out, enum vc_role role, const char *prefix, const char *user,
                        int indent)
{
    VC_CHECK(vc_prefix_ok(prefix) && vc_id_ok(user));
    struct names names = {.prefix = prefix, .user = user};
    add_list(out, "publish", roles[role].publish, &names, indent);
    add_list(out, "subscribe", roles[role].subscribe, &names, indent);
    if (roles[role].answers)
        vc_buf_printf(out, "%*sallow_responses: true\n", indent, "");
}
