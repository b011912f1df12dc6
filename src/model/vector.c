/* SPDX-License-Identifier: Apache-2.0 */
/* model: components to a vector, see vector.h. */
#include "model/vector.h"

#include <math.h>
#include <string.h>

enum { LOGS = 24 /* of a kind, at most */ };

#define LOG(name_, text)                                                                           \
    {                                                                                              \
        .name = name_, .meaning = text, .scale = FT_VECTOR_LOG                                     \
    }
#define RATIO(name_, text)                                                                         \
    {                                                                                              \
        .name = name_, .meaning = text, .scale = FT_VECTOR_RATIO                                   \
    }
#define PLAIN(name_, text)                                                                         \
    {                                                                                              \
        .name = name_, .meaning = text, .scale = FT_VECTOR_PLAIN                                   \
    }
#define ANCHOR                                                                                     \
    {                                                                                              \
        .name = "anchor", .meaning = "1", .scale = FT_VECTOR_ANCHOR                                \
    }

const struct ft_vector_spec ft_vector_specs[FT_VECTOR__KINDS] = {
    [FT_VECTOR_FLOW] =
        {.transform = "flowtap-flow-1",
         .word = "flow",
         .n_logs = 21,
         .component =
             {LOG("fwd_packets", "packets from the initiator"),
              LOG("rev_packets", "packets from the responder"),
              LOG("fwd_bytes", "bytes on the wire of fwd_packets"),
              LOG("rev_bytes", "bytes on the wire of rev_packets"),
              LOG("fwd_payload_bytes", "bytes after the transport header of fwd_packets"),
              LOG("rev_payload_bytes", "likewise, of rev_packets"),
              LOG("duration_us", "whole microseconds from the first packet to the last"),
              LOG("packet_rate", "packets both ways a second: of duration_us and a millisecond"),
              LOG("byte_rate", "bytes both ways a second, likewise"),
              LOG("fwd_size_mean", "mean IP bytes of the packets from the initiator"),
              LOG("rev_size_mean", "likewise, from the responder; 0: it sent none"),
              LOG("fwd_size_std", "standard deviation (n - 1) of the sizes from the initiator; 0: "
                                  "it sent fewer than two"),
              LOG("rev_size_std", "likewise, from the responder"),
              LOG("fwd_gap_mean_us", "mean microseconds between the initiator's packets; 0: it "
                                     "sent fewer than two"),
              LOG("rev_gap_mean_us", "likewise, the responder's"),
              LOG("fwd_gap_std_us", "standard deviation (n - 1) of the initiator's gaps; 0: it "
                                    "sent fewer than three"),
              LOG("rev_gap_std_us", "likewise, the responder's"),
              LOG("packet_1", "IP bytes of the first packet, at most 32767; below 0 from the "
                              "responder"),
              LOG("packet_2", "likewise, of the second; 0: there is none"),
              LOG("packet_3", "likewise, of the third"),
              LOG("packet_4", "likewise, of the fourth"),
              RATIO("packets_ratio", "(fwd - rev) / (fwd + rev) of packets"),
              RATIO("payload_ratio", "likewise of payload bytes; 0: there are none"),
              PLAIN("tcp", "1: it is TCP"),
              PLAIN("udp", "1: it is UDP"),
              PLAIN("icmp", "1: it is ICMP or ICMPv6"),
              PLAIN("syn", "TCP: in how many of the two directions a SYN was seen, / 2"),
              PLAIN("fin", "likewise, a FIN"),
              PLAIN("rst", "likewise, a RST"),
              PLAIN("dst_port_class", "of the responder's port: 1 up to 1023, 1/2 up to 49151, 0 "
                                      "beyond and without ports"),
              PLAIN("src_port_class", "likewise, of the initiator's"),
              ANCHOR}},
    [FT_VECTOR_HOST] = {.transform = "flowtap-host-1",
                        .word = "host",
                        .n_logs = 23,
                        .component = {LOG("packets_out", "as the column"),
                                      LOG("packets_in", "as the column"),
                                      LOG("bytes_out", "as the column"),
                                      LOG("bytes_in", "as the column"),
                                      LOG("flows_out", "as the column"),
                                      LOG("flows_in", "as the column"),
                                      LOG("flows_ended", "as the column"),
                                      LOG("flows_failed_out", "as the column"),
                                      LOG("flows_failed_in", "as the column"),
                                      LOG("peers_out", "as the column; null: 0, likewise below"),
                                      LOG("peers_in", "as the column"),
                                      LOG("ports", "as the column"),
                                      LOG("new_peers", "as the column"),
                                      LOG("syn_out", "as the column"),
                                      LOG("syn_in", "as the column"),
                                      LOG("syn_ack_out", "as the column"),
                                      LOG("syn_ack_in", "as the column"),
                                      LOG("rst_out", "as the column"),
                                      LOG("rst_in", "as the column"),
                                      LOG("size_mean", "as the column"),
                                      LOG("size_std", "as the column"),
                                      LOG("gap_mean_us", "as the column"),
                                      LOG("gap_std_us", "as the column"),
                                      RATIO("port_entropy", "as the column, bits"),
                                      RATIO("size_entropy", "as the column, bits"),
                                      RATIO("answered_ratio",
                                            "as the column, at most 1; null: 1, nothing is "
                                            "unanswered"),
                                      RATIO("reset_ratio", "as the column"),
                                      RATIO("packets_ratio", "(out - in) / (out + in) of packets"),
                                      RATIO("bytes_ratio", "likewise of bytes"),
                                      RATIO("bytes_z", "as the column, within -8 to 8"),
                                      RATIO("flows_z", "as the column, within -8 to 8"),
                                      ANCHOR}},
};

/* ---- logarithms ---- */

/* m in [sqrt(1/2), sqrt(2)): log2(m) = 2/ln(2) * artanh(z), z = (m - 1) / (m + 1), whose series is
 * taken up to z^13. The exponent is a number by the bits that it would have behind 2^52. */
FT_INLINE double log2_of(double x)
{
    const uint64_t half = UINT64_C(0x3fe6a09e667f3bcd); /* the bits of sqrt(1/2) */
    const uint64_t one = UINT64_C(0x3ff0000000000000), mantissa = UINT64_C(0x000fffffffffffff);
    const uint64_t shift = UINT64_C(0x4330000000000000);
    uint64_t bits, e;
    double m, exponent;

    memcpy(&bits, &x, sizeof bits);
    bits += one - half;
    e = bits >> 52 | shift;
    bits = (bits & mantissa) + half;
    memcpy(&m, &bits, sizeof m);
    memcpy(&exponent, &e, sizeof exponent);
    exponent -= 4503599627370496.0 + 1023.0;

    double z = (m - 1.0) / (m + 1.0), s = z * z;
    double p = 1.0 / 13.0;

    p = p * s + 1.0 / 11.0;
    p = p * s + 1.0 / 9.0;
    p = p * s + 1.0 / 7.0;
    p = p * s + 1.0 / 5.0;
    p = p * s + 1.0 / 3.0;
    p = p * s + 1.0;
    return exponent + 2.8853900817779268 * (z * p);
}

double ft_vector_log(double x)
{
    return log2_of(1.0 + x);
}

void ft_vector_logs(const struct ft_vector_spec *spec, double x[FT_VECTOR])
{
    const uint32_t n = spec->n_logs;
    double out[LOGS];

    for (uint32_t i = 0; i < LOGS; i++) { /* of ratios, too: a number that is known beforehand */
        out[i] = copysign(log2_of(1.0 + fabs(x[i])), x[i]);
    }
    memcpy(x, out, n * sizeof *x);
}

/* ---- vectors ---- */

static void whiten(const struct ft_vector_fit *fit, float x[FT_VECTOR])
{
    float out[FT_VECTOR] = {0};

    for (uint32_t k = 0; k < FT_VECTOR_FITTED; k++) {
        float d = x[k] - fit->mean[k];

        for (uint32_t i = 0; i < FT_VECTOR; i++) {
            out[i] += fit->matrix[k][i] * d;
        }
    }
    memcpy(x, out, FT_VECTOR_FITTED * sizeof *x);
}

/* Four sums side by side, then (0 + 1) + (2 + 3). */
static double length_of(const float x[FT_VECTOR])
{
    double sum[4] = {0};

    for (uint32_t i = 0; i < FT_VECTOR; i += 4) {
        for (uint32_t k = 0; k < 4; k++) {
            sum[k] += (double)x[i + k] * (double)x[i + k];
        }
    }
    return sqrt((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

/* Loops that do one thing each: two or four numbers at a time. */
static void centre(const struct ft_vector_fit *restrict fit,
                   const double component[restrict FT_VECTOR], float out[restrict FT_VECTOR])
{
    const double most = FT_VECTOR_MOST;
    double v[FT_VECTOR];

    for (uint32_t i = 0; i < FT_VECTOR; i++) {
        v[i] = (component[i] - (double)fit->center[i]) * fit->inverse[i];
    }
    for (uint32_t i = 0; i < FT_VECTOR; i++) {
        v[i] = v[i] < most ? v[i] : most;
    }
    for (uint32_t i = 0; i < FT_VECTOR; i++) {
        v[i] = v[i] > -most ? v[i] : -most;
    }
    for (uint32_t i = 0; i < FT_VECTOR; i++) {
        out[i] = (float)v[i];
    }
}

void ft_vector_make(const struct ft_vector_fit *fit, const double component[FT_VECTOR],
                    float out[FT_VECTOR])
{
    float x[FT_VECTOR];

    if (fit->raw) {
        for (uint32_t i = 0; i < FT_VECTOR; i++) {
            out[i] = (float)component[i];
        }
        return;
    }
    centre(fit, component, x);
    if (fit->whitens) {
        whiten(fit, x);
    }
    const double by = 1.0 / length_of(x);

    for (uint32_t i = 0; i < FT_VECTOR; i++) {
        out[i] = (float)((double)x[i] * by);
    }
}
