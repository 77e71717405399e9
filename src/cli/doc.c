/* gatehouse doc */
#include "conf/doc.h"

#include "cli/cli.h"

#include <stdio.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION ""
#endif

static void print(const struct text *text, FILE *to)
{
    fwrite(text_str(text).at, 1, text->len, to);
}

int doc_command(const struct args *args)
{
    struct text text;
    text_init(&text);
    bool is_manual = args_has(args, "--man");
    bool is_known = true;
    if (is_manual)
        manual_write(PACKAGE_VERSION, &text);
    else
        is_known = doc_write(args->word_count > 0 ? args->words[0] : NULL, &text);
    print(&text, is_known ? stdout : stderr);
    text_fini(&text);
    return is_known ? EXIT_DONE : EXIT_MISTAKE;
}
