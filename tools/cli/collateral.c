/* SPDX-License-Identifier: Apache-2.0 */
/* cocos collateral: fetch what a verifier needs besides the evidence, and look at it. */
#include "cli.h"

#include <cocos/collateral.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EVIDENCE_MAX (4 * 1024 * 1024)
#define ROOTS_MAX    (256 * 1024)
#define NS_PER_S     INT64_C(1000000000)

CLI_FREEP(evidence_freep, cocos_evidence, cocos_evidence_free)
CLI_FREEP(bundle_freep, cocos_bundle, cocos_bundle_free)

static const char *kind_name(int kind)
{
    return kind == COCOS_EVIDENCE_TDX ? "tdx" : "snp";
}

static const char *part_name(int part)
{
    switch (part) {
    case COCOS_PART_CERTIFICATES:
        return "certificates";
    case COCOS_PART_CRL:
        return "crl";
    case COCOS_PART_TCB_INFO:
        return "tcb-info";
    case COCOS_PART_QE_IDENTITY:
        return "qe-identity";
    default:
        return "tcb-chain";
    }
}

/* "" when the item does not say. */
static void time_text(int64_t ns, char out[32])
{
    time_t s = (time_t)(ns / NS_PER_S);
    struct tm tm;

    out[0] = '\0';
    if (ns > 0 && gmtime_r(&s, &tm))
        strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static json_t *items_json(const cocos_bundle *b)
{
    json_t *items = json_array();
    char until[32];
    size_t len;

    for (size_t i = 0; i < cocos_bundle_count(b); i++) {
        (void)cocos_bundle_data(b, i, &len);
        time_text(cocos_bundle_until_ns(b, i), until);
        json_array_append_new(items, json_pack("{s:s, s:s, s:I, s:s?}", "part",
                                               part_name(cocos_bundle_part(b, i)), "source",
                                               cocos_bundle_source(b, i), "size", (json_int_t)len,
                                               "until", until[0] ? until : NULL));
    }
    return items;
}

static void show(tool *t, const cocos_bundle *b, const char *file)
{
    char until[32];
    size_t len;

    if (t->json) {
        json_t *o = json_pack("{s:s, s:s, s:o}", "kind", kind_name(cocos_bundle_kind(b)), "subject",
                              cocos_bundle_subject(b), "items", items_json(b));
        if (file)
            json_object_set_new(o, "file", tool_json_text(file));
        tool_emit(t, o);
        return;
    }
    tool_print(t, "%s\n", cocos_bundle_subject(b));
    for (size_t i = 0; i < cocos_bundle_count(b); i++) {
        (void)cocos_bundle_data(b, i, &len);
        time_text(cocos_bundle_until_ns(b, i), until);
        tool_print(t, "%-12s  %7zu B  until %-20s  %s\n", part_name(cocos_bundle_part(b, i)), len,
                   until[0] ? until : "(not said)", cocos_bundle_source(b, i));
    }
}

static int open_evidence(tool *t, cocos_evidence **ret)
{
    size_t len;
    int code = 0;
    cocos_error *err = NULL;
    TOOL_CLEANUP(tool_free_text)
    char *data = tool_read_file(t, t->args->operands[0], EVIDENCE_MAX, &len, &code);

    if (!data)
        return code;
    return cocos_evidence_new(cli_evidence_kind(tool_args_get(t->args, "kind")),
                              (const uint8_t *)data, len, ret, &err) < 0
               ? tool_fail_error(t, err)
               : 0;
}

/* Certificates that came apart from the report say which ones need not be fetched. */
static int add_parts(tool *t, cocos_evidence *ev)
{
    static const struct {
        const char *option;
        int part;
    } parts[] = {{"cert", COCOS_PART_CERTIFICATES}, {"cert-table", COCOS_PART_CERT_TABLE}};

    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
        for (size_t i = 0; i < tool_args_count(t->args, parts[p].option); i++) {
            size_t len;
            int code = 0;
            cocos_error *err = NULL;
            TOOL_CLEANUP(tool_free_text)
            char *data = tool_read_file(t, tool_args_at(t->args, parts[p].option, i), EVIDENCE_MAX,
                                        &len, &code);
            if (!data)
                return code;
            if (cocos_evidence_add(ev, parts[p].part, (const uint8_t *)data, len, &err) < 0)
                return tool_fail_error(t, err);
        }
    }
    return 0;
}

static int add_roots(tool *t, cocos_collateral_options *o)
{
    for (size_t i = 0; i < tool_args_count(t->args, "root"); i++) {
        size_t len;
        int code = 0;
        cocos_error *err = NULL;
        TOOL_CLEANUP(tool_free_text)
        char *data = tool_read_file(t, tool_args_at(t->args, "root", i), ROOTS_MAX, &len, &code);

        if (!data)
            return code;
        if (cocos_collateral_options_add_root(o, (const uint8_t *)data, len, &err) < 0)
            return tool_fail_error(t, err);
    }
    return 0;
}

int cli_fetching_options(tool *t, cocos_collateral_options **ret)
{
    static const char *const same[][2] = {
        {"kds", "kds"},     {"pcs", "pcs"}, {"root-crl", "root_crl"},
        {"cache", "cache"}, {"ca", "ca"},   {"patience", "patience"}};
    cocos_error *err = NULL;

    if (cocos_collateral_options_new(ret, &err) < 0)
        return tool_fail_error(t, err);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        const char *value = tool_args_get(t->args, same[i][0]);
        if (value && cocos_collateral_options_set(*ret, same[i][1], value, &err) < 0)
            return tool_fail_error(t, err);
    }
    if (tool_args_count(t->args, "offline") > 0 &&
        cocos_collateral_options_set(*ret, "offline", "true", &err) < 0)
        return tool_fail_error(t, err);
    return add_roots(t, *ret);
}

int cli_write_file(tool *t, const char *path, const uint8_t *data, size_t len)
{
    char temporary[4200];

    snprintf(temporary, sizeof temporary, "%s.%ld.new", path, (long)getpid());
    FILE *f = fopen(temporary, "wxe");
    int bad = !f || fwrite(data, 1, len, f) != len || fflush(f) != 0 || fsync(fileno(f)) < 0;
    int number = errno;

    bad |= f && fclose(f) != 0;
    if (!bad && rename(temporary, path) < 0) {
        number = errno;
        bad = 1;
    }
    if (!bad)
        return 0;
    if (f)
        unlink(temporary);
    return tool_fail(t, number == EACCES ? COCOS_ERR_DENIED : COCOS_ERR_IO, "io.write", "%s: %s",
                     path, strerror(number));
}

static int write_bundle(tool *t, const cocos_bundle *b, const char *path)
{
    size_t len;
    const uint8_t *data = cocos_bundle_cbor(b, &len);

    return cli_write_file(t, path, data, len);
}

int cli_collateral_bundle(tool *t)
{
    TOOL_CLEANUP(evidence_freep) cocos_evidence *ev = NULL;
    TOOL_CLEANUP(cli_fetching_freep) cocos_collateral_options *o = NULL;
    TOOL_CLEANUP(bundle_freep) cocos_bundle *b = NULL;
    const char *path = tool_args_get(t->args, "output");
    cocos_error *err = NULL;
    int code = 0;

    if (!path)
        return tool_fail(t, COCOS_ERR_USAGE, "usage.option.missing",
                         "--output is needed: the file to write");
    if ((code = tool_stop_start(t)) != 0 || (code = open_evidence(t, &ev)) != 0 ||
        (code = add_parts(t, ev)) != 0)
        return code;
    if ((code = cli_fetching_options(t, &o)) != 0)
        return code;
    if (cocos_collateral_fetch(ev, o, t->deadline_ns, t->cancel, &b, &err) < 0)
        return tool_fail_error(t, err);
    if ((code = write_bundle(t, b, path)) != 0)
        return code;
    show(t, b, path);
    return 0;
}

int cli_collateral_show(tool *t)
{
    TOOL_CLEANUP(bundle_freep) cocos_bundle *b = NULL;

    int code = tool_read_bundle(t, t->args->operands[0], &b);
    if (code)
        return code;
    show(t, b, NULL);
    return 0;
}
