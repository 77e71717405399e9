#include "base/arena.h"

#include "base/memory.h"
#include "base/spares.h"
#include "base/object.h"

#include <check.h>
#include <pthread.h>
#include <stdalign.h>

Suite *suite_arena(void);

START_TEST(test_aligned)
{
    struct arena arena;
    arena_init(&arena);
    for (size_t odd = 0; odd < 40; odd++)
        for (size_t size = 0; size < 300; size += 1 + size / 3) {
            arena_bytes(&arena, odd);
            char *piece = arena_alloc(&arena, size);
            ck_assert_ptr_nonnull(piece);
            ck_assert_uint_eq((uintptr_t)piece % alignof(max_align_t), 0);
            memset(piece, 0x55, size);
        }
    arena_reset(&arena);
}
END_TEST

/* What is left of a chunk may be less than it takes to align, yet enough for the piece. */
START_TEST(test_aligned_at_the_end_of_a_chunk)
{
    for (size_t left = 0; left < 40; left++) {
        struct arena arena;
        arena_init(&arena);
        arena_bytes(&arena, 1);
        arena_bytes(&arena, (size_t)(arena.end - arena.next) - left);
        char *piece = arena_alloc(&arena, 2);
        ck_assert_uint_eq((uintptr_t)piece % alignof(max_align_t), 0);
        memset(piece, 0x55, 2);
        arena_reset(&arena);
    }
}
END_TEST

START_TEST(test_large_and_zeroed)
{
    struct arena arena;
    arena_init(&arena);
    for (int i = 0; i < 3; i++) {
        memset(arena_alloc(&arena, 1000), 0xff, 1000);
        unsigned char *large = arena_zalloc(&arena, 100000);
        for (size_t j = 0; j < 100000; j++)
            ck_assert(large[j] == 0);
        memset(large, 0xff, 100000);
    }
    ck_assert_uint_ge(arena.total, 303000);
    arena_reset(&arena);
    ck_assert_uint_eq(arena.total, 0);
    ck_assert_ptr_null(arena.chunks);
}
END_TEST

START_TEST(test_memory_is_counted)
{
    size_t before = memory_in_use();
    struct arena arena;
    arena_init(&arena);
    ck_assert_uint_eq(memory_in_use(), before);
    arena_bytes(&arena, 1);
    ck_assert_uint_ge(memory_in_use(), before + 1);
    arena_bytes(&arena, 1000000);
    ck_assert_uint_ge(memory_in_use(), before + 1000000);
    arena_reset(&arena);
    ck_assert_uint_eq(memory_in_use(), before);
    arena_bytes(&arena, 1); /* from the spares */
    arena_reset(&arena);
    ck_assert_uint_eq(memory_in_use(), before);
    arena_thread_done();
}
END_TEST

START_TEST(test_pressure)
{
    memory_set_limit(0);
    ck_assert_uint_eq(memory_pressure(), 0);
    memory_set_limit(1000000);
    memory_count(800000);
    ck_assert(memory_pressure() >= 79 && memory_pressure() <= 80);
    memory_count(-800000);
    memory_set_limit(0);
}
END_TEST

START_TEST(test_text)
{
    struct arena arena;
    arena_init(&arena);
    struct str copy = arena_dup(&arena, str_from("abcdef", 3));
    ck_assert(str_eq(copy, STR("abc")));
    ck_assert_int_eq(copy.at[3], '\0');
    ck_assert_str_eq(arena_dup(&arena, STR_NONE).at, "");
    ck_assert_str_eq(arena_cstr(&arena, STR("x")), "x");
    ck_assert_str_eq(arena_join(&arena, STR("a"), STR("b")).at, "ab");
    ck_assert_str_eq(arena_join(&arena, STR_NONE, STR("b")).at, "b");
    ck_assert_str_eq(arena_lower(&arena, STR("A-Z\xc3\x89")).at, "a-z\xc3\x89");
    struct str printed = arena_printf(&arena, "%d-%s", 42, "x");
    ck_assert(str_eq(printed, STR("42-x")));
    ck_assert_uint_eq(arena_printf(&arena, "%5000d", 1).len, 5000);
    arena_reset(&arena);
}
END_TEST

static void *count_objects(void *unused)
{
    object_count_down(OBJECT_CONN); /* born on the other thread */
    object_count_up(OBJECT_TIMER);
    object_thread_done();
    return unused;
}

START_TEST(test_objects)
{
    struct text text;
    pthread_t thread;
    text_init(&text);
    object_report(&text);
    ck_assert_str_eq(text_str(&text).at, "");
    object_count_up(OBJECT_CONN);
    object_count_up(OBJECT_CONN);
    object_count_up(OBJECT_TIMER);
    ck_assert_int_eq(pthread_create(&thread, NULL, count_objects, NULL), 0);
    pthread_join(thread, NULL);
    ck_assert_int_eq(object_alive(OBJECT_CONN), 1);
    object_report(&text);
    ck_assert_str_eq(text_str(&text).at, "conn 1, timer 2");
    object_count_down(OBJECT_CONN);
    object_count_down(OBJECT_TIMER);
    object_count_down(OBJECT_TIMER);
    object_thread_done();
    text_clear(&text);
    object_report(&text);
    ck_assert_str_eq(text_str(&text).at, "");
    text_fini(&text);
}
END_TEST

START_TEST(test_spares_that_nobody_wants_are_given_back)
{
    enum { PIECES = 5, SIZE = 64, MAX = 4 };
    struct spares spares = {0};
    void *pieces[PIECES];
    for (int i = 0; i < PIECES; i++)
        pieces[i] = spares_take(&spares, SIZE);
    for (int i = 0; i < PIECES; i++)
        spares_give(&spares, pieces[i], MAX);
    ck_assert_uint_eq(spares.count, MAX);
    ck_assert_uint_eq(spares_trim(&spares), 0); /* they were wanted since the last look */
    for (int i = 0; i < 2; i++) {
        void *one = spares_take(&spares, SIZE);
        void *other = spares_take(&spares, SIZE);
        spares_give(&spares, other, MAX);
        spares_give(&spares, one, MAX);
        ck_assert_uint_eq(spares_trim(&spares), i == 0 ? 2 : 0); /* two were enough */
        ck_assert_uint_eq(spares.count, 2);
    }
    ck_assert_uint_eq(spares_trim(&spares), 2);
    ck_assert_uint_eq(spares.count, 0);
    ck_assert_ptr_null(spares.first);
    spares_free(&spares);
}
END_TEST

Suite *suite_arena(void)
{
    Suite *suite = suite_create("arena");
    TCase *tcase = tcase_create("arena");
    tcase_add_test(tcase, test_aligned);
    tcase_add_test(tcase, test_aligned_at_the_end_of_a_chunk);
    tcase_add_test(tcase, test_large_and_zeroed);
    tcase_add_test(tcase, test_memory_is_counted);
    tcase_add_test(tcase, test_spares_that_nobody_wants_are_given_back);
    tcase_add_test(tcase, test_pressure);
    tcase_add_test(tcase, test_text);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("object");
    tcase_add_test(tcase, test_objects);
    suite_add_tcase(suite, tcase);
    return suite;
}
