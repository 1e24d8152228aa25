/* doctor.h - what the parts of `doctor` share: the list of findings. */
#ifndef VC_CLI_DOCTOR_H
#define VC_CLI_DOCTOR_H

#include "cli/cmd.h"

enum vc_level { VC_LEVEL_OK, VC_LEVEL_WARN, VC_LEVEL_FAIL, VC_LEVEL_COUNT };

struct vc_doctor {
    struct vc_cli *cli;
    const char *db;   /* path of the database */
    json_t *findings; /* {level, check, finding, do} each */
    bool failed;
};

/* Add what was found; @todo says what to do about it, NULL when there is nothing to do. */
void vc_doctor_add(struct vc_doctor *doctor, enum vc_level level, const char *check,
                   const char *todo, const char *fmt, ...) VC_PRINTF(5, 6);

/* The server, the coordinator on it, the streams, and their events against the outbox. */
void vc_doctor_nats(struct vc_doctor *doctor);
/* The file, the clock, and the limits of the process that holds the file. */
void vc_doctor_database(struct vc_doctor *doctor);
void vc_doctor_clock(struct vc_doctor *doctor);
void vc_doctor_limits(struct vc_doctor *doctor);

#endif
