#include "process/policy_test.h"

#include "conf/loader.h"

#include "base/must.h"

#include <check.h>

/* Loads the text, runs its tests, and gives what was said. */
static void told(const char *text, struct text *into)
{
    struct diag diag;
    diag_init(&diag);
    struct conf_options options = {.text = str_of(text)};
    struct config *config = conf_load("/t/a.conf", &options, opener_direct(), NULL, &diag);
    if (config != NULL) {
        policy_test_run(config, &diag);
        config_unref(config);
    }
    diag_show(&diag, into);
    diag_fini(&diag);
}

static const struct row {
    const char *test;
    const char *why; /* NULL: passes */
} rows[] = {
    {"test { GET http://a.test/; expect allow }", NULL},
    {"test { GET http://a.test/; expect allow as a }", NULL},
    {"test { GET http://a.test/; expect deny }", "6:5: expected deny, got allow as a (a.conf:4)"},
    {"test { from 10.0.0.1; GET http://a.test/; expect deny as default }", NULL},
    {"test { from 10.0.0.1; GET http://a.test/; expect allow }", "6:5: expected allow, got deny as default"},
    {"test { GET https://a.test/; expect allow as a }", NULL},
    {"test { CONNECT https://a.test:22/; expect deny as tunnel-ports status 403 }", NULL},
    {"test { GET http://b.test/; expect deny status 451 }", NULL},
    {"test { GET http://b.test/; expect deny status 403 }",
     "6:5: expected deny status 403, got deny as a.conf:3 status 451"},
    {"test { GET http://a.test/; to 10.0.0.1; expect deny as deny-private }", NULL},
    {"test { GET http://[::1]/; expect deny }", NULL},
    {"test { GET http://10.0.0.1/; to 192.0.2.1; expect allow }", "6:37: the host of the URL is an address already"},
    {"test { GET http://c.test/; expect respond as own status 200 }", NULL},
    {"test { GET https://c.test/; expect respond as own status 403 }", NULL},
    {"test { GET https://c.test/; expect respond as own status 200 }",
     "6:5: expected respond as own status 200, got respond as own status 403"},
    {"test { client-certificate CN=a; GET http://a.test/; expect allow }",
     "6:5: the test shows a certificate of the client, and this block asks for none"},
};

START_TEST(test_forward)
{
    struct text text, answer;
    text_init(&text);
    text_init(&answer);
    text_printf(
        &text,
        "forward f {\n    listen 127.0.0.1:3128\n    deny status 451 if host(b.test)\n"
        "    allow as a if source(127.0.0.0/8) and not host(c.test); respond as own 200 body c if host(c.test)\n\n    %s\n}\n",
        rows[_i].test);
    told(text.at, &answer);
    if (rows[_i].why == NULL)
        ck_assert_msg(answer.len == 0 || strstr(answer.at, "expected") == NULL, "%s", answer.at);
    else
        ck_assert_msg(answer.len > 0 && strstr(answer.at, rows[_i].why) != NULL, "%s", answer.at);
    text_fini(&answer);
    text_fini(&text);
}
END_TEST

Suite *suite_policy_test(void)
{
    Suite *suite = suite_create("policy_test");
    TCase *tests = tcase_create("policy_test");
    tcase_add_loop_test(tests, test_forward, 0, (int)lengthof(rows));
    suite_add_tcase(suite, tests);
    return suite;
}
