"""The tools themselves, without gatehouse between: what they report can be trusted."""
import threading

import pytest

from lib import Client, curl, free_port, until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def test_origin_keeps_what_arrives(origin):
    o = origin([OK, b"HTTP/1.1 204 No Content\r\n\r\n"])
    with Client(o.port) as c:
        c.send(b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;q\r\nabc\r\n0\r\nT: v\r\n\r\n"
               b"GET /b HTTP/1.1\r\nHost: y\r\n\r\n")
        assert c.response().body == b"hi"
        assert c.response().status == 204
    first, second = o.wait(2)
    assert (first.method, first.target, first.body, first["host"]) == ("POST", "/a", b"abc", "x")
    assert second.line == "GET /b HTTP/1.1"
    assert o.received == [first.raw + second.raw]


def test_origin_script_sees_the_connection(origin):
    def script(conn):
        conn.request()
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
        conn.reset()

    with Client(origin(script).port) as c:
        answer = c.get("/")
        assert (answer.complete, answer.body) == (False, b"part")
        assert c.is_closed()


def test_client_sees_an_open_connection(origin):
    with Client(origin(OK).port) as c:
        c.get("/")
        assert not c.is_closed(within=0.05)
        assert c.get("/").status == 200


def test_nginx_echoes_and_takes_files(nginx):
    name = nginx.file("lib/hello.txt", b"hello")
    answer = curl(nginx.url(name))
    assert (answer.status, answer.body, answer["content-type"]) == (200, b"hello", "text/plain")
    assert curl(nginx.url("/put/lib.bin"), "-T", __file__).status == 201
    with open(__file__, "rb") as file:
        assert curl(nginx.url("/put/lib.bin")).body == file.read()
    assert curl(nginx.url("/status/503")).status == 503
    echo = curl(nginx.url("/echo?x=1"), "-H", "X-Test: yes").body.decode()
    assert echo.startswith("GET /echo?x=1 HTTP/1.1\n") and "x-test: yes\n" in echo


def test_nginx_comes_back_on_its_port(nginx_new):
    n = nginx_new("location /own { return 418; }")
    assert curl(n.url("/own")).status == 418
    n.kill()
    assert curl(n.url("/own")).exit == 7
    n.start()
    assert curl(n.url("/own")).status == 418


def test_free_ports_differ():
    ports, lock = set(), threading.Lock()

    def take():
        for _ in range(50):
            port = free_port()
            with lock:
                assert port not in ports
                ports.add(port)

    threads = [threading.Thread(target=take) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(ports) == 200


def test_until_fails_loudly():
    with pytest.raises(AssertionError, match="the impossible"):
        until(lambda: False, 0.01, "the impossible")
