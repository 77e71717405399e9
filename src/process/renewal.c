/*
 * Certificates and keys that change on the disk, without anybody asking for a reload: whoever renews them writes the
 * files, and is done.
 *
 * Their files are looked at twice a second (a name may lead through links to folders that are replaced, which is
 * simpler to follow so than by watching each folder on the way). One that looks different, and the same at the next
 * look, is read: certificate and key together. The worker loads the pair beside those that it serves, and serves it
 * when it is whole; nothing else of the configuration is read. One that is refused is told once, and tried again when
 * the files change again.
 */
#include "process/supervisor_private.h"

#include "base/must.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { LOOK_MS = 500, LOOK_AGAIN_MS = 200 };

int64_t renewal_due_ms(const struct supervisor *supervisor)
{
    bool is_wanted = supervisor->state == SUPERVISOR_RUNNING && supervisor->serving != NULL &&
                     supervisor->edition != NULL && supervisor->edition->pairs.count > 0;
    return is_wanted ? supervisor->look.at_ms + (supervisor->look.at_ms == 0) : 0;
}

static void begin(struct supervisor *supervisor, struct pair *pair)
{
    struct change *change = &supervisor->change;
    change_begin(supervisor, CHANGE_RENEWAL, supervisor->generation);
    change->child = supervisor->serving;
    change->edition = edition_ref(supervisor->edition);
    change->step = CHANGE_LOADING;
    change->renewal = (struct renewal){.pair = pair, .files = pair_read(pair), .stamps = pair->seen};
    struct letter_to letter = {.kind = MESSAGE_RENEW, .number = change->number, .index = pair->index};
    if (!channel_send(change->child->channel, &letter))
        kill(change->child->pid, SIGKILL);
}

/* Of an order under way the key comes first, and the certificate seconds later; one that is gone is ordered again. */
static bool is_to_come(const struct pair *pair, const struct stamps *now)
{
    return pair->folder != NULL && now->certificate.error == ENOENT;
}

/* True: it is settled, and not what is known. Unless it is settled, `ret_again` is set. */
static bool has_changed(struct pair *pair, bool *ret_again)
{
    struct stamps now;
    pair_look(pair, &now);
    bool is_settled = stamps_eq(&now, &pair->seen);
    pair->seen = now;
    if (!is_settled)
        *ret_again = true;
    if (is_to_come(pair, &now))
        pair->known = now;
    return is_settled && !stamps_eq(&now, &pair->known);
}

/* From where the last look has ended; NULL: it has come to the end, and begins anew some time later. */
static struct pair *find_changed(struct look *look, const struct pairs *pairs, int64_t now)
{
    while (look->from < pairs->count) {
        struct pair *pair = &pairs->at[look->from++];
        if (has_changed(pair, &look->again))
            return pair;
    }
    *look = (struct look){.at_ms = now + (look->again ? LOOK_AGAIN_MS : LOOK_MS)};
    return NULL;
}

void renewal_look(struct supervisor *supervisor)
{
    int64_t now = now_ms(), due = renewal_due_ms(supervisor);
    if (due == 0 || now < due)
        return;
    struct pair *changed = find_changed(&supervisor->look, &supervisor->edition->pairs, now);
    if (changed != NULL)
        begin(supervisor, changed);
}

static bool is_other(const struct pair_files *a, const struct pair_files *b)
{
    return a->certificate == NULL || b->certificate == NULL || a->len != b->len ||
           memcmp(a->certificate, b->certificate, a->len) != 0;
}

/* What the renewal holds now, new or old, is in force nowhere. */
static void end(struct supervisor *supervisor)
{
    struct renewal *renewal = &supervisor->change.renewal;
    keeping_retire(supervisor, &renewal->key, renewal->files.key);
    pair_files_fini(&renewal->files);
    change_end(supervisor);
}

void renewal_done(struct supervisor *supervisor)
{
    struct change *change = &supervisor->change;
    struct pair *pair = change->renewal.pair;
    const struct renewal renewal = change->renewal;
    fputs(change->told.len > 0 ? change->told.at : "", stderr);
    if (is_other(&pair->files, &renewal.files))
        fprintf(stderr, "gatehouse: the certificate %s has changed, and the new one is served\n",
                pair->certificate_path);
    change->renewal.files = pair->files;
    change->renewal.key = pair->key;
    pair->files = renewal.files;
    pair->key = renewal.key;
    pair->known = renewal.stamps;
    end(supervisor);
}

/* A worker or keeper that has died is not the certificate's fault: the next one is asked again. */
void renewal_failed(struct supervisor *supervisor)
{
    struct change *change = &supervisor->change;
    struct pair *pair = change->renewal.pair;
    if (change->child == NULL || change->renewal.is_unheard) {
        supervisor->look = (struct look){.at_ms = now_ms() + LOOK_MS};
    } else if (supervisor->state == SUPERVISOR_RUNNING) {
        pair->known = change->renewal.stamps;
        fputs(change->told.len > 0 ? change->told.at : "", stderr);
        fprintf(stderr, "gatehouse: the certificate %s goes on as it was, until its files change again\n",
                pair->certificate_path);
    }
    end(supervisor);
}
