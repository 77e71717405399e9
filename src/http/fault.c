#include "http/fault.h"

#include "base/must.h"

static const struct fault_info faults[FAULT_COUNT];

const struct fault_info *fault_info(enum fault fault)
{
    must((unsigned)fault < FAULT_COUNT);
    return &faults[fault];
}

#define ROW(fault, status, word, reason) [fault] = {fault, status, word, reason}

static const struct fault_info faults[FAULT_COUNT] = {
    ROW(FAULT_NONE, 200, "none", "Nothing went wrong."),
    ROW(FAULT_NOT_TLS, 400, "not-tls", "This port is for TLS, as in https, and what was sent is not TLS."),
    ROW(FAULT_BAD_HELLO, 400, "bad-hello", "The TLS greeting is not valid."),
    ROW(FAULT_BAD_REQUEST, 400, "bad-request", "The request is not valid HTTP."),
    ROW(FAULT_BAD_FRAMING, 400, "bad-framing", "The length of the request's body is not stated in one clear way."),
    ROW(FAULT_BAD_CODING, 501, "bad-coding", "The request uses a transfer coding that is not supported."),
    ROW(FAULT_BAD_TARGET, 400, "bad-target", "The address that was asked for is not valid."),
    ROW(FAULT_BAD_HOST, 400, "bad-host", "The request does not name one valid host."),
    ROW(FAULT_AMBIGUOUS_PATH, 400, "ambiguous-path", "The path that was asked for can be read in two ways."),
    ROW(FAULT_BAD_VERSION, 505, "bad-version", "This version of HTTP is not supported here."),
    ROW(FAULT_BAD_EXPECT, 417, "bad-expect", "The request expects what is not supported."),
    ROW(FAULT_URI_TOO_LONG, 414, "uri-too-long", "The address that was asked for is too long."),
    ROW(FAULT_HEAD_TOO_LARGE, 431, "head-too-large", "The header of the request is too large."),
    ROW(FAULT_BODY_TOO_LARGE, 413, "body-too-large", "The body of the request is too large."),
    ROW(FAULT_BAD_CHUNK, 400, "bad-chunk", "The body of the request is not validly encoded."),
    ROW(FAULT_METHOD_REFUSED, 405, "method-refused", "This method is not allowed here."),
    ROW(FAULT_MISDIRECTED, 421, "misdirected", "This host is not served here."),
    ROW(FAULT_CLIENT_SLOW_HEAD, 408, "client-slow-head", "The request did not arrive in time."),
    ROW(FAULT_CLIENT_SLOW_BODY, 408, "client-slow-body", "The body of the request did not arrive in time."),
    ROW(FAULT_CLIENT_SLOW_READ, 0, "client-slow-read", "The answer was not taken in time."),
    ROW(FAULT_CLIENT_SLOW_HELLO, 0, "client-slow-hello", "The TLS greeting did not arrive in time."),
    ROW(FAULT_CLIENT_GONE, 0, "client-gone", "The client has gone."),
    ROW(FAULT_LOOP, 508, "loop", "The request has come back to where it was before."),
    ROW(FAULT_NO_ROUTE, 404, "no-route", "There is nothing at this address."),
    ROW(FAULT_NO_SERVER, 503, "no-server", "No server is available at the moment."),
    ROW(FAULT_NAME_UNKNOWN, 502, "name-unknown", "There is no host of this name."),
    ROW(FAULT_NAME_FAILED, 502, "name-failed", "The name of the host could not be looked up."),
    ROW(FAULT_NAME_TIMEOUT, 504, "name-timeout", "The name of the host could not be looked up in time."),
    ROW(FAULT_CONNECT_FAILED, 502, "connect-failed", "The server could not be reached."),
    ROW(FAULT_CONNECT_TIMEOUT, 504, "connect-timeout", "The server could not be reached in time."),
    ROW(FAULT_ADDRESS_DENIED, 403, "address-denied", "Access to this address is not allowed."),
    ROW(FAULT_TLS_FAILED, 502, "tls-failed", "The server could not be reached securely."),
    ROW(FAULT_TLS_UNTRUSTED, 502, "tls-untrusted", "The server could not be reached securely."),
    ROW(FAULT_TLS_TIMEOUT, 504, "tls-timeout", "The server could not be reached securely in time."),
    ROW(FAULT_SERVER_CLOSED, 502, "server-closed", "The server gave no answer."),
    ROW(FAULT_SERVER_INVALID, 502, "server-invalid", "The server gave an answer that is not valid."),
    ROW(FAULT_SERVER_HEAD_LARGE, 502, "server-head-large", "The server gave an answer whose header is too large."),
    ROW(FAULT_SERVER_TIMEOUT, 504, "server-timeout", "The server gave no answer in time."),
    ROW(FAULT_SERVER_TRUNCATED, 0, "server-truncated", "The server broke off its answer."),
    ROW(FAULT_SERVER_SLOW, 0, "server-slow", "The server's answer came too slowly."),
    ROW(FAULT_OVERLOAD, 503, "overload", "There is too much to do at the moment."),
    ROW(FAULT_SHUTDOWN, 503, "shutdown", "The service is being shut down."),
    ROW(FAULT_FILE, 500, "file", "A file could not be read."),
    ROW(FAULT_TUNNEL_IDLE, 0, "tunnel-idle", "The tunnel was not used for too long."),
    ROW(FAULT_TUNNEL_DENIED, 0, "tunnel-denied", "What was sent in the tunnel is not allowed."),
};

#undef ROW
