#include "coordinator/effect.h"

#include "base/mem.h"

#include <string.h>

#define CHUNK_BYTES 65536

struct vc_effects_chunk {
    struct vc_effects_chunk *next;
    size_t used, size;
    max_align_t bytes[];
};

const char *vc_control_name(enum vc_control control)
{
    static const char *const names[] = {[VC_CONTROL_RECORDED] = "recorded",
                                        [VC_CONTROL_STALE] = "stale",
                                        [VC_CONTROL_CANCEL] = "cancel",
                                        [VC_CONTROL_DRAIN] = "drain",
                                        [VC_CONTROL_REGISTER] = "register"};
    return names[control];
}

void vc_effects_fini(struct vc_effects *fx)
{
    while (fx->chunks) {
        struct vc_effects_chunk *next = fx->chunks->next;
        vc_free(fx->chunks);
        fx->chunks = next;
    }
    vc_free(fx->items);
    *fx = (struct vc_effects){0};
}

void vc_effects_reset(struct vc_effects *fx)
{
    while (fx->chunks && fx->chunks->next) {
        struct vc_effects_chunk *next = fx->chunks->next;
        vc_free(fx->chunks);
        fx->chunks = next;
    }
    if (fx->chunks)
        fx->chunks->used = 0;
    fx->len = 0;
}

struct vc_effect *vc_effects_add(struct vc_effects *fx, enum vc_effect_kind kind)
{
    VC_GROW(fx->items, fx->len, fx->cap);
    struct vc_effect *effect = &fx->items[fx->len++];
    memset(effect, 0, sizeof *effect);
    effect->kind = kind;
    return effect;
}

void *vc_effects_alloc(struct vc_effects *fx, size_t size)
{
    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (!fx->chunks || fx->chunks->size - fx->chunks->used < size) {
        size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;
        struct vc_effects_chunk *chunk = vc_xrealloc(NULL, 1, sizeof *chunk + room);
        *chunk = (struct vc_effects_chunk){.next = fx->chunks, .size = room};
        fx->chunks = chunk;
    }
    void *p = (char *)fx->chunks->bytes + fx->chunks->used;
    fx->chunks->used += size;
    return memset(p, 0, size);
}

const char *vc_effects_copy(struct vc_effects *fx, const char *text)
{
    if (!text)
        return NULL;
    size_t size = strlen(text) + 1;
    return memcpy(vc_effects_alloc(fx, size), text, size);
}
