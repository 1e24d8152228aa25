/* profile.h - the learning profiles of a whole fleet, kept in memory and always up to date.
 *
 * A profile is an agent's expertise in every task type it has worked in. Agents and types are
 * numbers here (the caller's roster and type table hand them out, dense from 0); a (agent, type)
 * pair is a cell. Recording an outcome costs O(1) amortised when outcomes arrive in the order they
 * finished, O(100) when one arrives out of order; reading a cell costs O(1) amortised, including
 * the outcomes that cross the 7-day edge since the last reading.
 *
 * How: every recency is boost(d) * g(now) / g(finished_at) with an exponential g, so the factor
 * that depends on now cancels in the ratio. A cell keeps its newest 100 outcomes in order and, for
 * each of the three spans of them (older than the 7-day edge; recent; not yet finished as seen from
 * the last reading, which weigh as age 0), the sums of v / g, 1 / g and v; time moves outcomes from
 * span to span. An outcome out of order, or a clock set back over an outcome, sums the cell anew.
 *
 * Equal to vc_expertise_of over all rows within 1e-9 for any history and any clock, also one that
 * runs backwards: tests/learning/test_profile.c proves it on random ones. A full cell takes about
 * 9 KB with UUIDs for task ids, an empty one a pointer.
 */
#ifndef VC_LEARNING_PROFILE_H
#define VC_LEARNING_PROFILE_H

#include "learning/expertise.h"

/* What an agent has done in all types together. */
struct vc_agent_record {
    uint64_t n;       /* counted executions */
    double value_sum; /* sum of their values; success rate = value_sum / n */
};

struct vc_profiles;

/* An empty set of profiles under @recency. Never NULL; vc_profiles_destroy() it. */
struct vc_profiles *vc_profiles_create(enum vc_recency recency);

/* NULL is fine; leaves NULL. */
void vc_profiles_destroy(struct vc_profiles **profiles);

/* Make sure that @agent has a profile, empty if new (the seed's create_learning_profile). */
void vc_profile_create(struct vc_profiles *profiles, uint32_t agent);

/* Learn from one counted execution of (@agent, @type) (the seed's update_profile_with_learning).
 * @evidence->task_id is copied. Recording the same (task_id, epoch) twice is the caller's bug. */
void vc_profile_record(struct vc_profiles *profiles, uint32_t agent, uint32_t type,
                       const struct vc_evidence *evidence);

/* Set a cell to @n executions given at once, sorted or not (the seed's add_task_type_expertise):
 * what is there is replaced,
 * in the agent's record too. @n_total is how many executions of the cell exist in all (>= @n, at
 * least the newest min(n_total, 100) of them must be given) and @value_sum their values' sum; both
 * also enter the agent's record. This is how the store loads one profile, or all of them. */
void vc_profile_load(struct vc_profiles *profiles, uint32_t agent, uint32_t type,
                     const struct vc_evidence *evidence, size_t n, uint64_t n_total,
                     double value_sum);

/* The standing of (@agent, @type) at @now; all zero when the cell is empty or unknown. */
struct vc_expertise vc_profile_expertise(struct vc_profiles *profiles, uint32_t agent,
                                         uint32_t type, struct vc_wall now);

/* How many of the cell's executions (at most VC_HISTORY_MAX are known) finished at or after
 * @since. What probation asks of a newcomer or a returner. O(result). */
uint32_t vc_profile_count_since(const struct vc_profiles *profiles, uint32_t agent, uint32_t type,
                                struct vc_wall since);

/* The agent's record over all types; zeros when unknown. */
struct vc_agent_record vc_profile_record_of(const struct vc_profiles *profiles, uint32_t agent);

/* Whether anybody has a counted execution in @type. O(1). */
bool vc_profile_type_known(const struct vc_profiles *profiles, uint32_t type);

#endif
