/* api.h - the questions that clients may ask: a table of verbs, each with the function that
 * answers. Changes are events (intake.h); what is here only looks. */
#ifndef VC_COORDINATOR_API_H
#define VC_COORDINATOR_API_H

#include "coordinator/core.h"
#include "kg-store/kg.h"
#include "nats-bridge/messages.h"

#define VC_PAGE_DEFAULT 100  /* rows of a list when `limit` is left out */
#define VC_PAGE_MAX     1000 /* and at most */

/* Every verb of the service, questions and changes, NULL-terminated. */
extern const char *const vc_api_verbs[];

/* What an answer is made from; everything borrowed. */
struct vc_api {
    struct vc_kg *kg;
    struct vc_core *core;
    const struct vc_core_conf *conf;
    struct vc_effects *fx; /* memory for the answer's making */
    struct vc_mono mono, started;
    struct vc_wall wall;
    const char *version;
};

/* Answer @verb with @request (an object) into @out. False fills @refusal and leaves @out empty. */
bool vc_api_answer(struct vc_api *api, const char *verb, const json_t *request, struct vc_buf *out,
                   struct vc_refusal *refusal);

#endif
