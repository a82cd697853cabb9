/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digest of the old manifest form (protocol.md 4.3): SHA3-256 of compact JSON as Go writes it,
 * members in a fixed order, empty ones left out, HTML characters escaped. Only PCR 16 and old tools
 * want it.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_MAX (16 * 1024)

typedef struct writer {
    FILE *out;
    const char *why; /* the first defect */
} writer;

static void refuse(writer *w, const char *why)
{
    if (!w->why)
        w->why = why;
}

/* Go's encoding/json with HTML escaping: also < > & U+2028 U+2029. */
static void put_string(writer *w, const char *s)
{
    fputc('"', w->out);
    for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
        if (*p == '"' || *p == '\\')
            fprintf(w->out, "\\%c", *p);
        else if (*p == '\n' || *p == '\r' || *p == '\t')
            fprintf(w->out, "\\%c", *p == '\n' ? 'n' : *p == '\r' ? 'r' : 't');
        else if (*p < 0x20 || *p == '<' || *p == '>' || *p == '&')
            fprintf(w->out, "\\u%04x", *p);
        else if (p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9)) {
            fprintf(w->out, "\\u20%02x", p[2] & 0x2f);
            p += 2;
        } else
            fputc(*p, w->out);
    }
    fputc('"', w->out);
}

static void put_name(writer *w, int *first, const char *name)
{
    fprintf(w->out, "%s\"%s\":", *first ? "" : ",", name);
    *first = 0;
}

static void put_text(writer *w, int *first, const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);

    if (v && !json_is_string(v) && !json_is_null(v))
        refuse(w, "a text is not a string");
    if (json_string_length(v) == 0)
        return;
    put_name(w, first, name);
    put_string(w, json_string_value(v));
}

static void put_true(writer *w, int *first, const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);

    if (v && !json_is_boolean(v) && !json_is_null(v))
        refuse(w, "a flag is not true or false");
    if (json_is_true(v)) {
        put_name(w, first, name);
        fputs("true", w->out);
    }
}

static void put_key(writer *w, int *first, const json_t *o)
{
    const json_t *v = json_object_get(o, "user_key");
    uint8_t bytes[KEY_MAX];
    char text[4 * (KEY_MAX / 3 + 1) + 1];

    if (!v || json_is_null(v) || (json_is_string(v) && json_string_length(v) == 0))
        return;
    long n = json_is_string(v) ? tool_base64_parse(json_string_value(v), bytes, sizeof bytes) : -1;
    if (n < 0) {
        refuse(w, "a user_key is not base64");
        return;
    }
    tool_base64(text, bytes, (size_t)n);
    put_name(w, first, "user_key");
    put_string(w, text);
}

static void put_hash(writer *w, int *first, const json_t *o)
{
    const json_t *v = json_object_get(o, "hash");

    put_name(w, first, "hash");
    if (v && json_array_size(v) != COCOS_DIGEST_SIZE)
        refuse(w, "a hash is not an array of 32 numbers");
    fputc('[', w->out);
    for (size_t i = 0; i < COCOS_DIGEST_SIZE; i++) {
        const json_t *e = json_array_get(v, i);
        json_int_t n = json_integer_value(e);

        if (v && (!json_is_integer(e) || n < 0 || n > 255))
            refuse(w, "a hash is not an array of 32 numbers");
        fprintf(w->out, "%s%d", i ? "," : "", (int)n);
    }
    fputc(']', w->out);
}

static void put_object(writer *w,
                       int *first,
                       const json_t *o,
                       const char *name,
                       const char *const *texts,
                       const char *flag)
{
    const json_t *v = json_object_get(o, name);
    int inner = 1;

    if (!v || json_is_null(v))
        return;
    if (!json_is_object(v))
        refuse(w, "source or kbs is not an object");
    put_name(w, first, name);
    fputc('{', w->out);
    for (; *texts; texts++)
        put_text(w, &inner, v, *texts);
    put_true(w, &inner, v, flag);
    fputc('}', w->out);
}

static const char *const source_texts[] = {"type", "url", "kbs_resource_path", NULL};
static const char *const kbs_texts[] = {"url", NULL};

static void put_dataset(writer *w, const json_t *o)
{
    int first = 1;

    fputc('{', w->out);
    put_hash(w, &first, o);
    put_key(w, &first, o);
    put_text(w, &first, o, "filename");
    put_object(w, &first, o, "source", source_texts, "encrypted");
    put_true(w, &first, o, "decompress");
    put_object(w, &first, o, "kbs", kbs_texts, "enabled");
    fputc('}', w->out);
}

static void put_algorithm(writer *w, const json_t *o)
{
    const json_t *args = json_object_get(o, "algo_args");
    int first = 1;

    fputc('{', w->out);
    put_hash(w, &first, o);
    put_key(w, &first, o);
    put_object(w, &first, o, "source", source_texts, "encrypted");
    put_text(w, &first, o, "algo_type");
    if (json_array_size(args) > 0) {
        put_name(w, &first, "algo_args");
        for (size_t i = 0; i < json_array_size(args); i++) {
            const char *text = json_string_value(json_array_get(args, i));

            if (!text)
                refuse(w, "an argument is not a string");
            fputc(i ? ',' : '[', w->out);
            put_string(w, text ? text : "");
        }
        fputc(']', w->out);
    }
    put_object(w, &first, o, "kbs", kbs_texts, "enabled");
    fputc('}', w->out);
}

static void put_consumer(writer *w, const json_t *o)
{
    int first = 1;

    fputc('{', w->out);
    put_key(w, &first, o);
    fputc('}', w->out);
}

static void put_list(
    writer *w, int *first, const json_t *m, const char *name, void (*put)(writer *, const json_t *))
{
    const json_t *v = json_object_get(m, name);

    if (v && !json_is_array(v) && !json_is_null(v))
        refuse(w, "a list is not an array");
    if (json_array_size(v) == 0)
        return;
    put_name(w, first, name);
    for (size_t i = 0; i < json_array_size(v); i++) {
        fputc(i ? ',' : '[', w->out);
        put(w, json_array_get(v, i));
    }
    fputc(']', w->out);
}

static void put_manifest(writer *w, const json_t *m)
{
    int first = 1;

    fputc('{', w->out);
    put_text(w, &first, m, "id");
    put_text(w, &first, m, "name");
    put_text(w, &first, m, "description");
    put_list(w, &first, m, "datasets", put_dataset);
    put_name(w, &first, "algorithm");
    put_algorithm(w, json_object_get(m, "algorithm"));
    put_list(w, &first, m, "result_consumers", put_consumer);
    fputc('}', w->out);
}

/* Told apart by the type of hash: an array is the old form (cocos-v1 section 2). */
static int is_old(const json_t *m)
{
    const json_t *hash = json_object_get(json_object_get(m, "algorithm"), "hash");

    if (!hash)
        hash = json_object_get(json_array_get(json_object_get(m, "datasets"), 0), "hash");
    return json_is_array(hash);
}

/* The library hashes files, so the text goes to one that has no name. */
static int digest_of_file(FILE *f, uint8_t digest[COCOS_DIGEST_SIZE])
{
    char path[64];
    uint64_t size;

    if (fflush(f) != 0 || ferror(f))
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fileno(f));
    return cocos_checksum(path, digest, &size, NULL, NULL) < 0 ? -1 : 1;
}

int cli_old_manifest_digest(const char *text,
                            size_t len,
                            const char **why,
                            uint8_t digest[COCOS_DIGEST_SIZE])
{
    TOOL_CLEANUP(tool_json_freep) json_t *m = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    writer w = {0};

    if (!m || !is_old(m))
        return 0;
    w.out = tmpfile();
    if (!w.out) {
        *why = "no temporary file could be made";
        return -1;
    }
    put_manifest(&w, m);
    int r = w.why ? -1 : digest_of_file(w.out, digest);
    *why = w.why ? w.why : "the temporary file could not be read";
    fclose(w.out);
    return r;
}
