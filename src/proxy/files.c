#include "proxy/files.h"

#include "base/date.h"
#include "base/must.h"
#include "http/conditional.h"
#include "http/mime.h"
#include "http/range.h"
#include "proxy/apply.h"
#include "proxy/beneath.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* The path on the disk, relative to the folder, terminated; none when a path of the web is no path of a file: an
   encoded slash or NUL, a dot segment. */
static struct str disk_path(struct arena *arena, struct str path)
{
    char *into = arena_bytes(arena, path.len + sizeof "index.html" + 1);
    size_t len = 0;
    for (size_t i = 0; i < path.len; i++) {
        char c = path.at[i];
        if (c == '%' && i + 2 < path.len) {
            int high = char_hex(path.at[i + 1]), low = char_hex(path.at[i + 2]);
            if (high < 0 || low < 0)
                return STR_NONE;
            c = (char)(high << 4 | low);
            i += 2;
            if (c == '/')
                return STR_NONE;
        }
        if (c == '\0')
            return STR_NONE;
        if (c != '/' || (len > 0 && into[len - 1] != '/')) /* no slash in front, none doubled */
            into[len++] = c;
    }
    struct str rest = str_from(into, len), piece;
    while (str_cut(&rest, '/', &piece))
        if (str_eq(piece, STR("..")) || str_eq(piece, STR(".")))
            return STR_NONE;
    if (len == 0 || into[len - 1] == '/') {
        memcpy(into + len, "index.html", 10);
        len += 10;
    }
    into[len] = '\0';
    return str_from(into, len);
}

static uint16_t status_of_errno(int error)
{
    static const struct {
        int error;
        uint16_t status;
    } rows[] = {{EACCES, 403}, {EPERM, 403}, {EMFILE, 503}, {ENFILE, 503}, {ENOMEM, 503}, {EIO, 500}};
    for (size_t i = 0; i < lengthof(rows); i++)
        if (rows[i].error == error)
            return rows[i].status;
    return 404; /* ENOENT, ENOTDIR, ELOOP, EXDEV, ENAMETOOLONG, ENXIO */
}

static void answer_page(struct files_answer *answer, uint16_t status)
{
    answer->head.status = status;
    answer->wants_page = true;
}

/* The folder's path with the slash that was forgotten, as the client would ask for it. */
static void answer_folder(struct files_answer *answer, const struct head *request, const struct facts *facts,
                          struct arena *arena)
{
    struct str path = request->target.path;
    struct str query = request->target.query;
    struct facts asked = *facts;
    asked.path = path;
    struct str url = query.at == NULL ? arena_printf(arena, "%.*s/", STR_ARGS(path))
                                      : arena_printf(arena, "%.*s/?%.*s", STR_ARGS(path), STR_ARGS(query));
    answer_page(answer, 301);
    fields_add_known(&answer->head.fields, FIELD_LOCATION, location_safe(arena, url, &asked));
}

static struct validators validators_of_file(const struct stat *info, struct arena *arena)
{
    struct validators have = {.has_modified = true};
    int64_t us = (int64_t)info->st_mtim.tv_sec * 1000000 + info->st_mtim.tv_nsec / 1000;
    have.etag = arena_printf(arena, "\"%llx-%llx\"", (unsigned long long)us, (unsigned long long)info->st_size);
    have.modified.us = (int64_t)info->st_mtim.tv_sec * 1000000;
    if (have.modified.us > clock_wall().us) /* RFC 9110 8.8.2.1 */
        have.modified.us = clock_wall().us / 1000000 * 1000000;
    return have;
}

static void add_validators(struct fields *fields, const struct validators *have, struct arena *arena)
{
    char text[DATE_TEXT_MAX];
    fields_add_known(fields, FIELD_LAST_MODIFIED, arena_dup(arena, str_from(text, date_http(have->modified, text))));
    fields_add_known(fields, FIELD_ETAG, have->etag);
}

/* 200, 206 or 416, by the Range field. */
static void answer_body(struct files_answer *answer, const struct head *request, const struct validators *have,
                        uint64_t size, struct arena *arena)
{
    struct fields *fields = &answer->head.fields;
    const struct field *asked = fields_find_known(&request->fields, FIELD_RANGE);
    struct range range = {0};
    size_t count = 0;
    enum ranges ranges = RANGES_WHOLE;
    if (asked != NULL && request->method == METHOD_GET && conditional_allows_range(&request->fields, have))
        ranges = ranges_parse(asked->value, size, &range, 1, &count);
    answer->offset = 0;
    answer->length = size;
    answer->head.status = 200;
    unsigned long long whole = size;
    if (ranges == RANGES_UNSATISFIABLE) {
        answer_page(answer, 416);
        fields_add_known(fields, FIELD_CONTENT_RANGE, arena_printf(arena, "bytes */%llu", whole));
    } else if (ranges == RANGES_SOME && count == 1) {
        answer->head.status = 206;
        answer->offset = range.first;
        answer->length = range_length(&range);
        fields_add_known(fields, FIELD_CONTENT_RANGE,
                         arena_printf(arena, "bytes %llu-%llu/%llu", (unsigned long long)range.first,
                                      (unsigned long long)range.last, whole));
    }
}

/* The head, and whether a body goes with it, for an open regular file. */
static void answer_file(struct files_answer *answer, const struct head *request, const struct stat *info,
                        struct str path, struct arena *arena)
{
    struct head *head = &answer->head;
    struct validators have = validators_of_file(info, arena);
    enum precondition precondition = conditional_judge(request->method, &request->fields, &have);
    if (precondition == PRECONDITION_FAILED) {
        answer_page(answer, 412);
        return;
    }
    if (precondition == PRECONDITION_NOT_MODIFIED) {
        head->status = 304;
        add_validators(&head->fields, &have, arena);
        return;
    }
    answer_body(answer, request, &have, (uint64_t)info->st_size, arena);
    if (answer->wants_page)
        return;
    fields_add_known(&head->fields, FIELD_CONTENT_TYPE, mime_of(path));
    fields_add_known(&head->fields, FIELD_ACCEPT_RANGES, STR("bytes"));
    add_validators(&head->fields, &have, arena);
    if (request->method == METHOD_HEAD) {
        head->declared = answer->length;
        return;
    }
    head->framing = FRAMING_LENGTH;
    head->length = answer->length;
}

static void drop_file(struct files_answer *answer)
{
    close(answer->fd);
    answer->fd = -1;
    answer->length = 0;
}

/* Opens `path`, or its index.html when it is a folder and `is_index`. */
static int open_file(int folder, struct str path, bool is_index, struct arena *arena, struct stat *ret_info)
{
    int fd = open_beneath(folder, path.at);
    if (fd < 0 || fstat(fd, ret_info) < 0 || !S_ISDIR(ret_info->st_mode) || !is_index)
        return fd;
    close(fd);
    fd = open_beneath(folder, arena_cstr(arena, arena_join(arena, path, STR("/index.html"))));
    if (fd >= 0)
        fstat(fd, ret_info);
    return fd;
}

void files_open(int folder, const struct head *request, const struct facts *facts, struct arena *arena,
                struct files_answer *ret)
{
    *ret = (struct files_answer){.fd = -1, .head = {.minor = 1, .declared = BODY_UNKNOWN, .framing = FRAMING_NONE}};
    fields_init(&ret->head.fields, arena);
    fields_add_known(&ret->head.fields, FIELD_DATE, arena_dup(arena, date_now()));
    if (request->method != METHOD_GET && request->method != METHOD_HEAD) {
        answer_page(ret, 405);
        fields_add_known(&ret->head.fields, FIELD_ALLOW, STR("GET, HEAD"));
        return;
    }
    struct str path = disk_path(arena, facts->path);
    struct stat info = {0};
    bool asks_folder = str_ends(request->target.path, STR("/"));
    if (path.at != NULL)
        ret->fd = open_file(folder, path, asks_folder, arena, &info);
    if (ret->fd < 0) {
        answer_page(ret, path.at == NULL ? 404 : status_of_errno(errno));
        return;
    }
    bool is_named_folder = S_ISDIR(info.st_mode) && !str_ends(facts->path, STR("/")) && !asks_folder;
    if (is_named_folder)
        answer_folder(ret, request, facts, arena);
    else if (!S_ISREG(info.st_mode))
        answer_page(ret, 404);
    else
        answer_file(ret, request, &info, path, arena);
    if (ret->head.framing != FRAMING_LENGTH)
        drop_file(ret);
}

static enum flow file_read(struct source *source, struct buffer *into, size_t room, struct task *who)
{
    (void)who;
    struct file_source *file = container_of(source, struct file_source, source);
    if (file->left == 0)
        return FLOW_END;
    struct iovec iov[4];
    size_t want = room < file->left ? room : (size_t)file->left;
    int count = buffer_room_iov(into, want, iov, (int)lengthof(iov));
    ssize_t got;
    do
        got = preadv(file->fd, iov, count, (off_t)file->offset);
    while (got < 0 && errno == EINTR);
    buffer_fill(into, got > 0 ? (size_t)got : 0);
    if (got <= 0)
        return FLOW_FAIL;
    file->offset += (uint64_t)got;
    file->left -= (uint64_t)got;
    return file->left == 0 ? FLOW_END : FLOW_MORE;
}

static const struct source_ops file_ops = {.read = file_read};

void file_source_init(struct file_source *file, struct files_answer *taken)
{
    *file = (struct file_source){
        .source = {&file_ops}, .fd = taken->fd, .offset = taken->offset, .left = taken->length};
    taken->fd = -1;
}

void file_source_fini(struct file_source *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}
