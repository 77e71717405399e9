#include "base/memory.h"
#include "base/object.h"
#include "flow/buffer.h"

#include <check.h>
#include <stdlib.h>

static int released;

static void count_release(void *owner)
{
    ck_assert_ptr_eq(owner, &released);
    released++;
}

static size_t in_use;

static void setup(void)
{
    released = 0;
    in_use = memory_in_use();
}

/* Every block went back. */
static void teardown(void)
{
    ck_assert_uint_eq(memory_in_use(), in_use);
    ck_assert_int_eq(object_alive(OBJECT_SLICE), 0);
    buffer_thread_done();
}

static char pattern(size_t at)
{
    return (char)('a' + at % 23 + at / 7919 % 3);
}

static void add_pattern(struct buffer *buffer, size_t from, size_t len)
{
    char *bytes = malloc(len + 1);
    for (size_t i = 0; i < len; i++)
        bytes[i] = pattern(from + i);
    buffer_add(buffer, str_from(bytes, len));
    free(bytes);
}

/* Drains the buffer by pieces of `step` and compares. */
static void expect_pattern(struct buffer *buffer, size_t from, size_t len, size_t step)
{
    ck_assert_uint_eq(buffer->len, len);
    size_t at = from;
    while (buffer->len > 0) {
        struct str front = buffer_front(buffer);
        ck_assert_uint_gt(front.len, 0);
        size_t piece = front.len < step ? front.len : step;
        for (size_t i = 0; i < piece; i++)
            if (front.at[i] != pattern(at + i))
                ck_abort_msg("byte %zu differs", at + i);
        at += piece;
        buffer_drop(buffer, piece);
    }
    ck_assert_uint_eq(at, from + len);
    ck_assert_ptr_null(buffer->first);
    ck_assert_ptr_null(buffer->last);
}

START_TEST(adds_and_drains)
{
    struct buffer buffer;
    buffer_init(&buffer);
    ck_assert_uint_eq(buffer_front(&buffer).len, 0);
    add_pattern(&buffer, 0, 100);
    add_pattern(&buffer, 100, 3 * BLOCK_SIZE);
    expect_pattern(&buffer, 0, 100 + 3 * BLOCK_SIZE, 1000);
    add_pattern(&buffer, 0, 10);
    buffer_clear(&buffer);
}
END_TEST

START_TEST(room_is_contiguous)
{
    struct buffer buffer;
    buffer_init(&buffer);
    add_pattern(&buffer, 0, BLOCK_SIZE - 10);
    size_t room;
    char *into = buffer_room(&buffer, 5, &room);
    ck_assert_uint_eq(room, 10);
    into[0] = pattern(BLOCK_SIZE - 10);
    buffer_fill(&buffer, 1);
    into = buffer_room(&buffer, BLOCK_SIZE, &room);
    ck_assert_uint_eq(room, BLOCK_SIZE);
    into[0] = pattern(BLOCK_SIZE - 9);
    into[1] = pattern(BLOCK_SIZE - 8);
    buffer_fill(&buffer, 2);
    buffer_room(&buffer, 1, &room);
    buffer_fill(&buffer, 0);
    expect_pattern(&buffer, 0, BLOCK_SIZE - 7, SIZE_MAX);

    buffer_room(&buffer, 1, &room);
    buffer_fill(&buffer, 0);
    ck_assert_ptr_null(buffer.first);
    buffer_room(&buffer, 1, &room);
    buffer_clear(&buffer);
}
END_TEST

START_TEST(room_for_readv)
{
    for (size_t before = 0; before <= BLOCK_SIZE; before += BLOCK_SIZE / 4) {
        for (size_t got = 0; got <= 4 * BLOCK_SIZE; got += BLOCK_SIZE / 2 - 1) {
            struct buffer buffer;
            buffer_init(&buffer);
            add_pattern(&buffer, 0, before);
            struct iovec iov[8];
            int count = buffer_room_iov(&buffer, 4 * BLOCK_SIZE, iov, 8);
            size_t room = 0, at = before;
            for (int i = 0; i < count; i++) {
                for (size_t k = 0; k < iov[i].iov_len && at < before + got; k++)
                    ((char *)iov[i].iov_base)[k] = pattern(at++);
                room += iov[i].iov_len;
            }
            ck_assert_uint_eq(room, 4 * BLOCK_SIZE);
            buffer_fill(&buffer, got);
            expect_pattern(&buffer, 0, before + got, 5000);
        }
    }
    struct buffer buffer;
    struct iovec iov[2];
    buffer_init(&buffer);
    ck_assert_int_eq(buffer_room_iov(&buffer, 4 * BLOCK_SIZE, iov, 2), 2);
    buffer_fill(&buffer, 0);
    ck_assert_int_eq(buffer_room_iov(&buffer, 7, iov, 2), 1);
    ck_assert_uint_eq(iov[0].iov_len, 7);
    buffer_fill(&buffer, 0);
}
END_TEST

START_TEST(references_are_released_once)
{
    struct buffer buffer;
    buffer_init(&buffer);
    buffer_add_reference(&buffer, STR_NONE, count_release, &released);
    ck_assert_int_eq(released, 1);
    buffer_add(&buffer, STR("head"));
    buffer_add_reference(&buffer, STR("body"), count_release, &released);
    buffer_add_reference(&buffer, STR("static"), NULL, NULL);
    buffer_add(&buffer, STR("tail"));
    struct iovec iov[8];
    ck_assert_int_eq(buffer_iov(&buffer, iov, 8), 4);
    ck_assert_int_eq(buffer_iov(&buffer, iov, 3), 3);
    ck_assert_mem_eq(iov[1].iov_base, "body", 4);
    ck_assert_int_eq(buffer_iov_behind(&buffer, 5, iov, 8), 3);
    ck_assert(iov[0].iov_len == 3 && memcmp(iov[0].iov_base, "ody", 3) == 0);
    ck_assert_int_eq(buffer_iov_behind(&buffer, 8, iov, 1), 1);
    ck_assert_mem_eq(iov[0].iov_base, "static", 6);
    ck_assert_int_eq(buffer_iov_behind(&buffer, 18, iov, 8), 0);
    buffer_drop(&buffer, 6);
    ck_assert_int_eq(released, 1);
    ck_assert(str_eq(buffer_front(&buffer), STR("dy")));
    buffer_drop(&buffer, 2);
    ck_assert_int_eq(released, 2);
    buffer_add_reference(&buffer, STR("more"), count_release, &released);
    buffer_clear(&buffer);
    ck_assert_int_eq(released, 3);
}
END_TEST

START_TEST(moves_any_part)
{
    enum { ALL = 2 * BLOCK_SIZE + 777 };
    static const size_t lens[] = {0, 1, 500, 2048, 2049, BLOCK_SIZE, BLOCK_SIZE + 1, 2 * BLOCK_SIZE, ALL};
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        struct buffer from, to;
        buffer_init(&from);
        buffer_init(&to);
        add_pattern(&from, 0, ALL);
        add_pattern(&to, 0, 1);
        buffer_drop(&to, 1);
        buffer_move(&to, &from, lens[i]);
        add_pattern(&from, ALL, 100);
        /* What was moved stays as it is while the rest goes, and the other way round. */
        if (i % 2 == 0)
            expect_pattern(&to, 0, lens[i], 300);
        expect_pattern(&from, lens[i], ALL + 100 - lens[i], 300);
        if (i % 2 == 1)
            expect_pattern(&to, 0, lens[i], 300);
    }
}
END_TEST

START_TEST(moves_parts_of_parts)
{
    struct buffer a, b, c;
    buffer_init(&a);
    buffer_init(&b);
    buffer_init(&c);
    char *bytes = malloc(BLOCK_SIZE);
    for (size_t i = 0; i < BLOCK_SIZE; i++)
        bytes[i] = pattern(i);
    buffer_add_reference(&a, str_from(bytes, BLOCK_SIZE), count_release, &released);
    buffer_move(&b, &a, 10000);
    buffer_move(&c, &b, 5000);
    expect_pattern(&a, 10000, BLOCK_SIZE - 10000, 1000);
    expect_pattern(&b, 5000, 5000, 1000);
    ck_assert_int_eq(released, 0);
    expect_pattern(&c, 0, 5000, 1000);
    ck_assert_int_eq(released, 1);
    free(bytes);
}
END_TEST

/* A peer that sends a byte at a time must not hold a block for each. */
START_TEST(small_pieces_are_joined)
{
    struct buffer from, to;
    buffer_init(&from);
    buffer_init(&to);
    for (size_t i = 0; i < 3000; i++) {
        add_pattern(&from, i, 1);
        buffer_move(&to, &from, 1);
    }
    struct iovec iov[4];
    ck_assert_int_eq(buffer_iov(&to, iov, 4), 1);
    expect_pattern(&to, 0, 3000, 11);
    for (size_t i = 0; i < 30000; i++) {
        add_pattern(&from, i, 2);
        buffer_move(&to, &from, 1);
        buffer_drop(&from, 1);
    }
    ck_assert_int_le(buffer_iov(&to, iov, 4), 2);
    expect_pattern(&to, 0, 30000, 11);
}
END_TEST

/* As of a peer that sends a little, and again a little, and then nothing. */
START_TEST(few_bytes_wait_in_little_memory)
{
    struct buffer buffer, to;
    buffer_init(&buffer);
    buffer_init(&to);
    buffer_compact(&buffer);
    ck_assert_uint_eq(memory_in_use(), in_use);
    for (size_t i = 0; i < 3000; i++) {
        add_pattern(&buffer, i, 1);
        buffer_compact(&buffer);
        buffer_compact(&buffer);
        ck_assert_uint_lt(memory_in_use() - in_use, i + 200);
    }
    buffer_move(&to, &buffer, 2500);
    expect_pattern(&to, 0, 2500, 11);
    buffer_compact(&buffer);
    expect_pattern(&buffer, 2500, 500, 11);
    add_pattern(&buffer, 0, 3 * BLOCK_SIZE);
    size_t before = memory_in_use();
    buffer_compact(&buffer);
    ck_assert_uint_eq(memory_in_use(), before);
    expect_pattern(&buffer, 0, 3 * BLOCK_SIZE, 11);
}
END_TEST

Suite *suite_buffer(void);
Suite *suite_buffer(void)
{
    Suite *suite = suite_create("buffer");
    TCase *tests = tcase_create("buffer");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, adds_and_drains);
    tcase_add_test(tests, room_is_contiguous);
    tcase_add_test(tests, room_for_readv);
    tcase_add_test(tests, references_are_released_once);
    tcase_add_test(tests, moves_any_part);
    tcase_add_test(tests, moves_parts_of_parts);
    tcase_add_test(tests, small_pieces_are_joined);
    tcase_add_test(tests, few_bytes_wait_in_little_memory);
    suite_add_tcase(suite, tests);
    return suite;
}
