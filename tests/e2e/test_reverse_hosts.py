"""What the guide says of hosts, routes, rules, pages and concealment in a reverse block, line by line."""
import os, re

import pytest

from lib import Client, Gatehouse, curl, free_port, record_of, run, until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def shared(text, **env):
    """For a fixture of scope module: one gatehouse for many questions."""
    with Gatehouse(text, env) as g:
        yield g


def ask(g, path="/", host="site.test", *fields, method="GET", port=None):
    with Client(port or g.port) as c:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *fields]
        c.send("".join(f"{line}\r\n" for line in lines).encode() + b"\r\n")
        return c.response(head=method == "HEAD")


def block(text, before=""):
    return f"\nlog off\n{before}\nreverse site {{\n    listen 127.0.0.1:${{env.PORT}}\n{text}\n}}\n"


# Which block

HOSTS = """
log off
reverse rest  { listen 127.0.0.1:${env.PORT}; host default;            respond 200 body "rest" }
reverse below { listen 127.0.0.1:${env.PORT}; host *.b.example;        respond 200 body "below" }
reverse suff  { listen 127.0.0.1:${env.PORT}; host .c.example;         respond 200 body "suffix" }
reverse deep  { listen 127.0.0.1:${env.PORT}; host *.x.b.example;      respond 200 body "deep" }
reverse exact { listen 127.0.0.1:${env.PORT}; host a.example y.x.b.example *.a.example; respond 200 body "exact" }
reverse idn   { listen 127.0.0.1:${env.PORT}; host Bücher.example;     respond 200 body "idn" }
reverse other { listen 127.0.0.1:${env.PORT2}; host a.example;         respond 200 body "other" }
"""


@pytest.fixture(scope="module")
def hosts():
    yield from shared(HOSTS)


@pytest.mark.parametrize("host,block_", [
    ("a.example", "exact"), ("A.Example", "exact"), ("a.example.", "exact"), ("a.example:8080", "exact"), ("w.a.example", "exact"),
    ("b.example", "rest"), ("w.b.example", "below"), ("v.w.b.example", "below"), ("xb.example", "rest"),
    ("c.example", "suffix"), ("w.c.example", "suffix"), ("v.w.c.example", "suffix"), ("xc.example", "rest"),
    ("x.b.example", "below"), ("w.x.b.example", "deep"), ("v.w.x.b.example", "deep"), ("y.x.b.example", "exact"),
    ("xn--bcher-kva.example", "idn"), ("127.0.0.1", "rest"), ("[::1]:80", "rest"), ("unknown", "rest"),
])
def test_the_most_specific_host_pattern_wins_wherever_it_stands(hosts, host, block_):
    assert ask(hosts, host=host).body.decode() == block_


def test_a_block_is_found_only_on_its_own_listener(hosts):
    assert ask(hosts, host="a.example", port=hosts.ports["PORT2"]).body == b"other"


def test_a_host_that_no_block_serves_is_421_and_told_so(hosts):
    r = ask(hosts, host="b.example", port=hosts.ports["PORT2"])
    assert r.status == 421 and b"host" in r.body.lower() and r["x-request-id"]


def test_absolute_form_chooses_the_block_by_its_own_host(hosts):
    assert ask(hosts, "http://c.example/", "a.example").body == b"suffix"


def test_the_same_pattern_twice_on_a_listener_is_an_error(tmp_path):
    conf = tmp_path / "g.conf"
    conf.write_text("reverse a { listen 127.0.0.1:8080; host x.test; to 127.0.0.1:1 }\n"
                    "reverse b { listen 127.0.0.1:8080; host X.test.; to 127.0.0.1:1 }\n")
    done = run("check", "-c", conf)
    assert done.returncode == 1 and "g.conf:2:" in done.stdout + done.stderr


# Routes

@pytest.fixture(scope="module")
def routes():
    yield from shared(block("""
    route /admin/*        { respond 200 body "admin" }
    route /admin/late     { respond 200 body "never" }
    route /exact          { respond 200 body "exact" }
    route /q?st           { respond 200 body "question" }
    route *.png           { respond 200 body "picture" }
    route /posts/* if method(POST) { respond 200 body "posted" }
    route /posts/*        { respond 200 body "read" }
    route /empty/*        { }
"""))


@pytest.mark.parametrize("path,body", [
    ("/admin", "admin"), ("/admin/", "admin"), ("/admin/a/b", "admin"), ("/admin/late", "admin"), ("/admin?x=/y", "admin"),
    ("/exact", "exact"), ("/exact?q", "exact"), ("/qest", "question"), ("/qst", None), ("/a/b/c.png", "picture"),
    ("/administrator", None), ("/Admin/", None), ("/exact/", None), ("/", None), ("/other", None), ("/empty/x", None),
    ("/x/../admin/", "admin"), ("/%61dmin/", "admin"), ("/./exact", "exact"), ("/posts/1", "read"),
])
def test_the_first_route_that_matches_is_taken_and_none_is_404(routes, path, body):
    r = ask(routes, path)
    assert (r.status, r.body.decode() if body else None) == (200 if body else 404, body)


def test_a_route_with_a_condition_is_passed_over_when_it_does_not_hold(routes):
    assert ask(routes, "/posts/1", "x", "Content-Length: 0", method="POST").body == b"posted"


def test_without_a_route_what_the_block_serves_is_taken_and_a_route_inherits_it(gatehouse, origin):
    one, two = origin(OK), origin(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo")
    g = gatehouse(block("""
    to 127.0.0.1:${env.ONE}
    route /same/* { set-header request x-route "same" }
    route /two/*  { to 127.0.0.1:${env.TWO} }"""), ONE=one.port, TWO=two.port)
    assert [ask(g, path).body for path in ("/", "/same/", "/two/")] == [b"hi", b"hi", b"two"]
    assert [r["x-route"] for r in one.requests] == [None, "same"]


def test_an_encoded_slash_is_forwarded_as_written_unless_rules_would_decide_differently(gatehouse, origin):
    o = origin(OK)
    g = gatehouse(block("""
    deny if path(/secret/*)
    to 127.0.0.1:${env.ORIGIN_PORT}
    route /a/b { set-header request x-route "ab" }
    route *    { }"""), ORIGIN_PORT=o.port)
    assert [ask(g, path).status for path in ("/x%2Fy", "/x%5cy", "/secret/x", "/secret%2fx", "/x%2f..%2fsecret%2fx", "/a%2fb",
                                             "/x%00")] == [200, 200, 403, 400, 400, 400, 400]
    assert [r.target.lower() for r in o.requests] == ["/x%2fy", "/x%5cy"]


# Rules

@pytest.fixture(scope="module")
def rules():
    yield from shared(block("""
    acl office   source 127.0.0.0/8 10.0.0.0/8
    acl uploads  method POST PUT
    allow        if path(/first/allowed*)
    deny         if path(/first/*)
    deny status 451 reason "no" if path(/status)
    deny         if path(/not/office) and not office
    respond 210 body "uploads" if uploads and path(/acl)
    respond 200 body "and-before-or" if path(/or1) or path(/or2) and method(POST)
    respond 200 body "brackets" if (path(/or3) or path(/or4)) and method(POST)
    respond 200 body "not" if path(/not*) and not (method(POST) or header(x-no))
    respond 200 body "field" if path(/header) and header(x-some)
    respond 200 body "value" if path(/value) and header(x-some "*Yes*" "other")
    respond 200 body "regex" if path-regex("^/re/[0-9]+$")
    respond 200 body "url"   if url-regex("[?&]debug=1$")
    respond 200 body "time"  if path(/time) and time(Mon-Sun 00:00-24:00)
    respond 200 body "never" if path(/time2) and not time(Mon-Sun)
    respond 200 body "port"  if path(/port) and port(80-90 443)
    respond 200 body "scheme" if path(/scheme) and scheme(http) and not scheme(https)
    respond 200 body "host"  if host(.listed.example) and path(/host)
    redirect https://$host$uri if path(/to/tls)
    redirect "/there/$$/$method" status 308 if path(/to/308)
    respond 418 type "application/x-tea" body "$method $path $query $host $port $authority ${scheme}!$$" if path(/vars)
    respond 204 if path(/empty)
    respond 200 file ${env.FILE} if path(/file)
    respond 200 body "rest"
"""), FILE=os.path.abspath(__file__))


@pytest.mark.parametrize("request_,status,body", [
    ("GET /first/allowed", 404, None), ("GET /first/other", 403, None), ("GET /status", 451, None), ("GET /not/office", 200, "not"),
    ("POST /acl", 210, "uploads"), ("PUT /acl", 210, "uploads"), ("GET /acl", 200, "rest"),
    ("GET /or1", 200, "and-before-or"), ("GET /or2", 200, "rest"), ("POST /or2", 200, "and-before-or"),
    ("GET /or3", 200, "rest"), ("POST /or3", 200, "brackets"), ("POST /or4", 200, "brackets"),
    ("GET /not", 200, "not"), ("POST /not", 200, "rest"), ("GET /not X-No: 1", 200, "rest"),
    ("GET /header", 200, "rest"), ("GET /header X-Some: a", 200, "field"),
    ("GET /value X-Some: a", 200, "rest"), ("GET /value X-Some: oh yes!", 200, "value"), ("GET /value X-Some: OTHER", 200, "value"),
    ("GET /re/12", 200, "regex"), ("GET /re/1x", 200, "rest"), ("GET /x?a=b&debug=1", 200, "url"), ("GET /x?debug=12", 200, "rest"),
    ("GET /time", 200, "time"), ("GET /time2", 200, "rest"), ("GET /scheme", 200, "scheme"), ("GET /empty", 204, ""),
])
def test_rules_are_tried_from_top_to_bottom_and_the_first_that_holds_decides(rules, request_, status, body):
    method, path, *fields = request_.split(" ", 2)
    r = ask(rules, path, "site.test", *fields, *(["Content-Length: 0"] if method != "GET" else []), method=method)
    assert (r.status, r.body.decode() if body is not None else None) == (status, body)


@pytest.mark.parametrize("host,path,body", [("x:85", "/port", "port"), ("x", "/port", "port"), ("x:91", "/port", "rest"),
                                            ("Listed.Example.:81", "/host", "host"), ("a.b.listed.example", "/host", "host"),
                                            ("notlisted.example", "/host", "rest")])
def test_host_and_port_of_the_url_are_what_rules_see(rules, host, path, body):
    assert ask(rules, path, host).body.decode() == body


def test_redirect_and_respond_take_variables(rules):
    assert ask(rules, "/to/tls?a=b", "Site.Test:8080")["location"] == "https://site.test/to/tls?a=b"
    r = ask(rules, "/to/308")
    assert (r.status, r["location"]) == (308, "/there/$/GET")
    assert ask(rules, "/to/tls").status == 302
    r = ask(rules, "/vars?q=1", "Site.Test:8080")
    assert (r.status, r["content-type"]) == (418, "application/x-tea")
    assert r.body.decode() == "GET /vars q=1 site.test 8080 site.test:8080 http!$"


def test_respond_sends_a_file_and_head_has_no_body(rules):
    with open(__file__, "rb") as file:
        content = file.read()
    assert ask(rules, "/file").body == content
    r = ask(rules, "/file", method="HEAD")
    assert (r.status, r["content-length"]) == (200, str(len(content)))


def test_allow_ends_the_rules_of_the_block_but_those_of_the_route_still_run(gatehouse, origin):
    o = origin(OK)
    g = gatehouse(block("""
    set-header request x-one "1"
    allow if path(/in/*)
    set-header request x-two "2"
    deny if header(x-bad)
    to 127.0.0.1:${env.ORIGIN_PORT}
    route /in/deny { deny status 410 }
    route /in/allow { allow if method(GET); deny }
    route * { set-header request x-route "r" }"""), ORIGIN_PORT=o.port)
    assert [ask(g, path, "x", "X-Bad: 1").status for path in ("/in/x", "/in/deny", "/in/allow", "/out")] == [200, 410, 200, 403]
    assert ask(g, "/out").status == 200
    seen = [[r[name] for name in ("x-one", "x-two", "x-route")] for r in o.requests]
    assert seen == [["1", None, "r"], ["1", None, None], ["1", "2", "r"]]


def test_what_does_not_end_acts_only_when_it_is_reached(gatehouse, origin):
    o = origin(OK)
    g = gatehouse(block("""
    set-header response x-before "1"
    deny if path(/no)
    set-header response x-after "1"
    to 127.0.0.1:${env.ORIGIN_PORT}"""), ORIGIN_PORT=o.port)
    r = ask(g, "/no")
    assert (r.status, r["x-before"], r["x-after"]) == (403, "1", None)
    r = ask(g, "/yes")
    assert (r.status, r["x-before"], r["x-after"]) == (200, "1", "1")


def test_fields_are_set_added_and_removed_in_both_directions(gatehouse, origin):
    o = origin(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Set: old\r\nX-Set: old2\r\nX-Add: old\r\nX-Del-1: a\r\nx-del-2: b\r\n"
               b"X-Keep: c\r\n\r\nhi")
    g = gatehouse(block("""
    set-header request X-Set "$method $path"
    add-header request X-Add "new"
    remove-header request X-Del*
    set-header request host "inner.test"
    set-header response X-Set "$host"
    add-header response X-Add "new"
    remove-header response X-Del*
    set-header response X-Cond "yes" if path(/cond)
    to 127.0.0.1:${env.ORIGIN_PORT}"""), ORIGIN_PORT=o.port)
    r = ask(g, "/p", "site.test", "X-Set: a", "X-Set: b", "X-Add: old", "X-Del: 1", "X-Delete: 2", "X-Keep: 3")
    assert (r["x-set"], r["x-add"], r["x-del-1"], r["x-del-2"], r["x-keep"]) == ("site.test", "old, new", None, None, "c")
    got = o.wait(1)[0]
    assert (got["x-set"], got["x-add"], got["x-del"], got["x-delete"], got["x-keep"]) == ("GET /p", "old, new", None, None, "3")
    assert got["host"] == "inner.test"
    assert ask(g, "/cond")["x-cond"] == "yes" and r["x-cond"] is None


@pytest.mark.parametrize("field", ["Content-Length", "transfer-encoding", "Connection", "Keep-Alive", "TE", "Upgrade"])
def test_setting_a_field_of_framing_or_of_a_hop_is_an_error(tmp_path, field):
    conf = tmp_path / "g.conf"
    conf.write_text(f'reverse a {{\n    listen 127.0.0.1:8080\n    set-header request {field} "1"\n    to 127.0.0.1:1\n}}\n')
    done = run("check", "-c", conf)
    assert done.returncode == 1 and "g.conf:3:" in done.stdout + done.stderr


def test_a_header_value_from_the_request_cannot_split_the_head(gatehouse, origin):
    o = origin(OK)
    g = gatehouse(block("""
    set-header request x-copy "$query"
    set-header response x-copy "$query"
    redirect "http://other.test/$query" if path(/go)
    to 127.0.0.1:${env.ORIGIN_PORT}"""), ORIGIN_PORT=o.port)
    bad = "a%0d%0aX-Evil:%201"
    assert ask(g, "/?" + bad)["x-evil"] is None and ask(g, "/go?" + bad)["x-evil"] is None
    assert o.wait(1)[0]["x-evil"] is None


def test_rewrite_acts_where_it_stands_and_later_rules_and_the_route_see_the_new_path(gatehouse, origin):
    o = origin(OK)
    g = gatehouse(block("""
    respond 200 body "early" if path(/new/early)
    rewrite path "^/old/(.*)-(.*)$" "/new/$2/$1"
    rewrite path "^/strip(/.*)$" "$1" if header(x-strip)
    respond 200 body "later" if path(/new/b/a)
    to 127.0.0.1:${env.ORIGIN_PORT}
    route /new/* { set-header request x-route "new"; rewrite path "^/new(/.*)$" "/inner$1" }
    route * { }"""), ORIGIN_PORT=o.port)
    assert ask(g, "/old/a-b").body == b"later"
    assert ask(g, "/old/-early").status == 200          # the rule above it has been passed
    assert ask(g, "/old/c-d?q=1").status == 200
    assert ask(g, "/strip/x").status == 200 and ask(g, "/strip/x", "x", "X-Strip: 1").status == 200
    seen = [(r.target, r["x-route"]) for r in o.wait(4)]
    assert seen == [("/inner/early/", "new"), ("/inner/d/c?q=1", "new"), ("/strip/x", None), ("/x", None)]


def test_the_result_of_a_rewrite_is_made_canonical_again(gatehouse, origin):
    o = origin(OK)
    g = gatehouse(block("""
    rewrite path "^/in/(.*)$" "/deep/folder/../$1"
    deny if path(/deep/x)
    to 127.0.0.1:${env.ORIGIN_PORT}"""), ORIGIN_PORT=o.port)
    assert ask(g, "/in/x").status == 403
    assert ask(g, "/in/y").status == 200
    assert o.wait(1)[0].target == "/deep/y"


def test_response_conditions_decide_when_the_head_of_the_answer_is_there(gatehouse, origin):
    def script(conn):
        while request := conn.request():
            path, size = request.target.split("?")
            kind = b"text/html; charset=utf-8" if path.startswith("/html") else b"image/png"
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (kind, int(size), b"x" * int(size)))

    g = gatehouse(block("""
    deny as big status 502 reason "too big" if response-size(>1k) and response-type(image/*)
    deny as html status 451 if response-type(text/html) and path(/html/no)
    set-header response x-type "html" if response-type(text/html)
    to 127.0.0.1:${env.ORIGIN_PORT}"""), ORIGIN_PORT=origin(script).port)
    answers = [ask(g, path) for path in ("/png?10", "/png?2000", "/html?10", "/html?2000", "/html/no?3")]
    assert [r.status for r in answers] == [200, 502, 200, 200, 451]
    assert [r["x-type"] for r in answers[:4]] == [None, None, "html", "html"]
    assert b"xxx" not in answers[1].body and len(answers[3].body) == 2000


def test_listed_and_address_lists_work_in_a_reverse_block(gatehouse, web_folder):
    web_folder.put("bad.txt", "bad.example\n")
    web_folder.put("nets.txt", "127.0.0.0/8\n")
    g = gatehouse(block("""
    deny as bad if listed(bad)
    respond 200 body "local" if source(@nets)
    respond 200 body "far"
""", "list bad { file ${env.LISTS}/bad.txt }\nlist nets { file ${env.LISTS}/nets.txt; format cidr }"), LISTS=web_folder)
    assert [ask(g, host=h).status for h in ("bad.example", "www.bad.example", "good.example")] == [403, 403, 200]
    assert ask(g).body == b"local"


# Pages

def test_error_pages_have_variables_escaped_for_html_and_a_routes_replace_the_blocks(gatehouse, web_folder):
    web_folder.put("403.html", "<p>$rule|$reason|$status|$request_id|$header.x-who|$$</p>")
    web_folder.put("bad.html", "block $status")
    web_folder.put("route.html", "route $status")
    web_folder.put("rule.txt", "rule's own page for $host")
    g = gatehouse(block("""
    error-page 403 ${env.PAGES}/403.html
    error-page 502 503 504 404 ${env.PAGES}/bad.html
    deny as secret reason "Not for <you> on $host" if path(/secret)
    deny as paged page ${env.PAGES}/rule.txt if path(/paged)
    route /dead/* { to 127.0.0.1:${env.DEAD} }
    route /own/*  { error-page 502 ${env.PAGES}/route.html; to 127.0.0.1:${env.DEAD} }
"""), PAGES=web_folder, DEAD=free_port())
    r = ask(g, "/secret", "site.test", "X-Who: <script>&\"'")
    text = r.body.decode()
    assert r.status == 403 and r["content-type"].startswith("text/html")
    assert text.startswith("<p>secret|Not for &lt;you&gt; on site.test|403|" + r["x-request-id"])
    assert "<script>" not in text and "&lt;script&gt;&amp;" in text and text.endswith("|$</p>")
    assert (ask(g, "/nowhere").status, ask(g, "/nowhere").body) == (404, b"block 404")
    assert ask(g, "/dead/").body == b"block 502"
    assert ask(g, "/own/").body == b"route 502"
    r = ask(g, "/paged")
    assert (r.status, r.body) == (403, b"rule's own page for site.test")


def test_an_error_of_the_server_itself_passes_as_it_is(gatehouse, origin, web_folder):
    o = origin(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\nRetry-After: 9\r\n\r\nbusy")
    g = gatehouse(block("    to 127.0.0.1:${env.ORIGIN_PORT}"), ORIGIN_PORT=o.port)
    r = ask(g)
    assert (r.status, r["retry-after"], r.body) == (503, "9", b"busy")


def test_the_default_page_of_a_denial_tells_the_reason_escaped(gatehouse):
    g = gatehouse(block('    deny as why reason "Because <b>$method</b>."\n    to 127.0.0.1:1'))
    r = ask(g)
    assert r.status == 403 and b"Because &lt;b&gt;GET&lt;/b&gt;." in r.body and r["content-type"].startswith("text/html")


# What servers are told of clients

def test_x_forwarded_fields_are_written_afresh(gatehouse, origin):
    o = origin(OK)
    g = gatehouse(block("    to 127.0.0.1:${env.ORIGIN_PORT}"), ORIGIN_PORT=o.port)
    ask(g, "/", "Site.Test:8080", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.test",
        "Forwarded: for=6.6.6.6", "X-Real-IP: 6.6.6.6")
    got = o.wait(1)[0]
    assert (got["x-forwarded-for"], got["x-forwarded-proto"]) == ("127.0.0.1", "http")
    assert got["x-forwarded-host"].lower() == "site.test:8080" and got["host"].lower() == "site.test:8080"
    assert got["forwarded"] is None and b"6.6.6.6" not in got.raw


@pytest.mark.parametrize("how", ["forwarded", "both", "off"])
def test_forwarded_fields_are_as_the_directive_says(gatehouse, origin, how):
    o = origin(OK)
    g = gatehouse(block(f"    forwarded-fields {how}\n    to 127.0.0.1:${{env.ORIGIN_PORT}}"), ORIGIN_PORT=o.port)
    ask(g, "/", "site.test", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.test", "Forwarded: for=6.6.6.6")
    got = o.wait(1)[0]
    assert b"6.6.6.6" not in got.raw and b"evil.test" not in got.raw
    assert (got["x-forwarded-for"], got["x-forwarded-proto"]) == (("127.0.0.1", "http") if how == "both" else (None, None))
    pairs = dict(part.strip().lower().split("=") for part in (got["forwarded"] or "").split(";") if part)
    assert {name: value.strip('"') for name, value in pairs.items()} == (
        {} if how == "off" else {"for": "127.0.0.1", "host": "site.test", "proto": "http"})


@pytest.mark.parametrize("sent,client", [
    (None, "127.0.0.1"), ("203.0.113.9", "203.0.113.9"), ("6.6.6.6, 203.0.113.9", "203.0.113.9"),
    ("6.6.6.6, 203.0.113.9, 10.0.0.7, 127.0.0.2", "203.0.113.9"), ("2001:db8::7", "2001:db8::7"),
])
def test_forwarded_from_takes_the_right_most_address_that_is_not_a_proxys(gatehouse, origin, sent, client):
    o = origin(OK)
    g = gatehouse("\nlog { to stdout; format json }\n" + block("    to 127.0.0.1:${env.ORIGIN_PORT}").replace("log off", "").replace(
        ":${env.PORT}", ":${env.PORT} forwarded from 127.0.0.0/8 10.0.0.0/8"), ORIGIN_PORT=o.port)
    r = ask(g, "/", "x", *([f"X-Forwarded-For: {sent}"] if sent else []))
    assert o.wait(1)[0]["x-forwarded-for"] == client
    assert record_of(g, r)["client"] == client


def test_forwarded_from_joins_several_fields(gatehouse, origin):
    o = origin(OK)
    g = gatehouse(block("    to 127.0.0.1:${env.ORIGIN_PORT}").replace(":${env.PORT}", ":${env.PORT} forwarded from 127.0.0.0/8"),
                  ORIGIN_PORT=o.port)
    ask(g, "/", "x", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 127.0.0.9")
    assert o.wait(1)[0]["x-forwarded-for"] == "203.0.113.9"


def test_forwarded_from_ignores_the_field_of_others_and_rules_see_the_client(gatehouse):
    text = block("""
    deny if source(203.0.113.0/24)
    respond 200 body "$client_address" """)
    trusting = gatehouse(text.replace(":${env.PORT}", ":${env.PORT} forwarded from 127.0.0.1/32"))
    distrusting = gatehouse(text.replace(":${env.PORT}", ":${env.PORT} forwarded from 10.0.0.0/8"))
    field = "X-Forwarded-For: 203.0.113.9"
    assert ask(trusting, "/", "x", field).status == 403
    r = ask(distrusting, "/", "x", field)
    assert (r.status, r.body) == (200, b"127.0.0.1")


# Concealment

def test_the_servers_software_and_addresses_are_concealed(gatehouse, origin):
    answer = ("HTTP/1.1 302 Found\r\nServer: Apache/2.4.1\r\nX-Powered-By: PHP/5\r\nVia: 1.1 inner.lan (squid/3)\r\nContent-Length: 0\r\n"
              "Location: http://127.0.0.1:%d/next?a=b\r\nContent-Location: http://127.0.0.1:%d/here\r\n\r\n")
    port = free_port()
    o = origin((answer % (port, port)).encode(), port=port)
    g = gatehouse(block("    to 127.0.0.1:${env.ORIGIN_PORT}"), ORIGIN_PORT=o.port)
    r = ask(g, "/", "site.test")
    assert r["server"] is None and r["x-powered-by"] is None and r["location"] == "http://site.test/next?a=b"
    for secret in (b"127.0.0.1", str(port).encode(), b"Apache", b"inner.lan", b"squid", b"PHP"):
        assert secret not in r.raw, secret


def test_a_redirect_to_another_site_is_left_alone(gatehouse, origin):
    o = origin(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: https://elsewhere.test:8443/x\r\n\r\n")
    g = gatehouse(block("    to 127.0.0.1:${env.ORIGIN_PORT}"), ORIGIN_PORT=o.port)
    assert ask(g)["location"] == "https://elsewhere.test:8443/x"


def test_conceal_off_lets_them_through(gatehouse, origin):
    o = origin(b"HTTP/1.1 200 OK\r\nServer: Apache/2.4.1\r\nX-Powered-By: PHP/5\r\nContent-Length: 2\r\n\r\nhi")
    g = gatehouse(block("    conceal off\n    to 127.0.0.1:${env.ORIGIN_PORT}\n    route /hidden/* { conceal on }\n    route * { }"),
                  ORIGIN_PORT=o.port)
    r = ask(g)
    assert (r["server"], r["x-powered-by"]) == ("Apache/2.4.1", "PHP/5")
    r = ask(g, "/hidden/")
    assert (r["server"], r["x-powered-by"]) == (None, None)


def test_no_answer_and_no_request_names_the_software_or_its_version(gatehouse, origin, web_folder):
    o = origin(OK)
    dead = free_port()
    web_folder.put("a.txt", "a")
    g = gatehouse(block("""
    deny if path(/denied)
    redirect /there if path(/moved)
    respond 200 body "own" if path(/own)
    route /dead/*  { to 127.0.0.1:${env.DEAD} }
    route /files/* { rewrite path "^/files(/.*)$" "$1"; files ${env.WWW} }
    route /ok      { to 127.0.0.1:${env.ORIGIN_PORT} }
"""), ORIGIN_PORT=o.port, DEAD=dead, WWW=web_folder)
    version = run("--version").stdout.split()[1].encode()
    for target in ("/denied", "/moved", "/own", "/dead/", "/files/a.txt", "/files/none", "/ok", "/nowhere", "/%00", "/" + "a" * 9000):
        r = ask(g, target)
        assert r["x-request-id"], target
        for secret in (b"gatehouse", b"nginx", str(dead).encode(), str(o.port).encode(), b"127.0.0.1", b"server:"):
            assert secret not in r.raw.lower(), (target, secret)
        assert version not in r.raw or len(version) < 4, target
    assert b"gatehouse" not in o.wait(1)[0].raw.lower()


# Together

def test_a_dead_server_shows_no_address_to_curl(gatehouse):
    dead = free_port()
    g = gatehouse(block("    to 127.0.0.1:${env.DEAD}"), DEAD=dead)
    r = curl(g.url("/"))
    assert r.status == 502 and str(dead).encode() not in r.raw + r.body and b"127.0.0.1" not in r.body
    assert re.search(rb"<title>502", r.body)


def test_websocket_and_conceal_of_a_route_override_the_blocks(gatehouse, origin):
    o = origin(b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 2\r\n\r\nhi")
    g = gatehouse(block("""
    websocket off
    to 127.0.0.1:${env.ORIGIN_PORT}
    route /ws { websocket on; conceal off }
    route * { }"""), ORIGIN_PORT=o.port)
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    assert ask(g, "/ws", "x", *upgrade)["server"] == "x"
    assert ask(g, "/other", "x", *upgrade)["server"] is None
    until(lambda: len(o.requests) == 2)
    assert [r["upgrade"] for r in o.requests] == ["websocket", None]
