/* SPDX-License-Identifier: Apache-2.0 */
/* feature/cic: columns of CICFlowMeter that are text, or made of several values. */
#ifndef FT_FEATURE_CIC_TEXT_H
#define FT_FEATURE_CIC_TEXT_H

#include "model/field.h"

enum { FT__CIC_TIME = 40 };

/* Getters, of a struct ft_cic_record. */
void ft__cic_flow_id(const void *part, struct ft_value *v);
void ft__cic_src_ip(const void *part, struct ft_value *v);
void ft__cic_dst_ip(const void *part, struct ft_value *v);
void ft__cic_label(const void *part, struct ft_value *v);

/* UTC; us since 1970. out: FT__CIC_TIME bytes, NUL-terminated. */
void ft__cic_time_am_pm(int64_t us, char *out); /* 03/07/2017 11:55:58 AM */
void ft__cic_time_iso(int64_t us, char *out);   /* 2017-07-03 11:55:58.598308, .598, or none */

#endif
