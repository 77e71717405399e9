#include "conf/tree.h"

#include "conf/array.h"
#include "conf/include.h"
#include "conf/lexer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct reader {
    struct tree *tree;
    struct lexer lexer;
    const struct source_file *file;
    unsigned depth; /* of files */
};

const char *path_in(struct arena *arena, const char *folder, struct str path)
{
    bool is_absolute = path.len > 0 && path.at[0] == '/';
    struct str whole = is_absolute ? path : arena_printf(arena, "%s/%.*s", folder, STR_ARGS(path));
    char *into = arena_bytes(arena, whole.len + 2);
    size_t len = 0;
    struct str piece;
    while (str_cut(&whole, '/', &piece)) {
        if (str_is_empty(piece) || str_eq(piece, STR(".")))
            continue;
        if (str_eq(piece, STR(".."))) {
            while (len > 0 && into[--len] != '/')
                ;
            continue;
        }
        into[len++] = '/';
        memcpy(into + len, piece.at, piece.len);
        len += piece.len;
    }
    if (len == 0)
        into[len++] = '/';
    into[len] = '\0';
    return into;
}

const struct source_file *tree_file(const struct tree *tree, const char *shown)
{
    const struct source_file *file = tree->files;
    while (file != NULL && file->shown != shown)
        file = file->next;
    return file;
}

static const char *folder_of(struct arena *arena, const char *absolute)
{
    struct str path = str_of(absolute);
    size_t slash = str_find_last(path, '/');
    return slash == 0 ? "/" : arena_cstr(arena, str_head(path, slash));
}

static const char *brief_of(const struct tree *tree, const char *absolute)
{
    const char *folder = tree->files != NULL ? tree->files->folder : NULL;
    if (folder == NULL)
        return strrchr(absolute, '/') + 1;
    struct str path = str_of(absolute), start = str_of(folder);
    bool is_below = str_starts(path, start) && (absolute[start.len] == '/' || start.len == 1);
    return is_below ? absolute + start.len + (start.len > 1) : absolute;
}

static struct source_file *add_file(struct tree *tree, const char *shown, const char *absolute,
                                    const struct source_file *parent)
{
    struct source_file *file = arena_new(tree->arena, struct source_file);
    file->shown = arena_cstr(tree->arena, str_of(shown));
    file->absolute = absolute;
    file->folder = folder_of(tree->arena, absolute);
    file->brief = brief_of(tree, absolute);
    file->parent = parent;
    *tree->last = file;
    tree->last = &file->next;
    tree->file_count++;
    return file;
}

static struct statement *read_block(struct reader *reader, unsigned depth, bool *ret_closed);

static void skip_block(struct reader *reader)
{
    for (unsigned open = 1; open > 0;) {
        struct token token = lexer_next(&reader->lexer);
        if (token.kind == TOKEN_END)
            return;
        open += token.kind == TOKEN_OPEN ? 1U : token.kind == TOKEN_CLOSE ? -1U : 0U;
    }
}

static void read_body(struct reader *reader, struct statement *statement, const struct place *open, unsigned depth)
{
    struct diag *diag = reader->tree->diag;
    struct block *block = arena_new(reader->tree->arena, struct block);
    block->open = *open;
    statement->block = block;
    if (depth >= TREE_DEPTH_MAX) {
        diag_add(diag, DIAG_ERROR, open, NULL, "more than %d blocks inside one another", TREE_DEPTH_MAX);
        skip_block(reader);
        return;
    }
    bool closed = false;
    block->first = read_block(reader, depth + 1, &closed);
    if (closed || reader->lexer.is_cut || diag->errors >= TREE_MISTAKES_MAX)
        return;
    reader->tree->is_unbalanced = true;
    if (!reader->lexer.lost_brace)
        diag_add(diag, DIAG_ERROR, open, "a '}' is missing", "this block is not closed");
}

/* The words of a statement, of which `first` is the first; the token behind them. */
static struct token read_words(struct reader *reader, struct token first, struct statement *statement)
{
    struct arena *arena = reader->tree->arena;
    struct word *words = NULL;
    struct token token = first;
    while (token.kind == TOKEN_WORD) {
        words = array_room(arena, words, statement->count, sizeof *words);
        words[statement->count++] = token.word;
        token = lexer_next(&reader->lexer);
    }
    statement->words = words;
    statement->has_mistake = reader->lexer.has_mistake;
    reader->lexer.has_mistake = false;
    return token;
}

/* A brace at the beginning of a line: meant for the statement above it, if that has no block. */
static void read_stray_block(struct reader *reader, struct token token, struct statement *last, unsigned depth)
{
    struct statement nobody = {0};
    diag_add(reader->tree->diag, DIAG_ERROR, &token.word.place, "it stands in the line of its directive",
             "a '{' without a directive before it");
    read_body(reader, last != NULL && last->block == NULL ? last : &nobody, &token.word.place, depth);
}

static void report_stray_close(struct reader *reader, const struct token *token)
{
    reader->tree->is_unbalanced = true;
    if (!reader->lexer.lost_brace)
        diag_add(reader->tree->diag, DIAG_ERROR, &token->word.place, NULL, "this '}' closes nothing");
}

static void splice_files(struct reader *reader, const struct statement *include, struct statement ***last);

/* Statements up to the block's end, or the file's when depth is 0. */
static struct statement *read_block(struct reader *reader, unsigned depth, bool *ret_closed)
{
    struct statement *first = NULL, **last = &first, *latest = NULL;
    for (;;) {
        struct token token = lexer_next(&reader->lexer);
        if (token.kind == TOKEN_END || reader->tree->diag->errors >= TREE_MISTAKES_MAX)
            return first;
        if (token.kind == TOKEN_CLOSE && depth > 0) {
            *ret_closed = true;
            return first;
        }
        if (token.kind == TOKEN_CLOSE)
            report_stray_close(reader, &token);
        else if (token.kind == TOKEN_OPEN)
            read_stray_block(reader, token, latest, depth);
        if (token.kind != TOKEN_WORD)
            continue;
        struct statement *statement = arena_new(reader->tree->arena, struct statement);
        token = read_words(reader, token, statement);
        if (token.kind == TOKEN_OPEN)
            read_body(reader, statement, &token.word.place, depth);
        if (str_eq(statement->words[0].text, STR("include")) && !statement->words[0].quoted) {
            splice_files(reader, statement, &last);
        } else {
            *last = latest = statement;
            last = &statement->next;
        }
        if (token.kind == TOKEN_CLOSE && depth > 0) {
            *ret_closed = true;
            return first;
        }
        if (token.kind == TOKEN_CLOSE)
            report_stray_close(reader, &token);
    }
}

static struct statement *read_text(struct tree *tree, const struct source_file *file, struct str text, unsigned depth)
{
    struct reader reader = {.tree = tree, .file = file, .depth = depth};
    bool closed = false;
    lexer_init(&reader.lexer, text, file->shown, tree->arena, tree->diag);
    struct statement *first = read_block(&reader, 0, &closed);
    tree->is_unbalanced |= reader.lexer.lost_brace;
    return first;
}

/* `at`: the word that names the file, NULL for the main file. */
static struct statement *read_file(struct tree *tree, struct source_file *file, const struct place *at, unsigned depth)
{
    char *bytes;
    size_t len;
    if (!opener_read(tree->opener, file->absolute, TREE_FILE_MAX, &bytes, &len)) {
        bool is_large = errno == EFBIG;
        diag_add(tree->diag, DIAG_ERROR, at, NULL, "cannot read '%s': %s", file->shown,
                 is_large ? "it is larger than 4 MiB" : strerror(errno));
        return NULL;
    }
    struct str text = arena_dup(tree->arena, str_from(bytes, len));
    free(bytes);
    tree->total += len;
    return read_text(tree, file, text, depth);
}

/* What forbids to read one more file; NULL when nothing does. */
static const char *refusal(const struct reader *reader, const char *absolute)
{
    for (const struct source_file *file = reader->file; file != NULL; file = file->parent)
        if (strcmp(file->absolute, absolute) == 0)
            return "this file is being read already: a loop of includes";
    if (reader->depth >= TREE_DEPTH_MAX)
        return "too many includes inside one another";
    if (reader->tree->file_count >= TREE_FILES_MAX || reader->tree->total >= TREE_TOTAL_MAX)
        return "too many files, or too large ones, in one configuration";
    return NULL;
}

static void splice_file(struct reader *reader, const struct word *word, const char *path, struct statement ***last)
{
    struct tree *tree = reader->tree;
    const char *absolute = path_in(tree->arena, reader->file->folder, str_of(path));
    const char *why = refusal(reader, absolute);
    if (why != NULL) {
        diag_add(tree->diag, DIAG_ERROR, &word->place, NULL, "cannot include '%s': %s", path, why);
        return;
    }
    struct str shown_folder = str_of(reader->file->shown);
    shown_folder = str_head(shown_folder, str_find_last(shown_folder, '/') + 1);
    bool has_folder = path[0] != '/' && str_find(str_of(reader->file->shown), '/') < shown_folder.len;
    const char *shown = has_folder ? arena_join(tree->arena, shown_folder, str_of(path)).at : path;
    struct source_file *file = add_file(tree, shown, absolute, reader->file);
    **last = read_file(tree, file, &word->place, reader->depth + 1);
    while (**last != NULL)
        *last = &(**last)->next;
}

static void splice_files(struct reader *reader, const struct statement *include, struct statement ***last)
{
    struct tree *tree = reader->tree;
    if (include->has_mistake)
        return;
    if (include->count != 2 || include->block != NULL) {
        diag_add(tree->diag, DIAG_ERROR, &include->words[include->count > 2 ? 2 : 0].place, "write: include PATH",
                 "'include' takes one path, which may be a glob");
        return;
    }
    const struct word *word = &include->words[1];
    struct include include_of = {.folder = reader->file->folder, .arena = tree->arena, .opener = tree->opener};
    if (!include_find(&include_of, word->text)) {
        diag_add(tree->diag, DIAG_ERROR, &word->place, NULL, "cannot look for '%.*s': %s", STR_ARGS(word->text),
                 include_of.why);
        return;
    }
    for (size_t i = 0; i < include_of.folder_count; i++) {
        tree->folders = array_room(tree->arena, tree->folders, tree->folder_count, sizeof *tree->folders);
        tree->folders[tree->folder_count++] = include_of.folders[i];
    }
    for (size_t i = 0; i < include_of.count; i++)
        splice_file(reader, word, include_of.paths[i], last);
}

static const char *working_folder(struct arena *arena)
{
    char *folder = getcwd(NULL, 0);
    const char *copy = folder != NULL && folder[0] == '/' ? arena_cstr(arena, str_of(folder)) : "/";
    free(folder);
    return copy;
}

void tree_read(struct tree *tree, const char *path, struct str text, struct opener *opener, struct arena *arena,
               struct diag *diag)
{
    *tree = (struct tree){.arena = arena, .opener = opener, .diag = diag};
    tree->last = &tree->files;
    const char *folder = path[0] == '/' ? "/" : working_folder(arena);
    struct source_file *file = add_file(tree, path, path_in(arena, folder, str_of(path)), NULL);
    file->is_text = text.at != NULL;
    tree->top.first = text.at != NULL ? read_text(tree, file, text, 0) : read_file(tree, file, NULL, 0);
}
