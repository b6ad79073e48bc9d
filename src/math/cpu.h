/*
 * cpu.h
 *		What the processor can.
 *
 * The compiler's own test asks the processor when the module is loaded, which
 * in a virtual machine takes as long as a hundred predictions; the C library
 * has asked it already, where it is one that tells.
 */
#ifndef MLOPS_CPU_H
#define MLOPS_CPU_H

#if defined(__x86_64__) && defined(__has_include)
#if __has_include(<sys/platform/x86.h>)
#include <sys/platform/x86.h>
#endif
#endif

/* MLOPS_CPU_HAS(AVX2, "avx2"): the library's name, and the compiler's. */
#ifdef CPU_FEATURE_ACTIVE

/*
 * Whether the processor and the system have a feature.  The library's own
 * macro shifts a one into the sign, which a sanitizer stops at.
 */
static inline int
mlops_cpu_active(unsigned feature)
{
	const struct cpuid_feature *leaf =
		__x86_get_cpuid_feature_leaf(feature / 128);

	return leaf->active_array[feature % 128 / 32] >> feature % 32 & 1;
}

#define MLOPS_CPU_HAS(feature, name) mlops_cpu_active(x86_cpu_##feature)
#else
#define MLOPS_CPU_HAS(feature, name) __builtin_cpu_supports(name)
#endif

#endif							/* MLOPS_CPU_H */
