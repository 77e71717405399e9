/* The loader of configurations, on any text, with an opener that opens nothing: a result, or at least one mistake that is told. */
#include "conf/loader.h"

#include "base/must.h"
#include "base/object.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int open_nothing(struct opener *opener, const char *path, enum open_purpose purpose)
{
    (void)opener;
    (void)purpose;
    must(path[0] == '/');
    errno = ENOENT;
    return -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct opener opener = {.open = open_nothing};
    struct conf_options options = {.text = str_from((const char *)data, size)};
    struct diag diag;
    struct text shown;
    if (data == NULL)
        options.text = STR("");
    diag_init(&diag);
    text_init(&shown);
    struct config *config = conf_load("/fuzz.conf", &options, &opener, NULL, &diag);
    must((config == NULL) == (diag.errors > 0));
    diag_show(&diag, &shown);
    must((shown.len > 0) == (diag.errors + diag.warnings > 0));
    config_unref(config);
    must(object_alive(OBJECT_CONFIG) == 0);
    text_fini(&shown);
    diag_fini(&diag);
    return 0;
}
