#include "loop/loop.h"
#include "net/tls_client.h"
#include "net/tls_server.h"
#include "process/worker_expiry.h"

#include <check.h>
#include <string.h>
#include <time.h>

/* A block's certificate and a pool's, which end when the test wants them to. */

enum { HOUR = 3600, DAY = 24 * HOUR };

static const int64_t noon = 1795608000; /* 2026-11-25 12:00 */

static struct loop *loop;
static struct task task;
static struct worker_expiry expiry;
static struct text text;

static struct chain chain;
static struct tls_server server = {.lock = PTHREAD_MUTEX_INITIALIZER, .chains = &chain, .count = 1};
static struct tls_client client = {.lock = PTHREAD_MUTEX_INITIALIZER, .has_certificate = true};
static struct certificate_conf of_block = {.certificate_path = "/block.pem"};
static struct tls_server_conf block = {.certificates = &of_block, .certificate_count = 1, .built = &server};
static struct tls_server_conf *blocks[] = {&block};
static struct tls_conf of_pool = {.certificate = {.certificate_path = "/pool.pem"}, .built = &client};
static struct tls_conf of_other; /* shows nothing */
static struct pool_conf clear, other = {.tls = &of_other}, pool = {.tls = &of_pool};
static struct pool_conf *pools[] = {&clear, &other, &pool};
static struct config config = {.tls_servers = blocks, .tls_server_count = 1, .pools = pools, .pool_count = 3};

static void nothing(struct task *self)
{
    (void)self;
}

static X509 *make(int64_t ends)
{
    X509 *certificate = X509_new();
    EVP_PKEY *key = EVP_EC_gen("P-256");
    ck_assert_ptr_nonnull(ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)(ends - 90L * DAY)));
    ck_assert_ptr_nonnull(ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)ends));
    X509_set_pubkey(certificate, key);
    ck_assert_int_gt(X509_sign(certificate, key, EVP_sha256()), 0); /* or no context takes it */
    EVP_PKEY_free(key);
    return certificate;
}

static void setup(void)
{
    loop = loop_new();
    task_init(&task, nothing);
    worker_expiry_init(&expiry, &task);
    text_init(&text);
    client.ctx = SSL_CTX_new(TLS_client_method());
}

static void teardown(void)
{
    SSL_CTX_free(client.ctx);
    X509_free(chain.certificate);
    chain.certificate = NULL;
    text_fini(&text);
    worker_expiry_fini(&expiry);
    loop_free(loop);
}

static void set_ends(int64_t of_the_block, int64_t of_the_pool)
{
    X509 *shown = make(of_the_pool);
    ck_assert_int_eq(SSL_CTX_use_certificate(client.ctx, shown), 1);
    X509_free(shown);
    X509_free(chain.certificate);
    chain.certificate = make(of_the_block);
}

static void assert_told(int64_t now, const char *expected)
{
    text_clear(&text);
    worker_expiry_tell(&expiry, &config, now, &text);
    ck_assert_str_eq(text.len > 0 ? text.at : "", expected);
}

static void pass(msec span)
{
    expiry.timer.due.us -= span * 1000;
}

START_TEST(each_day_anew)
{
    set_ends(noon + 3 * DAY, noon + 15 * DAY);
    assert_told(noon, ""); /* nothing is loaded yet */
    worker_expiry_loaded(&expiry);
    assert_told(noon, "");
    pass(24 * MSEC_HOUR - MSEC_SECOND);
    assert_told(noon + DAY - 1, "");
    pass(MSEC_SECOND);
    assert_told(noon + DAY, "gatehouse: the certificate /block.pem expires in 2 days, on 2026-11-28\n");
    assert_told(noon + DAY, "");
    pass(24 * MSEC_HOUR);
    assert_told(noon + 2 * DAY, "gatehouse: the certificate /block.pem expires in 1 day, on 2026-11-28\n"
                                "gatehouse: the certificate /pool.pem expires in 13 days, on 2026-12-10\n");
    pass(24 * MSEC_HOUR);
    assert_told(noon + 3 * DAY, "gatehouse: the certificate /block.pem has expired, on 2026-11-28\n"
                                "gatehouse: the certificate /pool.pem expires in 12 days, on 2026-12-10\n");
}
END_TEST

/* Which has told them itself. */
START_TEST(a_load_begins_another_day)
{
    set_ends(noon, noon + 30 * DAY);
    worker_expiry_loaded(&expiry);
    pass(23 * MSEC_HOUR);
    worker_expiry_loaded(&expiry);
    pass(23 * MSEC_HOUR);
    assert_told(noon, "");
    pass(MSEC_HOUR);
    assert_told(noon, "gatehouse: the certificate /block.pem has expired, on 2026-11-25\n");
}
END_TEST

START_TEST(fourteen_days_before)
{
    static const struct {
        int64_t left;
        const char *told;
    } rows[] = {
        {14 * DAY, ""},
        {14 * DAY - 1, "gatehouse: the certificate /block.pem expires in 13 days, on 2026-12-09\n"},
        {DAY, "gatehouse: the certificate /block.pem expires in 1 day, on 2026-11-26\n"},
        {DAY - 1, "gatehouse: the certificate /block.pem expires in less than a day, on 2026-11-26\n"},
        {0, "gatehouse: the certificate /block.pem has expired, on 2026-11-25\n"},
        {-400 * DAY, "gatehouse: the certificate /block.pem has expired, on 2025-10-21\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        set_ends(noon + rows[i].left, noon + 30 * DAY);
        worker_expiry_loaded(&expiry);
        pass(24 * MSEC_HOUR);
        assert_told(noon, rows[i].told);
    }
}
END_TEST

START_TEST(one_that_was_renewed_is_told_no_more)
{
    set_ends(noon + DAY, noon + 30 * DAY);
    worker_expiry_loaded(&expiry);
    pass(24 * MSEC_HOUR);
    assert_told(noon, "gatehouse: the certificate /block.pem expires in 1 day, on 2026-11-26\n");
    set_ends(noon + 90 * DAY, noon + 30 * DAY);
    pass(24 * MSEC_HOUR);
    assert_told(noon + DAY, "");
}
END_TEST

Suite *suite_worker_expiry(void);
Suite *suite_worker_expiry(void)
{
    Suite *suite = suite_create("worker_expiry");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, each_day_anew);
    tcase_add_test(all, a_load_begins_another_day);
    tcase_add_test(all, fourteen_days_before);
    tcase_add_test(all, one_that_was_renewed_is_told_no_more);
    suite_add_tcase(suite, all);
    return suite;
}
