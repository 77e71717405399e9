#include "net/tls_ciphers.h"

#include "base/must.h"
#include "base/text.h"

#include <openssl/err.h>

/* Families that this library may have none of any more: who excludes them has not made a mistake. */
static const char *const gone[] = {"3DES", "aDSS", "ADH", "DES", "DSS", "EXP",  "EXPORT", "GOST94", "IDEA", "KRB5",
                                   "LOW",  "MD5",  "PSK", "RC2", "RC4", "SEED", "SRP",    "SSLv2",  NULL};

static bool is_suite(struct str item)
{
    return str_starts(item, STR("TLS_"));
}

static bool is_one_of(struct str name, const char *const *names)
{
    for (; *names != NULL; names++)
        if (str_eq(name, str_of(*names)))
            return true;
    return false;
}

static bool has_cipher(const SSL_CTX *ctx, struct str name)
{
    const STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(ctx);
    for (int i = 0; i < sk_SSL_CIPHER_num(all); i++)
        if (str_eq(name, str_of(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(all, i)))))
            return true;
    return false;
}

/* Tried alone, on a context of its own. */
static bool is_known(struct str item)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    struct text text;
    must(ctx != NULL);
    text_init(&text);
    text_add(&text, item);
    bool is_fine = is_suite(item) ? SSL_CTX_set_ciphersuites(ctx, text.at) == 1 && has_cipher(ctx, item)
                                  : SSL_CTX_set_cipher_list(ctx, text.at) == 1;
    text_fini(&text);
    SSL_CTX_free(ctx);
    ERR_clear_error();
    return is_fine;
}

/* "!RC4", "-SHA", "+AES", "@STRENGTH", "ECDHE+AESGCM", a name. */
static bool is_item(struct str item)
{
    /* no level below the one that is usual */
    static const char *const orders[] = {"@STRENGTH", "@SECLEVEL=2", "@SECLEVEL=3", "@SECLEVEL=4", "@SECLEVEL=5", NULL};
    if (item.len == 0)
        return false;
    if (item.at[0] == '@')
        return is_one_of(item, orders);
    bool is_excluded = item.at[0] == '!' || item.at[0] == '-' || item.at[0] == '+';
    struct str name = is_excluded ? str_skip(item, 1) : item;
    return is_known(name) || (is_excluded && is_one_of(name, gone));
}

static bool refuse(struct diag *diag, const struct word *word, struct str item)
{
    diag_add(diag, DIAG_ERROR, &word->place,
             "as 'openssl ciphers' has them, or a suite of TLS 1.3 like TLS_AES_256_GCM_SHA384",
             "there is no cipher '%.*s'", STR_ARGS(item));
    return false;
}

static bool check_word(const struct word *word, struct diag *diag)
{
    struct str rest = word->text, item;
    if (rest.len == 0)
        return refuse(diag, word, rest);
    while (str_cut(&rest, ':', &item))
        if (!is_item(item))
            return refuse(diag, word, item);
    return true;
}

/* Security begins with a peer that is known and bytes that cannot be read. */
static bool is_safe(const SSL_CTX *ctx, const struct word *word, struct diag *diag)
{
    const STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(ctx);
    for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
        const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(all, i);
        if (SSL_CIPHER_get_cipher_nid(cipher) != NID_undef && SSL_CIPHER_get_auth_nid(cipher) != NID_auth_null)
            continue;
        diag_add(diag, DIAG_ERROR, &word->place, "exclude such ciphers: !aNULL:!eNULL",
                 "the cipher '%s' does not encrypt, or not for anybody who is known", SSL_CIPHER_get_name(cipher));
        return false;
    }
    return true;
}

static void gather(const struct word *words, size_t count, bool of_suites, struct text *into)
{
    for (size_t i = 0; i < count; i++) {
        struct str rest = words[i].text, item;
        while (str_cut(&rest, ':', &item))
            if (is_suite(item) == of_suites)
                text_printf(into, "%s%.*s", into->len > 0 ? ":" : "", STR_ARGS(item));
    }
}

static bool set_all(SSL_CTX *ctx, const struct word *words, size_t count, struct diag *diag)
{
    struct text list, suites;
    text_init(&list);
    text_init(&suites);
    gather(words, count, false, &list);
    gather(words, count, true, &suites);
    bool is_fine = suites.len == 0 || SSL_CTX_set_ciphersuites(ctx, suites.at) == 1;
    is_fine = is_fine && (list.len == 0 || SSL_CTX_set_cipher_list(ctx, list.at) == 1);
    if (!is_fine)
        diag_add(diag, DIAG_ERROR, &words[0].place, NULL, "these ciphers leave none to choose from");
    text_fini(&list);
    text_fini(&suites);
    ERR_clear_error();
    return is_fine;
}

bool tls_ciphers_set(SSL_CTX *ctx, const struct word *words, size_t count, struct diag *diag)
{
    bool is_fine = true;
    for (size_t i = 0; i < count; i++)
        is_fine &= check_word(&words[i], diag);
    return is_fine && (count == 0 || (set_all(ctx, words, count, diag) && is_safe(ctx, &words[0], diag)));
}

/* A hello of 1.2 KB, the same each time, would cost the server a tenth of a second with a group of 8192 bits
   (CVE-2002-20001), and 0.2 ms with X25519. The first list that the library has all groups of: newer ones know more,
   those in a mode that is certified fewer. */
void tls_groups_set(SSL_CTX *ctx)
{
    static const char *const lists[] = {"X25519MLKEM768:X25519:P-256:X448:P-521:P-384", "X25519:P-256:X448:P-521:P-384",
                                        "P-256:P-521:P-384"};
    for (size_t i = 0; i < lengthof(lists); i++)
        if (SSL_CTX_set1_groups_list(ctx, lists[i]) == 1)
            break;
    ERR_clear_error();
}
