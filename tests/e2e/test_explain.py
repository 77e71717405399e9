"""What `gatehouse explain` says is what then really happens: the same rule, verdict, route and pool, the same status."""
import re

import pytest

from lib import Client, record_of, run

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
LOG = "\nlog { to stdout; format json }\n"
REVERSE = LOG + """
pool one { server 127.0.0.1:${env.ORIGIN_PORT} }
pool two { server 127.0.0.1:${env.ORIGIN_PORT} }
"""

# name -> the configuration, and requests: method, URL (PORT stands for the listener of the origin in a forward block), fields
CASES = {
    "hosts": (REVERSE + """
reverse exact { listen 127.0.0.1:${env.PORT}; host a.test;    pool one }
reverse below { listen 127.0.0.1:${env.PORT}; host *.a.test;  pool two; deny as below-no if path(/no) }
reverse rest  { listen 127.0.0.1:${env.PORT}; host default;   respond as rest 200 body "rest" }
""", ["GET http://a.test/", "GET http://b.a.test/", "GET http://b.a.test/no", "GET http://c.test/", "GET http://A.Test./x"]),

    "routes": (REVERSE + """
reverse site {
    listen 127.0.0.1:${env.PORT}
    route /admin/* { pool one }
    route *.png    { pool two }
    route /posts/* if method(POST) { pool two }
    route /posts/* { pool one }
}
""", ["GET http://x.test/admin", "GET http://x.test/admin/a.png", "GET http://x.test/a.png", "GET http://x.test/posts/1",
      "POST http://x.test/posts/1", "GET http://x.test/administrator", "GET http://x.test/", "GET http://x.test/a/../admin/b",
      "GET http://x.test/%61dmin/"]),

    "rules": (REVERSE + """
reverse site {
    listen 127.0.0.1:${env.PORT}
    allow as first   if path(/ok*)
    deny  as second  status 451 if path(/ok/never) or path(/denied*)
    redirect as moved https://$host$uri status 308 if path(/old/*)
    respond as teapot 418 body "tea" if header(x-tea)
    deny as posts status 405 if method(POST) and not header(x-token "secret")
    deny             if path(/unnamed)
    pool one
}
""", ["GET http://x.test/ok/never", "GET http://x.test/denied/x", "GET http://x.test/old/a?b=c", "GET http://x.test/ X-Tea: 1",
      "POST http://x.test/", "POST http://x.test/ X-Token: secret", "GET http://x.test/unnamed", "GET http://x.test/"]),

    "rewrites": (REVERSE + """
reverse site {
    listen 127.0.0.1:${env.PORT}
    rewrite path "^/v1/(.*)$" "/v2/$1"
    deny as old if path(/v1/*)
    deny as new if path(/v2/secret)
    route /v2/* { pool two; deny as inner if path(/v2/inner) }
    route *     { pool one }
}
""", ["GET http://x.test/v1/a", "GET http://x.test/v1/secret", "GET http://x.test/v1/inner", "GET http://x.test/v2/a", "GET http://x.test/"]),

    "allow-then-route": (REVERSE + """
reverse site {
    listen 127.0.0.1:${env.PORT}
    allow as early if path(/a/*)
    deny as late
    route /a/no { deny as route-no }
    route *     { pool one }
}
""", ["GET http://x.test/a/yes", "GET http://x.test/a/no", "GET http://x.test/b"]),

    "readings": (REVERSE + """
reverse site {
    listen 127.0.0.1:${env.PORT}
    deny as secret if path(/secret/*)
    pool one
}
""", ["GET http://x.test/secret%2fx", "GET http://x.test/a%2fb", "GET http://x.test/secret/x", "GET http://x.test/a/%2e%2e/secret/x"]),

    "unserved": (REVERSE + """
reverse site { listen 127.0.0.1:${env.PORT}; host a.test; route /x { pool one } }
""", ["GET http://a.test/x", "GET http://a.test/y"]),

    "regexes": (REVERSE + """
reverse site {
    listen 127.0.0.1:${env.PORT}
    acl api   path-regex "^/api/v[0-9]+/"
    acl debug url-regex "[?&]debug="
    deny as no-debug if debug and not api
    route /api/* { pool two }
    route *      { pool one }
}
""", ["GET http://x.test/api/v1/x?debug=1", "GET http://x.test/x?debug=1", "GET http://x.test/api/x", "GET http://x.test/x"]),

    "forward": (LOG + """
forward office {
    listen 127.0.0.1:${env.PORT}
    deny-private off
    deny as bad     if host(.bad.test)
    deny as port    if port(8000-8100)
    deny as path    if path(/secret/*)
    respond as own 200 body "own" if host(own.test)
    redirect as moved http://own.test/ if host(moved.test)
    allow as local  if host(127.0.0.1)
}
""", ["GET http://www.bad.test/", "GET http://x.test:8050/", "GET http://127.0.0.1:ORIGIN/secret/x", "GET http://own.test/",
      "GET http://127.0.0.1:ORIGIN/x", "GET http://unknown.test/", "CONNECT https://www.bad.test/", "CONNECT https://unknown.test/",
      "CONNECT https://own.test/", "GET http://moved.test/", "CONNECT https://moved.test/"]),

    "forward-ports": (LOG + """
forward office {
    listen 127.0.0.1:${env.PORT}
    deny-private off
    ports 80 443
    allow as all if source(127.0.0.0/8)
}
""", ["GET http://127.0.0.1:81/", "CONNECT https://127.0.0.1:8443/", "CONNECT https://127.0.0.1:80/"]),

    "forward-private": (LOG + """
forward office {
    listen 127.0.0.1:${env.PORT}
    deny-private except 127.0.0.1/32
    allow as all if source(127.0.0.0/8)
}
""", ["GET http://127.0.0.1:ORIGIN/", "GET http://127.0.0.2:ORIGIN/", "GET http://10.0.0.1/", "GET http://[::ffff:10.0.0.1]/",
      "CONNECT https://192.168.1.1/"]),

    "forward-answers": (LOG + """
forward office {
    listen 127.0.0.1:${env.PORT}
    deny-private off
    deny as films if host(.bad.test) or destination(10.0.0.0/8) or response-type(video/*)
    allow as rest if source(127.0.0.0/8)
}
""", ["GET http://www.bad.test/", "CONNECT https://www.bad.test/", "GET http://10.1.2.3/", "CONNECT https://10.1.2.3/", "GET http://127.0.0.1:ORIGIN/"]),

    "forward-destination": (LOG + """
forward office {
    listen 127.0.0.1:${env.PORT}
    deny-private off
    deny as inner if destination(127.0.0.2/32 10.0.0.0/8)
    allow as rest if source(127.0.0.0/8)
}
""", ["GET http://127.0.0.1:ORIGIN/", "GET http://127.0.0.2:ORIGIN/", "GET http://10.1.2.3/", "CONNECT https://10.1.2.3/"]),
}


def explained(g, method, url, fields):
    options = [part for field in fields for part in ("--header", field)]
    done = g.command("explain", url, *(["--method", method] if method != "CONNECT" else []), *options)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def happened(g, method, url, fields, is_forward):
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    if method == "CONNECT":
        authority += "" if ":" in authority.rpartition("]")[2] else ":443"
        target = authority
    else:
        target = url if is_forward else slash + path
    with Client(g.port) as c:
        lines = [f"{method} {target} HTTP/1.1", f"Host: {authority}", *(["Content-Length: 0"] if method == "POST" else []), *fields]
        c.send("".join(f"{line}\r\n" for line in lines).encode() + b"\r\n")
        r = c.response()
    return r, record_of(g, r)


@pytest.mark.parametrize("name", CASES)
def test_explain_says_what_then_happens(gatehouse, origin, name):
    text, requests = CASES[name]
    o = origin(OK)
    g = gatehouse(text, ORIGIN_PORT=o.port)
    for request in requests:
        method, url, *fields = request.replace("ORIGIN", str(o.port)).split(" ", 2)
        said = explained(g, method, url, fields)
        answer, line = happened(g, method, url, fields, name.startswith("forward"))
        if answer.status == 400:                        # refused as having two readings
            assert re.search(r"\b400\b", said), (request, said)
            continue
        result = said[said.index("\nresult"):]
        assert re.search(rf"(?<![\w-]){re.escape(line['rule'])}(?![\w-])", result), (request, line, said)
        if "verdict" in line:
            assert re.search(rf"\b{line['verdict']}\b", result) or line["rule"] == "no-route", (request, line, said)
        if answer.status >= 300:
            assert re.search(rf"\b{answer.status}\b", result), (request, answer.status, said)
        if "route" in line:
            assert line["route"] in said, (request, line, said)
        if "pool" in line:
            assert re.search(rf"\bpool {line['pool']}\b", said), (request, line, said)
        assert line["block"] in said


def test_a_host_that_no_block_serves_is_said(gatehouse, origin):
    g = gatehouse(CASES["unserved"][0], ORIGIN_PORT=origin(OK).port)
    said = g.command("explain", "http://b.test/")
    with Client(g.port) as c:
        assert c.get("/", "b.test").status == 421
    assert "421" in said.stdout + said.stderr or "no block" in (said.stdout + said.stderr).lower()
    g = gatehouse(CASES["hosts"][0], ORIGIN_PORT=origin(OK).port)
    assert g.command("explain", "http://b.a.test/", "--in", "exact").stdout == "a request for the host b.a.test comes to the block below\n"


def test_the_list_entry_and_the_line_of_the_rule_are_shown(gatehouse, web_folder):
    web_folder.put("bad.txt", "# one\nbad.test\n")
    g = gatehouse("""
list bad { file ${env.LISTS}/bad.txt }
forward f {
    listen 127.0.0.1:${env.PORT}
    deny as listed if listed(bad)
    allow if source(127.0.0.0/8)
}""", LISTS=web_folder)
    said = g.command("explain", "http://www.bad.test/").stdout
    assert "listed" in said and "gatehouse.conf:5" in said and "bad.txt:2" in said


def test_client_time_and_method_can_be_given(gatehouse):
    g = gatehouse("""
forward f {
    listen 127.0.0.1:${env.PORT}
    deny as office if source(10.0.0.0/8) and time(Mon-Fri 08:00-18:00)
    deny as posts  if method(POST)
    allow as rest
}""")
    for options, rule in ((["--client", "10.1.2.3", "--at", "2026-11-25 09:00"], "office"), (["--client", "10.1.2.3", "--at", "2026-11-25 18:00"], "rest"),
                          (["--client", "10.1.2.3", "--at", "2026-11-28 09:00"], "rest"), (["--method", "POST", "--client", "192.0.2.1"], "posts")):
        said = g.command("explain", "http://site.example/", *options).stdout
        assert re.search(rf"\bresult \w+ as {rule}\b", said), said


def test_a_url_that_is_none_is_wrong_usage_and_a_wrong_file_shows_its_mistakes(tmp_path):
    path = tmp_path / "g.conf"
    path.write_text("reverse s { listen 127.0.0.1:8080; to 127.0.0.1:1 }\n")
    assert run("explain", "-c", path).returncode == 2
    assert run("explain", "nonsense", "-c", path).returncode in (1, 2)
    path.write_text("forward f { listen 127.0.0.1:8080; allow }\n")
    assert run("explain", "http://10.0.0.1/", "--to", "192.0.2.1", "-c", path).returncode == 2
    path.write_text("reverse s { listn 127.0.0.1:8080; to 127.0.0.1:1 }\n")
    done = run("explain", "http://x.test/", "-c", path)
    assert done.returncode == 1 and "g.conf:1:13" in done.stdout + done.stderr


SCHEMES = """
reverse shop   { listen 127.0.0.1:8443 tls; listen 127.0.0.1:9443 tls; host shop.test; certificate self-signed; respond as shop 200 }
reverse other  { listen 127.0.0.1:9443 tls; host default other.test; certificate self-signed; respond as other 200 }
reverse moved  { listen 127.0.0.1:8080; respond as moved 204 }
reverse second { listen 127.0.0.1:9080; host shop.test; respond as second 204 }
reverse passed { listen 127.0.0.1:7443 tls-passthrough; host passed.test; pool p }
pool p { server 127.0.0.1:9 }
"""


@pytest.mark.parametrize("url,options,said", [
    ("https://shop.test/", [], "result respond as shop "),
    ("https://shop.test:9443/", [], "result respond as shop "),
    ("https://nobody.test:9443/", [], "result respond as other "),
    ("https://nobody.test:8443/", [], "result respond as other "),             # ports may be mapped
    ("http://shop.test:8080/", [], "result respond as moved "),
    ("http://shop.test:9080/", [], "result respond as second "),
    ("http://nobody.test/", [], "result respond as moved "),
    ("http://shop.test/", ["--in", "shop"], "none of its listeners speaks http: "),
    ("https://nobody.test/", ["--in", "shop"], "a request for the host nobody.test comes to the block other"),
    ("https://passed.test/", ["--in", "passed"], "block reverse passed "),
    ("https://else.test/", ["--sni", "passed.test", "--in", "passed"], "block reverse passed "),
    ("https://passed.test/", ["--sni", "else.test", "--in", "passed"], "no block serves the host passed.test over TLS"),
])
def test_scheme_and_port_decide_where_it_comes_in(tmp_path, url, options, said):
    file = tmp_path / "g.conf"
    file.write_text(SCHEMES)
    done = run("explain", url, *options, "-c", file)
    assert said in done.stdout, done.stdout + done.stderr


def test_a_connect_has_no_scheme_to_be_spoken(tmp_path):
    file = tmp_path / "g.conf"
    file.write_text(SCHEMES)
    done = run("explain", "https://shop.test/", "--method", "CONNECT", "--in", "shop", "-c", file)
    assert "result deny as method-refused, status 405" in done.stdout and "speaks" not in done.stdout


@pytest.mark.parametrize("listen,url,is_told", [
    ("", "https://a.test/", True), ("", "http://a.test/", False), (" tls", "http://a.test/", True), (" tls", "https://a.test/", False),
    (" tls; listen 127.0.0.1:8081", "http://a.test/", False)])
def test_a_test_by_a_scheme_that_no_listener_speaks_is_warned_of(tmp_path, listen, url, is_told):
    file = tmp_path / "g.conf"
    certificate = "certificate self-signed; " if "tls" in listen else ""
    file.write_text(f"reverse a {{ listen 127.0.0.1:8080{listen}; {certificate}respond as all 200; test {{ GET {url}; expect respond as all }} }}\n")
    done = run("check", "-c", file)
    assert done.returncode == 0 and ("none of the block's listeners speaks" in done.stdout + done.stderr) == is_told


TOGETHER = """
reverse one   {{ listen 127.0.0.1:8443 tls; host a.test; certificate self-signed; respond as one 200{0} }}
reverse rest  {{ listen 127.0.0.1:8443 tls; listen 127.0.0.1:8080; certificate self-signed; respond as rest 200{1} }}
reverse plain {{ listen 127.0.0.1:8081; host a.test; respond as plain 200{2} }}
"""


@pytest.mark.parametrize("url", ["https://a.test/", "http://a.test/", "https://b.test/", "http://b.test/", "https://a.test:8081/", "https://192.0.2.1/"])
@pytest.mark.parametrize("name", ["one", "rest", "plain"])
def test_explain_and_tests_have_it_come_in_alike(tmp_path, name, url):
    file = tmp_path / "g.conf"
    tests = [f"\n test {{ GET {url}; expect respond as {one} }}" if one == name else "" for one in ("one", "rest", "plain")]
    file.write_text(TOGETHER.format(*tests))
    checked = run("check", "-c", file)
    told = checked.stdout + checked.stderr
    file.write_text(TOGETHER.format("", "", ""))
    done = run("explain", url, "--in", name, "-c", file)
    is_unspoken = "none of its listeners speaks" in done.stdout
    assert done.returncode == 0 and ("none of the block's listeners speaks" in told) == is_unspoken, told + done.stdout
    assert ("does not come to this block" in told) == ("result " not in done.stdout), told + done.stdout
    assert ("result " in done.stdout) == (is_unspoken or not re.search(r"g\.conf:\d+:\d+", told)), told + done.stdout


def test_where_nothing_decides_the_block_has_to_be_named(tmp_path):
    file = tmp_path / "g.conf"
    file.write_text(SCHEMES)
    done = run("explain", "http://shop.test/", "-c", file)
    assert done.returncode == 2 and done.stderr.rstrip().endswith("say which: --in moved second")
    file.write_text(SCHEMES.replace("host default other.test", "host other.test"))
    done = run("explain", "https://nobody.test/", "-c", file)
    assert done.stdout == "no block serves the host nobody.test over TLS: the handshake ends\n"


@pytest.mark.parametrize("listens,url,expected", [
    ("127.0.0.1:8443 tls", "https://nobody.test/", "no block serves the host nobody.test over TLS: the handshake ends"),
    ("127.0.0.1:8443 tls", "https://127.0.0.1/", "no block serves the host 127.0.0.1: answered 421"),        # no name in the greeting
    ("127.0.0.1:8443 tls", "http://nobody.test/", "no block serves the host nobody.test, nor anything in clear: answered 400"),
    ("127.0.0.1:8080", "http://nobody.test/", "no block serves the host nobody.test: answered 421"),
    ("127.0.0.1:8080", "https://nobody.test/", "no block serves the host nobody.test over TLS: the handshake ends"),
])
def test_what_becomes_of_a_host_that_no_block_has(tmp_path, listens, url, expected):
    file = tmp_path / "g.conf"
    certificate = "certificate self-signed; " if "tls" in listens else ""
    file.write_text(f"reverse site {{ listen {listens}; {certificate}host site.test; respond 200 }}\n")
    assert run("explain", url, "-c", file).stdout == expected + "\n"
