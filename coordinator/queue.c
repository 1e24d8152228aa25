#include "coordinator/queue.h"

#include "base/check.h"
#include "base/mem.h"

void vc_queue_fini(struct vc_queue *queue)
{
    for (size_t i = 0; i < queue->classes_n; i++) {
        vc_free(queue->classes[i]->key);
        vc_free(queue->classes[i]);
    }
    vc_free(queue->classes);
    vc_map_fini(&queue->by_key);
    *queue = (struct vc_queue){0};
}

static struct vc_queue_class *class_of(struct vc_queue *queue, const char *key)
{
    uint32_t i = vc_map_get(&queue->by_key, key);
    if (i != VC_MAP_NONE)
        return queue->classes[i];
    struct vc_queue_class *cls = vc_xcalloc(1, sizeof *cls);
    cls->key = vc_xstrdup(key);
    cls->index = (uint32_t)queue->classes_n;
    VC_GROW(queue->classes, queue->classes_n, queue->classes_cap);
    queue->classes[queue->classes_n++] = cls;
    vc_map_put(&queue->by_key, cls->key, cls->index);
    return cls;
}

static void drop_class(struct vc_queue *queue, struct vc_queue_class *cls)
{
    struct vc_queue_class *last = queue->classes[--queue->classes_n];
    vc_map_del(&queue->by_key, cls->key);
    if (last != cls) {
        last->index = cls->index;
        queue->classes[last->index] = last;
        vc_map_put(&queue->by_key, last->key, last->index);
    }
    vc_free(cls->key);
    vc_free(cls);
}

/* Link @task behind @after (NULL = in front of all). */
static void link_behind(struct vc_queue_class *cls, struct vc_task *task, struct vc_task *after)
{
    uint32_t p = task->priority;
    struct vc_task *next = after ? after->queue_next : cls->head[p];
    task->queue_prev = after;
    task->queue_next = next;
    *(after ? &after->queue_next : &cls->head[p]) = task;
    *(next ? &next->queue_prev : &cls->tail[p]) = task;
}

void vc_queue_push(struct vc_queue *queue, struct vc_task *task)
{
    VC_CHECK(task->priority < VC_PRIORITIES && task->cls == NULL);
    struct vc_queue_class *cls = class_of(queue, task->wants.key);
    struct vc_task *after = cls->tail[task->priority];
    /* A task that comes back is older than most, so its place is near the front. */
    if (after && after->order > task->order) {
        after = NULL;
        for (struct vc_task *t = cls->head[task->priority]; t && t->order < task->order;
             t = t->queue_next)
            after = t;
    }
    link_behind(cls, task, after);
    task->cls = cls;
    cls->len++;
    queue->len++;
}

void vc_queue_remove(struct vc_queue *queue, struct vc_task *task)
{
    struct vc_queue_class *cls = task->cls;
    VC_CHECK(cls != NULL);
    uint32_t p = task->priority;
    *(task->queue_prev ? &task->queue_prev->queue_next : &cls->head[p]) = task->queue_next;
    *(task->queue_next ? &task->queue_next->queue_prev : &cls->tail[p]) = task->queue_prev;
    task->queue_prev = task->queue_next = NULL;
    task->cls = NULL;
    queue->len--;
    if (--cls->len == 0)
        drop_class(queue, cls);
}

static struct vc_task *head_of(const struct vc_queue_class *cls)
{
    for (int p = VC_PRIORITIES - 1; p >= 0; p--)
        if (cls->head[p])
            return cls->head[p];
    return NULL;
}

struct vc_task *vc_queue_next(const struct vc_queue *queue)
{
    struct vc_task *best = NULL;
    for (size_t i = 0; i < queue->classes_n; i++) {
        if (queue->classes[i]->resting)
            continue;
        struct vc_task *task = head_of(queue->classes[i]);
        if (!best || task->priority > best->priority ||
            (task->priority == best->priority && task->order < best->order))
            best = task;
    }
    return best;
}

void vc_queue_rest(struct vc_queue *queue, const struct vc_task *task)
{
    (void)queue;
    task->cls->resting = true;
}

void vc_queue_wake(struct vc_queue *queue)
{
    for (size_t i = 0; i < queue->classes_n; i++)
        queue->classes[i]->resting = false;
}
