#include "observe/notice.h"

#include "observe/log_file.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

enum { ROOM = 1024 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct log_file *file; /* NULL: not begun, or ended */
static struct notice_share shares[NOTICE_KINDS];

bool notice_may(struct notice_share *of, struct mono now, uint64_t *ret_missed)
{
    if (of->used == 0 || mono_since(of->began, now) >= MSEC_SECOND) {
        of->began = now;
        of->used = 0;
    }
    if (of->used == NOTICE_RATE) {
        of->missed++;
        return false;
    }
    of->used++;
    *ret_missed = of->missed;
    of->missed = 0;
    return true;
}

static void put(struct log_file *into, uint64_t missed, const char *format, va_list args)
{
    char text[ROOM];
    int len = snprintf(text, sizeof text, "gatehouse: ");
    int more = vsnprintf(text + len, sizeof text - (size_t)len, format, args);
    size_t whole = more < 0 ? 0 : (size_t)len + (size_t)more;
    if (missed > 0 && whole < sizeof text)
        whole += (size_t)snprintf(text + whole, sizeof text - whole, " (%" PRIu64 " notices before it were left out)",
                                  missed);
    log_file_put(into, str_from(text, whole < sizeof text ? whole : sizeof text - 1));
}

void notice(enum notice_of of, const char *format, ...)
{
    uint64_t missed = 0;
    pthread_mutex_lock(&lock);
    bool may = file != NULL && notice_may(&shares[of], clock_mono(), &missed);
    struct log_file *into = may ? log_file_ref(file) : NULL;
    pthread_mutex_unlock(&lock);
    if (into == NULL)
        return;
    va_list args;
    va_start(args, format);
    put(into, missed, format, args);
    va_end(args);
    log_file_unref(into);
}

void notice_begin(int taken_fd)
{
    const struct log_conf conf = {.to = LOG_STDERR, .format = LOG_COMBINED};
    struct log_file *made = log_file_new(STR(">notices"), &conf, taken_fd);
    pthread_mutex_lock(&lock);
    file = made;
    pthread_mutex_unlock(&lock);
}

void notice_end(void)
{
    pthread_mutex_lock(&lock);
    struct log_file *ended = file;
    file = NULL;
    pthread_mutex_unlock(&lock);
    if (ended != NULL)
        log_file_unref(ended);
}
