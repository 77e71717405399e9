#include "process/entry.h"

#include "base/must.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {[SANDBOX_WORKER] = "worker", [SANDBOX_KEEPER] = "keeper", [SANDBOX_ACME] = "acme"};

void entry_ignore_signals(void)
{
    static const int ignored[] = {SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE};
    for (size_t i = 0; i < lengthof(ignored); i++)
        signal(ignored[i], SIG_IGN);
}

static void tell(enum sandbox_kind kind, struct str notes)
{
    struct str line;
    while (str_cut(&notes, '\n', &line))
        if (line.len > 0)
            fprintf(stderr, "gatehouse: %s: %.*s\n", names[kind], STR_ARGS(line));
}

bool entry_pass(enum sandbox_kind kind, struct message *ret)
{
    struct identity identity;
    struct text notes;
    if (channel_receive(WORKER_CHANNEL, true, ret) != RECEIVED_MESSAGE || ret->kind != MESSAGE_BEGIN ||
        ret->len != sizeof identity)
        return false;
    memcpy(&identity, ret->bytes, sizeof identity);
    text_init(&notes);
    bool is_done = sandbox_enter(&identity, kind, (ret->index & BEGIN_WITHOUT_SANDBOX) == 0, &notes);
    tell(kind, text_str(&notes));
    text_fini(&notes);
    return is_done;
}
