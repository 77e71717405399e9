/*
 * The commands: one table, from which usage and help are written too.
 *
 * Exit statuses: 0 done, 1 a mistake or a "no", 2 wrong usage, 3 no gatehouse running.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "cli/args.h"

enum { EXIT_DONE = 0, EXIT_MISTAKE = 1, EXIT_USAGE = 2, EXIT_NOT_RUNNING = 3 };

#define DEFAULT_CONF SYSCONFDIR "/gatehouse/gatehouse.conf"

struct command {
    const char *name;
    const char *words; /* that it takes besides options: "URL", "[NAME]"; NULL: none */
    size_t least_words, most_words;
    const struct option_row *options;
    const char *help;
    bool is_hidden;
    int (*run)(const struct args *args); /* the exit status */
};

int cli_main(int count, char *const *words);

/* The commands, each in a file of its own. */
int run_command(const struct args *args);
int check_command(const struct args *args);
int reverse_command(const struct args *args);
int forward_command(const struct args *args);
int demo_command(const struct args *args);
int reload_command(const struct args *args);
int drain_command(const struct args *args);
int stop_command(const struct args *args);
int status_command(const struct args *args);
int explain_command(const struct args *args);
int doc_command(const struct args *args);

/* Features and the versions of libraries, for --version. */
void version_print(void);

/* -c, else the default. */
const char *conf_path(const struct args *args);
/* One line on stderr, "gatehouse: …"; returns EXIT_USAGE. */
int wrong_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
