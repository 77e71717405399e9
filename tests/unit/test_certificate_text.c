#include "process/certificate_text.h"

#include "base/must.h"
#include "base/utf8.h"

#include <check.h>
#include <string.h>

Suite *suite_certificate_text(void);

#define CERTIFICATE "-----BEGIN CERTIFICATE-----\nMIIB\nAAAA\n-----END CERTIFICATE-----\n"
#define TRUSTED "-----BEGIN TRUSTED CERTIFICATE-----\r\nMIIC\r\n-----END TRUSTED CERTIFICATE-----\r\n"
#define OLD "-----BEGIN X509 CERTIFICATE-----\nMIID\n-----END X509 CERTIFICATE-----\n"
#define KEY "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n"
#define OLD_KEY                                                                                                        \
    "-----BEGIN EC PARAMETERS-----\nBgg=\n-----END EC PARAMETERS-----\n-----BEGIN EC PRIVATE KEY-----\nsecret\n-----END EC PRIVATE KEY-----\n"
#define ENCRYPTED "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nsecret\n-----END RSA PRIVATE KEY-----\n"

static const struct {
    const char *text, *kept;
} cases[] = {
    {"", ""},
    {CERTIFICATE, CERTIFICATE},
    {CERTIFICATE TRUSTED OLD, CERTIFICATE TRUSTED OLD},
    {KEY, ""},
    {OLD_KEY ENCRYPTED, ""},
    {CERTIFICATE KEY, CERTIFICATE},
    {KEY CERTIFICATE OLD_KEY TRUSTED ENCRYPTED, CERTIFICATE TRUSTED},
    {"Subject: CN=secret\n" CERTIFICATE "secret\n" CERTIFICATE "secret", CERTIFICATE CERTIFICATE},
    /* what has no end, or no beginning */
    {"-----BEGIN CERTIFICATE-----\nMIIB", "-----BEGIN CERTIFICATE-----\n"},
    {"-----BEGIN CERTIFICATE-----\r\nMIIB\r\n", "-----BEGIN CERTIFICATE-----\r"},
    {CERTIFICATE "-----BEGIN CERTIFICATE-----", CERTIFICATE "-----BEGIN CERTIFICATE-----"},
    {"-----BEGIN CERTIFICATE-----\rMIIB\r-----END CERTIFICATE-----\r-----BEGIN PRIVATE KEY-----\rsecret\r",
     "-----BEGIN CERTIFICATE-----\r"},
    {"-----BEGIN CERTIFICATE-----\nMIIB\n -----BEGIN PRIVATE KEY-----\nsecret\n", "-----BEGIN CERTIFICATE-----\n"},
    {"-----BEGIN CERTIFICATE-----\nMIIB\n" CERTIFICATE, "-----BEGIN CERTIFICATE-----\n" CERTIFICATE},
    {"-----BEGIN CERTIFICATE-----\nMIIB\n" KEY, "-----BEGIN CERTIFICATE-----\n"},
    {"secret\n-----END CERTIFICATE-----\n" CERTIFICATE, CERTIFICATE},
    {"-----BEGIN PRIVATE KEY-----\nsecret\n" CERTIFICATE, CERTIFICATE},
    /* labels that are not quite one */
    {"-----BEGIN CERTIFICATE REQUEST-----\nsecret\n-----END CERTIFICATE REQUEST-----\n", ""},
    {"-----BEGIN CERTIFICATE----\nsecret\n", ""},
    {"-----BEGIN certificate-----\nsecret\n", ""},
    {"-----BEGIN ", ""},
    {" " CERTIFICATE, ""},
    {"\xff\xfe\n\n" CERTIFICATE "\n\n", CERTIFICATE},
    /* a byte order mark */
    {UTF8_MARK, ""},
    {UTF8_MARK CERTIFICATE UTF8_MARK TRUSTED, CERTIFICATE TRUSTED},
    {UTF8_MARK KEY UTF8_MARK CERTIFICATE, CERTIFICATE},
    {"-----BEGIN CERTIFICATE-----\nMIIB\n" UTF8_MARK KEY, "-----BEGIN CERTIFICATE-----\n"},
    {UTF8_MARK UTF8_MARK CERTIFICATE, ""},
};

START_TEST(test_kept)
{
    char text[1024];
    size_t len = strlen(cases[_i].text);
    memcpy(text, cases[_i].text, len + 1);
    size_t kept = certificate_text_keep(text, len);
    ck_assert_uint_eq(kept, strlen(cases[_i].kept));
    ck_assert_mem_eq(text, cases[_i].kept, kept);
    for (size_t i = kept; i < len; i++)
        ck_assert_msg(text[i] == '\0', "byte %zu is left", i);
}
END_TEST

Suite *suite_certificate_text(void)
{
    Suite *suite = suite_create("certificate_text");
    TCase *tcase = tcase_create("certificate_text");
    tcase_add_loop_test(tcase, test_kept, 0, (int)(lengthof(cases)));
    suite_add_tcase(suite, tcase);
    return suite;
}
