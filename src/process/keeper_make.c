#include "process/keeper_make.h"

#include "base/addr.h"
#include "base/must.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

enum { SERIAL_BITS = 127, COMMON_NAME_MAX = 64, BEFORE_S = 3600, DAY_S = 86400, NAME_SIZE = 256 };

EVP_PKEY *keeper_make_key(void)
{
    return EVP_EC_gen("P-256");
}

static bool set_serial(X509 *certificate)
{
    BIGNUM *number = BN_new();
    bool is_done = number != NULL && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
                   BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return is_done;
}

/* The longest names do not fit into a common name; nobody reads it beside the alternative ones. */
static bool set_name(X509 *certificate, struct str first)
{
    struct str text = first.len > 0 && first.len <= COMMON_NAME_MAX ? first : STR("gatehouse");
    X509_NAME *name = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, (const unsigned char *)text.at,
                                      (int)text.len, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1;
}

static bool add_entry(GENERAL_NAMES *names, int type, struct str bytes)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *value = ASN1_STRING_type_new(type == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
    must(name != NULL && value != NULL);
    if (ASN1_STRING_set(value, bytes.at, (int)bytes.len) != 1) {
        GENERAL_NAME_free(name);
        ASN1_STRING_free(value);
        return false;
    }
    GENERAL_NAME_set0_value(name, type, value);
    return sk_GENERAL_NAME_push(names, name) > 0;
}

/* An address as bytes, without which no client believes it (RFC 9110 4.3.5). */
static bool add_name(GENERAL_NAMES *names, struct str text)
{
    struct ip ip;
    if (ip_parse(text, &ip))
        return add_entry(names, GEN_IPADD, str_from((const char *)ip.bytes, ip.version == 4 ? 4 : 16));
    return add_entry(names, GEN_DNS, text);
}

static bool add_names(X509 *certificate, struct str lines)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    struct str name;
    must(names != NULL);
    bool is_done = true;
    while (is_done && str_cut(&lines, '\n', &name))
        if (name.len > 0 && name.len < NAME_SIZE)
            is_done = add_name(names, name);
    is_done = is_done && X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0) == 1;
    GENERAL_NAMES_free(names);
    return is_done;
}

/* RFC 8737 section 3: acmeIdentifier, critical, an octet string in an octet string. */
static bool add_digest(X509 *certificate, const unsigned char *digest)
{
    unsigned char der[2 + MAKE_DIGEST_LEN] = {V_ASN1_OCTET_STRING, MAKE_DIGEST_LEN};
    memcpy(der + 2, digest, MAKE_DIGEST_LEN);
    ASN1_OBJECT *id = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    bool is_done = id != NULL && value != NULL && ASN1_OCTET_STRING_set(value, der, sizeof der) == 1;
    X509_EXTENSION *extension = is_done ? X509_EXTENSION_create_by_OBJ(NULL, id, 1, value) : NULL;
    is_done = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(id);
    return is_done;
}

static bool fill(X509 *certificate, EVP_PKEY *key, struct str names, const unsigned char *digest)
{
    struct str rest = names, first = STR_NONE;
    str_cut(&rest, '\n', &first);
    return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -BEFORE_S) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), (long)MAKE_DAYS * DAY_S) != NULL &&
           set_name(certificate, first) && X509_set_pubkey(certificate, key) == 1 && add_names(certificate, names) &&
           (digest == NULL || add_digest(certificate, digest)) && X509_sign(certificate, key, EVP_sha256()) > 0;
}

static bool write_pem(X509 *certificate, struct text *into)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *at;
    must(bio != NULL);
    bool is_done = PEM_write_bio_X509(bio, certificate) == 1;
    long len = BIO_get_mem_data(bio, &at);
    if (is_done)
        text_add(into, str_from(at, (size_t)len));
    BIO_free(bio);
    return is_done;
}

/* Whole lines. */
static struct str cut_names(struct str names)
{
    if (names.len <= MADE_NAMES_MAX)
        return names;
    struct str head = str_head(names, MADE_NAMES_MAX);
    return str_head(head, str_find_last(head, '\n'));
}

bool keeper_make_certificate(EVP_PKEY *key, struct str names, const unsigned char *digest, struct text *into)
{
    X509 *certificate = X509_new();
    must(certificate != NULL);
    bool is_done = fill(certificate, key, cut_names(names), digest) && write_pem(certificate, into);
    X509_free(certificate);
    ERR_clear_error();
    return is_done;
}
