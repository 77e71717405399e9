/*
 * What the readers of a list's formats share. For acl/list_reader*.c only.
 */
#ifndef ACL_LIST_READER_PRIVATE_H
#define ACL_LIST_READER_PRIVATE_H

#include "acl/list_reader.h"

struct list_format_row {
    enum list_format format;
    const char *name;
    bool is_exact; /* unless the list says otherwise */
    enum line_result (*read)(struct list_reader *reader, struct str line);
    /* Does the line (trimmed, not empty) look like one of this format, and of none before it in the table? */
    bool (*looks)(struct str line);
};

/* Ends with a row whose name is NULL; in the order in which a line is tried. */
extern const struct list_format_row list_formats[];

enum line_result list_read_domain(struct list_reader *reader, struct str line);
enum line_result list_read_category(struct list_reader *reader, struct str line);
enum line_result list_read_cidr(struct list_reader *reader, struct str line);
enum line_result list_read_hosts(struct list_reader *reader, struct str line);
enum line_result list_read_adblock(struct list_reader *reader, struct str line);
enum line_result list_read_dnsmasq(struct list_reader *reader, struct str line);
enum line_result list_read_rpz(struct list_reader *reader, struct str line);

/* Gives a name, or an address in its place, to the sink; `path` with at == NULL for none. False with reader->why when
   it is neither. */
bool list_give(struct list_reader *reader, struct str name, struct str path, unsigned cover);
enum line_result list_bad(struct list_reader *reader, const char *why);
enum line_result list_unsupported(struct list_reader *reader, const char *why);

/* Cuts the next word off *rest; an empty one at the end. */
struct str list_word(struct str *rest);
/* The line without a comment that begins with `mark` at its beginning or behind a blank. */
struct str list_uncomment(struct str line, char mark);
/* Begins with # ; or // (and, for names, with !). */
bool list_is_comment(struct str line);

#endif
