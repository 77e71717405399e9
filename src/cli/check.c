/* gatehouse check */
#include "base/arena.h"
#include "base/regex.h"
#include "cli/cli.h"
#include "cli/summary.h"
#include "conf/loader.h"
#include "process/keeper.h"
#include "process/log_open.h"
#include "process/policy_test.h"

#include <stdio.h>

static void say_ok(const char *path, const struct config *config)
{
    struct text line;
    text_init(&line);
    summary_of(config, &line);
    printf("%s: ok (%s)\n", path, line.len > 0 ? line.at : "nothing");
    text_fini(&line);
}

int check_command(const struct args *args)
{
    struct diag diag;
    diag_init(&diag);
    diag.strict = args_has(args, "--strict");
    struct conf_options options = {.looks_for_programs = true};
    struct config *config = conf_load(conf_path(args), &options, probing_opener(), NULL, &diag);
    if (config != NULL)
        policy_test_run(config, &diag);
    if (config != NULL)
        logs_check(config, &diag);
    diag_print(&diag);
    bool is_right = config != NULL && !diag_has_failed(&diag);
    if (is_right)
        say_ok(conf_path(args), config);
    if (config != NULL)
        config_unref(config);
    diag_fini(&diag);
    regex_thread_done();
    arena_thread_done();
    return is_right ? EXIT_DONE : EXIT_MISTAKE;
}
