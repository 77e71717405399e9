#include "base/clock.h"
#include "net/tls_ocsp.h"
#include "net/tls_server.h"

#include <check.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <string.h>

/* An authority, a certificate of it, and answers about that, signed by whom and with the times that a test wants. */

enum { HOUR = 3600, DAY = 24 * HOUR };

struct party {
    X509 *certificate;
    EVP_PKEY *key;
};

static struct party authority, leaf, named, unnamed, stranger;
static struct tls_server server;
static struct chain chain;
static struct tls_ocsp *ocsp;
static int64_t now;

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    ck_assert_ptr_nonnull(extension);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

/* `issuer` NULL: itself. */
static struct party make(const char *name, const struct party *issuer, int nid, const char *value)
{
    static long serial;
    struct party made = {.certificate = X509_new(), .key = EVP_EC_gen("P-256")};
    const struct party *by = issuer != NULL ? issuer : &made;
    X509_NAME *subject = X509_get_subject_name(made.certificate);
    X509_set_version(made.certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(made.certificate), -DAY);
    X509_gmtime_adj(X509_getm_notAfter(made.certificate), 30L * DAY);
    X509_set_pubkey(made.certificate, made.key);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(made.certificate, X509_get_subject_name(by->certificate));
    add_extension(made.certificate, nid, value);
    ck_assert_int_gt(X509_sign(made.certificate, by->key, EVP_sha256()), 0);
    return made;
}

static void free_party(struct party *party)
{
    X509_free(party->certificate);
    EVP_PKEY_free(party->key);
}

static void setup(void)
{
    clock_update();
    now = wall_seconds(clock_wall());
    authority = make("authority", NULL, NID_basic_constraints, "critical,CA:TRUE");
    stranger = make("authority", NULL, NID_basic_constraints, "critical,CA:TRUE");
    leaf = make("leaf", &authority, NID_info_access, "OCSP;URI:ldap://x,OCSP;URI:http://ocsp.test/a");
    named = make("named", &authority, NID_ext_key_usage, "OCSPSigning");
    unnamed = make("unnamed", &authority, NID_ext_key_usage, "serverAuth");
    chain = (struct chain){.certificate = leaf.certificate, .rest = sk_X509_new_null()};
    sk_X509_push(chain.rest, authority.certificate);
    server = (struct tls_server){.chains = &chain, .count = 1};
    pthread_mutex_init(&server.lock, NULL);
    ocsp = tls_ocsp_new(&server, 0);
    ck_assert_ptr_nonnull(ocsp);
}

static void teardown(void)
{
    tls_ocsp_free(ocsp);
    OPENSSL_free(chain.staple);
    sk_X509_free(chain.rest);
    pthread_mutex_destroy(&server.lock);
    free_party(&authority);
    free_party(&stranger);
    free_party(&leaf);
    free_party(&named);
    free_party(&unnamed);
}

/* What an answer says; times from now, 0 for `until`: none. */
struct saying {
    const struct party *signer;
    const struct party *about; /* NULL: the leaf */
    int status;                /* V_OCSP_CERTSTATUS_GOOD is 0 */
    long from, until;
};

static unsigned char answer[8192];

static struct str make_answer(const struct saying *saying)
{
    X509 *about = saying->about != NULL ? saying->about->certificate : leaf.certificate;
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = OCSP_cert_to_id(NULL, about, authority.certificate);
    ASN1_TIME *from = ASN1_GENERALIZEDTIME_set(NULL, now + saying->from);
    ASN1_TIME *until = saying->until != 0 ? ASN1_GENERALIZEDTIME_set(NULL, now + saying->until) : NULL;
    ASN1_TIME *revoked = ASN1_GENERALIZEDTIME_set(NULL, now - DAY);
    ck_assert_ptr_nonnull(
        OCSP_basic_add1_status(basic, id, saying->status, OCSP_REVOKED_STATUS_KEYCOMPROMISE, revoked, from, until));
    ck_assert_int_eq(OCSP_basic_sign(basic, saying->signer->certificate, saying->signer->key, EVP_sha256(), NULL, 0),
                     1);
    OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    unsigned char *at = answer;
    int len = i2d_OCSP_RESPONSE(response, NULL);
    ck_assert(len > 0 && (size_t)len < sizeof answer);
    i2d_OCSP_RESPONSE(response, &at);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    ASN1_TIME_free(revoked);
    return str_from((const char *)answer, (size_t)len);
}

static void expect(const struct saying *saying, const char *why, int64_t until)
{
    struct tls_ocsp_verdict verdict;
    tls_ocsp_judge(ocsp, make_answer(saying), now, &verdict);
    if (why == NULL) {
        ck_assert_msg(verdict.why == NULL, "%s", verdict.why);
        ck_assert_int_eq(verdict.until, now + until);
    } else {
        ck_assert_ptr_nonnull(verdict.why);
        ck_assert_str_eq(verdict.why, why);
    }
    ck_assert(verdict.is_revoked == (why != NULL && strcmp(why, "the certificate was revoked") == 0));
}

START_TEST(who_may_sign)
{
    const char *refused = "its signature is not of the issuer";
    expect(&(struct saying){.signer = &authority, .until = HOUR}, NULL, HOUR);
    expect(&(struct saying){.signer = &named, .until = HOUR}, NULL, HOUR);
    expect(&(struct saying){.signer = &unnamed, .until = HOUR}, refused, 0);
    expect(&(struct saying){.signer = &leaf, .until = HOUR}, refused, 0);
    expect(&(struct saying){.signer = &stranger, .until = HOUR}, refused, 0);
}
END_TEST

START_TEST(times)
{
    expect(&(struct saying){.signer = &authority, .from = -HOUR, .until = 1}, NULL, 1);
    expect(&(struct saying){.signer = &authority, .from = -HOUR, .until = -1}, "it has expired", 0);
    expect(&(struct saying){.signer = &authority, .from = 200, .until = HOUR}, NULL, HOUR); /* clocks differ */
    expect(&(struct saying){.signer = &authority, .from = 400, .until = HOUR}, "it is of the future", 0);
    expect(&(struct saying){.signer = &authority, .from = -HOUR}, NULL, HOUR); /* without an end */
}
END_TEST

START_TEST(what_it_says)
{
    struct saying revoked = {.signer = &authority, .status = V_OCSP_CERTSTATUS_REVOKED, .until = HOUR};
    expect(&revoked, "the certificate was revoked", 0);
    revoked.signer = &stranger;
    expect(&revoked, "its signature is not of the issuer", 0);
    expect(&(struct saying){.signer = &authority, .status = V_OCSP_CERTSTATUS_UNKNOWN, .until = HOUR},
           "it does not know the certificate", 0);
    expect(&(struct saying){.signer = &authority, .about = &named, .until = HOUR}, "it is about another certificate",
           0);
}
END_TEST

/* Every answer that is damaged in one byte is refused, or is another form of the same. */
START_TEST(damaged_answers)
{
    struct str whole = make_answer(&(struct saying){.signer = &authority, .until = HOUR});
    struct tls_ocsp_verdict verdict;
    for (size_t i = 0; i < whole.len; i++) {
        tls_ocsp_judge(ocsp, str_head(whole, i), now, &verdict);
        ck_assert_msg(verdict.why != NULL, "the first %zu bytes", i);
        answer[i] ^= 1;
        tls_ocsp_judge(ocsp, whole, now, &verdict);
        ck_assert(verdict.why != NULL || verdict.until == now + HOUR);
        answer[i] ^= 1;
    }
}
END_TEST

START_TEST(where_to_ask)
{
    ck_assert(str_eq(tls_ocsp_url(ocsp), STR("http://ocsp.test/a")));
    ck_assert_uint_gt(tls_ocsp_request(ocsp).len, 50);
    sk_X509_pop(chain.rest); /* without its issuer nothing can be asked … */
    ck_assert_ptr_null(tls_ocsp_new(&server, 0));
    sk_X509_push(chain.rest, stranger.certificate); /* … and one that has its name is none */
    struct tls_ocsp *other = tls_ocsp_new(&server, 0);
    ck_assert(other == NULL || !tls_ocsp_eq(other, ocsp));
    tls_ocsp_free(other);
}
END_TEST

/* A handshake in memory */

static void handshake(SSL *a, SSL *b)
{
    BIO *to_a, *to_b;
    ck_assert_int_eq(BIO_new_bio_pair(&to_a, 0, &to_b, 0), 1);
    SSL_set_bio(a, to_a, to_a);
    SSL_set_bio(b, to_b, to_b);
    SSL_set_connect_state(a);
    SSL_set_accept_state(b);
    for (int i = 0; i < 10; i++) {
        SSL_do_handshake(a);
        SSL_do_handshake(b);
    }
    ck_assert(SSL_is_init_finished(a) && SSL_is_init_finished(b));
}

/* How many bytes of staple a client sees. */
static long shown(bool is_asked)
{
    SSL_CTX *theirs = SSL_CTX_new(TLS_client_method()), *ours = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(ours, leaf.certificate);
    SSL_CTX_use_PrivateKey(ours, leaf.key);
    tls_ocsp_enable(ours, &server);
    if (is_asked)
        SSL_CTX_set_tlsext_status_type(theirs, TLSEXT_STATUSTYPE_ocsp);
    SSL *a = SSL_new(theirs), *b = SSL_new(ours);
    const unsigned char *at;
    handshake(a, b);
    long len = SSL_get_tlsext_status_ocsp_resp(a, &at);
    ck_assert(len <= 0 || memcmp(at, answer, (size_t)len) == 0);
    SSL_free(a);
    SSL_free(b);
    SSL_CTX_free(theirs);
    SSL_CTX_free(ours);
    return len;
}

START_TEST(what_a_client_is_shown)
{
    struct str good = make_answer(&(struct saying){.signer = &authority, .until = HOUR});
    ck_assert_int_eq(shown(true), -1);
    tls_server_staple(&server, 0, ocsp, good, now + HOUR);
    ck_assert_int_eq(shown(true), (long)good.len);
    ck_assert_int_eq(shown(false), -1);
    tls_server_staple(&server, 0, ocsp, good, now - 1); /* one that has expired is not shown */
    ck_assert_int_eq(shown(true), -1);
    tls_server_staple(&server, 0, ocsp, good, now + HOUR);
    tls_server_staple(&server, 0, NULL, STR_NONE, 0);
    ck_assert_int_eq(shown(true), -1);
    chain.certificate = named.certificate; /* another one meanwhile */
    tls_server_staple(&server, 0, ocsp, good, now + HOUR);
    ck_assert_ptr_null(chain.staple);
    ck_assert_int_eq(shown(true), -1);
}
END_TEST

Suite *suite_tls_ocsp(void);
Suite *suite_tls_ocsp(void)
{
    Suite *suite = suite_create("tls_ocsp");
    TCase *tests = tcase_create("tls_ocsp");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, who_may_sign);
    tcase_add_test(tests, times);
    tcase_add_test(tests, what_it_says);
    tcase_add_test(tests, damaged_answers);
    tcase_add_test(tests, where_to_ask);
    tcase_add_test(tests, what_a_client_is_shown);
    suite_add_tcase(suite, tests);
    return suite;
}
