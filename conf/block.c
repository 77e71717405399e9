#include "conf/block.h"

#include "conf/array.h"
#include "conf/value.h"

#include "base/must.h"

#include <inttypes.h>

static const char *synopsis(struct loading *load, const struct directive *row)
{
    struct text text;
    text_init(&text);
    directive_synopsis(row, &text);
    const char *copy = arena_printf(load->arena, "write: %.*s", STR_ARGS(text_str(&text))).at;
    text_fini(&text);
    return copy;
}

static bool is_plain(const struct word *word, const char *text)
{
    return !word->quoted && str_eq(word->text, str_of(text));
}

/* Types. */

static void store(const struct scope *scope, const struct directive *row, uint64_t value)
{
    char *member = (char *)scope->target + row->offset;
    uint32_t value32 = (uint32_t)value;
    uint16_t value16 = (uint16_t)value;
    uint8_t value8 = (uint8_t)value;
    switch (row->size) {
    case sizeof value8:
        memcpy(member, &value8, sizeof value8);
        return;
    case sizeof value16:
        memcpy(member, &value16, sizeof value16);
        return;
    case sizeof value32:
        memcpy(member, &value32, sizeof value32);
        return;
    default:
        must(row->size == sizeof value);
        memcpy(member, &value, sizeof value);
    }
}

static bool is_in_range(struct scope *scope, const struct directive *row, const struct word *word, uint64_t value)
{
    if (row->max == 0 || (value >= row->min && value <= row->max))
        return true;
    struct text range;
    text_init(&range);
    directive_range(row, &range);
    mistake(scope->load, word, NULL, "'%.*s' is out of range: %.*s", STR_ARGS(word->text), STR_ARGS(text_str(&range)));
    text_fini(&range);
    return false;
}

static bool set_switch(struct scope *scope, const struct directive *row, const struct word *word)
{
    bool on;
    if (!value_switch(word, scope->load->diag, &on))
        return false;
    store(scope, row, on);
    return true;
}

static bool set_duration(struct scope *scope, const struct directive *row, const struct word *word)
{
    msec span;
    if (!value_duration(word, scope->load->diag, &span) || !is_in_range(scope, row, word, (uint64_t)span))
        return false;
    store(scope, row, (uint64_t)span);
    return true;
}

typedef bool number_reader(const struct word *word, struct diag *diag, uint64_t *ret);

static bool set_number(struct scope *scope, const struct directive *row, const struct word *word, number_reader *read)
{
    uint64_t value;
    if (!read(word, scope->load->diag, &value) || !is_in_range(scope, row, word, value))
        return false;
    store(scope, row, value);
    return true;
}

static bool set_size(struct scope *scope, const struct directive *row, const struct word *word)
{
    return set_number(scope, row, word, value_size);
}

static bool set_bandwidth(struct scope *scope, const struct directive *row, const struct word *word)
{
    return set_number(scope, row, word, value_bandwidth);
}

static bool set_percent(struct scope *scope, const struct directive *row, const struct word *word)
{
    return set_number(scope, row, word, value_percent);
}

static bool set_count(struct scope *scope, const struct directive *row, const struct word *word)
{
    uint64_t value;
    if (!value_count(word, scope->load->diag, row->min, row->max, &value))
        return false;
    store(scope, row, value);
    return true;
}

static bool set_choice(struct scope *scope, const struct directive *row, const struct word *word)
{
    const char *names[16] = {NULL};
    for (size_t i = 0; row->words[i].name != NULL && i + 1 < lengthof(names); i++)
        names[i] = row->words[i].name;
    const char *nearest = diag_nearest(word->text, names);
    const char *hint = nearest ? arena_printf(scope->load->arena, "did you mean '%s'?", nearest).at
                               : synopsis(scope->load, row);
    return mistake(scope->load, word, hint, "'%.*s' is no value of '%s'", STR_ARGS(word->text), row->name);
}

static bool set_name(struct scope *scope, const struct directive *row, const struct word *word)
{
    if (!value_name(word, scope->load->diag, row->name))
        return false;
    const char *name = arena_cstr(scope->load->arena, word->text);
    memcpy((char *)scope->target + row->offset, &name, sizeof name);
    return true;
}

static bool set_path(struct scope *scope, const struct directive *row, const struct word *word)
{
    const char *path = loading_path(scope->load, word);
    if (path != NULL)
        memcpy((char *)scope->target + row->offset, &path, sizeof path);
    return path != NULL;
}

static bool set_text(struct scope *scope, const struct directive *row, const struct word *word)
{
    memcpy((char *)scope->target + row->offset, &word->text, sizeof word->text);
    return true;
}

static bool (*const type_setters[VALUE_TYPE_COUNT])(struct scope *, const struct directive *, const struct word *) = {
    [VALUE_SWITCH] = set_switch,       [VALUE_DURATION] = set_duration, [VALUE_SIZE] = set_size,
    [VALUE_BANDWIDTH] = set_bandwidth, [VALUE_PERCENT] = set_percent,   [VALUE_COUNT] = set_count,
    [VALUE_CHOICE] = set_choice,       [VALUE_NAME] = set_name,         [VALUE_PATH] = set_path,
    [VALUE_TEXT] = set_text,
};

static bool value_set(struct scope *scope, const struct directive *row, const struct word *word)
{
    for (const struct value_word *known = row->words; known != NULL && known->name != NULL; known++)
        if (is_plain(word, known->name)) {
            store(scope, row, known->value);
            return true;
        }
    return type_setters[row->type](scope, row, word);
}

static bool set_by_row(struct scope *scope, const struct setting *setting)
{
    const struct directive *row = setting->row;
    if (row->set != NULL)
        return row->set(scope, setting);
    if (row->type == VALUE_FLAG) {
        store(scope, row, true);
        return true;
    }
    bool fine = value_set(scope, row, &setting->args[0]);
    return (row->options == 0 || options_read(scope, setting, scope->target)) && fine;
}

/* The form of a statement. */

static bool take_name_of_rule(struct loading *load, struct setting *setting)
{
    if (setting->count == 0 || !is_plain(&setting->args[0], "as"))
        return true;
    if (setting->count == 1 || is_plain(&setting->args[1], "if"))
        return mistake(load, &setting->args[0], "write: as NAME", "a name is missing after 'as'");
    if (!value_name(&setting->args[1], load->diag, "a rule"))
        return false;
    setting->as = &setting->args[1];
    setting->args += 2;
    setting->count -= 2;
    return true;
}

static bool take_condition(struct loading *load, struct setting *setting)
{
    for (size_t i = 0; i < setting->count; i++) {
        const struct word *word = &setting->args[i];
        if (is_plain(word, "unless"))
            return mistake(load, word, "write: if not (…)", "there is no 'unless'");
        if (!is_plain(word, "if"))
            continue;
        setting->if_word = word;
        setting->when = word + 1;
        setting->when_count = setting->count - i - 1;
        setting->count = i;
        return true;
    }
    return true;
}

static bool report_incomplete(struct loading *load, const struct setting *setting)
{
    return mistake(load, setting->name, synopsis(load, setting->row), "'%.*s' is not complete",
                   STR_ARGS(setting->name->text));
}

static const char *nearest_hint(struct loading *load, unsigned kind, struct str name)
{
    const char *names[DIRECTIVES_MAX];
    size_t count = 0;
    for (const struct directive *row = directives; row->name != NULL; row++)
        if (row->blocks & kind)
            names[count++] = row->name;
    names[count] = NULL;
    const char *nearest = diag_nearest(name, names);
    return nearest ? arena_printf(load->arena, "did you mean '%s'?", nearest).at : NULL;
}

static bool report_surplus(const struct scope *scope, const struct setting *setting, const struct word *word)
{
    struct loading *load = scope->load;
    const char *hint = NULL;
    if (is_plain(word, "if"))
        hint = "only rules and routes have conditions";
    else if (setting->row->options != 0)
        hint = nearest_hint(load, setting->row->options, word->text);
    if (hint == NULL && !word->quoted && directive_find(scope->kind, word->text) != NULL)
        hint = "a ';' is missing before it";
    if (hint == NULL)
        hint = synopsis(load, setting->row);
    return mistake(load, word, hint, "unexpected '%.*s' in '%.*s'", STR_ARGS(word->text),
                   STR_ARGS(setting->name->text));
}

static bool check_arguments(const struct scope *scope, struct setting *setting)
{
    const struct directive *row = setting->row;
    bool is_special = row->type == VALUE_SPECIAL;
    size_t least = is_special ? row->least : row->type == VALUE_FLAG ? 0 : 1;
    size_t most = is_special ? row->most : least;
    if (setting->count < least)
        return report_incomplete(scope->load, setting);
    if (row->options != 0) {
        setting->options = setting->args + least;
        setting->option_count = setting->count - least;
        setting->count = least;
    }
    return setting->count <= most || report_surplus(scope, setting, &setting->args[most]);
}

static bool check_body(const struct scope *scope, const struct setting *setting)
{
    struct loading *load = scope->load;
    const struct block *block = setting->statement->block;
    if (block != NULL && setting->row->body == BODY_NONE) {
        const struct word brace = {.place = block->open};
        return mistake(load, &brace, synopsis(load, setting->row), "'%.*s' has no block",
                       STR_ARGS(setting->name->text));
    }
    if (block == NULL && setting->row->body == BODY_REQUIRED)
        return mistake(load, setting->name, synopsis(load, setting->row), "'%.*s' needs a block",
                       STR_ARGS(setting->name->text));
    return true;
}

static bool take_apart(const struct scope *scope, const struct statement *statement, const struct directive *row,
                       struct setting *ret)
{
    *ret = (struct setting){
        .row = row,
        .statement = statement,
        .name = &statement->words[0],
        .args = statement->words + 1,
        .count = statement->count - 1,
    };
    if (row->is_rule && !take_name_of_rule(scope->load, ret))
        return false;
    if (row->has_condition && !take_condition(scope->load, ret))
        return false;
    return check_arguments(scope, ret) && check_body(scope, ret);
}

/* Unknown and repeated ones. */

static void add_blocks(const struct directive *row, struct text *into)
{
    const char *separator = "";
    for (const struct block_name *block = block_names; block->kind != 0; block++)
        if (row->blocks & block->kind) {
            text_printf(into, "%s%s", separator, block->title);
            separator = ", ";
        }
}

/* A known name in the wrong block. With a brace too many or too few nothing can be said about that. */
static void report_misplaced(const struct scope *scope, const struct word *word, const struct directive *row)
{
    if (scope->load->tree.is_unbalanced)
        return;
    struct text blocks;
    text_init(&blocks);
    for (; row != NULL; row = directive_next(row, word->text)) {
        if (blocks.len > 0)
            text_add_cstr(&blocks, ", ");
        add_blocks(row, &blocks);
    }
    const char *hint = arena_printf(scope->load->arena, "it stands in: %.*s", STR_ARGS(text_str(&blocks))).at;
    mistake(scope->load, word, hint, "'%.*s' does not belong %s %s", STR_ARGS(word->text),
            block_preposition(scope->kind), block_title(scope->kind));
    text_fini(&blocks);
}

static void report_unknown(const struct scope *scope, const struct word *word)
{
    const struct directive *elsewhere = directive_next(NULL, word->text);
    if (word->quoted && directive_find(scope->kind, word->text) != NULL)
        mistake(scope->load, word, "write it without quotes", "'%.*s' is the name of a directive",
                STR_ARGS(word->text));
    else if (elsewhere != NULL)
        report_misplaced(scope, word, elsewhere);
    else
        mistake(scope->load, word, nearest_hint(scope->load, scope->kind, word->text), "unknown directive '%.*s' %s %s",
                STR_ARGS(word->text), block_preposition(scope->kind), block_title(scope->kind));
}

static bool is_second(const struct scope *scope, const struct directive *row, const struct word *word)
{
    const struct word *first = scope->seen[row - directives];
    if (first == NULL || row->repeats)
        return false;
    mistake(scope->load, word, loading_where(scope->load, first, word), "a second '%.*s' %s %s", STR_ARGS(word->text),
            block_preposition(scope->kind), block_title(scope->kind));
    return true;
}

static bool read_statement(struct scope *scope, const struct statement *statement)
{
    const struct word *word = &statement->words[0];
    const struct directive *row = word->quoted ? NULL : directive_find(scope->kind, word->text);
    if (row == NULL && !statement->has_mistake)
        report_unknown(scope, word);
    if (row == NULL || statement->has_mistake)
        scope->has_unknown = true;
    if (row == NULL)
        return false;
    bool second = is_second(scope, row, word);
    if (!second && scope->seen[row - directives] == NULL)
        scope->seen[row - directives] = word;
    struct setting setting;
    if (second || statement->has_mistake || !take_apart(scope, statement, row, &setting))
        return false;
    return set_by_row(scope, &setting);
}

/* Blocks. */

void scope_init(struct scope *scope, struct loading *load, const struct scope *outer, unsigned kind, void *target)
{
    *scope = (struct scope){.load = load, .kind = kind, .target = target, .outer = outer};
    if (outer != NULL)
        scope->mode = outer->mode;
}

static void set_default(struct scope *scope, const struct directive *row)
{
    struct loading *load = scope->load;
    struct word *words = NULL;
    struct statement statement = {0};
    struct setting setting;
    struct str rest = str_of(arena_printf(load->arena, "%s %s", row->name, row->fallback).at), piece;
    while (str_cut(&rest, ' ', &piece)) {
        words = array_room(load->arena, words, statement.count, sizeof *words);
        words[statement.count++] = (struct word){.text = arena_dup(load->arena, piece)};
    }
    statement.words = words;
    must(take_apart(scope, &statement, row, &setting) && set_by_row(scope, &setting));
}

void scope_set_defaults(struct scope *scope)
{
    for (const struct directive *row = directives; row->name != NULL; row++)
        if ((row->blocks & scope->kind) && row->fallback != NULL)
            set_default(scope, row);
}

bool scope_may_have(const struct scope *scope, const char *name)
{
    const struct directive *row = directive_find(scope->kind, str_of(name));
    must(row != NULL);
    return scope->has_unknown || scope->load->tree.is_unbalanced || scope->seen[row - directives] != NULL;
}

void block_read(struct scope *scope, const struct block *block)
{
    const struct statement *statement = block->first;
    for (; statement != NULL && scope->load->diag->errors < TREE_MISTAKES_MAX; statement = statement->next)
        read_statement(scope, statement);
}

/* The name of an option and what belongs to it; 0 when it is none. */
static size_t option_words(const struct scope *scope, const struct setting *setting, size_t at)
{
    const struct word *word = &setting->options[at];
    const struct directive *row = word->quoted ? NULL : directive_find(scope->kind, word->text);
    if (row == NULL) {
        report_surplus(scope->outer, setting, word);
        return 0;
    }
    size_t rest = setting->option_count - at;
    size_t takes = row->type == VALUE_FLAG      ? 1
                   : row->type != VALUE_SPECIAL ? 2
                   : row->most < MANY           ? 1 + row->most
                                                : rest;
    return takes < rest ? takes : rest;
}

bool options_read(const struct scope *outer, const struct setting *setting, void *target)
{
    struct scope scope;
    scope_init(&scope, outer->load, outer, setting->row->options, target);
    scope_set_defaults(&scope);
    unsigned errors = scope.load->diag->errors;
    for (size_t at = 0; at < setting->option_count;) {
        size_t count = option_words(&scope, setting, at);
        struct statement option = {.words = setting->options + at, .count = count};
        if (count == 0 || !read_statement(&scope, &option))
            return false;
        at += count;
    }
    if (setting->statement->block != NULL)
        block_read(&scope, setting->statement->block);
    return scope.load->diag->errors == errors;
}
