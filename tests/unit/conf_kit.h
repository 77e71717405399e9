/* Loads configurations of a test: their texts, with files that lie in memory. */
#ifndef TESTS_UNIT_CONF_KIT_H
#define TESTS_UNIT_CONF_KIT_H

#include "conf/loader.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct kit_file {
    const char *path; /* absolute; NULL ends them */
    const char *text; /* NULL: a folder */
};

struct kit {
    struct opener opener;
    const struct kit_file *files;
    struct diag diag;
    struct config *config;
    struct text shown;
    bool is_shallow;
};

#define KIT_MAIN "/t/main.conf"

static int kit_open(struct opener *opener, const char *path, enum open_purpose purpose)
{
    const struct kit *kit = (const void *)opener;
    for (const struct kit_file *file = kit->files; file != NULL && file->path != NULL; file++) {
        if (strcmp(file->path, path) != 0)
            continue;
        if (file->text == NULL && purpose == OPEN_DIRECTORY)
            return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int fd = memfd_create("kit", MFD_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(write(fd, file->text, strlen(file->text)), (int)strlen(file->text));
        ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
        return fd;
    }
    errno = ENOENT;
    return -1;
}

/* In the place of a keeper: a key's file has its name, in hexadecimal. */
static bool kit_take_key(struct opener *opener, const struct pair_paths *pair, struct key_id *ret,
                         char ret_why[KEY_WHY_MAX])
{
    char *text;
    size_t len;
    ret_why[0] = '\0';
    if (!opener_read(opener, pair->key, 2 * KEY_ID_LEN, &text, &len) || len < 2 * KEY_ID_LEN)
        return false;
    for (size_t i = 0; i < KEY_ID_LEN; i++) {
        const char digits[] = {text[2 * i], text[2 * i + 1], '\0'};
        ret->bytes[i] = (unsigned char)strtoul(digits, NULL, 16);
    }
    free(text);
    return true;
}

/* Loads the text, which stands in place of KIT_MAIN; the result is in kit->config, what was told in kit->shown. */
static inline struct config *kit_load(struct kit *kit, const char *text, const struct kit_file *files)
{
    kit->opener.open = kit_open;
    kit->opener.take_key = kit_take_key;
    kit->files = files;
    diag_init(&kit->diag);
    text_init(&kit->shown);
    struct conf_options options = {.text = str_of(text), .is_shallow = kit->is_shallow};
    kit->config = conf_load(KIT_MAIN, &options, &kit->opener, NULL, &kit->diag);
    diag_show(&kit->diag, &kit->shown);
    text_add_cstr(&kit->shown, "");
    return kit->config;
}

static inline void kit_fini(struct kit *kit)
{
    config_unref(kit->config);
    text_fini(&kit->shown);
    diag_fini(&kit->diag);
}

/* The message at "LINE:COLUMN" (of `file`) holds the words, in its text or behind the caret. */
static inline bool kit_says(const struct kit *kit, const char *file, struct str says)
{
    struct str place;
    str_cut(&says, ' ', &place);
    char start[200];
    snprintf(start, sizeof start, "%s:%.*s: ", file, STR_ARGS(place));
    struct str rest = text_str(&kit->shown);
    for (size_t at; (at = str_find_str(rest, str_of(start))) < rest.len;) {
        struct str message = str_skip(rest, at);
        size_t end = 1 + str_find_str(str_skip(message, 1), STR("\n/t/"));
        if (says.at == NULL || str_find_str(str_head(message, end), says) < str_head(message, end).len)
            return true;
        rest = str_skip(message, 1);
    }
    return false;
}

/* "4:10 did you mean 'app'|6:13 listn": just these mistakes are told, each at its place. */
static inline void kit_check_mistakes(const char *text, const char *says, const struct kit_file *files)
{
    struct kit kit = {0};
    struct str rest = str_of(says), piece;
    unsigned count = 0;
    ck_assert_msg(kit_load(&kit, text, files) == NULL, "loaded:\n%s", text);
    while (str_cut(&rest, '|', &piece)) {
        ck_assert_msg(kit_says(&kit, KIT_MAIN, piece), "not told: %.*s\nof:\n%s\nbut:\n%s", STR_ARGS(piece), text,
                      text_str(&kit.shown).at);
        count++;
    }
    ck_assert_msg(kit.diag.errors == count, "more is told than: %s\nof:\n%s\n%s", says, text, text_str(&kit.shown).at);
    kit_fini(&kit);
}

static inline void kit_check_loads(const char *text, const struct kit_file *files)
{
    struct kit kit = {0};
    ck_assert_msg(kit_load(&kit, text, files) != NULL, "refused:\n%s\n%s", text, text_str(&kit.shown).at);
    kit_fini(&kit);
}

/* Like kit_check_mistakes(), for warnings of a text that loads. */
static inline void kit_check_warnings(const char *text, const char *says, const struct kit_file *files)
{
    struct kit kit = {0};
    struct str rest = str_of(says), piece;
    unsigned count = 0;
    ck_assert_msg(kit_load(&kit, text, files) != NULL, "refused:\n%s\n%s", text, text_str(&kit.shown).at);
    while (*says != '\0' && str_cut(&rest, '|', &piece)) {
        ck_assert_msg(kit_says(&kit, KIT_MAIN, piece), "not told: %.*s\nof:\n%s\nbut:\n%s", STR_ARGS(piece), text,
                      text_str(&kit.shown).at);
        count++;
    }
    ck_assert_msg(kit.diag.warnings == count, "more is told than: %s\nof:\n%s\n%s", says, text,
                  text_str(&kit.shown).at);
    kit_fini(&kit);
}

#endif
