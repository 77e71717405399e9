/*
 * Media types by the extension of a file's name.
 */
#ifndef HTTP_MIME_H
#define HTTP_MIME_H

#include "base/str.h"

#include <stdbool.h>

/* The type for the last extension of the path's last segment, in any case; application/octet-stream when it is not
   known. Text types come with charset=utf-8. */
struct str mime_of(struct str path);

/* Of a Content-Type's value (parameters are passed over): text, or a format that is text inside; worth compressing. */
bool mime_is_text(struct str content_type);

#endif
