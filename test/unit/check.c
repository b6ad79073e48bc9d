/*
 * check.c
 *		What a unit test reports.
 */
#include <stdarg.h>
#include <stdio.h>

#include "check.h"

static unsigned n_checks;
static unsigned n_failed;

void
check(bool good, const char *format,...)
{
	va_list		args;

	printf("%sok %u - ", good ? "" : "not ", ++n_checks);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	n_failed += !good;
}

int
check_total(void)
{
	printf("%u passed, %u failed\n", n_checks - n_failed, n_failed);
	return n_failed > 0;
}
