/* SPDX-License-Identifier: Apache-2.0 */
/* codec: what TLS and DTLS say in the clear, and its fingerprints.
 *
 * Theory of operation: a stream's first bytes are given as they have come so far; the answer is
 * done, more is needed, or it is no TLS. Handshake messages may lie across records (RFC 8446 §5.1):
 * the records' payloads are put behind each other in a caller's buffer first. Of a hello names and
 * lists stay views into the bytes, however long they are. GREASE values (RFC 8701) are known and
 * left out of fingerprints. */
#ifndef FT_CODEC_APP_TLS_H
#define FT_CODEC_APP_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flowtap/macros.h"

enum ft_parse { FT_PARSE_NOT, FT_PARSE_MORE, FT_PARSE_DONE };

enum { FT_TLS_MESSAGE = 18432 }; /* most bytes of a hello, with its header */
enum { FT_MD5_TEXT = 33, FT_JA4_TEXT = 37 };

/* Bytes somewhere else. */
struct ft_text {
    const uint8_t *p;
    uint32_t len;
};

/* A ClientHello or ServerHello; lists as they stand in the message, GREASE included. Views end with
 * the bytes that the hello was read from. */
struct ft_tls_hello {
    bool client;
    uint16_t legacy_version;
    uint16_t version;          /* highest of supported_versions, or legacy_version; no GREASE */
    uint16_t cipher;           /* of a server's: its choice */
    struct ft_text ciphers;    /* two bytes each; of a server's one */
    struct ft_text extensions; /* type 2, length 2, body: each one is whole */
    struct ft_text groups;     /* two bytes each */
    struct ft_text signatures; /* two bytes each */
    struct ft_text formats;    /* one byte each */
    struct ft_text sni;        /* host_name of server_name, RFC 6066 §3 */
    struct ft_text alpn;       /* first protocol name, RFC 7301 §3.1 */
    bool has_sni;              /* the extension is there, whatever is in it */
    bool ech;                  /* encrypted_client_hello */
};

/* Where fingerprints are made: of the longest hello. */
struct ft_tls_work {
    uint16_t list[FT_TLS_MESSAGE / 2];
    uint8_t text[3 * FT_TLS_MESSAGE + 1024]; /* up to six characters for two bytes */
};

/* Takes the handshake bytes out of the records at the beginning of a stream; alerts and
 * change_cipher_spec before them are passed over. Returns DONE when the first message is whole:
 * *out_len bytes with its 4-byte header are in out (which has room for FT_TLS_MESSAGE). */
enum ft_parse ft_tls_records(const uint8_t *p, size_t len, uint8_t *out, size_t *out_len);

/* Reads a handshake message (with its header) that is a ClientHello or ServerHello. MORE: it is not
 * whole; NOT: it is something else, or damaged. */
enum ft_parse ft_tls_hello(const uint8_t *p, size_t len, struct ft_tls_hello *out);

/* The same of a whole message of DTLS without its header of 12 bytes; type: that of the header. */
enum ft_parse ft_tls_hello_dtls(uint8_t type, const uint8_t *p, size_t len,
                                struct ft_tls_hello *out);

/* Where a record with the beginning of a hello is among other bytes. DONE: at *out_at, with enough
 * of it to be sure. MORE: what there is from *out_at on may be its beginning. NOT: nowhere. */
enum ft_parse ft_tls_find(const uint8_t *p, size_t len, size_t *out_at);

/* JA3 of a client's, JA3S of a server's hello (salesforce/ja3): 32 hex digits and NUL. False: this
 * build has no OpenSSL. */
bool ft_tls_ja3(const struct ft_tls_hello *h, struct ft_tls_work *work, char out[FT_MD5_TEXT]);

/* JA4 of a client's hello (FoxIO JA4 technical details), 36 characters and NUL. transport: 't' TCP,
 * 'q' QUIC, 'd' DTLS. False: this build has no OpenSSL. */
bool ft_tls_ja4(const struct ft_tls_hello *h, char transport, struct ft_tls_work *work,
                char out[FT_JA4_TEXT]);

FT_INLINE bool ft_tls_grease(uint16_t v)
{
    return (v & 0x0f0f) == 0x0a0a && v >> 8 == (v & 0xff);
}

#endif
