#include "base/map.h"

#include "base/check.h"
#include "base/id.h"
#include "base/mem.h"

#include <string.h>

void vc_map_fini(struct vc_map *map)
{
    vc_free(map->slots);
    *map = (struct vc_map){0};
}

/* The slot that holds the key, or the empty one where it would go. */
static size_t probe(const struct vc_map *map, const char *key, uint64_t hash)
{
    size_t mask = map->cap - 1;
    size_t i = hash & mask;
    while (map->slots[i].key && (map->slots[i].hash != hash || strcmp(map->slots[i].key, key) != 0))
        i = (i + 1) & mask;
    return i;
}

uint32_t vc_map_get(const struct vc_map *map, const char *key)
{
    if (map->len == 0)
        return VC_MAP_NONE;
    const struct vc_map_slot *slot = &map->slots[probe(map, key, vc_hash(key, strlen(key)))];
    return slot->key ? slot->value : VC_MAP_NONE;
}

static void grow(struct vc_map *map)
{
    struct vc_map old = *map;
    map->cap = old.cap ? old.cap * 2 : 16;
    map->slots = vc_xcalloc(map->cap, sizeof *map->slots);
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].key)
            map->slots[probe(map, old.slots[i].key, old.slots[i].hash)] = old.slots[i];
    vc_free(old.slots);
}

void vc_map_put(struct vc_map *map, const char *key, uint32_t value)
{
    VC_CHECK(value != VC_MAP_NONE);
    if (map->len * 4 >= map->cap * 3)
        grow(map);
    uint64_t hash = vc_hash(key, strlen(key));
    struct vc_map_slot *slot = &map->slots[probe(map, key, hash)];
    map->len += slot->key == NULL;
    *slot = (struct vc_map_slot){.key = key, .hash = hash, .value = value};
}

bool vc_map_del(struct vc_map *map, const char *key)
{
    if (map->len == 0)
        return false;
    size_t mask = map->cap - 1;
    size_t hole = probe(map, key, vc_hash(key, strlen(key)));
    if (!map->slots[hole].key)
        return false;
    /* Move later members of the run back into the hole, so that no tombstones pile up. */
    for (size_t i = (hole + 1) & mask; map->slots[i].key; i = (i + 1) & mask) {
        size_t home = map->slots[i].hash & mask;
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        map->slots[hole] = map->slots[i];
        hole = i;
    }
    map->slots[hole] = (struct vc_map_slot){0};
    map->len--;
    return true;
}
