#include "http1/body.h"

#include "base/must.h"
#include "http1/write.h"

/* Reading */

static struct body_reader *reader_of(struct source *source)
{
    return container_of(source, struct body_reader, source);
}

static enum flow refuse(struct body_reader *reader, enum fault fault)
{
    reader->fault = fault;
    return FLOW_FAIL;
}

static enum flow complete(struct body_reader *reader)
{
    reader->is_done = true;
    return FLOW_END;
}

/* Counts body bytes; false when there are more than allowed. */
static bool count(struct body_reader *reader, uint64_t len)
{
    reader->received += len;
    return reader->received <= reader->most;
}

/* Bytes whose framing is none: those read with the head first, then the transport's. */
static enum flow read_plain(struct body_reader *reader, struct buffer *into, size_t room, struct task *who)
{
    if (reader->in->len == 0)
        return transport_read(reader->transport, into, room, who);
    size_t len = reader->in->len < room ? reader->in->len : room;
    buffer_move(into, reader->in, len);
    return FLOW_MORE;
}

static enum flow read_length(struct body_reader *reader, struct buffer *into, size_t room, struct task *who)
{
    size_t before = into->len;
    if (reader->left == 0)
        return complete(reader);
    enum flow flow = read_plain(reader, into, room < reader->left ? room : (size_t)reader->left, who);
    if (flow == FLOW_END || flow == FLOW_FAIL)
        return refuse(reader, reader->when_gone);
    size_t got = into->len - before;
    reader->left -= got;
    if (!count(reader, got))
        return refuse(reader, FAULT_BODY_TOO_LARGE);
    return reader->left == 0 ? complete(reader) : flow;
}

static enum flow read_until_close(struct body_reader *reader, struct buffer *into, size_t room, struct task *who)
{
    size_t before = into->len;
    enum flow flow = read_plain(reader, into, room, who);
    if (flow == FLOW_FAIL)
        return refuse(reader, reader->when_gone);
    if (!count(reader, into->len - before))
        return refuse(reader, FAULT_BODY_TOO_LARGE);
    return flow == FLOW_END ? complete(reader) : flow;
}

/* Decodes what has been read, as long as `into` has room. MORE: what was read is used up, or the room is. */
static enum flow decode(struct body_reader *reader, struct buffer *into, size_t room)
{
    size_t until = into->len + room;
    while (reader->in->len > 0 && into->len < until) {
        struct str front = str_head(buffer_front(reader->in), until - into->len);
        struct str data = STR_NONE;
        size_t used = 0;
        enum chunked step = chunked_next(reader->chunked, front.at, front.len, &used, &data);
        if (step == CHUNKED_BAD)
            return refuse(reader, reader->when_invalid);
        if (step == CHUNKED_DATA) {
            must(data.at + data.len == front.at + used);
            buffer_drop(reader->in, used - data.len);
            buffer_move(into, reader->in, data.len);
            if (!count(reader, data.len))
                return refuse(reader, FAULT_BODY_TOO_LARGE);
            continue;
        }
        buffer_drop(reader->in, used);
        if (step == CHUNKED_DONE)
            return complete(reader);
    }
    return FLOW_MORE;
}

static enum flow read_chunked(struct body_reader *reader, struct buffer *into, size_t room, struct task *who)
{
    enum flow read = FLOW_MORE;
    if (reader->in->len == 0)
        read = transport_read(reader->transport, reader->in, room, who);
    enum flow decoded = decode(reader, into, room);
    if (decoded != FLOW_MORE)
        return decoded;
    if (read == FLOW_END || read == FLOW_FAIL)
        return refuse(reader, reader->when_gone);
    return read;
}

static enum flow read_body(struct source *source, struct buffer *into, size_t room, struct task *who)
{
    struct body_reader *reader = reader_of(source);
    if (reader->fault != FAULT_NONE)
        return FLOW_FAIL;
    if (reader->is_done)
        return FLOW_END;
    switch (reader->framing) {
    case FRAMING_LENGTH:
        return read_length(reader, into, room, who);
    case FRAMING_CHUNKED:
        return read_chunked(reader, into, room, who);
    case FRAMING_CLOSE:
        return read_until_close(reader, into, room, who);
    case FRAMING_NONE:
        break;
    }
    return complete(reader);
}

static bool source_shortcut(struct source *source, struct shortcut *ret)
{
    struct body_reader *reader = reader_of(source);
    bool is_plain = reader->framing == FRAMING_LENGTH || reader->framing == FRAMING_CLOSE;
    if (!is_plain || reader->is_done || reader->in->len > 0)
        return false;
    ret->fd = transport_descriptor(reader->transport);
    ret->ready = reader->transport->ready;
    ret->error = &reader->transport->error;
    ret->most = reader->framing == FRAMING_LENGTH ? reader->left : UINT64_MAX;
    return ret->fd >= 0 && ret->most > 0;
}

static void source_took(struct source *source, uint64_t len)
{
    struct body_reader *reader = reader_of(source);
    if (reader->framing == FRAMING_LENGTH)
        reader->left -= len;
    if (!count(reader, len))
        reader->fault = FAULT_BODY_TOO_LARGE;
}

static const struct source_ops reader_ops = {
    .read = read_body,
    .shortcut = source_shortcut,
    .took = source_took,
};

void body_reader_init(struct body_reader *reader, struct transport *transport, struct buffer *in)
{
    *reader = (struct body_reader){
        .source.ops = &reader_ops,
        .transport = transport,
        .in = in,
        .framing = FRAMING_CLOSE,
        .most = UINT64_MAX,
    };
}

void body_reader_frame(struct body_reader *reader, const struct head *head, const struct limits *limits,
                       struct arena *arena)
{
    reader->framing = head->framing;
    reader->left = head->framing == FRAMING_LENGTH ? head->length : 0;
    reader->is_done = head->framing == FRAMING_NONE || (head->framing == FRAMING_LENGTH && head->length == 0);
    if (head->framing == FRAMING_CHUNKED) {
        reader->chunked = arena_new(arena, struct chunked_parser);
        chunked_init(reader->chunked, arena, limits);
    }
}

void body_reader_to_tunnel(struct body_reader *reader)
{
    reader->framing = FRAMING_CLOSE;
    reader->most = UINT64_MAX;
    reader->received = 0;
    reader->is_done = false;
}

/* Writing */

static struct body_writer *writer_of(struct sink *sink)
{
    return container_of(sink, struct body_writer, sink);
}

enum flow body_writer_flush(struct body_writer *writer, struct task *who)
{
    if (writer->out->len == 0)
        return FLOW_END;
    enum flow flow = transport_write(writer->transport, writer->out, who);
    return flow == FLOW_MORE ? FLOW_END : flow;
}

static void queue_chunk(struct body_writer *writer, struct buffer *from)
{
    char line[CHUNK_HEAD_MAX];
    size_t len = (size_t)(chunk_head_write(line, from->len) - line);
    writer->overhead += len + 2;
    buffer_add(writer->out, str_from(line, len));
    buffer_move(writer->out, from, from->len);
    buffer_add(writer->out, STR("\r\n"));
}

/* What the head promised is the most that is ever sent: bytes beyond it are a bug of who feeds the sink. */
static void queue(struct body_writer *writer, struct buffer *from)
{
    if (from->len == 0)
        return;
    if (writer->framing == FRAMING_CHUNKED) {
        queue_chunk(writer, from);
        return;
    }
    if (writer->framing == FRAMING_LENGTH) {
        must(from->len <= writer->left);
        writer->left -= from->len;
    }
    must(writer->framing != FRAMING_NONE);
    buffer_move(writer->out, from, from->len);
}

/* Takes nothing before what was queued earlier is gone, so at most one helping is held. */
static enum flow write_body(struct sink *sink, struct buffer *from, struct task *who)
{
    struct body_writer *writer = writer_of(sink);
    if (writer->out->len >= BLOCK_SIZE) {
        enum flow flow = body_writer_flush(writer, who);
        if (flow != FLOW_END)
            return flow;
    }
    queue(writer, from);
    enum flow flow = body_writer_flush(writer, who);
    return flow == FLOW_END ? FLOW_MORE : flow;
}

static void queue_trailer(struct body_writer *writer, const struct field *field)
{
    buffer_add(writer->out, field->name);
    buffer_add(writer->out, STR(": "));
    buffer_add(writer->out, field->value);
    buffer_add(writer->out, STR("\r\n"));
}

static void queue_last_chunk(struct body_writer *writer)
{
    size_t before = writer->out->len;
    buffer_add(writer->out, STR("0\r\n"));
    for (unsigned i = 0; writer->trailers != NULL && i < writer->trailers->count; i++) {
        const struct field *field = &writer->trailers->at[i];
        if (field->id == FIELD_OTHER && fields_lists(writer->announced, FIELD_TRAILER, field->name))
            queue_trailer(writer, field);
    }
    buffer_add(writer->out, STR("\r\n"));
    writer->overhead += writer->out->len - before;
}

static enum flow finish_body(struct sink *sink, struct buffer *last, struct task *who)
{
    struct body_writer *writer = writer_of(sink);
    queue(writer, last);
    if (!writer->is_done && writer->framing == FRAMING_CHUNKED)
        queue_last_chunk(writer);
    must(writer->framing != FRAMING_LENGTH || writer->left == 0);
    writer->is_done = true;
    writer->transport->is_ending = writer->is_tunnel || writer->is_last;
    enum flow flow = body_writer_flush(writer, who);
    writer->transport->is_ending = false;
    if (flow == FLOW_END && writer->is_tunnel)
        transport_shut(writer->transport);
    return flow;
}

static bool sink_shortcut(struct sink *sink, struct shortcut *ret)
{
    struct body_writer *writer = writer_of(sink);
    if (writer->framing == FRAMING_CHUNKED || writer->out->len > 0)
        return false;
    ret->fd = transport_descriptor(writer->transport);
    ret->ready = writer->transport->ready;
    ret->most = writer->framing == FRAMING_LENGTH ? writer->left : UINT64_MAX;
    return ret->fd >= 0;
}

static void sink_took(struct sink *sink, uint64_t len)
{
    struct body_writer *writer = writer_of(sink);
    if (writer->framing == FRAMING_LENGTH) {
        must(len <= writer->left);
        writer->left -= len;
    }
}

static const struct sink_ops writer_ops = {
    .write = write_body,
    .finish = finish_body,
    .shortcut = sink_shortcut,
    .took = sink_took,
};

void body_writer_init(struct body_writer *writer, struct transport *transport, struct buffer *out)
{
    *writer = (struct body_writer){
        .sink.ops = &writer_ops,
        .transport = transport,
        .out = out,
        .framing = FRAMING_CLOSE,
    };
}

void body_writer_frame(struct body_writer *writer, const struct head *head)
{
    writer->framing = head->framing;
    writer->left = head->framing == FRAMING_LENGTH ? head->length : 0;
    writer->is_done = head->framing == FRAMING_NONE;
}

void body_writer_to_tunnel(struct body_writer *writer)
{
    writer->framing = FRAMING_CLOSE;
    writer->is_tunnel = true;
    writer->is_done = false;
}
