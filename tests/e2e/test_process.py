"""Supervisor and worker: signals, reload, respawn, the control socket, what the worker has given up."""
import json, os, re, select, signal, socket, stat, subprocess, threading, time

import pytest

from lib import SLOWNESS, Client, Origin, binary, curl, free_port, records, run, tcp_sockets, temp_dir, until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
SITE = """
reverse site {
    listen 127.0.0.1:${env.PORT}
    to 127.0.0.1:${env.ORIGIN_PORT}
}
"""
OTHER = """
reverse site {
    listen 127.0.0.1:${env.PORT}
    respond 200 body "other"
    to 127.0.0.1:${env.ORIGIN_PORT}
}
"""
is_root = os.geteuid() == 0


def status_of(g):
    done = g.command("status", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def serving(gatehouse):
    """As gatehouse(), and returns when all threads serve: the sockets are open a moment before that."""
    def start(text, **env):
        g = gatehouse(text, **env)
        until(lambda: g.command("status").returncode == 0, 10, "it serves")
        return g
    return start


def refuses(port):
    try:
        Client(port).close()
        return False
    except ConnectionRefusedError:
        return True


def proc_status(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def is_sanitized():
    return "no system call filter" in run("--version").stdout


# Start

def test_every_mistake_is_told_at_start(serving, origin):
    folder = temp_dir("start")
    with open(folder / "a.conf", "w", encoding="utf-8") as file:
        file.write("threds 2\nreverse a {\n    listen 127.0.0.1:1\n    to 127.0.0.1:9\n    conceal maybe\n}\n")
    done = run("run", "-c", folder / "a.conf")
    folder.remove()
    assert done.returncode == 1
    assert "a.conf:1:1: " in done.stderr and "did you mean 'threads'?" in done.stderr
    assert "a.conf:5:13: " in done.stderr


def test_a_failing_policy_test_is_no_start(gatehouse):
    folder = temp_dir("start")
    with open(folder / "a.conf", "w", encoding="utf-8") as file:
        file.write("control c.sock\nforward a {\n    listen 127.0.0.1:%d\n    allow if source(10.0.0.0/8)\n    deny\n"
                   "    test { from 10.0.0.1; GET http://site.test/; expect deny }\n}\n" % free_port())
    done = run("run", "-c", folder / "a.conf")
    folder.remove()
    assert done.returncode == 1
    assert "a.conf:6:5: expected deny, got allow as a.conf:4" in done.stderr


def test_an_address_in_use_is_no_start(gatehouse, origin):
    o = origin(OK)
    first = gatehouse(SITE, ORIGIN_PORT=o.port)
    second = gatehouse(SITE.replace("PORT}", "TAKEN}", 1), wait=False, TAKEN=first.port, ORIGIN_PORT=o.port)
    assert second.process.popen.wait(10 * SLOWNESS) == 1
    assert f"cannot listen on 127.0.0.1:{first.port}" in second.errors()
    second.kill()
    assert curl(first.url()).body == b"hi"


def test_a_second_gatehouse_on_the_control_socket_is_no_start(gatehouse, origin):
    o = origin(OK)
    first = gatehouse(SITE, ORIGIN_PORT=o.port)
    text = "control ${env.SOCKET}\n" + SITE.replace("PORT}", "PORT2}", 1)
    second = gatehouse(text, wait=False, PORT2=free_port(), ORIGIN_PORT=o.port, SOCKET=first.dir / "control.sock")
    assert second.process.popen.wait(10 * SLOWNESS) == 1
    assert "another gatehouse answers" in second.errors()
    second.kill()
    assert status_of(first)["state"] == "serving"


def test_a_stale_control_socket_is_replaced(serving, origin):
    g = serving(SITE, ORIGIN_PORT=origin(OK).port)
    path = g.dir / "control.sock"
    os.kill(g.pid, signal.SIGKILL)
    until(g.process.group_is_empty, 5, "the worker ends with its supervisor")
    g.process.popen.wait()
    until(lambda: not any(s.local == g.port and s.state == "LISTEN" for s in tcp_sockets()), 5, "the kernel has closed its listeners")
    assert stat.S_ISSOCK(os.stat(path).st_mode)
    again = subprocess.Popen([binary(), "run", "-c", g.conf], env=g.env, stderr=subprocess.DEVNULL)
    until(lambda: curl(g.url()).status == 200, 10, "it serves again")
    assert run("stop", "-c", g.conf, env=g.env).returncode == 0
    assert again.wait(10 * SLOWNESS) == 0
    assert not os.path.exists(path)
    g.kill()


# The worker's rights

@pytest.mark.skipif(not is_root, reason="only root has something to give up")
def test_the_worker_has_given_up_everything(serving, origin):
    g = serving(SITE, ORIGIN_PORT=origin(OK).port)
    worker, = g.workers()
    fields = proc_status(worker)
    assert fields["Uid"].split()[0] != "0" and len(set(fields["Uid"].split())) == 1
    assert "0" not in fields["Gid"].split() and "0" not in fields["Groups"].split()
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(fields[name], 16) == 0, name
    assert fields["NoNewPrivs"] == "1"
    if not is_sanitized():
        assert fields["Seccomp"] == "2"
    assert os.stat(f"/proc/{worker}/environ").st_uid == 0     # not dumpable: its files belong to root
    assert curl(g.url()).body == b"hi"


def test_the_worker_holds_no_files_open_for_writing(serving, origin):
    g = serving("log { to file ${env.DIR}/access.log }" + SITE, ORIGIN_PORT=origin(OK).port)
    worker, = g.workers()
    for fd in os.listdir(f"/proc/{worker}/fd"):
        target = os.readlink(f"/proc/{worker}/fd/{fd}")
        with open(f"/proc/{worker}/fdinfo/{fd}", encoding="utf-8") as file:
            flags = int(re.search(r"flags:\t(\d+)", file.read())[1], 8)
        if target.startswith("/") and not target.startswith(("/dev", "/memfd")) and flags & 3:
            assert target.endswith(("access.log", "gatehouse.out", "gatehouse.err")), target
            assert flags & os.O_APPEND, target


# Respawn

def test_a_killed_worker_is_replaced_and_no_connection_refused(serving, origin):
    g = serving(SITE, ORIGIN_PORT=origin(OK).port)
    worker, = g.workers()
    refused, stop, done = [], threading.Event(), []

    def ask():
        while not stop.is_set():
            try:
                with Client(g.port) as c:
                    done.append(c.get("/").status)
            except ConnectionRefusedError as error:
                refused.append(error)
            except (OSError, EOFError):
                pass                                    # it was in flight

    threads = [threading.Thread(target=ask) for _ in range(4)]
    [t.start() for t in threads]
    try:
        until(lambda: len(done) > 20, 10, "requests")
        os.kill(worker, signal.SIGKILL)
        began = time.monotonic()
        with Client(g.port) as c:                       # waits in the queue of the kernel
            assert c.get("/").status == 200
        assert time.monotonic() - began < 0.2 * SLOWNESS * 5    # the tests beside this one take their share of the cores
    finally:
        stop.set()
        [t.join() for t in threads]
    assert not refused
    assert g.workers() and g.workers() != [worker]
    assert f"worker {worker} was ended by signal 9" in g.errors()


def test_a_new_worker_gets_the_configuration_in_force(serving, origin):
    g = serving(SITE, ORIGIN_PORT=origin(OK).port)
    worker, = g.workers()
    g.write("nonsense {")
    os.kill(worker, signal.SIGKILL)
    assert curl(g.url()).body == b"hi"
    assert g.workers() != [worker]


def test_a_worker_that_dies_again_and_again_is_given_time(serving, origin):
    g = serving(SITE, ORIGIN_PORT=origin(OK).port)
    seen = set()

    def kill_one():
        for worker in g.workers():
            if worker not in seen:
                seen.add(worker)
                os.kill(worker, signal.SIGKILL)
        return len(seen) >= 4

    began = time.monotonic()
    until(kill_one, 20, "four workers")
    assert time.monotonic() - began > 0.25             # 0, 0.1 and 0.2 seconds between them
    until(lambda: curl(g.url()).status == 200, 20, "service")


def test_the_worker_ends_with_its_supervisor(serving, origin):
    g = serving(SITE, ORIGIN_PORT=origin(OK).port)
    os.kill(g.pid, signal.SIGKILL)
    until(g.process.group_is_empty, 5, "the worker ends")
    g.kill()


def test_a_supervisor_that_stands_still_holds_up_nobody(serving, origin, web_folder):
    """A thread of traffic waited for it to open the hosts file."""
    a = origin(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold", host="127.0.0.2")
    origin(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew", host="127.0.0.3", port=a.port)
    web_folder.put("hosts", "127.0.0.2 app.test\n")
    g = serving("threads 1\nresolver { hosts ${env.HOSTS} }" + SITE.replace("127.0.0.1:${env.O", "app.test:${env.O"),
                HOSTS=web_folder / "hosts", ORIGIN_PORT=a.port)

    def body():
        with Client(g.port) as c:
            return c.get("/").body
    assert body() == b"old"
    os.kill(g.pid, signal.SIGSTOP)
    try:
        os.rename(web_folder.put("hosts.new", "127.0.0.3 app.test\n"), web_folder / "hosts")
        looked_twice = time.monotonic() + 2.2           # at the file, which is done once a second
        while time.monotonic() < looked_twice:
            assert body() == b"old"
    finally:
        os.kill(g.pid, signal.SIGCONT)
    until(lambda: body() == b"new", 5, "the new hosts file is followed")


# Reload

def test_reload_serves_the_new_file(serving, origin):
    g = serving(SITE, ORIGIN_PORT=origin(OK).port)
    with Client(g.port) as c:                           # a connection from before gets the new configuration too
        assert c.get("/").body == b"hi"
        done = g.reload(OTHER)
        assert done.returncode == 0, done.stderr
        assert "generation 2" in done.stdout and "changed file" in done.stdout
        assert c.get("/").body == b"other"
    assert curl(g.url()).body == b"other"
    assert status_of(g)["generation"] == 2


def test_reload_by_signal(serving, origin):
    g = serving(SITE, ORIGIN_PORT=origin(OK).port)
    worker = g.workers()
    g.write(OTHER)
    os.kill(g.pid, signal.SIGHUP)
    until(lambda: curl(g.url()).body == b"other", 10, "the new configuration")
    assert g.workers() == worker                        # in the same process


def test_a_wrong_file_changes_nothing(serving, origin):
    g = serving(SITE, ORIGIN_PORT=origin(OK).port)
    done = g.reload(SITE.replace("to 127", "too 127"))
    assert done.returncode == 1
    assert "unknown directive 'too'" in done.stderr and "did you mean 'to'?" in done.stderr
    assert curl(g.url()).body == b"hi"
    assert "unknown directive 'too'" in g.errors() and "not reloaded" in g.errors()
    assert status_of(g)["generation"] == 1
    done = g.reload(OTHER)
    assert done.returncode == 0, done.stderr
    assert curl(g.url()).body == b"other"


def test_a_missing_list_and_a_failing_test_refuse_a_reload(serving, origin):
    base = "forward a {\n    listen 127.0.0.1:${env.PORT}\n    deny-private off\n    ports 1-65535\n%s    allow\n}\n"
    g = serving(base % "")
    done = g.reload("list l { file ${env.DIR}/no.such }\n" + base % "    deny if listed(l)\n")
    assert done.returncode == 1 and "no.such" in done.stderr
    done = g.reload(base % "    test { GET http://site.test/; expect deny }\n")
    assert done.returncode == 1 and "expected deny, got allow" in done.stderr
    o = origin(OK)
    assert curl(f"http://127.0.0.1:{o.port}/", proxy=g.url("")).body == b"hi"


def test_a_list_is_read_again(serving, origin):
    o = origin(OK)
    text = """
        list l { file ${env.DIR}/names }
        forward a {
            listen 127.0.0.1:${env.PORT}
            deny-private off
            ports 1-65535
            deny as listed-site if listed(l)
            allow
        }"""
    folder = temp_dir("names")
    with open(folder / "names", "w", encoding="utf-8") as file:
        file.write("blocked.test\n")
    os.chmod(folder / "names", 0o600 if is_root else 0o400)  # the supervisor opens it, whatever the worker may
    g = serving(text.replace("${env.DIR}", str(folder)))
    assert curl("http://blocked.test/", proxy=g.url("")).status == 403
    with open(folder / "names.new", "w", encoding="utf-8") as file:
        file.write("127.0.0.1\n")
    os.rename(folder / "names.new", folder / "names")
    assert g.reload().returncode == 0
    assert curl(f"http://127.0.0.1:{o.port}/", proxy=g.url("")).status == 403
    folder.remove()


def test_listeners_come_and_go(serving, origin):
    g = serving(SITE, ORIGIN_PORT=origin(OK).port, NEW=free_port())
    new = int(g.env["NEW"])
    with Client(g.port) as kept:
        assert kept.get("/").body == b"hi"
        done = g.reload(SITE.replace("127.0.0.1:${env.PORT}", "127.0.0.1:${env.NEW}"))
        assert done.returncode == 0, done.stderr
        assert "+ listen 127.0.0.1:%d" % new in done.stdout and "- listen 127.0.0.1:%d" % g.port in done.stdout
        assert curl(f"http://127.0.0.1:{new}/").body == b"hi"
        assert curl(g.url()).exit == 7
    done = g.reload(SITE)
    assert done.returncode == 0
    assert curl(g.url()).body == b"hi"
    assert curl(f"http://127.0.0.1:{new}/").exit == 7


def test_a_new_listener_that_is_taken_refuses_the_reload(serving, origin):
    o = origin(OK)
    g = serving(SITE, ORIGIN_PORT=o.port)
    done = g.reload(SITE.replace("    to", f"    listen 127.0.0.1:{o.port}\n    to"))
    assert done.returncode == 1 and "cannot listen" in done.stderr
    assert curl(g.url()).body == b"hi"


def test_other_threads_mean_another_worker(serving, origin):
    g = serving("threads 1\n" + SITE, ORIGIN_PORT=origin(OK).port)
    before = g.workers()
    with Client(g.port) as c:
        assert c.get("/").body == b"hi"
        done = g.reload("threads 3\n" + SITE)
        assert done.returncode == 0, done.stderr
        assert "new worker" in done.stdout
        until(lambda: len(g.workers()) == 1 and g.workers() != before, 10, "the old worker drains")
    assert status_of(g)["threads"] == 3
    for _ in range(20):
        assert curl(g.url()).body == b"hi"
    done = g.reload("threads 1\n" + SITE)
    assert done.returncode == 0
    for _ in range(20):
        assert curl(g.url()).body == b"hi"


def test_whether_a_listener_is_for_ipv4_too_cannot_change_under_it(gatehouse):
    text = "\nreverse site {{ listen {}; respond 200 body hi }}\n"
    both = text.format(":${env.PORT}")
    g = gatehouse(both)
    done = g.reload(text.format("[::]:${env.PORT}"))
    assert done.returncode == 1 and "is listened on with IPv4" in done.stderr, done.stderr
    assert g.reload(both).returncode == 0
    with Client(g.port) as c:
        assert c.get("/").body == b"hi"


def test_reloads_under_traffic_lose_nothing(serving, origin):
    g = serving(SITE, ORIGIN_PORT=origin(OK).port)
    wrong, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            try:
                with Client(g.port) as c:
                    for _ in range(5):
                        if (status := c.get("/").status) != 200:
                            wrong.append(status)
            except (OSError, EOFError) as error:
                wrong.append(repr(error))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    [t.start() for t in threads]
    try:
        for _ in range(10):
            assert g.reload(SITE).returncode == 0
    finally:
        stop.set()
        [t.join() for t in threads]
    assert not wrong


# The end

def slow_answer(conn):
    while conn.request():
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        conn.gate.wait(20)
        conn.send(b"cd")


@pytest.fixture
def held(origin):
    """An origin that holds back the second half of its answers until .gate is set."""
    gate = threading.Event()

    def script(conn):
        conn.gate = gate
        slow_answer(conn)

    o = origin(script)
    o.gate = gate
    yield o
    gate.set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_drain_lets_answers_end(serving, held, number):
    g = serving(SITE, ORIGIN_PORT=held.port)
    with Client(g.port) as c, Client(g.port) as idle:
        c.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        c.read_until(b"\r\n\r\nab")
        os.kill(g.pid, number)
        assert idle.is_closed(5)
        until(lambda: refuses(g.port), 5, "nothing new is accepted")
        assert g.process.running()
        held.gate.set()
        assert c.read_exactly(2) == b"cd"
    assert g.process.popen.wait(10 * SLOWNESS) == 0


def test_a_second_signal_ends_at_once(serving, held):
    g = serving("log { to stdout; format json }" + SITE, ORIGIN_PORT=held.port)
    with Client(g.port) as c:
        c.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        c.read_until(b"\r\n\r\nab")
        os.kill(g.pid, signal.SIGTERM)
        until(lambda: refuses(g.port), 5, "it drains")
        assert g.process.running()
        os.kill(g.pid, signal.SIGTERM)
        assert g.process.popen.wait(5 * SLOWNESS) == 0
    line = records(g)[0]
    assert (line["fault"], line["bytes_out"]) == ("shutdown", 2), "what was sent until then is counted"


def test_a_second_signal_makes_no_answer_look_whole(serving, origin):
    def half(conn):
        conn.request()
        conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
        conn.is_closed(20)

    g = serving(SITE, ORIGIN_PORT=origin(half).port)
    with Client(g.port) as c:
        c.send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")      # for this client the end is that of the connection
        c.read_until(b"\r\n\r\nab")
        os.kill(g.pid, signal.SIGTERM)
        until(lambda: refuses(g.port), 5, "it drains")
        os.kill(g.pid, signal.SIGTERM)
        with pytest.raises(ConnectionResetError):
            while c.sock.recv(4096):
                pass


def test_signals_up_to_its_very_end_leave_its_status_alone(serving):
    g = serving(SITE, ORIGIN_PORT=1)
    while g.process.popen.poll() is None:
        os.kill(g.pid, signal.SIGTERM)
    assert g.process.popen.returncode == 0


def test_the_drain_ends_what_takes_too_long(serving, held):
    g = serving("timeouts { drain 300ms }" + SITE, ORIGIN_PORT=held.port)
    with Client(g.port) as c:
        c.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        c.read_until(b"\r\n\r\nab")
        os.kill(g.pid, signal.SIGTERM)
        assert g.process.popen.wait(5 * SLOWNESS) == 0


def test_drain_and_stop_by_command(serving, held):
    g = serving(SITE, ORIGIN_PORT=held.port)
    with Client(g.port) as c:
        c.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        c.read_until(b"\r\n\r\nab")
        draining = subprocess.Popen([binary(), "drain", "-c", g.conf], env=g.env, stdout=subprocess.PIPE, text=True)
        until(lambda: refuses(g.port), 5, "it drains")
        assert draining.poll() is None                  # waits for the end
        assert status_of(g)["state"] == "draining"
        assert g.command("reload").returncode == 1
        assert g.command("stop").returncode == 0
        assert draining.wait(5 * SLOWNESS) == 0
    assert g.process.popen.wait(5 * SLOWNESS) == 0
    assert g.command("status").returncode == 3


# Logs

def test_logs_are_reopened(serving, origin):
    g = serving("log { to file ${env.DIR}/access.log }" + SITE, ORIGIN_PORT=origin(OK).port)
    assert curl(g.url("/one")).status == 200
    g.log_lines("access.log", 1)
    assert stat.S_IMODE(os.stat(g.dir / "access.log").st_mode) == 0o640
    os.rename(g.dir / "access.log", g.dir / "access.log.1")
    os.kill(g.pid, signal.SIGUSR1)
    until(lambda: os.path.exists(g.dir / "access.log"), 5, "the new file")

    def goes_to_new():
        assert curl(g.url("/two")).status == 200
        return any("/two" in line for line in g.log_lines("access.log"))
    until(goes_to_new, 5, "lines in the new file")
    assert "/one" in g.log_lines("access.log.1", 1)[0]


def test_a_log_through_a_link_is_refused(gatehouse, origin):
    folder = temp_dir("link")
    os.symlink(folder / "target", folder / "access.log")
    g = gatehouse(f"log {{ to file {folder}/access.log }}" + SITE, wait=False, ORIGIN_PORT=origin(OK).port)
    assert g.process.popen.wait(10 * SLOWNESS) == 1
    assert "the log cannot be written to" in g.errors() and not os.path.exists(folder / "target")
    g.kill()
    folder.remove()


# The control socket

def ask(g, line):
    with Client(g.dir / "control.sock") as c:
        c.send(line)
        return c.read_until_close().decode()


def test_the_control_socket_is_narrow(serving, origin):
    g = serving(SITE, ORIGIN_PORT=origin(OK).port)
    assert stat.S_IMODE(os.stat(g.dir / "control.sock").st_mode) == 0o600
    assert ask(g, b"status\n").startswith("ok\ngatehouse ")
    assert ask(g, b"frobnicate\n") == "no\nthere is no command 'frobnicate'\n"
    assert ask(g, b"x" * 5000) == "no\nthe line is too long\n"


@pytest.mark.skipif(not is_root, reason="a group of somebody else's")
def test_the_control_socket_of_a_group(serving, origin):
    g = serving("control ${env.DIR}/control.sock group daemon\n" + SITE, ORIGIN_PORT=origin(OK).port)
    found = os.stat(g.dir / "control.sock")
    assert stat.S_IMODE(found.st_mode) == 0o660 and found.st_gid != 0


def test_a_slow_speaker_holds_up_nobody(serving, origin):
    g = serving(SITE, ORIGIN_PORT=origin(OK).port)
    clients = [Client(g.dir / "control.sock") for _ in range(8)]
    [c.send(b"sta") for c in clients]
    assert status_of(g)["state"] == "serving"
    [c.close() for c in clients]


@pytest.fixture
def standing_still(serving, origin):
    """One whose worker is stopped."""
    g = serving(SITE, ORIGIN_PORT=origin(OK).port)
    worker, = g.workers()
    os.kill(worker, signal.SIGSTOP)
    yield g
    os.kill(worker, signal.SIGCONT)


def test_status_of_a_worker_that_stands_still_is_told_within_seconds(standing_still):
    began = time.monotonic()
    done = standing_still.command("status")
    assert done.returncode == 1 and "not answered within 5 s" in done.stderr
    assert time.monotonic() - began < 6 * SLOWNESS


def test_status_of_a_supervisor_that_stands_still_is_told_within_seconds(serving, origin):
    g = serving(SITE, ORIGIN_PORT=origin(OK).port)
    os.kill(g.pid, signal.SIGSTOP)
    try:
        done = g.command("status")
    finally:
        os.kill(g.pid, signal.SIGCONT)
    assert done.returncode == 1 and "not answered within 5 s" in done.stderr


def test_commands_to_a_worker_that_stands_still_do_not_hold_up_the_supervisor(standing_still):
    g, refused = standing_still, []
    while not refused:                                  # until no more can be passed on
        clients = [Client(g.dir / "control.sock") for _ in range(8)]
        for c in clients:
            c.send(b"status\n")
        refused = select.select([c.sock for c in clients], [], [], 0.05)[0]
        for c in clients:
            c.close()
    began = time.monotonic()
    assert ask(g, b"status\n") == "no\nthe worker does not answer\n"
    assert time.monotonic() - began < 2 * SLOWNESS


def test_status_counts(serving, origin):
    g = serving("log { to file ${env.DIR}/access.log }" + SITE, ORIGIN_PORT=origin(OK).port)
    for _ in range(3):
        curl(g.url())
    g.log_lines("access.log", 3)
    found = status_of(g)
    worker, = g.workers()
    assert (found["supervisor"], found["worker"], found["threads"]) == (g.pid, worker, 2)
    assert (found["requests"], found["answers_2xx"], found["connections_accepted"]) == (3, 3, found["connections_accepted"])
    assert found["listeners"] == [{"address": f"127.0.0.1:{g.port}", "mode": "reverse"}]
    assert found["logs"][0]["written"] == 3 and found["logs"][0]["lost"] == 0
    text = g.command("status").stdout
    assert re.search(r"^requests +3$", text, re.M) and "access.log: 3 lines, 0 lost" in text


# Service managers

def test_the_service_manager_is_told(serving, origin):
    folder = temp_dir("notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(folder / "notify.sock")
        notify.settimeout(10 * SLOWNESS)
        g = serving(SITE, ORIGIN_PORT=origin(OK).port, NOTIFY_SOCKET=folder / "notify.sock")
        first = notify.recv(4096).decode()
        assert "READY=1\n" in first and f"MAINPID={g.pid}\n" in first and "STATUS=" in first
        assert g.reload().returncode == 0
        assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", notify.recv(4096).decode())
        assert "READY=1\n" in notify.recv(4096).decode()
        g.stop()
        assert notify.recv(4096).decode().startswith("STOPPING=1\n")
    folder.remove()


# Limits

def test_descriptors_can_be_lowered(serving, origin):
    g = serving("limits { descriptors 100 }" + SITE, ORIGIN_PORT=origin(OK).port)
    worker, = g.workers()
    with open(f"/proc/{worker}/limits", encoding="utf-8") as file:
        assert re.search(r"Max open files +100 ", file.read())
