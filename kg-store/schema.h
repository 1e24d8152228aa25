/* schema.h - the versions of the store's schema, embedded from migrations/NNNN-*.sql by the build.
 *
 * Version n is reached by running the first n migrations in order. Each one ends by setting
 * user_version to its number; the first also sets application_id. */
#ifndef VC_KG_STORE_SCHEMA_H
#define VC_KG_STORE_SCHEMA_H

#include <stddef.h>

#define VC_KG_APPLICATION_ID 0x5643474B /* "VCGK": which SQLite files are ours */

struct vc_migration {
    int version;      /* 1, 2, 3, ... without gaps */
    const char *name; /* the file's, without ".sql" */
    const char *sql;  /* several statements */
};

extern const struct vc_migration vc_migrations[];
extern const size_t vc_migrations_count; /* >= 1; also the newest version */

#endif
