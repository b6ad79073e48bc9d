/*
 * errors.c
 *		Why something failed in mlops-trainer.
 *
 * One failure at a time, in the main thread only.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <xgboost/c_api.h>

#include "trainer/worker.h"

static char failure[512];

/*
 * Remember the reason, a printf() format and its values.  Always false, to
 * be returned.
 */
bool
mlops_fail(const char *format,...)
{
	va_list		values;

	va_start(values, format);
	vsnprintf(failure, sizeof(failure), format, values);
	va_end(values);
	return false;
}

/*
 * Remember what libxgboost says: its first line, without the time, file and
 * line before it, for those differ from build to build.  Always false.
 */
bool
mlops_fail_library(void)
{
	const char *text = XGBGetLastError();
	size_t		length = strcspn(text, "\n");

	if (text[0] == '[')
	{
		const char *place = strchr(text, ']');
		const char *rest;

		/* "[12:34:56] ./src/data/data.cc:1104: Check failed: ..." */
		if (place != NULL && place < text + length &&
			(rest = strstr(place, ": ")) != NULL && rest < text + length)
		{
			length -= (rest + 2) - text;
			text = rest + 2;
		}
	}
	if (length == 0)
		return mlops_fail("libxgboost failed without saying why");
	return mlops_fail("%.*s", (int) (length < 400 ? length : 400), text);
}

/*
 * The reason that was remembered last.
 */
const char *
mlops_failure(void)
{
	return failure[0] != '\0' ? failure : "unknown reason";
}
