/* Orders of certificates, what the keeper makes, and how programs are found. */
#include "base/must.h"
#include "base/program.h"
#include "process/acme_order.h"
#include "process/keeper_make.h"
#include "process/keeper_store.h"

#include <check.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *suite_acme(void);

START_TEST(test_delay)
{
    static const int64_t expected[] = {60, 120, 240, 480, 960, 1920, 3840, 7680, 15360, 21600, 21600};
    for (unsigned i = 0; i < lengthof(expected); i++)
        ck_assert_int_eq(order_delay(i + 1), expected[i]);
    ck_assert_int_eq(order_delay(UINT32_MAX), 21600);
}
END_TEST

START_TEST(test_renewal)
{
    const int64_t day = 86400;
    ck_assert_int_eq(order_renewal(1000, 1000 + 90 * day, 0), 1000 + 60 * day);
    ck_assert_int_eq(order_renewal(1000, 1000 + 90 * day, 500), 1000 + 60 * day - 3 * day / 2);
    ck_assert_int_eq(order_renewal(1000, 1000 + 6 * day, 0), 1000 + 4 * day);
    ck_assert_int_eq(order_renewal(1000, 1030, 999), 1020);
    ck_assert_int_eq(order_renewal(1000, 900, 999), 900);
}
END_TEST

START_TEST(test_orders_are_read_as_written)
{
    static const enum challenge_kind kinds[] = {CHALLENGE_TLS_ALPN, CHALLENGE_HTTP};
    struct order_lines lines = {.folder = "/s/acme/a.example", .directory = "https://a.example/d", .kinds = kinds};
    struct text text;
    text_init(&text);
    lines.names = STR("one.test\ntwo.test\n");
    lines.email = STR("x@one.test");
    lines.kind_count = 2;
    order_write(&lines, &text);
    lines.email = STR_NONE;
    lines.kind_count = 1;
    lines.names = STR("three.test\n");
    order_write(&lines, &text);
    struct str rest = text_str(&text);
    struct order *first = order_read(&rest), *second = order_read(&rest);
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_nonnull(second);
    ck_assert_ptr_null(order_read(&rest));
    ck_assert_str_eq(first->folder, "/s/acme/a.example");
    ck_assert_str_eq(first->directory, "https://a.example/d");
    ck_assert_str_eq(first->email, "x@one.test");
    ck_assert_uint_eq(first->name_count, 2);
    ck_assert_str_eq(first->names[1], "two.test");
    ck_assert(first->kind_count == 2 && first->kinds[0] == CHALLENGE_TLS_ALPN && first->kinds[1] == CHALLENGE_HTTP);
    ck_assert_str_eq(first->certificate, "/s/acme/a.example/one.test/cert.pem");
    ck_assert_str_eq(first->key, "/s/acme/a.example/private/one.test/key.pem");
    ck_assert_str_eq(first->state.name, "one.test");
    ck_assert(second->email == NULL && second->kind_count == 1 && second->name_count == 1);
    ck_assert(!str_eq(first->text, second->text));
    order_free(first);
    order_free(second);
    text_fini(&text);
}
END_TEST

START_TEST(test_half_an_order_is_none)
{
    static const char *const texts[] = {"", "\n", "folder /x\n\n", "folder /x\ndirectory y\nname a\n\n",
                                        "folder /x\ndirectory y\nname a\nchallenge dns-01\n\n"};
    for (size_t i = 0; i < lengthof(texts); i++) {
        struct str rest = str_of(texts[i]);
        ck_assert_ptr_null(order_read(&rest));
    }
}
END_TEST

static const char *folder_file(const char *folder)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/aside", folder);
    return path;
}

/* A failure is remembered, also by one that comes later; but not for other names. */
START_TEST(test_memory)
{
    char folder[] = "/tmp/gatehouse-acme-XXXXXX", text[256];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(text, sizeof text, "folder %s\ndirectory d\nname a.test\nchallenge http-01\n\n", folder);
    struct str rest = str_of(text);
    struct order *order = order_read(&rest);
    order_look(order, 1000);
    ck_assert_int_eq(order->state.next, 0);
    snprintf(order->state.error, sizeof order->state.error, "no way");
    order_failed(order, 1000);
    order_failed(order, 2000);
    ck_assert_int_ge(order->state.next, 2120);
    ck_assert_int_lt(order->state.next, 2132);
    int64_t next = order->state.next;
    order_free(order);

    rest = str_of(text);
    order = order_read(&rest);
    order_look(order, 2001);
    ck_assert_int_eq(order->state.next, next);
    ck_assert_uint_eq(order->state.failures, 2);
    ck_assert_str_eq(order->state.error, "no way");
    order_look(order, 0); /* a clock that was wrong */
    ck_assert_int_le(order->state.next, 132);
    ck_assert_int_eq(rename(order->memory, folder_file(folder)), 0); /* somebody who does not want to wait */
    order_look(order, 2001);
    ck_assert_uint_eq(order->state.failures, 0);
    ck_assert_int_eq(order->state.next, 0);
    ck_assert_str_eq(order->state.error, "");
    ck_assert_int_eq(rename(folder_file(folder), order->memory), 0);
    order_free(order);

    snprintf(text, sizeof text, "folder %s\ndirectory d\nname a.test\nname b.test\nchallenge http-01\n\n", folder);
    rest = str_of(text);
    order = order_read(&rest);
    order_look(order, 2001);
    ck_assert_uint_eq(order->state.failures, 0);
    ck_assert_int_eq(order->state.next, 0);
    order_free(order);
    snprintf(text, sizeof text, "rm -r %s", folder);
    ck_assert_int_eq(system(text), 0);
}
END_TEST

/* What could not be written is not overwritten by what the file says; it is written as soon as that is possible. */
START_TEST(test_memory_that_is_older)
{
    char folder[] = "/tmp/gatehouse-acme-XXXXXX", text[256], beside[128];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(text, sizeof text, "folder %s\ndirectory d\nname a.test\nchallenge http-01\n\n", folder);
    struct str rest = str_of(text);
    struct order *order = order_read(&rest);
    ck_assert(order_prepare(order));
    snprintf(beside, sizeof beside, "%s.new", order->memory);
    ck_assert_int_eq(mkdir(beside, 0700), 0);
    order_look(order, 1000);
    ck_assert_uint_eq(order->state.failures, 0);
    ck_assert(!order_prepare(order));
    ck_assert_ptr_nonnull(strstr(order->state.error, "a.test/order cannot be written: Is a directory"));
    order_failed(order, 1000);
    order_failed(order, 2000);
    int64_t next = order->state.next;
    order_look(order, 2001);
    ck_assert_uint_eq(order->state.failures, 2);
    ck_assert_int_eq(order->state.next, next);
    ck_assert_int_eq(rmdir(beside), 0);
    order_look(order, 2001);
    order_free(order);

    rest = str_of(text);
    order = order_read(&rest);
    order_look(order, 2001);
    ck_assert_uint_eq(order->state.failures, 2);
    ck_assert_int_eq(order->state.next, next);
    order_free(order);
    snprintf(text, sizeof text, "rm -r %s", folder);
    ck_assert_int_eq(system(text), 0);
}
END_TEST

START_TEST(test_why)
{
    static const struct {
        const char *said, *why;
    } rows[] = {
        {"", "uacme has not said why"},
        {"uacme: failed to fetch directory at https://x\n", "failed to fetch directory at https://x"},
        {"uacme: one\nuacme: two\n\n", "two"},
        {"uacme: x\n{\n    \"type\": \"y\",\n    \"detail\": \"no \\\"way\\\" here\",\n    \"status\": 400\n}\nuacme: failed\n",
         "no \\x5c\\x22way\\x5c\\x22 here"},
        {"\"detail\": \"without an end", "without an end"},
        {"\"detail\": \"a\\", "a\\x5c"},
        {"\x1b[31mred\n", "\\x1b[31mred"},
        {"uacme: curl_get: GET https://x failed: No \x1b way\nuacme: curl_get: waiting 5 seconds before retrying\n"
         "uacme: curl_get: GET https://x failed: Couldn't connect\nuacme: acme_get: curl_get failed\nuacme: failed to fetch x\nuacme: so\n",
         "so: Couldn't connect"},
        {"uacme: curl_get: GET y failed: \x1b\nuacme: acme_get: curl_get failed\nuacme: no\n", "no: \\x1b"},
        {"uacme: curl_get: GET https://x failed: Couldn't connect\nuacme: failed to create y: No space left\n", /* it went well after all */
         "failed to create y: No space left"},
        {"uacme: a: b failed: not told\nuacme: c: b failed\n\"detail\": \"no\"\n", "no"},
        {"uacme: c: b failed\nuacme: so\n", "so"},
    };
    char why[64];
    for (size_t i = 0; i < lengthof(rows); i++) {
        acme_run_why(str_of(rows[i].said), why, sizeof why);
        ck_assert_str_eq(why, rows[i].why);
    }
    acme_run_why(STR("123456789 and so on\n"), why, 10);
    ck_assert_str_eq(why, "123456789");
    acme_run_why(STR("x failed: 123456789\ny failed\na line that is long\n"), why, 12);
    ck_assert_str_eq(why, "a lin: 1234");
}
END_TEST

/* Running */

static struct order *order_of(const char *folder, const char *more)
{
    char text[256];
    snprintf(text, sizeof text, "folder %s\ndirectory d\nname a.test\nchallenge http-01\n%s\n", folder, more);
    struct str rest = str_of(text);
    struct order *order = order_read(&rest);
    ck_assert_ptr_nonnull(order);
    return order;
}

static struct mono after(struct mono from, int64_t us)
{
    return (struct mono){from.us + us};
}

START_TEST(test_patience)
{
    static const struct mono any = {1000000};
    struct order *order = order_of("/nowhere", "");
    order->state.next = 1000;
    ck_assert_int_eq(order_patience(order, 990, any), 10000);
    ck_assert_int_eq(order_patience(order, 1000, any), -1); /* another one holds it up */
    ck_assert_int_eq(order_patience(order, 2000, any), -1);
    order_free(order);
}
END_TEST

/* It is killed after ten minutes, once. However long it takes to die, nobody is kept busy by that; and then the order waits for its next turn,
   without a try of the other challenge. */
START_TEST(test_a_run_that_overstays)
{
    static char *const words[] = {"sleep", "1000", NULL};
    char folder[] = "/tmp/gatehouse-acme-XXXXXX", text[64];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    struct order *order = order_of(folder, "challenge tls-alpn-01\n");
    order->step = ORDER_ISSUE;
    order->is_unproved = true;
    ck_assert(acme_run_start(&order->run, "/bin/sleep", words));
    struct mono begun = clock_mono(), until = order->run.until;
    ck_assert_int_eq(mono_since(begun, until), 10 * MSEC_MINUTE);
    ck_assert_int_eq(order_patience(order, 0, begun), 10 * MSEC_MINUTE);
    acme_run_bound(&order->run, after(until, -1000));
    ck_assert(!order->run.is_overdue);
    ck_assert_int_eq(order_patience(order, 0, after(until, -1000)), 1);
    ck_assert_int_eq(order_patience(order, 0, until), 0);
    ck_assert_int_eq(order_patience(order, 0, after(until, 5000000)), 0);
    acme_run_bound(&order->run, until);
    ck_assert(order->run.is_overdue);
    ck_assert_int_eq(order_patience(order, 0, until), -1);
    ck_assert_int_eq(order_patience(order, 0, after(until, 5000000)), -1);

    int status;
    ck_assert_int_eq(waitpid(order->run.pid, &status, 0), order->run.pid);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    ck_assert_int_eq(order_judge(order, false), ORDER_HAS_FAILED);
    ck_assert_str_eq(order->state.error, "the authority has come to no end in time");
    acme_run_fini(&order->run);
    order_failed(order, 1000);
    ck_assert_uint_eq(order->state.failures, 1);
    ck_assert_int_ge(order_patience(order, 1000, until), 60 * MSEC_SECOND);
    order_free(order);
    snprintf(text, sizeof text, "rm -r %s", folder);
    ck_assert_int_eq(system(text), 0);
}
END_TEST

/* The other challenge, the account that was lost, the one that is there already. */
START_TEST(test_what_comes_of_a_run)
{
    char folder[] = "/tmp/gatehouse-acme-XXXXXX", text[64];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    struct order *order = order_of(folder, "challenge tls-alpn-01\n");
    text_init(&order->run.said);
    ck_assert_str_eq(order_account_step(order), "new");
    ck_assert_int_eq(order_judge(order, false), ORDER_HAS_FAILED);
    text_add_cstr(&order->run.said, "uacme: Account already exists\n");
    ck_assert_int_eq(order_judge(order, false), ORDER_GOES_ON);
    ck_assert_str_eq(order_account_step(order), "update");
    ck_assert_int_eq(order_judge(order, true), ORDER_GOES_ON);
    ck_assert_ptr_null(order_account_step(order));

    order->step = ORDER_ISSUE;
    ck_assert_int_eq(order_judge(order, true), ORDER_IS_DONE);
    ck_assert_int_eq(order_judge(order, false), ORDER_HAS_FAILED); /* it has come to no challenge */
    order->is_unproved = true;
    text_add_cstr(&order->run.said, "uacme: first\n");
    ck_assert_int_eq(order_judge(order, false), ORDER_GOES_ON);
    ck_assert_uint_eq(order->kind, 1);
    text_add_cstr(&order->run.said, "uacme: second\n");
    ck_assert_int_eq(order_judge(order, false), ORDER_HAS_FAILED);
    order_failed(order, 1000);
    ck_assert_str_eq(order->state.error, "http-01: first; tls-alpn-01: second");
    text_add_cstr(&order->run.said, "uacme: there is no account associated with the key\n");
    ck_assert_int_eq(order_judge(order, false), ORDER_GOES_ON);
    ck_assert_str_eq(order_account_step(order), "new");
    order->has_registered = true;
    ck_assert_int_eq(order_judge(order, false), ORDER_HAS_FAILED);
    acme_run_fini(&order->run);
    order_free(order);
    snprintf(text, sizeof text, "rm -r %s", folder);
    ck_assert_int_eq(system(text), 0);
}
END_TEST

/* What the keeper makes */

static X509 *read_pem(const struct text *pem)
{
    BIO *bio = BIO_new_mem_buf(pem->at, (int)pem->len);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    ck_assert_ptr_nonnull(certificate);
    return certificate;
}

static bool has_name(X509 *certificate, const char *name)
{
    return X509_check_host(certificate, name, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1;
}

START_TEST(test_made)
{
    struct keeper_store *store = keeper_store_new();
    char why[KEY_WHY_MAX];
    struct text first, second;
    text_init(&first);
    text_init(&second);
    ck_assert(keeper_store_make(store, STR("a.test\n*.b.test\n"), NULL, clock_wall(), &first, why));
    ck_assert(keeper_store_make(store, STR("a.test\n*.b.test\n"), NULL, clock_wall(), &second, why));
    ck_assert(str_eq(text_str(&first), text_str(&second)));
    X509 *certificate = read_pem(&first);
    ck_assert(has_name(certificate, "a.test") && has_name(certificate, "x.b.test") && !has_name(certificate, "c.test"));
    ck_assert_int_eq(X509_verify(certificate, X509_get0_pubkey(certificate)), 1);
    ck_assert_int_eq(X509_cmp_current_time(X509_get0_notBefore(certificate)), -1);
    ck_assert_int_eq(X509_cmp_current_time(X509_get0_notAfter(certificate)), 1);
    struct sign_question question = {.kind = SIGN_ECDSA, .digest = SIGN_SHA256, .len = 32};
    struct sign_answer answer;
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(X509_get0_pubkey(certificate), &der);
    ck_assert_int_eq(EVP_Digest(der, (size_t)len, question.key.bytes, NULL, EVP_sha256(), NULL), 1);
    OPENSSL_free(der);
    keeper_store_forget_key(store, &question.key); /* not what was made */
    keeper_store_sign(store, &question, &answer);
    ck_assert_uint_gt(answer.len, 0);
    X509_free(certificate);
    text_fini(&first);
    text_fini(&second);
    keeper_store_free(store);
}
END_TEST

static struct text make_at(struct keeper_store *store, int64_t seconds)
{
    char why[KEY_WHY_MAX];
    struct text pem;
    text_init(&pem);
    ck_assert(keeper_store_make(store, STR("a.test\n"), NULL, (struct wall){seconds * 1000000}, &pem, why));
    return pem;
}

/* Whoever asks for one so many seconds later gets the same. */
static bool is_made_again(int64_t after)
{
    const int64_t made_at = 1795608000;
    struct keeper_store *store = keeper_store_new();
    struct text first = make_at(store, made_at);
    struct text then = make_at(store, made_at + after), again = make_at(store, made_at + after);
    bool is_same = str_eq(text_str(&first), text_str(&then));
    ck_assert(str_eq(text_str(&then), text_str(&again)));
    int64_t good = keeper_store_good_seconds(store, STR("a.test\n"), (struct wall){(made_at + after) * 1000000});
    ck_assert_int_eq(good, MADE_IS_GOOD_DAYS * INT64_C(86400) - (is_same ? after : 0));
    text_fini(&first);
    text_fini(&then);
    text_fini(&again);
    keeper_store_free(store);
    return !is_same;
}

/* Also where the clock was set back meanwhile: what was made then is not valid yet. */
START_TEST(test_made_anew_before_its_end)
{
    struct keeper_store *none = keeper_store_new();
    ck_assert_uint_eq(keeper_store_good_seconds(none, STR("a.test\n"), clock_wall()), 0);
    keeper_store_free(none);
    const int64_t last_month = (MAKE_DAYS - 31) * INT64_C(86400);
    ck_assert(!is_made_again(0) && !is_made_again(1) && !is_made_again(last_month - 1));
    ck_assert(is_made_again(last_month) && is_made_again(2 * last_month) && is_made_again(-1));
}
END_TEST

/* Clients look for an address among the addresses, and not among the names. */
START_TEST(test_made_for_addresses)
{
    struct keeper_store *store = keeper_store_new();
    char why[KEY_WHY_MAX];
    struct text pem;
    text_init(&pem);
    ck_assert(keeper_store_make(store, STR("192.0.2.7\n2001:db8::7\na.test\n"), NULL, clock_wall(), &pem, why));
    X509 *certificate = read_pem(&pem);
    ck_assert_int_eq(X509_check_ip_asc(certificate, "192.0.2.7", 0), 1);
    ck_assert_int_eq(X509_check_ip_asc(certificate, "2001:db8::7", 0), 1);
    ck_assert_int_eq(X509_check_ip_asc(certificate, "192.0.2.8", 0), 0);
    ck_assert(has_name(certificate, "a.test") && !has_name(certificate, "192.0.2.7"));
    X509_free(certificate);
    text_fini(&pem);
    keeper_store_free(store);
}
END_TEST

/* RFC 8737 section 3. */
START_TEST(test_made_for_a_challenge)
{
    struct keeper_store *store = keeper_store_new();
    unsigned char digest[MAKE_DIGEST_LEN];
    char why[KEY_WHY_MAX];
    struct text pem;
    text_init(&pem);
    memset(digest, 0xa5, sizeof digest);
    ck_assert(keeper_store_make(store, STR("a.test\n"), digest, clock_wall(), &pem, why));
    X509 *certificate = read_pem(&pem);
    ASN1_OBJECT *id = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
    X509_EXTENSION *extension = X509_get_ext(certificate, X509_get_ext_by_OBJ(certificate, id, -1));
    ck_assert_ptr_nonnull(extension);
    ck_assert_int_eq(X509_EXTENSION_get_critical(extension), 1);
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(extension);
    ck_assert_int_eq(ASN1_STRING_length(value), 34);
    ck_assert_int_eq(memcmp(ASN1_STRING_get0_data(value), "\x04\x20", 2), 0);
    ck_assert_int_eq(memcmp(ASN1_STRING_get0_data(value) + 2, digest, sizeof digest), 0);
    ck_assert(has_name(certificate, "a.test"));
    ASN1_OBJECT_free(id);
    X509_free(certificate);
    text_fini(&pem);
    keeper_store_free(store);
}
END_TEST

/* A hundred of the longest names are more than a message holds: there are as many as fit. */
START_TEST(test_made_for_many)
{
    struct keeper_store *store = keeper_store_new();
    char why[KEY_WHY_MAX];
    struct text names, pem;
    text_init(&names);
    text_init(&pem);
    for (int i = 0; i < 100; i++)
        text_printf(&names, "a%d.%060d.%060d.%060d.test\n", i, i, i, i);
    ck_assert(keeper_store_make(store, text_str(&names), NULL, clock_wall(), &pem, why));
    ck_assert_uint_lt(pem.len, 8 * 1024);
    X509_free(read_pem(&pem));
    text_fini(&names);
    text_fini(&pem);
    keeper_store_free(store);
}
END_TEST

START_TEST(test_program)
{
    char path[64], *before = strdup(getenv("PATH") != NULL ? getenv("PATH") : "/bin");
    setenv("PATH", "/nowhere::.:/bin", 1);
    ck_assert(program_find("sh", path, sizeof path));
    ck_assert_str_eq(path, "/bin/sh");
    ck_assert(!program_find("sh", path, 5));
    ck_assert(!program_find("no-such-program", path, sizeof path));
    setenv("PATH", "/", 1);
    ck_assert(!program_find("bin", path, sizeof path)); /* a folder */
    setenv("PATH", before, 1);
    free(before);
}
END_TEST

Suite *suite_acme(void)
{
    Suite *suite = suite_create("acme");
    TCase *all = tcase_create("all");
    tcase_add_test(all, test_delay);
    tcase_add_test(all, test_renewal);
    tcase_add_test(all, test_orders_are_read_as_written);
    tcase_add_test(all, test_half_an_order_is_none);
    tcase_add_test(all, test_memory);
    tcase_add_test(all, test_memory_that_is_older);
    tcase_add_test(all, test_why);
    tcase_add_test(all, test_patience);
    tcase_add_test(all, test_a_run_that_overstays);
    tcase_add_test(all, test_what_comes_of_a_run);
    tcase_add_test(all, test_made);
    tcase_add_test(all, test_made_anew_before_its_end);
    tcase_add_test(all, test_made_for_addresses);
    tcase_add_test(all, test_made_for_a_challenge);
    tcase_add_test(all, test_made_for_many);
    tcase_add_test(all, test_program);
    suite_add_tcase(suite, all);
    return suite;
}
