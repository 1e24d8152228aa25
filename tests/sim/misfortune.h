/* misfortune.h - what befalls the cluster while time passes, and its end. */
#ifndef VC_TESTS_SIM_MISFORTUNE_H
#define VC_TESTS_SIM_MISFORTUNE_H

#include "tests/sim/actors.h"
#include "tests/sim/clients.h"
#include "tests/sim/coordinator.h"

#define MISFORTUNE_EVERY_MS 500

/* -- the coordinator's connection -------------------------------------------------------------- */

static inline void link_comes_back(struct cluster *c, const struct note *note)
{
    (void)note;
    c->link_up = true;
}

static inline void coordinator_notices(struct cluster *c, const struct note *note)
{
    struct shell *shell = &c->shell;
    if (note->life != shell->life || c->link_up || !shell->linked)
        return;
    tell(c, "the coordinator notices that it has no connection");
    shell->linked = false;
    coordinator_gets(c, &(struct arrival){.what = ARRIVES_LINK_DOWN, .mail = NOBODY});
    later(c, 100, (struct note){.happen = coordinator_connects, .life = shell->life});
}

static inline void link_breaks(struct cluster *c, int64_t for_ms, int64_t noticed_in_ms)
{
    if (!c->link_up)
        return;
    c->link_up = false;
    later(c, noticed_in_ms, (struct note){.happen = coordinator_notices, .life = c->shell.life});
    later(c, for_ms, (struct note){.happen = link_comes_back});
}

/* -- clocks ------------------------------------------------------------------------------------ */

static inline void wall_jumps(struct cluster *c)
{
    static const int64_t by_ms[] = {VC_SECOND_MS, VC_MINUTE_MS, VC_HOUR_MS, VC_DAY_MS,
                                    365 * VC_DAY_MS};
    int64_t ms = by_ms[luck(c, COUNT_OF(by_ms))];
    c->w->wall.ms += one_in(c->sim, 2) ? ms : -ms;
}

/* -- commands ---------------------------------------------------------------------------------- */

static inline void commands(struct cluster *c)
{
    const char *agent_id = agent_ids[luck(c, AGENTS)];
    const char *task_id =
        c->w->tasks_n > 0 ? c->w->tasks[luck(c, c->w->tasks_n)].row.submission.task_id : "none";
    const struct vc_event orders[] = {
        {.kind = VC_EVENT_CANCEL, .cancel = {.task_id = task_id}},
        {.kind = VC_EVENT_RETRY, .retry = {.task_id = task_id}},
        {.kind = VC_EVENT_DRAIN, .drain = {.agent_id = agent_id, .off = one_in(c->sim, 2)}},
        {.kind = VC_EVENT_REMOVE, .remove = {.agent_id = agent_id}},
    };
    static const enum fault when[] = {FAULT_CANCEL, FAULT_RETRY, FAULT_DRAIN, FAULT_REMOVE};
    for (size_t i = 0; i < COUNT_OF(when); i++)
        if (strikes(c, when[i]))
            send_event(c, &orders[i], NOBODY);
}

/* -- every half second ------------------------------------------------------------------------- */

static inline void agents_suffer(struct cluster *c)
{
    uint32_t a = (uint32_t)luck(c, AGENTS);
    int64_t for_ms = between(c, 500, 45000);
    if (strikes(c, FAULT_AGENT_DIES))
        agent_dies(c, a);
    if (c->actors[a].alive && strikes(c, FAULT_AGENT_FREEZES))
        c->actors[a].thaws_ms = c->now_ms + for_ms;
    if (strikes(c, FAULT_AGENT_CUT_OFF))
        c->actors[a].cut_until_ms = c->now_ms + for_ms;
}

static inline void misfortune(struct cluster *c, const struct note *note)
{
    if (c->calm)
        return;
    agents_suffer(c);
    commands(c);
    if (strikes(c, FAULT_WALL_JUMPS))
        wall_jumps(c);
    if (strikes(c, FAULT_LINK_BREAKS))
        link_breaks(c, between(c, 50, 30000), between(c, 0, 12000));
    if (strikes(c, FAULT_SERVER_RESTARTS)) {
        link_breaks(c, between(c, 50, 3000), 0);
        server_forgets(c);
    }
    if (c->shell.alive && strikes(c, FAULT_CRASH))
        coordinator_dies(c);
    later(c, MISFORTUNE_EVERY_MS, *note);
}

/* -- the end of all misfortune ----------------------------------------------------------------- */

/* From now on nothing is lost, and every agent is there, can everything and succeeds. */
static inline void calm_down(struct cluster *c)
{
    tell(c, "from now on nothing goes wrong");
    c->calm = true;
    c->link_up = true;
    for (uint32_t a = 0; a < AGENTS; a++) {
        struct actor *actor = &c->actors[a];
        actor->thaws_ms = actor->cut_until_ms = 0;
        actor->alive = false;
        actor->life++;
        actor->held.len = 0;
        later(c, 100, (struct note){.happen = agent_starts, .who = a});
    }
}

/* An agent that was drained stays so until somebody takes the mark away. */
static inline void agents_may_work(struct cluster *c)
{
    for (uint32_t a = 0; a < AGENTS; a++) {
        const struct world_agent *member = world_agent(c->w, agent_ids[a]);
        if (!member || member->removed || strcmp(member->reg.card, best_card(a).card) != 0)
            registers(c, a);
        else if (member->draining)
            send_event(c,
                       &(struct vc_event){.kind = VC_EVENT_DRAIN,
                                          .drain = {.agent_id = agent_ids[a], .off = true}},
                       NOBODY);
    }
}

static inline bool mail_is_done(const struct cluster *c)
{
    for (size_t i = 0; i < c->mails_n; i++)
        if (!c->mails[i].acked)
            return false;
    return true;
}

static inline bool is_over(const struct cluster *c)
{
    return c->shell.alive && !c->shell.busy && c->sim->broken_at_ms < 0 && clients_are_done(c) &&
           mail_is_done(c) && vc_core_stats(c->w->core, c->w->mono).open_tasks == 0;
}

#endif
