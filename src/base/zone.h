/*
 * Time zones: what the clock on the wall shows in Europe/Paris, without the TZ of the process.
 *
 * A zone is made from the bytes of a TZif file (RFC 8536; /usr/share/zoneinfo/NAME, or /etc/localtime), which the
 * caller reads when the configuration is loaded. It lives in an arena, is immutable, and is shared by all threads.
 * Beyond the table of the file the rule in its footer holds (POSIX TZ, with the extension of hours from -167 to 167).
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/date.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

enum { ZONE_FILE_MAX = 256 * 1024 }; /* no zone's file is nearly as large */

struct zone;

/* A name like Europe/Paris or UTC that may be put behind a folder: letters, digits, + - _ and single slashes, no
   dots. */
bool zone_is_name(struct str name);

/* NULL when the bytes are no sound TZif file, or one that counts leap seconds; `ret_why` (a literal) then says what is
   wrong. The bytes are not needed afterwards. */
const struct zone *zone_load(struct arena *arena, const void *bytes, size_t len, const char **ret_why);
/* A zone of nothing but a rule: `CET-1CEST,M3.5.0,M10.5.0/3`. NULL when it is none. */
const struct zone *zone_of_rule(struct arena *arena, struct str rule);
/* For machines without zone files. */
const struct zone *zone_utc(void);

/* Local time at an instant: year, month, day, weekday, hour … */
struct date zone_local(const struct zone *zone, struct wall wall);
/* The instant at which the zone's clock shows `local` (its weekday is not looked at). Of two such instants, the
   earlier; a time that is skipped in spring is read with the offset before the change, so it comes out after it. */
struct wall zone_instant(const struct zone *zone, const struct date *local);
/* Seconds east of UTC. */
int zone_offset(const struct zone *zone, struct wall wall);

#endif
