"""Fixtures of the end-to-end tests; what they are made of is told in lib/__init__.py."""
import os, subprocess
from dataclasses import dataclass

import pytest

from lib import Authority, Gatehouse, NameServer, Nginx, Origin, binary, temp_dir

for name in list(os.environ):
    if name.lower().endswith("_proxy"):
        del os.environ[name]


def pytest_configure(config):
    if not os.access(binary(), os.X_OK):
        raise pytest.UsageError(f"{binary()} is not built; GATEHOUSE=PATH names another")


@pytest.fixture
def gatehouse():
    """gatehouse(text, NAME=value...): starts one; each is stopped, and its end checked, after the test."""
    started = []

    def start(text, wait=True, **env):
        started.append(Gatehouse(text, env, wait))
        return started[-1]

    yield start
    faults = []
    for one in started:
        try:
            one.stop()
        except AssertionError as fault:
            faults.append(str(fault))
    assert not faults, "\n".join(faults)


@pytest.fixture(scope="session")
def nginx():
    """One origin for all tests of a worker that do not stop it."""
    one = Nginx()
    yield one
    one.remove()


@pytest.fixture
def nginx_new():
    """nginx_new(extra): an origin of the test's own, which it may stop, kill and start; extra goes into its server block."""
    started = []

    def start(extra=""):
        started.append(Nginx(extra))
        return started[-1]

    yield start
    for one in started:
        one.remove()


@pytest.fixture
def origin():
    """origin(answer): a scripted origin; a script that raised fails the test."""
    started = []

    def start(answer, **options):
        started.append(Origin(answer, **options))
        return started[-1]

    yield start
    for one in started:
        one.stop()
    failures = [repr(failure) for one in started for failure in one.failures]
    assert not failures, f"the origin's script: {failures}"


@pytest.fixture
def name_server():
    """name_server({"app.test": ["127.0.0.1"]}, ttl=60)"""
    started = []

    def start(names, **options):
        started.append(NameServer(names, **options))
        return started[-1]

    yield start
    for one in started:
        one.stop()


class Folder(temp_dir):
    def put(self, name, content):
        path = self / name
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path


@pytest.fixture
def web_folder():
    folder = Folder("web")
    yield folder
    folder.remove()


@pytest.fixture(scope="module")
def authority():
    """That of the certificates of a file of tests."""
    one = Authority()
    yield one
    one.remove()


@dataclass
class Certificate:
    certificate: str
    key: str


@pytest.fixture(scope="session")
def certificate():
    """Self-signed, for site.test, *.site.test and 127.0.0.1."""
    folder = temp_dir("tls")
    pair = Certificate(folder / "cert.pem", folder / "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-keyout", pair.key, "-out", pair.certificate, "-subj", "/CN=site.test",
                    "-addext", "subjectAltName=DNS:site.test,DNS:*.site.test,IP:127.0.0.1"], check=True, capture_output=True)
    yield pair
    folder.remove()
