#include "observe/log_ring.h"

#include "base/must.h"

#include <pthread.h>
#include <stdlib.h>

struct log_ring *log_ring_new(uint64_t file_serial, size_t size)
{
    size_t room = (sizeof(struct log_ring) + size + 63) & ~(size_t)63;
    struct log_ring *ring = aligned_alloc(64, room);
    if (ring == NULL)
        return NULL;
    memset(ring, 0, sizeof *ring);
    ring->file_serial = file_serial;
    ring->size = size;
    atomic_init(&ring->holders, 2);
    atomic_init(&ring->has_producer, true);
    return ring;
}

void log_ring_release(struct log_ring *ring)
{
    if (atomic_fetch_sub_explicit(&ring->holders, 1, memory_order_acq_rel) == 1)
        free(ring);
}

static void copy_in(struct log_ring *ring, size_t at, struct str bytes)
{
    size_t from = at & (ring->size - 1);
    size_t first = bytes.len < ring->size - from ? bytes.len : ring->size - from;
    memcpy(ring->bytes + from, bytes.at, first);
    memcpy(ring->bytes, bytes.at + first, bytes.len - first);
}

bool log_ring_put(struct log_ring *ring, struct str line, size_t *ret_used)
{
    size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    if (line.len + 1 > ring->size - (head - tail))
        return false;
    copy_in(ring, head, line);
    copy_in(ring, head + line.len, STR("\n"));
    head += line.len + 1;
    atomic_store(&ring->head, head); /* in one order with log_file's is_asleep */
    *ret_used = head - tail;
    return true;
}

unsigned log_ring_peek(const struct log_ring *ring, struct str ret_pieces[2])
{
    size_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    size_t len = head - tail, from = tail & (ring->size - 1);
    if (len == 0)
        return 0;
    size_t first = len < ring->size - from ? len : ring->size - from;
    ret_pieces[0] = str_from(ring->bytes + from, first);
    ret_pieces[1] = str_from(ring->bytes, len - first);
    return first < len ? 2 : 1;
}

void log_ring_drop(struct log_ring *ring, size_t len)
{
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    atomic_store_explicit(&ring->tail, tail + len, memory_order_release);
}

bool log_ring_is_empty(const struct log_ring *ring)
{
    return atomic_load(&ring->head) == atomic_load_explicit(&ring->tail, memory_order_relaxed);
}

/* The rings of a thread: a few, so that a search is a glance. */
struct thread_rings {
    struct log_ring **at;
    size_t count;
};

static _Thread_local struct thread_rings own;
static pthread_key_t at_end;
static pthread_once_t at_end_once = PTHREAD_ONCE_INIT;

static void let_go(struct log_ring *ring)
{
    atomic_store_explicit(&ring->has_producer, false, memory_order_release);
    log_ring_release(ring);
}

static void thread_ended(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < own.count; i++)
        let_go(own.at[i]);
    free(own.at);
    own = (struct thread_rings){0};
}

static void make_key(void)
{
    must(pthread_key_create(&at_end, thread_ended) == 0);
}

struct log_ring *log_ring_of_thread(uint64_t file_serial)
{
    for (size_t i = 0; i < own.count; i++)
        if (own.at[i]->file_serial == file_serial)
            return own.at[i];
    return NULL;
}

void log_ring_keep(struct log_ring *ring)
{
    pthread_once(&at_end_once, make_key);
    pthread_setspecific(at_end, &own);
    size_t kept = 0;
    for (size_t i = 0; i < own.count; i++) { /* those whose file is gone */
        if (atomic_load_explicit(&own.at[i]->holders, memory_order_acquire) == 1)
            let_go(own.at[i]);
        else
            own.at[kept++] = own.at[i];
    }
    own.count = kept;
    own.at = must_realloc(own.at, (own.count + 1) * sizeof(struct log_ring *));
    own.at[own.count++] = ring;
}
