#include "process/remote_opener.h"

#include "base/must.h"
#include "base/text.h"
#include "process/channel.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct message answer; /* under the lock */

/* Under the lock: a descriptor, or -1 with errno. */
static int ask(const struct letter_to *question)
{
    if (!channel_send(WORKER_FILES, question) || channel_receive(WORKER_FILES, true, &answer) != RECEIVED_MESSAGE) {
        errno = EIO; /* the supervisor is gone, and so are we soon */
        return -1;
    }
    if (answer.fd < 0)
        errno = answer.number != 0 ? (int)answer.number : EIO;
    return answer.fd;
}

static int ask_for_file(const struct letter_to *question)
{
    if (question->text.len > MESSAGE_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    pthread_mutex_lock(&lock);
    int fd = ask(question);
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return fd;
}

static int open_remotely(struct opener *opener, const char *path, enum open_purpose purpose)
{
    (void)opener;
    struct letter_to question = {.kind = MESSAGE_OPEN, .number = (uint32_t)purpose, .text = str_of(path)};
    return ask_for_file(&question);
}

static void name_pair(struct text *into, const struct pair_paths *pair)
{
    text_init(into);
    text_add_cstr(into, pair->certificate);
    text_add_char(into, '\0');
    text_add_cstr(into, pair->key);
}

static int open_certificate(struct opener *opener, const struct pair_paths *pair)
{
    (void)opener;
    struct text name;
    name_pair(&name, pair);
    struct letter_to question = {.kind = MESSAGE_CERTIFICATE, .text = text_str(&name)};
    int fd = ask_for_file(&question);
    int error = errno;
    text_fini(&name);
    errno = error;
    return fd;
}

static bool take_key(struct opener *opener, const struct pair_paths *pair, struct key_id *ret,
                     char ret_why[KEY_WHY_MAX])
{
    (void)opener;
    struct text name;
    name_pair(&name, pair);
    struct letter_to question = {.kind = MESSAGE_KEY, .text = str_head(text_str(&name), MESSAGE_MAX)};
    pthread_mutex_lock(&lock);
    bool is_heard = channel_send(WORKER_FILES, &question) &&
                    channel_receive(WORKER_FILES, true, &answer) == RECEIVED_MESSAGE;
    bool is_taken = is_heard && answer.kind == MESSAGE_KEY_TAKEN && answer.len >= sizeof ret->bytes;
    size_t skipped = is_taken ? sizeof ret->bytes : 0;
    if (is_taken)
        memcpy(ret->bytes, answer.bytes, sizeof ret->bytes);
    snprintf(ret_why, KEY_WHY_MAX, "%.*s", KEY_WHY_MAX - 1,
             is_heard ? answer.bytes + skipped : "the supervisor is gone");
    pthread_mutex_unlock(&lock);
    text_fini(&name);
    return is_taken;
}

static char *self_sign(struct opener *opener, size_t index, char ret_why[KEY_WHY_MAX])
{
    (void)opener;
    struct letter_to question = {.kind = MESSAGE_SELF_SIGNED, .index = (uint32_t)index};
    char *pem = NULL;
    pthread_mutex_lock(&lock);
    bool is_heard = channel_send(WORKER_FILES, &question) &&
                    channel_receive(WORKER_FILES, true, &answer) == RECEIVED_MESSAGE;
    if (is_heard && answer.kind == MESSAGE_MADE)
        pem = must_strdup(answer.bytes);
    else
        snprintf(ret_why, KEY_WHY_MAX, "%.*s", KEY_WHY_MAX - 1, is_heard ? answer.bytes : "the supervisor is gone");
    pthread_mutex_unlock(&lock);
    return pem;
}

static int link_keeper(struct opener *opener)
{
    (void)opener;
    struct letter_to question = {.kind = MESSAGE_LINK};
    pthread_mutex_lock(&lock);
    int fd = channel_send(WORKER_FILES, &question) && channel_receive(WORKER_FILES, true, &answer) == RECEIVED_MESSAGE
                 ? answer.fd
                 : -1;
    pthread_mutex_unlock(&lock);
    return fd;
}

struct opener *remote_opener(void)
{
    static struct opener opener = {.open = open_remotely,
                                   .open_certificate = open_certificate,
                                   .take_key = take_key,
                                   .self_sign = self_sign,
                                   .link_keeper = link_keeper};
    return &opener;
}
