#include "http/mime.h"

#include <stddef.h>

enum { EXTENSION_MAX = 12 };

struct mime_row {
    const char *extension;
    const char *type;
};

/* Sorted by the bytes of the extension. */
static const struct mime_row rows[] = {
    {"7z", "application/x-7z-compressed"},
    {"aac", "audio/aac"},
    {"apk", "application/vnd.android.package-archive"},
    {"appcache", "text/cache-manifest; charset=utf-8"},
    {"asc", "text/plain; charset=utf-8"},
    {"atom", "application/atom+xml"},
    {"avi", "video/x-msvideo"},
    {"avif", "image/avif"},
    {"bin", "application/octet-stream"},
    {"bmp", "image/bmp"},
    {"br", "application/octet-stream"},
    {"bz2", "application/x-bzip2"},
    {"c", "text/plain; charset=utf-8"},
    {"cer", "application/pkix-cert"},
    {"conf", "text/plain; charset=utf-8"},
    {"crl", "application/pkix-crl"},
    {"crt", "application/x-x509-ca-cert"},
    {"css", "text/css; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"deb", "application/vnd.debian.binary-package"},
    {"dmg", "application/octet-stream"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"eot", "application/vnd.ms-fontobject"},
    {"epub", "application/epub+zip"},
    {"exe", "application/octet-stream"},
    {"flac", "audio/flac"},
    {"geojson", "application/geo+json"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"h", "text/plain; charset=utf-8"},
    {"heic", "image/heic"},
    {"htm", "text/html; charset=utf-8"},
    {"html", "text/html; charset=utf-8"},
    {"ico", "image/x-icon"},
    {"ics", "text/calendar; charset=utf-8"},
    {"img", "application/octet-stream"},
    {"iso", "application/octet-stream"},
    {"jar", "application/java-archive"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"jsonld", "application/ld+json"},
    {"jxl", "image/jxl"},
    {"log", "text/plain; charset=utf-8"},
    {"m3u8", "application/vnd.apple.mpegurl"},
    {"m4a", "audio/mp4"},
    {"m4v", "video/mp4"},
    {"map", "application/json"},
    {"md", "text/markdown; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"mkv", "video/x-matroska"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"mpd", "application/dash+xml"},
    {"mpeg", "video/mpeg"},
    {"mpg", "video/mpeg"},
    {"odp", "application/vnd.oasis.opendocument.presentation"},
    {"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"oga", "audio/ogg"},
    {"ogg", "audio/ogg"},
    {"ogv", "video/ogg"},
    {"opus", "audio/ogg"},
    {"otf", "font/otf"},
    {"pac", "application/x-ns-proxy-autoconfig"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"ppt", "application/vnd.ms-powerpoint"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"ps", "application/postscript"},
    {"rpm", "application/x-rpm"},
    {"rss", "application/rss+xml"},
    {"rtf", "application/rtf"},
    {"sh", "text/plain; charset=utf-8"},
    {"svg", "image/svg+xml"},
    {"svgz", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tgz", "application/gzip"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"toml", "application/toml"},
    {"ts", "video/mp2t"},
    {"ttf", "font/ttf"},
    {"txt", "text/plain; charset=utf-8"},
    {"vtt", "text/vtt; charset=utf-8"},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"weba", "audio/webm"},
    {"webm", "video/webm"},
    {"webmanifest", "application/manifest+json"},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xhtml", "application/xhtml+xml"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "application/xml"},
    {"xsl", "application/xml"},
    {"xslt", "application/xml"},
    {"xz", "application/x-xz"},
    {"yaml", "application/yaml"},
    {"yml", "application/yaml"},
    {"zip", "application/zip"},
    {"zst", "application/zstd"},
};

static struct str extension_of(struct str path)
{
    struct str name = path;
    size_t slash = str_find_last(name, '/');
    if (slash < name.len)
        name = str_skip(name, slash + 1);
    size_t dot = str_find_last(name, '.');
    return dot < name.len ? str_skip(name, dot + 1) : STR_NONE;
}

struct str mime_of(struct str path)
{
    char lower[EXTENSION_MAX];
    struct str extension = extension_of(path);
    size_t low = 0, high = extension.len <= sizeof lower ? sizeof rows / sizeof rows[0] : 0;
    for (size_t i = 0; i < extension.len && i < sizeof lower; i++)
        lower[i] = char_lower(extension.at[i]);
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = str_compare(str_of(rows[middle].extension), str_from(lower, extension.len));
        if (order == 0)
            return str_of(rows[middle].type);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return STR("application/octet-stream");
}

bool mime_is_text(struct str content_type)
{
    static const char *const kinds[] = {"application/json",
                                        "application/javascript",
                                        "application/xml",
                                        "application/wasm",
                                        "application/yaml",
                                        "application/toml",
                                        "application/rtf",
                                        "application/x-javascript",
                                        "image/bmp",
                                        "image/x-icon",
                                        "font/ttf",
                                        "font/otf",
                                        "application/vnd.ms-fontobject",
                                        "application/x-ns-proxy-autoconfig",
                                        "application/vnd.apple.mpegurl"};
    struct str type = str_trim(str_head(content_type, str_find(content_type, ';')));
    size_t plus = str_find_last(type, '+');
    struct str suffix = str_skip(type, plus);
    if (str_starts_nocase(type, STR("text/")) || str_eq_nocase(suffix, STR("+json")) ||
        str_eq_nocase(suffix, STR("+xml")))
        return true;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (str_eq_nocase(type, str_of(kinds[i])))
            return true;
    return false;
}
