/* SPDX-License-Identifier: Apache-2.0 */
/* Logs entry by entry. What an entry says is the word of whoever sent the list. */
#include <inttypes.h>
#include <string.h>

#include "vtpm/describe.h"
#include "vtpm/ima.h"
#include "vtpm/log.h"

#define ENTRIES_MAX 8192 /* that are listed */
#define TEXT_MAX    512  /* bytes of a text, and of a file's name */
#define HEX_MAX     32   /* bytes of data that are no text */
#define VARIABLE    32   /* bytes before the name in UEFI_VARIABLE_DATA */
#define TAG         8    /* bytes before the data of EV_EVENT_TAG */

static const char *type_name(uint32_t type)
{
    static const struct {
        uint32_t type;
        const char *name;
    } names[] = {{0x00, "PREBOOT_CERT"},
                 {0x01, "POST_CODE"},
                 {0x03, "NO_ACTION"},
                 {0x04, "SEPARATOR"},
                 {0x05, "ACTION"},
                 {0x06, "EVENT_TAG"},
                 {0x07, "S_CRTM_CONTENTS"},
                 {0x08, "S_CRTM_VERSION"},
                 {0x09, "CPU_MICROCODE"},
                 {0x0a, "PLATFORM_CONFIG_FLAGS"},
                 {0x0b, "TABLE_OF_DEVICES"},
                 {0x0c, "COMPACT_HASH"},
                 {0x0d, "IPL"},
                 {0x0e, "IPL_PARTITION_DATA"},
                 {0x0f, "NONHOST_CODE"},
                 {0x10, "NONHOST_CONFIG"},
                 {0x11, "NONHOST_INFO"},
                 {0x12, "OMIT_BOOT_DEVICE_EVENTS"},
                 {0x13, "POST_CODE2"},
                 {0x80000001, "EFI_VARIABLE_DRIVER_CONFIG"},
                 {0x80000002, "EFI_VARIABLE_BOOT"},
                 {0x80000003, "EFI_BOOT_SERVICES_APPLICATION"},
                 {0x80000004, "EFI_BOOT_SERVICES_DRIVER"},
                 {0x80000005, "EFI_RUNTIME_SERVICES_DRIVER"},
                 {0x80000006, "EFI_GPT_EVENT"},
                 {0x80000007, "EFI_ACTION"},
                 {0x80000008, "EFI_PLATFORM_FIRMWARE_BLOB"},
                 {0x80000009, "EFI_HANDOFF_TABLES"},
                 {0x8000000a, "EFI_PLATFORM_FIRMWARE_BLOB2"},
                 {0x8000000b, "EFI_HANDOFF_TABLES2"},
                 {0x8000000c, "EFI_VARIABLE_BOOT2"},
                 {0x80000010, "EFI_HCRTM_EVENT"},
                 {0x800000e0, "EFI_VARIABLE_AUTHORITY"}};

    for (size_t i = 0; i < COCOS__ARRAY_LEN(names); i++) {
        if (names[i].type == type)
            return names[i].name;
    }
    return "of an unknown type";
}

/* The text in single bytes or UTF-16LE, without the zeros at its end; NULL: it is none. */
static const char *text_of(const cocos__fields *f, cocos__span v)
{
    size_t step = v.len > 1 && v.len % 2 == 0 && v.data[1] == 0 ? 2 : 1;
    char text[TEXT_MAX];
    size_t n = 0;

    while (v.len >= step && v.data[v.len - 1] == 0 && v.data[v.len - step] == 0)
        v.len -= step;
    for (size_t i = 0; i + step <= v.len; i += step) {
        int plain = v.data[i] >= ' ' && v.data[i] <= '~' && (step == 1 || v.data[i + 1] == 0);
        if (!plain)
            return NULL;
        if (n < sizeof text)
            text[n++] = (char)v.data[i];
    }
    return n ? cocos__rows_foreign(f->text, text, n, sizeof text) : NULL;
}

static cocos__span behind(cocos__span v, size_t n)
{
    return n < v.len ? (cocos__span){v.data + n, v.len - n} : (cocos__span){v.data, 0};
}

static const char *data_meaning(const cocos__fields *f, const cocos__event *ev)
{
    cocos__span v = ev->data;
    const char *text = NULL;
    const char *what = "";

    if (ev->type >> 16 == 0x8000 && v.len >= VARIABLE &&
        (strncmp(type_name(ev->type), "EFI_VARIABLE", 12) == 0)) {
        uint64_t n = cocos__u64le(v.data + 16);
        v = behind(v, VARIABLE);
        v.len = n < v.len / 2 ? (size_t)n * 2 : v.len;
        text = text_of(f, v);
        what = "variable ";
    } else if (ev->type == EV_EVENT_TAG) {
        text = text_of(f, behind(v, TAG));
    }
    if (!text) {
        text = text_of(f, ev->data);
        what = "";
    }
    if (text)
        return cocos__rows_printf(f->text, "%s\"%s\"", what, text);
    v = ev->data;
    return cocos__rows_printf(f->text, "%s%s",
                              cocos__rows_hex(f->text, v.data, v.len < HEX_MAX ? v.len : HEX_MAX),
                              v.len > HEX_MAX ? "..." : "");
}

static void describe_event(const cocos__fields *f, const cocos__event *ev, const char *registers)
{
    const char *digests = "";

    for (int bank = COCOS__BANKS - 1; bank >= 0; bank--) {
        if (ev->digest[bank])
            digests = cocos__rows_printf(
                f->text, "%s%s%s:%s", digests, digests[0] ? ", " : "", cocos__bank_name(bank),
                cocos__rows_hex(f->text, ev->digest[bank], cocos__bank_size(bank)));
    }
    f->put(f->user, cocos__rows_printf(f->text, "event.%s%" PRIu32, registers, ev->pcr),
           digests[0] ? digests : "no digest",
           cocos__rows_printf(f->text, "%s (0x%" PRIx32 "), %zu bytes%s%s", type_name(ev->type),
                              ev->type, ev->data.len, ev->data.len ? ": " : "",
                              ev->data.len ? data_meaning(f, ev) : ""));
}

/* The last row of a list: how many there are, and of how many nothing was shown. */
static void
put_count(const cocos__fields *f, const char *name, const char *what, size_t n, const char *says)
{
    if (n > ENTRIES_MAX)
        says = cocos__rows_printf(f->text, "the first %d are listed, %zu more are not", ENTRIES_MAX,
                                  n - ENTRIES_MAX);
    f->put(f->user, name, cocos__rows_printf(f->text, "%zu %s", n, what), says);
}

int cocos__log_describe(cocos__span data,
                        const char *registers,
                        const cocos__fields *f,
                        cocos_error **err)
{
    cocos_error *why = NULL;
    cocos__log log;
    cocos__event ev;
    size_t n = 0;

    int r = cocos__log_open(&log, data, &why);
    while (r >= 0 && (r = cocos__log_next(&log, &ev, &why)) > 0) {
        if (n++ < ENTRIES_MAX)
            describe_event(f, &ev, registers);
    }
    put_count(f, "event_log", "events", n,
              "only replay against quoted registers ties them to anything");
    return cocos__fields_settle(f, r, "event_log", why, err);
}

/* Digest and name of the file, of whichever template. */
static void describe_file(const cocos__fields *f, const cocos__ima_entry *e)
{
    int old = strcmp(e->template, "ima") == 0;
    cocos__span digest = {e->data.data, 20};
    cocos__span path = behind(e->data, 20);
    const char *alg = "sha1";
    cocos__reader r;

    if (!old) {
        cocos__reader_init(&r, e->data.data, e->data.len);
        digest = cocos__read_span(&r, cocos__read_u32le(&r));
        path = cocos__read_span(&r, cocos__read_u32le(&r));
        size_t name = strlen((const char *)digest.data); /* "alg:", NUL, digest */
        alg = cocos__rows_foreign(f->text, (const char *)digest.data, name - 1, 16);
        digest = behind(digest, name + 1);
    }
    f->put(f->user, cocos__rows_printf(f->text, "ima.pcr%" PRIu32, e->pcr),
           cocos__rows_printf(f->text, "%s:%s", alg,
                              cocos__rows_hex(f->text, digest.data, digest.len)),
           cocos__rows_printf(f->text, "%s: file \"%s\"; template hash %s", e->template,
                              cocos__rows_foreign(f->text, (const char *)path.data,
                                                  strnlen((const char *)path.data, path.len),
                                                  TEXT_MAX),
                              cocos__rows_hex(f->text, e->hash, sizeof e->hash)));
}

int cocos__ima_describe(cocos__span data, const cocos__fields *f, cocos_error **err)
{
    cocos__ima_entry e = {0};
    cocos_error *why = NULL;
    cocos__ima ima;
    size_t n = 0;
    int r;

    cocos__ima_open(&ima, data, cocos__ima_form_of(data));
    while ((r = cocos__ima_next(&ima, &e, &why)) > 0) {
        if (n++ < ENTRIES_MAX)
            describe_file(f, &e);
    }
    cocos__ima_done(&ima);
    put_count(f, "ima_log", "entries", n, "only replay against a quoted PCR ties them to anything");
    return cocos__fields_settle(f, r, "ima_log", why, err);
}

int cocos__log_recognise(cocos__span data)
{
    return data.len >= 48 && cocos__u32le(data.data + 4) == EV_NO_ACTION &&
           memcmp(data.data + 32, "Spec ID Event0", 14) == 0;
}

int cocos__ima_recognise(cocos__span data)
{
    cocos__ima_entry e = {0};
    cocos__ima ima;

    cocos__ima_open(&ima, data, cocos__ima_form_of(data));
    int r = cocos__ima_next(&ima, &e, NULL);
    cocos__ima_done(&ima);
    return r > 0;
}
