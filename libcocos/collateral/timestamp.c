/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a time-stamp authority by HTTP (RFC 3161 section 3.4). */
#include "collateral/session.h"

#define REPLY_MAX 65536 /* as cocos_case_anchor() takes */

static int
ask(cocos__session *s, const char *url, cocos__span query, cocos__material *reply, cocos_error **err)
{
    const cocos__resource q = {.url = url,
                               .limit = REPLY_MAX,
                               .type = "application/timestamp-query",
                               .send = query,
                               .answer = "application/timestamp-reply"};

    if (s->offline)
        return cocos__fail(err, COCOS_ERR_NOT_FOUND, "collateral.offline",
                           "offline, no authority can be asked");
    return cocos__http_fetch(s, &q, reply, err);
}

int cocos_case_anchor_fetch(cocos_case *file,
                            const char *url,
                            const cocos_collateral_options *options,
                            int64_t deadline_ns,
                            cocos_cancel *cancel,
                            cocos_error **err)
{
    COCOS__CLEANUP(cocos__freep) cocos__session *s = malloc(sizeof *s);
    COCOS__CLEANUP(cocos__material_done) cocos__material reply;
    cocos__span query;

    cocos__material_init(&reply, REPLY_MAX);
    if (!s)
        return cocos__fail_memory(err);
    if (!file || !url || !cocos__collateral_is_url(url))
        return cocos__fail(err, COCOS_ERR_USAGE, "option.value",
                           "a case and the URL of an authority (https:// or http://, without user "
                           "or fragment) are needed");
    int r = cocos_case_anchor_request(file, &query.data, &query.len, err);
    if (r < 0)
        return r;
    cocos__session_init(s, options, deadline_ns, cancel);
    r = ask(s, url, query, &reply, err);
    return r < 0 ? r : cocos_case_anchor(file, reply.body.data, reply.body.len, err);
}
