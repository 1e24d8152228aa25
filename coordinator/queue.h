/* queue.h - tasks that wait for an agent: by priority, then in the order of acceptance. Pure.
 *
 * Tasks that want the same of an agent form a class. When nobody can take the head of a class,
 * nobody can take the rest of it, so the whole class rests until the roster changes: a backlog of a
 * million tasks costs a decision no more than its number of classes. */
#ifndef VC_COORDINATOR_QUEUE_H
#define VC_COORDINATOR_QUEUE_H

#include "base/map.h"
#include "coordinator/task.h"

#define VC_PRIORITIES 10 /* 0..9, 9 first */

struct vc_queue_class {
    char *key;
    bool resting;
    uint32_t index; /* in classes */
    struct vc_task *head[VC_PRIORITIES], *tail[VC_PRIORITIES];
    size_t len;
};

struct vc_queue {
    struct vc_queue_class **classes;
    size_t classes_n, classes_cap;
    struct vc_map by_key;
    size_t len;
};

void vc_queue_fini(struct vc_queue *queue);

/* Enter @task; one that comes back takes its old place by order. O(1) for a new one. */
void vc_queue_push(struct vc_queue *queue, struct vc_task *task);
void vc_queue_remove(struct vc_queue *queue, struct vc_task *task);

/* The task to serve next among the classes that do not rest; NULL when there is none. */
struct vc_task *vc_queue_next(const struct vc_queue *queue);

/* Nobody can take tasks like @task now. */
void vc_queue_rest(struct vc_queue *queue, const struct vc_task *task);

/* The roster changed for the better: ask again for every class. */
void vc_queue_wake(struct vc_queue *queue);

#endif
