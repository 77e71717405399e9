/*
 * A file of certificates in PEM may have their key in it, too, as some programs want it; or it is a key's, named by
 * mistake. What goes to the worker is cut down to the certificates first.
 */
#ifndef PROCESS_CERTIFICATE_TEXT_H
#define PROCESS_CERTIFICATE_TEXT_H

#include <stddef.h>

/* Leaves the certificates (RFC 7468 section 5, with the older names of section 5.1 and OpenSSL's own) at the beginning
   of `text`, erases all other bytes of it, and returns the new length. Of a certificate that has no end the first line
   stays, so that it is told as broken. */
size_t certificate_text_keep(char *text, size_t len);

#endif
