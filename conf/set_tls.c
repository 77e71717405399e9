/* What `tls { … }` says of listeners; their certificates are read in set_certificate.c. */
#include "conf/setters.h"

#include "conf/block.h"

/* Whoever names authorities wants to see certificates. */
static bool settle_certificates(struct scope *scope, struct tls_server_conf *tls)
{
    if (tls->client_ca.text.at == NULL && tls->client_certificate != CLIENT_CERTIFICATE_NONE)
        return scope_may_have(scope, "client-ca") ||
               mistake(scope->load, &tls->settings, "add: client-ca FILE",
                       "'client-certificate' needs to know which authorities are believed");
    if (tls->client_ca.text.at != NULL && tls->client_certificate == CLIENT_CERTIFICATE_NONE)
        tls->client_certificate = CLIENT_CERTIFICATE_REQUIRED;
    return true;
}

bool set_tls(struct scope *outer, const struct setting *setting)
{
    struct tls_server_conf *tls = tls_of_mode(outer);
    struct scope scope;
    tls->settings = *setting->name;
    scope_init(&scope, outer->load, outer, BLOCK_TLS, tls);
    block_read(&scope, setting->statement->block);
    if (outer->mode->kind == BLOCK_FORWARD && tls->hsts >= 0)
        return mistake(outer->load, &tls->settings, NULL, "'hsts' does not belong in a forward block");
    return settle_certificates(&scope, tls);
}

bool set_tls_versions(struct scope *scope, const struct setting *setting)
{
    static const struct value_word known[] = {{"1.2", TLS_1_2}, {"1.3", TLS_1_3}, {NULL, 0}};
    struct tls_server_conf *tls = scope->target;
    tls->versions = 0;
    for (size_t i = 0; i < setting->count; i++) {
        const struct value_word *version = known;
        while (version->name != NULL && !str_eq(setting->args[i].text, str_of(version->name)))
            version++;
        if (version->name == NULL)
            return mistake(scope->load, &setting->args[i], "1.2 and 1.3; what is older is not safe",
                           "'%.*s' is no version of TLS that is spoken here", STR_ARGS(setting->args[i].text));
        if ((tls->versions & (unsigned)version->value) != 0)
            return mistake(scope->load, &setting->args[i], "once is enough", "unexpected '%s' in 'versions'",
                           version->name);
        tls->versions |= (unsigned)version->value;
    }
    return true;
}

/* What the words mean is known where the library is: net/tls_ciphers.c. */
bool set_tls_ciphers(struct scope *scope, const struct setting *setting)
{
    struct tls_server_conf *tls = scope->target;
    tls->ciphers = arena_zalloc(scope->load->arena, setting->count * sizeof *tls->ciphers);
    tls->cipher_count = setting->count;
    for (size_t i = 0; i < setting->count; i++)
        tls->ciphers[i] = setting->args[i];
    return true;
}

bool set_tls_client_ca(struct scope *scope, const struct setting *setting)
{
    struct tls_server_conf *tls = scope->target;
    tls->client_ca = setting->args[0];
    tls->client_ca_path = loading_path(scope->load, &tls->client_ca);
    return tls->client_ca_path != NULL;
}

/* The block as a whole */

static const struct listen_conf *find_listen(const struct mode_draft *mode, bool is_tls)
{
    for (size_t i = 0; i < mode->listen_count; i++)
        if (mode->listens[i].is_tls == is_tls)
            return &mode->listens[i];
    return NULL;
}

static const struct expression *find_certificate_asked(const struct expression *expression)
{
    if (expression == NULL)
        return NULL;
    if (expression->op == EXPRESSION_CONDITION)
        return str_eq(str_of(expression->kind->name), STR("client-certificate")) ? expression : NULL;
    const struct expression *left = find_certificate_asked(expression->left);
    return left != NULL ? left : find_certificate_asked(expression->right);
}

bool tls_check_condition(const struct scope *scope, const struct expression *expression)
{
    const struct tls_server_conf *tls = scope->mode->tls;
    const struct expression *asked = find_certificate_asked(expression);
    if (asked == NULL || (tls != NULL && tls->client_certificate != CLIENT_CERTIFICATE_NONE))
        return true;
    const struct word at = {.place = asked->place};
    return mistake(scope->load, &at, "add: tls { client-ca FILE; }",
                   "'%.*s' is about certificates of clients, and this block asks for none", STR_ARGS(asked->name));
}

/* No mistake: the listener may be yet to come. */
static void warn_unshown(struct scope *scope, const struct word *place)
{
    diag_add(scope->load->diag, DIAG_WARNING, &place->place, "write: listen ADDRESS tls",
             "no 'listen' of this block speaks TLS: its certificate is shown to nobody");
}

void tls_check_block(struct scope *scope)
{
    const struct mode_draft *mode = scope->mode;
    const struct tls_server_conf *tls = mode->tls;
    for (size_t i = 0; i < mode->rule_count; i++)
        tls_check_condition(scope, mode->rules[i].when);
    if (tls == NULL || !scope_may_have(scope, "listen"))
        return;
    const struct listen_conf *plain = find_listen(mode, false);
    if (plain != NULL && find_listen(mode, true) == NULL && tls->settings.text.at == NULL)
        warn_unshown(scope, &tls->place);
    if (tls->settings.text.at == NULL)
        return;
    if (find_listen(mode, true) == NULL)
        mistake(scope->load, &tls->settings, "write: listen ADDRESS tls", "no 'listen' of this block speaks TLS");
    else if (plain != NULL && tls->client_certificate == CLIENT_CERTIFICATE_REQUIRED)
        mistake(scope->load, &plain->address, "write a block of its own for it, or: client-certificate optional",
                "nobody can show a certificate here, and this block requires one");
}
