"""A name server on loopback that knows what the test says, and nothing else."""
import socket, struct, threading

A, AAAA = 1, 28
NAME_ERROR, SILENT = "name-error", "silent"


class NameServer:
    """NameServer({"app.test": ["127.0.0.1"]}, ttl=1); .names may be changed while it runs. A value SILENT gives no answer; a name it
    does not have does not exist. .asked holds the names that were asked for."""

    def __init__(self, names, ttl=60):
        self.names, self.ttl, self.asked = names, ttl, []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def _serve(self):
        while True:
            try:
                query, peer = self._socket.recvfrom(4096)
            except OSError:
                return
            if not query:
                return
            answer = self._answer(query)
            if answer:
                self._socket.sendto(answer, peer)

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        kind = struct.unpack_from("!H", query, at + 1)[0]
        question, name = query[12:at + 5], ".".join(labels)
        self.asked.append(name)
        addresses = self.names.get(name, NAME_ERROR)
        if addresses == SILENT:
            return None
        code = 3 if addresses == NAME_ERROR else 0
        records = []
        for address in addresses if code == 0 else []:
            family, own = (socket.AF_INET6, AAAA) if ":" in address else (socket.AF_INET, A)
            if own == kind:
                data = socket.inet_pton(family, address)
                records.append(struct.pack("!HHHIH", 0xC00C, kind, 1, self.ttl, len(data)) + data)
        head = query[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, len(records), 0, 0)
        return head + question + b"".join(records)

    def stop(self):
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()
