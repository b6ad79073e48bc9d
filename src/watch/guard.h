/*
 * guard.h
 *		Was the last promotion a mistake?
 */
#ifndef MLOPS_GUARD_H
#define MLOPS_GUARD_H

#include "watch/loop.h"

/*
 * Hold the champion, if it is what was promoted last, against the version
 * before it, on the rows with labels since then, and roll back if it is worse
 * beyond doubt: then true, and the decision is filled in, with the version
 * taken back as its challenger and the one that serves again as its champion.
 * The loop is bound.
 */
extern bool mlops_guard_run(const MlopsLoop *loop, MlopsDecision *decision);

#endif							/* MLOPS_GUARD_H */
