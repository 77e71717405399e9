#include "net/tls_look.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

static bool seconds_of(const ASN1_TIME *time, int64_t *ret)
{
    struct tm parts;
    if (ASN1_TIME_to_tm(time, &parts) != 1)
        return false;
    *ret = (int64_t)timegm(&parts);
    return true;
}

bool tls_look(const char *path, char *const *names, size_t count, struct tls_look *ret)
{
    FILE *file = fopen(path, "re");
    X509 *certificate = file != NULL ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    if (file != NULL)
        fclose(file);
    struct tls_look look = {.has_names = true};
    bool is_read = certificate != NULL && seconds_of(X509_get0_notBefore(certificate), &look.from) &&
                   seconds_of(X509_get0_notAfter(certificate), &look.until);
    for (size_t i = 0; is_read && i < count; i++)
        look.has_names &= X509_check_host(certificate, names[i], 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1;
    X509_free(certificate);
    ERR_clear_error();
    if (is_read)
        *ret = look;
    return is_read;
}
