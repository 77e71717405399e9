"""The command: usage, check, the one-liners, explain, demo, doc."""
import os, re, shlex, signal, subprocess

import pytest

from lib import SLOWNESS, Client, binary, curl, free_port, run, temp_dir, until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@pytest.fixture
def folder():
    one = temp_dir("cli")
    yield one
    one.remove()


@pytest.fixture
def write(folder):
    def to(text, name="a.conf"):
        with open(folder / name, "w", encoding="utf-8") as file:
            file.write(text)
        return folder / name
    return to


@pytest.fixture
def start(folder):
    """start(words...): a gatehouse in the foreground; SIGINT ends it, with status 0."""
    started = []

    def begin(*words, to="out", **env):
        with open(folder / to, "wb") as out, open(folder / "err", "wb") as err:
            started.append(subprocess.Popen([binary(), *map(str, words)], cwd=str(folder), stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                            env={**os.environ, **env}, start_new_session=True))
        return started[-1]

    yield begin
    statuses = []
    for one in started:
        if one.poll() is None:
            os.killpg(one.pid, signal.SIGINT)           # as a terminal does
        try:
            statuses.append(one.wait(20 * SLOWNESS))
        except subprocess.TimeoutExpired:
            os.killpg(one.pid, signal.SIGKILL)
            statuses.append(one.wait())
    assert not any(statuses), statuses


def output(folder, name="out"):
    with open(folder / name, encoding="utf-8") as file:
        return file.read()


# Usage

def test_version_tells_features():
    done = run("--version")
    assert done.returncode == 0
    assert re.match(r"gatehouse \S+\n", done.stdout)
    for word in ("forward reverse", "HTTP/1.1", "libevent"):
        assert word in done.stdout


def test_help_names_every_command():
    done = run("--help")
    assert done.returncode == 0
    for name in "run check reverse forward demo reload drain stop status explain doc".split():
        assert re.search(rf"gatehouse {name} ", done.stdout), name
        shown = run(name, "--help")
        assert shown.returncode == 0 and shown.stdout.startswith(f"gatehouse {name}")
    for name in "why top pool cache list report upgrade worker".split():
        assert f"gatehouse {name} " not in done.stdout


@pytest.mark.parametrize("words, told", [
    ([], None),
    (["chekc"], "did you mean 'check'?"),
    (["run", "--nosandbox"], "did you mean '--no-sandbox'?"),
    (["run", "-c"], "-c needs a value"),
    (["run", "-c", "a", "-c", "b"], "-c is given twice"),
    (["check", "file"], "too many words"),
    (["explain"], "a word is missing"),
    (["reverse", "--to", "9000"], "--listen is missing"),
    (["reverse", "--listen", "--to", "9000"], "--listen needs a value"),
    (["status", "--json=1"], "--json takes no value"),
    (["why", "x"], "there is no command 'why'"),
    (["worker"], "started by `gatehouse run`"),
])
def test_wrong_usage(words, told):
    done = run(*words)
    assert done.returncode == 2
    assert told is None or told in done.stderr


@pytest.mark.parametrize("command", ["reload", "drain", "stop", "status"])
def test_nobody_is_running(command, folder):
    done = run(command, "--control", folder / "no.sock")
    assert done.returncode == 3
    assert "no gatehouse is running" in done.stderr


def test_a_broken_file_still_says_where_the_socket_is(write, folder):
    done = run("status", "-c", write("nonsense {\n}\ncontrol own.sock\nmore ( nonsense\n"))
    assert done.returncode == 3
    assert str(folder / "own.sock") in done.stderr


def test_another_gatehouse_than_the_one_of_the_file_is_not_meant(write, folder):
    done = run("stop", "-c", folder / "none.conf")
    assert done.returncode == 1 and "cannot read" in done.stderr and "no gatehouse is running" not in done.stderr
    done = run("stop", "-c", write("control ${env.NOWHERE_SET}/c.sock\n"))
    assert done.returncode == 1 and "'NOWHERE_SET' is not set" in done.stderr and "no gatehouse is running" not in done.stderr


# check

def test_check_is_one_line(write, folder):
    write("a.test\nb.test\n", "names")
    path = write("control c.sock\nlist l { file names }\n"
                 "reverse a { listen 127.0.0.1:8080; listen [::1]:8080; to 127.0.0.1:9 }\n"
                 "forward b { listen 127.0.0.1:3128; deny if listed(l); allow if source(127.0.0.1)\n"
                 "    test { GET http://a.test/; expect deny }\n}\n")
    done = run("check", "-c", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{path}: ok (1 reverse block, 1 forward block, 3 listeners, 1 list with 2 names, 1 test passed)\n"
    assert sorted(os.listdir(folder)) == ["a.conf", "names"]    # nothing is made


def test_check_tells_every_mistake(write):
    done = run("check", "-c", write("reverse a {\n    listen 127.0.0.1:99999\n    to 127.0.0.1:9\n    conceall on\n}\nlog { to fiel x }\n"))
    assert done.returncode == 1 and done.stdout == ""
    assert [int(n) for n in re.findall(r"a\.conf:(\d+):\d+: ", done.stderr)] == [2, 4, 6]


def test_check_strict(write):
    path = write("log off\nacl nobody source 10.0.0.1\nreverse a { listen 127.0.0.1:8080; to 127.0.0.1:9 }\n")
    done = run("check", "-c", path)
    assert done.returncode == 0 and "nobody" in done.stderr
    assert run("check", "--strict", "-c", path).returncode == 1


@pytest.mark.parametrize("test, told", [
    ("test { GET http://site.test/; expect deny as b }", "expected deny as b, got allow as a (a.conf:3)"),
    ("test { GET https://site.test/; expect deny }", "expected deny, got allow as a (a.conf:3)"),
    ("test { GET http://127.0.0.1/; expect allow }", "expected allow, got deny as deny-private"),
    ("test { GET http://site.test/; to 10.0.0.1; expect allow }", "expected allow, got deny as deny-private"),
    ("test { GET https://site.test:22/; expect allow }", "expected allow, got deny as tunnel-ports"),
    ("test { GET http://other.test/; expect deny as a }", "expected deny as a, got deny as default"),
    ("test { GET http://late.test/; expect deny }", "does not say when it is"),
    ('test { at "2026-02-30 10:00"; GET http://late.test/; expect deny }', "expected a date and a time"),
    ('test { at "2026-07-05 10:00"; GET http://late.test/; expect allow }', "expected allow, got deny as default"),
    ("test { GET http:///; expect deny }", "valid host"),
])
def test_a_failing_test_says_what_came(write, test, told):
    done = run("check", "-c", write("forward f {\n    listen 127.0.0.1:3128\n    allow as a if host(site.test) or scheme(tunnel) or host(127.0.0.1)\n"
                                    f"    allow if host(late.test) and time(Mon-Fri)\n    {test}\n}}\n"))
    assert done.returncode == 1
    assert told in done.stderr, done.stderr


def test_tests_of_a_reverse_block(write):
    text = """
        pool app { server 10.0.0.1:80 }
        reverse r {
            listen 127.0.0.1:8080
            host site.test
            redirect https://$host$uri if path(/old)
            respond as ping 204 if path(/ping)
            deny status 404 if header(x-bad *)
            route /app/* { pool app }
            test { GET http://site.test/app/x; expect allow pool app }
            test { GET http://site.test/app/x; header "X-Bad: 1"; expect deny status 404 }
            test { GET http://site.test/old; expect redirect status 302 }
            test { GET http://site.test/ping; expect respond as ping status 204 }
            test { GET http://site.test/none; expect deny as no-route status 404 }
            %s
        }"""
    done = run("check", "-c", write(text % ""))
    assert done.returncode == 0, done.stderr
    done = run("check", "-c", write(text % "test { GET http://other.test/; expect deny }"))
    assert done.returncode == 1 and "does not come to this block" in done.stderr


# One-liners

def test_reverse_in_one_line(start, folder, origin):
    port = free_port()
    start("reverse", "--listen", f"127.0.0.1:{port}", "--to", f"127.0.0.1:{origin(OK).port}")
    until(lambda: curl(f"http://127.0.0.1:{port}/").body == b"hi", 10, "it serves")
    until(lambda: "GET / HTTP/1.1" in output(folder), 10, "a line on the terminal")


def test_forward_in_one_line(start, folder, origin, write):
    write("listed.test\n", "names.txt")
    port, o = free_port(), origin(OK)
    start("forward", "--listen", f"127.0.0.1:{port}", "--block", "ads.test", "names.txt", "--log", "access.log")
    proxy = f"http://127.0.0.1:{port}"
    until(lambda: curl("http://ads.test/", proxy=proxy).status == 403, 10, "it serves")
    assert b"blocked-host" in curl("http://deep.ads.test/", proxy=proxy).body
    assert b"blocked" in curl("http://listed.test/", proxy=proxy).body
    assert curl(f"http://127.0.0.1:{o.port}/", proxy=proxy).status == 403    # the ports, and deny-private
    until(lambda: "ads.test" in output(folder, "access.log"), 10, "a line in the log")


def test_two_at_once(start, folder, origin):
    o = origin(OK)
    ports = [free_port(), free_port()]
    for port in ports:
        start("reverse", "--listen", f"127.0.0.1:{port}", "--to", f"127.0.0.1:{o.port}")
    for port in ports:
        until(lambda: curl(f"http://127.0.0.1:{port}/").body == b"hi", 10, "both serve")


@pytest.mark.parametrize("words", [
    ["reverse", "--listen", ":8080", "--to", "127.0.0.1:9000", "app.test:80", "--to", "unix:/run/app.sock"],
    ["forward", "--listen", "3128"],
    ["forward", "--listen", "3128", "--from", "10.0.0.0/8", "192.168.1.1", "--only", ".site.test", "a.test", "--block", "b.a.test"],
    ["forward", "--listen", "3128", "--only", "192.0.2.1", "--block", "192.0.2.7", "2001:db8::7", "[2001:db8::8]", "a.test"],
    ["forward", "--listen=127.0.0.1:3128", "--log", "it's \"a\" log"],
])
def test_print_writes_what_would_run(words, write, folder):
    shown = run(*words, "--print")
    assert shown.returncode == 0
    done = run("check", "-c", write(shown.stdout))
    assert done.returncode == 0, done.stderr


def test_a_mistake_in_one_line():
    done = run("reverse", "--listen", "127.0.0.1:99999", "--to", "127.0.0.1:9")
    assert done.returncode == 1 and "99999" in done.stderr
    assert run("reverse", "--listen", "${env.X}", "--to", "127.0.0.1:9").returncode == 2


# explain

SHOP = """
log off
list bad { file bad.txt }
pool app { server 10.0.0.1:80; server app.test:8080 weight 3 }
reverse shop {
    listen 127.0.0.1:8080
    host shop.test
    deny as no-admin if path(/admin/*) and not source(10.0.0.0/8)
    set-header response x-shop yes
    route /static/* { files . }
    route /api/* if method(GET) {
        deny as slow reason "Not $method." if header(x-slow)
        pool app
    }
    pool app
}
forward out {
    listen 127.0.0.1:3128
    deny as bad-site if listed(bad)
    allow as internal if destination(192.0.2.0/24)
    allow if time(Mon-Fri 08:00-18:00)
}
"""


@pytest.mark.parametrize("words, told", [
    (["http://shop.test/admin/x"], ["block reverse shop", "deny as no-admin", "status 403", "yes      path(", "no       source("]),
    (["http://shop.test/admin/x", "--client", "10.1.1.1"], ["allow as default", "app.test:8080 weight 3"]),
    (["http://shop.test/static/a.css"], ["route /static/*", "served from the folder"]),
    (["http://shop.test/api/x", "--header", "X-Slow: 1"], ["route /api/* (a.conf:11)", "deny as slow (a.conf:12), status 403: Not GET."]),
    (["http://shop.test/api/x", "--method", "POST"], ["allow as default", "pool app"]),
    (["http://x.bad.test/", "--in", "out"], ["deny as bad-site", "list bad", "bad.txt:1"]),
    (["https://ok.test/", "--in", "out", "--at", "2026-07-06 09:00", "--to", "198.51.100.1"], ["CONNECT ok.test:443", "allow as a.conf:21"]),
    (["http://ok.test/", "--in", "out", "--at", "2026-07-05 09:00", "--to", "198.51.100.1"], ["deny as default"]),
    (["http://ok.test/", "--in", "out", "--to", "192.0.2.1"], ["allow as internal"]),
    (["http://ok.test/", "--in", "out", "--to", "10.0.0.1", "--at", "2026-07-06 09:00"], ["deny as deny-private"]),
    (["http://ok.test/", "--in", "out"], ["depends on the address", "a.conf:20"]),
])
def test_explain(words, told, write):
    write("bad.test\n", "bad.txt")
    done = run("explain", "-c", write(SHOP), *words)
    assert done.returncode == 0, done.stderr
    for part in told:
        assert part in done.stdout, done.stdout


def test_explain_asks_which_block(write):
    write("bad.test\n", "bad.txt")
    done = run("explain", "-c", write(SHOP.replace("host shop.test", "host default")), "http://shop.test/")
    assert done.returncode == 2 and "shop" in done.stderr and "out" in done.stderr
    done = run("explain", "-c", write(SHOP), "http://shop.test/", "--in", "shp")
    assert done.returncode == 2
    done = run("explain", "-c", write(SHOP), "http://other.test/", "--in", "shop")
    assert done.returncode == 0 and "421" in done.stdout


# demo and doc

def test_each_line_of_the_demo_works(start, folder):
    demo = start("demo", TMPDIR=str(folder))
    until(lambda: "Ctrl-C ends" in output(folder), 20, "the demo's lines")
    lines = [line.strip() for line in output(folder).splitlines() if re.match(r"    (curl|/|gatehouse)", line)]
    assert len(lines) == 11
    shown = {}
    for line in lines:
        done = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=30 * SLOWNESS)
        assert done.returncode == 0, (line, done.stderr)
        shown[line] = done.stdout
    texts = list(shown.values())
    page, server, front, told, denied, forward, tunnel, told2, blocked, explained, status = texts
    assert page == forward == tunnel and "<title>The demo's site</title>" in page
    assert "db7.internal" in server and "db7.internal" not in front and "x-powered-by" not in front.lower()
    assert "x-forwarded-for: 127.0.0.1" in told and "x-forwarded-for: \n" in told2
    assert denied.startswith("HTTP/1.1 403") and "Nobody gets the plan" in denied
    assert blocked.startswith("HTTP/1.1 403") and "Advertising is not fetched here" in blocked
    request = re.search(r"(?i)^x-request-id: (\S+)\r?$", blocked, re.M)
    assert request and request[1] in blocked.split("\n\n", 1)[1]
    assert "deny as ads" in explained and "serving" in status
    for name in ("style.css", "app.js", "gate.svg", "gate.png"):
        found = curl(shlex.split(lines[0])[-1] + name)
        assert found.status == 200 and found.body and name in page.replace("gate.png", "gate.png")
    assert [name for name in os.listdir(folder) if name.startswith("gatehouse-demo-")]
    os.killpg(demo.pid, signal.SIGINT)
    assert demo.wait(20 * SLOWNESS) == 0
    assert not [name for name in os.listdir(folder) if name.startswith("gatehouse-demo-")]


def test_demos_that_start_at_once_choose_other_ports(start, folder):
    names = [f"out{i}" for i in range(4)]
    for name in names:
        start("demo", to=name, TMPDIR=str(folder))
    for name in names:
        until(lambda: "Ctrl-C ends" in output(folder, name), 30, "the demo's lines")
    told = [re.search(r"site on port (\d+).*?or (http://\S+) in a browser", output(folder, name), re.S) for name in names]
    assert len({one[1] for one in told}) == len({one[2] for one in told}) == 4
    assert all(b"demo's site" in curl(one[2]).body for one in told)


def test_doc(folder):
    done = run("doc", "listen")
    assert done.returncode == 0 and "listen" in done.stdout
    assert run("doc").returncode == 0
    assert run("doc", "--man").stdout.startswith((".", "'"))
    done = run("doc", "lisen")
    assert done.returncode == 1 and "listen" in done.stderr
