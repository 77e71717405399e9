#include "process/worker_expiry.h"

#include <stdio.h>

static void tell(const char *path, const struct certificate_facts *facts, int64_t now)
{
    struct text text;
    text_init(&text);
    certificate_tell_end(facts, now, &text);
    fprintf(stderr, "gatehouse: the certificate %s %s\n", path, text.at);
    text_fini(&text);
}

void worker_tell_expiry(const struct config *config)
{
    int64_t now = wall_seconds(clock_wall());
    for (size_t i = 0; i < config->tls_server_count; i++) {
        const struct tls_server_conf *server = config->tls_servers[i];
        for (size_t k = 0; k < server->certificate_count; k++) {
            struct certificate_facts facts;
            tls_server_facts(server->built, k, &facts, NULL);
            if (certificate_is_ending(&facts, now))
                tell(server->certificates[k].certificate_path, &facts, now);
        }
    }
}
