"""Access logs: their forms, what is never in them, which request goes where, and rotation."""
import json, os, re, signal, socket

import pytest

from lib import Client, curl, free_port, record_of, records, run, until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhi"


def conf(logs, rules=""):
    return f"""
{logs}
threads 1
reverse site {{
    listen 127.0.0.1:${{env.PORT}}
{rules}
    to 127.0.0.1:${{env.ORIGIN_PORT}}
}}
"""


@pytest.fixture
def site(gatehouse, origin):
    def start(logs, rules="", **env):
        o = origin(OK)
        return gatehouse(conf(logs, rules), ORIGIN_PORT=o.port, **env)
    return start


def ask(g, path="/", *fields, host="site.test"):
    with Client(g.port) as c:
        return c.get(path, host, *fields)


# Forms

def test_json_has_the_members_of_a_request(site):
    g = site("log { to stdout; format json }")
    r = ask(g, "/a?b=c", "User-Agent: tester/1.0", "Referer: http://ref.test/")
    line = record_of(g, r)
    want = {"id": r["x-request-id"], "client": "127.0.0.1", "method": "GET", "host": "site.test", "url": "http://site.test/a?b=c",
            "status": 200, "bytes_in": 0, "bytes_out": 2, "mode": "reverse", "block": "site", "verdict": "allow", "rule": "default",
            "user_agent": "tester/1.0", "referer": "http://ref.test/", "upstream_status": 200}
    assert {name: line.get(name) for name in want} == want
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]) and line["duration_ms"] >= 0


def test_json_counts_the_bytes_of_bodies(site):
    g = site("log { to stdout; format json }")
    with Client(g.port) as c:
        c.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
        c.response()
        c.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3\r\nabc\r\n0\r\n\r\n")
        c.response()
    assert [(r["bytes_in"], r["bytes_out"]) for r in records(g, 2)] == [(5, 2), (8, 2)]


COMBINED = r'(\S+) - (\S+) \[(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "([^"]*)" (\d{3}|-) (\d+|-) "([^"]*)" "([^"]*)"'


def test_combined_is_apaches_form_and_the_default_on_stdout(site):
    g = site("")
    ask(g, "/a?b=c", "User-Agent: tester/1.0", "Referer: http://ref.test/")
    line = g.log_lines(at_least=1)[0]
    got = re.fullmatch(COMBINED, line)
    assert got, line
    assert got.groups()[:2] == ("127.0.0.1", "-") and got.groups()[3:] == ("GET /a?b=c HTTP/1.1", "200", "2", "http://ref.test/", "tester/1.0")


def test_combined_writes_a_dash_for_what_is_not_there(site):
    g = site("log { to stdout; format combined }", "    respond 204 if path(/empty)")
    ask(g, "/empty")
    assert re.fullmatch(r'127\.0\.0\.1 - - \[[^]]+\] "GET /empty HTTP/1\.1" 204 (0|-) "-" "-"', g.log_lines(at_least=1)[0])


SQUID = r"(\d+\.\d{3}) +(\d+) (\S+) (\w+)/(\d{3}) (\d+) (\S+) (\S+) (\S+) (\w+)/(\S+) (\S+)"


def test_squids_native_form(gatehouse, origin):
    o = origin(OK)
    g = gatehouse("""
log { to stdout; format squid }
forward f { listen 127.0.0.1:${env.PORT}; deny-private off; deny if host(bad.test); allow if source(127.0.0.0/8) }
""")
    with Client(g.port) as c:
        c.send(f"GET http://127.0.0.1:{o.port}/a HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        c.response()
        c.send(b"GET http://bad.test/ HTTP/1.1\r\nHost: bad.test\r\n\r\n")
        c.response()
    one, two = (re.fullmatch(SQUID, line).groups() for line in g.log_lines(at_least=2))
    assert (one[2], one[3], one[4], one[6], one[7], one[9], one[10], one[11]) == (
        "127.0.0.1", "TCP_MISS", "200", "GET", f"http://127.0.0.1:{o.port}/a", "HIER_DIRECT", "127.0.0.1", "text/plain")
    assert (two[3], two[4], two[7], two[9], two[10]) == ("TCP_DENIED", "403", "http://bad.test/", "HIER_NONE", "-")


def test_a_form_of_ones_own_takes_variables(site):
    g = site('log { to stdout; format "$method|$url|$status|$header.x-mine|$rule|$client_address|$request_id|$$" }')
    r = ask(g, "/a", "X-Mine: one two")
    assert g.log_lines(at_least=1)[0] == f"GET|http://site.test/a|200|one two|default|127.0.0.1|{r['x-request-id']}|$"


def test_an_unknown_variable_is_an_error(tmp_path):
    path = tmp_path / "g.conf"
    path.write_text('log { to stdout; format "$nonsense" }\nreverse s { listen 127.0.0.1:8080; to 127.0.0.1:1 }\n')
    done = run("check", "-c", path)
    assert done.returncode == 1 and "g.conf:1:" in done.stdout + done.stderr and "nonsense" in done.stdout + done.stderr


def test_requests_that_were_never_valid_are_logged_too(site):
    g = site("log { to stdout; format json }")
    for raw, status in ((b"GET /x HTTP/1.1\r\n\r\n", 400), (b"NONSENSE\r\n\r\n", 400), (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 414)):
        with Client(g.port) as c:
            c.send(raw)
            r = c.response()
            assert r.status == status
            assert record_of(g, r)["status"] == status and record_of(g, r)["fault"]


# What strangers write

HOSTILE = ['quote " end', "back\\slash", "tab\tend", "high \xff\xfe", "del\x80", "</script>", "x\" 200 5 \"-\" \"forged"]


@pytest.mark.parametrize("form", ["json", "combined", "squid", '"$header.user-agent|$url"'])
def test_hostile_bytes_are_escaped_and_never_make_a_second_line(site, form):
    g = site(f"log {{ to stdout; format {form} }}")
    for text in HOSTILE:
        with Client(g.port) as c:
            c.send(b"GET /?q=%22%0a%0d HTTP/1.1\r\nHost: x\r\nUser-Agent: " + text.encode("latin-1") + b"\r\nReferer: "
                   + text.encode("latin-1") + b"\r\n\r\n")
            c.response()
    lines = g.log_lines(at_least=len(HOSTILE))
    assert len(lines) == len(HOSTILE)
    for line, text in zip(lines, HOSTILE):
        assert all(0x20 <= ord(c) < 0x7f for c in line), line
        if form == "json":
            assert json.loads(line)["user_agent"] == text
        elif form == "combined":
            assert re.fullmatch(COMBINED, line), line
        elif form == "squid":
            assert re.fullmatch(SQUID, line), line


def test_hostile_bytes_of_a_request_line_are_escaped(site):
    g = site("log { to stdout; format combined }")
    with Client(g.port) as c:
        c.send(b'GET /"\\\x1b[31m\xff HTTP/1.1\r\nHost: x\r\n\r\n')
        assert c.response().status == 400
    line = g.log_lines(at_least=1)[0]
    assert all(0x20 <= ord(c) < 0x7f for c in line) and re.fullmatch(COMBINED, line)


# What is never in a log

SECRETS = ["Authorization: Basic S0VZ1", "Proxy-Authorization: Basic S0VZ2", "Cookie: sid=S0VZ3", "X-Api-Key: S0VZ4", "X-Open: shown"]


def test_credentials_are_always_redacted_and_what_redact_adds(site):
    g = site('log { to stdout; redact x-api-key; format "$header.authorization|$header.proxy-authorization|$header.cookie|$header.X-API-Key|$header.x-open" }')
    ask(g, "/", *SECRETS)
    line = g.log_lines(at_least=1)[0]
    assert "S0VZ" not in line and line.split("|")[4] == "shown"
    assert all(part not in ("", "-") for part in line.split("|")[:4]), "that there was one may be seen"


def test_redact_hides_the_user_agent_and_the_referer_too(site):
    g = site("log { to stdout; redact user-agent referer; format json }")
    r = ask(g, "/", "User-Agent: S0VZ1", "Referer: http://S0VZ2/")
    record_of(g, r)
    assert "S0VZ" not in "".join(g.log_lines())


def test_nothing_secret_is_in_any_form_by_itself(site):
    g = site("log a { to stdout; format json }\nlog b { to stdout; format combined }\nlog c { to stdout; format squid }")
    ask(g, "/", *SECRETS)
    assert "S0VZ" not in "".join(g.log_lines(at_least=3)) and "S0VZ" not in g.errors()


@pytest.mark.parametrize("how,shown", [("clear", "127.0.0.1"), ("masked", "127.0.0.0"), ("off", None)])
def test_addresses_are_shown_as_the_directive_says(site, how, shown):
    g = site(f"log a {{ to stdout; format json; addresses {how} }}\nlog b {{ to file ${{env.DIR}}/b.log; format \"$client_address|$header.x-forwarded-for\"; addresses {how} }}")
    r = ask(g, "/", "X-Forwarded-For: 10.20.30.40")
    assert record_of(g, r).get("client") == shown
    line = g.log_lines("b.log", at_least=1)[0]
    assert line.split("|")[0] in ((shown,) if shown else ("", "-"))
    if how != "clear":
        assert "10.20.30.40" not in line and "127.0.0.1" not in "".join(g.log_lines()).replace("127.0.0.1:", "")


# Which log

def test_every_log_gets_every_request(site):
    g = site("log one { to stdout; format json }\nlog two { to file ${env.DIR}/two.log; format combined }")
    for i in range(3):
        ask(g, f"/{i}")
    assert len(g.log_lines(at_least=3)) == 3 and len(g.log_lines("two.log", at_least=3)) == 3


def test_log_off_writes_nothing(site):
    g = site("log off")
    for _ in range(3):
        ask(g)
    assert g.log_lines() == []


def test_a_rule_sends_a_request_to_one_log_only_or_to_none(site):
    g = site('log one { to file ${env.DIR}/one.log; format "$path" }\nlog two { to file ${env.DIR}/two.log; format "$path" }',
             "    log two if path(/two/*)\n    log off if path(/health)")
    for path in ("/a", "/two/b", "/health", "/c"):
        ask(g, path)
    assert g.log_lines("one.log", at_least=2) == ["/a", "/c"]
    assert g.log_lines("two.log", at_least=3) == ["/a", "/two/b", "/c"]


def test_the_file_is_made_if_it_is_missing_and_is_not_the_worlds_to_write(site):
    g = site("log { to file ${env.DIR}/new.log; format json }")
    ask(g)
    g.log_lines("new.log", at_least=1)
    assert os.stat(g.dir / "new.log").st_mode & 0o022 == 0


def test_a_log_that_cannot_be_opened_refuses_the_start(tmp_path):
    path = tmp_path / "g.conf"
    path.write_text(f"control c.sock\nlog {{ to file no-such-folder/a.log }}\n"
                    f"reverse s {{ listen 127.0.0.1:{free_port()}; to 127.0.0.1:1 }}\n")
    done = run("run", "-c", path)
    assert done.returncode == 1 and "g.conf:2:" in done.stderr and "no-such-folder" in done.stderr


def test_a_log_that_cannot_be_opened_opens_no_listener(tmp_path):
    path = tmp_path / "g.conf"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        path.write_text(f"control c.sock\nlog {{ to file no-such-folder/a.log }}\n"
                        f"reverse s {{ listen 127.0.0.1:{taken.getsockname()[1]}; to 127.0.0.1:1 }}\n")
        done = run("run", "-c", path)
    assert done.returncode == 1 and "no-such-folder" in done.stderr and "cannot listen" not in done.stderr


@pytest.mark.parametrize("where, words", [("no-such-folder/a.log", "No such file or directory"), ("folder", "Is a directory"),
                                          ("g.conf/a.log", "Not a directory"), ("link", "Too many levels of symbolic links")])
def test_check_tells_a_log_that_cannot_be_opened(tmp_path, where, words):
    path = tmp_path / "g.conf"
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    path.write_text(f"\nlog {{ to file {where} }}\nreverse s {{ listen 127.0.0.1:8080; to 127.0.0.1:1 }}\n")
    done = run("check", "-c", path)
    assert done.returncode == 1 and "g.conf:2:" in done.stderr
    assert f"the log cannot be written to {tmp_path}/{where}: {words}" in done.stderr


def test_check_makes_no_log(tmp_path):
    path = tmp_path / "g.conf"
    (tmp_path / "there.log").write_text("line\n")
    for name in ("new.log", "there.log"):
        path.write_text(f"log {{ to file {name} }}\nreverse s {{ listen 127.0.0.1:8080; to 127.0.0.1:1 }}\n")
        assert run("check", "-c", path).returncode == 0
    assert sorted(os.listdir(tmp_path)) == ["g.conf", "there.log"] and (tmp_path / "there.log").read_text() == "line\n"


def test_lines_go_to_stderr(site):
    g = site('log { to stderr; format "line $path" }')
    ask(g, "/err")
    until(lambda: "line /err\n" in g.errors(), 10, "a line on stderr")


@pytest.mark.parametrize("where", ["unix", "udp"])
def test_lines_go_to_syslog(site, web_folder, where):
    if where == "unix":
        server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        server.bind(web_folder / "syslog")
        os.chmod(web_folder / "syslog", 0o666)
        address = f"unix:{web_folder / 'syslog'}"
    else:
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{server.getsockname()[1]}"
    with server:
        server.settimeout(10)
        g = site(f'log {{ to syslog {address}; format "line $path" }}')
        ask(g, "/sys")
        message = server.recv(4096).decode()
        assert re.match(r"<\d+>", message) and message.rstrip("\n").endswith("line /sys")


# Rotation

def test_sigusr1_opens_the_files_again_and_loses_no_line(site):
    g = site('log { to file ${env.DIR}/a.log; format "$path" }')
    ask(g, "/before")
    g.log_lines("a.log", at_least=1)
    os.rename(g.dir / "a.log", g.dir / "a.log.1")
    ask(g, "/between")
    assert g.log_lines("a.log.1", at_least=2) == ["/before", "/between"]
    os.kill(g.pid, signal.SIGUSR1)
    until(lambda: os.path.exists(g.dir / "a.log"), 10, "a new file")

    def reaches_the_new_file():
        ask(g, "/after")
        return os.path.getsize(g.dir / "a.log") > 0
    until(reaches_the_new_file, 10, "lines in the new file")
    old, new = g.log_lines("a.log.1"), g.log_lines("a.log")
    assert old[:2] == ["/before", "/between"] and set(old[2:] + new) == {"/after"}


def test_lines_wait_for_nobody_and_are_all_there_at_the_end(site):
    g = site('log { to file ${env.DIR}/a.log; format "$path" }')
    with Client(g.port) as c:
        c.send(b"".join(f"GET /{i} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for i in range(500)))
        for _ in range(500):
            c.response()
    assert g.log_lines("a.log", at_least=500) == [f"/{i}" for i in range(500)]


def test_denials_and_their_rules_are_logged(site):
    g = site("log { to stdout; format json }", '    deny as secret reason "it is" if path(/secret)\n    redirect as moved /x if path(/old)')
    line = record_of(g, ask(g, "/secret"))
    assert (line["rule"], line["verdict"], line["reason"], line["status"]) == ("secret", "deny", "it is", 403)
    line = record_of(g, ask(g, "/old"))
    assert (line["rule"], line["verdict"], line["status"]) == ("moved", "redirect", 302)


def test_a_rule_without_a_name_is_called_by_its_file_and_line(site):
    g = site("log { to stdout; format json }", "    deny if path(/secret)")
    line = record_of(g, ask(g, "/secret"))
    assert re.search(r"gatehouse\.conf:6$", line["rule"])


def test_curls_aborted_download_is_logged_as_such(gatehouse, nginx):
    name = nginx.file("slow/large.bin", b"x" * 3_000_000)
    g = gatehouse(conf("log { to stdout; format json }"), ORIGIN_PORT=nginx.port)
    curl(g.url("/slow" + name), "--max-time", "0.3")
    line = records(g)[0]
    assert line["fault"] == "client-gone" and line["bytes_out"] < 3_000_000
