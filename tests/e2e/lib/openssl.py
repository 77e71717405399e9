"""OpenSSL itself, for what Python's library of it does not let one do: changes of keys, messages in several records."""
import ctypes, re
import ssl  # noqa: F401: loads the library

ERROR_WANT_READ, CTRL_SET_MAX_SEND_FRAGMENT, CTRL_SET_HOSTNAME, FILETYPE_PEM = 2, 52, 55, 1
TICKET_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
SMALLEST_RECORDS = 512                                  # that OpenSSL sends


def load():
    """The library that Python uses, so that there is no other in the process."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        found = re.search(r"\S*/libssl\.so\S*", maps.read())
    library = ctypes.CDLL(found[0] if found else "libssl.so.3")
    for name in ("TLS_client_method", "TLS_server_method", "SSL_CTX_new", "SSL_new", "BIO_s_mem", "BIO_new", "SSL_get_session"):
        getattr(library, name).restype = ctypes.c_void_p
    return library


LIB = load()


def at(pointer):
    return ctypes.c_void_p(pointer)


class Tls:
    """One end of a connection: feed(bytes that came), take() -> bytes to be sent. A server has a pair, a client none."""

    def __init__(self, pair=None, ticket_size=0):
        """A server's handshake is sent in records of 512 bytes; its tickets are larger by `ticket_size`."""
        self._context = at(LIB.SSL_CTX_new(at(LIB.TLS_server_method() if pair else LIB.TLS_client_method())))
        if pair:
            assert LIB.SSL_CTX_use_certificate_chain_file(self._context, pair.certificate.encode()) == 1
            assert LIB.SSL_CTX_use_PrivateKey_file(self._context, pair.key.encode(), FILETYPE_PEM) == 1
            assert LIB.SSL_CTX_ctrl(self._context, CTRL_SET_MAX_SEND_FRAGMENT, ctypes.c_long(SMALLEST_RECORDS), None) == 1
            data = bytes(ticket_size)
            self._callback = TICKET_CALLBACK(lambda one, _: LIB.SSL_SESSION_set1_ticket_appdata(
                at(LIB.SSL_get_session(at(one))), data, ctypes.c_size_t(ticket_size)))
            LIB.SSL_CTX_set_session_ticket_cb(self._context, self._callback, None, None)
        self._ssl = at(LIB.SSL_new(self._context))
        self._in, self._out = (at(LIB.BIO_new(at(LIB.BIO_s_mem()))) for _ in range(2))
        LIB.SSL_set_bio(self._ssl, self._in, self._out)
        if pair:
            LIB.SSL_set_accept_state(self._ssl)
        else:
            LIB.SSL_set_connect_state(self._ssl)
            LIB.SSL_ctrl(self._ssl, CTRL_SET_HOSTNAME, ctypes.c_long(0), b"site.test")

    def __del__(self):
        LIB.SSL_free(self._ssl)
        LIB.SSL_CTX_free(self._context)

    def _do(self, what, *words):
        """The positive result; 0: more has to come first."""
        LIB.ERR_clear_error()
        result = what(self._ssl, *words)
        error = LIB.SSL_get_error(self._ssl, result)
        assert result > 0 or error == ERROR_WANT_READ, f"error {error}"
        return max(result, 0)

    def feed(self, data):
        assert LIB.BIO_write(self._in, data, len(data)) == len(data)

    def take(self):
        taken, piece = b"", ctypes.create_string_buffer(65536)
        while (size := LIB.BIO_read(self._out, piece, len(piece))) > 0:
            taken += piece.raw[:size]
        return taken

    def shake_hands(self):
        """True: it is done, but for what take() has still."""
        return self._do(LIB.SSL_do_handshake) == 1

    def shake_hands_over(self, conn):
        while not self.shake_hands():
            conn.send(self.take())
            self.feed(conn.recv())

    def write(self, data):
        assert self._do(LIB.SSL_write, data, len(data)) == len(data)

    def read(self):
        """What has come; b"": more has to come first."""
        piece = ctypes.create_string_buffer(65536)
        size = self._do(LIB.SSL_read, piece, len(piece))
        return piece.raw[:size]

    def read_from(self, conn):
        """What comes next; fails at the end."""
        while not (data := self.read()):
            more = conn.recv()
            assert more, "the peer has closed"
            self.feed(more)
        return data

    def change_keys(self):
        """A record that says so is ready then (RFC 8446 4.6.3)."""
        assert LIB.SSL_key_update(self._ssl, 0) == 1 and self.shake_hands()
