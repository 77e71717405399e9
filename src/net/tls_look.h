/*
 * What a certificate's file says of itself.
 */
#ifndef NET_TLS_LOOK_H
#define NET_TLS_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_look {
    int64_t from, until; /* seconds since 1970 */
    bool has_names;      /* all that were asked for */
};

/* False: there is no certificate in the file, or no file. */
bool tls_look(const char *path, char *const *names, size_t count, struct tls_look *ret);

#endif
