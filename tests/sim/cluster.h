/* cluster.h - the simulated cluster: what it is made of, its clock, its luck and its story.
 *
 * One thread, one clock, one generator: everything that happens is a note with a time, and notes
 * are read in the order of their times. A seed therefore gives one run and no other.
 *
 * The core is the real one. Around it, and only as large as a fault needs them: a coordinator's
 * shell with a store that commits (coordinator.h), a NATS server (nats.h), agents (actors.h) and
 * those who submit and command (clients.h). What must hold is looked at after every step of the
 * core, by the model of tests/core/sim.h and by what limits.h and promises.h add. */
#ifndef VC_TESTS_SIM_CLUSTER_H
#define VC_TESTS_SIM_CLUSTER_H

#include "tests/core/fleet.h"

#include <stdio.h>

#define NOBODY SIZE_MAX

enum fault {
#define SIM_FAULT(name, per_mille, text) FAULT_##name,
#include "tests/sim/faults.def"
#undef SIM_FAULT
    FAULT_COUNT
};

static const struct {
    unsigned per_mille;
    const char *text;
} faults[] = {
#define SIM_FAULT(name, per_mille, text) [FAULT_##name] = {per_mille, text},
#include "tests/sim/faults.def"
#undef SIM_FAULT
};

struct cluster;

/* What reaches the coordinator. */
struct arrival {
    enum { ARRIVES_EVENT, ARRIVES_LINK_UP, ARRIVES_LINK_DOWN } what;
    struct vc_event event; /* a token of 1: its sender waits for an answer */
    size_t mail;           /* the message of a stream that must be acknowledged; NOBODY */
    size_t client;         /* who waits for the answer; NOBODY */
};

/* Something that will happen. */
struct note {
    int64_t at_ms;
    uint64_t order;
    void (*happen)(struct cluster *, const struct note *);
    uint64_t life; /* of whoever it is about: a new life does not know it */
    size_t who;    /* an agent, a client or a message, as the reader of the note knows */
    struct paper paper;
    const struct arrival *arrival;
    enum vc_control control;
};

/* A message of a stream. */
struct mail {
    struct arrival arrival;
    bool stored, acked;
    bool done; /* its publisher knows that it is stored */
};

struct client {
    struct vc_submission submission;
    bool by_mail;
    bool accepted, refused;
    size_t mail; /* NOBODY until it was published */
};

struct actor {
    bool alive;
    uint64_t life;
    int64_t thaws_ms, cut_until_ms;
    struct pile held;
    uint32_t skill[COUNT_OF(types)]; /* successes of a thousand */
};

/* The clocks of a task as the outside can tell them, on a clock that stands while the coordinator
 * has no connection; INT64_MAX = none. */
struct limit {
    int64_t lease_up, answer_up, stop_up;
    int64_t deadline_ms; /* monotonic: it runs on without a connection */
};

/* A result that the store keeps although it did not count. */
struct late {
    const char *record;
};

struct shell {
    bool alive, linked; /* linked: as the coordinator believes */
    uint64_t life;
    struct arrival *inbox, *batch;
    size_t inbox_n, inbox_cap, batch_n, batch_cap, next;
    bool busy, woken;
    int64_t due_noted_ms;
};

struct cluster {
    struct sim *sim;
    struct world *w;
    int64_t now_ms;
    bool calm, verbose;
    struct note *notes; /* a heap */
    size_t notes_n, notes_cap;
    uint64_t next_order;
    struct shell shell;
    bool link_up;
    struct mail *mails;
    size_t mails_n, mails_cap;
    struct client *clients;
    size_t clients_n, clients_cap;
    struct actor actors[AGENTS];
    int64_t up_ms; /* passed with a connection since the coordinator started */
    struct limit *limits;
    size_t limits_cap;
    struct late *lates;
    size_t lates_n, lates_cap, lates_committed;
    struct vc_map promised; /* text that was said -> what it says */
    struct paper *sent;     /* assignments that left, by `promised` */
    size_t sent_n, sent_cap;
    uint64_t rate[FAULT_COUNT], met[FAULT_COUNT];
    uint64_t steps;
};

/* -- luck -------------------------------------------------------------------------------------- */

static inline uint64_t luck(struct cluster *c, uint64_t n)
{
    return below(c->sim, n);
}

static inline int64_t between(struct cluster *c, int64_t low, int64_t high)
{
    return low + (int64_t)luck(c, (uint64_t)(high - low + 1));
}

/* -- the story --------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static inline void tell(const struct cluster *c,
                                                              const char *fmt, ...)
{
    if (!c->verbose)
        return;
    va_list args;
    va_start(args, fmt);
    printf("%9.3f ", (double)c->now_ms / 1000);
    vprintf(fmt, args);
    putchar('\n');
    va_end(args);
}

/* What the core said since the last time, each line on its own. */
static inline void tell_effects(struct cluster *c)
{
    char *text = c->w->said.text;
    for (char *line = c->verbose ? text : NULL; line && *line;) {
        char *end = strchr(line, '\n');
        *end = '\0';
        tell(c, "    %s", line);
        line = end + 1;
    }
    vc_buf_reset(&c->w->said);
}

/* Whether @fault strikes, this time. */
static inline bool strikes(struct cluster *c, enum fault fault)
{
    if (c->calm || luck(c, 1000) >= c->rate[fault])
        return false;
    c->met[fault]++;
    tell(c, "* %s", faults[fault].text);
    return true;
}

/* -- the clock --------------------------------------------------------------------------------- */

static inline bool note_before(const struct note *a, const struct note *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static inline void note_swap(struct note *a, struct note *b)
{
    struct note t = *a;
    *a = *b;
    *b = t;
}

/* Let @note happen in @in_ms from now. */
static inline void later(struct cluster *c, int64_t in_ms, struct note note)
{
    note.at_ms = c->now_ms + in_ms;
    note.order = c->next_order++;
    VC_GROW(c->notes, c->notes_n, c->notes_cap);
    size_t i = c->notes_n++;
    c->notes[i] = note;
    for (; i > 0 && note_before(&c->notes[i], &c->notes[(i - 1) / 2]); i = (i - 1) / 2)
        note_swap(&c->notes[i], &c->notes[(i - 1) / 2]);
}

static inline struct note next_note(struct cluster *c)
{
    struct note first = c->notes[0];
    c->notes[0] = c->notes[--c->notes_n];
    for (size_t i = 0, least = 0;; i = least) {
        for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < c->notes_n; k++)
            if (note_before(&c->notes[k], &c->notes[least]))
                least = k;
        if (least == i)
            return first;
        note_swap(&c->notes[i], &c->notes[least]);
    }
}

/* Read the next note. Time goes on to it; the clock of the limits only with a connection. */
static inline void let_happen(struct cluster *c)
{
    assert_true(c->notes_n > 0);
    struct note note = next_note(c);
    int64_t ms = note.at_ms - c->now_ms;
    c->now_ms = note.at_ms;
    world_pass(c->w, ms);
    if (c->shell.alive && c->sim->broken_at_ms < 0)
        c->up_ms += ms;
    note.happen(c, &note);
}

/* -- who else is there ------------------------------------------------------------------------- */

static inline void coordinator_gets(struct cluster *c, const struct arrival *arrival);
static inline bool coordinator_reachable(const struct cluster *c);
static inline void agent_gets(struct cluster *c, const struct note *note);
static inline void agent_told(struct cluster *c, const struct note *note);
static inline void client_told(struct cluster *c, const struct note *note);

#endif
