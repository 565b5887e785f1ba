// One line on a terminal that shows how far the painting is; nothing at all in a pipe or a file.
// Used by main's thread.
#pragma once

#include <string>

namespace bafa::app {

class ProgressBar {
 public:
  // `descriptor`: where it is drawn, usually 2.
  ProgressBar(int descriptor, int steps);
  ~ProgressBar();  // clear()
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void advance(int steps_done);
  void clear();  // makes room for a line of text; the next advance() draws again

 private:
  void write(const std::string& text) const;

  const int descriptor_;
  const int steps_;
  const bool visible_;
};

// "[#####---------]  3/8", as the bar is drawn.
std::string drawn_bar(int steps_done, int steps);

}  // namespace bafa::app
