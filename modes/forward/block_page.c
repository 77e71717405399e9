#include "modes/forward/block_page.h"

#include "base/escape.h"

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\n"
    "<title>%s</title>\n<style>body{font:17px/1.5 system-ui,sans-serif;color:#223;background:#f4f5f7;margin:0}"
    "main{max-width:34em;margin:12vh auto;padding:2em 2.5em;background:#fff;border-radius:10px;border-top:5px solid #c33}"
    "h1{font-size:1.4em;margin:0 0 .6em}dl{color:#667;font-size:.85em}dt{float:left;width:6em}dd{margin:0 0 0 6em;"
    "overflow-wrap:anywhere}</style></head>\n<body><main>\n<h1>%s</h1>\n";

struct str block_page(const struct facts *facts, struct arena *arena)
{
    struct str host = escape_html_in(arena, facts->host);
    struct str reason = escape_html_in(
        arena, facts->reason.len > 0 ? facts->reason : STR("The rules of this network do not allow it."));
    struct str rule = escape_html_in(arena, facts->rule);
    struct str id = escape_html_in(arena, facts->request_id);
    struct str top = arena_printf(arena, head, "Blocked", "This site is blocked");
    return arena_printf(arena,
                        "%.*s<p>%.*s</p>\n<dl><dt>Site</dt><dd>%.*s</dd>\n<dt>Rule</dt><dd>%.*s</dd>\n"
                        "<dt>Request</dt><dd>%.*s</dd></dl>\n</main></body></html>\n",
                        STR_ARGS(top), STR_ARGS(reason), STR_ARGS(host), STR_ARGS(rule), STR_ARGS(id));
}

struct str not_a_server_page(const struct facts *facts, struct arena *arena)
{
    struct str id = escape_html_in(arena, facts->request_id);
    struct str top = arena_printf(arena, head, "This is a proxy", "This is a proxy, not a web site");
    return arena_printf(
        arena,
        "%.*s<p>It was asked for a page of its own. Enter its address as the HTTP proxy of your browser or program, "
        "and then ask for the site you want, as in <code>curl -x http://PROXY:PORT http://example.org/</code>.</p>\n"
        "<dl><dt>Request</dt><dd>%.*s</dd></dl>\n</main></body></html>\n",
        STR_ARGS(top), STR_ARGS(id));
}
