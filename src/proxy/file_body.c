#include "proxy/file_body.h"

#include "flow/text_source.h"
#include "proxy/exchange.h"
#include "proxy/files.h"

struct file_body {
    struct files_answer answer;
    struct file_source file;
    struct source *source;
};

/* An error or a redirect: its body is a page of ours, its fields are what files_open() found. */
static void plan_page_of(struct exchange *x, struct files_answer *answer)
{
    x->plan.kind = PLAN_REPLY;
    x->plan.status = answer->head.status;
    x->plan.wants_page = true;
    x->plan.fields = &answer->head.fields;
    if (answer->head.status >= 500)
        x->facts.fault = FAULT_FILE;
}

struct file_body *file_body_open(struct exchange *x, struct head *ret_head)
{
    struct file_body *body = arena_new(x->arena, struct file_body);
    files_open(x->plan.files_fd, &x->client->head, &x->facts, x->arena, &body->answer);
    body->file.fd = -1;
    if (body->answer.wants_page) {
        plan_page_of(x, &body->answer);
        return NULL;
    }
    x->facts.status = body->answer.head.status;
    if (body->answer.fd >= 0) {
        file_source_init(&body->file, &body->answer);
        body->source = &body->file.source;
    } else {
        body->source = text_source(x->arena, STR_NONE);
    }
    *ret_head = body->answer.head;
    return body;
}

struct source *file_body_source(struct file_body *body)
{
    return body->source;
}

void file_body_close(struct file_body *body)
{
    if (body != NULL)
        file_source_fini(&body->file);
}
