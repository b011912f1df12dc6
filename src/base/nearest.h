/* SPDX-License-Identifier: Apache-2.0 */
/* base: what somebody may have meant by a name that does not exist. */
#ifndef FT_BASE_NEAREST_H
#define FT_BASE_NEAREST_H

/* Names that are farther than this are no suggestion. */
enum { FT_NEAREST_MAX = 3 };

/* How far a name is from one that exists: by letters that differ; its beginning is near, too. */
unsigned ft_nearest(const char *name, const char *known);

#endif
