/*
 * The name servers of resolv.conf(5). Everything else in it is for programs that take short names, which we do not, or
 * that wait longer than we do. Pure.
 */
#ifndef NET_RESOLV_CONF_H
#define NET_RESOLV_CONF_H

#include "base/addr.h"
#include "base/str.h"

enum { NAME_SERVERS_MAX = 8, DNS_PORT = 53 };

/* Returns how many; without any line it is 127.0.0.1, as in the C library. `[ADDRESS]:PORT` is read too, as in
   OpenBSD. */
size_t resolv_conf_read(struct str text, struct addr into[NAME_SERVERS_MAX]);

#endif
