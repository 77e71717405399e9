/*
 * The lines of a list, in every form that people have, read into entries. Pure: text in, entries out through a sink.
 *
 * A reader never guesses: a line is an entry, nothing (a comment, a localhost line), something that a proxy cannot
 * apply, or bad.
 *
 *   domains   a name a line; `.example.org` is itself and below, `*.example.org` only below; comments begin with # ; !
 *             or //
 *   hosts     hosts(5); the names of this machine and of groups of addresses are not entries
 *   adblock   `||example.org^` and `@@||example.org^`, with no option but $important and $all; all else is counted
 *   dnsmasq   the names of address=/…/ server=/…/ local=/…/ ipset=/…/ nftset=/…/; `server=/…/#` is an exception
 *   rpz       owners of CNAME, A, AAAA and other records; `CNAME rpz-passthru.` is an exception; triggers by address are
 *             counted
 *   category  a name, or a name and the beginning of a path: `example.org/games` is /games and all below
 *   cidr      an address or a range a line; comments begin with # ; or //
 */
#ifndef ACL_LIST_READER_H
#define ACL_LIST_READER_H

#include "acl/list_conf.h"
#include "acl/list_table.h"
#include "base/addr.h"
#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>

enum line_result { LINE_NOTHING, LINE_ENTRY, LINE_UNSUPPORTED, LINE_BAD };

/* A path of an entry has at most so many segments. */
enum { LIST_SEGMENTS_MAX = 32 };

struct list_entry {
    struct str name; /* normal form; at == NULL: `range` it is */
    struct cidr range;
    struct str path; /* canonical; at == NULL: none */
    unsigned cover;  /* COVER_SELF … COVER_EXCEPTION */
};

struct list_sink {
    void (*add)(struct list_sink *sink, const struct list_entry *entry); /* the text is borrowed */
};

struct list_format_row;

struct list_reader {
    const struct list_format_row *format;
    struct list_sink *sink;
    struct arena scratch; /* of one line */
    unsigned cover;       /* of a name without marks of its own */
    const char *why;      /* after LINE_BAD and LINE_UNSUPPORTED: what is wrong, a literal */
    struct str origin;    /* rpz: of the zone, in normal form, or at == NULL; on the heap */
    unsigned depth;       /* rpz: open parentheses */
};

/* `format` is not LIST_AUTO; `exact` is 1, 0, or -1: by format. */
void list_reader_init(struct list_reader *reader, enum list_format format, int exact, struct list_sink *sink);
void list_reader_fini(struct list_reader *reader);
/* `line` is without its end. Of a bad line with several names, those that could be read have gone to the sink. */
enum line_result list_reader_take(struct list_reader *reader, struct str line);

/* After the last line. False: something is open still (rpz: a parenthesis), so lines may have been swallowed. */
bool list_reader_is_complete(const struct list_reader *reader);

/* The format that most of the lines of a file's beginning have. */
enum list_format list_detect(struct str beginning);
const char *list_format_name(enum list_format format);
/* Cuts the first line (without LF or CRLF) off *rest; false when *rest is empty. */
bool list_cut_line(struct str *rest, struct str *ret_line);

#endif
