/*
 * child.h
 *		A child process of a backend, that never outlives it.
 *
 * The child gets a process group of its own, a fixed environment, /dev/null
 * as its standard streams, and only the descriptors that it is given.
 * It is killed and reaped when its memory context is reset, when its
 * transaction ends in an error, and before the backend exits, FATAL included:
 * under a postmaster that is PID 1 an unreaped child that dies of a signal
 * would restart the cluster.
 */
#ifndef MLOPS_CHILD_H
#define MLOPS_CHILD_H

typedef struct MlopsChild MlopsChild;

/*
 * Start pkglibdir/<program> with fds[i] as its descriptor 3 + i.  The result
 * lives in the current memory context.  Errors: 38000 if it cannot start.
 */
extern MlopsChild *mlops_child_start(const char *program, const int *fds,
									 int n_fds);

/* Its process id, or 0 once reaped. */
extern int	mlops_child_pid(const MlopsChild *child);

/*
 * Kill it if it runs, reap it, and say in words how it ended, such as
 * "was terminated by signal 9: Killed"; palloc'd.  If it has ended by itself
 * within grace_ms, that is what is told.
 */
extern char *mlops_child_end(MlopsChild *child, int grace_ms);

#endif							/* MLOPS_CHILD_H */
