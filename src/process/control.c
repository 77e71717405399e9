#include "process/control.h"

#include "base/addr.h"
#include "base/must.h"
#include "process/identity.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BACKLOG = 16, SAY_PATIENCE_MS = 1000 };

char *control_default_path(void)
{
    if (geteuid() == 0)
        return must_strdup(RUNSTATEDIR "/gatehouse/control.sock");
    const char *folder = getenv("XDG_RUNTIME_DIR");
    char *path = NULL;
    if (folder != NULL && folder[0] == '/' && asprintf(&path, "%s/gatehouse.sock", folder) < 0)
        die(__FILE__, __LINE__, "out of memory");
    return path;
}

static char *path_of(const struct process_conf *conf)
{
    return conf->control != NULL ? must_strdup(conf->control) : control_default_path();
}

void control_init(struct control *control)
{
    *control = (struct control){.socket = {.fd = -1}};
    for (size_t i = 0; i < lengthof(control->clients); i++)
        control->clients[i].fd = -1;
}

bool control_is_for(const struct control_socket *control, const struct process_conf *conf)
{
    char *path = path_of(conf);
    bool is_same = control->fd >= 0 && path != NULL && strcmp(path, control->path) == 0;
    free(path);
    return is_same;
}

/* Removes a socket that nobody listens on. False with errno; EADDRINUSE: somebody does. */
static bool make_way(const char *path, const struct addr *addr)
{
    struct stat there;
    if (lstat(path, &there) != 0)
        return errno == ENOENT;
    if (!S_ISSOCK(there.st_mode)) {
        errno = EEXIST;
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool answers = fd >= 0 && (connect(fd, &addr->as.any, addr->len) == 0 || errno == EAGAIN);
    if (fd >= 0)
        close(fd);
    if (answers) {
        errno = EADDRINUSE;
        return false;
    }
    return unlink(path) == 0;
}

bool control_set_group(const struct control_socket *control, const struct process_conf *conf)
{
    gid_t group;
    if (conf->control_group == NULL)
        return chmod(control->path, 0600) == 0;
    if (!identity_group(conf->control_group, &group)) {
        errno = ENOENT;
        return false;
    }
    return chown(control->path, (uid_t)-1, group) == 0 && chmod(control->path, 0660) == 0;
}

/* Narrow from the first moment on. */
static bool bind_narrowly(int fd, const struct addr *addr)
{
    mode_t old = umask(0177);
    bool is_bound = bind(fd, &addr->as.any, addr->len) == 0;
    umask(old);
    return is_bound;
}

static bool try_open(struct control_socket *control, const struct process_conf *conf)
{
    struct addr addr;
    if (!addr_of_path(str_of(control->path), &addr)) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (!make_way(control->path, &addr))
        return false;
    control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct stat own;
    if (control->fd < 0 || !bind_narrowly(control->fd, &addr) || !control_set_group(control, conf) ||
        listen(control->fd, BACKLOG) != 0 || lstat(control->path, &own) != 0)
        return false;
    control->device = own.st_dev;
    control->inode = own.st_ino;
    return true;
}

/* The folder of the default path may not be there yet. */
static void make_folder(const char *path)
{
    char *folder = must_strdup(path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL && slash != folder) {
        *slash = '\0';
        mkdir(folder, 0755);
    }
    free(folder);
}

bool control_open(struct control_socket *control, const struct process_conf *conf, char *ret_why, size_t size)
{
    *control = (struct control_socket){.fd = -1, .path = path_of(conf)};
    if (control->path == NULL) {
        snprintf(ret_why, size, "no folder for the control socket: XDG_RUNTIME_DIR is not set; write `control PATH`");
        return false;
    }
    if (conf->control == NULL)
        make_folder(control->path);
    if (try_open(control, conf))
        return true;
    if (errno == EADDRINUSE)
        snprintf(ret_why, size, "another gatehouse answers at the control socket %s", control->path);
    else
        snprintf(ret_why, size, "the control socket %s cannot be made: %s", control->path, strerror(errno));
    if (control->fd >= 0)
        close(control->fd);
    free(control->path);
    *control = (struct control_socket){.fd = -1};
    return false;
}

void control_close(struct control_socket *control)
{
    if (control->fd < 0)
        return;
    close(control->fd);
    control->fd = -1;
    struct stat there;
    if (lstat(control->path, &there) == 0 && there.st_dev == control->device && there.st_ino == control->inode)
        unlink(control->path);
    free(control->path);
    control->path = NULL;
}

/* Clients */

static struct client *free_client(struct control *control)
{
    for (size_t i = 0; i < lengthof(control->clients); i++)
        if (control->clients[i].fd < 0)
            return &control->clients[i];
    return NULL;
}

size_t control_poll_fds(const struct control *control, struct pollfd *fds)
{
    size_t count = 0;
    bool has_room = false;
    for (size_t i = 0; i < lengthof(control->clients); i++) {
        const struct client *client = &control->clients[i];
        has_room = has_room || client->fd < 0;
        if (client->fd >= 0 && client->state == CLIENT_READING)
            fds[count++] = (struct pollfd){.fd = client->fd, .events = POLLIN};
    }
    if (control->socket.fd >= 0 && has_room)
        fds[count++] = (struct pollfd){.fd = control->socket.fd, .events = POLLIN};
    return count;
}

static void read_client(struct client *client, int64_t now_ms)
{
    ssize_t got = recv(client->fd, client->line + client->len, CONTROL_LINE_MAX - client->len, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        if (now_ms >= client->until_ms)
            client_close(client);
        return;
    }
    if (got <= 0) {
        client_close(client);
        return;
    }
    client->len += (size_t)got;
    char *end = memchr(client->line, '\n', client->len);
    if (end != NULL) {
        *end = '\0';
        client->state = CLIENT_ASKING;
    } else if (client->len == CONTROL_LINE_MAX) {
        client_answer(client, false, STR("the line is too long\n"));
    }
}

void control_read(struct control *control, int64_t now_ms)
{
    for (size_t i = 0; i < lengthof(control->clients); i++)
        if (control->clients[i].fd >= 0 && control->clients[i].state == CLIENT_READING)
            read_client(&control->clients[i], now_ms);
    struct client *client;
    while (control->socket.fd >= 0 && (client = free_client(control)) != NULL) {
        int fd = accept4(control->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return;
        client->fd = fd;
        client->state = CLIENT_READING;
        client->until_ms = now_ms + CONTROL_PATIENCE_MS;
        client->len = 0;
        read_client(client, now_ms);
    }
}

void client_say(struct client *client, struct str text)
{
    while (text.len > 0) {
        ssize_t sent = send(client->fd, text.at, text.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            text = str_skip(text, (size_t)sent);
            continue;
        }
        struct pollfd writable = {.fd = client->fd, .events = POLLOUT};
        if (errno != EINTR && (errno != EAGAIN || poll(&writable, 1, SAY_PATIENCE_MS) <= 0))
            return;
    }
}

void client_answer(struct client *client, bool is_ok, struct str text)
{
    client_say(client, is_ok ? STR("ok\n") : STR("no\n"));
    client_say(client, text);
    client_close(client);
}

void client_close(struct client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
}
