/* clients.h - those who submit tasks by both ways in, and go on until they know that it worked. */
#ifndef VC_TESTS_SIM_CLIENTS_H
#define VC_TESTS_SIM_CLIENTS_H

#include "tests/sim/nats.h"

static inline void submits(struct cluster *c, const struct note *note)
{
    struct client *client = &c->clients[note->who];
    if (client->mail != NOBODY && c->mails[client->mail].done)
        client->accepted = true;
    if (client->accepted || client->refused)
        return;
    struct vc_event event = {.kind = VC_EVENT_SUBMIT,
                             .token = !client->by_mail,
                             .submit = {.submission = &client->submission}};
    if (!client->by_mail)
        send_event(c, &event, note->who);
    else if (client->mail == NOBODY)
        client->mail = publish(c, &event);
    later(c, between(c, 1000, 3000), *note);
}

static inline void client_told(struct cluster *c, const struct note *note)
{
    struct client *client = &c->clients[note->who];
    client->accepted |= note->control == VC_CONTROL_RECORDED;
    client->refused |= note->control == VC_CONTROL_STALE;
}

/* -- the plan of a run ------------------------------------------------------------------------- */

static inline void add_client(struct cluster *c, const struct vc_submission *sub, int64_t in_ms)
{
    struct vc_submission kept = world_keep_submission(c->w, sub);
    VC_GROW(c->clients, c->clients_n, c->clients_cap);
    c->clients[c->clients_n] =
        (struct client){.submission = kept, .by_mail = one_in(c->sim, 2), .mail = NOBODY};
    later(c, in_ms, (struct note){.happen = submits, .who = c->clients_n++});
}

struct plan {
    struct cluster *c;
    int64_t in_ms, until_ms;
};

static inline void plan_client(void *ctx, struct vc_submission sub)
{
    struct plan *plan = ctx;
    struct cluster *c = plan->c;
    sub.title = "A task";
    sub.spec = "a body";
    if (sub.budget_micros == 0)
        sub.budget_micros = -1;
    add_client(c, &sub, plan->in_ms);
    int64_t again_ms = between(c, plan->in_ms / 2, plan->until_ms);
    if (strikes(c, FAULT_SUBMITS_AGAIN))
        add_client(c, &sub, again_ms);
    sub.spec = "another body";
    if (strikes(c, FAULT_ANOTHER_BODY))
        add_client(c, &sub, again_ms);
}

static inline void clients_begin(struct cluster *c, size_t n, int64_t until_ms)
{
    for (size_t i = 0; i < n; i++) {
        struct plan plan = {c, between(c, 0, until_ms * 3 / 4), until_ms};
        random_submission(c->sim, keep_text(c, "t%zu", i + 1), plan_client, &plan);
    }
}

static inline bool clients_are_done(const struct cluster *c)
{
    for (size_t i = 0; i < c->clients_n; i++)
        if (!c->clients[i].accepted && !c->clients[i].refused)
            return false;
    return true;
}

#endif
