// Where models lie: beside the user, in an installation, or in the checkout that the program was
// built from. So the default model is found from any working directory.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace bafa::app {

// The folders that a relative model path is looked for in, in order: the working directory,
// <program's folder>/../share/bafa, the source tree.
std::vector<std::filesystem::path> model_roots();

// An absolute path as it is; a relative one in the first root that has it. Throws
// Error{invalid_model} that lists where it was looked for.
std::filesystem::path find_model(const std::filesystem::path& path,
                                 const std::vector<std::filesystem::path>& roots);

// The folders with a model_index.json in `models` below the roots, sorted, each once.
std::vector<std::filesystem::path> shipped_models(const std::vector<std::filesystem::path>& roots);

}  // namespace bafa::app
