#include "base/regex.h"

#include "base/must.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

struct regex {
    pcre2_code *code;
    uint32_t groups;
};

/* A step is a few nanoseconds, so that the worst of patterns costs about a millisecond; a plain one needs a few steps a
   byte. Depth and heap bound the interpreter, the stack what JIT made. */
enum {
    STEPS_MAX = 200 * 1000,
    DEPTH_MAX = 20 * 1000,
    HEAP_MAX_KIB = 8 * 1024,
    STACK_MIN = 32 * 1024,
    STACK_MAX = 512 * 1024
};
enum {
    PATTERN_MAX = 8 * 1024,
    OPTIONS = PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY
};

/* Made at a thread's first match, and kept, for they cost more than most matches. */
static _Thread_local struct scratch {
    pcre2_match_data *data;
    pcre2_match_context *limits;
    pcre2_jit_stack *stack;
} scratch;

static struct scratch *own_scratch(void)
{
    if (scratch.data != NULL)
        return &scratch;
    scratch.data = pcre2_match_data_create(REGEX_GROUPS, NULL);
    scratch.limits = pcre2_match_context_create(NULL);
    must(scratch.data != NULL && scratch.limits != NULL);
    pcre2_set_match_limit(scratch.limits, STEPS_MAX);
    pcre2_set_depth_limit(scratch.limits, DEPTH_MAX);
    pcre2_set_heap_limit(scratch.limits, HEAP_MAX_KIB);
    scratch.stack = pcre2_jit_stack_create(STACK_MIN, STACK_MAX, NULL);
    if (scratch.stack != NULL) /* else it uses 32 KiB of the thread's */
        pcre2_jit_stack_assign(scratch.limits, NULL, scratch.stack);
    return &scratch;
}

void regex_thread_done(void)
{
    pcre2_match_data_free(scratch.data);
    pcre2_match_context_free(scratch.limits);
    pcre2_jit_stack_free(scratch.stack);
    scratch = (struct scratch){0};
}

static pcre2_code *compile(struct str pattern, int *ret_error, PCRE2_SIZE *ret_at)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    must(context != NULL);
    pcre2_set_max_pattern_length(context, PATTERN_MAX);
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)(pattern.len > 0 ? pattern.at : ""), pattern.len, OPTIONS, ret_error,
                                     ret_at, context);
    pcre2_compile_context_free(context);
    return code;
}

struct regex *regex_new(struct str pattern, char why[REGEX_WHY_MAX], size_t *ret_at)
{
    int error = 0;
    PCRE2_SIZE at = 0;
    pcre2_code *code = compile(pattern, &error, &at);
    if (code == NULL) {
        if (pcre2_get_error_message(error, (PCRE2_UCHAR *)why, REGEX_WHY_MAX) == PCRE2_ERROR_BADDATA)
            snprintf(why, REGEX_WHY_MAX, "error %d", error);
        *ret_at = at < pattern.len ? at : pattern.len;
        return NULL;
    }
    struct regex *regex = must_calloc(1, sizeof(*regex));
    regex->code = code;
    pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &regex->groups);
    /* Where the system allows no memory that is written and run, this fails, and the interpreter does it. */
    (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    return regex;
}

void regex_free(struct regex *regex)
{
    if (regex == NULL)
        return;
    pcre2_code_free(regex->code);
    free(regex);
}

unsigned regex_group_count(const struct regex *regex)
{
    return regex->groups;
}

/* `set` groups have a place; those behind them took no part. With \K, a match may end before it starts. */
static void copy_groups(struct str text, const PCRE2_SIZE *places, size_t set, struct str *groups, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        groups[i] = STR_NONE;
        if (i >= set || places[2 * i] == PCRE2_UNSET)
            continue;
        size_t start = places[2 * i], end = places[2 * i + 1];
        groups[i] = str_from(text.at + start, end > start ? end - start : 0);
    }
}

enum regex_result regex_match(const struct regex *regex, struct str text, struct str *ret_groups, size_t count)
{
    must(count <= REGEX_GROUPS);
    struct scratch *own = own_scratch();
    if (text.at == NULL)
        text = STR("");
    int found = pcre2_match(regex->code, (PCRE2_SPTR)text.at, text.len, 0, 0, own->data, own->limits);
    if (found == PCRE2_ERROR_NOMATCH)
        return REGEX_NO_MATCH;
    if (found < 0) /* a limit, or something that never happens: either way there is no answer */
        return REGEX_LIMIT;
    size_t set = found > 0 ? (size_t)found : REGEX_GROUPS;
    copy_groups(text, pcre2_get_ovector_pointer(own->data), set, ret_groups, count);
    return REGEX_MATCH;
}
