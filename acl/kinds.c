#include "acl/acl_conf.h"

#include "acl/condition.h"
#include "acl/list_conf.h"

#include <limits.h>
#include <stdio.h>

const struct list_conf *condition_list(const struct acl_scope *scope, const struct word *word, size_t skip)
{
    struct str name = str_skip(word->text, skip);
    const struct list_conf *list = scope->find_list(scope, name);
    char hint[128];
    if (list != NULL)
        return list;
    const char *near = diag_nearest(name, scope->list_names(scope));
    if (near != NULL)
        snprintf(hint, sizeof hint, "did you mean '%s'?", near);
    diag_add(scope->diag, DIAG_ERROR, &word->place, near != NULL ? hint : "expected the name of a `list` block",
             "there is no list '%.*s'", STR_ARGS(name));
    return NULL;
}

/* In quotes there may be escapes before it. */
struct place condition_place(const struct word *word, size_t from)
{
    struct place place = word->place;
    if (word->quoted || from >= word->text.len || place.width != word->text.len)
        return place;
    place.column += (unsigned)from;
    place.width = (unsigned)(word->text.len - from);
    return place;
}

const struct condition_kind *condition_kind_find(struct str name)
{
    for (const struct condition_kind *kind = condition_kinds; kind->name != NULL; kind++)
        if (str_eq(name, str_of(kind->name)))
            return kind;
    return NULL;
}

#define ANY UINT_MAX
const struct condition_kind condition_kinds[] = {
    {"source", PHASE_CONNECT, 1, ANY, "CIDR...", "the client's address is in one of them; @NAME is a list of addresses",
     source_parse, source_truth, NULL, TUNNEL_SAME},
    {"tls-sni", PHASE_CONNECT, 1, ANY, "PATTERN...",
     "the name in the TLS greeting: with tls-passthrough; and of a tunnel to port 443 once it is open, for a deny, which ends it",
     tls_sni_parse, tls_sni_truth, NULL, TUNNEL_HELLO},
    {"host", PHASE_REQUEST, 1, ANY, "PATTERN...",
     "the name asked for: example.org, *.example.org (any depth below) or .example.org (itself and below); ports are ignored",
     host_parse, host_truth, NULL, TUNNEL_SAME},
    {"listed", PHASE_REQUEST, 1, ANY, "NAME...", "the host, a parent of it, or host and path, is in one of these lists",
     listed_parse, listed_truth, NULL, TUNNEL_SAME},
    {"path", PHASE_REQUEST, 1, ANY, "GLOB...",
     "the canonical path; * is any run of characters, / included, and ? is one; /x/* is /x, too", path_parse,
     path_truth, NULL, TUNNEL_NEVER},
    {"path-regex", PHASE_REQUEST, 1, ANY, "RE...", "a PCRE2 expression is found in the canonical path",
     path_regex_parse, path_regex_truth, regex_condition_fini, TUNNEL_NEVER},
    {"url-regex", PHASE_REQUEST, 1, ANY, "RE...", "a PCRE2 expression is found in the whole URL", url_regex_parse,
     url_regex_truth, regex_condition_fini, TUNNEL_NEVER},
    {"method", PHASE_REQUEST, 1, ANY, "M...", "the method, in upper case; a tunnel's is CONNECT", method_parse,
     method_truth, NULL, TUNNEL_SAME},
    {"scheme", PHASE_REQUEST, 1, ANY, "S...", "http, https, or tunnel", scheme_parse, scheme_truth, NULL, TUNNEL_SAME},
    {"port", PHASE_REQUEST, 1, ANY, "P|A-B...",
     "the port: the destination's (forward), the URL's, else 80 or 443 (reverse)", port_parse, port_truth, NULL,
     TUNNEL_SAME},
    {"header", PHASE_REQUEST, 1, ANY, "NAME [GLOB...]",
     "the request has that field, with a value (the whole, or one of its comma-separated members) that matches in any case",
     header_parse, header_truth, NULL, TUNNEL_PARTS},
    {"client-certificate", PHASE_REQUEST, 1, ANY, "SUBJECT-GLOB...",
     "the client has shown a certificate, verified by tls { client-ca }, whose subject (RFC 4514: CN=ann,O=Example) matches, part by part; "
     "* is any run of characters of one part, and ? is one; a part that is * alone is one part or more: *,O=Example is true of CN=ann,OU=web,O=Example, "
     "and not of O=Example; a * at the beginning or the end of the pattern is also true of whole parts there, or none; \\, \\* and \\? are such "
     "characters of a name",
     client_certificate_parse, client_certificate_truth, NULL, TUNNEL_SAME},
    {"time", PHASE_REQUEST, 1, ANY, "SPEC... [zone TZ]",
     "days, hours, or days and hours: Mon-Fri 08:00-18:00; the end is exclusive; past midnight belongs to the day it begins on",
     time_parse, time_truth, NULL, TUNNEL_SAME},
    {"destination", PHASE_DIAL, 1, ANY, "CIDR...",
     "the address that will be connected to; @NAME is a list of addresses", destination_parse, destination_truth, NULL,
     TUNNEL_SAME},
    {"response-type", PHASE_RESPONSE, 1, ANY, "TYPE...", "the answer's media type, like text/html or image/*",
     response_type_parse, response_type_truth, NULL, TUNNEL_NEVER},
    {"response-size", PHASE_RESPONSE, 1, 1, ">SIZE", "the answer says that it is larger", response_size_parse,
     response_size_truth, NULL, TUNNEL_NEVER},
    {.name = NULL},
};
#undef ANY
