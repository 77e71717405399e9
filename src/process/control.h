/*
 * The control socket and who speaks on it: one bounded line, within five seconds, answered by the supervisor or passed
 * on.
 *
 * An answer is a line `ok` or `no`, then text for people, then the end.
 */
#ifndef PROCESS_CONTROL_H
#define PROCESS_CONTROL_H

#include "base/str.h"
#include "process/process_conf.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { CONTROL_LINE_MAX = 4096, CONTROL_CLIENTS_MAX = 16, CONTROL_PATIENCE_MS = 5000 };

enum client_state {
    CLIENT_READING, /* its line is not whole */
    CLIENT_ASKING,  /* the line is whole; whoever takes it sets another state, or closes */
    CLIENT_QUEUED,  /* waits for the reload after the one under way */
    CLIENT_RELOADING,
    CLIENT_WAITING /* for the end of everything: drain, stop */
};

struct client {
    int fd; /* -1: free */
    enum client_state state;
    int64_t until_ms; /* monotonic; while READING */
    size_t len;
    char line[CONTROL_LINE_MAX + 1];
};

struct control_socket {
    int fd; /* -1: none */
    char *path;
    dev_t device; /* of the socket's file, so that only ours is removed */
    ino_t inode;
};

struct control {
    struct control_socket socket;
    struct client clients[CONTROL_CLIENTS_MAX];
};

/* The path when the configuration names none: RUNSTATEDIR/gatehouse/control.sock (see configure.ac), for a user
   $XDG_RUNTIME_DIR/gatehouse.sock. NULL: a user without such a folder. Freed by the caller. */
char *control_default_path(void);

void control_init(struct control *control);
/* Makes the socket; a stale one is replaced. False: `ret_why` says what is wrong, also that another gatehouse answers
   there. */
bool control_open(struct control_socket *socket, const struct process_conf *conf, char *ret_why, size_t size);
/* Closes the socket and removes its file; clients stay. */
void control_close(struct control_socket *control);
/* Does the configuration ask for the path that is open? */
bool control_is_for(const struct control_socket *socket, const struct process_conf *conf);
/* Mode and group as the configuration says. */
bool control_set_group(const struct control_socket *socket, const struct process_conf *conf);

/* Descriptors to poll: the socket and those that are being read. Returns how many. */
size_t control_poll_fds(const struct control *control, struct pollfd *fds);
enum { CONTROL_POLL_MAX = CONTROL_CLIENTS_MAX + 1 };
/* Accepts and reads; whose line became whole is CLIENT_ASKING. */
void control_read(struct control *control, int64_t now_ms);

/* `text` as a part of an answer, without waiting long. */
void client_say(struct client *client, struct str text);
void client_answer(struct client *client, bool is_ok, struct str text);
void client_close(struct client *client);

#endif
