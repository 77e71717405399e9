#include "modes/forward/edit.h"

#include "proxy/apply.h"

static struct field_patterns for_the_proxy = {.patterns = (const char *const[]){"proxy-*", "proxy", NULL}};

static struct field_patterns tells_client = {
    .patterns = (const char *const[]){"x-forwarded*", "forwarded", "forwarded-for*", "from", "x-real-ip", "x-client-ip",
                                      "client-ip", "true-client-ip", "x-cluster-client-ip", "x-originating-ip",
                                      "x-remote-ip", "x-remote-addr", "x-proxyuser-ip", "x-proxy-*",
                                      "x-authenticated-user", "x-bluecoat-via", "x-imforwards", NULL}};

static bool is_pseudonym(struct str via)
{
    struct str by = str_trim(str_skip(via, str_find(via, ' ')));
    return is_token(by) && str_find(by, '.') == by.len;
}

static bool keep_pseudonym(struct str via, const void *of)
{
    (void)of;
    return is_pseudonym(via);
}

static bool via_names_nobody(const struct fields *request)
{
    struct member_cursor cursor = {0};
    struct str member;
    while (fields_next_member(request, FIELD_VIA, &cursor, &member))
        if (!is_pseudonym(member))
            return false;
    return true;
}

/* Via of proxies inside may name them; a pseudonym (a word without a dot or a port, as ours) stays, since loops are
   found by it. `came`: with the client's request, without ours. */
static void conceal_via(struct fields *request, const struct fields *came, struct arena *arena)
{
    if ((came != NULL && fields_find_known(came, FIELD_VIA) == NULL) || via_names_nobody(request))
        return;
    struct str kept = fields_join(request, FIELD_VIA, keep_pseudonym, NULL, arena);
    fields_remove_known(request, FIELD_VIA);
    if (kept.at != NULL)
        fields_add_known(request, FIELD_VIA, kept);
}

bool forward_drops_from_client(struct str name, bool conceal)
{
    return field_patterns_have(&for_the_proxy, name) || (conceal && field_patterns_have(&tells_client, name));
}

void forward_tell_client(struct fields *request, bool conceal, const struct facts *facts, struct arena *arena)
{
    fields_drop(request, &for_the_proxy);
    if (conceal) {
        fields_drop(request, &tells_client);
        conceal_via(request, facts->request_fields, arena);
        return;
    }
    if (facts->client.version == 0)
        return;
    char text[ADDR_TEXT_MAX];
    struct str client = arena_dup(arena, str_from(text, ip_text(&facts->client, text)));
    struct str list = fields_join(request, FIELD_X_FORWARDED_FOR, NULL, NULL, arena);
    if (list.at != NULL)
        client = arena_printf(arena, "%.*s, %.*s", STR_ARGS(list), STR_ARGS(client));
    fields_remove_known(request, FIELD_X_FORWARDED_FOR);
    fields_add_known(request, FIELD_X_FORWARDED_FOR, client);
}
