/*
 * Between the files of the supervisor: supervisor.c (loop, signals, ending), child.c (the worker as a process), aide.c
 * (processes beside it), keeping.c (the keeper), ordering.c (whoever orders certificates), change.c (start, reload and
 * restart: one transaction), renewal.c (certificates that change on the disk).
 */
#ifndef PROCESS_SUPERVISOR_PRIVATE_H
#define PROCESS_SUPERVISOR_PRIVATE_H

#include "net/ticket_keys.h"
#include "process/channel.h"
#include "process/control.h"
#include "process/edition.h"
#include "process/sockets.h"
#include "process/supervisor.h"

#include <sys/types.h>

enum { CHILDREN_MAX = 4 };

/* A worker as its supervisor sees it. */
struct child {
    pid_t pid; /* 0: free */
    int channel;
    int files;
    struct edition *serving; /* counted; NULL: it has not adopted anything yet */
    int64_t born_ms;
    bool is_leaving; /* it was told to drain or stop */
    unsigned threads;
    pid_t lined_to; /* the keeper to which it has had `lines` */
    unsigned lines;
};

struct aide_kind {
    const char *name; /* in messages, and the word that the program is started with */
    int64_t delay_ms; /* until there is another for one that dies as soon as it lives */
};

/* The keeper, or whoever orders certificates. */
struct aide {
    const struct aide_kind *kind;
    pid_t pid; /* 0: there is none */
    int channel;
    bool is_ending;
    int64_t lost_ms;
    int64_t revive_at_ms; /* 0: not planned */
};

/* The keeper as its supervisor sees it. */
struct keeping {
    struct aide aide;
    bool was_there;          /* there was one, and keys were given to it */
    bool has_answered;       /* when a key was last given to it */
    bool is_silent;          /* nothing has come from it since it was last waited for in vain */
    uint32_t asked;          /* how often a key was */
    int64_t pace_at_ms;      /* when it is told again how fast it may sign, since it took no letter; 0: it was told */
    unsigned waits;          /* how many wait for it to take keys, one within the other */
    struct retired *retired; /* keys that are forgotten soon */
    struct message message;
};

/* Whoever orders certificates, likewise (acme.h). */
struct ordering {
    struct aide aide;
    struct identity identity; /* that it was started with */
    struct message message;
};

/* REMAKE: the text in force, whose self-signed certificates were lost with the keeper. */
enum change_kind { CHANGE_NONE, CHANGE_START, CHANGE_RELOAD, CHANGE_RESTART, CHANGE_RENEWAL, CHANGE_REMAKE };
enum change_step { CHANGE_LOADING, CHANGE_ADOPTING };

/* A certificate that was written anew, until the worker serves it. */
struct renewal {
    struct pair *pair; /* of the edition in force; NULL: none */
    struct pair_files files;
    struct key_id key; /* as in struct pair */
    bool is_unheard;   /* the keeper has died over it, or before */
    struct stamps stamps;
};

/* What is under way towards a new generation; one at a time. */
struct change {
    enum change_kind kind;
    enum change_step step;
    unsigned number;
    int64_t until_ms;              /* it may take; 0: there is none, or its worker was ended for it */
    int64_t remake_at_ms;          /* when certificates that were made for it are too old; 0: there are none */
    struct edition *edition;       /* counted */
    struct child *child;           /* that loads it */
    struct sockets *sockets;       /* what it will listen on */
    struct control_socket control; /* a new one, when the path changes */
    struct renewal renewal;
    struct text told; /* mistakes and warnings */
};

/* At the files of certificates. */
struct look {
    int64_t at_ms; /* when they are looked at next */
    size_t from;   /* the pair to go on with */
    bool again;    /* one of those before has changed, and may be changing still */
};

enum supervisor_state { SUPERVISOR_RUNNING, SUPERVISOR_DRAINING, SUPERVISOR_STOPPING };

struct supervisor {
    const struct supervisor_options *options;
    enum supervisor_state state;
    int status;  /* to exit with */
    int signals; /* signalfd */
    struct control control;
    struct child children[CHILDREN_MAX];
    struct keeping keeping;
    struct ordering ordering;
    struct ticket_keys tickets; /* of TLS sessions */
    struct child *serving;      /* the worker that has the traffic; NULL while there is none */
    struct edition *edition;    /* in force */
    struct sockets *sockets;    /* in force */
    struct change change;
    unsigned generation;  /* the newest number */
    bool reload_wanted;   /* after the change under way */
    bool remake_wanted;   /* likewise: the keeper has lost certificates that it had made, or they are old */
    int64_t remake_at_ms; /* before certificates that the keeper has made are too old; 0: there are none */
    bool has_started;
    unsigned early_deaths; /* of workers, one after the other */
    int64_t restart_at_ms; /* 0: not planned */
    struct look look;
    int64_t end_at_ms; /* when what still lives is killed; 0: not planned */
    struct message message;
};

int64_t now_ms(void); /* monotonic */

/* child.c */

/* A new worker that loads nothing yet; NULL after saying why on stderr. */
struct child *child_start(struct supervisor *supervisor, const struct edition *edition);
/* Takes what has come on its two channels. */
void child_read(struct supervisor *supervisor, struct child *child);
void child_tell(struct child *child, enum message_kind kind);
/* Gives the keys of session tickets to all workers, when it is time for others. */
void children_turn_tickets(struct supervisor *supervisor);
/* Waits for those that have ended. */
void children_reap(struct supervisor *supervisor);
bool children_are_gone(const struct supervisor *supervisor);

/* Forks, and becomes the program's `word`; `ret_mine` are our ends of its channel and of its files. -1 with errno. */
pid_t process_start(const char *word, int ret_mine[2]);

/* aide.c */

/* One that is not there. False: it cannot be, which is told on stderr. */
bool aide_start(struct supervisor *supervisor, struct aide *aide, const struct aide_kind *kind,
                const struct identity *identity);
/* Plans another: at once, or some time after one that died as soon as it lived. False: `pid` is not it. */
bool aide_lost(struct aide *aide, pid_t pid, int status);
/* As above, for one that has died and of whom nobody was told yet. False: it lives, or there is none. */
bool aide_reap(struct aide *aide);
/* Waits for its end, which is brought about when it does not come by itself. */
void aide_end(struct aide *aide);

/* keeping.c */

/* Has the keeper take the key in an open file; false: `ret_why`. */
bool keeping_take(struct supervisor *supervisor, int fd, struct key_id *ret, char ret_why[KEY_WHY_MAX]);
/* Has the keeper make a self-signed certificate (keeper_make.h), and adds it in PEM. */
bool keeping_make(struct supervisor *supervisor, struct str names, const unsigned char *digest, struct text *into,
                  char ret_why[KEY_WHY_MAX]);
/* Tells the keeper how many signatures a second it may give, as the edition in force says, or the first one; later when
   it takes no letters now. */
void keeping_set_pace(struct supervisor *supervisor);
/* The end of a new line to the keeper, or -1 with errno. */
int keeping_link(struct supervisor *supervisor);
/* Forgets a key, unless a certificate in force has it: not at once, since handshakes with it may be under way, and not
   while a worker that drains has it. Its file, if there is one, is for a keeper that is started meanwhile. */
void keeping_retire(struct supervisor *supervisor, const struct key_id *key, int borrowed_fd);
/* All of one that is not in force any more, or did not come to be. */
void keeping_retire_pairs(struct supervisor *supervisor, const struct edition *edition);
/* When there is something to forget; 0: never. */
int64_t keeping_due_ms(const struct keeping *keeping);
void keeping_forget_retired(struct supervisor *supervisor, int64_t now);
/* Does the edition (NULL: no) have certificates that the keeper makes? */
bool keeping_has_made(const struct edition *edition);
/* Has others made when it is time, and tries again until they are shown. */
void keeping_remake_old(struct supervisor *supervisor, int64_t now);
/* Starts it again, with the keys in force. */
void keeping_revive(struct supervisor *supervisor);
void keeping_end(struct supervisor *supervisor);

/* ordering.c */

/* The edition in force says what is to be ordered; the worker that serves is told how that goes. */
void ordering_adopt(struct supervisor *supervisor);
/* Takes what it has sent. */
void ordering_read(struct supervisor *supervisor);
/* The worker answers the challenge, or cannot. */
void ordering_challenge_is_set(struct supervisor *supervisor, uint32_t number, bool is_fine);
void ordering_end(struct supervisor *supervisor);

/* change.c */

void change_start(struct supervisor *supervisor);
void change_reload(struct supervisor *supervisor);
void change_restart(struct supervisor *supervisor);
void change_remake(struct supervisor *supervisor);
/* News of the worker that loads. */
void change_loaded(struct supervisor *supervisor);
void change_adopted(struct supervisor *supervisor);
void change_failed(struct supervisor *supervisor);
/* Ends the one that takes too long. */
void change_look(struct supervisor *supervisor, int64_t now);

/* What a change begins and ends with. */
void change_begin(struct supervisor *supervisor, enum change_kind kind, unsigned number);
void change_end(struct supervisor *supervisor);

/* renewal.c */

/* Looks at the files of certificates and keys when it is time, and begins a change for one that was written anew: as a
   change, so that none is under way. */
void renewal_look(struct supervisor *supervisor);
/* When to look next; 0: never. */
int64_t renewal_due_ms(const struct supervisor *supervisor);
/* News of the worker. */
void renewal_done(struct supervisor *supervisor);
void renewal_failed(struct supervisor *supervisor);

/* supervisor.c */

/* `child` is gone, with a status of wait(). */
void supervisor_lost(struct supervisor *supervisor, struct child *child, int status);
void supervisor_drain(struct supervisor *supervisor);
void supervisor_stop(struct supervisor *supervisor);

#endif
