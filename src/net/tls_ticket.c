#include "net/tls_ticket.h"

#include "base/must.h"
#include "net/ticket_keys.h"
#include "net/tls_server.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

enum { REFUSED = 0, OPENED = 1, OPENED_BY_OLD_KEY = 2, FAILED = -1 }; /* what the callback answers */
enum { DERIVED_LEN = 32 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ticket_keys in_force; /* under the lock, which is held for as long as it takes to copy a key */

void tls_ticket_set_keys(const struct ticket_keys *keys)
{
    pthread_mutex_lock(&lock);
    OPENSSL_cleanse(&in_force, sizeof in_force);
    in_force = *keys;
    pthread_mutex_unlock(&lock);
}

/* The newest. */
static bool copy_newest(struct ticket_key *ret)
{
    pthread_mutex_lock(&lock);
    bool is_there = in_force.count > 0;
    if (is_there)
        *ret = in_force.at[0];
    pthread_mutex_unlock(&lock);
    return is_there;
}

static int copy_named(const unsigned char *name, struct ticket_key *ret)
{
    pthread_mutex_lock(&lock);
    const struct ticket_key *key = ticket_keys_find(&in_force, name);
    int found = key == NULL ? REFUSED : key == &in_force.at[0] ? OPENED : OPENED_BY_OLD_KEY;
    if (key != NULL)
        *ret = *key;
    pthread_mutex_unlock(&lock);
    return found;
}

/* What the block's tickets are sealed with, by its purpose. */
static bool derive(const struct ticket_key *key, const struct tls_server *server, char purpose,
                   unsigned char into[DERIVED_LEN])
{
    unsigned char text[sizeof server->context + 1];
    unsigned len = 0;
    memcpy(text, server->context, sizeof server->context);
    text[sizeof server->context] = (unsigned char)purpose;
    return HMAC(EVP_sha256(), key->secret, sizeof key->secret, text, sizeof text, into, &len) != NULL &&
           len == DERIVED_LEN;
}

static bool set_up(const struct ticket_key *key, const struct tls_server *server, const unsigned char *iv,
                   EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int is_new)
{
    unsigned char derived[DERIVED_LEN];
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, derived, sizeof derived),
                           OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_END};
    bool is_done = derive(key, server, 'e', derived) &&
                   EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, derived, iv, is_new) == 1 &&
                   derive(key, server, 'm', derived) && EVP_MAC_CTX_set_params(mac, params) == 1;
    OPENSSL_cleanse(derived, sizeof derived);
    return is_done;
}

/* One that another block's settings sealed has a name that is known, and fails in its MAC. */
static int use_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                   int is_new)
{
    const struct tls_server *server = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    struct ticket_key key;
    int found = is_new ? copy_newest(&key) : copy_named(name, &key);
    if (found == REFUSED)
        return REFUSED;
    if (is_new)
        memcpy(name, key.name, sizeof key.name);
    bool has_iv = !is_new || RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1;
    bool is_done = has_iv && set_up(&key, server, iv, cipher, mac, is_new);
    OPENSSL_cleanse(&key, sizeof key);
    return is_done ? found : FAILED;
}

/* Since each resumption may bring a new ticket, one carries when its handshake was made in full: that is when a
   client's certificate was last looked at. */
static int note_beginning(SSL *ssl, void *arg)
{
    SSL_SESSION *session = SSL_get_session(ssl);
    int64_t now = (int64_t)time(NULL);
    void *had;
    size_t len;
    (void)arg;
    bool has = SSL_session_reused(ssl) && SSL_SESSION_get0_ticket_appdata(session, &had, &len) == 1 &&
               len == sizeof now;
    return has || SSL_SESSION_set1_ticket_appdata(session, &now, sizeof now) == 1;
}

static bool is_good(SSL_SESSION *session)
{
    const X509 *peer = SSL_SESSION_get0_peer(session);
    int64_t began;
    void *had;
    size_t len;
    if (SSL_SESSION_get0_ticket_appdata(session, &had, &len) != 1 || len != sizeof began)
        return false;
    memcpy(&began, had, sizeof began);
    int64_t age = (int64_t)time(NULL) - began;
    return age >= 0 && age < TICKET_LIFE_S && (peer == NULL || X509_cmp_current_time(X509_get0_notAfter(peer)) > 0);
}

static SSL_TICKET_RETURN look_at_session(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t name_len,
                                         SSL_TICKET_STATUS status, void *arg)
{
    (void)ssl, (void)name, (void)name_len, (void)arg;
    bool is_opened = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
    if (!is_opened || !is_good(session))
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

void tls_ticket_enable(SSL_CTX *ctx)
{
    SSL_CTX_set_timeout(ctx, TICKET_LIFE_S);
    SSL_CTX_set_num_tickets(ctx, 1);
    must(SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, use_key) == 1);
    must(SSL_CTX_set_session_ticket_cb(ctx, note_beginning, look_at_session, NULL) == 1);
}

/* TLS 1.3 would go on with tickets that name a session kept here. */
void tls_ticket_disable(SSL_CTX *ctx)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(ctx, 0);
}
