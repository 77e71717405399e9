/* What is allowed but hardly meant of certificates; their dates are told where they are read. */
#include "conf/lint.h"

#include <stdio.h>

/* By whichever of them: a client is shown those that are for the name that it asks for. */
static bool is_certified(const struct tls_server_conf *tls, struct str name)
{
    for (size_t i = 0; i < tls->certificate_count; i++)
        if (tls_server_covers(tls->built, i, name))
            return true;
    return false;
}

static bool is_covered(const struct tls_server_conf *tls, const struct host_pattern *host)
{
    char below[512];
    int len = snprintf(below, sizeof below, "any.%.*s", STR_ARGS(host->name));
    bool is_below = len > 0 && (size_t)len < sizeof below && is_certified(tls, str_of(below));
    switch (host->kind) {
    case HOST_EXACT:
        return is_certified(tls, host->name);
    case HOST_BELOW:
        return is_below;
    case HOST_SUFFIX:
        return is_below && is_certified(tls, host->name);
    default:
        return true;
    }
}

void lint_hosts(const struct reverse_conf *reverse, struct diag *diag)
{
    const struct word *first = &reverse->tls->certificates[0].certificate;
    for (size_t i = 0; i < reverse->host_count; i++)
        if (!is_covered(reverse->tls, &reverse->hosts[i]))
            diag_add(diag, DIAG_WARNING, &first->place, NULL, "the certificate '%.*s'%s is not for '%.*s'",
                     STR_ARGS(first->text), reverse->tls->certificate_count > 1 ? ", as the others of this block," : "",
                     STR_ARGS(reverse->hosts[i].word.text));
}

/* As keeper_make_certificate() cuts it. */
static void lint_made(struct loading *load, const struct tls_server_conf *tls)
{
    struct str rest = tls->names, first;
    if (rest.len <= MADE_NAMES_MAX)
        return;
    rest = str_skip(rest, str_find_last(str_head(rest, MADE_NAMES_MAX), '\n') + 1);
    if (str_cut(&rest, '\n', &first))
        diag_add(load->diag, DIAG_WARNING, &tls->place.place, "write a block for some of them",
                 "the self-signed certificate is not for '%.*s' and what is behind it: it has room for %d bytes",
                 STR_ARGS(first), MADE_NAMES_MAX);
}

void lint_tls(struct loading *load)
{
    const struct config *config = load->config;
    for (size_t i = 0; i < config->reverse_count; i++) {
        const struct reverse_conf *reverse = &config->reverses[i];
        if (reverse->tls != NULL && reverse->tls->source == CERTIFICATE_SELF_SIGNED)
            lint_made(load, reverse->tls);
        if (reverse->tls != NULL && reverse->tls->source == CERTIFICATE_FILES && reverse->tls->built != NULL)
            lint_hosts(reverse, load->diag);
    }
}
