"""`files DIR`: what is served, in which form, and that there is no way out of the folder."""
import hashlib, os, re, socket, time

import pytest

from lib import Client, Gatehouse, curl, run, temp_dir

TEXT = "".join(f"{i:04d} line of a text\n" for i in range(200)).encode()
BIG = os.urandom(12 << 20)
SITE = """
log off
reverse site {
    listen 127.0.0.1:${env.PORT}
    files ${env.WWW}
    route /rewritten/* { rewrite path "^/rewritten(/.*)$" "$1"; files ${env.WWW}/dir }
    route * { }
}
"""


def put(folder, name, content=b"x"):
    path = folder / name
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    return path


def fill(base):
    """The folder `www`, and beside it what nobody may see."""
    www = base / "www"
    for name, content in {"text.txt": TEXT, "big.bin": BIG, "index.html": b"<h1>root</h1>", "dir/index.html": b"<h1>dir</h1>",
                          "dir/a.css": b"a{}", "nolist/secret-name.txt": b"x", "empty.txt": b"", "two words.txt": b"two words",
                          "ü.txt": "ü".encode(), "a%b.txt": b"percent", "noindex/.keep": b"", "site.js": b"1", "data.json": b"{}",
                          "pic.png": b"\x89PNG", "pic.svg": b"<svg/>", "noext": b"?", "UPPER.HTML": b"<p>", "evil.test/index.html": b"e",
                          "locked.txt": b"locked"}.items():
        put(base, "www/" + name, content)
    put(base, "secret.txt", b"SECRET")
    put(base, "www-too/x.txt", b"SECRET")
    for name, target in {"link-out.txt": "../secret.txt", "link-abs.txt": str(base / "secret.txt"), "dir-out": "..", "dir-abs": str(base),
                         "etc": "/etc", "deep/link": "../../secret.txt", "link-in.txt": "text.txt", "loop": "loop",
                         "dir/up.txt": "../text.txt"}.items():
        os.makedirs(os.path.dirname(os.path.join(www, name)), exist_ok=True)
        os.symlink(target, os.path.join(www, name))
    os.mkfifo(os.path.join(www, "fifo"))
    os.symlink("/dev/zero", os.path.join(www, "zero"))
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(os.path.join(www, "socket"))
    os.chmod(os.path.join(www, "locked.txt"), 0)
    past = time.time() - 86400                           # a strong validator is old enough
    os.utime(os.path.join(www, "text.txt"), (past, past))
    return www


@pytest.fixture(scope="module")
def site():
    base = temp_dir("www")
    with Gatehouse(SITE, {"WWW": fill(base)}) as g:
        yield g
    base.remove()


def get(g, path, *fields, method="GET"):
    with Client(g.port) as c:
        c.send("".join(f"{line}\r\n" for line in (f"{method} {path} HTTP/1.1", "Host: x", *fields)).encode("latin-1") + b"\r\n")
        return c.response(head=method == "HEAD")


# What is served

@pytest.mark.parametrize("path,kind", [
    ("/text.txt", "text/plain"), ("/", "text/html"), ("/dir/a.css", "text/css"), ("/site.js", "text/javascript|application/javascript"),
    ("/data.json", "application/json"), ("/pic.png", "image/png"), ("/pic.svg", r"image/svg\+xml"), ("/noext", "application/octet-stream"),
    ("/big.bin", "application/octet-stream"), ("/UPPER.HTML", "text/html"),
])
def test_the_type_is_that_of_the_name(site, path, kind):
    r = get(site, path)
    assert r.status == 200 and re.match(f"({kind})(;|$)", r["content-type"]), r["content-type"]


@pytest.mark.parametrize("path,body", [
    ("/", b"<h1>root</h1>"), ("/index.html", b"<h1>root</h1>"), ("/dir/", b"<h1>dir</h1>"), ("/?x=y", b"<h1>root</h1>"),
    ("/two%20words.txt", b"two words"), ("/%c3%bc.txt", "ü".encode()), ("/a%25b.txt", b"percent"), ("/empty.txt", b""),
    ("/rewritten/a.css", b"a{}"), ("/rewritten/", b"<h1>dir</h1>"), ("/link-in.txt", TEXT), ("/dir/up.txt", TEXT),
    ("/dir/../text.txt", TEXT), ("/./text.txt", TEXT), ("/text.txt?v=1", TEXT),
])
def test_a_file_is_served_whole(site, path, body):
    r = get(site, path)
    assert (r.status, r.body, r["content-length"], r.complete) == (200, body, str(len(body)), True)


def test_a_large_file_is_exact_to_curl_and_to_a_slow_reader(site):
    want = hashlib.sha256(BIG).digest()
    assert hashlib.sha256(curl(site.url("/big.bin")).body).digest() == want
    with Client(site.port, rcvbuf=8192) as c:
        c.send(b"GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n")
        assert hashlib.sha256(c.response().body).digest() == want


def test_files_are_pipelined_in_order_on_one_connection(site):
    with Client(site.port) as c:
        c.send(b"".join(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % p for p in (b"/text.txt", b"/none", b"/dir/a.css", b"/big.bin", b"/")))
        assert [hash(c.response().body) for _ in range(5)][0::2] == [hash(TEXT), hash(b"a{}"), hash(b"<h1>root</h1>")]


def test_head_tells_what_get_would_without_a_body(site):
    got, head = get(site, "/text.txt"), get(site, "/text.txt", method="HEAD")
    assert head.status == 200
    for name in ("content-length", "content-type", "etag", "last-modified", "accept-ranges"):
        assert head[name] == got[name], name
    with Client(site.port) as c:
        c.send(b"HEAD /text.txt HTTP/1.1\r\nHost: x\r\n\r\nHEAD /none HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert [c.response(head=True).status, c.response(head=True).status, c.response().body] == [200, 404, b"<h1>root</h1>"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_methods_are_405_with_what_is_allowed(site, method):
    r = get(site, "/text.txt", "Content-Length: 0", method=method)
    assert r.status == 405 and {"GET", "HEAD"} <= set(re.split(r",\s*", r["allow"]))


def test_a_folder_without_the_slash_is_redirected_to_it_with_its_query(site):
    r = get(site, "/dir?x=y")
    assert r.status in (301, 308) and re.fullmatch(r"(http://x)?/dir/\?x=y", r["location"])
    assert curl(site.url("/dir"), "-L").body == b"<h1>dir</h1>"


def test_the_redirect_of_a_folder_leads_to_no_other_host(site):
    for path in ("//evil.test", "//evil.test/%2e%2e/evil.test", "/%2fevil.test", "/\\evil.test"):
        location = get(site, path)["location"]
        assert location is None or not re.match(r"(//|/\\|http://(?!x/))", location), (path, location)


@pytest.mark.parametrize("path", ["/nolist/", "/noindex/", "/nolist"])
def test_a_folder_is_never_listed(site, path):
    r = curl(site.url(path), "-L")
    assert r.status in (403, 404) and b"secret-name" not in r.body


@pytest.mark.parametrize("path", ["/none.txt", "/text.txt/", "/text.txt/x", "/none/", "/dir/none", "/loop", "/" + "n" * 300])
def test_what_is_not_there_is_404(site, path):
    assert get(site, path).status == 404


# No way out

@pytest.mark.parametrize("path", [
    "/../secret.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "/%2e%2e%2fsecret.txt", "/.%2e/secret.txt", "/dir/../../secret.txt",
    "/dir/%2e%2e/%2e%2e/secret.txt", "/..\\secret.txt", "/..%5csecret.txt", "/%5c..%5c..%5csecret.txt", "/%252e%252e/secret.txt",
    "/%c0%ae%c0%ae/secret.txt", "/....//secret.txt", "/../www-too/x.txt", "/rewritten/../../secret.txt", "/rewritten/%2e%2e/%2e%2e/secret.txt",
    "/rewritten/..%2f..%2fsecret.txt", "//../secret.txt", "/..;/secret.txt", "/text.txt%00.html", "/./../secret.txt",
    "/link-out.txt", "/link-abs.txt", "/dir-out/secret.txt", "/dir-abs/secret.txt", "/deep/link", "/dir-out/www/../secret.txt",
    "/etc/passwd", "/etc/hostname", "//etc/passwd", "/zero",
])
def test_there_is_no_way_out_of_the_folder(site, path):
    r = get(site, path)
    assert r.status in (301, 308, 400, 403, 404), (r.status, r.body[:80])
    assert b"SECRET" not in r.body and b"root:" not in r.body


@pytest.mark.parametrize("path", ["/fifo", "/socket", "/zero"])
def test_a_special_file_is_refused_at_once(site, path):
    assert get(site, path).status in (403, 404)


def test_a_file_that_may_not_be_read_is_403(site):
    assert get(site, "/locked.txt").status == 403


# Conditions

def test_a_file_that_has_not_changed_is_304_without_a_body(site):
    r = get(site, "/text.txt")
    etag, modified = r["etag"], r["last-modified"]
    assert re.fullmatch(r'"[^"]+"', etag) and re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", modified)
    for fields in ([f"If-None-Match: {etag}"], [f"If-None-Match: W/{etag}"], ["If-None-Match: *"], [f'If-None-Match: "x", {etag}'],
                   [f"If-Modified-Since: {modified}"], [f"If-None-Match: {etag}", "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT"]):
        for method in ("GET", "HEAD"):
            r = get(site, "/text.txt", *fields, method=method)
            assert (r.status, r["etag"], r["content-length"] or "0") in ((304, etag, "0"), (304, etag, str(len(TEXT)))), fields


def test_a_304_leaves_the_connection_in_step(site):
    etag = get(site, "/text.txt")["etag"]
    with Client(site.port) as c:
        c.send(f"GET /text.txt HTTP/1.1\r\nHost: x\r\nIf-None-Match: {etag}\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert [c.response().status, c.response().body] == [304, b"<h1>root</h1>"]


def test_a_file_that_has_changed_is_sent(site):
    modified = get(site, "/text.txt")["last-modified"]
    for fields in (['If-None-Match: "x"'], ["If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT"],
                   ['If-None-Match: "x"', f"If-Modified-Since: {modified}"], ["If-Modified-Since: nonsense"]):
        r = get(site, "/text.txt", *fields)
        assert (r.status, r.body) == (200, TEXT), fields


def test_preconditions_that_fail_are_412(site):
    r = get(site, "/text.txt")
    assert get(site, "/text.txt", f"If-Match: {r['etag']}").status == 200
    assert get(site, "/text.txt", 'If-Match: "x"').status == 412
    assert get(site, "/text.txt", f"If-Match: W/{r['etag']}").status == 412       # strong comparison
    assert get(site, "/text.txt", "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT").status == 412
    assert get(site, "/text.txt", f"If-Unmodified-Since: {r['last-modified']}").status == 200


def test_the_validators_change_with_the_file(gatehouse, web_folder):
    web_folder.put("a.txt", "one")
    g = gatehouse("\nlog off\nreverse s { listen 127.0.0.1:${env.PORT}; files ${env.WWW} }", WWW=web_folder)
    first = get(g, "/a.txt")
    web_folder.put("a.txt", "two")
    second = get(g, "/a.txt", f"If-None-Match: {first['etag']}")
    assert (second.status, second.body) == (200, b"two") and first["etag"] != second["etag"]


# Ranges

SIZE = len(TEXT)


@pytest.mark.parametrize("asked,first,last", [
    ("0-0", 0, 0), ("0-99", 0, 99), ("100-", 100, SIZE - 1), ("-100", SIZE - 100, SIZE - 1), (f"10-{SIZE * 2}", 10, SIZE - 1),
    (f"-{SIZE * 2}", 0, SIZE - 1), (f"{SIZE - 1}-", SIZE - 1, SIZE - 1),
])
def test_a_range_is_a_206(site, asked, first, last):
    r = get(site, "/text.txt", f"Range: bytes={asked}")
    assert (r.status, r["content-range"], r.body) == (206, f"bytes {first}-{last}/{SIZE}", TEXT[first:last + 1])
    assert r["content-type"].startswith("text/plain") and r["etag"]


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 5}", "bytes=-0"])
def test_a_range_beyond_the_end_is_416_with_the_size(site, asked):
    r = get(site, "/text.txt", f"Range: {asked}")
    assert (r.status, r["content-range"]) == (416, f"bytes */{SIZE}")


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=", "bytes=x-y", "lines=1-2", "bytes 0-5", "bytes=0", "bytes=--5",
                                   "bytes=0-99999999999999999999"])
def test_a_range_that_is_not_valid_is_as_none(site, asked):
    r = get(site, "/text.txt", f"Range: {asked}")
    assert (r.status, r.body) == (200, TEXT) or asked.endswith("9" * 20) and (r.status, r.body) == (206, TEXT)


def test_a_range_of_an_empty_file_is_416(site):
    assert get(site, "/empty.txt", "Range: bytes=0-0").status == 416


def test_a_range_counts_only_for_get(site):
    r = get(site, "/text.txt", "Range: bytes=0-9", method="HEAD")
    assert (r.status, r["content-length"]) == (200, str(SIZE))


def test_if_range_takes_the_range_only_of_the_same_file(site):
    r = get(site, "/text.txt")
    for field, status in ((r["etag"], 206), ('"x"', 200), (f"W/{r['etag']}", 200), (r["last-modified"], 206),
                          ("Thu, 01 Jan 1970 00:00:00 GMT", 200)):
        assert get(site, "/text.txt", "Range: bytes=0-9", f"If-Range: {field}").status == status, field


def test_a_precondition_comes_before_the_range(site):
    r = get(site, "/text.txt")
    assert get(site, "/text.txt", "Range: bytes=0-9", f"If-None-Match: {r['etag']}").status == 304
    assert get(site, "/text.txt", "Range: bytes=0-9", 'If-Match: "x"').status == 412


def parts_of(r):
    boundary = re.search(r'boundary="?([^";]+)', r["content-type"])[1].encode()
    for part in r.body.split(b"--" + boundary)[1:-1]:
        head, body = part.split(b"\r\n\r\n", 1)
        first, last = map(int, re.search(rb"(?i)content-range: bytes (\d+)-(\d+)/", head).groups())
        yield first, last, body[:-2]


def test_several_ranges_are_all_sent_or_the_whole(site):
    r = get(site, "/text.txt", "Range: bytes=0-9,20-29,-5")
    if r.status == 200:
        assert r.body == TEXT
        return
    assert r.status == 206 and r["content-type"].startswith("multipart/byteranges")
    got = list(parts_of(r))
    assert [(a, b) for a, b, _ in got] == [(0, 9), (20, 29), (SIZE - 5, SIZE - 1)]
    assert all(body == TEXT[a:b + 1] for a, b, body in got)


def test_more_than_16_ranges_are_the_whole(site):
    r = get(site, "/text.txt", "Range: bytes=" + ",".join(f"{i * 10}-{i * 10 + 1}" for i in range(17)))
    assert (r.status, r.body) == (200, TEXT)


def test_curl_resumes_a_download(site, tmp_path):
    half = tmp_path / "half"
    half.write_bytes(BIG[:5_000_000])
    r = curl(site.url("/big.bin"), "-r", "5000000-")
    assert r.status == 206 and BIG[:5_000_000] + r.body == BIG


# A folder that changes

def test_a_file_that_shrinks_while_it_is_sent_is_an_abort_and_the_next_is_served(gatehouse, web_folder):
    path = web_folder.put("a.bin", BIG)
    g = gatehouse("\nlog off\nreverse s { listen 127.0.0.1:${env.PORT}; files ${env.WWW} }", WWW=web_folder)
    with Client(g.port, rcvbuf=4096) as c:
        c.send(b"GET /a.bin HTTP/1.1\r\nHost: x\r\n\r\n")
        c.buffer = c.read_until(b"\r\n\r\n") + c.buffer
        os.truncate(path, 1000)
        r = c.response()
        assert not r.complete and len(r.body) < len(BIG)
    assert get(g, "/a.bin").status == 200


def test_a_file_that_appears_and_goes_is_seen_at_once(gatehouse, web_folder):
    g = gatehouse("\nlog off\nreverse s { listen 127.0.0.1:${env.PORT}; files ${env.WWW} }", WWW=web_folder)
    assert get(g, "/new.txt").status == 404
    path = web_folder.put("new.txt", "new")
    assert get(g, "/new.txt").body == b"new"
    os.remove(path)
    assert get(g, "/new.txt").status == 404


def test_a_folder_that_is_missing_refuses_the_configuration(tmp_path):
    conf = tmp_path / "g.conf"
    conf.write_text("reverse a {\n    listen 127.0.0.1:8080\n    files no-such-folder\n}\n")
    done = run("check", "-c", conf)
    assert done.returncode == 1 and "g.conf:3:" in done.stdout + done.stderr and "no-such-folder" in done.stdout + done.stderr
