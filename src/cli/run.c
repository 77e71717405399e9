/* gatehouse run */
#include "cli/cli.h"
#include "process/supervisor.h"

#include <stdio.h>

int run_command(const struct args *args)
{
    struct supervisor_options options = {.source = {.path = conf_path(args)}};
    options.without_sandbox = args_has(args, "--no-sandbox");
    if (options.without_sandbox)
        fprintf(stderr, "gatehouse: warning: the worker runs without its sandbox\n");
    return supervisor_run(&options);
}
