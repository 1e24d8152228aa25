#include "learning/profile.h"

#include "base/check.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

#define RING_CAP_FIRST 4
#define EDGE_MS        (VC_RECENT_DAYS * VC_DAY_MS)

/* How far from its reference the heaviest weight may lie, as an exponent of e: well inside what a
 * double holds (709), and years away even for the fastest decay. */
#define EXPONENT_MAX 500.0

/* Outcomes that may leave a sum before it is made anew. Each leaves at most 1e-14 of rounding
 * behind, relative to what stays. */
#define REMOVALS_MAX 1024

/* The newest outcomes of a cell in order, split into three spans: [old | recent | ahead]. */
enum span { SPAN_OLD, SPAN_RECENT, SPAN_AHEAD, SPAN_COUNT };

struct sums {
    uint32_t n;
    double weight;   /* of e^(rate * (finished_at - reference)); not kept for SPAN_AHEAD */
    double weighted; /* of the same times the value */
    double plain;    /* of the values */
};

struct cell {
    struct vc_evidence *ring; /* from `head`, `len` of them, each with a task_id of its own */
    uint32_t head, len, cap;  /* cap is 0 or a power of two */
    uint32_t removals;
    bool unsummed; /* the sums say nothing: the next reading makes them */
    struct sums sums[SPAN_COUNT];
    struct vc_wall reference; /* where the exponential is 1 */
    uint64_t n;               /* counted executions, all of them */
    double value_sum;
};

struct type_row {
    struct cell **cells; /* by agent; NULL = nothing yet */
    size_t cap;
    uint64_t n;
};

struct vc_profiles {
    double rate_per_ms;
    struct type_row *types;
    size_t type_cap;
    struct vc_agent_record *agents;
    size_t agent_cap;
};

struct vc_profiles *vc_profiles_create(enum vc_recency recency)
{
    struct vc_profiles *profiles = vc_xcalloc(1, sizeof *profiles);
    profiles->rate_per_ms = vc_recency_rate(recency) / (double)VC_DAY_MS;
    return profiles;
}

static struct vc_evidence *at(const struct cell *cell, uint32_t i)
{
    return &cell->ring[(cell->head + i) & (cell->cap - 1)];
}

/* Evidence borrows its text, but the ring's own points at a copy. */
static void forget_task_id(struct vc_evidence *e)
{
    vc_cleanup_free(&e->task_id);
}

static void destroy_cell(struct cell *cell)
{
    if (!cell)
        return;
    for (uint32_t i = 0; i < cell->len; i++)
        forget_task_id(at(cell, i));
    vc_free(cell->ring);
    vc_free(cell);
}

void vc_profiles_destroy(struct vc_profiles **profiles)
{
    struct vc_profiles *p = *profiles;
    if (!p)
        return;
    for (size_t t = 0; t < p->type_cap; t++) {
        for (size_t a = 0; a < p->types[t].cap; a++)
            destroy_cell(p->types[t].cells[a]);
        vc_free(p->types[t].cells);
    }
    vc_free(p->types);
    vc_free(p->agents);
    vc_free(p);
    *profiles = NULL;
}

/* @array with room for @index, new elements zeroed. */
static void *with_room(void *array, size_t *cap, size_t index, size_t size)
{
    if (index < *cap)
        return array;
    size_t grown = *cap ? *cap : 8;
    while (grown <= index)
        grown *= 2;
    array = vc_xrealloc(array, grown, size);
    memset((char *)array + *cap * size, 0, (grown - *cap) * size);
    *cap = grown;
    return array;
}

void vc_profile_create(struct vc_profiles *profiles, uint32_t agent)
{
    profiles->agents =
        with_room(profiles->agents, &profiles->agent_cap, agent, sizeof *profiles->agents);
}

static struct cell *find_cell(const struct vc_profiles *profiles, uint32_t agent, uint32_t type)
{
    if (type >= profiles->type_cap || agent >= profiles->types[type].cap)
        return NULL;
    return profiles->types[type].cells[agent];
}

static struct cell *need_cell(struct vc_profiles *profiles, uint32_t agent, uint32_t type)
{
    vc_profile_create(profiles, agent);
    profiles->types =
        with_room(profiles->types, &profiles->type_cap, type, sizeof *profiles->types);
    struct type_row *row = &profiles->types[type];
    row->cells = with_room(row->cells, &row->cap, agent, sizeof(struct cell *));
    if (!row->cells[agent]) {
        row->cells[agent] = vc_xcalloc(1, sizeof(struct cell));
        row->cells[agent]->unsummed = true;
    }
    return row->cells[agent];
}

static double weight_of(const struct cell *cell, struct vc_wall finished_at, double rate_per_ms)
{
    return exp(rate_per_ms * (double)(finished_at.ms - cell->reference.ms));
}

static void sums_add(struct sums *s, double weight, double value)
{
    s->n++;
    s->weight += weight;
    s->weighted += weight * value;
    s->plain += value;
}

static void sums_remove(struct sums *s, double weight, double value)
{
    if (--s->n == 0) {
        *s = (struct sums){0}; /* exactly: what rounding left must not outlive its outcomes */
        return;
    }
    s->weight -= weight;
    s->weighted -= weight * value;
    s->plain -= value;
}

/* The first outcome of @from becomes the last of the span before it. */
static void cross_edge(struct cell *cell, enum span from, double rate_per_ms)
{
    uint32_t i = cell->sums[SPAN_OLD].n + (from == SPAN_AHEAD ? cell->sums[SPAN_RECENT].n : 0);
    const struct vc_evidence *e = at(cell, i);
    double weight = weight_of(cell, e->finished_at, rate_per_ms);
    sums_remove(&cell->sums[from], from == SPAN_AHEAD ? 0 : weight, e->value);
    sums_add(&cell->sums[from - 1], weight, e->value);
    cell->removals++;
}

static void drop_oldest(struct cell *cell, double rate_per_ms)
{
    struct vc_evidence *e = at(cell, 0);
    if (!cell->unsummed) {
        enum span span = SPAN_OLD;
        while (cell->sums[span].n == 0)
            span++;
        double weight = span == SPAN_AHEAD ? 0 : weight_of(cell, e->finished_at, rate_per_ms);
        sums_remove(&cell->sums[span], weight, e->value);
        cell->removals++;
    }
    forget_task_id(e);
    cell->head = (cell->head + 1) & (cell->cap - 1);
    cell->len--;
}

static void grow_ring(struct cell *cell)
{
    if (cell->len < cell->cap)
        return;
    uint32_t cap = cell->cap ? cell->cap * 2 : RING_CAP_FIRST;
    struct vc_evidence *ring = vc_xcalloc(cap, sizeof *ring);
    for (uint32_t i = 0; i < cell->len; i++)
        ring[i] = *at(cell, i);
    vc_free(cell->ring);
    cell->ring = ring;
    cell->head = 0;
    cell->cap = cap;
}

/* Put @evidence into the ring unless a full ring has only newer ones. */
static void ring_insert(struct cell *cell, const struct vc_evidence *evidence, double rate_per_ms)
{
    if (cell->len == VC_HISTORY_MAX) {
        if (vc_evidence_before(evidence, at(cell, 0)))
            return;
        drop_oldest(cell, rate_per_ms);
    }
    grow_ring(cell);
    uint32_t i = cell->len++;
    for (; i > 0 && vc_evidence_before(evidence, at(cell, i - 1)); i--)
        *at(cell, i) = *at(cell, i - 1);
    *at(cell, i) = *evidence;
    at(cell, i)->task_id = vc_xstrdup(evidence->task_id);
    /* The last in order waits in the span ahead, for which no clock is needed; the next reading
     * moves it on. */
    if (i + 1 == cell->len)
        sums_add(&cell->sums[SPAN_AHEAD], 0, evidence->value);
    else
        cell->unsummed = true;
}

void vc_profile_record(struct vc_profiles *profiles, uint32_t agent, uint32_t type,
                       const struct vc_evidence *evidence)
{
    struct cell *cell = need_cell(profiles, agent, type);
    ring_insert(cell, evidence, profiles->rate_per_ms);
    cell->n++;
    cell->value_sum += evidence->value;
    profiles->types[type].n++;
    profiles->agents[agent].n++;
    profiles->agents[agent].value_sum += evidence->value;
}

void vc_profile_load(struct vc_profiles *profiles, uint32_t agent, uint32_t type,
                     const struct vc_evidence *evidence, size_t n, uint64_t n_total,
                     double value_sum)
{
    VC_CHECK(n_total >= n);
    struct cell *cell = need_cell(profiles, agent, type);
    profiles->types[type].n += n_total - cell->n;
    struct vc_agent_record *record = &profiles->agents[agent];
    record->n += n_total - cell->n;
    record->value_sum += value_sum - cell->value_sum;
    destroy_cell(cell);
    cell = vc_xcalloc(1, sizeof *cell);
    cell->unsummed = true;
    profiles->types[type].cells[agent] = cell;
    for (size_t i = 0; i < n; i++)
        ring_insert(cell, &evidence[i], profiles->rate_per_ms);
    cell->n = n_total;
    cell->value_sum = value_sum;
}

/* Start the sums over as seen at @now: everything lies ahead until the edges have passed it. */
static void sum_anew(struct cell *cell, struct vc_wall now)
{
    memset(cell->sums, 0, sizeof cell->sums);
    for (uint32_t i = 0; i < cell->len; i++)
        sums_add(&cell->sums[SPAN_AHEAD], 0, at(cell, i)->value);
    struct vc_wall newest = at(cell, cell->len - 1)->finished_at;
    cell->reference = newest.ms < now.ms ? newest : now;
    cell->removals = 0;
    cell->unsummed = false;
}

/* Whether @now lies so far before the last reading that an outcome is in a later span again. */
static bool clock_went_back(const struct cell *cell, struct vc_wall now)
{
    uint32_t old = cell->sums[SPAN_OLD].n, behind = old + cell->sums[SPAN_RECENT].n;
    if (behind > 0 && at(cell, behind - 1)->finished_at.ms > now.ms)
        return true;
    return old > 0 && now.ms - at(cell, old - 1)->finished_at.ms <= EDGE_MS;
}

static bool must_sum_anew(const struct cell *cell, struct vc_wall now, double rate_per_ms)
{
    if (cell->unsummed || cell->removals > REMOVALS_MAX || clock_went_back(cell, now))
        return true;
    int64_t newest_ms = at(cell, cell->len - 1)->finished_at.ms;
    int64_t heaviest_ms = newest_ms < now.ms ? newest_ms : now.ms;
    return fabs(rate_per_ms * (double)(heaviest_ms - cell->reference.ms)) > EXPONENT_MAX;
}

/* Move the edges to where @now puts them. */
static void advance(struct cell *cell, struct vc_wall now, double rate_per_ms)
{
    if (must_sum_anew(cell, now, rate_per_ms))
        sum_anew(cell, now);
    uint32_t behind = cell->sums[SPAN_OLD].n + cell->sums[SPAN_RECENT].n;
    for (; behind < cell->len && at(cell, behind)->finished_at.ms <= now.ms; behind++)
        cross_edge(cell, SPAN_AHEAD, rate_per_ms);
    while (cell->sums[SPAN_RECENT].n > 0 &&
           now.ms - at(cell, cell->sums[SPAN_OLD].n)->finished_at.ms > EDGE_MS)
        cross_edge(cell, SPAN_RECENT, rate_per_ms);
}

struct vc_expertise vc_profile_expertise(struct vc_profiles *profiles, uint32_t agent,
                                         uint32_t type, struct vc_wall now)
{
    struct vc_expertise x = {0};
    struct cell *cell = find_cell(profiles, agent, type);
    if (!cell || cell->n == 0)
        return x;
    x.n = cell->n;
    x.confidence = vc_confidence_of(cell->n);
    if (cell->len == 0)
        return x;
    advance(cell, now, profiles->rate_per_ms);
    const struct sums *old = &cell->sums[SPAN_OLD], *recent = &cell->sums[SPAN_RECENT],
                      *ahead = &cell->sums[SPAN_AHEAD];
    double age_zero = ahead->n ? weight_of(cell, now, profiles->rate_per_ms) : 0;
    double weight = old->weight + VC_RECENT_BOOST * (recent->weight + age_zero * ahead->n);
    double weighted =
        old->weighted + VC_RECENT_BOOST * (recent->weighted + age_zero * ahead->plain);
    x.expertise = weighted / weight;
    x.success_rate = (old->plain + recent->plain + ahead->plain) / cell->len;
    x.recent_n = recent->n + ahead->n;
    x.recent_success_rate = x.recent_n ? (recent->plain + ahead->plain) / x.recent_n : 0;
    x.newest_at = at(cell, cell->len - 1)->finished_at;
    return x;
}

uint32_t vc_profile_count_since(const struct vc_profiles *profiles, uint32_t agent, uint32_t type,
                                struct vc_wall since)
{
    const struct cell *cell = find_cell(profiles, agent, type);
    uint32_t count = 0;
    while (cell && count < cell->len && at(cell, cell->len - 1 - count)->finished_at.ms >= since.ms)
        count++;
    return count;
}

struct vc_agent_record vc_profile_record_of(const struct vc_profiles *profiles, uint32_t agent)
{
    return agent < profiles->agent_cap ? profiles->agents[agent] : (struct vc_agent_record){0};
}

bool vc_profile_type_known(const struct vc_profiles *profiles, uint32_t type)
{
    return type < profiles->type_cap && profiles->types[type].n > 0;
}
