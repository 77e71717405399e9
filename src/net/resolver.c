#include "net/resolver.h"

#include "base/hostname.h"
#include "base/map.h"
#include "base/must.h"
#include "base/object.h"
#include "loop/loop.h"
#include "loop/timer.h"
#include "net/hosts_file.h"
#include "net/resolv_conf.h"
#include "net/resolver_channel.h"
#include "net/resolver_files.h"

#include <stdlib.h>

enum {
    DEFAULT_TIMEOUT = 3 * MSEC_SECOND,
    FAILURE_TTL = MSEC_SECOND,
    NEGATIVE_TTL_MAX = MSEC_MINUTE,
    LOCAL_TTL = MSEC_SECOND, /* of what the hosts file says */
    AAAA_DELAY = 50,         /* an AAAA that is not there so long after the A is not waited for */
    ASKED_MAX = 4096,        /* names at a time, so that nobody makes us hold more by giving up early */
    EVICT_MAX = 64,          /* names looked at to make room for one */
};

enum family { V4, V6, FAMILIES };

/* Addresses that a cached name and the look-ups that got them share. */
struct set {
    unsigned refs;
    size_t count;
    struct ip at[];
};

/* A name in the cache: being asked for (pending > 0), or answered. */
struct name {
    struct list recent;  /* in the resolver's list */
    struct list lookups; /* those that wait for it */
    struct resolver *resolver;
    struct question questions[FAMILIES];
    struct set *parts[FAMILIES];
    struct set *all; /* of what is there so far, in the order to be tried; NULL: nothing */
    unsigned pending;
    enum lookup_result result;
    msec ttl;                /* the least so far */
    struct mono answered_at; /* when the first addresses came */
    struct mono until;
    size_t len;
    char text[];
};

struct resolver {
    struct resolver_conf conf;
    struct resolver_channel *channel;
    struct map names;
    struct list recent; /* names, the one used last first */
    size_t asked;       /* names that are being asked for */
    size_t lookups;
    struct resolver_files files;
    struct list waiting; /* look-ups, for the first look at the files */
    struct hosts_file *hosts;
    bool is_ending;
};

struct lookup {
    struct list link;
    struct resolver *resolver;
    bool has_begun;    /* the files are known, and it was looked for in the cache */
    struct name *name; /* asked for; NULL once the result is here */
    struct set *set;
    enum lookup_result result;
    msec ttl;
    struct mono began;
    struct task *who;
    struct timer timer;
    size_t len;
    char host[];
};

/* Sets */

static struct set *set_new(const struct ip *at, size_t count)
{
    struct set *set = must_alloc(sizeof *set + count * sizeof *at);
    set->refs = 1;
    set->count = count;
    /* cppcheck-suppress uninitvar ; it does not see that `count` are set */
    memcpy(set->at, at, count * sizeof *at);
    return set;
}

static void set_unref(struct set *set)
{
    if (set != NULL && --set->refs == 0)
        free(set);
}

static size_t set_count(const struct set *set)
{
    return set == NULL ? 0 : set->count;
}

/* Families alternate (RFC 8305 section 4), the preferred one first, else IPv6; within one the order stays as it
   came. */
static struct set *alternate(const struct set *v4, const struct set *v6, enum resolver_prefer prefer)
{
    size_t count4 = set_count(v4), count6 = set_count(v6), count = 0;
    if (count4 + count6 == 0)
        return NULL;
    const struct set *first = prefer == PREFER_IPV4 ? v4 : v6, *second = prefer == PREFER_IPV4 ? v6 : v4;
    struct ip all[HOST_ADDRESSES_MAX + 2 * DNS_ADDRESSES_MAX];
    must(count4 + count6 <= lengthof(all));
    for (size_t i = 0; i < count4 || i < count6; i++) {
        if (i < set_count(first))
            all[count++] = first->at[i];
        if (i < set_count(second))
            all[count++] = second->at[i];
    }
    return set_new(all, count);
}

/* The same of a list in which they are mixed. */
static struct set *alternate_mixed(const struct ip *at, size_t count, enum resolver_prefer prefer)
{
    struct ip sorted[FAMILIES][HOST_ADDRESSES_MAX];
    size_t counts[FAMILIES] = {0};
    for (size_t i = 0; i < count; i++) {
        enum family family = at[i].version == 4 ? V4 : V6;
        sorted[family][counts[family]++] = at[i];
    }
    struct set *v4 = set_new(sorted[V4], counts[V4]), *v6 = set_new(sorted[V6], counts[V6]);
    struct set *all = alternate(v4, v6, prefer);
    set_unref(v4);
    set_unref(v6);
    return all;
}

/* The names that are asked for */

static void name_free(struct name *name)
{
    must(name->pending == 0 && list_is_empty(&name->lookups));
    map_remove(&name->resolver->names, str_from(name->text, name->len));
    list_remove(&name->recent);
    for (size_t i = 0; i < FAMILIES; i++)
        set_unref(name->parts[i]);
    set_unref(name->all);
    free(name);
}

static msec clamp(msec value, msec least, msec most)
{
    return value < least ? least : value > most ? most : value;
}

/* Both answers are there. */
static void settle(struct name *name)
{
    const struct resolver_conf *conf = &name->resolver->conf;
    name->resolver->asked--;
    if (name->all != NULL)
        name->result = LOOKUP_OK;
    if (name->result == LOOKUP_OK)
        name->ttl = clamp(name->ttl, conf->min_ttl, conf->max_ttl);
    else if (name->result == LOOKUP_NO_NAME)
        name->ttl = clamp(name->ttl, 0, NEGATIVE_TTL_MAX);
    else
        name->ttl = FAILURE_TTL;
    name->until = mono_after(clock_mono(), conf->cache_size > 0 ? name->ttl : 0);
    for (size_t i = 0; i < FAMILIES; i++) {
        set_unref(name->parts[i]);
        name->parts[i] = NULL;
    }
}

static void take_addresses(struct name *name, enum family family, const struct dns_answer *answer)
{
    if (name->all == NULL) {
        name->answered_at = clock_mono();
        name->ttl = INT64_MAX;
    }
    name->parts[family] = set_new(answer->at, answer->count);
    set_unref(name->all);
    name->all = alternate(name->parts[V4], name->parts[V6], name->resolver->conf.prefer);
    if ((msec)answer->ttl * 1000 < name->ttl)
        name->ttl = (msec)answer->ttl * 1000;
}

/* Without addresses a failure of one family outweighs the other's "no": nobody knows whether the name has some. */
static void take_refusal(struct name *name, enum question_result result, const struct dns_answer *answer)
{
    if (name->all != NULL)
        return;
    if (result == QUESTION_TIMEOUT)
        name->result = LOOKUP_TIMEOUT;
    else if (result != QUESTION_NO && name->result == LOOKUP_NO_NAME)
        name->result = LOOKUP_FAILED;
    msec ttl = answer != NULL && answer->has_ttl ? (msec)answer->ttl * 1000 : FAILURE_TTL;
    if (ttl < name->ttl)
        name->ttl = ttl;
}

static void take_answer(struct name *name, enum family family, enum question_result result,
                        const struct dns_answer *answer)
{
    if (result == QUESTION_YES)
        take_addresses(name, family, answer);
    else
        take_refusal(name, result, answer);
    if (--name->pending == 0)
        settle(name);
    list_each(link, &name->lookups)
        task_wake(container_of(link, struct lookup, link)->who);
    if (name->pending == 0 && name->resolver->is_ending)
        name_free(name);
}

static void on_answer4(struct question *question, enum question_result result, const struct dns_answer *answer)
{
    take_answer(container_of(question, struct name, questions[V4]), V4, result, answer);
}

static void on_answer6(struct question *question, enum question_result result, const struct dns_answer *answer)
{
    take_answer(container_of(question, struct name, questions[V6]), V6, result, answer);
}

static void ask(struct name *name)
{
    struct resolver *resolver = name->resolver;
    set_unref(name->all);
    name->all = NULL;
    name->result = LOOKUP_NO_NAME;
    name->ttl = INT64_MAX;
    name->pending = FAMILIES;
    name->questions[V4] = (struct question){.name = name->text, .type = DNS_TYPE_A, .answered = on_answer4};
    name->questions[V6] = (struct question){.name = name->text, .type = DNS_TYPE_AAAA, .answered = on_answer6};
    resolver->asked++;
    resolver_channel_ask(resolver->channel, &name->questions[V4]);
    resolver_channel_ask(resolver->channel, &name->questions[V6]);
}

/* The cache */

static struct name *name_new(struct resolver *resolver, struct str text)
{
    struct name *name = must_calloc(1, sizeof *name + text.len + 1);
    name->resolver = resolver;
    name->len = text.len;
    memcpy(name->text, text.at, text.len);
    list_init(&name->lookups);
    list_push_front(&resolver->recent, &name->recent);
    map_put(&resolver->names, str_from(name->text, name->len), name);
    return name;
}

static bool is_in_use(const struct name *name)
{
    return name->pending > 0 || !list_is_empty(&name->lookups);
}

/* Makes room for one more; those used longest ago go first. The few that are in use are passed over. */
static void evict(struct resolver *resolver)
{
    struct list *link = resolver->recent.prev;
    for (unsigned i = 0; i < EVICT_MAX && link != &resolver->recent; i++) {
        struct name *name = container_of(link, struct name, recent);
        link = link->prev;
        if (resolver->names.count < resolver->conf.cache_size)
            return;
        if (!is_in_use(name))
            name_free(name);
    }
}

/* The name, answered or being asked for; NULL when too many are. An answer that some have yet to fetch is as new as can
   be, whatever its TTL; asking anew would take it from them. */
static struct name *name_of(struct resolver *resolver, struct str host)
{
    struct name *name = map_get(&resolver->names, host);
    if (name != NULL && (is_in_use(name) || clock_mono().us < name->until.us)) {
        list_remove(&name->recent);
        list_push_front(&resolver->recent, &name->recent);
        return name;
    }
    if (resolver->asked >= ASKED_MAX)
        return NULL;
    if (name == NULL) {
        evict(resolver);
        name = name_new(resolver, host);
    }
    ask(name);
    return name;
}

/* What is being asked for is not touched; what somebody has yet to fetch is not believed any longer. */
static void forget_all(struct resolver *resolver)
{
    list_each_safe(link, &resolver->recent) {
        struct name *name = container_of(link, struct name, recent);
        if (is_in_use(name))
            name->until.us = 0;
        else
            name_free(name);
    }
}

/* Files and configuration */

static void take_hosts(struct resolver *resolver, struct str text)
{
    hosts_file_free(resolver->hosts);
    resolver->hosts = hosts_file_new(text);
}

static void take_servers(struct resolver *resolver, struct str text)
{
    struct addr servers[NAME_SERVERS_MAX];
    size_t count = resolv_conf_read(text, servers);
    resolver_channel_set_servers(resolver->channel, servers, count);
    forget_all(resolver);
}

static void looked_at_files(struct resolver_files *files, const struct str texts[RESOLVER_FILES])
{
    struct resolver *resolver = container_of(files, struct resolver, files);
    if (texts[RESOLVER_HOSTS].at != NULL)
        take_hosts(resolver, texts[RESOLVER_HOSTS]);
    if (texts[RESOLVER_SERVERS].at != NULL)
        take_servers(resolver, texts[RESOLVER_SERVERS]);
    list_each(link, &resolver->waiting)
        task_wake(container_of(link, struct lookup, link)->who);
}

static void set_files(struct resolver *resolver)
{
    const struct resolver_conf *conf = &resolver->conf;
    const char *const paths[RESOLVER_FILES] = {
        [RESOLVER_HOSTS] = conf->hosts != NULL ? conf->hosts : "/etc/hosts",
        [RESOLVER_SERVERS] = conf->nameserver_count > 0  ? NULL
                             : conf->resolv_conf != NULL ? conf->resolv_conf
                                                         : "/etc/resolv.conf",
    };
    if (!resolver_files_set(&resolver->files, paths))
        return;
    hosts_file_free(resolver->hosts);
    resolver->hosts = NULL;
}

static char *copy_of(const char *text)
{
    return text == NULL ? NULL : must_strdup(text);
}

/* One server is given up in time for two more to be asked. */
static msec attempt_of(const struct resolver_conf *conf)
{
    msec timeout = conf->timeout > 0 ? conf->timeout : DEFAULT_TIMEOUT;
    return clamp(timeout / 3, 100, 10 * MSEC_SECOND);
}

static void copy_conf(struct resolver *resolver, const struct resolver_conf *conf)
{
    resolver->conf = *conf;
    if (conf->timeout <= 0)
        resolver->conf.timeout = DEFAULT_TIMEOUT;
    if (conf->max_ttl < conf->min_ttl)
        resolver->conf.max_ttl = conf->min_ttl;
    size_t size = conf->nameserver_count * sizeof *conf->nameservers;
    resolver->conf.nameservers = must_alloc(size);
    if (size > 0)
        memcpy(resolver->conf.nameservers, conf->nameservers, size);
    resolver->conf.hosts = copy_of(conf->hosts);
    resolver->conf.resolv_conf = copy_of(conf->resolv_conf);
    resolver_channel_set_attempt(resolver->channel, attempt_of(conf));
    if (conf->nameserver_count > 0)
        resolver_channel_set_servers(resolver->channel, conf->nameservers, conf->nameserver_count);
}

static void free_conf(struct resolver_conf *conf)
{
    free(conf->nameservers);
    free((char *)(uintptr_t)conf->hosts);
    free((char *)(uintptr_t)conf->resolv_conf);
}

static bool has_same_servers(const struct resolver_conf *a, const struct resolver_conf *b)
{
    if (a->nameserver_count != b->nameserver_count)
        return false;
    for (size_t i = 0; i < a->nameserver_count; i++)
        if (!addr_eq(&a->nameservers[i], &b->nameservers[i]))
            return false;
    return true;
}

static bool is_same_path(const char *a, const char *b)
{
    return str_eq(str_of(a), str_of(b));
}

void resolver_set_conf(struct resolver *resolver, const struct resolver_conf *conf)
{
    struct resolver_conf old = resolver->conf;
    bool is_same = has_same_servers(&old, conf) && is_same_path(old.hosts, conf->hosts) &&
                   is_same_path(old.resolv_conf, conf->resolv_conf) && old.prefer == conf->prefer;
    copy_conf(resolver, conf);
    free_conf(&old);
    if (!is_same)
        forget_all(resolver);
    set_files(resolver);
}

struct resolver *resolver_new(const struct resolver_conf *conf, struct opener *opener)
{
    struct resolver *resolver = must_calloc(1, sizeof *resolver);
    map_init(&resolver->names);
    list_init(&resolver->recent);
    list_init(&resolver->waiting);
    resolver_files_init(&resolver->files, opener, looked_at_files);
    resolver->channel = resolver_channel_new(attempt_of(conf));
    copy_conf(resolver, conf);
    set_files(resolver);
    return resolver;
}

void resolver_free(struct resolver *resolver)
{
    if (resolver == NULL)
        return;
    must(resolver->lookups == 0);
    forget_all(resolver);
    resolver->is_ending = true; /* what is still being asked for is freed with its last answer */
    resolver_channel_free(resolver->channel);
    must(list_is_empty(&resolver->recent));
    map_fini(&resolver->names);
    resolver_files_fini(&resolver->files);
    hosts_file_free(resolver->hosts);
    free_conf(&resolver->conf);
    free(resolver);
}

/* Look-ups */

static bool is_or_is_below(struct str host, struct str domain)
{
    return str_eq(host, domain) || hostname_is_below(host, domain);
}

/* Loopback first of IPv4 unless told otherwise: more that listens there does so on 127.0.0.1 alone than on ::1
   alone. */
static struct set *loopback(enum resolver_prefer prefer)
{
    struct ip both[] = {{.version = 4, .bytes = {127, 0, 0, 1}}, {.version = 6, .bytes = {[15] = 1}}};
    return alternate_mixed(both, lengthof(both), prefer == PREFER_ANY ? PREFER_IPV4 : prefer);
}

/* What is known without asking. */
static bool find_locally(struct lookup *lookup, struct str host)
{
    struct resolver *resolver = lookup->resolver;
    lookup->result = LOOKUP_OK;
    lookup->ttl = LOCAL_TTL;
    if (is_or_is_below(host, STR("localhost"))) {
        lookup->set = loopback(resolver->conf.prefer);
        return true;
    }
    struct ip found[HOST_ADDRESSES_MAX];
    size_t count = resolver->hosts == NULL ? 0 : hosts_file_find(resolver->hosts, host, found);
    if (count > 0) {
        lookup->set = alternate_mixed(found, count, resolver->conf.prefer);
        return true;
    }
    lookup->result = LOOKUP_NO_NAME;
    return is_or_is_below(host, STR("onion")) || is_or_is_below(host, STR("invalid"));
}

/* Looks for it in what is known, and asks for it else. */
static void begin(struct lookup *lookup)
{
    struct str host = str_from(lookup->host, lookup->len);
    lookup->has_begun = true;
    list_remove(&lookup->link);
    timer_clear(&lookup->timer);
    if (find_locally(lookup, host))
        return;
    lookup->name = name_of(lookup->resolver, host);
    if (lookup->name == NULL)
        lookup->result = LOOKUP_FAILED;
    else
        list_push_back(&lookup->name->lookups, &lookup->link);
}

struct lookup *lookup_new(struct resolver *resolver, struct str host)
{
    struct ip literal;
    must(host.len > 0 && host.len <= HOSTNAME_MAX && !ip_parse(host, &literal));
    resolver_files_look(&resolver->files);
    struct lookup *lookup = must_calloc(1, sizeof *lookup + host.len);
    object_count_up(OBJECT_RESOLVE);
    resolver->lookups++;
    lookup->resolver = resolver;
    lookup->began = clock_mono();
    lookup->len = host.len;
    memcpy(lookup->host, host.at, host.len);
    timer_init(&lookup->timer, NULL);
    list_init(&lookup->link);
    if (resolver->files.are_known)
        begin(lookup);
    else
        list_push_back(&resolver->waiting, &lookup->link);
    return lookup;
}

static void take_result(struct lookup *lookup, enum lookup_result result)
{
    struct name *name = lookup->name;
    lookup->result = result;
    if (result == LOOKUP_OK) {
        lookup->set = name->all;
        lookup->set->refs++;
        msec left = name->pending > 0 ? 0 : mono_since(clock_mono(), name->until);
        lookup->ttl = left > 0 ? left : 0;
    }
    list_remove(&lookup->link);
    lookup->name = NULL;
    timer_clear(&lookup->timer);
}

/* How long the look-up may go on waiting; 0: no longer. An A is waited for longer than an AAAA, so that one lost packet
   can be sent again: IPv6 that does not work is common, a name that has no IPv4 is not. */
static msec patience(const struct lookup *lookup)
{
    const struct name *name = lookup->name;
    msec timeout = lookup->resolver->conf.timeout;
    struct mono now = clock_mono(), until = mono_after(lookup->began, timeout);
    if (name != NULL && name->all != NULL) {
        struct mono sooner = mono_after(name->answered_at, name->parts[V4] != NULL ? AAAA_DELAY : timeout / 2);
        if (sooner.us < until.us)
            until = sooner;
    }
    return until.us <= now.us ? 0 : mono_since(now, until) + 1;
}

static enum flow wait_for(struct lookup *lookup, msec span, struct task *who)
{
    lookup->who = lookup->timer.task = who;
    timer_set(&lookup->timer, span);
    return FLOW_WAIT;
}

/* How long it has to wait for the files or for an answer; 0: not at all. */
static msec time_to_wait(struct lookup *lookup)
{
    if (!lookup->has_begun && lookup->resolver->files.are_known)
        begin(lookup);
    bool has_all = lookup->has_begun && (lookup->name == NULL || lookup->name->pending == 0);
    return has_all ? 0 : patience(lookup);
}

enum flow lookup_poll(struct lookup *lookup, enum lookup_result *ret_result, struct addresses *ret_addresses,
                      struct task *who)
{
    msec more = time_to_wait(lookup);
    if (more > 0)
        return wait_for(lookup, more, who);
    const struct name *name = lookup->name;
    if (!lookup->has_begun)
        lookup->result = LOOKUP_TIMEOUT;
    else if (name != NULL && name->pending == 0)
        take_result(lookup, name->result);
    else if (name != NULL)
        take_result(lookup, name->all != NULL ? LOOKUP_OK : LOOKUP_TIMEOUT);
    *ret_result = lookup->result;
    if (lookup->set != NULL)
        *ret_addresses = (struct addresses){.at = lookup->set->at, .count = lookup->set->count, .ttl = lookup->ttl};
    return FLOW_END;
}

void lookup_free(struct lookup *lookup)
{
    if (lookup == NULL)
        return;
    lookup->resolver->lookups--;
    timer_fini(&lookup->timer);
    list_remove(&lookup->link);
    set_unref(lookup->set);
    object_count_down(OBJECT_RESOLVE);
    free(lookup);
}
