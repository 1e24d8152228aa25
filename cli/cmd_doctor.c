#include "cli/doctor.h"

#include "base/clock.h"
#include "base/str.h"
#include "cli/store.h"
#include "coordinator/lock.h"
#include "kg-store/kg.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#define FILES_NEEDED   1024               /* open files: HTTP clients, NATS, the database */
#define SPACE_SCARCE   (INT64_C(2) << 30) /* bytes: the streams alone may take more */
#define SPACE_TOO_LOW  (INT64_C(100) << 20)
#define CLOCK_SLACK_MS VC_MINUTE_MS           /* two clocks may differ by this */
#define CLOCK_FIRST_MS INT64_C(1704067200000) /* 2024-01-01: this program is younger */

static const char *const levels[VC_LEVEL_COUNT] = {"ok", "warn", "fail"};

void vc_doctor_add(struct vc_doctor *doctor, enum vc_level level, const char *check,
                   const char *todo, const char *fmt, ...)
{
    char text[768];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    doctor->failed |= level == VC_LEVEL_FAIL;
    json_array_append_new(doctor->findings,
                          json_pack("{s:s, s:s, s:o, s:s?}", "level", levels[level], "check", check,
                                    "finding", vc_store_json(text), "do", todo));
}

void vc_doctor_database(struct vc_doctor *doctor)
{
    struct vc_err err = {0};
    json_t *checks = json_array();
    enum vc_rc rc = vc_store_check(doctor->db, checks, &err);
    if (rc == VC_OK)
        vc_doctor_add(doctor, VC_LEVEL_OK, "database", NULL, "%s passes all %zu checks", doctor->db,
                      json_array_size(checks));
    else if (rc == VC_E_NOT_FOUND)
        vc_doctor_add(doctor, VC_LEVEL_WARN, "database",
                      "run this where the coordinator runs, or name its file with --db",
                      "there is no %s", doctor->db);
    else
        vc_doctor_add(doctor, VC_LEVEL_FAIL, "database",
                      rc == VC_E_CORRUPT
                          ? "stop the coordinator and restore a backup with \"db restore\""
                          : "see the finding",
                      "%s", err.text);
    json_decref(checks);
}

static void note_newest(void *ctx, const struct vc_kg_execution *execution)
{
    *(struct vc_wall *)ctx = execution->finished_at;
}

/* When the newest execution ended; 0 when nobody can say. */
static struct vc_wall newest_end(const char *path)
{
    struct vc_kg *kg = NULL;
    struct vc_wall newest = {0};
    struct vc_kg_filter filter = {.limit = 1};
    if (vc_kg_open(path, VC_KG_READ, &kg, NULL) == VC_OK &&
        vc_kg_executions(kg, &filter, note_newest, &newest, NULL) != VC_OK)
        newest.ms = 0;
    vc_kg_close(&kg);
    return newest;
}

void vc_doctor_clock(struct vc_doctor *doctor)
{
    static const char set_it[] =
        "set the clock, and keep it right with chrony or systemd-timesyncd";
    struct timex state = {0};
    struct vc_wall now = vc_wall_now(), newest = newest_end(doctor->db);
    bool synced = adjtimex(&state) != TIME_ERROR && !(state.status & STA_UNSYNC);
    char text[VC_WALL_TEXT], end[VC_WALL_TEXT];
    vc_wall_format(now, text);
    vc_wall_format(newest, end);
    if (now.ms < CLOCK_FIRST_MS)
        vc_doctor_add(doctor, VC_LEVEL_FAIL, "clock", set_it, "it says %s", text);
    else if (newest.ms > now.ms + CLOCK_SLACK_MS)
        vc_doctor_add(doctor, VC_LEVEL_WARN, "clock", set_it,
                      "it says %s and an execution ended at %s: it was set back, or an import came "
                      "from the future",
                      text, end);
    else if (!synced)
        vc_doctor_add(doctor, VC_LEVEL_WARN, "clock", set_it,
                      "it says %s, and the kernel does not know it to be synchronised", text);
    else
        vc_doctor_add(doctor, VC_LEVEL_OK, "clock", NULL, "%s, synchronised", text);
}

static void check_files(struct vc_doctor *doctor)
{
    long pid = 0;
    struct rlimit files = {0};
    bool held = vc_lock_held(doctor->db, &pid) && pid > 0;
    if (prlimit(held ? (pid_t)pid : 0, RLIMIT_NOFILE, NULL, &files) != 0) {
        vc_doctor_add(doctor, VC_LEVEL_WARN, "open files", "run this as the coordinator's user",
                      "the limit of process %ld cannot be read: %s", pid, strerror(errno));
        return;
    }
    bool enough = files.rlim_cur >= FILES_NEEDED;
    vc_doctor_add(doctor, enough ? VC_LEVEL_OK : VC_LEVEL_WARN, "open files",
                  enough ? NULL : "raise LimitNOFILE of the unit, or ulimit -n, to 1024 or more",
                  "%s may have %llu open", held ? "the coordinator" : "a process from here",
                  (unsigned long long)files.rlim_cur);
}

static void check_space(struct vc_doctor *doctor)
{
    VC_AUTO_BUF struct vc_buf dir = {0};
    const char *slash = strrchr(doctor->db, '/');
    vc_buf_add(&dir, slash ? doctor->db : ".", slash ? (size_t)(slash - doctor->db) + 1 : 1);
    struct statvfs fs;
    if (statvfs(dir.text, &fs) != 0) {
        vc_doctor_add(doctor, VC_LEVEL_WARN, "disk", "name the database with --db",
                      "the space at %s is unknown: %s", dir.text, strerror(errno));
        return;
    }
    int64_t left = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
    enum vc_level level = left < SPACE_TOO_LOW  ? VC_LEVEL_FAIL
                          : left < SPACE_SCARCE ? VC_LEVEL_WARN
                                                : VC_LEVEL_OK;
    vc_doctor_add(doctor, level, "disk",
                  level == VC_LEVEL_OK ? NULL : "make room: a full disk stops the coordinator",
                  "%" PRId64 " MiB are free at %s", left >> 20, dir.text);
}

void vc_doctor_limits(struct vc_doctor *doctor)
{
    check_files(doctor);
    check_space(doctor);
}

static void print_table(const json_t *findings)
{
    static const char *const columns[] = {"LEVEL", "CHECK", "FINDING", "WHAT TO DO", NULL};
    struct vc_table *table = vc_table_create(columns);
    size_t i;
    json_t *finding;
    json_array_foreach(findings, i, finding)
    {
        static const char *const fields[] = {"level", "check", "finding", "do"};
        for (size_t k = 0; k < sizeof fields / sizeof fields[0]; k++) {
            const char *text = json_string_value(json_object_get(finding, fields[k]));
            vc_table_cell(table, text ? text : "");
        }
        if (strcmp(json_string_value(json_object_get(finding, "level")), "ok") != 0)
            vc_table_bold(table);
    }
    vc_table_print(&table);
}

static int run(struct vc_cli *cli)
{
    VC_AUTO_BUF struct vc_buf path = {0};
    const char *db = vc_cli_get(cli, "db"), *dir = vc_cli_get(cli, "data-dir");
    vc_buf_printf(&path, "%s/graph.db", dir ? dir : "./vapora-data");
    struct vc_doctor doctor = {
        .cli = cli, .db = db ? db : vc_buf_text(&path), .findings = json_array()};
    vc_doctor_nats(&doctor);
    vc_doctor_database(&doctor);
    vc_doctor_clock(&doctor);
    vc_doctor_limits(&doctor);
    if (vc_cli_json(cli)) {
        json_t *report = json_pack("{s:b, s:O}", "ok", !doctor.failed, "findings", doctor.findings);
        vc_cli_print_json(report);
        json_decref(report);
    } else {
        print_table(doctor.findings);
    }
    json_decref(doctor.findings);
    return doctor.failed ? VC_EXIT_FAILURE : VC_EXIT_OK;
}

static const struct vc_option options[] = {
    {"db", 0, "PATH", "the coordinator's database (default: graph.db in --data-dir)", false, false},
    VC_OPTIONS_ONLINE,
    {0},
};

const struct vc_command vc_command_doctor = {
    .name = "doctor",
    .summary = "Look for what is wrong or risky around a coordinator, and say what to do",
    .about =
        "The NATS server's release and what is known against it, its limits, the coordinator on\n"
        "it, each stream against what the coordinator would make, the newest event against the\n"
        "outbox, the database as \"db check\" does, the clock, open files and disk space. Each\n"
        "finding is ok, warn or fail. Run it where the coordinator runs, as its user.\n",
    .examples = "$ vapora-coord doctor\n"
                "$ vapora-coord doctor --data-dir /var/lib/vapora-coord -o json | jq .ok\n",
    .options = options,
    .run = run,
};
