"""Pools: which server is asked, and what happens when one fails."""
import collections, os, socket, threading

import pytest

from lib import Client, free_port, record_of, records, until

ONE = "\nthreads 1\nlog { to stdout; format json }\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def pool(servers, before="", inside="", name="app"):
    return (f"{ONE}{before}\npool {name} {{\n{servers}\n}}\nreverse site {{\n    listen 127.0.0.1:${{env.PORT}}\n{inside}\n    pool {name}\n}}\n")


def says(name):
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(name)}\r\n\r\n{name}".encode()


def ask(g, count=1, method="GET"):
    """The bodies (or statuses, when not 200) of so many requests on one connection."""
    answers = []
    with Client(g.port) as c:
        for _ in range(count):
            c.send(f"{method} / HTTP/1.1\r\nHost: x\r\n".encode() + (b"Content-Length: 2\r\n\r\nhi" if method == "POST" else b"\r\n"))
            r = c.response()
            answers.append(r.body.decode() if r.status == 200 else r.status)
    return answers


def counted(answers):
    return dict(collections.Counter(answers))


def test_servers_are_asked_in_turn(gatehouse, origin):
    a, b, c = (origin(says(n)) for n in "abc")
    g = gatehouse(pool("server 127.0.0.1:${env.A}\nserver 127.0.0.1:${env.B}\nserver 127.0.0.1:${env.C}\nbalance round-robin"),
                  A=a.port, B=b.port, C=c.port)
    answers = ask(g, 9)
    assert counted(answers) == {"a": 3, "b": 3, "c": 3} and answers[:3] == answers[3:6] == answers[6:]


def test_weights_are_shares_of_the_requests(gatehouse, origin):
    a, b = origin(says("a")), origin(says("b"))
    g = gatehouse(pool("server 127.0.0.1:${env.A} weight 3\nserver 127.0.0.1:${env.B} { weight 1 }"), A=a.port, B=b.port)
    assert counted(ask(g, 40)) == {"a": 30, "b": 10}


def test_to_with_several_addresses_is_a_pool_in_short(gatehouse, origin):
    a, b = origin(says("a")), origin(says("b"))
    g = gatehouse(ONE + "reverse s { listen 127.0.0.1:${env.PORT}; to 127.0.0.1:${env.A} 127.0.0.1:${env.B} }", A=a.port, B=b.port)
    assert counted(ask(g, 10)) == {"a": 5, "b": 5}


def test_a_server_that_is_down_in_the_file_is_never_asked(gatehouse, origin):
    a, b = origin(says("a")), origin(says("b"))
    g = gatehouse(pool("server 127.0.0.1:${env.A} down\nserver 127.0.0.1:${env.B}"), A=a.port, B=b.port)
    assert counted(ask(g, 10)) == {"b": 10} and a.connections == []


def test_a_backup_is_asked_only_when_no_other_can_be(gatehouse, origin):
    main, spare = origin(says("main")), origin(says("spare"))
    g = gatehouse(pool("server 127.0.0.1:${env.A}\nserver 127.0.0.1:${env.B} backup"), A=main.port, B=spare.port)
    assert counted(ask(g, 6)) == {"main": 6} and spare.connections == []
    main.stop()
    assert counted(ask(g, 6)) == {"spare": 6}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_when_connecting_fails_another_server_is_asked_whatever_the_method(gatehouse, origin, method):
    o = origin(says("alive"))
    g = gatehouse(pool("server 127.0.0.1:${env.DEAD}\nserver 127.0.0.1:${env.A}"), A=o.port, DEAD=free_port())
    assert counted(ask(g, 10, method)) == {"alive": 10}
    assert len(o.requests) == 10


def test_a_server_whose_connects_fail_is_left_out_after_three(gatehouse, origin):
    o = origin(says("alive"))
    g = gatehouse(pool("server 127.0.0.1:${env.DEAD}\nserver 127.0.0.1:${env.A}"), A=o.port, DEAD=free_port())
    assert counted(ask(g, 30)) == {"alive": 30}
    tries = [r["tries"] for r in records(g, 30)]
    assert tries.count(2) == 3 and tries[-20:] == [1] * 20, tries


def test_a_server_that_gives_no_answers_is_left_out_after_three(gatehouse, origin):
    bad = origin(lambda conn: conn.request())           # closes without a word
    good = origin(says("good"))
    g = gatehouse(pool("server 127.0.0.1:${env.A}\nserver 127.0.0.1:${env.B}"), A=bad.port, B=good.port)
    answers = ask(g, 30)
    assert answers.count(502) <= 3 and len(bad.requests) <= 6 and answers[-20:] == ["good"] * 20


def test_errors_that_the_application_answers_are_passed_on_and_leave_nobody_out(gatehouse, origin):
    bad = origin(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
    good = origin(says("good"))
    g = gatehouse(pool("server 127.0.0.1:${env.A}\nserver 127.0.0.1:${env.B}"), A=bad.port, B=good.port)
    assert counted(ask(g, 20)) == {503: 10, "good": 10}


def test_when_no_server_can_be_reached_the_answer_is_502_or_503(gatehouse):
    g = gatehouse(pool("server 127.0.0.1:${env.A}\nserver 127.0.0.1:${env.B}"), A=free_port(), B=free_port())
    answers = ask(g, 10)
    assert set(answers) <= {502, 503} and answers[0] == 502


def test_when_all_servers_are_down_in_the_file_it_is_503(gatehouse, origin):
    o = origin(OK)
    g = gatehouse(pool("server 127.0.0.1:${env.A} down"), A=o.port)
    assert ask(g, 2) == [503, 503] and o.connections == []


def test_a_single_server_is_asked_again_as_soon_as_it_is_back(gatehouse, nginx_new):
    n = nginx_new()
    n.file("index.html", b"back")
    g = gatehouse(pool("server 127.0.0.1:${env.A}"), A=n.port)
    assert ask(g, 2) == ["back"] * 2
    n.kill()
    assert set(ask(g, 8)) <= {502, 503}
    n.start()
    until(lambda: ask(g) == ["back"], 12, "the server is asked again")
    assert ask(g, 5) == ["back"] * 5


def test_a_server_killed_between_requests_costs_none(gatehouse, nginx_new):
    one, two = nginx_new(), nginx_new()
    for n in (one, two):
        n.file("index.html", b"ok")
    g = gatehouse(pool("server 127.0.0.1:${env.A}\nserver 127.0.0.1:${env.B}"), A=one.port, B=two.port)
    assert ask(g, 6) == ["ok"] * 6
    one.kill()
    assert ask(g, 20) == ["ok"] * 20


def test_a_server_may_be_a_unix_socket(gatehouse, nginx_new, web_folder):
    path = web_folder / "app.sock"
    n = nginx_new(f"listen unix:{path};")
    n.file("index.html", b"by unix")
    os.chmod(path, 0o666)
    g = gatehouse(pool("server unix:${env.SOCK}"), SOCK=path)
    assert ask(g, 3) == ["by unix"] * 3
    r = None
    with Client(g.port) as c:
        r = c.get("/echo")
    assert b"host: site.test" in r.body


def test_a_server_that_is_only_a_port_is_on_this_machine(gatehouse, origin):
    o = origin(says("here"))
    g = gatehouse(pool("server :${env.A}"), A=o.port)
    assert ask(g, 2) == ["here"] * 2


def test_a_server_on_ipv6(gatehouse, origin):
    o = origin(says("six"), host="::1")
    g = gatehouse(pool("server [::1]:${env.A}"), A=o.port)
    assert ask(g, 2) == ["six"] * 2


def test_each_address_of_a_servers_name_is_a_server_of_its_own(gatehouse, origin, web_folder):
    a = origin(says("a"), host="127.0.0.2")
    origin(says("b"), host="127.0.0.3", port=a.port)
    web_folder.put("hosts", "127.0.0.2 app.test\n127.0.0.3 app.test\n")
    g = gatehouse(pool("server app.test:${env.A}", "resolver { hosts ${env.HOSTS}/hosts }"), A=a.port, HOSTS=web_folder)
    assert counted(ask(g, 10)) == {"a": 5, "b": 5}


def test_of_a_servers_name_an_address_that_is_dead_is_left_out(gatehouse, origin, web_folder):
    o = origin(says("a"), host="127.0.0.2")
    web_folder.put("hosts", "127.0.0.2 app.test\n127.0.0.3 app.test\n")
    g = gatehouse(pool("server app.test:${env.A}", "resolver { hosts ${env.HOSTS}/hosts }"), A=o.port, HOSTS=web_folder)
    assert counted(ask(g, 12)) == {"a": 12}


def test_a_servers_name_is_followed_when_its_addresses_change(gatehouse, origin, name_server):
    a = origin(says("a"), host="127.0.0.2")
    origin(says("b"), host="127.0.0.3", port=a.port)
    dns = name_server({"app.test": ["127.0.0.2"]}, ttl=1)
    g = gatehouse(pool("server app.test:${env.A}", "resolver { nameserver ${env.DNS} }"), A=a.port, DNS=dns.address)
    assert ask(g, 3) == ["a"] * 3
    dns.names["app.test"] = ["127.0.0.3"]
    until(lambda: ask(g, 2) == ["b"] * 2, 10, "the new address is asked")


def test_a_servers_name_that_does_not_exist_is_502_or_503(gatehouse, name_server):
    dns = name_server({})
    g = gatehouse(pool("server none.test:80", "resolver { nameserver ${env.DNS} }"), DNS=dns.address)
    assert set(ask(g, 2)) <= {502, 503}


# Connections to servers

def test_idle_connections_to_a_server_are_used_again(gatehouse, origin):
    o = origin(OK)
    g = gatehouse(pool("server 127.0.0.1:${env.A}"), A=o.port)
    for _ in range(3):
        ask(g, 5)
    assert len(o.requests) == 15 and len(o.connections) == 1
    assert [r["reused"] for r in records(g, 15)] == [False] + [True] * 14


def test_connections_0_keeps_none(gatehouse, origin):
    o = origin(OK)
    g = gatehouse(pool("server 127.0.0.1:${env.A}\nconnections 0"), A=o.port)
    ask(g, 4)
    assert len(o.connections) == 4


class Gauge:
    """How many requests are at work at once, and when they may end."""
    def __init__(self, name):
        self.now, self.most, self.go, self.lock, self.name = 0, 0, threading.Event(), threading.Lock(), name

    def __call__(self, conn):
        while conn.request():
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
            self.go.wait(15)
            with self.lock:
                self.now -= 1
            conn.send(says(self.name))


def start_requests(g, count):
    clients = [Client(g.port) for _ in range(count)]
    for c in clients:
        c.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    return clients


def test_a_server_gets_no_more_connections_than_its_maximum_and_others_take_the_rest(gatehouse, origin):
    small, large = Gauge("small"), Gauge("large")
    a, b = origin(small), origin(large)
    g = gatehouse(pool("server 127.0.0.1:${env.A} max-connections 1\nserver 127.0.0.1:${env.B}"), A=a.port, B=b.port)
    clients = start_requests(g, 8)
    until(lambda: small.now + large.now == 8, 10, "all requests are at work")
    assert small.most == 1 and large.most == 7
    small.go.set(), large.go.set()
    assert counted(c.response().body.decode() for c in clients) == {"small": 1, "large": 7}
    for c in clients:
        c.close()


def test_beyond_the_maximum_of_all_servers_it_is_503_and_then_it_serves_again(gatehouse, origin):
    gauge = Gauge("a")
    o = origin(gauge)
    g = gatehouse(pool("server 127.0.0.1:${env.A} max-connections 2"), A=o.port)
    clients = start_requests(g, 2)
    until(lambda: gauge.now == 2, 10, "both are at work")
    with Client(g.port) as c:
        r = c.get("/")
        assert r.status == 503 and r["retry-after"]
    assert gauge.most == 2
    gauge.go.set()
    assert [c.response().status for c in clients] == [200, 200]
    for c in clients:
        c.close()
    assert ask(g, 5) == ["a"] * 5 and gauge.most == 2
    assert record_of(g, r)["fault"] == "no-server"


def test_a_server_that_a_reload_takes_out_keeps_no_connection(gatehouse, origin):
    """Neither the idle one, although another is in use, nor that one when it is given back."""
    go = threading.Event()

    def old(conn):
        while request := conn.request():
            if request.target == "/held":
                go.wait(15)
            conn.send(says("old"))

    a, b = origin(old), origin(says("new"))
    g = gatehouse(pool("server 127.0.0.1:${env.A}"), A=a.port, B=b.port)
    with Client(g.port) as held, Client(g.port) as quick:
        held.send(b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
        a.wait(1)
        assert quick.get("/").body == b"old"
        in_use, idle = a.connections
        assert g.reload(pool("server 127.0.0.1:${env.B}")).returncode == 0
        until(lambda: idle.sock.fileno() < 0, 5, "the idle connection is closed")
        assert quick.get("/").body == b"new" and in_use.sock.fileno() >= 0
        go.set()
        assert held.response().body == b"old"
        until(lambda: in_use.sock.fileno() < 0, 5, "the other is closed when it is given back")


def test_equal_lines_are_one_server_with_the_sum_of_their_weights(gatehouse, origin):
    a, b = origin(says("a")), origin(says("b"))
    servers = "server 127.0.0.1:${env.A}\nserver 127.0.0.1:${env.B}\nserver 127.0.0.1:${env.A}"
    g = gatehouse(pool(servers), A=a.port, B=b.port)
    assert counted(ask(g, 9)) == {"a": 6, "b": 3}
    assert len(a.connections) == 1
    assert g.reload(pool(servers + "\n# reloaded")).returncode == 0
    assert counted(ask(g, 9)) == {"a": 6, "b": 3}
    assert len(a.connections) == 1


def test_of_equal_lines_only_one_is_tried(gatehouse, origin):
    o = origin(says("alive"))
    dead = "server 127.0.0.1:${env.DEAD}\n"
    g = gatehouse(pool(dead + dead + "server 127.0.0.1:${env.A}"), A=o.port, DEAD=free_port())
    assert counted(ask(g, 10)) == {"alive": 10}


def test_the_log_names_the_server_and_the_pool(gatehouse, origin):
    o = origin(OK)
    g = gatehouse(pool("server 127.0.0.1:${env.A}"), A=o.port)
    ask(g)
    line = records(g)[0]
    assert (line["pool"], line["server"], line["tries"], line["upstream_status"]) == ("app", f"127.0.0.1:{o.port}", 1, 200)


def test_a_listener_that_resets_at_once_is_passed_over(gatehouse, origin):
    """Accepts, and resets before a byte is read: a GET goes on to the other server only if nothing was written; else 502."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def refuse():
        listener.settimeout(0.1)
        while not stop.is_set():
            try:
                s, _ = listener.accept()
            except OSError:
                continue
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            s.close()

    thread = threading.Thread(target=refuse, daemon=True)
    thread.start()
    o = origin(says("good"))
    g = gatehouse(pool("server 127.0.0.1:${env.BAD}\nserver 127.0.0.1:${env.A}"), A=o.port, BAD=listener.getsockname()[1])
    answers = ask(g, 20)
    stop.set()
    thread.join()
    listener.close()
    assert set(answers) <= {502, "good"} and answers[-10:] == ["good"] * 10
