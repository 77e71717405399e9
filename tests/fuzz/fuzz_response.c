/*
 * A response's head; the first byte chooses the method of the request. The properties are those of fuzz_request.c.
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

static void parse(struct outcome *outcome, const struct limits *limits, enum method method, const char *bytes,
                  size_t len, size_t step)
{
    struct head_parser parser;
    arena_init(&outcome->arena);
    head_parser_init_response(&parser, &outcome->arena, &outcome->head, limits, method);
    outcome->result = PARSE_MORE;
    outcome->used = 0;
    for (size_t from = 0; from < len && outcome->result == PARSE_MORE; from += step) {
        size_t used = 0, piece = step < len - from ? step : len - from;
        outcome->result = head_parse(&parser, bytes + from, piece, &used);
        outcome->used += used;
        must(outcome->result != PARSE_MORE || used == piece);
    }
    outcome->fault = outcome->result == PARSE_BAD ? parser.fault : FAULT_NONE;
    must(outcome->result != PARSE_BAD || fault_info(outcome->fault)->status == 502);
}

static char *write_out(const struct head *head, size_t *ret_len)
{
    size_t room = head_write_size(head);
    char *at = must_alloc(room);
    *ret_len = (size_t)(response_head_write(at, head) - at);
    must(*ret_len <= room);
    return at;
}

static void must_parse_again(struct head *head, enum method method)
{
    struct outcome again;
    size_t len;
    head->minor = 1;
    char *text = write_out(head, &len);
    parse(&again, &roomy_limits, method, text, len, len);
    must(again.result == PARSE_DONE && again.used == len && again.head.status == head->status);
    must(again.head.framing == head->framing && again.head.length == head->length &&
         again.head.declared == head->declared);
    arena_reset(&again.arena);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum method methods[] = {METHOD_GET, METHOD_HEAD, METHOD_CONNECT};
    static const size_t steps[] = {1, 2, 7, 64};
    struct outcome whole;
    if (size == 0)
        return 0;
    enum method method = methods[*data % lengthof(methods)];
    parse(&whole, &default_limits, method, (const char *)data + 1, size - 1, size);
    for (size_t i = 0; i < lengthof(steps); i++) {
        struct outcome split;
        parse(&split, &default_limits, method, (const char *)data + 1, size - 1, steps[i]);
        must(split.result == whole.result && split.fault == whole.fault && split.used == whole.used);
        must(split.head.fields.count == whole.head.fields.count || whole.result != PARSE_DONE);
        arena_reset(&split.arena);
    }
    if (whole.result == PARSE_DONE)
        must_parse_again(&whole.head, method);
    arena_reset(&whole.arena);
    return 0;
}
