/*
 * check.h
 *		What a unit test reports: "ok N - name" or "not ok N - name" for each
 *		check, and the counts in the last line.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>

/* Report one check; the name is as printf() takes it. */
extern void check(bool good, const char *format,...)
			__attribute__((format(printf, 2, 3)));

/* Print the last line, "N passed, N failed"; returns the exit code. */
extern int	check_total(void);

#endif							/* CHECK_H */
