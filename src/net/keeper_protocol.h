/*
 * What is said between a thread of the worker and the keeper, over a SOCK_SEQPACKET pair: questions and answers of
 * fixed size, each one packet. The keeper can be asked to sign and nothing else.
 *
 *   SIGN_ECDSA      bytes: a digest of 32 to 64 bytes; the answer is the DER form (RFC 3279 2.2.3)
 *   SIGN_RSA_PKCS1  bytes: a digest, which `digest` names; RFC 8017 8.2
 *   SIGN_RSA_PSS    bytes: an encoded message of RFC 8017 9.1.1, as long as the modulus; one that is not well-formed
 *                   for `digest` is refused, so that the keeper is no oracle for anything but signatures
 */
#ifndef NET_KEEPER_PROTOCOL_H
#define NET_KEEPER_PROTOCOL_H

#include "base/key_id.h"

#include <stdint.h>

enum sign_kind { SIGN_ECDSA, SIGN_RSA_PKCS1, SIGN_RSA_PSS, SIGN_KINDS };
enum sign_digest { SIGN_SHA256, SIGN_SHA384, SIGN_SHA512, SIGN_DIGESTS };

enum { SIGN_BYTES_MAX = 1024 }; /* RSA up to 8192 bits */

struct sign_question {
    uint32_t number; /* comes back with the answer */
    uint8_t kind;
    uint8_t digest;
    uint16_t len;
    struct key_id key;
    unsigned char bytes[SIGN_BYTES_MAX];
};

struct sign_answer {
    uint32_t number;
    uint16_t len;        /* 0: refused */
    uint16_t is_unknown; /* 1: there is no such key */
    unsigned char bytes[SIGN_BYTES_MAX];
};

#endif
