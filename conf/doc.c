#include "conf/doc.h"

#include "conf/directives.h"

#include "acl/acl_conf.h"
#include "base/must.h"
#include "http/template_conf.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const phase_words[] = {[PHASE_CONNECT] = "connect",
                                          [PHASE_REQUEST] = "request",
                                          [PHASE_DIAL] = "dial",
                                          [PHASE_RESPONSE] = "response",
                                          [PHASE_DONE] = "log"};

/* The text on lines of at most 100 bytes, each behind the indent. */
static void add_wrapped(struct text *into, const char *indent, const char *words)
{
    enum { WIDTH = 100 };
    struct str rest = str_of(words), word;
    size_t used = 0;
    while (str_cut(&rest, ' ', &word)) {
        if (used == 0 || used + 1 + word.len > WIDTH) {
            text_printf(into, "%s%s", used == 0 ? "" : "\n", indent);
            used = strlen(indent);
        } else {
            text_add_char(into, ' ');
            used++;
        }
        text_add(into, word);
        used += word.len;
    }
    text_add_char(into, '\n');
}

/* Directives. */

static void add_titles(const struct directive *row, struct text *into)
{
    const char *separator = "";
    for (const struct block_name *block = block_names; block->kind != 0; block++)
        if (row->blocks & block->kind) {
            text_printf(into, "%s%s", separator, block->title);
            separator = ", ";
        }
}

static void add_facts(const struct directive *row, const char *indent, struct text *into)
{
    struct text line;
    text_init(&line);
    directive_range(row, &line);
    if (line.len > 0)
        text_printf(into, "%srange:   %.*s\n", indent, STR_ARGS(text_str(&line)));
    if (row->fallback != NULL)
        text_printf(into, "%sdefault: %s\n", indent, row->fallback);
    else if (row->fallback_note != NULL)
        text_printf(into, "%sdefault: %s\n", indent, row->fallback_note);
    if (row->type != VALUE_SPECIAL && value_docs[row->type].label[0] != '\0' && row->type != VALUE_SWITCH)
        text_printf(into, "%s%s: %s (%s)\n", indent, value_docs[row->type].label, value_docs[row->type].help,
                    value_docs[row->type].examples);
    text_fini(&line);
}

/* What a directive's options, or the block it opens, hold. */
static void add_inside(unsigned kind, struct text *into)
{
    for (const struct directive *row = directives; row->name != NULL; row++) {
        if (!(row->blocks & kind) || row->blocks == OPTIONS_USER - 1)
            continue;
        text_add_cstr(into, "    ");
        directive_synopsis(row, into);
        text_add_char(into, '\n');
        add_wrapped(into, "        ", row->help);
        add_facts(row, "        ", into);
    }
}

static void add_directive(const struct directive *row, struct text *into)
{
    struct text line;
    text_init(&line);
    directive_synopsis(row, into);
    text_add_char(into, '\n');
    add_wrapped(into, "    ", row->help);
    add_titles(row, &line);
    text_add_cstr(&line, row->repeats ? " (as often as needed)" : "");
    text_add_cstr(into, "    stands in: ");
    text_add(into, text_str(&line));
    text_add_char(into, '\n');
    add_facts(row, "    ", into);
    if (row->options != 0)
        add_inside(row->options, into);
    for (const struct block_name *block = block_names; block->kind != 0 && row->body != BODY_NONE; block++)
        if (block->kind < OPTIONS_USER && str_eq(str_of(block->name), str_of(row->name)))
            add_inside(block->kind, into);
    text_fini(&line);
}

static void add_block(const struct block_name *block, struct text *into)
{
    text_printf(into, "\n%s\n", block->name);
    for (const struct directive *row = directives; row->name != NULL; row++) {
        if (!(row->blocks & block->kind) || (row->blocks == OPTIONS_USER - 1 && block->kind != BLOCK_TOP))
            continue;
        text_add_cstr(into, "    ");
        directive_synopsis(row, into);
        text_add_char(into, '\n');
    }
}

static void add_overview(struct text *into)
{
    text_add_cstr(into, "All directives, by the block they stand in. `gatehouse doc NAME` tells more of one;\n"
                        "`gatehouse doc conditions`, `variables` and `types` tell of what stands in them.\n");
    for (const struct block_name *block = block_names; block->kind != 0 && block->kind < OPTIONS_USER; block++)
        add_block(block, into);
}

static bool add_directives(const char *name, struct text *into)
{
    const struct directive *row = directive_next(NULL, str_of(name));
    bool found = row != NULL;
    for (bool first = true; row != NULL; row = directive_next(row, str_of(name)), first = false) {
        if (!first)
            text_add_char(into, '\n');
        add_directive(row, into);
    }
    return found;
}

/* Conditions, variables, types. */

static void add_condition(const struct condition_kind *kind, struct text *into)
{
    text_add_cstr(into, kind->name);
    if (kind->values != NULL && kind->max_values > 0)
        text_printf(into, kind->min_values == 0 ? " [(%s)]" : "(%s)", kind->values);
    text_printf(into, "    [%s]\n", phase_words[kind->phase]);
    add_wrapped(into, "    ", kind->help);
}

static void add_conditions(struct text *into)
{
    text_add_cstr(
        into,
        "NAME (of an acl), KIND(VALUE ...), not E, E and E, E or E, ( E ); with the phase from which on each is known:\n\n");
    for (const struct condition_kind *kind = condition_kinds; kind->name != NULL; kind++)
        add_condition(kind, into);
}

static void add_variable(const struct variable_doc *doc, struct text *into)
{
    text_printf(into, "$%s    [%s]\n", doc->name, doc->phase);
    add_wrapped(into, "    ", doc->help);
}

static void add_variables(struct text *into)
{
    text_add_cstr(into, "$NAME or ${NAME}; $$ is a dollar. With the phase from which on each is known:\n\n");
    for (const struct variable_doc *doc = variable_docs(); doc->name != NULL; doc++)
        add_variable(doc, into);
}

static void add_type(const struct value_doc *doc, struct text *into)
{
    text_printf(into, "%s\n", doc->label);
    add_wrapped(into, "    ", doc->help);
    text_printf(into, "    like: %s\n", doc->examples);
}

static void add_types(struct text *into)
{
    for (size_t i = 0; i < VALUE_TYPE_COUNT; i++)
        if (value_docs[i].label[0] != '\0')
            add_type(&value_docs[i], into);
    for (const struct value_doc *doc = word_docs; doc->label != NULL; doc++)
        add_type(doc, into);
}

static const struct value_doc *type_named(const char *name)
{
    for (size_t i = 0; i < VALUE_TYPE_COUNT; i++)
        if (value_docs[i].label[0] != '\0' && strcmp(value_docs[i].label, name) == 0)
            return &value_docs[i];
    for (const struct value_doc *doc = word_docs; doc->label != NULL; doc++)
        if (strcmp(doc->label, name) == 0)
            return doc;
    return NULL;
}

/* By name. */

static const struct {
    const char *name;
    void (*add)(struct text *into);
} pages[] = {{"conditions", add_conditions}, {"variables", add_variables}, {"types", add_types}};

const char **doc_names(void)
{
    size_t count = lengthof(pages) + DIRECTIVES_MAX + 1;
    for (const struct condition_kind *kind = condition_kinds; kind->name != NULL; kind++)
        count++;
    for (const struct variable_doc *doc = variable_docs(); doc->name != NULL; doc++)
        count++;
    const char **names = must_calloc(count, sizeof *names);
    count = 0;
    for (size_t i = 0; i < lengthof(pages); i++)
        names[count++] = pages[i].name;
    for (const struct directive *row = directives; row->name != NULL; row++)
        if (directive_next(NULL, str_of(row->name)) == row)
            names[count++] = row->name;
    for (const struct condition_kind *kind = condition_kinds; kind->name != NULL; kind++)
        if (directive_next(NULL, str_of(kind->name)) == NULL)
            names[count++] = kind->name;
    for (const struct variable_doc *doc = variable_docs(); doc->name != NULL; doc++)
        if (directive_next(NULL, str_of(doc->name)) == NULL && condition_kind_find(str_of(doc->name)) == NULL)
            names[count++] = doc->name;
    return names;
}

static bool add_named(const char *name, struct text *into)
{
    const char *bare = name[0] == '$' ? name + 1 : name;
    bool found = false;
    for (size_t i = 0; i < lengthof(pages); i++)
        if (strcmp(name, pages[i].name) == 0) {
            pages[i].add(into);
            return true;
        }
    if (name[0] != '$')
        found = add_directives(name, into);
    const struct condition_kind *kind = name[0] != '$' ? condition_kind_find(str_of(name)) : NULL;
    if (kind != NULL) {
        text_add_cstr(into, found ? "\nas a condition: " : "");
        add_condition(kind, into);
    }
    found |= kind != NULL;
    for (const struct variable_doc *doc = variable_docs(); doc->name != NULL; doc++)
        if (strcmp(doc->name, bare) == 0) {
            text_add_cstr(into, found ? "\nas a variable: " : "");
            add_variable(doc, into);
            found = true;
        }
    const struct value_doc *type = found ? NULL : type_named(name);
    if (type != NULL)
        add_type(type, into);
    return found || type != NULL;
}

bool doc_write(const char *name, struct text *into)
{
    if (name == NULL) {
        add_overview(into);
        return true;
    }
    if (add_named(name, into))
        return true;
    const char **names = doc_names();
    const char *nearest = diag_nearest(str_of(name), names);
    text_printf(into, "there is no '%s'", name);
    if (nearest != NULL)
        text_printf(into, "; did you mean '%s'?", nearest);
    text_add_char(into, '\n');
    free(names);
    return false;
}
