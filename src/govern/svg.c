/*
 * svg.c
 *		Elements of SVG, written as text.
 *
 * The style sheet stands in each chart, with its selectors below the class
 * of the root element, so that charts can stand inline in one page, together
 * with others and with that page's own rules.  Colours come from classes,
 * not from variables, which not every program knows that shows SVG.  The
 * paper is drawn, so ink that suits a dark screen is never on white.
 */
#include "postgres.h"

#include <math.h>

#include "govern/svg.h"
#include "mb/pg_wchar.h"

/* The width of an ellipsis in units of the font size. */
#define ELLIPSIS_WIDTH	1.0

/* Tooltips are cut after so many bytes. */
#define MAX_TOOLTIP		1000

/*
 * Colours of series: Okabe and Ito's, which people with any colour vision
 * tell apart, as dark as white paper and as light as dark paper needs.
 */
static const char *const style_sheet =
	".mlops-chart{font-family:system-ui,-apple-system,'Segoe UI',Roboto,"
	"'Helvetica Neue',Arial,'DejaVu Sans',sans-serif}\n"
	".mlops-chart text{fill:#57606a;stroke:none}\n"
	".mlops-chart .title{fill:#1f2328;font-weight:600}\n"
	".mlops-chart .strong{fill:#1f2328}\n"
	".mlops-chart .value{fill:#1f2328;stroke:#fff;stroke-width:4;"
	"stroke-linejoin:round;paint-order:stroke}\n"
	".mlops-chart .on{fill:#fff}\n"
	".mlops-chart .paper{fill:#fff}\n"
	".mlops-chart .grid{stroke:#e4e7eb}\n"
	".mlops-chart .axis{stroke:#8c959f}\n"
	".mlops-chart .line{fill:none;stroke:currentColor;stroke-width:2;"
	"stroke-linejoin:round;stroke-linecap:round}\n"
	".mlops-chart .thin{stroke-width:1.25}\n"
	".mlops-chart .dash{stroke-dasharray:5 5;stroke-width:1.5}\n"
	".mlops-chart .fill{fill:currentColor;stroke:none}\n"
	".mlops-chart .band{fill:currentColor;fill-opacity:.18;stroke:none}\n"
	".mlops-chart .c0{color:#8c959f}.mlops-chart .c1{color:#0072b2}"
	".mlops-chart .c2{color:#d55e00}.mlops-chart .c3{color:#009e73}\n"
	".mlops-chart .c4{color:#c2619a}.mlops-chart .c5{color:#b07a00}"
	".mlops-chart .c6{color:#5b3a8c}\n"
	".mlops-chart .c7{color:#4d4d4d}.mlops-chart .c8{color:#3b9bd1}\n"
	"@media (prefers-color-scheme:dark){\n"
	".mlops-chart text{fill:#a9b1ba}\n"
	".mlops-chart .title,.mlops-chart .strong{fill:#f0f3f6}\n"
	".mlops-chart .value{fill:#f0f3f6;stroke:#16191d}\n"
	".mlops-chart .on{fill:#101418}\n"
	".mlops-chart .paper{fill:#16191d}\n"
	".mlops-chart .grid{stroke:#2b3036}\n"
	".mlops-chart .axis{stroke:#767f89}\n"
	".mlops-chart .c0{color:#848d97}.mlops-chart .c1{color:#56b4e9}"
	".mlops-chart .c2{color:#ff9147}.mlops-chart .c3{color:#2ec4a0}\n"
	".mlops-chart .c4{color:#e79bc4}.mlops-chart .c5{color:#e6c229}"
	".mlops-chart .c6{color:#b79ced}\n"
	".mlops-chart .c7{color:#c8cdd3}.mlops-chart .c8{color:#9fd3f2}\n"
	"}\n";

/* Widths of the characters from blank to ~ in DejaVu Sans, in 1/100. */
static const unsigned char ascii_width[95] = {
	32, 41, 46, 84, 64, 96, 78, 28, 40, 40, 50, 84,
	32, 37, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 34, 34, 84, 84, 84, 54, 100, 69, 69, 70,
	77, 64, 58, 78, 76, 30, 30, 66, 56, 87, 75, 79,
	61, 79, 70, 64, 62, 74, 69, 99, 69, 62, 69, 40,
	34, 40, 84, 50, 50, 62, 64, 55, 64, 62, 36, 64,
	64, 28, 28, 58, 28, 98, 64, 62, 64, 64, 42, 53,
	40, 64, 60, 82, 60, 60, 53, 64, 34, 64, 84
};

static bool is_shown(const char *character, int length);
static double character_width(const char *character);
static int	fitting_length(const char *text, double room);

/* See svg.h. */
void
mlops_svg_number(StringInfo out, double value)
{
	char		text[40];
	char	   *end;

	/* no chart is that large; what is not finite is no coordinate */
	if (!(fabs(value) < 1e9))
		value = 0;
	snprintf(text, sizeof(text), "%.2f", value);
	end = text + strlen(text);
	while (end[-1] == '0')
		end--;
	if (end[-1] == '.')
		end--;
	*end = '\0';
	appendStringInfoString(out, strcmp(text, "-0") == 0 ? "0" : text);
}

/* See svg.h. */
void
mlops_svg_attribute(StringInfo out, const char *name, double value)
{
	appendStringInfo(out, " %s=\"", name);
	mlops_svg_number(out, value);
	appendStringInfoChar(out, '"');
}

/* See svg.h. */
void
mlops_svg_escape(StringInfo out, const char *text, int limit)
{
	const char *p = text;

	while (*p != '\0')
	{
		int			length = pg_mblen(p);

		if (limit > 0 && p + length - text > limit)
			break;
		if (*p == '\t' || *p == '\n' || *p == '\r')
			appendStringInfoChar(out, ' ');
		else if (!is_shown(p, length))
			;
		else if (*p == '<')
			appendStringInfoString(out, "&lt;");
		else if (*p == '>')
			appendStringInfoString(out, "&gt;");
		else if (*p == '&')
			appendStringInfoString(out, "&amp;");
		else if (*p == '"')
			appendStringInfoString(out, "&quot;");
		else if (*p == '\'')
			appendStringInfoString(out, "&#39;");
		else
			appendBinaryStringInfo(out, p, length);
		p += length;
	}
}

/* See svg.h. */
double
mlops_svg_width(const char *text, double size)
{
	double		width = 0;

	for (const char *p = text; *p != '\0'; p += pg_mblen(p))
		width += character_width(p);
	return width * size;
}

/* See svg.h. */
void
mlops_svg_text(StringInfo out, const MlopsText *how, const char *text)
{
	static const char *const anchors[] = {"start", "middle", "end"};
	double		size = how->bold ? how->size * 1.12 : how->size;
	bool		cut = how->room > 0 &&
		mlops_svg_width(text, size) > how->room + 0.01;

	appendStringInfo(out, "<text class=\"%s\"", how->class);
	mlops_svg_attribute(out, "font-size", how->size);
	if (how->anchor != MLOPS_START)
		appendStringInfo(out, " text-anchor=\"%s\"", anchors[how->anchor]);
	if (how->upright)
	{
		appendStringInfoString(out, " transform=\"translate(");
		mlops_svg_number(out, how->x);
		appendStringInfoChar(out, ' ');
		mlops_svg_number(out, how->y);
		appendStringInfoString(out, ") rotate(-90)\"");
	}
	else
	{
		mlops_svg_attribute(out, "x", how->x);
		mlops_svg_attribute(out, "y", how->y);
	}
	appendStringInfoChar(out, '>');
	if (cut)
	{
		int			length = fitting_length(text, how->room / size);

		if (length > 0)
			mlops_svg_escape(out, text, length);
		appendStringInfoString(out, "&#8230;<title>");
		mlops_svg_escape(out, text, MAX_TOOLTIP);
		appendStringInfoString(out, "</title>");
	}
	else
		mlops_svg_escape(out, text, 0);
	appendStringInfoString(out, "</text>\n");
}

/* See svg.h. */
void
mlops_svg_line(StringInfo out, const char *class,
			   double x1, double y1, double x2, double y2)
{
	appendStringInfo(out, "<line class=\"%s\"", class);
	mlops_svg_attribute(out, "x1", x1);
	mlops_svg_attribute(out, "y1", y1);
	mlops_svg_attribute(out, "x2", x2);
	mlops_svg_attribute(out, "y2", y2);
	appendStringInfoString(out, "/>\n");
}

/* See svg.h. */
void
mlops_svg_begin(StringInfo out, double width, double height,
				const char *title, const char *description)
{
	appendStringInfoString(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" "
						   "class=\"mlops-chart\" role=\"img\" "
						   "aria-label=\"");
	mlops_svg_escape(out, title, MAX_TOOLTIP);
	appendStringInfoString(out, "\" viewBox=\"0 0 ");
	mlops_svg_number(out, width);
	appendStringInfoChar(out, ' ');
	mlops_svg_number(out, height);
	appendStringInfoChar(out, '"');
	mlops_svg_attribute(out, "width", width);
	mlops_svg_attribute(out, "height", height);
	appendStringInfoString(out, " style=\"max-width:100%;height:auto\">\n"
						   "<title>");
	mlops_svg_escape(out, title, MAX_TOOLTIP);
	appendStringInfoString(out, "</title>\n<desc>");
	mlops_svg_escape(out, description, MAX_TOOLTIP);
	appendStringInfo(out, "</desc>\n<style>\n%s</style>\n"
					 "<rect class=\"paper\" width=\"100%%\" height=\"100%%\"/>\n",
					 style_sheet);
}

/* See svg.h. */
void
mlops_svg_end(StringInfo out)
{
	appendStringInfoString(out, "</svg>\n");
}

/*
 * Whether a character may stand in XML and is to be seen: no control
 * characters, and none that turn the direction of what follows.
 */
static bool
is_shown(const char *character, int length)
{
	unsigned char first = (unsigned char) *character;
	uint32		code;

	if (length == 1)
		return first >= 0x20 && first != 0x7F;
	if (GetDatabaseEncoding() != PG_UTF8)
		return true;
	code = utf8_to_unicode((const unsigned char *) character);
	return !((code >= 0x80 && code <= 0x9F) ||
			 (code >= 0x202A && code <= 0x202E) ||
			 (code >= 0x2066 && code <= 0x2069) ||
			 code == 0xFFFE || code == 0xFFFF);
}

/* The width of the first character in units of the font size. */
static double
character_width(const char *character)
{
	unsigned char first = (unsigned char) *character;
	int			cells;

	if (first >= 0x20 && first < 0x7F)
		return ascii_width[first - 0x20] / 100.0;
	if (first < 0x80)
		return 0.32;
	cells = pg_dsplen(character);
	return cells >= 2 ? 1.4 : cells == 1 ? 0.85 : 0.1;
}

/* How many bytes of the text fit before an ellipsis, in font sizes. */
static int
fitting_length(const char *text, double room)
{
	double		width = ELLIPSIS_WIDTH;
	const char *p = text;

	while (*p != '\0')
	{
		width += character_width(p);
		if (width > room)
			break;
		p += pg_mblen(p);
	}
	/* no blank before the ellipsis */
	while (p > text && p[-1] == ' ')
		p--;
	return (int) (p - text);
}
