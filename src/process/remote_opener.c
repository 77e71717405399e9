#include "process/remote_opener.h"

#include "process/channel.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct message answer; /* under the lock */

/* Under the lock: a descriptor, or -1 with errno. */
static int ask(const char *path, enum open_purpose purpose)
{
    struct letter_to question = {.kind = MESSAGE_OPEN, .number = (uint32_t)purpose, .text = str_of(path)};
    if (!channel_send(WORKER_FILES, &question) || channel_receive(WORKER_FILES, true, &answer) != RECEIVED_MESSAGE) {
        errno = EIO; /* the supervisor is gone, and so are we soon */
        return -1;
    }
    if (answer.fd < 0)
        errno = answer.number != 0 ? (int)answer.number : EIO;
    return answer.fd;
}

static int open_remotely(struct opener *opener, const char *path, enum open_purpose purpose)
{
    (void)opener;
    if (strlen(path) > MESSAGE_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    pthread_mutex_lock(&lock);
    int fd = ask(path, purpose);
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return fd;
}

struct opener *remote_opener(void)
{
    static struct opener opener = {.open = open_remotely};
    return &opener;
}
