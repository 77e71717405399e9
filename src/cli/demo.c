/*
 * gatehouse demo: a folder with a small site; a gatehouse that serves it as a server would (with a server's chatter);
 * and the gatehouse that is shown: a reverse front before it and a forward proxy beside it. What to try is printed; the
 * folder goes when the demo ends.
 *
 * Two processes, since a request that comes back to the gatehouse it has passed is a loop, and refused.
 */
#include "cli/cli.h"
#include "cli/demo_site.h"

#include "base/close.h"
#include "base/must.h"
#include "process/supervisor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FRONT_PORT = 8080, PROXY_PORT = 3128, PATIENCE_MS = 10000, STEP_MS = 10 };

struct demo {
    char *folder;
    char program[4096];
    pid_t server;  /* 0: none */
    int turn;      /* lock_ports() */
    unsigned site; /* ports */
    unsigned front;
    unsigned proxy;
    const char *direct; /* what curl must be told because of the environment's proxies */
    const char *proxied;
};

/* Ports */

static struct sockaddr_in loopback(unsigned port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return addr;
}

/* The port itself when it is free, or any for 0; 0 when it is not. */
static unsigned take_port(unsigned port)
{
    struct sockaddr_in addr = loopback(port);
    socklen_t len = sizeof addr;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bool is_free = bind(fd, (const struct sockaddr *)&addr, len) == 0 && listen(fd, 1) == 0 &&
                   getsockname(fd, (struct sockaddr *)&addr, &len) == 0;
    close(fd);
    return is_free ? ntohs(addr.sin_port) : 0;
}

static void wait_a_step(void)
{
    const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
    nanosleep(&step, NULL);
}

/* Between choosing a port and opening it another demo could choose the same. So one at a time does both, who has bound a
   name that is known where the ports are, in the network namespace. Closing the descriptor unlocks; -1 when it would not
   come free in time, and then it is not waited for. */
static int lock_ports(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0gatehouse demo"};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    for (int i = 0; fd >= 0 && i < PATIENCE_MS / STEP_MS; i++) {
        if (bind(fd, (const struct sockaddr *)&name, sizeof name) == 0)
            return fd;
        wait_a_step();
    }
    return close_quietly(fd);
}

static unsigned port_near(unsigned wish)
{
    unsigned port = take_port(wish);
    return port != 0 ? port : take_port(0);
}

/* The folder */

static char *path_in_folder(const struct demo *demo, const char *name)
{
    struct text path;
    text_init(&path);
    text_printf(&path, "%s/%s", demo->folder, name);
    return text_take(&path);
}

static char *path_in_site(const struct demo *demo, const char *name)
{
    struct text path;
    text_init(&path);
    text_printf(&path, "%s/site/%s", demo->folder, name);
    return text_take(&path);
}

static void cut_last_part(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash != NULL)
        *slash = '\0';
}

static void make_folder_of(const char *path)
{
    char *folder = must_strdup(path);
    cut_last_part(folder);
    mkdir(folder, 0755);
    chmod(folder, 0755); /* the worker is another user, whatever the umask */
    free(folder);
}

static bool write_file(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return false;
    bool is_whole = write(fd, bytes, len) == (ssize_t)len && fchmod(fd, 0644) == 0;
    return close(fd) == 0 && is_whole;
}

static bool make_site(struct demo *demo)
{
    const char *temp = getenv("TMPDIR");
    if (asprintf(&demo->folder, "%s/gatehouse-demo-XXXXXX", temp != NULL && temp[0] == '/' ? temp : "/tmp") < 0)
        die(__FILE__, __LINE__, "out of memory");
    if (mkdtemp(demo->folder) == NULL)
        return false;
    chmod(demo->folder, 0755);
    char *site = path_in_site(demo, "");
    make_folder_of(site);
    free(site);
    bool is_made = true;
    for (const struct demo_file *file = demo_files; file->path != NULL && is_made; file++) {
        char *path = path_in_site(demo, file->path);
        make_folder_of(path);
        is_made = write_file(path, file->bytes, file->len);
        free(path);
    }
    return is_made;
}

static void remove_site(const struct demo *demo)
{
    for (const struct demo_file *file = demo_files; file->path != NULL; file++) {
        char *path = path_in_site(demo, file->path);
        unlink(path);
        cut_last_part(path);
        rmdir(path); /* its folder, once it is empty */
        free(path);
    }
    static const char *const others[] = {"site", "server.conf", "demo.conf"};
    for (size_t i = 0; i < lengthof(others); i++) {
        char *path = path_in_folder(demo, others[i]);
        remove(path);
        free(path);
    }
    rmdir(demo->folder);
}

/* The configuration */

static void write_server(const struct demo *demo, struct text *into)
{
    text_printf(into,
                "# The server behind everything: chatty, as servers are.\n"
                "threads 1\n"
                "control \"%s/server.sock\"\n"
                "log off\n"
                "\n"
                "reverse server {\n"
                "    listen 127.0.0.1:%u\n"
                "    set-header response Server \"demo-server/1.0 (db7.internal.example)\"\n"
                "    set-header response X-Powered-By \"demo-language/7.4\"\n"
                "    route /told {\n"
                "        respond 200 type text/plain body \"user agent: $header.user-agent\\nx-forwarded-for: "
                "$header.x-forwarded-for\\nforwarded: $header.forwarded\\nvia: $header.via\\nrequest id: "
                "$header.x-request-id\\n\"\n"
                "    }\n"
                "    files \"%s/site\"\n"
                "}\n",
                demo->folder, demo->site, demo->folder);
}

static void write_demo(const struct demo *demo, struct text *into)
{
    text_printf(into,
                "threads 1\n"
                "control \"%s/control.sock\"\n"
                "\n"
                "# The front door of the site.\n"
                "reverse front {\n"
                "    listen 127.0.0.1:%u\n"
                "    deny as no-secrets reason \"Nobody gets the plan.\" if path(/secret/*)\n"
                "    to 127.0.0.1:%u\n"
                "}\n",
                demo->folder, demo->front, demo->site);
    text_printf(into,
                "\n"
                "# The way out. Private addresses are let through because the demo's site is on one.\n"
                "forward office {\n"
                "    listen 127.0.0.1:%u\n"
                "    deny-private off\n"
                "    ports 80 443 %u\n"
                "    tunnel-ports 443 %u\n"
                "    deny as ads reason \"Advertising is not fetched here.\" if host(.ads.example)\n"
                "    allow as this-machine if source(127.0.0.0/8)\n"
                "}\n",
                demo->proxy, demo->site, demo->site);
}

/* Into the folder; the path is freed by the caller, NULL when it cannot be written. */
static char *save_conf(const struct demo *demo, const char *name,
                       void (*write_text)(const struct demo *, struct text *))
{
    struct text text;
    text_init(&text);
    write_text(demo, &text);
    char *path = path_in_folder(demo, name);
    if (!write_file(path, text.at, text.len)) {
        free(path);
        path = NULL;
    }
    text_fini(&text);
    return path;
}

/* The server */

static bool answers(unsigned port)
{
    struct sockaddr_in addr = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool does = fd >= 0 && connect(fd, (const struct sockaddr *)&addr, sizeof addr) == 0;
    if (fd >= 0)
        close(fd);
    return does;
}

static bool start_server(struct demo *demo)
{
    char *path = save_conf(demo, "server.conf", write_server);
    if (path == NULL)
        return false;
    demo->server = fork();
    if (demo->server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
        execl("/proc/self/exe", "gatehouse", "run", "-c", path, (char *)NULL);
        _exit(EXIT_MISTAKE);
    }
    free(path);
    for (int i = 0; demo->server > 0 && i < PATIENCE_MS / STEP_MS; i++) {
        if (answers(demo->site))
            return true;
        wait_a_step();
    }
    return false;
}

/* It may have ended already: Ctrl-C goes to it as well. */
static void stop_server(const struct demo *demo)
{
    if (demo->server <= 0 || waitpid(demo->server, NULL, WNOHANG) != 0)
        return;
    kill(demo->server, SIGTERM);
    waitpid(demo->server, NULL, 0);
}

/* What to try */

static bool has_variable(const char *const *names)
{
    for (; *names != NULL; names++) {
        const char *value = getenv(*names);
        if (value != NULL && value[0] != '\0')
            return true;
    }
    return false;
}

static void look_at_environment(struct demo *demo)
{
    static const char *const proxies[] = {"http_proxy", "all_proxy", "ALL_PROXY", NULL};
    static const char *const exceptions[] = {"no_proxy", "NO_PROXY", NULL};
    demo->direct = has_variable(proxies) ? " --noproxy '*'" : "";
    demo->proxied = has_variable(exceptions) ? " --noproxy ''" : "";
}

static void show(void *arg)
{
    struct demo *demo = arg;
    const char *d = demo->direct;
    const char *p = demo->proxied;
    printf("gatehouse demo: a site on port %u, a reverse proxy before it, a forward proxy beside it.\n", demo->site);
    printf("Both in one file: %s/demo.conf. Try, in another terminal:\n\n", demo->folder);
    printf("  the site through the reverse proxy; or http://127.0.0.1:%u/ in a browser\n", demo->front);
    printf("    curl%s http://127.0.0.1:%u/\n", d, demo->front);
    printf("  what the server says of itself, and what is left of it at the front\n");
    printf("    curl%s -sI http://127.0.0.1:%u/\n", d, demo->site);
    printf("    curl%s -sI http://127.0.0.1:%u/\n", d, demo->front);
    printf("  what the server is told of the client\n");
    printf("    curl%s http://127.0.0.1:%u/told\n", d, demo->front);
    printf("  a rule that denies: 403, with the id that stands in the log\n");
    printf("    curl%s -i http://127.0.0.1:%u/secret/plan.txt\n", d, demo->front);
    printf("\n  the same site through the forward proxy, and through a tunnel\n");
    printf("    curl%s -x http://127.0.0.1:%u http://127.0.0.1:%u/\n", p, demo->proxy, demo->site);
    printf("    curl%s -p -x http://127.0.0.1:%u http://127.0.0.1:%u/\n", p, demo->proxy, demo->site);
    printf("  nothing tells the site who asked\n");
    printf("    curl%s -x http://127.0.0.1:%u http://127.0.0.1:%u/told\n", p, demo->proxy, demo->site);
    printf("  a site that is blocked, and the block page\n");
    printf("    curl%s -i -x http://127.0.0.1:%u http://banner.ads.example/\n", p, demo->proxy);
    printf("\n  why a request is decided as it is; and how the running gatehouse is\n");
    printf("    %s explain -c %s/demo.conf --in office http://banner.ads.example/\n", demo->program, demo->folder);
    printf("    %s status -c %s/demo.conf\n", demo->program, demo->folder);
    printf("\nEach request is a line below. Ctrl-C ends the demo.\n\n");
    fflush(stdout);
    demo->turn = close_quietly(demo->turn);
}

static void find_program(struct demo *demo)
{
    ssize_t len = readlink("/proc/self/exe", demo->program, sizeof demo->program - 1);
    if (len <= 0)
        snprintf(demo->program, sizeof demo->program, "gatehouse");
    else
        demo->program[len] = '\0';
    if (strcmp(demo->program, "/usr/bin/gatehouse") == 0 || strcmp(demo->program, "/usr/local/bin/gatehouse") == 0)
        snprintf(demo->program, sizeof demo->program, "gatehouse");
}

static int run_demo(struct demo *demo)
{
    char *path = start_server(demo) ? save_conf(demo, "demo.conf", write_demo) : NULL;
    if (path == NULL) {
        fprintf(stderr, "gatehouse: the demo's server does not start\n");
        stop_server(demo);
        return EXIT_MISTAKE;
    }
    struct supervisor_options options = {.source = {.path = path}, .ready = show, .arg = demo};
    int status = supervisor_run(&options);
    free(path);
    stop_server(demo);
    return status;
}

int demo_command(const struct args *args)
{
    (void)args;
    struct demo demo = {.turn = lock_ports()};
    demo.front = port_near(FRONT_PORT);
    demo.proxy = port_near(PROXY_PORT);
    demo.site = take_port(0);
    find_program(&demo);
    look_at_environment(&demo);
    int status = EXIT_MISTAKE;
    if (make_site(&demo))
        status = run_demo(&demo);
    else
        fprintf(stderr, "gatehouse: the demo's folder %s cannot be made: %s\n", demo.folder, strerror(errno));
    close_quietly(demo.turn);
    remove_site(&demo);
    free(demo.folder);
    return status;
}
