#include "net/tls_run.h"

#include "base/must.h"
#include "flow/buffer.h"
#include "net/transport.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

enum {
    RECORD_MAX = 16 * 1024, /* bytes of data in one record: RFC 8446 5.1 */
    RUN_FULL = 4 * RECORD_MAX,
    RUN_MAX = 2 * RUN_FULL,
    PIECES = 16
};

struct tls_run {
    struct buffer records;
    size_t plain; /* bytes at the front of what is being written that are in them */
};

struct tls_run *tls_run_new(void)
{
    return must_calloc(1, sizeof(struct tls_run));
}

void tls_run_free(struct tls_run *run)
{
    if (run != NULL)
        buffer_clear(&run->records);
    free(run);
}

bool tls_run_take(struct tls_run *run, struct str record)
{
    if (run->records.len > RUN_MAX)
        return false;
    buffer_add(&run->records, record);
    return true;
}

/* How many of the pieces share a record: at least one. */
static int sharing(const struct iovec *pieces, int count, size_t *ret_len)
{
    int together = 1;
    *ret_len = pieces[0].iov_len;
    for (; together < count && *ret_len + pieces[together].iov_len <= RECORD_MAX; together++)
        *ret_len += pieces[together].iov_len;
    return together;
}

static const char *joined(const struct iovec *pieces, int count)
{
    static _Thread_local char bytes[RECORD_MAX];
    size_t len = 0;
    if (count == 1)
        return pieces[0].iov_base;
    for (int i = 0; i < count; i++) {
        memcpy(bytes + len, pieces[i].iov_base, pieces[i].iov_len);
        len += pieces[i].iov_len;
    }
    return bytes;
}

/* The run takes all that fits, so the library never has to wait. */
static bool seal_bytes(struct tls_run *run, SSL *ssl, const char *at, size_t len)
{
    while (len > 0) {
        size_t sealed; /* a record, which may be a small one (RFC 6066 section 4) */
        ERR_clear_error();
        if (SSL_write_ex(ssl, at, len, &sealed) != 1)
            return false;
        run->plain += sealed;
        at += sealed;
        len -= sealed;
    }
    return true;
}

/* Small pieces share a record, so that a head goes with its body; a piece that would have to be torn for it gets a
   record of its own. */
bool tls_run_seal(struct tls_run *run, SSL *ssl, const struct buffer *from)
{
    struct iovec pieces[PIECES];
    int count = buffer_iov(from, pieces, PIECES);
    bool is_fine = true;
    for (int i = 0; i < count && is_fine && run->plain < RUN_FULL;) {
        size_t len, room = RUN_FULL - run->plain;
        int together = sharing(pieces + i, count - i, &len);
        is_fine = seal_bytes(run, ssl, joined(pieces + i, together), len < room ? len : room);
        i += together;
    }
    return is_fine;
}

bool tls_run_is_empty(const struct tls_run *run)
{
    return run->records.len == 0;
}

enum flow tls_run_send(struct tls_run *run, struct transport *tcp, struct buffer *from, struct task *who)
{
    enum flow flow = transport_write(tcp, &run->records, who);
    size_t left = run->plain < run->records.len ? run->plain : run->records.len;
    buffer_drop(from, run->plain - left);
    run->plain = left;
    return flow;
}
