#include "net/tls_ciphers.h"

#include "base/must.h"
#include "base/text.h"

#include <openssl/err.h>

/* Families of ciphers(1), then and now, that this library may have none of: who excludes them has not made a mistake. */
static const char *const gone[] = {"3DES",   "aDH",   "ADH",   "aDSS", "aECDH",  "aGOST",    "aGOST01",  "aKRB5",
                                   "DES",    "DSS",   "ECDH",  "EXP",  "EXPORT", "EXPORT40", "EXPORT56", "GOST89MAC",
                                   "GOST94", "IDEA",  "kDH",   "kDHd", "kDHr",   "kECDH",    "kECDHe",   "kECDHr",
                                   "kFZA",   "kGOST", "kKRB5", "KRB5", "LOW",    "MD5",      "MEDIUM",   "PSK",
                                   "RC2",    "RC4",   "SEED",  "SRP",  "SSLv2",  NULL};

static bool is_separator(char c)
{
    return c == ':' || c == ',' || c == ';' || c == ' ';
}

/* OpenSSL begins another item at an `@` or `!` without a separator, and behind DEFAULT. */
static bool next_item(struct str *rest, struct str *ret_item)
{
    const struct str preset = STR("DEFAULT");
    size_t end = 1;
    while (rest->len > 0 && is_separator(rest->at[0]))
        *rest = str_skip(*rest, 1);
    if (rest->len == 0)
        return false;
    while (end < rest->len && !is_separator(rest->at[end]) && rest->at[end] != '@' && rest->at[end] != '!')
        end++;
    end = str_starts(*rest, preset) ? preset.len : end;
    *ret_item = str_head(*rest, end);
    *rest = str_skip(*rest, end);
    return true;
}

static struct place place_of(const struct word *word, struct str item)
{
    return word_place_at(word, (size_t)(item.at - word->text.at), item.len);
}

static bool is_suite(struct str item)
{
    return str_starts(item, STR("TLS_"));
}

static bool has_sign(struct str item)
{
    return item.len > 0 && (item.at[0] == '!' || item.at[0] == '-' || item.at[0] == '+');
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

/* Tried alone, on a context of its own: does it stand for `wanted` (if empty: for any) among others? */
static bool has_alone(struct str item, struct str wanted)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    struct text text;
    must(ctx != NULL);
    text_init(&text);
    text_add(&text, item);
    bool has_any = (is_suite(item) ? SSL_CTX_set_ciphersuites : SSL_CTX_set_cipher_list)(ctx, text.at) == 1;
    bool has_wanted = has_any && (wanted.len == 0 || has_cipher(ctx, wanted));
    text_fini(&text);
    SSL_CTX_free(ctx);
    ERR_clear_error();
    return has_wanted;
}

static bool is_known(struct str item)
{
    return has_alone(item, is_suite(item) ? item : STR_NONE);
}

/* A cipher by its own name, as EDH-RSA-DES-CBC3-SHA, that the library has had: nothing in it is unheard of, and something
   is of former times. */
static bool is_old_cipher(struct str name)
{
    static const char *const former[] = {"3DES", "ADH", "AECDH",  "CBC3",     "DES",     "DH",   "DSS", "ECDH",
                                         "EXP",  "FZA", "GOST94", "GOST2001", "IDEA",    "KRB5", "MD5", "NULL",
                                         "PSK",  "RC2", "RC4",    "SEED",     "EXP1024", "SRP",  NULL};
    static const char *const usual[] = {"3DES",   "40",          "56",          "64",     "AES",    "AES128",
                                        "AES256", "CAMELLIA128", "CAMELLIA256", "CBC",    "CCM",    "CCM8",
                                        "DHE",    "ECDHE",       "ECDSA",       "EDE",    "EDH",    "GCM",
                                        "RSA",    "SHA",         "SHA256",      "SHA384", "GOST89", NULL};
    bool has_former = false;
    struct str part;
    while (str_cut(&name, '-', &part)) {
        bool is_former = is_one_of(part, former);
        if (!is_former && !is_one_of(part, usual))
            return false;
        has_former |= is_former;
    }
    return has_former;
}

/* "RC4+RSA": each of them is, or was, a family. */
static bool is_old_join(struct str name)
{
    struct str part;
    while (str_cut(&name, '+', &part))
        if (!is_known(part) && !is_one_of(part, gone))
            return false;
    return true;
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
    struct str name = has_sign(item) ? str_skip(item, 1) : item;
    return is_known(name) || (has_sign(item) && (is_old_join(name) || is_old_cipher(name)));
}

static bool refuse(struct diag *diag, const struct word *word, struct str item)
{
    const char *names = "as 'openssl ciphers' has them, or a suite of TLS 1.3 like TLS_AES_256_GCM_SHA384";
    const char *orders = "of these there are @STRENGTH, and @SECLEVEL=2 to 5";
    struct place place = place_of(word, item);
    diag_add(diag, DIAG_ERROR, &place, str_starts(item, STR("@")) ? orders : names, "there is no cipher '%.*s'",
             STR_ARGS(item));
    return false;
}

/* OpenSSL passes it over: those of TLS 1.3 are in another list, which has no signs. */
static bool is_idle(struct str item)
{
    return has_sign(item) && is_suite(str_skip(item, 1));
}

static bool check_item(const struct word *word, struct str item, struct diag *diag)
{
    if (!is_item(item))
        return refuse(diag, word, item);
    if (!is_idle(item))
        return true;
    struct place place = place_of(word, item);
    diag_add(diag, DIAG_ERROR, &place,
             "name the suites of TLS 1.3 that are wanted, like TLS_AES_256_GCM_SHA384, in their order",
             "'%.*s' does nothing: '%c' is for ciphers of TLS 1.2", STR_ARGS(item), item.at[0]);
    return false;
}

static bool is_preset(struct str item)
{
    static const char *const presets[] = {"DEFAULT", "SUITEB128", "SUITEB128C2", "SUITEB128ONLY", "SUITEB192", NULL};
    return is_one_of(has_sign(item) ? str_skip(item, 1) : item, presets);
}

/* OpenSSL knows them at the beginning of a list only, and passes them over elsewhere. */
static bool check_presets(const struct word *words, size_t count, struct diag *diag)
{
    bool is_first = true, is_fine = true;
    for (size_t i = 0; i < count; i++) {
        struct str rest = words[i].text, item;
        while (next_item(&rest, &item)) {
            bool is_idle_here = is_preset(item) && (!is_first || has_sign(item));
            struct place place = place_of(&words[i], item);
            if (is_idle_here)
                diag_add(diag, DIAG_ERROR, &place, "it begins the list of ciphers, or is not in it",
                         "'%.*s' does nothing here", STR_ARGS(item));
            is_fine &= !is_idle_here;
            is_first &= is_suite(item);
        }
    }
    return is_fine;
}

/* Between two colons. */
static bool check_items(const struct word *word, struct str list, struct diag *diag)
{
    struct str item = list;
    bool is_fine = true, has_item = false;
    while (next_item(&list, &item)) {
        has_item = true;
        is_fine &= check_item(word, item, diag);
    }
    return has_item ? is_fine : refuse(diag, word, item);
}

static bool check_word(const struct word *word, struct diag *diag)
{
    struct str rest = word->text, list;
    bool is_fine = true;
    if (rest.len == 0)
        return refuse(diag, word, rest);
    while (str_cut(&rest, ':', &list))
        is_fine &= check_items(word, list, diag);
    return is_fine;
}

/* Of the item that brings it in; of the first word when none does. */
static struct place place_of_cipher(const struct word *words, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        struct str rest = words[i].text, item;
        while (next_item(&rest, &item))
            if (!has_sign(item) && item.at[0] != '@' && has_alone(item, name))
                return place_of(&words[i], item);
    }
    return words[0].place;
}

/* Security begins with a peer that is known and bytes that cannot be read. */
static bool is_safe(const SSL_CTX *ctx, const struct word *words, size_t count, struct diag *diag)
{
    const STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(ctx);
    for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
        const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(all, i);
        if (SSL_CIPHER_get_cipher_nid(cipher) != NID_undef && SSL_CIPHER_get_auth_nid(cipher) != NID_auth_null)
            continue;
        struct place place = place_of_cipher(words, count, str_of(SSL_CIPHER_get_name(cipher)));
        diag_add(diag, DIAG_ERROR, &place, "exclude such ciphers: !aNULL:!eNULL",
                 "the cipher '%s' does not encrypt, or not for anybody who is known", SSL_CIPHER_get_name(cipher));
        return false;
    }
    return true;
}

static void gather(const struct word *words, size_t count, bool of_suites, struct text *into)
{
    for (size_t i = 0; i < count; i++) {
        struct str rest = words[i].text, item;
        while (next_item(&rest, &item))
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
    is_fine = is_fine && check_presets(words, count, diag);
    return is_fine && (count == 0 || (set_all(ctx, words, count, diag) && is_safe(ctx, words, count, diag)));
}

/* The first one; false when there is none. */
static bool find_any(const struct tls_server_conf *conf, bool of_suites, struct place *ret_place)
{
    for (size_t i = 0; i < conf->cipher_count; i++) {
        struct str rest = conf->ciphers[i].text, item;
        while (next_item(&rest, &item))
            if (is_suite(item) == of_suites) {
                *ret_place = place_of(&conf->ciphers[i], item);
                return true;
            }
    }
    return false;
}

/* In TLS 1.3 a suite says nothing of certificates. NULL: one that is not made or ordered yet, and will be of ECDSA. */
static bool is_for(const SSL_CIPHER *cipher, const X509 *certificate)
{
    bool is_rsa = certificate != NULL && EVP_PKEY_get_base_id(X509_get0_pubkey(certificate)) == EVP_PKEY_RSA;
    return SSL_CIPHER_get_auth_nid(cipher) == (is_rsa ? NID_auth_rsa : NID_auth_ecdsa);
}

static bool is_any_for(const SSL_CTX *ctx, const X509 *certificate)
{
    const STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(ctx);
    for (int i = 0; i < sk_SSL_CIPHER_num(all); i++)
        if (is_for(sk_SSL_CIPHER_value(all, i), certificate))
            return true;
    return false;
}

void tls_ciphers_lint(const SSL_CTX *ctx, const struct tls_server_conf *conf, const struct chain *chains, size_t count,
                      struct diag *diag)
{
    bool is_usable = count == 0;
    if (conf->cipher_count == 0)
        return;
    struct place place;
    if ((conf->versions & TLS_1_2) == 0 && find_any(conf, false, &place))
        diag_add(diag, DIAG_WARNING, &place, "those of TLS 1.3 are called TLS_…", "these ciphers are of TLS 1.2 only");
    if ((conf->versions & TLS_1_3) == 0 && find_any(conf, true, &place))
        diag_add(diag, DIAG_WARNING, &place, NULL, "suites called TLS_… are of TLS 1.3 only");
    for (size_t i = 0; !is_usable && i < count; i++)
        is_usable = is_any_for(ctx, chains[i].certificate);
    if ((conf->versions & TLS_1_2) != 0 && !is_usable)
        diag_add(diag, DIAG_WARNING, &conf->ciphers[0].place,
                 "ECDHE-ECDSA-… wants a certificate with an ECDSA key, ECDHE-RSA-… one with RSA",
                 "none of these ciphers goes with a certificate of the block: nobody can connect by TLS 1.2");
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
