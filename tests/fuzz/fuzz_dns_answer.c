/*
 * An answer of a name server. Whatever it is, it is read within bounds, and what comes out is within its own.
 */
#include "base/must.h"
#include "net/dns_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int types[] = {DNS_TYPE_A, DNS_TYPE_AAAA};
    for (size_t i = 0; i < lengthof(types); i++) {
        struct dns_answer answer;
        if (!dns_answer_parse(str_from((const char *)data, size), STR("www.a.test"), types[i], &answer))
            continue;
        must(answer.count <= DNS_ADDRESSES_MAX && answer.ttl <= INT32_MAX);
        must(answer.count == 0 || answer.has_ttl);
        for (size_t k = 0; k < answer.count; k++)
            must(answer.at[k].version == 4 || (answer.at[k].version == 6 && types[i] == DNS_TYPE_AAAA));
    }
    return 0;
}
