#include "app/output_files.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "bafa/error.h"

namespace bafa::app {
namespace fs = std::filesystem;

image::Format format_of(const std::string& output) {
  if (output.empty() || output == kStandardOutput) return image::Format::png;
  std::string ending = fs::path(output).extension().string();
  std::ranges::transform(ending, ending.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto format = ending.empty() ? std::nullopt : image::parse_format(ending.substr(1));
  if (!format) {
    throw Error(ErrorCode::invalid_value, "-o takes a name that ends in .png, .jpg, .jpeg or .webp",
                "-o");
  }
  return *format;
}

fs::path output_file(const std::string& output, const PictureNumber& picture) {
  if (output.empty()) {
    return "bafa-" + std::to_string(picture.first_seed + picture.index) + ".png";
  }
  const fs::path file(output);
  if (picture.count == 1) return file;
  const std::string last = std::to_string(picture.count - 1);
  std::string number = std::to_string(picture.index);
  number.insert(0, last.size() - number.size(), '0');
  return file.parent_path() / (file.stem().string() + "-" + number + file.extension().string());
}

}  // namespace bafa::app
