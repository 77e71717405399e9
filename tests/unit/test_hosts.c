#include "modes/reverse/hosts.h"

#include "tests/unit/policy.h"

Suite *suite_hosts(void);

static struct reverse_conf block_of(const char *name, struct host_pattern *hosts, size_t count)
{
    return (struct reverse_conf){.name = {.text = str_of(name)}, .hosts = hosts, .host_count = count};
}

static struct host_pattern exact = {.kind = HOST_EXACT, .name = {"www.example.org", 15}};
static struct host_pattern below = {.kind = HOST_BELOW, .name = {"example.org", 11}};
static struct host_pattern suffix = {.kind = HOST_SUFFIX, .name = {"example.org", 11}};
static struct host_pattern shorter = {.kind = HOST_SUFFIX, .name = {"org", 3}};
static struct host_pattern rest = {.kind = HOST_DEFAULT};

static const char *found(const struct reverse_hosts *hosts, const char *host)
{
    const struct reverse_conf *block = reverse_hosts_find(hosts, host == NULL ? STR_NONE : str_of(host));
    return block == NULL ? "none" : block->name.text.at;
}

START_TEST(most_specific_pattern_wins_wherever_it_stands)
{
    struct reverse_conf blocks[] = {block_of("rest", &rest, 1), block_of("shorter", &shorter, 1),
                                    block_of("suffix", &suffix, 1), block_of("below", &below, 1),
                                    block_of("exact", &exact, 1)};
    for (unsigned turn = 0; turn < 2; turn++) {
        const struct reverse_conf *order[5];
        for (unsigned i = 0; i < 5; i++)
            order[i] = &blocks[turn == 0 ? i : 4 - i];
        const struct reverse_hosts *hosts = reverse_hosts_build(&memory, order, 5);
        ck_assert_str_eq(found(hosts, "www.example.org"), "exact");
        ck_assert_str_eq(found(hosts, "a.www.example.org"), "below");
        ck_assert_str_eq(found(hosts, "img.example.org"), "below");
        ck_assert_str_eq(found(hosts, "example.org"), "suffix");
        ck_assert_str_eq(found(hosts, "badexample.org"), "shorter");
        ck_assert_str_eq(found(hosts, "org"), "shorter");
        ck_assert_str_eq(found(hosts, "example.com"), "rest");
        ck_assert_str_eq(found(hosts, NULL), "rest");
    }
}
END_TEST

START_TEST(star_does_not_match_the_name_itself)
{
    struct reverse_conf block = block_of("below", &below, 1);
    const struct reverse_conf *order[] = {&block};
    const struct reverse_hosts *hosts = reverse_hosts_build(&memory, order, 1);
    ck_assert_str_eq(found(hosts, "example.org"), "none");
    ck_assert_str_eq(found(hosts, "deep.down.example.org"), "below");
}
END_TEST

START_TEST(no_host_line_takes_the_rest)
{
    struct reverse_conf named = block_of("named", &exact, 1), bare = block_of("bare", NULL, 0);
    const struct reverse_conf *order[] = {&bare, &named};
    const struct reverse_hosts *hosts = reverse_hosts_build(&memory, order, 2);
    ck_assert(reverse_hosts_have_rest(hosts));
    ck_assert_str_eq(found(hosts, "127.0.0.1"), "bare");
    ck_assert_str_eq(found(hosts, "::1"), "bare");
    ck_assert_str_eq(found(hosts, NULL), "bare");
    ck_assert_str_eq(found(hosts, "www.example.org"), "named");
}
END_TEST

START_TEST(unknown_host_finds_no_block)
{
    struct reverse_conf named = block_of("named", &exact, 1);
    const struct reverse_conf *order[] = {&named};
    const struct reverse_hosts *hosts = reverse_hosts_build(&memory, order, 1);
    ck_assert(!reverse_hosts_have_rest(hosts));
    ck_assert_str_eq(found(hosts, "other.example.org"), "none");
    ck_assert_str_eq(found(hosts, NULL), "none");
}
END_TEST

START_TEST(many_names_are_all_found)
{
    enum { COUNT = 300 };
    struct host_pattern patterns[COUNT];
    struct reverse_conf blocks[COUNT];
    const struct reverse_conf *order[COUNT];
    for (int i = 0; i < COUNT; i++) {
        struct str name = arena_printf(&memory, "h%d.example", i);
        patterns[i] = (struct host_pattern){.kind = HOST_EXACT, .name = name};
        blocks[i] = block_of(name.at, &patterns[i], 1);
        order[i] = &blocks[i];
    }
    const struct reverse_hosts *hosts = reverse_hosts_build(&memory, order, COUNT);
    for (int i = 0; i < COUNT; i++)
        ck_assert_str_eq(found(hosts, patterns[i].name.at), patterns[i].name.at);
}
END_TEST

Suite *suite_hosts(void)
{
    Suite *suite = suite_create("hosts");
    TCase *tests = tcase_create("hosts");
    tcase_add_checked_fixture(tests, setup_policy, teardown_policy);
    tcase_add_test(tests, most_specific_pattern_wins_wherever_it_stands);
    tcase_add_test(tests, star_does_not_match_the_name_itself);
    tcase_add_test(tests, no_host_line_takes_the_rest);
    tcase_add_test(tests, unknown_host_finds_no_block);
    tcase_add_test(tests, many_names_are_all_found);
    suite_add_tcase(suite, tests);
    return suite;
}
