#include "app/model_path.h"

#include <algorithm>
#include <set>
#include <system_error>

#include "bafa/error.h"

namespace bafa::app {
namespace fs = std::filesystem;

std::vector<fs::path> model_roots() {
  std::error_code ignored;  // without /proc the other roots remain
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  std::vector<fs::path> roots;
  for (const fs::path& root :
       {fs::current_path(), program.parent_path().parent_path() / "share" / "bafa",
        fs::path(BAFA_SOURCE_FOLDER)}) {
    if (std::ranges::find(roots, root) == roots.end()) roots.push_back(root);
  }
  return roots;
}

fs::path find_model(const fs::path& path, const std::vector<fs::path>& roots) {
  if (path.is_absolute()) return path;
  std::string looked;
  for (const fs::path& root : roots) {
    const fs::path candidate = root / path;
    if (fs::is_directory(candidate)) return candidate;
    looked += "\n  " + candidate.string();
  }
  throw Error(ErrorCode::invalid_model,
              "there is no model folder " + path.string() + "; looked for" + looked, path.string());
}

std::vector<fs::path> shipped_models(const std::vector<fs::path>& roots) {
  std::set<fs::path> found;
  for (const fs::path& root : roots) {
    std::error_code absent;
    for (const auto& entry : fs::directory_iterator(root / "models", absent)) {
      if (fs::exists(entry.path() / "model_index.json")) found.insert(fs::canonical(entry.path()));
    }
  }
  return {found.begin(), found.end()};
}

}  // namespace bafa::app
