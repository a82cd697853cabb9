/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/pe.h"

#include <openssl/evp.h>
#include <string.h>

#include "crypto/digest.h"
#include "kernel_maker.h"
#include "suite.h"

static uint8_t kernel[KERNEL_SIZE];

static int digest(size_t len, uint8_t out[32], cocos_error **err)
{
    return cocos__pe_digest((cocos__span){kernel, len}, COCOS__SHA256, out, err);
}

/* Written from the specification once more: what is hashed, piece by piece. */
static void expected(uint8_t out[32])
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();

    ck_assert_int_eq(EVP_DigestInit(c, EVP_sha256()), 1);
    EVP_DigestUpdate(c, kernel, KERNEL_CHECKSUM);
    EVP_DigestUpdate(c, kernel + KERNEL_CHECKSUM + 4, KERNEL_SECURITY - KERNEL_CHECKSUM - 4);
    EVP_DigestUpdate(c, kernel + KERNEL_SECURITY + 8, KERNEL_HEADERS - KERNEL_SECURITY - 8);
    EVP_DigestUpdate(c, kernel + 0x400, 0xc00);
    EVP_DigestUpdate(c, kernel + 0x1000, 0x800);
    EVP_DigestUpdate(c, kernel + 0x1800, KERNEL_CERTIFICATE - 0x1800);
    EVP_DigestFinal(c, out, NULL);
    EVP_MD_CTX_free(c);
}

START_TEST(hashes_what_signing_leaves_alone)
{
    uint8_t got[32];
    uint8_t want[32];
    cocos_error *err = NULL;

    kernel_make(kernel);
    expected(want);
    assert_ok(digest(KERNEL_SIZE, got, &err), err);
    ck_assert_mem_eq(got, want, 32);

    kernel[KERNEL_CHECKSUM + 3] ^= 1;
    kernel[KERNEL_SECURITY + 2] ^= 1;
    kernel[KERNEL_SIZE - 1] ^= 1;
    assert_ok(digest(KERNEL_SIZE, got, &err), err);
    ck_assert_mem_eq(got, want, 32);
}
END_TEST

START_TEST(every_other_byte_counts)
{
    uint8_t got[32];
    uint8_t want[32];

    kernel_make(kernel);
    expected(want);
    for (size_t i = 0; i < KERNEL_CERTIFICATE; i++) {
        if ((i >= KERNEL_CHECKSUM && i < KERNEL_CHECKSUM + 4) ||
            (i >= KERNEL_SECURITY && i < KERNEL_SECURITY + 4))
            continue;
        kernel[i] ^= 0x10;
        if (digest(KERNEL_SIZE, got, NULL) == COCOS_OK)
            ck_assert_msg(memcmp(got, want, 32) != 0, "byte %zu is not hashed", i);
        kernel[i] ^= 0x10;
    }
}
END_TEST

START_TEST(takes_an_image_without_certificates)
{
    uint8_t got[32];
    uint8_t want[32];
    cocos_error *err = NULL;

    kernel_make(kernel);
    cocos__put_u32le(kernel + KERNEL_ENTRIES, 4);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    ck_assert_int_eq(EVP_DigestInit(c, EVP_sha256()), 1);
    EVP_DigestUpdate(c, kernel, KERNEL_CHECKSUM);
    EVP_DigestUpdate(c, kernel + KERNEL_CHECKSUM + 4, KERNEL_SIZE - KERNEL_CHECKSUM - 4);
    EVP_DigestFinal(c, want, NULL);
    EVP_MD_CTX_free(c);
    assert_ok(digest(KERNEL_SIZE, got, &err), err);
    ck_assert_mem_eq(got, want, 32);
}
END_TEST

START_TEST(refuses_what_is_no_image_or_leads_outside)
{
    static const struct {
        size_t at;
        uint32_t value;
    } bad[] = {
        {0, 0x5a4e},                   /* MZ */
        {0x3c, KERNEL_SIZE + 1},       /* PE header outside */
        {0x3c, KERNEL_SIZE - 2},       /* and cut */
        {0x3c, 0xffffffff},            /* and far away */
        {KERNEL_PE, 0x4551},           /* its magic */
        {KERNEL_PE + 4, 97 << 16},     /* sections */
        {KERNEL_PE + 20, 111},         /* optional header too small */
        {KERNEL_PE + 20, 0xffff},      /* and larger than the file */
        {KERNEL_OPTIONAL, 0x107},      /* its magic */
        {KERNEL_OPTIONAL + 60, 0x40},  /* headers end before the certificate entry */
        {KERNEL_OPTIONAL + 60, 0x401}, /* headers overlap a section */
        {KERNEL_OPTIONAL + 60, 0x7fffffff},
        {KERNEL_SECTIONS + 16, 0x7fffffff}, /* section too large */
        {KERNEL_SECTIONS + 20, 0xfff},      /* overlaps the other */
        {KERNEL_SECTIONS + 20, 0xfffffff0}, /* far outside */
        {KERNEL_SECURITY + 4, 0x1000},      /* certificates overlap sections */
        {KERNEL_SECURITY + 4, 0xffffffff},
    };
    uint8_t got[32];
    cocos_error *err = NULL;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        kernel_make(kernel);
        cocos__put_u32le(kernel + bad[i].at, bad[i].value);
        assert_fails(digest(KERNEL_SIZE, got, &err), COCOS_ERR_MALFORMED, "measure.kernel", err);
    }
    kernel_make(kernel);
    for (size_t len = 0; len < 0x1800; len += len < KERNEL_HEADERS ? 1 : 61)
        assert_fails(digest(len, got, &err), COCOS_ERR_MALFORMED, "measure.kernel", err);
}
END_TEST

TEST_MAIN(pe,
          hashes_what_signing_leaves_alone,
          every_other_byte_counts,
          takes_an_image_without_certificates,
          refuses_what_is_no_image_or_leads_outside)
