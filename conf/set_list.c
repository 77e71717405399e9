/* Lists, and acls. */
#include "conf/setters.h"

#include "conf/array.h"
#include "conf/block.h"
#include "conf/expression.h"
#include "conf/value.h"

bool set_list(struct scope *outer, const struct setting *setting)
{
    struct loading *load = outer->load;
    struct named *named = names_of_statement(&load->names[NAME_LIST], setting->statement);
    if (named == NULL)
        return false;
    struct list_conf *conf = named->conf;
    conf->name = named->name;
    conf->exact = -1;
    struct scope scope;
    scope_init(&scope, load, outer, BLOCK_LIST, conf);
    scope_set_defaults(&scope);
    block_read(&scope, setting->statement->block);
    if (scope_may_have(&scope, "file"))
        return true;
    return mistake(load, &named->name, "add: file PATH", "list '%.*s' has no file", STR_ARGS(named->name.text));
}

bool set_list_file(struct scope *scope, const struct setting *setting)
{
    struct loading *load = scope->load;
    struct list_conf *conf = scope->target;
    bool is_optional = false, fine = true;
    for (size_t i = 0; i < setting->count; i++) {
        const struct word *word = &setting->args[i];
        if (!is_optional && !word->quoted && str_eq(word->text, STR("optional"))) {
            is_optional = true;
            continue;
        }
        const char *path = loading_path(load, word);
        fine &= path != NULL;
        if (path != NULL) {
            conf->files = array_room(load->arena, conf->files, conf->file_count, sizeof *conf->files);
            conf->files[conf->file_count++] = (struct list_file){
                .path = *word, .absolute = path, .optional = is_optional};
        }
        is_optional = false;
    }
    if (is_optional)
        return mistake(load, &setting->args[setting->count - 1], "a file of this name is written \"optional\"",
                       "'optional' stands before a path");
    return fine;
}

const struct expression *acl_expression(struct loading *load, struct named *acl)
{
    if (!acl->is_read) {
        const struct statement *statement = acl->statement;
        acl->is_read = true;
        if (statement->count > 2 && !statement->has_mistake)
            acl->expression = condition_read(load, &statement->words[2], &statement->words[3], statement->count - 3);
    }
    return acl->expression;
}

bool set_acl(struct scope *scope, const struct setting *setting)
{
    struct loading *load = scope->load;
    const struct names *names = scope->mode != NULL ? &scope->mode->acls : &load->names[NAME_ACL];
    struct named *named = names_of_statement(names, setting->statement);
    return named != NULL && acl_expression(load, named) != NULL;
}
