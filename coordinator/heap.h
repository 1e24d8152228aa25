/* heap.h - the open tasks by when they next need attention; the nearest on top. Pure.
 *
 * A binary heap whose members know their place, so that a changed limit moves in O(log n). */
#ifndef VC_COORDINATOR_HEAP_H
#define VC_COORDINATOR_HEAP_H

#include "coordinator/task.h"

struct vc_heap {
    struct vc_task **tasks;
    size_t len, cap;
};

void vc_heap_fini(struct vc_heap *heap);

/* Put @task where its vc_task_due says: enters, moves, or leaves when it is due never. */
void vc_heap_set(struct vc_heap *heap, struct vc_task *task);
void vc_heap_remove(struct vc_heap *heap, struct vc_task *task);

/* The task that is due first; NULL when none is due ever. O(1). */
struct vc_task *vc_heap_top(const struct vc_heap *heap);

#endif
