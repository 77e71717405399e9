#include "base/spares.h"

static void free_some(struct spares *spares, unsigned count)
{
    for (; count > 0; count--) {
        struct spare *spare = spares->first;
        spares->first = spare->next;
        spares->count--;
        free(spare);
    }
}

unsigned spares_trim(struct spares *spares)
{
    unsigned unwanted = spares->least;
    free_some(spares, unwanted);
    spares->least = spares->count;
    return unwanted;
}

void spares_free(struct spares *spares)
{
    free_some(spares, spares->count);
    spares->least = 0;
}
