#include "base/hash.h"

#include "base/rand.h"

#include <check.h>
#include <pthread.h>

Suite *suite_hash(void);

struct vector {
    size_t len;
    uint64_t hash;
};

static void check_vectors(struct hash_key key, const struct vector *vectors, size_t count)
{
    unsigned char bytes[65]; /* one more, so that the bytes can also begin at an odd address */
    for (size_t shift = 0; shift < 2; shift++)
        for (size_t i = 0; i < count; i++) {
            for (size_t j = 0; j < vectors[i].len; j++)
                bytes[shift + j] = (unsigned char)j;
            ck_assert_uint_eq(hash_bytes(&key, bytes + shift, vectors[i].len), vectors[i].hash);
        }
}

/* The same bytes under the keys that PYTHONHASHSEED=0 and =42 give CPython 3.11, whose hash() of bytes is SipHash-1-3. */
START_TEST(test_vectors)
{
    static const struct vector zero[] = {
        {1, 0x68a914128e01e473},  {2, 0x010bac45c41e3669},  {3, 0x4d4c9a4a8ef6e0ad},  {4, 0x7cc43f98813e4dbd},
        {5, 0x5abe2169dff36275},  {6, 0xe3c25f87624f1cdb},  {7, 0x2f098ab0c751325a},  {8, 0xead411e67ebe2eea},
        {9, 0x75927f9d95124362},  {15, 0xf30eb725bb91c9ea}, {16, 0x8972188433a5c5b7}, {17, 0x4883c49a2c009c1d},
        {63, 0x385d3e39e5f37359}, {64, 0x75e05fd5bbc870c6},
    };
    static const struct vector other[] = {
        {1, 0xce880c366bcf3489},  {2, 0xef32fbc0469f0756},  {3, 0xef4b9dcae9b04417},  {7, 0xce280fabc397fbda},
        {8, 0x60866c3c108c6afb},  {9, 0x68814005f7469e03},  {15, 0x94ace24d68c18cf8}, {16, 0x339176f3ac59ce05},
        {17, 0xed2706b414c296f1}, {63, 0x06e24d6f0d014c37}, {64, 0x91639ef7de8d52cb},
    };
    static const struct vector empty[] = {
        {0, 0xabac0158050fc4dc}}; /* the first of the reference vectors: key 00 01 … 0f */
    check_vectors((struct hash_key){0, 0}, zero, sizeof(zero) / sizeof(zero[0]));
    check_vectors((struct hash_key){0xdc504fd368cd90af, 0xb920bb9ffe99e9c1}, other, sizeof(other) / sizeof(other[0]));
    check_vectors((struct hash_key){0x0706050403020100, 0x0f0e0d0c0b0a0908}, empty, 1);
}
END_TEST

START_TEST(test_keys)
{
    struct hash_key a = hash_key_random(), b = hash_key_random();
    ck_assert(a.low != b.low && a.high != b.high);
    ck_assert_uint_ne(hash_str(&a, STR("x")), hash_str(&b, STR("x")));
    ck_assert_uint_eq(hash_str(&a, STR_NONE), hash_str(&a, STR("")));
    ck_assert_ptr_eq(hash_key_process(), hash_key_process());
    ck_assert(hash_key_process()->low != 0 || hash_key_process()->high != 0);
}
END_TEST

START_TEST(test_request_ids)
{
    char ids[600][REQUEST_ID_LEN + 1];
    for (size_t i = 0; i < 600; i++) {
        request_id_make(ids[i]);
        ck_assert_uint_eq(strlen(ids[i]), REQUEST_ID_LEN);
        ck_assert_uint_eq(strspn(ids[i], "0123456789abcdef"), REQUEST_ID_LEN);
        for (size_t j = 0; j < i; j++)
            ck_assert_str_ne(ids[i], ids[j]);
    }
}
END_TEST

static void *make_id(void *into)
{
    request_id_make(into);
    return NULL;
}

START_TEST(test_request_ids_of_threads)
{
    char ids[8][REQUEST_ID_LEN + 1];
    for (size_t i = 0; i < 8; i++) {
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, make_id, ids[i]), 0);
        pthread_join(thread, NULL);
        for (size_t j = 0; j < i; j++)
            ck_assert_str_ne(ids[i], ids[j]);
    }
}
END_TEST

/* Sizes across the ends of batches; no batch comes twice, no byte stays 0 for ever. */
START_TEST(test_rand_bytes)
{
    unsigned char bytes[9000], seen[9000] = {0};
    for (int round = 0; round < 40; round++)
        for (size_t len = 0; len < sizeof(bytes); len += 1 + len / 2) {
            memset(bytes, 0, sizeof(bytes));
            rand_bytes(bytes, len);
            for (size_t i = 0; i < len; i++)
                seen[i] |= bytes[i];
            ck_assert_uint_eq(bytes[len], 0);
        }
    for (size_t i = 0; i < 5000; i++)
        ck_assert_uint_ne(seen[i], 0);
    ck_assert_uint_ne(rand_u64(), rand_u64());
}
END_TEST

START_TEST(test_rand_below)
{
    unsigned counts[7] = {0};
    for (int i = 0; i < 70000; i++) {
        uint32_t value = rand_below(7);
        ck_assert_uint_lt(value, 7);
        counts[value]++;
    }
    for (int i = 0; i < 7; i++) /* ten standard deviations */
        ck_assert(counts[i] > 9000 && counts[i] < 11000);
    ck_assert_uint_eq(rand_below(1), 0);
    bool is_high = false;
    for (int i = 0; i < 100; i++)
        is_high |= rand_below(UINT32_MAX) > UINT32_MAX / 2;
    ck_assert(is_high);
}
END_TEST

Suite *suite_hash(void)
{
    Suite *suite = suite_create("hash");
    TCase *tcase = tcase_create("hash");
    tcase_add_test(tcase, test_vectors);
    tcase_add_test(tcase, test_keys);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("rand");
    tcase_add_test(tcase, test_request_ids);
    tcase_add_test(tcase, test_request_ids_of_threads);
    tcase_add_test(tcase, test_rand_bytes);
    tcase_add_test(tcase, test_rand_below);
    suite_add_tcase(suite, tcase);
    return suite;
}
