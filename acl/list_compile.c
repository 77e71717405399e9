/*
 * Makes a list: reads its files line by line into the table, and judges what could not be read. Memory besides the
 * table is one buffer; the table is sized from the file's length and the length of its first lines.
 */
#include "acl/list_plan.h"
#include "acl/list_reader.h"
#include "base/object.h"
#include "base/utf8.h"
#include "flow/inflate_file.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_SIZE = 64 * 1024, SHOWN_BAD = 5, SHOWN_LEN = 200, SETTLED_NS = 50 * 1000 * 1000 };
#define TEXT_MAX (UINT64_C(4) << 30)

struct bad_line {
    unsigned line;
    const char *why;
    char text[SHOWN_LEN + 1];
};

/* What became of a file's lines. */
struct tally {
    size_t lines;
    size_t entries;
    size_t unsupported;
    size_t bad;
    struct bad_line shown[SHOWN_BAD];
};

struct builder {
    struct list_sink sink;
    struct list *list;
    struct diag *diag;
    unsigned first_line; /* of the file that is being read */
    unsigned line;
    bool has_failed;
    const struct list_planned *planned;
    struct list_reader reader;
    enum list_format format; /* of that file */
    struct tally tally;
};

static void fail(struct builder *builder, const char *why)
{
    if (!builder->has_failed)
        diag_add(builder->diag, DIAG_ERROR, &builder->planned->file->path.place, NULL, "cannot read '%s': %s",
                 builder->planned->shown, why);
    builder->has_failed = true;
}

static void put(struct builder *builder, uint64_t print, unsigned cover)
{
    uint32_t number = (uint32_t)(builder->first_line + builder->line) << COVER_BITS | cover;
    if (!list_table_add(&builder->list->table, print, number))
        fail(builder, "there is not enough memory for its entries");
}

static void put_path(struct builder *builder, uint64_t host, const struct list_entry *entry)
{
    struct str rest = entry->path, segment;
    uint64_t print = host;
    unsigned segments = 0;
    while (list_cut_segment(&rest, &segment)) {
        print = list_print_segment(builder->list, print, segment);
        segments++;
    }
    put(builder, host, entry->cover | COVER_PATHS);
    put(builder, print, entry->cover);
    builder->list->stats.paths++;
    if (segments > builder->list->most_segments)
        builder->list->most_segments = segments;
}

static void add_entry(struct list_sink *sink, const struct list_entry *entry)
{
    struct builder *builder = container_of(sink, struct builder, sink);
    struct list *list = builder->list;
    uint64_t print;
    if (entry->name.at != NULL) {
        print = list_print_name(list, entry->name);
        list->has_labels[list_count_labels(entry->name)] = true;
    } else {
        print = list_print_range(list, &entry->range);
        if (entry->range.net.version == 4)
            list->has_bits4[entry->range.bits] = true;
        else
            list->has_bits6[entry->range.bits] = true;
        list->stats.addresses++;
    }
    if (entry->path.at != NULL)
        put_path(builder, print, entry);
    else
        put(builder, print, entry->cover);
}

static void note_bad(struct tally *tally, unsigned line, struct str text, const char *why)
{
    if (tally->bad++ >= SHOWN_BAD)
        return;
    struct bad_line *bad = &tally->shown[tally->bad - 1];
    text = str_head(text, SHOWN_LEN);
    bad->line = line;
    bad->why = why;
    for (size_t i = 0; i < text.len; i++) /* a terminal is not to be played with */
        bad->text[i] = (unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f ? '?' : text.at[i];
    bad->text[text.len] = '\0';
}

static void take_line(struct builder *builder, struct str line)
{
    struct tally *tally = &builder->tally;
    if (builder->first_line + builder->line >= LIST_LINES_MAX - 1) {
        fail(builder, "a list has at most 268,435,455 lines");
        return;
    }
    builder->line++;
    switch (list_reader_take(&builder->reader, line)) {
    case LINE_NOTHING:
        return;
    case LINE_ENTRY:
        tally->entries++;
        return;
    case LINE_UNSUPPORTED:
        tally->unsupported++;
        return;
    case LINE_BAD:
        note_bad(tally, builder->line, line, builder->reader.why);
        return;
    }
}

/* The lines of a text that comes in pieces. */
struct lines {
    struct inflate_file *file;
    char *buffer;
    size_t len;
    bool is_at_end;
    bool is_skipping; /* the rest of a line that is longer than the buffer */
};

/* Reads until the buffer is full or the text ends; false on failure. */
static bool fill(struct lines *lines)
{
    while (lines->len < BUFFER_SIZE && !lines->is_at_end) {
        ssize_t n = inflate_file_read(lines->file, lines->buffer + lines->len, BUFFER_SIZE - lines->len);
        if (n < 0)
            return false;
        lines->is_at_end = n == 0;
        lines->len += (size_t)n;
    }
    return true;
}

static void drop_to(struct lines *lines, struct str rest)
{
    memmove(lines->buffer, rest.at, rest.len);
    lines->len = rest.len;
}

/* Takes every line of the buffer that is complete, and the last one at the end of the text. */
static void take_lines(struct builder *builder, struct lines *lines)
{
    const char *last = lines->is_at_end ? NULL : memrchr(lines->buffer, '\n', lines->len);
    size_t whole = lines->is_at_end ? lines->len : last != NULL ? (size_t)(last + 1 - lines->buffer) : 0;
    struct str rest = str_from(lines->buffer, whole), line;
    while (!builder->has_failed && list_cut_line(&rest, &line)) {
        if (!lines->is_skipping)
            take_line(builder, line);
        lines->is_skipping = false;
    }
    rest = str_from(lines->buffer + whole, lines->len - whole);
    if (rest.len == BUFFER_SIZE) {
        if (!lines->is_skipping)
            note_bad(&builder->tally, ++builder->line, rest, "the line is too long");
        lines->is_skipping = true;
        rest.len = 0;
    }
    drop_to(lines, rest);
}

static size_t guess_lines(const struct lines *lines, uint64_t size)
{
    struct str rest = str_from(lines->buffer, lines->len), line;
    size_t count = 1;
    while (list_cut_line(&rest, &line))
        count++;
    return lines->is_at_end || lines->len == 0 ? count : (size_t)(size / lines->len + 1) * count;
}

static void strip_byte_order_mark(struct lines *lines)
{
    struct str text = str_from(lines->buffer, lines->len);
    if (str_starts(text, STR(UTF8_MARK)))
        drop_to(lines, str_skip(text, STR(UTF8_MARK).len));
}

static void read_lines(struct builder *builder, struct lines *lines)
{
    bool is_read = fill(lines);
    strip_byte_order_mark(lines);
    builder->format = builder->planned->format;
    if (builder->format == LIST_AUTO)
        builder->format = list_detect(str_from(lines->buffer, lines->len));
    uint64_t size = inflate_file_is_packed(lines->file) ? 0 : (uint64_t)builder->planned->identity.size;
    list_reader_init(&builder->reader, builder->format, builder->list->exact, &builder->sink);
    if (!list_table_reserve(&builder->list->table, guess_lines(lines, size)))
        fail(builder, "there is not enough memory for its entries");
    while (is_read && !builder->has_failed && lines->len > 0) {
        take_lines(builder, lines);
        is_read = fill(lines);
    }
    if (!is_read)
        fail(builder, inflate_file_why(lines->file));
    if (!list_reader_is_complete(&builder->reader))
        fail(builder, "a parenthesis is not closed");
    builder->tally.lines = builder->line;
}

/* "3 of 1000 lines are no domains entries" at the path's word, and the first of them at their own places. */
static void judge_bad(struct builder *builder)
{
    const struct tally *tally = &builder->tally;
    size_t content = tally->entries + tally->unsupported + tally->bad;
    unsigned percent = builder->diag->strict ? 0 : builder->list->bad_percent;
    bool is_error = tally->bad * 100 > content * percent;
    enum diag_level level = is_error ? DIAG_ERROR : DIAG_WARNING;
    for (size_t i = 0; i < tally->bad && i < SHOWN_BAD; i++) {
        const struct bad_line *bad = &tally->shown[i];
        struct str text = str_of(bad->text);
        struct place place = {builder->planned->shown, bad->line, 1, text.len > 0 ? (unsigned)text.len : 1, text};
        diag_add(builder->diag, level, &place, NULL, "%s, in a list of the format %s", bad->why,
                 list_format_name(builder->format));
    }
    diag_add(builder->diag, level, &builder->planned->file->path.place, NULL,
             "%zu of %zu lines of '%s' cannot be read as %s: %s %u %%", tally->bad, content, builder->planned->shown,
             list_format_name(builder->format),
             is_error ? "more than bad-lines allows," : "skipped, as bad-lines allows", percent);
    builder->has_failed |= is_error;
}

static void judge(struct builder *builder)
{
    const struct tally *tally = &builder->tally;
    const struct place *place = &builder->planned->file->path.place;
    if (builder->has_failed)
        return;
    if (tally->bad > 0)
        judge_bad(builder);
    if (builder->has_failed || tally->entries > 0)
        return;
    if (builder->planned->file->optional && tally->unsupported + tally->bad == 0) {
        diag_add(builder->diag, DIAG_WARNING, place, NULL, "'%s' is empty", builder->planned->shown);
        return;
    }
    diag_add(builder->diag, DIAG_ERROR, place,
             tally->unsupported + tally->bad == 0 ? "write 'optional' before it if it may be empty" : NULL,
             "'%s' yields no entry (read as %s; %zu lines, %zu that a proxy cannot apply)", builder->planned->shown,
             list_format_name(builder->format), tally->lines, tally->unsupported);
    builder->has_failed = true;
}

static void add_source(struct builder *builder)
{
    struct list *list = builder->list;
    list->sources = must_realloc(list->sources, (list->source_count + 1) * sizeof *list->sources);
    list->sources[list->source_count++] = (struct list_source){
        .shown = must_strdup(builder->planned->shown),
        .absolute = must_strdup(builder->planned->absolute),
        .identity = builder->planned->identity,
        .first_line = builder->first_line,
    };
    list->stats.lines += builder->tally.lines;
    list->stats.bad += builder->tally.bad;
    list->stats.unsupported += builder->tally.unsupported;
    list->stats.files++;
}

/* False after a mistake was told; the next file may still be read, for its own. */
static bool read_file(struct builder *builder, struct list_planned *planned, struct opener *opener)
{
    struct list_identity before = planned->identity;
    builder->planned = planned;
    builder->first_line += builder->line;
    builder->line = 0;
    builder->has_failed = false;
    builder->tally = (struct tally){0};
    int fd = list_plan_open(planned, opener, &planned->identity);
    if (fd < 0) {
        fail(builder, strerror(errno));
        return false;
    }
    builder->list->is_settled &= list_identity_eq(&before, &planned->identity);
    struct lines lines = {.file = inflate_file_new(fd, TEXT_MAX), .buffer = must_alloc(BUFFER_SIZE)};
    read_lines(builder, &lines);
    struct stat info;
    if (fstat(fd, &info) == 0 && info.st_size != planned->identity.size)
        fail(builder, "it changed while it was being read");
    judge(builder);
    add_source(builder);
    list_reader_fini(&builder->reader);
    free(lines.buffer);
    inflate_file_free(lines.file);
    return !builder->has_failed;
}

/* In the table a name stands once, however often it was read. */
static void count_entries(struct list *list)
{
    size_t exceptions = 0, marks = 0;
    for (size_t i = 0; i < list->table.room; i++) {
        uint32_t number = list->table.prints[i] != 0 ? list->table.numbers[i] : 0;
        marks += (number & COVER_PATHS) != 0;
        exceptions += (number & COVER_EXCEPTION) != 0;
    }
    list->stats.entries = list->table.count - marks - exceptions;
    list->stats.exceptions = exceptions;
    list->stats.bytes = sizeof *list + list->table.mapped;
}

static bool is_settled(const struct list_plan *plan)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    for (size_t i = 0; i < plan->count; i++) {
        struct timespec changed = plan->at[i].identity.changed;
        int64_t age = (int64_t)(now.tv_sec - changed.tv_sec) * 1000000000 + now.tv_nsec - changed.tv_nsec;
        if (age < SETTLED_NS) /* it could change again within one tick of the file system's clock */
            return false;
    }
    return true;
}

static bool may_share(const struct list *previous, const struct list_conf *conf, const struct list_plan *plan,
                      const struct diag *diag)
{
    if (previous == NULL || !previous->is_settled || previous->format != conf->format ||
        previous->exact != conf->exact || previous->bad_percent != conf->bad_percent ||
        !str_eq(str_of(previous->name), conf->name.text) || previous->source_count != plan->count ||
        (diag->strict && previous->stats.bad > 0))
        return false;
    for (size_t i = 0; i < plan->count; i++) {
        const struct list_source *source = &previous->sources[i];
        if (strcmp(source->absolute, plan->at[i].absolute) != 0 || strcmp(source->shown, plan->at[i].shown) != 0 ||
            !list_identity_eq(&source->identity, &plan->at[i].identity))
            return false;
    }
    return true;
}

static struct list *new_list(const struct list_conf *conf)
{
    struct list *list = must_calloc(1, sizeof *list);
    list->magic = LIST_MAGIC;
    atomic_init(&list->refs, 1);
    list->name = must_strdup(conf->name.text.at);
    list->format = conf->format;
    list->exact = conf->exact;
    list->bad_percent = conf->bad_percent;
    list->key = hash_key_random();
    list_table_init(&list->table);
    object_count_up(OBJECT_LIST);
    return list;
}

static struct list *read_all(const struct list_conf *conf, struct list_plan *plan, struct opener *opener,
                             struct diag *diag)
{
    struct builder *builder = must_calloc(1, sizeof *builder);
    struct list *list = new_list(conf);
    bool is_good = true;
    list->is_settled = is_settled(plan);
    builder->sink.add = add_entry;
    builder->list = list;
    builder->diag = diag;
    for (size_t i = 0; i < plan->count; i++)
        is_good &= read_file(builder, &plan->at[i], opener);
    free(builder);
    if (is_good && !list_table_seal(&list->table)) {
        diag_add(diag, DIAG_ERROR, &conf->name.place, NULL, "there is not enough memory for the list '%s'", list->name);
        is_good = false;
    }
    if (!is_good) {
        list_unref(list);
        return NULL;
    }
    count_entries(list);
    return list;
}

struct list *list_compile(const struct list_conf *conf, struct opener *opener, struct list *previous, struct diag *diag)
{
    struct list_plan plan;
    struct list *list = NULL;
    if (list_plan_make(&plan, conf, opener, diag))
        list = may_share(previous, conf, &plan, diag) ? list_ref(previous) : read_all(conf, &plan, opener, diag);
    list_plan_fini(&plan);
    if (list != NULL && list->stats.entries == 0)
        diag_add(diag, DIAG_WARNING, &conf->name.place, NULL, "the list '%s' is empty", list->name);
    return list;
}
