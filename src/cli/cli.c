#include "cli/cli.h"

#include "base/diag.h"
#include "base/must.h"
#include "process/acme.h"
#include "process/keeper.h"
#include "process/worker.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CONF_ROW                                                                                                       \
    {                                                                                                                  \
        "-c", "FILE", false, false, "the configuration; default " DEFAULT_CONF                                         \
    }
#define CONTROL_ROW                                                                                                    \
    {                                                                                                                  \
        "--control", "PATH", false, false, "the control socket, instead of the configuration's"                        \
    }
#define PRINT_ROW                                                                                                      \
    {                                                                                                                  \
        "--print", NULL, false, false, "write the configuration that would be run, and end"                            \
    }
#define END_ROW                                                                                                        \
    {                                                                                                                  \
        NULL, NULL, false, false, NULL                                                                                 \
    }

static const struct option_row run_options[] = {
    CONF_ROW,
    {"--no-sandbox", NULL, false, false, "for debuggers and profilers: the worker gives nothing up"},
    END_ROW,
};

static const struct option_row check_options[] = {
    CONF_ROW,
    {"--strict", NULL, false, false, "warnings are mistakes too"},
    END_ROW,
};

static const struct option_row reverse_options[] = {
    {"--listen", "ADDRESS", true, true, "where clients come: HOST:PORT, :PORT, PORT, unix:/PATH"},
    {"--to", "ADDRESS...", true, true, "the servers: HOST:PORT, :PORT, unix:/PATH"},
    {"--tls", "CERT KEY|self-signed|auto HOST...", true, false,
     "clients speak TLS, but on port 80; auto: for a certificate of Let's Encrypt, to whose terms you agree by that"},
    {"--log", "FILE", false, false, "a line for each request in this file; default: on the terminal"},
    PRINT_ROW,
    END_ROW,
};

static const struct option_row forward_options[] = {
    {"--listen", "ADDRESS", true, true, "where clients come: HOST:PORT, :PORT, PORT, unix:/PATH"},
    {"--from", "CIDR...", true, false, "who may use it; default: this machine alone"},
    {"--only", "HOST...", true, false, "nothing but these: NAME, .NAME (and below), *.NAME (below)"},
    {"--block", "HOST|FILE...", true, false, "not these and what is below them; or files with lists of names"},
    {"--log", "FILE", false, false, "a line for each request in this file; default: on the terminal"},
    PRINT_ROW,
    END_ROW,
};

static const struct option_row client_options[] = {CONF_ROW, CONTROL_ROW, END_ROW};

static const struct option_row status_options[] = {
    CONF_ROW,
    CONTROL_ROW,
    {"--json", NULL, false, false, "one line of JSON"},
    END_ROW,
};

static const struct option_row explain_options[] = {
    CONF_ROW,
    {"--in", "BLOCK", false, false, "the block that is asked; needed when several could be"},
    {"--client", "IP", false, false, "who asks; default 127.0.0.1"},
    {"--method", "METHOD", false, false, "default GET"},
    {"--at", "TIME", false, false, "\"YYYY-MM-DD HH:MM\"; default: now"},
    {"--to", "IP", false, false, "the address that the name resolves to; nothing is resolved here"},
    {"--header", "\"NAME: VALUE\"", true, false, "a field of the request"},
    {"--sni", "NAME", false, false, "the name in the TLS greeting of a tunnel; default: the host of the URL"},
    {"--client-certificate", "SUBJECT", false, false, "of a verified certificate that the client shows; default: none"},
    END_ROW,
};

static const struct option_row doc_options[] = {
    {"--man", NULL, false, false, "the whole manual page gatehouse.conf(5), for man(1)"},
    END_ROW,
};

/* Their two channels are on descriptors 3 and 4. */
static bool is_child_of_supervisor(void)
{
    int type;
    socklen_t len = sizeof type;
    for (int fd = 3; fd <= 4; fd++)
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0 || type != SOCK_SEQPACKET)
            return false;
    return true;
}

static int worker_command(const struct args *args)
{
    (void)args;
    return is_child_of_supervisor() ? worker_main() : wrong_usage("the worker is started by `gatehouse run`");
}

static int keeper_command(const struct args *args)
{
    (void)args;
    return is_child_of_supervisor() ? keeper_main() : wrong_usage("the keeper is started by `gatehouse run`");
}

static int acme_command(const struct args *args)
{
    (void)args;
    return is_child_of_supervisor() ? acme_main() : wrong_usage("this is started by `gatehouse run`");
}

static int help_command(const struct args *args);

static const struct command commands[] = {
    {"run", NULL, 0, 0, run_options, "serve, in the foreground", false, run_command},
    {"check", NULL, 0, 0, check_options, "say whether a configuration is right, and every mistake", false,
     check_command},
    {"reverse", NULL, 0, 0, reverse_options, "a reverse proxy, without a file", false, reverse_command},
    {"forward", NULL, 0, 0, forward_options, "a forward proxy, without a file", false, forward_command},
    {"demo", NULL, 0, 0, NULL, "both, in front of a site that is built in: what to try is printed", false,
     demo_command},
    {"reload", NULL, 0, 0, client_options, "have the configuration read again; prints what changed, or every mistake",
     false, reload_command},
    {"drain", NULL, 0, 0, client_options, "end when the last request has ended", false, drain_command},
    {"stop", NULL, 0, 0, client_options, "end at once", false, stop_command},
    {"status", NULL, 0, 0, status_options, "how the running gatehouse is", false, status_command},
    {"explain", "URL", 1, 1, explain_options, "what would be done with a request, and why", false, explain_command},
    {"doc", "[NAME]", 0, 1, doc_options, "what a directive means; without a name, all of them", false, doc_command},
    {"help", "[COMMAND]", 0, 1, NULL, "this, or the options of a command", true, help_command},
    {"worker", NULL, 0, 0, NULL, "", true, worker_command},
    {"keeper", NULL, 0, 0, NULL, "", true, keeper_command},
    {"acme", NULL, 0, 0, NULL, "", true, acme_command},
};

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < lengthof(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* "gatehouse reverse --listen ADDRESS --to ADDRESS... [--print]" */
static void print_synopsis(FILE *to, const struct command *command)
{
    fprintf(to, "gatehouse %s", command->name);
    if (command->words != NULL)
        fprintf(to, " %s", command->words);
    for (const struct option_row *row = command->options; row != NULL && row->name != NULL; row++)
        fprintf(to, " %s%s%s%s%s", row->is_needed ? "" : "[", row->name, row->value != NULL ? " " : "",
                row->value != NULL ? row->value : "", row->is_needed ? "" : "]");
    fputc('\n', to);
}

static void print_command(const struct command *command)
{
    print_synopsis(stdout, command);
    printf("  %s\n", command->help);
    for (const struct option_row *row = command->options; row != NULL && row->name != NULL; row++) {
        char head[64];
        snprintf(head, sizeof head, "%s %s", row->name, row->value != NULL ? row->value : "");
        printf("    %-26s %s\n", head, row->help);
    }
}

static void print_help(void)
{
    printf("gatehouse: a forward and reverse HTTP proxy\n\n");
    for (size_t i = 0; i < lengthof(commands); i++)
        if (!commands[i].is_hidden)
            printf("  gatehouse %-9s %s\n", commands[i].name, commands[i].help);
    printf("\n  gatehouse help COMMAND shows its options; gatehouse --version what was built in.\n"
           "  A first look: gatehouse demo\n");
}

static int help_command(const struct args *args)
{
    if (args->word_count == 0) {
        print_help();
        return EXIT_DONE;
    }
    const struct command *command = find_command(args->words[0]);
    if (command == NULL || command->is_hidden)
        return wrong_usage("there is no command '%s'", args->words[0]);
    print_command(command);
    return EXIT_DONE;
}

int wrong_usage(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("gatehouse: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return EXIT_USAGE;
}

const char *conf_path(const struct args *args)
{
    const char *path = args_get(args, "-c");
    return path != NULL ? path : DEFAULT_CONF;
}

static int say_unknown(const char *name)
{
    const char *names[lengthof(commands) + 1];
    size_t count = 0;
    for (size_t i = 0; i < lengthof(commands); i++)
        if (!commands[i].is_hidden)
            names[count++] = commands[i].name;
    names[count] = NULL;
    const char *nearest = diag_nearest(str_of(name), names);
    if (nearest != NULL)
        return wrong_usage("there is no command '%s'; did you mean '%s'?", name, nearest);
    return wrong_usage("there is no command '%s'; `gatehouse help` shows all", name);
}

static bool wants_help(int count, char *const *words)
{
    for (int i = 0; i < count; i++)
        if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0)
            return true;
    return false;
}

static int run(const struct command *command, int count, char *const *words)
{
    if (!command->is_hidden && wants_help(count, words)) {
        print_command(command);
        return EXIT_DONE;
    }
    struct args args;
    struct text why;
    text_init(&why);
    int status = EXIT_USAGE;
    bool is_read = args_read(&args, command->options, count, words, &why);
    if (is_read && (args.word_count < command->least_words || args.word_count > command->most_words)) {
        is_read = false;
        text_add_cstr(&why, args.word_count > command->most_words ? "too many words" : "a word is missing");
    }
    if (is_read) {
        status = command->run(&args);
    } else {
        wrong_usage("%s: %s", command->name, why.at);
        fputs("usage: ", stderr);
        print_synopsis(stderr, command);
    }
    text_fini(&why);
    args_free(&args);
    return status;
}

int cli_main(int count, char *const *words)
{
    if (acme_is_hook(count, words))
        return acme_hook_main(count, words);
    if (count < 2) {
        print_help();
        return EXIT_USAGE;
    }
    const char *name = words[1];
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        version_print();
        return EXIT_DONE;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_help();
        return EXIT_DONE;
    }
    const struct command *command = find_command(name);
    return command != NULL ? run(command, count - 2, words + 2) : say_unknown(name);
}
