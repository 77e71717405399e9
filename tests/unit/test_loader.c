#include "tests/unit/conf_kit.h"
#include "tests/unit/default_limits.h"

#include "base/object.h"

#include <dirent.h>
#include <sys/stat.h>

Suite *suite_loader(void);

#define SITE "reverse site { listen 127.0.0.1:8080; to 127.0.0.1:9000 }\n"
#define OFFICE(rules) "forward office {\n listen 127.0.0.1:3128\n" rules "\n}\n"

static const struct kit_file files[] = {
    {"/t/ads.txt", "ads.example\nevil.example\n"},
    {"/t/sorry.html", "<h1>$status</h1> $$5"},
    {"/t/bad.html", "<h1>\n  $hots</h1>"},
    {"/t/hello.txt", "hello $host"},
    {"/t/www", NULL},
    {"/t/inc.conf", SITE},
    {"/t/loop.conf", "include loop2.conf\n"},
    {"/t/loop2.conf", "include loop.conf\n"},
    {"/t/wrong.conf", "threads 1\nthraeds 2\n"},
    {"/t/unclosed.conf", "pool x {\n"},
    {NULL, NULL},
};

/* Whole files. */

START_TEST(test_reverse)
{
    struct kit kit = {0};
    const struct config *config = kit_load(
        &kit,
        "threads 3\ncontrol run/control.sock group admin\nuser www\nlog off\n"
        "pool origin { server 127.0.0.1:9000 weight 5; server b.example { backup; max-connections 7 }; connections 512 }\n"
        "reverse site {\n listen 127.0.0.1:8080 forwarded from 10.0.0.0/8\n listen :81\n host a.example *.b.example\n"
        " pool origin\n limits { body-size 1M }\n timeouts { response 5s }\n websocket off\n"
        " error-page 502 503 sorry.html\n files-are-not-here off\n}\n",
        files);
    ck_assert_ptr_null(config);
    kit_fini(&kit);
    config = kit_load(
        &kit,
        "threads 3\ncontrol run/control.sock group admin\nuser www\nlog off\n"
        "pool origin { server 127.0.0.1:9000 weight 5; server b.example { backup; max-connections 7 }; connections 512 }\n"
        "reverse site {\n listen 127.0.0.1:8080 forwarded from 10.0.0.0/8\n"
        " listen :81 proxy-protocol from 10.0.0.1 2001:db8::/32\n host a.example *.b.example\n"
        " pool origin\n limits { body-size 1M }\n timeouts { response 5s }\n websocket off\n"
        " error-page 502 503 sorry.html\n"
        " deny as x status 404 if path(/x/*)\n"
        " route /a/* { to c.example:1 d.example:2; timeouts { connect 1s } }\n route * { forwarded-fields both; files www }\n}\n",
        files);
    ck_assert_msg(config != NULL, "%s", text_str(&kit.shown).at);
    ck_assert_uint_eq(config->process.threads, 3);
    ck_assert_str_eq(config->process.control, "/t/run/control.sock");
    ck_assert_str_eq(config->process.control_group, "admin");
    ck_assert_str_eq(config->process.user, "www");
    ck_assert(config->log_is_off && config->log_count == 0);
    ck_assert_uint_eq(config->pool_count, 2);
    const struct pool_conf *pool = config->pools[0];
    ck_assert_uint_eq(pool->connections, 512);
    ck_assert_int_eq(pool->proxy_header, PROXY_HEADER_OFF);
    ck_assert_uint_eq(pool->server_count, 2);
    ck_assert_uint_eq(pool->servers[0].weight, 5);
    ck_assert(pool->servers[1].is_backup && !pool->servers[1].is_down && pool->servers[1].max_connections == 7);
    ck_assert_uint_eq(pool->servers[1].weight, 1);
    const struct reverse_conf *site = &config->reverses[0];
    ck_assert_uint_eq(config->reverse_count, 1);
    ck_assert_str_eq(site->place_text.at, "main.conf:6");
    ck_assert(site->listen_count == 2 && site->listens[1].is_dual && site->listens[0].forwarded_from->count == 1);
    ck_assert(site->listens[0].proxied_from == NULL && site->listens[1].proxied_from->count == 2);
    ck_assert(site->host_count == 2 && site->hosts[1].kind == HOST_BELOW);
    ck_assert(site->settings.serve.kind == SERVE_POOL && site->settings.serve.pool == pool);
    ck_assert(site->settings.limits.body_size == 1 << 20 && site->settings.limits.header_size == 32768);
    ck_assert(site->settings.timeouts.response == 5000 && site->settings.timeouts.connect == 3000);
    ck_assert(config->timeouts.response == 60000 && config->limits.body_size == UINT64_MAX);
    ck_assert(!site->settings.websocket && site->settings.conceal && site->settings.forwarded == FORWARDED_X);
    ck_assert(site->settings.error_pages.count == 2 && site->settings.error_pages.at[1].status == 503);
    ck_assert(site->rules.count == 1 && site->rules.at[0].status == 404 && site->rules.at[0].is_named);
    ck_assert_str_eq(site->rules.at[0].place_text.at, "main.conf:15");
    ck_assert_uint_eq(site->route_count, 2);
    const struct reverse_settings *a = &site->routes[0].settings, *rest = &site->routes[1].settings;
    ck_assert(a->serve.pool == config->pools[1] && a->serve.pool->server_count == 2 &&
              a->serve.pool->connections == 256);
    ck_assert(a->timeouts.connect == 1000 && a->timeouts.response == 5000 && a->limits.body_size == 1 << 20);
    ck_assert(a->error_pages.count == 2 && !a->websocket);
    ck_assert(rest->serve.kind == SERVE_FILES && rest->serve.files_fd >= 0 && rest->forwarded == FORWARDED_BOTH);
    ck_assert_str_eq(rest->serve.files, "/t/www");
    kit_fini(&kit);
}
END_TEST

START_TEST(test_forward)
{
    struct kit kit = {0};
    const struct config *config = kit_load(
        &kit,
        "list ads { file ads.txt optional none.txt; exact on; bad-lines 5% }\n"
        "acl staff source 10.0.0.0/8\n"
        "resolver { nameserver 192.0.2.1 [2001:db8::1]:5353; prefer ipv6; max-ttl 1h }\n"
        "log access { to file access.log; format squid; redact X-Key }\n"
        "log { format \"$host $status\" }\n"
        "forward office {\n listen 10.0.0.1:3128\n ports 80\n deny-private except 10.1.0.0/16\n"
        " acl boss source 10.9.9.9\n"
        " log access if boss\n deny reason \"No $host.\" if listed(ads)\n"
        " allow as staff if staff and not boss or destination(192.0.2.0/24)\n"
        " test { from 10.1.2.3; at \"2026-11-24 10:00\"; header \"Accept: x\"; to 192.0.2.7; GET http://x.example/; "
        "expect allow as staff status 200 }\n}\n",
        files);
    ck_assert_msg(config != NULL, "%s", text_str(&kit.shown).at);
    const struct forward_conf *office = &config->forwards[0];
    ck_assert_uint_eq(config->list_count, 1);
    ck_assert(config->lists[0].compiled != NULL && config->lists[0].file_count == 2 &&
              config->lists[0].files[1].optional);
    ck_assert(config->lists[0].exact == 1 && config->lists[0].bad_percent == 5);
    ck_assert(config->resolver.nameserver_count == 2 && config->resolver.prefer == PREFER_IPV6);
    ck_assert(config->resolver.max_ttl == 3600000 && config->resolver.timeout == 3000 &&
              config->resolver.cache_size == 10000);
    ck_assert_str_eq(config->resolver.hosts, "/etc/hosts");
    ck_assert(config->log_count == 2 && config->logs[0].format == LOG_SQUID && config->logs[1].format == LOG_TEMPLATE);
    ck_assert_str_eq(config->logs[0].path, "/t/access.log");
    ck_assert(config->logs[0].redact_count == 1 && str_eq(config->logs[0].redact[0], STR("x-key")));
    ck_assert(config->logs[1].to == LOG_STDOUT && config->logs[1].index == 1);
    ck_assert(office->ports.count == 1 && office->tunnel_ports.count == 1 && office->tunnel_ports.at[0].from == 443);
    ck_assert(office->deny_private && office->private_except.count == 1 && office->conceal);
    ck_assert_uint_eq(office->rules.count, 3);
    ck_assert(office->rules.at[0].log == &config->logs[0] && office->rules.at[1].status == 403 &&
              office->rules.at[1].has_text);
    ck_assert_str_eq(office->rules.at[1].name.at, "main.conf:12");
    const struct expression *when = office->rules.at[2].when;
    ck_assert(when->op == EXPRESSION_OR && when->left->op == EXPRESSION_AND && when->phase == PHASE_DIAL);
    ck_assert(str_eq(when->left->left->name, STR("staff")) &&
              str_eq(when->right->name, STR("destination(192.0.2.0/24)")));
    ck_assert_uint_eq(config->test_count, 1);
    const struct test_conf *test = &config->tests[0];
    ck_assert(test->forward == office && test->reverse == NULL && test->from.version == 4 && test->to.version == 4);
    ck_assert(str_eq(test->method, STR("GET")) && str_eq(test->url, STR("http://x.example/")) &&
              test->header_count == 1);
    ck_assert(test->expect == EXPECT_ALLOW && str_eq(test->expect_rule, STR("staff")) && test->expect_status == 200);
    kit_fini(&kit);
}
END_TEST

START_TEST(test_paths_and_files)
{
    static const char *const paths[] = {"/etc/hosts", "/t/ads.txt", "/t/control.sock", "/t/x/y.log"};
    struct kit kit = {.is_shallow = true};
    const struct config *config = kit_load(
        &kit,
        "control ./control.sock\nlist a { file ./x/../ads.txt ads.txt }\nlog l { to file x//y.log }\n"
        "include inc.conf\n",
        files);
    ck_assert_msg(config != NULL, "%s", text_str(&kit.shown).at);
    for (size_t i = 0; i < 4; i++)
        ck_assert_str_eq(config->paths[i], paths[i]);
    ck_assert_ptr_null(config->paths[4]);
    ck_assert_str_eq(config->files[0], "/t/inc.conf");
    ck_assert_ptr_null(config->files[1]);
    ck_assert_str_eq(config->path.at, KIT_MAIN);
    ck_assert_ptr_null(config->lists[0].compiled);
    kit_fini(&kit);
}
END_TEST

START_TEST(test_no_log_is_stdout)
{
    struct kit kit = {0};
    const struct config *config = kit_load(&kit, SITE, files);
    ck_assert(config != NULL && config->log_count == 1 && !config->log_is_off);
    ck_assert(config->logs[0].to == LOG_STDOUT && config->logs[0].format == LOG_COMBINED);
    ck_assert(config->reverses[0].hosts[0].kind == HOST_DEFAULT);
    kit_fini(&kit);
}
END_TEST

/* What the program uses where no configuration speaks, and what tests of parsers use, is what the table has. */
START_TEST(test_limits_of_messages)
{
    struct kit kit = {0};
    const struct config *config = kit_load(&kit, SITE, files);
    ck_assert_msg(config != NULL, "%s", text_str(&kit.shown).at);
    const struct limits *table = &config->limits;
    ck_assert_uint_eq(table->uri_size, default_limits.uri_size);
    ck_assert_uint_eq(table->header_size, default_limits.header_size);
    ck_assert_uint_eq(table->field_size, default_limits.field_size);
    ck_assert_uint_eq(table->header_count, default_limits.header_count);
    ck_assert_uint_eq(table->body_size, default_limits.body_size);
    ck_assert_uint_eq(table->chunk_line, default_limits.chunk_line);
    ck_assert_uint_eq(table->chunk_overhead, default_limits.chunk_overhead);
    ck_assert_uint_eq(table->trailer_size, default_limits.trailer_size);
    ck_assert_uint_eq(table->trailer_count, default_limits.trailer_count);
    kit_fini(&kit);
}
END_TEST

START_TEST(test_shared_lists)
{
    struct kit kit = {0};
    static const char text[] = "list a { file ads.txt }\n" OFFICE(" deny if listed(a)\n allow if source(10.0.0.0/8)");
    ck_assert(kit_load(&kit, text, files) != NULL);
    struct conf_options options = {.text = str_of(text)};
    struct config *again = conf_load(KIT_MAIN, &options, &kit.opener, kit.config, &kit.diag);
    ck_assert(again != NULL && again->lists[0].compiled != NULL);
    config_ref(again);
    config_unref(again);
    kit_fini(&kit);
    config_unref(again);
}
END_TEST

/* Mistakes. */

static const struct {
    const char *text;
    const char *says;
} mistakes[] = {
    /* one of each kind that an administrator is promised */
    {"\nreverse site {\n    listen 127.0.0.1:8080\n    to 127.0.0.1:9000\n\n    concel on\n}\n",
     "6:5 did you mean 'conceal'"},
    {"pool app { server 127.0.0.1:9000 }\nreverse site {\n    pool apq\n    listen 127.0.0.1:8080\n}\n",
     "3:10 did you mean 'app'"},
    {"list ads { file does-not-exist.txt }\n" OFFICE("deny if listed(ads); allow if source(10.0.0.0/8)"),
     "1:17 does-not-exist.txt"},
    {"\nreverse site {\n listen 127.0.0.1:8080\n to 127.0.0.1:9000\n", "2:14 not closed"},
    {"timeouts { connect 5s; response 30 }\n" SITE, "1:33 unit"},
    {"reverse site {\n listen 127.0.0.1:8080\n redirect https://$host$uri if destination(10.0.0.0/8)\n to 127.0.0.1:9000\n}\n",
     "3:32 dial"},
    {OFFICE(" deny if source(10.0.0.0/8 and port(80)\n allow"), "3:28 expected"},
    {"acl office source 10.0.0.0/33\nreverse site { listen 127.0.0.1:8080; to 127.0.0.1:9000; deny if not office }\n",
     "1:19 10.0.0.0/33"},
    {"pool app { server 127.0.0.1:9001; balance rond-robin }\nreverse x { listn 127.0.0.1:8080\n to 127.0.0.1:99999\n}\n",
     "1:43 rond-robin|2:13 listn|3:5 port"},
    /* unknown, misplaced, repeated */
    {"compress gzip\n" SITE, "1:1 unknown directive 'compress' at the top level"},
    {"listen :80\n" SITE, "1:1 'listen' does not belong at the top level"},
    {"threads 1\nthreads 2\n" SITE, "2:1 the first is in line 1"},
    {"reverse site { listen :80; to a; conceal on; conceal off }\n", "1:46 a second 'conceal' in a reverse block"},
    {"pool a { server b }\npool a { server c }\nreverse s { listen :80; pool a }\n", "2:6 a second pool 'a'"},
    {"reverse s { listen :80; to a }\nreverse s { listen :81; to a }\n", "2:9 a second reverse block 's'"},
    {"reverse s { listen :80; to a; pool b }\npool b { server c }\n",
     "1:31 one of 'to', 'pool' and 'files' serves a block"},
    {"reverse s { listen :80; to a; files www }\n", "1:31 the first is in line 1"},
    {"include inc.conf\nreverse site { listen :81; to a }\n", "2:9 a second reverse block 'site'"},
    {"cache main { memory 64M }\n" SITE, "1:1 unknown directive 'cache'"},
    {"reverse s { listen :443 tlss; to a }\n", "1:25 unexpected 'tlss' in 'listen'"},
    {"reverse s { listen :443 tls; to a }\n", "1:20 's' has no certificate to speak TLS with"},
    {"reverse s { listen :443 tls; certificate a.pem; to a }\n", "1:42 'certificate' names one file, and needs two"},
    {"reverse s { listen :443 tls; certificate self-signed x; to a }\n", "1:54 unexpected 'x' after 'self-signed'"},
    {"reverse s { listen :443 tls; certificate self-signed { }; to a }\n", "1:54 only 'certificate auto' has a block"},
    {"reverse s { listen :443 tls; certificate self-signed; certificate a.pem a.key; to a }\n",
     "1:67 are for a block without another certificate"},
    {"reverse s { listen :443 tls; host a.example; certificate auto; to a }\n",
     "1:58 nothing is ordered before you agree to the authority's terms"},
    {"reverse s { listen :443 tls; host a.example; certificate auto { agree-terms off }; to a }\n",
     "1:58 write: certificate auto { email ADDRESS; agree-terms on }"},
    {"reverse s { listen :443 tls; certificate auto { agree-terms on }; to a }\n",
     "1:42 'certificate auto' in a block without 'host'"},
    {"reverse s { listen :443 tls; host default; certificate auto { agree-terms on }; to a }\n",
     "1:35 'certificate auto' in a block for all the rest"},
    {"reverse s { listen :443 tls; host a.example *.a.example .b.example; certificate auto { agree-terms on }; to a }\n",
     "1:45 cannot order for '*.a.example'|1:57 its challenges prove single names"},
    {"reverse s { listen :443 tls; host 192.0.2.1; certificate auto { agree-terms on }; to a }\n",
     "1:35 orders for names, and '192.0.2.1' is an address"},
    {"forward s { listen :443 tls; certificate auto { agree-terms on }; deny; allow if method(GET) }\n",
     "1:42 'certificate auto' is for the hosts of a reverse block"},
    {"reverse s { listen :443 tls; host a.example; certificate auto { agree-terms on; email admin; directory http://x/ }; to a }\n",
     "1:87 'admin' is no address of mail|1:104 'http://x/' is no URL of an authority: it begins with https://"},
    {"reverse s { listen :443 tls; host a.example; certificate auto { agree-terms on; email -x@y; directory \"https://\" }; to a }\n",
     "1:87 '-x@y' is no address of mail|1:103 'https://' is no URL of an authority"},
    {"reverse s { listen :443 tls; host a.example; certificate auto { agree-terms on }; to a }\n"
     "reverse t { listen :444 tls; host a.example b.example; certificate auto { agree-terms on }; to a }\n",
     "2:68 two orders whose first host is 'a.example' have different hosts"},
    {"pool a { server b; health-check tcp { interval 1s } }\nreverse s { listen :80; pool a }\n",
     "1:20 unknown directive 'health-check' in a pool block"},
    {OFFICE(" login basic file x\n allow if source(10.0.0.0/8)"), "3:2 unknown directive 'login'"},
    {"list a { file ads.txt; url http://x/ }\n" OFFICE(" deny if listed(a)\n allow if source(10.0.0.0/8)"),
     "1:24 unknown directive 'url'"},
    {"geoip /var/lib/x\n" SITE, "1:1 unknown directive 'geoip'"},
    /* the form of a statement */
    {"threads\n" SITE, "1:1 'threads' is not complete"},
    {"threads 1 2\n" SITE, "1:11 unexpected '2' in 'threads'"},
    {"log off threads 1\n" SITE, "1:9 a ';' is missing before it"},
    {"threads 1 { }\n" SITE, "1:11 'threads' has no block"},
    {"pool a\nreverse s { listen :80; pool a }\n", "1:1 'pool' needs a block"},
    {"{ threads 1 }\n" SITE, "1:1 a '{' without a directive before it"},
    {"threads 1\n}\n" SITE, "2:1 this '}' closes nothing"},
    {"threads 0\nlimits { header-size 1B }\n" SITE, "1:9 out of range: 1 to 256|2:22 out of range: 1k to 1M"},
    {"limits { field-size 64k }\n" SITE, "1:1 field-size is above header-size"},
    {"limits { header-size 8k; field-size 16k }\n" SITE, "1:1 field-size is above header-size"},
    {"reverse s { listen :80 if source(10.0.0.0/8); to a }\n", "1:24 only rules and routes have conditions"},
    {"reverse s { listen :80; \"to\" a }\n", "1:25 write it without quotes"},
    {"reverse s { listen :80; to a; respond 200 body \"x }\n threads 1\n}\n", "1:48 a quote that is not closed"},
    {"reverse s { listen :80; to a; respond 200 body \"x }\n", "1:48 a quote that is not closed"},
    {"limits { body-size \"1M; memory {\n}\n}\n" SITE, "1:20 a quote that is not closed"},
    {"reverse s { listen :80; to a; respond 200 body \"x\"y }\n", "1:51 missing blank after a closing quote"},
    {"acl a source ${env.LOADER_NONE}\nreverse s { listen :80; to a; deny if a }\n", "1:14 the environment variable"},
    {"reverse s { listen :${env.LOADER_NONE}; to ${env.LOADER_NONE} }\n", "1:21 the environment|1:44 the environment"},
    {"threads ${env.LOADER_NONE}\n" SITE, "1:9 the environment variable 'LOADER_NONE' is not set"},
    /* pools */
    {"pool a { }\nreverse s { listen :80; pool a }\n", "1:6 pool 'a' has no server"},
    {"pool a { server b wieght 2 }\nreverse s { listen :80; pool a }\n", "1:19 did you mean 'weight'?"},
    {"pool a { server b weight 2 { weight 3 } }\nreverse s { listen :80; pool a }\n", "1:30 a second 'weight'"},
    {"pool a { server b weight }\nreverse s { listen :80; pool a }\n", "1:19 'weight' is not complete"},
    /* lists, acls, logs */
    {"list a { }\n" OFFICE(" deny if listed(a)\n allow if source(10.0.0.0/8)"), "1:6 list 'a' has no file"},
    {"list a { file optional }\n" OFFICE(" deny if listed(a)\n allow if source(10.0.0.0/8)"),
     "1:15 'optional' stands before a path"},
    {"acl source host a.example\n" SITE, "1:5 'source' is a kind of condition"},
    {"acl and host a.example\n" SITE, "1:5 is a word of the language"},
    {"acl a hots a.example\n" SITE, "1:7 did you mean 'host'?"},
    {"acl a host a.example\nacl a host b.example\n" SITE, "2:5 a second acl 'a'"},
    {"acl a host a.example\n" OFFICE(" acl a host b.example\n allow if a"), "4:6 a second acl 'a'"},
    {OFFICE(" acl a host b.example\n allow if a") "forward b { listen 127.0.0.1:1; allow if a }\n",
     "6:42 unknown condition 'a'"},
    {"log off\nlog a { }\n" SITE, "1:5 'log off' beside a log"},
    {"log a { to fiel x }\n" SITE, "1:12 did you mean 'file'?"},
    {"log a { to file }\n" SITE, "1:12 'file' needs a path"},
    {"log a { to syslog log.example:514 }\n" SITE, "1:19 the address of a syslog"},
    {"log a { format \"$hots\" }\n" SITE, "1:17 did you mean '$host'?"},
    {"log a { format jason }\n" SITE, "1:16 did you mean 'json'?"},
    {"log acess { }\nreverse s { listen :80; to a; log access }\n", "2:35 did you mean 'acess'?"},
    /* blocks */
    {"reverse s { to a }\n", "1:9 's' listens nowhere"},
    {"forward s { listen 127.0.0.1:3128 }\n", "1:9 has no 'allow'"},
    {"reverse s { listen :80; host a.example; to a }\nreverse t { listen :80; host b.example a.example; to a }\n",
     "2:40 'a.example' is served on [::]:80 already"},
    {"reverse s { listen :80; to a }\nreverse t { listen :80; to a }\n", "2:9 a second block for the rest"},
    {"reverse s { listen :80; host x.example; to a }\nreverse t { listen :80 forwarded from 10.0.0.0/8; to a }\n",
     "2:20 must agree on what follows"},
    {"reverse s { listen :80 forwarded from 10.0.0.0/8; host x.example; to a }\n"
     "reverse t { listen :80 proxy-protocol from 10.0.0.0/8; to a }\n",
     "2:20 must agree on what follows"},
    {"reverse s { listen unix:/s proxy-protocol from 10.0.0.0/8; to a }\n", "1:28 has no address that 'from'"},
    {"reverse s { listen :80 proxy-protocol from 10.0.0.0/8 forwarded from 10.0.0.0/8; to a }\n",
     "1:55 'forwarded' after 'proxy-protocol'"},
    {"reverse s { listen :80 proxy-protocol 10.0.0.0/8 10.0.0.0/8; to a }\n", "1:39 write: proxy-protocol from CIDR"},
    {"reverse s { listen :80 proxy-protocol from 10.0.0.1/8; to a }\n", "1:44 bits behind the prefix"},
    {"pool p { server a; proxy-protocol v3 }\nreverse s { listen :80; pool p }\n",
     "1:35 is no value of 'proxy-protocol'"},
    {"reverse s { listen :80; host x.example; to a }\nreverse t { listen :80; to a; limits { header-size 64k } }\n",
     "2:20 must agree on the limits"},
    {"reverse s { listen 127.0.0.1:3128; to a }\n" OFFICE("allow if source(10.0.0.0/8)"),
     "3:9 a forward block has its addresses to itself"},
    {"reverse s { listen :80; to a }\nreverse t { listen 0.0.0.0:80; to a }\n", "2:20 listened on twice"},
    {"reverse s { listen :80; listen :80; to a }\n", "1:32 a second 'listen' on the same address"},
    {"reverse s { listen :80; to a; route a/* { } }\n", "1:37 a path begins with '/'"},
    {"reverse s { listen :80; to a; route /a { }\n deny if path(/x) }\n", "2:2 rules stand before the first route"},
    {"reverse s { listen :80; files nowhere }\n", "1:31 cannot open the folder 'nowhere'"},
    {"reverse s { listen :80; to a; limits { memory 64M } }\n",
     "1:40 'memory' does not belong in the limits of a reverse or forward block"},
    {"reverse s { listen :80; to a; route * { limits { uri-size 4k } } }\n",
     "1:50 'uri-size' does not belong in the limits of a route"},
    {OFFICE(" deny-private except\n allow if source(10.0.0.0/8)"), "3:15 'except' needs a range"},
    {OFFICE(" ports 80 0\n allow if source(10.0.0.0/8)"), "3:11 expected a port"},
    {OFFICE(" listen 127.0.0.1:1 forwarded from 10.0.0.0/8\n allow if source(10.0.0.0/8)"),
     "3:21 'forwarded' does not belong in a forward block"},
    /* pages */
    {"reverse s { listen :80; to a; error-page 502 none.html }\n", "1:46 cannot read 'none.html'"},
    {"reverse s { listen :80; to a; error-page 302 sorry.html }\n", "1:42 out of range"},
    {"reverse s { listen :80; to a; error-page 502 sorry.html; error-page 502 sorry.html }\n",
     "1:69 a second page for 502"},
    /* rules */
    {"reverse s { listen :80; to a; deny as }\n", "1:36 a name is missing"},
    {"reverse s { listen :80; to a; deny as if path(/x) }\n", "1:36 a name is missing"},
    {"reverse s { listen :80; to a; deny staus 404 }\n", "1:36 did you mean 'status'?"},
    {"reverse s { listen :80; to a; deny status 302 }\n", "1:43 out of range: 400 to 599"},
    {"reverse s { listen :80; to a; redirect http://x/ status 200 }\n", "1:57 '200' is no value of 'status'"},
    {"reverse s { listen :80; to a; deny reason \"$hots\" }\n", "1:44 unknown variable"},
    {"reverse s { listen :80; to a; respond 200 body x file hello.txt }\n", "1:31 'respond' has a body and a file"},
    {"reverse s { listen :80; respond 200 type \"text/\\nhtml\" body x }\n", "1:42 expected a media type"},
    {"reverse s { listen :80; respond 200 type \"text/html;\\nx-a: b\" body x }\n", "1:42 expected a media type"},
    {"reverse s { listen :80; respond 200 type html body x }\n", "1:42 expected a media type"},
    {"reverse s { listen :80; respond 200 type \"\" body x }\n", "1:42 expected a media type"},
    {"reverse s { listen :80; to a; set-header response x-a \"b\\nc\"; add-header request x-a \"\\n\" }\n",
     "1:55 neither line feeds|1:86 neither line feeds"},
    {"reverse s { listen :80; to a; set-header request content-length 5 }\n",
     "1:50 no rule may touch 'content-length'"},
    {"reverse s { listen :80; to a; remove-header response t* }\n", "1:54 no rule may touch 'transfer-encoding'"},
    {"reverse s { listen :80; to a; remove-header request host }\n", "1:53 a request needs its Host"},
    {"reverse s { listen :80; to a; add-header request Host x }\n", "1:50 one Host field only"},
    {"reverse s { listen :80; to a; set-header answer x y }\n", "1:42 expected 'request' or 'response'"},
    {"reverse s { listen :80; to a; rewrite path ^/(a $1 }\n", "1:48 no regular expression"},
    {"reverse s { listen :80; to a; rewrite path ^/a /$1 }\n", "1:49 has no such group"},
    {"reverse s { listen :80; to a; rewrite url ^/a / }\n", "1:39 only the path is rewritten"},
    {"reverse s { listen :80; to a; deny if path(a) and source(10.0.0.0/33) or nope(x y) and (nix or destination(::1)) }\n",
     "1:44 matches no path|1:58 10.0.0.0/33|1:74 'nope'|1:89 'nix'|1:96 dial"},
    {"reverse s { listen :80; to a; deny if !path(/a) and path(b); deny if foo bar; deny if source 10.0.0.0/8 }\n",
     "1:39 write 'not path'|1:58 matches no path|1:70 'foo'|1:87 'source' needs a value"},
    /* tests */
    {OFFICE(" allow if source(10.0.0.0/8)\n test { expect allow }"), "4:2 this test has no request"},
    {OFFICE(" allow if source(10.0.0.0/8)\n test { GET http://x/ }"), "4:2 this test expects nothing"},
    {OFFICE(" allow if source(10.0.0.0/8)\n test { GET /x; expect alow }"),
     "4:13 expected a URL|4:24 did you mean 'allow'?"},
    {OFFICE(" allow if source(10.0.0.0/8)\n test { GET http://x/; at \"2026-11-24\"; expect allow }"),
     "4:27 expected a date and a time"},
    {"reverse s { listen :80; to a; test { to 192.0.2.1; GET http://x/; expect allow } }\n",
     "1:38 a reverse block goes to its own servers"},
    {OFFICE(" allow if source(10.0.0.0/8)\n test { GET http://x/; at yesterday; expect allow; user x }"),
     "4:27 expected a date|4:52 'user' does not belong in a test block"},
    /* includes */
    {"include none.conf\n" SITE, "1:9 cannot read '/t/none.conf'"},
};

START_TEST(test_mistakes)
{
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++)
        kit_check_mistakes(mistakes[i].text, mistakes[i].says, files);
}
END_TEST

START_TEST(test_mistakes_elsewhere)
{
    struct kit kit = {0};
    ck_assert_ptr_null(kit_load(&kit, "include loop.conf\n" SITE, files));
    ck_assert(kit.diag.errors == 1 && kit_says(&kit, "/t/loop2.conf", STR("1:9 a loop of includes")));
    kit_fini(&kit);
    ck_assert_ptr_null(kit_load(&kit, "include wrong.conf\n" SITE, files));
    ck_assert(kit.diag.errors == 1 && kit_says(&kit, "/t/wrong.conf", STR("2:1 did you mean 'threads'?")));
    kit_fini(&kit);
    ck_assert_ptr_null(kit_load(&kit, "include unclosed.conf\n" SITE, files));
    ck_assert(kit.diag.errors == 1 && kit_says(&kit, "/t/unclosed.conf", STR("1:8 not closed")));
    kit_fini(&kit);
    ck_assert_ptr_null(kit_load(&kit, "reverse s { listen :80; to a; deny page bad.html }\n", files));
    ck_assert(kit.diag.errors == 1 && kit_says(&kit, "bad.html", STR("2:3 unknown variable")));
    kit_fini(&kit);
    ck_assert_ptr_null(kit_load(&kit, "pool x { server a; }; pool y { server", files));
    ck_assert(kit_says(&kit, KIT_MAIN, STR("1:30 not closed")));
    kit_fini(&kit);
}
END_TEST

START_TEST(test_bounds)
{
    struct text text;
    struct kit kit = {0};
    text_init(&text);
    for (int i = 0; i < 1000; i++)
        text_printf(&text, "unknown-%d {\n", i);
    ck_assert_ptr_null(kit_load(&kit, text_str(&text).at, files));
    ck_assert_uint_lt(kit.diag.errors, 50);
    kit_fini(&kit);
    text_clear(&text);
    for (int i = 0; i < 1000; i++)
        text_printf(&text, "unknown-%d\n", i);
    ck_assert_ptr_null(kit_load(&kit, text_str(&text).at, files));
    ck_assert_uint_le(kit.diag.errors, 201);
    kit_fini(&kit);
    text_fini(&text);
    ck_assert_ptr_null(kit_load(&kit, "threads 1\x01\n" SITE, files));
    kit_fini(&kit);
}
END_TEST

START_TEST(test_good_forms)
{
    static const char *const texts[] = {
        "reverse s {\n listen :80\n to a\n};\n;;",
        "reverse s { listen :80; to a } pool p { server b; } reverse t { listen :81; pool p }",
        ("limits { memory auto; body-size off; connections 10; min-rate off }\ntimeouts { drain 0 }\n" SITE),
        "reverse s { listen unix:/tmp/s.sock; respond 200 type text/html body \"<p>$host</p>\" if host(a.example) }\n",
        "reverse s { listen :80; respond 200 type \"text/html; charset=utf-8\" body x }\n",
        "reverse s { listen :80; to a; set-header response x-a \"b\\tc é\" }\n",
        "reverse s { listen :80; respond as x 200 file hello.txt }\n",
        "reverse s { listen :80; respond 204 }\n",
        "reverse s { listen :80; to a; set-header request host b.example; remove-header response x-*; rewrite path ^/(a)/(.*)$ /$2/$1 }\n",
        "reverse s { listen :80; to a; deny page sorry.html status 451 reason \"because\" if response-type(image/*) }\n",
        "reverse s { listen :80; host a.example; to a }\nreverse t { listen :80; host .a.example default; to a }\n",
        "reverse s { listen :80; to a; route /x/* if method(POST) { deny if not header(x-key) ; websocket off }\n route * { } }\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        kit_check_loads(texts[i], files);
}
END_TEST

START_TEST(test_warnings)
{
    kit_check_warnings("reverse s { listen :80; to a; route /x { pool off } }\n", "1:37 nothing serves this route",
                       files);
    kit_check_warnings("pool p { server a }\nacl x host a.example\nlist l { file ads.txt }\n" SITE,
                       "1:6 nothing uses the pool 'p'|2:5 nothing uses the acl 'x'|3:6 nothing uses the list 'l'",
                       files);
    kit_check_warnings("forward f { listen :3128; acl x host a.example; allow }\n",
                       "1:31 nothing uses the acl|1:49 an open proxy", files);
    kit_check_warnings("forward f { listen 127.0.0.1:3128; allow }\n", "", files);
    kit_check_warnings("forward f { listen :3128; allow if source(10.0.0.0/8) }\n", "", files);
    kit_check_warnings("forward f { listen :3128; deny if not source(10.0.0.0/8)\n allow }\n", "", files);
    kit_check_warnings("forward f { listen :3128; allow if host(a.example) }\n", "", files);
    kit_check_warnings("forward f { listen :3128; deny if not host(a.example)\n allow }\n", "", files);
    kit_check_warnings("forward f { listen :3128; deny if source(10.0.0.0/8)\n allow }\n", "2:2 an open proxy", files);
    kit_check_warnings("forward f { listen :3128; allow if source(10.0.0.0/8)\n allow if method(GET) }\n",
                       "2:2 an open proxy", files);
    kit_check_warnings("forward f { listen :3128; allow if source(10.0.0.0/8) or method(GET) }\n", "1:27 an open proxy",
                       files);
    kit_check_warnings("forward f { listen :3128; allow if source(::/0 10.0.0.0/8) }\n", "1:27 an open proxy", files);
    kit_check_warnings("acl all source 0.0.0.0/0\nforward f { listen :3128; allow if all }\n", "2:27 an open proxy",
                       files);
    kit_check_warnings("forward f { listen :3128; allow if source(0.0.0.0/1 128.0.0.0/1) }\n", "1:27 an open proxy",
                       files);
    kit_check_warnings("forward f { listen :3128; allow if not (not source(10.0.0.0/8) or port(80)) }\n", "", files);
    kit_check_warnings("reverse s { listen :80 }\n", "1:9 nothing serves 's'", files);
    kit_check_warnings("reverse s { listen :80; to a; route * { }; route /x { } }\n", "1:50 never reached", files);
    kit_check_warnings(
        "reverse s { listen :80; deny if path(/x); redirect https://b/; route /a { to a } route /b { to a } }\n",
        "1:70 this route is never reached: 'main.conf:1'", files);
    kit_check_warnings("reverse s { listen :80; allow; to a; route /a { } }\n", "", files);
    kit_check_warnings("reverse s { listen :80; host a.example; certificate self-signed; to a }\n",
                       "1:53 no 'listen' of this block speaks TLS", files);
    kit_check_warnings("reverse s { listen :80; to a; route /a/* { }; route /a { }; route /ab { } }\n",
                       "1:53 never reached", files);
    kit_check_warnings("pool p { server a down }\nreverse s { listen :80; pool p }\n",
                       "1:6 all servers of pool 'p' are down", files);
    kit_check_warnings("threads 1\n", "1:1 this configuration serves nothing", files);
}
END_TEST

START_TEST(test_strict)
{
    struct kit kit = {0};
    struct conf_options options = {.text = STR("pool p { server a }\n" SITE)};
    kit.opener.open = kit_open;
    diag_init(&kit.diag);
    kit.diag.strict = true;
    ck_assert_ptr_null(conf_load(KIT_MAIN, &options, &kit.opener, NULL, &kit.diag));
    diag_fini(&kit.diag);
}
END_TEST

/* Files on the disk. */

static void put(const char *folder, const char *name, const char *text)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

START_TEST(test_include_globs)
{
    char folder[] = "/tmp/loader-XXXXXX", path[300], inner[300];
    struct diag diag;
    struct conf_options options = {0};
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(inner, sizeof inner, "%s/conf.d", folder);
    ck_assert_int_eq(mkdir(inner, 0700), 0);
    snprintf(path, sizeof path, "%s/main.conf", folder);
    put(folder, "main.conf",
        "include conf.d/*.conf\ninclude none.d/../conf.d/*.cnof\nreverse s { listen :80; include conf.d/to.inc }\n");
    put(inner, "b.conf", "pool b { server b }\n");
    put(inner, "a.conf", "acl a source 10.0.0.0/8\nlist l { file ../list.txt }\n");
    put(inner, ".c.conf", "wrong\n");
    put(inner, "to.inc", "pool b\ndeny if a or listed(l)\n");
    put(folder, "list.txt", "a.example\n");
    diag_init(&diag);
    struct config *config = conf_load(path, &options, opener_direct(), NULL, &diag);
    struct text shown;
    text_init(&shown);
    diag_show(&diag, &shown);
    ck_assert_msg(config != NULL, "%s", text_str(&shown).at);
    size_t count = 0;
    while (config->files[count] != NULL)
        count++;
    ck_assert_uint_eq(count, 4);
    ck_assert_str_eq(config->files[1] + strlen(inner), "/a.conf");
    ck_assert_str_eq(config->files[2] + strlen(inner), "/b.conf");
    ck_assert_str_eq(config->reverses[0].rules.at[0].name.at, "conf.d/to.inc:2");
    text_fini(&shown);
    config_unref(config);
    diag_fini(&diag);
    snprintf(path, sizeof path, "rm -r %s", folder);
    ck_assert_int_eq(system(path), 0);
}
END_TEST

static void check_example(const char *folder, const char *name)
{
    char path[800];
    struct diag diag;
    struct text shown;
    struct conf_options options = {0};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    diag_init(&diag);
    text_init(&shown);
    struct config *config = conf_load(path, &options, opener_direct(), NULL, &diag);
    diag_show(&diag, &shown);
    ck_assert_msg(config != NULL && diag.warnings == 0, "%s", text_str(&shown).at);
    config_unref(config);
    text_fini(&shown);
    diag_fini(&diag);
}

START_TEST(test_examples)
{
    char folder[500];
    const char *data = getenv("TESTDATA");
    snprintf(folder, sizeof folder, "%s/../../conf/examples", data != NULL ? data : "tests/unit");
    DIR *dir = opendir(folder);
    ck_assert_msg(dir != NULL, "no folder %s", folder);
    unsigned count = 0;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        const char *end = strrchr(entry->d_name, '.');
        if (end == NULL || strcmp(end, ".conf") != 0)
            continue;
        check_example(folder, entry->d_name);
        count++;
    }
    closedir(dir);
    ck_assert_uint_ge(count, 6);
}
END_TEST

START_TEST(test_nothing_is_left)
{
    ck_assert_int_eq(object_alive(OBJECT_CONFIG), 0);
    ck_assert_int_eq(object_alive(OBJECT_LIST), 0);
}
END_TEST

Suite *suite_loader(void)
{
    Suite *suite = suite_create("loader");
    TCase *tests = tcase_create("loader");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, test_reverse);
    tcase_add_test(tests, test_forward);
    tcase_add_test(tests, test_paths_and_files);
    tcase_add_test(tests, test_no_log_is_stdout);
    tcase_add_test(tests, test_limits_of_messages);
    tcase_add_test(tests, test_shared_lists);
    tcase_add_test(tests, test_mistakes);
    tcase_add_test(tests, test_mistakes_elsewhere);
    tcase_add_test(tests, test_bounds);
    tcase_add_test(tests, test_good_forms);
    tcase_add_test(tests, test_warnings);
    tcase_add_test(tests, test_strict);
    tcase_add_test(tests, test_include_globs);
    tcase_add_test(tests, test_examples);
    tcase_add_test(tests, test_nothing_is_left);
    suite_add_tcase(suite, tests);
    return suite;
}
