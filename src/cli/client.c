/* gatehouse reload, drain, stop, status: one line to the control socket of a running gatehouse, and its answer. */
#include "cli/cli.h"

#include "base/addr.h"
#include "base/close.h"
#include "base/must.h"
#include "conf/tree.h"
#include "process/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { PATIENCE_S = CONTROL_PATIENCE_MS / 1000 };

/* How long the answer may take. */
enum patience { SECONDS, AS_LONG_AS_IT_TAKES };

static const struct statement *control_line(const struct tree *tree)
{
    const struct statement *line = tree->top.first;
    while (line != NULL && (!str_eq(line->words[0].text, STR("control")) || line->count < 2))
        line = line->next;
    return line;
}

/* By the `control` line of a file, whatever else is wrong with it: a running gatehouse must be reached to be told of
   that. NULL in *ret: there is no such line. False after the mistakes were shown, when the line itself is wrong. */
static bool find_in_file(const char *file, char **ret)
{
    struct arena arena;
    struct diag diag;
    struct tree tree;
    arena_init(&arena);
    diag_init(&diag);
    tree_read(&tree, file, STR_NONE, opener_direct(), &arena, &diag);
    const struct statement *line = control_line(&tree);
    bool is_wrong = line != NULL && line->has_mistake;
    if (is_wrong) {
        diag_print(&diag);
    } else if (line != NULL) {
        const struct source_file *source = tree_file(&tree, line->words[0].place.file);
        *ret = must_strdup(path_in(&arena, source != NULL ? source->folder : "/", line->words[1].text));
    }
    diag_fini(&diag);
    arena_reset(&arena);
    return !is_wrong;
}

/* EXIT_DONE with the path in *ret, or another status after saying why. A file that is named and cannot be read says
   nothing: another gatehouse is not what is meant. */
static int find_socket(const struct args *args, char **ret)
{
    const char *given = args_get(args, "--control"), *file = conf_path(args);
    char *path = given != NULL ? must_strdup(given) : NULL;
    if (given == NULL && args_get(args, "-c") != NULL && access(file, R_OK) != 0) {
        fprintf(stderr, "gatehouse: cannot read '%s': %s\n", file, strerror(errno));
        return EXIT_MISTAKE;
    }
    if (given == NULL && !find_in_file(file, &path))
        return EXIT_MISTAKE;
    *ret = path != NULL ? path : control_default_path();
    if (*ret != NULL)
        return EXIT_DONE;
    fprintf(stderr, "gatehouse: no control socket is known: use -c FILE or --control PATH\n");
    return EXIT_NOT_RUNNING;
}

/* A process that is stopped answers nothing, and its socket is there none the less. */
static int say_silent(void)
{
    fprintf(stderr,
            "gatehouse: the running gatehouse has not answered within %d s: its supervisor or worker stands still\n",
            PATIENCE_S);
    return EXIT_MISTAKE;
}

static int say_not_running(const char *path)
{
    if (errno == EAGAIN)
        return say_silent();
    fprintf(stderr, "gatehouse: no gatehouse is running at %s (%s)\n", path, strerror(errno));
    return errno == EACCES || errno == EPERM ? EXIT_MISTAKE : EXIT_NOT_RUNNING;
}

static void set_patience(int fd, int option)
{
    struct timeval patience = {.tv_sec = PATIENCE_S};
    setsockopt(fd, SOL_SOCKET, option, &patience, sizeof patience);
}

static int connect_to(const char *path)
{
    struct addr addr;
    if (!addr_of_path(str_of(path), &addr)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        set_patience(fd, SO_SNDTIMEO);
    if (fd < 0 || connect(fd, &addr.as.any, addr.len) == 0)
        return fd;
    return close_quietly(fd);
}

/* Shows the answer as it comes: the first line says whether it went well; the rest is for people. */
static int show_answer(int fd)
{
    char bytes[4096];
    struct text head;
    text_init(&head);
    bool is_in_body = false;
    int status = EXIT_MISTAKE;
    ssize_t got;
    while ((got = read(fd, bytes, sizeof bytes)) > 0) {
        struct str part = str_from(bytes, (size_t)got);
        if (!is_in_body) {
            text_add(&head, part);
            size_t end = str_find(text_str(&head), '\n');
            is_in_body = end < head.len;
            if (!is_in_body)
                continue;
            status = str_eq(str_head(text_str(&head), end), STR("ok")) ? EXIT_DONE : EXIT_MISTAKE;
            part = str_skip(text_str(&head), end + 1);
        }
        fwrite(part.at, 1, part.len, status == EXIT_DONE ? stdout : stderr);
        fflush(stdout);
    }
    text_fini(&head);
    if (got < 0 && errno == EAGAIN)
        return say_silent();
    if (!is_in_body)
        fprintf(stderr, "gatehouse: the running gatehouse gave no answer\n");
    return status;
}

static int ask(const struct args *args, const char *line, enum patience patience)
{
    char *path = NULL;
    int status = find_socket(args, &path);
    if (status != EXIT_DONE)
        return status;
    int fd = connect_to(path);
    if (fd < 0) {
        status = say_not_running(path);
    } else {
        struct str text = str_of(line);
        if (patience == SECONDS)
            set_patience(fd, SO_RCVTIMEO);
        status = send(fd, text.at, text.len, MSG_NOSIGNAL) == (ssize_t)text.len ? show_answer(fd)
                                                                                : say_not_running(path);
        close(fd);
    }
    free(path);
    return status;
}

int reload_command(const struct args *args)
{
    return ask(args, "reload\n", AS_LONG_AS_IT_TAKES);
}

int drain_command(const struct args *args)
{
    return ask(args, "drain\n", AS_LONG_AS_IT_TAKES);
}

int stop_command(const struct args *args)
{
    return ask(args, "stop\n", AS_LONG_AS_IT_TAKES);
}

int status_command(const struct args *args)
{
    return ask(args, args_has(args, "--json") ? "status json\n" : "status\n", SECONDS);
}
