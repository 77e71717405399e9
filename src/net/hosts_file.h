/*
 * The hosts file (hosts(5)): names to addresses. Pure; immutable after it is read.
 */
#ifndef NET_HOSTS_FILE_H
#define NET_HOSTS_FILE_H

#include "base/addr.h"
#include "base/str.h"

enum { HOST_ADDRESSES_MAX = 64 };

struct hosts_file;

/* Lines that say nothing useful are skipped. */
struct hosts_file *hosts_file_new(struct str text);
void hosts_file_free(struct hosts_file *hosts);
/* The addresses of a name in normal form, in the order of the file; returns how many, 0 when the file does not have
   it. */
size_t hosts_file_find(const struct hosts_file *hosts, struct str name, struct ip into[HOST_ADDRESSES_MAX]);

#endif
