/* SPDX-License-Identifier: Apache-2.0 */
/* cocos checksum, and cocos manifest check and digest. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#define MANIFEST_MAX (2 * 1024 * 1024)

static int
print_digest(tool *t, const char *what, const char *path, const uint8_t *digest, json_t *more)
{
    char text[TOOL_HEX_SIZE];
    int base64 = tool_args_count(t->args, "base64") > 0;

    if (base64)
        tool_base64(text, digest, COCOS_DIGEST_SIZE);
    else
        tool_hex(text, digest, COCOS_DIGEST_SIZE);
    if (!t->json) {
        json_decref(more);
        tool_print(t, "%s\n", text);
        return 0;
    }
    json_t *o = json_pack("{s:s, s:o, s:s, s:s}", "of", what, "path", tool_json_text(path),
                          "algorithm", "sha3-256", "digest", text);
    json_object_update_missing(o, more);
    json_decref(more);
    tool_emit(t, o);
    return 0;
}

static int manifest_checksum(tool *t, const char *path)
{
    TOOL_CLEANUP(cli_manifest_freep) cocos_manifest *m = NULL;
    uint8_t digest[COCOS_DIGEST_SIZE];
    cocos_error *err = NULL;
    const char *why = "";
    size_t len;
    int code = 0;
    TOOL_CLEANUP(tool_free_text) char *text = tool_read_file(t, path, MANIFEST_MAX, &len, &code);

    if (!text)
        return code;
    int old = cli_old_manifest_digest(text, len, &why, digest);
    if (old < 0)
        return tool_fail(t, COCOS_ERR_MALFORMED, "manifest.old",
                         "%s is an old manifest with a defect: %s", path, why);
    if (old > 0) {
        tool_say(t, "old form: this digest serves only PCR 16 and old tools");
        return print_digest(t, "old manifest", path, digest, json_object());
    }
    if (cocos_manifest_from_file(path, &m, &err) < 0)
        return tool_fail_error(t, err);
    return print_digest(t, "manifest", path, cocos_manifest_digest(m), json_object());
}

int cli_checksum(tool *t)
{
    const char *path = t->args->operands[0];
    uint8_t digest[COCOS_DIGEST_SIZE];
    cocos_error *err = NULL;
    uint64_t size = 0;
    int code;

    if (tool_args_count(t->args, "manifest"))
        return manifest_checksum(t, path);
    if ((code = tool_stop_start(t)) != 0)
        return code;
    if (cocos_checksum(strcmp(path, "-") == 0 ? "/dev/stdin" : path, digest, &size, t->cancel,
                       &err) < 0)
        return tool_fail_error(t, err);
    return print_digest(t, "file", path, digest, json_pack("{s:I}", "size", (json_int_t)size));
}

static int
manifest_open(tool *t, const char *path, cocos_manifest **m, cocos_error **err, int *code)
{
    if (strcmp(path, "-") != 0)
        return cocos_manifest_from_file(path, m, err);

    size_t len;
    TOOL_CLEANUP(tool_free_text) char *text = tool_read_file(t, path, MANIFEST_MAX, &len, code);
    return text ? cocos_manifest_from_json(text, len, ".", m, err) : -1;
}

int cli_manifest_digest(tool *t)
{
    const char *path = t->args->operands[0];
    TOOL_CLEANUP(cli_manifest_freep) cocos_manifest *m = NULL;
    cocos_error *err = NULL;
    int code = 0;

    if (manifest_open(t, path, &m, &err, &code) < 0)
        return code ? code : tool_fail_error(t, err);
    tool_say(t, "aloud: %s", cocos_manifest_fingerprint(m));
    return print_digest(t, "manifest", path, cocos_manifest_digest(m),
                        json_pack("{s:s}", "fingerprint", cocos_manifest_fingerprint(m)));
}

int cli_report_defects(tool *t, cocos_error *err)
{
    int first = 0;

    if (t->json)
        return tool_fail_error(t, err); /* one document, the further ones in its "causes" */
    for (const cocos_error *e = err; e; e = cocos_error_cause(e)) {
        int code = tool_report(t, &(tool_problem){.status = cocos_error_status(e),
                                                  .code = cocos_error_code(e),
                                                  .message = cocos_error_message(e)});
        if (e == err)
            first = code;
    }
    cocos_error_free(err);
    return first;
}

int cli_manifest_check(tool *t)
{
    const char *path = t->args->operands[0];
    TOOL_CLEANUP(cli_manifest_freep) cocos_manifest *m = NULL;
    char hex[TOOL_HEX_SIZE];
    cocos_error *err = NULL;
    int code = 0;

    if (manifest_open(t, path, &m, &err, &code) < 0)
        return code ? code : cli_report_defects(t, err);

    tool_hex(hex, cocos_manifest_digest(m), COCOS_DIGEST_SIZE);
    if (t->json) {
        tool_emit(t, json_pack("{s:b, s:o, s:s, s:I, s:I}", "valid", 1, "id",
                               tool_json_text(cocos_manifest_id(m)), "digest", hex, "datasets",
                               (json_int_t)cocos_manifest_asset_count(m, COCOS_ASSET_DATASET),
                               "consumers", (json_int_t)cocos_manifest_consumer_count(m)));
    } else {
        tool_say(t, "manifest %s is valid: %zu data set(s), %zu consumer(s)", cocos_manifest_id(m),
                 cocos_manifest_asset_count(m, COCOS_ASSET_DATASET),
                 cocos_manifest_consumer_count(m));
        tool_print(t, "%s\n", hex);
    }
    return 0;
}
