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

#define SERVES "certificate self-signed; respond as ours 200\n"
#define TWO                                                                                                            \
    "reverse r { listen :8443 tls; host a.test; " SERVES "}\n"                                                         \
    "reverse s { listen :8443 tls; listen :8080; " SERVES

/* By which listener it comes in. A scheme is only warned of. */
static const struct row ways[] = {
    {"reverse r { listen :8443 tls; " SERVES "test { GET https://a.test/; expect respond } }", NULL},
    {"reverse r { listen :8443 tls; " SERVES "test { GET https://a.test:9/; expect respond } }", NULL},
    {"reverse r { listen :8443 tls; " SERVES "test { GET http://a.test/; expect respond } }",
     "2:12: warning: none of the block's listeners speaks http"},
    {"reverse r { listen :8080; to b.test\n test { GET https://a.test/; expect allow } }",
     "2:13: warning: none of the block's listeners speaks https"},
    {"reverse r { listen :8080; host a.test; to b.test\n test { GET http://b.test/; expect allow } }",
     "2:13: a request for 'b.test' does not come to this block"},
    {"reverse r { listen :8080; host a.test; to b.test\n test { GET https://b.test/; expect allow } }",
     "2:13: a request for 'b.test' does not come to this block"},
    {"reverse r { listen :8443 tls; " SERVES "test { CONNECT https://a.test/; expect deny status 405 } }", NULL},
    {"reverse r { listen :8080; to b.test\n test { CONNECT https://a.test/; expect deny status 405 } }", NULL},
    /* On one listener another block has the name, on the other it is the rest's. */
    {TWO "test { GET http://a.test/; expect respond } }", NULL},
    {TWO "test { GET https://b.test/; expect respond } }", NULL},
    {TWO "test { GET https://a.test/; expect respond } }",
     "4:12: warning: by https, a request for 'a.test' does not come to this block"},
    /* Where TLS is passed through, an address is no name in the greeting. */
    {"reverse r { listen :8443 tls-passthrough; host a.test; to b.test\n test { GET https://a.test/; expect allow } }",
     NULL},
    {"reverse r { listen :8443 tls-passthrough; to b.test\n test { GET https://192.0.2.1/; expect allow } }", NULL},
    {"reverse r { listen :8443 tls-passthrough; host 192.0.2.1; to b.test\n"
     "test { GET https://192.0.2.1/; expect allow } }",
     "2:12: warning: by https, a request for '192.0.2.1' does not come to this block"},
};

START_TEST(test_ways)
{
    const struct row *row = &ways[_i];
    struct text answer;
    text_init(&answer);
    told(row->test, &answer);
    if (row->why == NULL)
        ck_assert_msg(answer.len == 0, "%s", answer.at);
    else
        ck_assert_msg(answer.len > 0 && strstr(answer.at, row->why) != NULL, "%s: %s", row->test, answer.at);
    text_fini(&answer);
}
END_TEST

Suite *suite_policy_test(void)
{
    Suite *suite = suite_create("policy_test");
    TCase *tests = tcase_create("policy_test");
    tcase_add_loop_test(tests, test_forward, 0, (int)lengthof(rows));
    tcase_add_loop_test(tests, test_ways, 0, (int)lengthof(ways));
    suite_add_tcase(suite, tests);
    return suite;
}
