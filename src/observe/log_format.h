/*
 * The forms a line can have. Each format is a function from what may be shown of an exchange to a line without its end;
 * one table names them. No allocation (a template apart, which uses the thread's own arena), no system call.
 */
#ifndef OBSERVE_LOG_FORMAT_H
#define OBSERVE_LOG_FORMAT_H

#include "base/addr.h"
#include "http/facts.h"
#include "observe/line.h"
#include "observe/log_conf.h"

/* What a log may show of an exchange, after its redaction and privacy: every format reads these in place of the facts'
   own. */
struct log_view {
    const struct facts *facts;
    const struct log_conf *conf;
    struct str client;      /* at == NULL: not told */
    struct str user;        /* at == NULL: nobody, or not told */
    struct str certificate; /* subject of the client's; likewise */
    struct str referer;     /* at == NULL: none */
    struct str user_agent;
    char client_room[ADDR_TEXT_MAX];
    char user_room[20];
    char certificate_room[20];
};

void log_view_init(struct log_view *view, const struct log_conf *conf, const struct facts *facts);
/* The facts with everything secret or private taken out, and their fields, for a template; in `arena`. */
const struct facts *log_view_facts(const struct log_view *view, struct arena *arena);
/* Whether the value of a field must not be shown. */
bool log_redacts(const struct log_conf *conf, struct str field);

struct log_format_ops {
    void (*line)(const struct log_view *view, struct line *into);
    /* That lines were lost: a line that a reader of this format can read. */
    void (*lost)(struct line *into, struct wall now, uint64_t count);
};

const struct log_format_ops *log_format_ops(enum log_format format);

extern const struct log_format_ops log_json;
extern const struct log_format_ops log_combined;
extern const struct log_format_ops log_squid;
extern const struct log_format_ops log_template;

/* `http://host:port/path?query` as the client asked for it; `host:port` for a tunnel. Escaped as `put` does; at most
   `limit` bytes a part. */
void log_put_url(struct line *into, const struct facts *facts, bool with_authority,
                 void (*put)(struct line *line, struct str s));

#endif
