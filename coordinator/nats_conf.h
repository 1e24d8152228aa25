/* nats_conf.h - what the embedded nats-server is started with: the program, its port, the password,
 * the files. Part of nats_child.h. */
#ifndef VC_COORDINATOR_NATS_CONF_H
#define VC_COORDINATOR_NATS_CONF_H

#include "base/str.h"
#include "coordinator/nats_child.h"

#include <stdbool.h>

#define VC_NATS_USER      "vapora"
#define VC_NATS_NAME_TEXT 24

/* How one server is reached. */
struct vc_nats_access {
    int port; /* 0 = not known yet */
    char password[VC_NATS_PASSWORD_MAX + 1];
    char name[VC_NATS_NAME_TEXT]; /* "vapora-" and random: its greeting has it, so that a stranger
                                   * on the same port is not mistaken for it */
};

/* The absolute path of nats-server, which Debian puts into a directory that is not on everybody's
 * PATH; NULL when there is none. free() it. */
char *vc_nats_find_program(void);

/* Whether @port can be listened on right now. */
bool vc_nats_port_is_free(int port);

/* A port that was free a moment ago; 0 when there is none. */
int vc_nats_any_port(void);

/* Whether a server called @name greets on @port. Waits for 200 ms at most. */
bool vc_nats_greets(int port, const char *name);

/* Decide on password and name. Port and password that are not in @conf come from @url_path, when
 * that is a nats.url of ours; a password that is nowhere is made up, a port stays 0.
 *
 * VC_E_INVALID  a port or password that cannot be one
 * VC_E_IO       no random bytes */
VC_MUST_CHECK enum vc_rc vc_nats_access_decide(const struct vc_nats_child_conf *conf,
                                               const char *url_path, struct vc_nats_access *out,
                                               struct vc_err *err);

/* Add the URL, which is what nats.url holds before its line break. */
void vc_nats_add_url(struct vc_buf *out, const struct vc_nats_access *access);

/* Add the text of server.conf. Its paths are relative to the directory it lies in. */
void vc_nats_add_conf(struct vc_buf *out, const struct vc_nats_access *access);

#endif
