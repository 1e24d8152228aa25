#include "coordinator/heap.h"

#include "base/mem.h"

void vc_heap_fini(struct vc_heap *heap)
{
    vc_free(heap->tasks);
    *heap = (struct vc_heap){0};
}

/* Acceptance order breaks ties, so that equal limits fire in the same order in every run. */
static bool before(const struct vc_task *a, const struct vc_task *b)
{
    int64_t x = vc_task_due(a).ms, y = vc_task_due(b).ms;
    return x != y ? x < y : a->order < b->order;
}

static void place(struct vc_heap *heap, size_t i, struct vc_task *task)
{
    heap->tasks[i] = task;
    task->timer = i;
}

static void sift_up(struct vc_heap *heap, size_t i)
{
    struct vc_task *task = heap->tasks[i];
    for (; i > 0 && before(task, heap->tasks[(i - 1) / 2]); i = (i - 1) / 2)
        place(heap, i, heap->tasks[(i - 1) / 2]);
    place(heap, i, task);
}

static void sift_down(struct vc_heap *heap, size_t i)
{
    struct vc_task *task = heap->tasks[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= heap->len)
            break;
        if (child + 1 < heap->len && before(heap->tasks[child + 1], heap->tasks[child]))
            child++;
        if (!before(heap->tasks[child], task))
            break;
        place(heap, i, heap->tasks[child]);
        i = child;
    }
    place(heap, i, task);
}

void vc_heap_remove(struct vc_heap *heap, struct vc_task *task)
{
    size_t i = task->timer;
    if (i == SIZE_MAX)
        return;
    task->timer = SIZE_MAX;
    struct vc_task *last = heap->tasks[--heap->len];
    if (last == task)
        return;
    place(heap, i, last);
    sift_up(heap, i);
    sift_down(heap, last->timer);
}

void vc_heap_set(struct vc_heap *heap, struct vc_task *task)
{
    if (vc_task_due(task).ms == INT64_MAX) {
        vc_heap_remove(heap, task);
        return;
    }
    if (task->timer == SIZE_MAX) {
        VC_GROW(heap->tasks, heap->len, heap->cap);
        place(heap, heap->len++, task);
    }
    sift_up(heap, task->timer);
    sift_down(heap, task->timer);
}

struct vc_task *vc_heap_top(const struct vc_heap *heap)
{
    return heap->len ? heap->tasks[0] : NULL;
}
