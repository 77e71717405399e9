#include "process/log_open.h"

#include "base/addr.h"
#include "base/number.h"
#include "base/opener.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SYSLOG_PORT = 514 };

/* `unix:/dev/log`, `/dev/log`, `10.0.0.5`, `10.0.0.5:514`, `[::1]:514`. */
static bool syslog_addr(struct str text, struct addr *ret)
{
    uint64_t port = SYSLOG_PORT;
    struct ip ip;
    if (str_starts(text, STR("unix:")))
        text = str_skip(text, 5);
    if (str_starts(text, STR("/")))
        return addr_of_path(text, ret);
    size_t colon = str_find_last(text, ':');
    if (colon < text.len && number_parse_u64(str_skip(text, colon + 1), UINT16_MAX, &port))
        text = str_head(text, colon);
    if (str_starts(text, STR("[")) && str_ends(text, STR("]")))
        text = str_head(str_skip(text, 1), text.len - 2);
    if (!ip_parse(text, &ip))
        return false;
    *ret = addr_of_ip(&ip, (uint16_t)port);
    return true;
}

static int open_syslog(const char *text)
{
    struct addr addr;
    if (!syslog_addr(str_of(text), &addr)) {
        errno = EINVAL;
        return -1;
    }
    int fd = socket(addr.as.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, &addr.as.any, addr.len) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

int log_open(const struct log_conf *conf)
{
    switch (conf->to) {
    case LOG_STDOUT:
        return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 5);
    case LOG_STDERR:
        return fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 5);
    case LOG_SYSLOG:
        return open_syslog(conf->path);
    case LOG_FILE:
    default:
        return opener_direct()->open(opener_direct(), conf->path, OPEN_APPEND);
    }
}

bool logs_pass(const struct config *config, int channel, enum message_kind kind, struct diag *diag)
{
    for (size_t i = 0; i < config->log_count; i++) {
        const struct log_conf *conf = &config->logs[i];
        int fd = log_open(conf);
        if (fd < 0)
            diag_add(diag, DIAG_ERROR, conf->name.place.file != NULL ? &conf->name.place : NULL, NULL,
                     "the log cannot be written to %s: %s", conf->path != NULL ? conf->path : "its stream",
                     strerror(errno));
        struct letter_to letter = {.kind = kind, .index = (uint32_t)i, .with_fd = true, .fd = fd};
        bool is_sent = channel_send(channel, &letter);
        if (fd >= 0)
            close(fd);
        if (!is_sent)
            return false;
    }
    return true;
}
