#include "admin/commands.h"

#include "admin/status.h"

const struct admin_command admin_commands[] = {
    {"status", "[json]", "how the running gatehouse is: processes, listeners, traffic, memory, logs", status_run},
    {NULL, NULL, NULL, NULL},
};

bool admin_run(const struct admin_view *view, struct str line, struct text *into)
{
    struct str rest = str_trim(line);
    struct str name;
    if (!str_cut(&rest, ' ', &name))
        name = STR_NONE;
    for (const struct admin_command *command = admin_commands; command->name != NULL; command++)
        if (str_eq(name, str_of(command->name)))
            return command->run(view, str_trim(rest), into);
    text_printf(into, "there is no command '%.*s'\n", STR_ARGS(name));
    return false;
}
