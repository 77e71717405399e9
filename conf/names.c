#include "conf/names.h"

#include "conf/array.h"
#include "conf/loading.h"
#include "conf/value.h"

static const char *const titles[NAME_KIND_COUNT] = {
    [NAME_LIST] = "a list",
    [NAME_LOG] = "a log",
    [NAME_POOL] = "a pool",
    [NAME_ACL] = "an acl",
    [NAME_REVERSE] = "a reverse block",
    [NAME_FORWARD] = "a forward block",
};

void names_init(struct names *names, const struct names *outer)
{
    *names = (struct names){.outer = outer};
    map_init(&names->map);
    names->last = &names->first;
}

void names_fini(struct names *names)
{
    map_fini(&names->map);
}

struct named *names_find(const struct names *names, struct str name)
{
    struct named *found = NULL;
    for (; names != NULL && found == NULL; names = names->outer)
        found = map_get(&names->map, name);
    return found;
}

struct named *names_of_statement(const struct names *names, const struct statement *statement)
{
    struct named *named = names->first;
    while (named != NULL && named->statement != statement)
        named = named->next;
    return named;
}

/* An acl must not hide a kind of condition, nor be a word of the language. */
static bool may_name_acl(struct loading *load, const struct word *word)
{
    static const char *const reserved[] = {"and", "or", "not", "if", "as", "unless", NULL};
    if (condition_kind_find(word->text) != NULL)
        return mistake(load, word, "choose another name", "'%.*s' is a kind of condition", STR_ARGS(word->text));
    for (size_t i = 0; reserved[i] != NULL; i++)
        if (str_eq(word->text, str_of(reserved[i])))
            return mistake(load, word, "choose another name", "'%s' is a word of the language", reserved[i]);
    return true;
}

static void declare(struct loading *load, struct names *names, enum name_kind kind, const struct statement *statement)
{
    bool is_unnamed_log = kind == NAME_LOG && statement->count == 1;
    const struct word *word = &statement->words[is_unnamed_log ? 0 : 1];
    if (!is_unnamed_log && !statement->has_mistake && !value_name(word, load->diag, titles[kind]))
        return;
    if (kind == NAME_ACL && !may_name_acl(load, word))
        return;
    if (kind == NAME_POOL && str_eq(word->text, STR("off"))) {
        mistake(load, word, "choose another name", "a pool cannot be called 'off'");
        return;
    }
    const struct named *first = is_unnamed_log ? NULL : names_find(names, word->text);
    if (first != NULL) {
        mistake(load, word, loading_where(load, &first->name, word), "a second %s '%.*s'",
                strchr(titles[kind], ' ') + 1, STR_ARGS(word->text));
        return;
    }
    struct named *named = arena_new(load->arena, struct named);
    named->name = *word;
    named->statement = statement;
    *names->last = named;
    names->last = &named->next;
    names->count++;
    if (!is_unnamed_log)
        map_put(&names->map, word->text, named);
}

void names_declare(struct loading *load, const struct block *block, unsigned block_kind, struct names *names)
{
    for (const struct statement *statement = block->first; statement != NULL; statement = statement->next) {
        const struct directive *row = directive_find(block_kind, statement->words[0].text);
        if (row == NULL || row->makes == NAME_NONE)
            continue;
        bool is_named = statement->count > 1, is_log = row->makes == NAME_LOG;
        if (is_log && is_named && str_eq(statement->words[1].text, STR("off")))
            continue;
        if (is_named || is_log)
            declare(load, block_kind == BLOCK_TOP ? &names[row->makes] : names, row->makes, statement);
    }
}

const char *const *names_all(struct loading *load, const struct names *names, const char *const *more)
{
    const char **all = array_room(load->arena, NULL, 0, sizeof *all);
    size_t count = 0;
    for (; names != NULL; names = names->outer)
        for (const struct named *named = names->first; named != NULL; named = named->next) {
            all[count++] = arena_cstr(load->arena, named->name.text);
            all = array_room(load->arena, all, count, sizeof *all);
        }
    for (; more != NULL && *more != NULL; more++) {
        all[count++] = *more;
        all = array_room(load->arena, all, count, sizeof *all);
    }
    all[count] = NULL;
    return all;
}

struct named *names_refer(struct loading *load, const struct names *names, const char *what, const struct word *word)
{
    struct named *named = names_find(names, word->text);
    if (named != NULL) {
        named->is_used = true;
        return named;
    }
    const char *nearest = diag_nearest(word->text, names_all(load, names, NULL));
    const char *hint = nearest != NULL ? arena_printf(load->arena, "did you mean '%s'?", nearest).at : NULL;
    mistake(load, word, hint, "unknown %s '%.*s'", what, STR_ARGS(word->text));
    return NULL;
}
