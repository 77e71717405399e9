"""A forward proxy: who may go where, what the site learns of the client, and tunnels."""
import array, fcntl, gzip, hashlib, json, os, re, signal, socket, subprocess, termios, threading

import pytest

from lib import Client, Gatehouse, curl, free_port, record_of, records, run, temp_dir, until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
LOG = "\nlog { to stdout; format json }\n"


def block(text, before="", deny_private="deny-private off", ports="tunnel-ports 1-65535"):
    return (f"{LOG}{before}\nforward office {{\n    listen 127.0.0.1:${{env.PORT}}\n    {deny_private}\n    {ports}\n{text}\n}}\n")


OPEN = block("    allow as everybody if source(127.0.0.0/8)")


def ask(g, url, *fields, method="GET", host=None):
    """One request in absolute-form on a connection of its own."""
    with Client(g.port) as c:
        lines = [f"{method} {url} HTTP/1.1", f"Host: {host or url.split('/')[2]}", *fields]
        c.send("".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n")
        return c.response(head=method == "HEAD")


def connect(g, authority, *fields):
    """The client after its CONNECT, and the answer."""
    c = Client(g.port)
    c.send("".join(f"{line}\r\n" for line in (f"CONNECT {authority} HTTP/1.1", f"Host: {authority}", *fields)).encode() + b"\r\n")
    head = c.read_until(b"\r\n\r\n")
    status = int(head.split(b" ")[1])
    if status == 200:
        return c, status
    c.buffer = head + c.buffer
    r = c.response()
    closed = c.is_closed()
    c.close()
    assert closed, "a refused CONNECT closes"
    return r, status


@pytest.fixture
def hosts(web_folder):
    """hosts("127.0.0.1 site.test", …) -> the path of a hosts file"""
    return lambda *lines: web_folder.put("hosts", "\n".join(lines) + "\n")


# Absolute-form

def test_a_request_in_absolute_form_reaches_the_site_in_origin_form(gatehouse, origin):
    o = origin(OK)
    g = gatehouse(OPEN)
    r = ask(g, f"http://127.0.0.1:{o.port}/a/../b?q=1", host="other.test")
    assert (r.status, r.body) == (200, b"hi") and r["x-request-id"]
    got = o.wait(1)[0]
    assert (got.line, got["host"]) == ("GET /b?q=1 HTTP/1.1", f"127.0.0.1:{o.port}")


def test_options_of_a_site_itself_leave_as_an_asterisk(gatehouse, origin):
    o = origin(OK)
    g = gatehouse(OPEN)
    assert ask(g, f"http://127.0.0.1:{o.port}", method="OPTIONS").status == 200
    assert o.wait(1)[0].line == "OPTIONS * HTTP/1.1"
    with Client(g.port) as c:
        c.send(b"OPTIONS * HTTP/1.1\r\nHost: gatehouse\r\n\r\n")
        assert c.response().status == 400, "that is the proxy itself"


def test_curl_reaches_a_site_by_its_name_through_the_hosts_file(gatehouse, origin, hosts):
    o = origin(OK)
    g = gatehouse(block("    allow", "resolver { hosts ${env.HOSTS} }"), HOSTS=hosts("127.0.0.1 site.test www.site.test"))
    r = curl(f"http://Site.Test:{o.port}/", proxy=g.url(""))
    assert (r.status, r.body) == (200, b"hi")
    assert o.wait(1)[0]["host"].lower() == f"site.test:{o.port}"


def test_curl_reaches_a_site_by_its_name_through_a_name_server(gatehouse, origin, name_server):
    o = origin(OK)
    dns = name_server({"dns.test": ["127.0.0.1"]})
    g = gatehouse(block("    allow", "resolver { nameserver ${env.DNS} }"), DNS=dns.address)
    assert curl(f"http://dns.test:{o.port}/", proxy=g.url("")).body == b"hi"
    r = ask(g, f"http://none.test:{o.port}/")
    assert r.status == 502 and record_of(g, r)["fault"] == "name-unknown"


def test_a_name_server_that_is_silent_is_a_504(gatehouse, name_server):
    dns = name_server({"dns.test": "silent"})
    g = gatehouse(block("    allow", "resolver { nameserver ${env.DNS}; timeout 300ms }"), DNS=dns.address)
    assert ask(g, "http://dns.test/").status == 504


def test_the_path_without_a_slash_is_the_root(gatehouse, origin):
    o = origin(OK)
    g = gatehouse(OPEN)
    assert ask(g, f"http://127.0.0.1:{o.port}").status == 200
    assert ask(g, f"http://127.0.0.1:{o.port}?q", host="x").status == 200
    assert [r.line for r in o.wait(2)] == ["GET / HTTP/1.1", "GET /?q HTTP/1.1"]


def test_requests_of_one_connection_may_go_to_different_sites(gatehouse, origin):
    one, two = origin(OK), origin(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo")
    g = gatehouse(OPEN)
    with Client(g.port) as c:
        for o, body in ((one, b"hi"), (two, b"two"), (one, b"hi")):
            c.send(f"GET http://127.0.0.1:{o.port}/ HTTP/1.1\r\nHost: 127.0.0.1:{o.port}\r\n\r\n".encode())
            assert c.response().body == body
    assert (len(one.connections), len(two.connections)) == (1, 1)


def test_bodies_pass_both_ways_exactly(gatehouse, nginx, web_folder):
    data = os.urandom(16 << 20)
    g = gatehouse(OPEN)
    name = f"/put/forward-{os.getpid()}"
    assert curl(nginx.url(name), "-T", web_folder.put("up", data), proxy=g.url("")).status in (201, 204)
    r = curl(nginx.url(name), proxy=g.url(""))
    assert hashlib.sha256(r.body).digest() == hashlib.sha256(data).digest()


@pytest.mark.parametrize("target,status", [
    ("/", 400), ("/a?b", 400), ("*", 400), ("ftp://x.test/", 400), ("http://u:p@x.test/", 400), ("http:///", 400), ("http://x.test:99999/", 400),
    ("http://x.test/#f", 400), ("x.test:80", 400), ("http://2130706433/", 400), ("http://0x7f.1/", 400), ("http://127.1/", 400),
    ("http://0177.0.0.1/", 400), ("http://[::1/", 400), ("http://::1/", 400), ("http://127.0.0.1.:x/", 400), ("http://x_y .test/", 400),
])
def test_a_target_that_is_no_url_of_a_site_is_400(gatehouse, target, status):
    g = gatehouse(OPEN)
    with Client(g.port) as c:
        c.send(f"GET {target} HTTP/1.1\r\nHost: x.test\r\n\r\n".encode())
        r = c.response()
        assert r.status == status and r["x-request-id"]


def test_a_site_that_cannot_be_reached_is_502_without_its_error_text(gatehouse):
    g = gatehouse(OPEN)
    r = ask(g, f"http://127.0.0.1:{free_port()}/")
    assert r.status == 502 and b"refused" not in r.body.lower()
    assert record_of(g, r)["fault"] == "connect-failed"


def test_an_https_url_without_connect_is_refused(gatehouse):
    g = gatehouse(OPEN)
    assert ask(g, "https://127.0.0.1/").status in (400, 403, 501, 502)


# Rules

RULES = block("""
    acl work  host .work.test
    deny as by-host     status 451 if host(exact.test *.below.test .suffix.test)
    deny as by-port     if port(81 8000-8010)
    deny as by-method   if method(DELETE PATCH)
    deny as by-header   if header(user-agent "*Evil*" "bad")
    deny as by-presence if header(x-never)
    deny as by-path     if path(/secret/*)
    deny as by-regex    if path-regex("[.]exe$")
    deny as by-url      if url-regex("^http://url[.]test/.*debug")
    deny as by-source   if source(10.0.0.0/8 @nobody) or source(127.0.0.9)
    deny as by-list     reason "$host is on a list." if listed(bad)
    deny as by-time     if host(time.test) and time(Mon-Sun)
    deny as by-not      if host(not.test) and not (method(GET) and not work)
    deny as by-tunnel   if scheme(tunnel) and host(tunnel.test)
    deny as by-page     page ${env.LISTS}/own.txt if host(page.test)
    redirect as moved http://new.test$uri status 307 if host(old.test)
    respond as answered 299 type text/x-own body "own of $host" if host(own.test)
    allow as known      if host(.site.test) or work
    allow as late       if path(/pass)
""", """
list bad { file ${env.LISTS}/bad.txt }
list nobody { file ${env.LISTS}/nets; format cidr }
resolver { hosts ${env.LISTS}/hosts }
""")


@pytest.fixture(scope="module")
def rules():
    folder = temp_dir("lists")
    for name, text in {"bad.txt": "listed.test\n", "nets": "10.0.0.0/8\n192.0.2.0/24\n", "own.txt": "page for $host by $rule, $status",
                       "hosts": "127.0.0.1 a.site.test site.test a.work.test time.test tunnel.test\n"}.items():
        with open(folder / name, "w", encoding="utf-8") as file:
            file.write(text)
    with Gatehouse(RULES, {"LISTS": folder}) as g:
        yield g
    folder.remove()


@pytest.mark.parametrize("method,url,fields,status,rule", [
    ("GET", "http://exact.test/", [], 451, "by-host"), ("GET", "http://EXACT.test./", [], 451, "by-host"),
    ("GET", "http://www.exact.test/", [], 403, "default"), ("GET", "http://below.test/", [], 403, "default"),
    ("GET", "http://a.b.below.test/", [], 451, "by-host"), ("GET", "http://suffix.test/", [], 451, "by-host"),
    ("GET", "http://a.suffix.test/", [], 451, "by-host"), ("GET", "http://notsuffix.test/", [], 403, "default"),
    ("GET", "http://site.test:81/", [], 403, "by-port"), ("GET", "http://site.test:8005/", [], 403, "by-port"),
    ("DELETE", "http://site.test/", ["Content-Length: 0"], 403, "by-method"),
    ("GET", "http://site.test/", ["User-Agent: an evil one"], 403, "by-header"),
    ("GET", "http://site.test/", ["User-Agent: BAD"], 403, "by-header"),
    ("GET", "http://site.test/", ["X-Never:"], 403, "by-presence"),
    ("GET", "http://site.test/secret", [], 403, "by-path"), ("GET", "http://site.test/x/../secret/y", [], 403, "by-path"),
    ("GET", "http://site.test/%73ecret/y", [], 403, "by-path"), ("GET", "http://site.test/a.exe", [], 403, "by-regex"),
    ("GET", "http://url.test/x?debug=1", [], 403, "by-url"), ("GET", "http://listed.test/", [], 403, "by-list"),
    ("GET", "http://a.listed.test/", [], 403, "by-list"), ("GET", "http://time.test/", [], 403, "by-time"),
    ("POST", "http://not.test/", ["Content-Length: 0"], 403, "by-not"), ("GET", "http://not.test/", [], 403, "default"),
    ("GET", "http://page.test/", [], 403, "by-page"), ("GET", "http://old.test/a?b=c", [], 307, "moved"),
    ("GET", "http://own.test/", [], 299, "answered"), ("GET", "http://unknown.test/", [], 403, "default"),
    ("GET", "http://unknown.test/passed", [], 403, "default"),
])
def test_the_first_rule_that_holds_decides_and_is_named(rules, method, url, fields, status, rule):
    r = ask(rules, url, *fields, method=method)
    assert (r.status, record_of(rules, r)["rule"]) == (status, rule)


def test_what_rules_let_through_is_dialled(rules):
    port = free_port()
    for url, rule in ((f"http://a.site.test:{port}/", "known"), (f"http://a.work.test:{port}/", "known"), (f"http://127.0.0.1:{port}/pass", "late")):
        r = ask(rules, url)
        assert (r.status, record_of(rules, r)["rule"]) == (502, rule)


def test_redirect_respond_and_page_answer_with_their_texts(rules):
    assert ask(rules, "http://old.test/a?b=c")["location"] == "http://new.test/a?b=c"
    r = ask(rules, "http://own.test/")
    assert (r.body, r["content-type"]) == (b"own of own.test", "text/x-own")
    assert ask(rules, "http://page.test/").body == b"page for page.test by by-page, 403"


def test_the_block_page_names_the_rule_and_the_reason_and_the_log_the_list_entry(rules):
    r = ask(rules, "http://a.listed.test/")
    text = r.body.decode()
    assert "by-list" in text and "a.listed.test is on a list." in text and r["x-request-id"] in text
    assert r["content-type"].startswith("text/html")
    line = record_of(rules, r)
    assert line["verdict"] == "deny" and line["reason"] == "a.listed.test is on a list."
    assert re.search(r"\bbad\b.*bad\.txt:1\b", line["matched"])


@pytest.mark.parametrize("authority,status,rule", [
    ("exact.test:443", 451, "by-host"), ("site.test:81", 403, "by-port"), ("listed.test:443", 403, "by-list"),
    ("tunnel.test:443", 403, "by-tunnel"), ("old.test:443", 403, "moved"), ("own.test:443", 403, "answered"),
    ("unknown.test:443", 403, "default"),
])
def test_connect_meets_the_same_rules_and_is_never_redirected(rules, authority, status, rule):
    r, got = connect(rules, authority)
    assert (got, record_of(rules, r)["rule"]) == (status, rule)


def test_a_condition_on_the_path_is_unknown_for_a_tunnel(gatehouse, origin):
    o = origin(OK)
    g = gatehouse(block("    deny as never if path(/*)\n    deny as neither if not path(/x)\n    allow as both if scheme(tunnel) or path(/y)"))
    c, status = connect(g, f"127.0.0.1:{o.port}")
    assert status == 200
    c.close()
    assert ask(g, f"http://127.0.0.1:{o.port}/y").status == 403


def test_reason_and_url_are_escaped_on_the_block_page(gatehouse):
    g = gatehouse(block('    deny as odd reason "<b>$header.x-who</b>" if path(/*)\n    allow'))
    r = ask(g, "http://x.test/", "X-Who: <script>alert(1)</script>")
    assert b"<script>" not in r.body and b"<b>" not in r.body and b"&lt;b&gt;&lt;script&gt;" in r.body


def test_an_error_page_of_the_block_is_the_block_page(gatehouse, web_folder):
    web_folder.put("403.html", "No: $rule ($reason) $url")
    g = gatehouse(block('    error-page 403 ${env.PAGES}/403.html\n    deny as no reason "because" if host(x.test)\n    allow'),
                  PAGES=web_folder)
    r = ask(g, "http://x.test/a?b&c")
    assert (r.status, r.body) == (403, b"No: no (because) http://x.test/a?b&amp;c")


def test_a_forward_block_without_allow_is_refused(tmp_path):
    conf = tmp_path / "g.conf"
    conf.write_text("forward office {\n    listen 127.0.0.1:3128\n    deny if host(x.test)\n}\n")
    done = run("check", "-c", conf)
    assert done.returncode == 1 and "allow" in done.stdout + done.stderr


# Lists

LISTS = {
    "domains.txt": "# a comment\nDomains.test\n\nbücher.test\ntrailing.test.\n",
    "hosts.txt": "127.0.0.1 localhost\n0.0.0.0 hosts.test  # why\n0.0.0.0 www.hosts.test\n",
    "adblock.txt": "[Adblock Plus 2.0]\n! Title: x\n||adblock.test^\n||mixed.test^\n@@||good.mixed.test^\n##.banner\n/pixel.gif?\n",
    "dnsmasq.txt": "address=/dnsmasq.test/0.0.0.0\nserver=/dnsmasq2.test/\n",
    "exact.txt": "exact.test\n",
    "category/domains": "category.test\n",
    "category/urls": "urls.test/bad\n",
}


@pytest.fixture(scope="module")
def listed():
    folder = temp_dir("lists")
    os.mkdir(folder / "category")
    for name, text in LISTS.items():
        with open(folder / name, "w", encoding="utf-8") as file:
            file.write(text)
    with gzip.open(folder / "packed.txt.gz", "wb") as file:
        file.write(b"packed.test\n")
    with open(folder / "zstd.txt.zst", "wb") as file:   # one frame with one raw block, by RFC 8878
        file.write(b"\x28\xb5\x2f\xfd\x20\x0a" + (10 << 3 | 1).to_bytes(3, "little") + b"zstd.test\n")
    names = {"domains.txt": "domains", "hosts.txt": "hosts", "adblock.txt": "adblock", "dnsmasq.txt": "dnsmasq", "packed.txt.gz": "packed",
             "zstd.txt.zst": "zstd", "category": "category"}
    lists = "".join(f"list {n} {{ file ${{env.LISTS}}/{f} }}\n" for f, n in names.items())
    lists += "list exact { file ${env.LISTS}/exact.txt; exact on }\nlist optional { file optional ${env.LISTS}/missing.txt }\n"
    rules = "".join(f"    deny as {n} if listed({n})\n" for n in [*names.values(), "exact", "optional"])
    with Gatehouse(block(rules + "    deny as rest\n    allow", lists), {"LISTS": folder}) as g:
        yield g
    folder.remove()


@pytest.mark.parametrize("host,rule", [
    ("domains.test", "domains"), ("a.b.domains.test", "domains"), ("xdomains.test", "rest"), ("xn--bcher-kva.test", "domains"),
    ("trailing.test", "domains"), ("DOMAINS.test.", "domains"),
    ("hosts.test", "hosts"), ("www.hosts.test", "hosts"), ("a.hosts.test", "rest"), ("localhost", "rest"),
    ("adblock.test", "adblock"), ("a.adblock.test", "adblock"), ("mixed.test", "adblock"), ("a.mixed.test", "adblock"),
    ("good.mixed.test", "rest"), ("a.good.mixed.test", "rest"), ("dnsmasq.test", "dnsmasq"), ("a.dnsmasq.test", "dnsmasq"),
    ("packed.test", "packed"), ("zstd.test", "zstd"), ("exact.test", "exact"), ("a.exact.test", "rest"), ("category.test", "category"),
    ("urls.test/bad/x", "category"), ("urls.test/good", "rest"),
])
def test_lists_are_read_in_every_form(listed, host, rule):
    name, _, path = host.partition("/")
    assert record_of(listed, ask(listed, f"http://{name}/{path}"))["rule"] == rule


def test_a_list_that_is_missing_or_has_bad_lines_is_an_error(tmp_path):
    (tmp_path / "bad.txt").write_text("good.test\nnot a domain at all !!\n???\n")
    for file, word in (("missing.txt", "missing.txt"), ("bad.txt", "bad.txt")):
        conf = tmp_path / "g.conf"
        conf.write_text(f"list x {{ file {file} }}\nforward f {{ listen 127.0.0.1:3128; deny if listed(x); allow if source(127.0.0.0/8) }}\n")
        done = run("check", "-c", conf)
        assert done.returncode == 1 and "g.conf:1:" in done.stdout + done.stderr and word in done.stdout + done.stderr


# The address that is dialled

@pytest.fixture(scope="module")
def private():
    folder = temp_dir("hosts")
    with open(folder / "hosts", "w", encoding="utf-8") as file:
        file.write("127.0.0.1 loop.test\n::1 loop6.test\n10.1.2.3 private.test\n169.254.169.254 meta.test\n0.0.0.0 zero.test\n"
                   "::ffff:127.0.0.1 mapped.test\n224.0.0.1 multi.test\n127.0.0.1 localhost\n")
    with Gatehouse(block("    allow as all if source(127.0.0.0/8)", "resolver { hosts ${env.HOSTS}/hosts }", "deny-private on"),
                   {"HOSTS": folder}) as g:
        yield g
    folder.remove()


PRIVATE = ["127.0.0.1", "127.255.255.254", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::127.0.0.1]", "10.0.0.1", "172.16.0.1",
           "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "[fe80::1]", "[fc00::1]", "[fd00::1]", "0.0.0.0", "[::]",
           "224.0.0.1", "255.255.255.255", "[ff02::1]", "loop.test", "loop6.test", "private.test", "meta.test", "zero.test", "mapped.test",
           "multi.test", "localhost", "LOOP.test."]


@pytest.mark.parametrize("host", PRIVATE)
def test_private_addresses_are_denied_however_they_are_written(private, host):
    r = ask(private, f"http://{host}:8080/")
    assert (r.status, record_of(private, r)["rule"]) == (403, "deny-private")
    r, status = connect(private, f"{host}:443")
    assert (status, record_of(private, r)["rule"]) == (403, "deny-private")


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.0.1", "0x7f.0.0.1", "127.0.0.01", "017700000001"])
def test_a_numeric_host_that_is_no_dotted_quad_is_400(private, host):
    assert ask(private, f"http://{host}/").status == 400
    assert connect(private, f"{host}:443")[1] == 400


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "[::ffff:0.0.0.0]", "224.0.0.1", "255.255.255.255", "[ff02::1]"])
def test_what_is_no_address_of_one_machine_is_never_dialled(gatehouse, origin, host):
    o = origin(OK)                                      # 0.0.0.0 would reach it
    g = gatehouse(OPEN)
    assert ask(g, f"http://{host}:{o.port}/").status in (400, 403)
    assert connect(g, f"{host}:{o.port}")[1] in (400, 403)
    assert o.connections == []


def test_a_name_that_leads_to_0_0_0_0_is_never_dialled(gatehouse, origin, hosts):
    o = origin(OK)
    g = gatehouse(block("    allow", "resolver { hosts ${env.HOSTS} }"), HOSTS=hosts("0.0.0.0 zero.test", ":: zero6.test"))
    for name in ("zero.test", "zero6.test"):
        assert ask(g, f"http://{name}:{o.port}/").status in (403, 502)
    assert o.connections == []


def test_except_opens_only_what_it_names_but_not_the_proxy_itself(gatehouse, origin, hosts):
    o = origin(OK)
    g = gatehouse(block("    allow", "resolver { hosts ${env.HOSTS} }", "deny-private except 127.0.0.1/32"),
                  HOSTS=hosts("127.0.0.1 one.test", "127.0.0.2 two.test"))
    assert ask(g, f"http://127.0.0.1:{o.port}/").status == 200
    assert ask(g, f"http://one.test:{o.port}/").status == 200
    for host in (f"127.0.0.2:{o.port}", f"two.test:{o.port}", f"127.0.0.1:{g.port}", f"one.test:{g.port}"):
        r = ask(g, f"http://{host}/")
        assert (r.status, record_of(g, r)["rule"]) == (403, "deny-private"), host
        r, status = connect(g, host)
        assert (status, record_of(g, r)["rule"]) == (403, "deny-private"), host


def test_a_destination_rule_decides_for_each_address_of_a_name(gatehouse, origin, hosts):
    """Both serve the same port on different addresses: only the allowed one may be dialled."""
    good = origin(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood", host="127.0.0.3")
    bad = origin(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad", host="127.0.0.2", port=good.port)
    g = gatehouse(block("    deny as inner if destination(127.0.0.2/32)\n    allow as rest", "resolver { hosts ${env.HOSTS} }"),
                  HOSTS=hosts("127.0.0.2 both.test", "127.0.0.3 both.test", "127.0.0.2 bad.test"))
    for _ in range(4):
        assert ask(g, f"http://both.test:{good.port}/").body == b"good"
    for url in (f"http://bad.test:{good.port}/", f"http://127.0.0.2:{good.port}/", f"http://[::ffff:127.0.0.2]:{good.port}/"):
        r = ask(g, url)
        assert (r.status, record_of(g, r)["rule"]) == (403, "inner"), url
    assert connect(g, f"bad.test:{good.port}")[1] == 403
    assert bad.connections == []


def test_the_rule_that_allowed_an_address_is_told_when_it_is_not_reached(gatehouse, hosts):
    path = hosts("127.0.0.1 site.test")
    g = gatehouse(block("    deny as inner if destination(127.0.0.2)\n    allow as rest if source(127.0.0.0/8)", f"resolver {{ hosts {path} }}"))
    r = ask(g, f"http://site.test:{free_port()}/")
    line = record_of(g, r)
    assert (r.status, line["fault"], line.get("rule"), line.get("verdict")) == (502, "connect-failed", "rest", "allow")


def test_an_allow_by_destination_lets_only_that_address_through(gatehouse, origin, hosts):
    o = origin(OK)
    g = gatehouse(block("    allow as inside if destination(127.0.0.1/32) and port(1-65535)", "resolver { hosts ${env.HOSTS} }"),
                  HOSTS=hosts("127.0.0.1 in.test", "127.0.0.2 out.test"))
    r = ask(g, f"http://in.test:{o.port}/")
    assert (r.status, record_of(g, r)["rule"]) == (200, "inside")
    r = ask(g, f"http://out.test:{o.port}/")
    assert (r.status, record_of(g, r)["rule"]) == (403, "default")


def test_ports_are_checked_after_the_rules_and_no_allow_overrides_them(gatehouse, origin):
    o = origin(OK)
    g = gatehouse(block("    deny as first if host(first.test)\n    allow as all", ports="ports 80 1000-1010\n    tunnel-ports 443"))
    for url, rule in ((f"http://127.0.0.1:{o.port}/", "ports"), ("http://127.0.0.1:22/", "ports"), ("http://first.test:22/", "first")):
        r = ask(g, url)
        assert (r.status, record_of(g, r)["rule"]) == (403, rule)
    for authority, rule in (("127.0.0.1:80", "tunnel-ports"), (f"127.0.0.1:{o.port}", "tunnel-ports"), ("first.test:22", "first")):
        r, status = connect(g, authority)
        assert (status, record_of(g, r)["rule"]) == (403, rule)
    assert o.connections == []


def test_the_default_ports_are_80_443_and_those_from_1025_on(gatehouse):
    g = gatehouse(block("    allow as all", ports=""))
    got = [record_of(g, ask(g, f"http://127.0.0.1:{port}/"))["rule"] for port in (22, 25, 1024, 1025)]
    assert got == ["ports", "ports", "ports", "all"]
    assert record_of(g, connect(g, "127.0.0.1:8443")[0])["rule"] == "tunnel-ports"


# What the site learns

def test_the_site_learns_nothing_of_the_client(gatehouse, origin):
    o = origin(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer: theirs\r\n\r\nhi")
    g = gatehouse(OPEN)
    r = ask(g, f"http://127.0.0.1:{o.port}/", "X-Forwarded-For: 10.9.8.7", "Forwarded: for=10.9.8.7", "X-Real-IP: 10.9.8.7",
            "Client-IP: 10.9.8.7", "Proxy-Authorization: Basic c2VjcmV0", "Proxy-Connection: keep-alive", "Via: 1.1 inner.lan",
            "X-Forwarded-Host: inner.lan", "From: me@inner.lan", "User-Agent: test", "Authorization: Basic c2l0ZQ==")
    got = o.wait(1)[0]
    for secret in (b"10.9.8.7", b"c2VjcmV0", b"proxy-", b"x-forwarded", b"inner.lan", b"gatehouse"):
        assert secret not in got.raw.lower(), secret
    assert re.fullmatch(r"1\.1 [a-z0-9-]+", got["via"] or "1.1 none")
    assert got["user-agent"] == "test" and got["authorization"] == "Basic c2l0ZQ=="
    assert r["server"] == "theirs" and b"gatehouse" not in r.raw.lower()


def test_proxy_authorization_never_leaves_even_with_conceal_off(gatehouse, origin):
    o = origin(OK)
    g = gatehouse(block("    conceal off\n    allow"))
    ask(g, f"http://127.0.0.1:{o.port}/", "Proxy-Authorization: Basic c2VjcmV0", "Proxy-Connection: keep-alive")
    got = o.wait(1)[0]
    assert b"c2VjcmV0" not in got.raw and b"proxy-" not in got.raw.lower()
    assert got["x-forwarded-for"] == "127.0.0.1"


@pytest.mark.parametrize("conceal, passed", [("on", ["X-Sum"]), ("off", ["X-Sum", "X-Client-IP"])])
def test_what_never_leaves_does_not_in_trailers(gatehouse, origin, conceal, passed):
    o = origin(OK)
    names = ("X-Sum", "X-Client-IP", "Proxy-Hint", "X-Set")
    g = gatehouse(block(f"    conceal {conceal}\n    set-header request X-Set 5\n    allow"))
    with Client(g.port) as c:
        c.send(f"POST http://127.0.0.1:{o.port}/ HTTP/1.1\r\nHost: x\r\nTrailer: {', '.join(names)}\r\nTransfer-Encoding: chunked\r\n\r\n"
               "2\r\nhi\r\n0\r\n".encode() + b"".join(f"{name}: 7\r\n".encode() for name in names) + b"\r\n")
        assert c.response().status == 200
    got = o.wait(1)[0]
    assert got["trailer"] == ", ".join(passed) and got["x-set"] == "5"
    assert got.raw.endswith(b"\r\n0\r\n" + b"".join(f"{name}: 7\r\n".encode() for name in passed) + b"\r\n")


def test_nothing_of_a_connect_reaches_the_site(gatehouse, origin):
    got = threading.Event()

    def script(conn):
        conn.recv()
        got.set()

    o = origin(script)
    g = gatehouse(OPEN)
    c, status = connect(g, f"127.0.0.1:{o.port}", "Proxy-Authorization: Basic c2VjcmV0", "X-Own: 1")
    c.send(b"first bytes")
    assert got.wait(10)
    assert bytes(o.received[0]) == b"first bytes"
    c.close()


# Tunnels

@pytest.fixture
def tls_site(nginx_new, certificate):
    port = free_port()
    n = nginx_new(f"listen 127.0.0.1:{port} ssl; ssl_certificate {certificate.certificate}; ssl_certificate_key {certificate.key};")
    n.tls_port = port
    return n


def test_https_through_a_tunnel_to_nginx(gatehouse, tls_site, certificate, hosts):
    data = os.urandom(8 << 20)
    name = tls_site.file("big.bin", data)
    g = gatehouse(block("    allow", "resolver { hosts ${env.HOSTS} }"), HOSTS=hosts("127.0.0.1 www.site.test"))
    r = curl(f"https://www.site.test:{tls_site.tls_port}{name}", "--cacert", certificate.certificate, proxy=g.url(""))
    assert (r.connect_status, r.status) == (200, 200) and hashlib.sha256(r.body).digest() == hashlib.sha256(data).digest()


def test_https_through_a_tunnel_to_openssl(gatehouse, certificate):
    port = free_port()
    server = subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", certificate.certificate, "-key", certificate.key,
                               "-www", "-quiet"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        def accepts():
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                return False
        until(accepts, 10, "openssl accepts")
        g = gatehouse(OPEN)
        r = curl(f"https://127.0.0.1:{port}/", "--cacert", certificate.certificate, proxy=g.url(""))
        assert (r.connect_status, r.status) == (200, 200) and b"Cipher" in r.body
    finally:
        server.kill()
        server.wait()


def test_curl_sees_the_refusal_of_a_tunnel(gatehouse):
    g = gatehouse(block("    deny as no if host(x.test)\n    allow"))
    r = curl("https://x.test/", proxy=g.url(""))
    assert r.connect_status == 403 and r.exit == 56


def test_the_bytes_of_a_tunnel_are_counted_exactly_both_ways(gatehouse, origin):
    up, down = os.urandom(3_333_333), os.urandom(2_222_222)

    def script(conn):
        assert conn.read_exactly(len(up)) == up
        conn.send(down)
        conn.wait_closed(10)

    o = origin(script)
    g = gatehouse(OPEN)
    c, status = connect(g, f"127.0.0.1:{o.port}")
    assert status == 200
    sender = threading.Thread(target=c.send, args=(up,))
    sender.start()
    assert c.read_exactly(len(down)) == down
    sender.join()
    c.close()
    line = records(g)[0]
    assert (line["method"], line["status"], line["bytes_in"], line["bytes_out"]) == ("CONNECT", 200, len(up), len(down))
    assert (line["rule"], line["verdict"]) == ("everybody", "allow") and "fault" not in line


def test_bytes_sent_together_with_the_connect_are_passed_on_and_counted(gatehouse, origin):
    def script(conn):
        assert conn.read_exactly(5) == b"early"
        conn.send(b"answer")
        conn.close()

    o = origin(script)
    g = gatehouse(OPEN)
    with Client(g.port) as c:
        c.send(f"CONNECT 127.0.0.1:{o.port} HTTP/1.1\r\nHost: 127.0.0.1:{o.port}\r\n\r\nearly".encode())
        head = c.read_until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ") and b"content-length" not in head.lower() and b"transfer-encoding" not in head.lower()
        assert c.read_until_close() == b"answer"
    line = records(g)[0]
    assert (line["bytes_in"], line["bytes_out"]) == (5, 6)


def test_a_client_that_has_shut_its_side_of_a_tunnel_still_gets_bytes(gatehouse, origin):
    def script(conn):
        assert conn.read_until_close() == b"all of it"
        conn.send(b"x" * 300_000)

    o = origin(script)
    g = gatehouse(OPEN)
    c, _ = connect(g, f"127.0.0.1:{o.port}")
    c.send(b"all of it")
    c.half_close()
    assert len(c.read_until_close()) == 300_000
    c.close()
    line = records(g)[0]
    assert (line["bytes_in"], line["bytes_out"]) == (9, 300_000)


def test_a_site_that_has_shut_its_side_of_a_tunnel_still_gets_bytes(gatehouse, origin):
    got = []

    def script(conn):
        conn.send(b"done")
        conn.half_close()
        got.append(conn.read_until_close())

    o = origin(script)
    g = gatehouse(OPEN)
    c, _ = connect(g, f"127.0.0.1:{o.port}")
    assert c.read_until_close() == b"done"
    c.send(b"y" * 100_000)
    c.half_close()
    until(lambda: got, 10, "the site has the rest")
    assert len(got[0]) == 100_000
    c.close()


def unsent(conn):
    """Bytes that the peer's kernel has not acknowledged."""
    count = array.array("i", [0])
    fcntl.ioctl(conn.sock, termios.TIOCOUTQ, count)
    return count[0]


@pytest.mark.parametrize("who", ["client", "site"])
def test_what_was_said_before_a_reset_is_passed_on_though_the_other_side_speaks_too(gatehouse, origin, who):
    """All of it is there when the worker looks: it sleeps meanwhile."""
    site, done = [], threading.Event()

    def script(conn):
        site.append(conn)
        done.wait(20)

    o = origin(script)
    g = gatehouse("\nthreads 1" + OPEN)
    c, _ = connect(g, f"127.0.0.1:{o.port}")
    until(lambda: site, what="the site has the connection")
    one, other = (c, site[0]) if who == "client" else (site[0], c)
    worker = g.processes()["gatehouse"]
    os.kill(worker, signal.SIGSTOP)
    try:
        one.send(b"x" * 1000)
        other.send(b"y" * 1000)
        until(lambda: unsent(one) == unsent(other) == 0, what="both have arrived")
        one.reset()
    finally:
        os.kill(worker, signal.SIGCONT)
    assert other.read_until_close() == b"x" * 1000
    done.set()
    c.close()


@pytest.mark.parametrize("who", ["client", "site"])
def test_a_reset_of_one_side_ends_the_other(gatehouse, origin, who):
    ended, started = threading.Event(), threading.Event()

    def script(conn):
        conn.read_exactly(2)
        started.set()
        if who == "site":
            conn.reset()
        elif conn.wait_closed(10):
            ended.set()

    o = origin(script)
    g = gatehouse(OPEN)
    c, _ = connect(g, f"127.0.0.1:{o.port}")
    c.send(b"hi")
    assert started.wait(10)
    if who == "client":
        c.reset()
        assert ended.wait(10)
    else:
        assert c.is_closed(10)
        c.close()
    assert records(g)[0]["bytes_in"] == 2


def test_a_tunnel_to_where_nobody_listens_is_a_502(gatehouse):
    g = gatehouse(OPEN)
    r, status = connect(g, f"127.0.0.1:{free_port()}")
    assert status == 502


@pytest.mark.parametrize("authority", ["x.test", "x.test:", ":443", "x.test:0", "x.test:65536", "x.test:4x", "http://x.test:443", "u@x.test:443",
                                       "x.test:443/", "[::1:443", "::1:443", "x.test:443:443", "/"])
def test_connect_needs_exactly_a_host_and_a_port(gatehouse, authority):
    g = gatehouse(OPEN)
    with Client(g.port) as c:
        c.send(f"CONNECT {authority} HTTP/1.1\r\nHost: x.test\r\n\r\n".encode())
        assert c.response().status == 400
        assert c.is_closed()


def test_many_tunnels_at_once_do_not_mix(gatehouse, origin):
    def script(conn):
        data = conn.read_exactly(100_000)
        conn.send(hashlib.sha256(data).digest())

    o = origin(script)
    g = gatehouse(OPEN)
    results = []

    def one():
        data = os.urandom(100_000)
        c, _ = connect(g, f"127.0.0.1:{o.port}")
        c.send(data)
        results.append(c.read_until_close() == hashlib.sha256(data).digest())
        c.close()

    threads = [threading.Thread(target=one) for _ in range(32)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == [True] * 32
    assert all((r["bytes_in"], r["bytes_out"]) == (100_000, 32) for r in records(g, 32))


# Proxies in a row

def test_a_request_that_comes_back_with_our_own_via_is_508(gatehouse, origin):
    o = origin(OK)
    g = gatehouse(OPEN)
    ask(g, f"http://127.0.0.1:{o.port}/")
    r = ask(g, f"http://127.0.0.1:{o.port}/", f"Via: {o.wait(1)[0]['via']}")
    assert r.status == 508 and len(o.requests) == 1


def test_the_pseudonym_in_via_is_another_after_each_start(gatehouse, origin):
    o = origin(OK)
    for _ in range(2):
        ask(gatehouse(OPEN), f"http://127.0.0.1:{o.port}/")
    one, two = (r["via"] for r in o.wait(2))
    assert one != two


def test_the_log_has_what_happened(gatehouse, origin):
    o = origin(OK)
    g = gatehouse(OPEN)
    r = ask(g, f"http://127.0.0.1:{o.port}/a?b=c")
    line = record_of(g, r)
    assert json.dumps(line) and (line["mode"], line["block"], line["rule"], line["verdict"], line["status"]) == (
        "forward", "office", "everybody", "allow", 200)
    assert line["url"] == f"http://127.0.0.1:{o.port}/a?b=c" and line["bytes_out"] == 2 and line["server"] == f"127.0.0.1:{o.port}"
