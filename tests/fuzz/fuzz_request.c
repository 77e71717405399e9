/*
 * A request's head. However the bytes are split, the outcome is one; and what is accepted is written as a head that is
 * accepted again, and then written the same.
 */
#include "base/must.h"
#include "http1/parse.h"
#include "http1/write.h"
#include "tests/fuzz/roomy_limits.h"
#include "tests/unit/default_limits.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    struct arena arena;
    struct head head;
    enum parse result;
    enum fault fault;
    size_t used;
};

static void parse(struct outcome *outcome, const struct limits *limits, const char *bytes, size_t len, size_t step)
{
    struct head_parser parser;
    arena_init(&outcome->arena);
    head_parser_init_request(&parser, &outcome->arena, &outcome->head, limits);
    outcome->result = PARSE_MORE;
    outcome->used = 0;
    for (size_t from = 0; from < len && outcome->result == PARSE_MORE; from += step) {
        size_t used = 0, piece = step < len - from ? step : len - from;
        outcome->result = head_parse(&parser, bytes + from, piece, &used);
        outcome->used += used;
        must(outcome->result != PARSE_MORE || used == piece);
    }
    outcome->fault = outcome->result == PARSE_BAD ? parser.fault : FAULT_NONE;
    must(outcome->result != PARSE_BAD || fault_info(outcome->fault)->status >= 400);
}

static char *write_out(const struct head *head, size_t *ret_len)
{
    size_t room = head_write_size(head);
    char *at = must_alloc(room);
    *ret_len = (size_t)(request_head_write(at, head) - at);
    must(*ret_len <= room);
    return at;
}

static void must_write_the_same(const struct head *a, const struct head *b)
{
    size_t len_a, len_b;
    char *text_a = write_out(a, &len_a), *text_b = write_out(b, &len_b);
    must(len_a == len_b && memcmp(text_a, text_b, len_a) == 0);
    must(a->framing == b->framing && a->length == b->length && a->minor == b->minor && a->keep_alive == b->keep_alive);
    free(text_a);
    free(text_b);
}

/* HTTP/1.0 without Host has nothing to write as Host; all else must come through its own parser. */
static void must_parse_again(struct head *head)
{
    struct outcome again;
    size_t len;
    if (head->authority.host.len == 0)
        return;
    head->minor = 1;
    if (head->target.form == TARGET_ASTERISK && head->target.scheme.len > 0)
        head->target.scheme = STR_NONE;
    char *text = write_out(head, &len);
    parse(&again, &roomy_limits, text, len, len);
    must(again.result == PARSE_DONE && again.used == len);
    must(again.head.framing == head->framing && again.head.length == head->length);
    must(str_eq(again.head.authority.host, head->authority.host) && again.head.authority.port == head->authority.port);
    must(str_eq(again.head.target.path, head->target.path) && str_eq(again.head.target.query, head->target.query));
    must(str_eq(again.head.target.second_path, head->target.second_path));
    must(again.head.keep_alive == head->keep_alive || again.head.upgrades_websocket);
    must(again.head.upgrades_websocket == head->upgrades_websocket);
    arena_reset(&again.arena);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = {1, 2, 7, 64};
    struct outcome whole;
    parse(&whole, &default_limits, (const char *)data, size, size + 1);
    for (size_t i = 0; i < lengthof(steps); i++) {
        struct outcome split;
        parse(&split, &default_limits, (const char *)data, size, steps[i]);
        must(split.result == whole.result && split.fault == whole.fault && split.used == whole.used);
        if (whole.result == PARSE_DONE)
            must_write_the_same(&whole.head, &split.head);
        arena_reset(&split.arena);
    }
    if (whole.result == PARSE_DONE)
        must_parse_again(&whole.head);
    arena_reset(&whole.arena);
    return 0;
}
