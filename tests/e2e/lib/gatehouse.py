"""The program under test."""
import contextlib, os, re, signal, subprocess

from .wait import SLOWNESS, Process, free_port, temp_dir, until, whole_lines

REPORT = re.compile(r"(ERROR|WARNING|SUMMARY): \w*Sanitizer|runtime error:")
LISTEN = re.compile(r"^\s*(?:\w+ [\w-]+ \{\s*)?listen\s+(\S+)", re.M)


def binary():
    path = os.environ.get("GATEHOUSE") or os.path.join(os.path.dirname(__file__), "../../../gatehouse")
    return os.path.abspath(path)


def run(*arguments, timeout=20, **options):
    """A short command; stdin is empty, output is text."""
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([binary(), *map(str, arguments)], capture_output=True, text=True, timeout=timeout * SLOWNESS, **options)


def check(text, *more):
    """`gatehouse check`, or another command, of a file with this text."""
    folder = temp_dir("check")
    try:
        path = folder / "a.conf"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return run(*(more or ("check",)), "-c", path)
    finally:
        folder.remove()


class Gatehouse:
    def __init__(self, text, env=None, wait=True):
        self.dir = temp_dir("test")
        self.conf = self.dir / "gatehouse.conf"
        self.ports, self._stopped = {}, False
        given = {name: str(value) for name, value in (env or {}).items()}
        self.env = {**os.environ, "DIR": str(self.dir), **given}
        listens = LISTEN.findall(re.sub(r"(?m)(^|\s)#.*$", "", text))
        for name in re.findall(r"\$\{env\.(\w+)\}", " ".join(listens)):
            if name != "DIR" and name not in self.ports:
                self.env[name] = given.get(name) or str(free_port())
                if self.env[name].isdigit():
                    self.ports[name] = int(self.env[name])
        self.write(text)
        self.process = Process("gatehouse", [binary(), "run", "-c", self.conf], self.dir, self.env)
        try:
            if wait:
                self.process.wait_listening([self._address(text) for text in listens])
        except BaseException:
            self.kill()
            raise

    def write(self, text):
        """Writes the configuration. `threads` and `control` are put in front when the text has none: on the first line when
        that is empty, so that the numbers of lines stay."""
        head = ""
        if not re.search(r"(?m)^\s*threads\s", text):
            head += "threads 2; "
        if not re.search(r"(?m)^\s*control\s", text):
            head += "control ${env.DIR}/control.sock; "
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write(head + ("" if not head or text.startswith("\n") else "\n") + text)

    def _address(self, text):
        """What to connect to for the address of a `listen`."""
        text = re.sub(r"\$\{env\.(\w+)\}", lambda m: self.env[m[1]], text.rstrip(";"))
        if text.startswith("unix:"):
            return text[5:]
        host, _, port = text.rpartition(":")
        host = host.strip("[]")
        return ({"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), int(port))

    @property
    def port(self):
        """The port of ${env.PORT}, or the only one."""
        return self.ports.get("PORT") or next(iter(self.ports.values()))

    @property
    def pid(self):
        return self.process.pid

    def url(self, path="/", host="127.0.0.1"):
        return f"http://{host}:{self.port}{path}"

    def workers(self):
        with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="utf-8") as file:
            return [int(pid) for pid in file.read().split()]

    def processes(self):
        """{name: pid} of the children; one that ends meanwhile is none."""
        found = {}
        for pid in self.workers():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                found[file.read().strip()] = pid
        return found

    def command(self, *arguments, **options):
        return run(arguments[0], "-c", self.conf, *arguments[1:], env=self.env, **options)

    def reload(self, text=None):
        if text is not None:
            self.write(text)
        return self.command("reload")

    def log_lines(self, path=None, at_least=0, seconds=10):
        """Lines are written after the answer, so a test says for how many it waits."""
        def lines():
            try:
                with open(self.dir / (path or "gatehouse.out"), encoding="utf-8", errors="replace") as file:
                    found = whole_lines(file.read())
            except FileNotFoundError:
                found = []
            return (found,) if len(found) >= at_least else None
        return until(lines, seconds, f"{at_least} lines in {path or 'stdout'}")[0]

    def errors(self):
        return self.process.errors()

    def stop(self, seconds=40):
        """SIGTERM; it must end by itself, with status 0, without a sanitizer's report, and leave no process behind."""
        if self._stopped:
            return
        self._stopped = True
        try:
            status = self.process.end(signal.SIGTERM, seconds)
            errors = self.process.errors()
            print(errors, end="")                       # pytest shows it when the test failed
            assert status is not None, f"it did not end within {seconds * SLOWNESS:g} s of SIGTERM"
            report = REPORT.search(errors)
            assert not report, f"a sanitizer's report:\n{errors[report.start():]}"
            assert status == 0, f"exit status {status}:\n{errors}"
            until(self.process.group_is_empty, 5, "no process is left behind")
        finally:
            self.process.kill_group()
            self.dir.remove()

    def kill(self):
        """For a test that wants no clean end, or no check of it."""
        self._stopped = True
        self.process.kill_group()
        self.dir.remove()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
