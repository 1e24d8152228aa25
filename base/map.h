/* map.h - text to number: the index behind every "which agent, task or type is this?".
 *
 * Open addressing with linear probing; keys are borrowed, so the owner of the text must outlive
 * the entry. Ours, because the pure folders may not call malloc and uthash cannot be handed memory
 * of another owner without a global macro. Expected O(1). */
#ifndef VC_BASE_MAP_H
#define VC_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VC_MAP_NONE UINT32_MAX

struct vc_map_slot {
    const char *key; /* borrowed; NULL = empty */
    uint64_t hash;
    uint32_t value;
};

/* Zero-initialise; vc_map_fini() it. */
struct vc_map {
    struct vc_map_slot *slots;
    size_t len, cap; /* cap is 0 or a power of two */
};

void vc_map_fini(struct vc_map *map);

/* The value of @key, VC_MAP_NONE when absent. */
uint32_t vc_map_get(const struct vc_map *map, const char *key);

/* Set @key, which is borrowed from now on, to @value (not VC_MAP_NONE). */
void vc_map_put(struct vc_map *map, const char *key, uint32_t value);

/* Forget @key. False when it was not there. */
bool vc_map_del(struct vc_map *map, const char *key);

#endif
