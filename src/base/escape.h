/*
 * Text of strangers, made harmless for where it is going to be read. What is written is plain ASCII (HTML apart), in
 * one line.
 *
 *   json   the inside of a JSON string: bytes below 0x20, `"`, `\` and all from 0x7f on as \u00XX; well-formed UTF-8 as
 *          its code points, any other byte from 0x80 on as the ISO 8859-1 character that it once was
 *   log    the inside of a quoted part of a combined log line: the same bytes as \xXX
 *   subject  of a certificate, or a pattern of one, as somebody has written it: as OpenSSL writes it by RFC 4514, with
 *          controls and all from 0x7f on as \XX, in capitals; other codes as the characters they are for
 *   html   text or a quoted attribute: & < > " ' as references; bytes from 0x80 on and controls stay
 */
#ifndef BASE_ESCAPE_H
#define BASE_ESCAPE_H

#include "base/arena.h"
#include "base/str.h"
#include "base/text.h"

void escape_json(struct text *into, struct str s);
void escape_log(struct text *into, struct str s);
void escape_html(struct text *into, struct str s);

/* The same into an arena; what needs no escape is returned as it came, not copied. */
struct str escape_json_in(struct arena *arena, struct str s);
struct str escape_log_in(struct arena *arena, struct str s);
struct str escape_html_in(struct arena *arena, struct str s);
struct str escape_subject_in(struct arena *arena, struct str s);

#endif
