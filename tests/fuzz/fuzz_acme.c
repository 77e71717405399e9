/*
 * What uacme says of an authority's answer becomes one line that can be printed; and an order, whatever it is, is read to its end or refused.
 */
#include "base/must.h"
#include "process/acme_order.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_why(struct str said)
{
    char why[ORDER_REASON_MAX];
    acme_run_why(said, why, sizeof why);
    must(why[0] != '\0' && strlen(why) < sizeof why);
    for (const char *at = why; *at != '\0'; at++)
        must(*at >= ' ' && *at <= '~' && *at != '"');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size};
    check_why(rest);
    while (rest.len > 0) {
        size_t before = rest.len;
        struct order *order = order_read(&rest);
        if (order == NULL)
            break;
        must(order->name_count > 0 && order->kind_count > 0 && order->kind_count <= CHALLENGE_KIND_COUNT);
        must(rest.at == NULL || rest.len < before);
        order_free(order);
    }
    return 0;
}
