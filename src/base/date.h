/* SPDX-License-Identifier: Apache-2.0 */
/* base: days of the Gregorian calendar. */
#ifndef FT_BASE_DATE_H
#define FT_BASE_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "flowtap/macros.h"

/* Is there such a day? Years from 0. */
FT_INLINE bool ft_date_is(int year, int month, int day)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return year >= 0 && month >= 1 && month <= 12 && day >= 1 &&
           day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Days from 1970-01-01 to one that ft_date_is. */
FT_INLINE int64_t ft_date_days(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400, of_era = y % 400;

    if (y < 0) { /* -1 */
        era = -1;
        of_era = y + 400;
    }
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

#endif
