/* What uacme runs at the beginning and end of each challenge: METHOD TYPE IDENT TOKEN AUTH (uacme(1)). */
#include "process/acme.h"

#include "base/text.h"
#include "process/acme_run.h"
#include "process/channel.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS = 6 };

bool acme_is_hook(int count, char *const *words)
{
    return count > 0 && strcmp(words[0], ACME_HOOK_PATH) == 0 && getenv(ACME_HOOK_VARIABLE) != NULL;
}

int acme_hook_main(int count, char *const *words)
{
    static struct message answer;
    struct text text;
    if (count != WORDS)
        return EXIT_FAILURE;
    text_init(&text);
    for (int i = 1; i < count; i++)
        text_printf(&text, "%s\n", words[i]);
    struct letter_to letter = {.kind = MESSAGE_HOOK, .text = text_str(&text)};
    bool goes_on = text.len <= MESSAGE_MAX && channel_send(ACME_HOOK_CHANNEL, &letter) &&
                   channel_receive(ACME_HOOK_CHANNEL, true, &answer) == RECEIVED_MESSAGE && answer.number == 1;
    text_fini(&text);
    return goes_on ? EXIT_SUCCESS : EXIT_FAILURE;
}
