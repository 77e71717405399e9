#include "proxy/reply.h"

#include "base/date.h"
#include "base/escape.h"
#include "http/fault.h"

static const struct error_page *page_for(const struct error_pages *pages, unsigned status)
{
    for (size_t i = 0; pages != NULL && i < pages->count; i++)
        if (pages->at[i].status == status)
            return &pages->at[i];
    return NULL;
}

/* Short, without a name or a version of ours; what helps is the request's id. */
static struct str plain_page(struct exchange *x, unsigned status, struct str why)
{
    return arena_printf(x->arena,
                        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>%u %s</title></head>\n"
                        "<body><h1>%u %s</h1>\n<p>%.*s</p>\n<p><small>Request %.*s</small></p></body></html>\n",
                        status, status_reason(status), status, status_reason(status),
                        STR_ARGS(escape_html_in(x->arena, why)), STR_ARGS(x->facts.request_id));
}

static struct str error_body(struct exchange *x, unsigned status, struct str why, struct str *ret_type)
{
    const struct error_page *page = page_for(x->plan.error_pages, status);
    x->facts.status = (uint16_t)status; /* for $status */
    if (page == NULL) {
        *ret_type = STR("text/html; charset=utf-8");
        return plain_page(x, status, why);
    }
    bool is_html = str_starts(page->media_type, STR("text/html"));
    *ret_type = page->media_type;
    return template_expand(&page->text, &x->facts, is_html ? ESCAPE_HTML : ESCAPE_NONE, x->arena);
}

/* RFC 9110: 405 names the methods, 503 may say when to come again. */
static void add_fields_of_status(unsigned status, struct fields *fields)
{
    if (status == 405 && fields_find_known(fields, FIELD_ALLOW) == NULL)
        fields_add_known(fields, FIELD_ALLOW, STR("GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH"));
    if (status == 503)
        fields_add_known(fields, FIELD_RETRY_AFTER, STR("1"));
    if (status == 407 || status == 403 || status >= 500)
        fields_add_known(fields, FIELD_CACHE_CONTROL, STR("no-store"));
}

static struct str body_of_plan(struct exchange *x, unsigned *ret_status, struct str *ret_type)
{
    struct plan *plan = &x->plan;
    if (plan->kind == PLAN_FAULT) {
        const struct fault_info *info = fault_info(plan->fault);
        *ret_status = info->status;
        return error_body(x, info->status, str_of(info->reason), ret_type);
    }
    *ret_status = plan->status;
    *ret_type = plan->media_type;
    if (plan->wants_page)
        return error_body(x, plan->status, x->facts.reason, ret_type);
    bool wants_page = plan->is_denied && !plan->has_page;
    if (wants_page && (plan->body.at == NULL || page_for(plan->error_pages, plan->status) != NULL))
        return error_body(x, plan->status, x->facts.reason, ret_type);
    return plan->body;
}

void reply_build(struct exchange *x, struct head *ret_head, struct str *ret_body)
{
    unsigned status;
    struct str type = STR_NONE;
    x->facts.phase = PHASE_RESPONSE;
    struct str body = body_of_plan(x, &status, &type);
    x->facts.status = (uint16_t)status;
    *ret_head = (struct head){.status = (uint16_t)status, .minor = 1, .declared = BODY_UNKNOWN};
    fields_init(&ret_head->fields, x->arena);
    if (type.at != NULL && body.len > 0)
        fields_add_known(&ret_head->fields, FIELD_CONTENT_TYPE, type);
    for (unsigned i = 0; x->plan.fields != NULL && i < x->plan.fields->count; i++)
        fields_add_field(&ret_head->fields, &x->plan.fields->at[i]);
    if (x->plan.kind == PLAN_REPLY && x->plan.location.at != NULL)
        fields_add_known(&ret_head->fields, FIELD_LOCATION, x->plan.location);
    if (fields_find_known(&ret_head->fields, FIELD_DATE) == NULL)
        fields_add_known(&ret_head->fields, FIELD_DATE, arena_dup(x->arena, date_now()));
    add_fields_of_status(status, &ret_head->fields);
    bool has_no_body = x->client->head.method == METHOD_HEAD || status == 204 || status == 304;
    ret_head->framing = has_no_body ? FRAMING_NONE : FRAMING_LENGTH;
    ret_head->length = has_no_body ? 0 : body.len;
    if (x->client->head.method == METHOD_HEAD)
        ret_head->declared = body.len;
    *ret_body = has_no_body ? STR_NONE : body;
}
