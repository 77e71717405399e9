"""The configurations that must load, as they stand in ../shared/acceptance, and the wrong ones with what must be said of them."""
import os, re, subprocess

import pytest

from lib import Client, curl, free_port, run

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")

REVERSE = """# The plain reverse proxy: one listener, one server.
threads ${env.THREADS}
control ${env.DIR}/control.sock
log off

reverse site {
    listen 127.0.0.1:${env.PORT}
    to 127.0.0.1:${env.ORIGIN_PORT}
}
"""

FORWARD = """# The plain forward proxy for programs on this machine. Private addresses are let through for this test only.
threads ${env.THREADS}
control ${env.DIR}/control.sock
log off

forward office {
    listen 127.0.0.1:${env.PORT}
    deny-private off
    ports 1-65535
    tunnel-ports 1-65535
    allow if source(127.0.0.0/8)
}
"""

FORWARD_BLOCK = """# A forward proxy that blocks what a large list names.
threads ${env.THREADS}
control ${env.DIR}/control.sock
log off

list blocked { file ${env.BLOCKLIST} }

forward office {
    listen 127.0.0.1:${env.PORT}
    deny-private off
    ports 1-65535
    tunnel-ports 1-65535
    deny as blocked-site if listed(blocked)
    allow if source(127.0.0.0/8)
}
"""

EGRESS = """# An allow-list for a build machine or a sandbox: nothing leaves but to these names.
threads 1
control ${env.DIR}/control.sock

log access { to stdout; format json }

forward egress {
    listen 127.0.0.1:${env.PORT}
    allow as packages if host(deb.example registry.example .pkg.example) and port(80 443)
    deny  as not-listed reason "$host is not on the allow-list of this sandbox."

    test { GET https://registry.example/x; expect allow as packages }
    test { GET https://registry.example.evil.example/x; expect deny as not-listed }
    test { GET https://REGISTRY.example./x; expect allow as packages }
}
"""


def check(text, tmp_path, *options, **env):
    path = tmp_path / "own.conf"
    path.write_text(text)
    ports = {name: str(free_port()) for name in ("PORT", "TLS_PORT", "ORIGIN_PORT", "ORIGIN2_PORT", "ORIGIN3_PORT")}
    return run("check", "-c", path, *options, env={**os.environ, "DIR": str(tmp_path), "THREADS": "2", **ports, **env})


@pytest.mark.parametrize("text", [REVERSE, FORWARD, FORWARD_BLOCK, EGRESS], ids=["reverse", "forward", "forward-block", "egress"])
def test_it_passes_check_with_one_line(tmp_path, text):
    (tmp_path / "list.txt").write_text("blocked.test\n")
    done = check(text, tmp_path, BLOCKLIST=str(tmp_path / "list.txt"))
    assert (done.returncode, done.stderr) == (0, "") and len(done.stdout.splitlines()) == 1, done.stdout + done.stderr
    assert os.listdir(tmp_path) and not os.path.exists(tmp_path / "control.sock"), "check creates nothing"


def test_reverse_serves(gatehouse, nginx):
    name = nginx.file("acceptance.txt", b"served")
    g = gatehouse(REVERSE, THREADS=2, ORIGIN_PORT=nginx.port)
    assert curl(g.url(name)).body == b"served"
    assert g.log_lines() == []


def test_forward_lets_programs_of_this_machine_out(gatehouse, nginx):
    name = nginx.file("acceptance.txt", b"served")
    g = gatehouse(FORWARD, THREADS=2)
    assert curl(nginx.url(name), proxy=g.url("")).body == b"served"
    assert curl(nginx.url(name), "--proxytunnel", proxy=g.url("")).body == b"served"


def test_forward_block_refuses_what_its_list_names(gatehouse, nginx, web_folder):
    web_folder.put("list.txt", "".join(f"host{i}.blocked.test\n" for i in range(50_000)) + "evil.test\n")
    name = nginx.file("acceptance.txt", b"served")
    g = gatehouse(FORWARD_BLOCK, THREADS=2, BLOCKLIST=web_folder / "list.txt")
    assert curl(nginx.url(name), proxy=g.url("")).body == b"served"
    for host in ("evil.test", "www.evil.test", "host1.blocked.test", "a.host49999.blocked.test"):
        r = curl(f"http://{host}/", proxy=g.url(""))
        assert r.status == 403 and b"blocked-site" in r.body, host
        assert curl(f"https://{host}/", proxy=g.url("")).connect_status == 403


def test_egress_lets_out_only_what_it_names(gatehouse, name_server):
    dns = name_server({})
    g = gatehouse("resolver { nameserver ${env.DNS} }\n" + EGRESS, DNS=dns.address)
    r = curl("http://other.example/", proxy=g.url(""))
    assert r.status == 403 and b"other.example is not on the allow-list of this sandbox." in r.body and b"not-listed" in r.body
    for url, status in (("http://registry.example.evil.example/", 403), ("http://deb.example:8080/", 403), ("http://xpkg.example/", 403),
                        ("http://127.0.0.1/", 403), ("http://deb.example/", 502), ("http://a.pkg.example/", 502), ("http://REGISTRY.example./", 502)):
        assert curl(url, proxy=g.url("")).status == status, url     # 502: let through, but there is no such host
    assert curl("https://other.example/", proxy=g.url("")).connect_status == 403
    assert curl("https://deb.example/", proxy=g.url("")).connect_status == 502
    assert set(dns.asked) == {"deb.example", "a.pkg.example", "registry.example"}, "a name that is refused is not even looked up"


def test_egress_refuses_an_allowed_name_that_leads_inside(gatehouse, web_folder):
    web_folder.put("hosts", "127.0.0.1 deb.example\n169.254.169.254 registry.example\n")
    g = gatehouse("resolver { hosts ${env.HOSTS}/hosts }\n" + EGRESS, HOSTS=web_folder)
    for host in ("deb.example", "registry.example"):
        r = curl(f"http://{host}/", proxy=g.url(""))
        assert r.status == 403 and b"deny-private" in r.body


def test_egress_is_refused_when_a_test_of_it_fails(tmp_path):
    done = check(EGRESS.replace("expect deny as not-listed", "expect allow"), tmp_path)
    assert done.returncode == 1 and "own.conf:13:5" in done.stdout + done.stderr


# Wrong files

def wrong_files():
    folder = os.path.join(DATA, "wrong")
    return sorted(os.listdir(folder))


@pytest.mark.parametrize("name", wrong_files())
def test_a_wrong_file_is_told_at_its_place(name):
    path = os.path.join(DATA, "wrong", name)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    expected = re.findall(r"(?m)^# expect: (\d+):(\d+) (.*)$", text)
    assert expected
    done = run("check", "-c", path)
    assert done.returncode == 1
    output = done.stdout + done.stderr
    messages = re.split(rf"(?m)^(?=\S*{re.escape(name)}:\d+:\d+: )", output)[1:]
    for line, column, words in expected:
        here = [m for m in messages if re.match(rf"\S*{re.escape(name)}:{line}:{column}: ", m)]
        assert len(here) == 1 and words.lower() in here[0].lower(), output
        shown = text.splitlines()[int(line) - 1]
        assert shown.strip() in here[0], "the line itself"
        caret = next(row for row in here[0].splitlines() if "^" in row)
        source = next(row for row in here[0].splitlines() if shown.strip() in row)
        assert caret.index("^") - source.index(shown.strip()) == int(column) - 1 - (len(shown) - len(shown.lstrip())), "the caret"
    assert len(messages) == len(expected), "each mistake once, and nothing that only follows from it"


def test_a_wrong_file_does_not_start(tmp_path):
    done = run("run", "-c", os.path.join(DATA, "wrong", "01-misspelt-directive.conf"))
    assert done.returncode == 1 and "did you mean 'conceal'" in done.stderr


@pytest.mark.parametrize("name", ["reverse.conf", "forward.conf", "forward-block.conf", "egress.conf"])
def test_the_copies_here_are_those_of_the_contract(name):
    path = os.path.join(os.path.dirname(__file__), "../../../shared/acceptance", name)
    if not os.path.exists(path):
        pytest.skip("the contract's own files are not on this machine")
    copies = {"reverse.conf": REVERSE, "forward.conf": FORWARD, "forward-block.conf": FORWARD_BLOCK, "egress.conf": EGRESS}
    with open(path, encoding="utf-8") as file:
        assert file.read() == copies[name]


def test_the_examples_load(web_folder):
    """`check` looks whether there is an uacme."""
    os.chmod(web_folder.put("uacme", "#!/bin/sh\n"), 0o755)
    env = {**os.environ, "PATH": f"{web_folder}:{os.environ['PATH']}"}
    folder = os.path.join(os.path.dirname(DATA), "../../conf/examples")
    found = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names if name.endswith(".conf")]
    for path in found:
        done = subprocess.run([os.environ.get("GATEHOUSE") or run.__globals__["binary"](), "check", "-c", path], capture_output=True, text=True, env=env)
        assert done.returncode == 0, f"{path}:\n{done.stdout}{done.stderr}"


def test_a_client_sees_no_difference_between_the_reverse_proxy_and_its_server(gatehouse, nginx):
    nginx.file("same.txt", b"same" * 1000)
    g = gatehouse(REVERSE, THREADS=1, ORIGIN_PORT=nginx.port)
    with Client(g.port) as through, Client(nginx.port) as direct:
        for path in ("/same.txt", "/status/404", "/status/204", "/status/301"):
            a, b = through.get(path, "127.0.0.1"), direct.get(path, "127.0.0.1")
            assert (a.status, a.body, a["content-type"], a["etag"]) == (b.status, b.body, b["content-type"], b["etag"]), path
