#include "text.h"

#include <string.h>

void text_add_bytes(struct text *text, const void *bytes, size_t length)
{
	size_t room = text->capacity - text->length;
	if (length > room)
		length = room;
	memcpy(text->data + text->length, bytes, length);
	text->length += length;
}

void text_add(struct text *text, const char *string)
{
	text_add_bytes(text, string, strlen(string));
}

void text_add_number(struct text *text, unsigned long long number, unsigned int width)
{
	char digits[24];
	size_t at = sizeof(digits);
	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	while (sizeof(digits) - at < width && at > 0)
		digits[--at] = '0';
	text_add_bytes(text, digits + at, sizeof(digits) - at);
}

/* Days since 1970-01-01 to year, month and day (proleptic Gregorian calendar, years of 400-year eras from March). */
static void civil_date(long long days, long long *year, unsigned int *month, unsigned int *day)
{
	days += 719468;
	long long era = (days >= 0 ? days : days - 146096) / 146097;
	unsigned int of_era = (unsigned int)(days - era * 146097);
	unsigned int year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned int of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned int shifted = (5 * of_year + 2) / 153;
	*day = of_year - (153 * shifted + 2) / 5 + 1;
	*month = shifted < 10 ? shifted + 3 : shifted - 9;
	*year = (long long)year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

void text_time(char out[TIME_LENGTH], const struct timespec *time)
{
	long long days = time->tv_sec / 86400;
	unsigned int second = (unsigned int)(time->tv_sec % 86400);
	long long year;
	unsigned int month;
	unsigned int day;
	civil_date(days, &year, &month, &day);

	struct text text = { .data = out, .capacity = TIME_LENGTH };
	text_add_number(&text, (unsigned long long)year, 4);
	text_add(&text, "-");
	text_add_number(&text, month, 2);
	text_add(&text, "-");
	text_add_number(&text, day, 2);
	text_add(&text, "T");
	text_add_number(&text, second / 3600, 2);
	text_add(&text, ":");
	text_add_number(&text, second / 60 % 60, 2);
	text_add(&text, ":");
	text_add_number(&text, second % 60, 2);
	text_add(&text, ".");
	text_add_number(&text, (unsigned long long)time->tv_nsec, 9);
	text_add(&text, "Z");
}

bool text_number(const char *string, unsigned long long *number)
{
	unsigned long long value = 0;
	if (*string == '\0')
		return false;
	for (; *string != '\0'; string++) {
		if (*string < '0' || *string > '9' || value > 1000000000000000000ULL)
			return false;
		value = value * 10 + (unsigned long long)(*string - '0');
	}
	*number = value;
	return true;
}
