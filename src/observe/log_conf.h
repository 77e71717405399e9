/*
 * A `log` block; plain.
 */
#ifndef OBSERVE_LOG_CONF_H
#define OBSERVE_LOG_CONF_H

#include "base/word.h"
#include "http/template_conf.h"

#include <stdbool.h>

enum log_to { LOG_FILE, LOG_STDOUT, LOG_STDERR, LOG_SYSLOG };
enum log_format { LOG_JSON, LOG_COMBINED, LOG_SQUID, LOG_TEMPLATE };
enum log_privacy { PRIVACY_CLEAR, PRIVACY_PSEUDONYM, PRIVACY_MASKED, PRIVACY_OFF };

struct log_conf {
    struct word name;
    enum log_to to;
    const char *path; /* LOG_FILE: absolute; LOG_SYSLOG: its address, numeric with its port or unix:/path */
    enum log_format format;
    struct template template; /* LOG_TEMPLATE */
    struct str *redact;       /* field names, lower case, besides the four that always are */
    size_t redact_count;
    enum log_privacy names;     /* of users */
    enum log_privacy addresses; /* of clients */
    size_t index;               /* of the log in its configuration */
};

#endif
