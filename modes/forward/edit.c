#include "modes/forward/edit.h"

#include "proxy/apply.h"

static const char *const for_the_proxy[] = {"proxy-*", "proxy", NULL};

static const char *const tells_client[] = {"x-forwarded*",
                                           "forwarded",
                                           "forwarded-for*",
                                           "from",
                                           "x-real-ip",
                                           "x-client-ip",
                                           "client-ip",
                                           "true-client-ip",
                                           "x-cluster-client-ip",
                                           "x-originating-ip",
                                           "x-remote-ip",
                                           "x-remote-addr",
                                           "x-proxyuser-ip",
                                           "x-proxy-*",
                                           "x-authenticated-user",
                                           "x-bluecoat-via",
                                           "x-imforwards",
                                           NULL};

/* Via of proxies inside may name them; a pseudonym (a word without a dot or a port, as ours) stays, since loops are found by it. */
static void conceal_via(struct fields *request, struct arena *arena)
{
    struct member_cursor cursor = {0};
    struct str member, kept = STR_NONE;
    while (fields_next_member(request, FIELD_VIA, &cursor, &member)) {
        struct str by = str_trim(str_skip(member, str_find(member, ' ')));
        if (!is_token(by) || str_find(by, '.') < by.len)
            continue;
        kept = kept.at == NULL ? member : arena_printf(arena, "%.*s, %.*s", STR_ARGS(kept), STR_ARGS(member));
    }
    fields_remove_known(request, FIELD_VIA);
    if (kept.at != NULL)
        fields_add_known(request, FIELD_VIA, kept);
}

void forward_tell_client(struct fields *request, bool conceal, const struct facts *facts, struct arena *arena)
{
    fields_drop(request, for_the_proxy);
    if (conceal) {
        fields_drop(request, tells_client);
        conceal_via(request, arena);
        return;
    }
    if (facts->client.version == 0)
        return;
    char text[ADDR_TEXT_MAX];
    struct str client = arena_dup(arena, str_from(text, ip_text(&facts->client, text)));
    struct member_cursor cursor = {0};
    struct str list = STR_NONE, member;
    while (fields_next_member(request, FIELD_X_FORWARDED_FOR, &cursor, &member))
        list = list.at == NULL ? member : arena_printf(arena, "%.*s, %.*s", STR_ARGS(list), STR_ARGS(member));
    if (list.at != NULL)
        client = arena_printf(arena, "%.*s, %.*s", STR_ARGS(list), STR_ARGS(client));
    fields_remove_known(request, FIELD_X_FORWARDED_FOR);
    fields_add_known(request, FIELD_X_FORWARDED_FOR, client);
}
