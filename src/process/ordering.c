/*
 * Whoever orders certificates (acme.h), as the supervisor sees it: started with the first configuration that wants one,
 * told what is wanted with each, and ended with the last. What it says of challenges and orders goes on to the worker,
 * with a certificate of the keeper where one has to be shown.
 */
#include "process/supervisor_private.h"

#include "base/close.h"
#include "base/must.h"
#include "modes/reverse/hosts.h"
#include "process/acme_order.h"
#include "process/keeper_make.h"
#include "process/state_folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PORT_HTTP = 80, PORT_HTTPS = 443 };

/* What is wanted */

static const struct reverse_conf *block_of(const struct config *config, const struct tls_server_conf *tls)
{
    for (size_t i = 0; i < config->reverse_count; i++)
        if (config->reverses[i].tls == tls)
            return &config->reverses[i];
    return NULL;
}

static bool serves(const struct reverse_conf *block, struct str host)
{
    struct arena arena;
    arena_init(&arena);
    bool does = reverse_hosts_find(reverse_hosts_build(&arena, &block, 1), host) != NULL;
    arena_reset(&arena);
    return does;
}

/* Listeners where a challenge can be answered: in clear those of any block that has the host, since http-01 looks at it
   alone. */
struct ways {
    bool has[CHALLENGE_KIND_COUNT];
    bool is_usual[CHALLENGE_KIND_COUNT]; /* its port is the one where the authority looks; another may be led there */
};

static void add_listens(const struct reverse_conf *block, enum challenge_kind kind, struct ways *ways)
{
    uint16_t usual = kind == CHALLENGE_HTTP ? PORT_HTTP : PORT_HTTPS;
    for (size_t i = 0; i < block->listen_count; i++) {
        const struct listen_conf *listen = &block->listens[i];
        if (listen->is_passthrough || listen->is_tls != (kind == CHALLENGE_TLS_ALPN))
            continue;
        ways->has[kind] = true;
        ways->is_usual[kind] |= addr_port(&listen->addr) == usual;
    }
}

/* http-01 first, unless only the other one is where the authority looks. */
static size_t kinds_of(const struct config *config, const struct reverse_conf *block, struct str host,
                       enum challenge_kind ret[CHALLENGE_KIND_COUNT])
{
    struct ways ways = {0};
    for (size_t i = 0; i < config->reverse_count; i++)
        if (serves(&config->reverses[i], host))
            add_listens(&config->reverses[i], CHALLENGE_HTTP, &ways);
    add_listens(block, CHALLENGE_TLS_ALPN, &ways);
    bool is_turned = ways.is_usual[CHALLENGE_TLS_ALPN] && !ways.is_usual[CHALLENGE_HTTP];
    size_t count = 0;
    for (unsigned i = 0; i < CHALLENGE_KIND_COUNT; i++) {
        enum challenge_kind kind = is_turned ? CHALLENGE_KIND_COUNT - 1 - i : i;
        if (ways.has[kind])
            ret[count++] = kind;
    }
    return count;
}

/* Two blocks with the same order (the loader lets no others have the same files) are one. */
static bool is_repeated(const struct config *config, size_t index)
{
    const char *path = config->tls_servers[index]->certificates[0].certificate_path;
    for (size_t i = 0; i < index; i++)
        if (config->tls_servers[i]->source == CERTIFICATE_AUTO &&
            strcmp(config->tls_servers[i]->certificates[0].certificate_path, path) == 0)
            return true;
    return false;
}

static void write_orders(const struct config *config, struct text *into)
{
    for (size_t i = 0; i < config->tls_server_count; i++) {
        const struct tls_server_conf *tls = config->tls_servers[i];
        const struct reverse_conf *block = block_of(config, tls);
        enum challenge_kind kinds[CHALLENGE_KIND_COUNT];
        if (tls->source != CERTIFICATE_AUTO || block == NULL || is_repeated(config, i))
            continue;
        struct order_lines lines = {.folder = tls->acme->folder, .directory = tls->acme->directory.at};
        lines.email = tls->acme->email;
        lines.names = tls->names;
        lines.kinds = kinds;
        lines.kind_count = kinds_of(config, block, str_of(tls->acme->first), kinds);
        order_write(&lines, into);
    }
}

/* The process */

static const struct aide_kind acme = {"acme", 5000};

/* The folder is for whom it runs as: a user that was made meanwhile gets it with the next start. */
static bool start(struct supervisor *supervisor)
{
    struct ordering *ordering = &supervisor->ordering;
    bool is_there = ordering->aide.pid != 0;
    if (!is_there)
        identity_of_acme(&ordering->identity);
    state_folder_make(supervisor->edition->config->process.state, &ordering->identity);
    return is_there || aide_start(supervisor, &ordering->aide, &acme, &ordering->identity);
}

static int open_text(struct str text)
{
    int fd = memfd_create("gatehouse", MFD_CLOEXEC);
    if (fd >= 0 && (write(fd, text.at, text.len) != (ssize_t)text.len || lseek(fd, 0, SEEK_SET) != 0))
        return close_quietly(fd);
    return fd;
}

static void send_orders(struct supervisor *supervisor, struct str text)
{
    struct letter_to letter = {.kind = MESSAGE_ORDERS, .with_fd = true, .fd = open_text(text)};
    if (letter.fd < 0) {
        fprintf(stderr, "gatehouse: acme cannot be told what to order: %s\n", strerror(errno));
        return;
    }
    channel_send(supervisor->ordering.aide.channel, &letter);
    close(letter.fd);
}

/* To the worker that serves. False: there is none, or it takes nothing. */
static bool pass_on(struct supervisor *supervisor, enum message_kind kind, struct str text)
{
    const struct message *message = &supervisor->ordering.message;
    struct letter_to letter = {.kind = kind, .number = message->number, .index = message->index, .text = text};
    return supervisor->serving != NULL && channel_send(supervisor->serving->channel, &letter);
}

void ordering_adopt(struct supervisor *supervisor)
{
    struct text text;
    text_init(&text);
    write_orders(supervisor->edition->config, &text);
    supervisor->ordering.aide.revive_at_ms = 0;
    if (text.len > 0 && start(supervisor)) {
        send_orders(supervisor, text_str(&text));
    } else if (text.len == 0 && supervisor->ordering.aide.pid != 0) {
        supervisor->ordering.message = (struct message){.kind = MESSAGE_ORDER_COUNT};
        pass_on(supervisor, MESSAGE_ORDER_COUNT, STR_NONE);
        ordering_end(supervisor);
        supervisor->ordering.aide.is_ending = false;
    }
    text_fini(&text);
}

/* It ends after it has killed and waited for what it runs. */
void ordering_end(struct supervisor *supervisor)
{
    aide_end(&supervisor->ordering.aide);
}

/* Challenges */

static int digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

/* RFC 4648 section 5, without padding; just as many bytes as that. */
static bool read_digest(struct str text, unsigned char ret[MAKE_DIGEST_LEN])
{
    uint32_t bits = 0;
    unsigned count = 0;
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = digit_of(text.at[i]);
        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        count += 6;
        if (count < 8)
            continue;
        count -= 8;
        if (len == MAKE_DIGEST_LEN)
            return false;
        ret[len++] = (unsigned char)(bits >> count);
    }
    return len == MAKE_DIGEST_LEN;
}

/* The name, and the certificate that proves it. */
static bool write_proof(struct supervisor *supervisor, struct str words, struct text *into)
{
    unsigned char digest[MAKE_DIGEST_LEN];
    char why[KEY_WHY_MAX];
    struct str name, token, authorization;
    if (!str_cut(&words, '\n', &name) || !str_cut(&words, '\n', &token) || !str_cut(&words, '\n', &authorization) ||
        !read_digest(authorization, digest))
        return false;
    text_printf(into, "%.*s\n", STR_ARGS(name));
    return keeping_make(supervisor, text_str(into), digest, into, why);
}

static void pass_challenge(struct supervisor *supervisor)
{
    const struct message *message = &supervisor->ordering.message;
    struct str words = str_from(message->bytes, message->len);
    struct text proof;
    text_init(&proof);
    bool is_passed = message->index == CHALLENGE_TLS_ALPN ? write_proof(supervisor, words, &proof) &&
                                                                pass_on(supervisor, MESSAGE_CHALLENGE, text_str(&proof))
                                                          : pass_on(supervisor, MESSAGE_CHALLENGE, words);
    text_fini(&proof);
    if (!is_passed)
        ordering_challenge_is_set(supervisor, message->number, false);
}

void ordering_challenge_is_set(struct supervisor *supervisor, uint32_t number, bool is_fine)
{
    struct letter_to letter = {.kind = MESSAGE_CHALLENGE_SET, .number = number, .index = is_fine ? 0 : 1};
    if (supervisor->ordering.aide.pid != 0)
        channel_send(supervisor->ordering.aide.channel, &letter);
}

void ordering_read(struct supervisor *supervisor)
{
    struct ordering *ordering = &supervisor->ordering;
    struct message *message = &ordering->message;
    while (ordering->aide.pid != 0 && channel_receive(ordering->aide.channel, false, message) == RECEIVED_MESSAGE) {
        if (message->fd >= 0) /* it has nothing to pass */
            close(message->fd);
        if (message->kind == MESSAGE_CHALLENGE)
            pass_challenge(supervisor);
        else if (message->kind == MESSAGE_CHALLENGE_OVER || message->kind == MESSAGE_ORDER ||
                 message->kind == MESSAGE_ORDER_COUNT)
            pass_on(supervisor, (enum message_kind)message->kind, str_from(message->bytes, message->len));
    }
}
