#include "net/tls_certificate.h"

#include "base/addr.h"
#include "base/clock.h"
#include "base/date.h"
#include "base/must.h"
#include "net/tls_client.h"
#include "net/tls_server.h"

#include <openssl/err.h>
#include <time.h>

enum { DAY = 24 * 60 * 60, SOON = 14 * DAY, DATE_LEN = 10 };

int64_t tls_time_of(const ASN1_TIME *time)
{
    struct tm tm;
    return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

/* Dates */

static void add_day(struct text *into, int64_t seconds)
{
    char date[DATE_TEXT_MAX];
    date_iso((struct wall){seconds * 1000000}, date);
    text_printf(into, "%.*s", DATE_LEN, date);
}

bool certificate_is_ending(const struct certificate_facts *facts, int64_t now)
{
    return facts->ends - now < SOON;
}

void certificate_tell_end(const struct certificate_facts *facts, int64_t now, struct text *into)
{
    int64_t days = (facts->ends - now) / DAY;
    if (facts->ends <= now)
        text_add_cstr(into, "has expired, on ");
    else if (days == 0)
        text_add_cstr(into, "expires in less than a day, on ");
    else
        text_printf(into, "expires in %lld day%s, on ", (long long)days, days == 1 ? "" : "s");
    add_day(into, facts->ends);
}

static int64_t now_seconds(void)
{
    clock_update(); /* a helper thread has no turns that would do it */
    return wall_seconds(clock_wall());
}

static struct certificate_facts facts_of(const X509 *certificate)
{
    return (struct certificate_facts){.begins = tls_time_of(X509_get0_notBefore(certificate)),
                                      .ends = tls_time_of(X509_get0_notAfter(certificate))};
}

/* What is wrong with its dates, or will soon be: nothing is added. */
static void tell_dates(const X509 *certificate, struct text *into)
{
    const struct certificate_facts facts = facts_of(certificate);
    int64_t now = now_seconds();
    if (facts.begins > now) {
        text_add_cstr(into, "is not valid before ");
        add_day(into, facts.begins);
    } else if (certificate_is_ending(&facts, now)) {
        certificate_tell_end(&facts, now, into);
    }
}

/* RFC 8446 4.2.7 has more, but browsers and OpenSSL as it comes take no others for certificates. */
static bool has_usual_curve(X509 *certificate)
{
    static const char *const usual[] = {SN_X9_62_prime256v1, SN_secp384r1, SN_secp521r1};
    char name[64];
    size_t len;
    const EVP_PKEY *key = X509_get0_pubkey(certificate);
    bool is_usual = EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
                    EVP_PKEY_get_group_name(key, name, sizeof name, &len) != 1;
    for (size_t i = 0; !is_usual && i < lengthof(usual); i++)
        is_usual = strcmp(name, usual[i]) == 0;
    ERR_clear_error();
    return is_usual;
}

void tls_certificate_lint(X509 *certificate, const struct word *at, struct diag *diag)
{
    struct text text;
    text_init(&text);
    tell_dates(certificate, &text);
    if (text.len > 0)
        diag_add(diag, DIAG_WARNING, &at->place, NULL, "the certificate '%.*s' %s", STR_ARGS(at->text), text.at);
    if (!has_usual_curve(certificate))
        diag_add(diag, DIAG_WARNING, &at->place, "P-256, P-384 and P-521 are taken by all",
                 "the certificate '%.*s' is on a curve that few clients take", STR_ARGS(at->text));
    text_fini(&text);
}

/* What could not be printed was not read as a certificate. */
void tls_certificate_subject(const X509 *certificate, struct text *into)
{
    char *text;
    BIO *bio = BIO_new(BIO_s_mem());
    must(bio != NULL && X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0);
    long len = BIO_get_mem_data(bio, &text);
    text_add(into, str_from(text, len > 0 ? (size_t)len : 0));
    BIO_free(bio);
}

void tls_authorities_lint(X509_STORE *store, const struct word *at, struct diag *diag)
{
    const STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(store);
    for (int i = 0; i < sk_X509_OBJECT_num(all); i++) {
        const X509 *authority = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i));
        struct text text, name;
        text_init(&text);
        text_init(&name);
        tell_dates(authority, &text);
        tls_certificate_subject(authority, &name);
        if (text.len > 0)
            diag_add(diag, DIAG_WARNING, &at->place, NULL, "the authority %.*s in '%.*s' %s", STR_ARGS(text_str(&name)),
                     STR_ARGS(at->text), text.at);
        text_fini(&name);
        text_fini(&text);
    }
}

/* Names */

static void add_name(struct text *into, struct str name)
{
    if (into->len > 0)
        text_add_cstr(into, " ");
    for (size_t i = 0; i < name.len; i++) /* whoever has signed it may have let anything in */
        text_add_char(into, name.at[i] > ' ' && name.at[i] < 0x7f ? name.at[i] : '?');
}

static bool read_address(struct str bytes, struct ip *ret)
{
    if (bytes.len != 4 && bytes.len != 16)
        return false;
    *ret = (struct ip){.version = bytes.len == 4 ? 4 : 6};
    memcpy(ret->bytes, bytes.at, bytes.len);
    return true;
}

static void add_general(struct text *into, const GENERAL_NAME *name)
{
    struct ip ip;
    char text[ADDR_TEXT_MAX];
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    struct str bytes = str_from((const char *)ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    if (type == GEN_DNS)
        add_name(into, bytes);
    else if (type == GEN_IPADD && read_address(bytes, &ip))
        add_name(into, str_from(text, ip_text(&ip, text)));
}

static void add_common_name(struct text *into, X509 *certificate)
{
    char name[256];
    int len = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
    if (len > 0)
        add_name(into, str_from(name, (size_t)len));
}

static void add_names(struct text *into, X509 *certificate)
{
    size_t before = into->len;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++)
        add_general(into, sk_GENERAL_NAME_value(names, i));
    if (into->len == before) /* so that it is called something; that of a client may stand there alone */
        add_common_name(into, certificate);
    GENERAL_NAMES_free(names);
}

char *tls_certificate_names(X509 *certificate)
{
    struct text text;
    text_init(&text);
    add_names(&text, certificate);
    return text_take(&text);
}

/* Of a server */

/* One reference. */
static X509 *certificate_of(struct tls_server *server, size_t index, bool *ret_is_made)
{
    must(index < server->count);
    pthread_mutex_lock(&server->lock);
    X509 *certificate = server->chains[index].certificate;
    X509_up_ref(certificate);
    *ret_is_made = server->chains[index].is_made;
    pthread_mutex_unlock(&server->lock);
    return certificate;
}

size_t tls_server_certificates(const struct tls_server *server)
{
    return server->count;
}

void tls_server_facts(struct tls_server *server, size_t index, struct certificate_facts *ret, struct text *names)
{
    bool is_made;
    X509 *certificate = certificate_of(server, index, &is_made);
    *ret = facts_of(certificate);
    ret->is_made = is_made;
    if (names != NULL)
        add_names(names, certificate);
    X509_free(certificate);
}

bool tls_server_covers(struct tls_server *server, size_t index, struct str host)
{
    struct ip ip;
    char text[256];
    bool is_made, is_covered = false;
    X509 *certificate = certificate_of(server, index, &is_made);
    if (ip_parse(host, &ip) && host.len < sizeof text) {
        memcpy(text, host.at, host.len);
        text[host.len] = '\0';
        is_covered = X509_check_ip_asc(certificate, text, 0) == 1;
    } else {
        is_covered = X509_check_host(certificate, host.at, host.len, TLS_HOST_FLAGS, NULL) == 1;
    }
    X509_free(certificate);
    return is_covered;
}

/* That is shown to servers */

void tls_client_facts(struct tls_client *client, struct certificate_facts *ret, struct text *names)
{
    SSL_CTX *ctx = tls_client_ctx(client);
    X509 *certificate = SSL_CTX_get0_certificate(ctx);
    must(certificate != NULL);
    *ret = facts_of(certificate);
    if (names != NULL)
        add_names(names, certificate);
    SSL_CTX_free(ctx);
}
