/*
 * A chunked body. However the bytes are split, outcome and data are one; and a decoded body, encoded afresh, decodes to itself.
 */
#include "base/must.h"
#include "base/text.h"
#include "http1/chunked.h"
#include "http1/write.h"
#include "tests/unit/default_limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    struct text body;
    enum chunked result;
    size_t used;
    unsigned trailers;
};

static enum chunked feed(struct chunked_parser *parser, const char *at, size_t len, struct outcome *outcome)
{
    enum chunked result = CHUNKED_DATA;
    while (result == CHUNKED_DATA) {
        size_t used = 0;
        struct str data;
        result = chunked_next(parser, at, len, &used, &data);
        must(used <= len && (result == CHUNKED_DATA) == (data.len > 0));
        must(result != CHUNKED_MORE || used == len);
        text_add(&outcome->body, data);
        at += used;
        len -= used;
        outcome->used += used;
    }
    return result;
}

static void decode(struct outcome *outcome, const char *bytes, size_t len, size_t step)
{
    struct arena arena;
    struct chunked_parser parser;
    arena_init(&arena);
    chunked_init(&parser, &arena, &default_limits);
    *outcome = (struct outcome){.result = CHUNKED_MORE};
    text_init(&outcome->body);
    for (size_t from = 0; from < len && outcome->result == CHUNKED_MORE; from += step)
        outcome->result = feed(&parser, bytes + from, step < len - from ? step : len - from, outcome);
    outcome->trailers = parser.trailers.count;
    arena_reset(&arena);
}

static void must_decode_again(struct str body)
{
    struct outcome again;
    struct text coded;
    char line[CHUNK_HEAD_MAX];
    text_init(&coded);
    if (body.len > 0) {
        text_add(&coded, str_from(line, (size_t)(chunk_head_write(line, body.len) - line)));
        text_add(&coded, body);
        text_add_cstr(&coded, "\r\n");
    }
    text_add_cstr(&coded, LAST_CHUNK);
    decode(&again, coded.at, coded.len, coded.len);
    must(again.result == CHUNKED_DONE && again.used == coded.len && str_eq(text_str(&again.body), body));
    text_fini(&again.body);
    text_fini(&coded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = {1, 3, 64};
    struct outcome whole;
    decode(&whole, (const char *)data, size, size + 1);
    for (size_t i = 0; i < lengthof(steps); i++) {
        struct outcome split;
        decode(&split, (const char *)data, size, steps[i]);
        must(split.result == whole.result && str_eq(text_str(&split.body), text_str(&whole.body)));
        must(split.trailers == whole.trailers && (split.used == whole.used || whole.result != CHUNKED_DONE));
        text_fini(&split.body);
    }
    if (whole.result == CHUNKED_DONE)
        must_decode_again(text_str(&whole.body));
    text_fini(&whole.body);
    return 0;
}
