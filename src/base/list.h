/*
 * An intrusive doubly linked ring. The head is a struct list that is in no object; an object embeds one for each list
 * it can be in. A link that is in no list points at itself, so that taking it out twice is harmless.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *prev;
};

static inline void list_init(struct list *list)
{
    list->next = list->prev = list;
}

static inline bool list_is_empty(const struct list *list)
{
    return list->next == list;
}

static inline void list_insert_after(struct list *where, struct list *link)
{
    link->next = where->next;
    link->prev = where;
    where->next->prev = link;
    where->next = link;
}

static inline void list_push_front(struct list *list, struct list *link)
{
    list_insert_after(list, link);
}

static inline void list_push_back(struct list *list, struct list *link)
{
    list_insert_after(list->prev, link);
}

static inline void list_remove(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

/* Moves all of `from` behind the last of `to`. */
static inline void list_take_all(struct list *to, struct list *from)
{
    if (list_is_empty(from))
        return;
    from->next->prev = to->prev;
    from->prev->next = to;
    to->prev->next = from->next;
    to->prev = from->prev;
    list_init(from);
}

/* The first link, taken out; NULL when there is none. */
static inline struct list *list_pop_front(struct list *list)
{
    struct list *link = list->next;
    if (link == list)
        return NULL;
    list_remove(link);
    return link;
}

#define list_each(link, ring) for (struct list *link = (ring)->next; link != (ring); link = link->next)
/* Like list_each; the body may take `link` out. */
#define list_each_safe(link, ring)                                                                                     \
    for (struct list *link = (ring)->next, *link##_next = link->next; link != (ring);                                  \
         link = link##_next, link##_next = link->next)

#endif
