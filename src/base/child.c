/*
 * child.c
 *		A child process of a backend, that never outlives it.
 *
 * Children are kept in a static list, because a FATAL error skips every
 * PG_CATCH: the backend's exit goes through the list.  A child is killed and
 * reaped, in that order and by nobody else, on the first of: its owner ends
 * it, its memory context is reset, its (sub)transaction aborts, the backend
 * exits.  Reaping matters more than usual: where the postmaster is PID 1 it
 * inherits what a backend leaves, and takes an unknown child that died of a
 * signal for a crash of the server.
 *
 * Nothing of the backend's environment reaches the child, for the dynamic
 * linker and the OpenMP library read theirs before main().
 */
#include "postgres.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "access/xact.h"
#include "base/child.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/ipc.h"

#define MAX_CHILD_FDS	4

struct MlopsChild
{
	dlist_node	node;			/* in children, while pid is not 0 */
	pid_t		pid;			/* 0 once reaped */
	int			status;			/* as waitpid() gave it */
	SubTransactionId subxact;	/* that aborts it */
	MemoryContextCallback callback;
};

static dlist_head children = DLIST_STATIC_INIT(children);

static void register_callbacks(void);
static void duplicate_fds(const int *fds, int n_fds, int *copies);
static int	spawn(const char *path, const char *name, const int *copies,
				  int n_fds, pid_t *pid);
static bool reap(MlopsChild *child, int options);
static void kill_and_reap(MlopsChild *child);
static char *describe_status(int status);
static void child_context_callback(void *arg);
static void child_exit_callback(int code, Datum arg);
static void child_xact_callback(XactEvent event, void *arg);
static void child_subxact_callback(SubXactEvent event,
								   SubTransactionId subxact,
								   SubTransactionId parent, void *arg);

MlopsChild *
mlops_child_start(const char *program, const int *fds, int n_fds)
{
	MlopsChild *child = palloc0(sizeof(MlopsChild));
	char	   *path = psprintf("%s/%s", pkglib_path, program);
	int			copies[MAX_CHILD_FDS] = {-1, -1, -1, -1};
	int			error;

	if (n_fds > MAX_CHILD_FDS)
		elog(ERROR, "too many descriptors for a child process: %d", n_fds);

	/* register first, so that nothing can fail once it runs */
	register_callbacks();
	child->subxact = GetCurrentSubTransactionId();
	child->callback.func = child_context_callback;
	child->callback.arg = child;
	MemoryContextRegisterResetCallback(CurrentMemoryContext,
									   &child->callback);

	duplicate_fds(fds, n_fds, copies);
	error = spawn(path, program, copies, n_fds, &child->pid);
	for (int i = 0; i < n_fds; i++)
	{
		close(copies[i]);
		ReleaseExternalFD();
	}
	if (error != 0)
	{
		child->pid = 0;
		errno = error;
		ereport(ERROR,
				(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
				 errmsg("could not start program \"%s\": %m", path),
				 errhint("Reinstall the extension's files with \"make install\".")));
	}
	dlist_push_tail(&children, &child->node);
	pfree(path);
	return child;
}

int
mlops_child_pid(const MlopsChild *child)
{
	return child->pid;
}

char *
mlops_child_end(MlopsChild *child, int grace_ms)
{
	for (int waited = 0; child->pid != 0 && waited < grace_ms; waited++)
	{
		if (!reap(child, WNOHANG))
			pg_usleep(1000L);
	}
	kill_and_reap(child);
	return describe_status(child->status);
}

/*
 * Have this backend's exits and aborts end the children; once.
 */
static void
register_callbacks(void)
{
	static bool registered = false;

	if (registered)
		return;
	before_shmem_exit(child_exit_callback, (Datum) 0);
	RegisterXactCallback(child_xact_callback, NULL);
	RegisterSubXactCallback(child_subxact_callback, NULL);
	registered = true;
}

/*
 * Copies of fds above the numbers that the child gets, so that putting one
 * in its place cannot overwrite the next.  The caller closes and releases
 * them.  Errors: no descriptor left.
 */
static void
duplicate_fds(const int *fds, int n_fds, int *copies)
{
	for (int i = 0; i < n_fds; i++)
	{
		int			save_errno;

		copies[i] = -1;
		if (AcquireExternalFD())
		{
			copies[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3 + MAX_CHILD_FDS);
			if (copies[i] >= 0)
				continue;
			ReleaseExternalFD();
		}
		save_errno = errno;
		while (--i >= 0)
		{
			close(copies[i]);
			ReleaseExternalFD();
		}
		errno = save_errno;
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("could not pass a descriptor to a child process: %m")));
	}
}

/*
 * Start path as a process group of its own, all signals blocked and at their
 * defaults (it unblocks them when it is ready for them), with copies[i] as
 * descriptor 3 + i.  Returns 0, or an errno.
 */
static int
spawn(const char *path, const char *name, const int *copies, int n_fds,
	  pid_t *pid)
{
	/* fixed, for a backend's environment is not the extension's to trust */
	static char *const environment[] = {
		"LC_ALL=C",
		"TZ=UTC",
		"OMP_WAIT_POLICY=passive",
		"OMP_DYNAMIC=false",
		"OMP_PROC_BIND=false",
		"OMP_STACKSIZE=2M",
		NULL
	};
	char	   *const arguments[] = {(char *) name, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t	all;
	int			error;

	if ((error = posix_spawn_file_actions_init(&actions)) != 0)
		return error;
	if ((error = posix_spawnattr_init(&attributes)) != 0)
	{
		posix_spawn_file_actions_destroy(&actions);
		return error;
	}

	error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null",
											 O_RDWR, 0);
	for (int i = 1; i <= 2 && error == 0; i++)
		error = posix_spawn_file_actions_adddup2(&actions, 0, i);
	for (int i = 0; i < n_fds && error == 0; i++)
		error = posix_spawn_file_actions_adddup2(&actions, copies[i], 3 + i);
	if (error == 0)
		error = posix_spawn_file_actions_addclosefrom_np(&actions, 3 + n_fds);

	sigfillset(&all);
	posix_spawnattr_setsigmask(&attributes, &all);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK |
							 POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	if (error == 0)
		error = posix_spawn(pid, path, &actions, &attributes, arguments,
							environment);

	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

/*
 * Take the child's status if it has ended (or, without WNOHANG, when it
 * does).  Returns whether it is reaped now.
 */
static bool
reap(MlopsChild *child, int options)
{
	pid_t		result;

	do
	{
		result = waitpid(child->pid, &child->status, options);
	} while (result < 0 && errno == EINTR);

	if (result == 0)
		return false;
	/* ECHILD would mean that somebody else has reaped it: gone as well */
	if (result < 0)
		child->status = 0;
	child->pid = 0;
	dlist_delete(&child->node);
	return true;
}

/*
 * End the child if it runs.  Does not err: used on the way out.
 */
static void
kill_and_reap(MlopsChild *child)
{
	if (child->pid == 0 || reap(child, WNOHANG))
		return;
	kill(child->pid, SIGKILL);
	(void) reap(child, 0);
}

/*
 * How a process ended, in words; palloc'd.
 */
static char *
describe_status(int status)
{
	if (WIFSIGNALED(status))
		return psprintf("was terminated by signal %d: %s", WTERMSIG(status),
						pg_strsignal(WTERMSIG(status)));
	return psprintf("exited with exit code %d", WEXITSTATUS(status));
}

/*
 * The child's memory goes: end it.
 */
static void
child_context_callback(void *arg)
{
	kill_and_reap((MlopsChild *) arg);
}

/*
 * The backend exits: end all children.
 */
static void
child_exit_callback(int code, Datum arg)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &children)
		kill_and_reap(dlist_container(MlopsChild, node, iter.cur));
}

/*
 * The transaction ends in an error: end all children.
 */
static void
child_xact_callback(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_PARALLEL_ABORT)
		child_exit_callback(0, (Datum) 0);
}

/*
 * A subtransaction ends: by an error, end its children; else they are its
 * parent's now.
 */
static void
child_subxact_callback(SubXactEvent event, SubTransactionId subxact,
					   SubTransactionId parent, void *arg)
{
	dlist_mutable_iter iter;

	if (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB)
		return;
	dlist_foreach_modify(iter, &children)
	{
		MlopsChild *child = dlist_container(MlopsChild, node, iter.cur);

		if (child->subxact != subxact)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			child->subxact = parent;
		else
			kill_and_reap(child);
	}
}
