#include "cli/doctor.h"

#include "base/str.h"
#include "base/time.h"
#include "kg-store/kg.h"
#include "nats-bridge/bus.h"
#include "nats-bridge/inspect.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX    "vapora"
#define ANSWER_MS (2 * VC_SECOND_MS)
#define HEAD_MAX  4096 /* bytes that a message's subject and headers may take */

/* -- the server -------------------------------------------------------------------------------- */

struct release {
    int major, minor, patch;
};

static int compare(struct release a, struct release b)
{
    if (a.major != b.major)
        return a.major < b.major ? -1 : 1;
    if (a.minor != b.minor)
        return a.minor < b.minor ? -1 : 1;
    return a.patch < b.patch ? -1 : a.patch > b.patch;
}

/* Known of nats-server, by the releases from which on and up to which it holds. */
static const struct {
    struct release from, below;
    const char *risk, *todo;
} risks[] = {
    {{2, 10, 20},
     {2, 10, 23},
     "a kill of the server can lose a whole stream",
     "upgrade to 2.10.23 or newer"},
    {{0, 0, 0},
     {2, 10, 0},
     "what is acknowledged reaches the disk up to 2 minutes later, and no setting changes that",
     "trust receipts of requests, which the coordinator's own disk backs; or upgrade and set "
     "sync_interval"},
    {{0, 0, 0},
     {2, 10, 27},
     "who may publish to $JS.> can purge streams of other accounts (CVE-2025-30215)",
     "give agents the users of \"nats auth\" only; upgrade to 2.10.27 or newer"},
    {{2, 11, 0},
     {2, 11, 1},
     "who may publish to $JS.> can purge streams of other accounts (CVE-2025-30215)",
     "upgrade to 2.11.16 or newer"},
    {{0, 0, 0},
     {2, 11, 16},
     "advisories of 2026 are open (queue deny bypass, restore under another name)",
     "keep it on the loopback interface or behind a firewall; upgrade to 2.11.16, 2.12.7 or 2.14"},
    {{2, 12, 0},
     {2, 12, 7},
     "advisories of 2026 are open (queue deny bypass, restore under another name)",
     "upgrade to 2.12.7 or 2.14"},
};

/* "2.9.10", perhaps with more behind it. */
static bool read_release(const char *text, struct release *out)
{
    int *const parts[] = {&out->major, &out->minor, &out->patch};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        char *end;
        if (i > 0 && *text++ != '.')
            return false;
        long value = strtol(text, &end, 10);
        if (end == text || value < 0 || value > INT_MAX)
            return false;
        *parts[i] = (int)value;
        text = end;
    }
    return true;
}

static void check_version(struct vc_doctor *doctor, const struct vc_server_facts *server)
{
    struct release r;
    if (!read_release(server->version, &r)) {
        vc_doctor_add(doctor, VC_LEVEL_WARN, "server", "use a release of nats-server",
                      "the server's version is unknown: '%s'", server->version);
        return;
    }
    vc_doctor_add(doctor, VC_LEVEL_OK, "server", NULL, "nats-server %s at %s", server->version,
                  server->shown);
    for (size_t i = 0; i < sizeof risks / sizeof risks[0]; i++)
        if (compare(r, risks[i].from) >= 0 && compare(r, risks[i].below) < 0)
            vc_doctor_add(doctor, VC_LEVEL_WARN, "server", risks[i].todo, "%s: %s", server->version,
                          risks[i].risk);
}

static void check_payload(struct vc_doctor *doctor, const struct vc_server_facts *server)
{
    int64_t needed = VC_BODY_MAX + HEAD_MAX;
    bool enough = server->max_payload >= needed;
    vc_doctor_add(doctor, enough ? VC_LEVEL_OK : VC_LEVEL_FAIL, "max_payload",
                  enough ? NULL : "raise max_payload in the server's configuration",
                  "messages of %" PRId64 " bytes are taken, %" PRId64 " are needed",
                  server->max_payload, needed);
}

static void check_coordinator(struct vc_doctor *doctor)
{
    json_t *reply = NULL;
    struct vc_err err = {0};
    if (vc_cli_ask(doctor->cli, "stats.get", json_object(), &reply, &err) != VC_OK) {
        vc_doctor_add(doctor, VC_LEVEL_FAIL, "coordinator", "start it with \"vapora-coord serve\"",
                      "%s", err.text);
        return;
    }
    const char *version = json_string_value(json_object_get(reply, "version"));
    vc_doctor_add(doctor, VC_LEVEL_OK, "coordinator", NULL, "version %s answers",
                  version ? version : "unknown");
    json_decref(reply);
}

/* -- the streams ------------------------------------------------------------------------------- */

static void check_stream(struct vc_doctor *doctor, const struct vc_stream_facts *facts)
{
    if (facts->problem[0])
        vc_doctor_add(doctor, VC_LEVEL_FAIL, "streams", "change it back, or delete the stream",
                      "%s", facts->problem);
    else if (facts->drift[0])
        vc_doctor_add(doctor, VC_LEVEL_WARN, "streams",
                      "keep it if you meant it; else delete the stream, it is made anew", "%s",
                      facts->drift);
    else
        vc_doctor_add(doctor, VC_LEVEL_OK, "streams", NULL,
                      "%s is as it is made, messages to %" PRIu64, facts->name, facts->last);
}

/* What the outbox says, before and after the look at the streams: it goes on meanwhile. */
struct bounds {
    bool known;
    char uuid[VC_UUID_TEXT];
    int64_t told, written;
};

static struct bounds read_bounds(const char *path)
{
    struct bounds bounds = {0};
    struct vc_kg *kg = NULL;
    int64_t dropped;
    if (vc_kg_open(path, VC_KG_READ, &kg, NULL) == VC_OK) {
        vc_copy(bounds.uuid, sizeof bounds.uuid, vc_kg_uuid(kg));
        bounds.known = vc_kg_outbox_bounds(kg, &dropped, &bounds.written, NULL) == VC_OK &&
                       vc_kg_get_number(kg, VC_KG_RELAYED, &bounds.told, NULL) == VC_OK;
    }
    vc_kg_close(&kg);
    return bounds;
}

/* The highest number of this store among the newest events and dead letters; -1 for none, -2 when
 * another store wrote the newest. */
static int64_t newest_of(const struct vc_stream_facts *facts, const char *uuid)
{
    size_t len = strlen(uuid);
    if (!facts->last_id[0])
        return -1;
    if (strncmp(facts->last_id, uuid, len) != 0 || facts->last_id[len] != ':')
        return -2;
    return strtoll(facts->last_id + len + 1, NULL, 10);
}

static void check_events(struct vc_doctor *doctor, int64_t newest, const struct bounds *before,
                         const struct bounds *after)
{
    if (newest == -2)
        vc_doctor_add(doctor, VC_LEVEL_WARN, "events",
                      "name the database of this coordinator with --db; two coordinators may not "
                      "share the streams",
                      "the newest event was written by another database than %s", doctor->db);
    else if (newest > after->written)
        vc_doctor_add(doctor, VC_LEVEL_FAIL, "events",
                      "restore a newer backup if there is one; submit again what is missing",
                      "event %" PRId64 " was sent and the database ends at %" PRId64
                      ": it has lost what it had committed",
                      newest, after->written);
    else if (newest >= 0 && newest < before->told)
        vc_doctor_add(
            doctor, VC_LEVEL_WARN, "events",
            "a coordinator that connects sends again what it keeps, three minutes of them",
            "event %" PRId64 " was stored and the newest there is %" PRId64
            ": the server has lost some",
            before->told, newest);
    else
        vc_doctor_add(doctor, VC_LEVEL_OK, "events", NULL,
                      "%" PRId64 " written, %" PRId64 " wait to be sent", after->written,
                      after->written - after->told);
}

static void check_streams(struct vc_doctor *doctor, struct vc_client *client)
{
    struct bounds before = read_bounds(doctor->db);
    int64_t newest = -1;
    for (int i = 0; i < VC_STREAM_COUNT; i++) {
        struct vc_err err = {0};
        struct vc_stream_facts facts;
        enum vc_stream stream = (enum vc_stream)i;
        enum vc_rc rc =
            vc_inspect_stream(client, PREFIX, stream, VC_STREAM_BYTES, ANSWER_MS, &facts, &err);
        if (rc != VC_OK) {
            vc_doctor_add(doctor, VC_LEVEL_FAIL, "streams",
                          "start a coordinator, which makes the streams; its user may ask $JS.API",
                          "%s: %s", facts.name, err.text);
            continue;
        }
        check_stream(doctor, &facts);
        bool of_outbox = stream == VC_STREAM_EVENTS || stream == VC_STREAM_DEAD;
        int64_t seen = before.known && of_outbox ? newest_of(&facts, before.uuid) : -1;
        newest = seen > newest || newest == -1 ? seen : newest;
    }
    struct bounds after = read_bounds(doctor->db);
    if (before.known && after.known)
        check_events(doctor, newest, &before, &after);
}

void vc_doctor_nats(struct vc_doctor *doctor)
{
    struct vc_err err = {0};
    struct vc_client *client = NULL;
    if (vc_cli_open(doctor->cli, &client, &err) != VC_OK) {
        vc_doctor_add(doctor, VC_LEVEL_FAIL, "server",
                      "start a coordinator, or name its server with --url or --data-dir", "%s",
                      err.text);
        return;
    }
    struct vc_server_facts server;
    vc_client_server(client, &server);
    check_version(doctor, &server);
    check_payload(doctor, &server);
    check_coordinator(doctor);
    check_streams(doctor, client);
}
