/* PKCS1_MGF1() is deprecated without a successor that is as simple. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "process/keeper_store.h"

#include "base/list.h"
#include "base/must.h"
#include "process/keeper_make.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 64 * 1024, RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8 * SIGN_BYTES_MAX };

struct key {
    struct list link;
    struct key_id id;
    EVP_PKEY *pkey;
    /* Made when first asked for: making one takes longer than some signatures. */
    EVP_PKEY_CTX *signers[SIGN_KINDS][SIGN_DIGESTS];
};

enum { GOOD_SECONDS = MADE_IS_GOOD_DAYS * 24 * 60 * 60 };

/* A certificate that was made here. */
struct made {
    struct list link;
    struct wall at;
    struct str names;
    struct text pem;
};

struct keeper_store {
    struct list keys;
    struct key *own; /* among them: of what was made here; NULL: nothing yet */
    struct list made;
    size_t made_count;
    EVP_MD *digests[SIGN_DIGESTS]; /* fetched once: EVP_sha256() and its like are fetched at each use */
};

static const char *const digest_names[SIGN_DIGESTS] = {
    [SIGN_SHA256] = "SHA256", [SIGN_SHA384] = "SHA384", [SIGN_SHA512] = "SHA512"};

struct keeper_store *keeper_store_new(void)
{
    struct keeper_store *store = must_calloc(1, sizeof *store);
    for (size_t i = 0; i < SIGN_DIGESTS; i++)
        must((store->digests[i] = EVP_MD_fetch(NULL, digest_names[i], NULL)) != NULL);
    list_init(&store->keys);
    list_init(&store->made);
    return store;
}

static void free_key(struct key *key)
{
    list_remove(&key->link);
    for (size_t kind = 0; kind < SIGN_KINDS; kind++)
        for (size_t digest = 0; digest < SIGN_DIGESTS; digest++)
            EVP_PKEY_CTX_free(key->signers[kind][digest]);
    EVP_PKEY_free(key->pkey);
    free(key);
}

static void free_made(struct keeper_store *store, struct made *made)
{
    list_remove(&made->link);
    store->made_count--;
    text_fini(&made->pem);
    free((char *)(uintptr_t)made->names.at);
    free(made);
}

void keeper_store_free(struct keeper_store *store)
{
    list_each_safe(link, &store->made)
        free_made(store, container_of(link, struct made, link));
    list_each_safe(link, &store->keys)
        free_key(container_of(link, struct key, link));
    for (size_t i = 0; i < SIGN_DIGESTS; i++)
        EVP_MD_free(store->digests[i]);
    free(store);
}

static struct key *find(const struct keeper_store *store, const struct key_id *id)
{
    list_each(link, &store->keys) {
        struct key *key = container_of(link, struct key, link);
        if (key_id_eq(&key->id, id))
            return key;
    }
    return NULL;
}

void keeper_store_forget_key(struct keeper_store *store, const struct key_id *id)
{
    struct key *key = find(store, id);
    if (key != NULL && key != store->own)
        free_key(key);
}

/* Reading */

static int no_pass_phrase(char *buffer, int size, int writes, void *arg)
{
    (void)buffer, (void)size, (void)writes, (void)arg;
    return 0;
}

static bool fail(char ret_why[KEY_WHY_MAX], const char *why)
{
    snprintf(ret_why, KEY_WHY_MAX, "%s", why);
    return false;
}

/* Who else can get at the file: no start with a key that anybody could have put there, and a warning of one that
   anybody may have read. */
static bool may_others(int fd, mode_t right)
{
    struct stat stat;
    return fstat(fd, &stat) != 0 || (stat.st_mode & right) != 0;
}

/* Erased before it is given back, with all that was read into it. */
static EVP_PKEY *read_key(int fd)
{
    char *text = must_calloc(1, FILE_MAX);
    size_t len = 0;
    ssize_t got;
    while (len < FILE_MAX && (got = read(fd, text + len, FILE_MAX - len)) > 0)
        len += (size_t)got;
    BIO *bio = BIO_new_mem_buf(text, (int)len);
    must(bio != NULL);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL);
    BIO_free(bio);
    OPENSSL_cleanse(text, FILE_MAX);
    free(text);
    return pkey;
}

static bool is_usable(const EVP_PKEY *pkey, char ret_why[KEY_WHY_MAX])
{
    int bits = EVP_PKEY_get_bits(pkey);
    if (EVP_PKEY_is_a(pkey, "EC"))
        return true;
    if (!EVP_PKEY_is_a(pkey, "RSA"))
        return fail(ret_why, "neither an EC nor an RSA key");
    return (bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX) ||
           fail(ret_why, "an RSA key of fewer than 2048 or more than 8192 bits");
}

static void name_key(const EVP_PKEY *pkey, struct key_id *ret)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(pkey, &der);
    must(len > 0 && EVP_Digest(der, (size_t)len, ret->bytes, NULL, EVP_sha256(), NULL) == 1);
    OPENSSL_free(der);
}

bool keeper_store_take(struct keeper_store *store, int fd, struct key_id *ret, char ret_why[KEY_WHY_MAX])
{
    struct key_id id;
    if (may_others(fd, S_IWOTH))
        return fail(ret_why, "others can write to the file");
    EVP_PKEY *pkey = read_key(fd);
    ERR_clear_error();
    if (pkey == NULL)
        return fail(ret_why, "no private key in PEM, or one with a pass phrase");
    if (!is_usable(pkey, ret_why)) {
        EVP_PKEY_free(pkey);
        return false;
    }
    name_key(pkey, &id);
    struct key *key = find(store, &id);
    if (key == NULL) {
        key = must_calloc(1, sizeof *key);
        key->id = id;
        key->pkey = pkey;
        list_push_back(&store->keys, &key->link);
    } else {
        EVP_PKEY_free(pkey);
    }
    *ret = id;
    snprintf(ret_why, KEY_WHY_MAX, "%s", may_others(fd, S_IROTH) ? "others can read the file" : "");
    return true;
}

/* Making */

static bool has_own_key(struct keeper_store *store)
{
    if (store->own != NULL)
        return true;
    EVP_PKEY *pkey = keeper_make_key();
    if (pkey == NULL)
        return false;
    store->own = must_calloc(1, sizeof *store->own);
    store->own->pkey = pkey;
    name_key(pkey, &store->own->id);
    list_push_back(&store->keys, &store->own->link);
    return true;
}

/* By the wall clock, which may have been set meanwhile: at the start it may have been that of a machine without a battery
   for it. */
static bool is_good(const struct made *made, struct wall now)
{
    int64_t age = wall_seconds(now) - wall_seconds(made->at);
    return age >= 0 && age < GOOD_SECONDS;
}

static struct made *find_made(struct keeper_store *store, struct str names, struct wall now)
{
    list_each(link, &store->made) {
        struct made *made = container_of(link, struct made, link);
        if (str_eq(made->names, names) && is_good(made, now))
            return made;
    }
    return NULL;
}

uint32_t keeper_store_good_seconds(struct keeper_store *store, struct str names, struct wall now)
{
    const struct made *made = find_made(store, names, now);
    return made != NULL ? (uint32_t)(GOOD_SECONDS - (wall_seconds(now) - wall_seconds(made->at))) : 0;
}

/* The oldest goes when there are many: the names of a file that is written anew again and again. */
static void keep_made(struct keeper_store *store, struct str names, struct wall now, struct str pem)
{
    enum { MADE_MAX = 1024 };
    struct made *made = must_calloc(1, sizeof *made);
    if (store->made_count == MADE_MAX)
        free_made(store, container_of(store->made.next, struct made, link));
    made->names = str_from(must_copy(names.at, names.len), names.len);
    made->at = now;
    text_init(&made->pem);
    text_add(&made->pem, pem);
    list_push_back(&store->made, &made->link);
    store->made_count++;
}

bool keeper_store_make(struct keeper_store *store, struct str names, const unsigned char *digest, struct wall now,
                       struct text *into, char ret_why[KEY_WHY_MAX])
{
    struct made *made = digest == NULL ? find_made(store, names, now) : NULL;
    size_t before = into->len;
    if (made != NULL) {
        text_add(into, text_str(&made->pem));
        return true;
    }
    if (!has_own_key(store) || !keeper_make_certificate(store->own->pkey, names, digest, into))
        return fail(ret_why, "no certificate can be made");
    if (digest == NULL)
        keep_made(store, names, now, str_skip(text_str(into), before));
    return true;
}

/* Signing */

/* RFC 8017 9.1.2, without the comparison with a digest, which only the other side knows: the encoding of a PSS with a
   salt as long as the digest. Whatever else one would like to have computed with the key does not look like this. */
static bool is_pss(const unsigned char *em, size_t len, unsigned bits, const EVP_MD *md)
{
    unsigned char db[SIGN_BYTES_MAX];
    size_t hash = (size_t)EVP_MD_get_size(md);
    unsigned spare = (unsigned)(8 * len) - (bits - 1);
    if (len < 2 * hash + 2 || spare > 8 || em[len - 1] != 0xbc || (em[0] & (unsigned)(0xff << (8 - spare) & 0xff)) != 0)
        return false;
    size_t db_len = len - hash - 1;
    if (PKCS1_MGF1(db, (long)db_len, em + db_len, (long)hash, md) != 0)
        return false;
    for (size_t i = 0; i < db_len; i++)
        db[i] ^= em[i];
    db[0] &= (unsigned char)(0xff >> spare);
    size_t salt = db_len - hash;
    for (size_t i = 0; i + 1 < salt; i++)
        if (db[i] != 0)
            return false;
    return db[salt - 1] == 1;
}

static bool is_sound(const struct keeper_store *store, const struct sign_question *question, const EVP_PKEY *pkey)
{
    if (question->kind >= SIGN_KINDS || question->digest >= SIGN_DIGESTS || question->len > SIGN_BYTES_MAX)
        return false;
    const EVP_MD *md = store->digests[question->digest];
    bool is_digest = question->len == (size_t)EVP_MD_get_size(md);
    switch ((enum sign_kind)question->kind) {
    case SIGN_ECDSA:
        return EVP_PKEY_is_a(pkey, "EC") && is_digest;
    case SIGN_RSA_PKCS1:
        return EVP_PKEY_is_a(pkey, "RSA") && is_digest;
    case SIGN_RSA_PSS:
        return EVP_PKEY_is_a(pkey, "RSA") && question->len == EVP_PKEY_get_size(pkey) &&
               is_pss(question->bytes, question->len, (unsigned)EVP_PKEY_get_bits(pkey), md);
    default:
        return false;
    }
}

static bool prepare(EVP_PKEY_CTX *signer, const struct sign_question *question, const EVP_MD *md)
{
    if (EVP_PKEY_sign_init(signer) != 1)
        return false;
    if (question->kind == SIGN_RSA_PSS)
        return EVP_PKEY_CTX_set_rsa_padding(signer, RSA_NO_PADDING) == 1;
    if (question->kind == SIGN_RSA_PKCS1 && EVP_PKEY_CTX_set_rsa_padding(signer, RSA_PKCS1_PADDING) != 1)
        return false;
    return EVP_PKEY_CTX_set_signature_md(signer, md) == 1;
}

static EVP_PKEY_CTX *signer_for(const struct keeper_store *store, struct key *key, const struct sign_question *question)
{
    EVP_PKEY_CTX **signer = &key->signers[question->kind][question->digest];
    if (*signer != NULL)
        return *signer;
    *signer = EVP_PKEY_CTX_new(key->pkey, NULL);
    if (*signer == NULL || prepare(*signer, question, store->digests[question->digest]))
        return *signer;
    EVP_PKEY_CTX_free(*signer);
    *signer = NULL;
    return NULL;
}

void keeper_store_sign(struct keeper_store *store, const struct sign_question *question, struct sign_answer *ret)
{
    struct key *key = find(store, &question->key);
    *ret = (struct sign_answer){.number = question->number, .is_unknown = key == NULL};
    if (key == NULL || !is_sound(store, question, key->pkey))
        return;
    EVP_PKEY_CTX *signer = signer_for(store, key, question);
    size_t len = sizeof ret->bytes;
    if (signer != NULL && EVP_PKEY_sign(signer, ret->bytes, &len, question->bytes, question->len) == 1)
        ret->len = (uint16_t)len;
    ERR_clear_error();
}
