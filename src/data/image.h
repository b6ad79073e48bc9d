/*
 * image.h
 *		A loaded version as one piece of memory without pointers.
 *
 * An image holds all that a predictor is made of: what mlops.version says,
 * the signature, and the checked forest, which is used where it lies.  It may
 * be copied, and lie at another address in each process.
 */
#ifndef MLOPS_IMAGE_H
#define MLOPS_IMAGE_H

#include "data/predictor.h"

/* Bytes that an image of the version takes. */
extern Size mlops_image_size(const MlopsPredictor *predictor);

/*
 * Write it to memory of that size, aligned to MLOPS_FOREST_ALIGN.  Throws
 * nothing.
 */
extern void mlops_image_write(const MlopsPredictor *predictor, void *image);

/*
 * A predictor in the current memory context, whose strings and forest are
 * those of the image: it must stay where it is for as long as the predictor
 * is used.  Nothing is checked, since only what was checked is written.
 */
extern MlopsPredictor *mlops_image_open(const void *image);

#endif							/* MLOPS_IMAGE_H */
