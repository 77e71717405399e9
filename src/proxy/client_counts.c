#include "proxy/client_counts.h"

#include "base/hash.h"
#include "base/must.h"

#include <pthread.h>
#include <stdlib.h>

enum { SHARDS = 64, BUCKETS = 256 };

/* There while its count is above 0. */
struct entry {
    struct entry *next;
    struct ip ip;
    uint64_t count;
};

static struct shard {
    pthread_mutex_t lock;
    struct entry *buckets[BUCKETS];
} shards[SHARDS] = {[0 ... SHARDS - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER}};

static struct entry **find(struct shard *shard, uint64_t hash, const struct ip *ip)
{
    struct entry **at = &shard->buckets[hash / SHARDS % BUCKETS];
    while (*at != NULL && !ip_eq(&(*at)->ip, ip))
        at = &(*at)->next;
    return at;
}

static uint64_t hash_of(const struct ip *ip)
{
    return hash_bytes(hash_key_process(), ip->bytes, sizeof ip->bytes);
}

bool client_counts_enter(const struct ip *ip, uint64_t most)
{
    uint64_t hash = hash_of(ip);
    struct shard *shard = &shards[hash % SHARDS];
    pthread_mutex_lock(&shard->lock);
    struct entry **at = find(shard, hash, ip);
    if (*at == NULL) {
        *at = must_calloc(1, sizeof **at);
        (*at)->ip = *ip;
    }
    bool has_room = (*at)->count < most;
    (*at)->count += has_room;
    pthread_mutex_unlock(&shard->lock);
    return has_room;
}

void client_counts_leave(const struct ip *ip)
{
    uint64_t hash = hash_of(ip);
    struct shard *shard = &shards[hash % SHARDS];
    pthread_mutex_lock(&shard->lock);
    struct entry **at = find(shard, hash, ip);
    must(*at != NULL && (*at)->count > 0);
    if (--(*at)->count == 0) {
        struct entry *gone = *at;
        *at = gone->next;
        free(gone);
    }
    pthread_mutex_unlock(&shard->lock);
}
