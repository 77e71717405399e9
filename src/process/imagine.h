/*
 * A request that nobody sent: what `test` blocks and `explain` decide on. The facts are filled from a head, as those of
 * a real one are.
 */
#ifndef PROCESS_IMAGINE_H
#define PROCESS_IMAGINE_H

#include "conf/config.h"
#include "http/facts.h"
#include "http/head.h"

struct imagine {
    bool is_forward; /* an https URL is tried as its CONNECT */
    struct str method;
    struct str url; /* http://… or https://…; for CONNECT also host:port */
    struct str at;  /* "YYYY-MM-DD HH:MM"; at == NULL: not given */
    struct ip client;
    const struct field_line *headers;
    size_t header_count;
};

/* `facts` point into the rest of it, and into the arena. */
struct imagined {
    struct facts facts;
    struct head head;
    struct facts_clock clock;
};

/* NULL, or what is wrong with the request, as the rest of a sentence. */
const char *imagine_request(const struct imagine *what, struct arena *arena, struct imagined *ret);

/* "YYYY-MM-DD HH:MM", with its weekday. */
bool imagine_time(struct str text, struct date *ret);

#endif
