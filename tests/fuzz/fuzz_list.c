/*
 * All readers of lists, and detection. The first byte chooses the format (0 detects) and whether entries are exact; the rest
 * is the file. What comes out must be in the form that look-ups use.
 */
#include "acl/list_reader.h"
#include "base/hostname.h"
#include "base/must.h"
#include "http/path.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct checker {
    struct list_sink sink;
    struct arena arena;
};

static void check_entry(struct list_sink *sink, const struct list_entry *entry)
{
    struct checker *checker = container_of(sink, struct checker, sink);
    struct str normal, second;
    struct ip ip;
    must((entry->cover & COVER_BOTH) != 0 && (entry->cover & ~(unsigned)(COVER_BOTH | COVER_EXCEPTION)) == 0);
    if (entry->name.at != NULL) {
        must(hostname_normal(&checker->arena, entry->name, &normal) && str_eq(normal, entry->name));
        must(!ip_parse(entry->name, &ip) && !hostname_is_numeric_like(entry->name));
    } else {
        ip = ip_masked(&entry->range.net, entry->range.bits, entry->range.bits);
        must(ip_eq(&ip, &entry->range.net));
        must(entry->range.bits <= (entry->range.net.version == 4 ? 32 : 128));
    }
    if (entry->path.at != NULL)
        must(path_canonical(&checker->arena, entry->path, &normal, &second) && str_eq(normal, entry->path));
    arena_reset(&checker->arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct str rest = str_from((const char *)data + 1, size - 1), line;
    enum list_format format = (enum list_format)(data[0] % (LIST_CIDR + 1));
    struct checker checker = {.sink = {check_entry}};
    struct list_reader reader;
    arena_init(&checker.arena);
    if (format == LIST_AUTO)
        format = list_detect(rest);
    must(list_format_name(format) != NULL);
    list_reader_init(&reader, format, (int)(data[0] / 64 % 3) - 1, &checker.sink);
    while (list_cut_line(&rest, &line)) {
        reader.why = NULL;
        enum line_result result = list_reader_take(&reader, line);
        must(result <= LINE_BAD);
        must(reader.why != NULL || result == LINE_NOTHING || result == LINE_ENTRY);
    }
    list_reader_is_complete(&reader);
    list_reader_fini(&reader);
    arena_thread_done();
    return 0;
}
