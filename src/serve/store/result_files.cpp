#include "serve/store/result_files.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <system_error>

#include "bafa/error.h"
#include "base/json.h"

namespace bafa::serve {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kVersion = 1;
constexpr std::int64_t kMaxSide = 1 << 20;
constexpr const char* kLockName = "lock";

std::string header_of(const JobResult& result) {
  Json images = Json::array();
  for (std::size_t i = 0; i < result.images.size(); ++i) {
    const Image& image = result.images[i];
    images.push_back(
        {{"width", image.width}, {"height", image.height}, {"index", result.indices.at(i)}});
  }
  return Json({{"version", kVersion}, {"images", std::move(images)}}).dump() + "\n";
}

[[noreturn]] void refuse(const fs::path& path) {
  throw Error(ErrorCode::io_error, path.string() + " is not a whole file of results",
              path.string());
}

// Takes the next picture off the front of `pixels`.
Image take_image(ObjectReader& size, std::string_view& pixels, const fs::path& path) {
  Image image;
  image.width = static_cast<int>(size.integer_in("width", 1, kMaxSide).value_or(0));
  image.height = static_cast<int>(size.integer_in("height", 1, kMaxSide).value_or(0));
  const std::size_t bytes = std::size_t{3} * static_cast<std::size_t>(image.width) *
                            static_cast<std::size_t>(image.height);
  if (bytes == 0 || bytes > pixels.size()) refuse(path);
  image.rgb.assign(pixels.begin(), pixels.begin() + static_cast<std::ptrdiff_t>(bytes));
  pixels.remove_prefix(bytes);
  return image;
}

std::shared_ptr<const JobResult> parse(std::string_view file, const fs::path& path) {
  const std::size_t line = file.find('\n');
  if (line == file.npos) refuse(path);
  const Json header =
      parse_json(file.substr(0, line), {.source = path.string(), .error = ErrorCode::io_error});
  ObjectReader reader(header, path.string(), ErrorCode::io_error);
  const Json* images = reader.any("images");
  if (reader.integer("version") != kVersion || !images || !images->is_array()) refuse(path);
  std::string_view pixels = file.substr(line + 1);
  auto result = std::make_shared<JobResult>();
  for (const Json& entry : *images) {
    ObjectReader size(entry, path.string(), ErrorCode::io_error);
    result->indices.push_back(static_cast<int>(size.integer_in("index", 0, kMaxSide).value_or(0)));
    result->images.push_back(take_image(size, pixels, path));
  }
  if (!pixels.empty()) refuse(path);
  return result;
}

}  // namespace

ResultFiles::ResultFiles(const fs::path& state_dir) : folder_(state_dir / "results") {
  make_private_folder(folder_);
  lock_ = std::make_unique<FileLock>(folder_ / kLockName);
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
    if (entry.path().filename() != kLockName) leftovers_.push_back(entry.path());
  }
}

std::uint64_t ResultFiles::write(const JobId& id, const JobResult& result) const {
  make_private_folder(folder_);  // an operator may have removed it
  std::string bytes = header_of(result);
  for (const Image& image : result.images) bytes.append(image.rgb.begin(), image.rgb.end());
  write_file(path_of(id), bytes, Readers::owner);
  return bytes.size();
}

std::shared_ptr<const JobResult> ResultFiles::read(const JobId& id) const {
  const fs::path path = path_of(id);
  std::error_code error;
  if (!fs::exists(path, error) && !error) return nullptr;
  return parse(read_file(path, std::numeric_limits<std::size_t>::max()), path);
}

void ResultFiles::remove(const fs::path& file) const {
  std::error_code error;
  fs::remove(file, error);
  if (!error) return;
  throw Error(ErrorCode::io_error, "cannot remove " + file.string() + ": " + error.message(),
              file.string());
}

fs::path ResultFiles::path_of(const JobId& id) const { return folder_ / (id + ".rgb"); }

}  // namespace bafa::serve
