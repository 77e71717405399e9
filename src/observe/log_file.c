#include "observe/log_file.h"

#include "base/must.h"
#include "base/object.h"
#include "observe/log_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
    FILE_MAGIC = MAGIC('l', 'o', 'g', 'f'),
    PACE = 20,        /* ms between looks while lines come */
    QUIET_LOOKS = 10, /* without a line, before it sleeps */
    RETRY = 1000,     /* ms between tries while the file takes nothing */
    NO_REOPEN = -2
};

struct log_file {
    uint32_t magic;
    _Atomic unsigned refs;    /* rows */
    _Atomic unsigned holders; /* the rows together, and the writer: the last frees */
    uint64_t serial;
    char *key;
    int fd;                /* the writer's; -1: none */
    bool is_datagram;      /* syslog: one line, one message */
    bool is_mid_line;      /* a line was cut short, as by a full disk … */
    struct log_ring *torn; /* … of this ring, which goes on first; NULL: its rest will not come */
    int wake_fd;
    _Atomic(struct log_ring *) rings;
    _Atomic int next_fd;
    _Atomic int format;
    _Atomic bool is_asleep;
    _Atomic bool is_stopping;
    _Atomic uint64_t written;
    _Atomic uint64_t lost;
    uint64_t told;         /* of `lost`; the writer's */
    struct log_file *next; /* in the list of all, under its lock */
};

/* All files that have a writer, for the end of the process. */
static pthread_mutex_t files_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t files_changed = PTHREAD_COND_INITIALIZER;
static struct log_file *files;
static unsigned writers; /* threads that have not yet let go of all that they had; also under the lock */
static _Atomic uint64_t last_serial;

static void release(struct log_file *file)
{
    if (atomic_fetch_sub_explicit(&file->holders, 1, memory_order_acq_rel) != 1)
        return;
    for (struct log_ring *ring = atomic_load(&file->rings), *next; ring != NULL; ring = next) {
        next = ring->next;
        log_ring_release(ring);
    }
    int next_fd = atomic_load(&file->next_fd);
    if (next_fd >= 0)
        close(next_fd);
    if (file->fd >= 0)
        close(file->fd);
    close(file->wake_fd);
    free(file->key);
    free(file);
    object_count_down(OBJECT_LOG);
}

static void wake(struct log_file *file)
{
    uint64_t one = 1;
    ssize_t written = write(file->wake_fd, &one, sizeof one);
    (void)written; /* full: it is awake anyway */
}

/* The writer */

static uint64_t count_lines(struct str bytes)
{
    uint64_t lines = 0;
    for (const char *at = bytes.at, *end = bytes.at + bytes.len; (at = memchr(at, '\n', (size_t)(end - at))) != NULL;
         at++)
        lines++;
    return lines;
}

/* Can the file take bytes again some day? */
static bool is_passing(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EIO || error == EAGAIN || error == EFBIG ||
           error == ENOBUFS || error == ECONNREFUSED || error == ENOTCONN;
}

/* A pipe or a terminal that nobody reads would hold the thread for ever: so it is asked first, and given no more than a
   pipe that is writable surely takes. */
static ssize_t write_stream(int fd, struct str bytes)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || S_ISREG(info.st_mode))
        return write(fd, bytes.at, bytes.len);
    struct pollfd item = {.fd = fd, .events = POLLOUT};
    if (poll(&item, 1, 0) == 0) {
        errno = EAGAIN;
        return -1;
    }
    return write(fd, bytes.at, bytes.len < PIPE_BUF ? bytes.len : PIPE_BUF);
}

/* How many bytes were written; -1 with errno. */
static ssize_t write_some(struct log_file *file, struct str bytes)
{
    if (!file->is_datagram)
        return write_stream(file->fd, bytes);
    static const char prefix[] = "<134>gatehouse: "; /* local0.info */
    size_t len = str_find(bytes, '\n');
    struct iovec iov[2] = {{(void *)(uintptr_t)prefix, sizeof prefix - 1}, {(void *)(uintptr_t)bytes.at, len}};
    if (writev(file->fd, iov, 2) < 0)
        return -1;
    return (ssize_t)(len < bytes.len ? len + 1 : len);
}

static void wait_for(int fd, short events, int ms)
{
    struct pollfd item = {.fd = fd, .events = events};
    poll(&item, 1, ms);
}

static bool may_wait(struct log_file *file)
{
    return !atomic_load(&file->is_stopping) && atomic_load(&file->next_fd) == NO_REOPEN;
}

/* Writes as much as the file takes; returns how many bytes, -1 when it will never take any. */
static ssize_t write_all(struct log_file *file, struct str bytes)
{
    size_t done = 0;
    while (done < bytes.len) {
        ssize_t written = write_some(file, str_skip(bytes, done));
        if (written > 0) {
            done += (size_t)written;
            file->is_mid_line = bytes.at[done - 1] != '\n';
        } else if (errno == EAGAIN && may_wait(file)) {
            wait_for(file->fd, POLLOUT, RETRY);
        } else if (errno != EINTR) {
            return done > 0 || is_passing(errno) ? (ssize_t)done : -1;
        }
    }
    return (ssize_t)done;
}

/* A line is not begun behind one that was cut short: with the next of another thread it would be one line. */
static ssize_t write_piece(struct log_file *file, struct log_ring *ring, struct str piece)
{
    if (file->fd < 0)
        return -1;
    ssize_t ended = file->is_mid_line && file->torn != ring ? write_all(file, STR("\n")) : 1;
    ssize_t done = ended == 1 ? write_all(file, piece) : ended;
    if (ended == 1 && done > 0)
        file->torn = file->is_mid_line ? ring : NULL;
    return done;
}

/* One piece of a ring; false when the file does not take it all. */
static bool move_piece(struct log_file *file, struct log_ring *ring, struct str piece)
{
    ssize_t done = write_piece(file, ring, piece);
    if (done < 0) {
        atomic_fetch_add(&file->lost, count_lines(piece));
        log_ring_drop(ring, piece.len);
        file->torn = NULL;
        return true;
    }
    atomic_fetch_add(&file->written, count_lines(str_head(piece, (size_t)done)));
    log_ring_drop(ring, (size_t)done);
    return (size_t)done == piece.len;
}

/* Takes rings out whose thread has ended; the newest stays while others may be put before it. */
static void drop_dead_rings(struct log_file *file)
{
    struct log_ring *first = atomic_load_explicit(&file->rings, memory_order_acquire);
    for (struct log_ring *before = first; before != NULL && before->next != NULL;) {
        struct log_ring *ring = before->next;
        if (!atomic_load_explicit(&ring->has_producer, memory_order_acquire) && log_ring_is_empty(ring)) {
            before->next = ring->next;
            log_ring_release(ring);
        } else {
            before = ring;
        }
    }
}

enum drained { DRAINED_NOTHING, DRAINED_SOME, DRAINED_STUCK };

static enum drained drain_ring(struct log_file *file, struct log_ring *ring)
{
    struct str pieces[2];
    unsigned count = log_ring_peek(ring, pieces);
    for (unsigned i = 0; i < count; i++)
        if (!move_piece(file, ring, pieces[i]))
            return DRAINED_STUCK;
    atomic_store_explicit(&ring->is_pressed, false, memory_order_release);
    return count > 0 ? DRAINED_SOME : DRAINED_NOTHING;
}

/* What is in the rings by now. */
static enum drained drain(struct log_file *file)
{
    enum drained result = file->torn != NULL ? drain_ring(file, file->torn) : DRAINED_NOTHING;
    struct log_ring *ring = atomic_load_explicit(&file->rings, memory_order_acquire);
    for (; ring != NULL && result != DRAINED_STUCK; ring = ring->next) {
        enum drained drained = drain_ring(file, ring);
        result = drained > result ? drained : result;
    }
    if (result != DRAINED_STUCK)
        drop_dead_rings(file);
    return result;
}

static bool has_lines(const struct log_file *file)
{
    for (const struct log_ring *ring = atomic_load(&file->rings); ring != NULL; ring = ring->next)
        if (!log_ring_is_empty(ring))
            return true;
    return false;
}

static struct wall time_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (struct wall){(int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000};
}

/* Tells in the file how many lines are missing from it. */
static void tell_lost(struct log_file *file)
{
    uint64_t lost = atomic_load(&file->lost);
    if (lost == file->told || file->fd < 0)
        return;
    char room[512];
    struct line line;
    line_init(&line, room, sizeof room - 1);
    if (file->is_mid_line)
        line_put_char(&line, '\n');
    log_format_ops((enum log_format)atomic_load(&file->format))->lost(&line, time_now(), lost - file->told);
    room[line.len] = '\n';
    if (write_all(file, str_from(room, line.len + 1)) == (ssize_t)line.len + 1)
        file->told = lost;
}

/* The old file has its beginning. */
static void drop_torn_line(struct log_file *file)
{
    struct str pieces[2];
    unsigned count = file->torn != NULL ? log_ring_peek(file->torn, pieces) : 0;
    bool is_over = false;
    for (unsigned i = 0; i < count && !is_over; i++) {
        size_t end = str_find(pieces[i], '\n');
        is_over = end < pieces[i].len;
        log_ring_drop(file->torn, is_over ? end + 1 : pieces[i].len);
    }
    atomic_fetch_add(&file->lost, is_over);
    file->torn = NULL;
}

static void take_next_fd(struct log_file *file)
{
    if (atomic_load(&file->next_fd) == NO_REOPEN)
        return;
    drain(file);
    drop_torn_line(file);
    if (file->fd >= 0)
        close(file->fd);
    file->fd = atomic_exchange(&file->next_fd, NO_REOPEN);
    file->is_mid_line = false;
}

/* Until there is something to do. */
static void rest(struct log_file *file, enum drained drained, unsigned *quiet)
{
    uint64_t ignored;
    *quiet = drained == DRAINED_NOTHING ? *quiet + 1 : 0;
    int patience = PACE;
    if (drained == DRAINED_STUCK) {
        patience = RETRY;
    } else if (*quiet >= QUIET_LOOKS) {
        bool owes_news = file->told != atomic_load(&file->lost) && file->fd >= 0;
        patience = owes_news ? RETRY : -1;
        atomic_store(&file->is_asleep, true);
        if (has_lines(file) || atomic_load(&file->is_stopping) || atomic_load(&file->next_fd) != NO_REOPEN)
            patience = 0;
    }
    wait_for(file->wake_fd, POLLIN, patience);
    atomic_store(&file->is_asleep, false);
    ssize_t got = read(file->wake_fd, &ignored, sizeof ignored);
    (void)got;
}

static void leave_list(struct log_file *file)
{
    pthread_mutex_lock(&files_lock);
    struct log_file **at = &files;
    while (*at != file)
        at = &(*at)->next;
    *at = file->next;
    pthread_mutex_unlock(&files_lock);
}

static void end_writer(struct log_file *file)
{
    leave_list(file);
    release(file);
    object_thread_done();
    pthread_mutex_lock(&files_lock);
    writers--;
    pthread_cond_broadcast(&files_changed);
    pthread_mutex_unlock(&files_lock);
}

static void *writer(void *argument)
{
    struct log_file *file = argument;
    unsigned quiet = 0;
    for (;;) {
        bool is_stopping = atomic_load(&file->is_stopping);
        take_next_fd(file);
        enum drained drained = drain(file);
        if (drained != DRAINED_STUCK)
            tell_lost(file);
        if (is_stopping && (drained != DRAINED_SOME || !has_lines(file)))
            break;
        if (!is_stopping)
            rest(file, drained, &quiet);
    }
    end_writer(file);
    return NULL;
}

static bool start_writer(struct log_file *file)
{
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 128 * 1024);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    bool is_started = pthread_create(&thread, &attributes, writer, file) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return is_started;
}

/* The rest of the world */

struct log_file *log_file_new(struct str key, const struct log_conf *conf, int taken_fd)
{
    struct log_file *file = must_calloc(1, sizeof *file);
    object_count_up(OBJECT_LOG);
    file->magic = FILE_MAGIC;
    file->serial = atomic_fetch_add(&last_serial, 1) + 1;
    file->key = must_alloc(key.len + 1);
    memcpy(file->key, key.at, key.len);
    file->key[key.len] = '\0';
    file->fd = taken_fd;
    file->is_datagram = conf->to == LOG_SYSLOG;
    file->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    must(file->wake_fd >= 0);
    atomic_init(&file->refs, 1);
    atomic_init(&file->holders, 2);
    atomic_init(&file->next_fd, NO_REOPEN);
    atomic_init(&file->format, (int)conf->format);
    pthread_mutex_lock(&files_lock);
    file->next = files;
    files = file;
    writers++;
    pthread_mutex_unlock(&files_lock);
    if (!start_writer(file)) /* no thread, no lines: they are counted as lost when the rings are full */
        end_writer(file);
    return file;
}

struct log_file *log_file_ref(struct log_file *file)
{
    must_be(file, FILE_MAGIC);
    atomic_fetch_add_explicit(&file->refs, 1, memory_order_relaxed);
    return file;
}

void log_file_unref(struct log_file *file)
{
    must_be(file, FILE_MAGIC);
    if (atomic_fetch_sub_explicit(&file->refs, 1, memory_order_acq_rel) != 1)
        return;
    atomic_store(&file->is_stopping, true);
    wake(file);
    release(file);
}

struct str log_file_key(const struct log_file *file)
{
    return str_of(file->key);
}

void log_file_set_format(struct log_file *file, enum log_format format)
{
    atomic_store(&file->format, (int)format);
}

static struct log_ring *ring_for(struct log_file *file)
{
    struct log_ring *ring = log_ring_of_thread(file->serial);
    if (ring != NULL)
        return ring;
    ring = log_ring_new(file->serial, LOG_RING_SIZE);
    if (ring == NULL)
        return NULL;
    log_ring_keep(ring);
    ring->next = atomic_load_explicit(&file->rings, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&file->rings, &ring->next, ring, memory_order_release,
                                                  memory_order_relaxed))
        ;
    return ring;
}

void log_file_put(struct log_file *file, struct str line)
{
    size_t used;
    struct log_ring *ring = ring_for(file);
    if (ring == NULL || !log_ring_put(ring, line, &used)) {
        atomic_fetch_add_explicit(&file->lost, 1, memory_order_relaxed);
        return;
    }
    /* Either the writer sees the line before it sleeps, or we see that it sleeps. */
    bool is_full = used > LOG_RING_SIZE / 2 && !atomic_exchange_explicit(&ring->is_pressed, true, memory_order_relaxed);
    if (is_full || (atomic_load(&file->is_asleep) && atomic_exchange(&file->is_asleep, false)))
        wake(file);
}

void log_file_reopen(struct log_file *file, int taken_fd)
{
    int before = atomic_exchange(&file->next_fd, taken_fd < 0 ? -1 : taken_fd);
    if (before >= 0)
        close(before);
    wake(file);
}

uint64_t log_file_written(const struct log_file *file)
{
    return atomic_load_explicit(&file->written, memory_order_relaxed);
}

uint64_t log_file_lost(const struct log_file *file)
{
    return atomic_load_explicit(&file->lost, memory_order_relaxed);
}

void log_files_shutdown(msec patience)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)(patience / MSEC_SECOND);
    until.tv_nsec += (long)(patience % MSEC_SECOND) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&files_lock);
    for (struct log_file *file = files; file != NULL; file = file->next) {
        atomic_store(&file->is_stopping, true);
        wake(file);
    }
    while (writers > 0 && pthread_cond_timedwait(&files_changed, &files_lock, &until) == 0)
        ;
    pthread_mutex_unlock(&files_lock);
}
