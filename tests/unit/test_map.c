#include "base/map.h"

#include <check.h>
#include <stdio.h>

Suite *suite_map(void);

START_TEST(test_empty)
{
    struct map map = {0};
    size_t cursor = 0;
    void *value;
    ck_assert_ptr_null(map_get(&map, STR("a")));
    ck_assert_ptr_null(map_remove(&map, STR("a")));
    ck_assert(!map_each(&map, &cursor, NULL, &value));
    map_fini(&map);
    map_init(&map);
    map_fini(&map);
}
END_TEST

START_TEST(test_put_get_remove)
{
    struct map map;
    int one, two;
    map_init(&map);
    ck_assert_ptr_null(map_put(&map, STR("a"), &one));
    ck_assert_ptr_null(map_put(&map, STR(""), &two));
    ck_assert_ptr_null(map_put(&map, str_from("a\0b", 3), &two));
    ck_assert_uint_eq(map.count, 3);
    ck_assert_ptr_eq(map_get(&map, STR("a")), &one);
    ck_assert_ptr_eq(map_get(&map, STR_NONE), &two);
    ck_assert_ptr_eq(map_get(&map, str_from("a\0b", 3)), &two);
    ck_assert_ptr_null(map_get(&map, STR("A")));
    ck_assert_ptr_eq(map_put(&map, STR("a"), &two), &one);
    ck_assert_ptr_eq(map_get(&map, STR("a")), &two);
    ck_assert_uint_eq(map.count, 3);
    ck_assert_ptr_eq(map_remove(&map, STR("a")), &two);
    ck_assert_ptr_null(map_remove(&map, STR("a")));
    ck_assert_ptr_null(map_get(&map, STR("a")));
    ck_assert_uint_eq(map.count, 2);
    map_fini(&map);
    ck_assert_uint_eq(map.count, 0);
}
END_TEST

/* An entry that is put again borrows the new key: the old one may go away with its value. */
START_TEST(test_put_takes_new_key)
{
    struct map map;
    char old_key[] = "key", new_key[] = "key";
    int one, two;
    map_init(&map);
    map_put(&map, str_of(old_key), &one);
    map_put(&map, str_of(new_key), &two);
    memset(old_key, 'x', 3);
    ck_assert_ptr_eq(map_get(&map, STR("key")), &two);
    map_fini(&map);
}
END_TEST

/* Random changes, against an array. */
START_TEST(test_like_an_array)
{
    enum { KEYS = 500, STEPS = 100000 };
    static char keys[KEYS][16];
    static int values[KEYS];
    bool is_in[KEYS] = {false};
    size_t count = 0;
    struct map map;
    unsigned seed = 3;
    map_init(&map);
    for (int i = 0; i < KEYS; i++)
        snprintf(keys[i], sizeof(keys[i]), "k%d", i);
    for (int step = 0; step < STEPS; step++) {
        seed = seed * 1103515245 + 12345;
        unsigned i = (seed >> 8) % KEYS;
        struct str key = str_of(keys[i]);
        if (seed >> 30 == 0) {
            ck_assert_ptr_eq(map_remove(&map, key), is_in[i] ? &values[i] : NULL);
            count -= is_in[i];
            is_in[i] = false;
        } else if (seed >> 30 == 1) {
            ck_assert_ptr_eq(map_put(&map, key, &values[i]), is_in[i] ? &values[i] : NULL);
            count += !is_in[i];
            is_in[i] = true;
        } else {
            ck_assert_ptr_eq(map_get(&map, key), is_in[i] ? &values[i] : NULL);
        }
        ck_assert_uint_eq(map.count, count);
    }
    size_t cursor = 0, seen = 0;
    struct str key;
    void *value;
    while (map_each(&map, &cursor, &key, &value)) {
        size_t i = (size_t)((int *)value - values);
        ck_assert(is_in[i] && str_eq(key, str_of(keys[i])));
        is_in[i] = false;
        seen++;
    }
    ck_assert_uint_eq(seen, count);
    map_fini(&map);
}
END_TEST

START_TEST(test_empties_again)
{
    enum { KEYS = 2000 };
    static char keys[KEYS][16];
    struct map map;
    map_init(&map);
    for (int i = 0; i < KEYS; i++) {
        snprintf(keys[i], sizeof(keys[i]), "%d", i);
        map_put(&map, str_of(keys[i]), keys[i]);
    }
    for (int i = 0; i < KEYS; i++) {
        ck_assert_ptr_eq(map_remove(&map, str_of(keys[i])), keys[i]);
        for (int j = 0; j < KEYS; j += 97)
            ck_assert_ptr_eq(map_get(&map, str_of(keys[j])), j > i ? keys[j] : NULL);
    }
    ck_assert_uint_eq(map.count, 0);
    map_fini(&map);
}
END_TEST

Suite *suite_map(void)
{
    Suite *suite = suite_create("map");
    TCase *tcase = tcase_create("map");
    tcase_add_test(tcase, test_empty);
    tcase_add_test(tcase, test_put_get_remove);
    tcase_add_test(tcase, test_put_takes_new_key);
    tcase_add_test(tcase, test_like_an_array);
    tcase_add_test(tcase, test_empties_again);
    suite_add_tcase(suite, tcase);
    return suite;
}
