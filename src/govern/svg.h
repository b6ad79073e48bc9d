/*
 * svg.h
 *		Elements of SVG, written as text.
 *
 * Whatever text comes from outside passes mlops_svg_escape(): all that is
 * markup is escaped, and what XML does not allow is left out.  Strings are in
 * the server's encoding; characters of our own beyond ASCII are written as
 * references, so the output fits every encoding.
 *
 * The width of a text is not known before it is drawn, so it is estimated by
 * the widths of a wide font: what fits by this estimate fits in practice.
 */
#ifndef MLOPS_SVG_H
#define MLOPS_SVG_H

#include "lib/stringinfo.h"

typedef enum MlopsAnchor
{
	MLOPS_START,
	MLOPS_MIDDLE,
	MLOPS_END
} MlopsAnchor;

/* A text element: where its baseline is anchored, and how much room it has. */
typedef struct MlopsText
{
	const char *class;			/* of the style sheet, without its prefix */
	double		size;			/* of the font */
	double		x;
	double		y;
	MlopsAnchor anchor;
	double		room;			/* longer ones are cut; 0: none is */
	bool		bold;
	bool		upright;		/* reads from below to above */
} MlopsText;

/* A coordinate: at most two decimals, no exponent. */
extern void mlops_svg_number(StringInfo out, double value);

/* name="value" with a blank before it. */
extern void mlops_svg_attribute(StringInfo out, const char *name,
								double value);

/* The text as character data, at most `limit` bytes of it (0: all). */
extern void mlops_svg_escape(StringInfo out, const char *text, int limit);

/* An upper bound of the width of a text with this font size. */
extern double mlops_svg_width(const char *text, double size);

/*
 * A text element.  One that has no room is cut at a character and ends in an
 * ellipsis, with the whole as its tooltip.
 */
extern void mlops_svg_text(StringInfo out, const MlopsText *how,
						   const char *text);

/* A line of that class from one point to another. */
extern void mlops_svg_line(StringInfo out, const char *class,
						   double x1, double y1, double x2, double y2);

/* The start of a root element with title, description and style sheet. */
extern void mlops_svg_begin(StringInfo out, double width, double height,
							const char *title, const char *description);

/* The end of the root element. */
extern void mlops_svg_end(StringInfo out);

#endif							/* MLOPS_SVG_H */
