/* nats.h - a simulated NATS. Messages without a stream are lost or come twice. A stream loses
 * nothing that it acknowledged to its publisher; it delivers again what is not acknowledged to it,
 * delivers twice, late and out of order, and forgets acknowledgements when its server restarts. */
#ifndef VC_TESTS_SIM_NATS_H
#define VC_TESTS_SIM_NATS_H

#include "tests/sim/promises.h"

#define ACK_WAIT_MS 6000

static inline int64_t transit_ms(struct cluster *c)
{
    return between(c, 0, one_in(c->sim, 20) ? 400 : 8);
}

/* -- without a stream -------------------------------------------------------------------------- */

static inline void pass_on(struct cluster *c, const struct note *note)
{
    if (coordinator_reachable(c))
        coordinator_gets(c, note->arrival);
}

static inline void send_note(struct cluster *c, struct note note)
{
    if (strikes(c, FAULT_MESSAGE_LOST))
        return;
    later(c, transit_ms(c), note);
    if (strikes(c, FAULT_MESSAGE_TWICE))
        later(c, transit_ms(c), note);
}

static inline const struct arrival *keep_arrival(struct cluster *c, const struct arrival *arrival)
{
    struct arrival *kept = vc_effects_alloc(&c->w->keep, sizeof *kept);
    *kept = *arrival;
    return kept;
}

/* Somebody sends to the coordinator. */
static inline void send_event(struct cluster *c, const struct vc_event *event, size_t client)
{
    struct arrival arrival = {.event = *event, .mail = NOBODY, .client = client};
    send_note(c, (struct note){.happen = pass_on, .arrival = keep_arrival(c, &arrival)});
}

/* The coordinator sends. */
static inline void coordinator_sends(struct cluster *c, struct note note)
{
    if (coordinator_reachable(c))
        send_note(c, note);
}

static inline bool cut_off(const struct cluster *c, uint32_t a)
{
    return c->actors[a].cut_until_ms > c->now_ms;
}

/* The coordinator asks an agent to take a task; the server knows when nobody listens. */
static inline void coordinator_asks(struct cluster *c, struct paper paper)
{
    struct vc_event nobody = {
        .kind = VC_EVENT_ANSWER,
        .answer = {.task_id = paper.task_id, .epoch = paper.epoch, .answer = VC_ANSWER_NOBODY}};
    if (!coordinator_reachable(c))
        return;
    if (!c->actors[paper.agent].alive || cut_off(c, paper.agent))
        send_event(c, &nobody, NOBODY);
    else
        send_note(c, (struct note){.happen = agent_gets, .paper = paper});
}

/* -- streams ----------------------------------------------------------------------------------- */

static inline void deliver(struct cluster *c, const struct note *note)
{
    const struct mail *mail = &c->mails[note->who];
    if (mail->acked)
        return;
    for (int times = coordinator_reachable(c) ? 1 : 0; times > 0; times--) {
        coordinator_gets(c, &mail->arrival);
        times += strikes(c, FAULT_MAIL_TWICE);
    }
    later(c, ACK_WAIT_MS, *note);
}

static inline void mail_is_stored(struct cluster *c, size_t i)
{
    c->mails[i].stored = true;
    int64_t in_ms = strikes(c, FAULT_MAIL_SLOW) ? between(c, 100, 20000) : transit_ms(c);
    later(c, in_ms, (struct note){.happen = deliver, .who = i});
}

static inline size_t add_mail(struct cluster *c, struct arrival arrival)
{
    VC_GROW(c->mails, c->mails_n, c->mails_cap);
    c->mails[c->mails_n] = (struct mail){.arrival = arrival};
    c->mails[c->mails_n].arrival.mail = c->mails_n;
    return c->mails_n++;
}

/* The publisher tries until it is told that its message is stored. */
static inline void publish_again(struct cluster *c, const struct note *note)
{
    struct mail *mail = &c->mails[note->who];
    bool lost = strikes(c, FAULT_PUBLISH_LOST);
    if (!lost && !mail->stored)
        mail_is_stored(c, note->who);
    else if (!lost && strikes(c, FAULT_DEDUP_FORGOT))
        mail_is_stored(c, add_mail(c, mail->arrival));
    mail = &c->mails[note->who];
    if (lost || strikes(c, FAULT_PUBACK_LOST))
        later(c, between(c, 500, 3000), *note);
    else
        mail->done = true;
}

static inline size_t publish(struct cluster *c, const struct vc_event *event)
{
    size_t i = add_mail(c, (struct arrival){.event = *event, .mail = NOBODY, .client = NOBODY});
    later(c, transit_ms(c), (struct note){.happen = publish_again, .who = i});
    return i;
}

static inline void coordinator_acks(struct cluster *c, size_t i)
{
    promise_ack(c, &c->mails[i]);
    if (coordinator_reachable(c) && !strikes(c, FAULT_ACK_LOST))
        c->mails[i].acked = true;
}

/* The server was killed: of its acknowledgements it remembers most. */
static inline void server_forgets(struct cluster *c)
{
    for (size_t i = 0; i < c->mails_n; i++)
        if (c->mails[i].acked && one_in(c->sim, 4)) {
            c->mails[i].acked = false;
            later(c, between(c, 100, ACK_WAIT_MS), (struct note){.happen = deliver, .who = i});
        }
}

#endif
