#include "process/acme_order.h"

#include "base/must.h"
#include "base/number.h"
#include "base/rand.h"
#include "net/tls_look.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DELAY_FIRST = 60, DELAY_MAX = 6 * 3600, CHANCES = 1000, EARLY_PART = 30, MEMORY_MAX = 64 * 1024 };

int64_t order_delay(unsigned failures)
{
    int64_t delay = DELAY_FIRST;
    for (unsigned i = 1; i < failures && delay < DELAY_MAX; i++)
        delay *= 2;
    return delay < DELAY_MAX ? delay : DELAY_MAX;
}

int64_t order_renewal(int64_t from, int64_t until, unsigned chance)
{
    int64_t lifetime = until > from ? until - from : 0;
    return until - lifetime / 3 - lifetime * chance / ((int64_t)CHANCES * EARLY_PART);
}

/* Reading and writing */

void order_write(const struct order_lines *lines, struct text *into)
{
    struct str rest = lines->names, name;
    text_printf(into, "folder %s\ndirectory %s\n", lines->folder, lines->directory);
    if (lines->email.at != NULL)
        text_printf(into, "email %.*s\n", STR_ARGS(lines->email));
    for (size_t i = 0; i < lines->kind_count; i++)
        text_printf(into, "challenge %s\n", challenge_names[lines->kinds[i]]);
    while (str_cut(&rest, '\n', &name))
        if (name.len > 0)
            text_printf(into, "name %.*s\n", STR_ARGS(name));
    text_add_char(into, '\n');
}

static char *path_of(const char *format, const char *folder, const char *name)
{
    struct text text;
    text_init(&text);
    struct str rest = str_of(format), piece;
    for (unsigned i = 0; str_cut(&rest, '%', &piece); i++) {
        text_add(&text, piece);
        text_add_cstr(&text, i == 0 ? folder : i == 1 ? name : "");
    }
    return text_take(&text);
}

static void set_once(char **member, struct str value)
{
    free(*member);
    *member = must_copy(value.at, value.len);
}

static void add_name(struct order *order, struct str value)
{
    order->names = must_realloc(order->names, (order->name_count + 1) * sizeof *order->names);
    order->names[order->name_count++] = must_copy(value.at, value.len);
}

static void add_kind(struct order *order, struct str value)
{
    for (unsigned i = 0; i < CHALLENGE_KIND_COUNT; i++)
        if (str_eq(value, str_of(challenge_names[i])) && order->kind_count < CHALLENGE_KIND_COUNT)
            order->kinds[order->kind_count++] = (enum challenge_kind)i;
}

static void read_line(struct order *order, struct str key, struct str value)
{
    if (str_eq(key, STR("folder")))
        set_once(&order->folder, value);
    else if (str_eq(key, STR("directory")))
        set_once(&order->directory, value);
    else if (str_eq(key, STR("email")))
        set_once(&order->email, value);
    else if (str_eq(key, STR("challenge")))
        add_kind(order, value);
    else if (str_eq(key, STR("name")))
        add_name(order, value);
}

static bool finish(struct order *order)
{
    if (order->folder == NULL || order->directory == NULL || order->name_count == 0 || order->kind_count == 0)
        return false;
    const char *first = order->names[0];
    order->certificate = path_of("%/%/cert.pem", order->folder, first);
    order->key = path_of("%/private/%/key.pem", order->folder, first);
    order->memory = path_of("%/%/order", order->folder, first);
    order->account = path_of("%/account%", order->folder, "");
    order->account_key = path_of("%/private/key.pem%", order->folder, "");
    snprintf(order->state.name, sizeof order->state.name, "%s", first);
    order->state.names = (uint32_t)order->name_count;
    return true;
}

struct order *order_read(struct str *rest)
{
    struct str line, key, start = *rest;
    if (str_is_empty(*rest))
        return NULL;
    struct order *order = must_calloc(1, sizeof *order);
    list_init(&order->link);
    order->run = (struct acme_run){.hooks = -1, .output = -1};
    order->chance = rand_below(CHANCES);
    while (str_cut(rest, '\n', &line) && line.len > 0)
        if (str_cut(&line, ' ', &key) && line.len > 0)
            read_line(order, key, line);
    size_t left = rest->at != NULL ? rest->len : 0;
    order->text = str_from(must_copy(start.at, start.len - left), start.len - left);
    if (finish(order))
        return order;
    order_free(order);
    return NULL;
}

void order_free(struct order *order)
{
    acme_run_kill(&order->run);
    list_remove(&order->link);
    for (size_t i = 0; i < order->name_count; i++)
        free(order->names[i]);
    free(order->names);
    free((char *)(uintptr_t)order->text.at);
    free(order->folder);
    free(order->directory);
    free(order->email);
    free(order->certificate);
    free(order->key);
    free(order->memory);
    free(order->account);
    free(order->account_key);
    free(order->challenge_text);
    free(order);
}

/* Memory */

static void add_names(const struct order *order, struct text *into)
{
    text_add_cstr(into, "names");
    for (size_t i = 0; i < order->name_count; i++)
        text_printf(into, " %s", order->names[i]);
    text_add_char(into, '\n');
}

static bool write_whole(const char *path, struct str text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool is_done = write(fd, text.at, text.len) == (ssize_t)text.len && fsync(fd) == 0;
    return close(fd) == 0 && is_done;
}

/* The whole file or none. */
static bool replace(const char *path, struct str text)
{
    char *beside = path_of("%.new%", path, "");
    bool is_done = write_whole(beside, text) && rename(beside, path) == 0;
    int error = errno;
    if (!is_done)
        unlink(beside);
    free(beside);
    errno = error;
    return is_done;
}

static void make_folders(const struct order *order)
{
    char *own = path_of("%/%", order->folder, order->names[0]);
    mkdir(order->folder, 0700);
    mkdir(own, 0700);
    free(own);
}

/* False with errno. */
static bool remember(struct order *order)
{
    struct text text;
    text_init(&text);
    add_names(order, &text);
    text_printf(&text, "failures %" PRIu32 "\nnext %" PRId64 "\nerror %s\n", order->state.failures, order->state.next,
                order->state.error);
    make_folders(order);
    order->is_remembered = replace(order->memory, text_str(&text));
    order->is_unwritten = !order->is_remembered;
    text_fini(&text);
    return order->is_remembered;
}

/* One that could not be written before was told then. */
static void remember_or_tell(struct order *order)
{
    bool is_told = order->is_unwritten;
    if (!remember(order) && !is_told)
        fprintf(stderr, "gatehouse: certificate for %s: %s cannot be written: %s\n", order->state.name, order->memory,
                strerror(errno));
}

static void recall_line(struct order_state *state, struct str key, struct str value)
{
    uint64_t number = 0;
    if (str_eq(key, STR("error")))
        snprintf(state->error, sizeof state->error, "%.*s", STR_ARGS(value));
    else if (!number_parse_u64(value, INT64_MAX, &number))
        return;
    else if (str_eq(key, STR("failures")))
        state->failures = number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
    else if (str_eq(key, STR("next")))
        state->next = (int64_t)number;
}

static void forget(struct order *order)
{
    order->is_remembered = false;
    order->state.failures = 0;
    order->state.next = 0;
    order->state.error[0] = '\0';
}

/* Of other names it says nothing. */
static void recall(struct order *order)
{
    char bytes[MEMORY_MAX];
    struct text own;
    int fd = open(order->memory, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && order->is_remembered)
        forget(order);
    ssize_t got = fd >= 0 ? read(fd, bytes, sizeof bytes) : -1;
    if (fd >= 0)
        close(fd);
    struct str rest = str_from(bytes, got > 0 ? (size_t)got : 0), line, key;
    text_init(&own);
    add_names(order, &own);
    bool is_ours = str_starts(rest, text_str(&own));
    text_fini(&own);
    order->is_remembered |= is_ours;
    while (is_ours && str_cut(&rest, '\n', &line))
        if (str_cut(&line, ' ', &key))
            recall_line(&order->state, key, line);
}

/* When */

/* A clock that was wrong when it was written is no reason to wait for years. */
static void bound_next(struct order_state *state, int64_t now)
{
    int64_t most = now + order_delay(state->failures) * 11 / 10;
    if (state->failures > 0 && state->next > most)
        state->next = most;
}

/* Has the certificate all that it needs? Then when it is to be renewed. */
static bool look(struct order *order, int64_t now, int64_t *ret_renewal)
{
    struct tls_look found;
    order->state.until = 0;
    order->state.is_unread = access(order->certificate, R_OK) != 0 && errno == EACCES;
    if (!tls_look(order->certificate, order->names, order->name_count, &found) || access(order->key, F_OK) != 0)
        return false;
    order->state.until = found.until;
    *ret_renewal = order_renewal(found.from, found.until, order->chance);
    return found.has_names && found.until > now;
}

void order_look(struct order *order, int64_t now)
{
    int64_t renewal = 0;
    bool is_whole = look(order, now, &renewal);
    if (order->is_unwritten)
        remember(order);
    else
        recall(order);
    if (order->state.failures == 0)
        order->state.next = is_whole ? renewal : 0;
    bound_next(&order->state, now);
}

static bool remove_empty(const char *path)
{
    struct stat file;
    return lstat(path, &file) == 0 && S_ISREG(file.st_mode) && file.st_size == 0 && unlink(path) == 0;
}

/* What uacme has made and could not fill, on a full disk or since it was killed, it opens no more: it may read it at
   most. */
static void remove_leftovers(const struct order *order)
{
    char *half = path_of("%.tmp%", order->certificate, "");
    unlink(half);
    free(half);
    remove_empty(order->key);
    if (remove_empty(order->account_key))
        unlink(order->account); /* nothing without its key */
}

bool order_prepare(struct order *order)
{
    const char *path = remember(order) ? order->folder : order->memory;
    if (order->is_unwritten || access(path, R_OK | W_OK | X_OK) != 0) {
        snprintf(order->state.error, ORDER_REASON_MAX, "%.150s cannot be written: %s", path, strerror(errno));
        return false;
    }
    remove_leftovers(order);
    return true;
}

/* Of both challenges, when each has failed. */
static void tell_both(struct order *order)
{
    char after[ORDER_REASON_MAX];
    if (order->reason_before[0] == '\0')
        return;
    snprintf(after, sizeof after, "%.*s", ORDER_REASON_MAX - 1, order->state.error);
    snprintf(order->state.error, ORDER_ERROR_MAX, "%s: %s; %s: %s", challenge_names[order->kinds[order->kind - 1]],
             order->reason_before, challenge_names[order->kinds[order->kind]], after);
    order->reason_before[0] = '\0';
}

void order_failed(struct order *order, int64_t now)
{
    struct order_state *state = &order->state;
    int64_t renewal;
    tell_both(order);
    state->failures++;
    int64_t delay = order_delay(state->failures);
    state->next = now + delay + delay * rand_below(100) / 1000;
    remember_or_tell(order);
    look(order, now, &renewal);
}

/* What uacme leaves of those before, at each renewal one more. */
static void remove_old(const struct order *order)
{
    char *own = path_of("%/%", order->folder, order->names[0]);
    DIR *folder = opendir(own);
    for (const struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
        if (strncmp(entry->d_name, "cert-", 5) == 0)
            unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder != NULL)
        closedir(folder);
    free(own);
}

bool order_succeeded(struct order *order, int64_t now)
{
    int64_t renewal = 0;
    bool is_whole = look(order, now, &renewal);
    if (!is_whole || renewal <= now) {
        snprintf(order->state.error, sizeof order->state.error, "%s",
                 is_whole ? "the certificate that has come is about to run out"
                          : "the certificate that has come is not the one that was ordered");
        return false;
    }
    order->state.failures = 0;
    order->state.next = renewal;
    order->state.error[0] = '\0';
    remember_or_tell(order);
    remove_old(order);
    return true;
}

/* The account */

const char *order_account_step(const struct order *order)
{
    char email[ORDER_NAME_MAX * 2] = "";
    int fd = open(order->account, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return "new";
    ssize_t got = read(fd, email, sizeof email - 1);
    close(fd);
    email[got > 0 ? got : 0] = '\0';
    return strcmp(email, order->email != NULL ? order->email : "") == 0 ? NULL : "update";
}

static bool note_account(const struct order *order, const char *email)
{
    int fd = open(order->account, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool is_done = fd >= 0 && write(fd, email, strlen(email)) == (ssize_t)strlen(email);
    if (fd >= 0)
        close(fd);
    return is_done;
}

/* It is there, or was there already; whose it is is looked at anew. */
static bool has_account(const struct order *order, bool is_fine)
{
    static const struct str there = {"Account already exists", 22};
    struct str said = text_str(&order->run.said);
    if (is_fine)
        return note_account(order, order->email != NULL ? order->email : "");
    return str_find_str(said, there) < said.len && note_account(order, "?");
}

/* The authority may have lost it: it is made again, of the same key, but not again and again. */
static bool has_lost_account(const struct order *order)
{
    static const struct str lost = {"no account associated with", 26}; /* uacme */
    struct str said = text_str(&order->run.said);
    return !order->has_registered && str_find_str(said, lost) < said.len && unlink(order->account) == 0;
}

/* Running */

msec order_patience(const struct order *order, int64_t now, struct mono mono)
{
    if (order->run.pid != 0)
        return acme_run_left(&order->run, mono);
    return order->state.next > now ? (order->state.next - now) * MSEC_SECOND : -1;
}

/* A proof that did not work on one listener may on the other; what fails after it would do so again. */
static bool has_other_kind(struct order *order)
{
    if (!order->is_unproved || order->run.is_overdue || order->kind + 1 >= order->kind_count)
        return false;
    order->kind++;
    snprintf(order->reason_before, sizeof order->reason_before, "%.*s", ORDER_REASON_MAX - 1, order->state.error);
    return true;
}

enum order_outcome order_judge(struct order *order, bool is_fine)
{
    char *error = order->state.error;
    acme_run_why(text_str(&order->run.said), error, ORDER_REASON_MAX);
    if (order->run.is_overdue)
        snprintf(error, ORDER_REASON_MAX, "the authority has come to no end in time");
    if (order->step == ORDER_REGISTER)
        return has_account(order, is_fine) ? ORDER_GOES_ON : ORDER_HAS_FAILED;
    if (is_fine)
        return ORDER_IS_DONE;
    return has_lost_account(order) || has_other_kind(order) ? ORDER_GOES_ON : ORDER_HAS_FAILED;
}
