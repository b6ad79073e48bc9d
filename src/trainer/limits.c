/*
 * limits.c
 *		What the process may take, and what it has taken.
 *
 * The order matters.  Priority first, for threads inherit it.  Then the
 * OpenMP threads, because libgomp exits the process without a word when it
 * cannot make one.  The limit on memory last: RLIMIT_DATA bounds private
 * memory and leaves the shared matrix, which the backend counts, alone;
 * stacks that are reserved but never touched are added to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <omp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "trainer/worker.h"

/* Lines of /proc/self/status, in kB. */
typedef struct MemoryStatus
{
	uint64_t	peak;			/* VmHWM: of all resident pages */
	uint64_t	anonymous;		/* RssAnon */
	uint64_t	file;			/* RssFile */
	uint64_t	shared;			/* RssShmem */
	uint64_t	data;			/* VmData: what RLIMIT_DATA counts */
} MemoryStatus;

static uint64_t peak_private;	/* bytes; written by two threads */

static void leave(int signal_number);
static bool read_status(MemoryStatus *status);
static uint64_t status_line(const char *text, const char *name);
static void raise_peak(uint64_t bytes);

/*
 * The backend starts the process with all signals blocked and at their
 * defaults.  TERM, also sent when the parent dies, leaves with status 0:
 * a postmaster that is PID 1 and inherits the process takes any other end for
 * a crash.
 */
void
mlops_signals_init(void)
{
	struct sigaction action;
	sigset_t	set;

	memset(&action, 0, sizeof(action));
	sigemptyset(&action.sa_mask);
	action.sa_handler = leave;
	sigaction(SIGTERM, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGPIPE, &action, NULL);

	sigfillset(&set);
	sigdelset(&set, SIGTERM);
	sigdelset(&set, SIGSEGV);
	sigdelset(&set, SIGBUS);
	sigdelset(&set, SIGFPE);
	sigdelset(&set, SIGILL);
	sigdelset(&set, SIGABRT);
	sigprocmask(SIG_SETMASK, &set, NULL);

	prctl(PR_SET_PDEATHSIG, SIGTERM);
}

/*
 * Check and apply what the backend allows.  A parent that is another process
 * than the backend means that the backend died before PR_SET_PDEATHSIG.
 */
bool
mlops_limits_apply(const MlopsLimits *limits)
{
	const struct rlimit none = {0, 0};
	MemoryStatus status;
	int			file;

	if (limits->n_threads < 1 || limits->n_threads > MLOPS_MAX_THREADS)
		return mlops_fail("number of threads is out of range");
	if (limits->nice < 0 || limits->nice > 19)
		return mlops_fail("priority is out of range");
	if (limits->world != 1 || limits->rank != 0)
		return mlops_fail("training on %u nodes is not supported by this version",
						  limits->world);
	if (limits->parent_pid != getppid())
		_exit(0);

	setrlimit(RLIMIT_CORE, &none);
	if (limits->nice > 0)
		(void) setpriority(PRIO_PROCESS, 0, limits->nice);
	file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (file >= 0)
	{
		/* without the right to, the process keeps the backend's score */
		if (write(file, "1000", 4) != 4)
			errno = 0;
		close(file);
	}

	omp_set_dynamic(0);
	omp_set_num_threads((int) limits->n_threads);
#pragma omp parallel
	{
		__asm__ volatile("" ::: "memory");
	}

	if (limits->max_memory > 0 && read_status(&status))
	{
		uint64_t	reserved = status.data > status.anonymous ?
			(status.data - status.anonymous) * 1024 : 0;
		struct rlimit memory;

		memory.rlim_cur = memory.rlim_max =
			(rlim_t) (limits->max_memory + reserved);
		if (setrlimit(RLIMIT_DATA, &memory) != 0)
			return mlops_fail("could not set the memory limit: %s",
							  strerror(errno));
	}
	return true;
}

/*
 * Seconds on a clock that only goes forward.
 */
double
mlops_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + now.tv_nsec / 1e9;
}

/*
 * Processor seconds of all threads so far.
 */
double
mlops_cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double) usage.ru_utime.tv_sec + usage.ru_utime.tv_usec / 1e6 +
		(double) usage.ru_stime.tv_sec + usage.ru_stime.tv_usec / 1e6;
}

/*
 * Begin to look for the peak anew.  Where the kernel does not let its own
 * high-water mark be reset, an earlier TRAIN's peak is included.
 */
void
mlops_memory_reset(void)
{
	int			file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	if (file >= 0)
	{
		if (write(file, "5", 1) != 1)
			errno = 0;
		close(file);
	}
	__atomic_store_n(&peak_private, 0, __ATOMIC_RELAXED);
	mlops_memory_sample();
}

/*
 * Look how much private memory is used now.  Allocates nothing.
 */
void
mlops_memory_sample(void)
{
	MemoryStatus status;

	if (read_status(&status))
		raise_peak(status.anonymous * 1024);
}

/*
 * The most private memory since the reset: the highest sample, or the
 * kernel's high-water mark less what is not private, whichever is more.  The
 * latter is exact while the matrix stays mapped as it is.
 */
uint64_t
mlops_memory_peak(void)
{
	MemoryStatus status;

	if (read_status(&status))
	{
		raise_peak(status.anonymous * 1024);
		if (status.peak > status.file + status.shared)
			raise_peak((status.peak - status.file - status.shared) * 1024);
	}
	return __atomic_load_n(&peak_private, __ATOMIC_RELAXED);
}

/*
 * SIGTERM.
 */
static void
leave(int signal_number)
{
	_exit(0);
}

/*
 * Read /proc/self/status without stdio, which would allocate.
 */
static bool
read_status(MemoryStatus *status)
{
	char		text[4096];
	ssize_t		size;
	int			file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	if (file < 0)
		return false;
	size = read(file, text, sizeof(text) - 1);
	close(file);
	if (size <= 0)
		return false;
	text[size] = '\0';
	status->peak = status_line(text, "\nVmHWM:");
	status->anonymous = status_line(text, "\nRssAnon:");
	status->file = status_line(text, "\nRssFile:");
	status->shared = status_line(text, "\nRssShmem:");
	status->data = status_line(text, "\nVmData:");
	return true;
}

/*
 * The number behind a name, 0 if it is not there.
 */
static uint64_t
status_line(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at != NULL ? strtoull(at + strlen(name), NULL, 10) : 0;
}

/*
 * Keep the larger one; called by two threads.
 */
static void
raise_peak(uint64_t bytes)
{
	uint64_t	known = __atomic_load_n(&peak_private, __ATOMIC_RELAXED);

	while (bytes > known &&
		   !__atomic_compare_exchange_n(&peak_private, &known, bytes, false,
										__ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}
