#include "eval/svg_plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/fail.h"
#include "eval/markup.h"

namespace glossa::eval {
namespace {

// Legible on white and on black.
constexpr std::array<const char*, 8> kColours = {"#3b82f6", "#f97316", "#10b981", "#a855f7",
                                                 "#ef4444", "#ca9a04", "#06b6d4", "#ec4899"};
constexpr double kLeft = 58;  // margins, px
constexpr double kRight = 18;
constexpr double kBottom = 46;
constexpr double kTitle = 26;  // height of the title, and of a line of the legend
constexpr double kLegendLine = 20;
constexpr double kLetter = 6.6;        // px, about the width of a letter of the legend
constexpr std::size_t kMostDots = 40;  // of a series: beyond them only the line is drawn

// 12000: "12k".
std::string tick_label(double value, double step) {
  const double size = std::max(std::abs(value), std::abs(step));
  if (size >= 1e6) return fmt::format("{:g}M", value / 1e6);
  if (size >= 1e4) return fmt::format("{:g}k", value / 1e3);
  if (size > 0 && size < 1e-4) return fmt::format("{:g}", value);
  const int decimals = step > 0 ? std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 8) : 0;
  const std::string label = fmt::format("{:.{}f}", value, decimals);
  return label == "-0" ? "0" : label;
}

class Axis {
 public:
  Axis(bool log, bool from_zero, int tick_count)
      : log_(log), from_zero_(from_zero), tick_count_(tick_count) {}

  bool takes(double value) const { return std::isfinite(value) && (!log_ || value > 0); }
  void see(double value) {
    if (!takes(value)) return;
    low_ = std::min(low_, value);
    high_ = std::max(high_, value);
  }
  bool is_empty() const { return low_ > high_; }

  // Called once all values are seen; pixels of the two ends.
  void place(double first_px, double last_px, bool tight) {
    if (from_zero_ && !log_) low_ = std::min(low_, 0.0);
    if (low_ == high_) {  // one value: room on both sides
      const double room = log_ ? low_ : std::max(std::abs(low_) * 0.1, 0.5);
      low_ -= log_ ? low_ / 2 : room;
      high_ += room;
    }
    ticks_ = log_ ? log_ticks(low_, high_) : nice_ticks(low_, high_, tick_count_);
    if (tight) {
      std::erase_if(ticks_, [&](double tick) {
        return tick < low_ * (1 - 1e-9) - 1e-12 || tick > high_ * (1 + 1e-9) + 1e-12;
      });
      if (ticks_.size() < 2) ticks_ = {low_, high_};
    } else {
      low_ = ticks_.front();
      high_ = ticks_.back();
    }
    first_px_ = first_px;
    last_px_ = last_px;
  }

  const std::vector<double>& ticks() const { return ticks_; }
  std::string label(double tick) const {
    if (log_) return tick_label(tick, tick);
    return tick_label(tick, ticks_.size() > 1 ? ticks_[1] - ticks_[0] : 0);
  }
  double px(double value) const {
    const double share = (scale(value) - scale(low_)) / (scale(high_) - scale(low_));
    return first_px_ + share * (last_px_ - first_px_);
  }

 private:
  double scale(double value) const { return log_ ? std::log10(value) : value; }

  bool log_;
  bool from_zero_;
  int tick_count_;
  double low_ = std::numeric_limits<double>::infinity();
  double high_ = -std::numeric_limits<double>::infinity();
  double first_px_ = 0;
  double last_px_ = 0;
  std::vector<double> ticks_;
};

class Drawing {
 public:
  explicit Drawing(const LinePlot& plot)
      : plot_(plot),
        x_(plot.log_x, false, plot.width / 90),
        y_(plot.log_y, plot.y_from_zero, plot.height / 60) {}

  std::string draw() {
    for (const Series& series : plot_.series) see(series);
    legend();
    const double top = kTitle + legend_height_ + 10;
    right_px_ = plot_.width - kRight;
    bottom_px_ = plot_.height - kBottom;
    top_px_ = std::min(top, bottom_px_ - 10);
    if (x_.is_empty() || y_.is_empty()) {
      text(plot_.width / 2.0, plot_.height / 2.0, "middle", "no values yet");
    } else {
      x_.place(kLeft, right_px_, /*tight=*/true);
      y_.place(bottom_px_, top_px_, /*tight=*/false);
      grid();
      for (std::size_t index = plot_.series.size(); index-- > 0;) {  // the first lies on top
        band(plot_.series[index], colour_of(index));
        line(plot_.series[index], colour_of(index), dash_of(index));
      }
    }
    labels();
    return fmt::format(
        R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" )"
        R"(font-family="system-ui, sans-serif" font-size="12" fill="currentColor"><title>{2}</title>{3}</svg>)",
        plot_.width, plot_.height, escape_markup(plot_.title), body_);
  }

 private:
  static const char* colour_of(std::size_t index) { return kColours[index % kColours.size()]; }
  // The second time round the colours, lines are dashed.
  static const char* dash_of(std::size_t index) {
    return index / kColours.size() % 2 == 1 ? " stroke-dasharray=\"6 5\"" : "";
  }

  void see(const Series& series) {
    if (series.x.size() != series.y.size() || series.low.size() != series.high.size() ||
        (!series.low.empty() && series.low.size() != series.x.size())) {
      fail_invalid_argument("plot {}: series {} has {} x, {} y, {} low, {} high (expected as many of each)",
                            plot_.title, series.name, series.x.size(), series.y.size(), series.low.size(),
                            series.high.size());
    }
    for (std::size_t at = 0; at < series.x.size(); ++at) {
      if (!x_.takes(series.x[at]) || !y_.takes(series.y[at])) continue;
      x_.see(series.x[at]);
      y_.see(series.y[at]);
      if (series.low.empty()) continue;
      y_.see(series.low[at]);
      y_.see(series.high[at]);
    }
  }

  void text(double x, double y, const char* anchor, const std::string& words, const char* more = "") {
    body_ += fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="{}"{}>{}</text>)", x, y, anchor, more,
                         escape_markup(words));
  }

  void legend() {
    if (plot_.series.size() < 2) return;
    double x = kLeft;
    double y = kTitle + kLegendLine - 6;
    for (std::size_t index = 0; index < plot_.series.size(); ++index) {
      const std::string& name = plot_.series[index].name;
      const double width = 34 + kLetter * static_cast<double>(name.size());
      if (x > kLeft && x + width > plot_.width - kRight) {
        x = kLeft;
        y += kLegendLine;
      }
      body_ += fmt::format(
          R"(<line x1="{0:.1f}" y1="{2:.1f}" x2="{1:.1f}" y2="{2:.1f}" stroke="{3}" stroke-width="3"{4}/>)",
          x, x + 15, y - 4, colour_of(index), dash_of(index));
      text(x + 20, y, "start", name);
      x += width;
    }
    legend_height_ = y - kTitle + 6;
  }

  void grid() {
    for (const double tick : y_.ticks()) {
      const double y = y_.px(tick);
      body_ += fmt::format(
          R"(<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="currentColor" stroke-opacity=".14"/>)",
          kLeft, y, right_px_, y);
      text(kLeft - 8, y + 4, "end", y_.label(tick), R"( opacity=".75")");
    }
    for (const double tick : x_.ticks()) {
      const double x = x_.px(tick);
      body_ += fmt::format(
          R"(<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="currentColor" stroke-opacity=".5"/>)",
          x, bottom_px_, x, bottom_px_ + 5);
      text(x, bottom_px_ + 18, "middle", x_.label(tick), R"( opacity=".75")");
    }
    body_ += fmt::format(
        R"(<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="currentColor" stroke-opacity=".5"/>)",
        kLeft, bottom_px_, right_px_, bottom_px_);
  }

  bool drawable(const Series& series, std::size_t at) const {
    return x_.takes(series.x[at]) && y_.takes(series.y[at]);
  }

  std::string point(double x, double y) const { return fmt::format("{:.1f},{:.1f}", x_.px(x), y_.px(y)); }

  void band(const Series& series, const char* colour) {
    if (series.low.empty()) return;
    std::string there;
    std::string back;
    for (std::size_t at = 0; at < series.x.size(); ++at) {
      if (!drawable(series, at) || !y_.takes(series.low[at]) || !y_.takes(series.high[at])) continue;
      there += point(series.x[at], series.high[at]) + " ";
      back = point(series.x[at], series.low[at]) + " " + back;
    }
    body_ += fmt::format(R"(<polygon points="{}{}" fill="{}" fill-opacity=".14"/>)", there, back, colour);
  }

  void line(const Series& series, const char* colour, const char* dash) {
    std::string path;
    bool open = false;
    for (std::size_t at = 0; at < series.x.size(); ++at) {
      if (!drawable(series, at)) {
        open = false;
        continue;
      }
      path += (open ? "L" : "M") + point(series.x[at], series.y[at]);
      open = true;
    }
    body_ +=
        fmt::format(R"(<path d="{}" fill="none" stroke="{}" stroke-width="2" stroke-linejoin="round"{}/>)",
                    path, colour, dash);
    if (series.x.size() > kMostDots) return;
    for (std::size_t at = 0; at < series.x.size(); ++at) {
      if (!drawable(series, at)) continue;
      body_ += fmt::format(
          R"(<circle cx="{:.1f}" cy="{:.1f}" r="3.5" fill="{}"><title>{}</title></circle>)",
          x_.px(series.x[at]), y_.px(series.y[at]), colour,
          escape_markup(fmt::format("{}: {:.6g}, {:.6g}", series.name, series.x[at], series.y[at])));
    }
  }

  void labels() {
    text(kLeft, 16, "start", plot_.title, R"( font-weight="600" font-size="13")");
    text((kLeft + right_px_) / 2, plot_.height - 8.0, "middle", plot_.x_label, R"( opacity=".75")");
    const double middle = (top_px_ + bottom_px_) / 2;
    text(14, middle, "middle", plot_.y_label,
         fmt::format(R"svg( opacity=".75" transform="rotate(-90 14 {:.1f})")svg", middle).c_str());
  }

  const LinePlot& plot_;
  Axis x_;
  Axis y_;
  std::string body_;
  double legend_height_ = 0;
  double right_px_ = 0;
  double bottom_px_ = 0;
  double top_px_ = 0;
};

}  // namespace

std::string svg(const LinePlot& plot) { return Drawing(plot).draw(); }

std::vector<double> nice_ticks(double low, double high, int count) {
  const double rough = (high - low) / std::max(count, 1);
  if (!(rough > 0) || !std::isfinite(rough)) return {low};
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough * (1 - 1e-9)) {
      step = factor * power;
      break;
    }
  }
  const auto first = static_cast<std::int64_t>(std::floor(low / step + 1e-9));
  const auto last = static_cast<std::int64_t>(std::ceil(high / step - 1e-9));
  std::vector<double> ticks;
  for (std::int64_t tick = first; tick <= last; ++tick) ticks.push_back(static_cast<double>(tick) * step);
  return ticks;
}

std::vector<double> log_ticks(double low, double high) {
  const auto first = static_cast<int>(std::floor(std::log10(low) + 1e-9));
  const auto last = static_cast<int>(std::ceil(std::log10(high) - 1e-9));
  const bool few = std::log10(high / low) <= 2;
  std::vector<double> ticks;
  for (int exponent = first; exponent <= last; ++exponent) {
    const double power = std::pow(10.0, exponent);
    ticks.push_back(power);
    if (few && exponent < last) ticks.insert(ticks.end(), {2 * power, 5 * power});
  }
  return ticks;
}

}  // namespace glossa::eval
