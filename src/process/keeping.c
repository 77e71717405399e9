/* The keeper, as its supervisor sees it: started when the first key is to be kept, and again when it dies, with all
   keys in force. */
#include "process/supervisor_private.h"

#include "base/close.h"
#include "base/must.h"
#include "process/keeper.h"
#include "process/keeper_make.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* Who has been waited for in vain is not waited for as long again: there may be hundreds of keys. */
enum { PATIENCE_MS = 5000, SILENT_PATIENCE_MS = 50, PACE_AGAIN_MS = 1000 };

static const struct aide_kind keeper = {"keeper", 500};

/* Who is given keys is waited for, and takes what all do meanwhile, not the little that is left to who signs (keeper.c);
   as far as the supervisor may say so. Where an administrator has chosen how all are scheduled, nothing is said. */
static void set_niceness(const struct keeping *keeping, bool is_waited_for)
{
    int nice = getpriority(PRIO_PROCESS, 0) + (is_waited_for ? 0 : KEEPER_NICENESS);
    if (keeping->aide.pid != 0 && sched_getscheduler(0) == SCHED_OTHER)
        setpriority(PRIO_PROCESS, (id_t)keeping->aide.pid, nice);
}

static void begin_waiting(struct keeping *keeping)
{
    if (keeping->waits++ == 0)
        set_niceness(keeping, true);
}

static void end_waiting(struct keeping *keeping)
{
    if (--keeping->waits == 0)
        set_niceness(keeping, false);
}

/* It has no descriptors to pass, whatever it answers to. */
static bool receive(struct keeping *keeping, int64_t until_ms)
{
    struct pollfd readable = {.fd = keeping->aide.channel, .events = POLLIN};
    struct message *message = &keeping->message;
    int64_t left = until_ms - now_ms();
    if (left <= 0 || poll(&readable, 1, (int)left) <= 0 ||
        channel_receive(keeping->aide.channel, false, message) != RECEIVED_MESSAGE)
        return false;
    if (message->fd >= 0)
        close(message->fd);
    return true;
}

static bool name_of_taken(const struct message *message, struct key_id *ret)
{
    if (message->kind != MESSAGE_KEY_TAKEN || message->len < sizeof ret->bytes)
        return false;
    memcpy(ret->bytes, message->bytes, sizeof ret->bytes);
    return true;
}

static struct retired **find_retired(struct keeping *keeping, const struct key_id *key);

/* The answer to one who did not wait for it: what was taken for that one is not known to be in force. */
static void hear_late(struct supervisor *supervisor)
{
    struct key_id id;
    if (name_of_taken(&supervisor->keeping.message, &id) && *find_retired(&supervisor->keeping, &id) == NULL)
        keeping_retire(supervisor, &id, -1);
}

static bool receive_answer(struct supervisor *supervisor)
{
    struct keeping *keeping = &supervisor->keeping;
    int64_t until_ms = now_ms() + (keeping->is_silent ? SILENT_PATIENCE_MS : PATIENCE_MS);
    for (;;) {
        keeping->is_silent = !receive(keeping, until_ms);
        if (keeping->is_silent)
            return false;
        if (keeping->message.index == keeping->asked)
            return true;
        hear_late(supervisor);
    }
}

/* Waits for what it says of the key, since whoever asked waits too; it signs no more than a few times meanwhile. */
static bool hear(struct supervisor *supervisor, enum message_kind wanted, char ret_why[KEY_WHY_MAX])
{
    struct keeping *keeping = &supervisor->keeping;
    const struct message *message = &keeping->message;
    snprintf(ret_why, KEY_WHY_MAX, "the keeper does not answer");
    begin_waiting(keeping);
    keeping->has_answered = receive_answer(supervisor);
    end_waiting(keeping);
    if (!keeping->has_answered)
        return false;
    if (message->kind == MESSAGE_KEY_REFUSED)
        snprintf(ret_why, KEY_WHY_MAX, "%.*s", KEY_WHY_MAX - 1, message->bytes);
    return message->kind == wanted;
}

void keeping_set_pace(struct supervisor *supervisor)
{
    struct keeping *keeping = &supervisor->keeping;
    const struct edition *edition = supervisor->edition != NULL ? supervisor->edition : supervisor->change.edition;
    bool is_again = keeping->pace_at_ms != 0;
    keeping->pace_at_ms = 0;
    if (keeping->aide.pid == 0 || edition == NULL)
        return;
    struct letter_to letter = {.kind = MESSAGE_PACE, .number = (uint32_t)edition->config->limits.signatures};
    letter.at_once = keeping->is_silent || is_again;
    if (!channel_send(keeping->aide.channel, &letter))
        keeping->pace_at_ms = now_ms() + PACE_AGAIN_MS;
}

static void take_all_again(struct supervisor *supervisor);

/* One that is not the first has all keys in force, whoever has need of it: the configuration that is read names more
   than the key that is to be taken. What a keeper has made ends with it; the next one makes another. */
static bool start(struct supervisor *supervisor)
{
    struct keeping *keeping = &supervisor->keeping;
    struct identity identity;
    if (keeping->aide.pid != 0)
        return true;
    keeping->is_silent = false;
    keeping->aide.revive_at_ms = 0;
    identity_of_keeper(&identity);
    if (!aide_start(supervisor, &keeping->aide, &keeper, &identity))
        return false;
    keeping_set_pace(supervisor);
    if (keeping->was_there)
        take_all_again(supervisor);
    supervisor->remake_wanted |= keeping->was_there && (keeping_has_made(supervisor->edition) ||
                                                        keeping_has_made(supervisor->change.edition));
    keeping->was_there = true;
    return true;
}

static bool ask_once(struct supervisor *supervisor, struct letter_to *letter, enum message_kind wanted,
                     char ret_why[KEY_WHY_MAX])
{
    struct keeping *keeping = &supervisor->keeping;
    keeping->has_answered = false;
    snprintf(ret_why, KEY_WHY_MAX, "there is no keeper");
    if (!start(supervisor))
        return false;
    letter->index = ++keeping->asked;
    letter->at_once = keeping->is_silent;
    if (letter->with_fd)
        lseek(letter->fd, 0, SEEK_SET); /* it may be among those that were just taken again */
    return channel_send(keeping->aide.channel, letter) && hear(supervisor, wanted, ret_why);
}

/* If one dies, over this or by chance, another one is asked: once, and not by those who have it take all keys again. */
static bool ask(struct supervisor *supervisor, struct letter_to *letter, enum message_kind wanted,
                char ret_why[KEY_WHY_MAX])
{
    struct keeping *keeping = &supervisor->keeping;
    return ask_once(supervisor, letter, wanted, ret_why) ||
           (!keeping->has_answered && keeping->waits == 0 && aide_reap(&keeping->aide) &&
            ask_once(supervisor, letter, wanted, ret_why));
}

bool keeping_take(struct supervisor *supervisor, int fd, struct key_id *ret, char ret_why[KEY_WHY_MAX])
{
    const struct message *message = &supervisor->keeping.message;
    struct letter_to letter = {.kind = MESSAGE_KEY, .with_fd = true, .fd = fd};
    if (!ask(supervisor, &letter, MESSAGE_KEY_TAKEN, ret_why) || !name_of_taken(message, ret))
        return false;
    snprintf(ret_why, KEY_WHY_MAX, "%.*s", KEY_WHY_MAX - 1, message->bytes + sizeof ret->bytes);
    return true;
}

/* The day after the keeper would make another, for the first of which that is true. */
static void plan_remake(struct change *change, uint32_t good_seconds)
{
    enum { DAY_MS = 24 * MSEC_HOUR };
    int64_t at_ms = now_ms() + good_seconds * (int64_t)1000 + DAY_MS;
    if (change->remake_at_ms == 0 || at_ms < change->remake_at_ms)
        change->remake_at_ms = at_ms;
}

bool keeping_make(struct supervisor *supervisor, struct str names, const unsigned char *digest, struct text *into,
                  char ret_why[KEY_WHY_MAX])
{
    const struct message *message = &supervisor->keeping.message;
    struct letter_to letter = {.kind = MESSAGE_MAKE, .number = digest != NULL ? MAKE_FOR_CHALLENGE : 0};
    struct text text;
    text_init(&text);
    if (digest != NULL)
        text_add(&text, str_from((const char *)digest, MAKE_DIGEST_LEN));
    text_add(&text, str_head(names, MADE_NAMES_MAX + 1)); /* the keeper takes whole lines of it */
    letter.text = text_str(&text);
    bool is_made = ask(supervisor, &letter, MESSAGE_MADE, ret_why);
    if (is_made)
        text_add(into, str_from(message->bytes, message->len));
    if (is_made && digest == NULL)
        plan_remake(&supervisor->change, message->number);
    text_fini(&text);
    return is_made;
}

int keeping_link(struct supervisor *supervisor)
{
    struct keeping *keeping = &supervisor->keeping;
    int ends[2];
    errno = EAGAIN;
    if (keeping->aide.pid == 0 || !channel_pair(ends))
        return -1;
    struct letter_to letter = {.kind = MESSAGE_LINK, .with_fd = true, .fd = ends[1], .at_once = keeping->is_silent};
    bool is_sent = channel_send(keeping->aide.channel, &letter);
    close(ends[1]);
    if (is_sent)
        return ends[0];
    close(ends[0]);
    errno = EAGAIN;
    return -1;
}

/* Keys without a certificate */

/* Handshakes that began with it may still ask for a signature: the keeper has it for long. One that is started has it
   only for as long as a question that its predecessor has left may wait for an answer, since we hold a copy till then. */
enum { PATIENCE_OF_HANDSHAKES_MS = 10 * 60 * 1000, PATIENCE_OF_QUESTIONS_MS = 5000 };

struct retired {
    struct retired *next;
    struct key_id key;
    int copy; /* -1: given back */
    int64_t copy_until_ms, until_ms;
};

static bool has_key(const struct edition *edition, const struct key_id *key)
{
    for (size_t i = 0; edition != NULL && i < edition->pairs.count; i++)
        if (key_id_eq(&edition->pairs.at[i].key, key))
            return true;
    return false;
}

/* In what is loaded just now, or in a worker that drains. */
static bool is_used(const struct supervisor *supervisor, const struct key_id *key)
{
    const struct change *change = &supervisor->change;
    bool is_used = has_key(change->edition, key) || key_id_eq(&change->renewal.key, key);
    for (size_t i = 0; !is_used && i < lengthof(supervisor->children); i++)
        is_used = has_key(supervisor->children[i].serving, key);
    return is_used;
}

static void append(struct keeping *keeping, struct retired *retired, int64_t now)
{
    struct retired **last = &keeping->retired;
    while (*last != NULL)
        last = &(*last)->next;
    retired->next = NULL;
    retired->until_ms = now + PATIENCE_OF_HANDSHAKES_MS;
    *last = retired;
}

static void give_back_copy(struct retired *retired)
{
    close_quietly(retired->copy);
    retired->copy = -1;
}

static void drop(struct retired **at)
{
    struct retired *retired = *at;
    *at = retired->next;
    give_back_copy(retired);
    free(retired);
}

/* Its place in the list, or where the list ends. */
static struct retired **find_retired(struct keeping *keeping, const struct key_id *key)
{
    struct retired **at = &keeping->retired;
    while (*at != NULL && !key_id_eq(&(*at)->key, key))
        at = &(*at)->next;
    return at;
}

void keeping_retire(struct supervisor *supervisor, const struct key_id *key, int borrowed_fd)
{
    static const struct key_id none;
    int64_t now = now_ms();
    if (key_id_eq(key, &none) || has_key(supervisor->edition, key))
        return;
    struct retired **before = find_retired(&supervisor->keeping, key);
    if (*before != NULL) /* it has been in use again, or taken again in vain */
        drop(before);
    struct retired *retired = must_alloc(sizeof *retired);
    *retired = (struct retired){
        .key = *key, .copy = fcntl(borrowed_fd, F_DUPFD_CLOEXEC, 0), .copy_until_ms = now + PATIENCE_OF_QUESTIONS_MS};
    append(&supervisor->keeping, retired, now);
}

void keeping_retire_pairs(struct supervisor *supervisor, const struct edition *edition)
{
    for (size_t i = 0; i < edition->pairs.count; i++)
        keeping_retire(supervisor, &edition->pairs.at[i].key, edition->pairs.at[i].files.key);
}

int64_t keeping_due_ms(const struct keeping *keeping)
{
    int64_t due = keeping->retired != NULL ? keeping->retired->until_ms : 0;
    for (const struct retired *at = keeping->retired; at != NULL; at = at->next)
        if (at->copy >= 0)
            return at->copy_until_ms < due ? at->copy_until_ms : due;
    return due;
}

/* False: it takes no letters now. */
static bool forget(struct keeping *keeping, const struct key_id *key)
{
    struct letter_to letter = {.kind = MESSAGE_FORGET_KEY, .at_once = keeping->is_silent};
    letter.text = str_from((const char *)key->bytes, sizeof key->bytes);
    return keeping->aide.pid == 0 || channel_send(keeping->aide.channel, &letter);
}

static void end_first(struct supervisor *supervisor, int64_t now)
{
    struct keeping *keeping = &supervisor->keeping;
    struct retired *first = keeping->retired;
    bool is_in_force = has_key(supervisor->edition, &first->key);
    if (is_in_force || (!is_used(supervisor, &first->key) && forget(keeping, &first->key))) {
        drop(&keeping->retired);
        return;
    }
    keeping->retired = first->next;
    append(keeping, first, now);
}

void keeping_forget_retired(struct supervisor *supervisor, int64_t now)
{
    while (supervisor->keeping.retired != NULL && now >= supervisor->keeping.retired->until_ms)
        end_first(supervisor, now);
    for (struct retired *at = supervisor->keeping.retired; at != NULL && now >= at->copy_until_ms; at = at->next)
        give_back_copy(at);
}

/* One that has died */

static void take_again(struct supervisor *supervisor, const char *path, int fd, struct key_id *ret)
{
    char why[KEY_WHY_MAX];
    if (fd >= 0 && !keeping_take(supervisor, fd, ret, why))
        fprintf(stderr, "gatehouse: the key %s cannot be taken again: %s\n", path, why);
}

static void take_those_of(struct supervisor *supervisor, struct edition *edition)
{
    for (size_t i = 0; edition != NULL && i < edition->pairs.count; i++) {
        struct pair *pair = &edition->pairs.at[i];
        take_again(supervisor, pair->key_path, pair->files.key, &pair->key);
    }
}

static void take_retired_again(struct supervisor *supervisor)
{
    for (struct retired *at = supervisor->keeping.retired; at != NULL; at = at->next)
        take_again(supervisor, "that has just been replaced", at->copy, &at->key);
}

/* Those that drain: connections without a handshake yet are among theirs. */
static void take_those_of_old_workers(struct supervisor *supervisor)
{
    for (size_t i = 0; i < lengthof(supervisor->children); i++)
        if (supervisor->children[i].pid != 0 && supervisor->children[i].is_leaving)
            take_those_of(supervisor, supervisor->children[i].serving);
}

/* All that are in force, or about to be, or have just been. */
static void take_all_again(struct supervisor *supervisor)
{
    struct change *change = &supervisor->change;
    begin_waiting(&supervisor->keeping);
    take_those_of(supervisor, supervisor->edition);
    if (change->edition != supervisor->edition)
        take_those_of(supervisor, change->edition);
    if (change->renewal.pair != NULL)
        take_again(supervisor, change->renewal.pair->key_path, change->renewal.files.key, &change->renewal.key);
    take_those_of_old_workers(supervisor);
    take_retired_again(supervisor);
    end_waiting(&supervisor->keeping);
}

bool keeping_has_made(const struct edition *edition)
{
    for (size_t i = 0; edition != NULL && i < edition->config->tls_server_count; i++)
        if (edition->config->tls_servers[i]->source != CERTIFICATE_FILES)
            return true;
    return false;
}

void keeping_remake_old(struct supervisor *supervisor, int64_t now)
{
    if (supervisor->remake_at_ms == 0 || now < supervisor->remake_at_ms)
        return;
    supervisor->remake_wanted = true;
    supervisor->remake_at_ms = now + MSEC_HOUR; /* unless it succeeds */
}

void keeping_revive(struct supervisor *supervisor)
{
    supervisor->keeping.aide.revive_at_ms = 0;
    if (!supervisor->keeping.aide.is_ending)
        start(supervisor);
}

void keeping_end(struct supervisor *supervisor)
{
    struct keeping *keeping = &supervisor->keeping;
    while (keeping->retired != NULL)
        drop(&keeping->retired);
    aide_end(&keeping->aide);
}
