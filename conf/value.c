#include "conf/value.h"

#include "base/must.h"
#include "base/number.h"

#include <inttypes.h>
#include <stdio.h>

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit duration_units[] = {{"ms", 1},        {"s", MSEC_SECOND},      {"m", MSEC_MINUTE},
                                             {"h", MSEC_HOUR}, {"d", 24LL * MSEC_HOUR}, {NULL, 0}};
static const struct unit size_units[] = {{"B", 1},          {"k", 1ULL << 10}, {"K", 1ULL << 10}, {"m", 1ULL << 20},
                                         {"M", 1ULL << 20}, {"g", 1ULL << 30}, {"G", 1ULL << 30}, {"t", 1ULL << 40},
                                         {"T", 1ULL << 40}, {NULL, 0}};
/* In eighths of a byte a second. */
static const struct unit bandwidth_units[] = {{"bit/s", 1},        {"kbit/s", 1000},
                                              {"Mbit/s", 1000000}, {"Gbit/s", 1000000000},
                                              {"B/s", 8},          {"k/s", 8ULL << 10},
                                              {"K/s", 8ULL << 10}, {"m/s", 8ULL << 20},
                                              {"M/s", 8ULL << 20}, {"g/s", 8ULL << 30},
                                              {"G/s", 8ULL << 30}, {"t/s", 8ULL << 40},
                                              {"T/s", 8ULL << 40}, {NULL, 0}};
static const struct unit rate_units[] = {{"/s", MSEC_SECOND}, {"/m", MSEC_MINUTE}, {"/h", MSEC_HOUR}, {NULL, 0}};

static const msec duration_max = 3650LL * 24 * MSEC_HOUR;

static bool refuse(const struct word *word, struct diag *diag, const char *expected, const char *hint)
{
    diag_add(diag, DIAG_ERROR, &word->place, hint, "expected %s, not '%.*s'", expected, STR_ARGS(word->text));
    return false;
}

/* Cuts the digits off the front; false when there are none, or too many. */
static bool take_number(struct str *text, uint64_t *ret)
{
    size_t digits = 0;
    while (digits < text->len && char_is_digit(text->at[digits]))
        digits++;
    if (!number_parse_u64(str_head(*text, digits), UINT64_MAX / 2, ret))
        return false;
    *text = str_skip(*text, digits);
    return true;
}

static const struct unit *find_unit(const struct unit *units, struct str name)
{
    while (units->name != NULL && !str_eq(name, str_of(units->name)))
        units++;
    return units->name != NULL ? units : NULL;
}

/* `remedy` names the units: it is the hint for everything that is not NUMBER UNIT. */
static bool take_quantity(const struct word *word, struct diag *diag, const struct unit *units, const char *what,
                          const char *remedy, uint64_t max, uint64_t *ret)
{
    struct str text = word->text;
    uint64_t number, product;
    if (!take_number(&text, &number))
        return refuse(word, diag, what, remedy);
    if (str_is_empty(text)) {
        diag_add(diag, DIAG_ERROR, &word->place, remedy, "'%.*s' needs a unit", STR_ARGS(word->text));
        return false;
    }
    const struct unit *unit = find_unit(units, text);
    if (unit == NULL) {
        diag_add(diag, DIAG_ERROR, &word->place, remedy, "expected %s, not '%.*s': unknown unit '%.*s'", what,
                 STR_ARGS(word->text), STR_ARGS(text));
        return false;
    }
    if (!number_mul_u64(number, unit->factor, &product) || product > max) {
        diag_add(diag, DIAG_ERROR, &word->place, NULL, "'%.*s' is too much", STR_ARGS(word->text));
        return false;
    }
    *ret = product;
    return true;
}

bool value_duration(const struct word *word, struct diag *diag, msec *ret)
{
    uint64_t span = 0;
    if (!str_eq(word->text, STR("0")) &&
        !take_quantity(word, diag, duration_units, "a duration", "one number and one unit: ms, s, m, h or d, as in 30s",
                       (uint64_t)duration_max, &span))
        return false;
    *ret = (msec)span;
    return true;
}

bool value_size(const struct word *word, struct diag *diag, uint64_t *ret)
{
    return take_quantity(word, diag, size_units, "a size",
                         "one number and one unit: B (bytes), k, M, G or T, as in 64k", UINT64_MAX / 2, ret);
}

bool value_rate(const struct word *word, struct diag *diag, struct rate *ret)
{
    static const char remedy[] = "a number and its unit: /s, /m or /h, as in 20/s";
    struct str text = word->text;
    uint64_t count;
    if (!take_number(&text, &count))
        return refuse(word, diag, "a rate", remedy);
    const struct unit *unit = find_unit(rate_units, text);
    if (unit == NULL)
        return refuse(word, diag, "a rate with its unit", remedy);
    *ret = (struct rate){count, (msec)unit->factor};
    return true;
}

bool value_bandwidth(const struct word *word, struct diag *diag, uint64_t *ret)
{
    uint64_t bits;
    if (!take_quantity(word, diag, bandwidth_units, "a bandwidth",
                       "one number and one unit: B/s, k/s, M/s, G/s, T/s, or kbit/s, Mbit/s, Gbit/s, as in 2M/s",
                       UINT64_MAX / 2, &bits))
        return false;
    *ret = (bits + 7) / 8; /* what is there is never nothing */
    return true;
}

bool value_percent(const struct word *word, struct diag *diag, uint64_t *ret)
{
    struct str text = word->text;
    uint64_t number;
    bool is_number = take_number(&text, &number) && (str_is_empty(text) || str_eq(text, STR("%")));
    if (!is_number || number > 100)
        return refuse(word, diag, "a percentage", "0 to 100, as in 20%");
    *ret = number;
    return true;
}

bool value_switch(const struct word *word, struct diag *diag, bool *ret)
{
    bool is_on = str_eq(word->text, STR("on"));
    if (!is_on && !str_eq(word->text, STR("off")))
        return refuse(word, diag, "'on' or 'off'", NULL);
    *ret = is_on;
    return true;
}

bool value_count(const struct word *word, struct diag *diag, uint64_t min, uint64_t max, uint64_t *ret)
{
    uint64_t number;
    if (!number_parse_u64(word->text, UINT64_MAX, &number)) {
        struct str text = word->text;
        bool is_number = take_number(&text, &number);
        return refuse(word, diag, "a number", is_number ? "it has no unit" : NULL);
    }
    if (number < min || number > max) {
        diag_add(diag, DIAG_ERROR, &word->place, NULL, "%.*s is out of range: %" PRIu64 " to %" PRIu64,
                 STR_ARGS(word->text), min, max);
        return false;
    }
    *ret = number;
    return true;
}

bool value_ip(const struct word *word, struct diag *diag, struct ip *ret)
{
    struct ip ip;
    if (!ip_parse(word->text, &ip))
        return refuse(word, diag, "an IP address", "as in 192.0.2.1 or 2001:db8::1");
    *ret = ip;
    return true;
}

bool value_cidr(const struct word *word, struct diag *diag, struct arena *arena, struct cidr_set *set)
{
    struct cidr cidr;
    const char *why;
    if (!cidr_parse(word->text, &cidr, &why)) {
        diag_add(diag, DIAG_ERROR, &word->place, "as in 10.0.0.0/8, 2001:db8::/32 or 192.0.2.1",
                 "'%.*s' is no range of addresses: %s", STR_ARGS(word->text), why);
        return false;
    }
    cidr_set_add(set, arena, &cidr, 0);
    return true;
}

bool value_name(const struct word *word, struct diag *diag, const char *what)
{
    enum { NAME_MAX_LEN = 64 };
    struct str text = word->text;
    bool fine = text.len > 0 && text.len <= NAME_MAX_LEN;
    for (size_t i = 0; i < text.len; i++)
        fine = fine && (char_is_alpha(text.at[i]) || char_is_digit(text.at[i]) || strchr("_-.", text.at[i]) != NULL) &&
               text.at[i] != '\0';
    if (fine)
        return true;
    diag_add(diag, DIAG_ERROR, &word->place, "letters, digits, '_', '-' and '.', at most 64",
             "'%.*s' cannot be the name of %s", STR_ARGS(text), what);
    return false;
}

bool value_field(const struct word *word, struct diag *diag, struct arena *arena, struct str *ret)
{
    if (!is_token(word->text))
        return refuse(word, diag, "the name of a header field", "as in x-frame-options, without a colon");
    *ret = arena_lower(arena, word->text);
    return true;
}

bool value_field_text(const struct word *word, struct diag *diag)
{
    if (is_field_value(word->text))
        return true;
    diag_add(diag, DIAG_ERROR, &word->place, NULL,
             "a header field has neither line feeds nor other control characters");
    return false;
}

bool value_media_type(const struct word *word, struct diag *diag, struct str *ret)
{
    struct str parameters = word->text, type, subtype;
    str_cut(&parameters, ';', &subtype);
    str_cut(&subtype, '/', &type);
    if (!is_token(type) || !is_token(str_trim(subtype)) || !is_field_value(word->text))
        return refuse(word, diag, "a media type", "as in text/html or \"text/html; charset=utf-8\"");
    *ret = word->text;
    return true;
}

bool value_template(const struct word *word, struct diag *diag, struct arena *arena, enum template_scope scope,
                    struct template *ret)
{
    struct str why;
    size_t at;
    struct template parsed;
    if (template_parse(arena, word->text, scope, &parsed, &why, &at)) {
        *ret = parsed;
        return true;
    }
    size_t width = 1;
    struct str rest = str_skip(word->text, at);
    while (width < rest.len && (char_is_alpha(rest.at[width]) || strchr("_{}.", rest.at[width]) != NULL))
        width++;
    struct place place = word_place_at(word, at, width);
    struct str name = str_skip(str_head(rest, width), 1);
    if (name.len > 1 && name.at[0] == '{')
        name = str_from(name.at + 1, name.len - 1 - (name.at[name.len - 1] == '}'));
    const char *nearest = diag_nearest(name, variable_names());
    const char *hint = nearest == NULL                 ? "a dollar is written $$"
                       : str_eq(name, str_of(nearest)) ? NULL
                                                       : arena_printf(arena, "did you mean '$%s'?", nearest).at;
    diag_add(diag, DIAG_ERROR, &place, hint, "%.*s", STR_ARGS(why));
    return false;
}

const char *value_duration_text(msec span, char into[VALUE_TEXT_MAX])
{
    uint64_t value = (uint64_t)span;
    size_t best = 0;
    for (size_t i = 0; duration_units[i].name != NULL; i++)
        if (value % duration_units[i].factor == 0)
            best = i;
    snprintf(into, VALUE_TEXT_MAX, value == 0 ? "0" : "%" PRIu64 "%s", value / duration_units[best].factor,
             duration_units[best].name);
    return into;
}

const char *value_size_text(uint64_t size, char into[VALUE_TEXT_MAX])
{
    static const char units[] = "BkMGT";
    size_t best = 0;
    while (best < 4 && size > 0 && size % 1024 == 0) {
        size /= 1024;
        best++;
    }
    snprintf(into, VALUE_TEXT_MAX, "%" PRIu64 "%c", size, units[best]);
    return into;
}
