#include "net/tls_seen.h"

#include "base/arena.h"
#include "base/hostname.h"
#include "base/must.h"
#include "net/client_hello.h"
#include "net/tls_certificate.h"
#include "net/tls_challenge.h"
#include "net/tls_conf.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

static struct str own(struct str text)
{
    return str_from(must_copy(text.at, text.len), text.len);
}

/* What a hello says */

static bool take_extension(SSL *ssl, unsigned type, struct str *ret)
{
    const unsigned char *bytes;
    size_t len;
    if (SSL_client_hello_get0_ext(ssl, type, &bytes, &len) != 1)
        return false;
    *ret = str_from((const char *)bytes, len);
    return true;
}

bool tls_hello_name(SSL *ssl, struct str *ret)
{
    struct arena arena;
    struct str extension, name, normal;
    *ret = STR_NONE;
    if (!take_extension(ssl, TLSEXT_TYPE_server_name, &extension))
        return true;
    arena_init(&arena);
    bool is_fine = client_hello_host(extension, &name) && hostname_normal(&arena, name, &normal);
    if (is_fine)
        *ret = own(normal);
    arena_reset(&arena);
    return is_fine;
}

bool tls_offers_challenge(const unsigned char *list, size_t len)
{
    static const char only[] = "\x0a"
                               "acme-tls/1";
    return len == sizeof only - 1 && memcmp(list, only, len) == 0;
}

bool tls_hello_is_challenge(SSL *ssl)
{
    enum { LIST_AT = 2 }; /* behind the list's length */
    struct str extension;
    return tls_challenges_are_there() &&
           take_extension(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &extension) &&
           extension.len > LIST_AT &&
           tls_offers_challenge((const unsigned char *)extension.at + LIST_AT, extension.len - LIST_AT);
}

/* What was seen */

struct tls_seen *tls_seen_new(struct tls_server *taken, struct str name)
{
    struct tls_seen *seen = must_calloc(1, sizeof *seen);
    *seen = (struct tls_seen){.server = taken, .name = name};
    return seen;
}

static void disown(struct str text)
{
    free((char *)(uintptr_t)text.at);
}

void tls_seen_free(struct tls_seen *seen)
{
    if (seen == NULL)
        return;
    disown(seen->name);
    disown(seen->subject);
    disown(seen->certificate);
    tls_server_unref(seen->server);
    free(seen);
}

static struct str subject_of(const X509 *certificate)
{
    struct text text;
    text_init(&text);
    tls_certificate_subject(certificate, &text);
    struct str copy = own(text_str(&text));
    text_fini(&text);
    return copy;
}

/* A byte sequence of RFC 8941 3.3.5: its DER form in base 64, between colons. */
static struct str field_of(X509 *certificate)
{
    unsigned char *der = NULL;
    int len = i2d_X509(certificate, &der);
    must(len > 0);
    char *text = must_alloc(4 * ((size_t)len + 2) / 3 + 8);
    text[0] = ':';
    int coded = EVP_EncodeBlock((unsigned char *)text + 1, der, len);
    text[1 + coded] = ':';
    OPENSSL_free(der);
    return str_from(text, (size_t)coded + 2);
}

void tls_seen_note_certificate(struct tls_seen *seen, X509 *certificate)
{
    seen->subject = subject_of(certificate);
    seen->certificate = field_of(certificate);
}
