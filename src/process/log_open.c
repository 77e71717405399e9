#include "process/log_open.h"

#include "base/addr.h"
#include "base/close.h"
#include "base/must.h"
#include "base/number.h"
#include "base/opener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
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
    return close_quietly(fd);
}

static int open_log(const struct log_conf *conf)
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

/* With errno. */
static void tell_failure(const struct log_conf *conf, struct diag *diag)
{
    diag_add(diag, DIAG_ERROR, conf->name.place.file != NULL ? &conf->name.place : NULL, NULL,
             "the log cannot be written to %s: %s", conf->path != NULL ? conf->path : "its stream", strerror(errno));
}

int *logs_open(const struct config *config, struct diag *diag)
{
    int *fds = must_calloc(config->log_count + 1, sizeof *fds);
    for (size_t i = 0; i < config->log_count; i++) {
        fds[i] = open_log(&config->logs[i]);
        if (fds[i] < 0)
            tell_failure(&config->logs[i], diag);
    }
    return fds;
}

void logs_close(const struct config *config, int *taken_fds)
{
    for (size_t i = 0; i < config->log_count; i++)
        if (taken_fds[i] >= 0)
            close(taken_fds[i]);
    free(taken_fds);
}

bool logs_pass(const struct config *config, const int *fds, int channel, enum message_kind kind)
{
    for (size_t i = 0; i < config->log_count; i++) {
        struct letter_to letter = {.kind = kind, .index = (uint32_t)i, .with_fd = true, .fd = fds[i]};
        if (!channel_send(channel, &letter))
            return false;
    }
    return true;
}

/* False with errno. */
static bool has_folder(const char *path)
{
    char *folder = must_strdup(path);
    char *slash = strrchr(folder, '/');
    must(slash != NULL);
    slash[slash == folder ? 1 : 0] = '\0';
    int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* False with errno. What we may not do is no mistake of the file: another user may run it. A pipe may yet get its
   reader. */
static bool may_be_written(const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0 || errno == EACCES || errno == ENXIO || (errno == ENOENT && has_folder(path));
}

void logs_check(const struct config *config, struct diag *diag)
{
    for (size_t i = 0; i < config->log_count; i++)
        if (config->logs[i].to == LOG_FILE && !may_be_written(config->logs[i].path))
            tell_failure(&config->logs[i], diag);
}
