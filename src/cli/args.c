#include "cli/args.h"

#include "base/diag.h"
#include "base/must.h"

#include <stdlib.h>
#include <string.h>

struct reading {
    struct args *args;
    int count;
    char *const *words;
    int at;
    struct text *why;
};

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

static bool takes_many(const struct option_row *row)
{
    size_t len = row->value != NULL ? strlen(row->value) : 0;
    return len > 3 && strcmp(row->value + len - 3, "...") == 0;
}

/* By the part in front of a '='. */
static const struct option_row *find_row(const struct option_row *rows, struct str name)
{
    for (; rows != NULL && rows->name != NULL; rows++)
        if (str_eq(name, str_of(rows->name)))
            return rows;
    return NULL;
}

static bool say_unknown(struct reading *reading, struct str name)
{
    const char *names[64];
    size_t count = 0;
    for (const struct option_row *row = reading->args->rows; row != NULL && row->name != NULL && count < 63; row++)
        names[count++] = row->name;
    names[count] = NULL;
    const char *nearest = diag_nearest(name, names);
    text_printf(reading->why, "there is no option '%.*s'", STR_ARGS(name));
    if (nearest != NULL)
        text_printf(reading->why, "; did you mean '%s'?", nearest);
    return false;
}

static void add(struct args *args, const struct option_row *row, const char *value)
{
    args->options[args->option_count++] = (struct given_option){row, value};
}

static bool read_values(struct reading *reading, const struct option_row *row)
{
    size_t before = reading->args->option_count;
    while (reading->at < reading->count && !is_option(reading->words[reading->at])) {
        add(reading->args, row, reading->words[reading->at++]);
        if (!takes_many(row))
            break;
    }
    if (reading->args->option_count > before)
        return true;
    text_printf(reading->why, "%s needs a value: %s %s", row->name, row->name, row->value);
    return false;
}

static bool read_option(struct reading *reading)
{
    const char *word = reading->words[reading->at++];
    struct str name = str_of(word);
    bool is_long = str_starts(name, STR("--"));
    size_t equals = is_long ? str_find(name, '=') : name.len;
    name = str_head(name, equals);
    const struct option_row *row = find_row(reading->args->rows, name);
    if (row == NULL)
        return say_unknown(reading, name);
    if (!row->repeats && args_has(reading->args, row->name)) {
        text_printf(reading->why, "%s is given twice", row->name);
        return false;
    }
    bool has_value = equals < strlen(word);
    if (row->value == NULL && has_value) {
        text_printf(reading->why, "%s takes no value", row->name);
        return false;
    }
    if (row->value != NULL && !has_value)
        return read_values(reading, row);
    add(reading->args, row, has_value ? word + equals + 1 : "");
    return true;
}

static bool has_needed(struct reading *reading)
{
    for (const struct option_row *row = reading->args->rows; row != NULL && row->name != NULL; row++)
        if (row->is_needed && !args_has(reading->args, row->name)) {
            text_printf(reading->why, "%s is missing: %s %s", row->name, row->name, row->value);
            return false;
        }
    return true;
}

bool args_read(struct args *args, const struct option_row *rows, int count, char *const *words, struct text *ret_why)
{
    *args = (struct args){.rows = rows};
    args->options = must_calloc((size_t)count + 1, sizeof *args->options);
    args->words = must_calloc((size_t)count + 1, sizeof *args->words);
    struct reading reading = {.args = args, .count = count, .words = words, .why = ret_why};
    bool only_words = false;
    while (reading.at < count) {
        const char *word = words[reading.at];
        if (!only_words && strcmp(word, "--") == 0) {
            only_words = true;
            reading.at++;
        } else if (!only_words && is_option(word)) {
            if (!read_option(&reading))
                return false;
        } else {
            args->words[args->word_count++] = word;
            reading.at++;
        }
    }
    return has_needed(&reading);
}

void args_free(struct args *args)
{
    free(args->options);
    free(args->words);
}

const char *args_nth(const struct args *args, const char *name, size_t index)
{
    for (size_t i = 0; i < args->option_count; i++)
        if (strcmp(args->options[i].row->name, name) == 0 && index-- == 0)
            return args->options[i].value;
    return NULL;
}

bool args_has(const struct args *args, const char *name)
{
    return args_nth(args, name, 0) != NULL;
}

const char *args_get(const struct args *args, const char *name)
{
    const char *last = NULL;
    const char *value;
    for (size_t i = 0; (value = args_nth(args, name, i)) != NULL; i++)
        last = value;
    return last;
}
