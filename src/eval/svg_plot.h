// Line plots as one <svg> element: inside a page or, as it brings its name space along, a file of its own.
// Axes and text take the colour of the text around them (currentColor), so a page in light or dark fits.
#pragma once

#include <string>
#include <vector>

namespace glossa::eval {

struct Series {
  std::string name;
  std::vector<double> x;
  std::vector<double> y;  // as many as x; a value that is not finite, or not above 0 on a log axis, is a gap
  std::vector<double> low;  // with `high`: a shaded band around the line, as many as x; or both empty
  std::vector<double> high;
};

struct LinePlot {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<Series> series;
  bool log_x = false;
  bool log_y = false;
  bool y_from_zero = false;  // the y axis begins at 0 even when no value is near
  int width = 720;           // of the drawing; a page scales it to its own width
  int height = 340;
};

// Error kInvalidArgument when a series' columns differ in length. A plot without a value says "no values
// yet".
std::string svg(const LinePlot& plot);

// About `count` round numbers (1, 2 or 5 times a power of ten apart) that enclose low to high.
std::vector<double> nice_ticks(double low, double high, int count);

// Powers of ten that enclose low to high, both above 0; with 2 and 5 times them between when there are few.
std::vector<double> log_ticks(double low, double high);

}  // namespace glossa::eval
