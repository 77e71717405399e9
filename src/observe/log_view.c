#include "base/hash.h"
#include "observe/log_format.h"

static const struct str redacted = {"[redacted]", 10};

bool log_redacts(const struct log_conf *conf, struct str field)
{
    static const struct str always[] = {
        {"authorization", 13}, {"proxy-authorization", 19}, {"cookie", 6}, {"set-cookie", 10}};
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        if (str_eq_nocase(field, always[i]))
            return true;
    for (size_t i = 0; i < conf->redact_count; i++)
        if (str_eq_nocase(field, conf->redact[i]))
            return true;
    return false;
}

/* 16 digits by which lines of one person or address belong together, and nothing else; another set after each start. */
static struct str pseudonym(struct str clear, char into[16])
{
    uint64_t hash = hash_str(hash_key_process(), clear);
    for (unsigned i = 0; i < 16; i++)
        into[i] = "0123456789abcdef"[hash >> (60 - 4 * i) & 15];
    return str_from(into, 16);
}

static struct ip shown_ip(const struct log_view *view)
{
    const struct ip *client = &view->facts->client;
    if (view->conf->addresses == PRIVACY_OFF || view->conf->addresses == PRIVACY_PSEUDONYM)
        return (struct ip){0};
    return view->conf->addresses == PRIVACY_MASKED ? ip_masked(client, 24, 48) : *client;
}

static struct str client_of(struct log_view *view)
{
    struct ip ip = shown_ip(view);
    if (ip.version != 0)
        return str_from(view->client_room, ip_text(&ip, view->client_room));
    if (view->conf->addresses != PRIVACY_PSEUDONYM || view->facts->client.version == 0)
        return STR_NONE;
    size_t len = ip_text(&view->facts->client, view->client_room);
    char digits[16];
    struct str name = pseudonym(str_from(view->client_room, len), digits);
    memcpy(view->client_room, name.at, name.len);
    return str_from(view->client_room, name.len);
}

/* Of a user, or of whom a certificate names. */
static struct str shown_name(const struct log_conf *conf, struct str name, char room[16])
{
    if (name.at == NULL || conf->names == PRIVACY_CLEAR)
        return name;
    return conf->names == PRIVACY_PSEUDONYM ? pseudonym(name, room) : STR_NONE;
}

static struct str field_of(const struct log_view *view, enum field_id id)
{
    if (view->facts->request_fields == NULL)
        return STR_NONE;
    const struct field *field = fields_find_known(view->facts->request_fields, id);
    if (field == NULL)
        return STR_NONE;
    return view->conf->redact_count > 0 && log_redacts(view->conf, field->name) ? redacted : field->value;
}

void log_view_init(struct log_view *view, const struct log_conf *conf, const struct facts *facts)
{
    view->facts = facts;
    view->conf = conf;
    view->client = client_of(view);
    view->user = shown_name(conf, facts->user, view->user_room);
    view->certificate = shown_name(conf, facts->client_certificate, view->certificate_room);
    view->referer = field_of(view, FIELD_REFERER);
    view->user_agent = field_of(view, FIELD_USER_AGENT);
}

/* Fields by which clients' addresses travel are as private as the address. */
static bool tells_address(const struct field *field)
{
    return field->id == FIELD_X_FORWARDED_FOR || field->id == FIELD_FORWARDED || field->id == FIELD_X_REAL_IP;
}

static const struct fields *shown_fields(const struct log_conf *conf, const struct fields *fields, struct arena *arena)
{
    if (fields == NULL)
        return NULL;
    struct fields *copy = arena_alloc(arena, sizeof *copy);
    fields_init(copy, arena);
    for (unsigned i = 0; i < fields->count; i++) {
        const struct field *field = &fields->at[i];
        bool is_hidden = log_redacts(conf, field->name) || (conf->addresses != PRIVACY_CLEAR && tells_address(field));
        fields_add(copy, field->name, is_hidden ? redacted : field->value);
    }
    return copy;
}

const struct facts *log_view_facts(const struct log_view *view, struct arena *arena)
{
    struct facts *facts = arena_alloc(arena, sizeof *facts);
    *facts = *view->facts;
    facts->client = shown_ip(view);
    facts->user = view->user;
    facts->client_certificate = view->certificate;
    facts->request_fields = shown_fields(view->conf, facts->request_fields, arena);
    facts->response_fields = shown_fields(view->conf, facts->response_fields, arena);
    return facts;
}
