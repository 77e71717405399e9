#include "http/head.h"

#include <string.h>

struct method_row {
    struct str name;
    enum method method;
    bool is_safe;
    bool is_idempotent;
};

#define ROW(name, is_safe, is_idempotent)                                                                              \
    [METHOD_##name] = {{#name, sizeof #name - 1}, METHOD_##name, is_safe, is_idempotent}

/* RFC 9110 section 9, and RFC 5789 for PATCH. */
static const struct method_row methods[] = {
    [METHOD_OTHER] = {{"", 0}, METHOD_OTHER, false, false},
    ROW(GET, true, true),
    ROW(HEAD, true, true),
    ROW(POST, false, false),
    ROW(PUT, false, true),
    ROW(DELETE, false, true),
    ROW(CONNECT, false, false),
    ROW(OPTIONS, true, true),
    ROW(TRACE, true, true),
    ROW(PATCH, false, false),
};

#undef ROW

enum method method_of(struct str text)
{
    for (size_t i = METHOD_GET; i < sizeof methods / sizeof methods[0]; i++)
        if (methods[i].name.len == text.len && memcmp(methods[i].name.at, text.at, text.len) == 0)
            return methods[i].method;
    return METHOD_OTHER;
}

bool method_is_safe(enum method method)
{
    return methods[method].is_safe;
}

bool method_is_idempotent(enum method method)
{
    return methods[method].is_idempotent;
}

struct status_row {
    uint16_t status;
    const char *reason;
};

/* The registry of status codes, in order. */
static const struct status_row reasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {208, "Already Reported"},
    {226, "IM Used"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {511, "Network Authentication Required"},
};

const char *status_reason(unsigned status)
{
    size_t low = 0, high = sizeof reasons / sizeof reasons[0];
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (reasons[middle].status == status)
            return reasons[middle].reason;
        if (reasons[middle].status < status)
            low = middle + 1;
        else
            high = middle;
    }
    return "";
}
